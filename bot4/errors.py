"""What the user did wrong, and how it is said."""

import sys

INTERRUPTED = 130


class BadInput(Exception):
    """Wrong use or bad input; its text is the one line that the user sees, exit code 2."""


def require(condition: bool, complaint: str) -> None:
    """Raise BadInput unless the condition holds."""
    if not condition:
        raise BadInput(complaint)


def complain(message: str) -> int:
    """Print one line, whatever the message was made of; return exit code 2."""
    print(f"bot4: {' '.join(message.split())}", file=sys.stderr)
    return 2
