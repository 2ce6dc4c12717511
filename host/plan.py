"""What the supervisor runs: one table of command lines."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from host.venues.settings import Venue

CONNECTOR = "exchange"
# What a connector is called among the processes, and by its venue's name.
PREFIX = f"{CONNECTOR} "
KEYS = ("KEY", "SECRET", "PASSPHRASE")


@dataclass(frozen=True)
class Plan:
    """What to run. `guard_cpu` pins the guard; the others keep off that CPU where there is another.

    connectors -- exchanges that are connected to
    strategy, instrument -- whose orders are ours there, and what it trades
    permit -- of the go-live gate, for a connector of real orders; never in a command line
    enrich_secrets -- names of the variables that the enrichment may have a key in
    """

    run_dir: Path
    audit_dir: Path
    venue: str
    serial: str
    pins: str
    link_key: Path
    profile: str
    host_id: str
    config: Path
    on_kill: str
    second_failure_s: float = 60.0
    guard_cpu: int | None = None
    fifo: bool = True
    enrich: bool = False
    python: str = sys.executable
    connectors: Sequence[Venue] = ()
    strategy: str = ""
    instrument: str = ""
    permit: bytes = b""
    enrich_secrets: Sequence[str] = ()

    @property
    def snapshot(self) -> Path:
        """The configuration as it was at the start: what a restarted child must run under."""
        return self.run_dir / "config.toml"

    @property
    def order(self) -> tuple[str, ...]:
        """Names of what the host cannot do without, each before whoever needs it."""
        connectors = (PREFIX + venue.name for venue in self.connectors)
        return ("guard", "recorder", *connectors, "modeller", "engine")

    def command(self, name: str) -> list[str]:
        """Return the command line of one process."""
        if name.startswith(PREFIX):
            return self._connector(self.venue_of(name))
        start = [self.python, "-m", f"host.{name}"]
        if name == "recorder":
            words = (self.run_dir, self.audit_dir, self.host_id, self.snapshot)
            return [*start, *map(str, words)]
        if name == "enrich":
            return [*start, *map(str, (self.run_dir, self.snapshot))]
        if name == "engine":
            state = ladder_beside(self.audit_dir)
            return [*start, *map(str, (self.run_dir, self.venue, self.snapshot, state))]
        if name == "modeller":
            return [*start, *map(str, (self.run_dir, self.venue, self.snapshot))]
        start += ["--run-dir", str(self.run_dir), "--serial", self.serial, "--pins", self.pins]
        start += ["--audit-dir", str(self.audit_dir), "--host-id", self.host_id]
        start += ["--link-key", str(self.link_key), "--profile", self.profile]
        start += ["--on-kill", self.on_kill]
        names = ",".join(venue.name for venue in self.connectors)
        start += ["--connectors", names] if names else []
        start += ["--cpu", str(self.guard_cpu)] if self.guard_cpu is not None else []
        return start + (["--fifo"] if self.fifo else [])

    def _connector(self, venue: Venue) -> list[str]:
        start = [self.python, "-m", f"host.{CONNECTOR}", venue.exchange]
        start += [venue.symbol or self.instrument]
        start += [
            "--listen",
            venue.at(self.run_dir),
            "--guard",
            str(self.run_dir),
            "--name",
            venue.name,
        ]
        start += ["--strategy", self.strategy]
        start += ["--url", venue.url] if venue.url else []
        return start + (["--keys", str(Path(venue.keys).expanduser())] if venue.keys else [])

    def venue_of(self, name: str) -> Venue:
        """Return the venue of a connector."""
        return next(v for v in self.connectors if PREFIX + v.name == name)

    def secrets(self, name: str) -> Sequence[str]:
        """Return the names of the variables that one process may find its keys in."""
        if name == "enrich":
            return self.enrich_secrets
        if name.startswith(PREFIX) and not self.venue_of(name).keys:
            exchange = self.venue_of(name).exchange.upper()
            return [f"BOT4_{exchange}_{key}" for key in KEYS]
        return ()

    def permit_of(self, name: str) -> bytes:
        """Return what one process must be given to send real orders; nothing where they are not."""
        real = name.startswith(PREFIX) and self.venue_of(name).real
        return self.permit if real else b""


def ladder_beside(audit_dir: Path) -> Path:
    """Return the file that is there while an emergency that liquidates is unfinished."""
    return audit_dir.with_name(f"{audit_dir.name}.ladder.json")
