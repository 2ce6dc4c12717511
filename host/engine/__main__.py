"""`python -m host.engine RUN_DIR VENUE_SOCKET CONFIG STATE_FILE`: started by the supervisor.

VENUE_SOCKET is of the venue that is traded at; empty leaves it to the configuration.
"""

import hashlib
import signal
import sys
from pathlib import Path

from host import allocator, config, realtime
from host.engine.emergency.progress import Progress
from host.engine.forecasts import Forecasts
from host.engine.loop import Engine
from host.engine.predictor import Predictor
from host.guard.client import GuardClient, GuardUnreachable

GUARD_LOST = 3


def main(run_dir: str, venue: str, settings: str, state: str) -> int:
    """Attach to the guard, say `ready`, trade until told to stop or the guard is gone."""
    realtime.die_with_parent()
    try:
        wanted = config.load(Path(settings))
        guard = GuardClient(Path(run_dir))
        forecasts = Forecasts(Path(run_dir))
        progress = Progress(Path(state))
        predictor = Predictor(wanted.model) if wanted.model.file else None
        engine = Engine(guard, wanted, venue, progress, forecasts, Path(run_dir), predictor)
        if predictor is not None:
            engine.event("model", **predictor.told())
        digest = hashlib.sha256(Path(settings).read_bytes()).hexdigest()
        engine.event("configuration", sha256=digest)
        engine.event("allocator", engine=allocator.in_use())
        signal.signal(signal.SIGTERM, lambda *_: setattr(engine, "running", False))
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        realtime.freeze_gc()
    except (OSError, ValueError) as error:  # no guard, or no journal
        print(f"engine: {error}", file=sys.stderr)
        return GUARD_LOST
    print("ready", flush=True)
    try:
        engine.run()
    except GuardUnreachable as error:  # anything else is a failure of ours, and must count as one
        print(f"engine: {error}", file=sys.stderr)
        return GUARD_LOST
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
