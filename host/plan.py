"""What the supervisor runs: one table of command lines."""

import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Plan:
    """What to run. `guard_cpu` pins the guard; the others keep off that CPU where there is another."""

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

    @property
    def snapshot(self) -> Path:
        """The configuration as it was at the start: what a restarted child must run under."""
        return self.run_dir / "config.toml"

    def command(self, name: str) -> list[str]:
        """Return the command line of one process."""
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
        start += ["--cpu", str(self.guard_cpu)] if self.guard_cpu is not None else []
        return start + (["--fifo"] if self.fifo else [])


def ladder_beside(audit_dir: Path) -> Path:
    """Return the file that is there while an emergency that liquidates is unfinished."""
    return audit_dir.with_name(f"{audit_dir.name}.ladder.json")
