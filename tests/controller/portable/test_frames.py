"""COBS, CRC, MAC and sequence numbers; the reader under any chunking."""

import struct
from binascii import crc32, hexlify

from controller import frames, mac, protocol

KEY = mac.Mac(bytes(range(32)))
WORKED = (
    # bytes, their COBS form
    (b"", b"\x01"),
    (b"\x00", b"\x01\x01"),
    (b"\x00\x00", b"\x01\x01\x01"),
    (b"\x11", b"\x02\x11"),
    (b"\x11\x22\x00\x33", b"\x03\x11\x22\x02\x33"),
    (b"\x11\x00\x00\x00", b"\x02\x11\x01\x01\x01"),
    (b"\x01" * 253, b"\xfe" + b"\x01" * 253),
    (b"\x01" * 254, b"\xff" + b"\x01" * 254),
    (b"\x01" * 255, b"\xff" + b"\x01" * 254 + b"\x02\x01"),
    (b"\x01" * 254 + b"\x00", b"\xff" + b"\x01" * 254 + b"\x01\x01"),
)


def ends():
    return frames.Channel(protocol.CONTROLLER, KEY), frames.Channel(protocol.HOST, KEY)


def body_of(frame):
    return frames.cobs_decode(frame[:-1])


def sealed(body, key=KEY):
    """Complete a body with a good CRC and a good MAC."""
    body += struct.pack("<I", crc32(body) & 0xFFFFFFFF)
    return body + key.tag(body)


def test_cobs_worked_examples():
    for plain, stuffed in WORKED:
        if len(plain) == 254 and plain[-1]:
            # Both forms of a full last block are read; ours writes the longer one.
            assert frames.cobs_decode(stuffed) == plain
        else:
            assert frames.cobs_encode(plain) == stuffed, plain
        assert frames.cobs_decode(frames.cobs_encode(plain)) == plain
        assert 0 not in frames.cobs_encode(plain)


def test_cobs_refuses_what_is_not_cobs():
    for bad in (b"\x00", b"\x02", b"\x03\x01", b"\x02\x01\x00", b"\x01\x05\x01", b"\xff\x01"):
        assert frames.cobs_decode(bad) is None, bad
    assert frames.cobs_decode(b"") == b""


def test_a_native_cobs_may_take_the_place_of_ours():
    kept = frames.cobs_encode, frames.cobs_decode
    seen = []
    frames.cobs_encode = lambda body: seen.append("encode") or kept[0](body)
    frames.cobs_decode = lambda data: seen.append("decode") or kept[1](data)
    try:
        controller, host = ends()
        frame = controller.encode("TRIP", (1, 2), 3)
        assert host.decode(frames.FrameReader().feed(frame)[0])[0] == frames.OK
    finally:
        frames.cobs_encode, frames.cobs_decode = kept
    assert seen == ["encode", "decode"]


def test_hmac_by_rfc_4231():
    tag = mac.Mac(b"Jefe" + bytes(28)).full(b"what do ya want for nothing?")
    assert hexlify(tag) == b"5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    assert mac.Mac(b"Jefe" + bytes(28)).tag(b"what do ya want for nothing?") == tag[:8]
    assert mac.MAC_BYTES == 8


def test_a_key_has_32_bytes():
    assert mac.KEY_BYTES == 32
    for size in (31, 33):
        try:
            mac.Mac(bytes(size))
        except ValueError as error:
            assert str(error) == "a key has 32 bytes, not %d" % size
            continue
        raise AssertionError("taken")


def test_same_compares_all():
    assert mac.same(b"abc", b"abc")
    assert mac.same(b"", b"")
    assert not mac.same(b"abc", b"abd")
    assert not mac.same(b"abc", b"bbc")
    assert not mac.same(b"ab", b"abc")
    assert not mac.same(b"abc", b"ab")
    # Differences that cancel out in a sum or an exclusive or over all bytes.
    assert not mac.same(b"\x01\x01", b"\x00\x00")
    assert not mac.same(b"\x01\x02", b"\x02\x01")


def test_labels_keep_keys_apart():
    assert mac.session_key(KEY, b"a" * 8, b"b" * 8) == KEY.full(
        b"bot4 session" + b"a" * 8 + b"b" * 8
    )
    assert mac.answer(KEY, b"c" * 8) == KEY.tag(b"bot4 answer" + b"c" * 8)


def test_a_frame_to_the_byte():
    """The worked example of docs/protocol.md."""
    frame = ends()[0].encode("TRIP", (1, 1500), 2000)
    body = body_of(frame)
    assert hexlify(body[:14]) == b"011301000000d007000000000000"
    assert hexlify(body[14:23]) == b"01dc05000000000000"
    assert body[23:27] == struct.pack("<I", crc32(body[:23]))
    assert body[27:] == KEY.tag(body[:27])
    assert len(body) == 35
    assert frame == frames.cobs_encode(body) + b"\x00"
    assert frame.count(b"\x00") == 1


def test_both_ends_understand_each_other():
    controller, host = ends()
    code, name, values, uptime_us = host.decode(body_of(controller.encode("TRIP", (5, 2**40), 77)))
    assert (code, name, values, uptime_us) == (frames.OK, "TRIP", (5, 2**40), 77)
    code, name, values, uptime_us = controller.decode(body_of(host.encode("MODE", (1, 2, 3), 78)))
    assert (code, name, values, uptime_us) == (frames.OK, "MODE", (1, 2, 3), 78)


def test_sequence_numbers_rise_by_one():
    controller = ends()[0]
    for sequence in (1, 2, 3):
        body = body_of(controller.encode("TRIP", (5, 6), 7))
        assert struct.unpack("<I", body[2:6])[0] == sequence


def test_a_replayed_or_older_frame_is_refused():
    controller, host = ends()
    first = body_of(controller.encode("TRIP", (5, 6), 7))
    second = body_of(controller.encode("TRIP", (5, 6), 7))
    assert host.decode(second)[0] == frames.OK
    assert host.decode(second) == (frames.OLD_SEQUENCE, None, None, 0)
    assert host.decode(first)[0] == frames.OLD_SEQUENCE
    assert host.decode(body_of(controller.encode("TRIP", (5, 6), 7)))[0] == frames.OK


def test_ones_own_frames_come_back_as_unknown():
    controller, _host = ends()
    body = body_of(controller.encode("TRIP", (5, 6), 7))
    assert controller.decode(body) == (frames.UNKNOWN_MESSAGE, None, None, 0)


def test_an_unknown_type_and_a_wrong_length_are_refused_and_their_number_is_spent():
    for kind, payload in ((0x7F, b""), (0x20, bytes(5)), (0x20, bytes(7))):
        controller, _host = ends()
        body = sealed(struct.pack(frames.HEADER, 1, kind, 5, 0) + payload)
        assert controller.decode(body) == (frames.UNKNOWN_MESSAGE, None, None, 0)
        assert controller.decode(body)[0] == frames.OLD_SEQUENCE


def test_a_bad_mac_is_no_noise():
    controller, host = ends()
    body = body_of(host.encode("MODE", (1, 2, 3), 0))
    for place in range(8):
        bent = bytearray(body)
        bent[-1 - place] ^= 0x10
        assert controller.decode(bytes(bent)) == (frames.BAD_MAC, None, None, 0)
    other = mac.Mac(bytes(32))
    foreign = frames.Channel(protocol.HOST, other).encode("MODE", (1, 2, 3), 0)
    assert controller.decode(body_of(foreign))[0] == frames.BAD_MAC
    assert controller.decode(body)[0] == frames.OK


def test_a_bent_bit_before_the_mac_is_noise():
    controller, host = ends()
    body = body_of(host.encode("MODE", (1, 2, 3), 0))
    for place in range(len(body) - 8):
        bent = bytearray(body)
        bent[place] ^= 0x01
        assert controller.decode(bytes(bent)) == (frames.NOISE, None, None, 0), place


def test_lengths_and_versions_that_are_none_of_ours_are_noise():
    assert (frames.MAX_BODY_BYTES, frames.HEADER_BYTES, frames.TAIL_BYTES) == (160, 14, 12)
    whole = sealed(struct.pack(frames.HEADER, 1, 0x7F, 1, 0))
    assert len(whole) == 26
    assert frames.check_crc(whole) == frames.OK
    assert frames.kind_of(whole) == 0x7F
    assert frames.check_crc(sealed(whole[:13])) == frames.NOISE
    assert frames.check_crc(b"") == frames.NOISE
    assert frames.check_crc(sealed(struct.pack(frames.HEADER, 2, 0x7F, 1, 0))) == frames.NOISE
    longest = sealed(struct.pack(frames.HEADER, 1, 0x7F, 1, 0) + bytes(160 - 26))
    assert frames.check_crc(longest) == frames.OK
    too_long = sealed(struct.pack(frames.HEADER, 1, 0x7F, 1, 0) + bytes(161 - 26))
    assert frames.check_crc(too_long) == frames.NOISE


def test_codes_are_numbered_as_named():
    for place in range(len(frames.CODE_NAMES)):
        assert getattr(frames, frames.CODE_NAMES[place]) == place
    assert len(frames.CODE_NAMES) == 5


def test_the_longest_message_fits():
    controller = ends()[0]
    for row in protocol.MESSAGES:
        size = struct.calcsize(row[protocol.LAYOUT]) + frames.HEADER_BYTES + frames.TAIL_BYTES
        assert size <= frames.MAX_BODY_BYTES, row[protocol.NAME]
    frame = controller.encode("ATTESTATION", (b"n" * 16, 1, b"f" * 32, b"c" * 32, b"m" * 32), 0)
    assert len(frames.FrameReader().feed(frame)) == 1


def test_any_chunking_gives_the_same_bodies():
    controller = ends()[0]
    stream = b""
    for number in range(4):
        stream += controller.encode("TRIP", (number, number), number)
    whole = frames.FrameReader().feed(stream)
    assert len(whole) == 4
    for size in (1, 2, 3, 7, 35, 36, 37, 100):
        reader = frames.FrameReader()
        found = []
        for at in range(0, len(stream), size):
            found += reader.feed(stream[at : at + size])
        assert found == whole, size
        assert reader.noise == 0


def test_noise_is_counted_and_left_behind():
    frame = ends()[0].encode("TRIP", (1, 2), 3)
    reader = frames.FrameReader()
    assert reader.feed(b"\x00\x00") == []
    assert reader.noise == 0
    assert reader.feed(b"\x05\x01\x00") == []
    assert reader.noise == 1
    assert len(reader.feed(b"\xfe" + frame + frame)) == 1  # the first frame is spoilt
    assert reader.noise == 2
    assert reader.feed(b"\x01\x00") == []  # an empty body
    assert reader.noise == 3


def test_a_frame_that_is_too_long_is_dropped_whole():
    frame = ends()[0].encode("TRIP", (1, 2), 3)
    limit = frames.MAX_BODY_BYTES + 2
    for size, chunk in ((limit + 1, 1), (limit + 1, 500), (1000, 1), (1000, 90), (1000, 1000)):
        reader = frames.FrameReader()
        data = b"\x01" * size + b"\x00" + frame
        found = []
        for at in range(0, len(data), chunk):
            found += reader.feed(data[at : at + chunk])
        assert len(found) == 1, (size, chunk)
        assert reader.noise == 1
    reader = frames.FrameReader()
    fits = frames.cobs_encode(b"\x01" * (limit - 1))
    assert len(fits) == limit
    assert reader.feed(fits + b"\x00") == [b"\x01" * (limit - 1)]


def test_an_overlong_frame_does_not_leave_its_pieces_behind():
    reader = frames.FrameReader()
    reader.feed(b"\x02")
    reader.feed(b"\x01" * 300)
    assert reader.feed(b"\x00") == []
    assert reader.feed(b"\x02\x07\x00") == [b"\x07"]
    assert reader.noise == 1
