"""The servers that judge what the SDK sends.

`php` and `fpm` live as long as the test run; every test starts with an empty list of requests.
Where they are not installed the tests are skipped, but never in CI.
"""

import os
from collections.abc import Iterator

import pytest

from .peers import FPM_NAMES, FpmServer, PhpServer, find_program


def _need(what: str, *names: str) -> None:
    if find_program(*names) is None:
        give_up = pytest.fail if os.environ.get("CI") else pytest.skip
        give_up(f"{what} is not installed")


@pytest.fixture(scope="session")
def needs_php() -> None:
    """For tests that start a PhpServer of their own."""
    _need("php", "php")


@pytest.fixture(scope="session")
def needs_fpm() -> None:
    """For tests that start an FpmServer of their own."""
    _need("nginx", "nginx")
    _need("php-fpm", *FPM_NAMES)


@pytest.fixture(scope="session")
def php(needs_php: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PhpServer]:
    """`php -S`: the parser alone."""
    with PhpServer(tmp_path_factory.mktemp("php")) as server:
        yield server


@pytest.fixture(scope="session")
def fpm(needs_fpm: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FpmServer]:
    """nginx with `fastcgi_request_buffering off` before php-fpm: PHP starts on a cut body."""
    with FpmServer(tmp_path_factory.mktemp("fpm")) as server:
        yield server


@pytest.fixture(autouse=True)
def _own_requests_only(request: pytest.FixtureRequest) -> Iterator[None]:
    """Empties the lists of the servers that a test uses."""
    names = {"php", "fpm"} & set(request.fixturenames)
    servers: list[PhpServer | FpmServer] = [request.getfixturevalue(name) for name in names]
    for server in servers:
        server.forget()
    yield
    # Here, so that a test that leaves a request behind fails itself and not the one after it.
    for server in servers:
        server.drain()
