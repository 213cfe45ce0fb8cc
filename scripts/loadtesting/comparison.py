# SPDX-License-Identifier: Apache-2.0
"""Reports of the same load on two servers, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from . import page
from .distribution import median
from .report import FORMAT, MEASURES
from .table import lengths, number

RATES = {
    "output_tokens_per_second": "output tokens/s",
    "requests_per_second": "requests/s",
    "goodput_requests_per_second": "goodput, requests/s",
}
PERCENTILES = {"ttft": ("p50", "p99"), "itl": ("p50", "p99", "max"), "tpot": ("p50",), "latency": ("p50",)}


def compare(names: tuple[str, str], rounds: Sequence[tuple[dict, dict]]) -> dict:
    """The figures of both, medians over the rounds, and the ratios of each round.

    Ratios are the first server's figure by the second's of the same round: they were taken close together,
    so that what changes slowly on the machine is in both.
    """
    groups = [name for name in rounds[0][0]["groups"] if name in rounds[0][1]["groups"]]
    rows = []
    for group in groups:
        pairs = [tuple(one["groups"].get(group) for one in both) for both in rounds]
        for key, name in RATES.items():
            rows.append(_row(group, name, 1, _values(pairs, lambda one: one[key])))
        for key, figures in PERCENTILES.items():
            for figure in figures:
                values = _values(pairs, lambda one: one[key] and 1000 * one[key][figure])
                rows.append(_row(group, f"{MEASURES[key]} {figure}, ms", -1, values))
    for place, finding in enumerate(rounds[0][0]["findings"]):
        values = _values(rounds, lambda one: one["findings"][place]["value"])
        rows.append(_row("scenario", f"{finding['name']}, {finding['unit']}", 0, values))
    return {
        "format": FORMAT,
        "scenario": rounds[0][0]["scenario"],
        "summary": rounds[0][0]["summary"],
        "names": list(names),
        "rows": [row for row in rows if row is not None],
        "rounds": [list(both) for both in rounds],
    }


def _values(pairs: Sequence[tuple], value) -> list[tuple[float | None, float | None]]:
    return [tuple(None if one is None else value(one) for one in pair) for pair in pairs]


def _row(group: str, name: str, better: int, values: Sequence[tuple]) -> dict | None:
    """One figure; nothing if neither server has it. `better` is 1 for more, −1 for less, 0 for neither."""
    first, second = ([pair[side] for pair in values if pair[side] is not None] for side in (0, 1))
    if not first and not second:
        return None
    ratios = [a / b for a, b in values if a is not None and b]
    return {
        "group": group,
        "name": name,
        "better": {1: "more", -1: "less", 0: ""}[better],
        "medians": [median(first) if first else None, median(second) if second else None],
        "ratio": median(ratios) if ratios else None,
        "ratios": ratios,
    }


def _range(row: dict) -> str:
    ratios = row["ratios"]
    return f"{number(min(ratios))} – {number(max(ratios))}" if len(ratios) > 1 else ""


def _header_lines(comparison: dict) -> list[str]:
    lines = []
    for side, name in enumerate(comparison["names"]):
        first = comparison["rounds"][0][side]
        lines.append(f"{name}: {first['server_accepts']['model']} at {first['url']}; {lengths(first)}")
    return lines


def render_table(comparison: dict) -> str:
    """The comparison as lines of text."""
    one, other = comparison["names"]
    count = len(comparison["rounds"])
    lines = [
        f"{comparison['scenario']}, medians of {count}, alternated",
        *_header_lines(comparison),
    ]
    wide = max(14, len(one) + 2, len(other) + 2)
    group = None
    for row in comparison["rows"]:
        if row["group"] != group:
            group = row["group"]
            heads = f"{one:>{wide}}{other:>{wide}}{'ratio':>9}{'range':>16}  better"
            lines += ["", f"{group:<36}{heads}"]
        figures = "".join(f"{number(value):>{wide}}" for value in row["medians"])
        lines.append(
            f"  {row['name']:<34}{figures}{number(row['ratio']):>9}{_range(row):>16}  {row['better']}"
        )
    shares = [
        max(100 * both[side]["generator"]["cpu_share"] for both in comparison["rounds"]) for side in (0, 1)
    ]
    lines += ["", f"generator: at most {max(shares):.1f} % of one core"]
    return "\n".join(lines)


def render_page(comparison: dict) -> str:
    """The comparison as a page that asks for nothing outside itself."""
    one, other = map(escape, comparison["names"])
    header = "".join(f"<p>{escape(line)}.</p>" for line in _header_lines(comparison))
    body = (
        f"<header><h1>{one} and {other}: {escape(comparison['scenario'])}</h1>"
        f"<p>{escape(comparison['summary'])} Medians of {len(comparison['rounds'])} rounds, alternated.</p>"
        f"{header}</header>\n{page.tiles(_tiles(comparison))}\n"
        f'<h2>Figures</h2><div class="scroll"><table><tr><th></th><th>{one}</th><th>{other}</th>'
        f"<th>ratio</th><th>range</th><th>better</th></tr>{_rows(comparison)}</table></div>\n"
        f'<h2>Distributions, all rounds</h2><div class="plots">{_plots(comparison)}</div>\n'
    )
    return page.document(f"{comparison['names'][0]} and {comparison['names'][1]}", body)


def _tiles(comparison: dict) -> list[tuple[str, str, str]]:
    """The ratios of the largest group."""
    totals = comparison["rounds"][0][0]["groups"]
    if not totals:
        return []
    largest = max(totals, key=lambda name: totals[name]["requests"])
    wanted = (RATES["output_tokens_per_second"], "TTFT p50, ms", "ITL p50, ms", "ITL p99, ms", "ITL max, ms")
    return [
        (row["name"].removesuffix(", ms"), number(row["ratio"]), f"× ({row['better']} is better)")
        for row in comparison["rows"]
        if row["group"] == largest and row["name"] in wanted
    ]


def _rows(comparison: dict) -> str:
    parts, group = [], None
    for row in comparison["rows"]:
        if row["group"] != group:
            group = row["group"]
            parts.append(f'<tr class="group"><td colspan="6">{escape(group)}</td></tr>')
        cells = [number(value) for value in (*row["medians"], row["ratio"])]
        cells += [_range(row), row["better"]]
        parts.append(
            f"<tr><td>{escape(row['name'])}</td>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"
        )
    return "".join(parts)


def _plots(comparison: dict) -> str:
    parts = []
    for group in comparison["rounds"][0][0]["groups"]:
        for title, values in (("time to first token", page.first_token), ("inter-token latency", page.gaps)):
            samples = [
                (
                    name,
                    f"s{side}",
                    [
                        value
                        for both in comparison["rounds"]
                        for request in both[side]["requests"]
                        if request["group"] == group
                        for value in values(request)
                    ],
                )
                for side, name in enumerate(comparison["names"])
            ]
            parts.append(page.curves(f"{group}: {title}", samples))
    return "".join(parts)
