"""PHP as a peer: `php -S`, and php-fpm behind nginx, both running `parse.php`.

Each server records every request that PHP ran, so a test sees it even when its client had gone.
"""

import asyncio
import contextlib
import json
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any, Final, Self

from . import fastcgi
from .raw import FORM, Address

SCRIPT: Final = Path(__file__).with_name("parse.php")
PATIENCE: Final = 10.0
POLL: Final = 0.005
# Warnings would come before the JSON; the system's php.ini is left out altogether by -n.
INI: Final = {"display_errors": "0", "display_startup_errors": "0", "log_errors": "1"}
FPM_NAMES: Final = ("php-fpm", *(f"php-fpm8.{minor}" for minor in range(9, 0, -1)))


class PeerError(Exception):
    """A server did not start, died, or did not come to rest in time."""


@dataclass(frozen=True, kw_only=True)
class Upload:
    """One entry of `$_FILES['attachments']`; `name` is None when it is not valid UTF-8."""

    name: str | None
    name_hex: str
    full_path: str | None
    type: str
    size: int
    error: int
    sha256: str | None

    @property
    def name_bytes(self) -> bytes:
        """The name as PHP holds it."""
        return bytes.fromhex(self.name_hex)


@dataclass(frozen=True, kw_only=True)
class Request:
    """One request as PHP saw it.

    Attributes:
        fields: `$_POST`; arrays are dictionaries, a string that is not valid UTF-8 is None.
        fields_hex: The same with every string in hexadecimal.
        files: The uploads under `attachments`, in order.
        files_in_array: Whether they came as an array, which is what the application expects.
        other_files: Every other key of `$_FILES`.
        validates: Whether the documented rules for a new ticket are met.
        validates_reply: Whether those for a reply are.
    """

    method: str
    uri: str
    headers: dict[str, str]
    content_type: str | None
    content_length: str | None
    fields: dict[str, Any]
    fields_hex: dict[str, Any]
    files: list[Upload]
    files_in_array: bool
    other_files: list[str]
    validates: bool
    validates_reply: bool

    @classmethod
    def from_json(cls, line: str | bytes) -> Self:
        """Reads an answer or a line of the record file."""
        data = json.loads(line)
        return cls(**data | {"files": [Upload(**entry) for entry in data["files"]]})

    @property
    def names(self) -> list[str | None]:
        """The names of the uploads."""
        return [file.name for file in self.files]

    def raw(self, field: str) -> bytes:
        """A field's exact bytes."""
        return bytes.fromhex(self.fields_hex[field])


def find_program(*names: str) -> str | None:
    """The first of the names that is installed; servers are often outside a user's PATH."""
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/local/sbin", "/usr/sbin", "/sbin"])
    return next((found for name in names if (found := shutil.which(name, path=path))), None)


def wait_until(condition: Callable[[], bool], what: str, patience: float = PATIENCE) -> None:
    """Polls till the condition holds.

    Raises:
        PeerError: It did not in time.
    """
    deadline = time.monotonic() + patience
    while not condition():
        if time.monotonic() > deadline:
            raise PeerError(f"not within {patience} s: {what}")
        time.sleep(POLL)


class Process(contextlib.AbstractContextManager["Process"]):
    """A running program in a process group of its own, its output in a file."""

    def __init__(self, command: Iterable[str], log: Path, **environment: str) -> None:
        self._log = log
        with log.open("ab") as output:
            self._popen = subprocess.Popen(
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=os.environ | environment,
                start_new_session=True,
            )

    def check(self) -> None:
        """Raises when the program has ended."""
        if (code := self._popen.poll()) is not None:
            raise PeerError(f"{self._popen.args!r} ended with {code}:\n{self.output()}")

    def output(self) -> str:
        """What it wrote, for failure messages."""
        return self._log.read_text(errors="replace")

    def group_lives(self) -> bool:
        """Whether the program or a child of it still runs."""
        try:
            os.killpg(self._popen.pid, 0)
        except ProcessLookupError:
            return False
        return True

    def __exit__(self, *_: object) -> None:
        """Ends the program as it wishes to be ended, and whatever is left of it by force."""
        self._popen.terminate()  # nginx and php-fpm end their children themselves
        try:
            self._popen.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            pass
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._popen.pid, signal.SIGKILL)
            self._popen.wait(PATIENCE)


class Peer(ABC):
    """A web server with PHP; a context manager that starts and stops it.

    Args:
        directory: An empty directory for everything that it writes.
        ini: PHP settings, beside the built-in defaults.
    """

    def __init__(self, directory: Path, *, ini: Mapping[str, str] | None = None) -> None:
        self.address: Address = ("127.0.0.1", 0)
        self.processes: list[Process] = []
        self._directory = directory
        self._ini = INI | {"upload_tmp_dir": str(directory)} | dict(ini or {})
        self._record = directory / "record.jsonl"
        self._forgotten = 0
        self._token = secrets.token_hex(8)
        self._stack = contextlib.ExitStack()

    @property
    def url(self) -> str:
        """The address as a URL; every path leads to the same script."""
        return f"http://{self.address[0]}:{self.address[1]}"

    def __enter__(self) -> Self:
        self._record.touch()
        with self._stack:
            self._start()
            self._stack = self._stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def requests(self) -> list[Request]:
        """What PHP ran since `forget`, in order. Call `drain` first when something may be left."""
        written = self._record.read_bytes()[self._forgotten :]
        return [Request.from_json(line) for line in written.splitlines()]

    def forget(self) -> None:
        """Starts the list of requests anew."""
        self._forgotten = self._record.stat().st_size

    @abstractmethod
    def barrier(self) -> None:
        """Returns when the server has read, and passed on, whatever had reached it before."""

    @abstractmethod
    def drain(self, patience: float = PATIENCE) -> None:
        """Returns when PHP has run whatever it is going to run of what was sent before.

        Raises:
            PeerError: It did not come to rest in time; an unfinished upload, say.
        """

    async def adrain(self, patience: float = PATIENCE) -> None:
        """The same, with the loop free to close its connections meanwhile."""
        await asyncio.to_thread(self.drain, patience)

    @abstractmethod
    def _start(self) -> None:
        """Starts the processes by `_run` and `_listen`."""

    def _run(self, command: Iterable[str], log: str, **environment: str) -> Process:
        process = self._stack.enter_context(Process(command, self._directory / log, **environment))
        self.processes.append(process)
        return process

    def _listen(self, run: Callable[[int], Process]) -> None:
        """Starts a server on a free port, and again when another program was quicker to take it."""
        for attempts_left in (2, 1, 0):
            self.address = ("127.0.0.1", free_port())
            process = run(self.address[1])
            try:
                wait_until(self._ready, f"{type(self).__name__} answers")
            except PeerError as error:
                if not attempts_left:
                    logs = "\n".join(one.output() for one in self.processes)
                    raise PeerError(f"{error}\n{logs}") from error
                self.processes.remove(process)
            else:
                return

    def _ready(self) -> bool:
        for process in self.processes:
            process.check()
        try:
            # The token, since it may be someone else's server that answers on this port.
            return self._get("/idle") == self._token
        except (OSError, HTTPException):
            return False

    def _wait_for_its_turn(self, patience: float) -> None:
        # Again, where nginx lost patience with a PHP that is still at an earlier request.
        wait_until(lambda: self._get("/idle") == self._token, "PHP is idle", patience)

    def _get(self, path: str) -> str:
        connection = HTTPConnection(*self.address, timeout=PATIENCE)
        with contextlib.closing(connection):
            connection.request("GET", path, headers={"Connection": "close"})
            return connection.getresponse().read().decode()

    def _ini_arguments(self) -> list[str]:
        settings = (("-d", f"{name}={value}") for name, value in self._ini.items())
        return ["-n", *(argument for setting in settings for argument in setting)]


class PhpServer(Peer):
    """`php -S`: PHP's parser without anything before it. A request runs when it is whole."""

    def barrier(self) -> None:
        self._get("/idle")

    def drain(self, patience: float = PATIENCE) -> None:
        # One process that runs one request after another, in the order in which they came.
        self._wait_for_its_turn(patience)

    def _start(self) -> None:
        self._listen(self._run_php)

    def _run_php(self, port: int) -> Process:
        php = find_program("php") or "php"
        where = ["-S", f"127.0.0.1:{port}", "-t", str(self._directory), str(SCRIPT)]
        return self._run(
            [php, *self._ini_arguments(), *where],
            "php.log",
            PARSE_RECORD=str(self._record),
            PARSE_TOKEN=self._token,
        )


class FpmServer(Peer):
    """nginx before php-fpm, with one worker each, so that requests keep their order.

    Args:
        directory: An empty directory for everything that it writes.
        buffering: Whether nginx takes the whole body before PHP hears of the request.
        client_max_body_size: nginx's limit; 0 for none.
        read_timeout: How long nginx waits for PHP before it answers 504.
        ini: PHP settings, beside the built-in defaults.
    """

    def __init__(
        self,
        directory: Path,
        *,
        buffering: bool = False,
        client_max_body_size: str = "0",
        read_timeout: str = "10s",
        ini: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(directory, ini=ini)
        self._buffering = "on" if buffering else "off"
        self._client_max_body_size = client_max_body_size
        self._read_timeout = read_timeout
        self._socket = directory / "fpm.sock"

    def barrier(self) -> None:
        # nginx's only worker takes events in the order in which they came, and this one is last.
        self._get("/ping")

    def drain(self, patience: float = PATIENCE) -> None:
        # A request that nginx no longer holds, whole or cut, was passed to php-fpm or never will
        # be. There it waits in one queue for one child, so what is asked next is answered last.
        wait_until(lambda: self.unfinished() == 0, "nginx has finished every request", patience)
        self._wait_for_its_turn(patience)

    def unfinished(self) -> int:
        """How many requests nginx is at, the one that asks left out."""
        reading, writing = re.findall(r"(?:Reading|Writing): (\d+)", self._get("/status"))
        return int(reading) + int(writing) - 1

    def run_prefix(
        self, body: bytes, cut: int, *, uri: str = "/", content_type: str = FORM
    ) -> None:
        """Has PHP parse exactly `body[:cut]`, without nginx, and waits till it has run."""
        params = {
            "SCRIPT_FILENAME": str(SCRIPT),
            "REQUEST_METHOD": "POST",
            "REQUEST_URI": uri,
            "CONTENT_TYPE": content_type,
            "CONTENT_LENGTH": str(len(body)),
            "PARSE_RECORD": str(self._record),
        }
        fastcgi.run_prefix(self._socket, params, body, cut)

    def _start(self) -> None:
        conf = self._directory / "fpm.conf"
        conf.write_text(self._fpm_conf())
        root = ["-R"] if os.geteuid() == 0 else []
        fpm = find_program(*FPM_NAMES) or "php-fpm"
        command = [fpm, *self._ini_arguments(), *root, "-F", "-O", "-y", str(conf)]
        process = self._run([*command, "-p", str(self._directory)], "fpm.log")

        def listens() -> bool:
            process.check()
            return self._socket.exists()

        wait_until(listens, "php-fpm listens")
        self._listen(self._run_nginx)

    def _run_nginx(self, port: int) -> Process:
        conf = self._directory / "nginx.conf"
        conf.write_text(self._nginx_conf(port))
        nginx = find_program("nginx") or "nginx"
        where = ["-p", str(self._directory), "-c", str(conf), "-e", "stderr"]
        return self._run([nginx, *where], "nginx.log")

    def _fpm_conf(self) -> str:
        user = "user = root" if os.geteuid() == 0 else ""
        return f"""
[global]
error_log = {self._directory}/fpm.log
[www]
{user}
listen = {self._socket}
pm = static
pm.max_children = 1
"""

    def _nginx_conf(self, port: int) -> str:
        user = "user root;" if os.geteuid() == 0 else ""
        kinds = ("client_body", "fastcgi", "proxy", "scgi", "uwsgi")
        temporary = "\n    ".join(f'{kind}_temp_path "{self._directory}/{kind}";' for kind in kinds)
        return f"""
daemon off;
{user}
worker_processes 1;
pid "{self._directory}/nginx.pid";
error_log stderr;
events {{ }}
http {{
    access_log off;
    {temporary}
    client_max_body_size {self._client_max_body_size};
    client_body_timeout 10s;
    server {{
        listen 127.0.0.1:{port};
        location = /ping {{ return 204; }}
        location = /status {{ stub_status; }}
        location / {{
            fastcgi_pass "unix:{self._socket}";
            fastcgi_request_buffering {self._buffering};
            fastcgi_read_timeout {self._read_timeout};
            fastcgi_param SCRIPT_FILENAME "{SCRIPT}";
            fastcgi_param REQUEST_METHOD $request_method;
            fastcgi_param REQUEST_URI $request_uri;
            fastcgi_param QUERY_STRING $query_string;
            fastcgi_param CONTENT_TYPE $content_type;
            fastcgi_param CONTENT_LENGTH $content_length;
            fastcgi_param SERVER_PROTOCOL $server_protocol;
            fastcgi_param REMOTE_ADDR $remote_addr;
            fastcgi_param REDIRECT_STATUS 200;
            fastcgi_param PARSE_RECORD "{self._record}";
            fastcgi_param PARSE_TOKEN {self._token};
        }}
    }}
}}
"""


def free_port() -> int:
    """A port that nobody listens on at the moment."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port: int = sock.getsockname()[1]
        return port
