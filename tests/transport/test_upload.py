"""One pass over a body: what the conformance suite cannot see from outside."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from vpsbg_async.errors import AttachmentError, NotSentError, OutcomeUnknownError
from vpsbg_async.testing.bodies import WatchedBody
from vpsbg_async.transport import Timeouts
from vpsbg_async.transport import upload as module
from vpsbg_async.transport.alarm import Alarm
from vpsbg_async.transport.upload import Upload


def started(body: WatchedBody, stall: float | None = None) -> Upload:
    return Upload(body, Timeouts(stall=stall))


async def test_it_is_committed_with_the_last_chunk_and_not_before() -> None:
    upload = started(WatchedBody.of(b"one", b"two"))
    assert await anext(upload) == b"one"
    assert not upload.committed
    assert await anext(upload) == b"two"
    assert upload.committed
    with pytest.raises(StopAsyncIteration):
        await anext(upload)


async def test_without_a_length_one_chunk_is_held_back() -> None:
    asked = 0

    async def chunks() -> AsyncIterator[bytes]:
        nonlocal asked
        for chunk in (b"one", b"two", b"three"):
            asked += 1
            yield chunk

    upload = started(WatchedBody(chunks, None))
    assert await anext(upload) == b"one"
    assert asked == 2
    assert not upload.committed
    assert await anext(upload) == b"two"
    assert not upload.committed
    assert await anext(upload) == b"three"
    assert upload.committed


async def test_an_empty_body_is_committed_when_it_is_asked_for() -> None:
    for length in (0, None):
        upload = started(WatchedBody.of(length=length))
        assert not upload.committed
        assert [chunk async for chunk in upload] == []
        assert upload.committed


async def test_a_big_chunk_goes_out_in_slices_and_is_committed_by_the_first() -> None:
    data = bytes(range(256)) * 4096
    upload = started(WatchedBody.of(data))
    first = await anext(upload)
    assert len(first) == module._SLICE
    assert upload.committed
    rest = [bytes(chunk) async for chunk in upload]
    assert bytes(first) + b"".join(rest) == data
    assert {len(chunk) for chunk in rest} == {module._SLICE}


async def test_each_step_sets_the_timer() -> None:
    upload = started(WatchedBody.of(b"one", b"two"), stall=30)
    async with Alarm() as upload.alarm:
        assert upload.alarm.when() is None  # connecting is not the upload's time
        await anext(upload)
        first = upload.alarm.when()
        await anext(upload)
        second = upload.alarm.when()
        assert first is not None
        assert second is not None
        assert second > first
        with pytest.raises(StopAsyncIteration):
            await anext(upload)
        third = upload.alarm.when()
        assert third is not None
        assert third > second + 60  # from here on it is the answer that is waited for


async def test_a_stall_is_blamed_on_the_side_that_was_waited_for() -> None:
    async def nothing() -> AsyncIterator[bytes]:
        await asyncio.Event().wait()
        yield b""

    upload = started(WatchedBody(nothing, 3), stall=0.5)
    step = asyncio.ensure_future(anext(upload))
    await asyncio.sleep(0)
    assert isinstance(upload.overdue(), AttachmentError)
    step.cancel()
    await asyncio.wait((step,))
    assert isinstance(upload.overdue(), AttachmentError)  # the timer's own cancellation

    upload = started(WatchedBody.of(b"one", b"two"), stall=0.5)
    await anext(upload)
    assert isinstance(upload.overdue(), NotSentError)
    await anext(upload)
    assert isinstance(upload.overdue(), OutcomeUnknownError)
    assert "0.5 s" in str(upload.overdue())
    with pytest.raises(StopAsyncIteration):
        await anext(upload)
    assert isinstance(upload.overdue(), OutcomeUnknownError)
    assert "no answer within 120 s" in str(upload.overdue())


async def test_after_closing_it_gives_nothing_more() -> None:
    body = WatchedBody.of(b"one", b"two")
    upload = started(body)
    await anext(upload)
    await upload.aclose()
    assert body.closed == 1
    with pytest.raises(NotSentError):
        await anext(upload)
    await upload.aclose()
    assert (body.opened, body.closed) == (1, 1)


async def test_an_error_of_closing_changes_nothing() -> None:
    async def chunks() -> AsyncIterator[bytes]:
        try:
            yield b"one"
        finally:
            raise OSError("closing failed")

    upload = started(WatchedBody(chunks, 3))
    assert [chunk async for chunk in upload] == [b"one"]


async def test_a_source_that_does_not_end_is_left_to_a_task(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_CLOSE_GRACE", 0.01)
    release = asyncio.Event()

    async def stubborn() -> AsyncIterator[bytes]:
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                continue
        yield b"one"

    body = WatchedBody(stubborn, 3)
    upload = started(body)
    step = asyncio.ensure_future(anext(upload))
    await asyncio.sleep(0)
    step.cancel()
    await upload.aclose()
    assert body.closed == 0
    (left,) = module._closing
    release.set()
    await left
    assert body.closed == 1
    assert await step == b"one"
    assert not module._closing
