"""What engine and enricher say to each other, and where."""

from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

MOST_PART_BYTES = 512
Count = Annotated[int, Meta(ge=0, le=10**12)]


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an engine's shadow decisions came to since the last one; gain in quote currency."""

    gain: float
    decisions: Count
    hits: Count
    changed: Count


def socket_path(run_dir: Path) -> Path:
    """Return where the enricher of a run directory listens."""
    return run_dir / "enrich.sock"
