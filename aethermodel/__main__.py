"""Entry point of ``python -m aethermodel``."""

import sys

from aethermodel.memory import NO_MEMORY, short_of_memory

_LINE = f"aethermodel: {NO_MEMORY}\n"  # while there is memory for it


def main() -> None:
    """Run the command line, whose modules take a moment to import."""
    try:
        from aethermodel.cli import main as run
    except Exception as error:
        if not (short_of_memory() or isinstance(error, MemoryError)):
            raise
        sys.stderr.write(_LINE)
        sys.exit(2)
    except KeyboardInterrupt:
        exec("")  # as interrupt_is_handled does, which may not be there yet
        sys.stderr.write("aethermodel: interrupted\n")
        sys.exit(130)
    run()


if __name__ == "__main__":
    main()
