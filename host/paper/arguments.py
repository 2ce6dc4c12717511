"""The command line of the paper venue, and what it makes: the tape, and the book with its rules."""

from __future__ import annotations

import argparse
import math
from argparse import ArgumentTypeError as Wrong
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import NoReturn

from host.data.reader import read as read_data
from host.paper.book import Book
from host.paper.fees import IN_QUOTE, IN_RECEIVED, MAKER_FEE_BPS, TAKER_FEE_BPS, Fees
from host.paper.latency import Latency
from host.paper.market import FINEST, MOST, Rules
from host.paper.matching import SLIP_TICKS
from host.paper.tape import Tape
from host.venues.capabilities import CAPABILITIES

_FASTEST_ROWS_PER_S = 100_000.0
# With --span-s a long file is played in part, rather than faster than a small host can follow.
_SPAN_ROWS_PER_S = 500.0
_LONGEST_MS = 60_000.0


class BadInput(ValueError):
    """A wrong argument; its text is one line."""


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
    _add_rules(parser)
    _add_fills(parser)
    add("--control", metavar="SOCK", help="for tests: rows and faults by a client of this socket")
    options = parser.parse_args(argv)
    _check_pace(options)
    if not all(0 <= ms <= _LONGEST_MS for ms in (options.latency_ms, options.jitter_ms)):
        raise BadInput(f"--latency-ms and --jitter-ms must be 0 to {_LONGEST_MS:.0f}")
    if options.min_qty > options.max_qty:
        raise BadInput("--min-qty must not be above --max-qty")
    return options


def _add_rules(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    number = _decimal
    add("--symbol", default=("PAPER", "USD"), type=_symbol, metavar="BASE/QUOTE")
    add("--tick", type=number(above=True), metavar="QUOTE", help="that of the data")
    add("--qty-step", type=number(above=True), default=FINEST, metavar="BASE")
    add("--min-qty", type=number(), default=FINEST, metavar="BASE")
    add("--max-qty", type=number(above=True), default=MOST, metavar="BASE")
    add("--min-notional", type=number(), default=Decimal(0), metavar="QUOTE")
    add("--band", type=number(above=True), metavar="SHARE", help="of the mark")
    add("--strict", action="store_true", help="refuse what is off the tick or the step")
    add("--cannot", type=_words, default=frozenset(), metavar="A,B", help=", ".join(CAPABILITIES))


def _add_fills(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--maker-bps", type=_decimal(least=-100), default=MAKER_FEE_BPS, metavar="N")
    add("--taker-bps", type=_decimal(least=-100), default=TAKER_FEE_BPS, metavar="N")
    add("--fee-in", type=_currency, default=(IN_QUOTE, Decimal(1)), metavar="WHAT",
        help="quote, received, or NAME=WORTH of a third currency")  # fmt: skip
    add("--slip-ticks", type=_decimal(), default=SLIP_TICKS, metavar="N")
    add("--latency-ms", type=float, default=0.0, metavar="MS", help="of the data's time, one way")
    add("--jitter-ms", type=float, default=0.0, metavar="MS", help="at most so much more")
    add("--seed", type=int, default=0, metavar="N", help="of the jitter")


def _check_pace(options: argparse.Namespace) -> None:
    pace = options.rows_per_s
    still = pace == 0 and options.control is not None
    if not still and not (math.isfinite(pace) and 0 < pace <= _FASTEST_ROWS_PER_S):
        raise BadInput(f"--rows-per-s must be above 0 and at most {_FASTEST_ROWS_PER_S:.0f}")
    if options.span_s is not None and not (math.isfinite(options.span_s) and options.span_s > 0):
        raise BadInput("--span-s must be a number of seconds above 0")


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


def tape(options: argparse.Namespace) -> Tape:
    """Make the tape. Raises BadInput and BadData."""
    series = read_data(options.data)
    trades = None if options.trades is None else read_data(options.trades)
    made = Tape(series, options.rows_per_s, options.start_row, options.repeat, trades)
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
    return Book(rules, fees, latency, options.slip_ticks)


def settings(options: argparse.Namespace) -> dict[str, str]:
    """Everything that the fills depend on beside the data, for the record."""
    elsewhere = {"listen", "record", "control", "data", "rows_per_s", "span_s", "start_row"}
    return {name: _text(value) for name, value in vars(options).items() if name not in elsewhere}


def _text(value: object) -> str:
    if isinstance(value, tuple | frozenset):
        return ",".join(
            sorted(map(str, value)) if isinstance(value, frozenset) else map(str, value)
        )
    return "" if value is None else str(value)
