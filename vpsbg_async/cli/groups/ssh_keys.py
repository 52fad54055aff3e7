"""``vpsbg ssh-keys``: the public keys that are kept in the account."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from ...errors import InvalidInputError
from .. import output
from ..asking import confirm
from ..parameters import AS_USUAL, KeyID, Options, PageNumber, Yes, all_of_stdin
from ..reading import fetch, show, show_list
from ..sheets import Column, Listing, Part, Sheet

if TYPE_CHECKING:
    from ...services.ssh_keys import SSHKey

__all__ = ["app"]

_STDIN = Path("-")


def _hostnames(key: SSHKey) -> list[object]:
    return [server.hostname or server.id for server in key.servers or ()]


KEYS = Listing(
    "keys",
    Column("ID", "id", right=True),
    Column("Name", "name"),
    Column("Fingerprint", "fingerprint"),
    Column("Servers", _hostnames),
)
KEY = Sheet(
    "SSH key",
    "id",
    Column("Name", "name"),
    Column("Fingerprint", "fingerprint"),
    Column("Key", "key"),
    Part(
        "Servers that use it",
        "servers",
        Listing("servers", Column("ID", "id", right=True), Column("Name", "hostname")),
    ),
)


Name = Annotated[str, Parameter(help="3 to 100 characters.")]
KeyFile = Annotated[
    Path,
    Parameter(
        allow_leading_hyphen=True,
        help="The public key, such as id_ed25519.pub. A hyphen reads it from standard input.",
    ),
]

app = App(name="ssh-keys")


@app.command(name="list")
async def list_keys(*, page: PageNumber = None, options: Options = AS_USUAL) -> None:
    """List the keys."""
    await show_list(lambda vps: vps.ssh_keys.list(page=page), KEYS, options, page)


@app.command(name="show")
async def show_key(key_id: KeyID, /, *, options: Options = AS_USUAL) -> None:
    """Show a key with the servers that use it."""
    await show(lambda vps: vps.ssh_keys.get(key_id), KEY, options)


@app.command
def add(*, name: Name, key_file: KeyFile, options: Options = AS_USUAL) -> None:
    """Keep a public key in the account, for servers that are deployed later."""
    key = _content(key_file)  # before there is an event loop: Ctrl-C ends it
    asyncio.run(show(lambda vps: vps.ssh_keys.add(name=name, key=key), KEY, options))


@app.command
async def rename(key_id: KeyID, /, *, name: Name, options: Options = AS_USUAL) -> None:
    """Give a key another name."""
    await show(lambda vps: vps.ssh_keys.update(key_id, name=name), KEY, options)


@app.command
def delete(key_id: KeyID, /, *, yes: Yes = False, options: Options = AS_USUAL) -> None:
    """Delete a key from the account, which cannot be undone. It asks first."""
    confirm(lambda: f"Delete {_named(key_id, options)}?", yes=yes)
    asyncio.run(fetch(lambda vps: vps.ssh_keys.delete(key_id), options))
    if options.as_json:
        output.print_json({"key_id": key_id, "deleted": True})
    else:
        output.console().print(f"SSH key {key_id} was deleted.")


def _content(path: Path) -> str:
    """What a file holds, or standard input for a hyphen."""
    try:
        return all_of_stdin() if path == _STDIN else path.read_text(encoding="utf-8")
    except OSError as error:
        text = f"cannot be read ({error.strerror}): {str(path)!r}"
    except UnicodeDecodeError:
        text = f"is no text: {str(path)!r}"
    except ValueError as error:  # nothing on standard input, or a path with a null character
        text = str(error)
    raise InvalidInputError({"key_file": (text,)})


def _named(key_id: int, options: Options) -> str:
    """A key as the question tells it: by its name, so that a wrong number is noticed."""
    key = asyncio.run(fetch(lambda vps: vps.ssh_keys.get(key_id), options))
    return f"SSH key {key_id} ({key.name})" if key.name else f"SSH key {key_id}"
