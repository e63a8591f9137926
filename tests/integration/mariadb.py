"""A private MariaDB server for tests: own data directory, free port, nothing in /etc.

with MariaDb() as db: db.port, db.socket, db.sql("select 1")
Only the process started here is stopped. Several servers may run side by side.
"""
import getpass
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time

ROOT_PASSWORD = ""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def current_user():
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return getpass.getuser()


class MariaDb:
    START_SECONDS = 60

    def __init__(self, directory=None, port=None):
        self.own_directory = directory is None
        self.directory = directory or tempfile.mkdtemp(prefix="ox-mariadb-")
        self.port = port
        self.process = None
        # A socket path may have 107 characters; the directory may be longer.
        self.socket_directory = tempfile.mkdtemp(prefix="oxs")
        self.socket = os.path.join(self.socket_directory, "s")
        self.data = os.path.join(self.directory, "data")

    def start(self):
        user = current_user()
        if not os.path.isdir(os.path.join(self.data, "mysql")):
            subprocess.run(
                ["mariadb-install-db", "--no-defaults", "--user=" + user,
                 "--datadir=" + self.data, "--auth-root-authentication-method=normal",
                 "--skip-test-db"],
                check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        for _ in range(5):  # another process may take the port between choosing and binding
            port = self.port or free_port()
            self.log = os.path.join(self.directory, "err.log")
            self.process = subprocess.Popen(
                [shutil.which("mariadbd") or "/usr/sbin/mariadbd", "--no-defaults",
                 "--user=" + user, "--datadir=" + self.data, "--socket=" + self.socket,
                 "--pid-file=" + os.path.join(self.directory, "m.pid"),
                 "--bind-address=127.0.0.1", "--port=%d" % port, "--skip-name-resolve",
                 "--log-error=" + self.log, "--innodb-buffer-pool-size=64M",
                 "--innodb-log-file-size=16M", "--innodb-flush-log-at-trx-commit=0",
                 "--max-connections=400"],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            if self._wait_ready():
                self.port = port
                return self
            if self.port:
                break
        raise RuntimeError("mariadbd did not start, see " + self.log)

    def _wait_ready(self):
        deadline = time.monotonic() + self.START_SECONDS
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                return False
            if subprocess.run(self._client() + ["-e", "select 1"], stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL).returncode == 0:
                return True
            time.sleep(0.05)
        self.stop_process()
        return False

    def _client(self):
        return ["mariadb", "--no-defaults", "-uroot", "-S", self.socket, "-N", "-B"]

    def sql(self, statement, schema=None):
        """Runs statements as root; returns the rows as lists of text."""
        command = self._client() + ([schema] if schema else [])
        done = subprocess.run(command, input=statement, text=True, capture_output=True)
        if done.returncode != 0:
            raise RuntimeError("SQL failed: " + done.stderr.strip())
        return [line.split("\t") for line in done.stdout.splitlines()]

    def create_account(self, user, password):
        """An account with all rights, as initconfigdb -a makes it."""
        for host in ("%", "localhost", "127.0.0.1"):
            self.sql("grant all privileges on *.* to '%s'@'%s' identified by '%s' "
                     "with grant option;" % (user, host, password))

    def stop_process(self, kill=False):
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL if kill else signal.SIGTERM)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process = None

    def stop(self):
        self.stop_process()
        shutil.rmtree(self.socket_directory, ignore_errors=True)
        if self.own_directory:
            shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()
