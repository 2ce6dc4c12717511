"""The mode word and its keeper: down at once, up only as the table says."""

from hypothesis import given
from hypothesis import strategies as st

from controller.times import Times
from host import layout, modes, shm
from host.guard.keeper import Keeper
from host.modes import Reason, TradingMode

TIMES = Times("production")
HOLD_NS = TIMES.step_up_hold_ms * 1_000_000


def make() -> tuple[Keeper, shm.Page, list]:
    page = shm.create(layout.KIND_GUARD, "test")
    told: list = []
    return Keeper(page.words, TIMES, lambda *step: told.append(step)), page, told


@given(st.integers(0, 3), st.sampled_from(Reason), st.integers(0, 2**32 - 1))
def test_the_word_carries_mode_reason_and_epoch(mode: int, reason: Reason, epoch: int) -> None:
    assert modes.unpack(modes.pack(mode, reason, epoch)) == (mode, reason, epoch)


@given(st.integers(0, 2**64 - 1))
def test_any_word_the_guard_never_writes_reads_as_emergency(word: int) -> None:
    mode, reason, epoch = modes.unpack(word)
    if modes.pack(mode, reason, epoch) != word:
        assert mode == TradingMode.EMERGENCY


def test_every_reason_to_step_down_has_a_level_and_the_others_have_none() -> None:
    upward = {Reason.NONE, Reason.REARMED, Reason.CONDITIONS_HELD}
    assert set(modes.LEVEL_OF) == set(Reason) - upward
    assert all(level >= TradingMode.REDUCED for level in modes.LEVEL_OF.values())


def test_it_starts_in_emergency_and_the_word_says_so() -> None:
    keeper, page, _told = make()
    word = modes.unpack(page.words.load(layout.GUARD_MODE))
    assert word == (TradingMode.EMERGENCY, Reason.NOT_ARMED, 1)
    assert keeper.stopped


STEPS = st.lists(
    st.tuples(st.sampled_from(["down", "rearmed", "hold"]), st.sampled_from(list(modes.LEVEL_OF)),
              st.integers(0, 2 * HOLD_NS)),
    max_size=30,
)  # fmt: skip


@given(STEPS)
def test_emergency_is_left_by_a_rearm_alone_and_into_paused_alone(steps: list) -> None:
    keeper, page, told = make()
    now_ns, quiet_ns = 0, 0
    for what, reason, gap_ns in steps:
        now_ns += gap_ns
        before = keeper.mode
        if what == "down":
            keeper.down(reason, now_ns)
            quiet_ns = now_ns
            assert keeper.mode == max(before, modes.LEVEL_OF[reason])
        elif what == "rearmed":
            keeper.rearmed(now_ns)
            assert keeper.mode == (
                TradingMode.PAUSED if before == TradingMode.EMERGENCY else before
            )
        else:
            keeper.conditions_hold(now_ns)
            rose = before != keeper.mode
            assert before != TradingMode.EMERGENCY or not rose
            assert not rose or (keeper.mode == before - 1 and now_ns - quiet_ns >= HOLD_NS)
        if keeper.mode != before:
            quiet_ns = now_ns
        assert modes.unpack(page.words.load(layout.GUARD_MODE))[0] == keeper.mode
    assert [step[2] for step in told] == list(range(2, 2 + len(told)))
