# SPDX-License-Identifier: Apache-2.0
"""When the requests of an open loop are due."""

from __future__ import annotations

import random
from collections.abc import Iterator


def poisson(rate: float, duration: float, seed: int) -> Iterator[float]:
    """Times in [0, duration) of a Poisson process of `rate` a second; the same for the same seed."""
    if rate <= 0:
        raise ValueError(f"a rate must be above 0, found {rate}")
    draws = random.Random(seed)
    time = draws.expovariate(rate)
    while time < duration:
        yield time
        time += draws.expovariate(rate)
