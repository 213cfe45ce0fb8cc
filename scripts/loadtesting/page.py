# SPDX-License-Identifier: Apache-2.0
"""A report as one page that asks for nothing outside itself."""

from __future__ import annotations

import pathlib
from collections.abc import Iterable, Sequence
from html import escape

from . import series, table
from .charts import Plot, Scale
from .distribution import cumulative
from .report import MEASURES
from .table import milliseconds, number

STYLE = pathlib.Path(__file__).with_name("page.css")
MAX_ROWS = 200
"""Requests that the timeline shows; with more its rows would be thinner than a pixel."""
MAX_DOTS = 3000
"""Dots of a plot; with more the page becomes slow."""
OUTCOME_COLOURS = {
    "completed": "s0",
    "abandoned": "s4",
    "refused": "warn",
    "failed": "bad",
}


def document(title: str, body: str) -> str:
    """A whole page with the style sheet inside."""
    style = STYLE.read_text(encoding="utf-8")
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>\n{style}</style>\n</head>\n<body>\n{body}</body>\n</html>\n"
    )


def render(report: dict) -> str:
    """The page of one load test."""
    return document(
        f"Load test: {report['scenario']}, {report['server_accepts']['model']}",
        "\n".join(
            (_header(report), tiles(_tiles(report)), _tables(report), _plots(report), _footer(report))
        ),
    )


# Words and tables


def _header(report: dict) -> str:
    settings = ", ".join(
        f"{name.replace('_', ' ')} {number(value)}" for name, value in report["options"].items()
    )
    title = report["scenario"] + (", interrupted" if report["is_interrupted"] else "")
    return (
        f"<header><h1>Load test: {escape(title)}</h1>"
        f"<p>{escape(report['summary'])} {escape(settings[:1].upper() + settings[1:])}.</p>"
        f"<p>{escape(report['server_accepts']['model'])} at {escape(report['url'])}, "
        f"{escape(report['begun'].replace('T', ' ').replace('+00:00', ' UTC'))}, "
        f"{number(report['duration'])} s.</p></header>"
    )


def tiles(items: Iterable[tuple[str, str, str]]) -> str:
    """Figures in large type: name, value, unit."""
    cells = (
        f'<div class="tile"><span>{escape(name)}</span><b>{escape(value)}</b> '
        f"<small>{escape(unit)}</small></div>"
        for name, value, unit in items
    )
    return f'<div class="tiles">{"".join(cells)}</div>'


def _tiles(report: dict) -> list[tuple[str, str, str]]:
    total = report["total"]
    items = [("throughput", number(total["output_tokens_per_second"]), "tokens/s")]
    for key, figure in (("ttft", "p50"), ("ttft", "p99"), ("itl", "p50"), ("itl", "p99"), ("itl", "max")):
        if total[key]:
            items.append((f"{MEASURES[key]} {figure}", milliseconds(total[key][figure]), "ms"))
    share = total["good_share"]
    items.append(
        (
            "goodput",
            number(total["goodput_requests_per_second"]),
            "requests/s" + ("" if share is None else f", {100 * share:.0f} % of all"),
        )
    )
    failures = total["refused"] + total["failed"] + total["unfinished"]
    items.append(("not completed", f"{failures:,}", f"of {total['requests']:,} requests"))
    if report["health"]:
        items.append(("/health p99", milliseconds(report["health"]["seconds"]["p99"]), "ms"))
    items.append(("generator", number(100 * report["generator"]["cpu_share"]), "% of one core"))
    return items


def _tables(report: dict) -> str:
    parts = []
    if report["findings"]:
        rows = "".join(
            f"<tr><td>{escape(one['name'])}</td><td>{escape(number(one['value'], one['unit']))}</td></tr>"
            for one in report["findings"]
        )
        parts.append(f'<h2>What this scenario asks</h2><div class="scroll"><table>{rows}</table></div>')
    head = "".join(f"<th>{column}</th>" for column in ("ms", "samples", *table.COLUMNS))
    rows = "".join(_group_rows(name, figures) for name, figures in report["groups"].items())
    parts.append(f'<h2>Latencies</h2><div class="scroll"><table><tr>{head}</tr>{rows}</table></div>')
    if report["total"]["errors"]:
        rows = "".join(
            f'<tr><td class="text">{escape(table.error(one))}</td>'
            f"<td>{milliseconds(one['seconds']['p50'])} ms</td></tr>"
            for one in report["total"]["errors"]
        )
        parts.append(
            '<h2>Errors</h2><div class="scroll"><table><tr><th>what</th><th>after, p50</th></tr>'
            f"{rows}</table></div>"
        )
    return "".join(parts)


def _group_rows(name: str, figures: dict) -> str:
    span = len(table.COLUMNS) + 2
    rate = number(figures["output_tokens_per_second"])
    short = f"; {figures['short']:,} answers shorter than asked for" if figures["short"] else ""
    rows = (
        f'<tr class="group"><td colspan="{span}">{escape(name)}<span>{escape(table.outcomes(figures))} in '
        f"{number(figures['span'])} s, {rate} tokens/s{short}</span></td></tr>"
    )
    for key, title in MEASURES.items():
        if described := figures[key]:
            cells = "".join(f"<td>{milliseconds(described[column])}</td>" for column in table.COLUMNS)
            rows += f"<tr><td>{title}</td><td>{described['count']:,}</td>{cells}</tr>"
    return rows


def _footer(report: dict) -> str:
    targets = report["targets"]
    return (
        "<footer><p>TTFT: from the moment a request was due to its first token, also where the generator "
        "was late. ITL: every gap between two events with text. TPOT: an answer's mean time per token after "
        "the first. Percentiles are exact. Good is an answer whose first token came within "
        f"{number(targets['first_token'])} s and whose every gap was at most {milliseconds(targets['gap'])} "
        f"ms.</p><p>{escape(table.lengths(report).capitalize())}. "
        f"Seed {report['seed']}, salt {report['salt']}. "
        f"{escape(table.generator(report).capitalize())}.</p></footer>\n"
    )


# Plots


def figure(title: str, svg: str, keys: Sequence[tuple[str, str]] = (), note: str = "", wide=False) -> str:
    """A plot with its title and, where there is more than one series, a legend."""
    legend = "".join(f'<span class="key {kind}">{escape(name)}</span>' for name, kind in keys)
    note = f"<p>{escape(note)}</p>" if note else ""
    return (
        f'<figure{" class=wide" if wide else ""}><figcaption><h3>{escape(title)}</h3>{legend}{note}'
        f"</figcaption>{svg}</figure>"
    )


def _plots(report: dict) -> str:
    bins = series.Bins(report["duration"])
    time = Scale(0, report["duration"])
    groups = {name: f"s{min(place, 4)}" for place, name in enumerate(report["groups"])}
    plots = [
        _timeline(report, time, groups),
        _throughput(report, time, bins),
        _in_flight(report, time, bins),
        _first_tokens(report, time, groups),
        _gaps(report, time, bins),
        curves("Time to first token, distribution", _by_group(report, groups, first_token)),
        curves("Inter-token latency, distribution", _by_group(report, groups, gaps)),
        _outcomes(report, time, bins),
        _health(report, time),
        _cache(report, time),
        _memory(report, time),
        _processors(report, time),
    ]
    return f'<h2>Over time</h2><div class="plots">{"".join(filter(None, plots))}</div>'


def _timeline(report: dict, time: Scale, groups: dict[str, str]) -> str:
    requests = sorted(report["requests"], key=lambda one: one["scheduled"])
    if not requests or len(requests) > MAX_ROWS:
        return ""
    rows = len(requests)
    height = 60 + min(420, max(120, 9 * rows))
    plot = Plot(time, Scale(0, rows), "s", "requests", height, wide=True)
    for place, one in enumerate(requests):
        low, high = rows - place - 0.85, rows - place - 0.15
        first = one["token_times"][0] if one["token_times"] else one["ended"]
        kind = groups[one["group"]] if one["outcome"] != "failed" else "bad"
        text = (
            f"{one['group']}, {one['outcome']}: due at {one['scheduled']:.2f} s, first token after "
            f"{number(1000 * (first - one['scheduled']))} ms, {one['output_tokens']} tokens, "
            f"ended at {one['ended']:.2f} s"
        )
        plot.bar(one["scheduled"], first, low, high, f"{kind} late", text)
        if one["token_times"]:
            plot.bar(first, one["ended"], low, high, kind, text)
    plot.marks(report["marks"])
    return figure(
        "Each request",
        plot.svg("Each request as a bar from its due moment to its end"),
        [(name, kind) for name, kind in groups.items()],
        "Pale while it waits for its first token, full while it streams.",
        wide=True,
    )


def _throughput(report: dict, time: Scale, bins: series.Bins) -> str:
    rates = series.token_rates(report["requests"], bins)
    plot = Plot(time, Scale.of(rates), "s", "tokens/s")
    plot.line([(bins.middle(place), rate) for place, rate in enumerate(rates)], "s0", fill=True)
    plot.marks(report["marks"])
    plot.hover(_spans(bins, lambda place: f"{number(rates[place])} tokens/s"))
    return figure("Output tokens a second", plot.svg("Output tokens a second over time"))


def _in_flight(report: dict, time: Scale, bins: series.Bins) -> str:
    waiting, streaming = series.in_flight(report["requests"], bins)
    plot = Plot(time, Scale.of([*waiting, *streaming]), "s", "requests")
    for counts, kind in ((waiting, "s1"), (streaming, "s0")):
        plot.line([(bins.middle(place), count) for place, count in enumerate(counts)], kind)
    plot.marks(report["marks"])
    plot.hover(
        _spans(bins, lambda place: f"{waiting[place]} wait, {streaming[place]} stream")
    )
    return figure(
        "Requests in the server",
        plot.svg("Requests that wait and that stream over time"),
        [("wait for a first token", "s1"), ("stream", "s0")],
    )


def _first_tokens(report: dict, time: Scale, groups: dict[str, str]) -> str:
    answered = [one for one in report["requests"] if one["token_times"]]
    if not answered or answered[-1]["scheduled"] - answered[0]["scheduled"] < 0.01 * report["duration"]:
        return ""  # All at one moment: the distribution says it.
    kept = answered[:: -(-len(answered) // MAX_DOTS)]
    plot = Plot(time, Scale.of((1000 * _first_token(one) for one in answered), True), "due at, s", "ms")
    plot.marks(report["marks"])
    for name, kind in groups.items():
        plot.dots(
            (
                (
                    one["scheduled"],
                    1000 * _first_token(one),
                    f"{name}: {number(1000 * _first_token(one))} ms, due at {one['scheduled']:.2f} s",
                )
                for one in kept
                if one["group"] == name
            ),
            kind,
        )
    note = "" if len(kept) == len(answered) else f"{len(kept):,} of {len(answered):,} requests are drawn."
    return figure(
        "Time to first token", plot.svg("Time to first token of each request"), _keys(groups), note
    )


def _gaps(report: dict, time: Scale, bins: series.Bins) -> str:
    found = series.gap_figures(report["requests"], bins)
    values = [1000 * one[key] for one in found if one for key in one]
    if not values:
        return ""
    plot = Plot(time, Scale.of(values, True), "s", "ms")
    for key, kind in (("max", "high"), ("p99", "mid"), ("p50", "low")):
        plot.line(
            [(bins.middle(place), one and 1000 * one[key]) for place, one in enumerate(found)], kind
        )
    plot.marks(report["marks"])
    plot.hover(
        _spans(
            bins,
            lambda place: ", ".join(
                f"{key} {milliseconds(value)} ms" for key, value in (found[place] or {}).items()
            ),
        )
    )
    return figure(
        "Inter-token latency",
        plot.svg("Percentiles of inter-token latency over time"),
        [("p50", "low"), ("p99", "mid"), ("max", "high")],
    )


def curves(title: str, samples: Sequence[tuple[str, str, Sequence[float]]]) -> str:
    """Cumulative distributions, in milliseconds on a logarithmic axis: name, colour, seconds."""
    samples = [each for each in samples if each[2]]
    if not samples:
        return ""
    # Two events that came together have no time between them; a logarithm needs one.
    least = 1e-4
    values = [1000 * max(value, least) for _, _, found in samples for value in found]
    plot = Plot(Scale.of(values, True), Scale(0, 1), "ms", "share of samples")
    for _, kind, found in samples:
        plot.steps([(1000 * max(value, least), share) for value, share in cumulative(found)], kind)
    keys = [(name, kind) for name, kind, _ in samples] if len(samples) > 1 else []
    return figure(title, plot.svg(title), keys)


def _by_group(report: dict, groups: dict[str, str], values) -> list[tuple[str, str, list[float]]]:
    return [
        (
            name,
            kind,
            [value for one in report["requests"] if one["group"] == name for value in values(one)],
        )
        for name, kind in groups.items()
    ]


def first_token(request: dict) -> list[float]:
    """The time to first token in a list, or an empty one."""
    return [_first_token(request)] if request["token_times"] else []


def gaps(request: dict) -> list[float]:
    """The times between a request's tokens."""
    times = request["token_times"]
    return [later - earlier for earlier, later in zip(times, times[1:])]


def _outcomes(report: dict, time: Scale, bins: series.Bins) -> str:
    rates = series.outcome_rates(report["requests"], bins)
    if set(rates) <= {"completed"}:
        return ""
    sums = [sum(found[place] for found in rates.values()) for place in range(bins.count)]
    plot = Plot(time, Scale.of(sums), "s", "requests/s")
    below = [0.0] * bins.count
    for outcome, kind in OUTCOME_COLOURS.items():
        for place, rate in enumerate(rates.get(outcome, ())):
            if rate:
                begin = place * bins.width
                text = f"{bins.span(place)}: {number(rate)} requests/s {outcome}"
                end = begin + 0.9 * bins.width
                plot.bar(begin, end, below[place], below[place] + rate, kind, text)
                below[place] += rate
    plot.marks(report["marks"])
    keys = [(outcome, kind) for outcome, kind in OUTCOME_COLOURS.items() if outcome in rates]
    return figure("Requests that ended", plot.svg("Requests that ended over time, by outcome"), keys)


def _health(report: dict, time: Scale) -> str:
    checks = report["health_checks"]
    if not checks:
        return ""
    kept = checks[:: -(-len(checks) // MAX_DOTS)]
    plot = Plot(time, Scale.of((1000 * one["seconds"] for one in checks), True), "s", "ms")
    plot.marks(report["marks"])
    for is_ok, kind in ((True, "s0"), (False, "bad")):
        plot.dots(
            (
                (one["time"], 1000 * one["seconds"], f"{number(1000 * one['seconds'])} ms")
                for one in kept
                if (one["status"] == 200) == is_ok
            ),
            kind,
            2.5,
        )
    return figure("GET /health during the load", plot.svg("Latency of GET /health over time"))


def _cache(report: dict, time: Scale) -> str:
    shares = [
        (one["time"], 100 * one["kv_usage"]) for one in report["samples"] if one["kv_usage"] is not None
    ]
    if not shares:
        return ""
    plot = Plot(time, Scale.of(share for _, share in shares), "s", "%")
    plot.line(shares, "s0", fill=True)
    plot.marks(report["marks"])
    return figure("Keys and values in use", plot.svg("Share of the KV cache in use over time"))


def _memory(report: dict, time: Scale) -> str:
    sizes = [
        (one["time"], one["resident_bytes"] / 2**20)
        for one in report["samples"]
        if one["resident_bytes"] is not None
    ]
    if not sizes:
        return ""
    plot = Plot(time, Scale.of(size for _, size in sizes), "s", "MiB")
    plot.line(sizes, "s0", fill=True)
    plot.marks(report["marks"])
    return figure("Server's resident memory", plot.svg("Resident memory over time"))


def _processors(report: dict, time: Scale) -> str:
    own = series.shares(report["samples"], "generator_cpu_seconds")
    servers = series.shares(report["samples"], "cpu_seconds")
    if not own:
        return ""
    plot = Plot(time, Scale.of(share for _, share in [*own, *servers]), "s", "% of one core")
    plot.line(servers, "s0")
    plot.line(own, "s1")
    plot.marks(report["marks"])
    keys = [("server", "s0"), ("generator", "s1")] if servers else [("generator", "s1")]
    return figure("Processor time", plot.svg("Processor time over time"), keys)


def _first_token(request: dict) -> float:
    return request["token_times"][0] - request["scheduled"]


def _keys(groups: dict[str, str]) -> list[tuple[str, str]]:
    return list(groups.items()) if len(groups) > 1 else []


def _spans(bins: series.Bins, text) -> Iterable[tuple[float, float, str]]:
    return (
        (place * bins.width, (place + 1) * bins.width, f"{bins.span(place)}: {text(place)}")
        for place in range(bins.count)
    )
