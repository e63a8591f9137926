"""Update tasks on a real MariaDB: lease, runner, conversion of an old schema.

The checks are the doctest program update_live_test; this script gives it a server of its own.
"""
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from mariadb import MariaDb  # noqa: E402

ROOT = os.environ.get("OX_SOURCE") or os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
BUILD = os.environ.get("OX_BUILD") or os.path.join(ROOT, "build", "release")
PROGRAM = os.path.join(BUILD, "tests", "unit", "update", "update_live_test")
COUNTS = re.compile(r"test cases:\s+\d+\s*\|\s*(\d+) passed\s*\|\s*(\d+) failed")


def main():
    with MariaDb() as server:
        server.create_account("ox", "ox")
        env = dict(os.environ, OX_TEST_DB_PORT=str(server.port), OX_SOURCE=ROOT)
        done = subprocess.run([PROGRAM] + sys.argv[1:], env=env, text=True, errors="replace",
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=800)
    counts = COUNTS.search(done.stdout)
    passed, failed = (int(n) for n in counts.groups()) if counts else (0, 1)
    if done.returncode != 0 and failed == 0:
        failed = 1  # an ERROR record that no test expected, or a crash
    if failed or os.environ.get("OX_VERBOSE"):
        print(done.stdout)
    print("%d passed, %d failed" % (passed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
