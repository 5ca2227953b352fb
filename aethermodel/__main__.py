"""Entry point of ``python -m aethermodel``."""

import sys


def main() -> None:
    """Run the command line, whose modules take a moment to import."""
    try:
        from aethermodel.cli import main as run
    except KeyboardInterrupt:
        sys.stderr.write("aethermodel: interrupted\n")
        sys.exit(130)
    run()


if __name__ == "__main__":
    main()
