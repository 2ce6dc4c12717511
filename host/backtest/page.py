"""The result as one HTML file: no script, nothing from outside, light and dark, everything escaped."""

from __future__ import annotations

from html import escape
from typing import Any

from host.backtest import charts, shown
from host.backtest.figures import Curve

# Belt and braces: even a value that slipped through the escaping could load or run nothing.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_CSS = """
:root{color-scheme:light dark;--bg:#f6f7f9;--card:#fff;--ink:#1a1f26;--soft:#59636f;--rule:#d7dce2;
--one:#1d4f86;--two:#8a5a00;--bad:#b3261e;--good:#1b7a3d;--area:#1d4f8626}
@media(prefers-color-scheme:dark){:root{--bg:#14171b;--card:#1d2228;--ink:#e7eaee;--soft:#a3adb8;
--rule:#3a424c;--one:#8cc0f2;--two:#f0b95a;--bad:#ff8a80;--good:#6fd08f;--area:#8cc0f233}}
*{box-sizing:border-box}body{margin:0;background:var(--bg);color:var(--ink);
font:16px/1.5 system-ui,sans-serif}main{max-width:980px;margin:0 auto;padding:16px}
h1{font-size:1.4rem;margin:8px 0 4px;overflow-wrap:anywhere}h2{font-size:1.1rem;margin:0 0 10px}
section{background:var(--card);border:1px solid var(--rule);border-radius:8px;padding:16px;
margin:0 0 16px}p{margin:0 0 12px;color:var(--soft)}.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{padding:4px 8px;text-align:right;border-bottom:1px solid var(--rule);white-space:nowrap}
th{color:var(--soft);font-weight:400}th:first-child,td:first-child{text-align:left}
table.words td{text-align:left;white-space:normal}table.words th{width:34%}
.met{color:var(--good)}.miss{color:var(--bad)}figure{margin:0 0 14px}
figcaption{font-weight:600;margin-bottom:2px}figcaption span{font-weight:400;margin-left:14px}
figcaption span::before{content:"\\25A0\\00A0"}.k0::before{color:var(--one)}
.k1::before{color:var(--two)}svg{width:100%;min-width:640px;height:auto;display:block}
figure{overflow-x:auto}svg text{font-size:12px;fill:var(--soft)}svg line{stroke:var(--rule)}
svg line.zero{stroke:var(--soft)}polyline{fill:none;stroke-width:1.4}
.l0{stroke:var(--one)}.l1{stroke:var(--two)}.a0{fill:var(--area)}.up{fill:var(--good)}
.down{fill:var(--bad)}@media(max-width:600px){main{padding:8px}section{padding:10px}}
"""
_NOTE = (
    "Recorded prices, fills by the rules of the paper venue, costs as assumed below. What a backtest "
    "cannot know is told in docs/backtest.md. The targets are the specification's; nothing is tuned "
    "to reach them."
)


def page(told: dict[str, Any], found: Curve) -> str:
    """Return the whole file."""
    title = f"Backtest: {told['data']['source']}"
    body = [
        f"<h1>{escape(title)}</h1><p>{escape(_NOTE)}</p>",
        _section("Figures", _words(shown.summary(told))),
        _section("Targets of the specification", _targets(told["targets"])),
        _section("Curves", "".join(_curves(told, found))),
        _section("Months", _months(told["months"])),
        _section("Assumed and used", _words(_assumed(told))),
    ]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_CSS}</style></head>"
        f"<body><main>{''.join(body)}</main></body></html>\n"
    )


def _curves(told: dict[str, Any], found: Curve) -> list[str]:
    at, equity = found.at_ns, [("after all costs", found.net), ("at the venue", found.venue)]
    rows = [(row["month"], row["return"]) for row in told["months"]]
    return [
        charts.lines("Equity", at, equity),
        charts.lines("Drawdown", at, [("drawdown", -found.drawdown)], percent=True, filled=True),
        charts.lines("Value of the position", at, [("value", found.value)], filled=True),
        charts.lines("Price", at, [("price", found.price)]),
        charts.bars("Return by month", rows),
    ]


def _section(title: str, body: str) -> str:
    return f"<section><h2>{escape(title)}</h2>{body}</section>"


def _words(rows: list[tuple[str, str]]) -> str:
    lines = (f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in rows)
    return f'<table class="words">{"".join(lines)}</table>'


def _targets(rows: list[dict[str, Any]]) -> str:
    lines = [
        f"<tr><td>{escape(row['what'])}</td><td>{escape(row['target'])}</td>"
        f"<td>{escape(shown.target(row))}</td>"
        f'<td class="{"met" if row["met"] else "miss"}">'
        f"{'reached' if row['met'] else 'not reached'}</td></tr>"
        for row in rows
    ]
    return _table(("", "target", "reached", ""), lines)


def _months(rows: list[dict[str, Any]]) -> str:
    lines = [
        f"<tr><td>{escape(row['month'])}</td><td>{row['net']:,.2f}</td>"
        f"<td>{shown.share(row['return'])}</td><td>{row['costs']:,.2f}</td>"
        f"<td>{shown.share(row['drawdown'])}</td><td>{row['fills']}</td>"
        f"<td>{shown.share(row['held'], 0)}</td></tr>"
        for row in rows
    ]
    return _table(("month", "net", "return", "costs", "drawdown", "fills", "held"), lines)


def _table(head: tuple[str, ...], lines: list[str]) -> str:
    names = "".join(f"<th>{escape(name)}</th>" for name in head)
    body = f"<table><thead><tr>{names}</tr></thead><tbody>{''.join(lines)}</tbody></table>"
    return f'<div class="scroll">{body}</div>'


def _assumed(told: dict[str, Any]) -> list[tuple[str, str]]:
    given = {**told["costs_assumed"], **told["options"]}
    rows = [(name, str(value)) for name, value in given.items()]
    data = told["data"]
    rows += [
        ("data", f"{data['rows']:,} {data['kind']}s, {data['first']} to {data['last']}"),
        ("SHA-256 of the data", data["sha256"]),
        ("SHA-256 of the configuration", told["config_sha256"]),
        ("SHA-256 of the orders", told["orders"]["sha256"]),
    ]
    return rows
