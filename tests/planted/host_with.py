"""`bot4 run` with one module exchanged: `host_with.py host.engine tests.planted.leaky_engine ...`.

bot4 demo --host "python tests/planted/host_with.py host.engine tests.planted.leaky_engine"
"""

import os
import sys
from pathlib import Path

HOUSE = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(HOUSE))

from bot4.cli import main  # noqa: E402
from host.supervisor import Plan  # noqa: E402

honest_command = Plan.command


def exchange(honest: str, planted: str) -> None:
    """Have the supervisor start `planted` wherever it would start `honest`."""

    def command(plan: Plan, name: str) -> list[str]:
        return [planted if word == honest else word for word in honest_command(plan, name)]

    Plan.command = command  # type: ignore[method-assign]


if __name__ == "__main__":
    os.environ["PYTHONPATH"] = str(HOUSE)
    exchange(sys.argv[1], sys.argv[2])
    sys.argv[1:3] = ["run"]
    main()
