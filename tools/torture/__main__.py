"""Start of the command, as ``python -m tools.torture`` or as ``python tools/torture``."""

import sys
from pathlib import Path

# Last, so that the package comes from where it is installed, and not from its sources; and not
# this folder, whose modules have names of their own only within their package.
sys.path[:] = [path for path in sys.path if Path(path or ".").resolve() != Path(__file__).parent]
sys.path.append(str(Path(__file__).resolve().parents[2]))

from tools.torture.command import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main())
