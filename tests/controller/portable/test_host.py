"""No message un-trips, arms or silences: everything a host can say, said in every state."""

from controller import leds, protocol
from tests.controller.portable.kit import armed, waiting

HEAD = b"h" * 32
SAID = (
    # every message that a host may send, with values that might tempt
    ("ANSWER", ((b"unasked!", b"12345678"), (bytes(8), bytes(8)))),
    ("EVENT_SEEN", ((0, 0), (0, 1), (2**32 - 1, 2**32 - 1))),
    ("MODE", tuple([(mode, 0, epoch) for mode in (0, 1, 2, 3, 4, 255) for epoch in (0, 1, 2, 99)])),
    ("WITNESS", ((0, bytes(32)), (1, HEAD), (2**64 - 1, HEAD), (2, HEAD))),
    ("ATTEST", ((bytes(16),),)),
)


def tripped():
    box = armed()
    box.run(60, a=1, b=1)
    return box


def faulty():
    box = armed()
    box.controller.fault()
    return box


def everything(box):
    """Say all of it; return what stood in the register before each message, and after it."""
    for name, all_values in SAID:
        for values in all_values:
            bits = box.controller.faults.bits
            counts = dict(box.controller.faults.counts)
            noted = box.controller.events.waiting()
            box.say(name, *values)
            yield name, values, bits, counts, noted


def test_the_list_above_is_complete():
    sent = [row[protocol.NAME] for row in protocol.MESSAGES if row[protocol.SENDER] == "host"]
    assert sorted(sent) == sorted([name for name, _values in SAID])


def test_nothing_a_host_says_raises_halt_or_leads_up():
    for make, allowed in (
        (tripped, ("TRIPPED",)),
        (faulty, ("TRIPPED",)),
        (waiting, ("WAITING", "SAFE", "TRIPPED")),
    ):
        box = make()
        box.host.obedient = False
        for name, values, *_rest in everything(box):
            for _ in range(60):
                box.step()
                assert not box.controller.halt_high, (name, values)
                assert box.state in allowed, (name, values, box.state)


def test_nothing_a_host_says_clears_a_fault_or_an_event():
    box = tripped()
    box.host.obedient = box.host.confirming = False
    for name, values, bits, counts, noted in everything(box):
        box.run(3)
        register = box.controller.faults
        assert register.bits & bits == bits, (name, values)
        for reason in counts:
            assert register.counts[reason] >= counts[reason]
        assert box.controller.events.waiting() >= noted or name == "EVENT_SEEN"
        assert box.reason() == 1
    assert box.controller.witness.count == 2**64 - 1


def test_only_a_confirmation_by_its_name_takes_an_event():
    box = tripped()
    box.host.confirming = False
    box.controller.events.note(1, 0, 0, 0)
    box.run(60)
    boot, number = box.host.last("EVENT")[:2]
    before = box.controller.events.waiting()
    box.say("EVENT_SEEN", boot, number + 1)
    box.say("EVENT_SEEN", boot ^ 1, number)
    box.run(2)
    assert box.controller.events.waiting() == before
    box.say("EVENT_SEEN", boot, number)
    box.run(2)
    assert box.controller.events.waiting() == before - 1


def test_an_armed_box_stays_armed_or_trips():
    for name, all_values in SAID:
        for values in all_values:
            box = armed(profile="bench")
            box.say(name, *values)
            box.run(5)
            assert box.state in ("ARMED", "TRIPPED")
            if name == "MODE" and values[0] == leds.EMERGENCY and values[2] != 1:
                assert box.state == "TRIPPED"
