"""The backtest sends, byte for byte, what the engine's parts send to a real paper venue."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from host.backtest.exchange import Exchange
from host.backtest.market import market
from host.backtest.run import Options, Run
from host.backtest.script import Change
from host.modes import TradingMode
from tests.backtest.kit import as_csv, configured, recorded
from tests.backtest.live import live

ROWS = 420


@pytest.mark.parametrize("fast", [True, False], ids=["compiled", "row by row"])
def test_the_same_rows_give_the_same_orders_and_fills(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture, fast: bool
) -> None:
    config = configured(entry_pays=False)
    data = as_csv(recorded(ROWS), tmp_path / "bars.csv")
    rows = market(str(data), config.costs.spread_bps)
    paused, normal = 250, 300
    packets: list[dict] = []
    carry_out = Exchange.carry_out

    def noted(self: Exchange, packet: bytes) -> list:
        message = json.loads(packet)
        packets.extend([message] if message["op"] in ("new", "amend", "cancel") else [])
        return carry_out(self, packet)

    monkeypatch.setattr(Exchange, "carry_out", noted)
    changes = [
        Change(int(rows.at_ns[paused]), TradingMode.REDUCED),
        Change(int(rows.at_ns[normal]), TradingMode.NORMAL),
    ]
    ran = Run(rows, config, Options(changes=changes, fast=fast)).go()
    with live(tmp_path, rows, config, data) as engine:
        for row in range(rows.rows):
            if row in (paused, normal):
                engine.step(TradingMode.REDUCED if row == paused else TradingMode.NORMAL, 2)
            engine.row(row)
        theirs, fills = engine.packets, engine.fills
    with capsys.disabled():
        print(f"\n  {len(theirs)} requests and {len(fills)} fills, {ran.passed} rows compiled")
    assert len(fills) > 50
    for ours, other in zip(packets, theirs, strict=True):
        # The number of the mode's epoch is part of the id, and not of what is traded.
        assert {**ours, "id": bare(ours["id"])} == {**other, "id": bare(other["id"])}
    told = [(bare(f["id"]), f["side"], f["qty"], f["price"], f["fee"]) for f in fills]
    paid = [
        (bare(p.id), p.side, format(p.qty, "f"), format(p.price, "f"), format(p.fee, "f"))
        for p in ran.ledger.fills
    ]
    assert paid == told


def bare(order_id: str) -> tuple[str, str, str]:
    """Return strategy, run and number of an id."""
    strategy, run, _epoch, number = order_id.split(".")
    return strategy, run, number
