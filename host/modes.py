"""Modes, intents, the permission matrix and the reasons for a step: tables, no behaviour.

The mode is one 64-bit word, written by the guard alone:

    bits 0-7 mode, 8-15 reason, 16-31 zero, 32-63 epoch (counts every change)
"""

from enum import IntEnum, StrEnum


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
    DRAWDOWN = 24
    UNKNOWN_ORDER = 25
    LED_MISMATCH = 26
    MODE_RECORD = 27
    FORECAST_STALE = 28
    SWITCH_PRESSED = 29


class Rung(IntEnum):
    """One step of the graduated emergency, in the order in which it is climbed."""

    REDUCE = 0
    PAUSE = 1
    CANCEL = 2
    LIQUIDATE = 3
    HALTED = 4


class OnKill(StrEnum):
    """What a kill does with what is at the venue."""

    CANCEL_ENTRIES = "cancel_entries"
    CANCEL_ALL = "cancel_all"
    FLATTEN = "flatten"


RUNGS = (
    # rung, mode, s until the next one while the reason stands, what is done and when it is done
    (Rung.REDUCE, TradingMode.REDUCED, 60, "half limits; nothing to confirm"),
    (Rung.PAUSE, TradingMode.PAUSED, 60, "nothing opens; the venue lists no entry any more"),
    (Rung.CANCEL, TradingMode.EMERGENCY, 0, "the venue lists no order but the stops that may stay"),
    (
        Rung.LIQUIDATE,
        TradingMode.EMERGENCY,
        0,
        "the venue's position is zero, and no order is open",
    ),
    (Rung.HALTED, TradingMode.EMERGENCY, 0, "everything above is confirmed; a person may re-arm"),
)
MODE_OF = {rung: mode for rung, mode, _after_s, _what in RUNGS}
NEXT_AFTER_S = {rung: after_s for rung, _mode, after_s, _what in RUNGS}

# `last` of a reason that ends the way `on_kill` says: LIQUIDATE under "flatten", else CANCEL.
BY_ON_KILL = None

LADDER: tuple[tuple[Reason, Rung, Rung | None, str], ...] = (
    # reason, first rung, last rung (HALTED follows every EMERGENCY), what happened
    (Reason.NOT_ARMED, Rung.CANCEL, Rung.CANCEL, "started; orders of an earlier run are cancelled"),
    (Reason.HALT_LINE, Rung.CANCEL, BY_ON_KILL, "HALT fell or reads low"),
    (Reason.CONTROLLER_TRIP, Rung.CANCEL, BY_ON_KILL, "the controller says that it tripped"),
    (Reason.CONTROLLER_STATUS, Rung.CANCEL, BY_ON_KILL, "the controller is not armed"),
    (Reason.CONTROLLER_SILENT, Rung.CANCEL, BY_ON_KILL, "no valid challenge in time"),
    (Reason.CONTROLLER_RESTART, Rung.CANCEL, BY_ON_KILL, "a new session while one stood"),
    (Reason.LINK_TAMPER, Rung.CANCEL, BY_ON_KILL, "a frame that the controller never sent"),
    (Reason.SERIAL_LOST, Rung.CANCEL, BY_ON_KILL, "the serial port is gone"),
    (Reason.GUARD_STALLED, Rung.CANCEL, BY_ON_KILL, "the guard itself was stopped or starved"),
    (Reason.GUARD_FAULT, Rung.CANCEL, BY_ON_KILL, "the guard's halt path raised"),
    (Reason.LOST_EDGE, Rung.CANCEL, BY_ON_KILL, "the kernel dropped an edge of a line"),
    (Reason.ENGINE_STALE, Rung.CANCEL, BY_ON_KILL, "no fresh heartbeat of the engine"),
    (Reason.ENGINE_LOST, Rung.CANCEL, BY_ON_KILL, "the engine ended"),
    (Reason.ENGINE_STUCK, Rung.CANCEL, BY_ON_KILL, "the engine wrote what it never writes"),
    (Reason.RECORDER_STALE, Rung.CANCEL, BY_ON_KILL, "no fresh heartbeat of the recorder"),
    (Reason.AUDIT_UNWRITABLE, Rung.PAUSE, Rung.PAUSE, "the audit log cannot be written"),
    (Reason.VENUE_LOST, Rung.CANCEL, Rung.CANCEL, "the venue cannot be reached"),
    (Reason.FEED_LOST, Rung.PAUSE, Rung.PAUSE, "market data have ended or are gone"),
    (Reason.RISK, Rung.REDUCE, Rung.LIQUIDATE, "a risk measure is above its limit"),
    (Reason.OPERATOR, Rung.CANCEL, BY_ON_KILL, "`bot4 halt`"),
    (Reason.SHUTDOWN, Rung.CANCEL, Rung.CANCEL, "the host was told to end"),
    (Reason.DRAWDOWN, Rung.CANCEL, Rung.LIQUIDATE, "the rolling loss is above its limit"),
    (Reason.UNKNOWN_ORDER, Rung.PAUSE, Rung.PAUSE, "an order or fill on the account is not ours"),
    (Reason.LED_MISMATCH, Rung.CANCEL, BY_ON_KILL, "the LED wires contradict STATUS"),
    (Reason.MODE_RECORD, Rung.CANCEL, Rung.CANCEL, "started; the last mode cannot be read"),
    (Reason.FORECAST_STALE, Rung.PAUSE, Rung.PAUSE, "the forecast of the risk is too old"),
    (Reason.SWITCH_PRESSED, Rung.CANCEL, BY_ON_KILL, "pressed in an emergency of another reason"),
)
FIRST = {reason: first for reason, first, _last, _what in LADDER}
LAST = {reason: last for reason, _first, last, _what in LADDER}

# The switch at the box as it reaches the host, whichever way comes first, and a box that nobody has
# armed. An emergency that began so ends as the table says, whatever follows: a person stands
# there, has chosen `on_kill`, and does not expect orders to leave by themselves.
AT_THE_BOX = frozenset({
    Reason.NOT_ARMED,
    Reason.MODE_RECORD,
    Reason.HALT_LINE,
    Reason.CONTROLLER_TRIP,
    Reason.CONTROLLER_STATUS,
    Reason.SWITCH_PRESSED,
})  # fmt: skip

# What may take an emergency further than the reason that began it. The others follow from an
# emergency itself (it trips the controller, and HALT falls), so they say nothing new. A press does: what
# it leads to must not hang on whether the host had stopped by itself a moment before.
ESCALATE = frozenset({Reason.RISK, Reason.OPERATOR, Reason.DRAWDOWN, Reason.SWITCH_PRESSED})

# With which a host begins.
BEGINNINGS = (Reason.NOT_ARMED, Reason.MODE_RECORD)

# How far each reason steps down at once. Anything that leaves the host blind is EMERGENCY.
LEVEL_OF = {reason: MODE_OF[first] for reason, first in FIRST.items()}


def last_rung(reason: Reason, on_kill: OnKill) -> Rung:
    """Return where the ladder of `reason` ends; a reason that only steps up has none (KeyError)."""
    last = LAST[reason]
    if last is not None:
        return last
    return Rung.LIQUIDATE if on_kill == OnKill.FLATTEN else Rung.CANCEL


def liquidates(reason: Reason, on_kill: OnKill) -> bool:
    """Return True when the ladder of `reason` closes the position."""
    return reason in LAST and last_rung(reason, on_kill) >= Rung.LIQUIDATE


def takes_all(reason: Reason, on_kill: OnKill) -> bool:
    """Return True when the ladder of `reason` takes protective stops off as well: only a kill does."""
    return reason in LAST and LAST[reason] is BY_ON_KILL and on_kill == OnKill.CANCEL_ALL


def protects(reason: Reason, on_kill: OnKill) -> bool:
    """Return True when the ladder of `reason` places the stop that a position has not got.

    Not after a press: there a person stands and has chosen, and no order leaves by itself.
    """
    if reason not in LAST or reason in AT_THE_BOX or LEVEL_OF[reason] != TradingMode.EMERGENCY:
        return False
    return not liquidates(reason, on_kill) and not takes_all(reason, on_kill)


def escalates(standing: Reason, later: Reason, on_kill: OnKill) -> bool:
    """Return True when `later` takes the emergency of `standing` further than that goes by itself."""
    if standing in AT_THE_BOX or standing not in LAST or later not in ESCALATE:
        return False
    return how_far(later, on_kill) > how_far(standing, on_kill)


def how_far(reason: Reason, on_kill: OnKill) -> tuple[Rung, bool]:
    """Return where the ladder of `reason` ends, and whether it takes protective stops off as well."""
    return last_rung(reason, on_kill), takes_all(reason, on_kill)


def rung_after(reason: Reason, stood_s: float) -> Rung:
    """Return the rung that `reason` has reached once it has stood for `stood_s` seconds."""
    rung, last = FIRST[reason], LAST[reason]
    while NEXT_AFTER_S[rung] and last is not None and rung < last:
        stood_s -= NEXT_AFTER_S[rung]
        if stood_s < 0:
            break
        rung = Rung(rung + 1)
    return rung


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
