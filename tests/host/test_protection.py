"""The stop at the venue follows the position: never bare between two stops, never loosened."""

from decimal import Decimal as D
from typing import Any

import msgspec
from host.hotpath.riskcheck import RiskCheck
from hypothesis import given
from hypothesis import strategies as st

from host import config, refusals
from host.engine.emergency.liquidation import would_open
from host.engine.emergency.stops import uncovered
from host.engine.protection import Protection
from host.modes import Intent
from host.paper.book import Book
from host.paper.desk import Desk
from host.paper.market import Row, Rules
from host.venues import events as ev
from host.venues import messages as m

LIMITS = config.load(config.DEFAULT).limits


class Venue:
    """The paper venue's desk behind the port; answers wait in `out` until they are passed on."""

    reduce_only = True

    def __init__(self) -> None:
        self.book = Book(Rules(D("0.01")))
        self.desk = Desk(self.book)
        self.out: list[dict[str, Any]] = []
        self.told: list[dict[str, Any]] = []
        self.ids = 0
        self.refuse: str | None = None
        self.protection = Protection(
            self,  # type: ignore[arg-type]
            300.0,
            RiskCheck(LIMITS),
            self.new_id,
            lambda kind, **data: self.told.append({"kind": kind, **data}),
        )

    def new_id(self) -> str:
        self.ids += 1
        return f"trend.1.1.{self.ids}"

    def send(self, request: dict[str, Any], intent: Intent, token: int = 0) -> int:
        if request["op"] == "new":
            assert (request["type"], request["reduce_only"], intent) == ("stop", True, 1)
            if would_open(self.book.position, request):
                return refusals.REDUCE_WOULD_INCREASE
        if self.refuse and request["op"] == "new":
            self.note([ev.Reject(request["id"], self.refuse)])
            return refusals.SENT
        result = self.desk.handle("trade", m.understand(msgspec.json.encode(request)))
        self.note([*result.to_sender, *result.to_traders])
        return refusals.SENT

    def note(self, events: Any) -> None:
        self.out += [msgspec.json.decode(msgspec.json.encode(event)) for event in events]

    def trade(self, change: D, price: str = "100") -> None:
        """Have the strategy's order fill."""
        side = "buy" if change > 0 else "sell"
        order = m.New(self.new_id(), "OPEN", side, "market", f"{abs(change):f}")
        self.note([self.book.new(order)])
        self.row(price)

    def row(self, price: str) -> None:
        at = D(price)
        self.note(self.book.on_row(Row(1, at, at, at, at, None)))

    def settle(self, price: str = "100") -> None:
        """Pass on every answer, and what follows from it."""
        for _ in range(200):
            self.protection.follow(self.book.position, D(price))
            if not self.out:
                return
            self.protection.take(self.out.pop(0))
        raise AssertionError("it never comes to rest")

    def bare(self) -> D:
        listed = [msgspec.structs.asdict(order) for order in self.book.open_orders()]
        return uncovered(self.book.position, listed)

    def stops(self) -> list[tuple[str, str, str]]:
        return [(o.side, o.left, str(o.stop)) for o in self.book.open_orders()]


def test_a_stop_follows_the_position_up_down_and_away() -> None:
    venue = Venue()
    venue.settle()
    assert venue.stops() == []
    venue.trade(D(2))
    venue.settle()
    assert venue.stops() == [("sell", "2", "97")]
    venue.trade(D(1), "110")
    venue.settle("110")
    assert venue.stops() == [("sell", "3", "106.7")]
    venue.trade(D("-1.5"), "107")
    venue.settle("107")  # 107 - 3 % is below: a change of quantity never loosens the stop
    assert venue.stops() == [("sell", "1.5", "106.7")]
    venue.trade(D("-1.5"), "107")
    venue.settle("107")
    assert venue.stops() == []


def test_the_new_stop_is_there_before_the_old_one_goes() -> None:
    venue = Venue()
    venue.trade(D(2))
    venue.settle()
    venue.trade(D(1))
    seen = []
    for _ in range(6):
        venue.protection.follow(venue.book.position, D(100))
        seen.append(sum(D(left) for _side, left, _at in venue.stops()))
        if venue.out:
            venue.protection.take(venue.out.pop(0))
    assert seen[0] == 5
    assert min(seen) >= 3
    assert venue.stops() == [("sell", "3", "97")]


def test_a_refused_stop_is_on_record_leaves_the_old_one_and_floods_nobody() -> None:
    venue = Venue()
    venue.trade(D(2))
    venue.settle()
    venue.refuse = "NOT_NOW"
    venue.trade(D(1))
    for _ in range(50):
        venue.settle()
    assert venue.stops() == [("sell", "2", "97")]
    refused = [event for event in venue.told if event["kind"] == "stop_refused"]
    assert [event["reason"] for event in refused] == ["NOT_NOW"]
    venue.refuse = None
    venue.protection.adopt([])  # an emergency has been worked off: what waited is tried at once
    venue.settle()
    assert ("sell", "3", "97") in venue.stops()


def test_what_the_venue_lists_after_an_emergency_is_taken_over() -> None:
    venue = Venue()
    venue.trade(D(2))
    venue.settle()
    listed = [msgspec.structs.asdict(order) for order in venue.book.open_orders()]
    sent = venue.ids
    venue.protection.adopt([*listed, {"id": "x", "reduce_only": False, "stop": "3"}])
    venue.settle()
    assert venue.ids == sent
    assert venue.stops() == [("sell", "2", "97")]


def test_a_venue_without_reduce_only_orders_gets_no_stop() -> None:
    venue = Venue()
    venue.reduce_only = False
    venue.trade(D(2))
    venue.settle()
    assert venue.stops() == []


MOVES = st.tuples(
    st.decimals("-5", "5", places=2).filter(bool),
    st.sampled_from(["80", "95", "100", "105", "130"]),
)


@given(st.lists(st.tuples(MOVES, st.booleans()), max_size=20))
def test_whatever_the_position_does_the_stop_ends_in_step_with_it(
    moves: list[tuple[tuple[D, str], bool]],
) -> None:
    venue, price = Venue(), "100"
    for (change, price), settles in moves:
        before = venue.book.position
        venue.trade(change, price)
        if settles:
            venue.settle(price)
            assert venue.bare() == 0
            assert len(venue.stops()) == (venue.book.position != 0)
        elif (
            before and venue.book.position * before > 0 and abs(venue.book.position) <= abs(before)
        ):
            assert venue.bare() <= abs(before)
    venue.settle(price)
    assert venue.bare() == 0
    assert len(venue.stops()) <= 1
