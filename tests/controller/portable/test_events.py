"""The ring: in order, once, over lost frames and lost links; bounded, and it says what it lost."""

from controller import events
from controller.times import TICK_MASK, Times
from tests.controller.portable.kit import Box, Entropy, armed

TIMES = Times("production")


def ring(count=0):
    kept = events.Events(TIMES, 77)
    for number in range(1, count + 1):
        kept.note(events.TRIP, number & 255, number, number * 10)
    return kept


def test_an_empty_ring_has_nothing_due():
    assert ring().due(0) is None
    assert ring().waiting() == 0


def test_the_oldest_goes_first_and_until_confirmed_again():
    kept = ring(2)
    assert kept.waiting() == 2
    assert kept.due(1000) == (77, 1, 0, events.TRIP, 1, 1, 10)
    assert kept.due(1049) is None
    assert kept.due(1050) == (77, 1, 0, events.TRIP, 1, 1, 10)
    kept.seen(77, 1)
    assert kept.waiting() == 1
    assert kept.due(1051) == (77, 2, 0, events.TRIP, 2, 2, 20)
    kept.seen(77, 2)
    assert kept.due(5000) is None
    assert kept.unexpected == 0


def test_only_the_event_under_way_is_confirmed():
    kept = ring(2)
    kept.seen(77, 1)  # not sent yet
    kept.due(0)
    kept.seen(77, 2)
    kept.seen(77, 0)
    kept.seen(76, 1)
    assert kept.waiting() == 2
    assert kept.unexpected == 4
    kept.seen(77, 1)
    kept.seen(77, 1)
    assert (kept.waiting(), kept.unexpected) == (1, 5)


def test_a_new_session_sends_at_once():
    kept = ring(1)
    kept.due(1000)
    kept.resend()
    assert kept.due(1001) is not None


def test_the_retry_survives_the_wrap():
    kept = ring(1)
    kept.due(TICK_MASK - 9)
    assert kept.due(39) is None
    assert kept.due(40) is not None


def test_a_full_ring_gives_up_the_oldest_and_says_so():
    kept = ring(events.CAPACITY)
    assert kept.lost == 0
    kept.note(events.ALARM, 9, 9, 9)
    assert (kept.lost, kept.waiting()) == (1, events.CAPACITY)
    for number in range(2, events.CAPACITY + 1):
        assert kept.due(0) == (77, number, 1, events.TRIP, number & 255, number, number * 10)
        kept.seen(77, number)
    assert kept.due(0) == (77, events.CAPACITY + 1, 1, events.ALARM, 9, 9, 9)


def test_giving_up_the_event_under_way_starts_the_next_at_once():
    kept = ring(events.CAPACITY)
    kept.due(1000)
    kept.note(events.ALARM, 9, 9, 9)
    assert kept.due(1001)[1] == 2
    kept.seen(77, 1)
    assert kept.due(1100)[1] == 2


def test_large_values_are_cut_not_refused():
    kept = ring()
    kept.note(events.ACK_SEEN, 0, 2**40 + 5, 2**50)
    assert kept.due(0)[3:] == (events.ACK_SEEN, 0, 5, 2**50)


def test_a_ring_that_overflows_again_and_again():
    kept = ring(events.CAPACITY * 2 + 5)
    assert (kept.lost, kept.waiting()) == (events.CAPACITY + 5, events.CAPACITY)
    assert kept.due(0)[1] == events.CAPACITY + 6


def story(box):
    """Return (kind name, detail) of the events that the host has got, without doubles."""
    last = 0
    told = []
    for values in box.host.all("EVENT"):
        if values[1] == last:
            continue
        assert values[1] == last + 1
        assert values[2] == 0
        last = values[1]
        told.append((events.KIND_NAMES[values[3]], values[4]))
    return told


PRESS = [
    ("STARTED", 1),
    ("SESSION", 0),
    ("SELF_TEST_PASSED", 0),
    ("ARMED", 0),
    ("TRIP", 1),
    ("ACK_SEEN", 0),
    ("RELEASED", 1),
]


def press(box):
    box.run(5, a=1, b=1)
    box.mode(3, 9)
    box.run(5, ack=1)
    box.run(100, a=0, b=0, ack=0)


def test_one_press_is_told_from_power_up_to_release():
    box = armed(start=(1, 2, 0))
    press(box)
    assert story(box) == PRESS
    assert box.host.all("EVENT")[0][3:6] == (events.STARTED, 1, 2)
    assert box.controller.events.waiting() == 0
    assert [values[5] for values in box.host.all("EVENT")][1:] == [1, 0, 1, 1, 5000, 0]
    assert [values[6] for values in box.host.all("EVENT")][0] == 0


def test_events_wait_for_a_host_that_confirms():
    box = Box(start=(1, 0, 0))
    box.host.confirming = False
    box.arm()
    press(box)
    box.run(500)
    assert {values[1] for values in box.host.all("EVENT")} == {1}
    assert box.controller.events.waiting() == len(PRESS)
    box.host.confirming = True
    box.run(200)
    assert story(box) == PRESS


def test_events_survive_a_lost_link():
    box = armed(start=(1, 0, 0))
    box.run(50)
    box.host.answering = box.host.greeting = False
    box.until("TRIPPED")
    box.run(300)
    box.run(10, a=1, b=1)
    box.run(300, a=0, b=0)
    assert story(box) == PRESS[:4]
    box.host.answering = box.host.greeting = True
    box.run(500)
    assert story(box)[4:] == [
        ("TRIP", 5),
        ("LINK_LOST", 0),
        ("ALARM", 17),
        ("RELEASED", 5),
        ("TRIP", 1),
        ("RELEASED", 1),
        ("SESSION", 0),
    ]


def test_boots_are_told_apart():
    first = Box().controller.events._boot
    second = Box().controller.events._boot
    entropy = Entropy()
    entropy(8)  # the nonce
    assert first == second == int.from_bytes(entropy(4), "little") >> 2
    assert 0 < first < 2**30


def test_unless_told_nothing_is_said_of_the_reset():
    box = Box()
    box.run(100)
    assert box.host.all("EVENT")[0][3:6] == (events.STARTED, 0, 0)
