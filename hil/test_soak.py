"""For as long as asked: press, re-arm, trade, again; nothing leaks, nothing is lost."""

import time

import pytest

from hil.kit import Bench, Record


@pytest.mark.needs("edge-clock")
@pytest.mark.timeout(0)
def test_soak(bench: Bench, request: pytest.FixtureRequest, record_property: Record) -> None:
    until_s = time.monotonic() + 60 * request.config.getoption("--soak-minutes")
    presses = 0
    while presses == 0 or time.monotonic() < until_s:
        if presses:
            bench.session.rearm()
        begun_ns = bench.press()
        closed_ns = bench.wait_edge("ACK", 1, begun_ns)
        presses += 1
        time.sleep(0.05)
        assert [at_ns for at_ns in bench.session.opening_ns() if at_ns > closed_ns] == []
    record_property("presses", presses)
