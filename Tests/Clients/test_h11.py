# SPDX-License-Identifier: Apache-2.0
"""The same requests for the server and for h11: each is accepted or refused by both, or the reason is here.

After each case comes one request more. Where one side sees another number of requests than the other, a
proxy and the server could disagree about where a request ends, which is what smuggling needs. Some cases
are after those of llhttp's and nginx's test suites.
"""

import contextlib
import re
import socket

import h11
import pytest

LAST = b"GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
GET = b"GET /x HTTP/1.1\r\nHost: a\r\n"
POST = b"POST /x HTTP/1.1\r\nHost: a\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
LENGTH = POST + b"Content-Length: 5\r\n"


def line(text, host=b"Host: a\r\n"):
    return text + b"\r\n" + host + b"\r\n"


def field(text):
    return GET + text + b"\r\n\r\n"


def body(fields, content=b"hello"):
    return POST + fields + b"\r\n\r\n" + content


def chunks(content):
    return CHUNKED + content


CASES = {
    # Request lines
    "a plain request": line(b"GET /x HTTP/1.1"),
    "a query": line(b"GET /x?a=b&c=%20 HTTP/1.1"),
    "an absolute target": line(b"GET http://a/x HTTP/1.1"),
    "an absolute target with another host": line(b"GET http://b/x HTTP/1.1"),
    "HTTP/1.0": b"GET /x HTTP/1.0\r\n\r\n",
    "HTTP/1.0 with a host": line(b"GET /x HTTP/1.0"),
    "HTTP/1.0 that stays": b"GET /x HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    "an unknown method": line(b"BREW /x HTTP/1.1"),
    "a method of punctuation": line(b"!#$%&'*+-.^_`|~ /x HTTP/1.1"),
    "a method in lower case": line(b"get /x HTTP/1.1"),
    "a very long method": line(b"G" * 100 + b" /x HTTP/1.1"),
    "OPTIONS of the server": line(b"OPTIONS * HTTP/1.1"),
    "a star for GET": line(b"GET * HTTP/1.1"),
    "CONNECT": line(b"CONNECT a:443 HTTP/1.1"),
    "TRACE": line(b"TRACE /x HTTP/1.1"),
    "two blanks after the method": line(b"GET  /x HTTP/1.1"),
    "two blanks before the version": line(b"GET /x  HTTP/1.1"),
    "a tab for a blank": line(b"GET\t/x HTTP/1.1"),
    "a blank at the start": line(b" GET /x HTTP/1.1"),
    "a blank at the end": line(b"GET /x HTTP/1.1 "),
    "a blank in the target": line(b"GET /x y HTTP/1.1"),
    "no version": line(b"GET /x"),
    "no target": line(b"GET HTTP/1.1"),
    "HTTP/0.9": line(b"GET /x HTTP/0.9"),
    "HTTP/1.2": line(b"GET /x HTTP/1.2"),
    "HTTP/2.0": line(b"GET /x HTTP/2.0"),
    "HTTP/11": line(b"GET /x HTTP/11"),
    "HTTP/1.10": line(b"GET /x HTTP/1.10"),
    "a version in lower case": line(b"GET /x http/1.1"),
    "another protocol": line(b"GET /x ICE/1.0"),
    "a control byte in the target": line(b"GET /\x01 HTTP/1.1"),
    "a NUL in the target": line(b"GET /\0 HTTP/1.1"),
    "DEL in the target": line(b"GET /\x7f HTTP/1.1"),
    "UTF-8 in the target": line("GET /é HTTP/1.1".encode()),
    "a fragment in the target": line(b"GET /x#y HTTP/1.1"),
    "a target without a slash": line(b"GET x HTTP/1.1"),
    "another scheme": line(b"GET ftp://a/x HTTP/1.1"),
    "a user in the target": line(b"GET http://u@a/x HTTP/1.1"),
    "a line feed without CR": b"GET /x HTTP/1.1\nHost: a\n\n",
    "a CR without line feed": b"GET /x HTTP/1.1\rHost: a\r\r",
    "an empty line before": b"\r\n" + line(b"GET /x HTTP/1.1"),
    "two empty lines before": b"\r\n\r\n" + line(b"GET /x HTTP/1.1"),
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\xaa" * 40 + b"\r\n\r\n",
    "the preface of HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    # Hosts
    "no host": b"GET /x HTTP/1.1\r\n\r\n",
    "two hosts": line(b"GET /x HTTP/1.1", b"Host: a\r\nHost: a\r\n"),
    "two hosts in 1.0": line(b"GET /x HTTP/1.0", b"Host: a\r\nHost: b\r\n"),
    "an empty host": line(b"GET /x HTTP/1.1", b"Host:\r\n"),
    "a host with a port": line(b"GET /x HTTP/1.1", b"Host: a:80\r\n"),
    "an IPv6 host": line(b"GET /x HTTP/1.1", b"Host: [::1]:80\r\n"),
    "a host with a path": line(b"GET /x HTTP/1.1", b"Host: a/b\r\n"),
    "a list of hosts": line(b"GET /x HTTP/1.1", b"Host: a, b\r\n"),
    "a host with a user": line(b"GET /x HTTP/1.1", b"Host: u@a\r\n"),
    # Fields
    "a field": field(b"X: y"),
    "an empty field": field(b"X:"),
    "a field with blanks around": field(b"X: \t y \t"),
    "a field of punctuation": field(b"!#$%&'*+-.^_`|~: y"),
    "bytes above ASCII in a value": field(b"X: \xe9\xff"),
    "a tab in a value": field(b"X: a\tb"),
    "a blank before the colon": field(b"X : y"),
    "a tab before the colon": field(b"X\t: y"),
    "no colon": field(b"X"),
    "no name": field(b": y"),
    "a blank in a name": field(b"X Y: z"),
    "a byte above ASCII in a name": field(b"X\xe9: y"),
    "a NUL in a name": field(b"X\0: y"),
    "a NUL in a value": field(b"X: \0"),
    "a control byte in a value": field(b"X: a\x0bb"),
    "DEL in a value": field(b"X: a\x7fb"),
    "a CR in a value": field(b"X: a\rb"),
    "a line feed in a value": field(b"X: a\nY: b"),
    "a folded line": field(b"X: a\r\n b"),
    "a folded line with a tab": field(b"X: a\r\n\tb"),
    "a first field that is folded": b"GET /x HTTP/1.1\r\n Host: a\r\nHost: a\r\n\r\n",
    "Transfer-Encoding folded away": POST + b"X: y\r\n Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "127 fields more": GET + b"X: y\r\n" * 126 + b"\r\n",
    "a thousand fields": GET + b"X: y\r\n" * 1000 + b"\r\n",
    "a field of 40 kB": field(b"X: " + b"y" * 40_000),
    # Lengths
    "a length": body(b"Content-Length: 5"),
    "a length of 0": body(b"Content-Length: 0", b""),
    "a length with leading zeros": body(b"Content-Length: 005"),
    "a length for GET": field(b"Content-Length: 5") + b"hello",
    "a POST without a length": POST + b"\r\n",
    "two lengths, alike": body(b"Content-Length: 5\r\nContent-Length: 5"),
    "two lengths": body(b"Content-Length: 5\r\nContent-Length: 6"),
    "a list of lengths, alike": body(b"Content-Length: 5, 5"),
    "a list of lengths": body(b"Content-Length: 5, 6"),
    "an empty length": body(b"Content-Length:"),
    "a length with a sign": body(b"Content-Length: +5"),
    "a negative length": body(b"Content-Length: -5"),
    "a hexadecimal length": body(b"Content-Length: 0x5"),
    "a length with a point": body(b"Content-Length: 5.0"),
    "a length with an underscore": body(b"Content-Length: 0_5"),
    "a length in other digits": body("Content-Length: ٥".encode()),
    "a length with a blank inside": body(b"Content-Length: 5 5"),
    "a length of 20 digits": body(b"Content-Length: 10000000000000000000"),
    "a length of 30 digits": body(b"Content-Length: " + b"9" * 30),
    "a length above the limit": body(b"Content-Length: 99999999999"),
    "a length with a blank before the colon": body(b"Content-Length : 5"),
    "too long a body": body(b"Content-Length: 4"),
    # Transfer codings
    "chunked": chunks(b"5\r\nhello\r\n0\r\n\r\n"),
    "Chunked": body(b"Transfer-Encoding: Chunked", b"0\r\n\r\n"),
    "chunked with a blank before the colon": body(b"Transfer-Encoding : chunked", b"0\r\n\r\n"),
    "chunked and a length": body(b"Content-Length: 5\r\nTransfer-Encoding: chunked", b"0\r\n\r\n"),
    "chunked before a length": body(b"Transfer-Encoding: chunked\r\nContent-Length: 5", b"0\r\n\r\n"),
    "chunked in 1.0": b"POST /x HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunked twice": body(b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", b"0\r\n\r\n"),
    "a list of chunked": body(b"Transfer-Encoding: chunked, chunked", b"0\r\n\r\n"),
    "gzip before chunked": body(b"Transfer-Encoding: gzip, chunked", b"0\r\n\r\n"),
    "chunked before gzip": body(b"Transfer-Encoding: chunked, gzip", b"0\r\n\r\n"),
    "identity": body(b"Transfer-Encoding: identity", b""),
    "chunked with a Kelvin sign": body("Transfer-Encoding: chun\u212aed".encode(), b"0\r\n\r\n"),
    "xchunked": body(b"Transfer-Encoding: xchunked", b"0\r\n\r\n"),
    "chunked in quotes": body(b'Transfer-Encoding: "chunked"', b"0\r\n\r\n"),
    "chunked with a parameter": body(b"Transfer-Encoding: chunked;q=1", b"0\r\n\r\n"),
    "an empty coding": body(b"Transfer-Encoding:", b"0\r\n\r\n"),
    "a comma before chunked": body(b"Transfer-Encoding: , chunked", b"0\r\n\r\n"),
    "a vertical tab before chunked": body(b"Transfer-Encoding: \x0bchunked", b"0\r\n\r\n"),
    "a NUL after chunked": body(b"Transfer-Encoding: chunked\0", b"0\r\n\r\n"),
    # Chunks
    "several chunks": chunks(b"1\r\na\r\n00A\r\n0123456789\r\n0\r\n\r\n"),
    "an extension": chunks(b"5;a=b\r\nhello\r\n0;c\r\n\r\n"),
    "a quoted extension": chunks(b'5;a="b;c"\r\nhello\r\n0\r\n\r\n'),
    "a blank before an extension": chunks(b"5 ;a\r\nhello\r\n0\r\n\r\n"),
    "trailers": chunks(b"0\r\nX: y\r\nZ: \r\n\r\n"),
    "a trailer that says a length": chunks(b"0\r\nContent-Length: 5\r\n\r\n"),
    "a malformed trailer": chunks(b"0\r\nX y\r\n\r\n"),
    "a trailer that is folded": chunks(b"0\r\nX: y\r\n z\r\n\r\n"),
    "no size": chunks(b"\r\nhello\r\n0\r\n\r\n"),
    "a size with a sign": chunks(b"+5\r\nhello\r\n0\r\n\r\n"),
    "a negative size": chunks(b"-5\r\nhello\r\n0\r\n\r\n"),
    "a size with 0x": chunks(b"0x5\r\nhello\r\n0\r\n\r\n"),
    "a size with an underscore": chunks(b"0_5\r\nhello\r\n0\r\n\r\n"),
    "a size that is none": chunks(b"g\r\nhello\r\n0\r\n\r\n"),
    "a blank before a size": chunks(b" 5\r\nhello\r\n0\r\n\r\n"),
    "a blank after a size": chunks(b"5 \r\nhello\r\n0\r\n\r\n"),
    "a size ended by a line feed": chunks(b"5\nhello\r\n0\r\n\r\n"),
    "a size ended by two CR": chunks(b"5\r\r\nhello\r\n0\r\n\r\n"),
    "a size of 16 digits": chunks(b"0000000000000005\r\nhello\r\n0\r\n\r\n"),
    "a size of 17 digits": chunks(b"10000000000000005\r\nhello\r\n0\r\n\r\n"),
    "a size of 30 digits": chunks(b"0" * 29 + b"5\r\nhello\r\n0\r\n\r\n"),
    "a size above the limit": chunks(b"7fffffff\r\nhello\r\n0\r\n\r\n"),
    "a chunk without an end": chunks(b"5\r\nhello0\r\n\r\n"),
    "a chunk ended by a line feed": chunks(b"5\r\nhello\n0\r\n\r\n"),
    "a chunk that is longer": chunks(b"5\r\nhello!\r\n0\r\n\r\n"),
    "a chunk that is shorter": chunks(b"6\r\nhello\r\n0\r\n\r\n"),
    "an extension with a line feed": chunks(b"5;a\nb\r\nhello\r\n0\r\n\r\n"),
    "an extension with a CR": chunks(b"5;a\rb\r\nhello\r\n0\r\n\r\n"),
    "an extension of a kilobyte": chunks(b"5;" + b"a" * 1000 + b"\r\nhello\r\n0\r\n\r\n"),
    "a last line ended by a line feed": chunks(b"0\r\n\n"),
    # Connections
    "close": field(b"Connection: close"),
    "close among others": field(b"Connection: x, Close"),
    "keep-alive": field(b"Connection: keep-alive"),
    "keep-alive with a Kelvin sign in 1.0": "GET /x HTTP/1.0\r\nConnection: \u212aeep-alive\r\n\r\n".encode(),
    "Expect": LENGTH + b"Expect: 100-continue\r\n\r\nhello",
    "another expectation": LENGTH + b"Expect: 200-ok\r\n\r\nhello",
    "Upgrade": field(b"Connection: upgrade\r\nUpgrade: websocket"),
    "pipelined": GET + b"\r\n" + body(b"Content-Length: 5") + chunks(b"0\r\n\r\n"),
    "a request in a body": body(b"Content-Length: %d" % len(LAST), LAST),
    "a request that ends early": LENGTH + b"\r\nhel",
}

def h11_decision(data):
    """How many requests h11 takes, and whether it refuses something."""
    connection = h11.Connection(h11.SERVER)
    connection.receive_data(data)
    connection.receive_data(b"")
    count = 0
    try:
        while True:
            event = connection.next_event()
            if event in (h11.NEED_DATA, h11.PAUSED) or isinstance(event, h11.ConnectionClosed):
                return count, False
            if not isinstance(event, h11.EndOfMessage):
                continue
            count += 1
            connection.send(h11.Response(status_code=200, headers=[("Content-Length", "0")]))
            connection.send(h11.EndOfMessage())
            if (connection.our_state, connection.their_state) != (h11.DONE, h11.DONE):
                return count, False
            connection.start_next_cycle()
    except h11.ProtocolError:
        return count, True


def server_decision(server, data):
    """The same of the server; 404 and 405 are answers of routes, so the request was understood."""
    with server.connect() as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        received = b""
        with contextlib.suppress(ConnectionResetError):
            while part := connection.recv(65536):
                received += part
    statuses = [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", received)]
    statuses = [status for status in statuses if status != 100]
    accepted = [status for status in statuses if status in (200, 204, 404, 405)]
    assert all(400 <= status < 600 and status != 500 for status in statuses if status not in accepted)
    return len(accepted), len(accepted) < len(statuses)


REFUSED = (0, True)
BOTH_READ = (2, False)
# name: (the server, h11, why). A pair is how many requests were taken, the last one included, and whether
# something was refused.
DIFFERENCES = {
    # h11 leaves it to its user.
    "a very long method": (REFUSED, BOTH_READ, "methods have up to 32 bytes"),
    "a star for GET": (REFUSED, BOTH_READ, "RFC 9112 3.2.4: a star is for OPTIONS"),
    "CONNECT": (REFUSED, (1, True), "501: the server is no proxy"),
    "HTTP/0.9": (REFUSED, (1, False), "505"),
    "HTTP/1.2": (REFUSED, BOTH_READ, "505: RFC 9110 2.5 lets a server refuse a minor version"),
    "HTTP/2.0": (REFUSED, BOTH_READ, "505"),
    "the preface of HTTP/2": (REFUSED, (1, True), "505 at the version, not after"),
    "a fragment in the target": (REFUSED, BOTH_READ, "RFC 9112 3.2: no form of a target has one"),
    "a target without a slash": (REFUSED, BOTH_READ, "RFC 9112 3.2: no form of a target"),
    "another scheme": (REFUSED, BOTH_READ, "the server is no proxy"),
    "a user in the target": (REFUSED, BOTH_READ, "RFC 9110 4.2.4: an error in a request"),
    "a host with a path": (REFUSED, BOTH_READ, "RFC 9112 3.2: an invalid host is a 400"),
    "a list of hosts": (REFUSED, BOTH_READ, "RFC 9112 3.2: an invalid host is a 400"),
    "a host with a user": (REFUSED, BOTH_READ, "RFC 9112 3.2: an invalid host is a 400"),
    "a thousand fields": (REFUSED, BOTH_READ, "431: up to 128"),
    "a field of 40 kB": (REFUSED, BOTH_READ, "431: a head has up to 32 KiB"),
    "an extension of a kilobyte": (REFUSED, BOTH_READ, "a line of a size has up to 256 bytes"),
    "a POST without a length": (REFUSED, BOTH_READ, "411: RFC 9110 15.5.12 lets a server ask for one"),
    "another expectation": (REFUSED, BOTH_READ, "417"),
    "Expect": ((1, False), BOTH_READ, "404 before the body of a path that is not there, then the end"),
    "keep-alive with a Kelvin sign in 1.0": (REFUSED, (1, False), "RFC 9110 7.6.1: options are tokens"),
    # RFC 9112 lets a recipient choose, and the choice of who stands in front is not known.
    "a line feed without CR": (REFUSED, BOTH_READ, "2.2: a lone line feed may be taken, or not"),
    "a line feed in a value": (REFUSED, BOTH_READ, "2.2: a lone line feed may be taken, or not"),
    "a last line ended by a line feed": (REFUSED, BOTH_READ, "2.2: as above"),
    "a folded line": (REFUSED, BOTH_READ, "5.2: to be refused, or unfolded"),
    "a folded line with a tab": (REFUSED, BOTH_READ, "5.2: to be refused, or unfolded"),
    "Transfer-Encoding folded away": (REFUSED, (1, True), "5.2: to be refused, or unfolded"),
    "a trailer that is folded": (REFUSED, BOTH_READ, "5.2: to be refused, or unfolded"),
    "two lengths, alike": (REFUSED, BOTH_READ, "6.3: to be refused, or taken as one"),
    "a list of lengths, alike": (REFUSED, BOTH_READ, "6.3: to be refused, or taken as one"),
    "chunked and a length": (REFUSED, BOTH_READ, "6.1: may be refused; it looks like smuggling"),
    "chunked before a length": (REFUSED, BOTH_READ, "6.1: may be refused; it looks like smuggling"),
    "chunked in 1.0": (REFUSED, (1, False), "6.1: its framing is to be taken for faulty"),
    "a size of 16 digits": (REFUSED, BOTH_READ, "7.1: large sizes are to be expected; 15 digits are"),
    "HTTP/1.0 that stays": (BOTH_READ, (1, False), "9.3: keep-alive of 1.0 may be honoured"),
    "an empty line before": (BOTH_READ, REFUSED, "2.2: one should be ignored"),
    # RFC 9110 and 9112 forbid what h11 takes.
    "DEL in a value": (REFUSED, BOTH_READ, "RFC 9110 5.5: control bytes are invalid"),
    "a blank after a size": (REFUSED, BOTH_READ, "7.1: no blank between size and line end"),
    "an extension with a CR": (REFUSED, BOTH_READ, "2.2: a lone CR is invalid"),
}


@pytest.mark.parametrize("name", CASES)
def test_the_server_and_h11_decide_alike_or_for_a_reason(server, name):
    data = CASES[name] + LAST

    found = (server_decision(server, data), h11_decision(data))

    expected = DIFFERENCES.get(name)
    if expected is None:
        assert found[0] == found[1]
    else:
        assert found == expected[:2]
        assert expected[0] != expected[1], "this is no difference any more"


def test_every_difference_is_of_a_case_and_no_request_is_read_only_by_the_server():
    assert DIFFERENCES.keys() <= CASES.keys()
    # What the server takes and h11 does not is what RFC 9112 asks for.
    laxer = {name for name, (ours, theirs, _) in DIFFERENCES.items() if ours[0] > theirs[0]}
    assert laxer == {"an empty line before", "HTTP/1.0 that stays"}
