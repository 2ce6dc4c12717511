"""An emulated Pico with our firmware and a live host beside it, in one process and in emulated time.

The host is `host.guard.link.HostLink`, the code that runs on the Pi; it answers ANSWER_NS after a
challenge. Nothing is paced: runs are as fast as the machine and the same every time.
"""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from controller import events, leds, protocol, states, wiring
from controller.times import Times
from rig.emulated.errors import EmulatorError
from rig.emulated.needs import require_emulator

MS = 1_000_000
ANSWER_NS = 300_000
# ms. As the guard does (host.guard.loop.MODE_AGAIN_MS): a MODE that was lost must not stay lost.
MODE_AGAIN_MS = 1000
FULL_MS = 20  # firmware.boards.pico: the button must be seen up in a full pass before it counts
KEY = bytes(range(32))
PIN = {name: wiring.pico_pin(name) for name in wiring.NAMES}
CONTACTS = ("SWITCH_A", "SWITCH_B")
SPARE, COLLECTS = 21, 22  # pins that nothing uses: the planted modules speak through them
GO = 10  # and one that they listen to

try:
    IMAGE = require_emulator()
    MISSING = ""
except EmulatorError as error:
    MISSING = str(error)

needs_emulator = pytest.mark.skipif(bool(MISSING), reason=MISSING)


@functools.cache
def firmware(profile: str) -> Mapping[str, bytes]:
    """Return the files of a flashed and provisioned Pico."""
    from firmware.tools.build import build

    return {**build(profile).files(), "link.key": KEY, "witness.key": bytes(32)}


@dataclass
class Host:
    """What the host does; tests turn it into a bad one."""

    key: bytes = KEY
    answers: bool = True
    on_challenge: Callable[[int], None] = lambda _t_ns: None
    messages: list[tuple[int, str, dict[str, int]]] = field(default_factory=list)


class Box:
    """The Pico, the switch, the button and the host."""

    def __init__(
        self,
        profile: str = "production",
        files: Mapping[str, bytes] | None = None,
        host: Host | None = None,
        usb: bool = False,
    ) -> None:
        from host.guard.link import HostLink
        from rig.emulated.chip import HIGH, LOW, WATCHED, EmulatedPico

        self.times = Times(profile)
        self.host = host or Host()
        self.edges: list[tuple[int, int, int]] = []
        self.resets: list[int] = []
        self.usb_said = bytearray()
        self.armed_ns = 0
        self._epoch = self._sessions = self._shown = 0
        self._mode, self._told_ns = leds.EMERGENCY, 0
        self._high, self._low = HIGH, LOW
        self.pico = EmulatedPico(
            IMAGE.path,
            files or firmware(profile),
            watch=(*WATCHED, SPARE, COLLECTS),
            usb=usb,
        )
        self.pico.on_edge(lambda pin, level, t_ns: self.edges.append((pin, level, t_ns)))
        self.pico.on_reset(self.resets.append)
        self.pico.on_usb(lambda data, _t_ns: self.usb_said.extend(data))
        self.link = HostLink(
            self.times,
            self.host.key,
            self._send,
            self._may_answer,
            self._take,
            lambda: None,
            lambda what: self.host.messages.append((self.pico.now_ns, what, {})),
        )
        self.pico.on_uart(self._hear)
        for name in (*CONTACTS, "ENCLOSURE", "ACK"):
            self.pico.set_pin(PIN[name], LOW)
        self.pico.set_pin(PIN["REARM"], HIGH)

    def run_ms(self, duration_ms: float) -> None:
        """Let emulated time pass."""
        self.pico.run_for(int(duration_ms * MS))

    def wait(self, condition: Callable[[], bool], timeout_ms: float) -> bool:
        """Run until the condition holds; return False when the time is up."""
        end_ns = self.pico.now_ns + int(timeout_ms * MS)
        while not condition():
            if self.pico.now_ns >= end_ns:
                return False
            self.run_ms(1)
        return True

    def halt_high(self) -> bool:
        """Return True while the Pico drives HALT high."""
        return self.pico.level(PIN["HALT"]) == self._high

    def state(self) -> int | None:
        """Return the state that the newest STATUS told."""
        return self.link.seen.status.get("state")

    def arm(self) -> None:
        """Bring the box to ARMED as a person does; fails the test when it does not get there."""
        self.wait(lambda: self.link.established, 3_000)
        self.tell_mode(leds.EMERGENCY)  # the one at the session's beginning may have been lost
        self.wait(lambda: self.state() == states.WAITING, 3_000)
        self.run_ms(2 * self.times.rearm_debounce_ms + 2 * FULL_MS)
        self.pico.set_pin(PIN["REARM"], self._low)
        held = self.wait(self.halt_high, self.times.rearm_hold_ms + 200)
        self.pico.set_pin(PIN["REARM"], self._high)
        assert held, f"not armed: {self.link.seen}, {self.faults()}"
        self.armed_ns = self.pico.now_ns
        self.tell_mode(leds.NORMAL)

    def open(self, contact: str) -> int:
        """Open a contact; return the stamp, ns."""
        return self.pico.set_pin(PIN[contact], self._high)

    def close(self, contact: str) -> int:
        """Close a contact; return the stamp, ns."""
        return self.pico.set_pin(PIN[contact], self._low)

    def set_ack(self, level: int) -> int:
        """Drive ACK as the guard does; return the stamp, ns."""
        return self.pico.set_pin(PIN["ACK"], level)

    def tell_mode(self, mode: int) -> None:
        """Send MODE with a new epoch, as the guard does at every change."""
        self._epoch += 1
        self._mode = mode
        self._say_mode()

    def _say_mode(self) -> None:
        self._told_ns = self.pico.now_ns
        self.link.tell_mode(self._mode, 0, self._epoch)

    def falls(self, since_ns: int = 0) -> list[int]:
        """Return when HALT stopped being high, ns."""
        halt = PIN["HALT"]
        return [t for pin, level, t in self.edges if pin == halt and level != 1 and t >= since_ns]

    def reasons(self) -> list[int]:
        """Return the reason of every TRIP that the host was told."""
        return [fields["reason"] for _t, name, fields in self.host.messages if name == "TRIP"]

    def told(self) -> list[int]:
        """Return the reasons of TRIP events: delivered also after a lost link."""
        trip = next(row[0] for row in events.KINDS if row[1] == "TRIP")
        said = [fields for _t, name, fields in self.host.messages if name == "EVENT"]
        return [fields["detail"] for fields in said if fields["what"] == trip]

    def faults(self) -> str:
        """Return what the firmware wrote into fault.txt."""
        return self.pico.files().get("fault.txt", b"").decode()

    def _send(self, frame: bytes) -> None:
        # A frame of the host leaves a while after what it answers.
        self.pico.at(self.pico.now_ns + ANSWER_NS, lambda: self.pico.uart.write(frame))

    def _may_answer(self) -> bool:
        self.host.on_challenge(self.pico.now_ns)
        return self.host.answers

    def _hear(self, data: bytes, t_ns: int) -> None:
        self.link.receive(data, t_ns)
        if self.link.seen.sessions != self._sessions:
            self._sessions = self.link.seen.sessions
            self.tell_mode(leds.EMERGENCY)

    def _take(self, name: str, fields: dict[str, Any]) -> None:
        assert name in protocol.BY_NAME
        self.host.messages.append((self.pico.now_ns, name, fields))
        if name == "TRIP":
            self.tell_mode(leds.EMERGENCY)
        elif name == "STATUS" and self.pico.now_ns - self._told_ns > MODE_AGAIN_MS * MS:
            self._say_mode()

    def vouch(self, times: int) -> None:
        """Ask the controller once a second to vouch for a head, as the recorder does."""

        def ask() -> None:
            self._shown += 1
            self.link.ask("WITNESS", (self._shown, self._shown.to_bytes(32, "little")))

        for number in range(times):
            self.pico.at(self.pico.now_ns + number * 1000 * MS, ask)
