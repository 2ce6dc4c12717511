"""Heads, receipts, epochs and the store."""

import struct
from binascii import crc32

from controller import mac, protocol, witness
from controller.times import TICK_MASK, Times
from tests.controller.portable.kit import WITNESS_KEY, Box, armed, waiting

TIMES = Times("production")
KEY = mac.Mac(WITNESS_KEY)
HEAD = b"h" * 32
OTHER = b"o" * 32


def fresh(store=None, stored=None):
    return witness.Witness(TIMES, WITNESS_KEY, store, stored, b"f" * 32)


def test_the_stored_record_to_the_byte():
    record = witness.pack_record(1, 3, 2, HEAD)
    body = b"\x01\x00\x00\x00" + b"\x03\x00\x00\x00" + b"\x02" + bytes(7) + HEAD
    assert record == body + struct.pack("<I", crc32(body))
    assert witness.unpack_record(record) == (1, 3, 2, HEAD)


def test_a_spoilt_record_is_none():
    record = witness.pack_record(1, 3, 2, HEAD)
    for place in range(len(record)):
        bent = bytearray(record)
        bent[place] ^= 1
        assert witness.unpack_record(bytes(bent)) is None
    for wrong in (b"", record[:-1], record + b"\x00"):
        assert witness.unpack_record(wrong) is None


def test_counts_only_rise():
    seen = fresh()
    assert seen.take(0, witness.NO_HEAD)
    assert not seen.dirty
    assert seen.take(5, HEAD)
    assert seen.dirty
    assert seen.take(5, HEAD)
    assert not seen.take(5, OTHER)
    assert not seen.take(4, HEAD)
    assert (seen.count, seen.head) == (5, HEAD)
    assert seen.take(6, OTHER)
    assert (seen.count, seen.head) == (6, OTHER)
    assert seen.take(2**63, HEAD)
    assert not seen.take(2**63 - 1, HEAD)


def test_numbers_count_the_heads_accepted():
    seen = fresh()
    numbers = [seen.number]
    for count, head in ((0, witness.NO_HEAD), (5, HEAD), (5, HEAD), (4, OTHER), (6, OTHER)):
        seen.take(count, head)
        numbers.append(seen.number)
    assert numbers == [0, 0, 1, 1, 1, 2]


def test_count_0_asks_for_what_stands_and_changes_nothing():
    seen = fresh()
    seen.take(5, HEAD)
    seen.keep(0)
    assert seen.take(0, OTHER)
    assert (seen.number, seen.count, seen.head, seen.dirty) == (1, 5, HEAD, False)


def test_unwritten_stays_unwritten_when_shown_again():
    seen = fresh()
    seen.take(5, HEAD)
    seen.take(5, HEAD)
    assert seen.dirty


def test_the_first_minute_begins_with_power_up():
    seen = fresh()
    seen.take(5, HEAD)
    assert not seen.due(59999)
    assert seen.due(60000)


def test_nothing_yet_has_the_size_of_something():
    assert bytes(32) == witness.NO_HEAD
    assert bytes(32) == witness.NO_DIGEST


def test_the_same_head_again_needs_no_writing():
    seen = fresh()
    seen.take(5, HEAD)
    seen.keep(0)
    assert not seen.dirty
    assert seen.take(5, HEAD)
    assert not seen.dirty


def test_each_power_up_is_an_epoch():
    kept = []
    first = fresh(kept.append)
    assert first.readable
    assert first.epoch == 0
    assert first.open(0)
    assert first.epoch == 1
    first.take(9, HEAD)
    assert first.keep(0)
    second = fresh(kept.append, kept[-1])
    assert second.open(0)
    assert (second.epoch, second.number, second.count, second.head) == (2, 1, 9, HEAD)
    assert not second.take(8, OTHER)
    assert kept == [
        witness.pack_record(1, 0, 0, witness.NO_HEAD),
        witness.pack_record(1, 1, 9, HEAD),
        witness.pack_record(2, 1, 9, HEAD),
    ]


def test_what_cannot_be_read_is_not_written_over():
    kept = []
    seen = fresh(kept.append, b"nonsense")
    assert not seen.readable
    assert not seen.open(0)
    assert kept == []
    assert (seen.epoch, seen.count, seen.head) == (0, 0, witness.NO_HEAD)


def test_a_store_that_fails_is_told():
    def full(_record):
        raise OSError(28)

    assert not fresh(full).open(0)


def test_without_a_store_nothing_fails():
    assert fresh().open(0)
    assert fresh().keep(0)


def test_when_it_is_due():
    seen = fresh()
    seen.keep(1000)
    assert not seen.due(10**9)  # nothing has changed
    seen.take(1, HEAD)
    assert not seen.due(60999)
    assert seen.due(61000)
    seen.tripped(61500)
    assert not seen.due(61599)
    assert seen.due(61600)
    seen.keep(61600)
    seen.take(2, HEAD)
    assert not seen.due(61700)
    assert seen.due(121600)


def test_it_is_due_over_the_wrap():
    seen = fresh()
    seen.take(1, HEAD)
    seen.tripped(TICK_MASK - 50)
    assert not seen.due(48)
    assert seen.due(49)


def test_a_receipt_is_what_the_auditor_computes():
    seen = fresh()
    seen.open(0)
    seen.take(7, HEAD)
    epoch, number, count, head, signed = seen.receipt()
    assert (epoch, number, count, head) == (1, 1, 7, HEAD)
    assert signed == KEY.full(b"bot4 receipt" + struct.pack("<IIQ", 1, 1, 7) + HEAD)
    assert len(signed) == 32


def test_an_attestation_is_what_the_auditor_computes():
    seen = fresh()
    seen.open(0)
    nonce, epoch, firmware, configuration, signed = seen.attestation(b"n" * 16)
    assert (nonce, epoch, firmware) == (b"n" * 16, 1, b"f" * 32)
    assert configuration == witness.configuration(TIMES)
    told = b"n" * 16 + b"\x01\x00\x00\x00" + b"f" * 32 + configuration
    assert signed == KEY.full(b"bot4 attestation" + told)


def test_the_configuration_digest_covers_profile_and_protocol():
    assert witness.configuration(TIMES) != witness.configuration(Times("bench"))
    packed = struct.pack("<II", TIMES.digest(), protocol.SCHEMA)
    assert witness.configuration(TIMES) == witness.sha256(b"bot4 configuration" + packed).digest()


def ask(box, name, *values):
    """Let the host ask; return the reply."""
    box.say(name, *values)
    reply = "RECEIPT" if name == "WITNESS" else "ATTESTATION"
    before = len(box.host.all(reply))
    box.run(3)
    return box.host.last(reply) if len(box.host.all(reply)) > before else None


def test_the_host_gets_its_receipt_also_while_armed():
    box = armed()
    assert ask(box, "WITNESS", 3, HEAD)[:4] == (1, 1, 3, HEAD)
    assert ask(box, "WITNESS", 3, HEAD)[:4] == (1, 1, 3, HEAD)
    assert ask(box, "WITNESS", 0, OTHER)[:4] == (1, 1, 3, HEAD)
    assert box.state == "ARMED"


def test_a_log_that_goes_back_is_refused_told_and_does_not_trip():
    box = armed()
    ask(box, "WITNESS", 3, HEAD)
    assert ask(box, "WITNESS", 3, OTHER)[:4] == (1, 1, 3, HEAD)
    assert box.host.last("TAMPER") == (18, 1)
    assert ask(box, "WITNESS", 2, HEAD)[:4] == (1, 1, 3, HEAD)
    assert box.host.last("TAMPER") == (18, 2)
    assert (10, 18, 2) in [values[3:6] for values in box.host.all("EVENT")]
    assert box.state == "ARMED"


def test_attest_is_answered():
    box = waiting(firmware=b"F" * 32)
    nonce, epoch, firmware, _configuration, _mac = ask(box, "ATTEST", b"0123456789abcdef")
    assert (nonce, epoch, firmware) == (b"0123456789abcdef", 1, b"F" * 32)


def test_without_a_witness_key_requests_are_refused_and_counted():
    box = waiting(witness_key=None)
    assert ask(box, "WITNESS", 3, HEAD) is None
    assert ask(box, "ATTEST", b"0123456789abcdef") is None
    assert box.controller.link.counts["refused"] == 2
    assert not box.controller.witness.provisioned()
    assert waiting().controller.witness.provisioned()


def test_nothing_is_written_while_armed():
    box = armed()
    for count in range(1, 70):
        ask(box, "WITNESS", count, HEAD)
        box.run(997)
        assert box.state == "ARMED"
    assert box.written_in == [1]  # SELF_TEST: the epoch
    box.run(99, a=1, b=1)
    assert box.written_in == [1]
    box.run(3)
    assert box.written_in == [1, 5]
    assert box.stored[-1] == witness.pack_record(1, 69, 69, HEAD)


def test_a_head_shown_before_arming_is_written_before_arming():
    box = waiting()
    box.run(10, enclosure=1)
    box.until("TRIPPED")
    ask(box, "WITNESS", 4, HEAD)
    assert box.written_in == [1]
    box.set(enclosure=0)
    box.until("WAITING")
    assert box.written_in == [1, 2]
    assert box.stored[-1] == witness.pack_record(1, 1, 4, HEAD)


def test_while_disarmed_it_is_written_once_a_minute():
    box = waiting()
    for count in range(1, 62):
        ask(box, "WITNESS", count, HEAD)
        box.run(997)
    assert box.state == "WAITING"
    assert len(box.written_in) == 2


def test_a_store_that_fails_after_a_trip_blocks_the_box():
    box = armed()
    ask(box, "WITNESS", 3, HEAD)
    box.run(10, a=1, b=1)
    box.store_fails = True
    box.run(200)
    box.run(200, a=0, b=0)
    assert box.state == "TRIPPED"
    assert box.controller.faults.counts[19] == 1
    box.store_fails = False
    box.run(5000)
    assert box.state == "TRIPPED"


def test_an_unreadable_store_blocks_the_box_from_the_start():
    box = Box(stored=b"?")
    box.run(3000)
    assert box.state == "TRIPPED"
    assert box.reason() == 19
    assert box.host.field("STATUS", "faults") == 1 << 19
