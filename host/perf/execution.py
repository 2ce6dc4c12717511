"""What execution costs: fills a second through position, stop and target, and memory over many trades.

Every event comes as a packet and is decoded, every request is encoded, and the venue's answers are in
the time: a fill makes two amends and two answers of its own. Times are of the CPU: what else runs is not
in them.
"""

import gc
import sys
import time
from decimal import Decimal

import msgspec

from host.execution.manager import Manager
from host.execution.repricing import Policy
from host.execution.rules import Rules
from host.execution.sending import Outcome, Request
from host.execution.store import KEEP
from host.perf.judging import judge
from host.perf.timing import Row
from host.venues import events as ev
from host.venues import messages as m

# Specification: thousands a second.
FILLS_K_PER_S = 10.0
FILLS, BATCHES = 2_000, 20
CYCLES, ROUNDS = 2_000, 5
# Blocks a cycle: a count that grows by less is of the allocator's own making.
GROWTH = 0.01
CAN = frozenset({"amend", "stop", "reduce_only"})
PRICE = Decimal(100)


class Loopback:
    """A manager whose requests are accepted at once; `packets` are the answers."""

    def __init__(self) -> None:
        self.packets: list[bytes] = []
        self.now_ns = 1
        self.trades = 0
        self._ids = 0
        self._qty: dict[str, str] = {}
        rules = Rules("BTCUSDT", "BTC", "USDT", Decimal("0.01"), Decimal("0.001"), can=CAN)
        policy = Policy(
            Decimal(100), Decimal(200), hysteresis_bps=Decimal(0), per_s=10**6, burst=10**6
        )
        self.manager = Manager(rules, policy, self.new_id, self.send, lambda *_kind, **_data: None)
        self.manager.tick(self.now_ns, PRICE)

    def new_id(self) -> str:
        """Return the next id."""
        self._ids += 1
        return f"perf.1.1.{self._ids}"

    def send(self, request: Request) -> Outcome:
        """Accept a request as a venue of the protocol does."""
        msgspec.json.encode(request)
        match request:
            case m.New():
                self._say(ev.Ack(request.id))
            case m.Cancel():
                self._say(ev.Cancelled(request.id))
            case m.Amend():
                self._say(ev.Amended(request.id, str(request.qty), request.price, request.stop))
        return Outcome.SENT

    def fill(self, order_id: str, side: m.Side, left: int, price: str) -> None:
        """Execute one thousandth of a base unit; `left` thousandths are left."""
        self.trades += 1
        rest = m.plain(Decimal(left).scaleb(-3))
        self._say(ev.Fill(order_id, side, "0.001", price, "0.0001", rest, f"t{self.trades}"))

    def deliver(self) -> None:
        """Let the manager hear everything, and what is answered to that."""
        for packet in self.packets:
            self.now_ns += 1000
            self.manager.hear(msgspec.json.decode(packet), self.now_ns)
        self.packets.clear()

    def enter(self, side: m.Side, thousandths: int) -> str:
        """Send a market entry; return its id."""
        qty = m.plain(Decimal(thousandths).scaleb(-3))
        request = m.New(self.new_id(), "OPEN", side, "market", qty)
        refused = self.manager.enter(request, self.now_ns)
        if refused:
            raise RuntimeError(f"the entry was refused: {refused}")
        return request.id

    def _say(self, event: ev.Ev) -> None:
        self.packets.append(msgspec.json.encode(event))


def rows(fills: int = FILLS, batches: int = BATCHES, cycles: int = CYCLES) -> list[Row]:
    """Measure. Raises RuntimeError when a position is not what was filled."""
    rates = [fills_per_s(fills) / 1e3 for _batch in range(batches)]
    growth, each_us = open_and_close(cycles, ROUNDS)
    return [
        judge("fills, with stop and target repriced", rates, "k/s", FILLS_K_PER_S, "p50", at_least=True),
        judge("open and close, with stop and target", each_us, "us"),
        judge("memory left by an open and close", growth, "blocks", GROWTH, "p50"),
    ]  # fmt: skip


def fills_per_s(fills: int) -> float:
    """One entry in so many pieces; stop and target follow each of them."""
    desk = Loopback()
    entry = desk.enter("buy", fills)
    desk.deliver()
    gc.collect()
    began_ns = time.thread_time_ns()
    for number in range(fills):
        desk.fill(entry, "buy", fills - number - 1, "100.01" if number % 2 else "99.99")
        desk.deliver()
    taken_s = (time.thread_time_ns() - began_ns) / 1e9
    manager = desk.manager
    stops = [order.left for order in manager.orders.live.values()]
    if stops != [manager.position.qty] * 2 or manager.position.executions != fills:
        raise RuntimeError(f"{manager.position.qty} held, {stops} in stop and target")
    return fills / taken_s


def open_and_close(cycles: int, rounds: int) -> tuple[list[float], list[float]]:
    """Return blocks of Python's allocator left by a cycle, and us a cycle, of each round."""
    desk = Loopback()
    growth, each_us = [], []
    for _cycle in range(KEEP):  # until what is remembered of ended orders is full
        cycle(desk)
    for _round in range(rounds):
        gc.collect()
        before, began_ns = sys.getallocatedblocks(), time.thread_time_ns()
        for _cycle in range(cycles):
            cycle(desk)
        taken_ns = time.thread_time_ns() - began_ns
        gc.collect()
        growth.append(abs(sys.getallocatedblocks() - before) / cycles)
        each_us.append(taken_ns / 1e3 / cycles)
    return growth, each_us


def cycle(desk: Loopback) -> None:
    """In with two fills, protected after each, out by the stop; flat and nothing open afterwards."""
    side: m.Side = "buy" if desk.trades % 8 else "sell"
    other: m.Side = "sell" if side == "buy" else "buy"
    entry = desk.enter(side, 2)
    desk.deliver()
    for left in (1, 0):
        desk.fill(entry, side, left, "100")
        desk.deliver()
    (stop,) = (order for order in desk.manager.orders.live.values() if order.stop is not None)
    for left in (1, 0):
        desk.fill(stop.id, other, left, "99")
        desk.deliver()
    if desk.manager.position.qty or desk.manager.orders.live:
        raise RuntimeError("not flat after the end of a cycle")
