"""What goes wrong while a position is being closed."""

import itertools
from decimal import Decimal as D
from pathlib import Path

import msgspec
import pytest

from host import refusals
from host.modes import Intent, Reason
from tests.emergency.floor import SECOND, SETTINGS, TOKEN, Floor, PaperPort, new, stop


def long(tmp_path: Path, qty: str = "10", **options: str) -> Floor:
    floor = Floor(tmp_path, PaperPort(**options))
    floor.port.hold(qty)
    return floor


@pytest.mark.parametrize("qty", ["10", "-10"])
def test_a_position_is_closed_in_bounded_reduce_only_slices(tmp_path: Path, qty: str) -> None:
    floor = long(tmp_path, qty)
    floor.begin()
    floor.run(5)
    assert floor.finished == 1
    assert floor.port.book.position == 0
    assert [D(s["qty"]) for s in floor.slices()] == [3, 3, 3, 1]
    assert {(s["reduce_only"], s["type"]) for s in floor.slices()} == {(True, "limit")}
    worst = {"10": "99.8", "-10": "100.2"}[qty]
    assert {s["price"] for s in floor.slices()} == {f"{D(worst):.2f}"}
    assert floor.alerts() == []


def test_without_the_guards_token_nothing_leaves_and_with_it_it_goes_on(tmp_path: Path) -> None:
    floor = long(tmp_path)
    floor.grants = False
    floor.begin(epoch=31)
    floor.run(2)
    assert floor.slices() == []
    assert set(floor.asked) == {31}
    assert floor.finished == 0
    floor.token = TOKEN
    floor.run(5)
    assert (floor.finished, floor.port.book.position) == (1, 0)


def test_a_slice_that_does_not_fill_is_taken_off_and_the_bound_widens_to_its_limit(
    tmp_path: Path,
) -> None:
    floor = long(tmp_path, "2")
    floor.port.own_price = D(100)
    floor.begin()
    floor.run(12, "90")  # the market has gone: 99.8 and even 99.0 are not reached
    prices = [D(s["price"]) for s in floor.slices()]
    assert prices[:5] == [D("99.8"), D("99.6"), D("99.4"), D("99.2"), D("99.0")]
    assert set(prices[5:]) <= {D("99.0")}
    assert floor.finished == 0


def test_a_stale_feed_uses_the_venues_own_mark(tmp_path: Path) -> None:
    floor = long(tmp_path, "2")
    floor.port.own_price = None
    floor.port.book.mark = D(50)
    floor.begin()
    floor.run(0.2, None)
    assert floor.slices()[0]["price"] == f"{D('49.9'):.2f}"
    fresh = long(tmp_path, "2")
    fresh.port.own_price = D(100)
    fresh.port.book.mark = D(50)
    fresh.begin()
    fresh.run(0.2, None)
    assert fresh.slices()[0]["price"] == f"{D('99.8'):.2f}"


@pytest.mark.parametrize("last", [None, D(100)])
def test_no_price_at_all_is_a_reduce_only_stop_once_and_an_alarm(
    tmp_path: Path, last: D | None
) -> None:
    floor = long(tmp_path, "2")
    floor.port.book.mark, floor.port.last = None, last
    floor.begin()
    floor.run(5, None)
    assert floor.alerts() == ["NO_PRICE"]
    assert floor.slices() == []
    assert [o.stop for o in floor.port.book.open_orders()] == (["97"] if last else [])
    assert floor.finished == 0
    floor.run(3, "100")  # the price is back: the ladder goes on, and the stop goes at the end
    assert (floor.finished, floor.port.book.position) == (1, 0)
    assert floor.port.book.open_orders() == []


def test_a_venue_that_is_down_is_never_done_and_alerts_at_every_deadline(tmp_path: Path) -> None:
    floor = long(tmp_path)
    floor.port.away = True
    floor.begin()
    floor.run(11)
    assert floor.finished == 0
    assert floor.alerts() == ["LADDER_OVERDUE"] * 2
    floor.port.away = False
    floor.ladder.restart("paper", floor.now_ns)
    floor.run(5)
    assert (floor.finished, floor.port.book.position) == (1, 0)


def test_a_venue_that_goes_down_in_mid_slice_is_gone_on_with(tmp_path: Path) -> None:
    floor = long(tmp_path)
    floor.begin()
    floor.run(0.2, None)
    floor.port.away = True
    floor.run(70, None)
    assert floor.finished == 0
    assert "LADDER_OVERDUE" in floor.alerts()
    floor.port.away = False
    floor.ladder.restart("paper", floor.now_ns)
    floor.run(5)
    assert (floor.finished, floor.port.book.position) == (1, 0)


@pytest.mark.parametrize("begins", [0.0, 0.1, 0.3])
def test_maintenance_is_waited_for_without_a_flood(tmp_path: Path, begins: float) -> None:
    floor = long(tmp_path)
    floor.begin()
    floor.run(begins)
    floor.port.desk.maintenance = True
    before = len(floor.port.sent)
    floor.run(61, None)
    assert floor.finished == 0
    assert "LADDER_OVERDUE" in floor.alerts()
    assert len(floor.port.sent) - before < 61 * 5
    floor.port.desk.maintenance = False
    floor.run(5)
    assert (floor.finished, floor.port.book.position) == (1, 0)


def test_a_position_below_the_least_notional_is_left_and_said(tmp_path: Path) -> None:
    floor = long(tmp_path, "0.05", min_notional="0")
    floor.port.book.rules.min_notional = D(10)
    floor.begin()
    floor.run(3)
    assert floor.finished == 1
    assert floor.alerts() == ["DUST_LEFT"]
    assert floor.events[-1]["position"] == "0.05"


def test_no_slice_leaves_a_rest_that_cannot_be_traded(tmp_path: Path) -> None:
    floor = long(tmp_path, "3.05", min_notional="10")
    floor.begin()
    floor.run(3)
    assert [D(s["qty"]) for s in floor.slices()] == [D("3.05")]
    assert (floor.finished, floor.alerts()) == (1, [])


@pytest.mark.parametrize("refused", [["limit"], ["limit", "market"]])
def test_refused_order_types_are_followed_by_others_that_only_reduce(
    tmp_path: Path, refused: list[str]
) -> None:
    floor = long(tmp_path, "2")
    floor.port.refuse = lambda message: "NO_SUCH_TYPE" if message.get("type") in refused else None
    floor.begin()
    floor.run(4)
    types = [s["type"] for s in floor.slices()]
    assert types == [*refused, {1: "market", 2: "stop"}[len(refused)]]
    assert all(s["reduce_only"] for s in floor.slices())
    assert (floor.finished, floor.port.book.position) == (1, 0)
    assert floor.port.book.open_orders() == []


def test_where_reduce_only_is_refused_nothing_that_could_open_is_sent_instead(
    tmp_path: Path,
) -> None:
    floor = long(tmp_path, "2")
    floor.port.handle(stop("stop", "sell", "2", "80"))
    floor.port.refuse = lambda message: (
        "REDUCE_ONLY_REFUSED" if message.get("reduce_only") else None
    )
    floor.begin()
    floor.run(5)
    assert (floor.finished, floor.port.book.position) == (0, 2)
    assert "SLICES_REFUSED" in floor.alerts()
    assert [order.id for order in floor.port.book.open_orders()] == ["stop"]
    floor.port.refuse = lambda message: None
    floor.run(5)
    assert (floor.finished, floor.port.book.position) == (1, 0)


def without_reduce_only(floor: Floor) -> Floor:
    floor.port.refuse = lambda message: (
        "REDUCE_ONLY_REFUSED" if message.get("reduce_only") else None
    )
    return floor


def test_a_venue_without_reduce_only_gets_plain_slices_alone_one_at_a_time(tmp_path: Path) -> None:
    floor = Floor(tmp_path, PaperPort(reduce_only=False))
    floor.port.hold("10")
    floor.port.handle(stop("stop", "sell", "2", "80"))  # a wrong word in the configuration
    without_reduce_only(floor).begin()
    floor.run(5)
    assert [(s["type"], s["reduce_only"]) for s in floor.slices()] == [("limit", False)] * 4
    assert [D(s["qty"]) for s in floor.slices()] == [3, 3, 3, 1]
    assert (floor.finished, floor.port.book.position) == (1, 0)
    # Before the first one leaves, everything else on the account has been taken off.
    assert [message["op"] for message in floor.port.sent][:2] == ["cancel_all", "new"]


@pytest.mark.parametrize("seconds", [0.0, 0.1, 0.2, 0.3, 0.4])
@pytest.mark.parametrize("volume", [None, "4"])
def test_plain_slices_that_fill_late_or_in_part_never_go_through_zero(
    tmp_path: Path, seconds: float, volume: str | None
) -> None:
    floor = Floor(tmp_path, PaperPort(reduce_only=False))
    floor.port.hold("10")
    without_reduce_only(floor).begin()
    floor.run(seconds, None)
    floor.port.mute = {"fill", "cancelled"}  # what fills is told by position alone
    for _ in range(60):
        floor.run(0.1, None)
        floor.port.trade("100", volume=volume)
        assert 0 <= floor.port.book.position <= 10
    floor.port.mute = set()
    floor.run(10)
    assert (floor.finished, floor.port.book.position) == (1, 0)


def test_a_slice_is_checked_against_every_fill_that_has_arrived_when_it_is_sent(
    tmp_path: Path,
) -> None:
    floor = long(tmp_path, "2")
    floor.begin()
    assert floor.port.position is None
    floor.run(0.2, None)  # listed, positioned, marked: the slice has left
    assert floor.port.position == 2
    (first,) = floor.slices()
    request = {key: first[key] for key in ("id", "side", "qty", "intent", "reduce_only")}
    floor.port.position = D(1)  # a fill that has arrived and is not yet acted upon
    assert floor.port.send(request, Intent.LIQUIDATE, TOKEN) == refusals.REDUCE_WOULD_INCREASE
    floor.port.position = None
    assert floor.port.send(request, Intent.LIQUIDATE, TOKEN) == refusals.REDUCE_WOULD_INCREASE


def test_when_every_type_is_refused_there_is_an_alert_and_no_end(tmp_path: Path) -> None:
    floor = long(tmp_path, "2")
    floor.port.refuse = lambda message: "NO" if message["op"] == "new" else None
    floor.begin()
    floor.run(5)
    assert floor.finished == 0
    assert len(floor.slices()) <= 5 * 2 * 3
    assert floor.alerts().count("SLICES_REFUSED") >= 2
    floor.port.refuse = lambda message: None
    floor.run(3)
    assert (floor.finished, floor.port.book.position) == (1, 0)


def test_a_venue_that_disputes_the_position_for_ever_is_not_flooded(tmp_path: Path) -> None:
    floor = long(tmp_path, "2")
    floor.port.refuse = lambda message: (
        "REDUCE_ONLY_WOULD_INCREASE" if message["op"] == "new" else None
    )
    floor.begin()
    floor.run(5)
    assert len(floor.slices()) < 60
    assert "SLICES_REFUSED" in floor.alerts()


@pytest.mark.parametrize("late", ["5", "1"])
@pytest.mark.parametrize("side", ["buy", "sell"])
def test_a_late_fill_changes_the_plan_and_the_position_still_ends_at_zero(
    tmp_path: Path, late: str, side: str
) -> None:
    floor = long(tmp_path, "4")
    floor.begin()
    floor.run(0.2, None)
    assert len(floor.slices()) == 1
    # An order that was on its way fills now; the slice has not.
    floor.port.book.orders.limits["sell"].clear()
    floor.port.handle(new("late", side, late))
    floor.port.trade("100")
    floor.run(0.2, None)
    floor.run(5)
    assert (floor.finished, floor.port.book.position) == (1, 0)
    assert floor.port.book.open_orders() == []
    assert any(event["kind"] == "late_fill" for event in floor.events)


def test_a_stop_that_fills_during_the_ladder_is_no_overshoot(tmp_path: Path) -> None:
    floor = long(tmp_path, "4")
    floor.port.handle(stop("stop", "sell", "4", "95"))
    floor.begin()
    floor.run(0.2, None)
    floor.port.trade("94")
    assert floor.port.book.position == 0
    floor.run(3, "94")
    assert (floor.finished, floor.port.book.position) == (1, 0)


@pytest.mark.parametrize("seconds", [0.0, 0.1, 0.2, 0.3, 0.4, 0.5])
def test_a_crash_at_any_moment_is_gone_on_with_by_the_next_engine(
    tmp_path: Path, seconds: float
) -> None:
    floor = long(tmp_path)
    floor.begin()
    floor.run(seconds)
    assert floor.progress.unfinished() == Reason.DRAWDOWN
    floor.build()  # what the old one knew is gone; its slice may rest at the venue
    floor.begin(floor.progress.unfinished() or Reason.NOT_ARMED, epoch=10)
    floor.run(5)
    assert (floor.finished, floor.port.book.position) == (1, 0)
    assert floor.progress.unfinished() is None


def test_progress_that_cannot_be_read_is_a_kill_and_one_that_cannot_be_written_an_alert(
    tmp_path: Path,
) -> None:
    floor = long(tmp_path, "1")
    (tmp_path / "ladder.json").write_bytes(b'{"reason": "HALT')
    assert floor.progress.unfinished() == Reason.GUARD_FAULT
    (tmp_path / "ladder.json").unlink()
    (tmp_path / "ladder.json").mkdir()
    floor.begin()
    assert floor.alerts() == ["LADDER_NOT_SAVED"]


def test_of_two_venues_the_one_that_is_away_holds_up_nothing_but_done(tmp_path: Path) -> None:
    here, there = PaperPort("here"), PaperPort("there")
    here.hold("5")
    there.hold("3")
    there.away = True
    floor = Floor(tmp_path, here, there)
    floor.begin()
    floor.run(12)
    assert (here.book.position, there.book.position) == (0, 3)
    assert floor.ladder.venues["here"].done
    assert (floor.finished, floor.ladder.done) == (0, False)
    overdue = [event for event in floor.events if event["kind"] == "alert"]
    assert {(event["code"], event["venue"]) for event in overdue} == {("LADDER_OVERDUE", "there")}
    there.away = False
    floor.ladder.restart("there", floor.now_ns)
    floor.run(5)
    assert (floor.finished, there.book.position) == (1, 0)


def test_each_venue_has_deadlines_of_its_own(tmp_path: Path) -> None:
    quick, slow = PaperPort("quick"), PaperPort("slow")
    own = {"quick": msgspec.structs.replace(SETTINGS, cancel_deadline_s=1.0)}
    floor = Floor(tmp_path, quick, slow, own=own)
    quick.away = slow.away = True
    floor.begin()
    floor.run(4.5)
    assert [event["venue"] for event in floor.events if event["kind"] == "alert"] == ["quick"] * 4
    floor.run(1)
    assert "slow" in [event["venue"] for event in floor.events if event["kind"] == "alert"]
    assert floor.finished == 0


def test_whenever_and_however_often_the_venue_goes_away_it_ends_flat_and_never_flips(
    tmp_path: Path,
) -> None:
    rounds = 0
    for first, length in itertools.product(range(0, 12), (1, 6)):
        floor = Floor(tmp_path, PaperPort())
        floor.port.hold("7")
        floor.begin()
        for turn in range(80):
            gone = first <= turn < first + length or first + 9 <= turn < first + 9 + length
            if floor.port.away and not gone:
                floor.port.away = False
                floor.ladder.restart("paper", floor.now_ns)
            floor.port.away = gone
            floor.run(0.1, "100" if turn % 3 else None)
            assert 0 <= floor.port.book.position <= 7
        assert (floor.finished, floor.port.book.position) == (1, 0)
        assert floor.now_ns > 5 * SECOND
        rounds += 1
    assert rounds == 24
