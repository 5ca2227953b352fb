"""Congestion control of TCP senders: within a host, and between two."""

import socket
import subprocess
import sys

import pytest
from network_namespaces import can_make_namespaces

from aethermodel.bus.fabrics.tcp import TcpSender
from tools.network_namespaces import Namespaces

pytestmark = pytest.mark.skipif(
    not hasattr(socket, "TCP_CONGESTION"), reason="only Linux lets a connection choose"
)

LISTENING = """\
import socket, sys
with socket.create_server((sys.argv[1], 0)) as listener:
    print(listener.getsockname()[1], flush=True)
    connection, _ = listener.accept()
    connection.recv(1)
"""


def chosen(connection):
    found = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, 16)
    return found.rstrip(b"\0").decode()


def by_default():
    with socket.socket() as fresh:
        return chosen(fresh)


@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.2", "::1"])
def test_within_a_host_the_window_is_out_of_the_way(address):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        listener = socket.create_server((address, 0), family=family)
    except OSError as error:
        pytest.skip(f"this host has no {address}: {error}")
    with listener, socket.create_connection(listener.getsockname()[:2]) as connection:
        sender = TcpSender(connection)
        assert chosen(connection) == "reno"
        sender.close()


def test_a_connection_of_another_kind_is_taken_as_it_is():
    near, far = socket.socketpair()
    with near, far:
        TcpSender(near).close()


def test_one_whose_peer_has_gone_is_taken_as_it_is():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        connection = socket.create_connection(listener.getsockname())
        connection.shutdown(socket.SHUT_RDWR)
        listener.accept()[0].close()
        with connection:
            TcpSender(connection).close()


@pytest.mark.skipif(not can_make_namespaces(), reason="needs root, to make network namespaces")
def test_between_hosts_the_hosts_own_choice_stays():
    hosts = Namespaces(1)
    try:
        command = [*hosts.enter(0), sys.executable, "-c", LISTENING, hosts.address(0)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as far:
            port = int(far.stdout.readline())
            with socket.create_connection((hosts.address(0), port)) as connection:
                sender = TcpSender(connection)
                assert chosen(connection) == by_default()
                sender.close()
    finally:
        hosts.close()
