"""The commands that read, against the sandbox: what people see, and what machines get."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from vpsbg_async.sandbox import Sandbox

from ..peers import ScriptedServer, running_sandbox
from ..terminal import Run

ATTACK = "Ws8PeaCFn4bZ4Rf"
LISTS = {
    "servers list": ("servers", "ID", "152414", "my.server.com", "cloud-vps-8gb", "87.121.52.162"),
    "orders list": ("orders", "ID", "7801", "awaiting_payment", "renew-service", "110", "132"),
    "invoices list": ("invoices", "Number", "0000007801", "proform", "7801", "180", "216"),
    "ssh-keys list": ("keys", "Name", "90", "Example SSH Key", "ubuntu-1gb, debian-1gb"),
    "plans list": ("plans", "In stock", "116", "vds-8gb", "no", "90", "108.0"),
    "snapshots list": ("snapshots", "GB", "116", "example_snapshot", "2023-06-19 22:34+03:00"),
    "backups list": ("backups", "Hostname", "77", "71_ubuntu-2gb_2023_06_19-19_34_40.qcow2.gz"),
    "floating-ips list": ("Floating IPs", "Address ID", "25963458", "10.10.10.10", "2816"),
    "protection attacks 2816": ("attacks", "Severity", ATTACK, "low", "157.929", "117936"),
}
WHOLE_LISTS = {
    "servers metrics 2864": ("Received, MB/s", "yes", "0.006", "3.827", "0.011"),
    "servers addons 2864": ("Until expiry", "cpanel-pro-30", "35", "42.0", "140", "168.0"),
    "plans addons 116": ("With VAT", "1gbps-unmetered", "450", "540.0"),
    "boot-images list": ("Uploaded", "229", "hardened.efi", "kernel", "12345"),
}
SHEETS = {
    "servers show 2864": ("Server 2864", "ubuntu-2gb", "46.8", "87.120.37.47", "100mbps-unmetered"),
    "servers status 2864": ("Status", "9.9.9.9, 208.67.222.222", "3.83 of 60", "6.13 of 5000"),
    "servers bandwidth 2864": ("Traffic", "12.96", "5000", "1.418"),
    "orders show 7801": ("Order 7801", "1.2", "Renewal: Cloud VPS 2 GB", "0000007801", "90"),
    "balance": ("Balance", "3476.06", "EUR", "41.67", "2024-10-16 12:06+00:00"),
    "user": ("User", "Example Customer", "Bulgaria", "0884625630"),
    "affiliate": ("Referrals", "myawesomewebsite2", "1.5", "15"),
    "ssh-keys show 90": ("SSH key 90", "ssh-rsa AA... user@example.com", "Servers that use it"),
    "protection show 2816": ("Protection of address 2816", "10.10.10.10", "25963458", "152414"),
    f"protection attack 2816 {ATTACK}": (f"Attack {ATTACK}", "1303.61", "64500", "192.0.2.1"),
    "protection geo 2816": ("Filter by country", "allow", "BG"),
}
EVERY = [*LISTS, *WHOLE_LISTS, *SHEETS]


@pytest.fixture(scope="module")
def account() -> Iterator[Sandbox]:
    with running_sandbox(api_key="key-of-the-test") as running:
        yield running


@pytest.fixture(autouse=True)
def _point_at(account: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VPSBG_BASE_URL", account.url)
    monkeypatch.setenv("VPSBG_API_KEY", account.read_key)


@pytest.mark.parametrize("words", EVERY)
def test_what_people_see(run: Run, words: str) -> None:
    ran = run(*words.split())
    assert (ran.code, ran.err) == (0, "")
    told = (LISTS.get(words) or ("", *(WHOLE_LISTS | SHEETS).get(words, ())))[1:]
    for text in told:
        assert text in ran.out
    assert "None" not in ran.out
    assert "Page" not in ran.out


@pytest.mark.parametrize("words", [*LISTS, *WHOLE_LISTS])
def test_what_machines_get_of_a_list(run: Run, words: str) -> None:
    ran = run(*words.split(), "--json")
    assert (ran.code, ran.err) == (0, "")
    document = json.loads(ran.out)
    assert document.keys() == {"items"}
    assert all("extra" in item for item in document["items"])


@pytest.mark.parametrize("words", SHEETS)
def test_what_machines_get_of_one_thing(run: Run, words: str) -> None:
    ran = run(*words.split(), "--json")
    assert (ran.code, ran.err) == (0, "")
    document = json.loads(ran.out)
    assert [*document][-1] == "extra"
    assert document["extra"] == {}


@pytest.mark.parametrize(
    ("words", "count"), [("orders list", 25), ("backups list", 60), ("protection attacks 2816", 28)]
)
def test_a_list_is_all_of_its_pages(run: Run, words: str, count: int) -> None:
    items = json.loads(run(*words.split(), "--json").out)["items"]
    assert len(items) == len({item["id"] for item in items}) == count
    assert len(run(*words.split()).out.splitlines()) == count + 2


@pytest.mark.parametrize("words", LISTS)
def test_one_page_of_a_list(run: Run, words: str) -> None:
    out = run(*words.split(), "--page", 1).out
    assert f" {LISTS[words][0]} in all\n" in out
    assert "Page 1 of " in out
    page = json.loads(run(*words.split(), "--page", 1, "--json").out)
    assert [*page] == ["items", "number", "next", "last", "total"]
    assert page["number"] == 1
    assert run(*words.split(), "--page", 0).code == 2


def test_a_page_of_what_has_none(run: Run) -> None:
    for words in WHOLE_LISTS:
        assert run(*words.split(), "--page", 1).code == 2


def test_money_keeps_its_digits(run: Run) -> None:
    order = json.loads(run("orders", "show", 7801, "--json").out)
    assert (order["amount"], order["tax_rate"]) == ("110", "1.2")
    assert order["services"][0]["amount_with_vat"] == "90"
    assert json.loads(run("balance", "--json").out)["balance"] == "3476.06"


def test_times_in_json_are_exact(run: Run) -> None:
    server = json.loads(run("servers", "show", 2864, "--json").out)
    assert server["created_at"] == "2024-08-29T14:21:54+00:00"
    assert server["ip_addresses"][0]["id"] == 10


def test_only_some_states(run: Run) -> None:
    def statuses(*words: object) -> set[str]:
        return {item["status"] for item in json.loads(run(*words, "--json").out)["items"]}

    assert statuses("servers", "list") == {"active", "suspended"}
    assert statuses("servers", "list", "--status", "terminated") == {"terminated"}
    assert statuses("servers", "list", "--status", "terminated,suspended") == {
        "suspended",
        "terminated",
    }
    assert statuses("orders", "list", "--status", "cancelled,processing") == {
        "cancelled",
        "processing",
    }
    assert statuses("floating-ips", "list", "--status", "suspended") == {"suspended"}
    assert run("servers", "list", "--status", "").code == 2


def test_a_search(run: Run) -> None:
    found = json.loads(run("servers", "list", "--search", "debian", "--json").out)["items"]
    assert [server["hostname"] for server in found] == ["debian-1gb"]
    found = json.loads(run("floating-ips", "list", "--search", "10.10", "--json").out)["items"]
    assert [address["id"] for address in found] == [25963458]
    empty = run("servers", "list", "--search", "nothing")
    assert (empty.code, empty.err) == (0, "")
    assert len(empty.out.splitlines()) == 2


@pytest.mark.parametrize(
    "words",
    [
        *(f"servers {verb} 999" for verb in ("show", "status", "metrics", "bandwidth", "addons")),
        *("orders show 999", "ssh-keys show 999", "plans addons 999", "protection show 10"),
        *("protection attacks 10", "protection attack 2816 nothing", "protection geo 10"),
    ],
)
@pytest.mark.parametrize("options", [(), ("--json",)])
def test_what_is_not_there(run: Run, words: str, options: tuple[str, ...]) -> None:
    ran = run(*words.split(), *options)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.count("\n") == 1
    if options:
        error = json.loads(ran.err)
        assert (error["type"], error["status"]) == ("NotFoundError", 404)
    else:
        assert "answered 404 Not Found" in ran.err


@pytest.mark.parametrize(
    "words",
    [
        *(f"servers {verb}" for verb in ("show", "status", "metrics", "bandwidth", "addons")),
        *("servers start", "servers stop", "servers restart", "orders show", "ssh-keys show"),
        *("ssh-keys delete", "plans addons", "protection show", "protection attacks"),
        "protection geo",
    ],
)
def test_what_is_no_id(run: Run, words: str) -> None:
    for wrong in ("x", "2.7", "0x10", "-1", "\N{ARABIC-INDIC DIGIT ONE}", ""):
        ran = run(*words.split(), wrong)
        assert (ran.code, ran.out) == (2, "")
        assert ran.err.count("\n") == 1
    ran = run(*words.split())
    assert (ran.code, ran.out) == (2, "")


def test_an_id_that_cannot_stand_in_a_path(run: Run) -> None:
    ran = run("protection", "attack", 2816, "..")
    assert (ran.code, ran.out) == (2, "")
    assert "attack_id" in ran.err


def test_a_key_that_is_refused(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VPSBG_API_KEY", "wrong")
    for words in EVERY:
        ran = run(*words.split())
        assert (ran.code, ran.out) == (1, "")
        assert "401" in ran.err


# From here on a server says what a test wants.

EVIL = "\x1b]0;owned\x07\x1b[31m[red]x[/red] :smile:\x9b2J\u202etxt.exe\x7f"


def _evil(value: Any, name: str = "") -> Any:
    """An answer with evil texts, where they are no times."""
    if isinstance(value, dict):
        return {name: _evil(item, name) for name, item in value.items()}
    if isinstance(value, list):
        return [_evil(item, name) for item in value]
    is_time = name.endswith(("_at", "_on", "_date", "_from", "_to"))
    return EVIL if isinstance(value, str) and not is_time and name != "next" else value


@pytest.fixture
def answered(account: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Any]]:
    """Sets the answer of a server to something made of that of the sandbox."""
    with ScriptedServer() as server:

        def answer(run: Run, words: str, change: Callable[[Any], Any]) -> None:
            kept: list[Any] = []
            monkeypatch.setenv("VPSBG_BASE_URL", account.url)
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr("vpsbg_async.core.convert.parse", _keeping(kept))
                run(*words.split())
            told = {"data": kept[0]["data"]} if "data" in kept[0] else kept[0]
            server.status, server.answer = 200, change(told)
            monkeypatch.setenv("VPSBG_BASE_URL", server.url)

        yield answer


def _keeping(kept: list[Any]) -> Callable[..., Any]:
    from vpsbg_async.core import convert

    parse = convert.parse

    def keep(answer: Any, kind: Any = object) -> Any:
        kept.append(json.loads(answer.body))
        return parse(answer, kind)

    return keep


@pytest.mark.parametrize("words", EVERY)
def test_nothing_reaches_the_terminal_as_it_is(
    run: Run, words: str, answered: Callable[..., Any]
) -> None:
    answered(run, words, _evil)
    shown = [run(*words.split()), run(*words.split(), "--json")]
    for ran in shown:
        assert (ran.code, ran.err) == (0, "")
        assert not {*"\x1b\x07\x9b\u202e\x7f"} & {*ran.out}
    if not words.startswith(("servers metrics", "servers bandwidth")):  # which have no texts
        assert ":smile:" in shown[0].out  # folded, so that not all of it is in one piece


def _bare(value: Any) -> Any:
    """An answer that tells nothing but what every answer must."""
    if "data" in value:
        return {"data": [_bare(item) for item in value["data"]]}
    return {"id": value["id"]} if "id" in value else {}


@pytest.mark.parametrize("words", EVERY)
def test_an_answer_that_tells_little(run: Run, words: str, answered: Callable[..., Any]) -> None:
    answered(run, words, _bare)
    ran = run(*words.split())
    assert (ran.code, ran.err) == (0, "")
    assert "None" not in ran.out
    assert run(*words.split(), "--json").code == 0


@pytest.mark.parametrize("words", EVERY)
def test_parts_that_are_null(run: Run, words: str, answered: Callable[..., Any]) -> None:
    def change(value: Any) -> Any:
        things = value.get("data", [value])
        for thing in things:
            thing.update(
                {name: None for name, item in thing.items() if isinstance(item, dict | list)}
            )
        return value

    answered(run, words, change)
    ran = run(*words.split())
    assert (ran.code, ran.err) == (0, "")
    assert "None" not in ran.out


def test_values_of_an_enumeration_that_nobody_knows(run: Run, answered: Callable[..., Any]) -> None:
    answered(run, "servers show 2864", lambda value: value | {"status": "on-fire"})
    assert "on-fire" in run("servers", "show", 2864).out
    assert json.loads(run("servers", "show", 2864, "--json").out)["status"] == "on-fire"
