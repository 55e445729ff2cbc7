"""A server that holds connections of every kind while its sandbox is forked, and says what has become of them.

`/state` is all that it knows. `/stream` goes on until the caller is lost. A connection to itself and one to the sandbox's
name server, which is outside, are kept busy by threads.
"""

import http.server
import json
import secrets
import socket
import sys
import threading
import time

token = secrets.token_hex(16)  # of this process; a clone has it in memory too
inside = {"count": 0, "end": None}
outside = {"count": 0, "end": None}
streams = []

# A question for the address of "localhost", with its length before it.
question = b"\x00\x1b" + b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00" + b"\x09localhost\x00\x00\x01\x00\x01"


def until_lost(what, connect):
    try:
        turn = connect()
        while turn():
            what["count"] += 1
            time.sleep(0.5)
        what["end"] = "end of file"
    except OSError as error:
        what["end"] = type(error).__name__


def echo(listener):
    connection, _ = listener.accept()
    while data := connection.recv(64):
        connection.sendall(data)


def connect_inside():
    listener = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=echo, args=[listener], daemon=True).start()
    connection = socket.create_connection(listener.getsockname())

    def turn():
        connection.sendall(b"x")
        return connection.recv(64)

    return turn


def name_server():
    with open("/etc/resolv.conf", encoding="ascii") as file:
        return next(line.split()[1] for line in file if line.startswith("nameserver"))


def connect_outside():
    connection = socket.create_connection((name_server(), 53), 10)

    def turn():
        connection.sendall(question)
        head = connection.recv(2, socket.MSG_WAITALL)
        return head and connection.recv(int.from_bytes(head, "big"), socket.MSG_WAITALL)

    return turn


def own_address():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((name_server(), 53))
        return probe.getsockname()[0]


def text_of(path):
    with open(path, encoding="ascii") as file:
        return file.read().strip()


def state():
    return {
        "token": token,
        "hostname": socket.gethostname(),
        "machine_id": text_of("/etc/machine-id"),
        "boot_id": text_of("/proc/sys/kernel/random/boot_id"),
        "generation": text_of("/run/pandastack/generation"),
        "address": own_address(),
        "wall_ns": str(time.time_ns()),
        "inside": inside,
        "outside": outside,
        "streams": streams,
    }


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_GET(self):
        self.send_response(200)
        if self.path == "/stream":
            self.end_headers()
            stream = {"count": 0, "end": None}
            streams.append(stream)
            until_lost(stream, lambda: lambda: self.wfile.write(b"tick\n"))
            return
        body = json.dumps(state()).encode()
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


threading.Thread(target=until_lost, args=[inside, connect_inside], daemon=True).start()
threading.Thread(target=until_lost, args=[outside, connect_outside], daemon=True).start()
http.server.ThreadingHTTPServer(("", int(sys.argv[1])), Handler).serve_forever()
