"""Frames and link under arbitrary bytes: the fuzzer in short, and Hypothesis."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller import frames, mac, protocol
from controller.link import Link
from controller.times import Times
from tools import fuzz

KEY = mac.Mac(fuzz.KEY)
PIECES = st.lists(st.integers(1, 300), max_size=20)


def test_the_fuzzer_in_short() -> None:
    total = fuzz.run(20_000, seed=7)
    assert total["inputs"] == 20_000
    assert total["accepted"] > 1000
    assert total["accepted"] + total["refused"] == total["frames"]


def _no_mac(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mac, "same", lambda _left, _right: True)


def _no_sequence(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = frames.Channel.decode

    def decode(self, body):
        self._seen = 0
        return plain(self, body)

    monkeypatch.setattr(frames.Channel, "decode", decode)


def _uncounted_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames.FrameReader, "_finish", lambda self: self._buffer.clear())


def _raising(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "cobs_decode", lambda data: bytes(data[: data[0]]) + data[99:100])
    monkeypatch.setattr(frames, "check_crc", lambda body: body[40] * 0)


@pytest.mark.parametrize("plant", [_no_mac, _no_sequence, _uncounted_noise, _raising])
def test_the_fuzzer_finds_a_planted_fault(plant, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch)
    with pytest.raises((fuzz.Found, IndexError)):
        fuzz.run(20_000, seed=7)


@given(st.binary(max_size=600))
def test_cobs_gives_back_what_it_got(body: bytes) -> None:
    stuffed = frames.cobs_encode(body)
    assert b"\0" not in stuffed
    assert frames.cobs_decode(stuffed) == body
    assert len(stuffed) <= len(body) + 1 + len(body) // 254


@given(st.binary(max_size=600))
def test_cobs_never_raises_and_reads_one_form_alone(data: bytes) -> None:
    body = frames.cobs_decode(data)
    if body is not None and data:
        again = frames.cobs_encode(body)
        assert again == data or again[:-1] == data  # a full last block has two forms


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 255), st.integers(0, 2**64 - 1)), max_size=6), PIECES)
def test_any_chunking_gives_the_same_messages(trips: list[tuple], sizes: list[int]) -> None:
    sender = frames.Channel(protocol.CONTROLLER, KEY)
    stream = b"".join(sender.encode("TRIP", values, 0) for values in trips)
    reader, receiver = frames.FrameReader(), frames.Channel(protocol.HOST, KEY)
    bodies = []
    for size in [*sizes, len(stream)]:
        piece, stream = stream[:size], stream[size:]
        bodies += reader.feed(piece)
    told = [receiver.decode(body) for body in bodies]
    assert [(code, values) for code, _, values, _ in told] == [(frames.OK, v) for v in trips]
    assert reader.noise == 0


@settings(deadline=None)
@given(st.lists(st.binary(max_size=300), max_size=8))
def test_noise_opens_no_session_and_raises_nothing(pieces: list[bytes]) -> None:
    link = Link(Times("production"), fuzz.KEY, bytes, 0)
    for piece in pieces:
        assert all(reason is not None for reason, _, _ in link.receive(piece, 0))
    assert not link.established()


@settings(deadline=None)
@given(st.data())
def test_one_changed_bit_is_never_accepted(data: st.DataObject) -> None:
    frame = frames.Channel(protocol.HOST, KEY).encode("MODE", (0, 0, 1), 0)
    body = bytearray(frames.cobs_decode(frame[:-1]))
    bit = data.draw(st.integers(0, len(body) * 8 - 1))
    body[bit // 8] ^= 1 << bit % 8
    code = frames.Channel(protocol.CONTROLLER, KEY).decode(bytes(body))[0]
    assert code in (frames.NOISE, frames.BAD_MAC)
