"""SSH public keys that are kept in the account."""

from __future__ import annotations

import re
from types import NoneType

import attrs

from ..core.caller import Caller
from ..core.endpoint import Effect, Endpoint
from ..core.fields import Fields
from ..core.model import Model
from ..core.pages import Pages

__all__ = ["SSHKey", "SSHKeyServer", "SSHKeys"]

_NAME_MIN, _NAME_MAX = 3, 100  # characters
_KEY = re.compile(r"ssh-(rsa|ed25519) [A-Za-z0-9+/=]+([ \t][^\x00-\x08\n-\x1f\x7f-\x9f]+)?")


@attrs.frozen(kw_only=True, slots=False)
class SSHKeyServer(Model):
    """A server that uses a key.

    Attributes:
        id: Its id.
        hostname: Its name.
    """

    id: int | None = None
    hostname: str | None = None


@attrs.frozen(kw_only=True, slots=False)
class SSHKey(Model):
    """A public key. What an answer left out is None.

    Attributes:
        id: Its id.
        name: Its name.
        fingerprint: Its fingerprint; of what kind is not documented.
        key: The key itself, on one line.
        servers: The servers that use it.
    """

    id: int | None = None
    name: str | None = None
    fingerprint: str | None = None
    key: str | None = None
    servers: tuple[SSHKeyServer, ...] | None = None


_LIST = Endpoint("GET", "/ssh-keys", SSHKey, "convention")
_ADD = Endpoint("POST", "/ssh-keys", SSHKey, "convention", frozenset({Effect.CREATES}))
_GET = Endpoint("GET", "/ssh-keys/{id}", SSHKey)
_UPDATE = Endpoint("PATCH", "/ssh-keys/{id}", SSHKey, "partial")
_DELETE = Endpoint(
    "DELETE", "/ssh-keys/{id}", NoneType, "convention", frozenset({Effect.IRREVERSIBLE})
)


class SSHKeys:
    """SSH public keys: ``vps.ssh_keys``."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def list(self, *, page: int | None = None) -> Pages[SSHKey]:
        """The keys of the account: await it for one page, iterate it for all.

        ``GET /ssh-keys``, a *convention*: path, paging and item are deduced from the documented
        single key (https://dev.vpsbg.eu/api-3487359).

        Args:
            page: Number of the page to get or to begin with; the first is 1.

        Returns:
            The pages; nothing is sent until they are awaited or iterated.

        Raises:
            InvalidInputError: The number is no page.
            TransportError: When fetched: the network failed.
            ResponseError: When fetched: the answer is not what was promised.
            APIError: When fetched: the server answered with an error; see its subclasses.
        """
        return self._caller.pages(_LIST, page)

    async def add(self, *, name: str, key: str) -> SSHKey:
        """Keep a key in the account.

        ``POST /ssh-keys``, a *convention*: path and body are deduced from those of the update
        (https://dev.vpsbg.eu/api-3487360).

        Args:
            name: 3 to 100 characters.
            key: An ssh-rsa or ssh-ed25519 public key on one line, such as a ``.pub`` file has;
                white space around it is left off.

        Returns:
            The key.

        Raises:
            InvalidInputError: The arguments cannot be sent.
            TransportError: The network failed; ``.outcome`` tells whether it may have been added.
            ResponseError: It was added, and the answer is not what was promised.
            APIError: The server answered with an error; see its subclasses.
        """
        body = _fields(name, key).require("name", "key")
        return await self._caller.call(_ADD, body=body)

    async def get(self, key_id: int | str) -> SSHKey:
        """Read one key, with the servers that use it.

        ``GET /ssh-keys/{id}``, documented at https://dev.vpsbg.eu/api-3487359.

        Args:
            key_id: Id of the key.

        Returns:
            The key.

        Raises:
            InvalidInputError: The id cannot be sent.
            TransportError: The network failed.
            ResponseError: The answer is not what was promised.
            NotFoundError: There is no such key.
            APIError: The server answered with another error; see its subclasses.
        """
        return await self._caller.call(_GET, id=key_id)

    async def update(
        self, key_id: int | str, *, name: str | None = None, key: str | None = None
    ) -> SSHKey:
        """Change the name of a key, or the key itself.

        ``PATCH /ssh-keys/{id}``, documented in part at https://dev.vpsbg.eu/api-3487360.

        Args:
            key_id: Id of the key.
            name: 3 to 100 characters; None leaves it.
            key: An ssh-rsa or ssh-ed25519 public key on one line, as for `add`; None leaves it.

        Returns:
            The key after the change.

        Raises:
            InvalidInputError: The arguments cannot be sent.
            TransportError: The network failed; ``.outcome`` tells whether it may have happened.
            ResponseError: It was changed, and the answer is not what was promised.
            NotFoundError: There is no such key.
            APIError: The server answered with another error; see its subclasses.
        """
        body = _fields(name, key).require_any()
        return await self._caller.call(_UPDATE, id=key_id, body=body)

    async def delete(self, key_id: int | str) -> None:
        """Delete a key, which cannot be undone. It is never sent again blindly.

        ``DELETE /ssh-keys/{id}``, a *convention*: method and answer are deduced
        (https://dev.vpsbg.eu).

        Args:
            key_id: Id of the key.

        Raises:
            InvalidInputError: The id cannot be sent.
            TransportError: The network failed; ``.outcome`` tells whether it may have happened.
            NotFoundError: There is no such key.
            APIError: The server answered with another error; see its subclasses.
        """
        await self._caller.call(_DELETE, id=key_id)


def _fields(name: str | None, key: str | None) -> Fields:
    fields = Fields().text("name", name, least=_NAME_MIN, most=_NAME_MAX, is_name=True)
    key = key.strip() if isinstance(key, str) else key
    return fields.text("key", key, pattern=_KEY)
