# SPDX-License-Identifier: Apache-2.0
"""What is seen of a server, and what plots over time are made of."""

import os
import pathlib
import random
import re
import socket
import time

import numpy
import pytest
from loadtesting import series
from loadtesting.charts import Scale
from loadtesting.watch import listener, process_figures, read_gauges

METRICS = {
    "apus": """# HELP apus:num_requests_running x
apus:num_requests_running 3
apus:num_requests_waiting 4
apus:kv_cache_usage_perc 0.25
apus:generation_tokens_total 99
""",
    "vllm": """vllm:num_requests_running{engine="0",model_name="a b"} 2.0
vllm:num_requests_running{engine="1",model_name="a b"} 1.0
vllm:num_requests_waiting{engine="0",model_name="a b"} 4.0
vllm:kv_cache_usage_perc{engine="0",model_name="a b"} 0.25
vllm:num_requests_running_bucket{le="1"} 7
""",
    "llama.cpp": """llamacpp:requests_processing 3
llamacpp:requests_deferred 4
llamacpp:kv_cache_usage_ratio 0.25
llamacpp:n_busy_slots_per_decode nan
""",
}


@pytest.mark.parametrize("server", METRICS)
def test_gauges_are_found_by_the_names_of_each_server(server):
    assert read_gauges(METRICS[server]) == {"running": 3, "waiting": 4, "kv_usage": 0.25}


def test_gauges_that_are_no_numbers_are_left_out():
    text = "process_resident_memory_bytes NaN\napus:num_requests_running x\nnum_requests_waiting 1e3\n\n{"

    assert read_gauges(text) == {"waiting": 1000}


def test_who_listens_on_a_port_is_found():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        assert listener(port) == os.getpid()
    assert listener(port) is None


def test_memory_and_processor_time_are_those_of_the_process():
    before = process_figures(os.getpid())
    end = time.process_time() + 0.2
    while time.process_time() < end:
        pass
    after = process_figures(os.getpid())
    status = pathlib.Path("/proc/self/status").read_text()
    resident = 1024 * int(re.search(r"VmRSS:\s+(\d+) kB", status)[1])

    # The kernel counts pages per thread and adds them up now and then; ticks are 10 ms.
    assert after[0] == pytest.approx(resident, abs=4 << 20)
    assert after[1] - before[1] == pytest.approx(0.2, abs=0.05)
    assert process_figures(2**22 + 1) is None


def requests(seed):
    draws = random.Random(seed)
    made = []
    for _ in range(50):
        scheduled = draws.uniform(0, 9)
        times = numpy.cumsum([scheduled] + [draws.uniform(0.01, 0.2) for _ in range(6)])[1:].tolist()
        made.append({"scheduled": scheduled, "token_times": times, "output_tokens": 12, "ended": times[-1]})
    return made


@pytest.mark.parametrize("duration", [0.05, 10.2, 100, 3600])
def test_rates_over_time_add_up_to_the_tokens(duration):
    bins = series.Bins(duration)

    rates = series.token_rates(requests(1), bins)

    assert bins.count <= 122
    assert sum(rates) * bins.width == pytest.approx(50 * 12)


def test_gaps_over_time_have_numpys_percentiles():
    bins = series.Bins(10.2)
    gaps = [(b - a, b) for one in requests(2) for a, b in zip(one["token_times"], one["token_times"][1:])]

    figures = series.gap_figures(requests(2), bins)

    for place, found in enumerate(figures):
        here = [gap for gap, end in gaps if int(end / bins.width) == place]
        assert (found is None) == (not here)
        if here:
            assert found["p50"] == pytest.approx(numpy.percentile(here, 50))
            assert found["p99"] == pytest.approx(numpy.percentile(here, 99))
            assert found["max"] == max(here)


def test_requests_in_flight_are_those_open_at_the_middle_of_a_span():
    bins = series.Bins(10.2)

    waiting, streaming = series.in_flight(requests(3), bins)

    for place in range(bins.count):
        now = bins.middle(place)
        firsts = [(one["scheduled"], one["token_times"][0], one["ended"]) for one in requests(3)]
        assert waiting[place] == sum(due <= now < first for due, first, _ in firsts)
        assert streaming[place] == sum(first <= now < end for _, first, end in firsts)


@pytest.mark.parametrize("is_log", [False, True])
@pytest.mark.parametrize("greatest", [0.003, 1, 7.5, 99, 12_345])
def test_scales_hold_their_values_and_have_round_ticks(is_log, greatest):
    values = [greatest / 500, greatest / 3, greatest]

    scale = Scale.of(values, is_log)
    places = [scale.place(value) for value in values]

    assert places == sorted(places) and 0 <= places[0] and places[-1] < 1
    assert 2 <= len(scale.ticks()) <= 12
    for tick in scale.ticks():
        assert 0 <= scale.place(tick) <= 1
        assert float(f"{tick:.1e}") == pytest.approx(tick, abs=1e-12)
