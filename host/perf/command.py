"""`python -m host.perf.MODULE [--json]`: the rows of one module; `bot4 perf` has them all."""

import json
import sys
from collections.abc import Callable

from host.perf.timing import Row


def run(
    module: str,
    rows: Callable[[], list[Row]],
    show: Callable[[list[Row]], str],
    arguments: list[str],
    note: str = "",
) -> int:
    """Measure and print; return 0 when every limit holds, 1 when one does not, 2 on wrong use."""
    if arguments not in ([], ["--json"]):
        print(f"perf: usage: python -m host.perf.{module} [--json]", file=sys.stderr)
        return 2
    found = rows()
    verdict = "pass" if all(line["pass"] for line in found) else "fail"
    if arguments:
        print(json.dumps({"rows": found, "verdict": verdict}))
    else:
        print(f"{show(found)}\nverdict: {verdict}{note}")
    return 0 if verdict == "pass" else 1
