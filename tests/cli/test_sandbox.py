"""``vpsbg sandbox``."""

import asyncio
import os
import re
import signal
import socket
import subprocess

import pytest

from vpsbg_async import VPSBG, PermissionDeniedError
from vpsbg_async.cli.sandbox import sandbox

from .terminal import COMMAND, Run, environment


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_process_until_it_is_stopped(process: Run, number: signal.Signals) -> None:
    with subprocess.Popen(
        [*COMMAND, "sandbox"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    ) as command:
        assert command.stdout is not None
        told = [line := command.stdout.readline()]
        while not line.startswith("export "):
            assert line, "it ended before it had told how to call it"
            told.append(line := command.stdout.readline())
        settings = dict(word.split("=", 1) for word in line.split()[1:])
        assert settings.keys() == {"VPSBG_BASE_URL", "VPSBG_API_KEY"}
        with pytest.MonkeyPatch.context() as patch:
            for name, value in settings.items():
                patch.setenv(name, value)
            assert process("tickets", "list").code == 0
        command.send_signal(number)
        out, err = command.communicate(timeout=10)
    assert (command.returncode, out, err) == (0, "", "")
    assert settings["VPSBG_BASE_URL"] in told[0]
    assert settings["VPSBG_API_KEY"] in "".join(told[:-1])


async def test_both_keys_and_the_port(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    running = asyncio.create_task(sandbox(port=port))
    told = ""
    while "export" not in told:
        await asyncio.sleep(0.001)
        told += capsys.readouterr().out
    write = re.search(r"key that may write: (\S+)", told)
    read = re.search(r"key that may read:  (\S+)", told)
    assert write is not None
    assert read is not None
    url = f"http://127.0.0.1:{port}/v1"
    assert f"export VPSBG_BASE_URL={url} VPSBG_API_KEY={write[1]}\n" in told
    async with VPSBG(write[1], base_url=url) as vps:
        await vps.tickets.create(department_id=2, subject="Hello", message="Good day")
    async with VPSBG(read[1], base_url=url) as vps:
        assert len(await vps.tickets.list()) == 1
        with pytest.raises(PermissionDeniedError):
            await vps.tickets.create(department_id=2, subject="Hello", message="Good day")
    os.kill(os.getpid(), signal.SIGTERM)
    await running
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_a_port_that_is_taken(run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ran = run("sandbox", "--port", str(port))
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith(f"vpsbg: cannot listen on port {port}: ")
    assert ran.err.count("\n") == 1
