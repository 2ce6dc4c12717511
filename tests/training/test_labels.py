"""Labels against a slow reading of their rules, and that nothing is known before its time."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from host.data.reader import BadData, Series
from host.features.checks import disturbed
from host.training.labels import DOWN, OVER, UP, Label, labelled, parsed, volatility
from tests.features.test_features import walk


def slowly(series: Series, at: int, label: Label) -> tuple[int, int]:
    """The label of one row, and the bar with which it is known; -1: there is none."""
    if at + label.rows >= series.rows:
        return 0, -1
    if label.kind == "forward":
        rises = series.price[at + label.rows] > series.price[at]
        return UP if rises else DOWN, at + label.rows
    far = label.width * math.sqrt(label.rows) * volatility(series.price[: at + 1])[-1]
    if far == 0:
        return 0, -1
    upper, lower = series.price[at] * np.exp(far), series.price[at] * np.exp(-far)
    assert series.low is not None
    assert series.high is not None
    for later in range(at + 1, at + label.rows + 1):
        if series.low[later] <= lower:
            return DOWN, later
        if series.high[later] >= upper:
            return UP, later
    return OVER, at + label.rows


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 10**6),
    st.integers(30, 120),
    st.builds(Label, st.sampled_from(["forward", "triple"]), st.integers(1, 25),
              st.sampled_from([0.3, 1.0, 2.5])),
)  # fmt: skip
def test_labels_are_what_their_rule_says(seed: int, rows: int, label: Label) -> None:
    series = walk(rows, seed)
    found = labelled(series, label)
    for at in range(rows):
        value, known = slowly(series, at, label)
        assert found.known[at] == known
        assert known < 0 or found.values[at] == value


@pytest.mark.parametrize("label", [Label("forward", 5), Label("triple", 10, 1.0)])
def test_what_comes_after_a_label_is_known_does_not_change_it(label: Label) -> None:
    series = walk(300, 3)
    first = labelled(series, label)
    cut = 200
    later = labelled(disturbed(series, cut, 1.5), label)
    before = (first.known >= 0) & (first.known < cut)
    assert before.sum() > 150
    assert np.array_equal(first.values[before], later.values[before])
    assert np.array_equal(first.known[before], later.known[before])
    assert not np.array_equal(first.values, later.values)


def test_a_bar_that_touches_both_barriers_is_a_fall() -> None:
    series = walk(60, 1)
    assert series.high is not None
    assert series.low is not None
    series.high[40], series.low[40] = series.price.max() * 9, series.price.min() / 9
    assert labelled(series, Label("triple", 3, 3.0)).values[39] == DOWN


def test_labels_by_name() -> None:
    for text in ("forward:24", "triple:24:1.5"):
        assert parsed(text).text == text
    for wrong in ("", "forward", "forward:0", "forward:x", "triple:5", "triple:5:0", "triple:5:-1",
                  "forward:99999", "forward:1_0"):  # fmt: skip
        with pytest.raises(ValueError, match="label"):
            parsed(wrong)


def test_a_series_without_a_future_is_refused() -> None:
    with pytest.raises(BadData, match="no future of 30"):
        labelled(walk(30, 1), Label("forward", 30))
