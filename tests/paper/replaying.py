"""A seeded trader on recorded ticks, and a judge that knows the recorded rows and our orders, no more."""

import os
import random
from dataclasses import dataclass
from decimal import ROUND_UP
from decimal import Decimal as D
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from host.data.reader import Series, read
from host.paper.book import Book
from host.paper.desk import Desk
from host.paper.fees import Fees
from host.paper.latency import Latency
from host.paper.market import Rules
from host.paper.tape import Tape
from host.venues import events as ev
from host.venues import messages as m

HOUSE = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("BOT4_DATA", HOUSE.parent / "shared" / "data"))
# Rows of each file; `make replay` plays them all.
ROWS = int(os.environ.get("BOT4_REPLAY_ROWS", "6000"))
EVERY = 7  # rows between two requests
MAKER_BPS, TAKER_BPS = D(2), D(5)
STEP = D("0.001")


@cache
def series(name: str) -> Series:
    """One recorded file."""
    path = DATA / f"ticks_{name}.csv.gz"
    if not path.exists():
        pytest.skip(f"no {path.name} in {DATA} (set BOT4_DATA)")
    return read(str(path))


class Script:
    """Requests of every kind around the last price, the same with each seed."""

    def __init__(self, seed: int, tick: D, size: float) -> None:
        self.orders: dict[str, m.New | m.Oco] = {}
        self._chance = random.Random(seed)
        self._tick, self._size = tick, size
        self._ids: list[str] = []

    def next(self, mark: D, position: D) -> m.Message:
        """One request."""
        kind = self._chance.random()
        if self._ids and kind < 0.15:
            return m.Cancel(self._chance.choice(self._ids[-20:]), "CANCEL")
        if self._ids and kind < 0.25:
            name = self._chance.choice(self._ids[-20:])
            return m.Amend(name, "OPEN", self._qty(), self._near(mark))
        name = f"r.1.1.{len(self._ids) + 1}"
        self._ids.append(name)
        order = self._bracket(name, mark, position) if position and kind < 0.35 else None
        order = order or self._order(name, mark, kind)
        self.orders[name] = order
        if isinstance(order, m.Oco):
            self.orders[order.stop_id] = order
        return order

    def _order(self, name: str, mark: D, kind: float) -> m.New:
        side = self._chance.choice(("buy", "sell"))
        if kind < 0.5:
            return m.New(name, "OPEN", side, "market", self._qty())
        post_only, tif = kind > 0.9, "ioc" if 0.8 < kind <= 0.9 else "gtc"
        return m.New(name, "OPEN", side, "limit", self._qty(), self._near(mark), False, None,
                     post_only, tif)  # type: ignore[arg-type]  # fmt: skip

    def _bracket(self, name: str, mark: D, position: D) -> m.Oco:
        side = "sell" if position > 0 else "buy"
        away = self._tick * self._chance.randint(1, 30)
        at = (mark + away, mark - away) if side == "sell" else (mark - away, mark + away)
        return m.Oco(name, f"{name}s", "REDUCE", side, m.plain(abs(position)),
                     *(m.plain(max(self._tick, price)) for price in at))  # type: ignore[arg-type]  # fmt: skip

    def _qty(self) -> str:
        size = D(str(round(self._size * self._chance.choice((0.1, 1, 5)), 3)))
        return m.plain(max(STEP, size))

    def _near(self, mark: D) -> str:
        return m.plain(max(self._tick, mark + self._tick * self._chance.randint(-4, 4)))


@dataclass
class Shown:
    """What one recorded row showed."""

    kind: str
    bid: D  # or the price of the trade
    ask: D
    bid_qty: D | None = None
    ask_qty: D | None = None
    qty: D = D(0)


def shown(rows: Series, trades: Series | None) -> list[Shown]:
    """The recorded rows in the order in which they were received."""

    def exact(column: np.ndarray, at: int) -> D:
        return D(repr(float(column[at])))

    found: list[tuple[int, int, Shown]] = []
    for rank, one in ((1, rows), (0, trades)):
        if one is None:
            continue
        times = one.local_ns if trades is not None and rows.local_ns is not None else one.time_ns
        assert times is not None
        for at, time_ns in enumerate(times):
            if one.bid is not None and one.ask is not None:
                sizes = (None, None)
                if one.bid_qty is not None and one.ask_qty is not None:
                    sizes = (exact(one.bid_qty, at), exact(one.ask_qty, at))
                what = Shown("quote", exact(one.bid, at), exact(one.ask, at), *sizes)
            else:
                assert one.qty is not None
                price = exact(one.price, at)
                kind = "trade" if trades is None else "beside"
                what = Shown(kind, price, price, qty=exact(one.qty, at))
            found.append((int(time_ns), rank, what))
            if trades is None and len(found) > ROWS:
                break
    found.sort(key=lambda item: item[:2])
    return [what for _time, _rank, what in found]


@dataclass
class Told:
    """One event and the row it came with."""

    row: int
    event: ev.Ev


def play(
    name: str, trades: str | None, seed: int, latency: tuple[float, float] = (0.0, 0.0)
) -> tuple[list[Told], Script]:
    """Trade one recording; everything the venue says, in order."""
    beside = None if trades is None else series(trades)
    tape = Tape(series(name), 0, trades=beside)
    displayed = tape.series.qty if tape.series.qty is not None else tape.series.bid_qty
    script = Script(seed, tape.tick, 1.0 if displayed is None else float(np.median(displayed)))
    book = Book(Rules(tape.tick, STEP), Fees(MAKER_BPS, TAKER_BPS), Latency(*latency, seed))
    desk, told = Desk(book), []
    for row in range(min(tape.rows, ROWS)):
        told += [Told(row, event) for event in book.on_row(tape.row(row))]
        if row % EVERY == 0 and book.mark is not None:
            result = desk.handle("trade", script.next(book.mark, book.position))
            told += [Told(row, event) for event in (*result.to_sender, *result.to_traders)]
    return told, script


def judge(told: list[Told], script: Script, rows: list[Shown]) -> int:
    """Every fill against the recorded row that it came with; returns how many there were."""
    accepted: dict[str, int] = {}
    limits: dict[str, D] = {}
    taken: dict[tuple[int, str], D] = {}
    fills = 0
    for item in told:
        if isinstance(item.event, ev.Ack):
            order = script.orders[item.event.id]
            accepted[item.event.id] = item.row
            if isinstance(order, m.Oco) is (item.event.id == getattr(order, "id", "")):
                limits[item.event.id] = D(order.price or 0)
            elif isinstance(order, m.New) and order.price is not None:
                limits[item.event.id] = D(order.price)
        elif isinstance(item.event, ev.Amended) and item.event.price is not None:
            limits[item.event.id] = D(item.event.price)
        elif isinstance(item.event, ev.Fill):
            fill, row = item.event, rows[item.row]
            fills += 1
            assert item.row > accepted[fill.id], "filled by a row that was out already"
            _judge_price(fill, row, limits.get(fill.id))
            bps = MAKER_BPS if fill.maker else TAKER_BPS
            cost = D(fill.qty) * D(fill.price) * bps / 10_000
            assert D(fill.fee) == cost.quantize(D("1e-8"), ROUND_UP)
            key = (item.row, fill.side if row.kind == "quote" else "both")
            taken[key] = taken.get(key, D(0)) + D(fill.qty)
    _judge_quantities(taken, rows)
    return fills


def _judge_price(fill: ev.Fill, row: Shown, limit: D | None) -> None:
    price, sign = D(fill.price), 1 if fill.side == "buy" else -1
    if limit is not None:
        assert sign * price <= sign * limit, "beyond its limit"
    if row.kind == "beside":
        assert limit == price, "a trade of others fills resting orders alone, at their own price"
        assert sign * price >= sign * row.bid, "at a price that was not traded"
    else:
        touch = row.ask if fill.side == "buy" else row.bid
        assert sign * price >= sign * touch, "better than the book allowed"
        assert fill.maker or limit is not None or price != touch, "a market order without slippage"


def _judge_quantities(taken: dict[tuple[int, str], D], rows: list[Shown]) -> None:
    """No row gave more than it showed, and a price no more than it showed while it stood."""
    for (at, side), qty in taken.items():
        row = rows[at]
        if row.kind == "trade":
            assert qty <= row.qty / 10
        elif row.kind == "beside":
            assert qty <= row.qty
        elif (size := row.ask_qty if side == "buy" else row.bid_qty) is not None:
            assert qty <= size
    for side in ("buy", "sell"):
        room, stands, was = D(0), D(0), D(0)
        for at, row in enumerate(rows[:ROWS]):
            price, size = (row.ask, row.ask_qty) if side == "buy" else (row.bid, row.bid_qty)
            if size is None:
                continue
            room = min(size, room + max(D(0), size - was)) if price == stands else size
            room -= taken.get((at, side), D(0))
            assert room >= 0, "the same displayed size was taken twice"
            stands, was = price, size
