"""The names and types that are sent: the policy row by row, and what holds for any text at all."""

import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from vpsbg_async.attachments.names import guess_type, is_content_type, safe_name

MAX = 255
FORBIDDEN = frozenset('"\\/:*?<>|')
NASTY = 'a.-_ "\\/:*?<>|\0\n\r\t\x7f\x85\ud800\udcff\u0301\u0338\u202e\u2028жé漢🎫'

TEXT = st.text(st.one_of(st.sampled_from(NASTY), st.characters(exclude_categories=())), max_size=80)
LONG = st.builds(
    lambda piece, count, end: piece * count + end,
    st.text(st.sampled_from(NASTY), min_size=1, max_size=5),
    st.integers(50, 400),
    st.one_of(TEXT, st.sampled_from([".txt", ".", ". ", ".漢字"])),
)
ANY = st.one_of(TEXT, LONG)

any_time = settings(deadline=None)  # a busy machine is no failure


class TestPolicy:
    @pytest.mark.parametrize(
        ("given_name", "sent"),
        [
            pytest.param("mtr.txt", "mtr.txt", id="nothing to do"),
            pytest.param("снимка.png", "снимка.png", id="Cyrillic"),
            pytest.param("漢字🎫.png", "漢字🎫.png", id="outside the basic plane"),
            pytest.param("50%.txt", "50%.txt", id="a percent sign"),
            pytest.param("a%22b.txt", "a%22b.txt", id="what looks encoded"),
            pytest.param("it's; a='b' (1) [2] {3}.txt", "it's; a='b' (1) [2] {3}.txt", id="others"),
            pytest.param("e\u0301.txt", "\u00e9.txt", id="composed"),
            pytest.param("\u212b.txt", "\u00c5.txt", id="a singleton"),
            pytest.param("<\u0338.txt", "\u226e.txt", id="composed before it is replaced"),
            pytest.param("dir/a.txt", "a.txt", id="slash"),
            pytest.param("C:\\dir\\a.txt", "a.txt", id="backslash"),
            pytest.param("a/b\\c.txt", "c.txt", id="a backslash after a slash"),
            pytest.param("a\\b/c.txt", "c.txt", id="a slash after a backslash"),
            pytest.param("../../etc/passwd", "passwd", id="a way up"),
            pytest.param("a\n/b.txt", "b.txt", id="a line end in a folder"),
            pytest.param("a/\nb.txt", "_b.txt", id="and after it"),
            pytest.param('a"b.txt', "a_b.txt", id="quote"),
            pytest.param("a:b*c?d<e>f|g.txt", "a_b_c_d_e_f_g.txt", id="what Windows forbids"),
            pytest.param("a\0b.txt", "a_b.txt", id="NUL"),
            pytest.param("a\r\nb.txt", "a__b.txt", id="line ends"),
            pytest.param("a\tb\x1fc\x7fd\x80e\x9ff", "a_b_c_d_e_f", id="control characters"),
            pytest.param("a\u0085b.txt", "a_b.txt", id="next line"),
            pytest.param("a\u00a0b.txt", "a\u00a0b.txt", id="the first that is none"),
            pytest.param("photo\u202egnp.exe", "photo_gnp.exe", id="turned to be read backwards"),
            pytest.param("a\u202ab\u2066c\u2069d", "a_b_c_d", id="and in other ways"),
            pytest.param("\u200fא1.txt", "\u200fא1.txt", id="a mark that turns nothing else"),
            pytest.param("a.txt.", "a.txt", id="a dot at the end"),
            pytest.param("a.txt . .. ", "a.txt", id="dots and spaces at the end"),
            pytest.param(" .a", " .a", id="at the beginning they stay"),
            pytest.param("a\ud800b\udfff.txt", "a_b_.txt", id="lone surrogates"),
            pytest.param("caf\udce9.txt", "caf_.txt", id="a name on disk that is no UTF-8"),
            pytest.param("", "attachment.bin", id="empty"),
            pytest.param("...", "attachment.bin", id="dots alone"),
            pytest.param(". .", "attachment.bin", id="dots and spaces"),
            pytest.param("dir/", "attachment.bin", id="a folder alone"),
            pytest.param("C:\\", "attachment.bin", id="a drive alone"),
            pytest.param('"', "_", id="a quote alone"),
        ],
    )
    def test_row(self, given_name: str, sent: str) -> None:
        assert safe_name(given_name) == sent

    @pytest.mark.parametrize(
        ("given_name", "sent"),
        [
            pytest.param("x" * 255, "x" * 255, id="exactly as long as may be"),
            pytest.param("x" * 256, "x" * 255, id="one more"),
            pytest.param("x" * 251 + ".txt", "x" * 251 + ".txt", id="with a suffix"),
            pytest.param("x" * 252 + ".txt", "x" * 251 + ".txt", id="one more with a suffix"),
            pytest.param(
                "я" * 200 + ".txt", "я" * 125 + ".txt", id="whole characters of two bytes"
            ),
            pytest.param("🎫" * 200 + ".log", "🎫" * 62 + ".log", id="and of four"),
            pytest.param("x" * 300 + ".tar.gz", "x" * 252 + ".gz", id="the last suffix"),
            pytest.param("x" * 300 + ".", "x" * 255, id="a suffix that is empty"),
            pytest.param("x." + "y" * 300, "x." + "y" * 253, id="a suffix that is too long itself"),
            pytest.param("." + "x" * 300, "." + "x" * 254, id="a dot file has none"),
            pytest.param("x" * 200 + "." + "ж" * 50, "x" * 154 + "." + "ж" * 50, id="in Cyrillic"),
            pytest.param("x" * 250 + ". " * 9 + ".a", "x" * 250 + ". ..a", id="dots inside"),
            pytest.param("." * 300 + "a", "attachment.bin", id="dots to where it is cut"),
            pytest.param("ж." + "y" * 253, "." + "y" * 253, id="no room for the first character"),
            pytest.param("/" * 300 + "a.txt", "a.txt", id="folders do not count"),
            pytest.param("e\u0301" * 150, "\u00e9" * 127, id="the composed form counts"),
        ],
    )
    def test_length(self, given_name: str, sent: str) -> None:
        assert safe_name(given_name) == sent


class TestAnyName:
    @any_time
    @given(ANY)
    @example("<\u0338" * 100)
    @example("\ud83c\udfab.txt")  # two halves that would make one character
    def test_what_is_sent(self, name: str) -> None:
        sent = safe_name(name)
        assert sent
        assert len(sent.encode()) <= MAX
        assert not FORBIDDEN & set(sent)
        assert all(unicodedata.category(character) not in ("Cc", "Cs") for character in sent)
        assert not sent.endswith((".", " "))
        assert unicodedata.is_normalized("NFC", sent)

    @any_time
    @given(ANY)
    def test_once_is_enough(self, name: str) -> None:
        assert safe_name(safe_name(name)) == safe_name(name)

    @pytest.mark.parametrize("name", ["a", "\\\\", "a/", "."])
    def test_of_a_million_characters(self, name: str) -> None:
        """In time that grows with them, not with their square."""
        assert len(safe_name(name * 1_000_000)) <= MAX

    @any_time
    @given(st.text(st.characters(exclude_categories=("Cc", "Cs"), exclude_characters=FORBIDDEN)))
    def test_what_needs_no_change_has_none(self, name: str) -> None:
        name = unicodedata.normalize("NFC", name)
        if name and not name.endswith((".", " ")) and len(name.encode()) <= MAX:
            assert safe_name(name) == name

    @any_time
    @given(ANY, ANY)
    def test_folders_make_no_difference(self, folder: str, name: str) -> None:
        for separator in "/\\":
            assert safe_name(folder + separator + name) == safe_name(name)

    @any_time
    @given(st.text("aя漢🎫", min_size=60, max_size=300), st.text("bж", min_size=1, max_size=20))
    def test_a_long_one_keeps_its_suffix_and_all_that_fits(self, stem: str, suffix: str) -> None:
        name = f"{stem}.{suffix}"
        sent = safe_name(name)
        assert sent.endswith(f".{suffix}")
        kept = sent.removesuffix(f".{suffix}")
        assert stem.startswith(kept)
        if kept != stem:
            assert len(sent.encode()) + len(stem[len(kept)].encode()) > MAX


class TestGuessType:
    @pytest.mark.parametrize(
        ("name", "content_type"),
        [
            ("a.txt", "text/plain"),
            ("a.TXT", "text/plain"),
            ("app.log", "text/plain"),
            ("README.md", "text/markdown"),
            ("снимка.png", "image/png"),
            ("a.b.jpg", "image/jpeg"),
            ("a.pdf", "application/pdf"),
            ("a.zip", "application/zip"),
            ("dump.sql.gz", "application/gzip"),
            ("dump.tar.gz", "application/gzip"),
            ("dump.tgz", "application/gzip"),
            ("a.bz2", "application/x-bzip2"),
            ("a.tar.xz", "application/x-xz"),
            ("a.txt.Z", "application/octet-stream"),
            ("a.nothing-known", "application/octet-stream"),
            ("a", "application/octet-stream"),
            (".png", "application/octet-stream"),
            ("", "application/octet-stream"),
        ],
    )
    def test_by_suffix(self, name: str, content_type: str) -> None:
        assert guess_type(name) == content_type

    @any_time
    @given(ANY)
    def test_any_name_has_one_that_may_be_sent(self, name: str) -> None:
        assert is_content_type(guess_type(safe_name(name)))

    def test_the_machine_and_the_application_have_no_say(self, tmp_path: Path) -> None:
        system = tmp_path / "mime.types"
        system.write_text("application/x-theirs png txt log nothing-known\n")
        script = f"""
import mimetypes
mimetypes.knownfiles = [{str(system)!r}]
mimetypes.init()
mimetypes.add_type("application/x-ours", ".jpg")
from vpsbg_async.attachments.names import guess_type
mimetypes.add_type("application/x-ours", ".pdf")
print(*map(guess_type, ["a.png", "a.log", "a.nothing-known", "a.jpg", "a.pdf"]))
"""
        done = subprocess.run(
            [sys.executable, "-c", script], check=True, capture_output=True, text=True
        )
        expected = "image/png text/plain application/octet-stream image/jpeg application/pdf"
        assert done.stdout.split() == expected.split()


class TestIsContentType:
    @pytest.mark.parametrize(
        "text",
        [
            "text/plain",
            "text/plain; charset=utf-8",
            'multipart/mixed; boundary="a b"',
            "application/vnd.ms-excel+xml",
            "x/y",
        ],
    )
    def test_yes(self, text: str) -> None:
        assert is_content_type(text)

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "text",
            "text/",
            "/plain",
            "/",
            " text/plain",
            "te xt/plain",
            "text/ plain",
            "text//plain",
            "text/plain\n",
            "text/plain\r\nX-Injected: 1",
            "text/plain\rX",
            "text\r\n/plain",
            "text/plain\0",
            "text/plain\t",
            "text/plain; charset=\x7f",
            "text/plain; name=снимка",
            "text/plain\u2028X",
            "text/plain\x85X",
            "text/plain; \ud800",
        ],
    )
    def test_no(self, text: str) -> None:
        assert not is_content_type(text)

    @any_time
    @given(st.text(st.sampled_from('ab/; ="\r\n\0\t\x7f\x85я\ud800')))
    def test_no_line_ends_nothing_outside_ascii(self, text: str) -> None:
        if is_content_type(text):
            assert text.isascii()
            assert text.isprintable()

    def test_no_longer_than_a_line_that_php_reads(self) -> None:
        # PHP breaks a header line after 5120 bytes: the rest is a line of its own, and where no
        # more than the line end is left, the head ends there and the file begins with "\r\n".
        assert is_content_type("text/" + "x" * 122)
        assert not is_content_type("text/plain; name=" + "x" * 5000)
