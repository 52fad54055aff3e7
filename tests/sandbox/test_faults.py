"""Which faults there are, and with which request they come."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import pytest

from vpsbg_async.sandbox import Fault, Faults, Incident


def decided(faults: Faults, number: int, method: str = "POST") -> list[Fault | None]:
    return [faults.decide(method, "/v1/support/tickets") for _ in range(number)]


def test_what_there_is() -> None:
    assert [str(fault) for fault in Fault] == [
        *("latency", "refuse", "drop-before-body", "drop-mid-body", "drop-after-processing"),
        *("half-answer", "cut-json", "500-before", "500-after", "502-before", "502-after"),
        *("503-before", "503-after", "504-before", "504-after", "late", "429", "423"),
        *("stall-on-read", "stall-on-write"),
    ]


class TestScripted:
    def test_one_by_one_and_then_nothing(self) -> None:
        faults = Faults.scripted(Fault.LOCKED, None, Fault.REFUSE)
        assert decided(faults, 5) == [Fault.LOCKED, None, Fault.REFUSE, None, None]

    def test_nothing_at_all(self) -> None:
        assert decided(Faults.scripted(), 2) == [None, None]

    def test_more_of_it(self) -> None:
        faults = Faults.scripted(Fault.LOCKED)
        faults.add(Fault.LATE, None)
        assert decided(faults, 1) == [Fault.LOCKED]
        faults.add(Fault.REFUSE)
        assert decided(faults, 4) == [Fault.LATE, None, Fault.REFUSE, None]

    def test_some_methods_only(self) -> None:
        faults = Faults.scripted(Fault.LOCKED, Fault.LATE, methods=["POST", "PUT"])
        assert decided(faults, 2, "GET") == [None, None]
        assert decided(faults, 1, "POST") == [Fault.LOCKED]
        assert decided(faults, 1, "PUT") == [Fault.LATE]

    def test_what_was_met(self) -> None:
        faults = Faults.scripted(None, Fault.LOCKED, Fault.LATE)
        assert not faults.met
        for path in ("/v1/a", "/v1/b", "/v1/c", "/v1/d"):
            faults.decide("GET", path)
        assert faults.met == (
            Incident(Fault.LOCKED, "GET", "/v1/b"),
            Incident(Fault.LATE, "GET", "/v1/c"),
        )


class TestDrawn:
    def test_the_same_seed_draws_the_same(self) -> None:
        one, other, third = (Faults.drawn(seed=seed, rate=0.5) for seed in (7, 7, 8))
        drawn = decided(one, 200)
        assert decided(other, 200) == drawn
        assert decided(third, 200) != drawn

    def test_it_does_not_matter_in_which_order_kinds_are_given(self) -> None:
        kinds = [Fault.LOCKED, Fault.REFUSE, Fault.CUT_JSON]
        one = Faults.drawn(seed=1, rate=0.5, kinds=kinds)
        other = Faults.drawn(seed=1, rate=0.5, kinds=reversed(kinds))
        assert decided(one, 100) == decided(other, 100)

    @pytest.mark.parametrize("rate", [0, 0.05, 0.2, 0.9, 1])
    def test_about_the_rate(self, rate: float) -> None:
        drawn = decided(Faults.drawn(seed=1, rate=rate), 20_000)
        disturbed = sum(fault is not None for fault in drawn)
        assert disturbed == pytest.approx(rate * 20_000, abs=200)

    def test_every_kind_but_late_and_each_as_often(self) -> None:
        often = Counter(decided(Faults.drawn(seed=3, rate=1), 19_000))
        assert set(often) == set(Fault) - {Fault.LATE}
        assert min(often.values()) > 800

    def test_some_kinds_only(self) -> None:
        kinds = {Fault.LATE, Fault.LOCKED}
        assert set(decided(Faults.drawn(seed=1, rate=1, kinds=kinds), 100)) == kinds

    def test_some_methods_only(self) -> None:
        """Requests of others do not change what the rest meets."""
        one, other = (Faults.drawn(seed=5, rate=0.5, methods={"POST"}) for _ in range(2))
        assert decided(one, 50, "GET") == [None] * 50
        assert decided(one, 50) == decided(other, 50)

    def test_a_script_comes_first(self) -> None:
        faults = Faults.drawn(seed=1, rate=1, kinds=[Fault.LOCKED])
        faults.add(Fault.LATE, None)
        assert decided(faults, 4) == [Fault.LATE, None, Fault.LOCKED, Fault.LOCKED]


class TestSettings:
    def test_the_defaults(self) -> None:
        faults = Faults.scripted()
        assert (faults.latency, faults.refusal, faults.stall) == (0.5, 0.2, 300)
        assert (faults.lateness, faults.retry_after, faults.methods) == (2, 1, None)

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("latency", -1),
            ("latency", float("nan")),
            ("refusal", float("inf")),
            ("stall", "1"),
            ("lateness", None),
            ("retry_after", 1.5),
            ("retry_after", -1),
            ("retry_after", True),
            ("methods", "POST"),
            ("methods", ["post"]),
            ("methods", ["BREW"]),
        ],
    )
    def test_wrong_ones(self, name: str, value: Any) -> None:
        settings: Any = {name: value}
        with pytest.raises(ValueError, match=f"^{name} must be .*, not {re.escape(repr(value))}$"):
            Faults.scripted(**settings)
        with pytest.raises(ValueError, match=f"^{name} must be "):
            Faults.drawn(seed=1, rate=0.5, **settings)
        with pytest.raises(ValueError, match=f"^{name} must be "):
            setattr(Faults.scripted(), name, value)

    @pytest.mark.parametrize("rate", [-0.1, 1.1, float("nan"), "1"])
    def test_a_wrong_rate(self, rate: Any) -> None:
        with pytest.raises(ValueError, match=r"^rate must be a number from 0 to 1, not "):
            Faults.drawn(seed=1, rate=rate)

    def test_a_wrong_kind(self) -> None:
        wrong: Any = "drop"
        for make in (
            lambda: Faults.scripted(wrong),
            lambda: Faults.scripted().add(None, wrong),
            lambda: Faults.drawn(seed=1, rate=1, kinds=[wrong]),
        ):
            with pytest.raises(ValueError, match=r"^'drop' is no fault; there are: latency, "):
                make()
        with pytest.raises(ValueError, match=r"^kinds must hold one fault at least$"):
            Faults.drawn(seed=1, rate=1, kinds=[])

    def test_a_kind_by_its_name(self) -> None:
        name: Any = "cut-json"
        assert decided(Faults.scripted(name), 1) == [Fault.CUT_JSON]
