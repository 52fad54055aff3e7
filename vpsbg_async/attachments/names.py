"""File names and MIME types as they are sent."""

from __future__ import annotations

import mimetypes
import os
import re
import unicodedata
from functools import cache

__all__ = ["guess_type", "is_content_type", "safe_name"]

_MAX = 255  # bytes of UTF-8
_FALLBACK = "attachment.bin"
# Among them what turns the direction of writing, so that a name shows another suffix than it has.
_REPLACED = re.compile(r'[\x00-\x1f\x7f-\x9f":*?<>|\u202a-\u202e\u2066-\u2069\ud800-\udfff]')

_CONTENT_TYPE_MAX = (
    255  # characters: PHP cuts a header line after 5120, and what follows is content
)
_CONTENT_TYPE = re.compile(r"[!-.0-~]+/[!-.0-~][ -~]*")
_UNKNOWN = "application/octet-stream"
_COMPRESSED = {"gzip": "application/gzip", "bzip2": "application/x-bzip2", "xz": "application/x-xz"}


def safe_name(name: str) -> str:
    r"""The file name that is sent for ``name``.

    PHP takes names apart at quotes, slashes and line ends, and a bot's users choose them. So:
    composed form (NFC), without folders; control characters, those that turn the direction of
    writing, and ``" \ / : * ? < > |`` become ``_``; no dots or spaces at the end; at most 255
    bytes of UTF-8, keeping the suffix; never empty.
    """
    name = unicodedata.normalize("NFC", name)
    name = name[1 + max(name.rfind("/"), name.rfind("\\")) :]
    name = _REPLACED.sub("_", name).rstrip(". ")
    if len(name.encode()) > _MAX:
        stem, suffix = os.path.splitext(name)  # noqa: PTH122 - a name, not a path
        if len(suffix.encode()) >= _MAX:
            stem, suffix = name, ""
        stem = stem.encode()[: _MAX - len(suffix.encode())].decode(errors="ignore")
        name = (stem + suffix).rstrip(". ")
    return name or _FALLBACK


def guess_type(name: str) -> str:
    """The MIME type that a file name suggests."""
    content_type, encoding = _types().guess_type(name, strict=False)
    if encoding is not None:
        return _COMPRESSED.get(encoding, _UNKNOWN)
    return content_type or _UNKNOWN


@cache
def _types() -> mimetypes.MimeTypes:
    """The built-in table only, the same on every machine; made late, as that takes its time."""
    types = mimetypes.MimeTypes()
    types.add_type("text/plain", ".log")
    types.add_type("text/markdown", ".md")
    return types


def is_content_type(text: str) -> bool:
    """Whether the text may stand in a ``Content-Type`` header."""
    return len(text) <= _CONTENT_TYPE_MAX and _CONTENT_TYPE.fullmatch(text) is not None
