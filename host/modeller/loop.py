"""The modeller's loop: rows in, forecasts out, and a fit now and then by somebody else."""

from __future__ import annotations

import select
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from host import forecast, layout, shm
from host.config import Modeller as Settings
from host.engine.venue import VenueConnection, VenueLost
from host.modeller.filter import Filter, Fit
from host.modeller.fitter import PACKET_BYTES
from host.modeller.history import History

POLL_MS = 20
RETRY_NS = 200_000_000
LEVEL = 0.01
FITTER = (sys.executable, "-m", "host.modeller.fitter")


class Modeller:
    """One feed, one model, one page.

    venue -- socket of the venue whose feed it listens to
    fitter -- command line of the fitter; the descriptor of its socket is added
    """

    def __init__(
        self, run_dir: Path, venue: str, settings: Settings, fitter: Sequence[str] = FITTER
    ) -> None:
        self.running = True
        self.page = shm.create(layout.KIND_MODELLER, "modeller")
        self._venue = venue
        self._settings = settings
        self._fitter_command = fitter
        self._history = History(settings.window_bars)
        self._filter: Filter | None = None
        self._fits = self._failures = 0
        self._fitted_ns = 0
        self._asked_ns = 0
        self._asked_count: int | None = None
        self._refit_count = settings.least_bars
        self._feed: VenueConnection | None = None
        self._tried_ns = 0
        self._readers: list[socket.socket] = []
        self._poller = select.poll()
        self._listener = self._listen(run_dir / forecast.SOCKET)
        self._start_fitter()

    def run(self) -> None:
        """Serve until `running` is cleared."""
        while self.running:
            self._reach()
            for fd, _event in self._poller.poll(POLL_MS):
                if fd == self._listener.fileno():
                    self._accept()
                elif fd == self._fitter.fileno():
                    self._hear_fitter()
                elif self._feed is not None and fd == self._feed.fileno():
                    self._hear_feed(self._feed)
                else:
                    self._part(fd)
            self._ask()
            self._confirm()

    def close(self) -> None:
        """End the fitter, and let everything go."""
        self._end_fitter()
        for sock in (self._listener, *self._readers):
            sock.close()
        if self._feed is not None:
            self._lose(self._feed)
        self.page.close()

    # -- the page ---------------------------------------------------------------------------

    def _listen(self, path: Path) -> socket.socket:
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_NONBLOCK)
        path.unlink(missing_ok=True)
        listener.bind(str(path))
        path.chmod(0o600)
        listener.listen(16)
        self._poller.register(listener, select.POLLIN)
        return listener

    def _accept(self) -> None:
        """Hand the page to whoever asks: it can be read and nothing else."""
        reader, _address = self._listener.accept()
        reader.setblocking(False)
        try:
            shm.send_fds(reader, b"forecast", [self.page.fd])
        except OSError:
            reader.close()
            return
        self._readers.append(reader)
        self._poller.register(reader, 0)  # its end is heard in any case

    def _part(self, fd: int) -> None:
        for reader in self._readers:
            if reader.fileno() == fd:
                self._poller.unregister(reader)
                self._readers.remove(reader)
                reader.close()
                return

    def _confirm(self) -> None:
        """Publish what stands; what does not stand is not confirmed, and so grows old."""
        now_ns = time.monotonic_ns()
        young = now_ns - self._fitted_ns <= self._settings.max_fit_age_s * 1e9
        if self._filter is None or not young or self._feed is None or not self._feed.welcomed:
            return
        bars, row = self._settings.horizon_bars, self._history.row
        found = self._filter.forecast(row, bars, self._fits, self._failures)
        if found.usable():
            forecast.publish(self.page.words, found, now_ns)

    # -- the feed ---------------------------------------------------------------------------

    def _reach(self) -> None:
        now_ns = time.monotonic_ns()
        if self._feed is not None and self._feed.overdue(now_ns):
            self._lose(self._feed)
        if self._feed is not None or now_ns - self._tried_ns < RETRY_NS:
            return
        self._tried_ns = now_ns
        try:
            self._feed = VenueConnection(self._venue, "feed", now_ns)
        except VenueLost:
            return  # tried again; the engine says that the venue is lost
        self._poller.register(self._feed, select.POLLIN)

    def _lose(self, feed: VenueConnection) -> None:
        self._poller.unregister(feed)
        feed.close()
        self._feed = None

    def _hear_feed(self, feed: VenueConnection) -> None:
        try:
            events = feed.receive()
        except VenueLost:
            self._lose(feed)
            return
        for event in events:
            if event["ev"] in ("bar", "trade", "quote"):
                change = self._history.take(event)
                if change is not None and self._filter is not None:
                    self._filter.update(change)

    # -- the fitter -------------------------------------------------------------------------

    def _start_fitter(self) -> None:
        self._fitter, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        for end in (self._fitter, theirs):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, PACKET_BYTES)
        command = [*self._fitter_command, str(theirs.fileno())]
        self._process = subprocess.Popen(command, pass_fds=[theirs.fileno()])
        theirs.close()
        self._poller.register(self._fitter, select.POLLIN)
        self._asked_count = None

    def _end_fitter(self) -> None:
        self._fitter.close()
        self._process.kill()
        self._process.wait()

    def _ask(self) -> None:
        """Ask for a fit when one is due, and the last one has been answered."""
        history, now_ns = self._history, time.monotonic_ns()
        due = history.count >= self._refit_count
        rested = now_ns - self._asked_ns >= self._settings.refit_s * 1e9 or not self._asked_ns
        if self._asked_count is not None or not (due and rested):
            return
        request = msgspec.json.encode({"returns": list(history.returns), "level": LEVEL})
        self._asked_ns = now_ns
        try:
            self._fitter.send(request, socket.MSG_DONTWAIT)
            self._asked_count = history.count
        except OSError:
            self._failed("the fitter does not take a request")

    def _hear_fitter(self) -> None:
        try:
            packet = self._fitter.recv(PACKET_BYTES)
        except OSError:
            packet = b""
        if not packet:
            self._poller.unregister(self._fitter)
            self._end_fitter()
            self._failed("the fitter ended")
            self._start_fitter()
            return
        answer: dict[str, Any] = msgspec.json.decode(packet)
        if "error" in answer:
            self._failed(answer["error"])
        else:
            self._fitted(msgspec.convert(answer, Fit))

    def _fitted(self, fit: Fit) -> None:
        """Take the new model over, and bring it up to the bar that has come since."""
        count, self._asked_count = self._asked_count, None
        self._filter = Filter(fit)
        for change in self._history.since(count or 0):
            self._filter.update(change)
        self._fits += 1
        self._failures = 0
        self._fitted_ns = time.monotonic_ns()
        self._refit_count = (count or 0) + self._settings.refit_bars

    def _failed(self, why: str) -> None:
        """Keep the fit before; say what was wrong, and try again after `refit_s`."""
        self._asked_count = None
        self._failures += 1
        if self._failures == 1:
            print(f"modeller: no fit: {why}", file=sys.stderr, flush=True)
