"""SSH keys that are kept in the account."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from itertools import count
from typing import Any, Final

from aiohttp import web
from attrs import define, field

from .forms import read_form
from .lookup import find
from .machines import Machine, Machines
from .paginator import paged
from .validation import matches, max_length, min_length, required, sometimes, string, validate

__all__ = ["Keys"]

_NAME_RULES: Final = [string, min_length(3), max_length(100)]
_KEY_RULES: Final = [
    string,
    matches(re.compile(r"(ssh-(rsa|ed25519)) [A-Za-z0-9+/=]+(\s.+)?", re.ASCII)),
]
_ADD_RULES: Final = {"name": [required, *_NAME_RULES], "key": [required, *_KEY_RULES]}
_UPDATE_RULES: Final = {"name": [sometimes, *_NAME_RULES], "key": [sometimes, *_KEY_RULES]}


@define(eq=False)
class _Key:
    id: int
    name: str
    key: str
    fingerprint: str
    servers: list[int] = field(factory=list)


class Keys:
    """The SSH keys of the account, and what a client can do with them.

    Args:
        machines: The servers that they open.
    """

    def __init__(self, machines: Machines) -> None:
        self._machines = machines
        self._ids = count(92)
        self._keys = {key.id: key for key in _seeds()}

    def routes(self, prefix: str) -> list[web.RouteDef]:
        """The routes, each path after ``prefix``."""
        keys = f"{prefix}/ssh-keys"
        return [
            web.get(keys, self.list),
            web.post(keys, self.add),
            web.get(f"{keys}/{{id}}", self.get),
            web.patch(f"{keys}/{{id}}", self.update),
            web.delete(f"{keys}/{{id}}", self.delete),
        ]

    def all(self) -> list[dict[str, Any]]:
        """The keys, as the API tells them."""
        return [self._told(key) for key in self._keys.values()]

    def numbers(self) -> set[int]:
        """The numbers of the keys."""
        return set(self._keys)

    def open(self, numbers: Iterable[int | str], machines: Iterable[Machine]) -> None:
        """Let the keys of these numbers open servers."""
        servers = [machine.id for machine in machines]
        for number in numbers:
            self._keys[int(number)].servers.extend(servers)

    async def list(self, request: web.Request) -> web.Response:
        """A page of keys."""
        return paged(request, self.all())

    async def add(self, request: web.Request) -> web.Response:
        """A new key."""
        fields = validate(await read_form(request), _ADD_RULES)
        text = fields["key"]
        key = _Key(next(self._ids), fields["name"], text, _fingerprint(text))
        self._keys[key.id] = key
        return web.json_response(self._told(key), status=201)

    async def get(self, request: web.Request) -> web.Response:
        """One key."""
        return web.json_response(self._told(self._find(request)))

    async def update(self, request: web.Request) -> web.Response:
        """Another name, another key, or both."""
        key = self._find(request)
        fields = validate(await read_form(request), _UPDATE_RULES)
        key.name = fields["name"] or key.name
        if fields["key"]:
            key.key, key.fingerprint = fields["key"], _fingerprint(fields["key"])
        return web.json_response(self._told(key))

    async def delete(self, request: web.Request) -> web.Response:
        """A key less."""
        key = self._find(request)
        await read_form(request)
        self._keys.pop(key.id, None)
        return web.Response(status=204)

    def _find(self, request: web.Request) -> _Key:
        return find(request, "SshKey", self._keys.get)

    def _told(self, key: _Key) -> dict[str, Any]:
        machines = [self._machines.get(number) for number in key.servers]
        return {
            "id": key.id,
            "name": key.name,
            "fingerprint": key.fingerprint,
            "key": key.key,
            "servers": [
                {"id": machine.id, "hostname": machine.facts["hostname"]}
                for machine in machines
                if machine is not None
            ],
        }


def _fingerprint(key: str) -> str:
    digest = hashlib.md5(key.split()[1].encode(), usedforsecurity=False)
    return digest.digest().hex(":")


def _seeds() -> list[_Key]:
    other = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIExample user@example.com"
    return [
        _Key(  # the documentation's example, whose fingerprint is none
            90,
            "Example SSH Key",
            "ssh-rsa AA... user@example.com",
            "c3:02:91:64:1f:e3:da:4b:7e:9e:33e:14:qf:4d:39:73",
            [2922, 2930],
        ),
        _Key(91, "Laptop", other, _fingerprint(other)),
    ]
