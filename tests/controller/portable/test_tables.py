"""The tables against the specification, said a second time by hand."""

from binascii import crc32

from controller import events, faults, leds, protocol, reasons, states, wiring
from controller.times import PROFILES, TICK_MASK, TIMES, Times, elapsed_ms

# name: (production, bench), from the blueprint and the decisions noted in docs/times.md
LIMITS = {
    "challenge_period_ms": (20, 20),
    "answer_deadline_ms": (15, 60),
    "bad_answers_trip": (3, 4),
    "good_answers_live": (3, 3),
    "controller_silence_ms": (60, 250),
    "dead_man_ms": (20, 20),
    "hardware_wdt_ms": (100, 100),
    "guard_lease_ms": (20, 100),
    "guard_refresh_ms": (5, 5),
    "engine_heartbeat_ms": (50, 250),
    "recorder_heartbeat_ms": (500, 1500),
    "discrepancy_ms": (50, 50),
    "led_mismatch_ms": (200, 200),
    "rearm_hold_ms": (2000, 20),
    "rearm_debounce_ms": (50, 5),
    "hello_period_ms": (100, 20),
    "status_period_ms": (100, 100),
    "ack_missing_ms": (10, 100),
    "mode_follows_ms": (1000, 2000),
    "event_retry_ms": (50, 50),
    "persist_after_trip_ms": (100, 100),
    "persist_period_ms": (60000, 60000),
    "resets_trip": (3, 3),
    "slot_busy_us": (500, 500),
    "step_up_hold_ms": (30000, 15),
}

REASON_NAMES = (
    "NONE SWITCH_A SWITCH_B DISCREPANCY ENCLOSURE WATCHDOG_MISSED WATCHDOG_REPLAY BAD_MAC "
    "OLD_SEQUENCE UNKNOWN_MESSAGE HOST_EMERGENCY HOST_RESTART ACK_WHILE_RUN SELF_TEST FAULT "
    "HOST_DISAGREES RESETS ACK_MISSING WITNESS_BACK STORE"
)

# name: Pico, Pico side, BCM, Pi side, channel
WIRES = {
    "SWITCH_A": (2, "in-up", None, "-", "D0"),
    "SWITCH_B": (3, "in-up", None, "-", "D1"),
    "HALT": (15, "out", 17, "in-down", "D2"),
    "ACK": (14, "in-down", 27, "out", "D3"),
    "LED_RED": (18, "out", 22, "in-down", "D4"),
    "LED_YELLOW": (19, "out", 23, "in-down", "D5"),
    "LED_GREEN": (20, "out", 24, "in-down", "D6"),
    "PICO_TX": (0, "uart", 15, "uart", "D7"),
    "PI_TX": (1, "uart", 14, "uart", "-"),
    "REARM": (4, "in-up", None, "-", "-"),
    "ENCLOSURE": (5, "in-up", None, "-", "-"),
}

# id, name, sender, payload bytes, fields
WIRE_FORMAT = (
    (0x01, "HELLO", "both", 28, "nonce peer_nonce schema times build"),
    (0x10, "CHALLENGE", "controller", 8, "challenge"),
    (0x11, "ANSWER", "host", 16, "challenge digest"),
    (0x12, "STATUS", "controller", 13, "state reason inputs leds blinking bad noise faults"),
    (0x13, "TRIP", "controller", 9, "reason at_us"),
    (0x14, "ACK_SEEN", "controller", 12, "at_us halt_to_ack_us"),
    (0x15, "TAMPER", "controller", 5, "reason count"),
    (0x16, "EVENT", "controller", 26, "boot number lost what detail value at_us"),
    (0x17, "EVENT_SEEN", "host", 8, "boot number"),
    (0x20, "MODE", "host", 6, "mode reason epoch"),
    (0x30, "WITNESS", "host", 40, "count head"),
    (0x31, "RECEIPT", "controller", 80, "epoch number count head mac"),
    (0x32, "ATTEST", "host", 16, "nonce"),
    (0x33, "ATTESTATION", "controller", 116, "nonce epoch firmware configuration mac"),
)

# reason: (kind, when it trips)
REGISTER = {
    "DISCREPANCY": ("RECOVERABLE", "always"),
    "ENCLOSURE": ("RECOVERABLE", "always"),
    "WATCHDOG_REPLAY": ("RECOVERABLE", "while armed"),
    "BAD_MAC": ("RECOVERABLE", "while armed"),
    "OLD_SEQUENCE": ("RECOVERABLE", "while armed"),
    "UNKNOWN_MESSAGE": ("RECOVERABLE", "while armed"),
    "HOST_RESTART": ("RECOVERABLE", "while armed"),
    "ACK_WHILE_RUN": ("RECOVERABLE", "while armed"),
    "SELF_TEST": ("PERMANENT", "always"),
    "FAULT": ("PERMANENT", "always"),
    "HOST_DISAGREES": ("RECOVERABLE", "always"),
    "RESETS": ("PERMANENT", "always"),
    "ACK_MISSING": ("RECOVERABLE", "never: alarm"),
    "WITNESS_BACK": ("RECOVERABLE", "never: alarm"),
    "STORE": ("PERMANENT", "always"),
}


def test_every_limit_of_both_profiles():
    assert PROFILES == ("production", "bench")
    assert len(TIMES) == len(LIMITS)
    for name in LIMITS:
        for column in range(2):
            assert getattr(Times(PROFILES[column]), name) == LIMITS[name][column], name


def test_a_profile_that_does_not_exist_is_refused():
    try:
        Times("prod")
    except ValueError as error:
        assert "'prod'" in str(error)
        return
    raise AssertionError("taken")


def test_a_limit_that_does_not_exist_is_an_error():
    try:
        Times("bench").no_such_ms  # noqa: B018
    except AttributeError as error:
        assert str(error) == "no time limit is called no_such_ms"
        return
    raise AssertionError("read")


def test_the_profiles_have_different_digests():
    assert Times("production").profile == "production"
    assert Times("production").digest() == Times("production").digest()
    assert Times("production").digest() != Times("bench").digest()
    for column in range(2):
        limits = tuple([(row[0], LIMITS[row[0]][column]) for row in TIMES])
        told = repr((PROFILES[column], limits)).encode()
        assert Times(PROFILES[column]).digest() == crc32(told) & 0xFFFFFFFF


def test_link_loss_trips_within_its_limit():
    times = Times("production")
    worst_ms = times.bad_answers_trip * times.challenge_period_ms + times.answer_deadline_ms
    assert worst_ms <= 90


def test_elapsed_survives_one_wrap():
    assert TICK_MASK == 2**30 - 1
    assert elapsed_ms(5, 2) == 3
    assert elapsed_ms(2, TICK_MASK) == 3
    assert elapsed_ms(7, 7) == 0
    assert elapsed_ms(2, 3) == TICK_MASK


def test_reasons_are_numbered_as_named():
    assert list(reasons.NAMES) == REASON_NAMES.split()
    for code in range(len(reasons.REASONS)):
        assert reasons.REASONS[code][0] == code
        assert reasons.CODES[reasons.NAMES[code]] == code
        assert getattr(reasons, reasons.NAMES[code]) == code
    assert len(reasons.REASONS) <= 32  # one bit each in STATUS.faults


def test_faults_are_of_the_right_kind():
    assert len(faults.FAULTS) == len(REGISTER)
    assert len(faults.BY_REASON) == len(REGISTER)
    for name in REGISTER:
        row = faults.BY_REASON[reasons.CODES[name]]
        kind, trips = faults.KIND_NAMES[row[faults.KIND]], faults.TRIPS_NAMES[row[faults.TRIPS]]
        assert (kind, trips) == REGISTER[name], name
    assert len({faults.PERMANENT, faults.RECOVERABLE}) == 2
    assert len({faults.ALWAYS, faults.ARMED, faults.NEVER}) == 3
    assert (len(faults.KIND_NAMES), len(faults.TRIPS_NAMES)) == (2, 3)


def test_the_state_table_row_by_row():
    rows = [
        "%s %s %s"
        % (
            states.STATE_NAMES[before],
            states.EVENT_NAMES[event],
            states.STATE_NAMES[states.NEXT[(before, event)]],
        )
        for before, event in states.NEXT
    ]
    assert sorted(rows) == [
        "ARMED TRIP TRIPPED",
        "BOOT START SELF_TEST",
        "SAFE READY WAITING",
        "SAFE TRIP TRIPPED",
        "SELF_TEST FAILED TRIPPED",
        "SELF_TEST PASSED SAFE",
        "SELF_TEST TRIP TRIPPED",
        "TRIPPED RELEASED SAFE",
        "WAITING HELD ARMED",
        "WAITING NOT_READY SAFE",
        "WAITING TRIP TRIPPED",
    ]
    assert [states.STATE_NAMES[s] for s in range(6) if states.halt_high(s)] == ["ARMED"]
    assert (len(states.STATE_NAMES), len(states.EVENT_NAMES)) == (6, 8)


def test_unlisted_pairs_lead_nowhere():
    unlisted = 0
    for state in range(6):
        for event in range(8):
            if (state, event) not in states.NEXT:
                unlisted += 1
                assert states.next_state(state, event) is None
    assert unlisted == 37
    assert states.next_state(states.WAITING, states.HELD) == states.ARMED


def test_every_wire():
    assert list(wiring.NAMES) == [row[0] for row in wiring.LINES]
    assert len(wiring.LINES) == len(WIRES)
    for name in WIRES:
        row = wiring.LINES[wiring.INDEX[name]]
        assert row[1:6] == WIRES[name], name
        assert wiring.pico_pin(name) == WIRES[name][0]
        assert wiring.bcm(name) == WIRES[name][2]
        assert wiring.by_pico_pin(row[1]) == name
        assert row[3] is None or wiring.by_bcm(row[3]) == name


def test_unwired_pins_have_no_name():
    for look_up in (wiring.by_bcm, wiring.by_pico_pin):
        try:
            look_up(99)
        except KeyError as error:
            assert "99" in str(error)
            continue
        raise AssertionError("found")


def test_who_drives_what():
    assert wiring.PICO_DRIVES == ("HALT", "LED_RED", "LED_YELLOW", "LED_GREEN")
    assert wiring.PI_DRIVES == ("ACK",)
    assert wiring.PERSON_DRIVES == ("SWITCH_A", "SWITCH_B", "REARM", "ENCLOSURE")
    assert wiring.UNDRIVEN == (1, 1, 0, 0, 0, 0, 0, 1, 1, 1, 1)
    assert wiring.UART_BAUD == 921600
    names = [name for _channel, name in wiring.analysed()]
    assert [channel for channel, _name in wiring.analysed()] == ["D%d" % n for n in range(8)]
    assert names == list(wiring.NAMES[:8])
    assert wiring.analysed()[2] == ("D2", "HALT")


def test_every_message():
    told = [(row[0], row[1], row[2], " ".join(row[4])) for row in protocol.MESSAGES]
    assert told == [(row[0], row[1], row[2], row[4]) for row in WIRE_FORMAT]
    for ident, name, _sender, size, _fields in WIRE_FORMAT:
        row = protocol.BY_NAME[name]
        assert row is protocol.BY_ID[ident]
        assert protocol.unpack(row, bytes(size)) is not None, name
        assert protocol.unpack(row, bytes(size + 1)) is None
        assert len(protocol.unpack(row, bytes(size))) == len(row[protocol.FIELDS])
    assert protocol.VERSION == 1
    assert 0 <= protocol.SCHEMA <= 0xFFFFFFFF
    assert protocol.INPUT_BITS == ("SWITCH_A", "SWITCH_B", "REARM", "ENCLOSURE", "ACK")


def test_payloads_are_little_endian():
    assert protocol.pack("TRIP", (3, 0x0102)) == b"\x03\x02\x01\x00\x00\x00\x00\x00\x00"
    assert protocol.unpack(protocol.BY_NAME["MODE"], b"\x01\x02\x03\x00\x00\x00") == (1, 2, 3)
    packed = protocol.pack("STATUS", (1, 2, 3, 4, 5, 6, 7, 8))
    assert packed == b"\x01\x02\x03\x04\x05\x06\x00\x07\x00\x08\x00\x00\x00"


def test_no_message_un_trips_arms_or_silences():
    """What the host may say is listed here by hand: a new message must pass this line."""
    said = [row[protocol.NAME] for row in protocol.MESSAGES if row[protocol.SENDER] != "controller"]
    assert said == ["HELLO", "ANSWER", "EVENT_SEEN", "MODE", "WITNESS", "ATTEST"]


def test_event_kinds_are_numbered_as_named():
    told = "STARTED SELF_TEST_PASSED SESSION LINK_LOST FAULT TRIP RELEASED ARMED ACK_SEEN ALARM"
    names = told.split()
    for place in range(len(names)):
        assert events.KIND_NAMES[place + 1] == names[place]
        assert getattr(events, names[place]) == place + 1
    assert len(events.KINDS) == len(names)
    assert events.RESET_CAUSES == ("UNKNOWN", "POWER_ON", "WATCHDOG", "SOFT")
    assert events.CAPACITY == 128


def test_every_state_and_mode_has_a_pattern():
    assert leds.MODE_NAMES == ("NORMAL", "REDUCED", "PAUSED", "EMERGENCY")
    modes = (leds.NORMAL, leds.REDUCED, leds.PAUSED, leds.EMERGENCY)
    assert modes == (0, 1, 2, 3)
    told = [leds.pattern(states.ARMED, mode) for mode in modes]
    assert told == ["001", "011", "010", "0f0"]
    for mode in modes:
        shown = [leds.pattern(state, mode) for state in range(6) if state != states.ARMED]
        assert shown == ["f00", "fff", "s00", "0s0", "100"]
    assert leds.pattern(states.TRIPPED, 0, True) == "f00"
    assert leds.pattern(states.SAFE, 0, True) == "s00"


def test_blinking_by_the_clock():
    assert [leds.levels("s00", ms)[0] for ms in (0, 499, 500, 999, 1000)] == [1, 1, 0, 0, 1]
    assert [leds.levels("0f0", ms)[1] for ms in (0, 124, 125, 249, 250)] == [1, 1, 0, 0, 1]
    assert leds.levels("101", 777) == (1, 0, 1)


def test_the_lamp_test_has_pulses_of_10_20_30_ms():
    shown = [leds.lamp_test(ms) for ms in range(61)]
    assert shown[:10] == [(1, 0, 0)] * 10
    assert shown[10:30] == [(0, 1, 0)] * 20
    assert shown[30:60] == [(0, 0, 1)] * 30
    assert shown[60] is None


def test_status_masks_what_blinks():
    assert leds.told("100") == (1, 0)
    assert leds.told("011") == (6, 0)
    assert leds.told("0f0") == (0, 2)
    assert leds.told("s01") == (4, 1)


def test_a_read_back_is_compared_without_what_blinks():
    assert leds.mismatch(0b001, 0b001, 0) == 0
    assert leds.mismatch(0b011, 0b001, 0) == 0b010
    assert leds.mismatch(0b000, 0b101, 0) == 0b101
    assert leds.mismatch(0b010, 0b000, 0b010) == 0
    assert leds.mismatch(0b110, 0b000, 0b010) == 0b100
    assert leds.mismatch(0b1000, 0, 0) == 0
