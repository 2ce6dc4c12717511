"""Modes, intents, the permission matrix and the reasons for a step: tables, no behaviour.

The mode is one 64-bit word, written by the guard alone:

    bits 0-7 mode, 8-15 reason, 16-31 zero, 32-63 epoch (counts every change)
"""

from enum import IntEnum


class TradingMode(IntEnum):
    """From free to stopped; a larger number is safer."""

    NORMAL = 0
    REDUCED = 1
    PAUSED = 2
    EMERGENCY = 3


class Intent(IntEnum):
    """What an order is for, as its maker declares it and the venue's record keeps it."""

    OPEN = 0
    REDUCE = 1
    CANCEL = 2
    LIQUIDATE = 3


# Rows: intents; columns: NORMAL, REDUCED, PAUSED, EMERGENCY. The gate also wants a fresh lease
# and HALT high for OPEN and REDUCE, and the ladder's token for LIQUIDATE.
MATRIX = {
    Intent.OPEN: (True, True, False, False),
    Intent.REDUCE: (True, True, True, False),
    Intent.CANCEL: (True, True, True, True),
    Intent.LIQUIDATE: (False, False, False, True),
}

# Share of every limit that holds in a mode.
LIMIT_SHARE = {TradingMode.NORMAL: 1.0, TradingMode.REDUCED: 0.5}


class Reason(IntEnum):
    """Why the mode is what it is."""

    NONE = 0
    NOT_ARMED = 1
    REARMED = 2
    CONDITIONS_HELD = 3
    HALT_LINE = 4
    CONTROLLER_TRIP = 5
    CONTROLLER_STATUS = 6
    CONTROLLER_SILENT = 7
    CONTROLLER_RESTART = 8
    LINK_TAMPER = 9
    SERIAL_LOST = 10
    GUARD_STALLED = 11
    GUARD_FAULT = 12
    LOST_EDGE = 13
    ENGINE_STALE = 14
    ENGINE_LOST = 15
    ENGINE_STUCK = 16
    RECORDER_STALE = 17
    AUDIT_UNWRITABLE = 18
    VENUE_LOST = 19
    FEED_LOST = 20
    RISK = 21
    OPERATOR = 22
    SHUTDOWN = 23


# How far each reason steps down. Anything that leaves the host blind is EMERGENCY.
LEVEL_OF: dict[Reason, TradingMode] = {
    reason: TradingMode.PAUSED
    if reason in (Reason.AUDIT_UNWRITABLE, Reason.FEED_LOST)
    else TradingMode.EMERGENCY
    for reason in Reason
    if reason not in (Reason.NONE, Reason.REARMED, Reason.CONDITIONS_HELD)
}


def permitted(mode: int, intent: int) -> bool:
    """Return what the matrix says; the gate's compiled copy is made from this."""
    return MATRIX[Intent(intent)][mode]


def pack(mode: int, reason: int, epoch: int) -> int:
    """Return the mode word."""
    return mode | reason << 8 | (epoch & 0xFFFFFFFF) << 32


def unpack(word: int) -> tuple[TradingMode, Reason, int]:
    """Return (mode, reason, epoch); a word that the guard never writes reads as EMERGENCY."""
    mode, reason, reserved = word & 0xFF, word >> 8 & 0xFF, word >> 16 & 0xFFFF
    known = Reason._value2member_map_
    if mode > TradingMode.EMERGENCY or reserved or reason not in known:
        return TradingMode.EMERGENCY, Reason.GUARD_FAULT, word >> 32
    return TradingMode(mode), Reason(reason), word >> 32
