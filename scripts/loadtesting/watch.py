# SPDX-License-Identifier: Apache-2.0
"""What can be seen of the server from outside during a load, and of the generator itself."""

from __future__ import annotations

import asyncio
import math
import os
import pathlib
import re
import resource
import time
from dataclasses import asdict, dataclass

from .exchange import Answer, Target

SAMPLE_SECONDS = 1.0
HEALTH_SECONDS = 0.25
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")

GAUGES = {
    "running": ("num_requests_running", "requests_processing"),
    "waiting": ("num_requests_waiting", "requests_deferred"),
    "kv_usage": ("kv_cache_usage_perc", "gpu_cache_usage_perc", "kv_cache_usage_ratio"),
    "resident_bytes": ("process_resident_memory_bytes",),
}
"""Gauges by their names in Apus and vLLM, then in llama.cpp, without the prefix."""


@dataclass(slots=True)
class Sample:
    """One look at the server. What could not be had is nothing."""

    time: float
    """Seconds since the load test's start."""
    resident_bytes: float | None = None
    cpu_seconds: float | None = None
    """Processor time of the server since it started."""
    running: float | None = None
    waiting: float | None = None
    kv_usage: float | None = None
    generator_cpu_seconds: float = 0
    """Processor time of this process since it started."""


@dataclass(slots=True)
class HealthCheck:
    """One `GET /health`, timed from when it was due."""

    time: float
    seconds: float
    status: int


def read_gauges(text: str) -> dict[str, float]:
    """The gauges that are known of a Prometheus text, summed over their labels."""
    found: dict[str, float] = {}
    for line in text.splitlines():
        match = re.match(r"(?:[a-z]\w*:)?([a-z_]\w*)(?:\{.*\})? (\S+)", line)
        for gauge, names in GAUGES.items():
            if match and match[1] in names:
                try:
                    found[gauge] = found.get(gauge, 0) + float(match[2])
                except ValueError:
                    pass
    return {gauge: value for gauge, value in found.items() if math.isfinite(value)}


def listener(port: int) -> int | None:
    """The process on this machine that listens on a TCP port, if it may be seen."""
    sockets = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            lines = pathlib.Path(table).read_text().splitlines()[1:]
        except OSError:
            continue
        for fields in map(str.split, lines):
            # Local address as HEX:PORT, then remote address, state (0A is LISTEN); the tenth is the inode.
            if fields[3] == "0A" and int(fields[1].rpartition(":")[2], 16) == port:
                sockets.add(f"socket:[{fields[9]}]")
    for descriptor in pathlib.Path("/proc").glob("[0-9]*/fd/*") if sockets else ():
        try:
            if os.readlink(descriptor) in sockets:
                return int(descriptor.parts[2])
        except OSError:
            continue
    return None


def process_figures(pid: int) -> tuple[float, float] | None:
    """Resident bytes and processor seconds of a process; nothing once it has ended."""
    try:
        pages = int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1])
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    # The name, in parentheses, may hold spaces: fields count from what follows it.
    fields = stat.rpartition(")")[2].split()
    return pages * PAGE_BYTES, (int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND


class Watch:
    """Looks at the server every second, and asks for its health four times a second."""

    def __init__(self, target: Target, pid: int | None) -> None:
        self.samples: list[Sample] = []
        self.health: list[HealthCheck] = []
        self.pid = pid
        self._target = target
        self._has_metrics = True
        self._has_health = True
        self._start = 0.0
        self._tasks: set[asyncio.Task] = set()

    def begin(self, start: float) -> None:
        """Start looking; `start` is the load test's, of the monotonic clock."""
        self._start = start
        for period, look in ((SAMPLE_SECONDS, self.look), (HEALTH_SECONDS, self._check_health)):
            self._spawn(self._repeat(period, look))

    async def end(self) -> None:
        """Look once more, and stop."""
        await self.look(time.monotonic())
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _spawn(self, work) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _repeat(self, period: float, look) -> None:
        due = time.monotonic()
        while True:
            # A look of its own, so that a server that does not answer delays no other.
            self._spawn(look(due))
            due += period
            await asyncio.sleep(max(0, due - time.monotonic()))

    async def look(self, due: float) -> Sample:
        """Take one sample now."""
        sample = Sample(due - self._start, generator_cpu_seconds=time.process_time())
        if self._has_metrics:
            answer = await self._target.fetch("GET", "/metrics", timeout=10)
            if answer.status == 200 and answer.fault is None:
                for gauge, value in read_gauges(answer.body.decode(errors="replace")).items():
                    setattr(sample, gauge, value)
            elif _is_absent(answer):
                self._has_metrics = False
        if self.pid is not None and (figures := process_figures(self.pid)):
            sample.resident_bytes, sample.cpu_seconds = figures
        self.samples.append(sample)
        return sample

    async def _check_health(self, due: float) -> None:
        if not self._has_health:
            return
        answer = await self._target.fetch("GET", "/health", timeout=10)
        if _is_absent(answer):
            self._has_health = False
            return
        self.health.append(HealthCheck(due - self._start, answer.ended - due, answer.status))

    def describe(self) -> dict:
        """The samples and checks in the order of their times, for the report."""
        return {
            "samples": [asdict(sample) for sample in sorted(self.samples, key=lambda one: one.time)],
            "health": [asdict(check) for check in sorted(self.health, key=lambda one: one.time)],
        }


def _is_absent(answer: Answer) -> bool:
    return answer.fault is None and answer.status in (401, 403, 404, 405, 501)


def raise_descriptor_limit() -> None:
    """Let this process have as many connections as the system allows it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
