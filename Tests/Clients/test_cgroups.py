# SPDX-License-Identifier: Apache-2.0
"""The server in real control groups, of version 1 or 2, where the machine lets a test make them."""

import contextlib
import os
import pathlib
import re

import httpx
import pytest

from apus_server import ApusServer, wait_until

ROOT = pathlib.Path("/sys/fs/cgroup")
BODY = {"prompt": "Once upon a time", "max_tokens": 64, "temperature": 0, "ignore_eos": True}


def is_version_2():
    return (ROOT / "cgroup.controllers").exists()


@contextlib.contextmanager
def group(controller, version_1, version_2):
    """A new group with these limits; skips the test where none can be made."""
    parent = ROOT if is_version_2() else ROOT / controller
    path = parent / f"apus-test-{os.getpid()}"
    try:
        if is_version_2():
            (parent / "cgroup.subtree_control").write_text(f"+{controller}")
        path.mkdir()
    except OSError as error:
        pytest.skip(f"no {controller} group can be made below {parent}: {error.strerror}")
    try:
        for name, value in (version_2 if is_version_2() else version_1).items():
            try:
                (path / name).write_text(value)
            except OSError as error:
                pytest.skip(f"{path / name} cannot be set to {value}: {error.strerror}")
        yield path
    finally:
        wait_until(lambda: remove(path), 30, "the group is empty")


def remove(path):
    try:
        path.rmdir()
    except OSError:
        return False
    return True


@contextlib.contextmanager
def serving(path, folder, *options):
    server = ApusServer(folder / "log", *options, before_start=lambda: join(path))
    try:
        server.wait_until_ready()
        yield server
    finally:
        server.close()


def join(path):
    (path / "cgroup.procs").write_text("0")


def quota(microseconds):
    return (
        {"cpu.cfs_period_us": "100000", "cpu.cfs_quota_us": f"{microseconds}"},
        {"cpu.max": f"{microseconds} 100000"},
    )


def complete(server):
    answer = httpx.post(f"{server.url}/v1/completions", json=BODY, timeout=300)
    assert answer.status_code == 200
    return answer.json()["choices"][0]["text"]


def test_threads_are_the_quota_rounded_but_no_more_than_the_processors(tmp_path):
    with group("cpu", *quota(150_000)) as path, serving(path, tmp_path) as server:
        threads = min(2, len(os.sched_getaffinity(0)))
        reason = rf"threads: {threads} \(\d+ processors.*, cgroup quota 1\.50\)"
        assert re.search(reason, server.log)
        assert server.metric("apus:threads") == threads
        complete(server)


def test_a_throttled_server_says_so_and_answers_the_same(tmp_path):
    (tmp_path / "free").mkdir()
    free = ApusServer(tmp_path / "free" / "log")
    try:
        free.wait_until_ready()
        expected = complete(free)
    finally:
        free.close()

    # Less than what a busy machine leaves, so that the quota is what stops it.
    with group("cpu", *quota(20_000)) as path:
        with serving(path, tmp_path, "--threads", "2") as server:
            before = server.metric("apus:cpu_throttled_seconds_total")
            assert complete(server) == expected
            assert server.metric("apus:cpu_throttled_periods_total") > 0
            assert server.metric("apus:cpu_throttled_seconds_total") > before


def test_threads_are_the_processors_of_the_cpuset(tmp_path):
    processor = str(min(os.sched_getaffinity(0)))
    limits = {"cpuset.mems": "0", "cpuset.cpus": processor}
    with group("cpuset", limits, {"cpuset.cpus": processor}) as path:
        with serving(path, tmp_path) as server:
            assert "threads: 1 (1 processors in the affinity mask" in server.log


def test_the_pool_follows_the_memory_limit_and_it_is_never_exceeded(tmp_path):
    limit = 600 << 20
    version_1 = {"memory.limit_in_bytes": str(limit)}
    with group("memory", version_1, {"memory.max": str(limit)}) as path:
        with serving(path, tmp_path) as server:
            assert "left under the cgroup limit of 0.59 GiB" in server.log
            assert server.metric("apus:memory_available_bytes") < limit
            with httpx.Client(timeout=300) as client:
                body = {**BODY, "prompt": ["word " * 800 + str(n) for n in range(24)]}
                answer = client.post(f"{server.url}/v1/completions", json=body)
            assert answer.status_code == 200, answer.text
            assert server.metric("process_resident_memory_bytes") < limit
        assert kills(path) == 0


def kills(path):
    """How often the kernel ended a process of the group for want of memory."""
    file = "memory.events" if is_version_2() else "memory.oom_control"
    words = (path / file).read_text().split()
    return int(dict(zip(words[::2], words[1::2]))["oom_kill"])
