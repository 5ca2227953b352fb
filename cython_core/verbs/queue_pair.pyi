from typing import Any, Self

from cython_core.rdma.posting_plan import Costs, Plan
from cython_core.verbs.completion import CompletionQueue
from cython_core.verbs.endpoint import Endpoint
from cython_core.verbs.memory import ProtectionDomain, RdmaBuffer

STATES: tuple[str, ...]

class QueuePair:
    domain: ProtectionDomain
    send_queue: CompletionQueue
    receive_queue: CompletionQueue
    send_depth: int
    receive_depth: int
    max_inline: int
    psn: int
    timeout: int
    retries: int
    rnr_retries: int
    rnr_timer: int
    remote: Endpoint | None
    def __init__(
        self,
        domain: ProtectionDomain,
        *,
        send_depth: int = 128,
        receive_depth: int = 128,
        inline: int = 64,
        send_queue: CompletionQueue | None = None,
        receive_queue: CompletionQueue | None = None,
        timeout: int = 14,
        retries: int = 6,
        rnr_retries: int = 6,
        rnr_timer: int = 12,
    ) -> None: ...
    @property
    def number(self) -> int: ...
    @property
    def state(self) -> str: ...
    @property
    def mtu(self) -> int: ...
    def plan(self, batch: int, size: int, costs: Costs) -> Plan: ...
    def endpoint(self, memory: RdmaBuffer | None = None) -> Endpoint: ...
    def connect(self, remote: Endpoint) -> None: ...
    def reset(self) -> None: ...
    def abort(self) -> None: ...
    def close(self) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(self, *exc: Any) -> None: ...
