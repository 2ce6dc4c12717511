"""What a backup keeps: names in the archive, and where each lies on a host."""

import re
from dataclasses import dataclass
from pathlib import Path

from host import moderecord
from host.audit.record import SEGMENT_NAME, TORN_NAME
from host.enrich.files import LEDGER, RECORDS
from host.plan import ladder_beside

EVIDENCE = "evidence"
AUDIT, MODE, LADDER = "audit", "state/mode.json", "state/ladder.json"
JOURNALS, ENRICH = "journals", "enrich"
JOURNAL_NAME = re.compile(r"orders-[a-z0-9]{1,12}\.journal")
EVIDENCE_NAME = re.compile(r"[A-Za-z0-9._-]{1,200}\.signed\.json")
DATABASES = (LEDGER, RECORDS)


@dataclass(frozen=True)
class Places:
    """Folders of one host: of the log, of what runs, and of the enrichment."""

    audit_dir: Path
    run_dir: Path
    enrich_dir: Path

    def of(self, name: str) -> Path | None:
        """Return where a member lies; None for a name that no backup of ours has."""
        folder, _, file = name.partition("/")
        if folder == AUDIT and (SEGMENT_NAME.fullmatch(file) or TORN_NAME.fullmatch(file)):
            return self.audit_dir / file
        if folder == EVIDENCE and EVIDENCE_NAME.fullmatch(file) and ".." not in file:
            return self.audit_dir.with_name(EVIDENCE) / file
        if folder == JOURNALS and JOURNAL_NAME.fullmatch(file):
            return self.run_dir / file
        if folder == ENRICH and file in DATABASES:
            return self.enrich_dir / file
        if name == MODE:
            return moderecord.beside(self.audit_dir)
        return ladder_beside(self.audit_dir) if name == LADDER else None

    def segments(self) -> list[Path]:
        """Return the log's segments, oldest first. Raises OSError."""
        found = [path for path in self.audit_dir.iterdir() if SEGMENT_NAME.fullmatch(path.name)]
        return sorted(found, key=lambda path: int(path.stem.partition("-")[2]))

    def others(self) -> list[tuple[str, Path]]:
        """Return (name, path) of everything else that is there."""
        folders = (
            (AUDIT, self.audit_dir),
            (EVIDENCE, self.audit_dir.with_name(EVIDENCE)),
            (JOURNALS, self.run_dir),
            (ENRICH, self.enrich_dir),
        )
        names = [
            f"{name}/{path.name}"
            for name, folder in folders
            if folder.is_dir()
            for path in sorted(folder.iterdir())
            if not (name == AUDIT and SEGMENT_NAME.fullmatch(path.name))
        ]
        found = [(name, self.of(name)) for name in (*names, MODE, LADDER)]
        return [(name, path) for name, path in found if path is not None and path.is_file()]
