"""Kraken spot."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Any

import ccxt

from host.exchange.dialect import (
    Dialect,
    Placing,
    Report,
    Rules,
    State,
    Trade,
    above_zero,
    amount,
    least,
    number,
    side,
    table,
    text,
)

_STATES: dict[str, State] = {
    "pending": "open", "open": "open", "closed": "filled",
    "canceled": "cancelled", "expired": "cancelled",
}  # fmt: skip
# The exchange takes a deadline between 2 and 60 s after now.
_LEAST_VALID_MS = 2_000
_TRIES = 4


class Kraken(Dialect):
    """Kraken spot; quantities in base currency, stops as `stop-loss` market orders."""

    def __init__(self, x: Any, symbol: str, valid_ms: int) -> None:
        super().__init__(x, symbol, valid_ms)
        # Nonces must rise, over restarts as well: ccxt's fall back with every estimate of the exchange's
        # clock, which is one of whole seconds.
        x.nonce = x.milliseconds

    def _now_ms(self) -> int:
        """The exchange's clock."""
        return int(self.x.milliseconds()) - int(self.x.options.get("timeDifference") or 0)

    async def _call(self, path: str, **fields: Any) -> dict[str, Any]:
        wanted = {key: value for key, value in fields.items() if value is not None}
        for left in reversed(range(_TRIES)):
            try:
                answer = table(await getattr(self.x, f"privatePost{path}")(wanted))
                return table(answer.get("result"))
            except ccxt.InvalidNonce:
                # Nonces must arrive rising, and requests on two connections may overtake each other. The
                # exchange has done nothing, so this one goes again, with the next nonce.
                if not left:
                    raise
        raise AssertionError("the last try returns or raises")

    def rules(self) -> Rules:
        """Return the rules of the pair."""
        info = self.market["info"]
        step = Decimal(1).scaleb(-int(number(info["lot_decimals"])))
        tick = info.get("tick_size")
        return Rules(
            str(self.market["base"]), str(self.market["quote"]),
            amount(tick) if tick else Decimal(1).scaleb(-int(number(info["pair_decimals"]))),
            step, least(step, info.get("ordermin")), Decimal(10**9), amount(info.get("costmin") or "0"),
        )  # fmt: skip

    async def place(self, order: Placing) -> None:
        """Place a new order, which the matching engine refuses once it is too old."""
        kind = {"stop": "stop-loss"}.get(order.kind, order.kind)
        valid = datetime.timedelta(milliseconds=max(self.valid_ms, _LEAST_VALID_MS))
        deadline = datetime.datetime.fromtimestamp(self._now_ms() / 1000, datetime.UTC) + valid
        await self._call(
            "AddOrder", pair=self.pair, type=order.side, ordertype=kind, volume=order.qty,
            price=order.stop or order.price, timeinforce="IOC" if order.ioc else None,
            oflags="post" if order.post_only else None, cl_ord_id=order.wire,
            deadline=deadline.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z",
        )  # fmt: skip

    async def cancel(self, order: Report) -> None:
        """Cancel an order."""
        try:
            await self._call("CancelOrder", txid=order.ref)
        except ccxt.InvalidOrder as error:
            raise ccxt.OrderNotFound(str(error)) from error

    async def amend(self, order: Report, qty: str, price: str | None, stop: str | None) -> None:
        """Change an order in its place."""
        try:
            await self._call("AmendOrder", txid=order.ref, order_qty=qty, limit_price=price,
                             trigger_price=stop)  # fmt: skip
        except ccxt.InvalidOrder as error:
            if "Unknown order" in str(error):
                raise ccxt.OrderNotFound(str(error)) from error
            raise

    async def cancel_all(self, orders: list[Report]) -> None:
        """Cancel everything of the account: Kraken knows no symbol here."""
        await self._call("CancelAll")

    async def open_orders(self) -> list[Report]:
        """Return every open order of the pair."""
        return await self._listed("OpenOrders", "open")

    async def order(self, wire: str) -> Report | None:
        """Return an order by its client order id."""
        for path, key in (("OpenOrders", "open"), ("ClosedOrders", "closed")):
            for report in await self._listed(path, key, cl_ord_id=wire):
                if report.wire == wire:
                    return report
        return None

    async def order_by_ref(self, ref: str) -> Report:
        """Return an order by its txid."""
        found = await self._call("QueryOrders", txid=ref)
        if ref not in found:
            raise ccxt.OrderNotFound(f"kraken: {ref}")
        return self._report(ref, table(found[ref]))

    async def trades(self, since_ms: int) -> list[Trade]:
        """Return the executions of the pair; the exchange has the newest on its first page."""
        found: dict[str, Any] = {}
        while True:
            start = since_ms // 1000 or None
            page = await self._call("TradesHistory", start=start, ofs=len(found) or None)
            more = {name: row for name, row in table(page["trades"]).items() if name not in found}
            found |= more
            if len(found) >= number(page["count"]) or not more:
                break
        mine = [
            self._trade(name, table(row)) for name, row in found.items() if self._here(row["pair"])
        ]
        return sorted(mine, key=lambda trade: (trade.at_ms, trade.trade))

    async def position(self) -> tuple[Decimal, Decimal]:
        """Return both balances."""
        held = await self._call("Balance")
        info = self.market["info"]
        return tuple(number(held.get(info[which], "0")) for which in ("base", "quote"))  # type: ignore[return-value]

    async def mark(self) -> Decimal:
        """Return the last price."""
        answer = table(table(await self.x.publicGetTicker({"pair": self.pair}))["result"])
        return amount(next(iter(answer.values()))["c"][0])

    async def deadman(self, timeout_ms: int) -> int:
        """Set the timer of the account, in whole seconds."""
        seconds = -(-timeout_ms // 1000)
        await self._call("CancelAllOrdersAfter", timeout=seconds)
        return seconds * 1000

    async def _listed(self, path: str, key: str, **fields: Any) -> list[Report]:
        found = table((await self._call(path, **fields))[key])
        at = {ref: row["opentm"] for ref, row in found.items()}
        reports = [
            self._report(ref, table(found[ref])) for ref in sorted(at, key=lambda ref: at[ref])
        ]
        return [report for report in reports if report is not None]

    def _here(self, pair: Any) -> bool:
        return pair in (self.pair, self.market["altname"], self.market["wsId"])

    def _report(self, ref: str, row: dict[str, Any]) -> Report:
        what = table(row["descr"])
        stop = text(what["ordertype"]) == "stop-loss"
        price = above_zero(what.get("price"))
        return Report(
            text(row.get("cl_ord_id") or ""), ref, side(what["type"]), amount(row["vol"]),
            amount(row["vol_exec"]), None if stop else price, price if stop else None, False,
            _STATES.get(text(row["status"]), "open"), (ref,),
        )  # fmt: skip

    def _trade(self, name: str, row: dict[str, Any]) -> Trade:
        return Trade(
            text(row["ordertxid"]), name, side(row["type"]), amount(row["vol"]), amount(row["price"]),
            number(row.get("fee") or "0"), str(self.market["quote"]), row.get("maker") is True,
            int(row["time"] * 1000),
        )  # fmt: skip
