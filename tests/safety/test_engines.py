"""Several engines at one guard: a gate slot, a heartbeat and a ladder for each of them."""

import contextlib
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from host.hotpath.level import Level
from host.hotpath.reflex import Reflex
from host.hotpath.words import Words

from controller.times import Times
from host import layout, shm
from host.guard import closing
from host.guard.__main__ import engine_names
from host.guard.checks import Checks
from host.guard.clients import Client, Clients
from host.guard.halting import Halting
from host.modes import OnKill, Reason, TradingMode

TIMES = Times("bench")
NAMES = ("alpha", "beta", "gamma")
ENGINE = """
import signal, sys, time
from pathlib import Path
from host import layout, shm
from host.guard.client import GuardClient
page = shm.create(layout.KIND_ENGINE, "engine")
page.words.store(layout.ENGINE_SLOT, int(sys.argv[3]))
page.words.store(layout.ENGINE_CONDITION, int(sys.argv[4]))
page.words.store(layout.ENGINE_SENT, 7)
client = GuardClient(Path(sys.argv[1]))
try:
    client.attach("engine", page, sys.argv[2])
except ValueError as error:
    sys.exit(str(error))
signal.signal(signal.SIGUSR1, lambda *_: client.close())
print("ready", flush=True)
for _ in range(6000):
    page.words.store(layout.ENGINE_HEARTBEAT_NS, time.monotonic_ns())
    time.sleep(0.01)
"""


class Wires:
    """HALT low unless said otherwise, and an ACK line that remembers."""

    ack = high = False

    def halt_is_high(self) -> bool:
        return self.high

    def ack_is_high(self) -> bool:
        return self.ack

    def raise_ack(self) -> None:
        self.ack = True

    def lower_ack(self) -> None:
        self.ack = False

    def lost_edges(self) -> int:
        return 0


class Desk:
    """The guard's own parts around real engines in processes of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.events: list[dict[str, Any]] = []
        self.left: list[str] = []
        self.hung_up: list[str] = []
        self.processes: dict[str, subprocess.Popen] = {}
        self._poller = select.poll()
        self._handlers: dict[int, Callable[[int], None]] = {}
        page = shm.create(layout.KIND_GUARD, "guard")
        self.page = page
        halt = Level(words=Words(bytearray(8), True))  # low
        self.reflex = Reflex(page.words, halt, TIMES.slot_busy_us)
        self.clients = Clients(
            folder / "guard.sock",
            self._register,
            self._unregister,
            lambda _client: ({"ok": True}, [page.fd]),
            lambda _client, _request: None,
            lambda client: self.reflex.watch(client.page.words, client.pid),
            self._leave,
            lambda: None,
            NAMES,
        )
        self.halting = Halting(
            page.words,
            TIMES,
            self.reflex,
            lambda: self.clients.engines,
            lambda kind, **data: self.events.append({"kind": kind, **data}),
            lambda *_mode: None,
            lambda: None,
            OnKill.FLATTEN,
        )
        self.wires = Wires()
        self.halting.lines = self.wires  # type: ignore[assignment]
        link: Any = SimpleNamespace(seen=SimpleNamespace(challenge_ns=0, status=None))
        self.checks = Checks(TIMES, self.clients, link, self.halting, lambda: None)

    def start(self, name: str, busy: bool = False, condition: int = 0) -> subprocess.Popen:
        """Start an engine and wait until it is attached, or has been refused."""
        words = [str(self.folder), name, str(int(busy)), str(condition)]
        command = [sys.executable, "-c", ENGINE, *words]
        pipe = subprocess.PIPE
        process = subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True)
        self.processes[name] = process
        assert process.stdout is not None
        deadline = time.monotonic() + 30
        while not select.select([process.stdout], [], [], 0)[0]:
            assert time.monotonic() < deadline, "the engine says nothing"
            self.pump()
        return process

    def pump(self, wait_ms: int = 10) -> None:
        for fd, event in self._poller.poll(wait_ms):
            self._handlers.get(fd, lambda _event: None)(event)  # it may have left in this turn

    def client(self, name: str) -> Client:
        found = self.clients.engines[name]
        assert found is not None
        return found

    def close(self) -> None:
        self.clients.close()
        self.page.close()
        for process in self.processes.values():
            process.kill()
            process.communicate()

    def _leave(self, client: Client, ended: bool) -> None:
        self.halting.step_down(Reason.ENGINE_LOST)
        if ended:
            self.left.append(client.name)
            self.reflex.forget(client.page.words)
        else:
            self.hung_up.append(client.name)

    def _register(self, fd: int, handler: Callable[[int], None]) -> None:
        self._handlers[fd] = handler
        self._poller.register(fd, select.POLLIN)

    def _unregister(self, fd: int) -> None:
        if self._handlers.pop(fd, None) is not None:
            self._poller.unregister(fd)


@pytest.fixture
def desk() -> Iterator[Desk]:
    with (
        tempfile.TemporaryDirectory() as folder,
        contextlib.closing(Desk(Path(folder))) as made,
    ):
        yield made


def trade(desk: Desk) -> None:
    desk.halting.keeper.rearmed(time.monotonic_ns())
    assert desk.halting.keeper.mode == TradingMode.PAUSED


def test_ack_waits_for_every_slot_and_a_stuck_engine_is_ended_alone(desk: Desk) -> None:
    for name in NAMES:
        desk.start(name, busy=name == "beta")
    trade(desk)
    desk.halting.step_down(Reason.OPERATOR)
    assert desk.wires.ack
    assert desk.halting.forced == 1
    assert desk.processes["beta"].wait(5) == -signal.SIGKILL
    assert [desk.processes[name].poll() for name in ("alpha", "gamma")] == [None, None]
    (closed,) = [event for event in desk.events if event["kind"] == "gate_closed"]
    assert closed["forced"] is True
    while not desk.left:
        desk.pump()
    assert desk.left == ["beta"]
    assert desk.clients.engines["beta"] is None
    assert [client.name for client in desk.clients.attached()] == ["alpha", "gamma"]


def test_a_send_in_flight_has_its_time_also_when_halt_follows_late(desk: Desk) -> None:
    """Only a wait that the reflex has begun counts: a cancel of just now is not ended for it."""
    waited: list[int] = []
    desk.halting._reflex = SimpleNamespace(  # type: ignore[assignment]
        take=lambda: None, slots_free=lambda since_ns: not waited.append(since_ns), calm=lambda: 0
    )
    trade(desk)
    desk.wires.high = True
    desk.halting.step_down(Reason.OPERATOR)
    assert (desk.wires.ack, waited) == (False, [])
    time.sleep(0.002)
    desk.wires.high = False
    desk.halting.acknowledge(time.monotonic_ns())
    assert (desk.wires.ack, waited) == (True, [0])
    low_ns = time.monotonic_ns()
    trade(desk)
    desk.halting._reflex.take = lambda: (low_ns, 0)
    desk.halting.adopt()
    assert waited == [0, low_ns]


def test_ack_is_not_given_while_one_of_them_cannot_be_proven_to_have_ended(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in NAMES:
        desk.start(name, busy=name == "alpha")
    trade(desk)
    monkeypatch.setattr(closing, "ended", lambda _client, _timeout_ms: False)
    desk.halting.step_down(Reason.OPERATOR)
    assert not desk.wires.ack
    monkeypatch.undo()
    desk.halting.acknowledge(time.monotonic_ns())
    assert desk.wires.ack


def test_an_engine_that_hangs_up_in_its_send_is_ended_before_ack(desk: Desk) -> None:
    desk.start("alpha", busy=True)
    trade(desk)
    desk.processes["alpha"].send_signal(signal.SIGUSR1)
    while not desk.hung_up:
        desk.pump()
    assert desk.wires.ack
    assert desk.halting.forced == 1
    assert desk.processes["alpha"].wait(5) == -signal.SIGKILL


def test_an_engine_that_hangs_up_and_runs_keeps_its_place_until_it_has_ended(desk: Desk) -> None:
    first = desk.start("alpha")
    desk.client("alpha").ladder_epoch = 7
    first.send_signal(signal.SIGUSR1)
    while not desk.hung_up:
        desk.pump()
    assert (desk.client("alpha").ladder_epoch, desk.left) == (0, [])
    said = str(desk.start("alpha").communicate()[1])
    assert f"another alpha is attached (pid {first.pid})" in said
    first.kill()
    while not desk.left:
        desk.pump()
    assert desk.clients.engines["alpha"] is None
    desk.start("alpha")
    assert desk.client("alpha").pid == desk.processes["alpha"].pid
    first.communicate()


def test_an_engine_that_has_ended_in_its_send_does_not_keep_ack(desk: Desk) -> None:
    process = desk.start("alpha", busy=True)
    trade(desk)
    process.kill()
    process.wait()  # reaped: there is nobody to be killed any more
    desk.halting.step_down(Reason.OPERATOR)
    assert desk.wires.ack


def test_the_emergency_is_worked_off_only_when_every_engine_says_so(desk: Desk) -> None:
    desk.start("alpha")
    desk.start("beta")
    trade(desk)
    desk.halting.step_down(Reason.DRAWDOWN)
    epoch = desk.halting.keeper.epoch
    assert desk.halting.keeper.grant(epoch)
    desk.halting.ladder_done(desk.client("alpha"), epoch)
    desk.halting.ladder_done(desk.client("beta"), epoch - 1)  # of an emergency before
    desk.halting.ladder_done(desk.client("beta"), epoch)
    assert not desk.halting.worked_off()  # gamma has orders of its own, and is not there
    assert desk.page.words.load(layout.GUARD_LADDER_TOKEN) != 0
    desk.start("gamma")
    assert not desk.halting.worked_off()
    desk.halting.ladder_done(desk.client("gamma"), epoch)
    assert desk.halting.worked_off()
    assert desk.page.words.load(layout.GUARD_LADDER_TOKEN) == 0
    done = [event["engine"] for event in desk.events if event["kind"] == "ladder_done"]
    assert done == ["alpha", "beta", "gamma"]
    desk.processes["alpha"].kill()
    while not desk.left:
        desk.pump()
    assert not desk.halting.worked_off()  # the next one asks its venues anew


@pytest.mark.parametrize("sick", NAMES)
def test_the_heartbeat_of_each_engine_counts(desk: Desk, sick: str) -> None:
    recorder = Client(desk.clients._listener, 0, "recorder", "recorder")
    recorder.page = shm.create(layout.KIND_RECORDER, "recorder")
    recorder.page.words.store(layout.RECORDER_HEARTBEAT_NS, time.monotonic_ns() + 500_000)
    desk.clients.recorder = recorder
    for name in NAMES:
        desk.start(name)
        desk.client(name).ladder_epoch = 1
    reasons: list[tuple] = []

    def look() -> bool:
        reasons.clear()
        now_ns = time.monotonic_ns()
        assert recorder.page is not None
        recorder.page.words.store(layout.RECORDER_HEARTBEAT_NS, now_ns)
        desk.checks.run(now_ns, lambda *step: reasons.append(step))
        return desk.checks.healthy(now_ns)

    deadline = time.monotonic() + 30
    while not look():  # all of them are heard of, on a busy machine as well
        assert time.monotonic() < deadline
    desk.processes[sick].send_signal(signal.SIGSTOP)
    while (Reason.ENGINE_STALE, sick) not in reasons:
        look()
        assert time.monotonic() < deadline
    for _ in range(50):
        assert not look()
        assert (Reason.ENGINE_STALE, sick) in reasons
        time.sleep(0.002)
    desk.processes[sick].send_signal(signal.SIGCONT)
    while not look():
        assert time.monotonic() < deadline
    recorder.page.close()


def test_what_any_engine_reports_steps_down_and_orders_are_counted_over_all(desk: Desk) -> None:
    desk.start("alpha")
    desk.start("beta", condition=Reason.DRAWDOWN)
    desk.start("gamma", condition=255)
    reasons: list[tuple] = []
    desk.checks.conditions(lambda *step: reasons.append(step))
    assert reasons == [
        (Reason.DRAWDOWN, f"beta: condition {Reason.DRAWDOWN:d}"),
        (Reason.ENGINE_STUCK, "gamma: condition 255"),
    ]
    assert desk.checks.total(layout.ENGINE_SENT) == 21


def test_only_named_engines_attach_and_each_of_them_once(desk: Desk) -> None:
    assert desk.checks.total(layout.ENGINE_SENT) is None
    assert "no engine of this host is called 'delta'" in str(desk.start("delta").communicate()[1])
    first = desk.start("alpha")
    desk.processes["first"] = first
    said = str(desk.start("alpha").communicate()[1])
    assert f"another alpha is attached (pid {first.pid})" in said
    assert first.poll() is None


@pytest.mark.parametrize("text", ["", ",", "a,a", "A", "guard", "a,recorder", "x" * 17, "a b"])
def test_names_that_cannot_be_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="--engines"):
        engine_names(text)
    with pytest.raises(ValueError, match="--engines"):
        engine_names(",".join(f"e{number}" for number in range(layout.MOST_ENGINES + 1)))
    assert engine_names("engine") == ["engine"]
