"""Files on disk: looked at before a call, streamed during it, and what may happen in between."""

import asyncio
import contextlib
import os
import socket
import stat
import tracemalloc
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import pytest

from vpsbg_async.attachments import files
from vpsbg_async.attachments.contents import Content, ContentError, Data
from vpsbg_async.attachments.files import File, look_at

from .support import (
    KIB,
    MIB,
    PATIENCE,
    SlowDisk,
    descriptors,
    drained,
    saturated,
    slow_disk,
    turns,
    until,
)

T = TypeVar("T")

pytestmark = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="looks into /proc")

SMALL = 64 * KIB
SMALL_TOTAL = MIB
READ_MAX = files._READ_MAX
NOBODY = 65534


@pytest.fixture(autouse=True)
def _nothing_is_left() -> Iterator[None]:
    """Every test gives back what it counted, and leaves no descriptor open."""
    before = open_descriptors()
    assert files._streaming == 0
    yield
    assert files._streaming == 0
    assert open_descriptors() <= before


def open_descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


@pytest.fixture
def data() -> bytes:
    """Three reads and a bit."""
    return os.urandom(3 * READ_MAX + 5)


@pytest.fixture
def path(tmp_path: Path, data: bytes) -> Path:
    """A file with that."""
    path = tmp_path / "a.bin"
    path.write_bytes(data)
    return path


async def seen(path: Path) -> File:
    """A file that is large enough to be streamed, as it is now."""
    content = await look(path)
    assert isinstance(content, File)
    return content


async def look(path: Path | str) -> Content | str:
    async with asyncio.timeout(PATIENCE):
        (content,) = await look_at([str(path)])
    return content


def bytes_of(path: str) -> bytes:
    """What the file holds, nothing if there is none."""
    with contextlib.suppress(FileNotFoundError):
        return Path(path).read_bytes()
    return b""


def write(path: Path, size: int) -> bytes:
    data = os.urandom(size)
    path.write_bytes(data)
    return data


def bound(path: Path) -> None:
    """Makes a socket file."""
    with socket.socket(socket.AF_UNIX) as sock, contextlib.chdir(path.parent):
        sock.bind(path.name)  # its path may not be long
    assert stat.S_ISSOCK(path.stat().st_mode)


def rewrite(path: Path, data: bytes) -> None:
    """Writes over a file in place; its time differs however coarse the clock is."""
    before = path.stat()
    with path.open("r+b") as file:
        file.write(data)
        file.truncate()
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    assert path.stat().st_ino == before.st_ino


def append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


def replace(path: Path, data: bytes) -> None:
    """Puts another file in its place, as editors do, with the same times."""
    before = path.stat()
    other = path.with_name("other")
    other.write_bytes(data)
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.rename(path)


def remove(path: Path) -> None:
    path.unlink()


def become(path: Path, make: Callable[[Path], object]) -> None:
    path.unlink()
    make(path)


def forbid(path: Path) -> None:
    path.chmod(0)


@contextlib.contextmanager
def as_nobody() -> Iterator[None]:
    """Root may read everything, so this is done as someone else, where it can be."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


class TestLookAt:
    async def test_nothing(self) -> None:
        assert await look_at([]) == []

    @pytest.mark.parametrize("size", [0, 1, 1000, SMALL - 1, SMALL])
    async def test_a_small_one_is_read(self, tmp_path: Path, size: int) -> None:
        data = write(tmp_path / "a.bin", size)
        content = await look(tmp_path / "a.bin")
        assert isinstance(content, Data)
        assert (content.data, content.size) == (data, size)

    @pytest.mark.parametrize("size", [SMALL + 1, SMALL_TOTAL, 5 * MIB])
    async def test_a_large_one_is_not(self, tmp_path: Path, size: int) -> None:
        data = write(tmp_path / "a.bin", size)
        content = await look(tmp_path / "a.bin")
        assert isinstance(content, File)
        assert content.size == size
        assert await drained(content.stream()) == data

    async def test_a_large_one_takes_no_memory(self, tmp_path: Path) -> None:
        with (tmp_path / "a.bin").open("wb") as file:
            file.truncate(2**40)
        assert (await seen(tmp_path / "a.bin")).size == 2**40

    async def test_no_more_than_so_much_is_held(self, tmp_path: Path) -> None:
        paths = [tmp_path / f"{number}.bin" for number in range(20)]
        data = {str(path): write(path, SMALL) for path in paths}
        contents = await look_at([*data])
        assert [type(content) for content in contents] == [Data] * 16 + [File] * 4
        for content, expected in zip(contents, data.values(), strict=True):
            assert not isinstance(content, str)
            assert await drained(content.stream()) == expected

    async def test_the_room_that_is_left_counts_bytes(self, tmp_path: Path) -> None:
        sizes = [SMALL] * 15 + [SMALL - 10, 11, 10, 1, 0]
        paths = [str(tmp_path / f"{number}.bin") for number in range(len(sizes))]
        for path, size in zip(paths, sizes, strict=True):
            write(Path(path), size)
        contents = await look_at(paths)
        kinds = [Data] * 16 + [File, Data, File, Data]
        assert [type(content) for content in contents] == kinds
        assert [content.size for content in contents if not isinstance(content, str)] == sizes

    async def test_each_is_told_in_its_place(self, tmp_path: Path) -> None:
        write(tmp_path / "a.bin", 1)
        write(tmp_path / "b.bin", SMALL + 1)
        names = ["a.bin", "gone", "b.bin", ".", "a.bin"]
        contents = await look_at([str(tmp_path / name) for name in names])
        assert [type(content) for content in contents] == [Data, str, File, str, Data]

    async def test_a_link_is_followed(self, tmp_path: Path) -> None:
        data = write(tmp_path / "a.bin", 5)
        (tmp_path / "link").symlink_to("a.bin")
        content = await look(tmp_path / "link")
        assert isinstance(content, Data)
        assert content.data == data

    async def test_a_name_that_is_no_utf8(self, tmp_path: Path) -> None:
        path = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.txt")
        write(Path(path), 5)
        assert isinstance(await look(path), Data)
        problem = await look(f"{path}?")
        assert isinstance(problem, str)
        problem.encode()  # it is shown, logged and put in JSON

    @pytest.mark.parametrize(
        ("make", "problem"),
        [
            pytest.param(lambda path: None, "no such file", id="missing"),
            pytest.param(lambda path: path.symlink_to("gone"), "no such file", id="dangling link"),
            pytest.param(lambda path: path.symlink_to(path.name), "cannot be read", id="loop"),
            pytest.param(lambda path: path.mkdir(), "is a directory", id="directory"),
            pytest.param(lambda path: path.symlink_to("/"), "is a directory", id="link to one"),
            pytest.param(os.mkfifo, "is no regular file", id="FIFO"),
            pytest.param(bound, "cannot be read", id="socket"),
            pytest.param(
                lambda path: path.symlink_to("/dev/zero"), "is no regular file", id="device"
            ),
        ],
    )
    async def test_what_cannot_be_sent(
        self, tmp_path: Path, make: Callable[[Path], object], problem: str
    ) -> None:
        path = tmp_path / "a.bin"
        make(path)
        told = await look(path)
        assert isinstance(told, str)
        assert told.startswith(problem)
        assert str(path) in told

    @pytest.mark.parametrize(
        ("path", "reason"),
        [
            ("", "no such file"),
            ("a\0b", "null"),
            ("x" * 5000, "File name too long"),
            (f"{__file__}/a.bin", "Not a directory"),
        ],
    )
    async def test_what_is_no_path(self, path: str, reason: str) -> None:
        told = await look(path)
        assert isinstance(told, str)
        assert reason in told
        assert repr(path) in told

    async def test_what_may_not_be_read(self, tmp_path: Path) -> None:
        path = tmp_path / "a.bin"
        write(path, 5)
        forbid(path)
        with as_nobody():
            told = await look(path)
        assert told == f"cannot be read (Permission denied): {str(path)!r}"

    async def test_a_file_that_hides_its_size(self) -> None:
        content = await look("/proc/self/limits")
        assert isinstance(content, Data)
        assert content.data.startswith(b"Limit ")

    async def test_a_large_one_that_does(self) -> None:
        if len(bytes_of("/proc/kallsyms")) <= SMALL:
            pytest.skip("no file of /proc is large")
        told = await look("/proc/kallsyms")
        assert isinstance(told, str)
        assert "from_bytes" in told

    async def test_a_file_that_boasts_of_its_size(self) -> None:
        setting = "/sys/kernel/mm/transparent_hugepage/enabled"
        data = bytes_of(setting)
        if not data or os.stat(setting).st_size == len(data):  # noqa: PTH116
            pytest.skip("no file of /sys is shorter than it says")
        content = await look(setting)
        assert isinstance(content, Data)
        assert content.data == data

    async def test_neither_pool_holds_the_other_up(self, tmp_path: Path) -> None:
        write(tmp_path / "a.bin", 5)
        default = ThreadPoolExecutor(1)
        asyncio.get_running_loop().set_default_executor(default)
        with saturated(default):
            assert isinstance(await look(tmp_path / "a.bin"), Data)
        with saturated(files._executor):
            async with asyncio.timeout(PATIENCE):
                await asyncio.get_running_loop().getaddrinfo("127.0.0.1", 80)

    async def test_cancelled(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        write(tmp_path / "a.bin", 5)
        with slow_disk(monkeypatch, hangs_at=0) as disk:
            task = asyncio.create_task(look(tmp_path / "a.bin"))
            await until(disk.hangs.is_set)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        assert descriptors(tmp_path / "a.bin") == 0


class TestStream:
    async def test_every_pass_is_the_whole(self, path: Path, data: bytes) -> None:
        file = await seen(path)
        for _ in range(2):
            assert await drained(file.stream()) == data

    @pytest.mark.parametrize("size", [SMALL + 1, READ_MAX - 1, READ_MAX, READ_MAX + 1])
    async def test_sizes_around_a_read(self, tmp_path: Path, size: int) -> None:
        data = write(tmp_path / "a.bin", size)
        file = await seen(tmp_path / "a.bin")
        chunks = [chunk async for chunk in file.stream()]
        assert b"".join(chunks) == data
        assert max(map(len, chunks)) == min(size, READ_MAX)

    async def test_it_is_open_while_it_is_streamed(self, path: Path) -> None:
        file = await seen(path)
        assert descriptors(path) == 0
        stream = file.stream()
        assert descriptors(path) == 0
        await anext(stream)
        assert descriptors(path) == 1
        await stream.aclose()
        assert descriptors(path) == 0

    async def test_many_at_once(self, path: Path, data: bytes) -> None:
        file = await seen(path)
        for result in await asyncio.gather(*(drained(file.stream()) for _ in range(10))):
            assert result == data

    async def test_the_more_are_active_the_less_is_read_at_once(self, tmp_path: Path) -> None:
        with (tmp_path / "a.bin").open("wb") as sparse:
            sparse.truncate(2**30)
        file = await seen(tmp_path / "a.bin")
        async with contextlib.AsyncExitStack() as stack:
            streams: list[AsyncGenerator[bytes, None]] = []

            for count in (1, 8, 16, 64, 257):
                while len(streams) < count:
                    streams.append(await begun(file, stack))
                share = max(64 * KIB, min(READ_MAX, 8 * MIB // count))
                assert {len(await anext(stream)) for stream in streams} == {share}
            for stream in streams[1:]:
                await stream.aclose()
            assert len(await anext(streams[0])) == READ_MAX

    async def test_memory_is_flat(self, tmp_path: Path) -> None:
        with (tmp_path / "a.bin").open("wb") as sparse:
            sparse.truncate(128 * MIB)
        file = await seen(tmp_path / "a.bin")

        async def stream_and_forget() -> int:
            return sum([len(chunk) async for chunk in file.stream()])

        one, size = await peak_of(stream_and_forget)
        assert size == 128 * MIB
        assert one < 8 * MIB  # two reads; a thread that is slow to end holds its last one too

        async def twenty_that_stall() -> int:
            async with contextlib.AsyncExitStack() as stack:
                streams = [await begun(file, stack) for _ in range(20)]
                held = [await anext(stream) for stream in streams]
                return sum(map(len, held))

        twenty, size = await peak_of(twenty_that_stall)
        assert 4 * MIB < size <= 8 * MIB
        assert twenty < 16 * MIB


class TestChanges:
    """What happens to the file between the look at it and its last byte."""

    async def test_it_grows_before(self, path: Path, data: bytes) -> None:
        file = await seen(path)
        append(path, b"more")
        assert await drained(file.stream()) == data

    async def test_it_grows_all_the_time(self, path: Path, data: bytes) -> None:
        file = await seen(path)
        got = b""
        async for chunk in file.stream():
            got += chunk
            append(path, b"more" * MIB)
        assert got == data

    async def test_it_shrinks_before(self, path: Path) -> None:
        file = await seen(path)
        os.truncate(path, file.size - 1)
        with pytest.raises(ContentError, match="shrank"):
            await drained(file.stream())

    @pytest.mark.parametrize("left", [0, 1, READ_MAX, READ_MAX + 1, 3 * READ_MAX + 4])
    async def test_it_shrinks_in_the_middle(self, path: Path, left: int) -> None:
        file = await seen(path)
        with pytest.raises(ContentError, match="shrank"):
            await drained(changing(file, after=1, change=lambda: os.truncate(path, left)))

    async def test_it_shrinks_at_the_end(self, path: Path) -> None:
        file = await seen(path)
        with pytest.raises(ContentError, match="shrank"):
            await drained(changing(file, after=4, change=lambda: os.truncate(path, 5)))

    async def test_it_shrinks_and_grows_again(self, path: Path) -> None:
        file = await seen(path)
        rewrite(path, b"")
        rewrite(path, os.urandom(file.size))
        with pytest.raises(ContentError, match="changed"):
            await drained(file.stream())

    @pytest.mark.parametrize("after", [0, 1, 3, 4])
    async def test_it_is_rewritten_with_the_same_length(self, path: Path, after: int) -> None:
        file = await seen(path)
        change = changing(file, after, lambda: rewrite(path, os.urandom(file.size)))
        with pytest.raises(ContentError, match="changed"):
            await drained(change)

    async def test_it_is_rewritten_with_more(self, path: Path) -> None:
        file = await seen(path)
        rewrite(path, os.urandom(file.size + 1))
        with pytest.raises(ContentError, match="changed"):
            await drained(file.stream())

    async def test_it_is_cut_and_outgrows_itself(self, path: Path) -> None:
        # As logrotate's copytruncate does, with a busy writer behind it.
        file = await seen(path)

        def rotate() -> None:
            os.truncate(path, 0)
            append(path, os.urandom(file.size + 1))

        with pytest.raises(ContentError, match="changed"):
            await drained(changing(file, after=1, change=rotate))

    @pytest.mark.parametrize("more", [-1, 0, 1])
    async def test_it_is_replaced_before(self, path: Path, more: int) -> None:
        file = await seen(path)
        replace(path, os.urandom(file.size + more))
        with pytest.raises(ContentError, match="replaced"):
            await drained(file.stream())

    async def test_it_is_replaced_in_the_middle(self, path: Path, data: bytes) -> None:
        file = await seen(path)
        change = changing(file, after=1, change=lambda: replace(path, os.urandom(file.size)))
        assert await drained(change) == data  # of the file that is open, all the same

    async def test_it_vanishes_before(self, path: Path) -> None:
        file = await seen(path)
        remove(path)
        with pytest.raises(FileNotFoundError):
            await drained(file.stream())

    async def test_it_vanishes_in_the_middle(self, path: Path, data: bytes) -> None:
        file = await seen(path)
        assert await drained(changing(file, after=1, change=lambda: remove(path))) == data

    @pytest.mark.parametrize(
        "make", [os.mkfifo, os.mkdir, lambda path: path.symlink_to("/dev/zero")]
    )
    async def test_it_becomes_something_else(
        self, path: Path, make: Callable[[Path], object]
    ) -> None:
        file = await seen(path)
        become(path, make)
        async with asyncio.timeout(PATIENCE):
            with pytest.raises((ContentError, IsADirectoryError)):
                await drained(file.stream())
        assert descriptors(path) == 0

    async def test_it_may_no_longer_be_read(self, path: Path) -> None:
        file = await seen(path)
        forbid(path)
        with as_nobody(), pytest.raises(PermissionError):
            await drained(file.stream())


# What a thread does for a file of three reads and a bit, one after another.
JOBS = ["open", "_look_back", "read", "read", "read", "read", "_look_back", "close"]
every_job = pytest.mark.parametrize("job", range(len(JOBS)), ids=lambda job: f"{job}-{JOBS[job]}")


class TestCancelled:
    """A thread cannot be interrupted: the call waits for it, closes the file, and ends there."""

    async def test_jobs(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        file = await seen(path)
        with slow_disk(monkeypatch) as disk:
            await drained(file.stream())
        assert disk.jobs == JOBS

    @every_job
    @pytest.mark.parametrize("times", [1, 2])
    async def test_while_a_thread_is_at_it(
        self, path: Path, monkeypatch: pytest.MonkeyPatch, job: int, times: int
    ) -> None:
        file = await seen(path)
        with slow_disk(monkeypatch, hangs_at=job) as disk:
            task = asyncio.create_task(drained(file.stream()))
            await until(disk.hangs.is_set)
            for _ in range(times):
                task.cancel()
                await turns()
            assert not task.done()  # or the file would be closed under the thread's hands
            disk.go.set()
            await asyncio.wait((task,))
        assert task.cancelled()
        assert descriptors(path) == 0
        assert files._streaming == 0

    @every_job
    async def test_with_every_task_of_the_loop(
        self, path: Path, monkeypatch: pytest.MonkeyPatch, job: int
    ) -> None:
        # As frameworks do when they shut down.
        file = await seen(path)
        with slow_disk(monkeypatch, hangs_at=job) as disk:
            task = asyncio.create_task(drained(file.stream()))
            await until(disk.hangs.is_set)
            for one in asyncio.all_tasks() - {asyncio.current_task()}:
                one.cancel()
            await turns()
            assert len(disk.jobs) == job + 1
            disk.go.set()
            await asyncio.wait((task,))
        assert task.cancelled()
        assert descriptors(path) == 0

    @every_job
    async def test_nothing_more_is_read(
        self, path: Path, monkeypatch: pytest.MonkeyPatch, job: int
    ) -> None:
        # The reader may have nothing else to wait for, and would go on to the end of the file.
        file = await seen(path)
        with slow_disk(monkeypatch, hangs_at=job) as disk:
            task = asyncio.create_task(drained(file.stream()))
            await until(disk.hangs.is_set)
            task.cancel()
            disk.go.set()
            await asyncio.wait((task,))
        assert [name for name in disk.jobs[job + 1 :] if name != "close"] == []

    @every_job
    async def test_by_a_timeout(
        self, path: Path, monkeypatch: pytest.MonkeyPatch, job: int
    ) -> None:
        timed = Timed(await seen(path))
        with slow_disk(monkeypatch, hangs_at=job) as disk:
            task = asyncio.create_task(timed.read())
            await until(disk.hangs.is_set)
            await timed.run_out()
            disk.go.set()
            await asyncio.wait((task,))
        assert not task.cancelled()  # by a cancellation that came out too late to be the timer's
        assert task.result() == "timed out"
        assert descriptors(path) == 0

    @pytest.mark.parametrize("timer_first", [True, False])
    @every_job
    async def test_by_a_timeout_and_by_the_caller(
        self, path: Path, monkeypatch: pytest.MonkeyPatch, job: int, timer_first: bool
    ) -> None:
        timed = Timed(await seen(path))
        with slow_disk(monkeypatch, hangs_at=job) as disk:
            task = asyncio.create_task(timed.read())
            await until(disk.hangs.is_set)
            if timer_first:
                await timed.run_out()
            task.cancel()
            await turns()
            if not timer_first:
                await timed.run_out()
            disk.go.set()
            await asyncio.wait((task,))
        assert task.cancelled()
        assert descriptors(path) == 0

    async def test_while_it_is_queued(self, path: Path) -> None:
        file = await seen(path)
        for begun_before in (False, True):
            stream = file.stream()
            if begun_before:
                await anext(stream)
            with saturated(files._executor) as go:
                task = asyncio.create_task(drained(stream))
                await until(lambda: files._executor._work_queue.qsize() == 1)
                task.cancel()
                await turns()
                go.set()
                await asyncio.wait((task,))
            assert task.cancelled()
            assert descriptors(path) == 0
            assert files._streaming == 0

    async def test_one_of_a_group_fails(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        file = await seen(path)
        tasks: list[asyncio.Task[bytes]] = []

        async def fail(disk: SlowDisk) -> None:
            await until(disk.hangs.is_set)
            asyncio.get_running_loop().call_soon(disk.go.set)
            raise ZeroDivisionError

        async def read_and_fail(disk: SlowDisk) -> None:
            async with asyncio.TaskGroup() as group:
                tasks.append(group.create_task(drained(file.stream())))
                group.create_task(fail(disk))

        disk_at_first_read = slow_disk(monkeypatch, hangs_at=JOBS.index("read"))
        with disk_at_first_read as disk, pytest.raises(ExceptionGroup) as error:
            await read_and_fail(disk)
        assert [type(one) for one in error.value.exceptions] == [ZeroDivisionError]
        assert tasks[0].cancelled()
        assert descriptors(path) == 0

    async def test_a_failure_while_it_is_cancelled(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        file = await seen(path)
        remove(path)
        with slow_disk(monkeypatch, hangs_at=0) as disk:
            task = asyncio.create_task(drained(file.stream()))
            await until(disk.hangs.is_set)
            task.cancel()
            await turns()
            disk.go.set()
            await asyncio.wait((task,))
        # Either is true; what counts is that it ends, and that the failure is not lost unseen.
        assert task.cancelled() or isinstance(task.exception(), FileNotFoundError)

    async def test_left_in_the_middle(self, path: Path) -> None:
        file = await seen(path)
        stream = file.stream()
        await anext(stream)
        await stream.aclose()
        assert descriptors(path) == 0
        with pytest.raises(StopAsyncIteration):
            await anext(stream)


async def begun(file: File, stack: contextlib.AsyncExitStack) -> AsyncGenerator[bytes, None]:
    """A stream that has given its first chunk."""
    stream = await stack.enter_async_context(contextlib.aclosing(file.stream()))
    await anext(stream)
    return stream


async def changing(
    file: File, after: int, change: Callable[[], object]
) -> AsyncGenerator[bytes, None]:
    """A file to which something happens when so many chunks have been taken."""
    if after == 0:
        change()
    number = 0
    async with contextlib.aclosing(file.stream()) as stream:
        async for chunk in stream:
            number += 1
            if number == after:
                change()
            yield chunk
    assert number >= after


class Timed:
    """A pass over a file within a timeout, and some turns of the loop after it."""

    def __init__(self, file: File) -> None:
        self._file = file
        self._timer = asyncio.timeout(None)

    async def read(self) -> str:
        try:
            async with self._timer:
                await drained(self._file.stream())
        except TimeoutError:
            result = "timed out"
        else:
            result = "read"
        await turns()
        task = asyncio.current_task()
        assert task is not None
        assert task.cancelling() == 0
        return result

    async def run_out(self) -> None:
        self._timer.reschedule(asyncio.get_running_loop().time() - 1)
        await until(self._timer.expired)
        await turns()


async def peak_of(work: Callable[[], Awaitable[T]]) -> tuple[int, T]:
    """The most memory, in bytes, that Python held at once for it; and its result."""
    tracemalloc.start()
    try:
        result = await work()
        return tracemalloc.get_traced_memory()[1], result
    finally:
        tracemalloc.stop()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # of fork with threads
async def test_a_forked_child_has_threads_of_its_own(path: Path, data: bytes) -> None:
    await look_at([str(path)])  # the parent's threads are there
    child = os.fork()
    if child == 0:
        read = asyncio.new_event_loop().run_until_complete

        async def again() -> bool:
            file = (await look_at([str(path)]))[0]
            return not isinstance(file, str) and await drained(file.stream()) == data

        try:
            asyncio.events._set_running_loop(None)
            os._exit(0 if read(asyncio.wait_for(again(), PATIENCE)) else 1)
        finally:
            os._exit(2)
    _, status = await asyncio.to_thread(os.waitpid, child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
