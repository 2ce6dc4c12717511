"""What this machine gives to the halt path, and what it does not, with what to do about it.

finding   one line of the report, and how a table of checks is run
kernel    scheduling, memory, CPUs, real-time kernel
wires     GPIO character device, lines, serial port
upkeep    clock, disk, allocator, versions
running   what the running host was granted
"""

from host.doctor import kernel, running, upkeep, wires
from host.doctor.finding import Check, Finding, Place, examine

TABLE: tuple[Check, ...] = (*kernel.CHECKS, *wires.CHECKS, *upkeep.CHECKS, *running.CHECKS)

__all__ = ["TABLE", "Check", "Finding", "Place", "examine"]
