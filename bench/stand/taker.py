"""Takes whatever is posted to it, in one of these moods, and prints its port: takes; slow (answers a second later); refuses (503);
closes (in the middle of the body); silent (reads, and never answers); away (nobody listens at the port); hole (the beginning of a connection is
not answered). GET is answered with a token of Google in any mood."""
import http.server
import json
import socket
import socketserver
import sys
import time

mood = sys.argv[1] if len(sys.argv) > 1 else "takes"


class Taker(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.answer(200, json.dumps({"access_token": "t", "expires_in": 3600, "token_type": "Bearer"}).encode())

    def do_POST(self):
        if mood == "closes":
            self.rfile.read(1)
            self.close_connection = True
            return
        self.rfile.read(int(self.headers["Content-Length"]))
        if mood == "silent":
            self.rfile.read(1)  # until the caller leaves
            self.close_connection = True
            return
        if mood == "slow":
            time.sleep(1)
        self.answer(503 if mood == "refuses" else 200, b"{}")

    def log_message(self, *_):
        pass


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request, client_address):
        """A caller that does not wait for the answer is what this is for."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


def held_port():
    """A port where nobody answers: with a queue that is full, or without one."""
    held = socket.socket()
    held.bind(("127.0.0.1", 0))
    if mood == "hole":
        held.listen(0)
        for _ in range(2):
            caller = socket.socket()
            caller.setblocking(False)
            caller.connect_ex(held.getsockname())
            callers.append(caller)
    callers.append(held)
    return held.getsockname()[1]


callers = []
if mood in ("away", "hole"):
    print("port", held_port(), flush=True)
    time.sleep(86400)
else:
    server = Server(("127.0.0.1", 0), Taker)
    print("port", server.server_port, flush=True)
    server.serve_forever()
