"""What PHP makes of multipart bodies, pinned with bodies made by hand.

The encoder, the filename policy and the limits rest on these facts; when one of them changes, so
must they. The parser's own source is https://github.com/php/php-src/blob/master/main/rfc1867.c.
"""

import hashlib
import select
import socket
from pathlib import Path

import pytest

from .peers import FpmServer, Peer, PhpServer, Request
from .raw import (
    CLOSING,
    chunk,
    connect,
    exchange,
    field,
    form,
    head,
    part,
    post,
    receive,
    upload,
)

UPLOAD_ERR_OK, UPLOAD_ERR_INI_SIZE, UPLOAD_ERR_NO_FILE = 0, 1, 4

CREATE = form(
    field("service_type", "server"),
    field("service_id", "2747"),
    field("message", "Съобщение with two\r\nlines"),
    field("subject", "Subject"),
    upload(b"one.txt", b"1"),
    upload(b"two.txt", b"22"),
    field("department_id", "2"),
)
REPLY = form(upload(b"one.txt"), field("message", "An answer."))


def parsed(server: Peer, body: bytes, **options: str) -> Request:
    """What PHP says of a body that was sent whole."""
    reply = post(server.address, body, **options)
    assert reply.status == 200
    return Request.from_json(reply.body)


class TestForms:
    """Whole requests as the API documents them."""

    def test_create(self, php: PhpServer) -> None:
        request = parsed(php, CREATE)
        assert request.fields == {
            "service_type": "server",
            "service_id": "2747",
            "message": "Съобщение with two\r\nlines",
            "subject": "Subject",
            "department_id": "2",
        }
        assert request.names == ["one.txt", "two.txt"]
        assert [file.size for file in request.files] == [1, 2]
        assert request.files[1].sha256 == hashlib.sha256(b"22").hexdigest()
        assert request.content_length == str(len(CREATE))
        assert request.validates

    def test_reply(self, php: PhpServer) -> None:
        request = parsed(php, REPLY)
        assert (request.validates_reply, request.validates) == (True, False)

    def test_the_answer_is_what_is_recorded(self, php: PhpServer, fpm: FpmServer) -> None:
        for server in (php, fpm):
            assert [parsed(server, CREATE), parsed(server, REPLY)] == server.requests()

    def test_both_servers_agree(self, php: PhpServer, fpm: FpmServer) -> None:
        one, other = parsed(php, CREATE), parsed(fpm, CREATE)
        assert (one.fields_hex, one.files) == (other.fields_hex, other.files)

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("department_id", ""),
            ("department_id", "0"),
            ("department_id", "two"),
            ("department_id", "2.5"),
            ("subject", "Su"),
            ("subject", "Я" * 256),
            ("message", " four "),
        ],
    )
    def test_values_that_do_not_validate(self, php: PhpServer, name: str, value: str) -> None:
        values = {"message": "Message", "subject": "Я" * 255, "department_id": "2"}
        assert parsed(php, form(*map(field, values, values.values()))).validates
        values[name] = value
        assert not parsed(php, form(*map(field, values, values.values()))).validates

    def test_no_length_of_a_value_is_spoiled(self, php: PhpServer) -> None:
        # PHP reads 5120 bytes at a time; line ends and half delimiters fall on every side of that.
        for length in range(5000, 5130):
            message = "m" * length + "\r\n--\r\n------wire0123"
            assert parsed(php, form(field("message", message))).fields == {"message": message}

    def test_the_last_of_two_equal_fields_wins(self, php: PhpServer) -> None:
        body = form(field("message", "one"), field("message", "two"))
        assert parsed(php, body).fields == {"message": "two"}

    def test_a_body_without_its_closing_delimiter_counts(self, php: PhpServer) -> None:
        assert parsed(php, CREATE.removesuffix(CLOSING)).validates

    def test_another_content_type_empties_the_form(self, php: PhpServer) -> None:
        request = parsed(php, CREATE, content_type="application/json")
        assert (request.fields, request.files) == ({}, [])


class TestNames:
    """The name of a part."""

    def test_brackets_make_an_array_in_order(self, php: PhpServer) -> None:
        names = [f"{number}.txt" for number in (3, 1, 2)]
        request = parsed(php, form(*(upload(name.encode()) for name in names)))
        assert request.names == names
        assert request.files_in_array

    def test_encoded_brackets_are_another_name(self, php: PhpServer) -> None:
        request = parsed(php, form(upload(b"a.txt", name=b"attachments%5B%5D")))
        assert (request.files, request.other_files) == ([], ["attachments%5B%5D"])

    def test_without_brackets_the_last_file_wins(self, php: PhpServer) -> None:
        both = [upload(name, name=b"attachments") for name in (b"a.txt", b"b.txt")]
        request = parsed(php, form(*both))
        assert request.names == ["b.txt"]
        assert not request.files_in_array


class TestFilenames:
    """The bytes between the quotes of `filename`, and the name that the application is given."""

    @pytest.mark.parametrize(
        ("sent", "seen"),
        [
            pytest.param("снимка.png".encode(), "снимка.png", id="raw UTF-8 as typed"),
            pytest.param(b"%D1%81.png", "%D1%81.png", id="percent-encoding is not undone"),
            pytest.param(b"50%25.txt", "50%25.txt", id="nor is a percent sign's"),
            pytest.param(b"50%.txt", "50%.txt", id="a percent sign needs nothing"),
            pytest.param(b"a%22b.txt", "a%22b.txt", id="nor a quote's"),
            pytest.param(b'a\\"b.txt', 'a"b.txt', id="a backslash escapes a quote"),
            pytest.param(b'a"b.txt', "a", id="a quote ends it"),
            pytest.param(b"a\\", 'a"', id="a backslash at the end escapes the closing quote"),
            pytest.param(b"a\\\\b.txt", "b.txt", id="an escaped backslash is still one"),
            pytest.param(b"C:\\dir\\a.txt", "a.txt", id="what follows the last backslash"),
            pytest.param(b"dir/a.txt", "a.txt", id="what follows the last slash"),
            pytest.param(b"a/b\\c.txt", "c.txt", id="a backslash after a slash"),
            pytest.param(b"a\\b/c.txt", "c.txt", id="a slash after a backslash"),
            pytest.param(b"dir/", "", id="nothing follows: an upload without a name"),
            pytest.param(b"a;b='c'.txt", "a;b='c'.txt", id="other punctuation"),
            pytest.param(b"a\nb.txt", "ab.txt", id="a line feed vanishes"),
            pytest.param(b"a\tb.txt", "a\tb.txt", id="a tab stays"),
            pytest.param(b"a\0b.txt", "a", id="NUL ends it"),
            pytest.param(b"x" * 300 + b".txt", "x" * 300 + ".txt", id="no limit of length"),
        ],
    )
    def test_name(self, php: PhpServer, sent: bytes, seen: str) -> None:
        (file,) = parsed(php, form(upload(sent))).files
        assert (file.name, file.size, file.error) == (seen, len(b"content"), UPLOAD_ERR_OK)

    def test_line_end_injects_headers(self, php: PhpServer) -> None:
        (file,) = parsed(php, form(upload(b"a\r\nContent-Type: text/html\r\nX: b.txt"))).files
        assert (file.name, file.type) == ("a", "text/html")

    def test_two_line_ends_inject_content(self, php: PhpServer) -> None:
        (file,) = parsed(php, form(upload(b"a\r\n\r\nb.txt"))).files
        assert (file.name, file.type) == ("a", "")
        assert file.size > len(b"content")

    def test_invalid_utf8_stays_as_raw_bytes(self, php: PhpServer) -> None:
        (file,) = parsed(php, form(upload(b"\xff\xfe.txt"))).files
        assert (file.name, file.name_bytes) == (None, b"\xff\xfe.txt")

    def test_an_empty_name_loses_the_file(self, php: PhpServer) -> None:
        (file,) = parsed(php, form(upload(b""))).files
        # To the application this is an input that was left blank.
        assert (file.error, file.size, file.sha256) == (UPLOAD_ERR_NO_FILE, 0, None)

    def test_an_empty_file_is_a_file(self, php: PhpServer) -> None:
        (file,) = parsed(php, form(upload(b"a.txt", b""))).files
        assert (file.error, file.size) == (UPLOAD_ERR_OK, 0)

    def test_an_extended_name_alone_is_a_text_field(self, php: PhpServer) -> None:
        extended = part(b"name=\"attachments[]\"; filename*=UTF-8''a.txt", b"content")
        request = parsed(php, form(extended))
        assert (request.fields, request.files) == ({"attachments": {"0": "content"}}, [])

    def test_an_extended_name_is_not_read(self, php: PhpServer) -> None:
        both = b'name="attachments[]"; filename="a.txt"; filename*=UTF-8\'\'b.txt'
        assert parsed(php, form(part(both, b"content"))).names == ["a.txt"]


class TestLimits:
    """What is dropped without a word."""

    @pytest.mark.parametrize("count", [20, 21, 25])
    def test_files_after_the_twentieth_are_dropped(self, php: PhpServer, count: int) -> None:
        files = [upload(b"%d.txt" % number) for number in range(count)]
        request = parsed(php, form(*files, field("department_id", "2")))
        assert request.names == [f"{number}.txt" for number in range(20)]
        assert request.fields == {"department_id": "2"}

    @pytest.mark.usefixtures("needs_php")
    def test_limits_are_settings(self, tmp_path: Path) -> None:
        ini = {"max_file_uploads": "2", "upload_max_filesize": "1K", "post_max_size": "4K"}
        with PhpServer(tmp_path, ini=ini) as server:
            three = form(upload(b"a.txt"), upload(b"b.txt"), upload(b"c.txt"))
            assert parsed(server, three).names == ["a.txt", "b.txt"]

            (file,) = parsed(server, form(upload(b"a.txt", b"x" * 1025))).files
            assert (file.name, file.error) == ("a.txt", UPLOAD_ERR_INI_SIZE)

            request = parsed(server, form(field("message", "x" * 5000)))
            assert (request.fields, request.files) == ({}, [])
            # Laravel answers 413 by comparing this one.
            assert int(request.content_length or 0) > 4096

    @pytest.mark.usefixtures("needs_fpm")
    def test_nginx_answers_413_before_the_body(self, tmp_path: Path) -> None:
        with FpmServer(tmp_path, client_max_body_size="1k") as server:
            reply = exchange(server.address, head(bytes(2000)))
            assert (reply.status, reply.content_type) == (413, "text/html")
            server.drain()
            assert server.requests() == []


class TestTransfer:
    """When PHP runs, and what with."""

    def test_chunked_without_nginx_is_understood(self, php: PhpServer) -> None:
        reply = exchange(php.address, head(None), chunk(CREATE), chunk(b""))
        request = Request.from_json(reply.body)
        assert (request.validates, request.content_length) == (True, None)

    def test_chunked_and_unbuffered_is_an_empty_request(self, fpm: FpmServer) -> None:
        with connect(fpm.address) as sock:
            sock.sendall(head(None))
            fpm.barrier()
            sock.sendall(chunk(CREATE) + chunk(b""))
            reply = receive(sock)
        request = Request.from_json(reply.body)
        assert reply.status == 200
        assert (request.fields, request.files, request.content_length) == ({}, [], "")

    def test_chunked_that_comes_with_its_head_is_counted_by_nginx(self, fpm: FpmServer) -> None:
        # Which makes the loss above come and go with the size of a request.
        body = form(field("message", "Message"))
        reply = exchange(fpm.address, head(None) + chunk(body) + chunk(b""))
        assert Request.from_json(reply.body).content_length == str(len(body))

    @pytest.mark.usefixtures("needs_fpm")
    @pytest.mark.parametrize("buffering", [True, False])
    def test_nothing_is_answered_before_the_whole_body(
        self, tmp_path: Path, buffering: bool
    ) -> None:
        # PHP reads the form before the application's first line, a wrong key's answer included.
        with FpmServer(tmp_path, buffering=buffering) as server:
            with connect(server.address) as sock:
                sock.sendall(head(CREATE) + CREATE[:-1])
                server.barrier()
                assert not has_answer(sock)
                assert server.requests() == []
                sock.sendall(CREATE[-1:])
                assert receive(sock).status == 200
            assert [request.validates for request in server.requests()] == [True]

    @pytest.mark.usefixtures("needs_fpm")
    def test_php_finishes_after_a_504(self, tmp_path: Path) -> None:
        with FpmServer(tmp_path, read_timeout="100ms") as server:
            reply = post(server.address, CREATE, target="/?sleep_us=250000")
            assert (reply.status, reply.content_type) == (504, "text/html")
            server.drain()
            assert [request.validates for request in server.requests()] == [True]


def has_answer(sock: socket.socket) -> bool:
    """Whether anything can be read at this moment."""
    return bool(select.select([sock], [], [], 0)[0])
