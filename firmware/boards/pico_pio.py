# ruff: noqa: F821
# mypy: disable-error-code="name-defined,call-overload"
"""The state machines of the Pico: trip path, stopwatch, lamp pulses. Their words come from asm_pio.

All run at the processor's clock, 125 MHz: one cycle is 8 ns.
"""

import rp2

# A healthy pass through `trip` takes eight cycles and one off x, so a token is a number of passes.
TRIP_PASS_CYCLES = 8
# ns. What the glitch filter adds to the way from the contact to HALT: two more samples, each seven
# cycles after the one before. An opening of up to 112 ns is never seen, one of 200 ns always.
FILTER_NS = 112


@rp2.asm_pio(set_init=rp2.PIO.OUT_LOW, in_shiftdir=rp2.PIO.SHIFT_LEFT)
def trip():
    """Hold the trip path: latch, both contacts, glitch filter and dead man in one.

    The first token arms; HALT is high while both contacts are closed and tokens come. An opening
    counts when three samples in a row saw it. Each sample pays for its time out of x, so that a
    chattering contact cannot stretch the dead man.
    """
    pull(block)
    mov(x, osr)
    label("run")
    mov(isr, null)
    in_(pins, 2)
    mov(y, isr)
    jmp(not_y, "closed")
    jmp(x_dec, "second")
    jmp("open")
    label("second")
    mov(isr, null)[2]
    in_(pins, 2)
    mov(y, isr)
    jmp(not_y, "closed")
    jmp(x_dec, "third")
    jmp("open")
    label("third")
    mov(isr, null)[2]
    in_(pins, 2)
    mov(y, isr)
    jmp(not_y, "closed")
    label("open")
    set(pins, 0)
    label("latched")
    jmp("latched")
    label("closed")
    set(pins, 1)
    pull(noblock)
    mov(x, osr)
    jmp(x_dec, "run")
    jmp("open")


@rp2.asm_pio(in_shiftdir=rp2.PIO.SHIFT_LEFT)
def stopwatch():
    """Count HALT fall (in_base) -> ACK rise (jmp_pin), two cycles a step down from 2**32 - 1."""
    wrap_target()
    wait(1, pin, 0)
    mov(x, invert(null))
    wait(0, pin, 0)
    label("count")
    jmp(pin, "done")
    jmp(x_dec, "count")
    label("done")
    mov(isr, x)
    push(noblock)
    wrap()


@rp2.asm_pio(set_init=rp2.PIO.OUT_LOW)
def pulse():
    """Light a lamp once: the first word is the wait before, the second the width, in cycles."""
    pull(block)
    mov(x, osr)
    label("wait")
    jmp(x_dec, "wait")
    pull(block)
    mov(x, osr)
    set(pins, 1)
    label("lit")
    jmp(x_dec, "lit")
    set(pins, 0)
