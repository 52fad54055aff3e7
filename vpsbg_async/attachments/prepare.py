"""From attachments to what one call sends: looked at before, checked during."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing

import attrs

from ..errors import AttachmentError, InvalidInputError
from . import Attachment, AttachmentLike, Limits
from .contents import USED, Content, ContentError, Once
from .files import look_at

__all__ = ["Prepared", "Problems", "prepare", "recognise"]

Problems = dict[str, tuple[str, ...]]
"""What is wrong with a call, by argument."""


@attrs.define
class Prepared:
    """An attachment in one call, its length fixed.

    Attributes:
        attachment: The attachment.
        content: What it consists of.
        sent: How many bytes the last pass gave out, None before there was one.
    """

    attachment: Attachment
    content: Content
    sent: int | None = None

    @property
    def size(self) -> int | None:
        """Length in bytes: what is known of it, else what the last pass gave out."""
        return self.sent if self.content.size is None else self.content.size

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """One pass over the bytes.

        Raises:
            AttachmentError: The content could not be read, or is not of its size.
        """
        sent = self.sent = 0
        try:
            async with aclosing(self.content.stream()) as stream:
                async for chunk in stream:
                    sent += len(chunk)
                    self._check_size(sent, ended=False)
                    self.sent = sent
                    yield chunk
            self._check_size(sent, ended=True)
        except ContentError as error:
            raise AttachmentError(str(error), attachment=self.attachment) from error
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            raise self._failed("was cancelled by its source") from error
        except Exception as error:
            # Not the error's own text: that of a bot's download holds the bot's token.
            reason = getattr(error, "strerror", None) or type(error).__name__
            raise self._failed(f"could not be read ({reason})") from error

    def _check_size(self, sent: int, *, ended: bool) -> None:
        size = self.content.size
        if size is None:
            return
        if sent > size:
            raise ContentError(f"gave more than its size of {size} bytes")
        if ended and sent < size:
            raise ContentError(f"ended after {sent} of its {size} bytes")

    def _failed(self, text: str) -> AttachmentError:
        """The error for a source that may do better another time."""
        return AttachmentError(text, attachment=self.attachment, permanent=False)


async def prepare(
    attachments: Sequence[AttachmentLike], limits: Limits
) -> tuple[list[Prepared], Problems]:
    """Look at all files of one call before its first byte leaves.

    Args:
        attachments: What is to be sent.
        limits: What may be sent.

    Returns:
        The attachments, ready to be sent if there is no problem, and the problems.
    """
    known, problems = recognise(attachments)
    paths = [item.source for item in known.values() if isinstance(item.source, str)]
    files = iter(await look_at(paths))
    ready: list[Prepared] = []
    once: set[Content] = set()
    for argument, item in known.items():
        content = next(files) if isinstance(item.source, str) else item.source
        if isinstance(content, str):
            problems[argument] = (content,)
        elif isinstance(content, Once) and (content.used or content in once):
            problems[argument] = (USED,)
        elif not item.name:
            problems[argument] = ("has no name",)
        else:
            ready.append(Prepared(item, content))
            once.add(content)
    count = 0 if "attachments" in problems else len(attachments)
    if too_much := _too_much(ready, count, limits):
        problems["attachments"] = too_much
    return ready, problems


def recognise(
    attachments: Sequence[AttachmentLike],
) -> tuple[Mapping[str, Attachment], Problems]:
    """The attachments of a call by argument, without a look at any file; and what can be none."""
    if not isinstance(attachments, Sequence) or isinstance(attachments, str | bytes):
        return {}, {"attachments": ("must be a list of attachments",)}
    problems: Problems = {}
    known = {}
    for index, item in enumerate(attachments):
        argument = f"attachments.{index}"
        try:
            known[argument] = item if isinstance(item, Attachment) else Attachment.from_path(item)
        except InvalidInputError as error:
            problems[argument] = tuple(f"{name} {text}" for name, (text,) in error.errors.items())
        except Exception as error:  # noqa: BLE001 - a path can be of any class, and raise anything
            problems[argument] = (f"could not be looked at ({type(error).__name__})",)
    return known, problems


def _too_much(ready: Sequence[Prepared], count: int, limits: Limits) -> tuple[str, ...]:
    texts = []
    if count > limits.max_files:
        texts.append(f"{count} files are more than {limits.max_files}")
    sizes = [item.size or 0 for item in ready]
    if limits.max_file_size is not None:
        texts += [
            f"{item.attachment.name}: {size} bytes are more than {limits.max_file_size}"
            for item, size in zip(ready, sizes, strict=True)
            if size > limits.max_file_size
        ]
    total = sum(sizes)
    if limits.max_total_size is not None and total > limits.max_total_size:
        texts.append(f"{total} bytes together are more than {limits.max_total_size}")
    return tuple(texts)
