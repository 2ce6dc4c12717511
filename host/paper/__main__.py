"""Run the paper exchange: `python -m host.paper --listen SOCK --record FILE.jsonl ...`.

SIGUSR1 begins and ends maintenance, in which every request is refused.
Prints `ready` once it listens. Ends with 0 on SIGTERM or SIGINT, and when its parent *process*
ends: it watches the parent through a pidfd. PR_SET_PDEATHSIG would fire as soon as the parent's
starting *thread* ends, and stdin may be /dev/null. Bad input ends with 2 and one line on stderr;
a record that can no longer be written with 1.
"""

from __future__ import annotations

import argparse
import contextlib
import math
import os
import signal
import socket
import stat
import sys
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import NoReturn

from host.data.reader import BadData, read
from host.paper.record import Record, RecordError
from host.paper.tape import Tape
from host.paper.venue import Venue

_FASTEST_ROWS_PER_S = 100_000.0
# With --span-s a long file is played in part, rather than faster than a small host can follow.
_SPAN_ROWS_PER_S = 500.0
_BACKLOG = 64


class BadInput(ValueError):
    """A wrong argument; its text is one line."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise BadInput(message)


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = _Parser(prog="python -m host.paper", description="The paper exchange.")
    parser.add_argument("--listen", required=True, metavar="SOCK", help="Unix socket to create")
    parser.add_argument("--record", required=True, metavar="FILE", help="JSON lines, appended to")
    parser.add_argument("--data", default="sp500", metavar="FILE", help="file, or sp500")
    pace = parser.add_mutually_exclusive_group()
    pace.add_argument("--rows-per-s", type=float, default=80.0, metavar="N")
    pace.add_argument("--span-s", type=float, metavar="S", help="make the data last S seconds")
    parser.add_argument("--start-row", type=int, default=0, metavar="N", help="counted from 0")
    parser.add_argument("--repeat", action="store_true", help="begin again after the last row")
    parser.add_argument("--min-notional", type=_notional, default="0", metavar="QUOTE")
    options = parser.parse_args(argv)
    if not (math.isfinite(options.rows_per_s) and 0 < options.rows_per_s <= _FASTEST_ROWS_PER_S):
        raise BadInput(f"--rows-per-s must be above 0 and at most {_FASTEST_ROWS_PER_S:.0f}")
    if options.span_s is not None and not (math.isfinite(options.span_s) and options.span_s > 0):
        raise BadInput("--span-s must be a number of seconds above 0")
    return options


def _notional(text: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal("NaN")
    if not (value.is_finite() and value >= 0):
        raise BadInput(f"--min-notional {text!r}: it is a number of quote currency, 0 or more")
    return value


def _tape(options: argparse.Namespace) -> Tape:
    series = read(options.data)
    if not 0 <= options.start_row < series.rows:
        raise BadInput(f"--start-row must be 0 to {series.rows - 1} for {series.source}")
    rows_per_s = options.rows_per_s
    if options.span_s is not None:
        rows_per_s = min(_SPAN_ROWS_PER_S, (series.rows - options.start_row) / options.span_s)
    return Tape(series, rows_per_s, options.start_row, options.repeat)


def _listener(path: str) -> socket.socket:
    """A listening socket at `path`; one left over by a dead venue is replaced, nothing else is."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        _clear_stale(path)
        listener.bind(path)
        listener.listen(_BACKLOG)
    except OSError as exc:
        listener.close()
        raise BadInput(f"--listen {path!r}: {exc.strerror or exc}") from None
    return listener


def _clear_stale(path: str) -> None:
    try:
        is_socket = stat.S_ISSOCK(Path(path).lstat().st_mode)
    except FileNotFoundError:
        return
    if not is_socket:
        raise BadInput(f"--listen {path!r}: exists and is not a socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as probe:
        probe.setblocking(False)
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            Path(path).unlink()
            return
        except BlockingIOError:
            pass  # its backlog is full: alive
    raise BadInput(f"--listen {path!r}: another process is listening there")


class _Signals:
    """SIGTERM, SIGINT and SIGUSR1 as readable bytes, noted from the moment this is made."""

    def __init__(self) -> None:
        self.reader, self._writer = socket.socketpair()
        self._writer.setblocking(False)
        signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1):
            # The byte written to the wake-up descriptor does the work.
            signal.signal(number, lambda *_: None)


def _parent_pidfd() -> int | None:
    """A descriptor that becomes readable when the parent ends; None when it is outside our view."""
    parent = os.getppid()
    try:
        return os.pidfd_open(parent) if parent > 0 else None
    except ProcessLookupError:
        raise BadInput("the parent process has ended already") from None


def _announce() -> None:
    with contextlib.suppress(BrokenPipeError):  # serving does not depend on who reads this
        os.write(sys.stdout.fileno(), b"ready\n")


def _open_record(path: str) -> Record:
    try:
        return Record(path)
    except RecordError as exc:
        raise BadInput(str(exc)) from None


def _obey(venue: Venue, signals: _Signals) -> None:
    for number in signals.reader.recv(64):
        if number == signal.SIGUSR1:
            venue.turn_maintenance()
        else:
            venue.stop("signal")


def _serve(options: argparse.Namespace, signals: _Signals, parent: int | None) -> None:
    tape = _tape(options)
    listener = _listener(options.listen)
    try:
        record = _open_record(options.record)
        try:
            venue = Venue(listener, tape, record, options.min_notional)
            venue.watch(signals.reader, lambda: _obey(venue, signals))
            if parent is not None:
                venue.watch(parent, lambda: venue.stop("parent ended"))
            venue.run(_announce)
        finally:
            record.close()
    finally:
        listener.close()
        Path(options.listen).unlink(missing_ok=True)


def main(argv: list[str] | None = None) -> int:
    """Run the venue; returns the exit code."""
    try:
        parent = _parent_pidfd()  # first: the parent may end while the data are read
        _serve(_arguments(argv), _Signals(), parent)
    except (BadInput, BadData) as exc:
        print(f"paper: {exc}", file=sys.stderr)
        return 2
    except RecordError as exc:
        print(f"paper: {exc}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
