"""The pytest plugin, in projects that use it and in projects that do not."""

from __future__ import annotations

import sys

import pytest

pytest_plugins = ["pytester"]

PLUGIN = ("-p", "vpsbg_async_pytest")  # in an installed package its entry point does that
WITHOUT = (*PLUGIN, "-p", "no:asyncio", "-p", "no:anyio")
ERROR = "*vpsbg* is for async tests that pytest-asyncio or anyio runs*"

EXAMPLE = '''
from vpsbg_async import VPSBG, Attachment, ServerError
from vpsbg_async.sandbox import Fault, Sandbox
import pytest


async def raise_alarm(vps: VPSBG, disk: int, log: bytes) -> int:
    """The code under test."""
    ticket = await vps.tickets.create(
        department_id=2,
        subject=f"Disk {disk} is failing",
        message="See the log.",
        attachments=[Attachment.from_bytes(log, name=f"disk-{disk}.log")],
    )
    return ticket.id


async def test_alarm(vpsbg: VPSBG, vpsbg_sandbox: Sandbox) -> None:
    number = await raise_alarm(vpsbg, 7, b"I/O error\\n")
    (ticket,) = vpsbg_sandbox.tickets
    assert (ticket.id, ticket.subject) == (number, "Disk 7 is failing")
    (file,) = ticket.messages[0].attachments
    assert file.path.read_bytes() == b"I/O error\\n"


async def test_alarm_in_a_bad_hour(vpsbg: VPSBG, vpsbg_sandbox: Sandbox) -> None:
    vpsbg_sandbox.faults.add(Fault.ERROR_500_BEFORE)
    with pytest.raises(ServerError) as caught:
        await raise_alarm(vpsbg, 7, b"I/O error\\n")
    assert caught.value.outcome == "unknown"
    assert vpsbg_sandbox.tickets == ()
'''
STRICT = EXAMPLE.replace("async def test_", "@pytest.mark.asyncio\nasync def test_")
ANYIO = EXAMPLE.replace("async def test_", "@pytest.mark.anyio\nasync def test_")


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    """A project of its own, in which every warning is an error."""
    pytester.makeini(
        """
        [pytest]
        filterwarnings = error
        asyncio_default_fixture_loop_scope = function
        """
    )
    return pytester


class TestWithPytestAsyncio:
    def test_in_auto_mode(self, project: pytest.Pytester) -> None:
        project.makepyfile(EXAMPLE)
        result = project.runpytest_inprocess(*PLUGIN, "--asyncio-mode=auto")
        result.assert_outcomes(passed=2)

    def test_in_strict_mode(self, project: pytest.Pytester) -> None:
        project.makepyfile(STRICT)
        project.runpytest_inprocess(*PLUGIN, "--asyncio-mode=strict").assert_outcomes(passed=2)

    @pytest.mark.parametrize("scope", ["module", "session"])
    def test_whatever_the_scope_of_the_loop(self, project: pytest.Pytester, scope: str) -> None:
        """By the marker, and by default; the fixtures of the project may have another."""
        project.makepyfile(
            f"""
            import pytest

            class TestIt:
                @pytest.mark.asyncio(loop_scope="{scope}")
                async def test_marked(self, vpsbg):
                    await vpsbg.balance.get()

                @pytest.mark.asyncio
                async def test_by_default(self, vpsbg):
                    await vpsbg.balance.get()
            """
        )
        options = ("-o", f"asyncio_default_test_loop_scope={scope}")
        project.runpytest_inprocess(*PLUGIN, *options).assert_outcomes(passed=2)

    def test_for_fixtures_of_the_project(self, project: pytest.Pytester) -> None:
        project.makepyfile(
            """
            import pytest, pytest_asyncio

            @pytest_asyncio.fixture
            async def ticket(vpsbg):
                return await vpsbg.tickets.create(department_id=2, subject="One", message="Hello.")

            @pytest.fixture
            def url(vpsbg_sandbox):
                return vpsbg_sandbox.url

            @pytest.mark.asyncio
            async def test_it(ticket, url, vpsbg_sandbox):
                assert vpsbg_sandbox.tickets[0].id == ticket.id
                assert url == vpsbg_sandbox.url
            """
        )
        project.runpytest_inprocess(*PLUGIN).assert_outcomes(passed=1)

    def test_for_tests_of_hypothesis(self, project: pytest.Pytester) -> None:
        project.makepyfile(
            """
            import pytest
            from hypothesis import HealthCheck, given, settings, strategies as st

            @settings(max_examples=2, suppress_health_check=[*HealthCheck], deadline=None)
            @given(page=st.integers(1, 1))
            @pytest.mark.asyncio
            async def test_it(vpsbg, page):
                await vpsbg.orders.list(page=page)
            """
        )
        project.runpytest_subprocess(*PLUGIN).assert_outcomes(passed=1)

    def test_a_fixture_in_another_loop_is_told_so_at_once(self, project: pytest.Pytester) -> None:
        project.makepyfile(
            """
            import pytest, pytest_asyncio
            from vpsbg_async import NotSentError

            @pytest_asyncio.fixture
            async def error(vpsbg):
                with pytest.raises(NotSentError, match="loop_scope of the test") as caught:
                    await vpsbg.tickets.create(department_id=2, subject="One", message="Hello.")
                return caught.value

            @pytest.mark.asyncio(loop_scope="module")
            async def test_it(error, vpsbg):
                assert error.permanent
                await vpsbg.balance.get()
            """
        )
        project.runpytest_inprocess(*PLUGIN).assert_outcomes(passed=1)

    def test_each_test_has_its_own(self, project: pytest.Pytester) -> None:
        project.makepyfile(
            """
            import pytest
            from vpsbg_async import NotSentError

            seen = []

            @pytest.mark.asyncio
            @pytest.mark.parametrize("number", range(2))
            async def test_it(number, vpsbg, vpsbg_sandbox):
                assert vpsbg_sandbox.tickets == ()
                await vpsbg.tickets.create(department_id=2, subject="One", message="Hello.")
                seen.append((vpsbg, vpsbg_sandbox))

            @pytest.mark.asyncio
            async def test_after_them():
                for vpsbg, sandbox in seen:
                    with pytest.raises(NotSentError, match="closed"):
                        await vpsbg.balance.get()
                assert len({sandbox.api_key for _, sandbox in seen}) == 2
            """
        )
        project.runpytest_inprocess(*PLUGIN).assert_outcomes(passed=3)


class TestWithAnyio:
    def test_on_asyncio(self, project: pytest.Pytester) -> None:
        pytest.importorskip("anyio")
        project.makeconftest(
            """
            import pytest

            @pytest.fixture
            def anyio_backend():
                return "asyncio"
            """
        )
        project.makepyfile(ANYIO)
        project.runpytest_inprocess(*PLUGIN).assert_outcomes(passed=2)

    def test_without_pytest_asyncio(self, project: pytest.Pytester) -> None:
        pytest.importorskip("anyio")
        project.makeini("[pytest]\nfilterwarnings = error")
        project.makeconftest(
            """
            import pytest

            @pytest.fixture(params=["asyncio", "trio"])
            def anyio_backend(request):
                return request.param
            """
        )
        project.makepyfile(ANYIO)
        result = project.runpytest_inprocess(*PLUGIN, "-p", "no:asyncio", "-rs")
        result.assert_outcomes(passed=2, skipped=2)
        result.stdout.fnmatch_lines(["*vpsbg_async runs on asyncio*"])


class TestInOtherProjects:
    def test_it_is_told_which_tests_it_is_for(self, project: pytest.Pytester) -> None:
        project.makepyfile(
            """
            import pytest

            def test_plain(vpsbg):
                pass

            @pytest.mark.asyncio
            def test_marked(vpsbg_sandbox):
                pass

            async def test_that_nobody_runs(vpsbg):
                pass
            """
        )
        result = project.runpytest_inprocess(*PLUGIN, "-W", "ignore")
        result.assert_outcomes(errors=3)
        result.stdout.fnmatch_lines([ERROR] * 3)

    def test_nothing_is_needed_and_nothing_is_imported(
        self, project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
        project.makeini("[pytest]\nfilterwarnings = error")
        project.makepyfile(
            """
            import sys

            def test_plain():
                heavy = {"vpsbg_async", "aiohttp", "attrs", "pytest_asyncio", "anyio"}
                assert not heavy & set(sys.modules)
            """
        )
        options = ("-W", "error", "-X", "dev", "-m", "pytest")
        result = project.run(sys.executable, *options, *WITHOUT)
        result.assert_outcomes(passed=1)

    def test_what_is_asked_for_without_a_runner(self, project: pytest.Pytester) -> None:
        project.makeini("[pytest]\nfilterwarnings = error")
        project.makepyfile("async def test_it(vpsbg): pass")
        result = project.runpytest_inprocess(*WITHOUT)
        result.assert_outcomes(errors=1)
        result.stdout.fnmatch_lines([ERROR])

    def test_they_are_listed(self, project: pytest.Pytester) -> None:
        result = project.runpytest_inprocess(*PLUGIN, "--fixtures")
        result.stdout.fnmatch_lines(["vpsbg_sandbox*", "*stand-in for the API*", "vpsbg --*"])
        result.stdout.no_fnmatch_line("_vpsbg*")
