# SPDX-License-Identifier: Apache-2.0
"""Schedules and prompts."""

import math

import numpy
import pytest
from loadtesting.arrivals import poisson
from loadtesting.prompts import Prompts, Shape


def test_a_schedule_is_that_of_its_seed():
    assert list(poisson(5, 10, seed=1)) == list(poisson(5, 10, seed=1))
    assert list(poisson(5, 10, seed=1)) != list(poisson(5, 10, seed=2))


@pytest.mark.parametrize("rate", [0.5, 3, 200])
def test_arrivals_have_the_rate_and_the_spread_of_a_poisson_process(rate):
    duration = 20_000 / rate

    times = numpy.array(list(poisson(rate, duration, seed=7)))
    gaps = numpy.diff(times, prepend=0)
    per_span = numpy.histogram(times, bins=2000, range=(0, duration))[0]

    # 20,000 arrivals: five standard errors of each statistic.
    assert abs(len(times) - 20_000) < 5 * math.sqrt(20_000)
    assert gaps.mean() * rate == pytest.approx(1, abs=5 / math.sqrt(20_000))
    # Exponential gaps: as much deviation as mean, and 1/e of them above it.
    assert gaps.std() / gaps.mean() == pytest.approx(1, abs=0.05)
    assert (gaps > gaps.mean()).mean() == pytest.approx(math.exp(-1), abs=0.02)
    # Counts of equal spans: as much variance as mean.
    assert per_span.var() / per_span.mean() == pytest.approx(1, abs=5 * math.sqrt(2 / 2000))


def test_arrivals_are_ascending_and_end_with_the_duration():
    times = list(poisson(100, 2, seed=3))

    assert times == sorted(times)
    assert 0 < times[0] and times[-1] < 2


def test_no_rate_is_refused():
    with pytest.raises(ValueError):
        list(poisson(0, 1, seed=1))


IDS = range(500, 30_000)


def test_prompts_of_ids_have_their_length_and_share_nothing():
    prompts = Prompts(1, IDS)

    made = [prompts.make(Shape(100, 64)) for _ in range(1000)]

    assert {len(prompt) for prompt in made} == {100}
    assert all(token in IDS for prompt in made for token in prompt)
    assert len({tuple(prompt[:4]) for prompt in made}) == 1000


def test_prompts_share_exactly_what_they_are_meant_to():
    prompts = Prompts(1, IDS)

    made = [prompts.make(Shape(60, 8, 50, "a")) for _ in range(100)]
    other = prompts.make(Shape(60, 8, 50, "b"))

    assert {tuple(prompt[:50]) for prompt in made} == {tuple(made[0][:50])}
    assert len({tuple(prompt[50:]) for prompt in made}) == 100
    assert other[:50] != made[0][:50]
    assert {len(prompt) for prompt in made} == {60}


@pytest.mark.parametrize("ids", [IDS, None])
def test_prompts_are_those_of_their_seed(ids):
    shapes = [Shape(30, 1), Shape(20, 1, 10, "a"), Shape(40, 1)]

    first, again, other = (
        [prompts.make(shape) for shape in shapes]
        for prompts in (Prompts(1, ids), Prompts(1, ids), Prompts(2, ids))
    )

    assert first == again
    assert all(one != two for one, two in zip(first, other))


def test_prompts_of_text_have_the_words_for_their_tokens():
    assert len(Prompts(1, None).make(Shape(100, 1)).split(" ")) == 100
    assert len(Prompts(1, None, tokens_per_word=1.25).make(Shape(100, 1)).split(" ")) == 80
