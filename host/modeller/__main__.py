"""`python -m host.modeller RUN_DIR VENUE_SOCKET CONFIG`: started by the supervisor.

VENUE_SOCKET is of the venue that is traded at; empty leaves it to the configuration.
"""

import os
import signal
import sys
from pathlib import Path

from host import config, realtime
from host.modeller.loop import Modeller

NICE = 10


def main(run_dir: str, venue: str, settings: str) -> int:
    """Say `ready`, then forecast until told to stop."""
    realtime.die_with_parent()
    wanted = config.load(Path(settings))
    os.nice(NICE)
    traded = wanted.venues(venue)[0]
    modeller = Modeller(Path(run_dir), traded.at(Path(run_dir)), wanted.modeller)
    signal.signal(signal.SIGTERM, lambda *_: setattr(modeller, "running", False))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    print("ready", flush=True)
    try:
        modeller.run()
    finally:
        modeller.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
