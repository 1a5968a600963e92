"""Whatever comes instead of a message: one clear finding each, nothing invented, and never an error of ours."""

from __future__ import annotations

import gzip
import json
from decimal import Decimal
from typing import Any

import pytest

from hunar.domain import facts
from hunar.domain.facts import Placed, Priced
from hunar.domain.reading import Reading
from hunar.domain.worklist import ACTIONS
from hunar.marketplaces.body import written
from tests.marketplaces.case import Case, Sample
from tests.marketplaces.messages import changed
from tests.marketplaces.registered import every_field, every_marketplace, every_sample

NO_MESSAGE: dict[str, bytes] = {
    "nothing": b"",
    "HTML": b"<!DOCTYPE html><html><body>502 Bad Gateway</body></html>",
    "not UTF-8": b'{"a":"\xff"}',
    "UTF-16": '{"a":1}'.encode("utf-16"),
    "a list": b"[{}]",
    "a text": b'"order"',
    "null": b"null",
    "no fields": b"{}",
    "compressed": gzip.compress(b"{}"),
    "nested": b'{"a":' * 65 + b"1" + b"}" * 65,
    "a name twice": b'{"a":1,"a":2}',
    "a huge number": b'{"a":1e999999999}',
    "many digits": b'{"a":' + b"9" * 5000 + b"}",
    "no number": b'{"a":NaN}',
}
ODD: tuple[Any, ...] = (
    None, "", " ", "UNKNOWN_THING", "1,499.00", "\ud800", "\x00", "\u200bhidden", "٣", "x" * 5000, 0, -1, 10**19, True,
    Decimal("0.005"), Decimal("1E+18"), [], {}, [None], [[]], {"a": {"b": []}}, "2026-13-01",
    "9999-12-31T23:59:59-05:30",
)  # fmt: skip


def require_sound(found: Reading) -> None:
    """What a reading may be, whatever was read."""
    assert found.facts or found.findings
    assert (found.verdict == "APPLIED") == bool(found.facts)
    assert {finding.kind for finding in found.findings} <= set(ACTIONS)
    fields = [(finding.kind, finding.field) for finding in found.findings]
    assert len(set(fields)) == len(fields), "a field's exception opens once"
    for finding in found.findings:
        assert finding.field and finding.message and len(finding.message) < 500
        assert finding.message.isprintable()
    kept = [found.redacted or "", *(finding.message for finding in found.findings)]
    for fact in found.facts:
        text = facts.to_text(fact)
        assert facts.from_text(text) == fact
        assert not [number for number in json.loads(text).values() if isinstance(number, float)]
        for name in ("quantity", "still"):
            units = getattr(fact, name, None)
            assert units is None or units >= (0 if name == "still" else 1)
        if isinstance(fact, Placed | Priced) and fact.unit_price_paise is not None:
            assert fact.unit_price_paise > 0 and fact.price_problem is None
        kept.append(text)
    "".join(kept).encode()
    assert "\x00" not in "".join(kept)


def require_read_again(sample: Sample, found: Reading) -> None:
    if found.redacted is not None:
        again = sample.read(found.redacted.encode(), "demo")
        assert (again.facts, again.findings, again.verdict) == (found.facts, found.findings, found.verdict)


@pytest.mark.parametrize("raw", NO_MESSAGE.values(), ids=NO_MESSAGE)
@every_marketplace
def test_what_is_no_message_is_unreadable_and_says_why(case: Case, raw: bytes) -> None:
    for read in {sample.read for sample in case.samples.values()}:
        found = read(raw, "demo")
        assert (found.verdict, found.marketplace_id, found.facts, found.redacted) == ("UNREADABLE", None, (), None)
        [finding] = found.findings
        assert finding.kind == "UNREADABLE"
        require_sound(found)


@every_sample
def test_a_message_that_was_cut_off_is_unreadable_wherever_it_ends(case: Case, name: str) -> None:
    sample = case.samples[name]
    raw = written(sample.message).encode()
    for end in range(0, len(raw) - 1, max(1, len(raw) // 40)):
        assert sample.read(raw[:end], "demo").verdict == "UNREADABLE"


@every_field
def test_fault_22_whatever_stands_in_a_field_it_is_stated_or_shown_and_can_be_stored(
    case: Case, name: str, path: str
) -> None:
    sample = case.samples[name]
    for value in ODD:
        found = sample.reading(changed(sample.message, path, value))
        if sample.verdict == "APPLIED" or found.facts:
            require_sound(found)
        require_read_again(sample, found)


@every_field
def test_faults_19_to_21_a_number_of_units_below_one_is_no_quantity(case: Case, name: str, path: str) -> None:
    sample, field = case.samples[name], path.rpartition(".")[2]
    if field not in case.units or "used" not in case.fields[name][path]:
        return
    for value in (0, -1, Decimal("1.5"), "1,000", "two", None):
        found = sample.reading(changed(sample.message, path, value))
        assert [finding for finding in found.findings if finding.field.endswith(field)], value


@every_field
def test_a_price_that_is_unclear_leaves_the_line_without_one_and_says_why(case: Case, name: str, path: str) -> None:
    sample = case.samples[name]
    if not path.endswith(case.prices):
        return
    for value in ("1,499.00", "free", True, -5, 10**17, {"amount": 5}):
        stated = sample.reading(changed(sample.message, path, value)).facts
        # Where the price is a fact of its own, the placing has none.
        priced = [fact for fact in stated if isinstance(fact, Priced)] or [
            fact for fact in stated if isinstance(fact, Placed)
        ]
        assert priced
        assert all(fact.unit_price_paise is None and fact.price_problem for fact in priced), value


@every_marketplace
def test_the_suite_tries_units_and_prices_of_every_marketplace(case: Case) -> None:
    every = {path for told in case.fields.values() for path in told}
    assert case.units and case.units <= {path.rpartition(".")[2] for path in every}
    assert case.prices and all(any(path.endswith(price) for path in every) for price in case.prices)
