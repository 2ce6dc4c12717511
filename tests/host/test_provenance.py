"""Every order says who made it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host.engine.provenance import LADDER, Ids, Origin, read

RUN = 0x18C2F0A1B2C


def test_an_id_carries_strategy_run_epoch_and_number() -> None:
    ids = Ids("trend", RUN)
    assert ids.make("trend", 7) == "trend.18c2f0a1b2c.7.1"
    assert read(ids.make(LADDER, 8)) == Origin("ladder", RUN, 8, 2)
    with pytest.raises(ValueError, match="no strategy"):
        ids.make("other", 7)


@pytest.mark.parametrize(
    ("order_id", "ours"),
    [
        (f"trend.{RUN:x}.7.1", True),
        (f"ladder.{RUN - 1:x}.7.999", True),  # of an earlier run
        (f"trend.{RUN:x}.7.2", False),  # this run never made a second one
        (f"trend.{RUN:x}.7.0", False),
        (f"trend.{RUN + 1:x}.7.1", False),  # of a run to come
        (f"other.{RUN - 1:x}.7.1", False),
        ("web-1234", False),
        ("", False),
        (f"trend.{RUN:x}.7.1\n", False),
        (f"trend.{RUN:x}.7.١", False),
    ],
)
def test_which_ids_are_ours(order_id: str, ours: bool) -> None:
    ids = Ids("trend", RUN)
    ids.make("trend", 7)
    assert ids.ours(order_id) == ours


@given(st.text(max_size=64))
def test_no_text_is_ours_before_anything_was_made_unless_it_names_an_earlier_run(text: str) -> None:
    origin = read(text)
    assert Ids("trend", RUN).ours(text) == (
        origin is not None and origin.strategy in ("trend", LADDER) and origin.run < RUN
    )
