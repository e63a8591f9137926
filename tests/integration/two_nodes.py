"""The tour's cluster with two nodes, for scripts that need real sessions; configure() adds to its files."""
import os
import sys
from types import SimpleNamespace

ROOT = os.environ.get("OX_SOURCE") or os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
BUILD = os.environ.get("OX_BUILD") or os.path.join(ROOT, "build", "release")
sys.path.insert(0, os.path.join(ROOT, "packaging", "tour"))
from cluster import port_free  # noqa: E402
from tour import Tour  # noqa: E402


def port_base(lowest):
    for base in range(lowest + os.getpid() % 200 * 40, 60000, 40):
        if all(port_free(p) for p in range(base, base + 30)):
            return base
    raise SystemExit("no free ports")


class TwoNodes(Tour):
    def __init__(self, lowest_port):
        super().__init__(SimpleNamespace(steps_done=0, keep=None, build=BUILD,
                                         port_base=port_base(lowest_port)))

    def configure(self):
        """After the files of the nodes were written, before anything runs."""

    def begin(self):
        self.prepare()
        self.nodes = self.nodes[:2]
        self.start_database()
        self.write_configuration()
        self.configure()
        self.init_configdb()
        self.start_first_node()
        self.register()
        self.create_contexts()
        self.start_other_nodes()
