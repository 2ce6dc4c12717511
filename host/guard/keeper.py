"""The mode word and every step of it. Down at once and for anybody; up only as the table says."""

import secrets
from collections.abc import Callable

from controller.times import Times
from host import layout, modes
from host.hotpath.words import Words
from host.modes import OnKill, Reason, TradingMode

NEXT_UP = {
    TradingMode.PAUSED: TradingMode.REDUCED,
    TradingMode.REDUCED: TradingMode.NORMAL,
}

# s. A reason that is not given again for so long has gone; given later, it begins anew.
GONE_S = 1.0

# told(mode, reason, epoch, detail, was): called after the word has been written; `was` is the reason
# before
Told = Callable[[TradingMode, Reason, int, str, Reason], None]


class Keeper:
    """Holds the mode. It starts in EMERGENCY and leaves it only by `rearmed`."""

    def __init__(
        self, words: Words, times: Times, told: Told, on_kill: OnKill = OnKill.CANCEL_ENTRIES
    ) -> None:
        self._words = words
        self._on_kill = on_kill
        self._hold_ns = times.step_up_hold_ms * 1_000_000
        self._told = told
        self.mode = TradingMode.EMERGENCY
        self.reason = Reason.NOT_ARMED
        self.epoch = 1
        self.detail = ""
        self.since_ns = 0
        self._quiet_since_ns = 0
        self._standing: dict[Reason, tuple[int, int]] = {}
        self._written = 0
        self._write()

    def begin(self, epoch: int, reason: Reason, detail: str) -> None:
        """Go on counting where an earlier run ended; only before the first step."""
        assert self.epoch == 1
        self.epoch, self.reason, self.detail = epoch, reason, detail
        self._write()

    @property
    def stopped(self) -> bool:
        """True in EMERGENCY."""
        return self.mode == TradingMode.EMERGENCY

    def down(self, reason: Reason, now_ns: int, detail: str = "") -> bool:
        """Step down as far as `reason` asks; never up. Return True when the word changed.

        A reason that is given again and again climbs from its first rung towards its last. In
        EMERGENCY one that goes further (modes.escalates) begins the emergency anew, under its own name.
        """
        self.adopt(now_ns)
        self._quiet_since_ns = now_ns
        wanted = modes.MODE_OF[modes.rung_after(reason, self._stood_s(reason, now_ns))]
        further = self.stopped and modes.escalates(self.reason, reason, self._on_kill)
        if wanted < self.mode or (wanted == self.mode and not further):
            return False
        self._step(wanted, reason, now_ns, detail)
        return True

    def adopt(self, now_ns: int) -> bool:
        """Make the step our own that the reflex has written into the word; True when there was one.

        Any other word that is not ours was written by no code of this guard: EMERGENCY.
        """
        word = self._words.load(layout.GUARD_MODE)
        if word == self._written:
            return False
        if word != modes.pack(TradingMode.EMERGENCY, Reason.HALT_LINE, self.epoch + 1):
            self._step(TradingMode.EMERGENCY, Reason.GUARD_FAULT, now_ns, f"mode word {word:#x}")
            return True
        was, self.mode, self.reason = self.reason, TradingMode.EMERGENCY, Reason.HALT_LINE
        self.epoch += 1
        self.detail, self._written = "", word
        self.since_ns = self._quiet_since_ns = now_ns
        self._told(self.mode, self.reason, self.epoch, self.detail, was)
        return True

    def rearmed(self, now_ns: int) -> None:
        """EMERGENCY -> PAUSED, after a person has armed the controller at the box."""
        self.adopt(now_ns)
        if self.stopped:
            self._step(TradingMode.PAUSED, Reason.REARMED, now_ns, "")

    def conditions_hold(self, now_ns: int) -> None:
        """Step up from PAUSED or REDUCED once nothing has asked for less for the hold time."""
        self.adopt(now_ns)
        up = NEXT_UP.get(self.mode)
        if up is not None and now_ns - self._quiet_since_ns >= self._hold_ns:
            self._step(up, Reason.CONDITIONS_HELD, now_ns, "")

    def resume(self, reason: Reason, now_ns: int) -> bool:
        """Go on with the ladder that an earlier run of the host left unfinished.

        Only right after a start, and only from one EMERGENCY to another. True when it is taken on.
        """
        if not self.stopped or self.reason not in modes.BEGINNINGS:
            return False
        if not modes.liquidates(reason, OnKill.FLATTEN):
            return False
        self._step(TradingMode.EMERGENCY, reason, now_ns, "unfinished in an earlier run")
        return True

    def grant(self, epoch: int) -> bool:
        """Open the gate for LIQUIDATE in this emergency, if its ladder closes or protects a position."""
        needs = modes.liquidates(self.reason, self._on_kill)
        needs |= modes.protects(self.reason, self._on_kill)
        if not self.stopped or epoch != self.epoch or not needs:
            return False
        self._words.store(layout.GUARD_LADDER_TOKEN, secrets.randbits(64) | 1)
        return True

    def revoke(self) -> None:
        """Close the gate for LIQUIDATE."""
        self._words.store(layout.GUARD_LADDER_TOKEN, 0)

    def _stood_s(self, reason: Reason, now_ns: int) -> float:
        begun_ns, last_ns = self._standing.get(reason, (now_ns, now_ns))
        if now_ns - last_ns > GONE_S * 1e9:
            begun_ns = now_ns
        self._standing[reason] = (begun_ns, now_ns)
        return (now_ns - begun_ns) / 1e9

    def _step(self, mode: TradingMode, reason: Reason, now_ns: int, detail: str) -> None:
        was = self.reason
        self.mode, self.reason, self.detail = mode, reason, detail
        self.epoch += 1
        self.revoke()  # before the new word: a token is of one emergency alone
        self._write()
        self.since_ns = self._quiet_since_ns = now_ns
        self._told(mode, reason, self.epoch, detail, was)

    def _write(self) -> None:
        self._written = modes.pack(self.mode, self.reason, self.epoch)
        self._words.store(layout.GUARD_MODE, self._written)
