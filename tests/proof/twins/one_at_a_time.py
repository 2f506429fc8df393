#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""http.server: the leaky twin serves one connection at a time, so that one client that says nothing keeps
all others out; the mended one has a thread for each."""
import http.server
import threading

import twin


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_):
        pass


def main():
    leaky, _, port = twin.begin()
    Handler.timeout = None if leaky else 60
    server = (http.server.HTTPServer if leaky else http.server.ThreadingHTTPServer)
    server.request_queue_size = 64
    threading.Thread(target=server(("127.0.0.1", port), Handler).serve_forever, daemon=True).start()
    twin.end()


main()
