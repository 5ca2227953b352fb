"""Sweeps made from a known law, as if a device had been sampled."""

from __future__ import annotations

import math

import numpy as np

from aethermodel.bench.rdma_design import design
from aethermodel.calibrate.verbs.cost_samples import SETTING, Row, VerbsSamples
from aethermodel.model.verbs.verbs_cost import VerbsCosts

#: Orders of magnitude of Soft-RoCE in an emulated guest.
SOFT = VerbsCosts(
    o_w=8e-6, c_i=2e-9, o_db=6e-6, o_cqe=2e-6, g=0, d_wqe=0, d_pay=3e-6, q=1, G=2e-8, L=1e-5,
    rtt=0, mtu=1024, h_pkt=0, h_op=0, inline_limit=200, g_pkt=1e-5, serial=True,
)  # fmt: skip
#: A card whose stages all bind somewhere.
NIC = VerbsCosts(
    o_w=20e-9, c_i=0.1e-9, o_db=120e-9, o_cqe=40e-9, g=30e-9, d_wqe=0, d_pay=20e-9, q=1,
    G=0.08e-9, L=800e-9, rtt=2e-6, mtu=1024, h_pkt=82, h_op=0, inline_limit=200, g_pkt=10e-9,
)  # fmt: skip


def seconds_by_hand(s, c: VerbsCosts) -> float:
    """The formulas of `aethermodel.model.verbs.verbs_cost` in plain Python."""
    n, b = s.messages, s.message_bytes
    packets = n * math.ceil(b / c.mtu)
    posts, done = math.ceil(n / s.list_length), math.ceil(n / s.signal_every)
    cpu = n * (c.o_w + s.inline * b * c.c_i) + posts * c.o_db + done * c.o_cqe
    nic = n * c.g + packets * c.g_pkt + posts * c.d_wqe + (not s.inline) * n * c.d_pay / c.q
    wire = c.G * (n * b + packets * c.h_pkt + n * c.h_op)
    if c.serial:
        return c.L + cpu + nic + wire + c.o_cqe
    fill = (min(n, s.list_length) - 1) * (c.o_w + s.inline * b * c.c_i)
    return c.L + fill + max(cpu, nic, wire, n * c.rtt / s.window) + c.o_cqe


def sweep_of(
    costs: VerbsCosts, *, count: int = 96, noise: float = 0.03, seed: int = 0
) -> VerbsSamples:
    """Three processes of five samples: each the law, its own luck, and now and then a delay."""
    draw = np.random.default_rng(seed)
    rows = []
    for one in design(count, seed):
        law = seconds_by_hand(one.settings, costs)
        own = 1 + noise * draw.standard_normal((3, 1))
        late = draw.exponential(0.05, (3, 5)) * (draw.random((3, 5)) < 0.5)
        rows.append(
            Row(
                **{name: getattr(one.settings, name) for name in SETTING},
                held_out=one.held_out,
                posts=one.settings.posts,
                completions=one.settings.completions,
                samples_seconds=(law * own * (1 + late)).tolist(),
            )
        )
    return VerbsSamples(
        schema="aethermodel.bench.rdma/1",
        fabric="soft-roce" if costs.serial else "rdma-nic",
        host={"id": "synthetic", "processor": "none"},
        emulated=costs.serial,
        device="none",
        kernel="none",
        mtu=int(costs.mtu),
        inline_limit=200,
        created="2026-01-01",
        seed=seed,
        command="none",
        rows=tuple(rows),
    )
