"""`python -m host.recorder RUN_DIR AUDIT_DIR HOST_ID CONFIG`: started by the supervisor."""

import signal
import sys
from pathlib import Path

from host import config, realtime
from host.alerts import Deliverer
from host.audit import AuditBroken, AuditBusy, AuditWriteError
from host.audit.writer import AuditWriter
from host.recorder.loop import Recorder


def main(run_dir: str, audit_dir: str, host_id: str, settings: str) -> int:
    """Open the log, say `ready`, record until told to stop."""
    realtime.die_with_parent()
    try:
        wanted = config.load(Path(settings)).alerts
        writer = AuditWriter(Path(audit_dir), host_id=host_id)
        recorder = Recorder(Path(run_dir), writer, Deliverer(wanted, host_id))
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
