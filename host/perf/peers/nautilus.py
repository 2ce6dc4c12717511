"""NautilusTrader's backtest engine, in a process of its own: `python -m host.perf.peers.nautilus`.

Prints one JSON object: version, quote ticks a second without an order, market orders a second with one
each tick. The ticks are those that the paper venue gets.
"""

import json
import sys
import time
from decimal import Decimal
from itertools import count

import nautilus_trader
from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig
from nautilus_trader.config import LoggingConfig
from nautilus_trader.model.currencies import BTC, USDT
from nautilus_trader.model.data import QuoteTick
from nautilus_trader.model.enums import AccountType, OmsType, OrderSide
from nautilus_trader.model.identifiers import Venue
from nautilus_trader.model.objects import Money
from nautilus_trader.test_kit.providers import TestInstrumentProvider
from nautilus_trader.trading.strategy import Strategy

from host.perf.peers import QTY, prices

# 2024, and a second between two ticks: its risk engine lets 100 orders pass a second.
START_NS, STEP_NS = 1_704_067_200_000_000_000, 1_000_000_000
INSTRUMENT = TestInstrumentProvider.btcusdt_binance()


class Trader(Strategy):
    """Buys and sells in turn at every tick, or only listens."""

    def __init__(self, orders: bool) -> None:
        super().__init__()
        self._orders = orders
        self.seen = self.filled = 0

    def on_start(self) -> None:
        """Begin to listen."""
        self.subscribe_quote_ticks(INSTRUMENT.id)

    def on_quote_tick(self, tick: QuoteTick) -> None:
        """Take a tick."""
        self.seen += 1
        if self._orders:
            side = OrderSide.BUY if self.seen % 2 else OrderSide.SELL
            quantity = INSTRUMENT.make_qty(Decimal(QTY))
            self.submit_order(self.order_factory.market(INSTRUMENT.id, side, quantity))

    def on_order_filled(self, event: object) -> None:
        """Count a fill."""
        self.filled += 1


def per_s(ticks: int, orders: bool) -> float:
    """Return how many ticks a second were worked off. Raises RuntimeError when one was not."""
    engine = BacktestEngine(BacktestEngineConfig(logging=LoggingConfig(bypass_logging=True)))
    engine.add_venue(
        venue=Venue("BINANCE"),
        oms_type=OmsType.NETTING,
        account_type=AccountType.CASH,
        base_currency=None,
        starting_balances=[Money(100_000_000, USDT), Money(100_000, BTC)],
    )
    engine.add_instrument(INSTRUMENT)
    size = INSTRUMENT.make_qty(Decimal(1_000))
    engine.add_data([
        QuoteTick(INSTRUMENT.id, INSTRUMENT.make_price(Decimal(bid)),
                  INSTRUMENT.make_price(Decimal(ask)), size, size, at_ns, at_ns)
        for at_ns, (bid, ask) in zip(count(START_NS, STEP_NS), prices(ticks), strict=False)
    ])  # fmt: skip
    trader = Trader(orders)
    engine.add_strategy(trader)
    began_ns = time.perf_counter_ns()
    engine.run()
    taken_s = (time.perf_counter_ns() - began_ns) / 1e9
    if trader.seen != ticks or (orders and trader.filled != ticks):
        raise RuntimeError(f"{trader.seen} of {ticks} ticks seen, {trader.filled} orders filled")
    engine.dispose()
    return ticks / taken_s


def main(argv: list[str]) -> int:
    """Measure both with so many ticks."""
    quiet, traded = map(int, argv)
    print(
        json.dumps(
            {
                "version": nautilus_trader.__version__,
                "ticks_per_s": per_s(quiet, False),
                "orders_per_s": per_s(traded, True),
            }
        )
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
