# SPDX-License-Identifier: Apache-2.0
"""HTTP/1.1 for a load generator: one request on a connection of its own.

Of what arrives only the frame is read at once; bodies are kept with the time of each piece and read later,
so that one client's bytes do not wait while another's are understood.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
import time
import urllib.parse
from dataclasses import dataclass, field

MAX_HEAD_BYTES = 1 << 16


class MalformedAnswer(Exception):
    """The server's bytes are not HTTP/1.1."""


class AnswerReader:
    """Reads the head and the framing of one answer, RFC 9112, cut anywhere."""

    def __init__(self) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.is_complete = False
        self._buffer = b""
        self._length: int | None = None
        """Bytes left of the body or of the chunk; without one the body goes on to the connection's end."""
        self._is_chunked = False
        self._in_trailer = False

    def feed(self, data: bytes) -> bytes:
        """Take bytes as they came; return those of the body.

        Raises MalformedAnswer.
        """
        if self.status == 0:
            self._buffer += data
            while self.status == 0 and b"\r\n\r\n" in self._buffer:
                self._read_head()
            if self.status == 0:
                if len(self._buffer) > MAX_HEAD_BYTES:
                    raise MalformedAnswer("the head does not end")
                return b""
            data, self._buffer = self._buffer, b""
        return self._dechunk(data) if self._is_chunked else self._take(data)

    def end(self) -> None:
        """The connection has ended: so has a body without a length."""
        if self.status and not self._is_chunked and self._length is None:
            self.is_complete = True

    def _read_head(self) -> None:
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        version, _, rest = first.partition(" ")
        code = rest[:3]
        if not version.startswith("HTTP/1.") or not (code.isascii() and code.isdigit()):
            raise MalformedAnswer(f"not a status line: {first[:60]!r}")
        if 100 <= int(code) < 200:
            return
        self.status = int(code)
        for line in lines:
            name, _, value = line.partition(":")
            self.headers[name.strip().lower()] = value.strip()
        self._is_chunked = "chunked" in self.headers.get("transfer-encoding", "").lower()
        length = self.headers.get("content-length")
        if self._is_chunked:
            self._length = 0
        elif length is not None:
            if not (length.isascii() and length.isdigit()):
                raise MalformedAnswer(f"not a length: {length[:60]!r}")
            self._length = int(length)
            self.is_complete = self._length == 0

    def _take(self, data: bytes) -> bytes:
        if self._length is None:
            return data
        body = data[: self._length]
        self._length -= len(body)
        self.is_complete = self._length == 0
        return body

    def _dechunk(self, data: bytes) -> bytes:
        buffer = self._buffer + data
        body = []
        while not self.is_complete:
            if self._length:
                # The chunk and the CRLF after it, which is not part of the body.
                taken = buffer[: self._length]
                buffer = buffer[len(taken) :]
                body.append(taken[: max(0, self._length - 2)])
                self._length -= len(taken)
                if self._length:
                    break
                continue
            line, ending, rest = buffer.partition(b"\r\n")
            if not ending:
                if len(buffer) > MAX_HEAD_BYTES:
                    raise MalformedAnswer("a chunk's size does not end")
                break
            buffer = rest
            if self._in_trailer:
                self.is_complete = not line
                continue
            try:
                size = int(line.partition(b";")[0], 16)
            except ValueError:
                raise MalformedAnswer(f"not a chunk's size: {line[:60]!r}") from None
            if size < 0:
                raise MalformedAnswer(f"not a chunk's size: {line[:60]!r}")
            self._in_trailer = size == 0
            self._length = size + 2 if size else 0
        self._buffer = buffer
        return b"".join(body)


@dataclass(slots=True)
class Answer:
    """What came back, with the times of `time.monotonic()`."""

    sent: float
    """When the request was begun: the connection is made after that."""
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    pieces: list[tuple[float, bytes]] = field(default_factory=list)
    ended: float = 0.0
    fault: str | None = None
    """Why there is no whole answer; nothing if there is."""

    @property
    def retry_after(self) -> float | None:
        """`Retry-After` in seconds; a date, its other form, is not read."""
        value = self.headers.get("retry-after", "")
        is_seconds = value.isascii() and value.isdigit() and len(value) <= 9
        return float(value) if is_seconds else None

    @property
    def body(self) -> bytes:
        return b"".join(piece for _, piece in self.pieces)


class Exchange(asyncio.Protocol):
    """One request and its answer. `done` holds the answer, `began` that its body has."""

    def __init__(self, request: bytes, sent: float) -> None:
        loop = asyncio.get_running_loop()
        self.answer = Answer(sent)
        self.began: asyncio.Future[None] = loop.create_future()
        self.done: asyncio.Future[Answer] = loop.create_future()
        self._request = request
        self._reader = AnswerReader()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        if self.done.done():
            transport.abort()
        else:
            transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        now = time.monotonic()
        try:
            body = self._reader.feed(data)
        except MalformedAnswer as defect:
            self.finish(str(defect), now)
            return
        if body:
            self.answer.pieces.append((now, body))
            if not self.began.done():
                self.began.set_result(None)
        if self._reader.is_complete:
            self.finish(None, now)

    def connection_lost(self, error: Exception | None) -> None:
        self._reader.end()
        self.finish(None if self._reader.is_complete else f"cut: {error or 'closed early'}")

    def finish(self, fault: str | None, now: float | None = None) -> None:
        """End the exchange, and the connection if it is there; the first reason counts."""
        if self.done.done():
            return
        answer = self.answer
        answer.fault = fault
        answer.ended = time.monotonic() if now is None else now
        answer.status, answer.headers = self._reader.status, self._reader.headers
        self.done.set_result(answer)
        if not self.began.done():
            self.began.set_result(None)
        if self._transport is not None:
            self._transport.abort()


class Target:
    """A server by its base URL, with or without the `/v1` that clients add."""

    def __init__(self, url: str, api_key: str | None = None) -> None:
        parts = urllib.parse.urlsplit(url if "://" in url else f"http://{url}")
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"not an http or https URL: {url}")
        if "@" in parts.netloc:
            raise ValueError("a URL with a password: use OPENAI_API_KEY")
        self.host = parts.hostname
        self.port = parts.port or (443 if parts.scheme == "https" else 80)
        self.prefix = parts.path.rstrip("/").removesuffix("/v1")
        self.url = f"{parts.scheme}://{parts.netloc}{self.prefix}"
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        self._address = self.host
        self._fields = f"Host: {parts.netloc}\r\nConnection: close\r\nUser-Agent: apus-loadtest\r\n"
        if api_key:
            self._fields += f"Authorization: Bearer {api_key}\r\n"

    async def resolve(self) -> None:
        """Look the name up once, so that no request waits for that."""
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
        self._address = found[0][4][0]

    @property
    def is_local(self) -> bool:
        """Whether the server listens on this machine's loopback."""
        return ipaddress.ip_address(self._address).is_loopback

    def request(self, method: str, path: str, body: bytes = b"") -> bytes:
        """The bytes of a request; `path` starts with a slash."""
        head = f"{method} {self.prefix}{path} HTTP/1.1\r\n{self._fields}"
        if body:
            head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        return head.encode() + b"\r\n" + body

    def start(self, request: bytes, timeout: float) -> Exchange:
        """Send a request; the exchange is done after `timeout` seconds at the latest."""
        loop = asyncio.get_running_loop()
        exchange = Exchange(request, time.monotonic())
        connecting = loop.create_task(self._connect(exchange))
        timer = loop.call_later(timeout, exchange.finish, "timed out")
        exchange.done.add_done_callback(lambda _: (timer.cancel(), connecting.cancel()))
        return exchange

    async def _connect(self, exchange: Exchange) -> None:
        loop = asyncio.get_running_loop()
        try:
            await loop.create_connection(
                lambda: exchange,
                self._address,
                self.port,
                ssl=self._tls,
                server_hostname=self.host if self._tls else None,
            )
        except OSError as error:
            exchange.finish(f"not connected: {error.strerror or error}")

    async def fetch(self, method: str, path: str, body: bytes = b"", timeout: float = 30) -> Answer:
        """The whole answer to one request."""
        return await self.start(self.request(method, path, body), timeout).done
