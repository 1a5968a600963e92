"""The golden corpus: every published message is read, and every field of it is used or ignored for a reason."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hunar.domain import facts
from hunar.domain.facts import Snapshot
from hunar.domain.reading import Reading
from tests.marketplaces.case import Case
from tests.marketplaces.messages import changed, paths
from tests.marketplaces.registered import every_field, every_marketplace, every_sample

OTHER_VALUES: tuple[Any, ...] = (
    "another", "2017-04-09T09:09:09+05:30", "Replacement", "7.00", "3", 3, 0, True, False, Decimal("77.5"), None, [],
    {"name": "another"},
)  # fmt: skip


def said(found: Reading) -> Any:
    return found.event_type, found.marketplace_id, found.verdict, found.facts, found.findings


@every_sample
def test_a_sample_is_read_without_surprise(case: Case, name: str) -> None:
    sample = case.samples[name]
    found = sample.reading()
    assert found.verdict == sample.verdict
    assert bool(found.facts) is (sample.verdict == "APPLIED")
    if sample.verdict == "APPLIED":
        assert found.findings == ()
    assert (found.redacted is None) is (sample.verdict == "UNREADABLE")
    for fact in found.facts:
        assert facts.from_text(facts.to_text(fact)) == fact
        assert not getattr(fact, "claimed", False), "whether it is a claim is decided where it is applied"


@every_sample
def test_what_is_kept_of_a_sample_is_read_as_the_sample_was(case: Case, name: str) -> None:
    """So that a replay and a rebuild understand what the first reading understood."""
    sample = case.samples[name]
    found = sample.reading()
    if found.redacted is None:
        return
    again = sample.read(found.redacted.encode(), "demo")
    assert said(again) == said(found)
    assert again.redacted == found.redacted


@every_marketplace
def test_the_list_names_exactly_the_fields_of_the_samples(case: Case) -> None:
    published = {name: set(paths(sample.message)) for name, sample in case.samples.items()}
    assert published == {name: set(told) for name, told in case.fields.items()}


@every_field
def test_a_field_is_used_for_something_or_ignored_for_a_reason(case: Case, name: str, path: str) -> None:
    """What the list says is what reading does: another value in a used field says something else."""
    sample, told = case.samples[name], case.fields[name][path]
    assert ("used" in told) != ("ignored" in told)
    assert len(told.get("used") or told.get("ignored") or "") > 3
    message = sample.message
    for missing in told.get("without", ()):
        message = changed(message, missing, None)
    before = said(sample.reading(message)), sample.also(sample.raw(message))
    others = []
    for value in OTHER_VALUES:
        other = changed(message, path, value)
        others.append((said(sample.reading(other)), sample.also(sample.raw(other))) != before)
    assert any(others) if "used" in told else not any(others)


@every_marketplace
def test_only_an_answer_of_the_api_is_a_snapshot(case: Case) -> None:
    for sample in case.samples.values():
        pushed = sample.read == case.module.read
        for fact in sample.reading().facts:
            assert not (pushed and isinstance(fact, Snapshot))


@every_marketplace
def test_what_is_no_answer_states_nothing(case: Case) -> None:
    for raw in (b"", b"<html>", b"[]", b"{}", b"\xff", b'{"denied": []}'):
        found = case.module.read_answer(raw, "demo")
        assert (found.verdict, found.facts) == ("UNREADABLE", ())
        assert found.findings
