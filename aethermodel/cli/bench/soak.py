"""`aethermodel bench soak`: steady load for long, every event verified."""

from __future__ import annotations

from typing import Annotated

import typer

from aethermodel.cli.shared import options
from aethermodel.cli.shared.measuring import announced, measuring
from aethermodel.fabrics import CROSSING
from aethermodel.text.times import microseconds


def command(
    seconds: Annotated[float, options.budget("duration")] = 600,
    load: Annotated[float, typer.Option(help="share of the throughput at full speed")] = 0.8,
    fabric: Annotated[str, typer.Option(help=f"fabric: {options.listed(CROSSING)}")] = "shm",
    loop: options.Loop = None,
    batch_size: Annotated[int, options.batch_size()] = 10_000,
    topics: Annotated[int, typer.Option(help="topics, each with a handler")] = 16,
    json: options.Json = None,
) -> None:
    """Run steady load between two processes: nothing lost or reordered, no memory grown.

    Example: aethermodel bench soak --seconds 60 --load 0.8

    Exit status: 0 all held, 1 something did not, 2 bad input.
    """
    from aethermodel.bench.soak import Soak
    from aethermodel.cli.shared.terminal_tables import say
    from aethermodel.console import progress
    from aethermodel.json_documents import document, write_document

    soak = Soak(
        seconds=seconds,
        load=load,
        fabric=fabric,
        batch_size=batch_size,
        topics=topics,
        **({"event_loop": loop} if loop else {}),
    )
    with measuring(), progress("soaking") as advance:
        found = soak.run(announced(advance, seconds))
    label = found.pop("label")
    if json:
        figures = {"soak": soak.model_dump(mode="json"), **found}
        write_document(document("aethermodel.bench.soak/1", label, figures), json)
    if json != "-":
        say(
            f"{found['messages']:,} messages in {found['seconds']:,.1f} s "
            f"({found['messages'] / max(found['seconds'], 1e-9) / 1e6:,.1f} M/s) [{label}], "
            f"verified by {' and '.join(found['verified_by'])}\n"
            f"  latency {microseconds(found['p50_seconds'])} P50, "
            f"{microseconds(found['p99_seconds'])} P99; "
            f"tick {microseconds(found['tick_p99_seconds'])} P99\n"
            f"  memory grew by {found['grown_bytes']:,} bytes"
        )
        if not found["kept_up"]:
            say("  the host fell behind the load it carried at first: ended before all went")
        say("held" if found["held"] else "FAILED: " + "; ".join(found["why"]))
    raise typer.Exit(0 if found["held"] else 1)
