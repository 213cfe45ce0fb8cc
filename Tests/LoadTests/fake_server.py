# SPDX-License-Identifier: Apache-2.0
"""A server of completions whose timing and refusals are known, by Python's own HTTP server."""

import contextlib
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer, ThreadingHTTPServer


class FakeServer:
    """What it accepts, how long it takes, and the bodies that it was sent."""

    def __init__(self, *, seconds_per_token=0.0, takes_ids=True, takes_extras=True, accepts=10**9):
        self.seconds_per_token = seconds_per_token
        self.takes_ids = takes_ids
        self.takes_extras = takes_extras
        self.accepts = accepts
        self.bodies = []
        self.url = ""

    def complaint(self, body):
        if not self.takes_ids and not isinstance(body["prompt"], str):
            return 400, "prompt must be a string"
        if not self.takes_extras and {"ignore_eos", "stream_options"} & body.keys():
            return 400, "unknown field"
        if len(self.bodies) > self.accepts:
            return 429, "busy"
        return None


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def do_GET(self):
        if self.path == "/v1/models":
            self.answer(200, {"data": [{"id": "fake"}]})
        else:
            self.answer(404, {"error": {"message": "no such route"}})

    def do_POST(self):
        fake = self.server.fake
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        fake.bodies.append(body)
        if complaint := fake.complaint(body):
            self.answer(complaint[0], {"error": {"message": complaint[1]}}, {"Retry-After": "2"})
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        count = body["max_tokens"]
        for place in range(count):
            time.sleep(fake.seconds_per_token)
            finish = "length" if place == count - 1 else None
            self.event({"choices": [{"index": 0, "text": "a", "finish_reason": finish}]})
        if fake.takes_extras:
            words = body["prompt"].split() if isinstance(body["prompt"], str) else body["prompt"]
            usage = {"prompt_tokens": 1 + 2 * len(words), "completion_tokens": count}
            self.event({"choices": [], "usage": usage})
        self.chunk(b"data: [DONE]\n\n")
        self.chunk(b"")

    def answer(self, status, body, headers=None):
        data = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(data)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def event(self, body):
        self.chunk(b"data: " + json.dumps(body).encode() + b"\n\n")

    def chunk(self, data):
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))


@contextlib.contextmanager
def running(fake, one_at_a_time=False):
    """Serve on a free port; one connection after another if asked for."""
    server = (HTTPServer if one_at_a_time else ThreadingHTTPServer)(("127.0.0.1", 0), Handler)
    server.socket.listen(512)
    server.fake = fake
    fake.url = f"http://127.0.0.1:{server.server_port}"
    server.handle_error = lambda *arguments: None  # Clients leave as they like.
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield fake
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
