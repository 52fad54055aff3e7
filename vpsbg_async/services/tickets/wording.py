"""Whether a ticket that the API tells of says what was written, by whatever way it went.

Two questions are asked of a text, because both wrong answers do harm. To *match* it must read the
same, or another ticket would be taken for the one that is looked for. To *resemble* it is enough
that its letters and digits are the same, as far as they were kept: what resembles and does not
match may be the ticket in a form that nobody has thought of, so that its absence is not proved.
"""

from __future__ import annotations

import html
import re
import unicodedata

import attrs

from .drafts import TicketDraft, marked

__all__ = ["Wording"]

_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_TAG = re.compile(r"</?[A-Za-z][^<>]*>")
# What cleaners of HTML take away beside tags: scripts and styles, and from a stray < to the end.
_CLEANED = re.compile(
    r"<(script|style)\b.*?(?:</\1|\Z)|<\S[^>]*(?:>|\Z)", re.DOTALL | re.IGNORECASE
)
_BEYOND = re.compile("[\U00010000-\U0010ffff]+")  # what MySQL's utf8 cannot keep
_OTHER = re.compile("[\\W_\U00010000-\U0010ffff]+")
_REFERENCE = re.compile(r"\[ref [A-Za-z0-9._-]{4,64}\]")

_CUT = 100  # letters and digits, from which on a text may have been cut by whoever keeps it
_ESCAPED = 3  # times that a text may have been escaped


@attrs.frozen
class Wording:
    """The words of a ticket, or of a reply.

    Attributes:
        subject: Its subject; empty for a reply, which has none.
        message: Its message, as it was written.
        marker: The reference below the message, None if there is none.
    """

    subject: str
    message: str
    marker: str | None = None

    @classmethod
    def of(cls, draft: TicketDraft) -> Wording:
        """The words of a ticket that is to be created."""
        return cls(draft.subject, draft.message, draft.reference_marker)

    @property
    def told(self) -> str:
        """The message with its reference, as it is sent."""
        return marked(self.message, self.marker)

    def matches(self, subject: str, message: str) -> bool:
        """Whether these words read the same; with a marker, whether they bear it."""
        if self.marker is not None:
            return marked("", self.marker).strip() in _plain(message)
        return _same(self.subject, subject) and _same(self.message, message)

    def has_subject(self, subject: str) -> bool:
        """Whether the subject reads the same."""
        return _same(self.subject, subject)

    def resembles(self, subject: str, message: str | None) -> bool:
        """Whether these words may be the same, in a form that `matches` does not know.

        A marker is unmistakable: without it nothing resembles but a message that may have lost it
        with its end.
        """
        if self.marker is not None:
            return message is not None and self._may_have_been(message)
        is_alike = message is not None and _alike(self.message, message)
        return is_alike or (bool(self.subject) and _alike(self.subject, subject))

    def _may_have_been(self, message: str) -> bool:
        """Whether a message without the marker is the beginning of this one, and bears no other."""
        ours, theirs = (set(_REFERENCE.findall(_plain(text))) for text in (self.told, message))
        return theirs <= ours and _alike(self.told, message, is_cut=True)


def _same(written: str, told: str) -> bool:
    if written == told:
        return True
    plain = _plain(written)
    return bool(plain) and plain == _plain(told)


def _plain(text: str) -> str:
    """A text as it reads: no tags, entities decoded, white space of every kind as one space."""
    return " ".join(html.unescape(_untagged(text)).replace("\ufeff", " ").split())


def _untagged(text: str) -> str:
    end = text.rfind("-->") + 3  # or each comment without one would be searched to the end
    return _TAG.sub("", _COMMENT.sub("", text[:end]) + text[end:])


def _alike(written: str, told: str, *, is_cut: bool = False) -> bool:
    mine, theirs = _readings(written) | _remains(written), _readings(told)
    if "" in theirs or not theirs.isdisjoint(mine):  # question marks are what encodings leave
        return True
    is_cut = is_cut or told.rstrip().endswith(("...", "…"))
    cut = tuple(read for read in theirs if is_cut or len(read) >= _CUT)
    return any(read.startswith(cut) for read in mine)


def _readings(text: str) -> set[str]:
    """The letters of a text, in all the ways of taking text for HTML and HTML for text."""
    decoded = _decoded(text)
    without_tags = _decoded(_untagged(text)), _decoded(_CLEANED.sub("", text))
    ways = {text, decoded, _untagged(decoded), *without_tags}
    return set(map(_letters, ways))


def _remains(text: str) -> set[str]:
    """The same of what is left where characters get lost, or all that follows one of them."""
    if text.isascii():
        return set()
    kept = {_BEYOND.sub("", text), _BEYOND.split(text, maxsplit=1)[0]}
    kept |= {text.encode(code, "ignore").decode(code) for code in ("ascii", "latin-1")}
    return set().union(*map(_readings, kept))


def _decoded(text: str) -> str:
    for _ in range(_ESCAPED):
        text = html.unescape(text)
    return text


def _letters(text: str) -> str:
    """What no database, mail program or editor takes away: letters and digits of common scripts."""
    return _OTHER.sub("", unicodedata.normalize("NFKC", text).casefold())
