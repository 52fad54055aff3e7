"""Both transports over TLS: who is trusted, who is let in, and what is said if not."""

from __future__ import annotations

import asyncio
import functools
import hashlib
import ssl
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme

from tests.transport.peers import (
    TRANSPORTS,
    StrictServer,
    TlsServer,
    Transporting,
    answering,
    authority,
    closing,
    request_to,
    server_context,
    trusting,
)
from tests.wire.test_cut_uploads import OVERHEAD, TlsLine
from vpsbg_async import (
    VPSBG,
    Attachment,
    NotSentError,
    Outcome,
    OutcomeUnknownError,
    Request,
    ResponseReadError,
)
from vpsbg_async.testing import RawConnection, RawServer
from vpsbg_async.testing.bodies import WatchedBody, hanging
from vpsbg_async.testing.conformance import consume

MIB = 1024 * 1024
VERSIONS = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)
DAY = timedelta(days=1)

pytestmark = pytest.mark.parametrize("make", TRANSPORTS)


def certificate(
    ca: trustme.CA | None = None, host: str = "127.0.0.1", ago: int = 0
) -> ssl.SSLContext:
    """That of a server, which has ended so many days ago."""
    now = datetime.now(UTC)
    issued = (ca or authority()).issue_cert(
        host, not_before=now - (ago + 1) * DAY, not_after=now - ago * DAY if ago else now + DAY
    )
    return server_context(issued)


class TestTheServer:
    @pytest.mark.parametrize("version", VERSIONS)
    async def test_of_an_authority_of_ones_own(
        self, make: Transporting, version: ssl.TLSVersion
    ) -> None:
        context = certificate()
        context.minimum_version = context.maximum_version = version
        async with TlsServer(answering, context) as server:
            async with closing(make(ssl_context=trusting())) as transport:
                for method in ("GET", "POST", "POST", "DELETE"):
                    got = await consume(transport, request_to(server.url, method))
                    assert got == f"{method} /".encode()
            assert len(server.connections) == 1

    async def test_by_its_name(self, make: Transporting) -> None:
        async with (
            TlsServer(answering, certificate(host="localhost")) as server,
            closing(make(ssl_context=trusting())) as transport,
        ):
            url = server.url.replace("127.0.0.1", "localhost")
            assert await consume(transport, request_to(url)) == b"POST /"

    @pytest.mark.parametrize(
        ("context", "trust", "text"),
        [
            (certificate, functools.partial(trusting, authority("another")), "local issuer"),
            (functools.partial(certificate, authority("another")), trusting, "local issuer"),
            (certificate, lambda: None, "local issuer"),
            (functools.partial(certificate, ago=1), trusting, "has expired"),
            (functools.partial(certificate, host="a.test"), trusting, "not valid for '127.0.0.1'"),
        ],
        ids=["wrong authority", "wrong server", "of no authority", "expired", "wrong host"],
    )
    @pytest.mark.parametrize("method", ["GET", "POST"])
    async def test_that_is_not_trusted(
        self,
        make: Transporting,
        context: Callable[[], ssl.SSLContext],
        trust: Callable[[], ssl.SSLContext | None],
        text: str,
        method: str,
    ) -> None:
        async with (
            TlsServer(answering, context()) as server,
            closing(make(ssl_context=trust())) as transport,
        ):
            request = request_to(server.url, method)
            with pytest.raises(NotSentError, match="its certificate is not accepted") as caught:
                await consume(transport, request)
            assert text in str(caught.value)
            assert "127.0.0.1" in str(caught.value)
            assert isinstance(caught.value.__cause__, ssl.SSLCertVerificationError)
            assert server.connections == []
            if isinstance(request.body, WatchedBody):
                assert request.body.opened == 0

    async def test_that_need_not_be_trusted(self, make: Transporting) -> None:
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        async with (
            TlsServer(answering, certificate(ago=1, host="a.test")) as server,
            closing(make(ssl_context=context)) as transport,
        ):
            assert await consume(transport, request_to(server.url)) == b"POST /"

    @pytest.mark.parametrize(
        "said", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"220 mail ESMTP\r\n", b""]
    )
    async def test_that_does_not_speak_it(self, make: Transporting, said: bytes) -> None:
        async def speak(connection: RawConnection) -> None:
            await connection.reader.read(1)
            await connection.write(said)

        async with RawServer(speak) as server:
            url = server.url.replace("http:", "https:")
            async with closing(make(ssl_context=trusting())) as transport:
                with pytest.raises(NotSentError, match="127"):
                    await consume(transport, request_to(url))

    async def test_that_never_ends_its_greeting(self, make: Transporting) -> None:
        async def listen(connection: RawConnection) -> None:
            await connection.until_gone()

        async with RawServer(listen) as server:
            url = server.url.replace("http:", "https:")
            async with closing(make(ssl_context=trusting())) as transport:
                with pytest.raises(NotSentError, match=r"no connection within 0\.1 s"):
                    await consume(transport, request_to(url, connect=0.1))
            async with asyncio.timeout(5):
                await server.connections[0].gone.wait()

    async def test_of_the_applications_settings_nothing_is_changed(
        self, make: Transporting
    ) -> None:
        changed: list[object] = []

        class Watched(ssl.SSLContext):
            def set_alpn_protocols(self, alpn_protocols: Iterable[str]) -> None:
                changed.append(alpn_protocols)

        context = Watched(ssl.PROTOCOL_TLS_CLIENT)
        authority().configure_trust(context)
        async with (
            TlsServer(answering) as server,
            closing(make(ssl_context=context)) as transport,
        ):
            assert await consume(transport, request_to(server.url)) == b"POST /"
        assert not changed


class TestOurselves:
    """Servers that ask for a certificate of the client."""

    @pytest.mark.parametrize("version", VERSIONS)
    async def test_with_the_right_one(self, make: Transporting, version: ssl.TLSVersion) -> None:
        context = trusting()
        authority("of clients").issue_cert("bot@a.test").configure_cert(context)
        with StrictServer(version) as server:
            async with closing(make(ssl_context=context)) as transport:
                assert await consume(transport, request_to(server.url)) == b"ok"
        assert server.received.startswith(b"POST / HTTP/1.1\r\n")

    @pytest.mark.parametrize("version", VERSIONS)
    @pytest.mark.parametrize("has_another", [True, False])
    @pytest.mark.parametrize("method", ["GET", "POST"])
    async def test_with_a_wrong_one_or_none(
        self, make: Transporting, version: ssl.TLSVersion, has_another: bool, method: str
    ) -> None:
        """Also where the server says so when a request was written: it has read none of it."""
        context = trusting()
        if has_another:
            authority("another").issue_cert("bot@a.test").configure_cert(context)
        with StrictServer(version) as server:
            async with closing(make(ssl_context=context)) as transport:
                with pytest.raises(NotSentError) as caught:
                    await consume(transport, request_to(server.url, method))
        if version is ssl.TLSVersion.TLSv1_2 and not has_another:
            assert "handshake failure" in str(caught.value)
        else:
            assert "wants another certificate of ours" in str(caught.value)
        assert server.received == b""

    async def test_and_no_word_of_it(self, make: Transporting) -> None:
        """A connection that drops after the request proves nothing, whatever the reason was."""
        context = certificate()
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.verify_mode = ssl.CERT_REQUIRED  # and asyncio's server hangs up without a word
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)
        async with (
            TlsServer(answering, context) as server,
            closing(make(ssl_context=trusting())) as transport,
        ):
            with pytest.raises(OutcomeUnknownError):
                await consume(transport, request_to(server.url))


class TestWhatGoesOverIt:
    async def test_a_large_upload(self, make: Transporting) -> None:
        data = bytes(range(256)) * 4096 * 8

        async def digest(connection: RawConnection) -> None:
            received = await connection.request()
            await connection.answer(200, hashlib.sha256(received.body).hexdigest().encode())

        async with TlsServer(digest) as server, closing(make(ssl_context=trusting())) as transport:
            for length in (-1, None):
                body = WatchedBody.of(data, b"!", length=length)
                request = Request(method="POST", url=server.url, body=body)
                expected = hashlib.sha256(data + b"!").hexdigest().encode()
                assert await consume(transport, request) == expected

    async def test_an_early_refusal(self, make: Transporting) -> None:
        async def refuse(connection: RawConnection) -> None:
            await connection.head()
            await connection.answer(413, b"too large")
            await connection.until_gone()

        body = WatchedBody(functools.partial(hanging, asyncio.Event()), 6)
        async with TlsServer(refuse) as server, closing(make(ssl_context=trusting())) as transport:
            request = Request(method="POST", url=server.url, body=body)
            async with transport.send(request) as response:
                assert response.status == 413
                assert await response.read() == b"too large"
            assert body.closed == 1

    async def test_an_answer_that_is_cut(self, make: Transporting) -> None:
        async def half(connection: RawConnection) -> None:
            await connection.request()
            await connection.write(b"HTTP/1.1 201 Created\r\nContent-Length: 9\r\n\r\nhalf")
            connection.writer.transport.abort()

        async with TlsServer(half) as server, closing(make(ssl_context=trusting())) as transport:
            with pytest.raises(ResponseReadError) as caught:
                await consume(transport, request_to(server.url))
            assert caught.value.outcome is Outcome.PROCESSED

    async def test_a_connection_that_has_said_goodbye(self, make: Transporting) -> None:
        async def once(connection: RawConnection) -> None:
            await connection.request()
            await connection.answer(200, b"ok")

        async with TlsServer(once) as server, closing(make(ssl_context=trusting())) as transport:
            for _ in range(3):
                assert await consume(transport, request_to(server.url)) == b"ok"
                await asyncio.sleep(0.02)
            assert len(server.connections) == 3

    @pytest.mark.parametrize("size", [10, 200 * 1024])
    async def test_the_last_chunk_in_a_record_of_its_own(
        self, make: Transporting, tmp_path: Path, size: int
    ) -> None:
        """Or in one with the whole of a small form: it arrives whole, or not at all."""
        issued = authority().issue_cert("127.0.0.1")
        path = tmp_path / "certificate.pem"
        issued.private_key_pem.write_to_path(path)
        issued.cert_chain_pems[0].write_to_path(path, append=True)
        async with TlsLine(path) as line:

            async def create() -> None:
                transport = make(ssl_context=trusting())
                async with VPSBG("key", retry=None, base_url=line.url, transport=transport) as vps:
                    await vps.tickets.create(
                        department_id=345,
                        subject="Down",
                        message="It is down.",
                        attachments=[Attachment.from_bytes(b"x" * size, name="a.bin")],
                    )

            line.start()
            await create()
            await line.rest()
            *before, last = line.records
            part = line.body.rfind(b"--", 0, line.body.rfind(b'name="department_id"'))
            assert last in (len(line.body) - part, len(line.body), len(line.received))
            for cut in (1, last // 2, last + 5 + OVERHEAD - 1):
                line.start((len(before), cut))
                with pytest.raises(OutcomeUnknownError):
                    await create()
                await line.rest()
                assert b"department_id" not in line.received
