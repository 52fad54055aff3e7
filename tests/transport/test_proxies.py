"""Both transports through a proxy: plain and encrypted, with a password, from the environment."""

from __future__ import annotations

import asyncio
import base64
import functools
import hashlib
import logging
import traceback
from collections.abc import AsyncIterator
from pathlib import Path
from typing import cast

import pytest

from tests.transport.peers import (
    TRANSPORTS,
    ForwardProxy,
    TlsServer,
    Transporting,
    answering,
    authority,
    closing,
    request_to,
    server_context,
    trusting,
)
from vpsbg_async import (
    VPSBG,
    ConfigurationError,
    Headers,
    NotSentError,
    OutcomeUnknownError,
    Request,
    Timeouts,
    TransportError,
)
from vpsbg_async.sandbox import Sandbox
from vpsbg_async.testing import RawConnection, RawServer
from vpsbg_async.testing.bodies import WatchedBody, hanging
from vpsbg_async.testing.conformance import consume
from vpsbg_async.transport.httpx import HttpxTransport
from vpsbg_async.transport.reach import Proxy

USER, PASSWORD = "us er", "p@ss:w/рд"
ENCODED = "us%20er:p%40ss%3Aw%2F%D1%80%D0%B4"
BIG = bytes(range(256)) * 1024

both = pytest.mark.parametrize("make", TRANSPORTS)


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "REQUEST_METHOD"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


async def chunks_of(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


class Keeping:
    """A server that keeps the headers it was sent."""

    def __init__(self) -> None:
        self.headers: list[Headers] = []

    async def __call__(self, connection: RawConnection) -> None:
        while True:
            received = await connection.request()
            self.headers.append(received.headers)
            await connection.answer(200, received.body)


@both
class TestTheWay:
    async def test_plain(self, make: Transporting) -> None:
        async with RawServer(answering) as server, ForwardProxy() as proxy:
            async with closing(make(proxy=proxy.url)) as transport:
                assert await consume(transport, request_to(f"{server.url}/a?b")) == b"POST /a?b"
                assert await consume(transport, request_to(f"{server.url}/", "GET")) == b"GET /"
            assert proxy.asked == [f"POST {server.url}/a?b", f"GET {server.url}/"]
            assert len(proxy.connections) == 1

    async def test_encrypted(self, make: Transporting) -> None:
        """The proxy sees where it goes, and nothing else."""
        keeping = Keeping()
        async with TlsServer(keeping) as server, ForwardProxy() as proxy:
            async with closing(make(proxy=proxy.url, ssl_context=trusting())) as transport:
                for _ in range(2):
                    request = Request(
                        method="POST",
                        url=f"{server.url}/a",
                        headers=Headers({"Authorization": "Bearer key"}),
                        body=WatchedBody.of(b"x" * (3 * len(BIG)), b"!"),
                    )
                    assert await consume(transport, request) == b"x" * (3 * len(BIG)) + b"!"
            assert proxy.asked == [f"CONNECT {server.url.removeprefix('https://')}"]
            assert "key" not in str(dict(proxy.heads[0][2]))
        assert [headers["Authorization"] for headers in keeping.headers] == ["Bearer key"] * 2

    async def test_of_a_stream_of_unknown_length(self, make: Transporting) -> None:
        async with (
            TlsServer(Keeping()) as server,
            ForwardProxy() as proxy,
            closing(make(proxy=proxy.url, ssl_context=trusting())) as transport,
        ):
            body = WatchedBody(functools.partial(chunks_of, BIG, b"!"), None)
            request = Request(method="POST", url=server.url, body=body)
            assert await consume(transport, request) == BIG + b"!"

    @pytest.mark.parametrize("is_plain", [True, False])
    async def test_to_a_proxy_that_is_spoken_to_by_tls(
        self, make: Transporting, is_plain: bool
    ) -> None:
        context = server_context(authority().issue_cert("127.0.0.1"))
        server = RawServer(answering) if is_plain else TlsServer(answering)
        async with server, ForwardProxy(context=context) as proxy:
            async with closing(make(proxy=proxy.url, ssl_context=trusting())) as transport:
                assert await consume(transport, request_to(server.url)) == b"POST /"
            assert len(proxy.heads) == 1

    async def test_of_a_ticket(self, make: Transporting, tmp_path: Path) -> None:
        big = tmp_path / "big.log"
        big.write_bytes(BIG)
        async with Sandbox(directory=tmp_path) as sandbox, ForwardProxy() as proxy:
            transport = make(proxy=proxy.url)
            async with VPSBG(sandbox.api_key, base_url=sandbox.url, transport=transport) as vps:
                ticket = await vps.tickets.create(
                    department_id=2, subject="Down", message="It is down.", attachments=[big]
                )
            assert proxy.asked == [f"POST {sandbox.url}/support/tickets"]
            assert ticket.attachment_mismatches == ()
            (file,) = sandbox.tickets[0].messages[0].attachments
            assert file.sha256 == hashlib.sha256(BIG).hexdigest()


@both
class TestAPassword:
    async def test_is_shown_to_the_proxy_only(self, make: Transporting) -> None:
        keeping, words = Keeping(), f"{USER}:{PASSWORD}"
        shown = f"Basic {base64.b64encode(words.encode()).decode()}"
        async with (
            TlsServer(keeping) as server,
            ForwardProxy(password=words) as proxy,
            closing(make(proxy=proxy.url_with(ENCODED), ssl_context=trusting())) as transport,
        ):
            await consume(transport, request_to(server.url))
            await consume(transport, request_to(server.url))
            assert proxy.shown == [shown]
        assert all("Proxy-Authorization" not in headers for headers in keeping.headers)

    async def test_goes_with_every_plain_request(self, make: Transporting) -> None:
        words = f"{USER}:{PASSWORD}"
        async with (
            RawServer(answering) as server,
            ForwardProxy(password=words) as proxy,
            closing(make(proxy=proxy.url_with(ENCODED))) as transport,
        ):
            for method in ("GET", "POST"):
                assert await consume(transport, request_to(server.url, method))
            assert len(set(proxy.shown)) == len(proxy.connections) == 1

    async def test_of_a_user_alone(self, make: Transporting) -> None:
        async with (
            RawServer(answering) as server,
            ForwardProxy(password="token:") as proxy,
            closing(make(proxy=proxy.url_with("token"))) as transport,
        ):
            assert await consume(transport, request_to(server.url)) == b"POST /"

    async def test_that_is_wrong(self, make: Transporting) -> None:
        async with TlsServer(answering) as server, ForwardProxy(password="a:b") as proxy:
            for url in (proxy.url, proxy.url_with("a:c")):
                async with closing(make(proxy=url, ssl_context=trusting())) as transport:
                    for method in ("GET", "POST"):
                        with pytest.raises(
                            NotSentError, match=r"^the proxy answered 407"
                        ) as caught:
                            await consume(transport, request_to(server.url, method))
                        assert caught.value.permanent
            assert not server.connections

    async def test_shows_nowhere(
        self, make: Transporting, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        texts = []
        async with (
            TlsServer(answering) as server,
            RawServer(answering) as plain,
            ForwardProxy(password="a:b") as refusing,
            ForwardProxy(refusal=b"HTTP/1.1 502 No\r\n\r\n") as failing,
            ForwardProxy(refusal=b"") as silent,
            ForwardProxy(password=f"{USER}:{PASSWORD}") as right,
        ):
            away = "http://127.0.0.1:9"
            for url in (*(proxy.url for proxy in (refusing, failing, silent, right)), away):
                proxy = url.replace("://", f"://{ENCODED}@")
                async with closing(make(proxy=proxy, ssl_context=trusting())) as transport:
                    for target in (server.url, plain.url):
                        request = request_to(target)
                        try:
                            await consume(transport, request)
                        except TransportError as error:
                            texts += traceback.format_exception(error)
                            texts += map(repr, (error, error.__cause__, error.__context__))
                    texts += map(repr, (transport, vars(transport), transport.send(request)))
            for url in (f"socks5://{ENCODED}@127.0.0.1:9", f"http://{ENCODED}@"):
                with pytest.raises(ConfigurationError) as caught:
                    make(proxy=url)
                texts += traceback.format_exception(caught.value)[-1:]
        told = "".join(texts) + caplog.text
        assert "the proxy answered 502" in told
        basic = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        for secret in (PASSWORD, ENCODED.partition(":")[2], basic):
            assert secret not in told


@both
class TestTheEnvironment:
    @pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy"])
    @pytest.mark.parametrize("has_scheme", [True, False])
    async def test_names_one(
        self, make: Transporting, monkeypatch: pytest.MonkeyPatch, name: str, has_scheme: bool
    ) -> None:
        async with TlsServer(answering) as server, ForwardProxy(password="a:b") as proxy:
            named = proxy.url_with("a:b")
            monkeypatch.setenv(name, named if has_scheme else named.removeprefix("http://"))
            async with closing(make(trust_env=True, ssl_context=trusting())) as transport:
                assert await consume(transport, request_to(server.url)) == b"POST /"
            assert len(proxy.asked) == 1

    @pytest.mark.parametrize("exception", ["127.0.0.1", "*", "a.test,127.0.0.1:{port}"])
    async def test_names_exceptions(
        self, make: Transporting, monkeypatch: pytest.MonkeyPatch, exception: str
    ) -> None:
        async with RawServer(answering) as server, ForwardProxy() as proxy:
            monkeypatch.setenv("http_proxy", proxy.url)
            monkeypatch.setenv("no_proxy", exception.format(port=server.url.rpartition(":")[2]))
            async with closing(make(trust_env=True)) as transport:
                assert await consume(transport, request_to(server.url)) == b"POST /"
            assert proxy.asked == []

    async def test_is_asked_for_each_request(
        self, make: Transporting, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async with (
            RawServer(answering) as server,
            ForwardProxy() as proxy,
            closing(make(trust_env=True)) as transport,
        ):
            await consume(transport, request_to(server.url))
            monkeypatch.setenv("http_proxy", proxy.url)
            await consume(transport, request_to(server.url))
            assert len(proxy.asked) == 1

    async def test_is_not_asked_otherwise(
        self, make: Transporting, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
        async with RawServer(answering) as server, ForwardProxy() as proxy:
            async with closing(make()) as transport:
                assert await consume(transport, request_to(server.url)) == b"POST /"
            async with closing(make(proxy=proxy.url, trust_env=True)) as transport:
                assert await consume(transport, request_to(server.url)) == b"POST /"
            assert len(proxy.asked) == 1

    @pytest.mark.parametrize("named", ["socks5://u:s3cret@a.test", "http://u:s3cret@a b", "://"])
    async def test_names_what_cannot_be_used(
        self, make: Transporting, monkeypatch: pytest.MonkeyPatch, named: str
    ) -> None:
        monkeypatch.setenv("http_proxy", named)
        async with closing(make(trust_env=True)) as transport:
            with pytest.raises(NotSentError, match="the proxy that the environment") as caught:
                await consume(transport, request_to("http://127.0.0.1:9"))
            assert caught.value.permanent
            assert "s3cret" not in "".join(traceback.format_exception(caught.value))

    async def test_passwords_of_others_are_not_looked_up(
        self, make: Transporting, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        netrc = tmp_path / "netrc"
        netrc.write_text("machine 127.0.0.1 login a password b\n")
        netrc.chmod(0o600)
        monkeypatch.setenv("NETRC", str(netrc))
        keeping = Keeping()
        async with RawServer(keeping) as server, ForwardProxy() as proxy:
            monkeypatch.setenv("http_proxy", proxy.url)
            async with closing(make(trust_env=True)) as transport:
                await consume(transport, request_to(server.url))
            assert proxy.shown == [None]
        assert "Authorization" not in keeping.headers[0]


@both
class TestAProxyThatRefuses:
    """Nothing that could be acted on has come through it."""

    @pytest.mark.parametrize("method", ["GET", "POST"])
    @pytest.mark.parametrize(
        ("said", "text"),
        [
            (b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 3\r\n\r\nbad", "the proxy answered 502"),
            (b"HTTP/1.1 403 Forbidden\r\n\r\n", "the proxy answered 403"),
            (b"HTTP/1.1 302 Found\r\nLocation: https://a.test/\r\n\r\n", "the proxy answered 302"),
            (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", "the answer is not HTTP"),
            (b"HTTP/1.1 2", ""),
            (b"", "the server closed the connection"),
            (b"HTTP/1.1 200 Connection established\r\n\r\n", ""),
            (b"HTTP/1.1 200 Connection established\r\n\r\nnot TLS, but a great deal of text", ""),
        ],
    )
    async def test_a_tunnel(self, make: Transporting, said: bytes, text: str, method: str) -> None:
        async with ForwardProxy(refusal=said) as proxy:
            async with closing(make(proxy=proxy.url, ssl_context=trusting())) as transport:
                request = request_to("https://api.test/v1/balance", method, connect=5)
                with pytest.raises(NotSentError) as caught:
                    await consume(transport, request)
                assert str(caught.value).startswith(text)
                assert not caught.value.permanent
                assert request.body is None or cast(WatchedBody, request.body).opened == 0
            assert proxy.asked == ["CONNECT api.test:443"]

    async def test_a_plain_request(self, make: Transporting) -> None:
        """Whose answer it is cannot be told: it is for the caller to judge, as any is."""
        async with (
            ForwardProxy(refusal=b"HTTP/1.1 502 No\r\nContent-Length: 3\r\n\r\nbad") as proxy,
            closing(make(proxy=proxy.url)) as transport,
            transport.send(request_to("http://api.test/v1/balance")) as response,
        ):
            assert response.status == 502
            assert await response.read() == b"bad"

    async def test_by_its_absence(self, make: Transporting) -> None:
        for url in ("https://api.test/", "http://api.test/"):
            async with closing(make(proxy="http://127.0.0.1:9")) as transport:
                with pytest.raises(NotSentError, match=r"^cannot connect to 127\.0\.0\.1:9: "):
                    await consume(transport, request_to(url))

    async def test_by_its_silence(self, make: Transporting) -> None:
        async def listen(connection: RawConnection) -> None:
            await connection.until_gone()

        async with RawServer(listen) as proxy:
            for body in (None, WatchedBody.of(b"one")):
                async with closing(make(proxy=proxy.url)) as transport:
                    request = Request(
                        method="POST",
                        url="https://api.test/",
                        body=body,
                        timeouts=Timeouts(connect=0.1),
                    )
                    with pytest.raises(NotSentError, match=r"no connection within 0\.1 s"):
                        await consume(transport, request)
            async with asyncio.timeout(5):
                for connection in proxy.connections:
                    await connection.gone.wait()

    async def test_with_a_certificate_that_is_not_trusted(self, make: Transporting) -> None:
        context = server_context(authority("another").issue_cert("127.0.0.1"))
        async with ForwardProxy(context=context) as proxy:
            async with closing(make(proxy=proxy.url, ssl_context=trusting())) as transport:
                with pytest.raises(NotSentError, match="its certificate is not accepted"):
                    await consume(transport, request_to("https://api.test/"))
            assert proxy.heads == []


@both
class TestBehindATunnel:
    async def test_a_server_that_is_not_trusted(self, make: Transporting) -> None:
        context = server_context(authority("another").issue_cert("127.0.0.1"))
        async with TlsServer(answering, context) as server, ForwardProxy() as proxy:
            async with closing(make(proxy=proxy.url, ssl_context=trusting())) as transport:
                for _ in range(5):
                    with pytest.raises(NotSentError, match="its certificate is not accepted"):
                        await consume(transport, request_to(server.url))
                if isinstance(transport, HttpxTransport):
                    (pool,) = transport._pools.values()
                    assert len(pool.connections) <= 1  # what has failed does not pile up
            assert len(proxy.asked) == 5

    async def test_what_is_cut_was_sent_or_was_not(self, make: Transporting) -> None:
        async def take_and_drop(connection: RawConnection) -> None:
            await connection.request()

        async def drop_in_the_body(connection: RawConnection) -> None:
            await connection.head()
            await connection.reader.readexactly(3)

        whole, half = (
            WatchedBody.of(b"one"),
            WatchedBody(functools.partial(hanging, asyncio.Event()), 6),
        )
        async with ForwardProxy() as proxy:
            for handler, body, kind in (
                (take_and_drop, whole, OutcomeUnknownError),
                (take_and_drop, None, OutcomeUnknownError),
                (drop_in_the_body, half, NotSentError),
            ):
                async with TlsServer(handler) as server:
                    request = Request(method="POST", url=server.url, body=body)
                    async with closing(make(proxy=proxy.url, ssl_context=trusting())) as transport:
                        with pytest.raises(kind):
                            await consume(transport, request)
            assert len(proxy.asked) == 3

    async def test_cancelled_on_the_way_in(self, make: Transporting) -> None:
        async with TlsServer(answering) as server, ForwardProxy() as proxy:
            async with closing(make(proxy=proxy.url, ssl_context=trusting())) as transport:
                for turns in range(0, 40, 3):
                    sending = asyncio.ensure_future(consume(transport, request_to(server.url)))
                    for _ in range(turns):
                        await asyncio.sleep(0)
                    sending.cancel()
                    await asyncio.wait((sending,))
                    assert sending.cancelled() or sending.result() == b"POST /"
                assert await consume(transport, request_to(server.url)) == b"POST /"
            async with asyncio.timeout(5):
                for connection in proxy.connections:
                    await connection.gone.wait()


@pytest.mark.parametrize(
    ("url", "bare"),
    [
        ("http://a.test", "http://a.test:80"),
        ("https://A.test:8443/path?query", "https://a.test:8443"),
        ("http://[::1]:3128", "http://[::1]:3128"),
        ("http://прокси.test:1", "http://xn--h1adldfi.test:1"),
        ("socks5://a.test", None),
        ("a.test:3128", None),
        ("http://", None),
        ("http://a:b", None),
        ("http://a b", None),
        ("http://[::1", None),
        ("", None),
        (None, None),
        (3128, None),
    ],
)
def test_urls(url: object, bare: str | None) -> None:
    proxy = Proxy.of(url)
    assert (proxy and proxy.url) == bare
