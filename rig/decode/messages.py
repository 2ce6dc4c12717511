"""Messages of the wire protocol from decoded bytes (controller/frames.py, controller/protocol.py).

Length, COBS, CRC-32, version, type and sender are checked. The MAC is not: that needs the link key, which
no analyser has. So a message here was on the wire, and nothing says that the controller made it.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from controller import frames, protocol
from rig.decode.uart import Bytes


@dataclass(frozen=True, slots=True)
class Message:
    """One message: first start bit and last stop bit (ns), header, and payload by field name."""

    at_ns: int
    end_ns: int
    name: str
    sequence: int
    uptime_us: int
    fields: dict[str, Any]


@dataclass
class Traffic:
    """All that was said. noise -- frames refused; cut_off -- at the rims of the capture;
    foreign -- good frames of a type that the controller does not send; lost -- gaps in sequence."""

    messages: list[Message] = field(default_factory=list)
    noise: int = 0
    cut_off: int = 0
    foreign: int = 0
    lost: int = 0

    def counts(self) -> dict[str, int]:
        """Number of messages by name."""
        return dict(sorted(Counter(message.name for message in self.messages).items()))


def read_messages(heard: Bytes) -> Traffic:
    """Cut bytes into frames and read each one."""
    traffic = Traffic()
    data = heard.values.tobytes()
    first, last_sequence = 0, 0
    for mark in np.flatnonzero(heard.values == 0).tolist():
        piece, begin = data[first:mark], first
        first = mark + 1
        if not piece:
            continue
        body = None if len(piece) > frames.MAX_BODY_BYTES + 2 else frames.cobs_decode(piece)
        if not body or frames.check_crc(body) != frames.OK:
            traffic.cut_off += begin == 0
            traffic.noise += begin != 0
            continue
        span = int(heard.at_ns[begin]), int(heard.at_ns[mark]) + heard.byte_ns
        message = _message(body, *span)
        if message is None:
            traffic.foreign += 1
            continue
        traffic.messages.append(message)
        if message.sequence > last_sequence > 0:
            traffic.lost += message.sequence - last_sequence - 1
        last_sequence = message.sequence  # a lower one: a new session
    traffic.cut_off += first < len(data)
    return traffic


def _message(body: bytes, at_ns: int, end_ns: int) -> Message | None:
    _version, kind, sequence, uptime_us = struct.unpack(frames.HEADER, body[: frames.HEADER_BYTES])
    row = protocol.BY_ID.get(kind)
    if row is None or row[protocol.SENDER] == protocol.HOST:
        return None
    values = protocol.unpack(row, body[frames.HEADER_BYTES : -frames.TAIL_BYTES])
    if values is None:
        return None
    fields = dict(zip(row[protocol.FIELDS], values, strict=True))
    return Message(at_ns, end_ns, row[protocol.NAME], sequence, uptime_us, fields)


def of_name(traffic: Traffic, name: str) -> Iterator[Message]:
    """The messages of one name."""
    return (message for message in traffic.messages if message.name == name)
