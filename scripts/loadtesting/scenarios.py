# SPDX-License-Identifier: Apache-2.0
"""The named loads. A scenario's keyword arguments are its options on the command line.

Each returns what it found out beyond the figures that every load has.
"""

from __future__ import annotations

import asyncio
import inspect
import random
from collections.abc import Callable
from dataclasses import dataclass

from .distribution import describe, median, slope
from .load import Load, LoadFailed, Shapes, always
from .prompts import Shape


LEAST_SOAK_SECONDS = 600
"""A shorter soak has no figure for the growth of memory."""


@dataclass(frozen=True)
class Finding:
    """One figure that only this scenario has."""

    name: str
    value: float | None
    """Nothing where it could not be had."""
    unit: str


async def burst(
    load: Load, *, requests: int = 32, prompt_tokens: int = 100, output_tokens: int = 64
) -> list[Finding]:
    """Clients that all ask at the same moment, each with a prompt of its own."""
    await load.burst("burst", requests, Shape(prompt_tokens, output_tokens))
    return []


async def steady(
    load: Load,
    *,
    rate: float = 1.0,
    duration: float = 60,
    prompt_tokens: int = 100,
    output_tokens: int = 64,
    drain: float = 60,
) -> list[Finding]:
    """Open loop: Poisson arrivals at a rate, whether or not the server keeps up."""
    await load.open(rate, duration, always("steady", Shape(prompt_tokens, output_tokens)), drain)
    return []


async def clients(
    load: Load,
    *,
    clients: int = 8,
    duration: float = 60,
    prompt_tokens: int = 100,
    output_tokens: int = 64,
) -> list[Finding]:
    """Closed loop: clients that each ask again when they are answered."""
    shapes = always("clients", Shape(prompt_tokens, output_tokens))
    await load.closed(clients, shapes, duration=duration)
    return []


async def overload(
    load: Load,
    *,
    factor: float = 10,
    duration: float = 60,
    clients: int = 16,
    prompt_tokens: int = 100,
    output_tokens: int = 64,
    drain: float = 60,
) -> list[Finding]:
    """Measures what the server completes in a second, then asks for many times as much."""
    shape = Shape(prompt_tokens, output_tokens)
    capacity = await _capacity(load, "nominal", clients, always("", shape))
    load.mark("overload begins")
    begun = load.now
    await load.open(capacity * factor, duration, always("overload", shape), drain)
    await load.settled()
    accepted = load.of("overload")
    return [
        Finding("capacity", capacity, "requests/s"),
        Finding("offered", capacity * factor, "requests/s"),
        Finding("completed under overload", len(accepted) / (load.now - begun), "requests/s"),
        _ratio("TTFT p50 to nominal", _first_tokens(load, "overload"), _first_tokens(load, "nominal")),
        _ratio("ITL p50 to nominal", _gaps(load, "overload"), _gaps(load, "nominal")),
    ]


async def long_prompt(
    load: Load,
    *,
    streams: int = 8,
    prompt_tokens: int = 8000,
    stream_prompt_tokens: int = 100,
    stream_tokens: int = 2000,
    settle: float = 5,
) -> list[Finding]:
    """One long prompt among streams that decode, and the same length alone before."""
    shape = Shape(prompt_tokens, 1)
    alone = await load.one("prompt alone", shape)

    decoders = always("streams", Shape(stream_prompt_tokens, stream_tokens))
    decoding = asyncio.create_task(load.closed(streams, decoders, duration=1e9))
    await load.all_begun(streams)
    load.mark("all streams decode")
    await asyncio.sleep(settle)
    load.mark("long prompt")
    before, sent = load.now - settle, load.now
    among = await load.one("prompt among", shape)
    answered = load.now
    load.mark("answered")
    await asyncio.sleep(min(settle, 2))
    load.leave_all()
    decoding.cancel()
    await load.settled()

    undisturbed, disturbed = _gaps_between(load, before, sent), _gaps_between(load, sent, answered)
    findings = [
        _figure("streams' ITL p99 before", undisturbed, "p99"),
        _figure("streams' ITL p99 during the prompt", disturbed, "p99"),
        _figure("streams' largest ITL during the prompt", disturbed, "max"),
    ]
    for name, record in (("alone", alone), ("among streams", among)):
        first = record.time_to_first_token
        tokens = record.prompt_tokens or prompt_tokens
        findings.append(Finding(f"prompt {name}", first and tokens / first, "tokens/s"))
    if alone.time_to_first_token and among.time_to_first_token:
        lost = 1 - alone.time_to_first_token / among.time_to_first_token
        findings.append(Finding("prompt's loss of speed", 100 * lost, "%"))
    return findings


async def shared_prefix(
    load: Load,
    *,
    requests: int = 64,
    clients: int = 8,
    shared_tokens: int = 1000,
    prompt_tokens: int = 1020,
    output_tokens: int = 16,
    strangers: int = 16,
) -> list[Finding]:
    """Requests that begin alike, after strangers of the same length that do not."""
    stranger = Shape(prompt_tokens, output_tokens)
    relative = Shape(prompt_tokens, output_tokens, shared_tokens, "prefix")
    await load.closed(clients, always("strangers", stranger), count=strangers)
    load.mark("first with the prefix")
    first = await load.one("first", relative)
    load.mark("the others")
    await load.closed(clients, always("later", relative), count=requests - 1)
    await load.settled()
    cached = [record.cached_tokens or 0 for record in load.of("later")]
    return [
        Finding("TTFT of the first", _milliseconds(first.time_to_first_token), "ms"),
        _figure("TTFT p50 of strangers", _first_tokens(load, "strangers"), "p50"),
        _figure("TTFT p50 of the later", _first_tokens(load, "later"), "p50"),
        _ratio(
            "TTFT p50, later to strangers",
            _first_tokens(load, "later"),
            _first_tokens(load, "strangers"),
        ),
        Finding("cached tokens per later request", median(cached) if cached else None, "tokens"),
    ]


async def abandon(
    load: Load,
    *,
    requests: int = 1000,
    rate: float = 50,
    patience: float = 1.0,
    prompt_tokens: int = 100,
    output_tokens: int = 256,
    rest: float = 5,
) -> list[Finding]:
    """Requests whose clients leave while they wait or stream; what is left of them afterwards."""
    probe = Shape(100, 16)
    for _ in range(3):
        await load.one("before", probe)
    before = await load.look()
    shape = Shape(prompt_tokens, output_tokens)

    def shapes(draws: random.Random) -> tuple[str, Shape, float | None]:
        return "abandoned", shape, draws.uniform(0, patience)

    load.mark("clients come and leave")
    await load.open(rate, requests / rate, shapes, drain=patience + 1)
    load.mark("all have left")
    for _ in range(3):
        await load.one("after", probe)
    await asyncio.sleep(rest)
    after = await load.look()
    grown = None
    if before.resident_bytes is not None and after.resident_bytes is not None:
        grown = (after.resident_bytes - before.resident_bytes) / 2**20
    return [
        Finding("resident memory grown", grown, "MiB"),
        Finding("running afterwards", after.running, "requests"),
        Finding("waiting afterwards", after.waiting, "requests"),
        Finding("KV in use before", before.kv_usage and 100 * before.kv_usage, "%"),
        Finding("KV in use afterwards", after.kv_usage and 100 * after.kv_usage, "%"),
        _figure("TTFT p50 before", _first_tokens(load, "before"), "p50"),
        _figure("TTFT p50 afterwards", _first_tokens(load, "after"), "p50"),
    ]


async def soak(
    load: Load,
    *,
    rate: float = 0,
    duration: float = 3600,
    load_factor: float = 0.5,
    clients: int = 8,
    drain: float = 60,
) -> list[Finding]:
    """Open loop of short and long prompts, shared beginnings and clients that leave; is memory level?"""
    rate = rate or load_factor * await _capacity(load, "calibration", clients, _mix)
    load.mark("soak begins")
    begun = load.now
    await load.open(rate, duration, _mix, drain)
    # What caches take while they fill does not count: the first quarter is left out.
    level = [
        (sample.time / 3600, sample.resident_bytes / 2**20)
        for sample in load.watch.samples
        if sample.resident_bytes is not None and sample.time > begun + duration / 4
    ]
    # Of a few minutes a slope by the hour says nothing.
    growth = slope(level) if duration >= LEAST_SOAK_SECONDS else None
    return [
        Finding("offered", rate, "requests/s"),
        Finding("growth of resident memory", growth, "MiB/h"),
        Finding("lowest after a quarter", min((size for _, size in level), default=None), "MiB"),
        Finding("highest after a quarter", max((size for _, size in level), default=None), "MiB"),
    ]


def _mix(draws: random.Random) -> tuple[str, Shape, float | None]:
    """Seven in ten short, the rest long, with a shared beginning, or left by the client."""
    kind = draws.random()
    if kind < 0.70:
        return "short", Shape(draws.randint(20, 200), draws.randint(16, 96)), None
    if kind < 0.80:
        return "long", Shape(draws.randint(1000, 2000), 32), None
    if kind < 0.95:
        return "shared", Shape(550, 32, 500, f"beginning {draws.randrange(4)}"), None
    return "leaving", Shape(draws.randint(20, 1000), 256), draws.uniform(0, 2)


async def _capacity(load: Load, group: str, clients: int, shapes: Shapes) -> float:
    """Requests a second that a closed loop of `clients` gets answered, four times each, none abandoned."""

    def whole(draws: random.Random) -> tuple[str, Shape, float | None]:
        return group, shapes(draws)[1], None

    begun = load.now
    await load.closed(clients, whole, count=4 * clients)
    await load.settled()
    answered = len(load.of(group))
    if not answered:
        raise LoadFailed("the server completed none of the requests that were to show its capacity")
    return answered / (load.now - begun)


# Figures


def _first_tokens(load: Load, group: str) -> list[float]:
    return [
        record.time_to_first_token
        for record in load.of(group)
        if record.time_to_first_token is not None
    ]


def _gaps(load: Load, group: str) -> list[float]:
    return [gap for record in load.of(group) for gap in record.gaps]


def _gaps_between(load: Load, begin: float, end: float) -> list[float]:
    """Gaps of the streams that any part of the time from `begin` to `end` is in."""
    return [
        later - earlier
        for record in load.of("streams", outcome=None)
        for earlier, later in zip(record.token_times, record.token_times[1:])
        if later > begin and earlier < end
    ]


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else 1000 * seconds


def _figure(name: str, seconds: list[float], figure: str) -> Finding:
    figures = describe(seconds)
    return Finding(name, _milliseconds(figures and figures[figure]), "ms")


def _ratio(name: str, these: list[float], those: list[float]) -> Finding:
    value = median(these) / median(those) if these and those and median(those) else None
    return Finding(name, value, "×")


Scenario = Callable[..., object]
SCENARIOS: dict[str, Scenario] = {
    scenario.__name__.replace("_", "-"): scenario
    for scenario in (burst, steady, clients, overload, long_prompt, shared_prefix, abandon, soak)
}


def options(scenario: Scenario) -> dict[str, int | float]:
    """A scenario's options and their defaults, of the type that is written there."""
    return {
        each.name: float(each.default) if each.annotation == "float" else each.default
        for each in inspect.signature(scenario).parameters.values()
        if each.kind is each.KEYWORD_ONLY
    }


def summary(scenario: Scenario) -> str:
    """What a scenario does, in one line."""
    return inspect.getdoc(scenario).partition("\n")[0]
