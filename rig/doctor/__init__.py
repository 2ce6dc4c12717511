"""`bot4 bench doctor`: looks at each part of a bench and says what is missing and what to do."""

import textwrap
from typing import Any, Literal

import msgspec

from rig.benchfile import BenchFile

State = Literal["ok", "slower", "missing"]
COLUMNS = 80


class Finding(msgspec.Struct, frozen=True):
    """One thing that was looked at; with "missing" the bench cannot be used, with "slower" it can."""

    part: str
    state: State
    found: str
    advice: str = ""


def examine(name: str, bench: BenchFile) -> list[Finding]:
    """Look at every part of a bench; where all parts are there, start it once."""
    from rig.doctor import drivers, host, machine, physical, trial

    found = [
        *machine.findings(bench),
        *host.findings(bench),
        *drivers.findings(bench),
    ]
    start = physical if bench.controller.kind == "serial" else trial
    return found + start.findings(name, bench, ready=holds(found))


def holds(findings: list[Finding]) -> bool:
    """Return True when nothing is missing; nothing looked at is nothing known."""
    return bool(findings) and all(finding.state != "missing" for finding in findings)


def told(findings: list[Finding]) -> str:
    """Return the findings for a person, 80 columns wide."""
    lines = []
    for finding in findings:
        head = f"{finding.state:8} {finding.part:11} "
        wrapped = textwrap.wrap(
            finding.found, COLUMNS, initial_indent=head, subsequent_indent=" " * len(head)
        )
        lines += wrapped or [head.rstrip()]
        lines += textwrap.wrap(
            finding.advice,
            COLUMNS,
            initial_indent=" " * 21 + "-> ",
            subsequent_indent=" " * 24,
            break_on_hyphens=False,
        )
    return "\n".join(lines)


def as_json(name: str, findings: list[Finding]) -> dict[str, Any]:
    """Return the findings as JSON types."""
    return {
        "bench": name,
        "usable": holds(findings),
        "findings": [msgspec.to_builtins(finding) for finding in findings],
    }
