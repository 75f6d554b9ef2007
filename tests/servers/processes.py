"""Programs that run in the background, each known by its process id and the moment it began, which a reused id does not share."""
import os
import pathlib
import signal
import socket
import subprocess
import time


class ServerError(Exception):
    """A server could not be installed or started; the text says why and what to do."""


def birth(pid):
    """When a process began, in clock ticks since the machine did; None when it is no more."""
    try:
        fields = pathlib.Path("/proc/{}/stat".format(pid)).read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else fields[19]


def reap(pid):
    """Let go of a child that has ended; of others there is nothing to let go."""
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        pass


class Daemon:
    """A program whose id and log lie in a folder, so that any later process can end it."""

    def __init__(self, folder, name):
        self.name = name
        self.log = folder / (name + ".log")
        self.record = folder / (name + ".pid")

    def start(self, command, environ=None):
        with self.log.open("ab") as log:
            started = subprocess.Popen(
                [str(part) for part in command],
                env=dict(os.environ, **(environ or {})),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.record.write_text("{} {}".format(started.pid, birth(started.pid)))
        # Ended by its id, perhaps by another process: the object has nothing to wait for.
        started.returncode = 0

    def pid(self):
        """Its process id; None when it does not run."""
        try:
            pid, began = self.record.read_text().split()
        except (OSError, ValueError):
            return None
        reap(int(pid))
        return int(pid) if birth(int(pid)) == began else None

    def stop(self, patience=5):
        """Ask it to end, and end it when it does not listen."""
        asked = 0
        while (pid := self.pid()) is not None:
            if asked in (0, patience * 20):
                try:
                    os.kill(pid, signal.SIGKILL if asked else signal.SIGTERM)
                except ProcessLookupError:
                    break
            asked += 1
            time.sleep(0.05)
        self.record.unlink(missing_ok=True)

    def tail(self, lines=15):
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def wait_until(self, is_ready, seconds=300):
        """Until `is_ready` says so; ServerError when the program ends or the time is over first."""
        deadline = time.monotonic() + seconds
        while not is_ready():
            if self.pid() is None:
                raise ServerError("{} ended while it started: {}".format(self.name, self.tail()))
            if time.monotonic() > deadline:
                raise ServerError("{} was not ready after {} s: {}".format(self.name, seconds, self.tail()))
            time.sleep(0.05)


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]
