"""The command line of the paper venue, and what it makes: the tape, and the book with its rules."""

from __future__ import annotations

import argparse
import math
from argparse import ArgumentTypeError as Wrong
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple, NoReturn

from host.data.reader import read as read_data
from host.paper.book import Book
from host.paper.fees import IN_QUOTE, IN_RECEIVED, MAKER_FEE_BPS, TAKER_FEE_BPS, Fees
from host.paper.latency import Latency
from host.paper.market import FINEST, MOST, Rules
from host.paper.matching import SLIP_TICKS
from host.paper.tape import Tape
from host.venues import messages as m
from host.venues.capabilities import CAPABILITIES

_FASTEST_ROWS_PER_S = 100_000.0
# With --span-s a long file is played in part, rather than faster than a small host can follow.
_SPAN_ROWS_PER_S = 500.0
_LONGEST_MS = 60_000.0


class BadInput(ValueError):
    """A wrong argument; its text is one line."""


def _decimal(above: bool = False, least: int = 0) -> Callable[[str], Decimal]:
    """A reader of numbers of at least `least`, or above it, with 8 decimals at most."""

    def read_it(text: str) -> Decimal:
        try:
            value = Decimal(text)
        except InvalidOperation:
            value = Decimal("NaN")
        fits = value.is_finite() and (value > least if above else value >= least)
        if not fits or value > MOST or value % FINEST:
            wanted = f"above {least}" if above else f"{least} or more"
            raise Wrong(f"{text!r}: it is a number {wanted}, with at most 8 decimals")
        return value

    return read_it


def _words(text: str) -> frozenset[str]:
    words = frozenset(text.split(","))
    if wrong := sorted(words - CAPABILITIES.keys()):
        raise Wrong(f"{wrong[0]!r}: not one of {', '.join(CAPABILITIES)}")
    return words


def _symbol(text: str) -> tuple[str, str]:
    base, slash, quote = text.partition("/")
    if not (slash and base.isalnum() and quote.isalnum()):
        raise Wrong(f"{text!r}: it is of the form BTC/USDT")
    return base, quote


def _currency(text: str) -> tuple[str, Decimal]:
    name, equals, worth = text.partition("=")
    if not equals and name in (IN_QUOTE, IN_RECEIVED):
        return name, Decimal(1)
    if not (equals and name.isalnum()):
        raise Wrong(f"{text!r}: it is quote, received or NAME=WORTH")
    return name, _decimal(above=True)(worth)


class Option(NamedTuple):
    """One option: what it is called, its value, what it is without one, and what it says."""

    name: str
    metavar: str
    read: Callable[[str], Any]
    default: Any
    what: str


RULES = (
    Option("--symbol", "BASE/QUOTE", _symbol, ("PAPER", "USD"), "what is traded"),
    Option("--tick", "QUOTE", _decimal(above=True), None, "step of prices; else that of the data"),
    Option("--qty-step", "BASE", _decimal(above=True), FINEST, "step of quantities"),
    Option("--min-qty", "BASE", _decimal(), FINEST, "least quantity of an order"),
    Option("--max-qty", "BASE", _decimal(above=True), MOST, "largest quantity of an order"),
    Option("--min-notional", "QUOTE", _decimal(), Decimal(0), "least value of an order"),
    Option("--band", "SHARE", _decimal(above=True), None, "how far a limit may lie from the mark"),
    Option("--cannot", "A,B", _words, frozenset(), f"leave out of: {', '.join(CAPABILITIES)}"),
)
FILLS = (
    Option("--maker-bps", "N", _decimal(least=-100), MAKER_FEE_BPS, "fee of a maker; below 0: rebate"),
    Option("--taker-bps", "N", _decimal(least=-100), TAKER_FEE_BPS, "fee of a taker"),
    Option("--fee-in", "WHAT", _currency, (IN_QUOTE, Decimal(1)),
           "quote, received, or NAME=WORTH of a third currency"),
    Option("--slip-ticks", "N", _decimal(), SLIP_TICKS, "what a market order loses beside the price"),
    Option("--slip-bps", "N", _decimal(), Decimal(0), "what it loses besides, of the price"),
    Option("--spread-bps", "N", _decimal(), Decimal(0), "from bid to ask, where the data show none"),
    Option("--latency-ms", "MS", float, 0.0, "how long a request takes, in the time of the data"),
    Option("--jitter-ms", "MS", float, 0.0, "at most so much more, drawn for each request"),
    Option("--seed", "N", int, 0, "of what is drawn"),
)  # fmt: skip


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise BadInput(message)


def read(argv: list[str] | None) -> argparse.Namespace:
    """Read the command line. Raises BadInput."""
    parser = _Parser(prog="python -m host.paper", description="The paper exchange.")
    add = parser.add_argument
    add("--listen", required=True, metavar="SOCK", help="Unix socket to create")
    add("--record", required=True, metavar="FILE", help="JSON lines, appended to")
    add("--data", default="sp500", metavar="FILE", help="file, or sp500")
    add("--trades", metavar="FILE", help="trades of the time of the quotes in --data")
    pace = parser.add_mutually_exclusive_group()
    pace.add_argument("--rows-per-s", type=float, default=80.0, metavar="N")
    pace.add_argument("--span-s", type=float, metavar="S", help="make the data last S seconds")
    add("--start-row", type=int, default=0, metavar="N", help="counted from 0")
    add("--repeat", action="store_true", help="begin again after the last row")
    for option in (*RULES, *FILLS):
        add(option.name, metavar=option.metavar, type=option.read, default=option.default,
            help=option.what)  # fmt: skip
    add("--strict", action="store_true", help="refuse what is off the tick or the step")
    add("--control", metavar="SOCK", help="for tests: rows and faults by a client of this socket")
    options = parser.parse_args(argv)
    _check_pace(options)
    if not all(0 <= ms <= _LONGEST_MS for ms in (options.latency_ms, options.jitter_ms)):
        raise BadInput(f"--latency-ms and --jitter-ms must be 0 to {_LONGEST_MS:.0f}")
    if options.min_qty > options.max_qty:
        raise BadInput("--min-qty must not be above --max-qty")
    return options


def _check_pace(options: argparse.Namespace) -> None:
    pace = options.rows_per_s
    still = pace == 0 and options.control is not None
    if not still and not (math.isfinite(pace) and 0 < pace <= _FASTEST_ROWS_PER_S):
        raise BadInput(f"--rows-per-s must be above 0 and at most {_FASTEST_ROWS_PER_S:.0f}")
    if options.span_s is not None and not (math.isfinite(options.span_s) and options.span_s > 0):
        raise BadInput("--span-s must be a number of seconds above 0")


def tape(options: argparse.Namespace) -> Tape:
    """Make the tape. Raises BadInput and BadData."""
    series = read_data(options.data)
    trades = None if options.trades is None else read_data(options.trades)
    made = Tape(
        series,
        options.rows_per_s,
        options.start_row,
        options.repeat,
        trades,
        options.spread_bps,
    )
    if not 0 <= options.start_row < made.rows:
        raise BadInput(f"--start-row must be 0 to {made.rows - 1} for {made.source}")
    if options.span_s is not None:
        made.rows_per_s = min(_SPAN_ROWS_PER_S, (made.rows - options.start_row) / options.span_s)
    return made


def book(options: argparse.Namespace, tick: Decimal) -> Book:
    """Make the book; the tick is that of the data unless another one was named."""
    base, quote = options.symbol
    rules = Rules(
        options.tick or tick,
        options.qty_step,
        options.min_qty,
        options.max_qty,
        options.min_notional,
        options.band,
        options.strict,
        base,
        quote,
        frozenset(CAPABILITIES) - options.cannot,
    )
    paid_in, worth = options.fee_in
    fees = Fees(options.maker_bps, options.taker_bps, paid_in, worth)
    latency = Latency(options.latency_ms, options.jitter_ms, options.seed)
    return Book(rules, fees, latency, options.slip_ticks, options.slip_bps / 10_000)


def settings(options: argparse.Namespace) -> dict[str, str]:
    """Everything that the fills depend on beside the data, for the record."""
    elsewhere = {"listen", "record", "control", "data", "rows_per_s", "span_s", "start_row"}
    return {name: shown(value) for name, value in vars(options).items() if name not in elsewhere}


def shown(value: object) -> str:
    """The value of an option as text."""
    if isinstance(value, tuple | frozenset):
        return ",".join(
            sorted(map(str, value)) if isinstance(value, frozenset) else map(str, value)
        )
    return m.plain(value) if isinstance(value, Decimal) else "" if value is None else str(value)
