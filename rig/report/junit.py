"""The checks of a result as a JUnit file, the measurements as properties of their test cases."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from rig.report import checks
from rig.report.checks import Check

# JUnit has no word for "could not be told": that is an error, and as red as a failure.
_ELEMENTS = {checks.BAD: "failure", checks.NOISY: "error", checks.UNKNOWN: "error"}
_ELEMENTS[checks.NOT_JUDGED] = "skipped"


def write_junit(path: Path, result: Mapping[str, Any]) -> None:
    """Write the file. OSError as from open()."""
    bench = str(result.get("bench") or "unknown")
    cases = [_case(check, bench) for check in checks.of(result)]
    counts = {
        f"{kind}s" if kind != "skipped" else kind: str(
            sum(case.find(kind) is not None for case in cases)
        )
        for kind in ("failure", "error", "skipped")
    }
    given = {"name": f"bot4 bench {_clean(bench)}", "tests": str(len(cases)), **counts}
    if isinstance(result.get("at"), str):
        given["timestamp"] = _clean(result["at"])
    suite = ElementTree.Element("testsuite", given)
    suite.extend(cases)
    root = ElementTree.Element("testsuites")
    root.append(suite)
    ElementTree.indent(root)
    ElementTree.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)


def _case(check: Check, bench: str) -> ElementTree.Element:
    case = ElementTree.Element(
        "testcase", classname=f"bot4.{_clean(bench)}", name=_clean(check.name)
    )
    told = {name: value for name, value in check.measured.items() if value is not None}
    if told:
        properties = ElementTree.SubElement(case, "properties")
        for name, value in told.items():
            given = {"name": _clean(name), "value": _clean(str(value))}
            ElementTree.SubElement(properties, "property", given)
    if check.outcome in _ELEMENTS:
        kind = check.outcome.replace(" ", "_")
        message = _clean(f"{check.outcome}: {check.why}" if check.why else check.outcome)
        ElementTree.SubElement(case, _ELEMENTS[check.outcome], type=kind, message=message)
    return case


def _clean(text: str) -> str:
    """Without what XML 1.0 cannot carry."""
    return "".join(
        c for c in text if c in "\t\n\r" or " " <= c <= "\ud7ff" or "\ue000" <= c <= "\ufffd"
    )
