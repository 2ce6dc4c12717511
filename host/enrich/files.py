"""Where the enrichment keeps what it must not forget."""

from pathlib import Path

from host.enrich.settings import Enrichment

LEDGER, CACHE, RECORDS = "ledger.sqlite", "cache.sqlite", "records.sqlite"


def state_dir(settings: Enrichment) -> Path:
    """Return the folder of ledger, cache and records."""
    return Path(settings.state_dir).expanduser()
