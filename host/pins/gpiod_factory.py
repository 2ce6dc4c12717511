"""The pin factory `bot4gpiod`: gpiozero on the kernel's GPIO character device, by libgpiod v2.

It has no thread. Whoever owns the factory polls `fileno()` and calls `dispatch()`, so edges are
handled in that loop and nowhere else. Direction and bias of a pin are those of the wiring table, and
a device that asks for others is refused: a line is requested once, as it stays.
"""

import os
import select
from collections.abc import Callable
from typing import Any

import gpiod
from gpiod.line import Bias, Clock, Direction, Edge, Value
from gpiozero.exc import (
    PinFixedPull,
    PinInvalidBounce,
    PinInvalidEdges,
    PinInvalidFunction,
    PinInvalidPin,
    PinSetInput,
    PinUnknownPi,
)
from gpiozero.pins.local import LocalPiFactory, LocalPiPin

from controller import wiring
from host.pins.chips import LineGone, PinsError, find_chip, request
from host.pins.edges import EdgeOrder

# The Pi's side of a line in the wiring table -> gpiozero's function and pull, and the kernel's bias.
SIDES = {
    "in-down": ("input", "down", Bias.PULL_DOWN),
    "in-up": ("input", "up", Bias.PULL_UP),
    "out": ("output", "floating", Bias.AS_IS),
}
WIRED = {row[3]: (row[0], row[4]) for row in wiring.LINES if row[4] in SIDES}
EDGES = {"both": (0, 1), "rising": (1,), "falling": (0,), "none": ()}
RISING = gpiod.EdgeEvent.Type.RISING_EDGE
GONE = select.EPOLLERR | select.EPOLLHUP


class GpiodPin(LocalPiPin):
    """One line of the wiring table, requested when gpiozero first gives it a function."""

    def __init__(self, factory: "GpiodFactory", info: Any) -> None:
        super().__init__(factory, info)
        if self._number not in WIRED:
            raise PinInvalidPin(f"{info.name} is not a GPIO line of the wiring table")
        self.name, side = WIRED[self._number]
        self._function, self._fixed_pull, self._bias = SIDES[side]
        self._request: gpiod.LineRequest | None = None
        self._offset = 0
        self._driven = 0
        self._wanted_edges = "both"
        self._detecting = False
        self._order = EdgeOrder()

    def open(self, level: int = 0) -> int:
        """Request the line, an output at `level`, unless it is ours; return the request's descriptor."""
        if self._request is None:
            self._driven = level
            self._order = EdgeOrder()
            self._request = request(self.factory.chip, self._number, self._settings(level))
            self._offset = self._request.offsets[0]
            # Another holder of the descriptor may have read the edge for which we were woken.
            os.set_blocking(self._request.fd, False)
            if self._function == "input":
                self.factory.listen(self._request.fd, self)
        return self._request.fd

    def close(self) -> None:
        """Release the line; copies of its descriptor in other processes keep it requested."""
        self.when_changed = None
        if self._request is not None:
            self.factory.forget(self._request.fd)
            self._request.release()
            self._request = None

    def output_with_state(self, state: int) -> None:
        """Become an output that has never been at any other level than `state`."""
        self._check_function("output")
        if self._request is None:
            self.open(int(bool(state)))
        else:
            self._set_state(state)

    def take(self, events: int, failures: list[Exception]) -> None:
        """Take the edges that have arrived, all of them, whatever a callback raises."""
        if self._request is None:
            return  # closed by a callback a moment ago
        try:
            edges = self._request.read_edge_events()
        except BlockingIOError:
            edges = []
        except OSError as error:
            failures.append(self._gone(error))
            return
        if events & GONE and not edges:
            failures.append(LineGone(f"{self.name} ({self!r}): its GPIO chip is gone"))
        for edge in edges:
            level = int(edge.event_type is RISING)
            lost = self._order.lost
            self._order.take(edge.line_seqno, level)
            self.factory.lost_edges += self._order.lost - lost
            if self._detecting and level in EDGES[self._wanted_edges]:
                try:
                    self._call_when_changed(edge.timestamp_ns / 1e9, level)
                except Exception as error:  # noqa: BLE001  raised by dispatch after the last edge
                    failures.append(error)
                self.factory.after_edge()

    def _settings(self, level: int) -> gpiod.LineSettings:
        if self._function == "output":
            value = Value.ACTIVE if level else Value.INACTIVE
            return gpiod.LineSettings(direction=Direction.OUTPUT, output_value=value)
        # The debounce period stays zero: the kernel's debouncer holds back the first edge.
        return gpiod.LineSettings(
            direction=Direction.INPUT,
            edge_detection=Edge.BOTH,
            bias=self._bias,
            event_clock=Clock.MONOTONIC,
        )

    def _gone(self, error: OSError) -> LineGone:
        return LineGone(f"{self.name} ({self!r}): {error.strerror}")

    def _check_function(self, value: str) -> None:
        if value != self._function:
            what = f"{self.name} ({self!r}) is an {self._function} by the wiring table"
            raise PinInvalidFunction(f"{what}, not an {value}")

    # -- what gpiozero asks of a pin ----------------------------------------------------------

    def _get_function(self) -> str:
        return self._function

    def _set_function(self, value: str) -> None:
        self._check_function(value)
        self.open()

    def _get_state(self) -> int:
        """Return the level of an input as it is now, of an output as we drive it."""
        if self._function == "output":
            return self._driven
        if self._request is None:
            raise LineGone(f"{self.name} ({self!r}) is not open")
        try:
            return int(self._request.get_value(self._offset) is Value.ACTIVE)
        except OSError as error:
            raise self._gone(error) from None

    def _set_state(self, value: int) -> None:
        if self._function != "output":
            raise PinSetInput(f"{self.name} ({self!r}) is an input")
        if self._request is None:
            raise LineGone(f"{self.name} ({self!r}) is not open")
        level = int(bool(value))
        try:
            self._request.set_value(self._offset, Value.ACTIVE if level else Value.INACTIVE)
        except OSError as error:
            raise self._gone(error) from None
        self._driven = level

    def note_driven(self, level: int) -> None:
        """Somebody with our descriptor has driven this output to `level`."""
        self._driven = level

    def _get_pull(self) -> str:
        return self._fixed_pull

    def _set_pull(self, value: str) -> None:
        if value != self._fixed_pull:
            what = f"{self.name} ({self!r}) is pulled {self._fixed_pull} by the wiring table"
            raise PinFixedPull(f"{what}, not {value}")

    def _get_bounce(self) -> None:
        return None

    def _set_bounce(self, value: float | None) -> None:
        if value is not None:
            raise PinInvalidBounce("no debounce on these pins: it would delay the first edge")

    def _get_edges(self) -> str:
        return self._wanted_edges

    def _set_edges(self, value: str) -> None:
        if value not in EDGES:
            raise PinInvalidEdges(f"invalid edges {value!r} for {self!r}")
        self._wanted_edges = value

    def _enable_event_detect(self) -> None:
        self._detecting = True

    def _disable_event_detect(self) -> None:
        self._detecting = False


class GpiodFactory(LocalPiFactory):
    """The header of this Raspberry Pi. Raises PinsError where there is none that we may use."""

    def __init__(self) -> None:
        super().__init__()
        self.pin_class = GpiodPin
        self.lost_edges = 0
        self.after_edge: Callable[[], None] = lambda: None
        self._pins_by_fd: dict[int, GpiodPin] = {}
        try:
            self._get_board_info()
        except PinUnknownPi as error:
            raise PinsError(f"this is no Raspberry Pi: {error}") from None
        self.chip = find_chip()
        self._ready = select.epoll()

    def fileno(self) -> int:
        """Descriptor to poll for reading: it is ready when an edge of any line has arrived."""
        return self._ready.fileno()

    def level_source(self, name: str) -> tuple[str, int, int]:
        """Return ("ioctl", descriptor, 0) for reading the level of line `name` at any time.

        A copy of the descriptor answers GPIO_V2_LINE_GET_VALUES_IOCTL in any process, with the line
        as bit 0. It is no read-only right: its holder can also take edges and reconfigure the line.
        """
        return "ioctl", self.pin(wiring.bcm(name)).open(), 0

    def drive_source(self, name: str) -> tuple[int, bytes]:
        """Return (descriptor, b""): GPIO_V2_LINE_SET_VALUES_IOCTL on it drives output `name`, bit 0."""
        return self.pin(wiring.bcm(name)).open(), b""

    def driven(self, name: str) -> None:
        """Output `name` was driven high on the descriptor that `drive_source` gave."""
        self.pin(wiring.bcm(name)).note_driven(1)

    def dispatch(self, now_ns: int) -> None:
        """Take the edges that have arrived, those of HALT first, and call who waits for them.

        Edges carry the kernel's time stamp, not `now_ns`. When callbacks raise, all other edges are
        handed out before the first error is raised. Raises LineGone when the chip is gone.
        """
        failures: list[Exception] = []
        ready = dict(self._ready.poll(0))
        for fd, pin in list(self._pins_by_fd.items()):
            if fd in ready:
                pin.take(ready[fd], failures)
        if failures:
            failures.sort(key=lambda error: not isinstance(error, LineGone))
            for error in failures[1:]:
                failures[0].add_note(f"and {error!r}")
            raise failures[0]

    def listen(self, fd: int, pin: GpiodPin) -> None:
        """Have `dispatch` take the edges of `pin`."""
        self._ready.register(fd, select.EPOLLIN)
        self._pins_by_fd[fd] = pin
        in_order = sorted(self._pins_by_fd.items(), key=lambda item: item[1].name != "HALT")
        self._pins_by_fd = dict(in_order)

    def forget(self, fd: int) -> None:
        """Undo `listen`; a descriptor that is not listened to is none of our business."""
        if self._pins_by_fd.pop(fd, None) is not None:
            self._ready.unregister(fd)

    def close(self) -> None:
        """Release all lines and the chip, whoever still holds a device; may be called again."""
        super().close()
        self._reservations.clear()
        if not self._ready.closed:
            self._ready.close()
            self.chip.close()
