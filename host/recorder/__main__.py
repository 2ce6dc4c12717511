"""`python -m host.recorder RUN_DIR AUDIT_DIR HOST_ID CONFIG [PAGE_FD]`: started by the supervisor.

PAGE_FD is the supervisor's page, inherited.
"""

import signal
import sys
from pathlib import Path

from host import config, layout, realtime, shm
from host.alerts import Deliverer
from host.audit import AuditBroken, AuditBusy, AuditWriteError
from host.audit.retention import Keep
from host.audit.writer import AuditWriter
from host.recorder.loop import Recorder
from host.recorder.upkeep import Upkeep

MB = 1_000_000


def main(run_dir: str, audit_dir: str, host_id: str, settings: str, page_fd: str = "") -> int:
    """Open the log, say `ready`, record until told to stop."""
    realtime.die_with_parent()
    realtime.short_slice()  # a help where there is one: nothing is lost without
    try:
        wanted = config.load(Path(settings))
        segment_bytes = wanted.audit.segment_mb * MB
        writer = AuditWriter(Path(audit_dir), host_id=host_id, segment_bytes=segment_bytes)
        keep = Keep(wanted.audit.keep_days, wanted.audit.keep_mb * MB)
        deliverer = Deliverer(wanted.alerts, host_id)
        recorder = Recorder(Path(run_dir), writer, deliverer, Upkeep(writer, host_id, keep))
        if page_fd:
            recorder.supervisor = shm.attach(int(page_fd), layout.KIND_SUPERVISOR)
    except (config.ConfigError, AuditBroken, AuditBusy, AuditWriteError, OSError) as error:
        print(f"recorder: {error}", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, lambda *_: setattr(recorder, "running", False))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    print("ready", flush=True)
    try:
        recorder.run()
    except (AuditBroken, AuditWriteError) as error:
        print(f"recorder: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
