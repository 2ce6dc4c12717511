"""Analyser and stimulus: opened by their drivers, asked what they are, closed again."""

from typing import Any

from rig.benches import open_part
from rig.benchfile import BenchFile, Driver
from rig.doctor import Finding
from rig.processes import BenchError


def findings(bench: BenchFile) -> list[Finding]:
    """Return what the two drivers say."""
    return [_look("analyser", bench.analyser), _look("stimulus", bench.stimulus)]


def _look(what: str, driver: Driver) -> Finding:
    try:
        part = open_part(what, driver)
    except (BenchError, ValueError, OSError) as error:
        return Finding(
            what, "missing", f"{driver.kind}: {error}", f"mend [{what}] of the bench file"
        )
    if part is None:
        return Finding(what, "ok", f"{driver.kind}: the hub of the bench itself")
    try:
        return Finding(what, "ok", f"{driver.kind}: {_told(part.describe())}")
    finally:
        part.close()


def _told(description: Any) -> str:
    if isinstance(description, dict):
        return ", ".join(f"{key} {value}" for key, value in description.items())
    return str(description)
