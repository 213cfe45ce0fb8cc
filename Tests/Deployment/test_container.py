# SPDX-License-Identifier: Apache-2.0
"""The Dockerfile, the scripts and compose.yaml, each by the checker that is usual for it."""

import pathlib
import re
import shutil
import subprocess
import sys

import pytest
import yaml

from apus_server import ROOT

HADOLINT = pathlib.Path(sys.executable).parent / "hadolint"


def scripts():
    """Every shell script of the project."""
    folders = [ROOT / "scripts", ROOT / ".ci"]
    files = [path for folder in folders for path in folder.iterdir() if path.is_file()]
    return [str(path) for path in files if re.match(rb"#!.*\bbash\b", path.read_bytes()[:64])]


def test_shellcheck_finds_nothing_in_the_scripts():
    if not shutil.which("shellcheck"):
        pytest.skip("shellcheck is not installed; scripts/setup does that on Debian")
    found = scripts()
    assert len(found) >= 10

    result = subprocess.run(["shellcheck", *found], capture_output=True, text=True)

    assert result.returncode == 0, result.stdout


def test_hadolint_finds_nothing_in_the_dockerfile():
    result = subprocess.run(
        [HADOLINT, ROOT / "Dockerfile"], capture_output=True, text=True
    )

    assert result.returncode == 0, result.stdout + result.stderr


def test_hadolint_would_find_something(tmp_path):
    (tmp_path / "Dockerfile").write_text("FROM debian\nRUN sudo true\n")

    result = subprocess.run([HADOLINT, tmp_path / "Dockerfile"], capture_output=True)

    assert result.returncode == 1


def test_the_image_runs_as_nobody_and_ends_by_sigterm():
    text = (ROOT / "Dockerfile").read_text()
    image = text[text.index("FROM scratch") :]

    assert re.search(r"^USER [1-9]\d*:[1-9]\d*$", image, re.MULTILINE)
    assert "STOPSIGNAL SIGTERM" in image
    assert "HEALTHCHECK" in image


def test_compose_confines_the_server():
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text())
    server = compose["services"]["apus"]

    assert server["read_only"] is True
    assert server["cap_drop"] == ["ALL"]
    assert all(volume.endswith(":ro") for volume in server["volumes"])
    # The file's own paths exist.
    for service in compose["services"].values():
        for volume in service["volumes"]:
            source = volume.split(":")[0]
            assert source == "./models" or (ROOT / source).exists(), source
