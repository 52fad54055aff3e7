"""``vpsbg sandbox``."""

import asyncio
import inspect
import json
import os
import re
import signal
import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import Message

import pytest

from vpsbg_async import VPSBG, PermissionDeniedError
from vpsbg_async.cli.sandbox import _faults as faults_of
from vpsbg_async.cli.sandbox import sandbox
from vpsbg_async.sandbox import Drift, Fault, Listing, Sandbox

from .terminal import COMMAND, Run, environment


@contextmanager
def started(*options: str) -> Iterator[tuple["subprocess.Popen[str]", str, dict[str, str]]]:
    """The command as a process, with what it told and the settings among that."""
    with subprocess.Popen(
        [*COMMAND, "sandbox", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    ) as command:
        try:
            assert command.stdout is not None
            told = [line := command.stdout.readline()]
            while not line.startswith("export "):
                assert line, "it ended before it had told how to call it"
                told.append(line := command.stdout.readline())
            settings = dict(word.split("=", 1) for word in line.split()[1:])
            yield command, "".join(told[:-1]), settings
        finally:
            command.terminate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_process_until_it_is_stopped(process: Run, number: signal.Signals) -> None:
    with started() as (command, told, settings):
        assert settings.keys() == {"VPSBG_BASE_URL", "VPSBG_API_KEY"}
        with pytest.MonkeyPatch.context() as patch:
            for name, value in settings.items():
                patch.setenv(name, value)
            assert process("tickets", "list").code == 0
        command.send_signal(number)
        out, err = command.communicate(timeout=10)
    assert (command.returncode, out, err) == (0, "", "")
    assert settings["VPSBG_BASE_URL"] in told.splitlines()[0]
    assert settings["VPSBG_API_KEY"] in told
    assert "\n  requests a minute: 1000\n  listing: newest-first\n" in told
    assert "faults" not in told
    assert "drift" not in told


def listed(settings: dict[str, str]) -> tuple[int, Message, bytes]:
    """What the list of tickets is answered with."""
    request = urllib.request.Request(
        f"{settings['VPSBG_BASE_URL']}/support/tickets",
        headers={
            "Accept": "application/json",
            "Authorization": f"Bearer {settings['VPSBG_API_KEY']}",
        },
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, error.read()


def test_all_that_can_be_switched_on() -> None:
    with started(
        *("--faults", "423,none", "--faults", "502-after", "--rate-limit", "5"),
        *("--listing", "oldest-first", "--drift", "no-meta,no-date"),
    ) as (_, told, settings):
        answers = [listed(settings) for _ in range(4)]
    assert [status for status, _, _ in answers] == [423, 200, 502, 200]
    _, headers, content = answers[-1]
    assert (headers["X-RateLimit-Limit"], headers["Date"]) == ("5", None)
    assert json.loads(content) == {"data": []}
    for line in (
        "requests a minute: 5",
        "faults: 423, none, 502-after (one after the other)",
        "listing: oldest-first",
        "drift: no-meta, no-date",
    ):
        assert f"\n  {line}\n" in told


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ("--faults 423,500-before --fault-rate 1", "423, 500-before (at a rate of 1, seed 0)"),
        ("--faults all --fault-rate 0 --fault-seed 7", "all (at a rate of 0, seed 7)"),
    ],
)
def test_faults_by_chance(options: str, told: str) -> None:
    with started(*options.split()) as (_, introduction, settings):
        assert f"\n  faults: {told}\n" in introduction
        statuses = {listed(settings)[0] for _ in range(40)}
    assert statuses == ({200} if "all" in options else {423, 500})


def test_all_is_every_kind_but_late() -> None:
    drawn = faults_of(("all",), 1.0, 0)
    assert {drawn.decide("GET", "/") for _ in range(2000)} == set(Fault) - {Fault.LATE}


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ("--faults drop", f"'drop' is none of {', '.join(Fault)}, none, all"),
        ("--faults 423,,late", "'' is none of latency, "),
        ("--listing upside-down", f"'upside-down' is none of {', '.join(Listing)}"),
        ("--drift no-date,backwards", f"'backwards' is none of {', '.join(Drift)}"),
        ("--faults all", "--faults all needs --fault-rate"),
        ("--fault-rate 0.5", "--fault-rate needs --faults, such as --faults all"),
        ("--faults 423,none --fault-rate 0.5", "none cannot stand among the faults"),
        ("--faults 423,all --fault-rate 0.5", "all cannot stand among the faults"),
        ("--faults all --fault-rate 1.5", "--fault-rate"),
        ("--rate-limit 0", "--rate-limit"),
    ],
)
def test_what_makes_no_sense(run: Run, options: str, told: str) -> None:
    ran = run("sandbox", *options.split())
    assert (ran.code, ran.out) == (2, "")
    assert told in ran.err
    assert ran.err.count("\n") == 1


def test_its_defaults_are_those_of_the_class() -> None:
    command, kind = (inspect.signature(thing).parameters for thing in (sandbox, Sandbox))
    for name in ("port", "rate_limit", "listing", "drift"):
        assert command[name].default == kind[name].default


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
