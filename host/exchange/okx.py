"""OKX, spot and linear swaps. Stops are algo orders, swaps are counted in contracts of `ctVal`."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import ccxt

from host.exchange.dialect import (
    ZERO,
    Dialect,
    Hostile,
    Placing,
    Report,
    Rules,
    State,
    Trade,
    above_zero,
    amount,
    least,
    number,
    rows,
    side,
    table,
    text,
)
from host.venues.messages import plain

_STATES: dict[str, State] = {
    "live": "open", "partially_filled": "open", "filled": "filled", "canceled": "cancelled",
    "mmp_canceled": "cancelled", "pause": "open", "effective": "open", "order_failed": "rejected",
}  # fmt: skip
_PAGE = 100
_WOULD_TAKE = "31"
_DATED = ("trade/order", "trade/amend-order")  # algo orders have no such time
_SPOT = Decimal(1)


class Okx(Dialect):
    """OKX in net mode: one position a symbol."""

    def __init__(self, x: Any, symbol: str, valid_ms: int) -> None:
        super().__init__(x, symbol, valid_ms)
        self._swap = self.market["swap"] is True
        self._unit = amount(self.market["info"]["ctVal"]) if self._swap else _SPOT
        self._mode = "cross" if self._swap else "cash"
        self._date(x)

    def _date(self, x: Any) -> None:
        """Give orders a time after which they are refused: a header, for which ccxt has no place."""
        sign = x.sign

        def dated(path: str, *rest: Any, **more: Any) -> dict[str, Any]:
            signed: dict[str, Any] = sign(path, *rest, **more)
            if path in _DATED:
                signed["headers"]["expTime"] = str(int(x.nonce()) + self.valid_ms)
            return signed

        x.sign = dated

    async def _call(self, verb: str, path: str, **fields: Any) -> list[dict[str, Any]]:
        wanted = {key: value for key, value in fields.items() if value is not None}
        method = getattr(self.x, f"private{verb}Trade{path}")
        return rows(table(await method({"instId": self.pair, **wanted})).get("data"))

    def rules(self) -> Rules:
        """Return the rules of the instrument."""
        info = self.market["info"]
        step = amount(info["lotSz"]) * self._unit
        most = info.get("maxLmtSz") or "999999999"
        return Rules(
            str(self.market["base"]), str(self.market["quote"]), amount(info["tickSz"]), step,
            least(step, plain(amount(info["minSz"]) * self._unit)), amount(most) * self._unit, ZERO,
        )  # fmt: skip

    async def place(self, order: Placing) -> None:
        """Place a new order; a stop as an algo order."""
        reduce_only = True if order.reduce_only and self._swap else None
        common = {"tdMode": self._mode, "side": order.side, "sz": self._size(order.qty)}
        if order.kind == "stop":
            await self._call("Post", "OrderAlgo", ordType="conditional", slTriggerPx=order.stop,
                             slOrdPx="-1", reduceOnly=reduce_only, algoClOrdId=order.wire,
                             clOrdId=order.wire, **common)  # fmt: skip
            return
        kind = "post_only" if order.post_only else "ioc" if order.ioc else order.kind
        base = "base_ccy" if order.kind == "market" and not self._swap else None
        await self._call("Post", "Order", ordType=kind, px=order.price, clOrdId=order.wire,
                         reduceOnly=reduce_only, tgtCcy=base, **common)  # fmt: skip
        if order.post_only:
            # One that would take is accepted, and cancelled by the exchange at once.
            placed = await self._one("Order", clOrdId=order.wire)
            if placed is not None and text(placed.get("cancelSource") or "") == _WOULD_TAKE:
                raise ccxt.OrderNotFillable(f"okx: {order.wire}")

    async def cancel(self, order: Report) -> None:
        """Cancel an order where it lives."""
        if _is_algo(order):
            await self._cancel_algos([order])
        else:
            await self._call("Post", "CancelOrder", ordId=order.ref)

    async def amend(self, order: Report, qty: str, price: str | None, stop: str | None) -> None:
        """Change an order in its place."""
        if _is_algo(order):
            await self._call("Post", "AmendAlgos", algoId=order.ref[1:], newSz=self._size(qty),
                             newSlTriggerPx=stop, newSlOrdPx="-1")  # fmt: skip
        else:
            await self._call(
                "Post", "AmendOrder", ordId=order.ref, newSz=self._size(qty), newPx=price
            )

    async def cancel_all(self, orders: list[Report]) -> None:
        """Cancel one by one: what is gone already is no error."""
        for order in orders:
            try:
                await self.cancel(order)
            except ccxt.OrderNotFound:
                continue

    async def open_orders(self) -> list[Report]:
        """Return every open order, algo orders too."""
        plain_ones = await self._call("Get", "OrdersPending", limit=str(_PAGE))
        algos = await self._call("Get", "OrdersAlgoPending", ordType="conditional")
        found = [(number(row["cTime"]), self._report(row)) for row in plain_ones]
        found += [(number(row["cTime"]), self._algo(row)) for row in algos]
        return [report for _at, report in sorted(found, key=lambda pair: pair[0])]

    async def order(self, wire: str) -> Report | None:
        """Return an order by its client order id; a stop that has triggered as what it became."""
        found = await self._one("Order", clOrdId=wire)
        if found is not None:
            return self._report(found)
        algo = await self._one("OrderAlgo", algoClOrdId=wire)
        if algo is None:
            return None
        report, child = self._algo(algo), text(algo.get("ordId") or "")
        if not child or report.state != "open" or text(algo["state"]) != "effective":
            return report
        order = await self.order_by_ref(child)
        return Report(
            wire, report.ref, order.side, order.qty, order.filled, order.price, report.stop,
            order.reduce_only, order.state, (report.ref, child),
        )  # fmt: skip

    async def order_by_ref(self, ref: str) -> Report:
        """Return an order by its ordId."""
        found = await self._one("Order", ordId=ref)
        if found is None:
            raise ccxt.OrderNotFound(f"okx: {ref}")
        return self._report(found)

    async def trades(self, since_ms: int) -> list[Trade]:
        """Return the executions of three months at most; the exchange has the newest first."""
        found: list[dict[str, Any]] = []
        kind, begin = ("SWAP" if self._swap else "SPOT"), str(since_ms) if since_ms else None
        while True:
            after = text(found[-1]["billId"]) if found else None
            page = await self._call("Get", "FillsHistory", instType=kind, begin=begin, after=after,
                                    limit=str(_PAGE))  # fmt: skip
            found += page
            if len(page) < _PAGE:
                return [self._trade(row) for row in reversed(found)]

    async def position(self) -> tuple[Decimal, Decimal]:
        """Return the position, or the balance of the base currency, and that of the quote."""
        answer = table(await self.x.privateGetAccountBalance({}))
        details = [row for account in rows(answer.get("data")) for row in rows(account["details"])]
        held = {text(row["ccy"]): number(row["cashBal"]) for row in details}
        info = self.market["info"]
        if not self._swap:
            return held.get(info["baseCcy"], ZERO), held.get(info["quoteCcy"], ZERO)
        answer = table(await self.x.privateGetAccountPositions({"instId": self.pair}))
        found = [number(row["pos"] or "0") for row in rows(answer.get("data"))]
        return sum(found, ZERO) * self._unit, held.get(info["settleCcy"], ZERO)

    async def mark(self) -> Decimal:
        """Return the last price."""
        answer = table(await self.x.publicGetMarketTicker({"instId": self.pair}))
        return amount(rows(answer.get("data"))[0]["last"])

    async def deadman(self, timeout_ms: int) -> int:
        """Set the timer of the account: 0, or 10 to 120 whole seconds."""
        seconds = -(-timeout_ms // 1000)
        await self.x.privatePostTradeCancelAllAfter({"timeOut": str(seconds)})
        return seconds * 1000

    async def _one(self, path: str, **fields: str) -> dict[str, Any] | None:
        try:
            found = await self._call("Get", path, **fields)
        except ccxt.OrderNotFound:
            return None
        return found[0] if found else None

    async def _cancel_algos(self, orders: list[Report]) -> None:
        wanted = [{"instId": self.pair, "algoId": order.ref[1:]} for order in orders]
        answer = rows(table(await self.x.privatePostTradeCancelAlgos(wanted)).get("data"))
        if any(row.get("sCode") not in ("0", None) for row in answer):
            raise ccxt.OrderNotFound(f"okx: {answer}")

    def _size(self, qty: str) -> str:
        return plain(Decimal(qty) / self._unit)

    def _report(self, row: dict[str, Any]) -> Report:
        ref = text(row["ordId"])
        return Report(
            text(row.get("algoClOrdId") or row.get("clOrdId") or ""), ref, side(row["side"]),
            amount(row["sz"]) * self._unit, amount(row["accFillSz"] or "0") * self._unit,
            above_zero(row.get("px")), None, row.get("reduceOnly") in ("true", True),
            _STATES.get(text(row["state"]), "open"), (ref,),
        )  # fmt: skip

    def _algo(self, row: dict[str, Any]) -> Report:
        ref = "a" + text(row["algoId"])  # the two kinds count apart
        return Report(
            text(row["algoClOrdId"]), ref, side(row["side"]), amount(row["sz"]) * self._unit, ZERO,
            None, amount(row["slTriggerPx"]), row.get("reduceOnly") in ("true", True),
            _STATES.get(text(row["state"]), "open"), (ref,),
        )  # fmt: skip

    def _trade(self, row: dict[str, Any]) -> Trade:
        if row.get("instId") != self.pair:
            raise Hostile(f"an execution of {str(row.get('instId'))[:40]!r}")
        return Trade(
            text(row["ordId"]), text(row["tradeId"]), side(row["side"]),
            amount(row["fillSz"]) * self._unit, amount(row["fillPx"]), -number(row["fee"] or "0"),
            text(row["feeCcy"]), row.get("execType") == "M", int(number(row["ts"])),
        )  # fmt: skip


def _is_algo(order: Report) -> bool:
    return order.ref.startswith("a")
