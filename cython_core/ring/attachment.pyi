from cython_core.ring.peer_liveness import Link

class Attachment:
    link: Link
