"""What the user did wrong."""


class BadInput(Exception):
    """Wrong use or bad input; its text is the one line that the user sees, exit code 2."""


def require(condition: bool, complaint: str) -> None:
    """Raise BadInput unless the condition holds."""
    if not condition:
        raise BadInput(complaint)
