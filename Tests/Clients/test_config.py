# SPDX-License-Identifier: Apache-2.0
"""`apus config`, and how `apus serve` is told things."""

import os
import re
import subprocess

import pytest

from apus_server import BINARY, ROOT, ApusServer

USAGE = 64
BAD_CONFIGURATION = 78

# A value for each setting that is not its default.
OTHERS = {
    "model": "/a.gguf",
    "model-name": "b",
    "override-kv": "a.b=int:1",
    "chat-template": "c",
    "chat-template-file": "/d",
    "weights": "mapped",
    "kv-type": "f16",
    "host": "localhost",
    "unix-socket": "/e",
    "unix-socket-mode": "600",
    "tls-certificate": "/f",
    "tls-key": "/g",
    "tls-client-ca": "/h",
    "api-key-file": "/i",
    "public-metrics": "true",
    "vllm-metrics": "true",
    "cors-allow-origin": "https://j.example",
    "access-log": "off",
    "parallel": "7",
    "unknown-fields": "strict",
    "prefix-cache": "false",
    "speculation": "false",
}
NUMBER = "777"


def run(*arguments, environment=None, folder="/"):
    return subprocess.run(
        [BINARY, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=30,
        cwd=folder,
        env={**os.environ, **(environment or {})},
    )


def settings(text):
    """Value and origin of each setting in what `apus config` prints."""
    return {key: rest for key, *rest in (line.split() for line in text.splitlines())}


@pytest.fixture(scope="module")
def defaults():
    result = run("config")
    assert result.returncode == 0, result.stderr
    return settings(result.stdout)


def test_the_file_in_config_is_the_one_that_the_program_prints():
    result = run("config", "--defaults")

    assert result.stdout == (ROOT / "config/apus.yaml").read_text()


def test_every_setting_has_a_flag_with_its_default(defaults):
    text = " ".join(run("serve", "--help").stdout.split())

    for key, (value, origin) in defaults.items():
        assert origin == "default"
        flag = rf"--{key}[ /](?:(?!--).)*"
        found = re.search(flag, text)
        assert found, key
        if value not in ("-", "[]") and key not in ("public-metrics", "vllm-metrics"):
            assert f"Default: {value}." in text[found.start() :], key


def test_every_setting_can_be_given_each_way(defaults, tmp_path):
    for key in defaults:
        # Given alone, some settings contradict the others' defaults.
        if key in ("tls-certificate", "tls-key", "tls-client-ca") or key.startswith("key-"):
            continue
        value = OTHERS.get(key, NUMBER)
        flags = [f"--{key}", value]
        if value in ("true", "false"):
            flags = [f"--{key}" if value == "true" else f"--no-{key}"]
        variable = "APUS_" + key.upper().replace("-", "_")
        file = tmp_path / "settings.yaml"
        is_list = key in ("override-kv", "cors-allow-origin")
        is_text = not is_list and not value.isdigit() and value not in ("true", "false")
        file.write_text(f"{key}: {[value] if is_list else repr(value) if is_text else value}\n")

        by_flag = run("config", *flags)
        by_variable = run("config", environment={variable: value})
        by_file = run("config", "--config", file)

        for result, origin in (
            (by_flag, f"--{key}"),
            (by_variable, variable),
            (by_file, str(file)),
        ):
            assert result.returncode == 0, (key, result.stderr)
            found = settings(result.stdout)[key]
            assert value in found[0] and found[-1] == origin, (key, found)


def test_a_file_in_the_working_directory_is_read(tmp_path):
    (tmp_path / "config").mkdir()
    (tmp_path / "config/apus.yaml").write_text("parallel: 5\n")

    result = run("config", folder=tmp_path)

    assert settings(result.stdout)["parallel"] == ["5", "config/apus.yaml"]


@pytest.mark.parametrize(
    "arguments, environment, status, said",
    [
        (("--port", "65536"), {}, USAGE, "--port: wanted a whole number from 0 to 65535"),
        (("--weights", "heavy"), {}, USAGE, "heavy"),
        (("--paralel", "3"), {}, USAGE, "--paralel"),
        ((), {"APUS_PARALEL": "3"}, BAD_CONFIGURATION, "APUS_PARALEL: there is no such"),
        ((), {"APUS_PORT": "tcp://1.2.3.4:5"}, BAD_CONFIGURATION, "APUS_PORT: wanted"),
        (("--config", "/none.yaml"), {}, BAD_CONFIGURATION, "/none.yaml: "),
        (("--tls-key", "/k"), {}, BAD_CONFIGURATION, "tls-certificate is missing"),
        (("--step-tokens", "8"), {}, BAD_CONFIGURATION, "step-tokens 8 is less than parallel"),
    ],
)
@pytest.mark.parametrize("command", ["config", "serve"])
def test_what_is_wrong_is_named(command, arguments, environment, status, said):
    result = run(command, *arguments, environment=environment)

    assert result.returncode == status
    assert said in result.stderr
    if status == BAD_CONFIGURATION:
        assert len(result.stderr.splitlines()) == 1


def test_no_model_is_said():
    result = run("serve")

    assert result.returncode == USAGE
    assert "APUS_MODEL" in result.stderr


def test_a_server_runs_by_file_and_environment(tmp_path):
    tiny = ROOT / "Tests/Fixtures/tiny/qwen3_moe.gguf"
    file = tmp_path / "apus.yaml"
    file.write_text("model-name: from-the-file\nport: 1\nmemory: 512\n")
    environment = {"APUS_CONFIG": str(file), "APUS_THREADS": "1"}
    server = ApusServer(tmp_path / "log", "--model", str(tiny), environment=environment)
    try:
        server.wait_until_ready()
        assert server.get("/v1/models").json()["data"][0]["id"] == "from-the-file"
        assert server.metric("apus:threads") == 1
        assert 0 < server.metric("apus:memory_available_bytes") <= 512 << 20
        assert f"settings of {file}: " in server.log
        assert "threads 1 (APUS_THREADS)" in server.log
        assert "threads: 1 (as configured; " in server.log
        assert "memory 0.50 GiB as configured" in server.log
    finally:
        server.close()


def test_health_asks_where_the_settings_say(tmp_path):
    tiny = ROOT / "Tests/Fixtures/tiny/qwen3_moe.gguf"
    server = ApusServer(tmp_path / "log", "--model", str(tiny))
    try:
        server.wait_until_ready()
        assert run("health", environment={"APUS_PORT": str(server.port)}).returncode == 0
    finally:
        server.close()
    assert run("health", environment={"APUS_PORT": str(server.port)}).returncode == 1
