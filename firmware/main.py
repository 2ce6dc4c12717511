"""Starts the firmware of the active slot; lets nobody into the REPL outside service mode."""

import machine
import micropython

# The watchdog's scratch registers survive soft resets and the watchdog, and are zero at power-up.
SERVICE_REGISTER, BOOTS_REGISTER = 0x4005800C, 0x40058010
SERVICE = 0x5E2B1CE

# Service: the re-arm button (controller.wiring, GP4) is held at power-up. It lasts until the next
# power-up, because mpremote resets the interpreter with nobody at the button.
if not machine.mem32[BOOTS_REGISTER] and not machine.Pin(4, machine.Pin.IN, machine.Pin.PULL_UP)():
    machine.mem32[SERVICE_REGISTER] = SERVICE
machine.mem32[BOOTS_REGISTER] += 1

while machine.mem32[SERVICE_REGISTER] != SERVICE:
    try:
        # MicroPython allows Ctrl-C again for every file it runs, so this cannot stand in boot.py.
        micropython.kbd_intr(-1)
        import sys

        with open("active") as file:
            sys.path.insert(0, "/" + file.read().strip())
        from firmware.run import main

        main()
    except BaseException:  # noqa: BLE001  HALT is low, and a REPL would be worse than silence
        machine.Pin(18, machine.Pin.OUT, value=1)  # red (controller.wiring, GP18), steady and alone
        machine.idle()
