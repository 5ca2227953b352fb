"""The doctor where there is a device: what pyverbs and the kernel tell of it agrees."""

import os
import subprocess
import sys
import sysconfig

import pytest

from aethermodel.doctor import Registration, Roots, examine
from aethermodel.doctor.memlock import Allowance
from aethermodel.measure.host.rdma_ports import find_devices
from cython_core.verbs import ProtectionDomain, RdmaBuffer

# Debian's pyverbs belongs to Debian's own Python; another of the same version can load it.
SYSTEM = "/usr/lib/python3/dist-packages"
BY_PYVERBS = """
from aethermodel.measure.host.rdma_ports import find_devices
from aethermodel.doctor import Roots
found = find_devices(Roots())
assert found.source == "pyverbs", found.why
print(found.ports)
"""


def test_device_port_and_address_are_good(device):
    lines = {finding.name: finding for finding in examine()}
    assert lines["devices"].value == device.name
    assert lines["verbs"].level == "good"
    port = f"{device.name} port {device.port}"
    assert (lines[port].level, lines[port].value) == ("good", "ACTIVE, Ethernet")
    assert lines[f"{port} GID"].level == "good"
    assert lines[f"{port} GID"].value.startswith(f"index {device.gid_index}, ")


def test_pyverbs_and_sysfs_agree(device):
    done = subprocess.run(
        [sys.executable, "-c", BY_PYVERBS],
        env=os.environ | {"PYTHONPATH": os.pathsep.join([*filter(None, sys.path), SYSTEM])},
        capture_output=True,
        text=True,
        check=False,
    )
    if "not installed" in done.stderr or "cannot import" in done.stderr:
        pytest.skip(f"no pyverbs for Python {sysconfig.get_python_version()}")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(find_devices(Roots()).ports)


def test_the_kernel_pins_as_many_pages_as_planned(device):
    """Whatever the limit: what one registration adds to VmPin is what was computed."""
    memory = bytearray(3 * 2**20 + 17)
    planned = Registration(size=len(memory), queue_pairs=0)
    before = Allowance.of(Roots()).pinned
    with ProtectionDomain(device) as domain, RdmaBuffer(domain, memory, local_write=True):
        added = Allowance.of(Roots()).pinned - before
    assert planned.pinned_bytes - 4096 <= added <= planned.pinned_bytes
