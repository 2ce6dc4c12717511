"""Every test of this folder runs once for each row of STANDS."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.exchanges.stand import STANDS as EXCHANGES
from tests.venues.paper import PaperStand
from tests.venues.stand import Stand
from tests.venues.trader import Trader

# name of the venue: what puts it up in a folder
STANDS: dict[str, Callable[[Path], Stand]] = {"paper": PaperStand, **EXCHANGES}


@pytest.fixture(params=STANDS)
def venue(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stand]:
    """A venue, fresh for each test."""
    with STANDS[request.param](tmp_path) as stand:
        yield stand


@pytest.fixture
def trader(venue: Stand) -> Trader:
    """A client of it."""
    return venue.join()


@pytest.fixture
def can(trader: Trader) -> frozenset[str]:
    """What the venue says that it can."""
    return frozenset(trader.ask("rules")["can"])
