"""What a JUnit file says, as a table for a job page; the measurements are its point."""

from pathlib import Path
from typing import Literal
from xml.etree import ElementTree

import msgspec

Outcome = Literal["passed", "failed", "skipped"]


class JunitError(ValueError):
    """The file is no JUnit report; one line with its name."""


class Case(msgspec.Struct, frozen=True):
    """One test: its outcome, why where it did not pass, and what it measured."""

    name: str
    outcome: Outcome
    why: str
    time_s: float
    measured: dict[str, str]


def read(path: Path) -> list[Case]:
    """Return the tests of a report. Raises JunitError; a report without a test is one too."""
    try:
        root = ElementTree.parse(path).getroot()
    except OSError as error:
        raise JunitError(f"{path}: {error.strerror}") from None
    except ElementTree.ParseError as error:
        raise JunitError(f"{path}: not XML: {error}") from None
    cases = [_case(element) for element in root.iter("testcase")]
    if not cases:
        raise JunitError(f"{path}: no test in it: a run that measured nothing proves nothing")
    return cases


def _case(element: ElementTree.Element) -> Case:
    outcome: Outcome = "passed"
    why = ""
    for kind in ("failure", "error", "skipped"):
        child = element.find(kind)
        if child is not None:
            outcome = "skipped" if kind == "skipped" else "failed"
            why = " ".join((child.get("message") or child.text or "").split())
            break
    return Case(
        name=element.get("name", "?"),
        outcome=outcome,
        why=why,
        time_s=float(element.get("time", "0")),
        measured={
            item.get("name", "?"): item.get("value", "") for item in element.iter("property")
        },
    )


def markdown(cases: list[Case], title: str) -> str:
    """Return the summary: counts, what failed, and one row a test with its measurements."""
    count = {outcome: sum(case.outcome == outcome for case in cases) for outcome in OUTCOMES}
    told = ", ".join(f"{number} {outcome}" for outcome, number in count.items())
    rows = "\n".join(
        f"| {_cell(case.name)} | {OUTCOMES[case.outcome]} | {_cell(_facts(case))} |"
        for case in cases
    )
    return f"## {title}\n\n{told}\n\n| test | outcome | measured, or why |\n| --- | --- | --- |\n{rows}\n"


OUTCOMES: dict[Outcome, str] = {"passed": "passed", "failed": "**failed**", "skipped": "skipped"}
SHOWN_CHARS = 300


def _facts(case: Case) -> str:
    measured = ", ".join(f"{name} {value}" for name, value in case.measured.items())
    return "; ".join(filter(None, (case.why[:SHOWN_CHARS], measured)))


def _cell(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")
