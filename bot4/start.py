"""Where `bot4` begins: what must answer at once is read here, everything else by typer.

typer takes longer to load (with some versions pydantic comes along) than the guard to answer. Only
what is plainly right is taken; whatever is not goes to typer, which knows the help and the complaints.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from bot4 import asking
from bot4.errors import INTERRUPTED, BadInput, complain

# command: (what answers it, names of its arguments, its flags)
AT_ONCE: dict[str, tuple[Any, tuple[str, ...], dict[str, str]]] = {
    "status": (asking.status, (), {"--json": "as_json"}),
    "halt": (asking.halt, ("reason",), {}),
}
RUN_DIR = "--run-dir"


def main() -> NoReturn:
    """Run one command and end with its exit code."""
    arguments = sys.argv[1:]
    given = plain(arguments)
    if given is None:
        from bot4 import cli

        cli.main()
    try:
        code = AT_ONCE[arguments[0]][0](**given)
    except BadInput as error:
        code = complain(str(error))
    except KeyboardInterrupt:
        print("bot4: interrupted", file=sys.stderr)
        code = INTERRUPTED
    sys.exit(code)


def plain(arguments: Sequence[str]) -> dict[str, Any] | None:
    """Return what a command that answers at once is given, or None when typer must look at it."""
    if not arguments or arguments[0] not in AT_ONCE:
        return None
    _answer, names, flags = AT_ONCE[arguments[0]]
    found: dict[str, Any] = {"run_dir": asking.default_run_dir()}
    words: list[str] = []
    left = iter(arguments[1:])
    for word in left:
        if word in flags:
            found[flags[word]] = True
        elif word == RUN_DIR:
            place = next(left, "")
            if not place or place.startswith("-"):
                return None
            found["run_dir"] = Path(place)
        elif word.startswith("-"):
            return None
        else:
            words.append(word)
    return found | dict(zip(names, words, strict=True)) if len(words) == len(names) else None
