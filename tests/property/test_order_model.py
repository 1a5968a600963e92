"""An order under any facts in any order of arrival, against one that is read on paper.

Few times, few lines and small numbers, so that ties, excesses and contradictions are the rule.
"""

from __future__ import annotations

import json
import random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from hunar.domain import facts
from hunar.domain.demand import demand
from hunar.domain.effects import units_held, units_to_send
from hunar.domain.facts import Fact
from hunar.domain.order import Line, Order, knowledge, knowledge_text, read
from tests.on_paper import FORWARD, RETURN, Desk, Paper, name, text

times = st.sampled_from([f"2026-11-{day:02}T06:00:00Z" for day in range(20, 27)])
deadlines = st.sampled_from([None, "2026-11-27T10:00:00Z", "2026-11-28T10:00:00Z", "2026-11-29T10:00:00Z"])
lines = st.sampled_from(["L1", "L1", "L2", "L3"])
units = st.integers(1, 4)
few = st.integers(0, 3)
return_ids = st.sampled_from(["R1", "R2"])
reasons = st.sampled_from(["", "buyer", "torn"])
products = st.sampled_from([("STOLE", "G11"), ("SHAWL", "G11"), ("HORSE", "G22")])
acts = st.integers(0, 999).map(lambda number: f"act-{number}")


class AnOrder(RuleBasedStateMachine):
    """Everything that can be said of one order."""

    said: Bundle[Fact] = Bundle("said")
    voids: Bundle[Fact] = Bundle("voids")

    def __init__(self) -> None:
        super().__init__()
        self.arrived: list[Fact] = []
        self.papers: list[Paper] = []

    def say(self, kind: str, **paper: Any) -> Fact:
        """The same thing as a paper and as a fact. That both are written alike is part of the promise."""
        whole = {"fact": kind, **paper}
        fact = facts.from_text(text(whole))
        assert facts.to_text(fact) == text(whole)
        assert facts.fact_id(fact) == name(whole)
        assert facts.from_content(whole) == fact
        self.papers.append(whole)
        self.arrived.append(fact)
        return fact

    @rule(target=said, line=lines, at=times, quantity=units, ship_by=deadlines, replacement=st.booleans(),
          price=st.sampled_from([(149900, None), (139900, None), (None, "is unclear")]))  # fmt: skip
    def placed(
        self, line: str, at: str, quantity: int, ship_by: str | None, replacement: bool, price: tuple[Any, Any]
    ) -> Fact:
        return self.say(
            "placed", line_id=line, at=at, listing="STOLE", quantity=quantity, unit_price_paise=price[0],
            price_problem=price[1], sold_at="2026-11-19T06:00:00Z", ship_by=ship_by, replacement=replacement,
        )  # fmt: skip

    @rule(target=said, step=st.sampled_from(FORWARD), at=times)
    def went_on(self, step: str, at: str) -> Fact:
        return self.say("step", step=step, at=at)

    @rule(target=said, line=lines, at=times, quantity=units, reason=reasons)
    def cancelled(self, line: str, at: str, quantity: int, reason: str) -> Fact:
        return self.say("cancelled", line_id=line, at=at, quantity=quantity, reason=reason, sub_reason="")

    @rule(target=said, line=lines, product=products)
    def resolved(self, line: str, product: tuple[str, str]) -> Fact:
        return self.say("resolved", line_id=line, **terms(product))

    @rule(target=said, line=st.none() | lines, at=times, quantity=st.none() | units)
    def held(self, line: str | None, at: str, quantity: int | None) -> Fact:
        return self.say("held", line_id=line, at=at, quantity=quantity)

    @rule(target=said, at=times)
    def released(self, at: str) -> Fact:
        return self.say("released", at=at)

    @rule(target=said, at=times, ship_by=deadlines.filter(bool))
    def dates_changed(self, at: str, ship_by: str) -> Fact:
        return self.say("dates_changed", at=at, ship_by=ship_by)

    @rule(target=said, at=times)
    def form_failed(self, at: str) -> Fact:
        return self.say("form_failed", at=at, forms="invoice")

    @rule(target=said, of=return_ids, line=lines, at=times, quantity=units, reason=reasons,
          source=st.sampled_from(["customer", "courier", ""]))  # fmt: skip
    def return_requested(self, of: str, line: str, at: str, quantity: int, reason: str, source: str) -> Fact:
        return self.say(
            "return_requested", return_id=of, line_id=line, at=at, source=source, quantity=quantity,
            shipment_id=None, reason=reason, sub_reason="",
        )  # fmt: skip

    @rule(target=said, of=return_ids, line=lines, at=times, step=st.sampled_from(RETURN))
    def return_went_on(self, of: str, line: str, at: str, step: str) -> Fact:
        return self.say("return_step", return_id=of, line_id=line, at=at, step=step)

    @rule(target=said, of=return_ids, line=lines, at=times, what=st.sampled_from(["tracking", "expected"]),
          value=st.sampled_from(["T1", "T2"]))  # fmt: skip
    def return_noted(self, of: str, line: str, at: str, what: str, value: str) -> Fact:
        return self.say("return_noted", return_id=of, line_id=line, at=at, what=what, value=value)

    @rule(target=said, of=return_ids, line=lines, at=times, act=acts, good=few, damaged=few, lost=few)
    def inspected(self, of: str, line: str, at: str, act: str, good: int, damaged: int, lost: int) -> Fact:
        return self.say(
            "inspected", act_id=act, return_id=of, line_id=line, at=at, good=good, damaged=damaged, lost=lost,
            person="Rukhsana", reason="opened",
        )  # fmt: skip

    @rule(target=said, line=lines, at=times, act=acts, product=products)
    def remapped(self, line: str, at: str, act: str, product: tuple[str, str]) -> Fact:
        return self.say(
            "remapped", act_id=act, line_id=line, at=at, person="Rukhsana", reason="wrong shelf", **terms(product)
        )

    @rule(target=voids, fact=st.one_of(said, voids), at=times, act=acts)
    def voided(self, fact: Fact, at: str, act: str) -> Fact:
        return self.say("voided", act_id=act, fact_id=facts.fact_id(fact), at=at, person="Rukhsana", reason="not true")

    @rule(void=consumes(voids), act=acts)
    def a_void_and_its_void_cancel_out(self, void: Fact, act: str) -> None:
        """The two change only what is told of the order and who is told it anew, nothing that is counted."""
        at = "2026-11-26T06:00:00Z"
        if any(facts.fact_id(void) == getattr(fact, "fact_id", None) for fact in self.arrived):
            return
        without = read(fact for fact in self.arrived if fact != void)
        self.voided(void, at, act)
        assert counted(read(self.arrived)) == counted(without)

    @rule(fact=st.one_of(said, voids))
    def comes_again(self, fact: Fact) -> None:
        before = read(self.arrived)
        self.arrived.append(fact)
        assert read(self.arrived) == before

    @invariant()
    def it_is_as_on_paper(self) -> None:
        check(self.arrived, Desk(self.papers))

    def teardown(self) -> None:
        order = read(self.arrived)
        draw = random.Random(len(self.arrived))
        for _ in range(3):
            mixed = [*self.arrived, *self.arrived[:5]]
            draw.shuffle(mixed)
            assert read(mixed) == order
            assert knowledge_text(set(mixed)) == knowledge_text(set(self.arrived))
        kept = {"knowledge": knowledge_text(set(self.arrived))}
        assert knowledge(kept) == frozenset(self.arrived)
        assert sorted(map(text, Desk(self.papers).papers)) == [facts.to_text(facts.from_content(content)) for content in
                                                               json.loads(kept["knowledge"])]  # fmt: skip


def check(known: list[Fact], desk: Desk) -> None:
    order = read(known)
    assert on_paper(desk) == counted(order)
    assert {(problem.kind, problem.line_id, problem.of) for problem in order.problems} == desk.problems
    wants = {
        line_id: (want.sku, want.group_id, want.hold, want.gone, want.back) for line_id, want in demand(order).items()
    }
    assert wants == desk.asked_of_shelf()
    for group_id in ("G11", "G22"):
        assert (units_to_send(order, group_id), units_held(order, group_id)) == desk.asked_of(group_id)
    for line in order.lines:
        check_bounds(line)
    for entry in order.returns:
        assert min(entry.units, entry.good, entry.damaged, entry.lost, entry.to_inspect) >= 0
        assert entry.good + entry.damaged + entry.lost <= entry.units <= entry.requested
    # History names every fact but what came from the registry, and says which do not count.
    rows = [paper for paper in desk.papers if paper["fact"] != "resolved"]
    assert len(order.history) == len(rows)
    assert sorted(row["at"] for row in order.history) == sorted(paper["at"] for paper in rows)
    struck = sum(name(paper) in desk.void for paper in rows)
    assert sum((row["detail"] or "").endswith("(void)") for row in order.history) == struck
    assert [row["at"] for row in order.history] == sorted(row["at"] for row in order.history)


def terms(product: tuple[str, str]) -> dict[str, Any]:
    return {
        "sku": product[0],
        "group_id": product[1],
        "fulfilment_mode": "GROUP_PACKS",
        "payout_basis": "SALE_SHARE",
        "policy_version": 1,
        "hsn": "6214",
        "piece_price_paise": None,
    }


def check_bounds(line: Line) -> None:
    assert 0 <= line.cancelled <= line.quantity
    assert line.open == line.quantity - line.cancelled
    assert 0 <= line.kept == line.open - line.returned
    assert 0 <= line.held <= line.open
    assert 0 <= line.good + line.lost <= line.returned


def counted(order: Order) -> dict[str, Any]:
    """All that is counted or decided, without the words about it."""
    return {
        "state": order.state,
        "ship_by": order.ship_by,
        "left_at": order.left_at,
        "released_at": order.released_at,
        "steps": dict(order.steps),
        "lines": {
            line.line_id: (
                line.state, line.quantity, line.cancelled, line.open, line.held, line.held_at, line.returned,
                line.good, line.lost, line.ship_by, line.delivered_at, line.unit_price_paise, line.price_problem,
                line.replacement, line.resolved and (line.resolved.sku, line.resolved.group_id),
            )
            for line in order.lines
        },
        "returns": [
            (
                entry.return_id, entry.line_id, entry.status, entry.source, entry.requested, entry.units, entry.good,
                entry.damaged, entry.lost, entry.requested_at, entry.reason, entry.tracking, entry.expected,
            )
            for entry in order.returns
        ],
    }  # fmt: skip


def on_paper(desk: Desk) -> dict[str, Any]:
    return {
        "state": desk.state,
        "ship_by": desk.ship_by,
        "left_at": desk.left_at,
        "released_at": desk.released_at,
        "steps": desk.steps,
        "lines": {
            line_id: (
                line["state"], line["quantity"], line["cancelled"], line["open"], line["held"], line["held_at"],
                line["returned"], line["good"], line["lost"], line["ship_by"], line["delivered_at"],
                line["placing"]["unit_price_paise"], line["placing"]["price_problem"],
                line["placing"]["replacement"], line["terms"],
            )
            for line_id, line in desk.lines.items()
        },
        "returns": [
            (
                entry["return_id"], entry["line_id"], entry["status"], entry["request"]["source"],
                entry["request"]["quantity"], entry["units"], entry["good"], entry["damaged"], entry["lost"],
                entry["request"]["at"], entry["request"]["reason"], entry["tracking"], entry["expected"],
            )
            for entry in desk.returns
        ],
    }  # fmt: skip


def said(kind: str, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Paper]:
    return st.fixed_dictionaries({"fact": st.just(kind), **fields})


many = st.integers(1, 40)
OF_ONE_LINE = {"line_id": st.sampled_from(["L1", "L1", "L1", "L2"]), "at": times}
OF_ONE_RETURN = OF_ONE_LINE | {"return_id": return_ids}
WORDS = {"reason": reasons, "sub_reason": st.just("")}
BY_HAND = {"act_id": acts, "person": st.just("Rukhsana"), "reason": reasons}
TERMS = products.map(terms)
PAPERS = st.one_of(
    said("placed", **OF_ONE_LINE, listing=st.just("STOLE"), quantity=st.integers(20, 60), unit_price_paise=st.just(100),
         price_problem=st.none(), sold_at=times, ship_by=deadlines, replacement=st.booleans()),
    said("step", step=st.sampled_from(FORWARD), at=times),
    said("cancelled", **OF_ONE_LINE, quantity=st.integers(1, 15), **WORDS),
    said("held", line_id=st.none() | lines, at=times, quantity=st.none() | many),
    said("released", at=times),
    said("dates_changed", at=times, ship_by=deadlines.filter(bool)),
    said("form_failed", at=times, forms=st.just("invoice")),
    said("return_requested", **OF_ONE_RETURN, **WORDS, source=st.just("customer"), quantity=many,
         shipment_id=st.none()),
    said("return_step", **OF_ONE_RETURN, step=st.sampled_from(RETURN)),
    said("return_noted", **OF_ONE_RETURN, what=st.sampled_from(["tracking", "expected"]), value=reasons),
    said("inspected", **OF_ONE_RETURN, **BY_HAND, good=st.integers(0, 9), damaged=st.integers(0, 9),
         lost=st.integers(0, 9)),
    st.builds(lambda fields, of: fields | of, said("resolved", line_id=lines), TERMS),
    st.builds(lambda fields, of: fields | of, said("remapped", **OF_ONE_LINE, **BY_HAND), TERMS),
)  # fmt: skip


@given(
    papers=st.lists(PAPERS, min_size=4, max_size=24),
    voids=st.lists(st.tuples(st.integers(0, 30), times, acts), max_size=4),
)
@settings(max_examples=settings.default.max_examples * 2)
def test_any_set_of_facts_amounts_to_what_it_does_on_paper(
    papers: list[Paper], voids: list[tuple[int, str, str]]
) -> None:
    """With larger numbers than the story above, and all at once."""
    for number, at, act in voids:
        aim = name(papers[number % len(papers)])
        void = {"fact": "voided", "act_id": act, "fact_id": aim, "at": at, "person": "Rukhsana", "reason": ""}
        papers = [*papers, void]
    check([facts.from_text(text(paper)) for paper in papers], Desk(papers))


TestAnOrder = AnOrder.TestCase
TestAnOrder.settings = settings(max_examples=max(1, settings.default.max_examples // 3), stateful_step_count=25)
