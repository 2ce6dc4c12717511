"""Handshake, session, refusals: each counted, each tripping only an armed box."""

from binascii import crc32

from controller import frames, leds, mac, protocol
from controller.core import Controller
from controller.times import Times
from tests.controller.portable.kit import KEY, Box, Entropy, armed, waiting


def hellos(box):
    return [values for values in sent(box) if values[0] == 0x01]


def sent(box):
    """Return (id, body) of what the controller has to send, without a host."""
    reader = frames.FrameReader()
    return [(frames.kind_of(body), body) for body in reader.feed(box.controller.take_tx())]


def lonely(**options):
    """A box whose host does not greet."""
    box = Box(**options)
    box.host.greeting = False
    return box


def test_hello_tells_schema_times_and_build():
    box = Box()
    box.controller.poll()
    (kind, body) = sent(box)[0]
    assert kind == 1
    channel = frames.Channel(protocol.HOST, mac.Mac(KEY))
    code, name, values, _uptime = channel.decode(body)
    assert (code, name) == (frames.OK, "HELLO")
    assert len(values[0]) == 8
    assert values[1] == bytes(8)
    assert values[2:] == (protocol.SCHEMA, box.times.digest(), 7)


def test_hello_is_repeated_each_period_until_answered():
    box = lonely()
    times_ms = []
    for ms in range(301):
        box.look()
        box.controller.poll()
        if sent(box):
            times_ms.append(ms)
        box.ms += 1
    assert times_ms == [0, 100, 200, 300]


def test_a_session_asks_and_becomes_live():
    box = Box()
    box.run(70)
    link = box.controller.link
    assert link.established()
    assert link.host_is_live()
    assert link.bad_in_a_row() == 0
    assert link.counts["sessions"] == 1
    assert len(set(box.host.challenges)) == len(box.host.challenges) == 4
    assert box.to_controller == b""


def test_no_session_is_no_live_host():
    box = lonely()
    box.run(500)
    link = box.controller.link
    assert not link.established()
    assert not link.host_is_live()
    assert link.counts["sessions"] == 0


def test_challenges_come_every_period():
    box = waiting()
    before = len(box.host.challenges)
    box.run(200)
    assert len(box.host.challenges) - before == 10


def test_a_host_with_other_times_or_protocol_is_mismatched():
    for wrong in ({"schema": 5}, {"times": 5}):
        box = lonely()
        box.run(2)
        box.host.open(box.controller.link._nonce)
        box.to_controller += box.host.hello_frame(**wrong)
        box.run(2)
        assert not box.controller.link.established()
        assert box.controller.link.counts["mismatched"] == 1
        assert box.controller.link.counts["refused"] == 0


def test_an_old_hello_of_the_host_opens_nothing():
    box = lonely()
    box.run(2)
    box.to_controller += box.host.hello_frame(peer_nonce=b"x" * 8)
    box.run(2)
    assert not box.controller.link.established()
    assert box.controller.faults.counts[8] == 1


def test_the_controllers_own_hello_opens_nothing():
    box = Box()
    box.controller.poll()
    echo = box.controller.take_tx()
    box.controller.receive(echo)
    assert not box.controller.link.established()
    assert box.controller.link.counts["refused"] == 1


def test_a_hello_under_another_key_is_a_bad_mac():
    box = lonely()
    box.run(2)
    box.host.open(box.controller.link._nonce)
    box.host.link = mac.Mac(bytes(32))
    box.to_controller += box.host.hello_frame()
    box.run(2)
    assert not box.controller.link.established()
    assert box.controller.faults.counts[7] == 1


def test_a_hello_that_crossed_is_no_restart():
    box = armed()
    box.to_controller += box.host.hello_frame()
    box.run(2)
    assert box.state == "ARMED"
    assert box.controller.link.counts["repeated"] == 1
    assert box.controller.link.counts["refused"] == 0


def test_another_hello_while_armed_trips():
    for wrong in ({"nonce": b"y" * 8}, {"peer_nonce": b"y" * 8}):
        box = armed()
        box.to_controller += box.host.hello_frame(**wrong)
        box.run(2)
        assert box.state == "TRIPPED"
        assert box.reason() == 11
        assert box.controller.link.counts["refused"] == 1


def test_frames_before_a_session_are_refused_without_a_word():
    box = lonely()
    box.run(2)
    box.host.open(b"z" * 8)
    box.say("MODE", 0, 0, 0)
    box.run(2)
    assert box.controller.link.counts["refused"] == 1
    assert box.controller.mode == leds.EMERGENCY
    assert box.controller.faults.bits == 0


def trip_by(box, data):
    box.to_controller += data
    box.run(2)
    assert box.state == "TRIPPED"
    assert not box.controller.halt_high
    return box.reason()


def test_each_kind_of_tampering_trips_an_armed_box():
    box = armed()
    foreign = frames.Channel(protocol.HOST, mac.Mac(bytes(32))).encode("MODE", (0, 0, 9), 0)
    assert trip_by(box, foreign) == 7
    box = armed()
    old = box.host.say("MODE", 2, 1, 2)
    box.to_controller += old
    box.run(2)
    assert box.state == "ARMED"
    assert trip_by(box, old) == 8
    box = armed()
    assert trip_by(box, box.host.say("MODE", 4, 1, 9)) == 9
    box = armed()
    assert trip_by(box, box.host.say("TRIP", 1, 1)) == 9
    box = armed()
    assert trip_by(box, box.host.answer(b"unasked!")) == 6
    box = armed()
    assert trip_by(box, box.host.answer(box.host.challenges[-1])) == 6


def test_the_same_while_waiting_is_refused_and_counted():
    box = waiting()
    foreign = frames.Channel(protocol.HOST, mac.Mac(bytes(32))).encode("MODE", (0, 0, 9), 0)
    box.to_controller += foreign
    box.say("TRIP", 1, 1)
    box.say("ANSWER", b"unasked!", b"12345678")
    old = box.host.say("EVENT_SEEN", 0, 0)
    box.to_controller += old + old
    box.run(2)
    counts = box.controller.faults.counts
    assert [counts[code] for code in (6, 7, 8, 9)] == [1, 1, 1, 1]
    assert box.controller.link.counts["refused"] == 4
    assert box.state == "WAITING"
    box.say("MODE", 4, 1, 9)
    box.run(2)
    assert counts[9] == 2
    assert box.controller.mode == leds.EMERGENCY


def test_noise_never_trips_and_is_told_in_status():
    box = armed()
    box.to_controller += b"\x05\x01\x00" + frames.cobs_encode(bytes(30)) + b"\x00"
    box.run(110)
    assert box.state == "ARMED"
    assert box.controller.link.counts["noise"] == 2
    assert box.host.field("STATUS", "noise") == 2
    box.controller.link.counts["noise"] = 100000
    box.run(100)
    assert box.host.field("STATUS", "noise") == 0xFFFF


def test_silence_trips_within_90_ms():
    box = armed()
    box.host.answering = False
    took_ms = box.until("TRIPPED")
    assert 55 <= took_ms <= 90
    assert box.reason() == 5


def test_wrong_answers_trip_too_and_are_counted():
    box = armed()
    box.host.session = mac.Mac(bytes(32))
    assert box.until("TRIPPED") <= 90
    assert box.reason() == 5
    assert box.controller.link.counts["wrong"] == 3


def test_late_answers_trip_too_and_are_counted():
    box = armed()
    box.host.answering = False
    known = len(box.host.challenges)
    due = []
    for _ in range(100):
        box.step()
        if len(box.host.challenges) > known:
            known += 1
            due.append((box.ms + 17, box.host.challenges[-1]))
        if due and box.ms >= due[0][0] and box.state == "ARMED":
            box.to_controller += box.host.answer(due.pop(0)[1])
    assert box.state != "ARMED"
    assert box.reason() == 5
    assert box.controller.link.counts["late"] == 2


def test_two_missing_answers_do_not_trip_and_show_in_status():
    box = armed()
    box.host.answering = False
    box.run(35)
    bad = box.controller.link.bad_in_a_row()
    assert bad in (1, 2)
    box.host.answering = True
    box.run(300)
    assert box.state == "ARMED"
    assert box.controller.link.bad_in_a_row() == 0


def test_a_lost_session_needs_fresh_nonces():
    box = waiting()
    nonce = box.controller.link._nonce
    box.host.answering = box.host.greeting = False
    box.run(100)
    assert not box.controller.link.established()
    assert box.controller.link._nonce != nonce
    stale = box.host.say("MODE", 0, 0, 5)
    box.to_controller += stale
    box.run(2)
    assert box.controller.mode == leds.EMERGENCY
    box.host.greeting = box.host.answering = True
    box.run(300)
    assert box.controller.link.counts["sessions"] == 2
    assert box.controller.link.host_is_live()


def test_a_lost_session_forgets_the_mode():
    box = armed()
    assert box.controller.mode == leds.PAUSED
    box.host.answering = box.host.greeting = False
    box.until("TRIPPED")
    box.run(1)
    assert box.controller.mode == leds.EMERGENCY


def test_without_a_session_nothing_piles_up():
    box = lonely()
    box.run(70)
    for _ in range(50):
        box.run(2, a=1, b=1)
        box.run(60, a=0, b=0)
    assert box.controller.link._outbox == []
    assert len(box.controller.take_tx()) <= 60
    assert box.controller.counts["trips"] >= 49


def test_an_open_question_is_not_asked_over():
    box = Box(profile="bench")
    box.run(300)
    box.host.answering = False
    before = len(box.host.challenges)
    box.run(140)  # the deadline of the bench is three periods
    assert len(box.host.challenges) - before in (2, 3)


def test_a_quick_new_session_gets_status_and_event_at_once():
    for offset_ms in range(0, 100, 9):
        box = armed()
        box.host.confirming = False
        box.run(100 + offset_ms, a=1, b=1)
        box.host.answering = False
        sessions = box.controller.link.counts["sessions"]
        while box.controller.link.established():
            box.step()
        box.host.heard = []
        while box.controller.link.counts["sessions"] == sessions:
            box.step()
        box.run(2)
        assert len(box.host.all("STATUS")) == 1, offset_ms
        assert len(box.host.all("EVENT")) == 1, offset_ms


def test_without_a_build_it_is_zero():
    controller = Controller(Times("production"), KEY, Entropy())
    controller.poll()
    body = frames.FrameReader().feed(controller.take_tx())[0]
    values = frames.Channel(protocol.HOST, mac.Mac(KEY)).decode(body)[2]
    assert values[4] == 0


def test_the_schema_is_the_digest_of_the_table():
    told = repr((protocol.VERSION, protocol.MESSAGES)).encode()
    assert crc32(told) & 0xFFFFFFFF == protocol.SCHEMA
    assert 0 < protocol.SCHEMA < 0xFFFFFFFF


def test_take_tx_forgets():
    box = Box()
    box.controller.poll()
    assert box.controller.take_tx()
    assert box.controller.take_tx() == b""
