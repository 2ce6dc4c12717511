"""`python -m host.enrich RUN_DIR CONFIG`: started by the supervisor when [enrichment] is enabled."""

import asyncio
import os
import platform
import signal
import sys
from pathlib import Path

from host import config, realtime
from host.alerts import Deliverer
from host.enrich.grok import NoKey, read_key
from host.enrich.parts import Parts
from host.enrich.service import Service, budget_alert, teller

NICE = 10


async def serve(run_dir: Path, wanted: config.Config, key: str) -> None:
    """Serve until told to stop."""
    deliverer = Deliverer(wanted.alerts, platform.node() or "unnamed")
    tell = teller(deliverer)
    settings = wanted.enrichment
    parts = Parts(settings, key, budget_alert(tell, settings.limit_ticks))
    service = Service(settings, parts, tell)
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, lambda: setattr(service, "running", False))
    loop.add_signal_handler(signal.SIGINT, lambda: None)
    print(f"enrich: {service.cadence.words}", file=sys.stderr, flush=True)
    print("ready", flush=True)
    try:
        await service.run(run_dir)
    finally:
        deliverer.close()


def main(run_dir: str, settings: str) -> int:
    """Read key and configuration, say `ready`, serve."""
    realtime.die_with_parent()
    os.nice(NICE)
    try:
        wanted = config.load(Path(settings))
        key = read_key(wanted.enrichment)
        os.environ.pop(wanted.enrichment.key_env, None)
        asyncio.run(serve(Path(run_dir), wanted, key))
    except (config.ConfigError, NoKey) as error:
        print(f"enrich: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
