# SPDX-License-Identifier: Apache-2.0
"""A report for a terminal."""

from __future__ import annotations

from .distribution import PERCENTILES
from .record import OUTCOMES
from .report import MEASURES

COLUMNS = ("mean", *(f"p{share}" for share in PERCENTILES), "max")


def number(value: float | None, unit: str = "") -> str:
    """Three digits at least, thousands apart; a dash for what could not be had."""
    if value is None:
        return "–"
    size = abs(value)
    digits = 0 if size >= 100 or value == int(value) else 1 if size >= 10 else 2
    if 0 < size < 0.1:
        digits = 4
    return f"{value:,.{digits}f}" + (f" {unit}" if unit else "")


def milliseconds(value: float | None) -> str:
    return number(None if value is None else 1000 * value)


def lengths(report: dict) -> str:
    """How the lengths of prompts and answers came about, in words."""
    server = report["server_accepts"]
    fixed = "fixed by ignore_eos and min_tokens" if server["lengths_fixed"] else "as the model ends them"
    return (
        f"prompts as {server['prompts']}; answers' lengths {fixed}; "
        f"tokens counted by {server['tokens_counted_by']}"
    )


def outcomes(figures: dict) -> str:
    """Requests by what became of them, in words."""
    parts = [f"{figures[outcome]:,} {outcome}" for outcome in OUTCOMES if figures[outcome]]
    noun = "request" if figures["requests"] == 1 else "requests"
    return f"{figures['requests']:,} {noun}: {', '.join(parts) or 'none'}"


def generator(report: dict) -> str:
    """What the load test itself took, in words."""
    own = report["generator"]
    late = own["late"]
    text = f"generator: {100 * own['cpu_share']:.1f} % of one core"
    return text + (f", requests sent {milliseconds(late['p99'])} ms late (p99)" if late else "")


def render(report: dict) -> str:
    """The whole report as lines of text."""
    settings = ", ".join(f"{name} {number(value)}" for name, value in report["options"].items())
    lines = [
        f"{report['scenario']}: {settings}",
        f"{report['url']}  {report['server_accepts']['model']}",
        lengths(report),
        *(["interrupted: what was measured until then"] if report["is_interrupted"] else []),
        "",
    ]
    for name, figures in report["groups"].items():
        lines += [*_group(name, figures, report["targets"]), ""]
    if len(report["groups"]) > 1:
        lines += [f"all: {outcomes(report['total'])}", ""]
    if report["findings"]:
        width = max(len(finding["name"]) for finding in report["findings"])
        for finding in report["findings"]:
            lines.append(f"{finding['name']:<{width}}  {number(finding['value'], finding['unit']):>14}")
        lines.append("")
    return "\n".join(lines + _surroundings(report))


def _group(name: str, figures: dict, targets: dict) -> list[str]:
    lines = [
        f"{name}: {outcomes(figures)} in {number(figures['span'])} s",
        f"  {number(figures['output_tokens_per_second'])} output tokens/s, "
        f"{number(figures['requests_per_second'])} requests/s; goodput "
        f"{number(figures['goodput_requests_per_second'])} requests/s "
        f"(TTFT ≤ {number(targets['first_token'])} s, every gap ≤ {milliseconds(targets['gap'])} ms)",
    ]
    measured = [(label, figures[key]) for key, label in MEASURES.items() if figures[key]]
    if measured:
        lines.append("  " + f"{'ms':<12}" + "".join(f"{column:>11}" for column in COLUMNS))
    for label, described in measured:
        cells = "".join(f"{milliseconds(described[column]):>11}" for column in COLUMNS)
        lines.append(f"  {label:<12}{cells}")
    if figures["short"]:
        lines.append(f"  {figures['short']:,} answers have fewer tokens than were asked for")
    return lines + [f"  {line}" for line in map(error, figures["errors"])]


def error(kind: dict) -> str:
    """One kind of error in a line."""
    text = f"{kind['count']:,} × {kind['kind']}"
    if kind["example"] != kind["kind"]:
        text += f": {kind['example']}"
    if kind["retry_after"]:
        found = kind["retry_after"]
        text += f" (Retry-After {number(found['min'])} to {number(found['max'])} s)"
    elif kind["kind"].isdigit():
        text += " (no Retry-After)"
    return text


def _surroundings(report: dict) -> list[str]:
    lines = []
    if health := report["health"]:
        seconds = health["seconds"]
        lines.append(
            f"/health: p50 {milliseconds(seconds['p50'])} ms, p99 {milliseconds(seconds['p99'])} ms, "
            f"max {milliseconds(seconds['max'])} ms of {seconds['count']:,}; {health['not_ok']:,} not 200"
        )
    server = report["server"]
    if sizes := server["resident_bytes"]:
        first, highest, last = (number(sizes[key] / 2**20) for key in ("first", "max", "last"))
        lines.append(f"server's resident memory: {first} MiB at first, {highest} at most, {last} at last")
    if server["cpu_share"] is not None:
        lines.append(f"server: {100 * server['cpu_share']:.0f} % of one core")
    return [*lines, generator(report)]
