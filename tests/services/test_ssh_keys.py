"""SSH public keys."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.contract.spec import operation
from tests.services.contract import (
    check_answers,
    check_as_contracted,
    check_is_sent_again,
    check_is_sent_once,
    check_refused,
    framed,
    sent,
    service,
    specimen,
)
from tests.services.tickets.support import failure_of
from vpsbg_async import NotFoundError
from vpsbg_async.services.ssh_keys import SSHKey, SSHKeys, SSHKeyServer
from vpsbg_async.testing import Reply

READ = operation("ssh_keys_get").example
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIExample user@example.com"
ADDED = Reply(json={"id": 90, "name": "Example SSH Key", "key": KEY})
WHOLE = SSHKey(
    id=90,
    name="Example SSH Key",
    fingerprint="c3:02:91:64:1f:e3:da:4b:7e:9e:33e:14:qf:4d:39:73",  # which is none
    key="ssh-rsa AA... user@example.com",
    servers=(
        SSHKeyServer(id=2922, hostname="ubuntu-1gb"),
        SSHKeyServer(id=2930, hostname="debian-1gb"),
    ),
)


async def add(keys: SSHKeys) -> SSHKey:
    return await keys.add(name="Example SSH Key", key=KEY)


async def rename(keys: SSHKeys) -> SSHKey:
    return await keys.update(90, name="Example SSH Key")


def test_they_are_as_contracted() -> None:
    check_as_contracted(SSHKeys)


class TestReading:
    @pytest.mark.parametrize("key_id", [90, "90"])
    async def test_the_documented_answer(self, key_id: int | str) -> None:
        keys, transport = service(SSHKeys, Reply(json=READ))
        assert await keys.get(key_id) == WHOLE
        assert sent(transport) == [("GET", "/ssh-keys/90", None)]

    async def test_all_of_them(self) -> None:
        pages = [framed(READ, page=1, last=2), framed({"id": 91}, page=2, last=2)]
        keys, transport = service(SSHKeys, *pages)
        assert [key async for key in keys.list()] == [WHOLE, SSHKey(id=91)]
        assert [path for _, path, _ in sent(transport)] == ["/ssh-keys", "/ssh-keys?page=2"]

    async def test_one_page(self) -> None:
        keys, transport = service(SSHKeys, framed(READ, page=3, last=4))
        page = await keys.list(page=3)
        assert (page.items, page.number, page.next, page.last) == ((WHOLE,), 3, 4, 4)
        assert sent(transport) == [("GET", "/ssh-keys?page=3", None)]

    async def test_the_list_without_a_frame(self) -> None:
        keys, _ = service(SSHKeys, Reply(json=[READ]), Reply(json={"data": []}))
        assert (await keys.list()).items == (WHOLE,)
        assert [key async for key in keys.list()] == []

    async def test_any_field_may_lack(self) -> None:
        await check_answers(SSHKeys, lambda keys: keys.get(90), "SshKey")
        await check_answers(SSHKeys, lambda keys: keys.list(), "SshKey", listed=True)

    async def test_a_path_that_is_deduced_may_not_be_there(self) -> None:
        keys, _ = service(SSHKeys, Reply(status=404))
        assert "deduced, not documented" in str(await failure_of(keys.list()))

    async def test_no_such_key(self) -> None:
        keys, _ = service(SSHKeys, Reply(status=404))
        error = await failure_of(keys.get(90))
        assert isinstance(error, NotFoundError)
        assert "deduced" not in str(error)


class TestChanging:
    async def test_add(self) -> None:
        keys, transport = service(SSHKeys, ADDED)
        example = operation("ssh_keys_add").request["example"]
        assert await keys.add(**example) == SSHKey(id=90, name="Example SSH Key", key=KEY)
        assert sent(transport) == [("POST", "/ssh-keys", example)]

    async def test_a_key_as_a_file_has_it(self) -> None:
        keys, transport = service(SSHKeys, ADDED, ADDED)
        await keys.add(name="abc", key=f"{KEY}\n")
        await keys.update("90", key=f"  {KEY}\r\n")
        assert [body["key"] for _, _, body in sent(transport)] == [KEY, KEY]

    @pytest.mark.parametrize("key_id", [90, "90"])
    async def test_update(self, key_id: int | str) -> None:
        keys, transport = service(SSHKeys, ADDED)
        example = operation("ssh_keys_update").request["example"]
        assert (await keys.update(key_id, **example)).id == 90
        assert sent(transport) == [("PATCH", "/ssh-keys/90", example)]

    @pytest.mark.parametrize("reply", [Reply(status=204), Reply(json={}), Reply(body=b"<html>")])
    async def test_delete_whatever_it_answers(self, reply: Reply) -> None:
        keys, transport = service(SSHKeys, reply)
        await keys.delete("90")
        assert sent(transport) == [("DELETE", "/ssh-keys/90", None)]

    async def test_what_has_an_effect_is_sent_once(self) -> None:
        for call in (add, rename, lambda keys: keys.delete(90)):
            await check_is_sent_once(SSHKeys, call)

    async def test_what_has_none_is_sent_again(self) -> None:
        await check_is_sent_again(SSHKeys, lambda keys: keys.get(90), Reply(json=READ))
        await check_is_sent_again(SSHKeys, lambda keys: keys.list(), framed(READ))

    async def test_added_with_an_answer_that_tells_nothing(self) -> None:
        for reply in (Reply(status=201), Reply(status=204), Reply(json=None), Reply(json={})):
            keys, _ = service(SSHKeys, reply)
            assert await add(keys) == SSHKey()


REFUSED: dict[str, tuple[Callable[[SSHKeys], Awaitable[object]], tuple[str, ...]]] = {
    "a short name": (lambda keys: keys.add(name="ab", key=KEY), ("name",)),
    "a long name": (lambda keys: keys.update(90, name="a" * 101), ("name",)),
    "no key": (lambda keys: keys.add(name="abc", key=""), ("key",)),
    "all at once": (lambda keys: keys.update("..", name="", key="key"), ("id", "name", "key")),
    "no page": (lambda keys: keys.list(page=0), ("page",)),
    "an id": (lambda keys: keys.get(-1), ("id",)),
    "an empty id": (lambda keys: keys.delete(""), ("id",)),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_what_cannot_be_sent(name: str) -> None:
    call, names = REFUSED[name]
    await check_refused(SSHKeys, call, *names)


@pytest.mark.parametrize(
    "key",
    [
        "ecdsa-sha2-nistp256 AAAAE2VjZHNh",
        "ssh-dss AAAAB3NzaC1kc3M=",
        "ssh-rsa",
        "ssh-rsa  AAAA",
        "AAAA",
        "-----BEGIN OPENSSH PRIVATE KEY-----",
        f"{KEY}\n{KEY}",
        "ssh-rsa AAAA\nssh-rsa BBBB",
    ],
)
async def test_keys_of_other_kinds(key: str) -> None:
    errors = await check_refused(SSHKeys, lambda keys: keys.add(name="abc", key=key), "key")
    assert key not in str(errors)


@pytest.mark.parametrize("key", ["ssh-rsa AAAA", "ssh-rsa AA+/a0== a comment", KEY])
async def test_keys_of_the_known_kinds(key: str) -> None:
    keys, transport = service(SSHKeys, ADDED)
    await keys.add(name="abc", key=key)
    assert sent(transport)[0][2]["key"] == key


async def test_nothing_is_left_out_of_what_is_added() -> None:
    nothing: Any = None
    refused = await check_refused(
        SSHKeys, lambda keys: keys.add(name=nothing, key=nothing), "name", "key"
    )
    assert set(refused.values()) == {("must be given, and not None",)}


def test_the_specimen_is_whole() -> None:
    assert specimen("SshKey").keys() == READ.keys()
