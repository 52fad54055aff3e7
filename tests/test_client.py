"""The client: its key, its settings, raw requests, and what it shares with an application."""

from __future__ import annotations

import asyncio
import base64
import functools
import logging
import os
import pickle
import traceback
import warnings
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import aiohttp
import pytest

from vpsbg_async import (
    VPSBG,
    AiohttpTransport,
    APIError,
    ConfigurationError,
    Headers,
    InvalidInputError,
    Limits,
    NotFoundError,
    NotSentError,
    Outcome,
    OutcomeUnknownError,
    Request,
    Response,
    ResponseError,
    ResponseReadError,
    Timeouts,
    VPSBGError,
)
from vpsbg_async.core.endpoint import Query
from vpsbg_async.testing import FakeTransport, RawConnection, RawServer, Received, Reply
from vpsbg_async.testing.raw import Handler

KEY = "s3cret-Key/+="
BODIES: tuple[object, ...] = (None, {})


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.startswith("VPSBG_") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("NETRC", str(tmp_path / "no-netrc"))


class Api(RawServer):
    """A server that answers every request alike, and keeps them all."""

    def __init__(
        self, status: int = 200, body: bytes = b"{}", headers: Sequence[tuple[str, str]] = ()
    ) -> None:
        super().__init__(self._answer)
        self.received: list[Received] = []
        self._said = (status, body, headers)

    async def _answer(self, connection: RawConnection) -> None:
        while True:
            self.received.append(await connection.request())
            await connection.answer(*self._said)


class Watched:
    """A transport that knows how often it was closed."""

    def __init__(self) -> None:
        self.closings = 0

    @asynccontextmanager
    async def send(self, request: Request, /) -> AsyncIterator[Response]:
        raise NotSentError("no network today")
        yield

    async def aclose(self) -> None:
        self.closings += 1


def faked(*replies: Reply | Exception) -> tuple[VPSBG, FakeTransport]:
    transport = FakeTransport(*(replies or (Reply(json={}),)))
    return VPSBG(KEY, retry=None, base_url="https://api.test/v1", transport=transport), transport


async def key_of(vps: VPSBG, transport: FakeTransport) -> str:
    await vps.request("GET", "/balance")
    return transport.calls[-1].request.headers["Authorization"]


class TestKey:
    async def test_from_the_argument(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("VPSBG_API_KEY", "another")
        assert await key_of(*faked()) == f"Bearer {KEY}"

    async def test_from_the_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("VPSBG_API_KEY", KEY)
        transport = FakeTransport(Reply(json={}))
        assert await key_of(VPSBG(transport=transport), transport) == f"Bearer {KEY}"

    @pytest.mark.parametrize("around", [f"{KEY}\n", f"{KEY}\r\n", f" \t{KEY} "])
    async def test_blanks_around_it_are_dropped(self, around: str) -> None:
        transport = FakeTransport(Reply(json={}))
        assert await key_of(VPSBG(around, transport=transport), transport) == f"Bearer {KEY}"

    @pytest.mark.parametrize("key", [None, "", " ", "\n"])
    def test_none_is_refused(self, key: str | None) -> None:
        with pytest.raises(ConfigurationError, match="VPSBG_API_KEY"):
            VPSBG(key)

    @pytest.mark.parametrize("key", ["", " \n"])
    def test_an_empty_variable_is_none(self, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("VPSBG_API_KEY", key)
        with pytest.raises(ConfigurationError, match="no API key"):
            VPSBG()

    @pytest.mark.parametrize("key", ["", " "])
    def test_an_empty_argument_does_not_stand_for_the_environment(
        self, key: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("VPSBG_API_KEY", "another")
        assert refusal(lambda: VPSBG(key)) is not None

    @pytest.mark.parametrize(
        "key",
        [
            *("s3cret key", "s3cret\nkey", "s3cret\r\nX-Evil: 1", "s3cret\tkey", "s3cret\0key"),
            *("s3cret-ключ", "s3cret\u200bkey", "s3cret\x7f", "s3cret\ud800", "s3cret\xa0key"),
        ],
    )
    def test_characters_that_no_key_has(self, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
        error = refusal(lambda: VPSBG(key))
        assert error is not None
        assert "s3cret" not in shown(error)
        if "\0" in key or "\ud800" in key:
            return  # no variable can hold those
        monkeypatch.setenv("VPSBG_API_KEY", key)
        error = refusal(VPSBG)
        assert error is not None
        assert "s3cret" not in shown(error)


def shown(error: BaseException) -> str:
    """Everything that a person or a log might see of an error and of what is behind it."""
    texts = ["".join(traceback.format_exception(error))]
    behind: list[BaseException | None] = [error]
    for link in behind:
        if link is not None:
            texts += [str(link), repr(link), repr(link.args), repr(vars(link))]
            behind += [link.__cause__, link.__context__]
    if isinstance(error, VPSBGError):
        texts.append(pickle.dumps(error).decode("latin-1"))
    return "\n".join(texts)


async def drop(connection: RawConnection) -> None:
    await connection.request()


async def never_answer(connection: RawConnection) -> None:
    await connection.request()
    await connection.until_gone()


async def say(data: bytes, connection: RawConnection) -> None:
    await connection.request()
    await connection.write(data)


FAULTS: dict[str, Handler] = {
    "dropped": drop,
    "no answer": never_answer,
    "half a head": functools.partial(say, b"HTTP/1.1 20"),
    "no HTTP": functools.partial(say, b"SSH-2.0-OpenSSH_9.2\r\n"),
    "an odd header": functools.partial(say, b"HTTP/1.1 200 OK\r\nA\0: b\r\n\r\n"),
    "cut": functools.partial(say, b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"),
    "no gzip": functools.partial(
        say, b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 9\r\n\r\n<html>..."
    ),
    "HTML": functools.partial(say, b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>"),
    "refused": functools.partial(say, b"HTTP/1.1 401 No\r\nContent-Length: 2\r\n\r\n{}"),
    "redirected": functools.partial(
        say, b"HTTP/1.1 302 Found\r\nLocation: /login\r\nContent-Length: 0\r\n\r\n"
    ),
    "failed": functools.partial(say, b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n"),
}


class TestKeyIsHidden:
    async def test_by_the_client_and_what_it_sends(self) -> None:
        vps, transport = faked()
        await vps.request("GET", "/balance")
        request = transport.calls[0].request
        own: list[object] = [vps, vars(vps), vps.tickets, vars(vps.tickets), request]
        own += [request.headers, transport.calls, vps._session]
        for thing in own:
            assert KEY not in repr(thing)
            assert KEY not in str(thing)
        assert "Authorization" in repr(request)

    @pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
    async def test_by_errors_and_logs(
        self, fault: Handler, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        caplog.set_level(logging.DEBUG, logger="asyncio")
        async with RawServer(fault) as server:
            timeouts = Timeouts(response=0.05)
            async with VPSBG(KEY, retry=None, base_url=server.url, timeouts=timeouts) as vps:
                for method, json in (("GET", None), ("POST", {"a": 1})):
                    with pytest.raises(VPSBGError) as caught:
                        await vps.request(method, "/balance", json=json)
                    assert KEY not in shown(caught.value)
                    assert str(caught.value).startswith(f"{method} /balance: ")
        assert KEY not in caplog.text

    async def test_by_errors_of_one_line(self) -> None:
        fault = FAULTS["no gzip"]
        async with RawServer(fault) as server, VPSBG(KEY, retry=None, base_url=server.url) as vps:
            with pytest.raises(ResponseReadError) as caught:
                await vps.request("GET", "/balance")
        assert str(caught.value).isprintable()

    async def test_when_nothing_listens(self) -> None:
        async with VPSBG(KEY, retry=None, base_url="http://127.0.0.1:1") as vps:
            with pytest.raises(NotSentError) as caught:
                await vps.request("GET", "/balance")
        assert KEY not in shown(caught.value)

    async def test_no_redirect_is_followed(self) -> None:
        async with Api() as elsewhere:
            for status in (301, 302, 303, 307, 308):
                location = [("Location", f"{elsewhere.url}/login")]
                async with (
                    Api(status, b"", location) as api,
                    VPSBG(KEY, retry=None, base_url=api.url) as vps,
                ):
                    with pytest.raises(APIError) as caught:
                        await vps.request("GET", "/balance")
                assert caught.value.status == status
                assert caught.value.outcome is Outcome.UNKNOWN
            assert not elsewhere.connections


class TestBaseUrl:
    @pytest.mark.parametrize(
        ("base_url", "url"),
        [
            (None, "https://api.vpsbg.eu/v1/balance"),
            ("https://api.test", "https://api.test/balance"),
            ("https://api.test/", "https://api.test/balance"),
            ("https://api.test/v1///", "https://api.test/v1/balance"),
            ("https://api.test:8443/v1", "https://api.test:8443/v1/balance"),
            ("https://[2001:db8::1]:8443/v1", "https://[2001:db8::1]:8443/v1/balance"),
            ("http://localhost:8080/v1", "http://localhost:8080/v1/balance"),
            ("http://LOCALHOST/v1", "http://LOCALHOST/v1/balance"),
            ("http://127.0.0.1:8080/v1", "http://127.0.0.1:8080/v1/balance"),
            ("http://127.9.9.9/v1", "http://127.9.9.9/v1/balance"),
            ("http://[::1]:8080/v1", "http://[::1]:8080/v1/balance"),
        ],
    )
    async def test_what_is_called(self, base_url: str | None, url: str) -> None:
        transport = FakeTransport(Reply(json={}))
        vps = VPSBG(KEY, base_url=base_url, transport=transport)
        await vps.request("GET", "/balance")
        assert transport.calls[0].request.url == url
        assert repr(vps) == f"<VPSBG at {url.removesuffix('/balance')}>"

    async def test_from_the_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for value, host in (("https://env.test/v1/", "env.test"), ("", "api.vpsbg.eu")):
            monkeypatch.setenv("VPSBG_BASE_URL", value)
            transport = FakeTransport(Reply(json={}), Reply(json={}))
            await VPSBG(KEY, retry=None, transport=transport).request("GET", "/balance")
            assert transport.calls[0].request.url == f"https://{host}/v1/balance"
            given = VPSBG(KEY, retry=None, base_url="https://given.test", transport=transport)
            await given.request("GET", "/balance")
            assert transport.calls[1].request.url == "https://given.test/balance"

    @pytest.mark.parametrize(
        "base_url",
        [
            "api.vpsbg.eu/v1",
            "//api.vpsbg.eu/v1",
            "ftp://api.vpsbg.eu/v1",
            "file:///etc/passwd",
            "javascript:alert(1)",
            "https://",
            "https:///v1",
            "https://:443/v1",
            "https:api.vpsbg.eu",
            "https://api.test:port/v1",
            "https://api.test:99999/v1",
            "https://api.test:-1/v1",
            "https://[::1/v1",
            "https://s3cret@api.test/v1",
            "https://user:s3cret@api.test/v1",
            "https://@api.test/v1",
            "https://api.test/v1?page=1",
            "https://api.test/v1#top",
            "https://api.test/v 1",
            " https://api.test/v1",
            "https://api.test/v1\n",
            "https://api.test/\r\nX-Evil: 1",
            "https://пример.test/v1",
            "https://api.test\\@evil.test/v1",
            "https://api.test/v1?",
            "https://api.test/v1#",
            "https://api..test/v1",
            "https://api.test\\v1",
            "https://api%2etest/v1",
        ],
    )
    def test_what_cannot_be_called_is_refused_at_once(
        self, base_url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("VPSBG_BASE_URL", base_url)
        for vary in (lambda: VPSBG(KEY, base_url=base_url), lambda: VPSBG(KEY)):
            error = refusal(vary)
            assert error is not None
            assert "s3cret" not in shown(error)
            assert error.outcome is Outcome.NOT_SENT

    def test_a_password_is_not_told(self) -> None:
        error = refusal(lambda: VPSBG(KEY, retry=None, base_url="https://user:s3cret@\u2100.test/"))
        assert error is not None
        assert "s3cret" not in str(error)

    @pytest.mark.parametrize(
        "base_url",
        [
            "http://api.vpsbg.eu/v1",
            "http://localhost.evil.test/v1",
            "http://127.0.0.1.evil.test/v1",
            "http://evil-localhost/v1",
            "http://10.0.0.1/v1",
            "http://0.0.0.0/v1",
            "http://[::]/v1",
            "http://[2001:db8::1]/v1",
        ],
    )
    def test_plain_http_needs_a_word(self, base_url: str) -> None:
        error = refusal(lambda: VPSBG(KEY, base_url=base_url))
        assert error is not None
        assert "allow_http" in str(error)
        assert repr(VPSBG(KEY, base_url=base_url, allow_http=True)) == f"<VPSBG at {base_url}>"


def refusal(make: Callable[[], object]) -> ConfigurationError | None:
    try:
        make()
    except ConfigurationError as error:
        return error
    return None


class TestSettings:
    @pytest.mark.parametrize(
        "make",
        [
            *(
                functools.partial(Timeouts, **{name: cast(Any, value)})
                for name in ("pool", "connect", "stall", "response", "read")
                for value in (0, -1, float("nan"), float("inf"), "5", True)
            ),
            *(
                functools.partial(Limits, **{name: cast(Any, value)})
                for name in ("max_files", "max_file_size", "max_total_size")
                for value in (-1, 1.5, "5", True)
            ),
            functools.partial(Limits, max_files=cast(Any, None)),
            functools.partial(AiohttpTransport, proxy="127.0.0.1:3128"),
            functools.partial(AiohttpTransport, proxy="socks5://127.0.0.1:1080"),
            functools.partial(AiohttpTransport, proxy=""),
        ],
        ids=str,
    )
    def test_are_checked_when_they_are_made(self, make: Callable[[], object]) -> None:
        assert refusal(make) is not None

    @pytest.mark.parametrize(
        "arguments",
        [
            {"api_key": 123},
            {"api_key": b"key"},
            {"base_url": 123},
            {"timeouts": 30},
            {"limits": 20},
            {"transport": "https://proxy.test"},
            {"transport": object()},
        ],
        ids=str,
    )
    def test_of_the_wrong_kind(self, arguments: dict[str, Any]) -> None:
        assert refusal(lambda: VPSBG(**{"api_key": KEY, **arguments})) is not None

    @pytest.mark.parametrize(
        "arguments",
        [
            {"session": "session"},
            {"ssl_context": "context"},
            {"proxy": 3128},
            {"proxy": "http://"},
            {"proxy": "http://:3128"},
            {"proxy": "http://a b"},
            {"proxy": "http://proxy.test:99999"},
        ],
        ids=str,
    )
    def test_of_a_transport_of_the_wrong_kind(self, arguments: dict[str, Any]) -> None:
        assert refusal(lambda: AiohttpTransport(**arguments)) is not None

    async def test_every_request_carries_them(self) -> None:
        timeouts = Timeouts(connect=1, stall=2, response=3, read=4)
        transport = FakeTransport(Reply(json={}))
        await VPSBG(KEY, retry=None, transport=transport, timeouts=timeouts).request(
            "GET", "/balance"
        )
        request = transport.calls[0].request
        assert request.timeouts == timeouts
        assert request.headers["Accept"] == "application/json"
        assert request.headers["User-Agent"].startswith("vpsbg_async/")
        assert set(request.headers) == {"Accept", "Authorization", "Cache-Control", "User-Agent"}


def deep() -> object:
    inner: list[object] = []
    for _ in range(100_000):
        inner = [inner]
    return inner


def circular() -> object:
    circle: dict[str, object] = {}
    circle["a"] = circle
    return circle


class TestRequest:
    @pytest.mark.parametrize(
        ("path", "params", "target"),
        [
            ("/balance", None, "/v1/balance"),
            ("/balance", {}, "/v1/balance"),
            ("/", None, "/v1/"),
            ("/network-protection/5/", None, "/v1/network-protection/5/"),
            ("/servers", {"filter[name]": "a,b"}, "/v1/servers?filter%5Bname%5D=a,b"),
            ("/servers/1", {"include[]": "plan"}, "/v1/servers/1?include%5B%5D=plan"),
            ("/servers", {"a": True, "b": False}, "/v1/servers?a=1&b=0"),
            ("/servers", {"a": 0, "b": 1.5, "c": -2}, "/v1/servers?a=0&b=1.5&c=-2"),
            ("/servers", {"a": ""}, "/v1/servers?a="),
            ("/servers", {"name": "ключ 1"}, "/v1/servers?name=%D0%BA%D0%BB%D1%8E%D1%87%201"),
            ("/servers", {"a": "&b=1#?+%/"}, "/v1/servers?a=%26b%3D1%23%3F%2B%25%2F"),
            ("/servers", {"a": "\r\nX-Evil: 1"}, "/v1/servers?a=%0D%0AX-Evil%3A%201"),
            ("/ключ 1", None, "/v1/%D0%BA%D0%BB%D1%8E%D1%87%201"),
            ("/a%2Fb", None, "/v1/a%2Fb"),
            ("/a;b=c,d:e@f!$&'()*+~", None, "/v1/a;b=c,d:e@f!$&'()*+~"),
            ("/a\r\nX-Evil: 1", None, "/v1/a%0D%0AX-Evil:%201"),
            ("/a\\b", None, "/v1/a%5Cb"),
            ("/a..b/...", None, "/v1/a..b/..."),
        ],
    )
    async def test_what_is_asked_for(self, path: str, params: Query | None, target: str) -> None:
        vps, transport = faked()
        await vps.request("GET", path, params=params)
        assert transport.calls[0].request.url == f"https://api.test{target}"

    async def test_it_goes_out_as_it_is(self) -> None:
        async with Api() as api, VPSBG(KEY, retry=None, base_url=f"{api.url}/v1") as vps:
            await vps.request("get", "/a%2Fb/", params={"filter[name]": "a,b c", "é": True})
        (received,) = api.received
        assert received.method == "GET"
        assert received.target == "/v1/a%2Fb/?filter%5Bname%5D=a,b%20c&%C3%A9=1"
        assert received.headers["Authorization"] == f"Bearer {KEY}"
        assert received.headers["Accept"] == "application/json"
        assert "Content-Type" not in received.headers

    @pytest.mark.parametrize(
        ("json", "body"),
        [
            ({"a": [1, None, True]}, b'{"a": [1, null, true]}'),
            (0, b"0"),
            (False, b"false"),
            ("", b'""'),
            ([], b"[]"),
            ({}, b"{}"),
            ("ю", b'"\\u044e"'),
        ],
    )
    async def test_bodies(self, json: object, body: bytes) -> None:
        async with Api() as api, VPSBG(KEY, retry=None, base_url=api.url) as vps:
            await vps.request("POST", "/servers/renew/calculate", json=json)
        (received,) = api.received
        assert received.body == body
        assert received.headers["Content-Type"] == "application/json"
        assert received.headers["Content-Length"] == str(len(body))

    @pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
    async def test_no_body(self, method: str) -> None:
        async with Api() as api, VPSBG(KEY, retry=None, base_url=api.url) as vps:
            await vps.request(method, "/servers/1/start", json=None)
        assert api.received[0].body == b""
        assert "Content-Type" not in api.received[0].headers

    @pytest.mark.parametrize(
        "json",
        [
            object(),
            {1, 2},
            b"bytes",
            float("nan"),
            {"a": float("inf")},
            {("a", "b"): 1},
            10**5000,
            pytest.param(deep(), id="deep"),
            pytest.param(circular(), id="circular"),
        ],
        ids=lambda json: type(json).__name__,
    )
    async def test_what_json_cannot_hold(self, json: object) -> None:
        vps, transport = faked()
        with pytest.raises(InvalidInputError) as caught:
            await vps.request("POST", "/servers", json=json)
        assert set(caught.value.errors) == {"json"}
        assert caught.value.outcome is Outcome.NOT_SENT
        assert not transport.calls

    @pytest.mark.parametrize(
        "path",
        [
            *("", "balance", "//evil.test/balance", "///evil", "https://evil.test/balance"),
            *("\\\\evil", "http:/balance", "?a", "/..", "/../admin", "/a/../b", "/a/..", "/./a"),
            *("/a?b=1", "/a?", "/a#b", "/%2e%2e/admin", "/a/.%2E/b", "/a/%2e", 5, None),
        ],
    )
    async def test_what_is_no_path_below_the_api(self, path: Any) -> None:
        vps, transport = faked()
        with pytest.raises(InvalidInputError) as caught:
            await vps.request("GET", path)
        assert set(caught.value.errors) == {"path"}
        assert not transport.calls

    @pytest.mark.parametrize("method", ["", "GET /x", "G-T", "GET\r\nX-Evil: 1", "GÉT", "1"])
    async def test_what_is_no_method(self, method: str) -> None:
        vps, transport = faked()
        with pytest.raises(InvalidInputError) as caught:
            await vps.request(method, "/balance")
        assert set(caught.value.errors) == {"method"}
        assert not transport.calls

    @pytest.mark.parametrize(
        ("path", "params"),
        [("/\ud800", {}), ("/a", {"a": "\ud800"}), ("/a", {"\ud800": "a"})],
        ids=["path", "value", "name"],
    )
    async def test_half_a_character(self, path: str, params: Mapping[str, str]) -> None:
        vps, transport = faked()
        with pytest.raises(InvalidInputError) as caught:
            await vps.request("GET", path, params=params)
        assert "half a character" in str(caught.value) or "cannot be sent" in str(caught.value)
        assert not transport.calls

    @pytest.mark.parametrize(
        "value",
        [
            *(None, ["a"], {"a": 1}, b"a", float("nan"), float("-inf")),
            10**400,
            -(10**5000),
        ],
        ids=lambda value: type(value).__name__,
    )
    async def test_what_a_query_cannot_hold(self, value: Any) -> None:
        vps, transport = faked()
        with pytest.raises(InvalidInputError, match=r"filter\[name\]") as caught:
            await vps.request("GET", "/servers", params={"filter[name]": value})
        assert set(caught.value.errors) == {"params"}
        assert not transport.calls

    @pytest.mark.parametrize("params", ["a=1", [("a", 1)], 5, {1: "a"}], ids=str)
    async def test_what_is_no_query_at_all(self, params: Any) -> None:
        vps, _ = faked()
        with pytest.raises(InvalidInputError):
            await vps.request("GET", "/servers", params=params)

    @pytest.mark.parametrize(
        ("path", "arguments"),
        [
            ("/balance", {"json": object()}),
            ("/../balance", {}),
            ("/balance", {"params": {"a": None}}),
        ],
    )
    async def test_a_wrong_input_tells_the_call(self, path: str, arguments: dict[str, Any]) -> None:
        vps, _ = faked()
        with pytest.raises(InvalidInputError) as caught:
            await vps.request("post", path, **arguments)
        error = caught.value
        assert (error.method, error.path, error.attempts) == ("POST", path, 0)

    @pytest.mark.parametrize("path", ["/a\nb/../c", "/\x1b[31m?a", "/\ud800"], ids=ascii)
    async def test_a_wrong_input_is_told_on_one_line(self, path: str) -> None:
        vps, _ = faked()
        with pytest.raises(InvalidInputError) as caught:
            await vps.request("GET", path)
        assert str(caught.value).isprintable()


class TestAnswer:
    @pytest.mark.parametrize(
        ("status", "body", "value"),
        [
            (200, b'{"a": [1, null]}', {"a": [1, None]}),
            (200, b"[]", []),
            (200, b"0", 0),
            (200, b"false", False),
            (200, b'""', ""),
            (200, b"null", None),
            (200, b"", None),
            (200, b" \r\n", None),
            (201, b'{"id": 1}', {"id": 1}),
            (202, b"", None),
            (204, b"", None),
            (299, b"1", 1),
        ],
    )
    async def test_is_raw_json(self, status: int, body: bytes, value: object) -> None:
        async with Api(status, body) as api, VPSBG(KEY, retry=None, base_url=api.url) as vps:
            assert await vps.request("POST", "/servers/1/start") == value

    @pytest.mark.parametrize(
        "body", [b"<html>", b"{", b"{}{}", b"\xff", b"'a'", b"\0", b"undefined", b"[" * 100_000]
    )
    async def test_that_is_no_json(self, body: bytes) -> None:
        async with Api(200, body) as api, VPSBG(KEY, retry=None, base_url=api.url) as vps:
            with pytest.raises(ResponseError) as caught:
                await vps.request("POST", "/servers/1/start")
        error = caught.value
        assert (error.status, error.body) == (200, body)
        assert (error.method, error.path, error.attempts) == ("POST", "/servers/1/start", 1)
        assert error.outcome is Outcome.PROCESSED

    async def test_after_others_that_only_inform(self) -> None:
        early = b"HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"
        last = b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1"
        fault = functools.partial(say, early + last)
        async with RawServer(fault) as server, VPSBG(KEY, retry=None, base_url=server.url) as vps:
            assert await vps.request("POST", "/servers/1/start", json={}) == 1

    async def test_of_head_has_no_body(self) -> None:
        fault = functools.partial(say, b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n")
        async with RawServer(fault) as server, VPSBG(KEY, retry=None, base_url=server.url) as vps:
            assert await vps.request("HEAD", "/balance") is None

    async def test_that_is_an_error(self) -> None:
        body = b'{"message": "No query results."}'
        async with Api(404, body) as api, VPSBG(KEY, retry=None, base_url=api.url) as vps:
            with pytest.raises(NotFoundError, match=r"^GET /servers/1: .*No query results\."):
                await vps.request("GET", "/servers/1")


class TestLifetime:
    async def test_leaving_closes_the_transport(self) -> None:
        transport = Watched()
        vps = VPSBG(KEY, retry=None, transport=transport)
        async with vps as entered:
            assert entered is vps
            assert transport.closings == 0
        assert transport.closings == 1

    async def test_leaving_with_an_error_closes_too_and_hides_nothing(self) -> None:
        transport = Watched()
        with pytest.raises(NotSentError):
            async with VPSBG(KEY, retry=None, transport=transport) as vps:
                await vps.request("GET", "/balance")
        assert transport.closings == 1

    async def test_closing(self) -> None:
        transport = Watched()
        await VPSBG(KEY, retry=None, transport=transport).aclose()
        assert transport.closings == 1

    async def test_a_client_that_was_never_used_can_be_closed(self) -> None:
        vps = VPSBG(KEY)
        await vps.aclose()
        await vps.aclose()
        with pytest.raises(NotSentError, match="closed"):
            await vps.request("GET", "/balance")

    async def test_nothing_is_sent_afterwards(self) -> None:
        async with Api() as api:
            async with VPSBG(KEY, retry=None, base_url=api.url) as vps:
                await vps.request("GET", "/balance")
            for json in BODIES:
                with pytest.raises(NotSentError, match=r"^POST /balance: .*closed"):
                    await vps.request("POST", "/balance", json=json)
            with pytest.raises(NotSentError):
                await vps.tickets.create(department_id=2, subject="Down", message="It is down.")
        assert len(api.received) == 1

    async def test_a_call_under_way_fails_as_unknown(self) -> None:
        arrived = asyncio.Event()

        async def take(connection: RawConnection) -> None:
            await connection.request()
            arrived.set()
            await connection.until_gone()

        async with RawServer(take) as server:
            vps = VPSBG(KEY, retry=None, base_url=server.url)
            call = asyncio.create_task(vps.request("POST", "/support", json={}))
            await arrived.wait()
            await vps.aclose()
            with pytest.raises(OutcomeUnknownError):
                await call

    async def test_the_services_are_made_once(self) -> None:
        vps, _ = faked()
        assert vps.tickets is vps.tickets

    async def test_many_calls_at_once(self) -> None:
        async with Api() as api, VPSBG(KEY, retry=None, base_url=api.url) as vps:
            paths = [f"/servers/{number}" for number in range(20)]
            await asyncio.gather(*(vps.request("GET", path) for path in paths))
        assert sorted(item.target for item in api.received) == sorted(paths)


class TestLoops:
    def test_made_before_there_is_a_loop(self) -> None:
        vps = VPSBG(KEY, retry=None, base_url="http://127.0.0.1:1", transport=AiohttpTransport())

        async def use() -> None:
            async with vps:
                with pytest.raises(NotSentError, match=r"127\.0\.0\.1:1"):
                    await vps.request("GET", "/balance")

        asyncio.run(use())

    def test_used_in_two_loops(self) -> None:
        async def answer_once(connection: RawConnection) -> None:
            await connection.request()
            await connection.answer(200, b"{}", [("Connection", "close")])

        async def serve() -> VPSBG:
            async with RawServer(answer_once) as server:
                vps = VPSBG(KEY, retry=None, base_url=server.url)
                assert await vps.request("GET", "/balance") == {}
                return vps

        async def use_again(vps: VPSBG) -> None:
            for json in BODIES:
                with pytest.raises(NotSentError, match="another event loop"):
                    await vps.request("POST", "/balance", json=json)
            await vps.aclose()

        asyncio.run(use_again(asyncio.run(serve())))


SEEN: list[str] = []


async def meddle(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """An application's middleware, which is none of our business."""
    SEEN.append(str(request.url))
    return await handler(request)


@asynccontextmanager
async def an_applications_session(base_url: str) -> AsyncIterator[aiohttp.ClientSession]:
    """A session with everything that could hurt."""
    SEEN.clear()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of auth=, which many still use
        session = aiohttp.ClientSession(
            base_url=base_url,
            headers={"X-App": "app", "Content-Type": "application/json", "Accept": "text/html"},
            cookies={"app": "s3cret"},
            cookie_jar=aiohttp.CookieJar(unsafe=True),
            auth=aiohttp.BasicAuth("app", "s3cret"),
            raise_for_status=True,
            middlewares=[meddle],
        )
    async with session:
        yield session


class TestLentSession:
    async def test_lends_its_connections_only(self) -> None:
        async with (
            Api(200, b"{}", [("Set-Cookie", "api=1; Path=/")]) as api,
            an_applications_session(f"{api.url}/app/") as session,
        ):
            transport = AiohttpTransport(session=session)
            async with VPSBG(KEY, retry=None, base_url=f"{api.url}/v1", transport=transport) as vps:
                for _ in range(2):
                    await vps.request("POST", "/balance", json={})
            assert [item.target for item in api.received] == ["/v1/balance"] * 2
            for received in api.received:
                assert received.headers["Authorization"] == f"Bearer {KEY}"
                assert received.headers["Accept"] == "application/json"
                assert {name.lower() for name in received.headers} == {
                    *("host", "accept", "accept-encoding", "authorization", "user-agent"),
                    "cache-control",
                    *("content-type", "content-length"),
                }
            assert not SEEN
            assert [cookie.key for cookie in session.cookie_jar] == ["app"]
            async with session.get("own") as response:
                assert response.status == 200
            own = api.received[-1]
            assert own.target == "/app/own"
            assert own.headers["X-App"] == "app"
            assert own.headers["Authorization"].startswith("Basic ")
            assert own.headers["Cookie"] == "app=s3cret"
            assert len(SEEN) == 1
            assert len(api.connections) == 1, "the connection was not shared"

    async def test_does_not_judge_our_answers(self) -> None:
        async with (
            Api(404, b'{"message": "None."}') as api,
            an_applications_session(f"{api.url}/") as session,
        ):
            vps = VPSBG(
                KEY, retry=None, base_url=api.url, transport=AiohttpTransport(session=session)
            )
            with pytest.raises(NotFoundError, match=r"None\."):
                await vps.request("GET", "/servers/1")
            await vps.aclose()
            assert not session.closed

    @pytest.mark.parametrize("used_before", [False, True])
    async def test_closed_by_its_owner(self, *, used_before: bool) -> None:
        async with Api() as api:
            async with an_applications_session(f"{api.url}/") as session:
                vps = VPSBG(
                    KEY, retry=None, base_url=api.url, transport=AiohttpTransport(session=session)
                )
                if used_before:
                    await vps.request("GET", "/balance")
            for json in BODIES:
                with pytest.raises(NotSentError, match="closed"):
                    await vps.request("POST", "/balance", json=json)
            await vps.aclose()
        assert len(api.received) == used_before


@pytest.fixture
def netrc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "netrc"
    lines = ("machine api.test login app password netrc-s3cret",)
    path.write_text("\n".join((*lines, "default login app password netrc-s3cret", "")))
    path.chmod(0o600)
    monkeypatch.setenv("NETRC", str(path))
    return path


class Proxy(RawServer):
    """A proxy that answers for every server, and keeps what it was sent, byte for byte."""

    def __init__(self, status: int = 200) -> None:
        super().__init__(self._answer)
        self.heads: list[str] = []
        self._status = status

    async def _answer(self, connection: RawConnection) -> None:
        while True:
            self.heads.append((await connection.reader.readuntil(b"\r\n\r\n")).decode())
            await connection.answer(self._status, b"{}")


class TestProxy:
    @pytest.mark.parametrize("case", [str.lower, str.upper], ids=["lower", "upper"])
    async def test_from_the_environment(
        self, case: Callable[[str], str], monkeypatch: pytest.MonkeyPatch, netrc: Path
    ) -> None:
        async with Proxy() as proxy:
            monkeypatch.setenv(case("http_proxy"), proxy.url)
            transport = AiohttpTransport(trust_env=True)
            async with VPSBG(
                KEY, base_url="http://api.test/v1", transport=transport, allow_http=True
            ) as vps:
                assert await vps.request("GET", "/balance", params={"a": "b c"}) == {}
        (head,) = proxy.heads
        assert head.startswith("GET http://api.test/v1/balance?a=b%20c HTTP/1.1\r\n")
        self.check_secrets(head, netrc)

    def check_secrets(self, head: str, netrc: Path) -> None:
        """Our key and nothing of the netrc file."""
        assert f"Authorization: Bearer {KEY}\r\n" in head
        assert "netrc-s3cret" in netrc.read_text()
        for secret in (b"app:netrc-s3cret", b"netrc-s3cret"):
            assert base64.b64encode(secret).decode() not in head
            assert secret.decode() not in head

    async def test_that_was_given(self, netrc: Path) -> None:
        async with Proxy() as proxy:
            transport = AiohttpTransport(proxy=proxy.url.replace("://", "://user:pass@"))
            async with VPSBG(
                KEY, base_url="http://api.test", transport=transport, allow_http=True
            ) as vps:
                assert await vps.request("GET", "/balance") == {}
        (head,) = proxy.heads
        assert f"Proxy-Authorization: Basic {base64.b64encode(b'user:pass').decode()}\r\n" in head
        self.check_secrets(head, netrc)

    @pytest.mark.parametrize("trusted", [False, True])
    async def test_is_not_used_unless_it_should(
        self, *, trusted: bool, monkeypatch: pytest.MonkeyPatch, netrc: Path
    ) -> None:
        async with Proxy() as proxy, Api() as api:
            monkeypatch.setenv("http_proxy", proxy.url)
            if trusted:
                monkeypatch.setenv("no_proxy", "localhost,127.0.0.1")
            transport = AiohttpTransport(trust_env=trusted)
            async with VPSBG(KEY, retry=None, base_url=api.url, transport=transport) as vps:
                await vps.request("GET", "/balance")
        assert not proxy.connections
        assert api.received[0].headers["Authorization"] == f"Bearer {KEY}"

    @pytest.mark.parametrize("text", ["machine", "\0", "default login"])
    async def test_a_broken_netrc_breaks_nothing(self, text: str, netrc: Path) -> None:
        netrc.write_text(text)  # noqa: ASYNC240 - nothing else runs yet
        transport = AiohttpTransport(trust_env=True)
        async with (
            Api() as api,
            VPSBG(KEY, retry=None, base_url=api.url, transport=transport) as vps,
        ):
            assert await vps.request("GET", "/balance") == {}

    @pytest.mark.parametrize("proxy", ["127.0.0.1:3128", "http://127.0.0.1:1", "http://"])
    async def test_that_cannot_be_used(self, proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("https_proxy", proxy)
        transport = AiohttpTransport(trust_env=True)
        async with VPSBG(KEY, retry=None, base_url="https://api.test", transport=transport) as vps:
            for json in BODIES:
                with pytest.raises(NotSentError):
                    await vps.request("POST", "/balance", json=json)

    async def test_that_cannot_be_used_is_told_without_its_password(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("https_proxy", "http://user:s3cret@proxy.test:99999")
        transport = AiohttpTransport(trust_env=True)
        async with VPSBG(KEY, retry=None, base_url="https://api.test", transport=transport) as vps:
            with pytest.raises(NotSentError) as caught:
                await vps.request("GET", "/balance")
        assert "s3cret" not in str(caught.value)

    async def test_that_refuses(self) -> None:
        async with Proxy(407) as proxy:
            transport = AiohttpTransport(proxy=proxy.url)
            async with VPSBG(
                KEY, retry=None, base_url="https://api.test", transport=transport
            ) as vps:
                with pytest.raises(NotSentError, match="407") as caught:
                    await vps.request("POST", "/balance", json={})
        assert proxy.heads[0].startswith("CONNECT api.test:443 ")
        assert KEY not in proxy.heads[0]
        assert KEY not in shown(caught.value)

    async def test_the_password_of_a_proxy_is_not_told(self) -> None:
        async with Proxy(407) as proxy:
            transport = AiohttpTransport(proxy=proxy.url.replace("://", "://user:s3cret@"))
            async with VPSBG(
                KEY, retry=None, base_url="https://api.test", transport=transport
            ) as vps:
                with pytest.raises(NotSentError) as caught:
                    await vps.request("GET", "/balance")
        assert "s3cret" not in str(caught.value)


def test_headers_hide_secrets_however_they_are_written() -> None:
    names = ("authorization", "AUTHORIZATION", "Cookie", "Set-Cookie", "Proxy-Authorization")
    for name in names:
        for headers in (Headers({name: KEY}), Headers([(name, KEY), (name, KEY)])):
            assert KEY not in repr(headers)
            assert KEY not in f"{headers} {headers!s} {[headers]}"
            assert headers[name.swapcase()].startswith(KEY)


def test_the_key_is_hidden_where_the_values_of_variables_are_listed() -> None:
    for settings in ({"base_url": "ftp://api.test"}, {"timeouts": 30}):
        try:
            VPSBG(KEY, **settings)
        except ConfigurationError as error:
            told = traceback.TracebackException.from_exception(error, capture_locals=True)
            ours = [frame for frame in told.stack if frame.filename != __file__]
            assert ours
            assert all(KEY not in str(frame.locals) for frame in ours)


async def test_the_key_is_hidden_in_the_frames_of_a_call() -> None:
    async with VPSBG(KEY, retry=None, base_url="http://127.0.0.1:1") as vps:
        try:
            await vps.request("GET", "/balance")
        except NotSentError as error:
            told = traceback.TracebackException.from_exception(error, capture_locals=True)
            assert KEY not in "".join(str(frame.locals) for frame in told.stack)
