"""The ccxt client of one exchange, whose every byte goes through our transport."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import aiohttp
import ccxt.pro
import certifi

from host.exchange.binance import Spot, Usdm
from host.exchange.capabilities import Exchange
from host.exchange.carrying import urgent_first
from host.exchange.dialect import Dialect
from host.exchange.keys import Keys
from host.exchange.kraken import Kraken
from host.exchange.okx import Okx
from host.exchange.reach import ANYWHERE, HERE, Reach
from host.exchange.transport import GatedConnector
from host.hotpath.wiregate import WireGate
from host.venues.settings import TESTNET

DIALECTS: dict[str, type[Dialect]] = {
    "binance": Spot,
    "binanceusdm": Usdm,
    "kraken": Kraken,
    "okx": Okx,
}


@dataclass(frozen=True)
class Settings:
    """What one connector serves.

    url -- of a test server that speaks the exchange's dialect, or TESTNET; empty: the exchange itself
    timeout_ms -- how long an answer is waited for
    poll_ms -- time between two looks at the account that nothing has called for; 0: as its row says
    valid_ms -- the exchange refuses an order that reaches it later than that
    strategies -- whose orders are ours, in this run and all before it
    throttled -- ccxt keeps to the exchange's rate limits; not before a test server
    """

    exchange: str
    symbol: str
    socket: str
    url: str = ""
    timeout_ms: int = 5_000
    poll_ms: int = 0
    valid_ms: int = 5_000
    strategies: tuple[str, ...] = ()
    throttled: bool = True


def make(
    settings: Settings,
    row: Exchange,
    keys: Keys,
    gate: WireGate,
    markets: Any,
    alarm: Callable[[str], None],
) -> Any:
    """Return the client; it has no session but ours, and goes through no proxy.

    ccxt does not repeat requests here (`maxRetriesOnFailure`): what is repeated, and when, is decided
    where it is known what it did. Raises KeyError for an exchange without a dialect.
    """
    tls = ssl.create_default_context(cafile=certifi.where())
    connector = GatedConnector(gate, row.traffic, alarm, reach(settings, row), tls)
    x = getattr(ccxt.pro, settings.exchange)({
        "apiKey": keys.key,
        "secret": keys.secret,
        "password": keys.passphrase,
        "session": aiohttp.ClientSession(connector=connector, trust_env=False),
        "asyncio_loop": asyncio.get_running_loop(),
        "timeout": settings.timeout_ms,
        "enableRateLimit": settings.throttled,
        "options": {
            "maxRetriesOnFailure": 0,
            "recvWindow": settings.valid_ms,
            "warnOnFetchOpenOrdersWithoutSymbol": False,
            # Asked for by itself after every connection; nobody here reads it.
            "watchBalance": {"fetchBalanceSnapshot": False, "awaitBalanceSnapshot": False},
            "watchPositions": {"fetchPositionsSnapshot": False, "awaitPositionsSnapshot": False},
            "ws": {"options": {"compress": 0}},  # a compressed message cannot be read at the gate
        },
    })  # fmt: skip
    x.tokenBucket |= {"capacity": row.burst, "tokens": row.burst}
    x.init_throttler()
    urgent_first(x)
    _prepare(settings, x)
    x.set_markets(markets)
    return x


def reach(settings: Settings, row: Exchange) -> Reach:
    """Return where the client may connect to."""
    if settings.url == TESTNET:
        return Reach(row.testnet)
    return HERE if settings.url else ANYWHERE


async def markets(settings: Settings) -> Any:
    """Return what the exchange trades, asked without keys: a long answer, read before anyone waits."""
    x = getattr(ccxt.pro, settings.exchange)({"timeout": max(30_000, settings.timeout_ms)})
    _prepare(settings, x)
    try:
        return await x.load_markets()
    finally:
        await x.close()


def _prepare(settings: Settings, x: Any) -> None:
    x.has["fetchCurrencies"] = False  # a private call, and large, that nothing here needs
    kind = "spot" if ":" not in settings.symbol else "linear" if "binance" in x.id else "swap"
    x.options["fetchMarkets"] = {"types": [kind]}
    if settings.url == TESTNET:
        x.set_sandbox_mode(True)
    elif settings.url:
        x.timeout_on_exit = 0  # ms that ccxt gives TLS to say good-bye
        x.urls["api"] = _moved(x.urls["api"], settings.url)


def dialect(settings: Settings, x: Any) -> Dialect:
    """Return how to speak to the exchange about the symbol; the markets must be loaded."""
    return DIALECTS[settings.exchange](x, settings.symbol, settings.valid_ms)


async def close(x: Any) -> None:
    """Close every connection."""
    session = x.session
    await x.close()
    if session is not None:
        await session.close()


def _moved(where: Any, url: str) -> Any:
    """Every address of an exchange, at a server of ours: path and kind (HTTP, WebSocket) stay."""
    if isinstance(where, dict):
        return {name: _moved(part, url) for name, part in where.items()}
    if not isinstance(where, str) or "://" not in where:
        return where
    was, now = urlsplit(where), urlsplit(url)
    secure = "s" if now.scheme == "https" else ""
    scheme = ("ws" if was.scheme.startswith("ws") else "http") + secure
    return urlunsplit((scheme, now.netloc, was.path, was.query, ""))
