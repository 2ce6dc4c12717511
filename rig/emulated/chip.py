"""A Raspberry Pi Pico in the rp2040py emulator, with our files in its flash.

    pico = EmulatedPico(image, {"main.py": b"print('hello')"})
    pico.on_edge(lambda pin, level, t_ns: print(pin, level, t_ns))
    pico.run_for(500_000_000)

Time is emulated nanoseconds since power-up and moves only inside `run_until` / `run_for`. Callbacks run
between two emulated instructions and may call everything but `run_*`; what they do happens at `now_ns`,
at most about 2 us after the stamp they were given. The stamps are exact to the cycle.
"""

import ctypes
import heapq
import importlib.metadata
import itertools
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from rp2040py.device.bootrom import BOOTROM_B1
from rp2040py.device.load_flash import load_uf2
from rp2040py.memory_map import FLASH_START_ADDRESS
from rp2040py.reset_cause import ResetCause
from rp2040py.rp2040 import RP2040
from rp2040py.simulator import Simulator
from rp2040py.utils.logging import ConsoleLogger, LogLevel

from controller import wiring
from rig.emulated.engine import EMULATOR, TICKS, Edge, attach, load_library
from rig.emulated.errors import EmulatorError
from rig.emulated.flash import FS_END, FS_START, filesystem, read_filesystem
from rig.emulated.serial import BytesCallback, Uart, Usb

LOW, HIGH, RELEASED = 0, 1, 2  # RELEASED: not driven, the wire's pull decides
# ns. The longest stretch without a look at signals (Ctrl-C, SIGTERM).
BREATH_NS = 10_000_000
WATCHED = tuple(wiring.pico_pin(name) for name in wiring.PICO_DRIVES)
COUNTS = ("instructions", "idle_cycles", "pio_steps", "pio_skipped", "edges_lost")

EdgeCallback = Callable[[int, int, int], None]


class EmulatedPico:
    """One Pico: power it up by constructing it, move its time with `run_until`.

    image -- the .uf2 of MicroPython
    files -- path and content of the files in its littlefs
    watch -- GPIO numbers whose changes go to `on_edge`
    usb -- whether the USB cable is plugged in

    Raises EmulatorError when rp2040py is not the one this was written against.
    """

    def __init__(
        self,
        image: Path,
        files: Mapping[str, bytes],
        *,
        watch: Iterable[int] = WATCHED,
        baud: int = wiring.UART_BAUD,
        usb: bool = False,
    ) -> None:
        check_emulator()
        self._library = load_library()
        self._edge_callbacks: list[EdgeCallback] = []
        self._uart_callbacks: list[BytesCallback] = []
        self._usb_callbacks: list[BytesCallback] = []
        self._reset_callbacks: list[Callable[[int], None]] = []
        self._reset_stamps: deque[int] = deque()
        self._planned: list[tuple[int, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._running = False
        self.resets = 0
        self._chip = RP2040()
        # The chip asks its owner for a few things; this one is never started.
        self._simulator = Simulator(rp2040=self._chip)
        self._chip.logger = ConsoleLogger(LogLevel.ERROR)  # else it tells of every SEV instruction
        self._chip.load_bootrom(BOOTROM_B1)
        load_uf2(image, self._chip)
        self._chip.flash[FS_START:FS_END] = filesystem(files)
        self._chip.watchdog.on_watchdog_trigger = lambda: self._reset(ResetCause.WATCHDOG)
        self._engine = attach(self._library, self._chip, self._simulator)
        weakref.finalize(self, self._library.emu_free, self._engine)
        self._library.emu_watch(self._engine, sum(1 << pin for pin in set(watch)))
        self.uart = Uart(self._chip, baud, self._stop)
        self.usb = Usb(self._chip, self._stop) if usb else None
        self._chip.core.pc = FLASH_START_ADDRESS

    @property
    def now_ns(self) -> int:
        """Return emulated time since power-up."""
        return int(self._library.emu_ticks(self._engine)) // TICKS

    def run_for(self, duration_ns: int) -> None:
        """Run for a stretch of emulated time."""
        self.run_until(self.now_ns + duration_ns)

    def run_until(self, time_ns: int) -> None:
        """Run to `time_ns`, or to the first instruction boundary after it."""
        if self._running:
            raise EmulatorError("run_until from inside a callback")
        self._running = True
        try:
            while True:
                now = self.now_ns
                while self._planned and self._planned[0][0] <= now:
                    heapq.heappop(self._planned)[2]()
                if now >= time_ns:
                    return
                self._run_to(min(time_ns, now + BREATH_NS))
                self._deliver()
        finally:
            self._running = False

    def at(self, time_ns: int, action: Callable[[], None]) -> None:
        """Run `action` when emulated time reaches `time_ns` (at once, if it has passed)."""
        heapq.heappush(self._planned, (time_ns, next(self._order), action))
        if self._running:
            self._stop()

    def set_pin(self, pin: int, level: int) -> int:
        """Drive a pin from outside (LOW, HIGH) or let go of it (RELEASED); return the stamp, ns."""
        if self._library.emu_set_pin(self._engine, pin, level):
            self._raise_inner()
        return self.now_ns

    def level(self, pin: int) -> int:
        """Return what the chip drives: LOW, HIGH or RELEASED."""
        state = self._chip.gpio[pin].value
        return {"LOW": LOW, "HIGH": HIGH}.get(state.name, RELEASED)

    def on_edge(self, callback: EdgeCallback) -> None:
        """Call `callback(pin, level, t_ns)` for every change of a watched pin."""
        self._edge_callbacks.append(callback)

    def on_uart(self, callback: BytesCallback) -> None:
        """Call `callback(data, t_ns)` when a byte's stop bit has left the chip."""
        self._uart_callbacks.append(callback)

    def on_usb(self, callback: BytesCallback) -> None:
        """Call `callback(data, t_ns)` for what the chip says on USB."""
        self._usb_callbacks.append(callback)

    def on_reset(self, callback: Callable[[int], None]) -> None:
        """Call `callback(t_ns)` when watchdog, firmware, button or power has reset the chip."""
        self._reset_callbacks.append(callback)

    def power_cycle(self) -> None:
        """Take the power away and give it back. (SRAM survives here, unlike in reality.)"""
        self._reset(ResetCause.POWER_ON)

    def press_reset(self) -> None:
        """Pull the RUN pin."""
        self._reset(ResetCause.RUN_PIN)

    def files(self) -> dict[str, bytes]:
        """Return the files in flash now."""
        return read_filesystem(bytes(self._chip.flash[FS_START:FS_END]))

    def counts(self) -> dict[str, int]:
        """Return the counters of the run loop."""
        values = (ctypes.c_uint64 * len(COUNTS))()
        self._library.emu_counts(self._engine, values)
        return dict(zip(COUNTS, values, strict=True))

    def skip_loops(self, on: bool) -> None:
        """Choose whether repeating PIO stretches are skipped arithmetically (default) or stepped."""
        self._library.emu_set_skip(self._engine, int(on))

    def pio_lag(self, cycles: int) -> None:
        """Set how far PIO may be behind the CPU before it is caught up; stamps do not depend on it."""
        self._library.emu_set_lag(self._engine, cycles)

    def _run_to(self, stop_ns: int) -> None:
        if self._planned:
            stop_ns = min(stop_ns, self._planned[0][0])
        if self.usb is not None:
            self.usb.top_up()
        status = self._library.emu_run(self._engine, stop_ns * TICKS)
        if status == -1:
            self._raise_inner()
        if status < 0:
            raise EmulatorError("the firmware has started the second core, which is not emulated")

    def _stop(self) -> None:
        self._library.emu_stop(self._engine)

    def _raise_inner(self) -> None:
        """Raise what a callback has raised inside the run: a read makes rp2040py hand it over."""
        self._chip.read_uint32(FLASH_START_ADDRESS)
        raise EmulatorError("the emulated chip stopped")

    def _deliver(self) -> None:
        while self._reset_stamps:
            t_ns = self._reset_stamps.popleft()
            for on_reset in self._reset_callbacks:
                on_reset(t_ns)
        for ticks, pin, level in self._edges():
            for on_edge in self._edge_callbacks:
                on_edge(pin, level, ticks // TICKS)
        for source, callbacks in (
            (self.uart, self._uart_callbacks),
            (self.usb, self._usb_callbacks),
        ):
            for data, t_ns in source.taken() if source is not None else ():
                for on_bytes in callbacks:
                    on_bytes(data, t_ns)

    def _edges(self) -> list[tuple[int, int, int]]:
        edge, edges = Edge(), []
        while self._library.emu_edge(self._engine, ctypes.byref(edge)):
            edges.append((edge.ticks, edge.pin, edge.level))
        return sorted(edges)  # the two PIO blocks may put theirs in out of order

    def _reset(self, cause: ResetCause) -> None:
        self._library.emu_sync(self._engine)
        self._chip.enter_reset(cause=cause)
        self._chip.leave_reset()
        self.resets += 1
        # The chip does not announce the levels a reset changes.
        self._library.emu_rescan(self._engine)
        self._reset_stamps.append(self.now_ns)
        self._stop()
        if not self._running:
            self._deliver()


def check_emulator() -> None:
    """Raise EmulatorError unless the exact emulator that pioclock knows is installed."""
    installed = importlib.metadata.version("rp2040py")
    if installed != EMULATOR:
        raise EmulatorError(f"rp2040py {EMULATOR} is needed, {installed} is installed")
