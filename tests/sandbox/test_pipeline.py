from __future__ import annotations

import logging
from pathlib import Path

import pytest

from .conftest import Api
from .forms import END, file

GUARDED = "/support/tickets"


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer",
        "Bearer ",
        "Bearer wrong",
        "Basic {key}",
        "{key}",
        "Bearer {key}x",
        "Bearer ключ",
    ],
)
async def test_who_is_not_known(api: Api, authorization: str) -> None:
    header = authorization.format(key=api.sandbox.api_key)
    answer = await api.get(GUARDED, headers={"Authorization": header})
    assert answer.status == 401
    assert answer.json == {"message": "Unauthenticated."}


async def test_the_scheme_is_read_in_any_case(api: Api) -> None:
    header = f"bearer {api.sandbox.api_key}"
    assert (await api.get(GUARDED, headers={"Authorization": header})).status == 200


async def test_a_read_key_only_reads(api: Api) -> None:
    headers = {"Authorization": f"Bearer {api.sandbox.read_key}"}
    assert (await api.get(GUARDED, headers=headers)).status == 200
    assert (await api.request("HEAD", GUARDED, headers=headers)).status == 200
    answer = await api.request("POST", GUARDED, headers=headers)
    assert answer.status == 403
    assert answer.json == {"message": "Invalid ability provided."}


@pytest.mark.parametrize("path", ["", "/nowhere", "/network-protection/2816", "/support/x"])
async def test_an_unknown_path(api: Api, path: str) -> None:
    answer = await api.get(path, headers={"Authorization": ""})
    assert answer.status == 404
    assert answer.json == {"message": f"The route v1{path} could not be found."}


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/support/tickets", "GET, HEAD, POST"),
        ("GET", "/support/tickets/1/messages", "POST"),
        ("PUT", "/support/tickets/1", "GET, HEAD"),
    ],
)
async def test_a_wrong_method(api: Api, method: str, path: str, allowed: str) -> None:
    answer = await api.request(method, path, headers={"Authorization": ""})
    assert answer.status == 405
    assert answer.headers["Allow"] == allowed
    assert answer.json == {
        "message": f"The {method} method is not supported for route v1{path}. "
        f"Supported methods: {allowed}."
    }


@pytest.mark.parametrize(
    "accept",
    [
        "*/*",
        "text/html",
        "",
        "text/html, application/json",
        "application/json;q=0.5, text/html",
        "application/json; q=bad, text/html",
    ],
)
async def test_who_does_not_ask_for_json_is_redirected(api: Api, accept: str) -> None:
    origin = api.sandbox.url.removesuffix("/v1")
    stranger = await api.get(GUARDED, headers={"Authorization": "", "Accept": accept})
    assert stranger.status == 302
    assert stranger.headers["Location"] == f"{origin}/login"
    invalid = await api.post(GUARDED, END, Accept=accept)
    assert invalid.status == 302
    assert invalid.headers["Location"] == f"{origin}/"
    assert invalid.headers["X-RateLimit-Remaining"] == "999"
    assert (await api.get("/nowhere", headers={"Accept": accept})).json
    assert (await api.get(f"{GUARDED}/1", headers={"Accept": accept})).json


@pytest.mark.parametrize(
    "accept",
    [
        "application/json",
        "APPLICATION/JSON; charset=utf-8",
        "application/vnd.api+json",
        "text/html;q=0.9, application/json",
    ],
)
async def test_what_asks_for_json(api: Api, accept: str) -> None:
    answer = await api.get(GUARDED, headers={"Authorization": "", "Accept": accept})
    assert answer.status == 401


async def test_an_unexpected_error(
    api: Api, directory: Path, caplog: pytest.LogCaptureFixture
) -> None:
    directory.rmdir()  # noqa: ASYNC240 - as instant as can be
    answer = await api.create(file("a"))
    assert answer.status == 500
    assert answer.json == {"message": "Server Error"}
    assert answer.headers["X-RateLimit-Remaining"] == "999"
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert record.exc_info
    assert (await api.create()).status == 200
