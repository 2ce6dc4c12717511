"""The cancel rung: what goes, what stays, and what counts as done."""

from decimal import Decimal as D
from pathlib import Path

import msgspec
import pytest

from host.modes import OnKill, Reason
from tests.emergency.floor import SETTINGS, Floor, PaperPort, new, stop


def with_orders(port: PaperPort) -> PaperPort:
    port.hold("2")
    port.handle(new("entry", "buy", "1", type="limit", price="90"))
    port.handle(new("target", "sell", "1", type="limit", price="120", reduce_only=True))
    port.handle(stop("stop", "sell", "2", "80"))
    port.out.clear()
    return port


def under(on_kill: OnKill, tmp_path: Path) -> Floor:
    settings = msgspec.structs.replace(SETTINGS, on_kill=on_kill)
    return Floor(tmp_path, with_orders(PaperPort()), settings=settings)


@pytest.mark.parametrize("known", [[], ["entry"], ["entry", "gone long ago"]])
def test_cancel_entries_leaves_the_stops_alone(tmp_path: Path, known: list[str]) -> None:
    floor = under(OnKill.CANCEL_ENTRIES, tmp_path)
    floor.port.known = known
    floor.begin(Reason.HALT_LINE)
    floor.run()
    assert floor.finished == 1
    assert [order.id for order in floor.port.book.open_orders()] == ["stop"]
    assert floor.port.book.position == 2
    last = floor.events[-1]
    assert (last["rung"], last["stops"], last["uncovered"]) == ("HALTED", 1, "0")
    assert floor.asked == []
    assert floor.slices() == []


def test_a_stop_that_has_been_reached_goes_on_closing_the_position(tmp_path: Path) -> None:
    """The venue lists it as a market order from then on; with little at each price it takes a while."""
    port = PaperPort()
    port.hold("2")
    port.handle(stop("stop", "sell", "2", "99"))
    port.handle(new("exit", "sell", "0.5", intent="REDUCE", reduce_only=True))
    port.trade("98", volume="1")
    port.out.clear()
    (listed,) = [order for order in port.book.open_orders() if order.id == "stop"]
    assert listed.stop is None
    assert D(listed.left) > 0
    floor = Floor(tmp_path, port)
    floor.begin(Reason.HALT_LINE)
    floor.run(price=None)
    assert floor.finished == 1
    assert [order.id for order in port.book.open_orders()] == ["stop"]
    assert floor.events[-1]["uncovered"] == "0"


def test_cancel_all_takes_the_stops_too(tmp_path: Path) -> None:
    floor = under(OnKill.CANCEL_ALL, tmp_path)
    floor.begin(Reason.HALT_LINE)
    floor.run()
    assert floor.finished == 1
    assert floor.port.book.open_orders() == []
    assert floor.events[-1]["uncovered"] == "2"


def test_flatten_closes_the_position_and_then_takes_the_stops(tmp_path: Path) -> None:
    floor = under(OnKill.FLATTEN, tmp_path)
    floor.begin(Reason.HALT_LINE)
    floor.run(3)
    assert floor.finished == 1
    assert floor.port.book.position == 0
    assert floor.port.book.open_orders() == []


@pytest.mark.parametrize("on_kill", OnKill)
@pytest.mark.parametrize("reason", [Reason.NOT_ARMED, Reason.SHUTDOWN, Reason.VENUE_LOST])
def test_a_start_an_end_or_a_lost_venue_never_liquidates_and_keeps_the_stops(
    tmp_path: Path, on_kill: OnKill, reason: Reason
) -> None:
    floor = under(on_kill, tmp_path)
    floor.begin(reason)
    floor.run(3)
    assert floor.finished == 1
    assert [order.id for order in floor.port.book.open_orders()] == ["stop"]
    assert (floor.port.book.position, floor.asked) == (2, [])


def test_a_stop_that_covers_too_little_is_said_to(tmp_path: Path) -> None:
    floor = Floor(tmp_path)
    floor.port.hold("2")
    floor.port.handle(stop("stop", "sell", "0.5", "80"))
    floor.begin(Reason.HALT_LINE)
    floor.run()
    assert D(floor.events[-1]["uncovered"]) == D("1.5")
    assert floor.alerts() == ["POSITION_UNPROTECTED"]


@pytest.mark.parametrize("lost", ["cancelled", "cancelled_all", "open_orders", "position"])
@pytest.mark.parametrize("on_kill", OnKill)
def test_lost_answers_are_asked_for_again_and_nothing_is_done_without_them(
    tmp_path: Path, lost: str, on_kill: OnKill
) -> None:
    floor = under(on_kill, tmp_path)
    floor.port.mute = {lost}
    floor.begin(Reason.HALT_LINE)
    floor.run(3)
    needed = lost in ("open_orders", "position")
    assert floor.finished == (0 if needed else 1)
    floor.port.mute = set()
    floor.run(3)
    assert floor.finished == 1


@pytest.mark.parametrize("refused", ["cancel", "cancel_all"])
def test_a_venue_that_refuses_one_way_to_cancel_is_asked_the_other(
    tmp_path: Path, refused: str
) -> None:
    floor = under(OnKill.CANCEL_ALL, tmp_path)
    floor.port.refuse = lambda message: "NOT_NOW" if message["op"] == refused else None
    floor.begin(Reason.HALT_LINE)
    floor.run(3)
    assert floor.finished == 1
    assert floor.port.book.open_orders() == []


def test_an_order_that_comes_back_during_the_ladder_is_cancelled_as_well(tmp_path: Path) -> None:
    floor = under(OnKill.CANCEL_ENTRIES, tmp_path)
    floor.begin(Reason.HALT_LINE)
    floor.port.handle(new("crossed the halt", "buy", "1", type="limit", price="91") | {"id": "x"})
    floor.run()
    assert [order.id for order in floor.port.book.open_orders()] == ["stop"]
    assert floor.finished == 1
