"""The events alone tell the whole story: who follows them knows what the venue knows, always."""

from dataclasses import dataclass
from decimal import Decimal as D

from hypothesis import given, settings
from hypothesis import strategies as st

from host.paper.book import Book
from host.paper.desk import Desk
from host.paper.fees import Fees
from host.paper.latency import Latency
from host.paper.market import Row, Rules
from host.venues import events as ev
from host.venues import messages as m
from host.venues.capabilities import CAPABILITIES

TICK = D("0.25")
NAMES = [f"o{number}" for number in range(8)]


@dataclass
class Known:
    """What a listener knows of an order."""

    side: str
    qty: D
    filled: D = D(0)
    state: str = "open"


class Listener:
    """Follows the events of one venue, and nothing else."""

    def __init__(self) -> None:
        self.orders: dict[str, Known] = {}
        self.position = self.cash = D(0)

    def hear(self, message: m.Message | None, events: list[ev.Ev]) -> None:
        """Take the answers to a message, or (None) what a row did."""
        for event in events:
            match event:
                case ev.Ack(name):
                    assert isinstance(message, m.New | m.Oco)
                    assert name not in self.orders, "an id was taken twice"
                    self.orders[name] = Known(message.side, D(message.qty))
                case ev.Fill():
                    self.fill(event)
                case ev.Cancelled(name, _reason, filled):
                    assert D(filled or 0) == self.orders[name].filled
                    self.end(name)
                case ev.CancelledAll(ids):
                    for name in ids:
                        self.end(name)
                case ev.Amended(name, qty):
                    order = self.orders[name]
                    assert order.state == "open"
                    order.qty = D(qty)
                    assert order.filled < order.qty

    def fill(self, fill: ev.Fill) -> None:
        """Take one execution."""
        order, qty = self.orders[fill.id], D(fill.qty)
        assert (order.state, order.side) == ("open", fill.side)
        order.filled += qty
        assert qty > 0
        assert order.filled + D(fill.left) == order.qty
        order.state = "filled" if order.filled == order.qty else "open"
        signed = qty if fill.side == "buy" else -qty
        self.position += signed - (D(fill.fee) if fill.currency == "PAPER" else 0)
        self.cash -= signed * D(fill.price) + (0 if fill.currency else D(fill.fee))

    def end(self, name: str) -> None:
        """An order is gone."""
        assert self.orders[name].state == "open"
        self.orders[name].state = "cancelled"


prices = st.integers(30, 50).map(lambda n: str(n * TICK))
qtys = st.integers(1, 12).map(lambda n: str(D(n) / 4))
sides = st.sampled_from(["buy", "sell"])
names = st.sampled_from(NAMES)
flags = {"reduce_only": st.booleans(), "post_only": st.booleans()}


@st.composite
def ocos(draw: st.DrawFn) -> m.Oco:
    """A target and a stop, mostly on the right sides."""
    side, (low, high) = draw(sides), sorted([draw(prices), draw(prices)], key=D)
    at = (high, low) if side == "sell" else (low, high)
    return m.Oco(draw(names), draw(names), "REDUCE", side, draw(qtys), *at)


# The account begins with a position, so that there is something to reduce.
BEGINNING = [
    m.New("o0", "OPEN", "buy", "market", "3"),
    Row(1, D(10), D(10), D(10), D(10)),
]
requests = st.one_of(
    st.builds(m.New, names, st.just("OPEN"), sides, st.just("limit"), qtys, prices, **flags,
              tif=st.sampled_from(["gtc", "ioc"])),
    st.builds(m.New, names, st.just("OPEN"), sides, st.just("market"), qtys),
    st.builds(m.New, names, st.just("REDUCE"), sides, st.just("stop"), qtys, st.none(), st.just(True),
              prices),
    ocos(),
    ocos(),
    st.builds(m.Amend, names, st.just("OPEN"), st.none() | qtys, st.none() | prices, st.none() | prices),
    st.builds(m.Cancel, names, st.just("CANCEL")),
    st.builds(m.CancelAll, st.just("CANCEL")),
)  # fmt: skip


@st.composite
def rows(draw: st.DrawFn) -> Row:
    """A quote with or without sizes, a bar, a trade beside the book."""
    low, mid, high = sorted(D(draw(prices)) for _ in range(3))
    size = st.integers(0, 20).map(lambda n: D(n) / 4)
    kind = draw(st.sampled_from(["quote", "blind", "bar", "trade"]))
    if kind == "quote":
        return Row(1, high, low, high, low, None, draw(size), draw(size))
    if kind == "blind":
        return Row(1, high, low, high, low)
    if kind == "bar":
        return Row(1, mid, mid, low, high, draw(size))
    return Row(1, mid, mid, mid, mid, draw(size) + 1, beside_book=True)


steps = st.lists(st.one_of(requests, requests, rows()), max_size=60)
fees = st.sampled_from([Fees(), Fees(D(-1), D(7)), Fees(D(2), D(5), "received"),
                        Fees(D(2), D(5), "BNB", D(600))])  # fmt: skip
abilities = st.frozensets(st.sampled_from(sorted(CAPABILITIES)), min_size=len(CAPABILITIES) - 1)


@settings(max_examples=400, deadline=None)
@given(steps, fees, abilities, st.sampled_from([(0, 0), (5, 0), (2, 30)]), st.integers(0, 9))
def test_who_hears_every_event_knows_the_account(
    script: list, paid: Fees, can: frozenset[str], delay: tuple[float, float], seed: int
) -> None:
    book = Book(Rules(TICK, can=can), paid, Latency(*delay, seed))
    desk, listener, now_ns = Desk(book), Listener(), 0
    for step in [*BEGINNING, *script]:
        if isinstance(step, Row):
            now_ns += 4_000_000
            step = Row(
                **{name: getattr(step, name) for name in Row.__slots__} | {"time_ns": now_ns}
            )
            listener.hear(None, book.on_row(step))
        else:
            result = desk.handle("trade", step)
            assert result.to_sender or result.to_traders or delay != (0, 0)
            listener.hear(step, [*result.to_sender, *result.to_traders])
        check(book, listener)
    listener.hear(None, book.no_more_rows())
    check(book, listener)


def check(book: Book, listener: Listener) -> None:
    """Compare the venue's answers with what the listener knows."""
    assert (book.position, book.cash) == (listener.position, listener.cash)
    still = {order.id: order for order in book.open_orders()}
    for name in NAMES:
        state, known = book.state(1, name), listener.orders.get(name)
        if known is None:
            assert state.state == "unknown"
            continue
        assert (name in still) == (known.state == "open")
        assert (state.state, D(state.filled)) == (known.state, known.filled)
        assert D(state.left) == known.qty - known.filled
        assert name not in still or D(still[name].qty) == known.qty
