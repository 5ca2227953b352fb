"""Entry point of ``python -m aethermodel``."""

import sys


def main() -> None:
    """Run the command line, whose modules take a moment to import."""
    try:
        from aethermodel.processes import NO_MEMORY, short_of_memory  # while there is memory for it

        try:
            from aethermodel.cli import main as run
        except Exception:
            if not short_of_memory():
                raise
            sys.stderr.write(f"aethermodel: {NO_MEMORY}\n")
            sys.exit(2)
    except KeyboardInterrupt:
        exec("")  # as interrupt_is_handled does, which may not be there yet
        sys.stderr.write("aethermodel: interrupted\n")
        sys.exit(130)
    run()


if __name__ == "__main__":
    main()
