# SPDX-License-Identifier: Apache-2.0
"""Arithmetic over samples: exact percentiles, cumulative curves, slopes. No sampling, no buckets."""

from __future__ import annotations

import math
from collections.abc import Sequence

PERCENTILES = (50, 90, 99)


def percentile(ordered: Sequence[float], share: float) -> float:
    """The `share`-th percentile (0 … 100) of ascending samples, by linear interpolation.

    NumPy's default and type 7 of Hyndman and Fan (1996): the k-th of n samples is at (k − 1) / (n − 1).
    """
    if not ordered:
        raise ValueError("no samples")
    place = (len(ordered) - 1) * share / 100
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def describe(samples: Sequence[float]) -> dict | None:
    """Count, mean, extremes and percentiles; nothing of no samples."""
    if not samples:
        return None
    ordered = sorted(samples)
    figures = {"count": len(ordered), "mean": math.fsum(ordered) / len(ordered), "min": ordered[0]}
    figures |= {f"p{share}": percentile(ordered, share) for share in PERCENTILES}
    return figures | {"max": ordered[-1]}


def median(samples: Sequence[float]) -> float:
    return percentile(sorted(samples), 50)


def cumulative(samples: Sequence[float], points: int = 400) -> list[tuple[float, float]]:
    """(value, share of samples at or below it), every sample of a few and `points` of many.

    The least and the greatest are always there.
    """
    ordered = sorted(samples)
    count = len(ordered)
    if count <= points:
        places = range(count)
    else:
        places = sorted({round(step * (count - 1) / (points - 1)) for step in range(points)})
    return [(ordered[place], (place + 1) / count) for place in places]


def slope(points: Sequence[tuple[float, float]]) -> float | None:
    """The slope of the least-squares line through (x, y); nothing if all x are one."""
    if len(points) < 2:
        return None
    mean_x = math.fsum(x for x, _ in points) / len(points)
    mean_y = math.fsum(y for _, y in points) / len(points)
    spread = math.fsum((x - mean_x) ** 2 for x, _ in points)
    if spread == 0:
        return None
    return math.fsum((x - mean_x) * (y - mean_y) for x, y in points) / spread
