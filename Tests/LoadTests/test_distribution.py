# SPDX-License-Identifier: Apache-2.0
"""The arithmetic, against NumPy's."""

import random

import numpy
import pytest
from loadtesting.distribution import cumulative, describe, percentile, slope

SIZES = [1, 2, 3, 4, 10, 99, 100, 101, 1000]
# Both interpolate in doubles; the formulas round differently.
ROUNDING = 1e-12


def samples_of(count):
    draws = random.Random(count)
    return [draws.lognormvariate(-3, 2) for _ in range(count)]


@pytest.mark.parametrize("count", SIZES)
def test_percentiles_are_numpys(count):
    samples = samples_of(count)

    for share in (0, 1, 25, 50, 90, 99, 99.9, 100):
        expected = numpy.percentile(samples, share)
        assert percentile(sorted(samples), share) == pytest.approx(expected, rel=ROUNDING)


@pytest.mark.parametrize("count", SIZES)
def test_a_description_is_of_all_samples(count):
    samples = samples_of(count)

    described = describe(samples)

    assert described["count"] == count
    assert described["mean"] == pytest.approx(numpy.mean(samples), rel=ROUNDING)
    assert described["min"] == min(samples)
    assert described["max"] == max(samples)
    assert described["p99"] == pytest.approx(numpy.percentile(samples, 99), rel=ROUNDING)


def test_nothing_is_described_by_nothing():
    assert describe([]) is None
    with pytest.raises(ValueError):
        percentile([], 50)


@pytest.mark.parametrize("count", SIZES)
def test_a_cumulative_curve_counts_samples_at_or_below(count):
    samples = samples_of(count)

    curve = cumulative(samples, points=50)

    assert len(curve) <= max(50, min(count, 50))
    assert curve[0][0] == min(samples)
    assert curve[-1] == (max(samples), 1)
    for value, share in curve:
        assert share == pytest.approx(numpy.mean(numpy.array(samples) <= value), rel=ROUNDING)


@pytest.mark.parametrize("count", SIZES[1:])
def test_a_slope_is_that_of_least_squares(count):
    points = list(enumerate(samples_of(count)))

    expected = numpy.polyfit(*zip(*points), 1)[0]

    assert slope(points) == pytest.approx(expected, rel=1e-6, abs=1e-9)


def test_points_at_one_place_have_no_slope():
    assert slope([(1, 2)]) is None
    assert slope([(1, 2), (1, 3)]) is None
