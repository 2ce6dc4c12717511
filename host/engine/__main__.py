"""`python -m host.engine RUN_DIR VENUE_SOCKET`: started by the supervisor."""

import signal
import sys
from pathlib import Path

from host import realtime
from host.engine.loop import Engine
from host.engine.risk import Limits
from host.guard.client import GuardClient, GuardUnreachable

GUARD_LOST = 3


def main(run_dir: str, venue: str) -> int:
    """Attach to the guard, say `ready`, trade until told to stop or the guard is gone."""
    realtime.die_with_parent()
    try:
        engine = Engine(GuardClient(Path(run_dir)), Path(venue), Limits())
        signal.signal(signal.SIGTERM, lambda *_: setattr(engine, "running", False))
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        realtime.freeze_gc()
        print("ready", flush=True)
        engine.run()
    except (GuardUnreachable, ValueError) as error:
        print(f"engine: {error}", file=sys.stderr)
        return GUARD_LOST
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
