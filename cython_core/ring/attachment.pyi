from cython_core.ring_link import Link

class Attachment:
    link: Link
