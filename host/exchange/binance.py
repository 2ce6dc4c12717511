"""Binance, spot and USD-M futures. Stops of USD-M live in a service of their own (algo orders)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import ccxt

from host.exchange.dialect import (
    ZERO,
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
    rows,
    side,
    table,
    text,
)

_STATES: dict[str, State] = {
    "NEW": "open", "PARTIALLY_FILLED": "open", "PENDING_NEW": "open", "PENDING_CANCEL": "open",
    "FILLED": "filled", "CANCELED": "cancelled", "EXPIRED": "cancelled",
    "EXPIRED_IN_MATCH": "cancelled", "REJECTED": "rejected",
}  # fmt: skip
_PAGE = 1000


class Spot(Dialect):
    """Binance spot; `_call` names the methods of the spot API."""

    prefix = "private"

    async def _call(self, verb: str, path: str, **fields: Any) -> Any:
        wanted = {key: value for key, value in fields.items() if value is not None}
        method = getattr(self.x, f"{self.prefix}{verb}{path}")
        return await method({"symbol": self.pair, "recvWindow": self.valid_ms, **wanted})

    def rules(self) -> Rules:
        """Return the rules: the filters of the symbol."""
        filters = {text(row["filterType"]): row for row in rows(self.market["info"]["filters"])}
        lot, price = filters["LOT_SIZE"], filters["PRICE_FILTER"]
        notional = filters.get("NOTIONAL") or filters.get("MIN_NOTIONAL") or {}
        step = amount(lot["stepSize"])
        return Rules(
            str(self.market["base"]), str(self.market["quote"]), amount(price["tickSize"]), step,
            least(step, lot["minQty"]), amount(lot["maxQty"]),
            amount(notional.get("minNotional") or notional.get("notional") or "0"),
        )  # fmt: skip

    async def place(self, order: Placing) -> None:
        """Place a new order; a stop is a market order once its price is reached."""
        limit = order.kind == "limit"
        kind = {"market": "MARKET", "stop": "STOP_LOSS"}.get(order.kind, "LIMIT")
        await self._call(
            "Post", "Order", side=order.side.upper(), quantity=order.qty,
            type="LIMIT_MAKER" if order.post_only else kind, price=order.price,
            timeInForce=("IOC" if order.ioc else "GTC") if limit and not order.post_only else None,
            stopPrice=order.stop, newClientOrderId=order.wire, newOrderRespType="ACK",
        )  # fmt: skip

    async def cancel(self, order: Report) -> None:
        """Cancel an order."""
        await self._call("Delete", "Order", orderId=order.ref)

    async def amend(self, order: Report, qty: str, price: str | None, stop: str | None) -> None:
        """Spot can take quantity away alone."""
        raise ccxt.NotSupported("binance spot: amend")

    async def cancel_all(self, orders: list[Report]) -> None:
        """Cancel everything of the symbol; that there was nothing is no error."""
        try:
            await self._call("Delete", "OpenOrders")
        except ccxt.OrderNotFound:
            return

    async def open_orders(self) -> list[Report]:
        """Return every open order."""
        found = rows(await self._call("Get", "OpenOrders"))
        return [self._report(row) for row in sorted(found, key=lambda row: number(row["time"]))]

    async def order(self, wire: str) -> Report | None:
        """Return an order by its client order id."""
        try:
            return self._report(await self._call("Get", "Order", origClientOrderId=wire))
        except ccxt.OrderNotFound:
            return None

    async def order_by_ref(self, ref: str) -> Report:
        """Return an order by its orderId."""
        return self._report(await self._call("Get", "Order", orderId=ref))

    async def trades(self, since_ms: int) -> list[Trade]:
        """Return the executions, page by page."""
        found: list[dict[str, Any]] = []
        where: dict[str, Any] = {"startTime": since_ms} if since_ms else {"fromId": 0}
        while True:
            page = rows(await self._call("Get", self.trades_path, limit=_PAGE, **where))
            found += page
            if len(page) < _PAGE:
                return [self._trade(row) for row in found]
            where = {"fromId": int(number(page[-1]["id"])) + 1}

    trades_path = "MyTrades"

    async def position(self) -> tuple[Decimal, Decimal]:
        """Return both balances, what orders have locked with them."""
        account = table(await self.x.privateGetAccount({"recvWindow": self.valid_ms}))
        held = {
            text(row["asset"]): number(row["free"]) + number(row["locked"])
            for row in rows(account["balances"])
        }
        return held.get(self.market["baseId"], ZERO), held.get(self.market["quoteId"], ZERO)

    async def mark(self) -> Decimal:
        """Return the last price."""
        return amount(table(await self.x.publicGetTickerPrice({"symbol": self.pair}))["price"])

    def _report(self, answer: Any) -> Report:
        row = table(answer)
        ref = text(row["orderId"])
        return Report(
            text(row["clientOrderId"]), ref, side(row["side"]), amount(row["origQty"]),
            amount(row["executedQty"]), above_zero(row.get("price")),
            above_zero(row.get("stopPrice")), row.get("reduceOnly") is True,
            _STATES.get(text(row["status"]), "open"), (ref,),
        )  # fmt: skip

    def _trade(self, row: dict[str, Any]) -> Trade:
        buyer = row["isBuyer"] if "isBuyer" in row else row["buyer"]
        maker = row["isMaker"] if "isMaker" in row else row["maker"]
        return Trade(
            text(row["orderId"]), text(row["id"]), "buy" if buyer is True else "sell",
            amount(row["qty"]), amount(row["price"]), number(row["commission"]),
            text(row["commissionAsset"]), maker is True, int(number(row["time"])),
        )  # fmt: skip


class Usdm(Spot):
    """Binance USD-M futures, one-way mode."""

    prefix = "fapiPrivate"
    trades_path = "UserTrades"

    async def place(self, order: Placing) -> None:
        """Place a new order; a stop as an algo order."""
        reduce_only = "true" if order.reduce_only else None
        if order.kind == "stop":
            await self._call(
                "Post", "AlgoOrder", algoType="CONDITIONAL", side=order.side.upper(),
                type="STOP_MARKET", quantity=order.qty, triggerPrice=order.stop,
                reduceOnly=reduce_only, clientAlgoId=order.wire,
            )  # fmt: skip
            return
        time_in_force = "GTX" if order.post_only else "IOC" if order.ioc else "GTC"
        await self._call(
            "Post", "Order", side=order.side.upper(), type=order.kind.upper(), quantity=order.qty,
            price=order.price, timeInForce=time_in_force if order.kind == "limit" else None,
            reduceOnly=reduce_only, newClientOrderId=order.wire, newOrderRespType="ACK",
        )  # fmt: skip

    async def cancel(self, order: Report) -> None:
        """Cancel an order in the service that has it."""
        if _is_algo(order):
            await self._call("Delete", "AlgoOrder", algoId=order.ref[1:])
        else:
            await self._call("Delete", "Order", orderId=order.ref)

    async def amend(self, order: Report, qty: str, price: str | None, stop: str | None) -> None:
        """Change price or quantity of a limit order."""
        if price is None:
            raise ccxt.NotSupported("binance: amend of an order without a price")
        await self._call("Put", "Order", orderId=order.ref, side=order.side.upper(),
                         quantity=qty, price=price)  # fmt: skip

    async def cancel_all(self, orders: list[Report]) -> None:
        """Cancel everything in both services."""
        await self._call("Delete", "AllOpenOrders")
        await self._call("Delete", "AlgoOpenOrders")

    async def open_orders(self) -> list[Report]:
        """Return every open order of both services."""
        plain = await super().open_orders()
        return plain + [self._algo(row) for row in rows(await self._call("Get", "OpenAlgoOrders"))]

    async def order(self, wire: str) -> Report | None:
        """Return an order of either service by its client order id."""
        found = await super().order(wire)
        if found is not None:
            return found
        try:
            algo = table(await self._call("Get", "AlgoOrder", clientAlgoId=wire))
        except ccxt.OrderNotFound:
            return None
        report = self._algo(algo)
        child = text(algo.get("actualOrderId") or "")
        if not child:
            return report
        order = await self.order_by_ref(child)
        return Report(
            wire, report.ref, order.side, order.qty, order.filled, order.price, report.stop,
            order.reduce_only, order.state, (report.ref, child),
        )  # fmt: skip

    async def order_by_ref(self, ref: str) -> Report:
        """Return an order; the one that a stop became has the stop's client order id."""
        return await super().order_by_ref(ref)

    async def position(self) -> tuple[Decimal, Decimal]:
        """Return the position and the wallet's balance."""
        risks = rows(await self.x.fapiPrivateV2GetPositionRisk({"symbol": self.pair}))
        held = sum((number(row["positionAmt"]) for row in risks), ZERO)
        wallets = rows(await self.x.fapiPrivateV2GetBalance({}))
        cash = [number(row["balance"]) for row in wallets if row["asset"] == self.market["quoteId"]]
        return held, sum(cash, ZERO)

    async def mark(self) -> Decimal:
        """Return the last price."""
        answer = table(await self.x.fapiPublicGetTickerPrice({"symbol": self.pair}))
        return amount(answer["price"])

    async def deadman(self, timeout_ms: int) -> int:
        """Set the countdown of the symbol."""
        answer = table(await self._call("Post", "CountdownCancelAll", countdownTime=timeout_ms))
        return int(number(answer["countdownTime"]))

    def _algo(self, row: dict[str, Any]) -> Report:
        ref = "a" + text(row["algoId"])  # the two services count apart
        states: dict[str, State] = {
            "CANCELED": "cancelled",
            "EXPIRED": "cancelled",
            "REJECTED": "rejected",
        }
        return Report(
            text(row["clientAlgoId"]), ref, side(row["side"]), amount(row["quantity"]), ZERO, None,
            amount(row["triggerPrice"]), row.get("reduceOnly") is True,
            states.get(text(row["algoStatus"]), "open"), (ref,),
        )  # fmt: skip


def _is_algo(order: Report) -> bool:
    return order.ref.startswith("a")
