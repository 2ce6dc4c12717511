"""The core once more, in plain Python and without any sharing: what the compiled one must answer.

Also the numbers to try it with, and how many: BOT4_HOTPATH_INPUTS (`make hotpath-long`: 1,000,000).
"""

import math
import os
import random
import sys
from collections import deque

from host import outcomes
from host.decisions import (
    HOLD,
    OPEN_LONG,
    OPEN_SHORT,
    REDUCE_LONG,
    REDUCE_SHORT,
    Thresholds,
)
from host.modes import Intent, permitted

INPUTS = int(os.environ.get("BOT4_HOTPATH_INPUTS", "20000"))
LEAST = sys.float_info.min
ODD = [
    0.0, -0.0, 1.0, -1.0, math.nan, -math.nan, math.inf, -math.inf, 5e-324, -5e-324,
    math.nextafter(LEAST, 0), LEAST, -LEAST, sys.float_info.max, -sys.float_info.max,
    math.nextafter(1.0, 2.0), math.nextafter(-1.0, -2.0), 1e-9,
]  # fmt: skip


def any_number(rng: random.Random) -> float:
    """A number as models say them, or one in four times an odd one."""
    if rng.random() < 0.25:
        return rng.choice(ODD)
    return rng.uniform(-1.5, 1.5) * 10.0 ** rng.randint(-6, 1)


def usable(value: float) -> bool:
    if value == 0:
        return math.copysign(1, value) > 0
    return math.isfinite(value) and abs(value) >= LEAST


def decide(
    t: Thresholds, expected: float, sigma: float, signal: float, position: float, mode: int
) -> int:
    """What host.hotpath.decision must say."""
    if not usable(expected):
        return -outcomes.BAD_FORECAST
    if not usable(sigma) or sigma <= 0:
        return -outcomes.BAD_SIGMA
    if not usable(signal) or abs(signal) > 1:
        return -outcomes.BAD_SIGNAL
    if not usable(position):
        return -outcomes.BAD_POSITION
    if mode not in range(4):
        return -outcomes.BAD_MODE
    calm = sigma <= t.most_sigma
    if position:
        towards = math.copysign(1, position) * expected
        stays = calm and towards >= t.exit_edge * sigma
        if stays or not permitted(mode, Intent.REDUCE):
            return HOLD
        return REDUCE_LONG if position > 0 else REDUCE_SHORT
    for side, action in ((1, OPEN_LONG), (-1, OPEN_SHORT)):
        agreed = side * expected >= t.enter_edge * sigma and side * signal >= t.enter_signal
        allowed = permitted(mode, Intent.OPEN) and (side > 0 or t.may_short)
        if calm and agreed and allowed:
            return action
    return HOLD


class Pool:
    """Slots, who owns them under which handle, and every handle there ever was."""

    def __init__(self, slots: int) -> None:
        self.slots = slots
        self.owner: dict[int, int] = {}
        self.past: set[int] = set()

    def acquired(self, handle: int, member: int) -> None:
        """Check what an acquire of `member` answered, and remember it."""
        if handle < 0:
            assert (handle, len(self.owner)) == (-outcomes.EXHAUSTED, self.slots)
            return
        index = handle & 0xFFFFFF
        assert handle > 0xFFFFFF
        assert index < self.slots
        assert handle not in self.past
        assert index not in {held & 0xFFFFFF for held in self.owner}
        self.owner[handle] = member
        self.past.add(handle)

    def release(self, handle: int, member: int) -> int:
        """Return what a release must answer."""
        code = self.check(handle, member)
        if code == 0:
            del self.owner[handle]
        return code

    def check(self, handle: int, member: int) -> int:
        """Return what a check must answer."""
        if handle <= 0xFFFFFF or handle & 0xFFFFFF >= self.slots:
            return -outcomes.NO_SUCH_SLOT
        if handle not in self.owner:
            return -outcomes.GIVEN_BACK
        return 0 if self.owner[handle] == member else -outcomes.FOREIGN_SLOT

    def left(self, member: int) -> int:
        """A member goes; return how many slots it still had."""
        mine = [handle for handle, owner in self.owner.items() if owner == member]
        for handle in mine:
            del self.owner[handle]
        return len(mine)


class Queue:
    """A deque that knows when it is full."""

    def __init__(self, cells: int, message_bytes: int) -> None:
        self.cells, self.message_bytes = cells, message_bytes
        self.waiting: deque[bytes] = deque()
        self.refused = 0

    def push(self, message: bytes) -> int:
        if len(message) > self.message_bytes:
            return -outcomes.TOO_LONG
        if len(self.waiting) == self.cells:
            self.refused += 1
            return -outcomes.FULL
        self.waiting.append(message)
        return 0

    def pop(self) -> tuple[int, bytes]:
        return (0, self.waiting.popleft()) if self.waiting else (-outcomes.EMPTY, b"")
