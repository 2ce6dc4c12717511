"""The real guard on the real character device, with a scripted controller and an engine's gate."""

import contextlib
import os
import pty
import re
import signal
import subprocess
import time
import tty
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from controller import states
from controller.core import Controller
from controller.mac import KEY_BYTES
from controller.times import TICK_MASK, Times
from host import layout, modes, refusals, shm
from host.engine.loop import make_gate
from host.guard.client import GuardClient
from host.modes import Intent, Reason, TradingMode
from tests.gpio.simulated import ACK, GREEN, HALT, RED, YELLOW, Header, SpareChip, python

PROFILE = "bench"
LIMIT_S = 90.0


class Pico:
    """The controller's own code on the simulated lines; `look` is one pass of its main loop."""

    def __init__(self, header: Header, key: bytes, uart: int) -> None:
        self._header, self._uart = header, uart
        self._begun_ns = time.monotonic_ns()
        self._driven: dict[int, int] = {}
        self.controller = Controller(Times(PROFILE), key, os.urandom)
        self.pressed = self.open = False
        self._advance()
        self.controller.start()

    def _advance(self) -> None:
        uptime_us = (time.monotonic_ns() - self._begun_ns) // 1000
        self.controller.advance((uptime_us // 1000) & TICK_MASK, uptime_us & 0xFFFFFFFF)

    def _drive(self, number: int, level: int) -> None:
        if self._driven.get(number) != level:
            self._driven[number] = level
            self._header.pull(number, level)

    def press(self) -> None:
        """Open both contacts: HALT falls before anything else happens, as by PIO."""
        self.open = True
        self._drive(HALT, 0)

    def look(self) -> None:
        """Inputs, bytes, time; then the outputs."""
        controller = self.controller
        self._advance()
        ack = bool(self._header.level(ACK))
        controller.inputs(self.open, self.open, self.pressed, False, ack)
        with contextlib.suppress(BlockingIOError):
            controller.receive(os.read(self._uart, 4096))
        controller.poll()
        self._drive(HALT, int(controller.halt_high))
        for number, level in zip((RED, YELLOW, GREEN), controller.lamps(), strict=True):
            self._drive(number, level)
        data = controller.take_tx()
        if data:
            with contextlib.suppress(BlockingIOError):
                os.write(self._uart, data)


class Bench:
    """Guard process, controller, and the two clients without which the guard answers nobody."""

    def __init__(self, header: Header, folder: Path, module: str = "host.guard") -> None:
        self.header, self._module = header, module
        self._folder = folder
        self._key = folder / "link.key"
        self._key.touch(0o600)
        self._key.write_bytes(os.urandom(KEY_BYTES))
        uart, self._terminal = pty.openpty()
        tty.setraw(uart)
        os.set_blocking(uart, False)
        self._uart = uart
        self.guard = self.start_guard()
        line = self.guard.stdout.readline()
        assert line == "ready\n", self.guard.stderr.read()
        self._attach()
        self.pico = Pico(header, self._key.read_bytes(), uart)

    def start_guard(self) -> subprocess.Popen[str]:
        """Start `python -m host.guard`, or what stands for it, on the device."""
        options = {
            "--run-dir": str(self._folder),
            "--audit-dir": str(self._folder / "audit"),
            "--host-id": "pi",
            "--serial": os.ttyname(self._terminal),
            "--link-key": str(self._key),
            "--profile": PROFILE,
            "--pins": "bot4gpiod",
        }
        words = [word for pair in options.items() for word in pair]
        return python(self._module, *words, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def _attach(self) -> None:
        self.engine = GuardClient(self._folder, timeout_s=LIMIT_S)
        self._engine_page = shm.create(layout.KIND_ENGINE, "engine")
        self.recorder = GuardClient(self._folder, timeout_s=LIMIT_S)
        self._recorder_page = shm.create(layout.KIND_RECORDER, "recorder")
        self._beat()
        reply, self.page, self.fds = self.engine.attach("engine", self._engine_page)
        assert (reply["level"], reply["word"]) == ("ioctl", 0)
        self.gate = make_gate(self.page, self._engine_page, reply, self.fds)
        shm.close_all(self.recorder.attach("recorder", self._recorder_page)[2])

    def _beat(self) -> None:
        now_ns = time.monotonic_ns()
        self._engine_page.words.store(layout.ENGINE_HEARTBEAT_NS, now_ns)
        self._recorder_page.words.store(layout.RECORDER_HEARTBEAT_NS, now_ns)

    def mode(self) -> tuple[TradingMode, Reason, int]:
        """The mode as the engine reads it."""
        return modes.unpack(self.page.words.load(layout.GUARD_MODE))

    def live_until(self, condition: Callable[[], object], what: str) -> None:
        """Let controller, engine and recorder live until a condition holds."""
        deadline = time.monotonic() + LIMIT_S
        while not condition():
            self.pico.look()
            self._beat()
            now = f"{self.mode()}, {states.STATE_NAMES[self.pico.controller.state]}"
            assert time.monotonic() < deadline, f"{what}: not within {LIMIT_S} s; {now}"
            assert self.guard.poll() is None, self.guard.stderr.read()
            time.sleep(0.001)

    def arm(self) -> None:
        """Do what a person and an engine do after an emergency, until the mode is NORMAL.

        This machine may be too slow for the watchdogs now and then: that is one more emergency.
        """
        self.pico.open = False
        told = 0
        waiting = False

        def normal() -> bool:
            nonlocal told, waiting
            mode, _reason, epoch = self.mode()
            if mode == TradingMode.EMERGENCY and epoch != told:
                told = epoch
                self.engine.tell(op="ladder", epoch=epoch)
            was_waiting, waiting = waiting, self.pico.controller.state == states.WAITING
            self.pico.pressed = was_waiting and waiting  # the button must have been seen up
            return mode == TradingMode.NORMAL

        self.live_until(normal, "NORMAL")

    def end(self) -> None:
        """End guard and clients."""
        if self.guard.poll() is None:
            self.guard.send_signal(signal.SIGCONT)
            self.guard.terminate()
        self.guard.wait(LIMIT_S)
        for pipe in (self.guard.stdout, self.guard.stderr):
            pipe.close()
        self.engine.close()
        self.recorder.close()
        shm.close_all(self.fds)
        for page in (self.page, self._engine_page, self._recorder_page):
            page.close()
        os.close(self._uart)
        os.close(self._terminal)


@pytest.fixture
def bench(header: Header, tmp_path: Path) -> Iterator[Bench]:
    made = Bench(header, tmp_path)
    yield made
    made.end()


@pytest.mark.timeout(300)
def test_a_press_closes_the_gate_and_raises_ack(bench: Bench) -> None:
    assert bench.gate.permit(Intent.OPEN) == refusals.MODE
    for _ in range(2):
        bench.arm()
        assert bench.gate.permit(Intent.OPEN) == refusals.SENT
        assert bench.header.level(ACK) == 0
        bench.pico.press()
        # Whether the guard has run or not: the level is low, so no order leaves.
        assert bench.gate.permit(Intent.OPEN) in (refusals.HALT_LOW, refusals.MODE)
        bench.live_until(lambda: bench.header.level(ACK), "ACK")
        assert bench.mode()[:2] == (TradingMode.EMERGENCY, Reason.HALT_LINE)
        assert bench.gate.permit(Intent.OPEN) == refusals.MODE
        assert bench.gate.permit(Intent.CANCEL) == refusals.SENT
    status = bench.engine.request(op="status")
    assert (status["halt"], status["ack"], status["forced"]) == ("low", "high", 0)


@pytest.mark.timeout(300)
def test_a_stopped_guard_lets_nothing_out_and_wakes_up_in_emergency(bench: Bench) -> None:
    bench.arm()
    bench.guard.send_signal(signal.SIGSTOP)
    bench.pico.press()
    assert bench.gate.permit(Intent.OPEN) in (refusals.HALT_LOW, refusals.LEASE)
    time.sleep(2 * Times(PROFILE).guard_lease_ms / 1000)
    assert bench.gate.permit(Intent.OPEN) == refusals.LEASE
    assert bench.header.level(ACK) == 0
    bench.guard.send_signal(signal.SIGCONT)
    bench.live_until(lambda: bench.header.level(ACK), "ACK")
    assert bench.mode()[0] == TradingMode.EMERGENCY


@pytest.mark.timeout(300)
def test_the_line_of_a_killed_guard_is_free_once_the_engine_is_gone(bench: Bench) -> None:
    bench.arm()
    bench.pico.press()
    bench.live_until(lambda: bench.header.level(ACK), "ACK")
    bench.guard.kill()
    bench.guard.wait()
    # Our copy of the HALT request, an engine's, keeps the line taken ...
    second = bench.start_guard()
    _out, error = second.communicate(timeout=LIMIT_S)
    chip = os.environ["VM_GPIO_CHIP"]
    assert (second.returncode, error) == (2, f"guard: GPIO17 of {chip} is in use by 'bot4'\n")
    # ... until it goes, as it does when the engine finds its guard gone.
    third = bench.start_guard()
    time.sleep(0.5)
    shm.close_all(bench.fds)
    bench.fds.clear()
    assert third.stdout.readline() == "ready\n"
    third.terminate()
    third.communicate(timeout=LIMIT_S)


@pytest.mark.timeout(300)
def test_a_chip_that_goes_away_is_an_emergency(spare: SpareChip, tmp_path: Path) -> None:
    bench = Bench(spare.header, tmp_path, "tests.gpio.guard_on_spare")
    bench.arm()
    assert bench.gate.permit(Intent.OPEN) == refusals.SENT
    spare.take_away()
    assert bench.gate.permit(Intent.OPEN) in (refusals.LEVEL_UNREADABLE, refusals.MODE)
    code = bench.guard.wait(LIMIT_S)
    assert code != 0
    assert re.fullmatch(r"guard: LineGone: .* No such device\n", bench.guard.stderr.read())
    assert bench.mode()[0] == TradingMode.EMERGENCY
    assert bench.gate.permit(Intent.OPEN) == refusals.MODE
    bench.end()
