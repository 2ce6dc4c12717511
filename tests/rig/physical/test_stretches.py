"""Recordings joined: nothing moves, gaps are marked, what does not fit is refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rig.capture.model import Capture, CaptureError
from rig.physical.stretches import join, shifted

LINES = ("HALT", "ACK")
SECOND_NS = 1_000_000_000


def stretch(start_ns: int, halt: int, *falls_ns: int, end_ns: int | None = None) -> Capture:
    """A recording in which HALT toggles at these times after its start."""
    edges = {"HALT": start_ns + np.array(falls_ns, dtype=np.int64), "ACK": np.empty(0, np.int64)}
    end_ns = start_ns + SECOND_NS if end_ns is None else end_ns
    return Capture("rig", {"HALT": halt, "ACK": 0}, edges, start_ns, end_ns, LINES)


def test_edges_of_all_recordings_are_kept_and_the_gap_is_marked() -> None:
    joined, gaps = join([stretch(0, 1, 5), stretch(3 * SECOND_NS, 0, 7)], "physical")
    assert joined.times("HALT").tolist() == [5, 3 * SECOND_NS + 7]
    assert [(gap.start_ns, gap.end_ns, gap.changed) for gap in gaps] == [
        (SECOND_NS, 3 * SECOND_NS, ())
    ]


def test_what_changed_in_a_gap_shows_where_it_is_seen_first_and_is_named() -> None:
    joined, gaps = join([stretch(0, 1), stretch(3 * SECOND_NS, 0)], "physical")
    assert joined.falling("HALT").tolist() == [3 * SECOND_NS]
    assert gaps[0].changed == ("HALT",)


@pytest.mark.parametrize("start_ns", [SECOND_NS, SECOND_NS // 2, 0])
def test_recordings_that_overlap_are_refused(start_ns: int) -> None:
    with pytest.raises(CaptureError, match="overlap"):
        join([stretch(0, 1), stretch(start_ns, 1)], "physical")


def test_no_recording_is_no_capture() -> None:
    with pytest.raises(CaptureError, match="nothing was recorded"):
        join([], "physical")


@given(
    st.lists(st.integers(1, SECOND_NS), unique=True, min_size=2).map(sorted),
    st.integers(-(2**40), 2**40),
)
def test_a_shift_changes_no_distance(times: list[int], by_ns: int) -> None:
    before = stretch(0, 1, *times)
    after = shifted(before, by_ns)
    assert np.array_equal(np.diff(after.times("HALT")), np.diff(before.times("HALT")))
    assert after.end_ns - after.start_ns == before.end_ns - before.start_ns
    assert shifted(after, -by_ns) == before
