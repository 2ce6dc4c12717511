"""The mode word and its keeper: down at once, up only as the table says."""

from hypothesis import given
from hypothesis import strategies as st

from controller.times import Times
from host import layout, modes, shm
from host.guard.keeper import Keeper
from host.modes import OnKill, Reason, Rung, TradingMode

TIMES = Times("production")
HOLD_NS = TIMES.step_up_hold_ms * 1_000_000


def make(on_kill: OnKill = OnKill.CANCEL_ENTRIES) -> tuple[Keeper, shm.Page, list]:
    page = shm.create(layout.KIND_GUARD, "test")
    told: list = []
    return Keeper(page.words, TIMES, lambda *step: told.append(step), on_kill), page, told


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


@given(st.integers(0, 2**64 - 1))
def test_a_word_that_nobody_of_the_guard_wrote_is_an_emergency(word: int) -> None:
    keeper, page, told = make()
    keeper.rearmed(1)
    ours = page.words.load(layout.GUARD_MODE)
    page.words.store(layout.GUARD_MODE, word)
    keeper.conditions_hold(2)
    if word == ours:
        assert keeper.mode == TradingMode.PAUSED
    else:
        assert keeper.stopped
        assert modes.unpack(page.words.load(layout.GUARD_MODE))[0] == TradingMode.EMERGENCY
        assert told[-1][1] in (Reason.GUARD_FAULT, Reason.HALT_LINE)


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


def test_the_token_is_of_this_emergency_and_no_press_has_one_but_under_flatten() -> None:
    for on_kill in (OnKill.CANCEL_ENTRIES, OnKill.CANCEL_ALL):
        keeper, page, _told = make(on_kill)
        keeper.rearmed(0)
        keeper.down(Reason.HALT_LINE, 1)
        assert not keeper.grant(keeper.epoch)
        assert token(page) == 0
    keeper, page, _told = make(OnKill.FLATTEN)
    assert not keeper.grant(keeper.epoch)  # NOT_ARMED
    keeper.rearmed(0)
    assert not keeper.grant(keeper.epoch)  # not an emergency
    keeper.down(Reason.HALT_LINE, 1)
    assert not keeper.grant(keeper.epoch - 1)
    assert not keeper.grant(keeper.epoch + 1)
    assert token(page) == 0
    seen = set()
    for _ in range(50):
        assert keeper.grant(keeper.epoch)
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
    assert keeper.grant(2)
    assert not keeper.resume(Reason.DRAWDOWN, 2)
    assert token(page) != 0
    other, _page, _told = make()
    other.rearmed(0)
    assert not other.resume(Reason.DRAWDOWN, 1)
    assert other.mode == TradingMode.PAUSED


# -- an emergency that goes further -----------------------------------------------------------------


SPEAKING = ("RISK", "OPERATOR", "DRAWDOWN", "SWITCH_PRESSED")
BOX = (
    "NOT_ARMED",
    "MODE_RECORD",
    "HALT_LINE",
    "CONTROLLER_TRIP",
    "CONTROLLER_STATUS",
    "SWITCH_PRESSED",
)


def rungs(reasons: list[Reason], on_kill: OnKill) -> tuple[Rung, bool]:
    """Return the end of an emergency, and whether stops go as well, by the words of docs/modes.md."""
    first, *later = reasons
    if first.name in BOX:
        later = []
    speaking = [reason for reason in later if reason.name in SPEAKING]
    return max(modes.how_far(reason, on_kill) for reason in (first, *speaking))


STOPPING = [reason for reason, level in modes.LEVEL_OF.items() if level == TradingMode.EMERGENCY]


@given(
    st.sampled_from(OnKill), st.sampled_from(STOPPING), st.lists(st.sampled_from(list(modes.FIRST)))
)
def test_an_emergency_reaches_the_furthest_rung_of_its_reasons_and_never_goes_back(
    on_kill: OnKill, first: Reason, later: list[Reason]
) -> None:
    keeper, page, told = make(on_kill)
    keeper.rearmed(0)
    assert keeper.down(first, 1)
    reached = modes.how_far(first, on_kill)
    for number, reason in enumerate(later, start=1):
        epoch, was = keeper.epoch, keeper.reason
        if reason == Reason.RISK:  # has stood long enough to be an emergency by itself
            stand(keeper, reason, number * 200_000, number * 200_000 + 121_000)
        changed = keeper.down(reason, (number * 200_000 + 121_000) * MS) or keeper.epoch != epoch
        now = modes.how_far(keeper.reason, on_kill)
        assert changed == (now > reached)
        assert keeper.epoch == epoch + changed
        if changed:
            assert told[-1][1:] == (reason, keeper.epoch, "", was)  # both reasons are on record
        reached = now
    assert reached == rungs([first, *later], on_kill)
    closes = reached[0] == Rung.LIQUIDATE
    # What did not begin at the box may place a missing stop, unless a kill wants the stops gone.
    guards = keeper.reason.name not in BOX and not (
        on_kill == OnKill.CANCEL_ALL and modes.LAST[keeper.reason] is modes.BY_ON_KILL
    )
    assert keeper.grant(keeper.epoch) == (closes or guards)
    assert modes.unpack(page.words.load(layout.GUARD_MODE))[0] == TradingMode.EMERGENCY


def test_what_follows_from_an_emergency_or_a_kill_at_the_box_never_takes_it_further() -> None:
    for on_kill in OnKill:
        for reason in Reason:
            for at_the_box in modes.AT_THE_BOX:
                assert not modes.escalates(at_the_box, reason, on_kill)
            assert not modes.escalates(reason, Reason.HALT_LINE, on_kill)
            assert not modes.escalates(reason, Reason.ENGINE_LOST, on_kill)
            assert not modes.escalates(Reason.REARMED, reason, on_kill)
        drawn = modes.escalates(Reason.OPERATOR, Reason.DRAWDOWN, on_kill)
        assert drawn == (on_kill != OnKill.FLATTEN)


def test_a_press_leads_to_the_same_end_whether_the_host_has_stopped_by_itself_or_not() -> None:
    for on_kill in OnKill:
        for before in STOPPING:
            if before in modes.AT_THE_BOX:
                continue
            keeper, _page, _told = make(on_kill)
            keeper.rearmed(0)
            keeper.down(before, 1)
            keeper.down(Reason.SWITCH_PRESSED, 2)
            pressed_first = modes.how_far(Reason.HALT_LINE, on_kill)
            assert modes.how_far(keeper.reason, on_kill) >= pressed_first


def test_an_emergency_that_goes_further_revokes_the_token_of_the_ladder_before() -> None:
    keeper, page, _told = make(OnKill.FLATTEN)
    keeper.rearmed(0)
    keeper.down(Reason.VENUE_LOST, 1)
    assert keeper.grant(keeper.epoch)  # for a stop that is missing
    assert keeper.down(Reason.OPERATOR, 2)  # `bot4 halt` under "flatten" closes the position
    assert token(page) == 0
    assert keeper.grant(keeper.epoch)
    assert not keeper.down(Reason.DRAWDOWN, 3)  # no further
    assert token(page) != 0


def test_risk_that_has_not_yet_stood_long_enough_does_not_take_an_emergency_further() -> None:
    keeper, _page, _told = make()
    keeper.rearmed(0)
    keeper.down(Reason.OPERATOR, 0)
    stand(keeper, Reason.RISK, 0, 119_000)
    assert keeper.reason == Reason.OPERATOR
    stand(keeper, Reason.RISK, 119_000, 121_000)
    assert keeper.reason == Reason.RISK
