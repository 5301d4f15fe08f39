"""A private MySQL server: loopback only, own port, own folder, nothing of the system touched.

The project's own one lies in `.local/mysql` (see project_database.py); tests and the benchmark make
throw-away ones, which start in about 2 s from a copy of an initialised data directory.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from types import TracebackType

from debian_packages import locked
from mysql_accounts import ACCOUNTS, create_accounts
from mysql_packages import Mysqld, MySQLNotFoundError, find_mysqld
from mysql_template import ServerError, initialised_template, server_command

__all__ = [
    "MySQLNotFoundError",
    "Mysqld",
    "PrivateServer",
    "ServerError",
    "create_accounts",
    "find_mysqld",
]

FIRST_PORT = 33071
SOCKET_PATH_LIMIT = 107  # bytes, in the kernel's sockaddr_un
START_TIMEOUT = 120.0  # seconds; recovery after a kill takes longer than a plain start (2 s)
STOP_TIMEOUT = 60.0

DEFAULT_OPTIONS = {
    "innodb-buffer-pool-size": "512M",
    "innodb-redo-log-capacity": "512M",
    "character-set-server": "utf8mb4",
    # A night's working tables stay in memory at 2,000 learners; beyond this they go to disk.
    "tmp-table-size": "256M",
    "temptable-max-ram": "1G",
}


class PrivateServer:
    """A MySQL server of its own in `home`, which holds its data, log, pid, port and root password.

    `port`: fixed, or None for the remembered one, else the first free one from 33071 on.
    `options`: server options (`{"innodb-buffer-pool-size": "64M"}`), over DEFAULT_OPTIONS.
    `bound`: the server dies with the thread that started it, for throw-away servers of tests.
    Use it as a context manager, or call `start()` and `stop()`; the data stay until `home` goes.
    """

    def __init__(
        self,
        home: Path,
        port: int | None = None,
        options: Mapping[str, str] | None = None,
        *,
        bound: bool = False,
    ) -> None:
        self.home = Path(home).resolve()
        self.data = self.home / "data"
        self.log = self.home / "error.log"
        self.options = {**DEFAULT_OPTIONS, **(options or {})}
        self.bound = bound
        self._fixed_port = port
        self._pid_file = self.home / "mysqld.pid"
        self._port_file = self.home / "port"
        # Sets the root password; as long as it is there, no start has succeeded yet.
        self._first_start_sql = self.home / "first_start.sql"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> PrivateServer:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def port(self) -> int:
        """TCP port on 127.0.0.1; ServerError before the first start."""
        if self._fixed_port is not None:
            return self._fixed_port
        if not self._port_file.exists():
            raise ServerError(
                f"The MySQL server in {self.home} has never been started: run `make up`."
            )
        return int(self._port_file.read_text())

    @property
    def socket(self) -> Path:
        """Unix socket, in `home`, or under /tmp when that path is too long for one."""
        path = self.home / "mysql.sock"
        if len(os.fsencode(path)) <= SOCKET_PATH_LIMIT:
            return path
        key = sha256(os.fsencode(self.home)).hexdigest()[:12]
        return Path(tempfile.gettempdir()) / f"kpi-mysql-{os.getuid()}-{key}" / "mysql.sock"

    @property
    def root_uri(self) -> str:
        """`mysql://root:…@127.0.0.1:port/`."""
        return f"mysql://root:{self.passwords['root']}@127.0.0.1:{self.port}/"

    @property
    def passwords(self) -> dict[str, str]:
        """Passwords of root and the four accounts, made once and kept in `home` (mode 600)."""
        path = self.home / "secrets.json"
        if not path.exists():
            made = {account: secrets.token_urlsafe(18) for account in ("root", *ACCOUNTS)}
            write_private(path, json.dumps(made, indent=1) + "\n")
        return dict(json.loads(path.read_text()))

    def is_running(self) -> bool:
        """Say whether this very server runs: its pid is alive and is a mysqld on our data."""
        return self._pid() is not None

    def start(self) -> None:
        """Start the server, filling an empty `home`, and wait for its answer. May be repeated."""
        with locked(self.home / "lock"):
            if self.is_running():
                self._wait_until_it_answers()
                return
            mysqld = find_mysqld()
            if not self.data.exists():
                self._copy_template(mysqld)
            for attempt in range(5):
                port = self._choose_port()
                try:
                    self._launch(mysqld, port)
                    self._wait_until_it_answers()
                    break
                except ServerError as error:
                    taken = "Bind on TCP/IP port" in str(error)
                    if not taken or self._fixed_port is not None or attempt == 4:
                        raise
            self._first_start_sql.unlink(missing_ok=True)

    def stop(self) -> None:
        """Stop the server in good order (SIGTERM, SIGKILL after a minute), and wait for its end."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Kill the server at once, as a power cut would."""
        self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> None:
        if not self.home.exists():
            return
        with locked(self.home / "lock"):
            pid = self._pid()
            if pid is not None:
                os.kill(pid, how)
                if not self._gone_within(STOP_TIMEOUT, pid):
                    os.kill(pid, signal.SIGKILL)
                    self._gone_within(STOP_TIMEOUT, pid)
            self._pid_file.unlink(missing_ok=True)
            for left in (self.socket, self.socket.with_name("mysql.sock.lock")):
                left.unlink(missing_ok=True)
            if self.socket.parent != self.home:
                with contextlib.suppress(OSError):
                    self.socket.parent.rmdir()

    def _gone_within(self, seconds: float, pid: int) -> bool:
        """Wait until the process has let go of its files; say whether it did."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self._process is not None and self._process.pid == pid:
                ended = self._process.poll() is not None
            else:
                ended = has_ended(pid)
            if ended:
                return True
            time.sleep(0.02)
        return False

    def _pid(self) -> int | None:
        """Return the pid of the running server, None when none of that pid works on our data."""
        if self._process is not None and self._process.poll() is None:
            return self._process.pid  # our child; just started, it has no command line yet
        try:
            pid = int(self._pid_file.read_text())
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
        except (FileNotFoundError, ProcessLookupError, ValueError):
            return None
        return pid if f"--datadir={self.data}".encode() in command.split(b"\0") else None

    def _copy_template(self, mysqld: Mysqld) -> None:
        template = initialised_template(mysqld)
        password = self.passwords["root"]
        statements = [f"ALTER USER 'root'@'localhost' IDENTIFIED BY '{password}';"]
        # The server does not resolve names, so 127.0.0.1 is not `localhost` to it.
        statements += [f"CREATE USER IF NOT EXISTS 'root'@'127.0.0.1' IDENTIFIED BY '{password}';"]
        statements += ["GRANT ALL ON *.* TO 'root'@'127.0.0.1' WITH GRANT OPTION;"]
        write_private(self._first_start_sql, "\n".join(statements) + "\n")
        unfinished = self.home / "data.copying"
        shutil.rmtree(unfinished, ignore_errors=True)
        shutil.copytree(template, unfinished)
        unfinished.rename(self.data)

    def _choose_port(self) -> int:
        if self._fixed_port is not None:
            return self._fixed_port
        remembered = int(self._port_file.read_text()) if self._port_file.exists() else FIRST_PORT
        port = free_port(remembered)
        self._port_file.write_text(str(port))
        return port

    def _launch(self, mysqld: Mysqld, port: int) -> None:
        folder = self.socket.parent
        folder.mkdir(mode=0o700, exist_ok=True)
        if folder.stat().st_uid != os.getuid():
            raise ServerError(f"{folder} belongs to somebody else: remove it, or move the project.")
        options = {
            "datadir": str(self.data),
            "port": str(port),
            "bind-address": "127.0.0.1",
            "socket": str(self.socket),
            "pid-file": str(self._pid_file),
            "mysqlx": "OFF",
            "secure-file-priv": "",
            **self.options,
        }
        if self._first_start_sql.exists():
            options["init-file"] = str(self._first_start_sql)
        with self.log.open("ab") as log:
            self._log_start = log.tell()
            self._process = subprocess.Popen(
                [
                    *server_command(mysqld),
                    "--skip-name-resolve",
                    *(f"--{key}={value}" for key, value in options.items()),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.home,
                start_new_session=True,  # Ctrl-C in the terminal is not for it
                preexec_fn=_die_with_parent if self.bound else None,
            )
        self._pid_file.write_text(str(self._process.pid))

    def _wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + START_TIMEOUT
        while not self._answers():
            if not self.is_running():
                raise ServerError(f"MySQL in {self.home} did not start. {self._last_log_lines()}")
            if time.monotonic() > deadline:
                raise ServerError(
                    f"MySQL in {self.home} gave no answer in {START_TIMEOUT:.0f} s. "
                    f"{self._last_log_lines()}"
                )
            time.sleep(0.05)

    def _answers(self) -> bool:
        """Say whether the server sends its greeting on our own socket."""
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(5)
                connection.connect(str(self.socket))
                return len(connection.recv(5)) == 5
        except OSError:
            return False

    def _last_log_lines(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return f"Last lines of {self.log}:\n" + "\n".join(lines[-12:])


def has_ended(pid: int) -> bool:
    """Say whether a process is gone, or only waits for its parent to reap it."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return True
    state, threads = fields[0], int(fields[17])
    return state == "Z" and threads <= 1


def _die_with_parent() -> None:
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


def free_port(first: int) -> int:
    """Return the first port from `first` on that nobody listens on at 127.0.0.1."""
    for port in range(first, first + 200):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                probe.bind(("127.0.0.1", port))
                return port
    raise ServerError(f"No free port between {first} and {first + 199} on 127.0.0.1.")


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(path.name + ".new")
    unfinished.unlink(missing_ok=True)
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    unfinished.rename(path)
