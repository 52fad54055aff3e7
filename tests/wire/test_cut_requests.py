"""Requests that end early: at which cuts PHP runs, and what it then takes for the whole.

With `fastcgi_request_buffering off` nginx starts php-fpm before the body is there, and PHP takes
what came before the cut for the form. So the order of the parts decides what a cut can do:

* A create ends with `department_id`. A cut before its value leaves a required field out. One after
  it leaves out the closing delimiter alone: the whole ticket, of which the client cannot know.
  Between two digits it names another department.
* A reply ends with `message`, and a cut inside that is a shorter message.

php-fpm forgets the whole of a read during which the body ended, and PHP's first read is of 5120
bytes. Hence a smaller body that is cut is an empty form, and what is seen of a larger one depends
on where the reads end. `run_prefix` leaves that out: the parser gets every prefix as it is.
"""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import pytest

from .peers import FpmServer, Peer, PhpServer, Request
from .raw import CLOSING, chunk, field, form, head, send_cut, upload

FIRST_READ = 5120
AFTER_THE_LAST_VALUE = len(b"\r\n" + CLOSING)
UPLOAD_ERR_OK, UPLOAD_ERR_PARTIAL = 0, 3

FILE = b"content"
MESSAGE = "A message."
FIELDS = {
    "service_type": "server",
    "service_id": "2747",
    "message": MESSAGE,
    "subject": "Subject",
}


def create(department: str, file: bytes = FILE) -> bytes:
    """A create with its parts in the order in which the SDK sends them."""
    fields = map(field, FIELDS, FIELDS.values())
    return form(*fields, upload(b"a.txt", file), field("department_id", department))


def reply(file: bytes = FILE) -> bytes:
    """A reply, likewise."""
    return form(upload(b"a.txt", file), field("message", MESSAGE))


def after_first_read(left: int, make: Callable[[bytes], bytes]) -> bytes:
    """A body with a file of the size at which exactly `left` bytes follow PHP's first read."""
    return make(b"x" * (FIRST_READ + left - len(make(b""))))


def one_segment(head: bytes, body: bytes) -> list[bytes]:
    return [head + body]


def head_first(head: bytes, body: bytes) -> list[bytes]:
    return [head, body]


def in_small_segments(head: bytes, body: bytes) -> list[bytes]:
    return [head, body[:100], body[100:-3], body[-3:]]


Segments = Callable[[bytes, bytes], list[bytes]]
SEGMENTS = [one_segment, head_first, in_small_segments]


def cut_each(
    server: Peer, cuts: Mapping[int, tuple[bytes, int]], segments: Segments = one_segment
) -> dict[int, Request]:
    """Sends each body up to its cut; what PHP ran of them, under the same numbers."""
    server.forget()
    for number, (body, cut) in cuts.items():
        pieces = segments(head(body, target=f"/{number}"), body[:cut])
        send_cut(server.address, *pieces, arrived=server.barrier)
    server.drain()
    return numbered(server)


def cut_at(
    server: Peer, body: bytes, cuts: Iterable[int], segments: Segments = one_segment
) -> dict[int, Request]:
    """Sends one body cut at each of the places; what PHP ran, by place."""
    return cut_each(server, {cut: (body, cut) for cut in cuts}, segments)


def prefixes(fpm: FpmServer, body: bytes) -> dict[int, Request]:
    """What PHP's parser makes of every proper prefix of the body, by length."""
    for cut in range(len(body)):
        fpm.run_prefix(body, cut, uri=f"/{cut}")
    return numbered(fpm)


def numbered(server: Peer) -> dict[int, Request]:
    return {int(request.uri.removeprefix("/")): request for request in server.requests()}


def department_of(request: Request) -> str | None:
    """The department in the application's eyes, which trims what it gets."""
    value = request.fields.get("department_id")
    return None if value is None else value.strip()


def lacks_only_the_department(request: Request, size: int) -> bool:
    """Whether all that goes before the department is there, and whole."""
    return request.fields.items() >= FIELDS.items() and [
        (file.name, file.size, file.error) for file in request.files
    ] == [("a.txt", size, UPLOAD_ERR_OK)]


@pytest.mark.parametrize("segments", SEGMENTS)
class TestThroughNginx:
    """What nginx passes on of a cut request, and php-fpm reads."""

    @pytest.mark.parametrize("body", [create("12"), reply()])
    def test_a_small_one_is_an_empty_form(
        self, fpm: FpmServer, body: bytes, segments: Segments
    ) -> None:
        seen = cut_at(fpm, body, range(len(body)), segments)
        assert list(seen) == list(range(len(body)))  # PHP ran at every cut
        assert all((request.fields, request.files) == ({}, []) for request in seen.values())

    @pytest.mark.parametrize("department", ["2", "12"])
    def test_a_create_whose_first_read_ends_after_a_digit(
        self, fpm: FpmServer, department: str, segments: Segments
    ) -> None:
        left = len(department) - 1 + AFTER_THE_LAST_VALUE
        body = after_first_read(left, lambda file: create(department, file))
        seen = cut_at(fpm, body, range(len(body) - 200, len(body)), segments)
        assert len(seen) == 200
        for cut, request in seen.items():
            digit = department[0] if cut >= FIRST_READ else None
            assert (department_of(request), request.validates) == (digit, digit is not None)

    @pytest.mark.parametrize(
        ("department", "validated"),
        [("2", {"2"}), ("12", {"1", "12"}), ("345", {"3", "34", "345"})],
    )
    def test_a_create_wherever_the_first_read_ends(
        self, fpm: FpmServer, department: str, validated: set[str], segments: Segments
    ) -> None:
        bodies = [
            after_first_read(left, lambda file: create(department, file)) for left in range(1, 200)
        ]
        cuts = {len(body): (body, len(body) - 1) for body in bodies}
        seen = cut_each(fpm, cuts, segments)
        assert len(seen) == len(bodies)
        valid = {size: request for size, request in seen.items() if request.validates}
        assert {department_of(request) for request in valid.values()} == validated
        empty = len(create(department, b""))
        assert all(lacks_only_the_department(valid[size], size - empty) for size in valid)

    def test_a_reply_can_be_shortened(self, fpm: FpmServer, segments: Segments) -> None:
        body = after_first_read(len("ssage.") + AFTER_THE_LAST_VALUE, reply)
        seen = cut_at(fpm, body, range(len(body) - 200, len(body)), segments)
        assert len(seen) == 200
        for cut, request in seen.items():
            assert request.fields == ({"message": "A me"} if cut >= FIRST_READ else {})
            # Four characters of five; with one more it would be a message.
            assert not request.validates_reply

        body = after_first_read(len("sage.") + AFTER_THE_LAST_VALUE, reply)
        (request,) = cut_at(fpm, body, [len(body) - 1], segments).values()
        assert (request.fields, request.validates_reply) == ({"message": "A mes"}, True)

    def test_a_chunked_create_is_an_empty_form(self, fpm: FpmServer, segments: Segments) -> None:
        body = chunk(create("2")) + chunk(b"")
        for cut in range(len(body) - 200, len(body)):
            pieces = segments(head(None), body[:cut])
            send_cut(fpm.address, *pieces, arrived=fpm.barrier)
        fpm.drain()
        assert [(request.fields, request.files) for request in fpm.requests()] == [({}, [])] * 200


class TestEveryPrefix:
    """What the parser makes of a prefix that it gets to see, behind whatever server."""

    def test_a_create_with_one_digit_is_whole_or_not_valid(self, fpm: FpmServer) -> None:
        body = create("2")
        value_ends = len(body) - AFTER_THE_LAST_VALUE
        for cut, request in prefixes(fpm, body).items():
            assert request.validates == (cut >= value_ends)
            if request.validates:
                assert department_of(request) == "2"
                assert lacks_only_the_department(request, len(FILE))

    def test_between_two_digits_lies_another_department(self, fpm: FpmServer) -> None:
        body = create("12")
        value_ends = len(body) - AFTER_THE_LAST_VALUE
        seen = prefixes(fpm, body)
        assert [cut for cut, request in seen.items() if request.validates] == list(
            range(value_ends - 1, len(body))
        )
        assert department_of(seen[value_ends - 1]) == "1"
        assert {department_of(seen[cut]) for cut in range(value_ends, len(body))} == {"12"}

    def test_a_line_end_that_is_cut_belongs_to_the_value(self, fpm: FpmServer) -> None:
        body = create("2")
        fpm.run_prefix(body, len(body) - len(b"\n" + CLOSING))
        (request,) = fpm.requests()
        assert (request.raw("department_id"), request.validates) == (b"2\r", True)

    def test_a_file_that_is_cut_is_marked(self, fpm: FpmServer) -> None:
        body = create("2")
        begins = body.index(FILE)
        # It ends with the delimiter, the line end before that included.
        ends = body.index(CLOSING.removesuffix(b"--\r\n"), begins) + len(CLOSING) - len(b"--\r\n")
        for cut, request in prefixes(fpm, body).items():
            errors = [file.error for file in request.files]
            if begins <= cut < ends:
                assert errors == [UPLOAD_ERR_PARTIAL]
            elif cut >= ends:
                assert errors == [UPLOAD_ERR_OK]

    def test_a_reply_is_valid_from_its_fifth_character(self, fpm: FpmServer) -> None:
        body = reply()
        value_ends = len(body) - AFTER_THE_LAST_VALUE
        value_begins = value_ends - len(MESSAGE)
        for cut, request in prefixes(fpm, body).items():
            assert request.validates_reply == (cut >= value_begins + 5)
            if value_begins < cut <= value_ends:
                assert request.fields == {"message": MESSAGE[: cut - value_begins]}


class TestWhereTheWholeBodyIsAwaited:
    """Servers that start PHP only when nothing is missing."""

    def test_php_alone(self, php: PhpServer) -> None:
        body = create("2")
        assert cut_at(php, body, range(len(body))) == {}

    @pytest.mark.usefixtures("needs_fpm")
    def test_nginx_that_buffers(self, tmp_path: Path) -> None:
        body = after_first_read(10, lambda file: create("2", file))
        with FpmServer(tmp_path, buffering=True) as server:
            assert cut_at(server, body, range(len(body) - 200, len(body))) == {}


def test_a_whole_request_runs_when_its_client_has_gone(php: PhpServer, fpm: FpmServer) -> None:
    body = create("2")
    for server in (php, fpm):
        (request,) = cut_at(server, body, [len(body)]).values()
        assert request.validates
