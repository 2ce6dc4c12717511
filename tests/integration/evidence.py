"""What must hold after every fault, judged from outside: wires, the venue's record, the audit log.

No OPEN or REDUCE after ACK, no acknowledged record lost, EMERGENCY never left by itself.
"""

import bisect
import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import msgspec

from controller import wiring
from host.audit.verify import Report, verify
from rig.leaks import read_packets
from tests.integration.kit import Trading, trading

HALT, ACK, REARM = (wiring.INDEX[name] for name in ("HALT", "ACK", "REARM"))
# ns. The button may be let go just before HALT rises; after it the host takes a STATUS to follow.
RELEASED_NS, FOLLOWS_NS = 100_000_000, 2_000_000_000

Edges = Iterable[tuple[int, int, int]]


@dataclass(frozen=True)
class Evidence:
    """Counts; `faults` names those that must be zero and are not.

    acks -- how often the host said that the gate is closed; forced -- with its engine killed
    heads -- records noted as acknowledged while the host ran
    unnumbered -- places missing in the numbering of the rings' events: lost on the way to the log
    """

    orders: int
    acks: int
    forced: int
    emergencies: int
    records: int
    heads: int
    after_ack: int
    left_by_itself: int
    lost_records: int
    unnumbered: int
    unverified: str

    @property
    def faults(self) -> list[str]:
        """Names of the figures that must be zero and are not."""
        last = [field.name for field in fields(self)][6:]
        return [f"{name} {getattr(self, name)}" for name in last if getattr(self, name)]

    def __str__(self) -> str:
        shown = [
            f"{field.name.replace('_', ' ')} {getattr(self, field.name)}" for field in fields(self)
        ]
        return ", ".join(shown[:-1])


def records(audit: Path) -> list[dict[str, Any]]:
    """Return every whole record of a log, in the order of the files."""
    text = b"".join(file.read_bytes() for file in sorted(audit.glob("audit-*.jsonl")))
    return [msgspec.json.decode(line) for line in text.split(b"\n")[:-1]]


def armings(edges: Edges) -> list[int]:
    """Return when a person armed the box: HALT rose with the button down, or just let go."""
    times, level, released_ns = [], 1, -RELEASED_NS
    for at_ns, line, now in edges:
        if line == REARM:
            released_ns = at_ns if now else released_ns
            level = now
        elif line == HALT and now and (not level or at_ns - released_ns < RELEASED_NS):
            times.append(at_ns)
    return times


def after_ack(edges: Edges, sent_ns: list[int]) -> int:
    """Count the orders sent between a rising ACK and the next arming by a person."""
    edges = list(edges)
    armed = armings(edges)
    sent_ns = sorted(sent_ns)
    count, end_ns = 0, 0
    for at_ns, line, level in edges:
        if line == ACK and level and at_ns >= end_ns:
            place = bisect.bisect(armed, at_ns)
            end_ns = armed[place] if place < len(armed) else 1 << 63
            count += bisect.bisect(sent_ns, end_ns) - bisect.bisect_left(sent_ns, at_ns)
    return count


def left_by_itself(log: list[dict[str, Any]], armed: list[int]) -> int:
    """Count the steps out of EMERGENCY that no person's arming had come before."""
    count, stopped = 0, True
    for record in log:
        if record["kind"] == "guard_started":
            stopped = True  # a guard begins in EMERGENCY
        if record["kind"] != "mode":
            continue
        mode = record["data"]["mode"]
        place = bisect.bisect(armed, record["mono_ns"])
        person = place > 0 and record["mono_ns"] - armed[place - 1] < FOLLOWS_NS
        count += stopped and mode != "EMERGENCY" and not person
        stopped = mode == "EMERGENCY"
    return count


def unnumbered(log: list[dict[str, Any]]) -> int:
    """Count the places of the rings that are missing; a repeat after a crash is none."""
    missing = 0
    rings: dict[str, dict[int, int]] = {"guard": {}, "engine": {}}
    for record in log:
        ring = rings.get(record["origin"])
        if ring is None:
            continue
        place, mono_ns = record["data"]["n"], record["mono_ns"]
        if place == 0 and ring.get(0) != mono_ns:
            ring.clear()  # another process, another ring
        elif place not in ring:
            missing += place - max(ring, default=-1) - 1
        elif ring[place] != mono_ns:
            missing += 1
        ring[place] = mono_ns
    return missing


class Witnessed(Trading):
    """A trading bench that notes what it has been told is on record."""

    def __init__(self, kit: Trading) -> None:
        vars(self).update(vars(kit))
        self.audit = kit.bench.setup.out / "audit"
        self.heads: dict[int, str] = {}

    def note(self) -> None:
        """Note the last record: from now on it must never be missing."""
        log = records(self.audit)
        if log:
            self.heads[log[-1]["seq"]] = log[-1]["hash"]

    def judge(self) -> Evidence:
        """End the host and the venue in order; return what they leave."""
        edges = self.bench.wires.fetch_edges()
        self.bench.end("host")
        self.bench.end("venue")
        report = verify(self.audit, witness_key=self.bench.witness_key.read_bytes())
        sent = [
            packet.sent_ns or 1 << 62  # without a time it may have been at any time
            for packet in read_packets(self.bench.venue_record)
            if packet.msg.op == "new" and packet.msg.intent != "LIQUIDATE"
        ]
        return weigh(records(self.audit), list(edges), sent, self.heads, report)


def weigh(
    log: list[dict[str, Any]],
    edges: list[tuple[int, int, int]],
    sent_ns: list[int],
    heads: dict[int, str],
    report: Report,
) -> Evidence:
    """Return the counts of one run."""
    kept = {record["seq"]: record["hash"] for record in log}
    closed = [record["data"] for record in log if record["kind"] == "gate_closed"]
    lost = sum(r["data"]["count"] for r in log if r["kind"] == "lost_events")
    return Evidence(
        orders=len(sent_ns),
        acks=sum(line == ACK and level for _at, line, level in edges),
        forced=sum(data["forced"] for data in closed),
        emergencies=sum(r["kind"] == "mode" and r["data"]["mode"] == "EMERGENCY" for r in log),
        records=report.records,
        heads=len(heads),
        after_ack=after_ack(edges, sent_ns),
        left_by_itself=left_by_itself(log, armings(edges)),
        lost_records=sum(kept.get(seq) != digest for seq, digest in heads.items()) + lost,
        unnumbered=unnumbered(log),
        unverified=report.reason,
    )


@contextlib.contextmanager
def witnessed(out: Path, **options: object) -> Iterator[Witnessed]:
    """Bring a bench up that trades, and note its first head."""
    with trading(out, **options) as kit:
        bench = Witnessed(kit)
        bench.note()
        yield bench
