"""Runs first after every reset, soft ones included: HALT low, before anything else can go wrong.

Until these pokes the pin floats (the pull-downs hold HALT low) or, after a soft reset, stays where the
old program left it. Nothing is imported from our own files: an import may fail.
"""

from machine import mem32

mem32[0xD0000018] = 1 << 15  # SIO GPIO_OUT_CLR: HALT (controller.wiring, GP15) low ...
mem32[0xD0000024] = 1 << 15  # SIO GPIO_OE_SET: ... and driven ...
mem32[0x4001407C] = 5  # IO_BANK0 GPIO15_CTRL := SIO: ... whatever a PIO program still does
