#!/usr/bin/env python3
"""The Debian packages of a build: what is in them; installed, started, upgraded by a bridge, purged.

The installation happens on a copy of this machine's files (an overlay) in namespaces of its own, so that it leaves
nothing behind and reaches nobody. Where that is not possible (no root, no overlay) it is said and counted as skipped.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

import tally
from tally import check

ROOT = os.environ.get("OX_SOURCE") or os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
BUILD = os.environ.get("OX_BUILD") or os.path.join(ROOT, "build", "release")
RELEASES = ["76x", "780-782", "783", "784", "7100-7101", "7102", "7103-7104", "7105"]
SECRETS = ["AdminDaemon", "configdb", "hazelcast", "management", "sessiond"]

# Printed lines begin with what they show; see installed().
INSTALL = r"""
say() { echo "$1: $(echo $2)"; }
cd /packages
ip link set lo up
dpkg -i open-xchange_*.deb >/log 2>&1; say installed $?
for name in SECRETS; do say "mode $name" "$(stat -c '%a %U %G' /opt/open-xchange/etc/$name.properties)"; done
say user "$(id -un open-xchange)"
say running-after-install "$(pgrep -x open-xchange)"
/etc/init.d/open-xchange start >>/log 2>&1; say started $?
say runs-as "$(ps -o user:20= -C open-xchange)"
say active "$(/opt/open-xchange/sbin/listbundles 2>&1 | grep -c ACTIVE)"
echo changed >>/opt/open-xchange/etc/updatetasks.properties
dpkg -i open-xchange-cluster-upgrade-from-7103-7104_*.deb >>/log 2>&1; say bridge $?
/etc/init.d/open-xchange restart >>/log 2>&1; say restarted $?
say listed "$(/opt/open-xchange/sbin/listbundles 2>&1 | grep -c '^cluster-upgrade-from-7103-7104 ')"
dpkg -r open-xchange-cluster-upgrade-from-7103-7104 >>/log 2>&1; say bridge-removed $?
before=$(cat /run/open-xchange/open-xchange.pid)
dpkg -i --force-confold open-xchange_*.deb >>/log 2>&1; say again $?
say same-process "$([ "$before" = "$(cat /run/open-xchange/open-xchange.pid)" ] && kill -0 $before && echo yes)"
say kept "$(tail -n 1 /opt/open-xchange/etc/updatetasks.properties)"
dpkg -r open-xchange >>/log 2>&1; say removed $?
say running-after-removal "$(pgrep -x open-xchange)"
dpkg -P open-xchange >>/log 2>&1; say purged $?
say left "$(ls -d /opt/open-xchange /var/log/open-xchange /var/lib/open-xchange 2>/dev/null)"
"""


def run(command, **options):
    return subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          stdin=subprocess.DEVNULL, **options)


def contents(work, package):
    place = os.path.join(work, package)
    done = run(["dpkg-deb", "-R", package_file(package), place])
    check(done.returncode == 0, package + " can be unpacked")
    return place


def package_file(name):
    folder = os.path.join(ROOT, "build", "packages")
    found = [f for f in os.listdir(folder) if re.match(re.escape(name) + r"_[^_]+_[a-z0-9]+\.deb$", f)]
    return os.path.join(folder, found[0]) if len(found) == 1 else ""


def node_package(work):
    place = contents(work, "open-xchange")
    top = os.path.join(place, "opt/open-xchange")
    listed = open(os.path.join(place, "DEBIAN/conffiles"), encoding="utf-8").read().split()
    shipped = [os.path.relpath(os.path.join(folder, f), place) for folder, _, files in
               os.walk(os.path.join(top, "etc")) for f in files]
    check(set("/" + f for f in shipped) <= set(listed) and len(shipped) > 10,
          "every file below etc is kept when the administrator changed it")
    tools = [f for f in os.listdir(os.path.join(BUILD, "sbin"))
             if os.path.islink(os.path.join(BUILD, "sbin", f))]
    there = os.listdir(os.path.join(top, "sbin"))
    check(len(tools) > 30 and set(tools) <= set(there), "all %d tools are there" % len(tools))
    check(not [f for f in os.listdir(os.path.join(top, "lib/bundles")) if "upgrade" in f],
          "no upgrade bridge is installed with the node")
    done = run([os.path.join(top, "sbin/open-xchange"), "--etc", os.path.join(top, "etc"),
                "--check-config"])
    check(done.returncode == 0 and "0 errors" in done.stdout,
          "the program finds its library where it is unpacked and takes the delivered configuration")
    return top


def bridge_packages(work, top):
    for release in RELEASES:
        name = "cluster-upgrade-from-" + release
        place = contents(work, "open-xchange-" + name)
        files = [f for _, _, found in os.walk(os.path.join(place, "opt")) for f in found]
        control = open(os.path.join(place, "DEBIAN/control"), encoding="utf-8").read()
        check(files == [name + ".so"] and re.search(r"(?m)^Depends:.*\bopen-xchange \(= ", control),
              "the package of %s is its module, and belongs to this version of the node" % name)
        module = os.path.join(top, "lib/bundles", name + ".so")
        shutil.copy(os.path.join(place, "opt/open-xchange/lib/bundles", name + ".so"), module)
        done = run([os.path.join(top, "sbin/open-xchange"), "--etc", os.path.join(top, "etc"),
                    "--check-config"])
        check(done.returncode == 0 and name + " is installed" in done.stdout,
              "--check-config tells of " + name)
        os.unlink(module)


def overlay_script(work):
    """Runs INSTALL on an overlay of this machine's files; what it changes is in memory."""
    own = os.path.join(work, "machine")
    os.makedirs(own)
    path = os.path.join(work, "overlay.sh")
    with open(path, "w", encoding="utf-8") as file:
        file.write("""set -e
mount -t tmpfs none {0}
mkdir {0}/upper {0}/work {0}/root
mount -t overlay overlay -o lowerdir=/,upperdir={0}/upper,workdir={0}/work {0}/root
mount -t proc proc {0}/root/proc
mount --rbind /dev {0}/root/dev
mkdir {0}/root/packages
cp {1}/*.deb {0}/root/packages/
echo overlay: ready
exec chroot {0}/root /bin/sh -c '{2}'
""".format(own, os.path.join(ROOT, "build", "packages"),
           INSTALL.replace("SECRETS", " ".join(SECRETS)).replace("'", "'\\''")))
    return path


def installed(work):
    done = run(["unshare", "--mount", "--pid", "--net", "--fork", "/bin/sh", overlay_script(work)],
               timeout=180)
    if "overlay: ready" not in done.stdout:
        print("not run here: installing on an overlay (%s)" % done.stdout.strip()[-200:])
        return 1
    seen = dict(line.split(": ", 1) for line in done.stdout.splitlines() if ": " in line)
    seen.update((line[:-1], "") for line in done.stdout.splitlines() if line.endswith(":"))
    expected = [
        ("installed", "0", "the package installs"),
        ("user", "open-xchange", "it makes the user"),
        ("running-after-install", "", "and starts nothing"),
        ("started", "0", "the service script starts the node"),
        ("runs-as", "open-xchange", "as that user"),
        ("active", "8", "with all bundles"),
        ("bridge", "0", "a bridge installs"),
        ("restarted", "0", "the node restarts with it"),
        ("listed", "1", "and lists it"),
        ("bridge-removed", "0", "the bridge is removed"),
        ("again", "0", "the package installs over itself"),
        ("same-process", "yes", "without touching the running node"),
        ("kept", "changed", "and what was configured stays"),
        ("removed", "0", "the package is removed"),
        ("running-after-removal", "", "which ends the node"),
        ("purged", "0", "the package is purged"),
        ("left", "", "and nothing is left"),
    ] + [("mode " + name, "640 root open-xchange", name + ".properties is for its readers only")
         for name in SECRETS]
    for what, value, text in expected:
        check(seen.get(what, "").strip() == value, "%s (%s)" % (text, seen.get(what, "no word of it")))
    return 0


def main():
    done = run([os.path.join(ROOT, "packaging", "packages"), "--of", BUILD])
    print(done.stdout)
    check(done.returncode == 0, "the packages are made")
    check(run([os.path.join(ROOT, "packaging", "packages"), "--nonsense"]).returncode == 2,
          "unknown options are refused")
    skipped = 0
    with tempfile.TemporaryDirectory(prefix="open-xchange-packages.") as work:
        if package_file("open-xchange"):
            bridge_packages(work, node_package(work))
            skipped = installed(work)
    return tally.result(skipped)


if __name__ == "__main__":
    sys.exit(main())
