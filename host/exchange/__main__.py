"""`python -m host.exchange`: see host.exchange.command, which takes a second to import."""

import signal
import sys


def main() -> int:
    """Run the connector; Ctrl-C ends it at any moment without a word."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from host.exchange.command import main as run

    return run()


if __name__ == "__main__":
    sys.exit(main())
