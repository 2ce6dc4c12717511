"""A position that stays without a stop gets one: not after a press, not twice, not a stranger's."""

from decimal import Decimal as D
from pathlib import Path

import pytest

from host import modes
from host.engine.emergency.stops import uncovered
from host.modes import OnKill, Reason, TradingMode
from tests.emergency.floor import SETTINGS, Floor, PaperPort, stop

STOPPING = [reason for reason, level in modes.LEVEL_OF.items() if level == TradingMode.EMERGENCY]


def held(folder: Path, qty: str = "2", **options: object) -> Floor:
    floor = Floor(folder, **options)  # type: ignore[arg-type]
    floor.port.hold(qty)
    return floor


def listed(floor: Floor) -> list[dict]:
    return [
        {"side": o.side, "left": str(o.left), "stop": o.stop, "reduce_only": o.reduce_only}
        for o in floor.port.book.open_orders()
    ]


@pytest.mark.parametrize("qty", ["2", "-2"])
def test_an_engine_that_was_lost_leaves_a_position_with_its_stop(tmp_path: Path, qty: str) -> None:
    floor = held(tmp_path, qty)
    floor.begin(Reason.ENGINE_LOST)
    floor.run(3)
    assert floor.finished == 1
    (order,) = listed(floor)
    assert (order["side"], D(order["left"]), order["reduce_only"]) == (
        "sell" if D(qty) > 0 else "buy", D(2), True,
    )  # fmt: skip
    distance = abs(D(order["stop"]) / D(100) - 1) * 10_000
    assert distance == pytest.approx(D(str(SETTINGS.stop_distance_bps)), abs=D(2))
    assert floor.alerts() == []
    assert D(floor.events[-1]["uncovered"]) == 0


def test_what_a_stop_covers_already_is_not_covered_twice(tmp_path: Path) -> None:
    floor = held(tmp_path)
    floor.port.handle(stop("stop", "sell", "0.5", "80"))
    floor.begin(Reason.ENGINE_LOST)
    floor.run(3)
    assert sorted(D(order["left"]) for order in listed(floor)) == [D("0.5"), D("1.5")]
    assert uncovered(D(2), listed(floor)) == 0
    floor.begin(Reason.OPERATOR)  # the next emergency finds all of it in its place
    floor.run(3)
    assert len(listed(floor)) == 2


@pytest.mark.parametrize("reason", STOPPING)
@pytest.mark.parametrize("on_kill", OnKill)
def test_it_follows_the_table(tmp_path: Path, reason: Reason, on_kill: OnKill) -> None:
    box = ("NOT_ARMED", "MODE_RECORD", "HALT_LINE", "CONTROLLER_TRIP", "CONTROLLER_STATUS")
    box += ("SWITCH_PRESSED",)
    floor = held(tmp_path, settings=type(SETTINGS)(on_kill=on_kill))
    floor.port.own_price = D(100)
    floor.begin(reason)
    for _ in range(60):
        floor.run(0.5)
        floor.port.trade("100")
    assert floor.finished == 1
    closes = modes.last_rung(reason, on_kill) == modes.Rung.LIQUIDATE
    takes = on_kill == OnKill.CANCEL_ALL and modes.LAST[reason] is modes.BY_ON_KILL
    if closes:
        assert (floor.port.book.position, listed(floor)) == (0, [])
    elif reason.name in box or takes:
        assert listed(floor) == []
        assert floor.alerts() == ["POSITION_UNPROTECTED"]
    else:
        assert [D(order["left"]) for order in listed(floor)] == [D(2)]


def test_a_position_that_is_not_our_own_doing_is_left_to_a_person(tmp_path: Path) -> None:
    floor = held(tmp_path)
    floor.port.ours = None
    floor.begin(Reason.ENGINE_LOST)
    floor.run(3)
    assert (floor.finished, listed(floor)) == (0, [])  # nobody knows yet: it waits
    floor.port.ours = False
    floor.run(3)
    assert (floor.finished, listed(floor)) == (1, [])
    assert floor.alerts() == ["POSITION_UNPROTECTED"]


def test_without_the_guards_leave_nothing_leaves(tmp_path: Path) -> None:
    floor = held(tmp_path, grants=False)
    floor.begin(Reason.ENGINE_LOST)
    floor.run(4)
    assert (floor.finished, listed(floor)) == (0, [])
    assert len(floor.asked) > 5


def test_a_venue_that_refuses_stops_is_asked_three_times_and_then_a_person(tmp_path: Path) -> None:
    floor = held(tmp_path)
    floor.port.refuse = lambda message: "NOT_SUPPORTED" if message["op"] == "new" else None
    floor.begin(Reason.ENGINE_LOST)
    floor.run(10)
    assert floor.finished == 1
    assert len([m for m in floor.port.sent if m["op"] == "new"]) == 3
    assert floor.alerts() == ["POSITION_UNPROTECTED"]


def test_an_answer_that_is_lost_makes_no_second_stop(tmp_path: Path) -> None:
    port = PaperPort()
    port.mute = {"ack"}
    floor = Floor(tmp_path, port)
    port.hold("2")
    floor.begin(Reason.ENGINE_LOST)
    floor.run(5)
    assert floor.finished == 1
    assert len(listed(floor)) == 1
