"""Orders that left a closed gate, counted from the venue's own record.

The record is JSON lines: one or more whole runs, each from kind "start" (n = 0) to kind "stop"
with `n` counting up by one; between them, "packet" for what the host sent and "fill". A record
that is cut, has a gap or cannot be read proves nothing, and is a RecordError (the caller turns it
into a fail).

The gate is closed from a rising ACK to the next rising HALT, or to the end of the capture, both
ends included; also from the start of the capture when it starts with ACK high and HALT low.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import msgspec
import numpy as np
from numpy.typing import NDArray

from rig.capture.model import Capture
from rig.latency import Press, find_presses

# The dead man's switch only takes orders off.
QUERIES = frozenset({
    "open_orders", "position", "mark", "hello", "subscribe", "order", "fills", "rules", "deadman"
})  # fmt: skip
CANCELS = frozenset({"cancel", "cancel_all"})
NEW = frozenset({"new", "oco"})

_Times = NDArray[np.int64]


class RecordError(Exception):
    """The venue's record is missing, cut or unreadable. The message is one line."""


class _Message(msgspec.Struct):
    op: str
    intent: str | None = None


class _Line(msgspec.Struct, tag_field="kind"):
    n: int


class _Start(_Line, tag="start"):
    pass


class _Stop(_Line, tag="stop"):
    pass


class _Fill(_Line, tag="fill"):
    pass


class _Connect(_Line, tag="connect"):
    pass


class _Disconnect(_Line, tag="disconnect"):
    pass


class _Cancelled(_Line, tag="cancelled"):
    pass


class _Amended(_Line, tag="amended"):
    pass


class _CancelledAll(_Line, tag="cancelled_all"):
    pass


class _CancelReject(_Line, tag="cancel_reject"):
    pass


class _AmendReject(_Line, tag="amend_reject"):
    pass


class _Misbehaviour(_Line, tag="misbehaviour"):
    pass


class _End(_Line, tag="end"):
    pass


class _ClockStep(_Line, tag="clock_step"):
    pass


class _Maintenance(_Line, tag="maintenance"):
    pass


class _RefusedClient(_Line, tag="refused_client"):
    pass


class _Packet(_Line, tag="packet"):
    sent_ns: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)] | None
    msg: _Message


# What the venue itself did; only packets come from a host. A kind that is not listed is refused.
_ACCOUNT_KINDS = _Fill | _Cancelled | _CancelledAll | _CancelReject | _Amended | _AmendReject
_VENUE_KINDS = _Start | _Stop | _Connect | _Disconnect | _End | _ClockStep | _Maintenance
_DECODER = msgspec.json.Decoder(
    _ACCOUNT_KINDS | _VENUE_KINDS | _Misbehaviour | _RefusedClient | _Packet
)


@dataclass(slots=True)
class OrderCount:
    """What the venue saw. Only `after_ack` must be 0; the others are for reading beside it.

    `sent` counts every new order in the record, `outside_capture` those of them that the capture
    cannot judge. `before_each_press[i]` is the number of new orders between the re-arm and press
    i: with 0 there, nothing after its ACK proves nothing.
    """

    sent: int = 0
    after_ack: int = 0
    after_ack_cancel: int = 0
    after_ack_liquidate: int = 0
    between_halt_and_ack: int = 0
    outside_capture: int = 0
    before_each_press: list[int] = field(default_factory=list)


def count_orders(
    record: Path,
    capture: Capture,
    *,
    switches: tuple[str, ...] = ("SWITCH_A", "SWITCH_B"),
    halt: str = "HALT",
    ack: str = "ACK",
) -> OrderCount:
    """Count the packets of `record` against the gate of `capture` (the same CLOCK_MONOTONIC).

    Raises RecordError when the record cannot be trusted, CaptureError for an unknown line.
    """
    closed = _closed_spans(capture, halt, ack)
    result, new_ns = OrderCount(), []
    for packet in read_packets(record):
        kind = _kind(packet.msg)
        sent_ns = packet.sent_ns
        if sent_ns is None:
            raise RecordError(f"{record}: packet {packet.n} has no sending time")
        if packet.msg.op in NEW:
            new_ns.append(sent_ns)
        if kind is not None and _closed_at(closed, sent_ns):
            setattr(result, kind, getattr(result, kind) + 1)
    new = np.sort(np.array(new_ns, dtype=np.int64))
    result.sent = new.size
    result.outside_capture = int(((new < capture.start_ns) | (new > capture.end_ns)).sum())
    starts, ends = _halting_spans(capture, halt, ack)
    result.between_halt_and_ack = int(
        (np.searchsorted(new, ends, side="left") - np.searchsorted(new, starts, side="left")).sum()
    )
    presses = find_presses(capture, switches=switches, halt=halt, ack=ack)
    result.before_each_press = _before_presses(new, presses, capture, halt)
    return result


def _kind(message: _Message) -> str | None:
    """The counter a packet goes to when the gate is closed; what is not known is an order."""
    if message.op in QUERIES:
        return None
    if message.op in CANCELS and message.intent in ("CANCEL", None):
        return "after_ack_cancel"
    if message.op in CANCELS | {"new"} and message.intent == "LIQUIDATE":
        return "after_ack_liquidate"
    return "after_ack"


def _spans(capture: Capture, starts: _Times, ends: _Times) -> tuple[_Times, _Times]:
    """From each start to the first end after it, or to the end of the capture."""
    stops = np.append(ends, capture.end_ns)
    return starts, stops[np.searchsorted(ends, starts, side="right")]


def _closed_spans(capture: Capture, halt: str, ack: str) -> tuple[_Times, _Times]:
    starts = capture.rising(ack)
    if capture.initial[ack] and not capture.initial[halt]:
        starts = np.insert(starts, 0, capture.start_ns)
    return _spans(capture, starts, capture.rising(halt))


def _halting_spans(capture: Capture, halt: str, ack: str) -> tuple[_Times, _Times]:
    """From each fall of HALT to its ACK; to the next re-arm where ACK never came."""
    ends = np.sort(np.concatenate((capture.rising(ack), capture.rising(halt))))
    return _spans(capture, capture.falling(halt), ends)


def _closed_at(spans: tuple[_Times, _Times], t_ns: int) -> bool:
    """Whether `t_ns` lies in a span. A later start never ends earlier, so the last one decides."""
    starts, ends = spans
    last = int(np.searchsorted(starts, t_ns, side="right")) - 1
    return last >= 0 and t_ns <= int(ends[last])


def _inside(sorted_ns: _Times, start_ns: int, end_ns: int) -> int:
    """How many times lie in [start_ns, end_ns]."""
    low = np.searchsorted(sorted_ns, start_ns, side="left")
    return int(np.searchsorted(sorted_ns, end_ns, side="right") - low)


def _before_presses(new: _Times, presses: list[Press], capture: Capture, halt: str) -> list[int]:
    arms = np.concatenate(([capture.start_ns], capture.rising(halt)))
    counts = []
    for press in presses:
        armed_ns = arms[np.searchsorted(arms, press.t_switch_ns, side="left") - 1]
        counts.append(_inside(new, int(armed_ns), press.t_switch_ns))
    return counts


def read_packets(record: Path) -> Iterator[_Packet]:
    """The packets of a complete record; RecordError at the first line that cannot be trusted."""
    before: _Line | None = None
    for number, line in enumerate(_read_lines(record), start=1):
        if before is None or isinstance(before, _Stop):
            if not isinstance(line, _Start) or line.n != 0:
                raise RecordError(f"{record}: line {number} is not the start of a run")
        elif line.n != before.n + 1:
            raise RecordError(f"{record}: line {number} is n = {line.n}, not {before.n + 1}")
        before = line
        if isinstance(line, _Packet):
            yield line
    if not isinstance(before, _Stop):
        raise RecordError(f"{record}: does not end with a stop line")


def _read_lines(record: Path) -> Iterator[_Line]:
    try:
        with Path(record).open("rb") as stream:
            for number, raw in enumerate(stream, start=1):
                if not raw.endswith(b"\n"):
                    raise RecordError(f"{record}: line {number} is cut short")
                yield _DECODER.decode(raw)
    except msgspec.MsgspecError as error:
        raise RecordError(f"{record}: line {number} is unreadable ({error})") from None
    except UnicodeDecodeError:
        raise RecordError(f"{record}: line {number} is not UTF-8") from None
    except OSError as error:
        raise RecordError(f"{record}: {error.strerror or error}") from None
