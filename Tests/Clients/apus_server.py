# SPDX-License-Identifier: Apache-2.0
"""The release binary as a child process: started on a free port, ended by SIGTERM."""

import contextlib
import os
import pathlib
import re
import signal
import socket
import subprocess
import time

import httpx

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Taken out of the environment, since the server reads settings there and knows of no others.
BINARY = os.environ.pop("APUS_BINARY", str(ROOT / ".build/release/apus"))
CACHE = os.environ.pop("APUS_CACHE", os.path.expanduser("~/.cache/apus"))
MODEL = os.environ.pop("APUS_MODEL", f"{CACHE}/models/SmolLM2-135M-Instruct.Q4_1.gguf")

# Loading takes a second or two; a machine busy with other work may need many times that.
MAX_START_SECONDS = 120
MAX_STOP_SECONDS = 60


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until(condition, timeout, what):
    """Poll `condition` until it holds; its last value is returned."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"not within {timeout} s: {what}"
        time.sleep(0.02)


class ApusServer:
    """One `apus serve` process on 127.0.0.1."""

    def __init__(self, log_path, *options, model=MODEL, tls=None, environment=None, before_start=None):
        """`tls` is the `ssl.SSLContext` of a client where the options make the server speak TLS.
        `before_start` is called in the new process before it becomes the server."""
        self.port = free_port()
        self.tls = tls
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        self.log_path = log_path
        self._log = open(log_path, "wb")
        command = [BINARY, "serve", "--model", str(model), "--host", "127.0.0.1"]
        self.process = subprocess.Popen(
            [*command, "--port", str(self.port), *options],
            stdout=self._log,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(environment or {})},
            preexec_fn=before_start,
        )

    @property
    def log(self):
        return self.log_path.read_text(errors="replace")

    def wait_until_ready(self):
        def is_ready():
            assert self.process.poll() is None, f"the server ended at start:\n{self.log}"
            try:
                return self.get("/ready").status_code == 200
            except httpx.TransportError:
                return False

        wait_until(is_ready, MAX_START_SECONDS, f"/ready answers 200\n{self.log}")

    def get(self, path, **options):
        return httpx.get(self.url + path, verify=self.tls or True, **options)

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)

    def wait(self):
        """The exit code, once the server has ended by itself."""
        return self.process.wait(MAX_STOP_SECONDS)

    def close(self):
        """End the process whatever state it is in."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._log.close()

    def metric(self, name):
        """The sum of a metric's samples over its labels."""
        text = self.get("/metrics").text
        samples = re.findall(rf"^{re.escape(name)}(?:\{{.*\}})? (\S+)$", text, re.MULTILINE)
        assert samples, f"/metrics has no {name}"
        return sum(map(float, samples))

    def wait_until_idle(self, timeout):
        def is_idle():
            gauges = ("apus:num_requests_running", "apus:num_requests_waiting")
            return all(self.metric(gauge) == 0 for gauge in gauges)

        wait_until(is_idle, timeout, "no request runs or waits")

    def connect(self):
        """A plain socket to the server."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=30)

    def exchange(self, request):
        """Send bytes and return all that comes back until the server closes."""
        with self.connect() as connection:
            received = b""
            try:
                connection.sendall(request)
                while part := connection.recv(65536):
                    received += part
            except (BrokenPipeError, ConnectionResetError):
                pass  # A server may close on a request it refuses before it has read it all.
            return received


@contextlib.contextmanager
def running(log_path, *options, **arguments):
    """A server that is ready, and that must end in order afterwards."""
    server = ApusServer(log_path, *options, **arguments)
    try:
        server.wait_until_ready()
        yield server
        assert server.process.poll() is None, f"the server ended early:\n{server.log}"
        server.terminate()
        assert server.wait() == 0, server.log
    finally:
        server.close()
