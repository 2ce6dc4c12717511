"""Requirements of some extras of this project, one a line: `python tools/extras.py NAME ...`.

For an environment that has the project already: installing it again would compile it again.
"""

import sys
import tomllib
from pathlib import Path


def main(names: list[str]) -> int:
    """Print them; an unknown name is an error."""
    with (Path(__file__).resolve().parents[1] / "pyproject.toml").open("rb") as file:
        extras = tomllib.load(file)["project"]["optional-dependencies"]
    unknown = [name for name in names if name not in extras]
    if unknown:
        print(f"extras: no extra is called {unknown[0]!r}", file=sys.stderr)
        return 2
    wanted = dict.fromkeys(line for name in names for line in extras[name])
    print("\n".join(line for line in wanted if not line.startswith("bot4[")))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
