"""The guard's one poll loop.

Everything that can end trading arrives here as a call of `emergency`. Nothing in this process
touches a disk, waits for a peer, or runs anywhere but in this thread.
"""

import select
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import serial

from controller import reasons as trip_reasons
from controller import states
from controller.times import Times
from host import layout, modes, shm
from host.guard.clients import ENGINE, RECORDER, Client, Clients
from host.guard.closing import close_gate
from host.guard.keeper import Keeper
from host.guard.lines import Lines, open_factory
from host.guard.link import HostLink
from host.modes import Reason, TradingMode

MS = 1_000_000
# ms. ACK stays up at least so long, so that the controller and an analyser cannot miss it.
ACK_HOLD_MS = 20
# ms. When the guard itself stopped trading and HALT does not follow, ACK goes up all the same.
HALT_FOLLOWS_MS = 100


class Guard:
    """One halt line, one controller, one engine, one recorder."""

    def __init__(
        self, run_dir: Path, port: serial.Serial, link_key: bytes, times: Times, factory: str
    ) -> None:
        self.times = times
        self.running = True
        self.page = shm.create(layout.KIND_GUARD, "guard")
        self._poller = select.poll()
        self._handlers: dict[int, Callable[[int], None]] = {}
        self._news: list[tuple[TradingMode, Reason, int, str]] = []
        self.keeper = Keeper(self.page.words, times, self._told)
        self._port = port
        self._link = HostLink(
            times,
            link_key,
            self._send,
            self._healthy,
            self._on_message,
            lambda: self.emergency(Reason.CONTROLLER_RESTART),
            lambda what: self.emergency(Reason.LINK_TAMPER, what),
        )
        factory_object = open_factory(factory)
        self._lines = Lines(factory_object, self._halt_fell, self._halt_rose)
        self._level = factory_object.level_source("HALT")
        self._register(factory_object.fileno(), self._dispatch)
        self._register(port.fileno(), self._hear_serial)
        self._clients = Clients(
            run_dir / "guard.sock",
            self._register,
            self._unregister,
            self._hand_over,
            self._on_request,
            self._on_attach,
            self._on_leave,
        )
        self._pass_ns = time.monotonic_ns()
        self._armed_seen = False
        self._halt_rose_ns = 0
        self._ack_due = False
        self._ack_ns = 0
        self._emergency_ns = 0
        self._lost_edges = 0
        self._worst_pass_us = 0
        self._forced = 0

    def run(self) -> None:
        """Serve until `running` is cleared; whatever goes wrong closes the gate first."""
        try:
            while self.running:
                events = self._poller.poll(self.times.guard_refresh_ms)
                self._watch_stall()
                for fd, event in events:
                    handler = self._handlers.get(fd)
                    if handler is not None:
                        handler(event)
                self._tick(time.monotonic_ns())
        finally:
            self.emergency(Reason.SHUTDOWN)
            self._lines.close()
            self._clients.close()

    def event(self, kind: str, **data: Any) -> None:
        """Push one event into the ring that the recorder reads."""
        record = {"kind": kind, "mono_ns": time.monotonic_ns(), "data": data}
        self.page.ring.push(msgspec.json.encode(record))

    def emergency(self, reason: Reason, detail: str = "") -> None:
        """Close the gate. The word first; then the send in flight, ACK, and the record."""
        self.step_down(reason, detail)

    def step_down(self, reason: Reason, detail: str = "") -> None:
        """Step down for `reason`, as far as modes.LEVEL_OF says."""
        now_ns = time.monotonic_ns()
        if not self.keeper.down(reason, now_ns, detail[:200]):
            return
        if self.keeper.stopped:
            self._emergency_ns = now_ns
            self._ack_due = True
            self._acknowledge(now_ns)
        self._spread_news()

    # -- lines ------------------------------------------------------------------------------

    def _dispatch(self, _events: int) -> None:
        """Take edges. A callback that raises trips: later edges must never vanish in silence."""
        try:
            self._lines.factory.dispatch(time.monotonic_ns())
        except ConnectionError as error:
            self.running = False
            self.emergency(Reason.HALT_LINE, str(error))
        except Exception as error:  # noqa: BLE001  anything at all on this path is a halt
            self.emergency(Reason.GUARD_FAULT, repr(error))

    def _halt_fell(self) -> None:
        self._armed_seen = False
        if self.keeper.stopped:
            self._acknowledge(time.monotonic_ns())
        else:
            self.emergency(Reason.HALT_LINE)

    def _halt_rose(self) -> None:
        self._halt_rose_ns = time.monotonic_ns()
        if self._lines.ack_is_high():
            self._lines.lower_ack()
        self.event("halt_rose")

    def _acknowledge(self, now_ns: int) -> None:
        """Raise ACK once the gate is shut; for our own emergencies, once HALT has followed."""
        if not self._ack_due:
            return
        waited_ms = (now_ns - self._emergency_ns) // MS
        if self._lines.halt_is_high() and waited_ms < HALT_FOLLOWS_MS:
            return
        closed = close_gate(self._clients.by_role.get(ENGINE), self.times)
        if not closed.sure:
            return  # ACK would be a lie; the controller alarms on its absence
        if self.keeper.reason != Reason.NOT_ARMED:
            self._lines.raise_ack()
        self._ack_due = False
        self._ack_ns = time.monotonic_ns()
        self._forced += closed.forced
        self.event(
            "gate_closed",
            since_emergency_us=(self._ack_ns - self._emergency_ns) // 1000,
            waited_us=closed.waited_us,
            forced=closed.forced,
            reason=self.keeper.reason.name,
        )

    # -- serial link ------------------------------------------------------------------------

    def _send(self, data: bytes) -> None:
        try:
            self._port.write(data)
        except (serial.SerialException, OSError) as error:
            self.emergency(Reason.SERIAL_LOST, str(error))

    def _hear_serial(self, events: int) -> None:
        try:
            data = self._port.read(4096)
        except (serial.SerialException, OSError) as error:
            data = b""
            events |= select.POLLERR
            self.event("serial_lost", error=str(error))
        if events & (select.POLLERR | select.POLLHUP | select.POLLNVAL):
            self._unregister(self._port.fileno())
            self._link.drop()
            self.emergency(Reason.SERIAL_LOST)
            return
        sessions = self._link.seen.sessions
        self._link.receive(data, time.monotonic_ns())
        if self._link.seen.sessions != sessions:
            self._link.tell_mode(self.keeper.mode, self.keeper.reason, self.keeper.epoch)
            self.event("session", number=self._link.seen.sessions)

    def _on_message(self, name: str, fields: dict[str, int]) -> None:
        if name == "STATUS":
            if fields["state"] != states.ARMED:
                self._armed_seen = False
                self.emergency(Reason.CONTROLLER_STATUS, states.STATE_NAMES[fields["state"]])
            else:
                self._armed_seen = True
            return
        if name == "TRIP":
            self._armed_seen = False
            self.emergency(Reason.CONTROLLER_TRIP, trip_reasons.NAMES[fields["reason"]])
        named = dict(fields)
        if "reason" in named:
            named["reason"] = trip_reasons.NAMES[fields["reason"]]
        self.event(f"controller_{name.lower()}", **named)

    def _healthy(self) -> bool:
        """Answer the watchdog only while engine and recorder live and the venue is reconciled."""
        engine = self._clients.by_role.get(ENGINE)
        recorder = self._clients.by_role.get(RECORDER)
        if engine is None or recorder is None or not engine.ladder_epoch:
            return False
        now_ns = time.monotonic_ns()
        return self._fresh(engine, now_ns) and self._fresh(recorder, now_ns)

    def _fresh(self, client: Client, now_ns: int) -> bool:
        assert client.page is not None
        if client.role == ENGINE:
            age_ns = now_ns - client.page.words.load(layout.ENGINE_HEARTBEAT_NS)
            return age_ns <= self.times.engine_heartbeat_ms * MS
        age_ns = now_ns - client.page.words.load(layout.RECORDER_HEARTBEAT_NS)
        return age_ns <= self.times.recorder_heartbeat_ms * MS

    # -- clients ----------------------------------------------------------------------------

    def _hand_over(self, client: Client) -> tuple[dict[str, Any], list[int]]:
        kind, level_fd, word = self._level
        if client.role == RECORDER:
            return {"ok": True}, [self.page.fd]
        reply = {"ok": True, "level": kind, "word": word, "epoch": self.keeper.epoch}
        return reply, [self.page.fd, level_fd]

    def _on_attach(self, client: Client) -> None:
        self.event("attached", role=client.role, pid=client.pid)
        self._introduce(client.role)

    def _introduce(self, new_role: str) -> None:
        """Give the recorder the engine's page, whichever of the two came last."""
        engine = self._clients.by_role.get(ENGINE)
        recorder = self._clients.by_role.get(RECORDER)
        if engine is not None and recorder is not None and engine.page is not None:
            if new_role in (ENGINE, RECORDER):
                recorder.send({"op": "engine", "pid": engine.pid}, [engine.page.fd])

    def _on_leave(self, client: Client) -> None:
        reason = Reason.ENGINE_LOST if client.role == ENGINE else Reason.RECORDER_STALE
        self.emergency(reason, f"pid {client.pid} left")
        self.event("left", role=client.role, pid=client.pid)

    def _on_request(self, client: Client, request: dict[str, Any]) -> None:
        match request.get("op"):
            case "status":
                client.send(self.status())
            case "down":
                self.event("asked_down", pid=client.pid, detail=str(request.get("detail"))[:200])
                shutdown = request.get("reason") == Reason.SHUTDOWN.name
                reason = Reason.SHUTDOWN if shutdown else Reason.OPERATOR
                self.emergency(reason, str(request.get("detail")))
                client.send(self.status())
            case "ladder" if client.role == ENGINE:
                client.ladder_epoch = int(request["epoch"])
                self.event("ladder_done", epoch=client.ladder_epoch)
            case other:
                raise ValueError(f"unknown request {other!r}")

    # -- every pass -------------------------------------------------------------------------

    def _watch_stall(self) -> None:
        """A guard that was stopped or starved must not renew its lease as if nothing had been."""
        now_ns = time.monotonic_ns()
        gap_ms = (now_ns - self._pass_ns) // MS
        if gap_ms > self.times.guard_lease_ms:
            self.emergency(Reason.GUARD_STALLED, f"{gap_ms} ms")
        self._pass_ns = now_ns

    def _tick(self, now_ns: int) -> None:
        self._acknowledge(now_ns)
        if not self.keeper.stopped:
            self._check(now_ns)
        lease_ns = now_ns + self.times.guard_lease_ms * MS
        self.page.words.store(layout.GUARD_LEASE_NS, lease_ns)
        if self.keeper.stopped:
            self._prepare_rearm(now_ns)
        else:
            self.keeper.conditions_hold(now_ns)
        self._spread_news()
        self._worst_pass_us = max(self._worst_pass_us, (time.monotonic_ns() - now_ns) // 1000)

    def _check(self, now_ns: int) -> None:
        """Everything that must hold outside of EMERGENCY; a lost edge is caught by the level."""
        silent_ms = (now_ns - self._link.seen.challenge_ns) // MS
        if not self._lines.halt_is_high():
            self.emergency(Reason.HALT_LINE, "level")
        if silent_ms > self.times.controller_silence_ms:
            self.emergency(Reason.CONTROLLER_SILENT, f"{silent_ms} ms")
        if self._lines.lost_edges() != self._lost_edges:
            self._lost_edges = self._lines.lost_edges()
            self.emergency(Reason.LOST_EDGE, str(self._lost_edges))
        for role, reason in ((ENGINE, Reason.ENGINE_STALE), (RECORDER, Reason.RECORDER_STALE)):
            client = self._clients.by_role.get(role)
            if client is None or not self._fresh(client, now_ns):
                self.emergency(reason)
        self._check_conditions(now_ns)

    def _check_conditions(self, now_ns: int) -> None:
        engine = self._clients.by_role.get(ENGINE)
        recorder = self._clients.by_role.get(RECORDER)
        if recorder is not None and recorder.page is not None:
            if recorder.page.words.load(layout.RECORDER_FAILING):
                self.step_down(Reason.AUDIT_UNWRITABLE)
        if engine is not None and engine.page is not None:
            condition = engine.page.words.load(layout.ENGINE_CONDITION)
            if condition:
                self.step_down(_condition(condition))

    def _prepare_rearm(self, now_ns: int) -> None:
        """Lower ACK when the emergency is worked off; notice the re-arm of the person at the box."""
        ready = not self._ack_due and self._ladder_done() and self._healthy()
        held_ms = (now_ns - self._ack_ns) // MS
        if self._lines.ack_is_high() and ready and held_ms >= ACK_HOLD_MS:
            self._lines.lower_ack()
            self.event("ready_for_rearm")
        # HALT must have risen after this emergency began, and the controller say so itself.
        rose = self._halt_rose_ns > self._emergency_ns and self._lines.halt_is_high()
        if ready and rose and self._armed_seen and not self._lines.ack_is_high():
            self.keeper.rearmed(now_ns)

    def _ladder_done(self) -> bool:
        engine = self._clients.by_role.get(ENGINE)
        return engine is not None and engine.ladder_epoch == self.keeper.epoch

    def _told(self, mode: TradingMode, reason: Reason, epoch: int, detail: str) -> None:
        """Keep the news for later: signing a frame takes longer than closing the gate."""
        self._news.append((mode, reason, epoch, detail))

    def _spread_news(self) -> None:
        for mode, reason, epoch, detail in self._news:
            self._link.tell_mode(mode, reason, epoch)
            self.event("mode", mode=mode.name, reason=reason.name, epoch=epoch, detail=detail)
        self._news.clear()

    def _register(self, fd: int, handler: Callable[[int], None]) -> None:
        self._handlers[fd] = handler
        self._poller.register(fd, select.POLLIN)

    def _unregister(self, fd: int) -> None:
        if self._handlers.pop(fd, None) is not None:
            self._poller.unregister(fd)

    def status(self) -> dict[str, Any]:
        """What `bot4 status` shows."""
        engine = self._clients.by_role.get(ENGINE)
        recorder = self._clients.by_role.get(RECORDER)
        controller = dict(self._link.seen.status)
        return {
            "mode": self.keeper.mode.name,
            "reason": self.keeper.reason.name,
            "detail": self.keeper.detail,
            "epoch": self.keeper.epoch,
            "since_s": round((time.monotonic_ns() - self.keeper.since_ns) / 1e9, 3),
            "profile": self.times.profile,
            "halt": "high" if self._lines.halt_is_high() else "low",
            "ack": "high" if self._lines.ack_is_high() else "low",
            "lamps": dict(zip(("red", "yellow", "green"), self._lines.lamps(), strict=True)),
            "controller": states.STATE_NAMES[controller["state"]] if controller else "silent",
            "controller_reason": trip_reasons.NAMES[controller["reason"]] if controller else "",
            "link": {**vars(self._link.seen), "mismatch": self._link.mismatch},
            "ladder_done": self.keeper.stopped and self._ladder_done(),
            "engine_pid": engine.pid if engine else None,
            "recorder_pid": recorder.pid if recorder else None,
            "orders_sent": _word(engine, layout.ENGINE_SENT),
            "orders_refused": _word(engine, layout.ENGINE_REFUSED),
            "forced": self._forced,
            "worst_pass_us": self._worst_pass_us,
        }


def _word(client: Client | None, index: int) -> int | None:
    return client.page.words.load(index) if client and client.page else None


def _condition(code: int) -> Reason:
    """Return the engine's own reason; a number it may not write is its fault, not a licence."""
    allowed = (Reason.FEED_LOST, Reason.VENUE_LOST, Reason.RISK)
    reason = Reason._value2member_map_.get(code)
    return reason if reason in allowed else modes.Reason.ENGINE_STUCK  # type: ignore[return-value]
