"""What a request's body and its query hold, as PHP and Laravel see it.

Whatever PHP would not find is not found here either: a file under another name than the one it is
looked for, the 21st file, a file that has only a ``filename*``. The client is told nothing of it.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from functools import partial
from typing import Any, Final
from urllib.parse import parse_qsl

from aiohttp import BodyPartReader, MultipartReader, hdrs, web
from aiohttp.http import HttpProcessingError
from attrs import frozen
from multidict import CIMultiDictProxy

from .files import ReceivedFile, Uploads

__all__ = ["PAUSE", "Pause", "Upload", "chosen", "read_form", "read_query"]

_MAX_FILES = 20  # PHP's max_file_uploads
_CHUNK = 1 << 18  # also what aiohttp buffers; with 64 KiB an upload takes twice the time
_FORM_DATA = "multipart/form-data"

# ``key=value`` as PHP reads it: both kinds of quotes, and a backslash before a quote.
_PARAMETER = re.compile(
    r"""(?P<key>[^\s;=][^;=]*)=\s*
        (?:"(?P<double>(?:\\"|[^"])*)|'(?P<single>(?:\\'|[^'])*)|(?P<bare>[^\s;]*))""",
    re.VERBOSE,
)

_BRACKETED = re.compile(r"\[([^][]+)\]")

# What Laravel's TrimStrings takes away: NUL, Unicode's white space, invisible marks.
_BLANKS = (
    "\0\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u200b\u200e\u2028\u2029\u202f\u205f\u3000\ufeff"
)


@frozen
class Upload:
    """A file that came with a form.

    Args:
        name: Its name, without a path.
        mime_type: What the part says of it, at times nothing.
        file: The file on disk, None if the body ended within it.
    """

    name: str
    mime_type: str
    file: ReceivedFile | None


class Pause:
    """A wait between the reading of a form and anything being made of it.

    Args:
        seconds: How long it is.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.begun = asyncio.Event()

    async def take(self) -> None:
        """Begin it, and wait for its end."""
        self.begun.set()
        await asyncio.sleep(self._seconds)


PAUSE: Final = web.RequestKey("pause", Pause)  # in a request that is to take one


async def read_form(request: web.Request, uploads: Uploads | None = None) -> dict[str, Any]:
    """The fields of a request: texts, uploads, None for blank ones, lists of these.

    A JSON body may hold anything. A body of which the parser makes no sense gives the fields up to
    there.

    Args:
        request: The request.
        uploads: Takes the files. Without it a multipart body, which may hold some, has no fields.

    Raises:
        ConnectionError: The client went away before the body was complete.
        aiohttp.web.RequestPayloadError: The body is not framed as HTTP wants it.
    """
    fields: dict[str, Any] = {}
    if request.content_type == _FORM_DATA and uploads is not None:
        fields = await _read_multipart(request, uploads)
    elif request.content_type == "application/x-www-form-urlencoded":
        text = (await request.read()).decode(errors="replace")
        for name, value in parse_qsl(text, keep_blank_values=True, errors="replace"):
            _put(fields, name, value)
    elif request.content_type.endswith(("/json", "+json")):
        fields = _json_object(await request.read())
    # PHP is not started before the body is complete, so whatever is left has to come.
    await request.release()
    if PAUSE in request:
        await request[PAUSE].take()
    return {name: _clean(value) for name, value in fields.items()}


def read_query(request: web.Request) -> dict[str, Any]:
    """The fields of a query, ``filter[name]`` as ``filter.name``."""
    fields: dict[str, Any] = {}
    for name, value in request.query.items():
        _put(fields, _BRACKETED.sub(r".\1", name), value)
    return {name: _clean(value) for name, value in fields.items()}


def chosen(texts: str | None, default: str) -> frozenset[str]:
    """The texts that are given in one, separated by commas.

    Args:
        texts: The one, or None.
        default: What is taken instead of None.
    """
    return frozenset(text.strip() for text in (default if texts is None else texts).split(","))


async def _read_multipart(request: web.Request, uploads: Uploads) -> dict[str, Any]:
    texts: dict[str, Any] = {}
    files: dict[str, Any] = {}
    allowed = _MAX_FILES
    try:
        reader = _Reader(request)
        while isinstance(part := await reader.next(), BodyPartReader):
            disposition = _disposition(part)
            name = disposition.get("name")
            filename = disposition.get("filename")
            if not name:
                continue
            if filename is None:
                _put(texts, name, await _read_text(part))
            elif filename and allowed:
                allowed -= 1
                await _read_file(part, filename, uploads, into=partial(_put, files, name))
    except (ValueError, RuntimeError, HttpProcessingError):
        pass  # PHP uses what it understood up to here
    return _merged(texts, files)


class _Reader(MultipartReader):
    """aiohttp's reader, without what it does beyond PHP.

    Told that it reads ``multipart/mixed``, it leaves a part called ``_charset_`` alone and does not
    look into dispositions, many of which it would warn of.
    """

    def __init__(self, request: web.Request) -> None:
        parameters = request.headers[hdrs.CONTENT_TYPE][len(_FORM_DATA) :]
        super().__init__({hdrs.CONTENT_TYPE: f"multipart/mixed{parameters}"}, request.content)

    def _get_part_reader(self, headers: CIMultiDictProxy[str]) -> BodyPartReader:
        # A file may well be multipart by its type, a saved message say, and is a file all the same;
        # a Content-Length of a part means nothing.
        return BodyPartReader(self._boundary, headers, self._content, subtype="form-data")


def _disposition(part: BodyPartReader) -> dict[str, str]:
    """The parameters of a part, without ``filename*`` and the like: to PHP that is another name."""
    header = part.headers.get(hdrs.CONTENT_DISPOSITION, "")
    header = header.encode(errors="surrogateescape").decode(errors="replace")
    return {match["key"].lower(): _value(match) for match in _PARAMETER.finditer(header)}


def _value(match: re.Match[str]) -> str:
    if match["double"] is not None:
        return re.sub(r'\\([\\"])', r"\1", match["double"])
    if match["single"] is not None:
        return re.sub(r"\\([\\'])", r"\1", match["single"])
    return match["bare"].replace("\\\\", "\\")


async def _read_text(part: BodyPartReader) -> str:
    text = bytearray()
    while chunk := await part.read_chunk(_CHUNK):
        text += chunk
    return text.decode(errors="replace")


async def _read_file(
    part: BodyPartReader, filename: str, uploads: Uploads, *, into: Callable[[Upload], None]
) -> None:
    name = re.split(r"[/\\]", filename)[-1]
    mime_type = part.headers.get(hdrs.CONTENT_TYPE, "").partition(";")[0].strip()
    file = None
    try:
        file = await uploads.receive(partial(_read_chunk, part))
    finally:
        into(Upload(name, mime_type, file))


async def _read_chunk(part: BodyPartReader) -> bytes:
    chunk = await part.read_chunk(_CHUNK)
    if not chunk and not part.at_eof():
        raise ValueError("the body ends within a file")
    return chunk


def _put(fields: dict[str, Any], name: str, value: object) -> None:
    """Add a field: the last of a name wins, unless brackets collect them all."""
    if not name.endswith("[]"):
        fields[name] = value
        return
    entries = fields.get(name[:-2])
    if isinstance(entries, list):
        entries.append(value)
    else:
        fields[name[:-2]] = [value]


def _merged(texts: dict[str, Any], files: dict[str, Any]) -> dict[str, Any]:
    """Laravel's view of both: a file replaces the text of its name, or of its place in an array."""
    merged = texts | files
    for name in texts.keys() & files.keys():
        if isinstance(texts[name], list) and isinstance(files[name], list):
            merged[name] = files[name] + texts[name][len(files[name]) :]
    return merged


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _clean(value: Any) -> Any:
    """What Laravel's TrimStrings and ConvertEmptyStringsToNull make of a value."""
    if isinstance(value, str):
        return value.strip(_BLANKS) or None
    if isinstance(value, list):
        return [_clean(entry) for entry in value]
    return value
