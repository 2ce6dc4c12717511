"""The only way up: released, ACK low, a live host, and the button held."""

from controller import leds
from controller.rearm import Rearm
from controller.times import TICK_MASK, Times
from tests.controller.portable.kit import Box, armed, waiting


def tripped():
    """A box that was pressed; its host has noticed."""
    box = armed()
    box.run(5, a=1, b=1)
    box.mode(leds.EMERGENCY, 3)
    box.run(100)
    assert box.state == "TRIPPED"
    return box


def test_the_whole_way_back():
    box = tripped()
    box.run(51, a=0, b=0)
    assert box.state == "WAITING"
    assert box.reason() == 1
    box.run(1)
    box.run(2000, pressed=1)
    assert box.state == "WAITING"
    box.run(1)
    assert box.state == "ARMED"
    assert box.reason() == 0


def test_no_release_before_the_debounce_time():
    box = tripped()
    box.run(50, a=0, b=0)
    assert box.state == "TRIPPED"
    box.run(10, a=1, b=1)
    box.run(50, a=0, b=0)
    assert box.state == "TRIPPED"
    box.run(1)
    assert box.state != "TRIPPED"


def test_a_trip_without_a_press_stands_for_the_debounce_time():
    box = armed()
    box.mode(leds.EMERGENCY, 3)
    box.run(50)
    assert box.state == "TRIPPED"
    box.run(1)
    assert box.state == "WAITING"


def test_each_input_holds_up_the_release():
    for name in ("a", "b", "pressed", "enclosure"):
        box = tripped()
        box.set(a=0, b=0)
        box.run(40, **{name: 1})
        box.run(500)
        assert box.state == "TRIPPED", name
    box = tripped()
    box.run(500, a=0, b=0, ack=1)
    assert box.state == "SAFE"
    box.run(60, ack=0)
    assert box.state == "WAITING"


def test_no_arming_without_the_button():
    box = waiting()
    box.run(30000)
    assert box.state == "WAITING"


def test_no_arming_with_a_button_that_was_never_seen_up():
    box = waiting()
    box.set(pressed=1)
    box.run(5000)
    assert box.state == "WAITING"
    box.run(1, pressed=0)
    box.run(2001, pressed=1)
    assert box.state == "ARMED"


def test_a_stuck_button_never_arms():
    box = Box()
    box.run(10000, pressed=1)
    assert box.state == "SAFE"


def test_a_hold_that_is_let_go_begins_anew():
    box = waiting()
    box.run(1)
    box.run(1999, pressed=1)
    box.run(1, pressed=0)
    box.run(1999, pressed=1)
    assert box.state == "WAITING"
    box.run(2)
    assert box.state == "ARMED"


def test_each_thing_that_goes_wrong_while_holding():
    for name, state in (
        ("a", "TRIPPED"),
        ("b", "TRIPPED"),
        ("enclosure", "TRIPPED"),
        ("ack", "SAFE"),
    ):
        box = waiting()
        box.run(1)
        box.run(1000, pressed=1)
        box.run(1, **{name: 1})
        assert box.state == state, name
        box.set(**{name: 0})
        box.run(5000)
        assert box.state in ("TRIPPED", "SAFE"), name


def test_no_arming_without_a_live_host():
    box = Box()
    box.host.answering = False
    box.run(3000)
    assert box.state == "SAFE"
    box = waiting()
    box.run(1)
    box.set(pressed=1)
    box.run(100)
    box.host.answering = False
    box.run(3000)
    assert box.state == "SAFE"
    assert box.controller.counts["trips"] == 0


def test_one_bad_answer_while_holding_ends_the_wait():
    box = waiting()
    box.run(1)
    box.run(1000, pressed=1)
    box.host.answering = False
    box.run(40)
    assert box.state == "SAFE"
    box.host.answering = True
    box.run(3000)
    assert box.state == "SAFE"  # the button was never let go


def test_no_arming_while_the_host_says_it_trades():
    box = waiting()
    box.run(1)
    box.run(500, pressed=1)
    box.mode(leds.PAUSED, 5)
    box.run(1)
    assert box.state == "SAFE"


def test_no_arming_before_the_host_has_told_its_mode():
    box = Box()
    box.host.telling = False
    box.run(3000)
    assert box.state == "SAFE"
    assert box.controller.link.host_is_live()
    box.mode(leds.EMERGENCY, 0)
    box.run(2)
    assert box.state == "WAITING"
    # A new session: what was told in the last one does not count.
    box.host.answering = False
    while box.controller.link.established():
        box.step()
    box.host.answering = True
    box.run(1000)
    assert box.controller.link.host_is_live()
    assert box.state == "SAFE"


def test_not_ready_while_ack_is_high():
    box = Box()
    box.run(500, ack=1)
    assert box.state == "SAFE"


def test_ready_only_after_quiet():
    box = Box()
    for _ in range(20):
        box.run(20, ack=1)
        box.run(20, ack=0)
    assert box.state == "SAFE"
    box.run(31)
    assert box.state == "WAITING"


def test_a_button_held_over_a_trip_does_not_count():
    box = waiting()
    box.run(1)
    box.run(1500, pressed=1)
    box.run(1, a=1)
    box.run(10000, a=0)
    assert box.state == "TRIPPED"


def test_the_levels_are_unknown_before_the_first_look():
    box = Box()
    rearm = box.controller.rearm
    assert rearm.bits() == 0
    assert not rearm.released(10000)
    assert not rearm.ready(10000)


def test_truthy_levels_are_levels():
    box = armed()
    box.run(110, ack=4, a=True)
    assert box.host.field("STATUS", "inputs") == 0b10001


def test_the_bench_profile_arms_in_milliseconds():
    box = waiting(profile="bench")
    box.run(1)
    box.set(pressed=1)
    assert 20 <= box.until("ARMED") <= 22


def alone(now_ms=0, **levels):
    """A Rearm that has looked once; all at rest unless told."""
    rearm = Rearm(Times("production"))
    look(rearm, now_ms, **levels)
    return rearm


def look(rearm, now_ms, a=0, b=0, pressed=0, enclosure=0, ack=0):
    rearm.inputs(now_ms, a, b, pressed, enclosure, ack)


def test_alone_each_level_holds_up_release_and_hold():
    for name in ("a", "b", "pressed", "enclosure", "ack"):
        rearm = alone(**{name: 1})
        if name not in ("a", "b"):  # these have become a discrepancy as well
            assert rearm.released(50) is (name == "ack")
        rearm = alone(0, **{name: 1})
        assert not rearm.ready(50), name
        assert rearm.may_hold() is (name == "pressed"), name
    both = alone(a=1, b=1)
    assert not both.released(50)
    for name in ("a", "b"):
        rearm = alone(**{name: 1})
        assert not rearm.released(50)
    rearm = alone()
    assert not rearm.released(49)
    assert rearm.released(50)
    assert rearm.ready(50)
    assert rearm.may_hold()


def test_alone_a_discrepancy_holds_up_everything_until_both_have_opened_and_closed():
    rearm = alone(a=1)
    assert not rearm.discrepancy(50)
    assert rearm.discrepancy(51)
    look(rearm, 60)
    for now_ms in (60, 200):
        assert rearm.discrepancy(now_ms)
        assert not rearm.released(now_ms)
        assert not rearm.may_hold()
    look(rearm, 300, a=1, b=1)
    assert rearm.discrepancy(300)
    look(rearm, 310)
    assert not rearm.discrepancy(310)
    assert rearm.released(360)
    look(rearm, 400, b=1)
    assert rearm.discrepancy(451)
    look(rearm, 460)
    assert rearm.discrepancy(460)


def test_alone_a_button_down_from_the_first_look_does_not_count():
    rearm = alone(pressed=1)
    assert not rearm.held(5000)
    look(rearm, 5000)
    look(rearm, 5001, pressed=1)
    assert not rearm.held(7000)
    assert rearm.held(7001)
    rearm.begin()
    assert not rearm.held(9999)
    look(rearm, 10000)
    look(rearm, 10001, pressed=1)
    assert not rearm.held(12000)
    assert rearm.held(12001)


def trace(start_ms):
    """Return every state and output of a long story that begins at `start_ms`."""
    box = Box(start_ms=start_ms, start=(1, 0, 0))
    told = []
    script = [
        (200, {}),
        (1, {}),
        (2100, {"pressed": 1}),
        (50, {"pressed": 0}),
        (7, {"a": 1, "b": 1}),
        (40, {"ack": 1}),
        (30, {"a": 0}),
        (300, {"b": 0, "ack": 0}),
        (70, {"a": 1}),
        (300, {"a": 0}),
        (30, {"a": 1, "b": 1}),
        (300, {"a": 0, "b": 0}),
    ]
    for ms, levels in script:
        box.set(**levels)
        if "ack" in levels:
            box.mode(leds.EMERGENCY if levels["ack"] else leds.EMERGENCY, 9)
        for _ in range(ms):
            box.step()
            if box.state == "ARMED" and box.controller.mode == leds.EMERGENCY:
                box.mode(leds.PAUSED, 2)
            told.append((box.state, box.reason(), box.controller.halt_high))
    return told, box.host.heard


def test_the_wrap_changes_nothing():
    plain = trace(1000)
    assert ("ARMED", 0, True) in plain[0]
    assert [state for state, _reason, _high in plain[0]][-1] == "WAITING"
    for before_ms in (1, 61, 200, 1000, 2300, 2430, 2460, 2600, 3000):
        wrapped = trace(TICK_MASK + 1 - before_ms)
        assert wrapped[0] == plain[0], before_ms
        assert wrapped[1] == plain[1], before_ms
