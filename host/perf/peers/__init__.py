"""Our paper venue beside the engines of others, where they are installed: `bot4 perf --peers`.

Both take the same quote ticks in one process without a socket, once without an order and once with a
market order, bought and sold in turn, at every tick. Ours reads and answers the packets of its protocol
as well. They count more (margins, portfolios, caches); the figures say what a replay costs with each.
"""

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from decimal import Decimal
from importlib.util import find_spec
from typing import Any

from host.paper.book import Book
from host.paper.desk import Desk
from host.paper.market import Row, Rules
from host.venues import events as ev
from host.venues import messages as m

QUIET_TICKS, TRADED_TICKS = 100_000, 5_000
QTY = "0.1"
ROUNDS = 3
PATIENCE_S = 600.0
WHAT = {"ticks_per_s": "quote ticks, no orders", "orders_per_s": "market orders, one each tick"}
INSTALL = "pip install 'bot4[peers]'"


def prices(count: int) -> Iterator[tuple[str, str]]:
    """Return bid and ask of each tick: they jump about within a percent of each other."""
    for at in range(count):
        bid = 20_000 + (at * 7919 % 400 - 200) / 2
        yield f"{bid:.2f}", f"{bid + 0.01:.2f}"


def beside(
    quiet: int = QUIET_TICKS, traded: int = TRADED_TICKS, rounds: int = ROUNDS
) -> list[dict[str, Any]]:
    """Return a row for each figure: what, ours, theirs (None: `missing` says why), peer, unit."""
    our = [(ticks_per_s(quiet), orders_per_s(traded)) for _ in range(rounds)]
    ours = dict(
        zip(WHAT, (statistics.median(one) / 1e3 for one in zip(*our, strict=True)), strict=True)
    )
    theirs, missing = nautilus(quiet, traded, rounds)
    version = theirs.get("version", "")
    return [
        {
            "what": what,
            "ours": round(ours[name], 2),
            "theirs": round(theirs[name] / 1e3, 2) if theirs else None,
            "peer": f"NautilusTrader {version}".strip(),
            "unit": "k/s",
            "missing": missing,
        }
        for name, what in WHAT.items()
    ]


def ticks_per_s(ticks: int) -> float:
    """Return how many quotes a second the paper venue's book plays."""
    book, rows = Book(Rules(Decimal("0.01"))), _rows(ticks)
    began_ns = time.perf_counter_ns()
    for row in rows:
        book.on_row(row)
    return ticks * 1e9 / (time.perf_counter_ns() - began_ns)


def orders_per_s(ticks: int) -> float:
    """Return how many market orders a second are read, filled and told. Raises RuntimeError."""
    book, rows = Book(Rules(Decimal("0.01"))), _rows(ticks)
    desk, filled = Desk(book), 0
    began_ns = time.perf_counter_ns()
    for number, row in enumerate(rows):
        for event in book.on_row(row):
            filled += isinstance(event, ev.Fill)
            m.encode(event)
        side = "sell" if number % 2 else "buy"
        order = f'{{"op":"new","id":"p.1.1.{number}","intent":"OPEN","side":"{side}",'
        packet = f'{order}"type":"market","qty":"{QTY}"}}'.encode()
        for answer in desk.handle("trade", m.understand(packet)).to_sender:
            m.encode(answer)
    taken_s = (time.perf_counter_ns() - began_ns) / 1e9
    if filled != ticks - 1:  # the last one has no row after it
        raise RuntimeError(f"{filled} of {ticks - 1} orders filled")
    return ticks / taken_s


def nautilus(quiet: int, traded: int, rounds: int) -> tuple[dict[str, Any], str]:
    """Return the medians of NautilusTrader, or nothing and the reason."""
    if find_spec("nautilus_trader") is None:
        return {}, f"NautilusTrader is not installed: {INSTALL}"
    command = ["host.perf.peers.nautilus", str(quiet), str(traded)]
    return asked("NautilusTrader", command, WHAT, rounds)


def asked(
    peer: str, command: list[str], names: Iterable[str], rounds: int
) -> tuple[dict[str, Any], str]:
    """Run a module that measures a peer; return the medians of its figures, or why there are none."""
    found = []
    for _ in range(rounds):
        try:
            done = subprocess.run(
                [sys.executable, "-m", *command],
                capture_output=True,
                text=True,
                timeout=PATIENCE_S,
                check=True,
            )
            found.append(json.loads(done.stdout))
        except (subprocess.SubprocessError, ValueError) as error:
            last = (getattr(error, "stderr", None) or str(error)).strip().splitlines()[-1]
            return {}, f"{peer} could not be measured: {last}"
    medians = {name: statistics.median(one[name] for one in found) for name in names}
    return medians | {"version": found[0]["version"]}, ""


def _rows(ticks: int) -> list[Row]:
    sizes = Decimal(1_000), Decimal(1_000)
    quotes = [(Decimal(bid), Decimal(ask)) for bid, ask in prices(ticks)]
    return [Row(at, ask, bid, ask, bid, None, *sizes) for at, (bid, ask) in enumerate(quotes)]


def show(found: list[dict[str, Any]]) -> str:
    """Return the rows as text of at most 80 columns."""
    lines = [f"{'beside others, in one process, k/s':36}{'ours':>10}{'theirs':>10}"]
    for row in found:
        theirs = "missing" if row["theirs"] is None else f"{row['theirs']:.2f}"
        lines.append(f"{row['what']:36}{row['ours']:>10.2f}{theirs:>10}  {row['peer']}")
    lines += [f"missing: {why}" for why in dict.fromkeys(row["missing"] for row in found) if why]
    return "\n".join(lines)
