"""Whether a ticket that the API tells of says what was written, by whatever way it went.

Two questions are asked of a text, because both wrong answers do harm. To *match* it must read the
same, or another ticket would be taken for the one that is looked for. To *resemble* it is enough
that its letters and digits are the same: what resembles and does not match may be the ticket in a
form that nobody has thought of, so that its absence is not proved.
"""

from __future__ import annotations

import html
import re
import unicodedata

import attrs

from .drafts import marked

__all__ = ["Wording"]

_TAG = re.compile(r"<!--.*?-->|</?[A-Za-z][^<>]*>", re.DOTALL)
_CUT = 100  # letters and digits, from which on a text may have been cut by whoever keeps it


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

        A marker is unmistakable: without it, nothing resembles.
        """
        if self.marker is not None:
            return False
        is_alike = message is not None and _alike(self.message, message)
        return is_alike or (bool(self.subject) and _alike(self.subject, subject))


def _same(written: str, told: str) -> bool:
    if written == told:
        return True
    plain = _plain(written)
    return bool(plain) and plain == _plain(told)


def _plain(text: str) -> str:
    """A text as it reads: no tags, entities decoded, white space of every kind as one space."""
    return " ".join(html.unescape(_TAG.sub("", text)).replace("\ufeff", " ").split())


def _alike(written: str, told: str) -> bool:
    mine, theirs = _letters(written), _letters(told)
    if mine == theirs or not theirs:  # nothing but question marks is what encodings leave behind
        return True
    is_cut = len(theirs) >= _CUT or told.rstrip().endswith(("...", "…"))
    return is_cut and mine.startswith(theirs)


def _letters(text: str) -> str:
    """What no database, mail program or editor takes away: letters and digits of common scripts."""
    plain = unicodedata.normalize("NFKC", _plain(text)).casefold()
    return "".join(char for char in plain if char.isalnum() and char <= "\uffff")
