"""Answers that are not quite as documented: what they are taken for, and what stays refused."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal

import attrs
import pytest

from vpsbg_async import ResponseError
from vpsbg_async.core import convert
from vpsbg_async.core.answer import Answer
from vpsbg_async.core.model import Model, renamed_field, unsure_field


@attrs.frozen(kw_only=True)
class Odd(Model):
    amount: Decimal | None = None
    count: int | None = None
    share: float | None = None
    flag: bool | None = None
    moment: datetime | None = None
    names: tuple[str, ...] | None = None
    ended_at: datetime | None = unsure_field()
    ptr: Mapping[str, str] | str | None = unsure_field()
    company_number: str | None = renamed_field("uic")


@attrs.frozen(kw_only=True)
class Firm(Odd):
    id: int


def read(body: str, kind: type[Odd] = Odd, *, may_be_empty: bool = False) -> Odd:
    return convert.read(Answer(200, {}, body.encode()), kind, may_be_empty=may_be_empty)


def refused(body: str, *, may_be_empty: bool = False, kind: type[Odd] = Odd) -> str:
    with pytest.raises(ResponseError) as caught:
        read(body, kind, may_be_empty=may_be_empty)
    return str(caught.value)


class TestAmounts:
    @pytest.mark.parametrize(
        ("told", "amount"),
        [
            ("15.30", "15.30"),
            ('"15.30"', "15.30"),
            ("-2", "-2"),
            ('"+1e3"', "1e3"),
            ("1e-30", "1e-30"),
            ("9.99e30", "9.99e30"),
        ],
    )
    def test_keep_their_digits(self, told: str, amount: str) -> None:
        found = read(f'{{"amount": {told}}}').amount
        assert str(found) == str(Decimal(amount))

    @pytest.mark.parametrize(
        "told",
        [
            *("1e9999999999999999999999", "-1e9999999999999999999999", "1e31", "1e-31", "1e999"),
            *("NaN", "Infinity", "1" * 40, '"1e99"', '"1_000"', '" 5 "', '"5\\n"', '""'),
            *('"٣"', '"NaN"', '"Infinity"', '".5"', '"5."', "true", "[]"),
        ],
    )
    def test_what_is_none(self, told: str) -> None:
        assert "amount" in refused(f'{{"amount": {told}}}')

    def test_in_what_is_not_known_they_keep_them_too(self) -> None:
        found = read('{"fee": 12345678901234567.89, "fees": [{"a": 0.10}], "n": 1e999999999}')
        assert str(found.extra["fee"]) == "12345678901234567.89"
        assert str(found.extra["fees"][0]["a"]) == "0.10"
        assert found.extra["n"] == float("inf")  # not a text of a billion digits
        assert pickle.loads(pickle.dumps(found)).extra == found.extra


class TestNumbersFlagsAndTimes:
    @pytest.mark.parametrize("told", ['"1_0"', '" 5 "', '"٣"', '"nan"', '"inf"'])
    def test_text_that_only_python_takes_for_a_number(self, told: str) -> None:
        assert "share" in refused(f'{{"share": {told}}}')
        assert "count" in refused(f'{{"count": {told}}}')

    @pytest.mark.parametrize(
        ("told", "flag"),
        [
            *(('"0"', False), ('"false"', False), ("0", False), ("false", False)),
            *(('"1"', True), ('"true"', True), ("1", True), ("true", True)),
        ],
    )
    def test_flags_in_quotes(self, told: str, *, flag: bool) -> None:
        assert read(f'{{"flag": {told}}}').flag is flag

    @pytest.mark.parametrize("told", ['"yes"', '""', "2", '"2"', "[]", "{}"])
    def test_what_is_no_flag(self, told: str) -> None:
        assert "flag" in refused(f'{{"flag": {told}}}')

    def test_unix_seconds_in_quotes(self) -> None:
        for told in ("1733781600", '"1733781600"', '"1733781600.0"'):
            moment = datetime(2024, 12, 9, 22, tzinfo=UTC)
            assert read(f'{{"moment": {told}}}').moment == moment
        assert read('{"moment": "20240920"}').moment == datetime(2024, 9, 20, tzinfo=UTC)
        assert "moment" in refused('{"moment": "1733"}')
        assert "moment" in refused('{"moment": "99999999999999999999"}')


class TestLists:
    @pytest.mark.parametrize(
        ("told", "names"),
        [
            ('[null, "a", null, "b"]', ("a", "b")),
            ('{"0": "a", "2": null, "3": "b"}', ("a", "b")),
            ("[null]", ()),
        ],
    )
    def test_null_is_no_item(self, told: str, names: tuple[str, ...]) -> None:
        assert read(f'{{"names": {told}}}').names == names


class TestWhatIsNotDocumented:
    @pytest.mark.parametrize("told", ["", False, "soon", {"a": 1}, [1], True])
    def test_it_sinks_nothing_and_can_be_read(self, told: object) -> None:
        data = {"ended_at": told, "count": 1, "new": 2}
        found = convert.structure(data, Odd, Answer(200, {}, b"it"))
        assert found == Odd(count=1)
        assert found.extra == {"ended_at": told, "new": 2}

    def test_what_fits_is_where_it_belongs(self) -> None:
        found = read('{"ended_at": "2024-09-28T17:57:40.000Z", "ptr": {"a": "b"}}')
        assert found.ended_at == datetime(2024, 9, 28, 17, 57, 40, tzinfo=UTC)
        assert (found.ptr, found.extra) == ({"a": "b"}, {})
        assert read('{"ended_at": null}') == Odd()

    def test_all_else_is_told_of(self) -> None:
        assert "ended_at" not in refused('{"ended_at": "", "count": "x"}')

    def test_it_can_be_hashed(self) -> None:
        found = read('{"ptr": {"a": "b"}, "new": [1]}')
        assert {found} == {read('{"ptr": {"a": "b"}}')}


class TestTwoNames:
    @pytest.mark.parametrize(
        ("body", "number", "extra"),
        [
            ('{"uic": 223344}', "223344", {}),
            ('{"uic": "00123", "company_number": null}', "00123", {}),
            ('{"company_number": "1"}', "1", {}),
            ('{"company_number": "1", "uic": "2"}', "1", {"uic": "2"}),
            ('{"company_number": null}', None, {}),
            ("{}", None, {}),
        ],
    )
    def test_either_is_read(
        self, body: str, number: str | None, extra: Mapping[str, object]
    ) -> None:
        found = read(body)
        assert (found.company_number, found.extra) == (number, extra)


class TestNoBody:
    @pytest.mark.parametrize("body", ["", " \n", "null", "[]", "{}"])
    def test_what_requires_nothing_is_empty(self, body: str) -> None:
        assert read(body, may_be_empty=True) == Odd()

    @pytest.mark.parametrize("body", ["", "null"])
    def test_what_requires_something_is_refused(self, body: str) -> None:
        refused(body, kind=Firm, may_be_empty=True)
        refused(body)

    def test_what_is_no_json_stays_so(self) -> None:
        refused("OK", may_be_empty=True)

    def test_raw_json_is_none(self) -> None:
        assert convert.read(Answer(204, {}, b""), object, may_be_empty=True) is None


@pytest.mark.parametrize(
    ("body", "ids"),
    [
        *(("", []), ("null", []), ("[]", []), ("{}", []), ('{"order_id": 1}', [])),
        *(('{"data": null}', []), ('{"data": []}', []), ('{"data": {}}', [])),
        *(('{"id": 1}', [1]), ('[{"id": 1}, {"id": 2}]', [1, 2])),
        *(('{"data": {"id": 1}}', [1]), ('{"data": [{"id": 1}, null, {"id": 2}]}', [1, 2])),
    ],
)
def test_things_in_every_frame(body: str, ids: list[int]) -> None:
    found = convert.read(Answer(200, {}, body.encode()), tuple[Firm, ...])
    assert [one.id for one in found] == ids


@pytest.mark.parametrize("body", ["5", '"text"', "true", '[{"id": "x"}]', "<html>"])
def test_what_holds_no_things(body: str) -> None:
    with pytest.raises(ResponseError):
        convert.read(Answer(200, {}, body.encode()), tuple[Firm, ...])
