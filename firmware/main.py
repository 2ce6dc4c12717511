"""Starts the firmware of the active slot; never lets anybody into the REPL outside service mode."""

# SERVICE comes from boot.py: MicroPython runs both files in one namespace.
if not SERVICE:  # type: ignore[name-defined]  # noqa: F821
    while True:
        try:
            import sys

            with open("active") as file:
                sys.path.insert(0, "/" + file.read().strip())
            from firmware.run import main

            main()
        except BaseException:  # noqa: BLE001  HALT is low, and a REPL would be worse than silence
            import machine

            machine.Pin(18, machine.Pin.OUT, value=1)  # red, steady and alone: nothing runs
            machine.idle()
