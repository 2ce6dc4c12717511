"""What is asked of the running guard: status, and to step down. Without typer: both answer at once."""

import os
from pathlib import Path

from bot4.errors import BadInput


def default_run_dir() -> Path:
    """Return the run directory of this user's host."""
    return Path(os.environ.get("XDG_RUNTIME_DIR", f"/tmp/bot4-{os.getuid()}")) / "bot4"


def halt(reason: str, run_dir: Path) -> int:
    """Step down to EMERGENCY; return the exit code."""
    answer = ask_guard(run_dir, op="down", detail=reason)
    print(f"mode {answer['mode']} ({answer['reason']}), HALT {answer['halt']}, ACK {answer['ack']}")
    return 0 if answer["mode"] == "EMERGENCY" else 1


def status(run_dir: Path, as_json: bool = False) -> int:
    """Print what the guard says; return the exit code."""
    answer = ask_guard(run_dir, op="status")
    if as_json:
        import msgspec

        print(msgspec.json.encode(answer).decode())
        return 0
    for key, value in answer.items():
        if isinstance(value, dict):
            value = ", ".join(f"{name} {item}" for name, item in value.items())
        print(f"{key.replace('_', ' '):18} {'-' if value in (None, '') else value}")
    return 0


def ask_guard(run_dir: Path, **request: str) -> dict:
    """Return the guard's answer. Raises BadInput."""
    from host.guard.client import GuardClient, GuardUnreachable

    try:
        return GuardClient(run_dir.expanduser()).request(**request)
    except (GuardUnreachable, ValueError) as error:
        raise BadInput(str(error)) from None
