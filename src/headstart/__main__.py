"""`python -m headstart`: the same as the command `headstart`."""

import os
import signal
import sys


def main() -> None:
    """Run the command line. Ctrl-C while it is loaded, or once it is done, ends the process at once."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from headstart.cli.app import main as run

    run()


if __name__ == "__main__":
    # Python put the current folder first, whose json.py or random.py would be run in place of its own. What has
    # been imported of this package by now knows where the rest of it lies.
    if not sys.flags.safe_path and os.path.realpath(sys.path[0]) == os.path.realpath(os.curdir):
        del sys.path[0]
    main()
