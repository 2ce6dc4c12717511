"""Tables and figures that people wrote and that the code holds as well: both say the same."""

import re
from pathlib import Path

import pytest
import typer

from bot4.cli import app
from controller.times import Times
from host.audit import intact, receipts, record, retirements
from host.risk.methods import METHODS
from tests.docs.pages import HOUSE, text

DOCS = HOUSE / "docs"


def part(page: Path, title: str) -> str:
    """One part of a page, from its heading to the next."""
    return text(page).split(f"## {title}\n", 1)[1].split("\n## ", 1)[0]


def first_cells(markdown: str) -> list[str]:
    """Words between backticks in the first cell of each row."""
    rows = re.findall(r"^\| ([^|]*`[^|]*) \|", markdown, re.M)
    return [word for row in rows for word in re.findall(r"`([^`]+)`", row)]


def test_the_record_is_the_writers() -> None:
    page = DOCS / "audit-log.md"
    told = part(page, "The record")
    assert first_cells(told) == list(intact.Line.__struct_fields__)
    for kind in record.RESERVED_KINDS:
        assert f"`{kind}`" in told
    assert f"{record.MAX_LINE_BYTES:,} bytes" in told
    assert f"at most {record.MAX_DATA_DEPTH} deep" in told
    assert f"its last {record.HASH_TAIL_BYTES} bytes" in told
    assert f"`format`, which is {record.FORMAT_VERSION}" in told


def test_receipt_and_retirement_are_the_witnesss() -> None:
    page = DOCS / "audit-log.md"
    assert sorted(first_cells(part(page, "The receipt"))) == sorted(receipts.FIELDS)
    assert receipts.LABEL.decode() in part(page, "The receipt")
    for field in retirements.FIELDS:
        assert f"`{field}`" in part(page, "Retirement")


def test_the_options_of_the_dashboard_are_its_own() -> None:
    command = typer.main.get_command(app).commands["dashboard"]
    options = {option for one in command.params for option in one.opts} - {"--help"}
    assert set(first_cells(part(DOCS / "dashboard.md", "Options"))) == options


def test_the_methods_of_var_are_all_there() -> None:
    assert set(first_cells(part(DOCS / "risk.md", "`bot4 var`"))) == set(METHODS)


# What one-press.md says of a time; its figures are those of `production`.
TOLD = (
    ("Every {} ms `controller/link.py` sends", "challenge_period_ms"),
    ("still busy after {} us", "slot_busy_us"),
    ("or {} ms without a CHALLENGE", "controller_silence_ms"),
    ("has not come after {} ms", "ack_missing_ms"),
    ("{} ms after the trip the controller writes", "persist_after_trip_ms"),
    ("at rest for {} ms", "rearm_debounce_ms"),
    ("disagreed for more than {} ms", "discrepancy_ms"),
)


@pytest.mark.parametrize(("phrase", "limit"), TOLD)
def test_the_times_of_one_press_are_those_of_production(phrase: str, limit: str) -> None:
    told = " ".join(text(DOCS / "one-press.md").split())
    assert phrase.format(getattr(Times("production"), limit)) in told


def test_the_hold_of_the_button_is_that_of_production() -> None:
    seconds = Times("production").rearm_hold_ms / 1000
    assert f"held for {seconds:g} s without a break" in " ".join(
        text(DOCS / "one-press.md").split()
    )
