"""`bot4 backtest`: the engine's own code over recorded rows, by the clock of the data."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot4.errors import BadInput, require
from bot4.progress import progress

if TYPE_CHECKING:
    from host.backtest.market import Market
    from host.backtest.script import Change
    from host.config import Config

MOST_MS = 60_000.0

Data = Annotated[str, typer.Option(help="Bars or ticks: a file, a folder of the store, or sp500.")]
ConfigFile = Annotated[
    Path | None, typer.Option("--config", help="As for `bot4 run`; default: its own, 10,000.")
]
Seed = Annotated[int, typer.Option(min=0, max=2**63 - 1, help="Of the jitter.")]
Html = Annotated[Path | None, typer.Option(help="Write the report as one page.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
ModeAt = Annotated[
    list[str] | None, typer.Option("--mode-at", help="TIME=NORMAL|REDUCED|PAUSED, any number.")
]
Modes = Annotated[Path | None, typer.Option(help="A file with such lines.")]
Latency = Annotated[float, typer.Option(help="How long a request takes, ms of the data's time.")]
Jitter = Annotated[float, typer.Option(help="At most so much more, drawn for each request.")]
Trials = Annotated[
    int, typer.Option(min=1, max=10**9, help="How many variants were tried before this one.")
]
Zone = Annotated[str | None, typer.Option(help="Of times without an offset: Europe/Berlin.")]


def backtest(
    data: Data = "sp500",
    config: ConfigFile = None,
    seed: Seed = 0,
    html: Html = None,
    as_json: AsJson = False,
    mode_at: ModeAt = None,
    modes: Modes = None,
    latency_ms: Latency = 0.0,
    jitter_ms: Jitter = 0.0,
    trials: Trials = 1,
    zone: Zone = None,
) -> int:
    """Run the strategy over recorded rows, after all costs; the same input gives the same bytes."""
    for name, ms in (("--latency-ms", latency_ms), ("--jitter-ms", jitter_ms)):
        require(0 <= ms <= MOST_MS, f"{name} {ms:g}: from 0 to {MOST_MS:g}")
    require(html is None or html.parent.is_dir(), f"--html {html}: no such folder")
    changes = _changes(mode_at or [], modes)
    try:
        import msgspec

        from host.backtest.account import account
        from host.backtest.run import Options, Run
        from host.data.table import BadData
        from host.inference.card import ModelRefused
    except ImportError as error:
        raise BadInput(f"{error}: pip install 'bot4[models]'") from None
    try:
        wanted, market = _read(config, data, zone)
        options = Options(latency_ms, jitter_ms, seed, changes)
        _check_changes(changes, market)
        began = time.process_time()
        with progress(f"{market.rows:,} rows", market.rows) as done:
            ran = Run(market, wanted, options).go(done)
        taken_s = time.process_time() - began
        told, found = account(market, wanted, options, ran, trials)
    except ImportError as error:
        raise BadInput(f"{error}: pip install 'bot4[models]'") from None
    except (BadData, ModelRefused) as error:
        raise BadInput(str(error)) from None
    if html is not None:
        from host.backtest.page import page

        _write(html, page(told, found))
    if as_json:
        print(msgspec.json.encode(told).decode())
    else:
        from host.backtest.shown import text

        print(text(told))
        print(
            f"\n{market.rows:,} rows in {taken_s:.1f} s of CPU time, the modeller's fits among it"
        )
        if html is not None:
            print(f"page: {html}")
    return 0


def _read(config: Path | None, data: str, zone: str | None) -> tuple[Config, Market]:
    """Read both; without a configuration VaR is of a day, whatever the bars are."""
    import msgspec

    from host import config as configuration
    from host.backtest import DEFAULT
    from host.backtest.market import DAY_NS
    from host.backtest.market import market as read

    try:
        wanted = configuration.load(config or DEFAULT)
    except configuration.ConfigError as error:
        raise BadInput(str(error)) from None
    who = wanted.strategy
    require(who.capital_quote > 0, "[strategy] capital_quote: above 0, or no return is known")
    require(
        not wanted.enrichment.enabled, "[enrichment] enabled: no opinion of the past is on record"
    )
    market = read(data, wanted.costs.spread_bps, zone)
    if config is None and market.step_ns:
        bars = max(1, round(DAY_NS / market.step_ns))
        modeller = msgspec.structs.replace(wanted.modeller, horizon_bars=min(bars, 1_000))
        wanted = msgspec.structs.replace(wanted, modeller=modeller)
    return wanted, market


def _changes(given: list[str], file: Path | None) -> list[Change]:
    lines = list(given)
    if file is not None:
        try:
            lines += file.read_text().splitlines()
        except OSError as error:
            raise BadInput(f"--modes {file}: {error.strerror}") from None
        except UnicodeDecodeError:
            raise BadInput(f"--modes {file}: not a text") from None
    if not lines:
        return []
    from host.backtest.script import script

    try:
        return script(lines)
    except ValueError as error:
        raise BadInput(f"--mode-at {error}") from None


def _check_changes(changes: list[Change], market: Market) -> None:
    """A change outside of the data would be no change: that is a mistake."""
    from host.data.quality import moment

    for change in changes:
        inside = market.series.time_ns[0] <= change.at_ns <= market.at_ns[-1]
        ends = f"{moment(market.series.time_ns[0])} to {moment(market.at_ns[-1])}"
        require(bool(inside), f"--mode-at {moment(change.at_ns)}: the data are of {ends}")


def _write(file: Path, text: Any) -> None:
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise BadInput(f"--html {file}: {error.strerror}") from None
