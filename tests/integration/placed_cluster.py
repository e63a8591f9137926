"""The tour's cluster with each node on a host of its own (namespaces.py), so that the network between nodes
can be cut; where namespaces are not permitted all is on loopback. The calling program, the database
and what is started by it live on the last host: enter() moves it there, before it has threads.
"""
import ctypes
import os
from types import SimpleNamespace

import namespaces
from two_nodes import BUILD, port_base
from cluster import Node, edit_properties, wait_for
from tour import Tour

CLONE_NEWNET = 0x40000000


def enter(network, host):
    """This process is on that host from now on."""
    with open("/var/run/netns/" + network.name(host), "rb") as place:
        if ctypes.CDLL(None, use_errno=True).setns(place.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")


class PlacedNode(Node):
    def __init__(self, node, network, host):
        super().__init__(node.number, os.path.dirname(os.path.dirname(node.etc)), node.build,
                         (node.http, node.jmx, node.rmi, node.grid))
        self.network, self.place = network, host
        self.host = network.address(host)

    def write_etc(self, *stock):
        super().write_etc(*stock)
        edit_properties(os.path.join(self.etc, "management.properties"), {"JMXBindAddress": self.host})
        edit_properties(os.path.join(self.etc, "AdminDaemon.properties"),
                        {"com.openexchange.rmi.host": self.host})

    def command(self):
        return self.network.command(self.place, *super().command())


class PlacedCluster(Tour):
    """`nodes` are those that run; the others of the three wait in `spare`."""

    def __init__(self, lowest_port, network=None):
        super().__init__(SimpleNamespace(steps_done=0, keep=None, build=BUILD,
                                         port_base=port_base(lowest_port)))
        self.network = network
        self.spare = []

    def configure(self):
        """After the files of the nodes were written, before anything runs."""

    def begin(self, count):
        self.prepare()
        if self.network:
            self.nodes = [PlacedNode(n, self.network, n.number) for n in self.nodes]
            self.database.host = self.network.address(len(self.nodes) + 1)
        self.start_database()
        self.write_configuration()
        self.configure()
        self.init_configdb()
        everybody, self.nodes = self.nodes, self.nodes[:1]
        self.start_first_node()
        self.register()
        self.create_contexts()
        self.nodes, self.spare = everybody[:count], everybody[count:]
        self.start_other_nodes()

    def grow(self):
        """The next spare node joins."""
        self.nodes = self.nodes + [self.spare.pop(0)]
        self.nodes[-1].start()
        self.settle()

    def await_members(self, counts):
        """counts: node -> how many members it sees."""
        wait_for("members as expected: %s" % {n.name: c for n, c in counts.items()},
                 lambda: all(self.members(n) == c for n, c in counts.items()), 90, 0.2)


def place(count):
    """A network of that many hosts with this process on the last one; else None and why."""
    why = namespaces.missing()
    if why:
        return None, why
    namespaces.remove_left_over()
    network = namespaces.Network(count)
    try:
        enter(network, count)
    except OSError as refused:
        network.remove()
        return None, str(refused)
    return network, None
