"""Missing packages of a pipeline's file: how each comes in, where that is known."""

from __future__ import annotations

import re
from pathlib import Path

# Of a requirement as metadata has it: ``numba<1,>=0.60; extra == "examples"``.
_AFTER_NAME = re.compile(r"[^A-Za-z0-9._-]")
_EXTRA = re.compile(r"""extra == ["']([^"']+)""")
# Packages whose module has another name: of the extras, and those that are asked for most.
_DISTRIBUTIONS = {
    "PIL": "pillow",
    "cv2": "opencv-python",
    "sklearn": "scikit-learn",
    "yaml": "pyyaml",
    "zmq": "pyzmq",
}


def remedy(error: BaseException, path: Path) -> str:
    """Say how a missing package comes in, where that is known.

    A name that no extra of this project knows may be anybody's package, or a file that was
    forgotten: nobody is told to install what happens to have that name.
    """
    if not isinstance(error, ModuleNotFoundError) or not error.name:
        return ""
    module = error.name.partition(".")[0]
    package = _DISTRIBUTIONS.get(module, module)
    extras = _extras_with(package)
    if "examples" in extras and path.parent.parent.name == "examples":
        return " (pip install 'aethermodel[examples]')"
    if extras or package != module:
        return f" (pip install {package})"
    return f" (install the package that has it, or put {module}.py beside {path.name})"


def _extras_with(package: str) -> set[str]:
    """Return the extras of this project that a package belongs to."""
    from importlib.metadata import PackageNotFoundError, requires

    try:
        wanted = requires("aethermodel") or []
    except PackageNotFoundError:
        return set()
    named = [text for text in wanted if _AFTER_NAME.split(text)[0].lower() == package.lower()]
    return {extra for text in named for extra in _EXTRA.findall(text)}
