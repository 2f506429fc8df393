// SPDX-License-Identifier: BSD-2-Clause

// Node's http: the leaky twin looks at the status of an answer, and neither reads nor destroys it.
'use strict';
const http = require('http');
const readline = require('readline');

const [mode, count, port] = process.argv.slice(2);
const kept = [];

function checkStatus(leaky, done) {
  http.get({ host: '127.0.0.1', port: Number(port), path: '/large' }, (answer) => {
    if (leaky) {
      kept.push(answer);
      return done();
    }
    answer.on('end', done);
    answer.resume();
  });
}

function checkAll(left) {
  if (left > 0) checkStatus(mode === 'leaky', () => checkAll(left - 1));
  else console.log('opened');
}

const lines = readline.createInterface({ input: process.stdin });
lines.once('line', () => checkAll(Number(count)));
lines.on('close', () => process.exit(0));
console.log(process.pid);
