"""Run a connector: `python -m host.exchange EXCHANGE SYMBOL --listen SOCK --guard RUN_DIR ...`.

Without --url orders are real: then it is started by `bot4 run --live` or not at all (host.golive.permit).

Prints `ready` once it listens. Ends with 0 on SIGTERM or SIGINT, with 3 when the guard is gone, with 2
and one line on wrong use, with 1 when the exchange cannot be reached.
"""

import argparse
import asyncio
import logging
import os
import platform
import re
import signal
import sys
from pathlib import Path
from typing import NoReturn

import ccxt

from host import realtime
from host.exchange import capabilities, client, keys
from host.exchange.client import DIALECTS, Settings
from host.exchange.process import Attached, beating, serve
from host.guard.client import GuardUnreachable
from host.venues.settings import TESTNET, URL

GUARD_LOST = 3
STRATEGY = re.compile(r"[a-z0-9]{1,12}", re.ASCII)


class BadInput(ValueError):
    """A wrong argument; its text is one line."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise BadInput(message)


def _settings(argv: list[str] | None) -> tuple[Settings, argparse.Namespace]:
    parser = _Parser(prog="python -m host.exchange", description="The connector of one exchange.")
    parser.add_argument("exchange", help="ccxt id, of docs/exchanges.md")
    parser.add_argument("symbol", help="as ccxt writes it: BTC/USDT, BTC/USDT:USDT")
    parser.add_argument("--listen", required=True, metavar="SOCK", help="Unix socket to create")
    parser.add_argument("--guard", required=True, metavar="DIR", help="run directory of the guard")
    parser.add_argument("--name", default="", help="engine that it is to the guard (its ccxt id)")
    parser.add_argument(
        "--keys", default="", metavar="FILE", help="0600; else from the environment"
    )
    parser.add_argument("--url", default="", help=f"of a test server on this machine, or {TESTNET}")
    parser.add_argument("--strategy", action="append", default=[], help="whose orders are ours")
    parser.add_argument(
        "--timeout-ms", type=int, default=5_000, metavar="N", help="wait for an answer"
    )
    parser.add_argument("--poll-ms", type=int, default=0, metavar="N", help="between two looks")
    parser.add_argument("--valid-ms", type=int, default=5_000, metavar="N", help="age of an order")
    options = parser.parse_args(argv)
    for name in options.strategy:
        if not STRATEGY.fullmatch(name):
            raise BadInput(f"--strategy {name!r}: a strategy is [a-z0-9]{{1,12}}")
    for name in ("timeout_ms", "poll_ms", "valid_ms"):
        value = getattr(options, name)
        if not 100 <= value <= 60_000 and (name, value) != ("poll_ms", 0):
            raise BadInput(f"--{name.replace('_', '-')} must be 100 to 60000")
    if not URL.fullmatch(options.url):
        raise BadInput("--url: only of a server on this machine: it would be given signed orders")
    why = capabilities.why_not_live(options.exchange)
    if why:
        raise BadInput(why)
    if options.url == TESTNET and not capabilities.of(options.exchange).testnet:
        raise BadInput(f"--url: {options.exchange} has no test network with addresses of its own")
    if not options.url:
        _ask_leave(options.name or options.exchange, options.exchange)
    assert options.exchange in DIALECTS
    return Settings(
        options.exchange, options.symbol, options.listen, options.url, options.timeout_ms,
        options.poll_ms, options.valid_ms, tuple(options.strategy),
        options.url in ("", TESTNET),
    ), options  # fmt: skip


def _ask_leave(venue: str, exchange: str) -> None:
    """Raise BadInput unless a host that may go live has started us."""
    try:
        from host.golive import permit, trust

        root = trust.read(trust.PRODUCTION)
        permit.check(permit.receive(), root, platform.node() or "unnamed", venue, exchange)
    except (ImportError, ValueError) as error:
        raise BadInput(
            f"without --url orders are real, and only `bot4 run --live` starts that: {error}"
        ) from None


async def _run(settings: Settings, options: argparse.Namespace) -> int:
    row = capabilities.of(settings.exchange)
    own = keys.load(settings.exchange, options.keys)
    stop, codes = asyncio.Event(), [0]
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)

    def lost() -> None:
        codes.append(GUARD_LOST)
        stop.set()

    markets = await client.markets(settings)  # takes long: before the guard counts heartbeats
    if settings.symbol not in markets:
        raise BadInput(f"{settings.exchange} has no symbol {settings.symbol!r}")
    attached = Attached(Path(options.guard), options.name or settings.exchange)
    pulse = asyncio.create_task(beating(attached, lost))
    try:
        await serve(settings, row, own, attached.gate, attached.words, markets, stop,
                    lambda: print("ready", flush=True), attached.event)  # fmt: skip
    finally:
        pulse.cancel()
    return codes[-1]


def main(argv: list[str] | None = None) -> int:
    """Serve; return the exit code."""
    os.umask(0o077)
    logging.getLogger("ccxt").setLevel(logging.WARNING)  # its debug lines hold signed requests
    try:
        settings, options = _settings(argv)
        realtime.die_with_parent()
        return asyncio.run(_run(settings, options))
    except (BadInput, keys.BadKeys) as error:
        print(f"exchange: {error}", file=sys.stderr)
        return 2
    except GuardUnreachable as error:
        print(f"exchange: {error}", file=sys.stderr)
        return GUARD_LOST
    except (ccxt.BaseError, OSError, ValueError) as error:
        shown = keys.Keys("", "").hide(f"{type(error).__name__}: {error}")
        print(f"exchange: {shown}", file=sys.stderr)
        return 1
