"""The fingerprint: stable, and silent about who and where."""

import getpass
import json
import socket

from aethermodel.measure.host.fingerprint import this_host


def test_the_fingerprint_names_the_machine_and_not_its_owner():
    host = this_host()
    text = json.dumps(host.model_dump(mode="json"))
    assert len(host.id) == 12
    assert host.cores >= 1
    assert host.memory_bytes >= 2**30
    assert socket.gethostname() not in json.dumps({**host.model_dump(), "system": ""})
    assert f'"{getpass.getuser()}"' not in text


def test_the_fingerprint_is_the_same_each_time():
    first = this_host()
    this_host.cache_clear()
    assert this_host() == first
