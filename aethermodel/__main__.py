"""``python -m aethermodel`` is the command `aethermodel`."""

from aethermodel.cli import main

main()
