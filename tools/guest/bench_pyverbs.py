"""pyverbs baseline: one work request at a time, under the system's own Python.

    python3 bench_pyverbs.py DEVICE GID_INDEX SIZE DEPTH COUNT REPEATS

Prints messages a second, one line a repeat.
"""

import sys
import time

from pyverbs.addr import GID, AHAttr, GlobalRoute
from pyverbs.cq import CQ
from pyverbs.device import Context
from pyverbs.enums import (
    IBV_ACCESS_LOCAL_WRITE,
    IBV_ACCESS_REMOTE_WRITE,
    IBV_QPT_RC,
    IBV_SEND_SIGNALED,
    IBV_WR_RDMA_WRITE,
)
from pyverbs.mr import MR
from pyverbs.pd import PD
from pyverbs.qp import QP, QPAttr, QPCap, QPInitAttr
from pyverbs.wr import SGE, SendWR

name = sys.argv[1]
gid_index, size, depth, count, repeats = map(int, sys.argv[2:])
context = Context(name=name)
mtu = context.query_port(1).active_mtu
domain = PD(context)
rights = IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_WRITE
source, target = MR(domain, size, rights), MR(domain, size, rights)
queue = CQ(context, depth + 1)
pairs = []
for _ in range(2):
    initial = QPInitAttr(
        qp_type=IBV_QPT_RC, scq=queue, rcq=queue, cap=QPCap(depth, 1, 1, 1, 0), sq_sig_all=0
    )
    attributes = QPAttr(port_num=1)
    attributes.qp_access_flags = IBV_ACCESS_REMOTE_WRITE
    pairs.append(QP(domain, initial, attributes))
gid = context.query_gid(1, gid_index)
for own, other in (pairs, pairs[::-1]):
    route = GlobalRoute(dgid=GID(str(gid)), sgid_index=gid_index)
    attributes = QPAttr(port_num=1)
    attributes.path_mtu = mtu
    attributes.dest_qp_num = other.qp_num
    attributes.ah_attr = AHAttr(gr=route, is_global=1, port_num=1)
    attributes.max_rd_atomic = attributes.max_dest_rd_atomic = 1
    attributes.min_rnr_timer, attributes.timeout = 12, 14
    attributes.retry_cnt = attributes.rnr_retry = 7
    attributes.qp_access_flags = IBV_ACCESS_REMOTE_WRITE
    own.to_rts(attributes)
sender = pairs[0]
for _ in range(repeats):
    start = time.perf_counter()
    posted = done = 0
    while done < count:
        if posted < count and posted - done < depth:
            piece = SGE(source.buf, size, source.lkey)
            request = SendWR(
                posted, num_sge=1, sg=[piece], opcode=IBV_WR_RDMA_WRITE,
                send_flags=IBV_SEND_SIGNALED,
            )  # fmt: skip
            request.set_wr_rdma(target.rkey, target.buf)
            sender.post_send(request)
            posted += 1
        else:
            number, completions = queue.poll(16)
            if any(completion.status for completion in completions):
                sys.exit("a write failed")
            done += number
    sys.stdout.write(f"{count / (time.perf_counter() - start)}\n")
