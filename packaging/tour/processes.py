"""Programs that a tour or a test starts, so that no interrupt leaves one behind.

Each gets a session of its own: Ctrl-C at the terminal reaches the tour alone, which ends them itself.
"""
import os
import signal
import subprocess
import threading


class Failure(Exception):
    """A step did not show what it should; the text says what was seen."""


class Interrupted(BaseException):
    """The user wants to stop. No Exception: nobody catches it by accident."""


class Interrupts:
    """SIGINT, SIGTERM and SIGHUP raise Interrupted once, and not inside `with interrupts`."""

    def __init__(self):
        self.depth = 0
        self.happened = False
        self.closed = False
        self.waiting = False

    def install(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._arrived)

    def close(self):
        """From here on nothing is raised any more: cleaning up begins."""
        self.closed = True

    def ignore(self):
        """From here on signals have no effect, up to and including the end of the process."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)

    def _arrived(self, _signal, _frame):
        if self.happened or self.closed:
            return
        self.happened = True
        if self.depth:
            self.waiting = True
        else:
            raise Interrupted()

    def __enter__(self):
        if threading.current_thread() is threading.main_thread():
            self.depth += 1

    def __exit__(self, kind, *_):
        if threading.current_thread() is not threading.main_thread():
            return
        self.depth -= 1
        if self.depth == 0 and self.waiting and kind is None:
            self.waiting = False
            raise Interrupted()


interrupts = Interrupts()
_running = set()


def end_group(process):
    """Ends a program of this file and its children, hard."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


def end_running():
    """Ends every program that run() still waits for, also in other threads."""
    for process in list(_running):
        end_group(process)


def run(command, env=None, check=True, timeout=120, text_in=None, split=False):
    """Runs a program to its end. With split, stdout and stderr stay apart."""
    with interrupts:
        process = subprocess.Popen(
            command, env=env, text=True, errors="replace", start_new_session=True,
            stdin=subprocess.DEVNULL if text_in is None else subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE if split else subprocess.STDOUT)
        _running.add(process)
    try:
        out, err = process.communicate(text_in, timeout)
    except subprocess.TimeoutExpired as late:
        end_group(process)
        raise Failure("%s did not end within %g s" % (os.path.basename(command[0]),
                                                     timeout)) from late
    except BaseException:
        end_group(process)
        raise
    finally:
        _running.discard(process)
    if check and process.returncode != 0:
        raise Failure("%s ended with %d: %s" % (os.path.basename(command[0]), process.returncode,
                                               (err or out or "").strip()[-1000:]))
    return subprocess.CompletedProcess(command, process.returncode, out, err)
