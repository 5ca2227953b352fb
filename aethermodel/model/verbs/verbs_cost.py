"""Verbs cost model: three stages in parallel for N messages, of which the slowest binds.

    C_cpu  = N (o_w + [inline] b c_i) + ceil(N/p) o_db + ceil(N/k) o_cqe
    C_nic  = N g + N ceil(b/MTU) g_pkt + ceil(N/p) d_wqe + [not inline] N d_pay / q
    C_wire = G (N b + N ceil(b/MTU) h_pkt + N h_op)
    T      = L + fill(p) + max(C_cpu, C_nic, C_wire, N RTT / W) + o_cqe

after the postal models LogP and LogGP, with lists of p, one completion in k and a window W.

A device in software (Soft-RoCE) has no processor of its own: the system call that rings the
doorbell also builds, copies and checks every packet (Linux, drivers/infiniband/sw/rxe,
rxe_post_send). Its stages follow one another, and nothing is left for a window to hide:

    T      = L + C_cpu + C_nic + C_wire + o_cqe
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from functools import cache
from typing import Any

import numpy as np
import sympy
from numpy.typing import NDArray

N, b, p, k, W = sympy.symbols("N b p k W", positive=True)
#: The stages that run side by side, in the order of `stage_times`.
STAGES = ("cpu", "nic", "wire", "window")
#: Ethernet, IPv4, UDP, InfiniBand transport headers, both checksums, preamble and gap.
ROCE_PACKET_OVERHEAD = 82


@dataclass(frozen=True)
class VerbsCosts:
    """Costs of one host, device and path.

    Parameters
    ----------
    o_w : float
        Writing one work request, s/message.
    c_i : float
        Copying one byte into it, s/B.
    o_db : float
        One doorbell, that is one post, s.
    o_cqe : float
        Taking one completion, s.
    g : float
        The device's gap between messages, s/message.
    d_wqe : float
        The device fetching one list from memory, s.
    d_pay : float
        Fetching the payload of a message that is not inline, s/message.
    q : float
        Such fetches at a time, at least 1.
    G : float
        One byte on the wire, s/B.
    L : float
        Latency, s.
    rtt : float
        Round trip until a completion, s; of no effect where `serial`.
    mtu : float
        Packet payload, B.
    h_pkt, h_op : float
        Further bytes a packet, and a message.
    inline_limit : float
        Longest inline message, B.
    g_pkt : float
        The device's gap between packets, s/packet.
    serial : bool
        Whether the device is software on the host's own processor.

    Raises
    ------
    ValueError
        If a cost is negative or not a number, or `q` or `mtu` is below 1.
    """

    o_w: float
    c_i: float
    o_db: float
    o_cqe: float
    g: float
    d_wqe: float
    d_pay: float
    q: float
    G: float
    L: float
    rtt: float
    mtu: float
    h_pkt: float = ROCE_PACKET_OVERHEAD
    h_op: float = 0.0
    inline_limit: float = 0.0
    g_pkt: float = 0.0
    serial: bool = False

    def __post_init__(self) -> None:
        for name in COST_NAMES:
            value = getattr(self, name)
            least = 1 if name in {"q", "mtu"} else 0
            if not least <= value < float("inf"):
                raise ValueError(f"{name} must be at least {least}, not {value}")

    def times(
        self,
        messages: int,
        size: int,
        list_length: NDArray[Any],
        signal_every: NDArray[Any],
        window: int,
        *,
        inline: bool,
    ) -> tuple[NDArray[np.float64], dict[str, NDArray[np.float64]]]:
        """Return T and each stage's seconds by name: what ``QueuePair.plan`` asks of a model."""
        total, stage = stage_times(
            self, messages, size, list_length, signal_every, window, inline=inline
        )
        return total, dict(zip(STAGES, stage, strict=True))


#: Unit and meaning of each cost. Posts, lists and completions are plain numbers.
COSTS = {
    "o_w": ("s/message", "writing one work request"),
    "c_i": ("s/B", "copying one byte into a work request"),
    "o_db": ("s", "one doorbell"),
    "o_cqe": ("s", "taking one completion"),
    "g": ("s/message", "the card's gap between messages"),
    "d_wqe": ("s", "the card fetching one list"),
    "d_pay": ("s/message", "fetching a payload that is not inline"),
    "q": ("1", "such fetches at a time"),
    "G": ("s/B", "one byte on the wire"),
    "L": ("s", "latency"),
    "rtt": ("s", "round trip until a completion"),
    "mtu": ("B/packet", "payload of a packet"),
    "h_pkt": ("B/packet", "further bytes of a packet"),
    "h_op": ("B/message", "further bytes of a message"),
    "inline_limit": ("B/message", "longest inline message"),
    "g_pkt": ("s/packet", "the card's gap between packets"),
}
#: The costs that are numbers, in the order of `VerbsCosts`.
COST_NAMES = tuple(item.name for item in fields(VerbsCosts) if item.name != "serial")
_COSTS = sympy.symbols(COST_NAMES, nonnegative=True)
(o_w, c_i, o_db, o_cqe, g, d_wqe, d_pay, q, G, L, rtt, mtu, h_pkt, h_op, _limit, g_pkt) = _COSTS


def stages(inline: bool) -> dict[str, sympy.Expr]:
    """Return each stage's time in seconds, an expression in N, b, p, k, W and the costs."""
    lists = sympy.ceiling(N / p)
    packets = N * sympy.ceiling(b / mtu)
    own_bytes = b * c_i if inline else sympy.Integer(0)
    fetched = sympy.Integer(0) if inline else N * d_pay / q
    return {
        "cpu": N * (o_w + own_bytes) + lists * o_db + sympy.ceiling(N / k) * o_cqe,
        "nic": N * g + packets * g_pkt + lists * d_wqe + fetched,
        "wire": G * (N * b + packets * h_pkt + N * h_op),
        "window": N * rtt / W,
    }


def fill(inline: bool) -> sympy.Expr:
    """Return what the first message waits for its list to be written, in seconds."""
    return (sympy.Min(N, p) - 1) * (o_w + (b * c_i if inline else 0))


def whole(stage: Mapping[str, sympy.Expr], filled: sympy.Expr, serial: bool = False) -> sympy.Expr:
    """Put stages together: side by side on a card, one after the other in software."""
    if serial:
        return L + stage["cpu"] + stage["nic"] + stage["wire"] + o_cqe
    return L + filled + sympy.Max(*stage.values()) + o_cqe


def transfer_time(inline: bool, serial: bool = False) -> sympy.Expr:
    """Return T in seconds, an expression in N, b, p, k, W and the costs."""
    return whole(stages(inline), fill(inline), serial)


@cache
def _compiled(inline: bool, serial: bool) -> tuple[Callable[..., Any], Callable[..., Any]]:
    arguments = [N, b, p, k, W, *_COSTS]
    stage_list = list(stages(inline).values())
    around = L + o_cqe if serial else L + fill(inline) + o_cqe
    return (
        sympy.lambdify(arguments, stage_list, "numpy"),
        sympy.lambdify(arguments, around, "numpy"),
    )


def stage_times(
    costs: VerbsCosts,
    messages: NDArray[np.float64] | float,
    size: NDArray[np.float64] | float,
    list_length: NDArray[np.float64] | float,
    signal_every: NDArray[np.float64] | float,
    window: NDArray[np.float64] | float,
    *,
    inline: bool,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Evaluate the model for numbers or arrays that broadcast together.

    Returns
    -------
    total : numpy.ndarray
        T in seconds, of the common shape.
    stage : numpy.ndarray, shape (4, ...)
        Seconds of each of `STAGES`; the window's are zero where the device is software.
    """
    shaped = np.broadcast_arrays(
        *(np.asarray(x, dtype=np.float64) for x in (messages, size, list_length, signal_every)),
        np.asarray(window, dtype=np.float64),
    )
    values = [getattr(costs, name) for name in COST_NAMES]
    stage_function, around_function = _compiled(inline, costs.serial)
    each = stage_function(*shaped, *values)
    stage = np.stack([np.broadcast_to(seconds, shaped[0].shape) for seconds in each])
    if costs.serial:
        stage[-1] = 0.0
        between = stage.sum(axis=0)
    else:
        between = stage.max(axis=0)
    return around_function(*shaped, *values) + between, stage
