"""A form with files as it would be sent, to be looked at, and as a command for curl."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path

import attrs

from ..attachments.prepare import Prepared
from ..transport import Headers
from .endpoint import is_encodable
from .multipart import Form

__all__ = ["PreviewPart", "RequestPreview", "preview_of"]

_SECRET = frozenset({"authorization", "cookie"})
_HIDDEN = "***"

# The key goes through a pipe: the arguments of a command are there for all users of a machine to
# see. (printf is a part of the shell, and no command.)
_CURL = """printf 'Authorization: Bearer %s' "$VPSBG_API_KEY" | curl --header @-"""
_NEXT_LINE = " \\\n    "
_LONGEST = 100_000  # bytes of one argument: Linux takes 128 KiB
_PLAIN_TYPE = re.compile(r"[\w.+-]{1,100}/[\w.+-]{1,100}(; ?charset=[\w.-]+)?", re.ASCII)


@attrs.frozen(kw_only=True)
class PreviewPart:
    """One part of a form.

    Attributes:
        name: Name of the field.
        value: Its text, None for a file.
        filename: The file name that is sent, None for a text.
        content_type: MIME type of the file, None for a text.
        path: Where the file is, None if it is not on disk.
        size: Length in bytes, None if only the end of a stream will tell.
    """

    name: str
    value: str | None = attrs.field(default=None, repr=False)
    filename: str | None = None
    content_type: str | None = None
    path: Path | None = None
    size: int | None


@attrs.frozen(kw_only=True)
class RequestPreview:
    """A request as it would be sent.

    Attributes:
        method: HTTP method.
        url: Where it goes.
        headers: Headers, with ``***`` in the place of secrets.
        parts: Parts of its form, in order.
        content_length: Length of its body in bytes, None if only the end of a stream will tell.
        curl: The same as a command for a shell such as bash. It takes the key from the environment
            variable ``VPSBG_API_KEY``.
        remarks: What in the command stands for something else, that has to be put in its place.
    """

    method: str
    url: str
    headers: Headers
    parts: tuple[PreviewPart, ...]
    content_length: int | None
    curl: str = attrs.field(repr=False)
    remarks: tuple[str, ...]


def preview_of(method: str, url: str, headers: Headers, form: Form) -> RequestPreview:
    """A form, to be looked at.

    Args:
        method: HTTP method.
        url: Where it would go.
        headers: Those that are sent with every request.
        form: What would be sent.
    """
    shown = {name: _HIDDEN if name.lower() in _SECRET else value for name, value in headers.items()}
    parts = tuple(_part(name, content) for name, content in form.parts)
    remarks: list[str] = []
    curl = _NEXT_LINE.join((_CURL, *_arguments(shown, parts, remarks), shlex.quote(url)))
    length = form.content_length
    sized = {"Transfer-Encoding": "chunked"} if length is None else {"Content-Length": str(length)}
    return RequestPreview(
        method=method,
        url=url,
        headers=Headers({**shown, "Content-Type": form.content_type, **sized}),
        parts=parts,
        content_length=length,
        curl=curl,
        remarks=tuple(remarks),
    )


def _part(name: str, content: str | Prepared) -> PreviewPart:
    if isinstance(content, str):
        return PreviewPart(name=name, value=content, size=len(content.encode()))
    attachment = content.attachment
    return PreviewPart(
        name=name,
        filename=attachment.name,
        content_type=attachment.content_type,
        path=Path(attachment.source).absolute() if isinstance(attachment.source, str) else None,
        size=content.content.size,
    )


def _arguments(
    headers: Mapping[str, str], parts: tuple[PreviewPart, ...], remarks: list[str]
) -> Iterator[str]:
    """The arguments of curl, which has its own for what follows from the form."""
    for name, value in headers.items():
        if name != "Authorization":
            if value == _HIDDEN:
                remarks.append(f"{_HIDDEN} stands for the value of {name}")
            yield f"--header {shlex.quote(f'{name}: {value}')}"
    for part in parts:
        yield _text(part, part.value, remarks) if part.value is not None else _file(part, remarks)


def _text(part: PreviewPart, value: str, remarks: list[str]) -> str:
    if "\0" not in value and len(value.encode()) <= _LONGEST:
        return f"--form-string {shlex.quote(f'{part.name}={value}')}"
    place = f"/path/to/{part.name}"
    remarks.append(f"{place} stands for a file that holds the {part.name}")
    return f"--form {shlex.quote(f'{part.name}=<{place}')}"


def _file(part: PreviewPart, remarks: list[str]) -> str:
    place = str(part.path)
    if part.path is None or not is_encodable(place):
        place = f"/path/to/{part.filename}"
        remarks.append(f"{place} stands for a file that holds what is sent as {part.filename}")
    kind = part.content_type or ""
    told = f"type={kind}"
    if not _PLAIN_TYPE.fullmatch(kind):
        told = f"headers={_in_quotes(f'Content-Type: {kind}')}"
    sent = f"{part.name}=@{_in_quotes(place)};filename={_in_quotes(part.filename or '')};{told}"
    return f"--form {shlex.quote(sent)}"


def _in_quotes(text: str) -> str:
    """A text as curl reads it in a form, where commas and semicolons would end it."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
