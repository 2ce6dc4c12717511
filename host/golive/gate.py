"""The decision: every line judged, and the whole of it on record.

Fail closed: a judge that raises leaves its line open, and so does evidence without an age that has one.
"""

import hashlib
import time
from pathlib import Path
from typing import Any

import msgspec

from host import moderecord
from host.audit.record import SEGMENT_PREFIX
from host.audit.writer import AuditWriter
from host.golive.evidence import Evidence
from host.golive.judging import Finding
from host.golive.lines import LINES, Line
from host.ledger.paper import DAY_S

KIND_GRANTED, KIND_REFUSED = "live_granted", "live_refused"
NOT_PRODUCTION = "trust_root"


class Judged(msgspec.Struct, frozen=True):
    """One line with what was found; `open` with the reason."""

    line: str
    must: str
    open: bool
    found: str
    reason: str
    age_s: float | None
    max_age_days: float | None
    evidence: list[dict[str, str]]
    figures: dict[str, Any]


class Decision(msgspec.Struct, frozen=True):
    """ready -- no line is open; live -- and the trust root is production's"""

    ready: bool
    live: bool
    host: str
    at_ns: int
    trust: str
    software: dict[str, str]
    lines: list[Judged]

    @property
    def open(self) -> list[Judged]:
        """The lines that are open."""
        return [line for line in self.lines if line.open]

    @property
    def digest(self) -> str:
        """SHA-256 over all of it: two decisions with the same one saw the same."""
        return hashlib.sha256(msgspec.json.encode(self, order="deterministic")).hexdigest()


def decide(known: Evidence, live: bool = False) -> Decision:
    """Judge every line. live -- real money is asked for: the trust root must be production's"""
    judged = [judge(line, known) for line in LINES]
    root = known.root
    why = "" if root is None else root.why_not
    if live and why:
        judged = [_not_production(each, why) for each in judged]
    ready = not any(each.open for each in judged)
    production = root is not None and root.production
    trust = "none" if root is None else f"{'production' if production else 'test'} {root.name}"
    return Decision(
        ready,
        ready and production,
        known.machine.host,
        known.now_ns,
        trust,
        known.machine.software,
        judged,
    )


def judge(line: Line, known: Evidence) -> Judged:
    """Judge one line; whatever goes wrong leaves it open."""
    try:
        finding = line.judge(known)
        _check_age(line, finding)
    except Exception as error:  # noqa: BLE001  a check that cannot run is a breach
        what = " ".join(f"{type(error).__name__}: {error}".split())[:150]
        finding = Finding("-", f"cannot be judged: {what}")
    return Judged(
        line.name,
        line.must,
        bool(finding.reason),
        finding.found,
        finding.reason,
        None if finding.age_s is None else round(finding.age_s, 1),
        line.max_age_days,
        finding.evidence,
        finding.figures,
    )


def _check_age(line: Line, finding: Finding) -> None:
    """Evidence that is too old, of the future or without a time holds no line."""
    if finding.reason or line.max_age_days is None:
        return
    if finding.age_s is None:
        finding.reason = "its evidence has no age"
    elif finding.age_s < 0:
        finding.reason = "its evidence is of the future: look at the clocks"
    elif finding.age_s > line.max_age_days * DAY_S:
        days = finding.age_s / DAY_S
        finding.reason = f"too old: {days:.1f} days, at most {line.max_age_days:g}"


def _not_production(line: Judged, why: str) -> Judged:
    if line.line != NOT_PRODUCTION or line.open:
        return line
    return msgspec.structs.replace(line, open=True, reason=f"not the root of production: {why}")


def record(decision: Decision, audit_dir: Path) -> None:
    """Put the decision and the digests of its evidence on record. Raises AuditError or OSError."""
    pieces = {
        each["sha256"]: Path(each["file"]).name for line in decision.lines for each in line.evidence
    }
    told = {
        "digest": decision.digest,
        "trust": decision.trust,
        "software": decision.software,
        "open": [line.line for line in decision.open],
        "reasons": {line.line: line.reason[:200] for line in decision.open},
        "evidence": pieces,
    }
    kind = KIND_GRANTED if decision.live else KIND_REFUSED
    fresh = not any(audit_dir.glob(f"{SEGMENT_PREFIX}*"))
    with AuditWriter(audit_dir, host_id=decision.host) as writer:
        writer.append(kind, "ready", told)
    mode = moderecord.beside(audit_dir)
    if fresh and not mode.exists():
        # A log without a mode record beside it counts as tampering at the next start.
        first = moderecord.ModeRecord(1, decision.host, "EMERGENCY", "NOT_ARMED", 1, time.time_ns())
        moderecord.save(mode, first)
