"""`python -m headstart`: the same as the command `headstart`."""

from headstart.cli.app import main

if __name__ == "__main__":
    main()
