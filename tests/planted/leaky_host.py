"""`bot4 run` with the leaky engine: `bot4 demo --host "python tests/planted/leaky_host.py"`."""

import os
import sys
from pathlib import Path

HOUSE = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(HOUSE))

from bot4.cli import main  # noqa: E402
from host.supervisor import Plan  # noqa: E402

honest = Plan.command


def command(plan: Plan, name: str) -> list[str]:
    """Return the honest command line, but for the engine."""
    line = honest(plan, name)
    if name == "engine":
        line[line.index("host.engine")] = "tests.planted.leaky_engine"
    return line


if __name__ == "__main__":
    os.environ["PYTHONPATH"] = str(HOUSE)
    Plan.command = command  # type: ignore[method-assign]
    sys.argv[1:1] = ["run"]
    main()
