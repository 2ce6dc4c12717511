"""Recorded ticks through the paper venue: no fill is better than the book allowed; same seed, same."""

import pytest

from host.data.reader import BadData
from host.venues import events as ev
from host.venues import messages as m
from tests.paper.replaying import DATA, judge, play, series, shown

BOOKS = ["btcusdt_perp_2024-08-08", "btcusdt_spot_2024-08-08", "btcusdt_perp_2023-04-04"]
RECORDINGS = [
    *((f"{name}_book", f"{name}_trades") for name in BOOKS),
    *((f"{name}_book", None) for name in BOOKS),
    *((f"{name}_trades", None) for name in BOOKS),
    ("ibm_2013-10-09_trades", None),
    ("spy_2013-10-08_trades", None),
    ("btcusd_bybit_2019-10-01_trades", None),
]
# Each record has one side: host.data.reader refuses it. Depth it does not read either.
NOT_READ = {"ibm_2013-10-09_quotes", "btcusdt_perp_2024-08-08_depth"}


def said(told: list) -> bytes:
    """Everything the venue said, as it says it."""
    return b"\n".join(m.encode(item.event) for item in told)


def test_every_recording_is_played() -> None:
    if not DATA.is_dir():
        pytest.skip(f"no folder {DATA} (set BOT4_DATA)")
    files = {path.name[6:-7] for path in DATA.glob("ticks_*.csv.gz")}
    assert files - NOT_READ == {name for pair in RECORDINGS for name in pair if name}
    for name in NOT_READ & files:
        with pytest.raises(BadData):
            series(name)


@pytest.mark.parametrize(("name", "trades"), RECORDINGS)
def test_no_fill_is_better_than_the_book_allowed(
    name: str, trades: str | None, capsys: pytest.CaptureFixture
) -> None:
    rows = shown(series(name), None if trades is None else series(trades))
    told, script = play(name, trades, seed=11)
    fills = judge(told, script, rows)
    kinds = [type(item.event).__name__ for item in told]
    with capsys.disabled():
        counts = ", ".join(f"{kinds.count(kind)} {kind}" for kind in sorted(set(kinds)))
        print(f"\n  {name}{' with trades' if trades else ''}: {counts}", end="")
    assert fills > 100


@pytest.mark.parametrize(("name", "trades"), RECORDINGS[:4])
def test_the_same_seed_gives_the_same_fills_byte_for_byte(name: str, trades: str | None) -> None:
    late = (5.0, 60.0)
    first, again = (said(play(name, trades, seed=3, latency=late)[0]) for _ in range(2))
    assert first == again
    assert said(play(name, trades, seed=4, latency=late)[0]) != first


def test_with_latency_no_fill_is_better_either() -> None:
    name, trades = RECORDINGS[0]
    assert trades is not None
    told, script = play(name, trades, seed=5, latency=(20.0, 80.0))
    assert judge(told, script, shown(series(name), series(trades))) > 100


def test_the_judge_finds_a_fill_that_is_too_good() -> None:
    name, trades = RECORDINGS[0]
    assert trades is not None
    rows = shown(series(name), series(trades))
    told, script = play(name, trades, seed=11)
    at = next(n for n, item in enumerate(told) if isinstance(item.event, ev.Fill))
    fill = told[at].event
    assert isinstance(fill, ev.Fill)
    for change in (
        {"price": "1" if fill.side == "buy" else "9999999"},
        {"qty": "1000000"},
        {"fee": "0"},
    ):
        fields = {name: getattr(fill, name) for name in fill.__struct_fields__} | change
        told[at].event = ev.Fill(**fields)
        with pytest.raises(AssertionError):
            judge(told, script, rows)
    told[at].event = fill
    assert judge(told, script, rows) > 100
