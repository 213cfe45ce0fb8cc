# SPDX-License-Identifier: Apache-2.0
"""From records to the figures, as one object that JSON can hold. Times are in seconds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from .distribution import describe
from .record import COMPLETED, OUTCOMES, Record
from .scenarios import Finding
from .watch import Watch

FORMAT = 1
"""Raised when a field changes its meaning."""

MEASURES = {
    "ttft": "TTFT",
    "itl": "ITL",
    "tpot": "TPOT",
    "latency": "end to end",
}
"""Distributions of a group, and what they are called. As in vLLM's benchmark."""


@dataclass(frozen=True)
class Targets:
    """What an answer must keep to count for goodput, in seconds."""

    first_token: float
    gap: float


def build(
    about: dict,
    records: Sequence[Record],
    marks: Sequence[tuple[float, str]],
    findings: Sequence[Finding],
    watch: Watch,
    targets: Targets,
    duration: float,
    cpu_seconds: float,
) -> dict:
    """The report of one load test.

    `about` says what was run, `duration` how long, and `cpu_seconds` what the generator itself took.
    """
    groups = dict.fromkeys(record.group for record in records)
    seen = watch.describe()
    return {
        "format": FORMAT,
        **about,
        "targets": asdict(targets),
        "duration": duration,
        "total": summarize(records, targets),
        "groups": {
            name: summarize([one for one in records if one.group == name], targets)
            for name in groups
        },
        "findings": [asdict(finding) for finding in findings],
        "health": _health(seen["health"]),
        "server": _server(seen["samples"]),
        "generator": {
            "cpu_seconds": cpu_seconds,
            "cpu_share": cpu_seconds / duration,
            "late": describe([one.sent - one.scheduled for one in records]),
        },
        "marks": [{"time": time, "label": label} for time, label in marks],
        "requests": [_request(one) for one in records],
        **{"samples": seen["samples"], "health_checks": seen["health"]},
    }


def summarize(records: Sequence[Record], targets: Targets) -> dict:
    """The figures of some requests.

    Distributions are of what was received: first tokens and gaps of answers that were cut short count too,
    the end-to-end latency only of completed ones. Rates are over the time from the first request's due
    moment to the last one's end.
    """
    completed = [one for one in records if one.outcome == COMPLETED]
    good = [one for one in records if one.is_good(targets.first_token, targets.gap)]
    output_tokens = sum(one.output_tokens for one in records)
    span = max((one.ended for one in records), default=0) - min(
        (one.scheduled for one in records), default=0
    )
    first_tokens = [one.time_to_first_token for one in records]
    return {
        "requests": len(records),
        **{outcome: sum(one.outcome == outcome for one in records) for outcome in OUTCOMES},
        "short": sum(one.is_short for one in records),
        "span": span,
        "prompt_tokens": sum(one.prompt_tokens or 0 for one in records),
        "cached_tokens": sum(one.cached_tokens or 0 for one in records),
        "output_tokens": output_tokens,
        "output_tokens_per_second": _rate(output_tokens, span),
        "requests_per_second": _rate(len(completed), span),
        "goodput_requests_per_second": _rate(len(good), span),
        "good_share": len(good) / len(records) if records else None,
        "ttft": describe([time for time in first_tokens if time is not None]),
        "itl": describe([gap for one in records for gap in one.gaps]),
        "tpot": describe(
            [one.time_per_output_token for one in completed if one.time_per_output_token is not None]
        ),
        "latency": describe([one.latency for one in completed]),
        "errors": _errors(records),
    }


def _errors(records: Sequence[Record]) -> list[dict]:
    """What went wrong, the most frequent first; refusals by status, with what Retry-After said."""
    kinds: Counter[str] = Counter()
    examples: dict[str, Record] = {}
    kind_of = {}
    for one in records:
        if one.fault is not None:
            kind = str(one.status) if one.outcome == "refused" else one.fault
            kinds[kind] += 1
            examples.setdefault(kind, one)
            kind_of.setdefault(kind, []).append(one)
    return [
        {
            "kind": kind,
            "count": count,
            "example": examples[kind].fault,
            "seconds": describe([one.latency for one in kind_of[kind]]),
            "retry_after": describe(
                [one.retry_after for one in kind_of[kind] if one.retry_after is not None]
            ),
        }
        for kind, count in kinds.most_common()
    ]


def _health(checks: Sequence[dict]) -> dict | None:
    if not checks:
        return None
    return {
        "seconds": describe([check["seconds"] for check in checks]),
        "not_ok": sum(check["status"] != 200 for check in checks),
    }


def _server(samples: Sequence[dict]) -> dict:
    """Memory and processor time of the server over the load test, where they could be had."""
    sizes = [one["resident_bytes"] for one in samples if one["resident_bytes"] is not None]
    timed = [one for one in samples if one["cpu_seconds"] is not None]
    cpu_share = None
    if len(timed) > 1 and timed[-1]["time"] > timed[0]["time"]:
        cpu_share = (timed[-1]["cpu_seconds"] - timed[0]["cpu_seconds"]) / (
            timed[-1]["time"] - timed[0]["time"]
        )
    return {
        "resident_bytes": {"first": sizes[0], "max": max(sizes), "last": sizes[-1]} if sizes else None,
        "cpu_share": cpu_share,
    }


def _request(one: Record) -> dict:
    return {
        "group": one.group,
        "scheduled": round(one.scheduled, 6),
        "sent": round(one.sent, 6),
        "ended": round(one.ended, 6),
        "outcome": one.outcome,
        "status": one.status,
        "fault": one.fault,
        "retry_after": one.retry_after,
        "prompt_tokens": one.prompt_tokens,
        "output_tokens": one.output_tokens,
        "cached_tokens": one.cached_tokens,
        "token_times": [round(time, 6) for time in one.token_times],
    }


def _rate(count: float, span: float) -> float | None:
    return count / span if span > 0 else None
