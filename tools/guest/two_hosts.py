"""Two network namespaces as if two hosts: a wire of set delay, rate and loss between them.

    python tools/guest/two_hosts.py [--delays 50,200,1000] [--rates 100,1000] [--loss 0,1]
        [--fabric verbs]

Loss is set at the first delay and the last rate only: there only the word on the tail is judged.

Over verbs they are two Soft-RoCE devices at the ends of a veth pair, in one namespace: the
Soft-RoCE of this kernel knows no other. It runs as root in the guest, whose kernel has netem, and
leaves the exchanges of each setting in $AETHER_OUT; with a clock that counts instructions no
neighbour disturbs them (tools/guest/run.py --count-instructions). The emulated processor is too
slow to fit laws as well:

    python tools/guest/two_hosts.py --judge FILE

does that on the host, and holds each result against what was set.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import importlib
import itertools
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from aethermodel.bench.fabric.ends import (
    Collected,
    collect,
    document_of,
    listen,
    transport_of,
)
from aethermodel.bench.fabric.exchange_rounds import FabricPlan, Sample, batches_of
from aethermodel.bench.fabric.exchanges import Exchange, Framing
from aethermodel.bench.fabric.overhead import Overhead, overhead_here
from aethermodel.bench.fabric.session import Address, call
from aethermodel.bench.fabric.transports import Carrier
from aethermodel.bus.fabrics.key_exchange import SharedKey
from aethermodel.measure.host.fingerprint import this_host

HOSTS = {"near": "10.78.0.1", "far": "10.78.0.2"}
ADDRESS = Address(HOSTS["far"], 18_520)
NAMES = {"tcp": "two_hosts.json", "verbs": "two_hosts_verbs.json"}
# Frames that hold a packet of 4 KiB, as RoCE is used.
JUMBO = 4200
# A delayed wire holds what is under way.
LIMIT = 100_000


def run(line: str) -> None:
    """Run a command; its own words are shown if it fails."""
    subprocess.run(line.split(), check=True)


@contextlib.contextmanager
def two_hosts() -> Iterator[None]:
    """Make the two namespaces and the wire between them."""
    for host in HOSTS:
        run(f"ip netns add {host}")
    try:
        run("ip link add dev wire0 netns near type veth peer name wire1 netns far")
        for (host, address), end in zip(HOSTS.items(), ("wire0", "wire1"), strict=True):
            run(f"ip -n {host} address add {address}/24 dev {end}")
            run(f"ip -n {host} link set {end} up")
            run(f"ip -n {host} link set lo up")
        yield
    finally:
        for host in HOSTS:
            subprocess.run(["ip", "netns", "delete", host], check=False)


@contextlib.contextmanager
def two_devices() -> Iterator[None]:
    """Make two Soft-RoCE devices and the wire between them."""
    sys.path.append(str(Path(__file__).resolve().parents[2] / "tests" / "rdma"))
    with importlib.import_module("wire").Wire():
        for end in ("veth1", "veth2"):
            run(f"ip link set {end} mtu {JUMBO}")
        yield


def shape(fabric: Carrier, delay_us: float, rate_mbit: float, loss_percent: float) -> None:
    """Set what the wire does, in both directions."""
    places = {"tcp": ("-n near wire0", "-n far wire1"), "verbs": ("veth1", "veth2")}
    for place in places[fabric]:
        namespace, _, end = place.rpartition(" ")
        line = f"tc {namespace} qdisc replace dev {end} root netem limit {LIMIT}"
        line += f" delay {delay_us:g}us rate {rate_mbit:g}mbit"
        if loss_percent:
            line += f" loss {loss_percent:g}%"
        run(line)


def enter(host: str) -> None:
    """Go on in a namespace."""
    with Path(f"/run/netns/{host}").open() as namespace:
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.setns(namespace.fileno(), 0):
            raise OSError(ctypes.get_errno(), "setns")


def measure(fabric: Carrier, options: dict[str, Any]) -> tuple[FabricPlan, Collected]:
    """Collect between the two, by the code of the command, each end in its namespace."""
    key = SharedKey.fresh()
    hear, tell = os.pipe()
    child = os.fork()
    if not child:
        with contextlib.suppress(BaseException):
            if fabric == "tcp":
                enter("far")
            far = transport_of(fabric, ADDRESS, listening=True)
            listen(ADDRESS, key, lambda _: [os.write(tell, b".")].clear(), far)
        os._exit(0)
    os.close(tell)
    try:
        if not os.read(hear, 1):
            raise RuntimeError("the host that listens does not")
        near = transport_of(fabric, ADDRESS, listening=False)
        plan = FabricPlan.within(near.batch_most, **options)
        own = overhead_here(near)
        with call(ADDRESS, key) as session:
            collected = collect(ADDRESS, key, session, plan, own, None, near)
            session.say({"order": "result", "result": {}})
            session.hear(60)
        return plan, collected
    finally:
        os.close(hear)
        os.waitpid(child, 0)


def setting_rows(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Yield what was collected under each setting."""
    planned = {"rounds": options.rounds, "seconds": options.seconds}
    lossy = (options.rates[-1], options.delays[0])
    for loss, rate, delay in itertools.product(options.loss, options.rates, options.delays):
        if loss and (rate, delay) != lossy:
            continue
        start = time.monotonic()
        shape(options.fabric, delay, rate, loss)
        plan, collected = measure(options.fabric, planned)
        said = f"delay {delay:g} us, rate {rate:g} Mbit/s, loss {loss:g} %: "
        said += f"{len(collected.samples)} exchanges in {time.monotonic() - start:.1f} s\n"
        sys.stderr.write(said)
        yield {
            "delay_us": delay,
            "rate_mbit": rate,
            "loss_percent": loss,
            "plan": plan.model_dump(mode="json"),
            "collected": collected._asdict(),
        }


def judged(row: dict[str, Any]) -> dict[str, Any]:
    """Fit what one setting gave and hold it against what was set."""
    raw = row["collected"]
    samples = [
        Sample(n, e, Exchange(*x), Exchange(*b), r, s) for n, e, x, b, r, s in raw["samples"]
    ]
    overhead = Overhead(*raw["overhead"]) if raw["overhead"] else None
    collected = Collected(
        samples,
        Framing(*raw["framing"]),
        overhead,
        raw["damaged"],
        raw["here"],
        raw["there"],
        raw["fabric"],
        raw["notes"],
    )
    document = document_of(ADDRESS, FabricPlan.model_validate(row["plan"]), collected)
    link, verdict = document["link"], document["verdict"]
    return {
        "fabric": document["fabric"],
        "delay_set_seconds": row["delay_us"] / 1e6,
        "rate_set_bits_per_second": row["rate_mbit"] * 1e6,
        "loss_set": row["loss_percent"] / 100,
        **link,
        "delay_error": link["delay"]["value"] / (row["delay_us"] / 1e6) - 1,
        "rate_error": link["rate"]["value"] / (row["rate_mbit"] * 1e6) - 1,
        "held_out_mean_error": verdict["mean_error"],
        "outcome": verdict["outcome"],
        "tail": verdict["tail"],
        "resent_share": document["resent_share"],
        "clock_offset": document["clock_offset"],
        "one_way_seconds": document["one_way_seconds"],
        "rows": document["rows"],
    }


def judge(path: Path, limit: float) -> int:
    """Hold every setting against what was found; write that beside, and tell whether all are near.

    Under loss only the verdict on the tail counts.
    """
    content = json.loads(path.read_text())
    rows = [judged(row) for row in content["settings"]]
    missed = False
    for row in rows:
        lossy, errors = row["loss_set"] > 0, [row["delay_error"], row["rate_error"]]
        errors.append(row["held_out_mean_error"])
        missed |= row["tail"] != "outside the model" if lossy else max(map(abs, errors)) > limit
        sys.stdout.write(
            f"{row['fabric']}, delay {1e6 * row['delay_set_seconds']:g} us: "
            f"{1e6 * row['delay']['value']:.2f} us "
            f"({100 * errors[0]:+.1f} %), rate {row['rate_set_bits_per_second'] / 1e6:g} Mbit/s: "
            f"{row['rate']['value'] / 1e6:.1f} ({100 * errors[1]:+.1f} %), loss "
            f"{100 * row['loss_set']:g} %, held out {100 * errors[2]:.2f} %, {row['outcome']}, "
            f"tail {row['tail']}\n"
        )
    result = {"schema": "aethermodel.two_hosts/1", "clock": content["clock"], "limit": limit}
    judgement = path.with_name(path.stem + "_judged.json")
    judgement.write_text(json.dumps(result | {"rows": rows}, indent=1) + "\n")
    return 1 if missed else 0


def numbers(text: str) -> list[float]:
    """Read numbers separated by commas."""
    return [float(part) for part in text.split(",")]


def main() -> int:
    """Collect, or judge what was collected; exit 1 if a figure is further off than the limit."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--delays", type=numbers, default=[50, 200, 1000], help="microseconds")
    parser.add_argument("--rates", type=numbers, default=[100, 1000], help="Mbit/s")
    parser.add_argument("--loss", type=numbers, default=[0], help="per cent")
    parser.add_argument("--fabric", choices=("tcp", "verbs"), default="tcp")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=1.0, help="of each setting, about")
    parser.add_argument("--judge", type=Path, help="what was collected before")
    parser.add_argument("--limit", type=float, default=0.05, help="largest error")
    options = parser.parse_args()
    if options.judge:
        return judge(options.judge, options.limit)
    out = Path(os.environ.get("AETHER_OUT", "."), NAMES[options.fabric])
    content: dict[str, Any] = {
        "clock": os.environ.get("AETHER_CLOCK", "host"),
        "settings": [],
    }
    with two_hosts() if options.fabric == "tcp" else two_devices():
        if options.fabric == "tcp":
            enter("near")
        # While a file is read the guest's clock may run ahead of everybody's patience.
        (
            this_host(),
            batches_of((1,)),
            overhead_here(transport_of(options.fabric, ADDRESS, listening=False)),
        )
        for row in setting_rows(options):
            content["settings"].append(row)
            out.write_text(json.dumps(content) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
