"""A serial port at which nobody answers: its name goes into the configuration."""

import os
import re
import signal
import socket
from pathlib import Path

CONFIG = Path("/etc/bot4/bot4.toml")

_ours, theirs = os.openpty()
name = os.ttyname(theirs)
Path(name).chmod(0o666)
CONFIG.write_text(re.sub("(?m)^serial = .*$", f'serial = "{name}"', CONFIG.read_text()))
with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
    sock.sendto(b"READY=1", os.environ["NOTIFY_SOCKET"].replace("@", "\0", 1))
signal.pause()
