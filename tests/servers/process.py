"""What every server process in the tests has in common: folder, account, signals and readiness."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Self

import psutil

from tests.servers.ports import ReservedPort, reserve_port

READY_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 15.0
POLL_S = 0.02


class ServerError(RuntimeError):
    """A server did not start, stop or listen as it should; the text ends with its log."""


class Server(ABC):
    """One server process on one reserved loopback port, with its files in a 0700 folder.

    Started as root, it runs as an unprivileged account, which owns the folder. The port and the files stay
    the same over stop, kill and start, as they do for a machine that is switched off and on. Not safe for use
    by several threads.
    """

    name: str
    accounts: tuple[str, ...]

    def __init__(self) -> None:
        self.account = _account(self.accounts)
        self.folder = Path(tempfile.mkdtemp(prefix=f"oxywatch-{self.name}-"))
        self.own(self.folder)
        self.log_path = self.folder / "server.log"
        self._reserved: list[ReservedPort] = []
        self.port = self.reserve()
        self.host = "127.0.0.1"
        self._process: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def command(self) -> Sequence[str]:
        """Return the command that runs the server in the foreground. Raises MissingProgramError."""

    @abstractmethod
    def prepare(self) -> None:
        """Write what the server reads at its start; called before each start."""

    def check_ready(self) -> bool:
        """Tell whether the server answers; called after it listens, until True."""
        return True

    @property
    def pid(self) -> int:
        """Process id of the running server. Raises ServerError when it does not run."""
        if self._process is None:
            raise ServerError(f"{self.name} is not running")
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the process was started and has not ended (a paused one is running)."""
        return self._process is not None and self._process.poll() is None

    def own(self, path: Path) -> None:
        """Give a file or folder to the server's account, closed to all others."""
        path.chmod(0o700 if path.is_dir() else 0o600)
        if self.account is not None:
            os.chown(path, self.account.pw_uid, self.account.pw_gid)

    def write(self, name: str, text: str) -> Path:
        """Write a file in the server's folder, readable to the server alone; return its path."""
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        self.own(path)
        return path

    def reserve(self) -> int:
        """Return one more loopback port, kept until `close`."""
        reserved = reserve_port()
        self._reserved.append(reserved)
        return reserved.number

    def start(self) -> Self:
        """Start the server and wait until it listens and answers. Raises ServerError."""
        if self.running:
            raise ServerError(f"{self.name} is already running as process {self.pid}")
        self.prepare()
        with self.log_path.open("ab") as log:
            self._process = self.spawn(self.command(), log)
        try:
            self._wait_until_ready()
        except BaseException:
            self.kill()
            raise
        return self

    def stop(self) -> None:
        """End the server with SIGTERM and wait; does nothing when it is not running. Raises ServerError."""
        if self._process is None:
            return
        if self.running:
            self.resume()
            self._process.terminate()
        try:
            self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.kill()
            raise ServerError(f"{self.name} did not stop within {STOP_TIMEOUT_S} s\n{self.log()}") from None
        self._process = None

    def kill(self) -> None:
        """End the server with SIGKILL, its children with it, as a power cut would; wait until it is gone."""
        if self._process is None:
            return
        children: list[psutil.Process] = []
        with contextlib.suppress(psutil.NoSuchProcess):
            children = psutil.Process(self._process.pid).children(recursive=True)
        self._process.kill()
        self._process.wait()
        for child in children:
            with contextlib.suppress(psutil.NoSuchProcess):
                child.kill()
        psutil.wait_procs(children, timeout=STOP_TIMEOUT_S)
        self._process = None

    def restart(self) -> Self:
        """Stop and start again on the same port with the same files."""
        self.stop()
        return self.start()

    def pause(self) -> None:
        """Freeze the server with SIGSTOP: connections stay open and nothing answers."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let a paused server go on."""
        os.kill(self.pid, signal.SIGCONT)

    def close(self) -> None:
        """Stop the server, give its ports back and delete its files."""
        try:
            self.stop()
        finally:
            for reserved in self._reserved:
                reserved.release()
            shutil.rmtree(self.folder, ignore_errors=True)

    def log(self, last_bytes: int = 4000) -> str:
        """Return the end of what the server wrote; empty when it wrote nothing."""
        if not self.log_path.is_file():
            return ""
        return self.log_path.read_bytes()[-last_bytes:].decode("utf-8", "replace")

    def spawn(self, command: Sequence[str], log: IO[bytes]) -> subprocess.Popen[bytes]:
        """Start `command` as the server's account in the server's folder."""
        user = None if self.account is None else self.account.pw_uid
        group = None if self.account is None else self.account.pw_gid
        return subprocess.Popen(
            list(command),
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            user=user,
            group=group,
            extra_groups=None if self.account is None else [],
            env={"PATH": os.environ["PATH"], "HOME": str(self.folder), "LC_ALL": "C.UTF-8"},
        )

    def run_tool(self, command: Sequence[str]) -> str:
        """Run a tool as the server's account; return what it printed. Raises ServerError."""
        done = subprocess.run(
            list(command),
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            user=None if self.account is None else self.account.pw_uid,
            group=None if self.account is None else self.account.pw_gid,
            extra_groups=None if self.account is None else [],
            env={"PATH": os.environ["PATH"], "HOME": str(self.folder), "LC_ALL": "C.UTF-8"},
            check=False,
        )
        if done.returncode:
            raise ServerError(f"{command[0]} failed\n{done.stdout}{done.stderr}")
        return done.stdout

    def _wait_until_ready(self) -> None:
        limit = time.monotonic() + READY_TIMEOUT_S
        while time.monotonic() < limit:
            if not self.running:
                raise ServerError(f"{self.name} ended while starting\n{self.log()}")
            if _accepts(self.host, self.port):
                self._assert_listener_is_ours()
                if self.check_ready():
                    return
            time.sleep(POLL_S)
        raise ServerError(f"{self.name} did not answer within {READY_TIMEOUT_S} s\n{self.log()}")

    def _assert_listener_is_ours(self) -> None:
        """Guard against talking to someone else's server. Raises ServerError."""
        listening = {
            connection.laddr.port
            for connection in psutil.Process(self.pid).net_connections("tcp")
            if connection.status == psutil.CONN_LISTEN
        }
        if self.port not in listening:
            raise ServerError(f"port {self.port} is not listened on by {self.name}, process {self.pid}")

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()


def _account(names: tuple[str, ...]) -> pwd.struct_passwd | None:
    """Return the first account of `names` that exists when we are root, else None: run as we are."""
    if os.geteuid() != 0:
        return None
    for name in (*names, "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise ServerError(f"none of the accounts {', '.join(names)}, nobody exists to run a server as")


def _accepts(host: str, port: int) -> bool:
    """Tell whether someone accepts connections on the port."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        return probe.connect_ex((host, port)) == 0
