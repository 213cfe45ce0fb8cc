# SPDX-License-Identifier: Apache-2.0
"""What the two commands share: options, and one run of a scenario."""

from __future__ import annotations

import argparse
import asyncio
import datetime
import json
import os
import pathlib
import signal
import time
from collections.abc import Callable, Coroutine

from . import report
from .dialect import Dialect, find_dialect
from .exchange import Target
from .load import Load
from .record import UNFINISHED
from .scenarios import SCENARIOS, Finding, options, summary
from .watch import Watch, listener, raise_descriptor_limit

RESULTS = pathlib.Path(__file__).resolve().parents[2] / ".build" / "loadtest"


def parser(description: str, add_own: Callable[[argparse._ArgumentGroup], None]) -> argparse.ArgumentParser:
    """A parser with a subcommand for each scenario; `add_own` adds the command's own options to each."""
    parser = argparse.ArgumentParser(
        description=description,
        epilog="Set OPENAI_API_KEY where the server wants a key. SCENARIO --help lists its options.",
    )
    scenarios = parser.add_subparsers(dest="scenario", metavar="SCENARIO", required=True)
    for name, scenario in SCENARIOS.items():
        one = scenarios.add_parser(
            name,
            help=summary(scenario),
            description=summary(scenario),
        )
        own = one.add_argument_group("this scenario")
        for option, default in options(scenario).items():
            flag = f"--{option.replace('_', '-')}"
            own.add_argument(
                flag,
                dest=f"option_{option}",
                type=_amount(default),
                default=default,
                metavar="N",
                help=f"default: {default:g}",
            )
        common = one.add_argument_group("every scenario")
        add_own(common)
        _add_common(common)
    return parser


def _amount(default: int | float):
    """A parser of numbers that are not negative, whole where the default is."""

    def amount(text: str) -> int | float:
        value = type(default)(text)
        if not 0 <= value < 1e9:
            raise ValueError(text)
        return value

    return amount


def _add_common(group) -> None:
    def add(flag: str, help: str, **settings) -> None:
        group.add_argument(flag, help=help, **settings)

    seconds = {"type": _amount(1.0), "metavar": "SECONDS"}
    file = {"type": pathlib.Path, "metavar": "FILE"}
    add("--model", "the model asked for; default: the first that the server names", metavar="NAME")
    add("--prompts", "what prompts are made of", choices=("auto", "ids", "text"), default="auto")
    add("--temperature", "of the sampler; default: 0", type=_amount(1.0), default=0.0, metavar="N")
    add("--seed", "of arrivals, lengths and mixes; default: 1", type=int, default=1, metavar="N")
    add("--salt", "of the prompts' contents; default: the clock, so that no cache knows them", type=int)
    add("--timeout", "of a request; default: 600", default=600.0, **seconds)
    add("--target-ttft", "for goodput: to the first token; default: 1", default=1.0, **seconds)
    add("--target-itl", "for goodput: every gap; default: 0.2", default=0.2, **seconds)
    add("--json", "where the figures go; default: below .build/loadtest", **file)
    add("--html", "where the page goes; default: below .build/loadtest", **file)


async def prepare(url: str, arguments: argparse.Namespace) -> tuple[Target, Dialect]:
    """A server that answers, and how to ask it. Raises Unusable, OSError, ValueError."""
    raise_descriptor_limit()
    target = Target(url, os.environ.get("OPENAI_API_KEY"))
    await target.resolve()
    return target, await find_dialect(
        target, arguments.model, arguments.prompts, arguments.temperature
    )


async def run(
    target: Target, dialect: Dialect, arguments: argparse.Namespace, salt: int, pid: int | None = None
) -> dict:
    """Run the scenario once and return its report."""
    if pid is None and target.is_local:
        pid = listener(target.port)
    scenario = SCENARIOS[arguments.scenario]
    chosen = {name: getattr(arguments, f"option_{name}") for name in options(scenario)}
    watch = Watch(target, pid)
    load = Load(target, dialect, watch, arguments.seed, salt, arguments.timeout)
    begun = datetime.datetime.now(datetime.timezone.utc)
    started, cpu = time.monotonic(), time.process_time()
    async with load.running():
        findings = await _until_interrupted(load, scenario(load, **chosen))
        await load.settled()
        duration, cpu_seconds = time.monotonic() - started, time.process_time() - cpu
    about = {
        "scenario": arguments.scenario,
        "summary": summary(scenario),
        "options": chosen,
        "seed": arguments.seed,
        "salt": salt,
        "url": target.url,
        "server_accepts": dialect.describe(),
        "begun": begun.isoformat(timespec="seconds"),
        "is_interrupted": findings is None,
    }
    targets = report.Targets(arguments.target_ttft, arguments.target_itl)
    return report.build(
        about, load.records, load.marks, findings or [], watch, targets, duration, cpu_seconds
    )


async def _until_interrupted(load: Load, scenario: Coroutine) -> list[Finding] | None:
    """What a scenario finds; nothing if SIGINT ends it: then what was measured until then is the result."""
    task = asyncio.ensure_future(scenario)

    def interrupt() -> None:
        load.leave_all(UNFINISHED)
        task.cancel()

    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGINT, interrupt)
    try:
        return await task
    except asyncio.CancelledError:
        return None
    finally:
        loop.remove_signal_handler(signal.SIGINT)


def salt_of(arguments: argparse.Namespace) -> int:
    return time.time_ns() if arguments.salt is None else arguments.salt


def write(path: pathlib.Path | None, kind: str, name: str, text: str) -> pathlib.Path:
    """Write a result to where it was asked for, or else below `.build/loadtest`."""
    if path is None:
        stamp = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
        path = RESULTS / f"{name}-{stamp}.{kind}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def to_json(figures: dict) -> str:
    return json.dumps(figures, separators=(",", ":"), allow_nan=False) + "\n"
