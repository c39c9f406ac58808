"""The command line. Each command is thin: it reads options, calls the library and prints.

Nothing heavy is imported before a command runs, so that ``--help`` answers at once.
"""

from headstart.cli.app import app, main

__all__ = ["app", "main"]
