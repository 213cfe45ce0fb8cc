# SPDX-License-Identifier: Apache-2.0
"""Load tests of OpenAI-compatible servers: what `scripts/loadtest` and `scripts/compare` are made of.

Only the standard library is used, so that a load test runs wherever Python 3.10 is.

    scenarios    the named loads, each a short function
    load         what they are written with: bursts, open loops, closed loops
    exchange     one HTTP request on a connection of its own, its answer stamped piece by piece
    events       from the pieces of an answer to the times of its tokens
    dialect      what a server accepts, found by asking it
    prompts      prompts that share nothing unless they are meant to
    watch        memory, metrics and /health of the server during the load; the generator's own CPU
    distribution percentiles, goodput, cumulative curves
    report       from records to the figures, as one JSON object
    table, page  the figures for a terminal and for a browser; charts draws, page arranges
"""
