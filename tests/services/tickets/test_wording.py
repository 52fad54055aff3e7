"""When a text that the API tells of is the one that was written, and when it may be."""

from __future__ import annotations

import html
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vpsbg_async.services.tickets.wording import Wording

quick = settings(max_examples=200, deadline=None, database=None, derandomize=True)

FANCY = "\U0001d41d\U0001d428\U0001d430\U0001d427"  # "down" in letters of mathematics
LONG = " ".join(f"word{number}" for number in range(40))  # more than 100 letters


def same(written: str, told: str) -> bool:
    """Whether a message reads the same; the subject tells nothing."""
    return Wording("", written).matches("", told)


def alike(written: str, told: str) -> bool:
    """Whether a message may be the same; the subject tells nothing."""
    return Wording("", written).resembles("", told)


SAME = {
    "as it was written": ("It is down.", "It is down."),
    "trimmed": ("  It is down. \n", "It is down."),
    "line breaks of the other kind": ("It is\r\ndown.", "It is\ndown."),
    "line breaks lost": ("It is\r\n\r\ndown.", "It is down."),
    "white space made one": ("It \t is\n down.", "It is down."),
    "a space that does not break": ("It\xa0is down.", "It is down."),
    "a space as an entity": ("It is down.", "It&nbsp;is down."),
    "a byte order mark": ("\ufeffIt is down.", "It is down."),
    "tags lost": ("<p>It <b class='x'>is</b> down.</p>", "It is down."),
    "tags added": ("It is down.", "<p>It is <a href='#'>down</a>.</p>"),
    "a break as a tag": ("It is <br/>down.", "It is <br>down."),
    "entities decoded": ("Tom &amp; Jerry &#8212; &quot;x&quot;", 'Tom & Jerry — "x"'),
    "entities made": ("5 < 6 & \"7\" > '8'", "5 &lt; 6 &amp; &quot;7&quot; &gt; &#039;8&#039;"),
    "a comment lost": ("It is<!-- a <b>\n note --> down.", "It is down."),
    "an open comment": ("It is <!-- down.", "It is &lt;!-- down."),
    "a comparison, which is no tag": ("load < 5 and > 3", "load &lt; 5 and &gt; 3"),
    "Cyrillic": ("<p>Сървърът не отговаря</p>", "Сървърът не отговаря"),
    "emoji": ("🔥🔥 🔥", "🔥🔥\n🔥"),
    "nothing but a tag": ("<br>", "<br>"),
    "nothing but white space": ("   ", "   "),
}

DIFFERENT = {
    "a letter": ("It is down.", "It is dawn."),
    "a case": ("It is down.", "it is down."),
    "a mark": ("It is down.", "It is down!"),
    "a number": ("Server 1", "Server 2"),
    "an accent": ("Café", "Cafe"),
    "another alphabet": ("CAP", "\u0421\u0410\u0420"),
    "more of it": ("It is down.", "It is down. Again."),
    "less of it": ("It is down. Again.", "It is down."),
    "words run together": ("It is down.", "Itis down."),
    "the order": ("one two", "two one"),
    "nothing": ("It is down.", ""),
    "nothing but tags": ("<br>", "<hr>"),
    "nothing but white space": ("     ", "\n\n\n\n\n"),
    "another emoji": ("🔥🔥🔥", "❄❄❄"),
    "lost emoji": ("🔥🔥🔥", "???"),
}


class TestMatches:
    @pytest.mark.parametrize(("written", "told"), SAME.values(), ids=SAME)
    def test_what_reads_the_same(self, written: str, told: str) -> None:
        assert same(written, told)
        assert same(told, written)

    @pytest.mark.parametrize(("written", "told"), DIFFERENT.values(), ids=DIFFERENT)
    def test_what_does_not(self, written: str, told: str) -> None:
        assert not same(written, told)
        assert not same(told, written)

    def test_subject_and_message_both_have_to(self) -> None:
        wording = Wording("Down &amp; out", "<p>It is down.</p>")
        assert wording.matches(" Down & out ", "It is down.")
        assert not wording.matches("Down & up", "It is down.")
        assert not wording.matches("Down & out", "It is up.")
        assert not wording.matches("It is down.", "Down & out")

    def test_a_reply_has_no_subject(self) -> None:
        assert Wording("", "Any news?").matches("", "Any news?")

    def test_the_subject_by_itself(self) -> None:
        wording = Wording("Down <b>again</b>", "It is down.")
        assert wording.has_subject("Down again")
        assert not wording.has_subject("Down")
        assert not wording.has_subject("")


LETTERS = st.text(st.characters(categories=["L", "N"]), min_size=1)
WORDS = st.lists(LETTERS, min_size=1, max_size=8).map(" ".join)
SPACES = st.sampled_from([" ", "  ", "\n", "\r\n", "\t", "\xa0", " \r\n ", "\ufeff ", "&nbsp;"])
TAGS = st.sampled_from(["<b>", "</b>", "<br/>", "<p class='x'>", "</p>", "<!-- note -->", ""])


@st.composite
def texts_in_other_clothes(draw: st.DrawFn) -> tuple[str, str]:
    """A text, and the same with tags, white space of other kinds, and entities."""
    words = draw(st.lists(LETTERS, min_size=1, max_size=8))
    dressed = draw(TAGS)
    for index, word in enumerate(words):
        dressed += draw(SPACES) if index or draw(st.booleans()) else ""
        dressed += draw(TAGS) + word + draw(TAGS)
    if draw(st.booleans()):
        dressed = dressed.encode("ascii", "xmlcharrefreplace").decode()
    return " ".join(words), dressed + draw(SPACES)


class TestAnyText:
    @quick
    @given(texts_in_other_clothes())
    def test_matches_itself_in_other_clothes(self, texts: tuple[str, str]) -> None:
        text, dressed = texts
        assert same(text, dressed)
        assert same(dressed, text)
        assert alike(text, dressed)

    @quick
    @given(WORDS, st.data())
    def test_does_not_match_one_that_differs_in_a_letter(
        self, text: str, data: st.DataObject
    ) -> None:
        places = [index for index, char in enumerate(text) if char != " "]
        place = data.draw(st.sampled_from(places))
        letter = data.draw(LETTERS.filter(lambda other: other[0] != text[place]))[0]
        other = text[:place] + letter + text[place + 1 :]
        assert not same(text, other)
        assert not same(f"<p>{text}</p>", f"{other}\r\n")

    @quick
    @given(st.text(max_size=60), st.text(max_size=60))
    def test_matches_both_ways_or_neither(self, one: str, other: str) -> None:
        assert same(one, one)
        assert same(one, other) == same(other, one)

    @quick
    @given(st.text(alphabet="ab <>&;!-/\"'\n#x1ampltgtя🔥", min_size=1, max_size=60))
    def test_resembles_itself_in_whatever_way_its_html_is_taken(self, text: str) -> None:
        for told in (
            text,
            html.escape(text),
            html.escape(html.escape(text)),
            html.unescape(text),
            html.unescape(html.unescape(text)),
            f"<p>{html.escape(text)}</p>",
            "".join(char for char in text if char <= "\uffff"),
            text.encode("ascii", "replace").decode(),
            text.encode("latin-1", "replace").decode("latin-1"),
        ):
            assert same(text, told) or alike(text, told), told

    @pytest.mark.parametrize("piece", ["<!--", "<a ", "<script>", "&", "<", "&amp;", "-->", "🔥<"])
    def test_is_compared_in_no_time(self, piece: str) -> None:
        """Seconds of the processor: a search that begins anew at each piece takes a minute."""
        text = piece * 50_000
        started = time.process_time()
        assert not same(text, f"{text}x")
        alike(text, "x")
        assert time.process_time() - started < 5.0


MARKED = Wording("Down", "It is down.", "abcd-1")


class TestMarker:
    def test_is_told_below_the_message(self) -> None:
        assert MARKED.told == "It is down.\n\n[ref abcd-1]"
        assert Wording("Down", "It is down.").told == "It is down."

    @pytest.mark.parametrize(
        "told",
        [
            "It is down.\n\n[ref abcd-1]",
            "It is down. [ref abcd-1]",
            "<p>It is down.</p>\r\n<p>[ref&nbsp;abcd-1]</p> -- sent by the API",
            "[ref abcd-1]",
            "??? [ref abcd-1]",
        ],
    )
    def test_alone_decides(self, told: str) -> None:
        assert MARKED.matches("Down", told)
        assert MARKED.matches("another subject", told)

    @pytest.mark.parametrize(
        "told",
        [
            "It is down.",
            "It is down.\n\n[ref abcd-2]",
            "It is down.\n\n[ref abcd-12]",
            "It is down.\n\n[ref abcd-]",
            "It is down.\n\n[ref 0abcd-1]",
            "It is down.\n\n[ref ABCD-1]",
            "It is down.\n\nref abcd-1",
            "It is down.\n\nabcd-1",
            "It is down.\n\n[ref abcd-1",
            "",
        ],
    )
    def test_without_it_nothing_matches(self, told: str) -> None:
        assert not MARKED.matches("Down", told)

    def test_dots_are_dots(self) -> None:
        assert not Wording("Down", "It is down.", "a.b.c").matches(
            "Down", "It is down. [ref aXbXc]"
        )

    def test_a_marker_that_is_the_beginning_of_another(self) -> None:
        short, long = (Wording("Down", "It is down.", marker) for marker in ("abcd", "abcdef"))
        assert not short.matches("Down", long.told)
        assert not long.matches("Down", short.told)
        assert not short.resembles("Down", long.told)
        assert not long.resembles("Down", short.told)

    def test_the_same_words_with_another_marker_do_not_resemble(self) -> None:
        assert not MARKED.resembles("Down", "It is down.\n\n[ref abcd-2]")
        assert not MARKED.resembles("Down", "<p>It is down.</p><p>[ref abcd-2]</p> sent by the API")

    def test_other_words_do_not_resemble(self) -> None:
        assert not MARKED.resembles("Down", "It is up.")
        assert not MARKED.resembles("Down", "It is down. Or is it?")
        assert not MARKED.resembles("Down", None)

    @pytest.mark.parametrize("told", ["It is down.", "It is...", "It is down. [ref abc", "It", ""])
    def test_a_text_that_was_cut_off_before_it_resembles(self, told: str) -> None:
        """The end of a long message is lost first, and the marker with it."""
        assert MARKED.resembles("Down", told)

    def test_one_that_is_quoted_in_the_message_is_none_of_another(self) -> None:
        wording = Wording("Down", "As in [ref wxyz], it is down.", "abcd")
        assert wording.resembles("Down", "As in [ref wxyz], it is...")
        assert not wording.resembles("Down", "As in [ref wxyz], it is down. [ref other]")


ALIKE = {
    "punctuation lost": ("It's down - again!", "Its down again"),
    "typographic quotes": ('"It\'s" -- down...', "“It\u2019s” — down…"),
    "words run together": ("<p>One</p><p>two</p>", "One two"),
    "another case": ("It is DOWN", "it is down"),
    "other forms of the same letters": ("\ufb01le \u2460 e\u0301", "file 1 \xe9"),
    "lost emoji": ("It is 🔥 down", "It is  down"),
    "emoji as question marks": ("It is 🔥 down", "It is ???? down"),
    "cut off at an emoji": ("It is 🔥 down", "It is "),
    "lost fancy letters": (f"It is {FANCY} again", "It is ???? again"),
    "fancy letters made plain": (f"It is {FANCY}", "It is down"),
    "nothing but question marks": ("Сървърът не отговаря", "???????? ?? ????????"),
    "in a tag, nothing but question marks": ("Сървърът", "<p>????????</p>"),
    "Cyrillic as question marks": ("Server 5 не работи", "Server 5 ?? ??????"),
    "Cyrillic as question marks beside Latin": ("Café 5 не работи", "Café 5 ?? ??????"),
    "nothing at all": ("It is down.", ""),
    "nothing but emoji": ("🔥🔥🔥🔥🔥", "?????"),
    "cut with dots": ("It is down since this morning.", "It is down sin..."),
    "cut with an ellipsis": ("It is down since this morning.", "It is down sin… "),
    "Cyrillic lost, and cut": ("Server 5 не работи от 8:00", "Server 5 ?? ?????? ?? 8..."),
    "cut within an entity": ("Tom &amp; Jerry are down", "Tom &am..."),
    "cut within a tag": ("It <b class='x'>is</b> down", "It <b cla..."),
    "cut when it is long": (LONG, LONG[:150]),
    "escaped twice": ("5 < 6 & 7", "5 &amp;lt; 6 &amp;amp; 7"),
    "a tag as text": ("in <module>", "in &lt;module&gt;"),
    "text as a tag": ("use &lt;b&gt; here", "use <b> here"),
    "what looks like a tag, lost": ("use &lt;b&gt; here", "use  here"),
    "cut off by PHP at what looks like a tag": ("the load <5 and rising", "the load "),
    "styles lost": ("<style>p {color: red}</style><p>It is down</p>", "It is down"),
    "scripts lost": ("<script>x()</script>It is <b>down</b>", "It is down"),
}

UNLIKE = {
    "a letter": ("It is down", "It is dawn"),
    "a digit": ("Server 1", "Server 2"),
    "more of it": ("Server 1", "Server 12"),
    "less of it": ("Server 12", "Server 1"),
    "the beginning, not cut": ("It is down since this morning.", "It is down"),
    "another beginning, cut": ("It is down since this morning.", "It was down..."),
    "another long text": (LONG, LONG.replace("word1 ", "word0 ")[:150]),
    "another emoji text": ("🔥🔥🔥🔥🔥", "It is down"),
    "another text beside question marks": ("Server 5 не работи", "Server 6 ?? ??????"),
}


class TestResembles:
    @pytest.mark.parametrize(("written", "told"), ALIKE.values(), ids=ALIKE)
    def test_whose_letters_and_digits_are_the_same(self, written: str, told: str) -> None:
        assert alike(written, told)

    @pytest.mark.parametrize(("written", "told"), UNLIKE.values(), ids=UNLIKE)
    def test_whose_are_not(self, written: str, told: str) -> None:
        assert not alike(written, told)

    def test_a_hundred_letters_may_be_the_beginning_of_more(self) -> None:
        assert alike("x" * 101, "x" * 100)
        assert not alike("x" * 101, "x" * 99)

    def test_the_subject_alone_is_enough(self) -> None:
        wording = Wording("Server 5: down!", "It is down.")
        assert wording.resembles("server 5 down", "Something else.")
        assert wording.resembles("server 5 down", None)
        assert not wording.resembles("Server 6: down!", "Something else.")

    def test_so_is_the_message(self) -> None:
        assert Wording("Down", "It's down.").resembles("[#216] Down", "Its down")

    def test_a_subject_that_is_not_told_is_no_other(self) -> None:
        assert Wording("Down", "It is down.").resembles("", "Something else.")

    def test_a_reply_has_no_subject_to_resemble(self) -> None:
        assert not Wording("", "Any news?").resembles("", "Something else.")

    def test_what_is_not_told_does_not(self) -> None:
        assert not Wording("", "Any news?").resembles("", None)
