"""What can be known about edges that never arrived."""

from hypothesis import given
from hypothesis import strategies as st

from host.pins.edges import EdgeOrder


def lost(*edges: tuple[int, int]) -> int:
    """Return how many edges are missing from a list of (sequence number, level after)."""
    order = EdgeOrder()
    for sequence, level in edges:
        order.take(sequence, level)
    return order.lost


def test_edges_in_order_lose_nothing() -> None:
    assert lost((1, 1), (2, 0), (3, 1)) == 0


def test_a_gap_counts_what_is_missing_also_before_the_first() -> None:
    assert lost((4, 1)) == 3
    assert lost((1, 1), (2, 0), (9, 1)) == 6


def test_two_edges_the_same_way_are_one_lost_between_them() -> None:
    assert lost((1, 1), (2, 1)) == 1
    assert lost((1, 0), (2, 0), (3, 1)) == 1


def test_a_gap_is_not_counted_again_as_a_repeated_direction() -> None:
    assert lost((1, 1), (3, 1)) == 1


def test_the_numbers_wrap() -> None:
    order = EdgeOrder()
    order._next = 0xFFFFFFFF
    order.take(0xFFFFFFFF, 1)
    order.take(0, 0)
    order.take(3, 1)
    assert order.lost == 2


@given(
    kept=st.lists(st.booleans(), min_size=1, max_size=60).filter(any),
    first=st.integers(0, 1),
)
def test_of_a_dropped_part_everything_before_the_last_kept_edge_is_counted(
    kept: list[bool], first: int
) -> None:
    edges = [(place + 1, (first + place) & 1) for place in range(len(kept))]
    seen = [edge for edge, keep in zip(edges, kept, strict=True) if keep]
    assert lost(*seen) == seen[-1][0] - len(seen)
