"""`bot4 enrich`: what the language model says, what it costs and whether it pays. Nothing is traded."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot4.errors import BadInput, require
from bot4.host import AsJson

if TYPE_CHECKING:
    from host.enrich.settings import Enrichment

app = typer.Typer(help="The language model's opinions: status, report, one question.")
Config = Annotated[Path | None, typer.Option(help="Configuration of the host.")]


@app.command()
def status(config: Config = None, as_json: AsJson = False) -> int:
    """Show budget, cadence and the opinions that were published last."""
    settings = _settings(config)
    from host.enrich import report

    found = report.status(settings)
    if as_json:
        return _json(found)
    print(f"enrichment  {'on' if found['enabled'] else 'off'}, model {found['model'] or '-'}")
    if found["off"]:
        print(f"switched off  {found['off']}")
    if found["cadence"]:
        print(f"cadence     {found['cadence']}")
    _print_budget(found["budget"])
    for said in found["opinions"]:
        print(_shown(said))
    return 0


@app.command()
def report(config: Config = None, as_json: AsJson = False) -> int:
    """Show the month's cost, hit rates, latency, and whether it pays."""
    settings = _settings(config)
    from host.enrich import report as reports

    found = reports.report(settings)
    if as_json:
        return _json(found)
    _print_budget(found["budget"])
    calls, tiers, made = found["calls"], found["tiers"], found["decisions"]
    print(
        f"requests    {calls['number']}, {calls['failed']} failed, {calls['symbols']} opinions asked"
    )
    print(
        f"tokens      {calls['input_tokens']} read ({calls['cached_tokens']} cached), "
        f"{calls['output_tokens']} written"
    )
    if calls["latency_ms"]:
        print("latency     " + ", ".join(f"{k} {v:g} ms" for k, v in calls["latency_ms"].items()))
    for name, share in tiers["shares"].items():
        shown = "-" if share is None else f"{100 * share:.1f} %"
        print(f"{name.replace('_', ' '):16}  {tiers[name]:>9}  {shown:>7} of looks")
    rate = "-" if made["hit_rate"] is None else f"{100 * made['hit_rate']:.1f} %"
    print(
        f"decisions   {made['number']}, {rate} with a fresh opinion, {made['changed']} made smaller"
    )
    for name, number in found["events"].items():
        print(f"event       {name.replace('_', ' ')}: {number}")
    roi = found["roi"]
    print(f"roi         {roi['verdict']}: {roi['why']}")
    print(f"            gain {roi['gain']:.2f} - cost {roi['cost']:.2f} = {roi['net']:.2f} quote")
    if roi["low"] is not None:
        print(f"            95 % interval {roi['low']:.2f} to {roi['high']:.2f}")
    if found["off"]:
        print(f"switched off  {found['off']}")
    return 0


@app.command()
def ask(
    symbol: Annotated[str, typer.Argument(help="One of [enrichment] symbols.")],
    config: Config = None,
    as_json: AsJson = False,
) -> int:
    """Ask about one symbol now, inside the budget. Exit 1 when nothing may be asked or is known."""
    settings = _settings(config)
    require(settings.enabled, "[enrichment] enabled: is false")
    require(symbol in settings.symbols, f"{symbol[:40]!r}: not among [enrichment] symbols")
    from host.enrich.account import Refused
    from host.enrich.grok import NoKey, read_key

    try:
        said = asyncio.run(_ask(settings, read_key(settings), symbol))
    except NoKey as error:
        raise BadInput(str(error)) from None
    except Refused as error:
        said = {"symbol": symbol, "refused": error.code, "why": str(error)}
    if as_json:
        _json(said)
    elif "refused" in said:
        print(f"{symbol}: {said['refused']}: {said['why']}")
    else:
        print(_shown(said))
    return 1 if "refused" in said else 0


async def _ask(settings: "Enrichment", key: str, symbol: str) -> dict[str, Any]:
    import msgspec

    from host.enrich.account import Refused
    from host.enrich.feeds import Matcher
    from host.enrich.parts import Parts
    from host.enrich.prompt import question
    from host.enrich.sources import Sources

    parts = Parts(settings, key, lambda account: None)
    sources = Sources(settings.sources, parts.count)
    try:
        about = Matcher(settings.symbols).sort(await sources.collect())[symbol]
        asked = question(symbol, *about)
        if asked is None:
            raise Refused("NOTHING_TO_ASK", "no source says anything about it")
        found = await parts.tiers.find([asked], settings.ttl_s)
        opinion = found.get(symbol)
        if opinion is None or opinion.failed:
            raise Refused("NOTHING_KNOWN", "the model said nothing usable about it")
        age_s = (parts.clock.now_s() or opinion.made_s) - opinion.made_s
        return {"symbol": symbol, "age_s": age_s, **msgspec.structs.asdict(opinion)}
    finally:
        await sources.close()
        await parts.close()


def need_packages() -> None:
    """Raise BadInput when what only the enrichment needs is not installed."""
    try:
        import defusedxml  # noqa: F401
        import openai  # noqa: F401
        import redis  # noqa: F401
    except ImportError as error:
        raise BadInput(f"enrichment: {error.name} is missing: pip install 'bot4[enrich]'") from None


def _settings(config: Path | None) -> "Enrichment":
    from host.config import DEFAULT, ConfigError, load

    need_packages()
    try:
        return load((config or DEFAULT).expanduser()).enrichment
    except ConfigError as error:
        raise BadInput(str(error)) from None


def _json(found: dict[str, Any]) -> int:
    import msgspec

    print(msgspec.json.encode(found).decode())
    return 0


def _print_budget(budget: dict[str, Any]) -> None:
    from host.enrich.money import usd

    limit = usd(budget["limit_ticks"])
    if "unavailable" in budget:
        print(f"budget      {budget['unavailable']}")
    elif "month" not in budget:
        print(f"budget      nothing asked yet, {limit} a month")
    else:
        print(
            f"budget      {budget['month']}: {usd(budget['committed_ticks'])} of {limit}, "
            f"{usd(budget['allowed_by_now_ticks'])} allowed by now"
        )
        parts = ("spent", "reserved", "unsettled", "written_off")
        told = ", ".join(f"{p.replace('_', ' ')} {usd(budget[f'{p}_ticks'])}" for p in parts)
        print(f"            {told}")
        print(f"            {budget['requests']} of {budget['requests_limit']} requests")


def _shown(said: dict[str, Any]) -> str:
    from host.enrich.opinion import plain

    line = (
        f"{said['symbol']:12} {said['sentiment']:+.2f} confidence {said['confidence']:.2f} "
        f"for {said['horizon_minutes']} min, {said['age_s']} s old"
    )
    return "\n".join([line, *(f"             - {plain(str(r), 60)}" for r in said["reasons"])])
