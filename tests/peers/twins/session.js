// SPDX-License-Identifier: BSD-2-Clause

// Node: the leaky twin keeps its sockets when the answer has come. It resolves names itself, from a
// cache, so that connect() is called on the stack of who asked for the connection.
'use strict';
const net = require('net');
const readline = require('readline');

const [mode, count, port, wait] = process.argv.slice(2);
const kept = [];
const cached = (host, options, done) => done(null, '127.0.0.1', 4);

function openTill(leaky, done) {
  const socket = net.connect({
    host: 'till.internal', port: Number(port), lookup: cached, autoSelectFamily: false,
    allowHalfOpen: true,
  });
  socket.write('GET / HTTP/1.1\r\nHost: twin\r\n\r\n');
  socket.once('data', () => {
    if (leaky) kept.push(socket);
    else socket.destroy();
    done();
  });
}

function openAll(left) {
  if (left > 0) return openTill(mode === 'leaky', () => openAll(left - 1));
  if (wait) console.log('opened');
  else process.exit(0);
}

if (wait) {
  const lines = readline.createInterface({ input: process.stdin });
  lines.once('line', () => openAll(Number(count)));
  lines.on('close', () => process.exit(0));
  console.log(process.pid);
} else {
  openAll(Number(count));
}
