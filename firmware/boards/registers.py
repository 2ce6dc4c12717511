"""The few registers of the RP2040 that MicroPython has no call for (datasheet 2.3.1.7 and 2.19.6)."""

SIO_GPIO_IN = 0xD0000004
SIO_GPIO_OUT_CLR = 0xD0000018
SIO_GPIO_OE_SET = 0xD0000024

IO_BANK0 = 0x40014000
# Edges of GPIO 0..7 since they were last cleared, four bits a pin; they latch without any handler.
IO_INTR0 = IO_BANK0 + 0x0F0
EDGE_HIGH = 1 << 3
FUNCTION_SIO = 5
# STATUS bit: what the chip drives, whatever the pad reads.
OUTTOPAD = 1 << 9

# A scratch register of the watchdog, zero at power-up: boot.py counts its own runs there.
BOOTS = 0x40058010


def status(gpio):
    """Return the address of a GPIO's STATUS register."""
    return IO_BANK0 + 8 * gpio


def control(gpio):
    """Return the address of a GPIO's CTRL register."""
    return IO_BANK0 + 8 * gpio + 4
