"""The measurements of the path measure: every order leaves and is accepted, or it is an error."""

import numpy as np
import pytest
from host.hotpath.pathbench import orders, stream
from host.hotpath.words import now_ns

from host.perf import engine, venue
from host.perf.table import SPECIFICATION


def test_every_row_has_figures_and_nothing_is_allocated(capsys: pytest.CaptureFixture) -> None:
    found = [*engine.rows(5_000), *venue.rows(2 * venue.BATCH, 2)[:1]]
    with capsys.disabled():
        for row in found:
            print(f"\n  {row['what']}: p50 {row['p50']} p99 {row['p99']} {row['unit']}", end="")
    answers = {answer for _what, answer, _figure in SPECIFICATION}
    assert {row["what"] for row in found} <= answers
    by_what = {str(row["what"]): row for row in found}
    assert by_what["allocations per tick"]["max"] == 0
    assert by_what["orders, decision to paper venue"]["p50"] > 0  # type: ignore[operator]
    assert by_what["tick -> order handed to the venue"]["p50"] > 0  # type: ignore[operator]


def test_an_order_that_does_not_leave_is_no_fast_one() -> None:
    with engine.path() as (pipeline, guard, ours, theirs):
        none = np.zeros(0, np.int64)
        with pytest.raises(RuntimeError, match=r"tick 1: BAD_NUMBER"):
            orders(pipeline, guard, np.array([100.0, -1.0]), ours.fileno(), -1, now_ns(), 1, none)
        with pytest.raises(RuntimeError, match="SEND_FAILED"):
            stream(pipeline, guard, engine.prices(1), -1)
        theirs.close()
        with pytest.raises(RuntimeError, match="SEND_FAILED"):
            stream(pipeline, guard, engine.prices(1), ours.fileno())
