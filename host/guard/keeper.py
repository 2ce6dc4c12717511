"""The mode word and every step of it. Down at once and for anybody; up only as the table says."""

from collections.abc import Callable

from controller.times import Times
from host import layout, modes
from host.hotpath.words import Words
from host.modes import Reason, TradingMode

NEXT_UP = {
    TradingMode.PAUSED: TradingMode.REDUCED,
    TradingMode.REDUCED: TradingMode.NORMAL,
}

# told(mode, reason, epoch, detail): called after the word has been written
Told = Callable[[TradingMode, Reason, int, str], None]


class Keeper:
    """Holds the mode. It starts in EMERGENCY and leaves it only by `rearmed`."""

    def __init__(self, words: Words, times: Times, told: Told) -> None:
        self._words = words
        self._hold_ns = times.step_up_hold_ms * 1_000_000
        self._told = told
        self.mode = TradingMode.EMERGENCY
        self.reason = Reason.NOT_ARMED
        self.epoch = 1
        self.detail = ""
        self.since_ns = 0
        self._quiet_since_ns = 0
        self._write()

    @property
    def stopped(self) -> bool:
        """True in EMERGENCY."""
        return self.mode == TradingMode.EMERGENCY

    def down(self, reason: Reason, now_ns: int, detail: str = "") -> bool:
        """Step down as far as `reason` asks; never up. Return True when the mode changed."""
        self._quiet_since_ns = now_ns
        wanted = modes.LEVEL_OF[reason]
        if wanted <= self.mode:
            return False
        self._step(wanted, reason, now_ns, detail)
        return True

    def rearmed(self, now_ns: int) -> None:
        """EMERGENCY -> PAUSED, after a person has armed the controller at the box."""
        if self.stopped:
            self._step(TradingMode.PAUSED, Reason.REARMED, now_ns, "")

    def conditions_hold(self, now_ns: int) -> None:
        """Step up from PAUSED or REDUCED once nothing has asked for less for the hold time."""
        up = NEXT_UP.get(self.mode)
        if up is not None and now_ns - self._quiet_since_ns >= self._hold_ns:
            self._step(up, Reason.CONDITIONS_HELD, now_ns, "")

    def _step(self, mode: TradingMode, reason: Reason, now_ns: int, detail: str) -> None:
        self.mode, self.reason, self.detail = mode, reason, detail
        self.epoch += 1
        self._write()
        self.since_ns = self._quiet_since_ns = now_ns
        self._told(mode, reason, self.epoch, detail)

    def _write(self) -> None:
        word = modes.pack(self.mode, self.reason, self.epoch)
        self._words.store(layout.GUARD_MODE, word)
