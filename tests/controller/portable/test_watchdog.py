"""Question and answer: good, late, wrong, replayed, missing."""

from controller import mac, watchdog
from controller.times import TICK_MASK, Times

KEY = mac.Mac(bytes(range(32)))
TIMES = Times("production")  # period 20, deadline 15, three bad ones


def asked(*at_ms):
    """Return a watchdog that has asked a challenge at each of these times."""
    dog = watchdog.Watchdog(TIMES)
    for ms in at_ms:
        dog.ask(ms, challenge(ms))
    return dog


def challenge(ms):
    return bytes("%08d" % (ms % 10**8), "ascii")


def judge(dog, now_ms, asked_ms, digest=None):
    digest = digest or mac.answer(KEY, challenge(asked_ms))
    return dog.judge(now_ms, KEY, challenge(asked_ms), digest)


def test_verdicts_are_four():
    verdicts = {watchdog.GOOD, watchdog.LATE, watchdog.WRONG, watchdog.REPLAY}
    assert verdicts == {0, 1, 2, 3}


def test_the_first_question_is_due_at_once_and_then_each_period():
    dog = watchdog.Watchdog(TIMES)
    assert dog.due(0)
    assert not dog.waiting()
    dog.ask(100, challenge(100))
    assert dog.waiting()
    assert not dog.due(119)
    assert dog.due(120)
    assert dog.due(TICK_MASK)


def test_an_answer_in_time_is_good():
    dog = asked(100)
    dog.bad_in_a_row = 2
    assert judge(dog, 115, 100) == watchdog.GOOD
    assert (dog.bad_in_a_row, dog.good_in_a_row) == (0, 1)
    assert not dog.waiting()
    dog.expire(200)
    assert dog.bad_in_a_row == 0


def test_an_answer_after_the_deadline_is_late_and_bad():
    dog = asked(100)
    assert judge(dog, 116, 100) == watchdog.LATE
    assert (dog.bad_in_a_row, dog.good_in_a_row) == (1, 0)
    assert not dog.waiting()
    dog.expire(200)
    assert dog.bad_in_a_row == 1


def test_a_missing_answer_is_bad_once():
    dog = asked(100)
    dog.expire(115)
    assert dog.bad_in_a_row == 0
    dog.expire(116)
    dog.expire(117)
    assert dog.bad_in_a_row == 1
    assert judge(dog, 118, 100) == watchdog.LATE
    assert (dog.bad_in_a_row, dog.good_in_a_row) == (1, 0)


def test_nothing_asked_expires_nothing():
    dog = watchdog.Watchdog(TIMES)
    dog.expire(5000)
    assert dog.bad_in_a_row == 0


def test_a_wrong_digest_is_bad():
    dog = asked(100)
    assert judge(dog, 101, 100, b"x" * 8) == watchdog.WRONG
    assert dog.bad_in_a_row == 1
    assert judge(dog, 102, 100) == watchdog.REPLAY
    assert dog.bad_in_a_row == 1


def test_a_wrong_digest_after_expiry_is_not_counted_twice():
    dog = asked(100)
    dog.expire(120)
    assert judge(dog, 121, 100, b"x" * 8) == watchdog.WRONG
    assert dog.bad_in_a_row == 1


def test_a_wrong_digest_to_an_older_question_leaves_the_newest_open():
    dog = asked(100, 120)
    assert judge(dog, 121, 100, b"x" * 8) == watchdog.WRONG
    assert dog.waiting()
    assert judge(dog, 122, 120) == watchdog.GOOD


def test_an_answer_to_one_of_the_last_three_is_late():
    dog = asked(100, 120, 140)
    assert judge(dog, 141, 100) == watchdog.LATE
    assert judge(dog, 141, 120) == watchdog.LATE
    assert (dog.bad_in_a_row, dog.good_in_a_row) == (0, 0)
    assert judge(dog, 142, 140) == watchdog.GOOD


def test_the_fourth_last_is_forgotten():
    assert watchdog.REMEMBERED == 3
    assert judge(asked(100, 120, 140, 160), 161, 100) == watchdog.REPLAY
    assert judge(asked(100, 120, 140, 160), 161, 120) == watchdog.LATE


def test_an_answer_to_nothing_and_a_second_answer_are_replays():
    dog = asked(100)
    assert judge(dog, 101, 99) == watchdog.REPLAY
    assert judge(dog, 101, 100) == watchdog.GOOD
    assert judge(dog, 102, 100) == watchdog.REPLAY
    assert dog.good_in_a_row == 1


def test_three_in_a_row_count():
    dog = watchdog.Watchdog(TIMES)
    for number in range(3):
        assert not dog.host_is_live()
        dog.ask(number * 20, challenge(number))
        judge(dog, number * 20, number)
    assert dog.host_is_live()
    for number in range(3):
        assert not dog.exhausted()
        dog.ask(1000 + number * 20, challenge(1000 + number))
        dog.expire(1016 + number * 20)
        assert not dog.host_is_live()
    assert dog.exhausted()
    assert dog.bad_in_a_row == 3


def test_the_wrap_changes_nothing():
    dog = asked(TICK_MASK - 5)
    assert not dog.due(13)
    assert dog.due(14)
    assert judge(dog, 9, TICK_MASK - 5) == watchdog.GOOD
    dog = asked(TICK_MASK - 5)
    assert judge(dog, 10, TICK_MASK - 5) == watchdog.LATE
