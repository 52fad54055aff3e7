"""Whether the files of an answer are those that were sent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from ...attachments.prepare import Prepared
from .models import AttachmentMismatch, TicketAttachment, TicketMessage

__all__ = ["mismatches"]


def mismatches(
    sent: Sequence[Prepared], message: TicketMessage | None
) -> tuple[AttachmentMismatch, ...] | None:
    """Compare what was sent with what its message holds: count, order, sizes."""
    received = None if message is None else message.attachments
    if received is None:
        return None
    if len(sent) != len(received):
        return tuple(_unpaired(sent, received))
    names = [file.attachment.name for file in sent]
    told = [file.name for file in received]
    reordered = names != told and Counter(names) == Counter(told)
    found = []
    for ours, theirs in zip(sent, received, strict=True):
        if reordered and ours.attachment.name != theirs.name:
            found.append(_mismatch("order", ours, theirs))
        elif theirs.size not in (None, ours.size):
            found.append(_mismatch("size", ours, theirs))
    return tuple(found)


def _unpaired(
    sent: Sequence[Prepared], received: Sequence[TicketAttachment]
) -> Iterator[AttachmentMismatch]:
    """What has no partner of the same name on the other side."""
    left = [*received]
    for ours in sent:
        partner = next((file for file in left if file.name == ours.attachment.name), None)
        if partner is None:
            yield _mismatch("missing", ours, None)
        else:
            left.remove(partner)
    for theirs in left:
        yield _mismatch("unexpected", None, theirs)


def _mismatch(
    reason: str, ours: Prepared | None, theirs: TicketAttachment | None
) -> AttachmentMismatch:
    return AttachmentMismatch(
        reason=reason,
        sent_name=None if ours is None else ours.attachment.name,
        sent_size=None if ours is None else ours.size,
        received=theirs,
    )
