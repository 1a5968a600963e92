"""A buyer's data goes nowhere: not into what is kept, not into what is stated, not into what a person is shown."""

from __future__ import annotations

from hunar.domain import facts
from hunar.marketplaces.body import written
from tests.marketplaces.case import Case
from tests.marketplaces.messages import BUYER, marked
from tests.marketplaces.registered import every_sample


@every_sample
def test_a_buyer_in_every_place_of_a_message_is_in_none_of_what_is_made_of_it(case: Case, name: str) -> None:
    sample = case.samples[name]
    message = marked(sample.message, case.hers)
    assert all(mark in written(message) for mark in BUYER)
    found = sample.reading(message)
    assert (found.verdict, found.redacted is None) == (sample.verdict, sample.verdict == "UNREADABLE")
    made = [found.redacted or "", repr(found.findings), found.marketplace_id or "", *map(facts.to_text, found.facts)]
    for mark in BUYER:
        assert mark not in "".join(made)


@every_sample
def test_an_object_in_the_place_of_a_text_is_not_kept(case: Case, name: str) -> None:
    """The marketplace may one day say more where it says a word now."""
    sample = case.samples[name]
    buyer = {"name": BUYER[0], "phone": [BUYER[1]], "address": {"line": BUYER[2]}}
    for field in sorted({path.rpartition(".")[2].removesuffix("[]") for path in case.fields[name]}):
        found = sample.reading(_with(sample.message, field, buyer))
        made = [found.redacted or "", found.marketplace_id or "", *map(facts.to_text, found.facts)]
        for mark in BUYER:
            assert mark not in "".join(made), field


def _with(value: object, field: str, new: object) -> dict[str, object]:
    def inside(one: object) -> object:
        if isinstance(one, list):
            return [inside(entry) for entry in one]
        if isinstance(one, dict):
            return {name: new if name == field else inside(entry) for name, entry in one.items()}
        return one

    changed = inside(value)
    assert isinstance(changed, dict)
    return changed
