"""The supervisor: starts guard, recorder, modeller and engine, watches and restarts them, ends them.

It holds no secret and decides nothing about trading. Each child dies with it (the kernel sees
to that), and a dead guard closes the gate by its lease, so its own death is a halt as well.

A dead engine is started again, in EMERGENCY, and works off `on_kill`. One that fails a second time
within `second_failure_s` stays down: people are told which orders were open, guard and recorder go
on, and nothing can leave EMERGENCY without an engine. Whatever is started again re-arms nothing.

A connector that ends is VENUE_LOST to the guard, and is started again however often, with pauses: the
exchange may be away for hours, and the ladder waits for it.
"""

import fcntl
import os
import select
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

import msgspec

from host import allocator, layout, notify, shm
from host.children import BAD_INPUT, Child, Children
from host.enginelost import alerts
from host.guard.client import GuardClient, GuardUnreachable
from host.plan import PREFIX, Plan

# The one child that the host can do without.
ENRICH = "enrich"
# s. A connector first reads what its exchange trades; an exchange takes its time to cancel.
READY_S, CONNECTOR_READY_S = 20.0, 60.0
LADDER_S, LADDER_AT_EXCHANGES_S = 2.0, 10.0
# Exit code of an engine whose guard is gone: not its own failure.
GUARD_LOST = 3
# s. For the recorder to put the dead engine's last events into the log.
RECORDED_S = 0.5
# A child that ends more often than this within the window will not come back by itself.
MOST_RESTARTS, RESTART_WINDOW_S = 8, 20.0
# s. Before a connector is started again: doubled with each start within the window.
PAUSE_S, LONGEST_PAUSE_S = 0.25, 8.0


class StartFailed(RuntimeError):
    """A process did not come up; it has said why in a line of its own."""


class Supervisor:
    """Runs a plan until told to stop."""

    def __init__(self, plan: Plan, say: Callable[[str], None]) -> None:
        self._plan = plan
        self._say = say
        self._children = Children(plan, say)
        self._due: dict[str, tuple[float, list[float]]] = {}
        self._stop_fd, self._stop_write = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._started = False
        self._forced = 0
        self._engine_failures: list[float] = []
        self._engine_given_up = False
        self._lock = lock_run_dir(plan.run_dir)
        self.page = shm.create(layout.KIND_SUPERVISOR, "supervisor")
        # Limits that are loosened in the file while the host runs must not come in by a crash.
        shutil.copyfile(plan.config, plan.snapshot)

    def stop(self, *_signal: object) -> None:
        """Ask `run` to end; safe in a signal handler."""
        os.write(self._stop_write, b"x")

    def run(self) -> int:
        """Start everything, serve, end everything. Return the exit code."""
        try:
            for name in self._plan.order:
                self._start(name, [])
            self._started = True
            if self._plan.enrich:
                self._spawn(ENRICH, [])
            without = allocator.note()
            if without:
                self._say(without)
            print("ready", flush=True)
            notify.tell("READY=1\nSTATUS=in EMERGENCY until somebody arms at the box")
            self._say("running; nothing is traded before the controller is armed at the box")
            return self._watch()
        except StartFailed as error:
            if str(error):
                self._say(str(error))
            return BAD_INPUT
        finally:
            self._end_all()

    def _start(self, name: str, starts: list[float]) -> None:
        """Start what the host cannot do without, and wait until it is ready. Raises StartFailed."""
        child = self._spawn(name, starts)
        assert child.process.stdout is not None
        patience_s = CONNECTOR_READY_S if name.startswith(PREFIX) else READY_S
        waiting = select.select([child.process.stdout], [], [], patience_s)[0]
        if not waiting or child.process.stdout.readline().strip() != b"ready":
            raise StartFailed(child.why_not_ready() if waiting else f"{name} is not ready")

    def _spawn(self, name: str, starts: list[float]) -> Child:
        permit = self._plan.permit_of(name)
        if not permit:
            handed = (self.page.fd,) if name == "recorder" else ()
            return self._children.spawn(name, starts, handed)
        from host.golive import permit as permits  # needs cryptography, as `--live` did

        with permits.offer(permit) as given:
            return self._children.spawn(name, starts, stdin=given.fileno())

    def _watch(self) -> int:
        while True:
            by_fd = {child.pidfd: child for child in self._children}
            ready, _, _ = select.select([self._stop_fd, *by_fd], [], [], self._until_due())
            if self._stop_fd in ready:
                return 1 if self._engine_given_up else 0
            for fd in ready:
                if not self._restart(by_fd[fd]):
                    return 1
            self._start_due()

    def _until_due(self) -> float | None:
        """Return the time until the next connector is started again, s; None when none waits."""
        due = [at for at, _starts in self._due.values()]
        return max(0.0, min(due) - time.monotonic()) if due else None

    def _start_due(self) -> None:
        for name, (at, starts) in list(self._due.items()):
            if at <= time.monotonic():
                del self._due[name]
                self._spawn(name, starts)

    def _restart(self, child: Child) -> bool:
        code = child.process.wait()
        self._children.forget(child)
        recent = [at for at in child.starts if time.monotonic() - at < RESTART_WINDOW_S]
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        self._event("child_ended", name=child.name, how=how)
        if child.name == ENRICH:
            self._restart_enrich(code, how, recent)
            return True
        if child.name.startswith(PREFIX):
            self._restart_connector(child.name, how, recent)
            return True
        if child.name == "engine" and code != GUARD_LOST and self._failed_twice():
            self._give_engine_up(how)
            return True
        if len(recent) >= MOST_RESTARTS:
            self._say(f"{child.name} ended again ({how}): giving up, everything stops")
            return False
        what = "" if child.name == "modeller" else ", in EMERGENCY"
        self._say(f"{child.name} ended ({how}); starting it again{what}")
        self._start(child.name, recent)
        return True

    def _restart_connector(self, name: str, how: str, recent: list[float]) -> None:
        """Nobody waits for it: the host holds still in EMERGENCY until the exchange is back."""
        pause_s = min(PAUSE_S * 2 ** len(recent), LONGEST_PAUSE_S)
        self._say(f"{name} ended ({how}): VENUE_LOST; starting it again in {pause_s:g} s")
        self._due[name] = time.monotonic() + pause_s, recent

    def _restart_enrich(self, code: int, how: str, recent: list[float]) -> None:
        """Trading goes on without it, and nobody waits for it."""
        if code == BAD_INPUT or len(recent) >= MOST_RESTARTS:
            self._say(f"{ENRICH} ended ({how}) and stays down; trading goes on without it")
            return
        self._say(f"{ENRICH} ended ({how}); starting it again")
        self._spawn(ENRICH, recent)

    def _failed_twice(self) -> bool:
        """Count a failure of the engine, unless the guard has killed it to close the gate."""
        forced, self._forced = self._forced, self._guard_status().get("forced", self._forced)
        if self._forced > forced:
            return False
        now_s = time.monotonic()
        window_s = self._plan.second_failure_s
        self._engine_failures = [at for at in self._engine_failures if now_s - at < window_s]
        self._engine_failures.append(now_s)
        return len(self._engine_failures) >= 2

    def _give_engine_up(self, how: str) -> None:
        """No third start: tell people what was open, as far as the log knows."""
        self._engine_given_up = True
        time.sleep(RECORDED_S)
        told = alerts(self._plan.audit_dir, how)
        for alert in told:
            self._event("alert", **alert)
        self._say(
            f"engine failed a second time ({how}) and stays down, in EMERGENCY; open orders, "
            f"{told[0]['known']}: {told[0]['open_orders']}; look at the venue"
        )
        for order in (order for alert in told for order in alert["orders"]):
            self._say(f"  {order}")

    def _event(self, kind: str, **data: object) -> None:
        """Push one event into the ring that the recorder reads."""
        record = {"kind": kind, "mono_ns": time.monotonic_ns(), "data": data}
        self.page.ring.push(msgspec.json.encode(record))

    def _guard_status(self) -> dict[str, Any]:
        """What the guard says; nothing when it does not answer."""
        try:
            guard = GuardClient(self._plan.run_dir)
            try:
                return guard.request(op="status")
            finally:
                guard.close()
        except (GuardUnreachable, ValueError):
            return {}

    def _end_all(self) -> None:
        """Halt, let the engine cancel, then end engine, guard and, last, the recorder."""
        notify.tell("STOPPING=1")
        if self._started:
            self._halt()
        connectors = [PREFIX + venue.name for venue in self._plan.connectors]
        for name in ("engine", "modeller", *connectors, "guard", "recorder", ENRICH):
            self._children.end(name)
        self._lock.close()

    def _halt(self) -> None:
        try:
            guard = GuardClient(self._plan.run_dir)
            status = guard.request(op="down", reason="SHUTDOWN", detail="the host was told to end")
            patience_s = LADDER_AT_EXCHANGES_S if self._plan.connectors else LADDER_S
            deadline = time.monotonic() + patience_s
            while not status.get("ladder_done") and time.monotonic() < deadline:
                time.sleep(0.02)
                status = guard.request(op="status")
            if not status.get("ladder_done"):
                self._say("the venue has not confirmed that no entry is open: look there")
        except (GuardUnreachable, ValueError) as error:
            self._say(f"could not halt in order: {error}")


def lock_run_dir(run_dir: Path) -> TextIO:
    """Hold `run_dir` for this host alone. Raises StartFailed when another one runs there."""
    run_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = (run_dir / "run.lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise StartFailed(f"another host runs in {run_dir}") from None
    return lock
