"""Whatever a venue does, the ladder is done only when it is flat, and once the venue is calm it is."""

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from host.modes import Reason
from tests.emergency.floor import Floor, PaperPort, new, stop

MUTED = ["ack", "reject", "fill", "cancelled", "cancelled_all", "open_orders", "position", "mark"]
TROUBLE = st.one_of(
    st.tuples(st.just("away"), st.booleans()),
    st.tuples(st.just("maintenance"), st.booleans()),
    st.tuples(st.just("mute"), st.sets(st.sampled_from(MUTED), max_size=3)),
    st.tuples(st.just("refuse"), st.sampled_from([
        None, "NO", "MAINTENANCE", "REDUCE_ONLY_WOULD_INCREASE", "BELOW_MIN_NOTIONAL",
    ])),
    st.tuples(st.just("late"), st.sampled_from(["buy", "sell"]), st.integers(1, 8).map(str)),
    st.tuples(st.just("row"), st.sampled_from(["50", "97", "99", "100", "101", "130"])),
    st.tuples(st.just("crash"), st.none()),
    st.tuples(st.just("wait"), st.integers(1, 15)),
)  # fmt: skip
QTY = st.sampled_from(["7", "-7", "0.5", "-31"])
DONE = {"quiet": 0, "early": 0}


def suffer(floor: Floor, what: str, *how: object) -> None:
    """Have one thing go wrong."""
    port = floor.port
    if what == "away":
        if port.away and not how[0]:
            port.away = False
            floor.ladder.restart(port.name, floor.now_ns)
        port.away = bool(how[0])
    elif what == "maintenance":
        port.desk.maintenance = bool(how[0])
    elif what == "mute":
        port.mute = set(how[0])  # type: ignore[call-overload]
    elif what == "refuse":
        port.refuse = lambda message: how[0] if message["op"] == "new" else None
    elif what == "late" and not floor.ladder.done:
        port.handle(new(f"late{next(PaperPort.numbers)}", str(how[0]), str(how[1])))
    elif what == "row" and not port.desk.maintenance:
        port.trade(str(how[0]))
    elif what == "crash" and not floor.ladder.done:
        floor.build()
        floor.begin(floor.progress.unfinished() or Reason.NOT_ARMED, epoch=floor.ladder.epoch + 1)
    elif what == "wait":
        floor.run(int(how[0]) / 10, None)  # type: ignore[call-overload]


def check(floor: Floor) -> None:
    """Assert that done means done."""
    if floor.ladder.done and not floor.alerts().count("DUST_LEFT"):
        assert floor.port.book.position == 0
        assert floor.port.book.open_orders() == []


@settings(max_examples=300, deadline=None)
@given(QTY, st.booleans(), st.lists(TROUBLE, max_size=25))
def test_done_means_flat_and_a_calm_venue_is_always_finished(
    qty: str, with_stop: bool, troubles: list[tuple]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        floor = Floor(Path(folder), PaperPort())
        floor.port.hold(qty)
        if with_stop:
            side = "buy" if qty.startswith("-") else "sell"
            at = "200" if side == "buy" else "40"
            floor.port.handle(stop("stop", side, qty.lstrip("-"), at))
        floor.begin()
        for what, *how in troubles:
            suffer(floor, what, *how)
            floor.run(0.1, None)
            check(floor)
        DONE["early"] += floor.ladder.done
        for calm in (("away", False), ("maintenance", False), ("mute", ()), ("refuse", None)):
            suffer(floor, *calm)
        floor.run(30)
        assert floor.ladder.done
        check(floor)
        DONE["quiet"] += 1


def test_the_property_above_has_seen_ladders_that_took_their_time() -> None:
    DONE.update(quiet=0, early=0)
    test_done_means_flat_and_a_calm_venue_is_always_finished()
    assert DONE["quiet"] - DONE["early"] > 50
