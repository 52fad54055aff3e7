"""What an operation is, as data: what its path takes, its effects, and queries."""

from __future__ import annotations

from enum import Enum
from typing import Any
from urllib.parse import parse_qsl, unquote

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from vpsbg_async import InvalidInputError
from vpsbg_async.core.endpoint import (
    READS,
    Effect,
    Endpoint,
    Query,
    has_control_characters,
    is_encodable,
    is_positive,
    query_string,
)


class Color(str, Enum):  # noqa: UP042 - whose str() is its name
    RED = "dark red"


TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
NUMBERS = st.integers(-(2**63) + 1, 2**63 - 1)

any_time = settings(deadline=None)


class TestNumbers:
    @pytest.mark.parametrize("value", [1, 216, 2**31, 2**63 - 1])
    def test_something_may_be_numbered_with(self, value: int) -> None:
        assert is_positive(value)

    @pytest.mark.parametrize(
        "value",
        [0, -1, 2**63, 10**5000, True, False, 1.0, "1", None, [1], float("nan")],
        ids=lambda value: type(value).__name__,
    )
    def test_nothing_is_numbered_with(self, value: object) -> None:
        assert not is_positive(value)


class TestTexts:
    @pytest.mark.parametrize("text", ["", "a", "ключ", "🙂", "\0", "\uffff"])
    def test_can_be_sent(self, text: str) -> None:
        assert is_encodable(text)

    @pytest.mark.parametrize("text", ["\ud83d", "a\udfff", "\ude42\ud83d"], ids=ascii)
    def test_half_a_character_cannot(self, text: str) -> None:
        assert not is_encodable(text)


def is_an_id(text: str) -> bool:
    return text.strip() not in ("", ".", "..") and not has_control_characters(text)


class TestEndpoint:
    @any_time
    @given(st.integers(0, 2**63 - 1) | TEXTS.filter(is_an_id))
    @example("../admin?a=b#c")
    def test_an_id_stays_where_it_is_put(self, id_: int | str) -> None:
        endpoint = Endpoint("GET", "/servers/{id}/addons", object)
        path = endpoint.path_for({"id": id_})
        assert path.count("/") == 3
        assert unquote(path) == f"/servers/{id_}/addons"
        assert endpoint.problems_of({"id": id_}) == {}

    def test_what_is_wrong_is_told_by_name(self) -> None:
        endpoint = Endpoint("GET", "/servers/{server_id}/addons/{id}", object)
        wrong: dict[str, Any] = {"server_id": "..", "id": 5}
        assert endpoint.problems_of(wrong) == {"server_id": ("must be an id, such as 216",)}
        with pytest.raises(InvalidInputError, match=r"^server_id: must be an id, such as 216$"):
            endpoint.path_for(wrong)

    def test_by_default_it_is_documented_and_harmless(self) -> None:
        endpoint = Endpoint("GET", "/balance", object)
        assert (endpoint.evidence, endpoint.effects) == ("documented", frozenset())
        assert not endpoint.harmless
        assert endpoint.path_for({}) == "/balance"

    @pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "POST", "PUT", "DELETE"])
    def test_what_only_reads(self, method: str) -> None:
        assert Endpoint(method, "/", object).only_reads is (method in READS)
        assert Endpoint(method, "/", object, harmless=True).only_reads

    def test_reads_are_what_changes_nothing(self) -> None:
        assert {"GET", "HEAD", "OPTIONS"} == READS

    def test_effects_are_written_as_words(self) -> None:
        assert Effect("replaces-list") is Effect.REPLACES_LIST
        assert all(effect == effect.name.lower().replace("_", "-") for effect in Effect)


class TestQuery:
    def test_a_member_of_an_enumeration_is_sent_by_its_value(self) -> None:
        assert query_string({"a": Color.RED}) == "?a=dark%20red"

    @any_time
    @given(st.dictionaries(TEXTS, TEXTS | NUMBERS, max_size=4))
    def test_what_is_sent_is_what_is_read(self, query: Query) -> None:
        told = query_string(query)
        assert told.isascii()
        assert told.startswith("?") is bool(query)
        read = parse_qsl(told[1:], keep_blank_values=True, strict_parsing=bool(query))
        assert read == [(name, str(value)) for name, value in query.items()]

    def test_truth_is_written_as_laravel_reads_it(self) -> None:
        assert query_string({"a": True, "b": False}) == "?a=1&b=0"

    @pytest.mark.parametrize(
        ("query", "told"),
        [
            ({"filter[name]": "a,b"}, "?filter%5Bname%5D=a,b"),
            ({"a": "b c+d&e=f#g"}, "?a=b%20c%2Bd%26e%3Df%23g"),
            ({"a": 1.5, "b": -2}, "?a=1.5&b=-2"),
            ({"a": ""}, "?a="),
            ({}, ""),
        ],
    )
    def test_as_it_is_written(self, query: Query, told: str) -> None:
        assert query_string(query) == told

    @pytest.mark.parametrize(
        "query",
        [
            *("a=1", b"a=1", [("a", 1)], None, 5),
            *({1: "a"}, {None: "a"}, {"\ud83d": "a"}, {"a": "\ud83d"}),
            *({"a": None}, {"a": ["b"]}, {"a": b"b"}, {"a": {"b": 1}}, {"a": 1j}),
            *({"a": 2**63}, {"a": -(2**63)}, {"a": float("nan")}, {"a": float("inf")}),
        ],
        ids=ascii,
    )
    def test_what_cannot_stand_in_one(self, query: Any) -> None:
        with pytest.raises(InvalidInputError) as caught:
            query_string(query)
        assert set(caught.value.errors) == {"params"}
        assert str(caught.value).isprintable()
