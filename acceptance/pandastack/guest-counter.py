"""Runs inside a sandbox and keeps everything in memory alone: a secret from its start, ticks of its own, and how often
it was asked. Whoever gets the secret out of a copy has the memory of the one it was copied from."""

import http.server
import json
import secrets
import sys
import threading
import time

state = {"secret": secrets.token_hex(8), "ticks": 0, "asked": 0}


class Counter(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        state["asked"] += 1
        body = json.dumps(state).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def tick():
    while True:
        time.sleep(0.02)
        state["ticks"] += 1


threading.Thread(target=tick, daemon=True).start()
http.server.ThreadingHTTPServer(("0.0.0.0", int(sys.argv[1])), Counter).serve_forever()
