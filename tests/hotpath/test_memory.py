"""What a pool costs, what its records show, when its memory comes."""

import os
import resource

import pytest

from host import pools


def resident_bytes() -> int:
    with open("/proc/self/statm") as file:  # noqa: PTH123
        return int(file.read().split()[1]) * resource.getpagesize()


@pytest.mark.parametrize("name", pools.SIZES)
def test_the_pools_of_the_specification(name: str, capsys: pytest.CaptureFixture) -> None:
    dtype, slots = pools.SIZES[name]
    before = resident_bytes()
    _fd, pool = pools.create(dtype, slots)
    size = len(pool.buffer)
    lazy = resident_bytes() - before
    with capsys.disabled():
        print(f"\n  {slots} {name}: {size / 1e6:.1f} MB, {lazy / 1e6:.1f} MB of it touched")
    assert lazy < size / 10 + 1e6
    if name == "ticks":
        assert size <= 400e6
    handle = pool.acquire()
    assert pool.index(handle) < slots
    assert len(pool.records) == slots


def test_memory_comes_at_once_when_asked_for() -> None:
    before = resident_bytes()
    _fd, pool = pools.create(pools.SIGNAL, 1_000_000, prefault=True)
    assert resident_bytes() - before >= 0.95 * len(pool.buffer)


def test_records_are_the_same_memory_in_every_process() -> None:
    fd, pool = pools.create(pools.ORDER, 1000, shared=True)
    handle = pool.acquire()
    child = os.fork()
    if child == 0:
        with pools.attach(fd, pools.ORDER) as other:
            other.records["price"][pool.index(handle)] = 99.5
            os._exit(0)
    os.waitpid(child, 0)
    assert pool.records[pool.index(handle)]["price"] == 99.5
    assert pool.records.base is not None, "no copy"
    assert not pool.records.flags.owndata
