"""Analyser and stimulus: opened by their drivers, asked what they are, closed again."""

from typing import Any

from rig.benches import open_part
from rig.benchfile import BenchFile, Driver
from rig.doctor import Finding
from rig.processes import BenchError


def findings(bench: BenchFile) -> list[Finding]:
    """Return what the two drivers say."""
    parts = (("analyser", bench.analyser), ("stimulus", bench.stimulus))
    return [_look(what, driver, bench.profile) for what, driver in parts]


def _look(what: str, driver: Driver, profile: str) -> Finding:
    try:
        part = open_part(what, driver, profile)
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
