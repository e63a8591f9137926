"""A private MariaDB server: own data directory, socket and port; nothing of /etc is read.

    with MariaDb() as db: db.port, db.socket, db.sql("select 1")

Used by the tour and by the integration tests. Only the process started here is stopped; several
servers may run side by side. Without a port a free one is chosen.
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

from processes import Failure, interrupts, run

# A plain user's search path lacks the directory of mariadbd.
SERVER = shutil.which("mariadbd") or "/usr/sbin/mariadbd"
LONGEST_SOCKET = 100  # the system's limit is 107 bytes


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
    STOP_SECONDS = 30
    host = "127.0.0.1"  # where it listens

    def __init__(self, directory=None, port=None, buffer_mb=64, options=(), user=None):
        self.user = user or current_user()  # the server runs as; another one for root only
        self.own_directory = directory is None
        self.directory = directory or tempfile.mkdtemp(prefix="ox-mariadb-")
        self.port = port
        self.buffer_mb = buffer_mb
        self.options = list(options)  # more of the server's own
        self.process = None
        self.data = os.path.join(self.directory, "data")
        self.log = os.path.join(self.directory, "error.log")
        self.socket = os.path.join(self.directory, "server.sock")
        self.socket_directory = None
        if len(self.socket) > LONGEST_SOCKET:
            self.socket_directory = tempfile.mkdtemp(prefix="ox-socket-", dir="/tmp")
            self.socket = os.path.join(self.socket_directory, "s")

    def start(self):
        fresh = not os.path.isdir(os.path.join(self.data, "mysql"))
        if fresh:
            os.makedirs(self.directory, exist_ok=True)
            run(["mariadb-install-db", "--no-defaults", "--user=" + self.user,
                 "--datadir=" + self.data, "--auth-root-authentication-method=normal",
                 "--skip-test-db"], env=self._environment())
        for _ in range(5):  # another process may take the port between choosing and binding
            port = self.port or free_port()
            with interrupts:
                self.process = self._spawn(port)
            if self._wait_ready():
                self.port = port
                if fresh:
                    # Nobody without access to the socket's directory may be root: not over TCP.
                    self.sql("delete from mysql.global_priv where User = '' or "
                             "(User = 'root' and Host <> 'localhost'); flush privileges;")
                return self
            if self.port:
                break
        raise Failure("mariadbd did not start; the end of its log: " + self._tail())

    def _environment(self):
        return dict(os.environ, TMPDIR=self.directory)

    def _spawn(self, port):
        return subprocess.Popen(
            [SERVER, "--no-defaults", "--user=" + self.user, "--datadir=" + self.data,
             "--socket=" + self.socket, "--pid-file=" + os.path.join(self.directory, "pid"),
             "--bind-address=" + self.host, "--port=%d" % port, "--skip-name-resolve",
             "--log-error=" + self.log, "--innodb-buffer-pool-size=%dM" % self.buffer_mb,
             "--innodb-log-file-size=32M", "--innodb-flush-log-at-trx-commit=2",
             "--max-connections=500"] + self.options,
            env=self._environment(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, start_new_session=True)

    def _wait_ready(self):
        deadline = time.monotonic() + self.START_SECONDS
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                return False
            if run(self._client() + ["-e", "select 1"], check=False).returncode == 0:
                return True
            time.sleep(0.05)
        self.stop_process()
        return False

    def _tail(self):
        try:
            with open(self.log, errors="replace") as log:
                return " | ".join(line.strip() for line in log.readlines()[-4:])
        except OSError:
            return "there is none"

    def _client(self):
        return ["mariadb", "--no-defaults", "-uroot", "-S", self.socket, "-N", "-B"]

    def sql(self, statement, schema=None, timeout=300):
        """Runs statements as root; returns the rows as lists of text."""
        done = run(self._client() + ([schema] if schema else []), text_in=statement, check=False,
                   split=True, timeout=timeout)
        if done.returncode != 0:
            raise Failure("SQL failed: " + done.stderr.strip())
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
                self.process.wait(self.STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process = None

    def stop(self):
        self.stop_process()
        if self.socket_directory:
            shutil.rmtree(self.socket_directory, ignore_errors=True)
        if self.own_directory:
            shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()
