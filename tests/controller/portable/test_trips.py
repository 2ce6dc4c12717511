"""Every trip: what causes it, from which state, what it tells, and that it stays."""

from controller import leds, reasons, states
from controller.acknowledge import AckWatch
from controller.agreement import Agreement
from controller.times import Times
from tests.controller.portable.kit import Box, armed, waiting


def test_a_box_comes_up_safe_by_way_of_the_lamp_test():
    box = Box(start=(1, 0, 0))
    box.host.greeting = False
    shown = []
    for _ in range(61):
        assert box.state == "SELF_TEST"
        assert not box.controller.halt_high
        box.step()
        shown.append(box.controller.lamps())
    assert box.state == "SAFE"
    assert shown[:60] == [(1, 0, 0)] * 10 + [(0, 1, 0)] * 20 + [(0, 0, 1)] * 30


def test_the_lamp_test_begins_with_the_start():
    box = Box(start_ms=5000)
    box.host.greeting = False
    box.run(60)
    assert box.state == "SELF_TEST"
    box.look()
    assert box.controller.lamps() == (0, 0, 0)
    box.run(1)
    assert box.state == "SAFE"


def test_before_start_nothing_happens():
    box = Box(started=False)
    assert box.state == "BOOT"
    box.run(100, a=1, b=1)
    assert box.state == "BOOT"
    assert box.reason() == 0
    assert box.controller.counts["trips"] == 0
    assert box.controller.counts["refused_events"] >= 200
    assert box.controller.lamps() == (1, 0, 0)


def test_a_second_start_is_refused_and_counted():
    box = waiting()
    box.controller.start(1, 9, 9)
    assert box.state == "WAITING"
    assert box.controller.counts["refused_events"] == 1
    assert box.written_in == [1]
    assert box.controller.faults.bits == 0


def test_an_armed_box_has_halt_high():
    box = armed()
    assert box.controller.halt_high
    assert box.reason() == 0
    assert box.controller.counts == {"refused_events": 0, "trips": 0}


def test_each_input_trips_an_armed_box_in_the_same_look():
    for levels, reason in (
        ({"a": 1}, 1),
        ({"b": 1}, 2),
        ({"a": 1, "b": 1}, 1),
        ({"enclosure": 1}, 4),
        ({"ack": 1}, 12),
    ):
        box = armed()
        box.set(**levels)
        box.look()
        assert not box.controller.halt_high
        assert box.state == "TRIPPED"
        assert box.reason() == reason


def test_each_input_but_ack_trips_a_box_that_is_not_armed():
    for levels, reason in (({"a": 1}, 1), ({"b": 1}, 2), ({"enclosure": 1}, 4)):
        box = waiting()
        box.run(1, **levels)
        assert box.reason() == reason
        assert box.state == "TRIPPED"
        box = Box()
        box.run(1, **levels)
        assert (box.state, box.reason()) == ("TRIPPED", reason)
    box = waiting()
    box.run(5, ack=1)
    assert box.state == "SAFE"


def test_a_pulse_of_one_look_is_enough_and_latched():
    box = armed()
    box.set(a=1)
    box.look()
    box.set(a=0)
    box.run(3000)
    assert box.state == "WAITING"
    assert not box.controller.halt_high
    assert box.reason() == 1


def test_the_first_reason_stays():
    box = armed()
    box.run(1, b=1)
    box.run(1, a=1, enclosure=1)
    box.controller.fault()
    assert box.reason() == 2
    assert box.controller.counts == {"refused_events": 0, "trips": 1}


def test_a_trip_is_told_at_once_with_its_time():
    box = armed()
    us = box.us
    box.run(1, b=1)
    assert box.host.last("TRIP") == (2, us)
    assert box.host.field("STATUS", "state") == states.TRIPPED
    assert box.host.field("STATUS", "reason") == 2


def test_contacts_that_disagree_for_too_long_are_a_latched_fault():
    box = armed()
    box.run(50, a=1)
    assert box.controller.faults.counts[3] == 0
    box.run(2)
    assert box.controller.faults.counts[3] == 1
    box.run(3000, a=0)
    assert box.state == "TRIPPED"
    box.run(5, a=1, b=1)
    assert box.state == "TRIPPED"
    box.run(100, a=0, b=0)
    assert box.state == "WAITING"
    assert box.controller.faults.counts[3] == 1


def test_contacts_that_disagree_for_a_moment_are_none():
    box = armed()
    box.run(50, b=1)
    box.run(2, a=1)
    box.run(49, b=0)
    box.run(100, a=0)
    assert box.controller.faults.counts[3] == 0
    assert box.state == "WAITING"


def test_one_contact_alone_does_not_clear_a_discrepancy():
    box = waiting()
    box.run(60, a=1)
    assert box.controller.faults.counts[3] == 1
    for _ in range(3):
        box.run(5, a=0)
        box.run(5, b=1)
        box.run(5, b=0)
        box.run(5, a=1)
    box.run(200, a=0)
    assert box.state == "TRIPPED"
    # Opened together before the fault began does not count either.
    box = waiting()
    box.run(5, a=1, b=1)
    box.run(60, a=0)
    box.run(5, b=0)
    assert box.controller.faults.counts[3] == 1


def test_the_enclosure_is_counted_once_each_time_it_opens():
    box = armed()
    box.run(100, enclosure=1)
    box.run(100, enclosure=0)
    assert box.controller.faults.counts[4] == 1
    box.run(10, enclosure=1)
    assert box.controller.faults.counts[4] == 2
    assert box.host.field("STATUS", "faults") == 1 << 4 | 1 << 17


def test_a_newer_emergency_of_the_host_trips():
    box = armed()
    box.mode(leds.EMERGENCY, 3)
    box.run(1)
    assert (box.state, box.reason()) == ("TRIPPED", 10)


def test_the_emergency_it_was_armed_in_does_not_trip():
    box = waiting()
    box.run(1)
    box.set(pressed=1)
    box.until("ARMED")
    box.set(pressed=0)
    box.mode(leds.EMERGENCY, 1)
    box.run(100)
    assert box.state == "ARMED"
    box.mode(leds.EMERGENCY, 2)
    box.run(1)
    assert (box.state, box.reason()) == ("TRIPPED", 10)


def test_other_modes_do_not_trip():
    box = armed()
    for epoch, mode in enumerate((leds.REDUCED, leds.NORMAL, leds.PAUSED)):
        box.mode(mode, 3 + epoch)
        box.run(2)
        assert box.state == "ARMED"
        assert box.controller.mode == mode


def test_a_host_that_never_leaves_emergency_after_arming_disagrees():
    box = waiting()
    box.run(1)
    box.set(pressed=1)
    box.until("ARMED")
    box.set(pressed=0)
    assert box.until("TRIPPED") == 1002
    assert box.reason() == 15
    assert box.controller.faults.counts[15] == 1


def test_a_host_that_trades_while_halt_is_low_disagrees():
    for ack in (0, 1):
        box = waiting()
        box.host.obedient = False
        box.mode(leds.NORMAL, 2)
        box.run(2)
        assert box.state == "SAFE"  # and is not armed meanwhile
        box.run(997, ack=ack)
        assert box.controller.faults.counts[15] == 0
        box.run(10)
        assert (box.state, box.reason()) == ("TRIPPED", 15)
        box.run(3000)
        assert box.controller.faults.counts[15] == 1
        assert box.state == "TRIPPED"
        box.mode(leds.EMERGENCY, 3)
        box.run(200, ack=0)
        assert box.state == "WAITING"


def test_a_moment_of_disagreement_is_none():
    box = armed()
    box.host.obedient = False
    box.run(900, a=1, b=1)
    box.mode(leds.EMERGENCY, 3)
    box.run(5)
    assert box.controller.faults.counts[15] == 0
    box.mode(leds.NORMAL, 4)
    box.run(900)
    assert box.controller.faults.counts[15] == 0


def test_without_a_link_nobody_disagrees():
    box = armed()
    box.host.answering = box.host.greeting = False
    box.run(5000)
    assert box.controller.faults.counts[15] == 0


def test_a_failed_self_test_blocks_until_power_up():
    box = Box(start=(1, 0, 0b100))
    assert (box.state, box.reason()) == ("TRIPPED", 13)
    box.run(5000)
    assert box.state == "TRIPPED"
    assert box.controller.faults.counts[13] == 1
    assert box.host.field("STATUS", "faults") == 1 << 13
    assert box.controller.pattern() == "f00"


def test_repeated_resets_block_until_power_up():
    assert waiting(start=(2, 2, 0)).controller.faults.counts[16] == 0
    box = Box(start=(2, 3, 0))
    assert (box.state, box.reason()) == ("TRIPPED", 16)
    box.run(5000)
    assert box.state == "TRIPPED"


def test_an_error_of_the_firmware_trips_and_blocks():
    box = armed()
    box.controller.fault()
    assert not box.controller.halt_high
    box.run(5000)
    assert (box.state, box.reason()) == ("TRIPPED", 14)
    assert box.host.all("TAMPER")[0] == (14, 1)


def test_an_error_before_the_start_is_not_forgotten():
    box = Box(started=False)
    box.controller.fault()
    assert box.state == "BOOT"
    box.controller.start()
    box.run(5000)
    assert (box.state, box.reason()) == ("TRIPPED", 14)


def test_a_missing_ack_is_an_alarm_once():
    box = armed()
    box.run(10, a=1, b=1)
    assert box.controller.faults.counts[17] == 0
    box.run(3)
    assert box.controller.faults.counts[17] == 1
    box.run(500)
    assert box.controller.faults.counts[17] == 1
    assert box.host.last("TAMPER") == (17, 1)
    box.run(5, ack=1)
    assert box.host.last("ACK_SEEN")[1] == 513 * 1000
    assert box.reason() == 1


def test_an_ack_in_time_is_measured_and_no_alarm():
    box = armed()
    box.run(7, a=1, b=1)
    at_us = box.us
    box.run(500, ack=1)
    assert box.host.last("ACK_SEEN") == (at_us, 7000)
    assert len(box.host.all("ACK_SEEN")) == 1
    assert box.controller.faults.counts[17] == 0


def test_an_ack_that_never_came_is_forgotten_with_the_next_arming():
    box = armed()
    box.run(20, a=1, b=1)
    box.mode(leds.EMERGENCY, 3)
    box.run(5, a=0, b=0)
    box.arm()
    box.run(100)
    box.run(1, ack=1)
    assert box.reason() == 12
    box.run(500)
    assert box.host.last("ACK_SEEN") is None
    assert box.controller.faults.counts[17] == 1


def test_the_firmware_may_measure_the_ack_better():
    box = armed()
    box.controller.measured_ack_us = lambda: 42
    box.run(7, a=1, b=1)
    box.run(2, ack=1)
    assert box.host.last("ACK_SEEN")[1] == 42
    box = armed()
    box.controller.measured_ack_us = lambda: None
    box.run(7, a=1, b=1)
    box.run(2, ack=1)
    assert box.host.last("ACK_SEEN")[1] == 7000


def test_ack_is_missing_from_the_11th_ms():
    watch = AckWatch(Times("production"))
    assert not watch.missing(0)
    watch.fell(100, 7)
    assert not watch.missing(110)
    assert watch.missing(111)
    assert watch.took_us(0, 9) is None
    assert watch.took_us(1, 9) == 2
    assert watch.took_us(1, 9) is None
    assert not watch.missing(200)
    watch.fell(100, 2**40 - 1)
    assert watch.took_us(1, 2**40 + 1) == 2


def test_disagreement_is_timed_from_its_beginning():
    agreement = Agreement(Times("production"))
    assert not agreement.broken(100, leds.NORMAL, False)
    assert not agreement.broken(1100, leds.NORMAL, False)
    assert agreement.broken(1101, leds.NORMAL, False)
    assert not agreement.broken(1102, leds.NORMAL, True)
    assert not agreement.broken(1103, leds.EMERGENCY, True)
    assert not agreement.broken(2103, leds.EMERGENCY, True)
    assert agreement.broken(2104, leds.EMERGENCY, True)
    assert not agreement.broken(2105, leds.EMERGENCY, False)


def test_a_trip_while_waiting_expects_no_ack():
    box = waiting()
    box.run(500, a=1, b=1)
    assert box.controller.faults.counts[17] == 0


def test_arming_forgets_recoverable_faults_but_not_their_counts():
    box = armed()
    box.run(20, enclosure=1)
    box.run(60, enclosure=0)
    box.mode(leds.EMERGENCY, 3)
    box.run(200)
    assert box.host.field("STATUS", "faults") == 1 << 4 | 1 << 17
    box.arm()
    assert box.host.field("STATUS", "faults") == 0
    assert box.controller.faults.counts[4] == 1


def test_a_flood_of_one_fault_is_told_ever_more_rarely():
    box = armed()
    for _ in range(100):
        box.to_controller += box.host.answer(b"unasked!")
        box.run(1)
    assert box.controller.faults.counts[6] == 100
    told = [values[1] for values in box.host.all("TAMPER") if values[0] == 6]
    assert told == [1, 2, 4, 8, 16, 32, 64]


def test_status_comes_each_period_and_on_each_change():
    box = armed()
    box.run(150)
    before = len(box.host.all("STATUS"))
    while len(box.host.all("STATUS")) == before:
        box.step()
    for count in range(1, 4):
        box.run(99)
        assert len(box.host.all("STATUS")) - before == count
        box.run(1)
        assert len(box.host.all("STATUS")) - before == count + 1
    before = len(box.host.all("STATUS"))
    box.mode(leds.NORMAL, 5)
    box.run(2)
    assert len(box.host.all("STATUS")) - before == 1
    assert box.host.last("STATUS")[:6] == (states.ARMED, 0, 0, 0b100, 0, 0)


def test_status_tells_inputs_and_leds():
    box = waiting()
    assert box.host.field("STATUS", "leds") == 0
    assert box.host.field("STATUS", "blinking") == 0b010
    box.run(110, a=1, b=1, pressed=1, enclosure=1, ack=1)
    assert box.host.field("STATUS", "inputs") == 0b11111
    assert (box.host.field("STATUS", "leds"), box.host.field("STATUS", "blinking")) == (1, 0)
    for bit, name in enumerate(("a", "b", "pressed", "enclosure", "ack")):
        box.run(110, a=0, b=0, pressed=0, enclosure=0, ack=0)
        box.run(110, **{name: 1})
        assert box.host.field("STATUS", "inputs") == 1 << bit


def test_status_counts_bad_answers():
    box = armed()
    box.host.answering = False
    box.run(38)
    box.mode(leds.NORMAL, 5)
    box.run(2)
    assert box.host.field("STATUS", "bad") == box.controller.link.bad_in_a_row() > 0


def test_a_new_session_gets_a_status_at_once():
    box = waiting()
    box.host.answering = box.host.greeting = False
    box.run(150)
    box.host.heard = []
    box.host.greeting = True
    for _ in range(100):
        box.step()
        if box.host.peer_nonce == box.controller.link._nonce:
            break
    box.run(2)
    assert len(box.host.all("STATUS")) == 1


def test_the_lamps_follow_the_state():
    box = armed()
    assert box.controller.lamps() == (0, 1, 0)
    box.mode(leds.NORMAL, 5)
    box.run(2)
    assert box.controller.lamps() == (0, 0, 1)
    box.run(1, a=1)
    assert box.controller.lamps() == (1, 0, 0)


def test_every_reason_but_the_alarms_has_tripped_a_box_here():
    """What is left out trips nowhere: NONE, and the alarms."""
    silent = [code for code in range(len(reasons.NAMES)) if code in (0, 17, 18)]
    assert [reasons.NAMES[code] for code in silent] == ["NONE", "ACK_MISSING", "WITNESS_BACK"]
