"""A paper venue for each test that asks for one."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.paper.kit import BARS, Launch, Venue


@pytest.fixture
def launch(tmp_path: Path) -> Iterator[Launch]:
    venues: list[Venue] = []

    def go(data: str = BARS, rows_per_s: float = 50.0, *more: str) -> Venue:
        venues.append(Venue(tmp_path, data, rows_per_s, *more))
        return venues[-1]

    yield go
    for venue in venues:
        venue.end()
