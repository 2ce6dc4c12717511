"""The guard's one poll loop.

Everything that can end trading arrives here as a call of `step_down`. Nothing in this process
touches a disk, waits for a peer, or runs anywhere but in this thread.
"""

import contextlib
import os
import select
import socket
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import serial

from controller import events, states
from controller import reasons as trip_reasons
from controller.protocol import INPUT_BITS
from controller.times import Times
from host import layout, shm
from host.guard.checks import Checks
from host.guard.clients import ENGINE, RECORDER, Client, Clients
from host.guard.halting import MS, Halting, printable
from host.guard.lines import Lines, halt_level, open_factory
from host.guard.link import HostLink
from host.hotpath.reflex import Reflex
from host.modes import OnKill, Reason

# Kinds of work in this process, by the number under which the reflex keeps their longest stretch.
STRETCHES = {"tick": 0, "dispatch": 1, "serial": 2, "client": 3}

NO_HEAD = bytes(32)
NONCE_BYTES = 16
# ms. MODE is said again this often: often enough for a lost one, seldom enough for the Pico's budget.
MODE_AGAIN_MS = 1000
# Of STATUS.inputs: either contact open.
SWITCH = sum(
    1 << place for place, name in enumerate(INPUT_BITS) if name in ("SWITCH_A", "SWITCH_B")
)


class Guard:
    """One halt line, one controller, one recorder, and the engines that are named.

    connectors -- which of the engines are an exchange's: without one the venue is lost
    """

    def __init__(
        self,
        run_dir: Path,
        port: serial.Serial,
        received: socket.socket,
        link_key: bytes,
        times: Times,
        factory: str,
        on_kill: OnKill = OnKill.CANCEL_ENTRIES,
        engines: Sequence[str] = (ENGINE,),
        connectors: Sequence[str] = (),
    ) -> None:
        self.times = times
        self.running = True
        self._failure: OSError | None = None
        self.page = shm.create(layout.KIND_GUARD, "guard")
        # What the recorder waits for.
        self._wake = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._poller = select.epoll()
        self._handlers: dict[int, Callable[[int], None]] = {}
        self._pass_ns = time.monotonic_ns()
        self._stretch = 0
        self.realtime: dict[str, str] = {}  # what the system granted (host.realtime)
        self._told_ns = 0
        self._attesting: dict[str, Client] = {}
        # How far the last recorder had come, from its page: the next one goes on from there.
        self._recorded = self._recorded_supervisor = 0
        self._recorded_of: dict[int, int] = {}
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
            self._look,
        )
        self._factory = open_factory(factory)
        self._level = self._factory.level_source("HALT")
        self._reflex = Reflex(self.page.words, halt_level(self._level), times.slot_busy_us)
        self._factory.after_edge = self._look
        self.halting = Halting(
            self.page.words,
            times,
            self._reflex,
            lambda: self._clients.engines,
            self.event,
            self._link.tell_mode,
            lambda: self._dispatch(0),
            on_kill,
        )
        self.step_down = self.halting.step_down
        self._lines = Lines(self._factory, self.halting.halt_fell, self.halting.halt_rose)
        self.halting.lines = self._lines
        self._reflex.acknowledge_by(self._lines.ack_drive())
        self._clients = Clients(
            run_dir / "guard.sock",
            self._register,
            self._unregister,
            self._hand_over,
            self._on_request,
            self._on_attach,
            self._on_leave,
            self._look,
            engines,
        )
        self._connectors = connectors
        self._checks = Checks(
            times, self._clients, self._link, self.halting, self._look, connectors
        )
        self._register(self._factory.fileno(), self._dispatch)
        self._register(received.fileno(), self._hear_serial)
        self._stretch_of = {
            self._factory.fileno(): STRETCHES["dispatch"],
            received.fileno(): STRETCHES["serial"],
        }

    def lift_engines_to(self, priority: int) -> None:
        """Let an engine that is in the middle of a send run at this SCHED_FIFO priority in a halt."""
        self._reflex.lift_to(priority)

    def run(self) -> None:
        """Serve until `running` is cleared; whatever goes wrong closes the gate first.

        Raises ConnectionError when the lines are gone.
        """
        try:
            while self.running:
                ready = self._reflex.wait(self._poller.fileno(), self.times.guard_refresh_ms)
                self._stretch = STRETCHES["tick"]
                self.halting.adopt()
                self._watch_stall()
                for fd, event in ready:
                    self._serve(fd, event)
                self._tick(time.monotonic_ns())
        finally:
            self.step_down(Reason.SHUTDOWN)
            with contextlib.suppress(OSError):  # a chip that is gone has let go of its lines
                self._lines.close()
            self._clients.close()
        if self._failure is not None:
            raise self._failure

    def _serve(self, fd: int, event: int) -> None:
        handler = self._handlers.get(fd)
        if handler is None:
            return
        self._look()
        self._stretch = self._stretch_of.get(fd, STRETCHES["client"])
        handler(event)
        self._look()
        self._stretch = STRETCHES["tick"]

    def _look(self) -> None:
        """Look at HALT: nothing in this process may keep it waiting for long."""
        self._reflex.look(self._stretch)

    def event(self, kind: str, **data: Any) -> None:
        """Push one event into the ring that the recorder reads."""
        record = {"kind": kind, "mono_ns": time.monotonic_ns(), "data": data}
        self.page.ring.push(msgspec.json.encode(record))
        with contextlib.suppress(BlockingIOError):  # full: the recorder is awake all the more
            os.eventfd_write(self._wake, 1)
        self._look()

    def _watch_stall(self) -> None:
        """A guard that was stopped or starved must not renew its lease as if nothing had been."""
        now_ns = time.monotonic_ns()
        gap_ms = (now_ns - self._pass_ns) // MS
        if gap_ms > self.times.guard_lease_ms:
            self.step_down(Reason.GUARD_STALLED, f"{gap_ms} ms")
        self._pass_ns = now_ns

    def _tick(self, now_ns: int) -> None:
        self.halting.adopt()
        self.halting.watch_word(now_ns)
        self.halting.acknowledge(now_ns)
        self._look()
        keeper = self.halting.keeper
        if not keeper.stopped:
            self._checks.run(now_ns, self.step_down)
            self._look()
        self.page.words.store(layout.GUARD_LEASE_NS, now_ns + self.times.guard_lease_ms * MS)
        if keeper.stopped:
            self.halting.prepare_rearm(now_ns, self._checks.healthy(now_ns))
            self._checks.begin(now_ns)
            self._checks.conditions(self.step_down)  # one of them may take the emergency further
        else:
            keeper.conditions_hold(now_ns)
        self.halting.spread_news()
        self._look()

    # -- wires ------------------------------------------------------------------------------

    def _dispatch(self, _events: int) -> None:
        """Take edges. A callback that raises trips: later edges must never vanish in silence."""
        try:
            self._factory.dispatch(time.monotonic_ns())
        except ConnectionError as error:
            self.running, self._failure = False, error
            self.step_down(Reason.HALT_LINE, str(error))
        except Exception as error:  # noqa: BLE001  anything at all on this path is a halt
            self.event("guard_fault", error=printable(repr(error)))
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
            if time.monotonic_ns() - self._told_ns > MODE_AGAIN_MS * MS:
                self._tell_mode()  # one that was lost in noise must not stay lost
            if not armed:
                self.step_down(Reason.CONTROLLER_STATUS, states.STATE_NAMES[fields["state"]])
            if fields["inputs"] & SWITCH:
                self.step_down(Reason.SWITCH_PRESSED)
            self.halting.controller_says(armed)
            return
        if name == "TRIP":
            self.step_down(Reason.CONTROLLER_TRIP, trip_reasons.NAMES[fields["reason"]])
            if fields["reason"] in (trip_reasons.SWITCH_A, trip_reasons.SWITCH_B):
                self.step_down(Reason.SWITCH_PRESSED)
            self.halting.controller_says(False)
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
        if client.role == ENGINE and client.page is not None:
            self._reflex.watch(
                client.page.words, client.pid
            )  # before it can have anything to send through
        if client.role == RECORDER:
            reply = {"recorded": self._recorded, "supervisor": self._recorded_supervisor}
            return {"ok": True, **reply}, [self.page.fd, self._wake]
        return {"ok": True, "level": kind, "word": word}, [self.page.fd, level_fd]

    def _on_attach(self, client: Client) -> None:
        """Give the recorder each engine's page, whichever of the two came last."""
        self.event("attached", role=client.role, name=client.name, pid=client.pid)
        recorder = self._clients.recorder
        for place, engine in enumerate(self._clients.engines.values()):
            if recorder is None or engine is None or engine.page is None:
                continue
            if client in (recorder, engine):
                recorded = self._recorded_of.get(engine.pid, 0)
                told = {"op": "engine", "name": engine.name, "place": place, "recorded": recorded}
                recorder.send(told, [engine.page.fd])

    def _on_leave(self, client: Client, ended: bool) -> None:
        if client.role == RECORDER and client.page is not None:
            words, first = client.page.words, layout.RECORDER_ENGINES
            self._recorded = words.load(layout.RECORDER_GUARD_SEQ)
            self._recorded_supervisor = words.load(layout.RECORDER_SUPERVISOR_SEQ)
            self._recorded_of = {
                words.load(first + 2 * place + 1): words.load(first + 2 * place)
                for place in range(len(self._clients.engines))
            }
        reason = Reason.RECORDER_STALE
        if client.role == ENGINE:
            lost = client.name in self._connectors
            reason = Reason.VENUE_LOST if lost else Reason.ENGINE_LOST
            self.halting.keeper.revoke()  # the next one asks for itself
        self.step_down(reason, f"{client.name}, pid {client.pid}, left")
        if not ended:
            return
        if client.role == ENGINE and client.page is not None:
            self._reflex.forget(client.page.words)
        self.event("left", role=client.role, name=client.name, pid=client.pid)

    def _on_request(self, client: Client, request: dict[str, Any]) -> None:
        match request.get("op"):
            case "status":
                client.send(self.status())
            case "down":
                shutdown = request.get("reason") == Reason.SHUTDOWN.name
                detail = printable(str(request.get("detail")))
                self.step_down(Reason.SHUTDOWN if shutdown else Reason.OPERATOR, detail)
                self.event("asked_down", pid=client.pid, detail=detail)
                client.send(self.status())
            case "attest":
                self._attest(client, bytes.fromhex(str(request.get("nonce"))))
            case "head" if client.role == RECORDER:
                self._link.ask("WITNESS", (int(request["count"]), bytes.fromhex(request["head"])))
            case "ladder" if client.role == ENGINE:
                self.halting.ladder_done(client, int(request["epoch"]))
            case "liquidate" if client.role == ENGINE:
                epoch = int(request["epoch"])
                granted = self.halting.keeper.grant(epoch)
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
        self._poller.register(fd, select.EPOLLIN)

    def _unregister(self, fd: int) -> None:
        if self._handlers.pop(fd, None) is not None:
            self._poller.unregister(fd)

    def status(self) -> dict[str, Any]:
        """What `bot4 status` shows."""
        controller = self._link.seen.status
        recorder, attached = self._clients.recorder, self._clients.attached()
        engines = self._clients.engines.items()
        return {
            **self.halting.status(),
            "profile": self.times.profile,
            "controller": states.STATE_NAMES[controller["state"]] if controller else "silent",
            "controller_reason": trip_reasons.NAMES[controller["reason"]] if controller else "",
            "link": {**vars(self._link.seen), "mismatch": self._link.mismatch},
            "guard_pid": os.getpid(),
            "engine_pid": attached[0].pid if attached else None,
            "engines": {name: engine.pid if engine else None for name, engine in engines},
            "recorder_pid": recorder.pid if recorder else None,
            "orders_sent": self._checks.total(layout.ENGINE_SENT),
            "orders_refused": self._checks.total(layout.ENGINE_REFUSED),
            "realtime": self.realtime,
            "stretches": {name: self._reflex.stretches(kind) for name, kind in STRETCHES.items()},
        }
