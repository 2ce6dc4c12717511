"""The algorithm, killed between any two of its steps: no schedule loses a slot or hands it out twice."""

import random

from tests.hotpath import steps
from tests.hotpath.twins import INPUTS

SCHEDULES = max(5_000, INPUTS // 10)


def test_no_schedule_loses_or_doubles_a_slot() -> None:
    rng = random.Random(1)
    for _schedule in range(SCHEDULES):
        assert steps.play(rng, early=False) == ""


def test_a_bit_set_before_the_slot_is_owned_is_found() -> None:
    rng = random.Random(1)
    wrong = {steps.play(rng, early=True) for _schedule in range(SCHEDULES)} - {""}
    assert wrong, "the planted fault loses slots"
