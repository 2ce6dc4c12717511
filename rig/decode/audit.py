"""Whether the host's audit log tells what was on the wire.

The log is read as JSON lines and nothing of it is verified here: that is `bot4 audit verify`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from controller import events, protocol, reasons
from rig.capture.model import CaptureError
from rig.decode.messages import Message, Traffic

# What the guard records, and as what; the rest is answered, and not recorded one by one.
RECORDED = {
    "TRIP": "controller_trip",
    "ACK_SEEN": "controller_ack_seen",
    "TAMPER": "controller_tamper",
    "EVENT": "controller_event",
    "ATTESTATION": "controller_attestation",
    "RECEIPT": "receipt",
}
_FIELDS = {kind: protocol.BY_NAME[name][protocol.FIELDS] for name, kind in RECORDED.items()}
# How far the delays between wire and record may lie apart: the bench profile's controller_silence_ms,
# after which the guard would have halted by itself.
AGREE_NS = 250_000_000
_LINE_BYTES = 1 << 20


@dataclass(frozen=True)
class Agreement:
    """Messages on the wire against records of them.

    delay_us -- from the stop bit to the record's time, smallest and largest; on a capture that is not in
    the host's clock it contains the offset of both clocks, so `spread_us` is what counts
    """

    matched: int
    unrecorded: list[str]
    unsent: list[str]
    delay_us: tuple[float, float] | None
    spread_us: float | None
    agrees: bool

    def as_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        return asdict(self)


def compare(traffic: Traffic, directory: Path) -> Agreement:
    """Match messages and records by content; CaptureError when the log cannot be read."""
    said: dict[tuple[str, str], list[int]] = defaultdict(list)
    for at_ns, kind, data in read_records(directory):
        if kind in _FIELDS and isinstance(data, dict):
            told = {name: data.get(name) for name in _FIELDS[kind]}
            said[kind, _text(told)].append(at_ns)
    first_us, last_us = _heard(traffic)
    delays, unrecorded = [], []
    for message in _told_once(traffic):
        key = RECORDED[message.name], _text(_named(message))
        if said[key]:
            delays.append(said[key].pop(0) - message.end_ns)
        else:
            unrecorded.append(f"{message.name} at {message.uptime_us} us of the controller")
    unsent = [
        f"{kind} {text}"
        for (kind, text), left in said.items()
        for _ in left
        if _is_within(msgspec.json.decode(text).get("at_us"), first_us, last_us)
    ]
    reach = (min(delays) / 1000, max(delays) / 1000) if delays else None
    spread_ns = int(np.ptp(delays)) if delays else None
    agrees = not unrecorded and not unsent and bool(delays) and (spread_ns or 0) <= AGREE_NS
    spread_us = None if spread_ns is None else spread_ns / 1000
    return Agreement(len(delays), unrecorded, unsent, reach, spread_us, agrees)


def _is_within(at_us: Any, first_us: int, last_us: int) -> bool:
    return isinstance(at_us, int) and first_us <= at_us <= last_us


def _told_once(traffic: Traffic) -> Iterator[Message]:
    """Messages that the guard records; an EVENT is said again until it is confirmed, recorded once."""
    told = set()
    for message in traffic.messages:
        if message.name not in RECORDED:
            continue
        if message.name == "EVENT":
            number = message.fields["boot"], message.fields["number"]
            if number in told:
                continue
            told.add(number)
        yield message


def _heard(traffic: Traffic) -> tuple[int, int]:
    """First and last uptime heard, us. A record of another time has nothing to match here."""
    times = [message.uptime_us for message in traffic.messages]
    return (min(times), max(times)) if times else (1, 0)


def _named(message: Message) -> dict[str, Any]:
    """The payload as the guard writes it down."""
    data: dict[str, Any] = {
        key: value.hex() if isinstance(value, bytes) else value
        for key, value in message.fields.items()
    }
    if "reason" in data and data["reason"] < len(reasons.NAMES):
        data["reason"] = reasons.NAMES[data["reason"]]
    if message.name == "EVENT":
        data["what"] = events.KIND_NAMES.get(data["what"], "UNKNOWN")
    return data


def _text(data: Any) -> str:
    return msgspec.json.encode(data, order="sorted").decode()


def read_records(directory: Path) -> Iterator[tuple[int, str, Any]]:
    """All records as (time in ns, kind, data). Raises CaptureError when the log cannot be read."""
    segments = sorted(Path(directory).glob("*.jsonl")) if Path(directory).is_dir() else []
    if not segments:
        raise CaptureError(f"{directory}: no audit log in it (*.jsonl)")
    for segment in segments:
        try:
            with segment.open("rb") as file:
                yield from _of_segment(file, segment, last=segment == segments[-1])
        except OSError as error:
            raise CaptureError(f"{segment}: {error.strerror or error}") from None


def _of_segment(file: Any, segment: Path, last: bool) -> Iterator[tuple[int, str, Any]]:
    number = 0
    while line := file.readline(_LINE_BYTES):
        number += 1
        if last and not line.endswith(b"\n") and len(line) < _LINE_BYTES:
            return  # torn by a power cut, or still being written
        try:
            record = msgspec.json.decode(line)
            at_ns, kind, data = int(record["mono_ns"]), str(record["kind"]), record["data"]
        except (msgspec.DecodeError, UnicodeDecodeError, KeyError, TypeError, ValueError):
            raise CaptureError(f"{segment}: line {number} is no record") from None
        yield at_ns, kind, data
