"""The Raspberry Pi's header pins for gpiozero, over the kernel's GPIO character device.

    chips.py          which chip carries the header, and an exclusive request for one line of it
    edges.py          finds out that an edge is missing
    gpiod_factory.py  the gpiozero pin factory `bot4gpiod`

Errors: PinsError (OSError) when a line cannot be had, LineGone (ConnectionError) when one that we
had stopped answering.
"""
