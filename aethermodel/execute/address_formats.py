"""Address formats of jsonschema, left out: to compile their grammars takes more than a second.

nbformat, papermill and nbconvert import jsonschema. Where JupyterLab has brought a parser of RFC
3987 it compiles that at import, for formats that no notebook's schema names. Import this before
them.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from importlib import import_module

_PARSER = "rfc3987_syntax"

if "jsonschema" not in sys.modules and _PARSER not in sys.modules:
    sys.modules[_PARSER] = None  # type: ignore[assignment]  # as if it were not installed
    try:
        with suppress(ImportError):
            import_module("jsonschema")
    finally:
        del sys.modules[_PARSER]
