"""The venue's dead man's switch: armed, refreshed, fired, disarmed."""

import os
import time

import pytest

from tests.venues.stand import Stand
from tests.venues.trader import Trader

# How long after the time-out the orders must be gone.
LATE_S = 5.0


@pytest.fixture(autouse=True)
def _can(request: pytest.FixtureRequest, can: frozenset[str]) -> None:
    # OKX takes no less than 10 s, and its two markets have one switch.
    if "okxspot" in request.node.name and os.environ.get("BOT4_DEADMAN") != "all":
        pytest.skip("the same switch as okx's: `make exchanges`")
    if "deadman" not in can:
        pytest.skip("the venue has no dead man's switch")


def arm(trader: Trader, timeout_ms: int) -> None:
    """Set the switch; the answer says what is set."""
    answer = trader.ask("deadman", timeout_ms=timeout_ms)
    assert answer["timeout_ms"] >= timeout_ms
    assert (answer["timeout_ms"] == 0) == (timeout_ms == 0)


def gone(venue: Stand) -> None:
    """Wait until nothing is open."""
    deadline = time.monotonic() + venue.deadman_ms / 1e3 + LATE_S
    while venue.truth().open:
        assert time.monotonic() < deadline, "the dead man's switch did not fire"
        time.sleep(0.05)


def test_it_cancels_everything_when_nobody_comes(venue: Stand, trader: Trader) -> None:
    trader.placed("a.1.1.1", "buy", venue.qty, venue.at(-20))
    arm(trader, venue.deadman_ms)
    gone(venue)
    assert trader.state("a.1.1.1") == "cancelled"
    trader.placed("a.1.1.2", "buy", venue.qty, venue.at(-20))  # it fires once


def test_refreshed_in_time_it_does_nothing(venue: Stand, trader: Trader) -> None:
    trader.placed("a.1.1.1", "buy", venue.qty, venue.at(-20))
    for _ in range(6):
        arm(trader, venue.deadman_ms)
        time.sleep(venue.deadman_ms / 1e3 / 3)
    assert venue.truth().open == {"a.1.1.1": venue.qty}
    gone(venue)


def test_disarmed_it_does_nothing(venue: Stand, trader: Trader) -> None:
    trader.placed("a.1.1.1", "buy", venue.qty, venue.at(-20))
    arm(trader, venue.deadman_ms)
    arm(trader, 0)
    time.sleep(venue.deadman_ms / 1e3 * 2)
    assert venue.truth().open == {"a.1.1.1": venue.qty}


def test_it_outlives_the_connection_that_armed_it(venue: Stand, trader: Trader) -> None:
    trader.placed("a.1.1.1", "buy", venue.qty, venue.at(-20))
    arm(trader, venue.deadman_ms)
    trader.close()
    gone(venue)
