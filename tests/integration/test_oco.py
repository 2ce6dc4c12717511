"""A kill in the middle of a partially filled OCO: flat with nothing open, or protected by stops alone."""

import math
import os
import random
import signal
import time
from collections.abc import Iterator
from decimal import Decimal as D
from pathlib import Path
from typing import Any

import pytest

from host import config
from host.engine.emergency import stops
from tests.integration.killing import Account, lines
from tests.integration.kit import Trading, trading
from tests.integration.test_ladder import Person, host

# A target near the price, so that it is reached often; the book shows a tenth of a lot at a time.
TEXT = (
    config.DEFAULT.read_text().replace("target_distance_bps = 300.0", "target_distance_bps = 8.0")
    + "\n[supervisor]\nsecond_failure_s = 0.001\n"
)
KILLS, MOST_KILLS = 1, 15


def quotes(path: Path, rows: int = 4_000) -> Path:
    """Quotes of a market that goes up and down, with little at each price."""
    rng, price = random.Random(3), 100.0
    text = ["timestamp_ms,bid,bid_qty,ask,ask_qty"]
    for row in range(rows):
        price *= 1 + 0.0006 * math.sin(row / 40) + rng.gauss(0, 0.0004)
        text.append(f"{1_704_067_200_000 + 60_000 * row},{price:.2f},0.4,{price + 0.01:.2f},9")
    path.write_text("\n".join(text) + "\n")
    return path


def pairs(account: Account) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Return (target, stop) where both stand and some of the target is filled."""
    standing = account.open.values()
    for target in standing:
        partly = target["reduce_only"] and target["price"] and 0 < filled(target) < D(target["qty"])
        for stop in standing:
            if partly and stop["stop"] and stop["reduce_only"]:
                yield target, stop


def filled(order: dict[str, Any]) -> D:
    return order.get("filled", D(0))


def before_the_ladder(record: Path, after_ns: int) -> tuple[Account, bool]:
    """Return the account at the first cancel of a target that was read after a time, or at the end.

    And whether an entry was open at that time or later: one that fills when nobody is there has no stop.
    """
    found, entered = Account(), False
    for line in lines(record):
        late = line.get("read_ns", 0) > after_ns
        if late or line.get("mono_ns", 0) > after_ns:
            entered |= any(order["intent"] == "OPEN" for order in found.open.values())
        if late and line["msg"].get("op") == "cancel":
            order = found.open.get(line["msg"]["id"])
            if order is not None and order["reduce_only"]:
                break
        if line["kind"] == "fill" and line["id"] in found.open:
            order = found.open[line["id"]]
            order["filled"] = filled(order) + D(line["qty"])
        found.take(line)
    return found, entered


def press(bench: Trading) -> None:
    bench.press()


def kill(bench: Trading) -> None:
    os.kill(bench.pid("engine"), signal.SIGKILL)


@pytest.mark.parametrize("end", [press, kill])
def test_it_ends_flat_or_protected_with_exactly_the_listed_stops(
    tmp_path: Path, end: Any, capsys: pytest.CaptureFixture
) -> None:
    met: list[str] = []
    data = str(quotes(tmp_path / "quotes.csv"))
    with (
        trading(tmp_path, host=host(tmp_path, TEXT), data=data, repeat=True) as bench,
        Person(bench.bench._venue_socket) as person,
    ):
        for _ in range(MOST_KILLS):
            if not wait_for_a_pair(bench):
                bench.press()  # the market has gone elsewhere, or a noisy machine has halted the bench
                bench.rearm()
                continue
            begun_ns = time.monotonic_ns()
            end(bench)
            status = bench.wait_status(timeout_s=15.0, ladder_done=True, mode="EMERGENCY")
            assert status["ladder_done"] is True
            was, entered = before_the_ladder(bench.bench.venue_record, begun_ns)
            if list(pairs(was)) and not entered:
                met.append(judge(person))
            if len(met) == KILLS:
                break
            time.sleep(3.0)  # the supervisor's patience with an engine
            bench.rearm()
    with capsys.disabled():
        print(f"\n  {end.__name__} with a target filled in part: {met}", end=" ")
    assert len(met) == KILLS


def wait_for_a_pair(bench: Trading) -> bool:
    """Wait until a target is filled in part, its stop stands and no entry is open; False: not soon."""
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        now, _entered = before_the_ladder(bench.bench.venue_record, 2**62)
        if list(pairs(now)) and not any(o["intent"] == "OPEN" for o in now.open.values()):
            return True
        time.sleep(0.002)
    return False


def judge(person: Person) -> str:
    """Look at what the venue itself says: nothing is left to chance."""
    position, listed = person.position(), person.ask("open_orders")["orders"]
    if position == 0:
        assert listed == []
        return "flat"
    # A stop that has been reached is worked off as a market order.
    assert all(order["reduce_only"] and order["price"] is None for order in listed), listed
    assert stops.uncovered(position, listed) == 0
    return f"{position:f} under {len(listed)} stop"
