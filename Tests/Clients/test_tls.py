# SPDX-License-Identifier: Apache-2.0
"""TLS against other implementations' clients: Python's ssl and the openssl command."""

import contextlib
import re
import shutil
import signal
import socket
import ssl
import subprocess
import time

import httpx
import openai
import pytest

from apus_server import BINARY, MODEL, ROOT, running, wait_until

FIXTURES = ROOT / "Tests/Fixtures/tls"
HEALTH = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"


def pem(name):
    return str(FIXTURES / f"{name}.pem")


def client_context(authority="server", certificate=None):
    context = ssl.create_default_context(cafile=pem(authority))
    if certificate:
        context.load_cert_chain(pem(certificate), pem(f"{certificate}-key"))
    return context


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Copies of certificate and key, which tests may replace."""
    folder = tmp_path_factory.mktemp("tls")
    shutil.copy(pem("server"), folder / "certificate.pem")
    shutil.copy(pem("server-key"), folder / "key.pem")
    return folder


@pytest.fixture(scope="module")
def secure(folder):
    options = ["--tls-certificate", folder / "certificate.pem", "--tls-key", folder / "key.pem"]
    with running(folder / "log", *map(str, options), tls=client_context()) as server:
        yield server


@pytest.fixture(scope="module")
def mutual(tmp_path_factory):
    options = ["--tls-certificate", pem("server"), "--tls-key", pem("server-key")]
    options += ["--tls-client-ca", pem("authority")]
    log = tmp_path_factory.mktemp("mutual") / "log"
    with running(log, *options, tls=client_context(certificate="client")) as server:
        yield server


def connect(server, context=None):
    context = context or client_context()
    return context.wrap_socket(server.connect(), server_hostname="localhost")


def s_client(server, *options, request=b""):
    return subprocess.run(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{server.port}", *options],
        input=request,
        capture_output=True,
        timeout=60,
    )


def test_the_sdk_works_over_tls(secure):
    with httpx.Client(verify=client_context()) as http:
        with openai.OpenAI(
            base_url=f"{secure.url}/v1", api_key="unused", max_retries=0, http_client=http
        ) as client:
            model = client.models.list().data[0].id
            options = dict(model=model, prompt="Once upon a time", max_tokens=16, temperature=0)
            whole = client.completions.create(**options)
            chunks = list(client.completions.create(stream=True, **options))

    assert whole.choices[0].text
    assert "".join(chunk.choices[0].text for chunk in chunks) == whole.choices[0].text


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_both_versions_are_spoken(secure, version):
    context = client_context()
    context.minimum_version = context.maximum_version = version
    context.set_alpn_protocols(["h2", "http/1.1"])

    with connect(secure, context) as connection:
        connection.sendall(HEALTH)
        assert connection.recv(4096).startswith(b"HTTP/1.1 200 ")
        assert connection.version() == version.name.replace("_", ".")
        assert connection.selected_alpn_protocol() == "http/1.1"


@pytest.mark.parametrize("option", ["-tls1", "-tls1_1"])
def test_older_versions_are_refused(secure, option):
    result = s_client(secure, option, "-cipher", "ALL:@SECLEVEL=0")

    assert result.returncode != 0
    assert b"alert protocol version" in result.stderr, result.stderr


def suites(*options):
    listed = subprocess.run(["openssl", "ciphers", *options], capture_output=True, check=True)
    return listed.stdout.decode().strip().split(":")


STRONG = re.compile(r"ECDHE-(ECDSA|RSA)-(AES\d+-GCM-SHA\d+|CHACHA20-POLY1305)")


def test_every_suite_of_tls_1_2_is_strong_or_refused(secure, folder):
    accepted = set()
    for suite in suites("-tls1_2", "-s", "ALL:COMPLEMENTOFALL:@SECLEVEL=0"):
        result = s_client(secure, "-tls1_2", "-cipher", f"{suite}:@SECLEVEL=0")
        if result.returncode == 0:
            accepted.add(suite)

    # The certificate's key is ECDSA, so that the three with RSA cannot be.
    assert accepted == {
        "ECDHE-ECDSA-AES128-GCM-SHA256",
        "ECDHE-ECDSA-AES256-GCM-SHA384",
        "ECDHE-ECDSA-CHACHA20-POLY1305",
    }
    assert all(map(STRONG.fullmatch, accepted))


def test_renegotiation_and_compression_are_refused(secure):
    result = s_client(secure, "-tls1_2", request=b"R\n")

    assert b"Compression: NONE" in result.stdout
    assert b"no renegotiation" in result.stderr, result.stderr


def test_sessions_resume_by_ticket(secure, tmp_path):
    context = client_context()
    sessions = []
    for session in (None, sessions):
        raw = secure.connect()
        options = {"session": sessions[0]} if session else {}
        with context.wrap_socket(raw, server_hostname="localhost", **options) as connection:
            connection.sendall(HEALTH)
            assert connection.recv(4096).startswith(b"HTTP/1.1 200 ")
            assert connection.session_reused == bool(session)
            sessions.append(connection.session)


def test_plain_http_is_not_answered_on_a_secure_port(secure):
    assert b"HTTP/1.1" not in secure.exchange(HEALTH)


def first_flight():
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    session = client_context().wrap_bio(incoming, outgoing, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        session.do_handshake()
    return outgoing.read()


def test_a_handshake_cut_at_any_byte_leaves_no_descriptor(secure):
    flight = first_flight()
    descriptors = lambda: len(list((ROOT / f"/proc/{secure.process.pid}/fd").iterdir()))
    before = descriptors()

    for count in range(len(flight)):
        with secure.connect() as connection:
            connection.sendall(flight[:count])

    wait_until(lambda: descriptors() <= before, 20, "descriptors are given back")
    assert secure.get("/health").status_code == 200


def test_an_answer_ends_with_close_notify(secure):
    # A context that takes a cut for an error, as Python's default does.
    with connect(secure) as connection:
        connection.sendall(HEALTH.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        received = b""
        while part := connection.recv(4096):
            received += part
        assert received.endswith(b"}")
        # unwrap raises unless the server said its farewell.
        connection.unwrap()


def test_a_client_that_says_farewell_in_mid_stream_is_gone(secure):
    body = b'{"prompt": "a", "max_tokens": 2000, "stream": true, "ignore_eos": true}'
    head = b"POST /v1/completions HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(body)
    with connect(secure) as connection:
        connection.sendall(head + body)
        assert b"200 OK" in connection.recv(65536)
        # close_notify only: the TCP connection stays open in both directions.
        connection.settimeout(0.0)
        with contextlib.suppress(ssl.SSLWantReadError, ssl.SSLError):
            connection.unwrap()
        secure.wait_until_idle(timeout=5)


def test_a_client_without_the_right_certificate_is_refused(mutual):
    assert mutual.get("/health").status_code == 200
    for certificate in (None, "stranger"):
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context = client_context(certificate=certificate)
            context.minimum_version = context.maximum_version = version
            with pytest.raises(ssl.SSLError) as error:
                # In TLS 1.3 the client hears of it after its own handshake is done.
                with connect(mutual, context) as connection:
                    connection.sendall(HEALTH)
                    connection.recv(4096)
            assert "alert" in str(error.value).lower(), error.value


def hang_up(server, expected):
    count = server.log.count(expected)
    server.process.send_signal(signal.SIGHUP)
    wait_until(lambda: server.log.count(expected) > count, 10, expected)


def served_name(server):
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with connect(server, context) as connection:
        der = connection.getpeercert(binary_form=True)
    for name in ("server", "other"):
        if der == ssl.PEM_cert_to_DER_cert((FIXTURES / f"{name}.pem").read_text()):
            return name


def test_sighup_takes_new_files_and_keeps_the_old_ones_if_they_are_bad(secure, folder):
    assert served_name(secure) == "server"
    with connect(secure) as old:
        # A certificate without its key: half of a renewal.
        shutil.copy(pem("other"), folder / "certificate.pem")
        hang_up(secure, "reload: nothing was changed")
        assert served_name(secure) == "server"
        (folder / "key.pem").write_text("nonsense")
        hang_up(secure, "reload: nothing was changed")
        assert served_name(secure) == "server"
        shutil.copy(pem("other-key"), folder / "key.pem")
        hang_up(secure, "reload: the files were read again")
        assert served_name(secure) == "other"
        old.sendall(HEALTH)
        assert old.recv(4096).startswith(b"HTTP/1.1 200 ")

    shutil.copy(pem("server"), folder / "certificate.pem")
    shutil.copy(pem("server-key"), folder / "key.pem")
    hang_up(secure, "reload: the files were read again")
    assert served_name(secure) == "server"


@pytest.mark.parametrize(
    "options, said",
    [
        (["--tls-certificate", pem("server")], "both a certificate and its key"),
        (["--tls-client-ca", pem("authority")], "certificate of the server's own"),
        (["--tls-certificate", pem("server"), "--tls-key", pem("other-key")], "private key"),
        (["--tls-certificate", "/nowhere", "--tls-key", pem("other-key")], "/nowhere"),
    ],
)
def test_settings_that_do_not_fit_are_said_before_the_model_is_loaded(options, said):
    result = subprocess.run(
        [BINARY, "serve", "--model", MODEL, "--port", "0", *options],
        capture_output=True,
        text=True,
        timeout=30,
    )

    assert result.returncode == 78
    [line] = result.stderr.splitlines()
    assert said in line


def test_the_health_command_speaks_both(server, secure):
    def health(*options):
        return subprocess.run([BINARY, "health", *map(str, options)], capture_output=True, text=True)

    for port in (server.port, secure.port):
        result = health("--port", port)
        assert result.returncode == 0, result.stderr
    # Nothing listens there, and something that is neither.
    with contextlib.closing(socket.socket()) as dumb:
        dumb.bind(("127.0.0.1", 0))
        assert health("--port", dumb.getsockname()[1]).returncode == 1
    assert "belong together" in health("--tls-key", pem("client-key")).stderr


def test_the_health_command_shows_a_certificate_where_one_is_demanded(mutual):
    command = [BINARY, "health", "--port", str(mutual.port)]
    certificate = ["--tls-certificate", pem("client"), "--tls-key", pem("client-key")]

    assert subprocess.run([*command, *certificate]).returncode == 0
    assert subprocess.run(command, capture_output=True).returncode == 1
    wrong = ["--tls-certificate", "/nowhere", "--tls-key", pem("client-key")]
    result = subprocess.run([*command, *wrong], capture_output=True, text=True)
    assert result.returncode == 78 and "/nowhere" in result.stderr
