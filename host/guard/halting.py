"""The halt itself: the mode word first, then the send in flight, then ACK; and the way back.

What is slow (signing MODE for the controller, encoding events) waits until ACK is up.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any

from controller.times import Times
from host.guard.clients import Client
from host.guard.closing import Closed, close_gate
from host.guard.keeper import Keeper
from host.guard.lines import Lines
from host.hotpath.reflex import Reflex
from host.hotpath.words import Words
from host.modes import OnKill, Reason, TradingMode

MS = 1_000_000
# ms. ACK stays up at least so long, so that the controller and an analyser cannot miss it.
ACK_HOLD_MS = 20
# ms. When the host itself stopped trading and HALT does not follow, ACK goes up all the same.
HALT_FOLLOWS_MS = 100
# ms. Rises closer together are counted, not told one by one: a line that flaps must not push
# everything else out of the ring before the recorder has read it.
RISE_TOLD_MS = 50
# Characters of a text from outside, so that every event with one fits into a slot of the ring.
MOST_TEXT = 200


def printable(text: str) -> str:
    """Return a text from outside as it may stand in an event: never too long, never escaped."""
    return "".join(char if char.isprintable() else "?" for char in text[:MOST_TEXT])


class Halting:
    """Owns the mode's keeper and the ACK line.

    reflex -- closes the gate by itself when HALT falls
    engines() -- every engine of this host by name, None for one that is not attached
    event(kind, **data) -- pushes a record for the audit log
    tell_mode(mode, reason, epoch) -- sends MODE to the controller
    refresh() -- takes edges that have arrived and not been looked at; never raises
    """

    def __init__(
        self,
        words: Words,
        times: Times,
        reflex: Reflex,
        engines: Callable[[], Mapping[str, Client | None]],
        event: Callable[..., None],
        tell_mode: Callable[[int, int, int], None],
        refresh: Callable[[], None],
        on_kill: OnKill = OnKill.CANCEL_ENTRIES,
    ) -> None:
        self._times = times
        self._reflex = reflex
        self._engines = engines
        self._event = event
        self._tell_mode = tell_mode
        self._refresh = refresh
        self._news: list[tuple[TradingMode, Reason, int, str, Reason]] = []
        self.keeper = Keeper(words, times, lambda *step: self._news.append(step), on_kill)
        self.lines: Lines | None = None
        self.armed_seen = False
        self._disarmed_seen = False
        self.forced = 0
        self._halt_rose_ns = 0
        self._rises = 0
        self._rise_told_ns = 0
        self._emergency_ns = 0
        self._worked_off_ns = 0
        self._ack_due = False
        self._ack_ns = 0

    def step_down(self, reason: Reason, detail: str = "") -> None:
        """Step down for `reason` as far as modes.LEVEL_OF says; EMERGENCY closes the gate at once."""
        self.adopt()
        now_ns = time.monotonic_ns()
        self.watch_word(now_ns)
        stopped = self.keeper.stopped
        if not self.keeper.down(reason, now_ns, printable(detail)):
            return
        if not stopped and self.keeper.stopped:  # an emergency that goes further is shut already
            self._begin(now_ns)
            self.acknowledge(now_ns)
        self.spread_news()

    def _begin(self, emergency_ns: int) -> None:
        """An emergency has begun: ACK is owed, and what the controller said before counts no more."""
        self._emergency_ns = emergency_ns
        self._ack_due = True
        self.armed_seen = self._disarmed_seen = False

    def adopt(self) -> None:
        """Make known what the reflex has done, if it has; what it could not do is done here."""
        taken = self._reflex.take()
        if taken is None or self.lines is None:
            return
        low_ns, acked_ns = taken
        self.keeper.adopt(low_ns)
        self._begin(low_ns)
        if acked_ns:
            self.lines.ack_was_raised()
            waited_us = (acked_ns - self._emergency_ns) // 1000
            self._acknowledged(acked_ns, Closed(True, 0, waited_us))
        else:
            self.acknowledge(time.monotonic_ns(), low_ns)
        self.spread_news()

    def watch_word(self, now_ns: int) -> None:
        """Close the gate when the mode word is not what was written into it."""
        if self.keeper.adopt(now_ns):
            self._begin(now_ns)
            self.acknowledge(now_ns)

    def controller_says(self, armed: bool) -> None:
        """Take the controller's state; an emergency that begins with it has begun already.

        In an emergency ARMED counts only after the controller has said anything else: one that never
        left it was armed by nobody since, and HALT rose because a wire was mended.
        """
        if not armed:
            self._disarmed_seen = True
        self.armed_seen = armed and (self._disarmed_seen or not self.keeper.stopped)

    def halt_fell(self) -> None:
        """Falling edge of HALT."""
        self.armed_seen = False
        if self.keeper.stopped:
            self.acknowledge(time.monotonic_ns())
        else:
            self.step_down(Reason.HALT_LINE)

    def halt_rose(self) -> None:
        """Rising edge of HALT: a person has armed the controller.

        It counts only once the ladder is done; before that the controller is told to trip again.
        """
        now_ns = self._halt_rose_ns = time.monotonic_ns()
        self._rises += 1
        if now_ns - self._rise_told_ns < RISE_TOLD_MS * MS:
            return
        self._rise_told_ns = now_ns
        self._event("halt_rose", rises=self._rises)
        if self.keeper.stopped and not self.worked_off():
            self._event("rearm_refused", epoch=self.keeper.epoch, why="the ladder runs")
            self._tell_mode(self.keeper.mode, self.keeper.reason, self.keeper.epoch)

    def halt_is_high(self) -> bool:
        """Level of HALT; lines that are not there, or cannot be read any more, read as halted."""
        try:
            return self.lines is not None and self.lines.halt_is_high()
        except OSError:
            return False

    def acknowledge(self, now_ns: int, waited_since_ns: int = 0) -> None:
        """Raise ACK once the gate is shut; for the host's own emergencies, once HALT has followed.

        waited_since_ns -- when the reflex began to wait for a send in flight. Without it the wait begins
        here: a cancel that is under way just now is no stuck send.
        """
        if not self._ack_due or self.lines is None:
            return
        if self.halt_is_high():
            # The controller's word over the serial line may be read before the edge that came first.
            self._refresh()
            if not self._ack_due:
                return
        waited_ms = (now_ns - self._emergency_ns) // MS
        if self.halt_is_high() and waited_ms < HALT_FOLLOWS_MS:
            return
        attached = [engine for engine in self._engines().values() if engine is not None]
        closed = close_gate(self._reflex, attached, waited_since_ns)
        if not closed.sure:
            return  # ACK would be a lie; the controller alarms on its absence
        try:
            self.lines.raise_ack()
        except OSError:
            return  # the chip is gone, which ends the guard: no ACK is the alarm
        self._acknowledged(time.monotonic_ns(), closed)

    def _acknowledged(self, ack_ns: int, closed: Closed) -> None:
        self._ack_due = False
        self._ack_ns = ack_ns
        lifted = self._reflex.calm()
        self.forced += closed.forced
        self._event(
            "gate_closed",
            emergency_ns=self._emergency_ns,
            ack_ns=self._ack_ns,
            since_emergency_us=(self._ack_ns - self._emergency_ns) // 1000,
            waited_us=closed.waited_us,
            forced=closed.forced > 0,
            lifted=lifted,
            reason=self.keeper.reason.name,
        )

    def worked_off(self) -> bool:
        """True once every engine has reported this emergency as worked off, by its venues' word."""
        epoch = self.keeper.epoch
        return all(
            engine is not None and engine.ladder_epoch == epoch
            for engine in self._engines().values()
        )

    def ladder_done(self, engine: Client, epoch: int) -> None:
        """Take the engine's word, which is the venue's, that the ladder of `epoch` is done."""
        if epoch != self.keeper.epoch:
            return  # of an emergency that another one has followed
        engine.ladder_epoch = epoch
        self._event("ladder_done", epoch=epoch, engine=engine.name)
        if self.worked_off():  # the token serves every engine until the last one is done
            self._worked_off_ns = time.monotonic_ns()
            self.keeper.revoke()

    def prepare_rearm(self, now_ns: int, healthy: bool) -> None:
        """Lower ACK when the emergency is worked off; notice the re-arm of the person at the box."""
        if self.lines is None or self._ack_due or not healthy or not self.worked_off():
            return
        if self.lines.ack_is_high():
            if (now_ns - self._ack_ns) // MS >= ACK_HOLD_MS:
                self.lines.lower_ack()
                self._reflex.acknowledge_by(self.lines.ack_drive())
                self._event("ready_for_rearm")
            return
        # HALT must have risen after this emergency was worked off, and the controller say so itself.
        rose = self._halt_rose_ns > self._worked_off_ns and self.halt_is_high()
        if rose and self.armed_seen:
            self.keeper.rearmed(now_ns)

    def spread_news(self) -> None:
        """Tell controller and audit log of every step so far."""
        for mode, reason, epoch, detail, was in self._news:
            self._tell_mode(mode, reason, epoch)
            self._event(
                "mode",
                mode=mode.name,
                reason=reason.name,
                epoch=epoch,
                detail=detail,
                was=was.name,
            )
        self._news.clear()

    def status(self) -> dict[str, Any]:
        """Mode, reason and lines for `bot4 status`."""
        high = {True: "high", False: "low"}
        keeper, lines = self.keeper, self.lines
        lamps = lines.lamps() if lines is not None else [0, 0, 0]
        return {
            "mode": keeper.mode.name,
            "reason": keeper.reason.name,
            "detail": keeper.detail,
            "epoch": keeper.epoch,
            "since_s": round((time.monotonic_ns() - keeper.since_ns) / 1e9, 3),
            "halt": high[self.halt_is_high()],
            "ack": high[lines is not None and lines.ack_is_high()],
            "lamps": dict(zip(("red", "yellow", "green"), lamps, strict=True)),
            "ladder_done": keeper.stopped and self.worked_off(),
            "forced": self.forced,
        }
