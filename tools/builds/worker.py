"""Worker of `tools.builds`: times probes of the build whose interpreter runs it.

Reads a JSON line an order from standard input and answers with one: ``prepare`` (with ``probe`` or
``script``, and ``settings``) makes ready, ``loops`` times what was made ready.
"""

from __future__ import annotations

import gc
import importlib.util
import json
import sys
from collections.abc import Callable
from typing import Any

Timed = Callable[[int], float]


def prepared(order: dict[str, Any]) -> Timed:
    """Return ``loops -> seconds`` of a probe, or of a script that has `prepare` as one has."""
    if "probe" in order:
        from aethermodel.measure.probes import PROBES

        probe = PROBES[order["probe"]]
        timed: Timed = probe.prepare(probe.settings(**order["settings"]))
        return timed
    spec = importlib.util.spec_from_file_location("script", order["script"])
    assert spec and spec.loader
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    scripted: Timed = script.prepare(**order["settings"])
    return scripted


def main() -> None:
    """Serve orders until there are none."""
    timed: Timed | None = None
    gc.freeze()
    gc.disable()
    for line in sys.stdin:
        order = json.loads(line)
        if "loops" in order:
            assert timed
            answer: dict[str, Any] = {"seconds": timed(order["loops"])}
            gc.collect()
        else:
            timed = None
            gc.collect()
            timed = prepared(order)
            answer = {"ready": True}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
