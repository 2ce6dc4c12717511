"""The host under test, here or over SSH: does it answer, with which versions, and what is the Pi like."""

import shlex
import subprocess
import sys

from rig.benchfile import BenchFile, Host
from rig.doctor import Finding
from rig.physical.machine import VERSIONS, command, interpreter

ANSWER_S = 20.0
# One look at the Pi: `name value` a line; what a line does not say is not there.
LOOK = """
uname -v | grep -q PREEMPT_RT && echo preempt_rt yes
grep -o 'isolcpus=[^ ]*' /proc/cmdline | sed 's/=/ /'
test -r {port} -a -w {port} && echo port yes
test -d {folder} -a -w {folder} && echo folder yes
command -v tar >/dev/null && echo tar yes
ls /dev/gpiochip* >/dev/null 2>&1 && echo gpiochip yes
echo rtprio $(ulimit -r)
command -v vcgencmd >/dev/null && vcgencmd get_throttled | sed 's/=/ /'
true
"""
# word -> what it means, what to do about it, and whether the bench works without
ON_THE_PI = {
    "port": ("the serial port can be opened", "console off, user in group dialout", False),
    "gpiochip": ("there is a GPIO character device", "user in group gpio", False),
    "folder": ("the folder of the records is writable", "make it, or give it to the user", False),
    "tar": ("tar fetches the records", "install tar", False),
    "preempt_rt": ("the kernel is PREEMPT_RT", "install one: docs/bench.md", True),
    "isolcpus": ("a core is kept for the guard", "isolcpus=3 in cmdline.txt", True),
}


def findings(bench: BenchFile) -> list[Finding]:
    """Return what is known about the host."""
    host = bench.host
    argv = list(host.argv or (sys.executable, "-m", "bot4", "run"))
    where = "here" if host.kind == "local" else f"at {host.address}"
    done = _run(command(host, [*argv, "--help"]))
    if done is None or done.returncode:
        advice = "check the key and the address: " + shlex.join(command(host, ["true"]))
        advice = advice if host.kind == "ssh" else "pip install bot4 there, or mend [host] argv"
        return [Finding("host", "missing", f"does not answer {where}: {_why(done)}", advice)]
    found = [_versions(host, argv, where)]
    if host.kind == "ssh":
        found += _pi(bench)
    return found


def _versions(host: Host, argv: list[str], where: str) -> Finding:
    done = _run(command(host, [interpreter(argv[0]), "-c", VERSIONS]))
    if done is None or done.returncode:
        advice = "pip install bot4 into the Python of [host] argv"
        return Finding("host", "missing", f"answers {where}, but bot4 is not installed", advice)
    bot4, python = done.stdout.split()
    return Finding("host", "ok", f"answers {where}: bot4 {bot4}, Python {python}")


def _pi(bench: BenchFile) -> list[Finding]:
    script = LOOK.format(
        port=shlex.quote(bench.controller.port), folder=shlex.quote(bench.host.folder)
    )
    done = _run(command(bench.host, ["sh", "-c", script]))
    if done is None or done.returncode:
        return [Finding("pi", "missing", f"could not be looked at: {_why(done)}")]
    seen = dict(line.split(maxsplit=1) for line in done.stdout.splitlines() if " " in line)
    found = []
    for word, (means, advice, dispensable) in ON_THE_PI.items():
        if word in seen:
            found.append(Finding("pi", "ok", means))
        else:
            found.append(
                Finding("pi", "slower" if dispensable else "missing", f"not so: {means}", advice)
            )
    throttled = seen.get("throttled", "0x0")
    if int(throttled, 16):
        advice = "a stronger supply or a heat sink; measure again after a restart"
        found.append(Finding("pi", "slower", f"has been throttled: {throttled}", advice))
    return found


def _run(words: list[str]) -> subprocess.CompletedProcess[str] | None:
    """Run a command; None when it cannot be run or takes too long."""
    try:
        return subprocess.run(
            words,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=ANSWER_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None


def _why(done: subprocess.CompletedProcess[str] | None) -> str:
    if done is None:
        return "no such command, or no answer in time"
    lines = done.stderr.strip().splitlines()
    return lines[-1] if lines else f"exit code {done.returncode}"
