"""A peer written with pyverbs, a work request at a time. Runs under the system's own Python.

    python3 pyverbs_peer.py ROLE DEVICE GID_INDEX COUNT SIZE

ROLE is send, receive or written (to, with immediate). Endpoints go as JSON lines over stdin and
stdout; what was received follows as one more line, in hexadecimal.
"""

import json
import socket
import sys
import time
from ipaddress import IPv6Address

from pyverbs.addr import GID, AHAttr, GlobalRoute
from pyverbs.cq import CQ
from pyverbs.device import Context
from pyverbs.enums import (
    IBV_ACCESS_LOCAL_WRITE,
    IBV_ACCESS_REMOTE_WRITE,
    IBV_QPT_RC,
    IBV_SEND_SIGNALED,
    IBV_WR_SEND,
)
from pyverbs.mr import MR
from pyverbs.pd import PD
from pyverbs.qp import QP, QPAttr, QPCap, QPInitAttr
from pyverbs.wr import SGE, RecvWR, SendWR

role, name = sys.argv[1:3]
gid_index, count, size = map(int, sys.argv[3:])
PSN = 4711


def say(value):
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


def completions(queue, wanted):
    """Wait for so many, all successful."""
    done = []
    deadline = time.monotonic() + 120
    while len(done) < wanted and time.monotonic() < deadline:
        done += queue.poll(16)[1]
    if len(done) != wanted or any(one.status for one in done):
        sys.exit(f"{[one.status for one in done]} of {wanted} completions")
    return done


context = Context(name=name)
domain = PD(context)
memory = MR(domain, count * size, IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_WRITE)
queue = CQ(context, 2 * count)
capacity = QPCap(count, count, 1, 1, 0)
initial = QPInitAttr(qp_type=IBV_QPT_RC, scq=queue, rcq=queue, cap=capacity, sq_sig_all=0)
attributes = QPAttr(port_num=1)
attributes.qp_access_flags = IBV_ACCESS_REMOTE_WRITE
pair = QP(domain, initial, attributes)
if role != "send":
    for i in range(count):
        # pyverbs wants a place also where a write brings its own.
        piece = SGE(memory.buf + i * size, size, memory.lkey)
        pair.post_recv(RecvWR(num_sge=1, sg=[piece]))
say(
    {
        "number": pair.qp_num,
        "psn": PSN,
        "gid": IPv6Address(str(context.query_gid(1, gid_index))).packed.hex(),
        "lid": 0,
        "mtu": 1024,
        "address": memory.buf,
        "length": count * size,
        "key": memory.rkey,
        "credit_address": 0,
        "credit_key": 0,
        "granted": count,
        "delivered": -1,
    }
)
peer = json.loads(sys.stdin.readline())
gid = GID(IPv6Address(bytes.fromhex(peer["gid"])).exploded)
route = GlobalRoute(dgid=gid, sgid_index=gid_index)
attributes = QPAttr(port_num=1)
attributes.path_mtu = 3  # enum ibv_mtu: 1024 bytes
attributes.dest_qp_num, attributes.rq_psn, attributes.sq_psn = peer["number"], peer["psn"], PSN
attributes.ah_attr = AHAttr(gr=route, is_global=1, port_num=1)
attributes.max_rd_atomic = attributes.max_dest_rd_atomic = 1
attributes.min_rnr_timer, attributes.timeout = 12, 14
attributes.retry_cnt = attributes.rnr_retry = 7
attributes.qp_access_flags = IBV_ACCESS_REMOTE_WRITE
pair.to_rts(attributes)
say("ready")
if role == "send":
    sys.stdin.readline()  # the other side is ready too
    for i in range(count):
        memory.write(i.to_bytes(8, "little") * (size // 8), size, i * size)
        piece = SGE(memory.buf + i * size, size, memory.lkey)
        request = SendWR(i, num_sge=1, sg=[piece], opcode=IBV_WR_SEND, send_flags=IBV_SEND_SIGNALED)
        pair.post_send(request)
        completions(queue, 1)
    say("sent")
else:
    done = completions(queue, count)
    immediates = [socket.ntohl(one.imm_data) for one in done] if role == "written" else []
    say({"bytes": memory.read(count * size, 0).hex(), "immediates": immediates})
