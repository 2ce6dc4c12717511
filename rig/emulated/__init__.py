"""The emulated bench: the real MicroPython image on an emulated RP2040, on the virtual wires."""
