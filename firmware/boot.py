"""Runs first after every reset, soft ones included: HALT low, then who may talk to the box.

Until these pokes the pin floats (the pull-downs hold HALT low) or, after a soft reset, stays where the
old program left it. Nothing of ours is imported before them: an import may fail.
"""

from machine import mem32

mem32[0xD0000018] = 1 << 15  # SIO GPIO_OUT_CLR: HALT (controller.wiring, GP15) low ...
mem32[0xD0000024] = 1 << 15  # SIO GPIO_OE_SET: ... and driven ...
mem32[0x4001407C] = 5  # IO_BANK0 GPIO15_CTRL := SIO: ... whatever a PIO program still does

import machine  # noqa: E402
import micropython  # noqa: E402

# The watchdog's scratch registers survive soft resets and the watchdog, and are zero at power-up.
SERVICE_REGISTER, BOOTS_REGISTER = 0x4005800C, 0x40058010
SERVICE_MAGIC = 0x5E2B1CE

# Service: the re-arm button (controller.wiring, GP4) is held at power-up. It lasts until the next
# power-up, because mpremote resets the interpreter with nobody at the button.
first = mem32[BOOTS_REGISTER] == 0
if first and not machine.Pin(4, machine.Pin.IN, machine.Pin.PULL_UP).value():
    mem32[SERVICE_REGISTER] = SERVICE_MAGIC
mem32[BOOTS_REGISTER] += 1

SERVICE = mem32[SERVICE_REGISTER] == SERVICE_MAGIC
if not SERVICE:
    micropython.kbd_intr(-1)  # Ctrl-C on USB is a byte like any other
