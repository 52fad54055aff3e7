"""The test servers themselves: they start, they tell why they do not, they leave nothing behind."""

from pathlib import Path

import pytest

from .peers import FpmServer, Peer, PeerError, PhpServer, wait_until
from .raw import connect, field, form, head, post


@pytest.mark.usefixtures("needs_php", "needs_fpm")
@pytest.mark.parametrize("kind", [PhpServer, FpmServer])
def test_no_process_is_left(kind: type[Peer], tmp_path: Path) -> None:
    with kind(tmp_path) as server:
        assert all(process.group_lives() for process in server.processes)
    assert not any(process.group_lives() for process in server.processes)


@pytest.mark.usefixtures("needs_fpm")
def test_a_failure_shows_the_output(tmp_path: Path) -> None:
    server = FpmServer(tmp_path, client_max_body_size="nonsense")
    with pytest.raises(PeerError, match="client_max_body_size"), server:
        pass
    assert not any(process.group_lives() for process in server.processes)


def test_drain_tells_of_an_unfinished_upload(fpm: FpmServer) -> None:
    with connect(fpm.address) as sock:
        sock.sendall(head(b"12345") + b"1234")
        fpm.barrier()
        with pytest.raises(PeerError, match="finished every request"):
            fpm.drain(patience=0.1)


async def test_drain_leaves_the_loop_free(php: PhpServer) -> None:
    post(php.address, form(field("message", "Message")))
    await php.adrain()
    assert len(php.requests()) == 1
    php.forget()
    assert php.requests() == []


def test_wait_until_gives_up() -> None:
    with pytest.raises(PeerError, match="the sun"):
        wait_until(lambda: False, "the sun rises in the west", patience=0.01)
