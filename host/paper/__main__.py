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
import os
import signal
import socket
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

from host.data.reader import BadData
from host.paper import arguments
from host.paper.arguments import BadInput
from host.paper.control import Control
from host.paper.record import Record, RecordError
from host.paper.venue import Venue

_BACKLOG = 64


def _listener(path: str, what: str) -> socket.socket:
    """A listening socket at `path`; one left over by a dead venue is replaced, nothing else is."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        _clear_stale(path, what)
        listener.bind(path)
        listener.listen(_BACKLOG)
    except OSError as exc:
        listener.close()
        raise BadInput(f"{what} {path!r}: {exc.strerror or exc}") from None
    return listener


def _clear_stale(path: str, what: str) -> None:
    try:
        is_socket = stat.S_ISSOCK(Path(path).lstat().st_mode)
    except FileNotFoundError:
        return
    if not is_socket:
        raise BadInput(f"{what} {path!r}: exists and is not a socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as probe:
        probe.setblocking(False)
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            Path(path).unlink()
            return
        except BlockingIOError:
            pass  # its backlog is full: alive
    raise BadInput(f"{what} {path!r}: another process is listening there")


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


@contextlib.contextmanager
def _listening(path: str, what: str) -> Iterator[socket.socket]:
    listener = _listener(path, what)
    try:
        yield listener
    finally:
        listener.close()
        Path(path).unlink(missing_ok=True)


def _serve(options: argparse.Namespace, signals: _Signals, parent: int | None) -> None:
    tape = arguments.tape(options)
    book = arguments.book(options, tape.tick)
    with contextlib.ExitStack() as held:
        listener = held.enter_context(_listening(options.listen, "--listen"))
        record = held.enter_context(contextlib.closing(_open_record(options.record)))
        venue = Venue(listener, tape, record, book, arguments.settings(options))
        if options.control is not None:
            Control(held.enter_context(_listening(options.control, "--control")), venue)
        venue.clients.watch(signals.reader, lambda: _obey(venue, signals))
        if parent is not None:
            venue.clients.watch(parent, lambda: venue.stop("parent ended"))
        venue.run(_announce)


def main(argv: list[str] | None = None) -> int:
    """Run the venue; returns the exit code."""
    try:
        parent = _parent_pidfd()  # first: the parent may end while the data are read
        _serve(arguments.read(argv), _Signals(), parent)
    except (BadInput, BadData) as exc:
        print(f"paper: {exc}", file=sys.stderr)
        return 2
    except RecordError as exc:
        print(f"paper: {exc}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
