"""Scheduling, memory and CPUs: what the kernel lets the guard have."""

import os
import resource
from collections.abc import Callable

import host.allocator
from host import realtime
from host.doctor.finding import Check, Found, Place, ok, warn

CAP_IPC_LOCK, CAP_SYS_NICE = 14, 23
UNLIMITED = resource.RLIM_INFINITY
# KiB. The guard with everything locked is far below; it must fit into RLIMIT_MEMLOCK.
GUARD_KB = 64 * 1024
MB = 1024 * 1024
# us of each second that real-time tasks may run; -1 is all of it.
USUAL_RT_RUNTIME_US = 950_000


def capable(place: Place, number: int) -> bool:
    """True when this process has a capability in effect."""
    for line in place.at("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("CapEff:"):
            return bool(int(line.split()[1], 16) >> number & 1)
    raise OSError("/proc/self/status names no capabilities")


def fifo(place: Place) -> Found:
    """Asked for in a child process, beside RLIMIT_RTPRIO and CAP_SYS_NICE."""
    limit = resource.getrlimit(resource.RLIMIT_RTPRIO)[0]
    why = f"RLIMIT_RTPRIO {limit}, CAP_SYS_NICE {'yes' if capable(place, CAP_SYS_NICE) else 'no'}"
    refused = in_child(realtime.fifo)
    return warn(f"refused ({why})") if refused else ok(f"permitted ({why})")


def locked_memory(place: Place) -> Found:
    """RLIMIT_MEMLOCK must hold the whole guard; mlockall is tried in a child process."""
    soft = resource.getrlimit(resource.RLIMIT_MEMLOCK)[0]
    shown = "unlimited" if soft == UNLIMITED else f"{soft // MB} MiB"
    if not capable(place, CAP_IPC_LOCK) and soft not in (UNLIMITED,) and soft < GUARD_KB * 1024:
        return warn(f"RLIMIT_MEMLOCK is {shown}, below the {GUARD_KB // 1024} MiB that it takes")
    refused = in_child(realtime.lock_memory)
    return warn(f"mlockall refused, limit {shown}") if refused else ok(f"permitted, limit {shown}")


def in_child(ask: Callable[[], str | None]) -> bool:
    """Call `ask` in a forked child; True when it returned a refusal. Raises OSError."""
    child = os.fork()
    if child == 0:
        code = 2
        try:
            code = 1 if ask() else 0
        finally:
            os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code not in (0, 1):
        raise OSError(f"the child that tried ended with {code}")
    return code == 1


def cpus(place: Place) -> Found:
    """The process's affinity, and the CPUs that the kernel keeps free (isolcpus)."""
    mine = sorted(os.sched_getaffinity(0))
    kept = isolated(place)
    fact = f"{len(mine)} usable; isolated: {', '.join(map(str, sorted(kept))) or 'none'}"
    if len(mine) < 2:
        return warn(f"{fact}: guard and engine share it")
    return ok(fact) if kept else warn(fact)


def isolated(place: Place) -> set[int]:
    """CPUs that the kernel keeps free of other work (isolcpus)."""
    found: set[int] = set()
    for part in place.at("/sys/devices/system/cpu/isolated").read_text().strip().split(","):
        if part:
            first, _, last = part.partition("-")
            found |= set(range(int(first), int(last or first) + 1))
    return found


def preempt_rt(place: Place) -> Found:
    """The kernel's version text, or /sys/kernel/realtime."""
    version = place.at("/proc/sys/kernel/version").read_text().strip()
    flag = place.at("/sys/kernel/realtime")
    if "PREEMPT_RT" in version or (flag.exists() and flag.read_text().strip() == "1"):
        return ok("PREEMPT_RT")
    kind = next((word for word in version.split() if word.startswith("PREEMPT")), "no preemption")
    return warn(f"no PREEMPT_RT ({kind}): wake-ups have no upper bound")


def version(place: Place) -> Found:
    """Its number; the short slice of 6.12, which helps without SCHED_FIFO, is tried in a child."""
    release = place.at("/proc/sys/kernel/osrelease").read_text().strip()
    parts = tuple(int(word) for word in release.split("-")[0].split(".")[:2])
    if parts < (5, 10):
        return warn(f"Linux {release}: older than 5.10, no GPIO v2")
    refused = in_child(realtime.short_slice)
    return warn(f"Linux {release}, no short slice") if refused else ok(f"Linux {release}")


def rt_throttling(place: Place) -> Found:
    """sched_rt_runtime_us: the part of a second that real-time tasks may run."""
    file = place.at("/proc/sys/kernel/sched_rt_runtime_us")
    if not file.exists():
        return ok("no throttling in this kernel (sched_rt_runtime_us is not there)")
    runtime_us = int(file.read_text())
    if runtime_us == 0:
        return warn("0 us: real-time tasks never run")
    if runtime_us == -1:
        return warn("off: a real-time task that spins holds its core for ever")
    fact = f"{runtime_us / 1e4:.0f} % of a second for real-time tasks"
    return ok(fact) if runtime_us >= USUAL_RT_RUNTIME_US // 2 else warn(fact)


def governor(place: Place) -> Found:
    """The frequency governor of each CPU."""
    files = place.at("/sys/devices/system/cpu").glob("cpu[0-9]*/cpufreq/scaling_governor")
    found = sorted({file.read_text().strip() for file in files})
    if not found:
        return ok("the frequency is not the system's to change")
    return ok(found[0]) if found == ["performance"] else warn(", ".join(found))


def allocator(_place: Place) -> Found:
    """What `bot4 run` starts engine and recorder on."""
    without = host.allocator.note()
    if without:
        return warn(without)
    return ok(f"{host.allocator.library() or host.allocator.NAME} for engine and recorder")


LIMITS = "/etc/security/limits.d/bot4.conf"
CHECKS = (
    Check("SCHED_FIFO", fifo, f'{LIMITS}: "@bot4 - rtprio 60", or AmbientCapabilities=CAP_SYS_NICE'),
    Check("locked memory", locked_memory, f'{LIMITS}: "@bot4 - memlock unlimited"'),
    Check("CPUs", cpus, "isolcpus=N on the kernel's command line, `bot4 run --guard-cpu N`"),
    Check("real-time kernel", preempt_rt, "install or build a kernel with PREEMPT_RT"),
    Check("kernel", version, "install Linux 6.12 or newer"),
    Check("RT throttling", rt_throttling, "sysctl kernel.sched_rt_runtime_us=950000"),
    Check("CPU frequency", governor, "cpupower frequency-set -g performance"),
    Check("allocator", allocator, "apt install libmimalloc2.0, or what `apt search libmimalloc` finds"),
)  # fmt: skip
