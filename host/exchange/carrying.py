"""Doing something at the exchange once, and finding out whether it was done."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Awaitable, Callable
from typing import Any

import ccxt

from host import refusals
from host.exchange import outcomes, reasons
from host.exchange.looking import ERRORS
from host.exchange.transport import TICKET, Ticket
from host.hotpath.wiregate import WireGate

# An exchange that said `later` is asked again, with the same order: it has not taken it.
THROTTLE_PAUSE_S = 1.0
# An order or a cancel does not queue up behind questions for the exchange's rate limit.
URGENT: contextvars.ContextVar[bool] = contextvars.ContextVar("urgent", default=False)


class Carrying:
    """Orders and cancels, through the gate and on the record of what may have left.

    x -- ccxt client, whose clock is set when the exchange says that it is wrong
    """

    def __init__(self, x: Any, gate: WireGate, alarm: Callable[[str], None]) -> None:
        self._x, self._gate, self._alarm = x, gate, alarm

    async def out(self, ticket: Ticket | None, act: Callable[[], Awaitable[None]]) -> str | None:
        """Do it: None when it is done, why it is not, or "" when nobody knows.

        What the exchange has refused as too early or with a wrong time is tried once more. The gate is
        asked before anything is signed, and decides at the socket.
        """
        if ticket is not None:
            code = self._gate.permit(ticket.intent, ticket.token)
            if code != refusals.SENT:
                return refusals.NAMES[code]
        held, urgent = TICKET.set(ticket), URGENT.set(True)
        try:
            why = await self._tried(ticket, act)
            if why in (reasons.THROTTLED, reasons.CLOCK_SKEW) and await self._again(why):
                why = await self._tried(ticket, act)
            return why
        finally:
            URGENT.reset(urgent)
            TICKET.reset(held)

    async def _tried(self, ticket: Ticket | None, act: Callable[[], Awaitable[None]]) -> str | None:
        try:
            await act()
            return None
        except (*ERRORS, OSError) as error:
            self._alarm(f"{type(error).__name__}: {error}")
            return outcomes.reason(error, ticket) or ""

    async def _again(self, why: str) -> bool:
        """Wait, or set the clock; return whether it is worth another try."""
        if why == reasons.THROTTLED:
            await asyncio.sleep(THROTTLE_PAUSE_S)
            return True
        try:
            await self._x.load_time_difference()
        except ccxt.BaseError:
            return False
        return True


def urgent_first(x: Any) -> None:
    """Let urgent requests go at once; what they cost is missing to the questions that queue up."""
    wait = x.throttle

    async def throttle(cost: float | None = None) -> None:
        if not URGENT.get():
            await wait(cost)
        elif x.throttler is not None:
            x.throttler.config["tokens"] -= 1 if cost is None else cost

    x.throttle = throttle
