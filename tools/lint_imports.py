"""Import check: import-linter on the sources as they lie here."""

import sys
from pathlib import Path

from importlinter.cli import lint_imports


def main() -> int:
    """Run the contracts of pyproject.toml."""
    # An editable install answers for the package with a loader of its own, in which
    # import-linter finds no files to read.
    sys.meta_path[:] = [
        finder for finder in sys.meta_path if "editable" not in type(finder).__module__
    ]
    sys.path.insert(0, str(Path(__file__).parent.parent))
    return int(lint_imports(no_cache=True))


if __name__ == "__main__":
    sys.exit(main())
