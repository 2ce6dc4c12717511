"""A host that is ready: ninety days of paper trading and every signed result, under a key of its own."""

import random
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from host.audit.record import FORMAT_VERSION, ZERO_HASH, encode_data, seal, segment_name
from host.audit.verify import verify
from host.golive import shown
from host.golive.evidence import Machine
from host.golive.gate import Decision
from host.golive.signed import SUFFIX, sign
from host.golive.trust import TEST_MARK
from host.ledger.paper import DAY_S, KIND, NS, PaperDays
from host.perf.table import SPECIFICATION
from tests.audit.witnessed import KEY, Witness

HOST = "pi"
SOFTWARE = {"firmware": "f" * 16, "host": "a" * 16}
STEP_S = 10
HOUR_S = 3600


@dataclass
class Ledger:
    """A log as the recorder writes it, sealed in memory with wall times of our own."""

    witness: Witness = field(default_factory=Witness)
    lines: list[bytes] = field(default_factory=list)
    head: str = ZERO_HASH

    def append(self, wall_ns: int, kind: str, data: dict[str, Any], origin: str) -> None:
        seq = len(self.lines) + 1
        line, self.head = seal(seq, wall_ns, wall_ns, kind, origin, encode_data(data), self.head)
        self.lines.append(line)

    def begin(self, wall_ns: int, host: str = HOST) -> None:
        told = {"host_id": host, "boot_id": "b", "format": FORMAT_VERSION}
        self.append(wall_ns, "open", told, "recorder")
        self.append(wall_ns, "receipt", self.witness.receipt(), "guard")

    def show(self, wall_ns: int) -> None:
        receipt = self.witness.show(len(self.lines), self.head)
        assert receipt is not None
        self.append(wall_ns, "receipt", receipt, "guard")

    def press(self, wall_ns: int) -> None:
        self.append(wall_ns, "controller_trip", {"reason": "SWITCH_A", "at_us": 1}, "guard")
        self.append(wall_ns + 1000, "gate_closed", {"since_emergency_us": 90}, "guard")

    def write(self, directory: Path) -> Path:
        directory.mkdir(parents=True)
        (directory / segment_name(1)).write_bytes(b"".join(self.lines))
        return directory


def trade(
    ledger: Ledger,
    end_ns: int,
    days: int = 90,
    drift: float = 0.002,
    spread: float = 0.004,
    wins: float = 0.65,
    feed_age_s: float = 60.0,
    equity: float = 20_000.0,
    power_cycle_hour: int = 0,
) -> None:
    """Trade on paper for so many whole days, and on to `end_ns`, as the engine keeps its account."""
    rng = random.Random(7)
    begin_s = end_ns // NS // DAY_S * DAY_S - days * DAY_S
    kept, cash = PaperDays("1", "trend"), equity
    begin = begin_s * NS
    ledger.begin(begin)
    for hour in range(0, (end_ns // NS - begin_s) // HOUR_S + 1):
        if hour and hour == power_cycle_hour:
            ledger.witness.power_cycle()  # it forgets what it has not kept: its numbers go back
            at_ns = (begin_s + hour * HOUR_S) * NS
            ledger.append(at_ns, "receipt", ledger.witness.receipt(), "guard")
        move = rng.gauss(drift / 24, spread / 24**0.5)
        for step in range(0, HOUR_S, STEP_S):
            at_ns = (begin_s + hour * HOUR_S + step) * NS
            if at_ns > end_ns:
                break
            now = cash * (1 + move * step / HOUR_S)
            for record in kept.take(at_ns, at_ns, now, "NORMAL"):
                ledger.append(at_ns, KIND, record, "engine")
                ledger.show(at_ns)
        cash *= 1 + move
        kept.row(at_ns, at_ns - round(feed_age_s * NS))
        won = rng.random() < wins
        for side, price in (("buy", 100), ("sell", 101 if won else 99.5)):
            kept.ordered()
            kept.filled({"side": side, "qty": "0.1", "price": str(price), "fee": "0.01"})
    ledger.press(end_ns - HOUR_S * NS)
    ledger.show(end_ns)


def machine(**changes: Any) -> Machine:
    """The machine that everything was measured on."""
    given = {
        "host": HOST,
        "software": dict(SOFTWARE),
        "cpu": "Cortex-A76",
        "kernel": "6.12-rt",
        "profile": "production",
        "pins": "bot4gpiod",
        "venue": "kraken",
        "exchange": "kraken",
        "strategy": "trend",
        "clock_fault": "",
        "clock": "synchronised",
        "key_faults": [],
        "keys": ["link.key"],
    }
    return Machine(**(given | changes))


def results(report: Any) -> dict[str, dict[str, Any]]:
    """Every result that the gate asks for, all of them good. report -- the auditor's, on the log"""
    limits = [*shown.VAR_LIMITS, *(f"limit {n}" for n in range(shown.FORECAST_LIMITS))]
    good = [{"limit": name, "reached": 1.0, "pass": True} for name in limits]
    return {
        "audit": {
            "verified": True,
            "records": report.records,
            "head": report.head,
            "receipts_checked": True,
            "receipts_to": report.receipts_to,
        },
        "hardware": {
            "bench": "physical",
            "mcu": "rp2040",
            "profile": "production",
            "presses": 1000,
            "latency_us": {"switch_to_ack": {"n": 1000, "max": 612.5, "p99": 201.0}},
            "orders": {"sent": 5000, "after_ack": 0},
            "audit": {"verified": True},
            "verdict": "pass",
            "environment": {"firmware sha256": SOFTWARE["firmware"]},
        },
        "attestation": {
            "attested": True,
            "checks": {"mac": True, "configuration": True, "firmware": True},
            "compared": True,
            "profile": "production",
            "firmware": "c" * 64,
        },
        "safety": {
            "modules": {
                name: {"tests": 3, "failed": 0, "skipped": 0} for name in shown.SAFETY_MODULES
            }
        },
        "performance": {
            "rows": [
                {"what": row, "answers": what, "p99": 1.0, "unit": "ns", "pass": True}
                for what, row, _ in SPECIFICATION
            ],
            "verdict": "pass",
            "environment": {"cpu": "Cortex-A76", "kernel": "6.12-rt"},
        },
        "forecast": {"source": "btc", "n": 2450, "limits": good},
        "var": {"method": "fhs", "limits": good, "backtest": {}},
        "leakage": {
            "file": "btc",
            "pass": True,
            "limits": [
                {"what": name, "limit": "< 1", "reached": 0.1, "pass": True}
                for name in shown.LEAKAGE_LIMITS
            ],
        },
        "capital": {"amount_quote": 20_000, "currency": "USDT", "account": "main"},
        "venue": {
            "venue": "kraken",
            "exchange": "kraken",
            "tested": True,
            "deadman": {
                "supported": True,
                "seen_firing": True,
                "delay_s": 60,
                "takes_stops": True,
            },
        },
        "trials": {"trials": 20, "daily_sharpe_sd": 0.01},
    }


@dataclass
class Host:
    """Folders of a host, and the auditor's key."""

    folder: Path
    now_ns: int
    key: Ed25519PrivateKey
    machine: Machine

    @property
    def audit_dir(self) -> Path:
        return self.folder / "audit"

    @property
    def evidence(self) -> Path:
        return self.folder / "evidence"

    @property
    def root(self) -> Path:
        return self.folder / "root.pem"

    def trust(self, path: Path, mark: bytes = TEST_MARK + b"\n") -> Path:
        """Write the public key."""
        public = self.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        path.write_bytes(mark + public)
        path.chmod(0o644)
        return path

    def piece(self, kind: str) -> Path:
        return self.evidence / f"{kind}{SUFFIX}"

    def sign(
        self,
        kind: str,
        result: dict[str, Any],
        age_days: float = 0.0,
        name: str = "",
        key: Ed25519PrivateKey | None = None,
        **changes: Any,
    ) -> Path:
        """Sign a result as the auditor does."""
        path = self.evidence / f"{name or kind}{SUFFIX}"
        given = {"host": self.machine.host, "software": self.machine.software} | changes
        at_ns = self.now_ns - round(age_days * DAY_S * NS)
        path.write_bytes(
            sign(kind, result, given["host"], given["software"], at_ns, at_ns, key or self.key)
        )
        return path


def ready_host(folder: Path, now_ns: int | None = None, **how: Any) -> Host:
    """Make a host that is ready under a test trust root."""
    now_ns = time.time_ns() if now_ns is None else now_ns
    ledger = Ledger()
    trade(ledger, now_ns, **how)
    host = Host(folder, now_ns, Ed25519PrivateKey.from_private_bytes(bytes(range(32))), machine())
    ledger.write(host.audit_dir)
    host.evidence.mkdir()
    report = verify(host.audit_dir, witness_key=KEY)
    assert report.verified, report.reason
    for kind, result in results(report).items():
        host.sign(kind, result)
    host.trust(host.root)
    return host


def opened(decision: Decision) -> dict[str, str]:
    """Return the reason of each open line."""
    return {line.line: line.reason for line in decision.open}
