"""Drains the rings into the audit log by group commit; never in the way of the halt."""

import contextlib
import os
import select
import time
from pathlib import Path
from typing import Any, Protocol

import msgspec

from host import layout, shm
from host.alerts import Deliverer
from host.audit import AuditRecordError, AuditWriteError
from host.audit.record import KIND_RECEIPT, KIND_RETIRED
from host.audit.writer import AuditWriter
from host.guard.client import GuardClient, GuardUnreachable
from host.recorder.showing import Showing
from host.recorder.upkeep import Upkeep

POLL_MS = 10
RETRY_S = 0.05
GUARD, SUPERVISOR = "guard", "supervisor"
POSITIONS = {GUARD: layout.RECORDER_GUARD_SEQ, SUPERVISOR: layout.RECORDER_SUPERVISOR_SEQ}


class Event(msgspec.Struct):
    """What stands in a ring."""

    kind: str
    mono_ns: int
    data: dict[str, Any]


class Source(Protocol):
    """What a ring offers to its reader."""

    def read(self, number: int, most: int = 256) -> tuple[list[bytes], int, int]:
        """Return (messages, next number, lost)."""


class Recorder:
    """One writer of one log, whatever happens to guard and engine."""

    def __init__(
        self, run_dir: Path, writer: AuditWriter, deliverer: Deliverer, upkeep: Upkeep
    ) -> None:
        self.running = True
        self.supervisor: shm.Page | None = None
        self._upkeep = upkeep
        self._upkeep_failed = ""
        self._run_dir = run_dir
        self._writer = writer
        self._deliverer = deliverer
        self._alerts: list[tuple[str, str, dict[str, Any]]] = []
        self.page = shm.create(layout.KIND_RECORDER, "recorder")
        self._guard: GuardClient | None = None
        self._wake: list[int] = []  # the guard's eventfd: a record of its own must not wait
        self._rings: dict[str, tuple[shm.Page, int]] = {}
        self._places: dict[str, int] = {}  # of each engine in our page
        self._showing = Showing()
        self._beat()

    def run(self) -> None:
        """Serve until `running` is cleared, then drain, close the log and leave."""
        while self.running:
            if self._guard is None:
                self._reach_guard()
            else:
                self._hear_guard()
            self._record()
        while self._record():
            pass
        self._deliverer.close()
        while self._record():
            pass
        self._writer.close()

    def _reach_guard(self) -> None:
        try:
            guard = GuardClient(self._run_dir)
            reply, page, fds = guard.attach("recorder", self.page)
        except (GuardUnreachable, ValueError, shm.PageError):
            time.sleep(RETRY_S)
            return
        self._guard = guard
        shm.close_all(self._wake)
        self._wake = fds
        self._showing.restart()
        self._follow(GUARD, page, reply["recorded"])
        if self.supervisor is not None and SUPERVISOR not in self._rings:
            self._rings[SUPERVISOR] = (self.supervisor, reply["supervisor"])

    def _follow(self, origin: str, page: shm.Page, recorded: int, place: int = 0) -> None:
        """Read a writer's ring from `recorded` on; the rest of the one before is recorded first.

        `recorded` is how far a recorder before us had made this very ring durable, as the guard
        remembers it: nothing is lost with a recorder, and at most its last commit stands twice.
        """
        while self._record():
            pass
        old = self._rings.pop(origin, None)
        if old is not None:
            old[0].close()
        self._rings[origin] = (page, recorded)
        self._places[origin] = place

    def _hear_guard(self) -> None:
        assert self._guard is not None
        sock = self._guard.sock.fileno()
        ready = select.select([sock, *self._wake], [], [], POLL_MS / 1000)[0]
        for fd in set(ready) - {sock}:
            os.eventfd_read(fd)
        if sock not in ready:
            return
        try:
            message, fds = self._guard.receive()
            if message.get("op") == "engine" and fds:
                page = shm.attach(fds[0], layout.KIND_ENGINE)
                self._follow(message["name"], page, message["recorded"], message["place"])
        except (GuardUnreachable, ValueError, OSError):
            self._guard.close()
            self._guard = None

    def _record(self) -> bool:
        """Append what waits and commit it as one group; return True when there may be more."""
        news = False
        for origin, (page, number) in list(self._rings.items()):
            try:
                messages, end, lost = page.ring.read(number)
            except ValueError:  # its head has gone back, which no writer of ours does
                messages, end, lost = [], page.ring.head, number - page.ring.head
            self._rings[origin] = (page, end)
            if lost:
                self._note("lost_events", "recorder", {"origin": origin, "count": lost})
            for place, message in enumerate(messages, start=end - len(messages)):
                self._showing.recorded(origin, self._append(origin, message, place))
            news = news or bool(messages) or bool(lost)
        for failure in self._deliverer.failures():
            self._writer.append("alert_undelivered", "recorder", failure)
            news = True
        if news or self._writer.pending or self.page.words.load(layout.RECORDER_FAILING):
            self._commit()
        if not self.page.words.load(layout.RECORDER_FAILING):
            self._retire()
        self._show()
        self._beat()
        return news

    def _retire(self) -> None:
        """A segment that cannot go is no danger to trading; a person should know, once."""
        failed = self._upkeep.retire() or ""
        if failed and failed != self._upkeep_failed:
            self._note("alert", "recorder", {"code": "RETENTION_FAILED", "error": failed[:300]})
        self._upkeep_failed = failed
        if self._writer.pending:
            self._showing.recorded("recorder", KIND_RETIRED)  # to be vouched for soon

    def _show(self) -> None:
        """Show the durable head to the witness when it is due."""
        shown = self._showing.due(time.monotonic_ns(), *self._writer.head)
        if shown is None or self._guard is None:
            return
        with contextlib.suppress(GuardUnreachable):  # the next turn finds the connection closed
            self._guard.tell(op="head", count=shown[0], head=shown[1])

    def _append(self, origin: str, message: bytes, place: int) -> str:
        """Keep the event's place in its ring: what stands twice can be told from what was twice.

        One that cannot go on record as it is leaves a record of that: whoever spoils his ring must
        not end the recorder, and the guard's events with it. Return the kind.
        """
        try:
            event = msgspec.json.decode(message, type=Event)
            data = {"n": place, **event.data}
            if event.kind == KIND_RECEIPT and origin != GUARD:
                raise AuditRecordError("only the guard brings receipts")
            self._note(event.kind, origin, data, event.mono_ns)
        except (ValueError, RecursionError, AuditRecordError) as error:
            why = str(error).encode(errors="replace")[:200].decode(errors="replace")
            self._note("unreadable_event", "recorder", {"origin": origin, "n": place, "why": why})
            return "unreadable_event"
        self._upkeep.recorded(origin, event.kind, data, self._showing.shown)
        return event.kind

    def _note(
        self, kind: str, origin: str, data: dict[str, Any], mono_ns: int | None = None
    ) -> None:
        self._writer.append(kind, origin, data, mono_ns=mono_ns)
        self._alerts.append((kind, origin, data))

    def _commit(self) -> None:
        try:
            self._writer.commit()
            self._upkeep.save_mode()
        except AuditWriteError:
            self.page.words.store(layout.RECORDER_FAILING, 1)
            self._tell_people()  # a full disk must not keep a person from knowing
            return
        for origin, (page, number) in self._rings.items():
            if origin in POSITIONS:
                self.page.words.store(POSITIONS[origin], number)
                continue
            first = layout.RECORDER_ENGINES + 2 * self._places[origin]
            self.page.words.store(first, number)
            self.page.words.store(first + 1, page.pid)
        self._tell_people()
        self.page.words.store(layout.RECORDER_FAILING, 0)
        self.page.words.store(layout.RECORDER_RECORDS, self._writer.head[0])

    def _tell_people(self) -> None:
        for kind, origin, data in self._alerts:
            self._deliverer.take(kind, origin, data)
        self._alerts.clear()

    def _beat(self) -> None:
        self.page.words.store(layout.RECORDER_HEARTBEAT_NS, time.monotonic_ns())
