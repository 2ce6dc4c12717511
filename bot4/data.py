"""Commands of market data: fetch it from an exchange, list what is stored, check any file of bars."""

from __future__ import annotations

import contextlib
import datetime
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from bot4.errors import BadInput, require
from bot4.progress import progress

app = typer.Typer(help="Market data: fetch, list, check.")

STORE = Path("~/.local/share/bot4/market")
MS_PER_DAY = 86_400_000

Exchange = Annotated[str, typer.Argument(help="An exchange by its name in ccxt: binance.")]
Symbol = Annotated[str, typer.Argument(help="BTC/USDT; BTC/USDT:USDT is the perpetual.")]
Timeframe = Annotated[str, typer.Argument(help="Length of a bar: 5m, 1h, 1d.")]
From = Annotated[str, typer.Option("--from", help="First bar: 2020-01-01, UTC.")]
To = Annotated[str | None, typer.Option("--to", help="Up to here, not included; default: now.")]
Store = Annotated[Path, typer.Option(help="Folder of the store.")]
Url = Annotated[str, typer.Option(help="Another server of the exchange's dialect: a proxy.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
File = Annotated[str, typer.Argument(help="Bars: a file, a folder of the store, or sp500.")]
Zone = Annotated[
    str | None, typer.Option("--timezone", help="Of times without an offset: Europe/Berlin.")
]
Missing = Annotated[float, typer.Option(help="Percent of the bars that may be missing.")]
Spikes = Annotated[int, typer.Option(help="Spikes that may be.")]
Write = Annotated[Path | None, typer.Option(help="Write the repaired bars: .parquet.")]


@app.callback()
def group() -> None:
    """Market data: fetch, list, check."""


@app.command()
def fetch(
    exchange: Exchange,
    symbol: Symbol,
    timeframe: Timeframe,
    begin: From,
    to: To = None,
    store: Store = STORE,
    url: Url = "",
    as_json: AsJson = False,
) -> int:
    """Fetch bars into the store; run again, it goes on where it was. Exit 1 when nobody answers."""
    import msgspec

    require(not url or url.startswith(("http://", "https://")), f"--url {url}: http:// or https://")
    begin_ms = _day_ms("from", begin)
    end_ms = int(time.time() * 1000) if to is None else _day_ms("to", to)
    require(begin_ms < end_ms, f"--from {begin}: not before the end")
    with _problems():
        from host.data import fetch as fetching
        from host.data.store import Stored

        stored = Stored(store.expanduser(), exchange, symbol, timeframe)
        begin_ms -= begin_ms % -stored.step_ms  # the first whole bar
        source = fetching.client(exchange, url)
        try:
            market = fetching.market(source, symbol, timeframe)
            rows = fetching.page_rows(source, symbol)
            with progress(f"{symbol} {timeframe}", 1.0) as show:
                told = fetching.fetch(
                    source,
                    stored,
                    (begin_ms, end_ms),
                    source.milliseconds,
                    lambda done, told: show(done, f"{told.bars} bars"),
                    rows,
                )
        except fetching.NotReached as error:
            print(f"bot4: {error}; what was fetched is kept, run again to go on", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            print("bot4: what was fetched is kept, run again to go on", file=sys.stderr)
            raise
        if market.get("active") is False:
            told.notes.append("the exchange no longer trades this symbol")
        found = _stored(stored.folder)
    facts = {**msgspec.to_builtins(told), "stored": found}
    if as_json:
        print(msgspec.json.encode(facts).decode())
        return 0
    print(f"{told.bars} bars in {told.pages} pages into {stored.folder}")
    for name in ("repeated", "unsorted", "left_out", "changed", "tries"):
        if facts[name]:
            print(f"  {name.replace('_', ' ')}: {facts[name]}")
    for note in told.notes:
        print(f"  {note}")
    if found["rows"]:
        print(f"stored: {found['rows']} bars, {found['first']} to {found['last']}")
    return 0


@app.command("list")
def list_(store: Store = STORE, as_json: AsJson = False) -> int:
    """Show what the store holds, and the sample that is always there."""
    import msgspec

    with _problems():
        from host.data.store import listed

        found = [_stored(folder) for folder in listed(store.expanduser())]
        with contextlib.suppress(BadInput):  # without the extra there is no sample
            found.append(_sample())
    if as_json:
        print(msgspec.json.encode(found).decode())
        return 0
    for one in found:
        print(one["path"])
        name = f"{one['exchange']} {one['symbol']} {one['timeframe']}"
        print(f"  {name}: {one['rows']} bars, {one['first']} to {one['last']}")
    return 0


@app.command()
def check(
    file: File,
    zone: Zone = None,
    most_missing: Missing = 5.0,
    most_spikes: Spikes = 3,
    write: Write = None,
    as_json: AsJson = False,
) -> int:
    """Report gaps and outliers and what had to be repaired to read it; exit 1 beyond the limits."""
    import msgspec

    require(0 <= most_missing <= 100, f"--most-missing {most_missing:g}: percent")
    require(most_spikes >= 0, f"--most-spikes {most_spikes}: 0 or more")
    require(write is None or write.suffix == ".parquet", f"--write {write}: .parquet")
    with _problems():
        from host.data.digest import digest
        from host.data.mend import RULES, mend
        from host.data.mend import write as keep
        from host.data.quality import report

        mended = mend(file, zone)
        found = report(mended.series)
        if write is not None:
            keep(mended.series, write)
    found |= {"sha256": digest(mended.series), "repaired": mended.used}
    limits = [
        ("missing, percent", most_missing, 100 * found["missing_share"]),
        ("spikes", most_spikes, found["spikes"]),
    ]
    found["limits"] = [
        {"what": what, "limit": f"<= {limit:g}", "reached": reached, "pass": reached <= limit}
        for what, limit, reached in limits
    ]
    if as_json:
        print(msgspec.json.encode(found).decode())
    else:
        _show(found, RULES)
    return 0 if all(line["pass"] for line in found["limits"]) else 1


def _show(found: dict[str, Any], rules: dict[str, str]) -> None:
    print(
        f"{found['source']}: {found['rows']} bars of {found['step_s']} s, "
        f"{found['first']} to {found['last']}"
    )
    for rule, count in found["repaired"].items():
        print(f"  {count} {rules[rule]}")
    print(f"missing: {found['missing']} bars in {found['gaps']} gaps")
    for gap in found["longest_gaps"]:
        print(f"  {gap['bars']} after {gap['after']}")
    for name in ("spikes", "jumps"):
        at = ", ".join(found[f"{name}_at"][:3])
        print(f"{name}: {found[name]}{f' ({at}, ...)' if found[name] > 3 else at and f' ({at})'}")
    print(f"without volume: {found['zero_volume']}; same close: {found['longest_stale']} in a row")
    for line in found["limits"]:
        passed = "yes" if line["pass"] else "NO"
        print(f"{line['what']:18}{line['limit']:>8} {line['reached']:9.4g}  {passed}")


def _stored(folder: Path) -> dict[str, Any]:
    from host.data.quality import moment
    from host.data.reader import read
    from host.data.store import read_asked

    asked = read_asked(folder)
    facts: dict[str, Any] = {
        "path": str(folder),
        "exchange": asked.exchange,
        "symbol": asked.symbol,
        "timeframe": asked.timeframe,
        "asked_for": [[moment(at * 10**6) for at in part] for part in asked.ranges],
        "rows": 0,
        "first": None,
        "last": None,
    }
    if any(folder.glob("*.parquet")):
        series = read(str(folder))
        facts |= {"rows": series.rows, "first": moment(series.time_ns[0]),
                  "last": moment(series.time_ns[-1])}  # fmt: skip
    return facts


def _sample() -> dict[str, Any]:
    from host.data.quality import moment
    from host.data.reader import BadData, read

    try:
        series = read("sp500")
    except BadData as error:
        raise BadInput(str(error)) from None
    return {
        "path": "sp500", "exchange": "sample of arch", "symbol": "S&P 500", "timeframe": "1d",
        "rows": series.rows, "first": moment(series.time_ns[0]), "last": moment(series.time_ns[-1]),
    }  # fmt: skip


def _day_ms(option: str, text: str) -> int:
    try:
        when = datetime.datetime.fromisoformat(text)
    except ValueError:
        raise BadInput(f"--{option} {text}: a day or time such as 2020-01-01") from None
    when = when if when.tzinfo else when.replace(tzinfo=datetime.UTC)
    return int(when.timestamp() * 1000)


@contextlib.contextmanager
def _problems() -> Iterator[None]:
    try:
        from host.data.table import BadData
    except ImportError as error:
        raise BadInput(f"{error}: pip install 'bot4[models]'") from None
    try:
        yield
    except BadData as error:
        raise BadInput(str(error)) from None
    except OSError as error:
        raise BadInput(f"{error.filename}: {error.strerror}") from None
