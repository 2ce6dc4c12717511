"""With a test server's address no connection goes anywhere else, whatever an address turns into."""

import asyncio
import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import ccxt.pro
import pytest

from host.exchange import capabilities, client
from host.exchange.client import Settings
from host.exchange.reach import ANYWHERE, HERE, OutOfReach, Reach
from host.exchange.transport import GatedConnector
from host.venues.settings import TESTNET
from tests.exchanges.stand import Permit

ELSEWHERE = ("api.kraken.com", "127.0.0.1.evil.com", "localhost.evil.com", "evil", "", None)


@pytest.mark.parametrize("name", ELSEWHERE)
def test_a_name_that_is_not_this_machine_is_out_of_reach(name: str | None) -> None:
    with pytest.raises(OutOfReach):
        HERE.check_name(name)


@pytest.mark.parametrize("address", ["192.0.2.1", "10.0.0.1", "::ffff:192.0.2.1", "2001:db8::1"])
def test_an_address_that_is_not_this_machine_is_out_of_reach(address: str) -> None:
    with pytest.raises(OutOfReach):
        HERE.check_address(address)
    for good in ("127.0.0.1", "127.9.9.9", "::1"):
        HERE.check_address(good)
    ANYWHERE.check_address(address)
    ANYWHERE.check_name("api.kraken.com")


@pytest.fixture
def permit() -> Iterator[Permit]:
    made = Permit()
    yield made
    made.close()


def test_no_socket_is_made_to_elsewhere(permit: Permit) -> None:
    row = capabilities.of("kraken")

    async def main() -> None:
        connector = GatedConnector(permit.gate, row.traffic, [].append, HERE)
        with pytest.raises(
            OutOfReach
        ):  # a name of this machine, and an address that is not its own
            connector._socket((socket.AF_INET, socket.SOCK_STREAM, 0, "", ("192.0.2.1", 443)))
        async with aiohttp.ClientSession(connector=connector) as session:
            for url in ("http://192.0.2.1/", "https://api.kraken.com/0/public/Time"):
                with pytest.raises(aiohttp.ClientOSError, match="out of reach"):
                    await session.get(url)
            with pytest.raises(aiohttp.ClientOSError, match="out of reach"):
                await session.ws_connect("wss://ws-auth.kraken.com/v2")

    asyncio.run(main())


# What the connector uses of ccxt's addresses.
USED = {
    "binance": ("public", "private", ("ws", "spot"), ("ws", "ws-api", "spot")),
    "binanceusdm": ("fapiPublic", "fapiPrivate", ("ws", "linear"), ("ws", "ws-api", "linear")),
}


@pytest.mark.parametrize("name", sorted(row.id for row in capabilities.ROWS if row.tested))
def test_a_test_network_has_hosts_of_its_own_or_is_refused(name: str) -> None:
    row = capabilities.of(name)
    assert bool(row.testnet) == (name in USED)
    if not row.testnet:
        return
    reach = client.reach(Settings(name, "BTC/USDT", "", TESTNET), row)
    assert reach == Reach(row.testnet)
    real, test = getattr(ccxt.pro, name)(), getattr(ccxt.pro, name)()
    test.set_sandbox_mode(True)
    for path in USED[name]:
        reach.check_name(urlsplit(_at(test, path)).hostname)
        with pytest.raises(OutOfReach):
            reach.check_name(urlsplit(_at(real, path)).hostname)


def _at(x: Any, path: str | tuple[str, ...]) -> str:
    found = x.urls["api"]
    for word in (path,) if isinstance(path, str) else path:
        found = found[word]
    return str(found)
