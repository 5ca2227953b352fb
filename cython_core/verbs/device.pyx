"""RDMA devices: discovery, address choice, asynchronous events."""

from cython_core.verbs.ibverbs cimport *
from cython_core.verbs.process cimport aether_forks
from libc.errno cimport EAGAIN, EINTR, errno
from posix.fcntl cimport F_GETFL, F_SETFL, O_NONBLOCK, fcntl

import os
from pathlib import Path

from cython_core.rdma.gids import GID_TYPES, Gid, best_gid
from cython_core.verbs.errors import NoDeviceError, RdmaError, event_error

# What a driver took back itself, with a device that went, counts as given back: libibverbs
# looks here once, before its first call.
os.environ.setdefault("RDMAV_ALLOW_DISASSOC_DESTROY", "1")

MTU_BYTES = {1: 256, 2: 512, 3: 1024, 4: 2048, 5: 4096}


def device_names():
    """Return the names of the RDMA devices of this host, in the system's order."""
    cdef int count = 0
    cdef int i
    cdef ibv_device** devices = ibv_get_device_list(&count)
    if devices == NULL:
        return []
    try:
        return [ibv_get_device_name(devices[i]).decode() for i in range(count)]
    finally:
        ibv_free_device_list(devices)


def choose_gid(gids):
    """Return the entry that RoCE v2 wants: the highest score, then the lowest index.

    Parameters
    ----------
    gids : iterable of Gid

    Raises
    ------
    NoDeviceError
        If there is none.
    """
    best = best_gid(gids)
    if best is None:
        raise NoDeviceError("the port has no GID: give its network interface an address")
    return best


cdef class Device:
    """An opened device and one port of it.

    Parameters
    ----------
    name : str, optional
        As `device_names` tells; the first device with an active port by default.
    port : int
        Counted from 1.
    gid_index : int, optional
        Chosen by `choose_gid` by default.

    Raises
    ------
    NoDeviceError
        If there is no such device or port, or the port is not active.

    Attributes
    ----------
    mtu : int
        Largest packet payload in bytes.
    max_work_requests, max_completions : int
        The device's limits for one queue.
    """

    def __cinit__(self):
        self.context = NULL

    def __init__(self, name=None, int port=1, gid_index=None):
        if self.context != NULL:
            raise RuntimeError("the device is open")
        if name is None:
            failure = NoDeviceError("this host has no RDMA device")
            for candidate in device_names():
                try:
                    self.__init__(candidate, port, gid_index)
                    return
                except NoDeviceError as error:
                    failure = error
            raise failure
        self.forks = aether_forks
        # Before the first registration, or a child's copy-on-write takes the parent's pages.
        ibv_fork_init()
        cdef int count = 0
        cdef int i
        cdef ibv_device** devices = ibv_get_device_list(&count)
        cdef bytes wanted = str(name).encode()
        if devices != NULL:
            for i in range(count):
                if ibv_get_device_name(devices[i]) == wanted:
                    self.context = ibv_open_device(devices[i])
            ibv_free_device_list(devices)
        if self.context == NULL:
            raise NoDeviceError(f"cannot open RDMA device {name!r}; there are {device_names()}")
        try:
            self.name = name
            self._entry = self._listed()
            self._query(port, gid_index)
        except BaseException:
            self.close()
            raise

    cdef int _query(self, int port, gid_index) except -1:
        cdef ibv_device_attr limits
        cdef ibv_port_attr attributes
        if ibv_query_device(self.context, &limits):
            raise NoDeviceError(f"{self.name} does not answer")
        if not 1 <= port <= limits.phys_port_cnt or ibv_query_port(
            self.context, <uint8_t> port, &attributes
        ):
            raise NoDeviceError(f"{self.name} has no port {port}")
        if attributes.state != IBV_PORT_ACTIVE:
            raise NoDeviceError(f"port {port} of {self.name} is not active: is its link up?")
        self.port = port
        self.lid = attributes.lid
        self.mtu = MTU_BYTES[attributes.active_mtu]
        self.ethernet = attributes.link_layer == IBV_LINK_LAYER_ETHERNET
        self.max_work_requests = limits.max_qp_wr
        self.max_completions = limits.max_cqe
        gids = self.gids()
        if gid_index is None:
            chosen = choose_gid(gids)
        else:
            chosen = next((gid for gid in gids if gid.index == gid_index), None)
            if chosen is None:
                raise NoDeviceError(f"port {port} of {self.name} has no GID {gid_index}")
        self.gid_index = chosen.index
        self.gid = chosen.raw
        # A read with nothing to tell must not block the caller.
        fcntl(self.context.async_fd, F_SETFL, fcntl(self.context.async_fd, F_GETFL) | O_NONBLOCK)
        return 0

    cdef int _check(self) except -1:
        if self.context == NULL:
            raise ValueError("the device is closed")
        if self.forks != aether_forks:
            raise ValueError("the device belongs to the process that forked; open it anew")
        return 0

    cdef int _retain(self) except -1:
        self._check()
        self.users += 1
        return 0

    cdef void _release(self) noexcept:
        self.users -= 1

    def gids(self):
        """Return the port's address table as a list of `Gid`, empty entries left out."""
        self._check()
        cdef ibv_port_attr attributes
        cdef ibv_gid_entry entry
        cdef int i
        if ibv_query_port(self.context, <uint8_t> self.port, &attributes):
            raise NoDeviceError(f"{self.name} does not answer")
        found = []
        for i in range(attributes.gid_tbl_len):
            if ibv_query_gid_ex(self.context, self.port, i, &entry, 0) == 0:
                found.append(Gid(i, bytes(entry.gid.raw[:16]), GID_TYPES[entry.gid_type]))
        return found

    def active(self):
        """Return True while the port has its link."""
        cdef ibv_port_attr attributes
        self._check()
        if ibv_query_port(self.context, <uint8_t> self.port, &attributes):
            return False
        return attributes.state == IBV_PORT_ACTIVE

    cdef object _listed(self):
        """What tells this device from a later one of the same name; None where it is not listed."""
        try:
            return os.stat(self.context.device.dev_path).st_ino
        except OSError:
            return None

    def removed(self):
        """Return True once the kernel takes the device away.

        Not every driver reports it: Soft-RoCE (Linux 6.1) sends no event and works on, and
        its removal, by ``rdma link delete`` for instance, waits until this object is closed.
        """
        self._check()
        return self._listed() is None or self._listed() != self._entry

    def counters(self):
        """Return the port's packet counters (name to int), empty where it keeps none."""
        folder = Path("/sys/class/infiniband") / self.name / "ports" / str(self.port)
        found = {}
        for path in sorted((folder / "hw_counters").glob("*")):
            text = path.read_text().strip()
            if text.isdigit():
                found[path.name] = int(text)
        return found

    def fileno(self):
        """Return the descriptor that is readable when `check` has something to tell."""
        self._check()
        return self.context.async_fd

    def check(self):
        """Read what the device reports by itself, and whether it is there, without blocking.

        Returns
        -------
        list of str
            Events that are no fault, in the system's words.

        Raises
        ------
        PortDownError, DeviceRemovedError, QueuePairFatalError, CompletionQueueOverrunError
            At the first event that is one; later events stay queued.
        """
        cdef ibv_async_event event
        self._check()
        harmless = []
        while True:
            if ibv_get_async_event(self.context, &event):
                if errno == EAGAIN:
                    if self.removed():
                        raise event_error(8, f"{self.name} was removed")
                    return harmless
                if errno == EINTR:
                    continue
                raise event_error(8, f"{self.name}: {os.strerror(errno)}")
            ibv_ack_async_event(&event)
            words = ibv_event_type_str(event.event_type).decode()
            error = event_error(event.event_type, f"{self.name}: {words}")
            if error is not None:
                raise error
            harmless.append(words)

    def close(self):
        """Close the device; a second call does nothing.

        Raises
        ------
        BufferError
            While a protection domain or completion queue of it is open.
        """
        if self.context == NULL:
            return
        if self.forks != aether_forks:
            self.context = NULL  # see process.pxd
            return
        if self.users:
            raise BufferError(f"{self.name} is in use by {self.users} open objects")
        if ibv_close_device(self.context):
            raise RdmaError(f"cannot close {self.name}: {os.strerror(errno)}")
        self.context = NULL

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    def __dealloc__(self):
        if self.context != NULL and self.forks == aether_forks:
            ibv_close_device(self.context)
