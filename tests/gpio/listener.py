"""Takes edges of HALT in a process of its own: `listener FACTORY COUNT`.

Prints, one a line, the microseconds from the kernel's time stamp of an edge to gpiozero's callback.
"""

import gc
import os
import select
import sys
import time

from gpiozero import DigitalInputDevice

from host.guard.lines import open_factory
from tests.gpio.simulated import HALT


def lgpio_factory() -> object:
    """gpiozero's own factory, on the header (it counts chips and would take the first)."""
    from gpiozero.pins.lgpio import LGPIOFactory

    os.chdir("/dev/shm")  # it leaves a pipe in the current folder
    return LGPIOFactory(chip=int(os.environ["VM_GPIO_CHIP"].removeprefix("/dev/gpiochip")))


def main(name: str, count: int) -> None:
    """Listen until `count` edges have come or none comes for five seconds."""
    ours = name == "bot4gpiod"
    factory = open_factory(name) if ours else lgpio_factory()
    late_us: list[float] = []

    def changed(ticks: float, _state: int) -> None:
        late_us.append((time.monotonic() - ticks) * 1e6)

    device = DigitalInputDevice(HALT, pull_up=False, pin_factory=factory)
    device.pin.when_changed = changed
    gc.disable()
    print("listening", flush=True)
    poller = select.poll()
    if ours:
        poller.register(factory.fileno(), select.POLLIN)
    deadline = time.monotonic() + 60
    while len(late_us) < count and time.monotonic() < deadline:
        if not ours:
            time.sleep(0.5)
        elif poller.poll(5000):
            factory.dispatch(time.monotonic_ns())
        else:
            break
    print(*late_us, sep="\n", flush=True)
    os._exit(0)  # lgpio's threads do not always end


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
