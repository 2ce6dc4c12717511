"""The hub notes what goes onto the serial line, and a session's capture carries it on D7."""

from __future__ import annotations

import os
import socket

import msgspec
import pytest

from controller import states, wiring
from rig.decode import uart
from rig.decode.messages import read_messages
from rig.virtual.hub import Hub
from rig.virtual.recording import MOST_SERIAL_BYTES, capture_of
from tests.rig.captures import MS, controller_channel, spoken


@pytest.fixture
def hub():
    listener, other = socket.socketpair()
    reader, master = os.pipe()
    yield Hub(listener, master, other)
    for fd in (reader, master):
        os.close(fd)
    listener.close()
    other.close()


@pytest.mark.parametrize("cut", [set(), {"SERIAL"}])
def test_the_hub_notes_bytes_also_when_the_wire_is_cut_behind_the_clip(hub, cut):
    hub.cut = cut
    hub.hear_serial(None, b"\x01\x00", 77)
    hub.hear_serial(None, b"\xff", 99)
    assert hub._command({"op": "sent", "from": 0}, 0) == [(77, "0100"), (99, "ff")]
    assert hub._command({"op": "sent", "from": 1}, 0) == [(99, "ff")]
    assert msgspec.json.encode(hub._command({"op": "sent", "from": 2}, 0)) == b"[]"


def test_a_sessions_capture_carries_the_messages():
    status = (states.ARMED, 0, 0, 4, 0, 0, 0, 0)
    sent = [spoken(at * MS, "STATUS", status, controller_channel()) for at in (3, 5)]
    edges = [(2 * MS, wiring.INDEX["HALT"], 1), (4 * MS, wiring.INDEX["REARM"], 0)]
    initial = dict(zip(wiring.NAMES, wiring.UNDRIVEN, strict=True))
    state = {"started_ns": 0, "initial": initial}
    capture = capture_of(edges, sent, state, 9 * MS, "virtual")
    assert capture.rising("HALT").tolist() == [2 * MS]
    heard = uart.decode(capture)
    assert heard.values.tobytes() == sent[0][1] + sent[1][1]
    assert [m.at_ns for m in read_messages(heard).messages] == [3 * MS, 5 * MS]


def test_a_long_runs_capture_has_no_serial_line():
    initial = dict(zip(wiring.NAMES, wiring.UNDRIVEN, strict=True))
    sent = [(MS, bytes(MOST_SERIAL_BYTES)), (2 * MS, b"x")]
    capture = capture_of([], sent, {"started_ns": 0, "initial": initial}, 9 * MS, "virtual")
    assert "PICO_TX" not in capture.lines
