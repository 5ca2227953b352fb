"""Network namespaces for tests: whether this process may make them."""

import os
import subprocess
import sys


def can_make_namespaces():
    """Whether this process may make network namespaces, and a wire between them."""
    if sys.platform != "linux" or os.geteuid():
        return False
    try:
        words = "unshare -n ip link add dev a0 type veth peer name a1"
        return not subprocess.run(words.split(), capture_output=True, check=False).returncode
    except FileNotFoundError:
        return False
