"""Leaves nothing open behind a test."""

from collections.abc import Iterator

import pytest

from tests.enrichment import kit


@pytest.fixture(autouse=True)
def _close_parts() -> Iterator[None]:
    yield
    while kit.MADE:
        kit.run(kit.MADE.pop().close())
