"""The guard's one poll loop.

Everything that can end trading arrives here as a call of `step_down`. Nothing in this process
touches a disk, waits for a peer, or runs anywhere but in this thread.
"""

import contextlib
import os
import select
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import serial

from controller import events, states
from controller import reasons as trip_reasons
from controller.times import Times
from host import layout, shm
from host.guard.checks import Checks
from host.guard.clients import ENGINE, RECORDER, Client, Clients
from host.guard.halting import MS, Halting
from host.guard.lines import Lines, open_factory
from host.guard.link import HostLink
from host.modes import OnKill, Reason

# How far the last recorder had come, from its page: the next one goes on from there.
RECORDED = {
    "guard": layout.RECORDER_GUARD_SEQ,
    "engine": layout.RECORDER_ENGINE_SEQ,
    "pid": layout.RECORDER_ENGINE_PID,
    "supervisor": layout.RECORDER_SUPERVISOR_SEQ,
}

NO_HEAD = bytes(32)
NONCE_BYTES = 16
# ms. MODE is said again this often: often enough for a lost one, seldom enough for the Pico's budget.
MODE_AGAIN_MS = 1000


class Guard:
    """One halt line, one controller, one engine, one recorder."""

    def __init__(
        self,
        run_dir: Path,
        port: serial.Serial,
        received: socket.socket,
        link_key: bytes,
        times: Times,
        factory: str,
        on_kill: OnKill = OnKill.CANCEL_ENTRIES,
    ) -> None:
        self.times = times
        self._on_kill = on_kill
        self.running = True
        self.page = shm.create(layout.KIND_GUARD, "guard")
        self._wake = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)  # what the recorder waits for
        self._poller = select.poll()
        self._handlers: dict[int, Callable[[int], None]] = {}
        self._pass_ns = time.monotonic_ns()
        self._worst_us: dict[str, int] = {}
        self.realtime: dict[str, str] = {}  # what the system granted (host.realtime)
        self._told_ns = 0
        self._attesting: dict[str, Client] = {}
        self._recorded = dict.fromkeys(RECORDED, 0)
        self._port = port
        self._received = received
        self._link = HostLink(
            times,
            link_key,
            self._send,
            lambda: self._checks.healthy(time.monotonic_ns()),
            self._on_message,
            lambda: self.step_down(Reason.CONTROLLER_RESTART),
            lambda what: self.step_down(Reason.LINK_TAMPER, what),
        )
        self.halting = Halting(
            self.page.words,
            times,
            lambda: self._clients.by_role.get(ENGINE),
            self.event,
            self._link.tell_mode,
        )
        self.step_down = self.halting.step_down
        self._factory = open_factory(factory)
        self._level = self._factory.level_source("HALT")
        self._lines = Lines(self._factory, self.halting.halt_fell, self.halting.halt_rose)
        self.halting.lines = self._lines
        self._clients = Clients(
            run_dir / "guard.sock",
            self._register,
            self._unregister,
            self._hand_over,
            self._on_request,
            self._on_attach,
            self._on_leave,
        )
        self._checks = Checks(times, self._clients, self._link, self.halting)
        self._register(self._factory.fileno(), self._dispatch)
        self._register(received.fileno(), self._hear_serial)

    def run(self) -> None:
        """Serve until `running` is cleared; whatever goes wrong closes the gate first."""
        try:
            while self.running:
                events = self._poller.poll(self.times.guard_refresh_ms)
                self._watch_stall()
                for fd, event in events:
                    handler = self._handlers.get(fd)
                    if handler is not None:
                        begun_ns = time.monotonic_ns()
                        handler(event)
                        self._note(getattr(handler, "__name__", "client"), begun_ns)
                self._tick(time.monotonic_ns())
        finally:
            self.step_down(Reason.SHUTDOWN)
            with contextlib.suppress(OSError):  # a chip that is gone has let go of its lines
                self._lines.close()
            self._clients.close()

    def event(self, kind: str, **data: Any) -> None:
        """Push one event into the ring that the recorder reads."""
        record = {"kind": kind, "mono_ns": time.monotonic_ns(), "data": data}
        self.page.ring.push(msgspec.json.encode(record))
        with contextlib.suppress(BlockingIOError):  # full: the recorder is awake all the more
            os.eventfd_write(self._wake, 1)

    def _watch_stall(self) -> None:
        """A guard that was stopped or starved must not renew its lease as if nothing had been."""
        now_ns = time.monotonic_ns()
        gap_ms = (now_ns - self._pass_ns) // MS
        if gap_ms > self.times.guard_lease_ms:
            self.step_down(Reason.GUARD_STALLED, f"{gap_ms} ms")
        self._pass_ns = now_ns

    def _tick(self, now_ns: int) -> None:
        self.halting.acknowledge(now_ns)
        keeper = self.halting.keeper
        if not keeper.stopped:
            self._checks.run(now_ns, self.step_down)
        self.page.words.store(layout.GUARD_LEASE_NS, now_ns + self.times.guard_lease_ms * MS)
        if keeper.stopped:
            self.halting.prepare_rearm(now_ns, self._checks.healthy(now_ns))
            self._checks.begin(now_ns)
        else:
            keeper.conditions_hold(now_ns)
        self.halting.spread_news()
        self._note("tick", now_ns)

    def _note(self, what: str, begun_ns: int) -> None:
        """Keep the longest stretch of each kind: nothing here may keep HALT waiting."""
        took_us = (time.monotonic_ns() - begun_ns) // 1000
        if took_us > self._worst_us.get(what, 0):
            self._worst_us[what] = took_us

    # -- wires ------------------------------------------------------------------------------

    def _dispatch(self, _events: int) -> None:
        """Take edges. A callback that raises trips: later edges must never vanish in silence."""
        try:
            self._factory.dispatch(time.monotonic_ns())
        except ConnectionError as error:
            self.running = False
            self.step_down(Reason.HALT_LINE, str(error))
        except Exception as error:  # noqa: BLE001  anything at all on this path is a halt
            self.step_down(Reason.GUARD_FAULT, repr(error))

    def _send(self, data: bytes) -> None:
        try:
            self._port.write(data)
        except (serial.SerialException, OSError) as error:
            self.step_down(Reason.SERIAL_LOST, str(error))

    def _hear_serial(self, _events: int) -> None:
        try:
            data = self._received.recv(4096)
        except OSError:
            data = b""
        if not data:
            self._unregister(self._received.fileno())
            self._link.drop()
            self.step_down(Reason.SERIAL_LOST)
            return
        sessions = self._link.seen.sessions
        self._link.receive(data, time.monotonic_ns())
        if self._link.seen.sessions != sessions:
            self._tell_mode()
            # Before any head is shown: a controller that lost power goes on from what it had kept, and
            # the log must carry that before the next number (host.audit.receipts).
            self._link.ask("WITNESS", (0, NO_HEAD))
            self.event("session", number=self._link.seen.sessions)

    def _tell_mode(self) -> None:
        keeper = self.halting.keeper
        self._link.tell_mode(keeper.mode, keeper.reason, keeper.epoch)
        self._told_ns = time.monotonic_ns()

    def _on_message(self, name: str, fields: dict[str, Any]) -> None:
        if name == "STATUS":
            armed = fields["state"] == states.ARMED
            self.halting.armed_seen = armed
            if time.monotonic_ns() - self._told_ns > MODE_AGAIN_MS * MS:
                self._tell_mode()  # one that was lost in noise must not stay lost
            if not armed:
                self.step_down(Reason.CONTROLLER_STATUS, states.STATE_NAMES[fields["state"]])
            return
        if name == "TRIP":
            self.halting.armed_seen = False
            self.step_down(Reason.CONTROLLER_TRIP, trip_reasons.NAMES[fields["reason"]])
        named: dict[str, Any] = {
            key: value.hex() if isinstance(value, bytes) else value for key, value in fields.items()
        }
        if name == "RECEIPT":
            self.event("receipt", **named)
            return
        if name == "ATTESTATION":
            asker = self._attesting.pop(named["nonce"], None)
            if asker is not None:
                asker.send(named)
        if "reason" in named:
            named["reason"] = trip_reasons.NAMES[fields["reason"]]
        if name == "EVENT":
            named["what"] = events.KIND_NAMES.get(fields["what"], "UNKNOWN")
        self.event(f"controller_{name.lower()}", **named)

    # -- clients ----------------------------------------------------------------------------

    def _hand_over(self, client: Client) -> tuple[dict[str, Any], list[int]]:
        kind, level_fd, word = self._level
        if client.role == RECORDER:
            reply = {
                "recorded": self._recorded["guard"],
                "supervisor": self._recorded["supervisor"],
            }
            return {"ok": True, **reply}, [self.page.fd, self._wake]
        return {"ok": True, "level": kind, "word": word}, [self.page.fd, level_fd]

    def _on_attach(self, client: Client) -> None:
        """Give the recorder the engine's page, whichever of the two came last."""
        self.event("attached", role=client.role, pid=client.pid)
        engine = self._clients.by_role.get(ENGINE)
        recorder = self._clients.by_role.get(RECORDER)
        if recorder is not None and engine is not None and engine.page is not None:
            recorded = self._recorded["engine"] if self._recorded["pid"] == engine.pid else 0
            recorder.send({"op": "engine", "recorded": recorded}, [engine.page.fd])

    def _on_leave(self, client: Client) -> None:
        if client.role == RECORDER and client.page is not None:
            words = client.page.words
            self._recorded = {name: words.load(word) for name, word in RECORDED.items()}
        reason = Reason.ENGINE_LOST if client.role == ENGINE else Reason.RECORDER_STALE
        if client.role == ENGINE:
            self.halting.keeper.revoke()  # the next one asks for itself
        self.step_down(reason, f"pid {client.pid} left")
        self.event("left", role=client.role, pid=client.pid)

    def _on_request(self, client: Client, request: dict[str, Any]) -> None:
        match request.get("op"):
            case "status":
                client.send(self.status())
            case "down":
                shutdown = request.get("reason") == Reason.SHUTDOWN.name
                detail = str(request.get("detail"))[:200]
                self.event("asked_down", pid=client.pid, detail=detail)
                self.step_down(Reason.SHUTDOWN if shutdown else Reason.OPERATOR, detail)
                client.send(self.status())
            case "attest":
                self._attest(client, bytes.fromhex(str(request.get("nonce"))))
            case "head" if client.role == RECORDER:
                self._link.ask("WITNESS", (int(request["count"]), bytes.fromhex(request["head"])))
            case "ladder" if client.role == ENGINE:
                self.halting.ladder_done(client, int(request["epoch"]))
            case "liquidate" if client.role == ENGINE:
                epoch = int(request["epoch"])
                granted = self.halting.keeper.grant(epoch, self._on_kill)
                self.event("liquidation", epoch=epoch, granted=granted)
            case "resume" if client.role == ENGINE:
                reason = Reason[str(request["reason"])]
                if self.halting.keeper.resume(reason, time.monotonic_ns()):
                    self.halting.spread_news()
            case other:
                raise ValueError(f"unknown request {other!r}")

    def _attest(self, client: Client, nonce: bytes) -> None:
        """Pass an auditor's question on; the answer goes to whoever asked, when it comes."""
        if len(nonce) != NONCE_BYTES:
            raise ValueError(f"a nonce has {NONCE_BYTES} bytes")
        if not self._link.ask("ATTEST", (nonce,)):
            raise ValueError("no session with the controller")
        self._attesting = {nonce.hex(): client}  # the last one who asked

    def _register(self, fd: int, handler: Callable[[int], None]) -> None:
        self._handlers[fd] = handler
        self._poller.register(fd, select.POLLIN)

    def _unregister(self, fd: int) -> None:
        if self._handlers.pop(fd, None) is not None:
            self._poller.unregister(fd)

    def status(self) -> dict[str, Any]:
        """What `bot4 status` shows."""
        controller = self._link.seen.status
        roles = {role: self._clients.by_role.get(role) for role in (ENGINE, RECORDER)}
        return {
            **self.halting.status(),
            "profile": self.times.profile,
            "controller": states.STATE_NAMES[controller["state"]] if controller else "silent",
            "controller_reason": trip_reasons.NAMES[controller["reason"]] if controller else "",
            "link": {**vars(self._link.seen), "mismatch": self._link.mismatch},
            **{f"{role}_pid": client.pid if client else None for role, client in roles.items()},
            "orders_sent": self._checks.word(ENGINE, layout.ENGINE_SENT),
            "orders_refused": self._checks.word(ENGINE, layout.ENGINE_REFUSED),
            "realtime": self.realtime,
            "worst_us": {what.strip("_"): took_us for what, took_us in self._worst_us.items()},
        }
