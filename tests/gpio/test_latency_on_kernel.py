"""How long an edge takes from the kernel's time stamp to the callback, in counted time.

Counted time (VM_CLOCK=counted) advances with the instructions executed, so that the load of this
machine does not show. It compares programs; it is not the latency of a Raspberry Pi.
"""

import importlib.util
import os
import subprocess

import pytest

from tests.gpio.simulated import Header, percentile, python

EDGES = 500
# us. Far above what is seen (docs/gpio.md), far below gpiozero's own back end: it catches a thread,
# a sleep or a poll period on the path, not a slow day.
OURS_P50_US, OURS_P99_US = 400.0, 1500.0
LGPIO_HOLDS_BACK_US = 500.0


def measure(factory: str) -> list[float]:
    """Return the microseconds from edge to callback, and print their percentiles."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    listener = python("tests.gpio.listener", factory, str(EDGES), stdout=subprocess.PIPE)
    stimulus = python("tests.gpio.stimulus", str(EDGES), **pipes)
    assert listener.stdout.readline() == "listening\n"
    stimulus.communicate()
    out, _error = listener.communicate()
    late_us = [float(line) for line in out.split()]
    shown = [percentile(late_us, share) for share in (0.5, 0.99, 1.0)]
    figures = " ".join(f"{us:7.1f}" for us in shown)
    print(f"\nedge -> callback, us, {factory:9}  p50, p99, max: {figures}  n = {len(late_us)}")
    return late_us


@pytest.fixture
def counted(header: Header) -> None:
    """Only where time counts instructions."""
    if os.environ.get("VM_CLOCK") != "counted":
        pytest.skip("times mean something with VM_CLOCK=counted alone (`make test-gpio`)")


@pytest.mark.timeout(600)
def test_ours_has_no_thread_sleep_or_poll_period_on_the_path(counted: None) -> None:
    late_us = measure("bot4gpiod")
    assert len(late_us) == EDGES
    assert min(late_us) > 0
    assert percentile(late_us, 0.5) < OURS_P50_US
    assert percentile(late_us, 0.99) < OURS_P99_US


@pytest.mark.timeout(600)
@pytest.mark.skipif(importlib.util.find_spec("lgpio") is None, reason="lgpio is not installed")
def test_gpiozeros_own_back_end_holds_edges_back(counted: None) -> None:
    late_us = measure("lgpio")
    assert len(late_us) > EDGES // 2
    assert percentile(late_us, 0.01) > LGPIO_HOLDS_BACK_US
