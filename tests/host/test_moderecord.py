"""The mode on disk: epochs only grow, and whatever is wrong with it is EMERGENCY with that reason."""

import time
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from controller.times import Times
from host import layout, moderecord, modes, shm
from host.guard.keeper import Keeper
from host.moderecord import EPOCH_GAP, LAST_EPOCH, ModeRecord
from host.modes import Reason, TradingMode

NOW_NS = 1_800_000_000 * 10**9


@pytest.fixture
def audit(tmp_path: Path) -> Path:
    folder = tmp_path / "audit"
    folder.mkdir()
    (folder / "audit-000001.jsonl").touch()
    return folder


def put(audit: Path, **changed: object) -> None:
    good = ModeRecord(1, "pi", "NORMAL", "CONDITIONS_HELD", 7, NOW_NS)
    content = {**msgspec.to_builtins(good), **changed}
    moderecord.beside(audit).write_bytes(msgspec.json.encode(content))


def test_the_first_start_begins_at_one(tmp_path: Path) -> None:
    assert moderecord.begin(tmp_path / "audit", "pi", NOW_NS)[:2] == (1, Reason.NOT_ARMED)


def test_what_was_saved_is_gone_on_from(audit: Path) -> None:
    moderecord.save(moderecord.beside(audit), ModeRecord(1, "pi", "NORMAL", "REARMED", 9, NOW_NS))
    beginning = moderecord.begin(audit, "pi", NOW_NS)
    assert beginning == (9 + EPOCH_GAP, Reason.NOT_ARMED, "last: NORMAL REARMED 9")


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"host_id": "other"}, "of another host: 'other'"),
        ({"wall_ns": NOW_NS + 3 * 10**9}, "of the future"),
        ({"epoch": LAST_EPOCH}, "of the future"),
        ({"epoch": LAST_EPOCH + 1}, "unreadable"),
        ({"epoch": 0}, "unreadable"),
        ({"epoch": "7"}, "unreadable"),
        ({"version": 2}, "unreadable"),
        ({"mode": "FREE"}, "unreadable"),
        ({"reason": "BECAUSE"}, "unreadable"),
        ({"wall_ns": -1}, "unreadable"),
        ({"more": 1}, "unreadable"),
    ],
)
def test_each_wrong_field_is_emergency_with_that_reason(
    audit: Path, changed: dict, words: str
) -> None:
    put(audit, **changed)
    beginning = moderecord.begin(audit, "pi", NOW_NS)
    assert beginning.reason == Reason.MODE_RECORD
    assert words in beginning.detail
    assert beginning.epoch > 7


def test_missing_beside_a_log_and_a_folder_in_its_place_are_refused(audit: Path) -> None:
    assert moderecord.begin(audit, "pi", NOW_NS).reason == Reason.MODE_RECORD
    moderecord.beside(audit).mkdir()
    assert moderecord.begin(audit, "pi", NOW_NS).reason == Reason.MODE_RECORD


@given(st.binary(max_size=200))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_no_bytes_in_the_file_raise(audit: Path, content: bytes) -> None:
    moderecord.beside(audit).write_bytes(content)
    beginning = moderecord.begin(audit, "pi", NOW_NS)
    assert beginning.reason == Reason.MODE_RECORD
    assert 1 <= beginning.epoch <= LAST_EPOCH


def test_a_cut_record_is_refused_at_every_length(audit: Path) -> None:
    put(audit)
    whole = moderecord.beside(audit).read_bytes()
    for length in range(len(whole)):
        moderecord.beside(audit).write_bytes(whole[:length])
        assert moderecord.begin(audit, "pi", NOW_NS).reason == Reason.MODE_RECORD


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), max_size=8))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_no_epoch_is_ever_used_twice(audit: Path, runs: list[tuple[int, bool]]) -> None:
    put(audit)
    used, wall_ns = {7}, NOW_NS
    for steps, saved in runs:
        wall_ns += 10**9
        page = shm.create(layout.KIND_GUARD, "test")
        keeper = Keeper(page.words, Times("production"), lambda *_step: None)
        keeper.begin(*moderecord.begin(audit, "pi", wall_ns))
        assert keeper.stopped
        first = keeper.epoch
        for _step in range(steps):
            keeper.rearmed(0)
            keeper.down(Reason.OPERATOR, 0)
        mine = set(range(first, keeper.epoch + 1))
        assert not mine & used
        assert min(mine) > max(used)
        # What a guard that dies leaves on disk: its last epoch, or only the one it began with.
        used |= mine
        put(audit, epoch=keeper.epoch if saved else first, wall_ns=wall_ns)
        page.close()


def test_a_beginning_is_emergency_in_the_word_too(audit: Path) -> None:
    page = shm.create(layout.KIND_GUARD, "test")
    keeper = Keeper(page.words, Times("production"), lambda *_step: None)
    keeper.begin(*moderecord.begin(audit, "pi", time.time_ns()))
    mode, reason, epoch = modes.unpack(page.words.load(layout.GUARD_MODE))
    assert (mode, reason, epoch) == (TradingMode.EMERGENCY, Reason.MODE_RECORD, keeper.epoch)
    assert keeper.resume(Reason.RISK, 0)  # a ladder of an earlier run is still gone on with
    page.close()
