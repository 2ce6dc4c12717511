"""The mode word and its keeper: down at once, up only as the table says."""

from hypothesis import given
from hypothesis import strategies as st

from controller.times import Times
from host import layout, modes, shm
from host.guard.keeper import Keeper
from host.modes import OnKill, Reason, TradingMode

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


# -- the ladder's rungs and its token ------------------------------------------------------------

MS = 1_000_000


def stand(keeper: Keeper, reason: Reason, from_ms: int, to_ms: int) -> None:
    """Give a reason again and again, as the guard's checks do."""
    for now_ms in range(from_ms, to_ms, 100):
        keeper.down(reason, now_ms * MS)


def test_every_reason_has_a_first_rung_at_or_before_its_last() -> None:
    assert [reason for reason, *_ in modes.LADDER] == sorted(modes.FIRST)
    for on_kill in OnKill:
        for reason in modes.FIRST:
            assert modes.FIRST[reason] <= modes.last_rung(reason, on_kill)


def test_only_flatten_makes_a_kill_liquidate_and_a_start_never_does() -> None:
    for reason in (Reason.HALT_LINE, Reason.CONTROLLER_TRIP, Reason.OPERATOR, Reason.ENGINE_LOST):
        assert [kill for kill in OnKill if modes.liquidates(reason, kill)] == [OnKill.FLATTEN]
    for reason in (Reason.NOT_ARMED, Reason.SHUTDOWN, Reason.FEED_LOST, Reason.UNKNOWN_ORDER):
        assert not any(modes.liquidates(reason, kill) for kill in OnKill)
    assert all(modes.liquidates(Reason.DRAWDOWN, kill) for kill in OnKill)


def test_a_reason_that_goes_on_standing_climbs_and_one_that_goes_begins_anew() -> None:
    keeper, _page, told = make()
    keeper.rearmed(0)
    for now_s in (31, 62):
        keeper.conditions_hold(now_s * 1000 * MS)
    assert keeper.mode == TradingMode.NORMAL
    stand(keeper, Reason.RISK, 100_000, 159_000)
    assert keeper.mode == TradingMode.REDUCED
    stand(keeper, Reason.RISK, 170_000, 229_000)  # it was gone for more than a second
    assert keeper.mode == TradingMode.REDUCED
    stand(keeper, Reason.RISK, 229_000, 231_000)
    assert keeper.mode == TradingMode.PAUSED
    stand(keeper, Reason.RISK, 231_000, 291_000)
    assert (keeper.mode, keeper.reason) == (TradingMode.EMERGENCY, Reason.RISK)
    assert [step[0].name for step in told][-3:] == ["REDUCED", "PAUSED", "EMERGENCY"]
    for reason in (Reason.FEED_LOST, Reason.UNKNOWN_ORDER):
        paused, _page, _told = make()
        paused.rearmed(0)
        stand(paused, reason, 0, 600_000)
        assert paused.mode == TradingMode.PAUSED  # its last rung


def token(page: shm.Page) -> int:
    return page.words.load(layout.GUARD_LADDER_TOKEN)


def test_the_token_is_of_this_emergency_and_of_a_ladder_that_liquidates() -> None:
    keeper, page, _told = make()
    assert not keeper.grant(keeper.epoch, OnKill.FLATTEN)  # NOT_ARMED
    keeper.rearmed(0)
    assert not keeper.grant(keeper.epoch, OnKill.FLATTEN)  # not an emergency
    keeper.down(Reason.HALT_LINE, 1)
    assert not keeper.grant(keeper.epoch, OnKill.CANCEL_ALL)
    assert not keeper.grant(keeper.epoch - 1, OnKill.FLATTEN)
    assert not keeper.grant(keeper.epoch + 1, OnKill.FLATTEN)
    assert token(page) == 0
    seen = set()
    for _ in range(50):
        assert keeper.grant(keeper.epoch, OnKill.FLATTEN)
        seen.add(token(page))
    assert 0 not in seen
    assert len(seen) == 50
    keeper.down(Reason.DRAWDOWN, 2)  # a second reason in the same emergency takes nothing away
    assert token(page) in seen
    keeper.rearmed(3)
    assert token(page) == 0
    keeper.revoke()
    assert token(page) == 0


def test_an_unfinished_ladder_is_taken_on_right_after_a_start_alone() -> None:
    keeper, page, _told = make()
    for reason in (Reason.NOT_ARMED, Reason.NONE, Reason.FEED_LOST, Reason.UNKNOWN_ORDER):
        assert not keeper.resume(reason, 1)
    assert keeper.resume(Reason.RISK, 1)
    assert (keeper.mode, keeper.reason, keeper.epoch) == (TradingMode.EMERGENCY, Reason.RISK, 2)
    assert keeper.grant(2, OnKill.CANCEL_ENTRIES)
    assert not keeper.resume(Reason.DRAWDOWN, 2)
    assert token(page) != 0
    other, _page, _told = make()
    other.rearmed(0)
    assert not other.resume(Reason.DRAWDOWN, 1)
    assert other.mode == TradingMode.PAUSED
