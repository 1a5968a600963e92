"""Random agencies over a whole till: settlement lines are stored, commanded and booked, and every promise is looked at.

An agency is drawn from one number, so that a failure names it and can be played again: ``Agency(seed)``. Files come
twice, cut and in any order; facts come late; holds end, payouts leave and come back, proposals are approved or not.
The numbers are those of the invariants that a payout engine must keep; tests/invariants.yaml is their index.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from hunar import tables
from hunar.domain import accounts, rate_card
from hunar.domain.facts import Cancelled, Fact, Lost, Placed, Resolved, ReturnRequested, ReturnStep, Step
from hunar.domain.head import rebuild
from hunar.domain.ledger import LIMIT
from hunar.domain.money import without_tax
from hunar.domain.settled import WITHHELD
from hunar.domain.settlement import Kind, SettlementLine, subject_of
from hunar.messages import ApproveProposal, ComputePayout, ReleaseHold, Settle
from hunar.ports import Put
from tests.payday import arrive, close, head_of, send_back
from tests.till import SOLD, Till, ref

AGENCIES = max(500, settings.default.max_examples // 10)
"""500 in a check, 10,000 of the 100,000 histories of a night."""
SEEDS = st.integers(0, 2**63)
BEARERS, KEEPERS = ("GROUP", "AGENCY"), ("GROUP_NOW", "GROUP_LATER", "AGENCY")
PPM = (0, 1, 50_000, 333_333, 1_000_000)
FEES = ("commission", "fixed_fee", "shipping_fee", "reverse_shipping_fee", "product_cancellation_fee")
PIECE = 40_000
END = "2027-12-31T00:00:00Z"


class Agency:
    """Its groups and their resolutions, its orders, and the files that come. Nothing has happened yet."""

    def __init__(self, seed: int) -> None:
        chance = self.chance = random.Random(seed)
        self.proven = chance.random() < 0.8
        self.groups = [f"G{number:02}" for number in range(1, chance.randint(1, 4) + 1)]
        self.clauses = {group: self._resolution() for group in self.groups}
        self.known: dict[str, list[Fact]] = {}
        self.names: list[tuple[str, str]] = []
        for number in range(chance.randint(1, 3)):
            self._order(number)
        self.lines = [line for _ in range(chance.randint(1, 6)) for line in self._line()]
        self.files = [
            chance.sample(self.lines, chance.randint(1, len(self.lines))) for _ in range(chance.randint(1, 2))
        ]
        self.files.append(self.lines)

    def _resolution(self) -> dict[str, Any]:
        choice = self.chance.choice
        return {
            "payout_basis": choice(("SALE_SHARE", "SALE_SHARE", "FIXED_PER_PIECE", "BOUGHT_OUTRIGHT")),
            "agency_fee_basis": choice(("ppm_of_net", "ppm_of_taxable", "fixed_per_unit")),
            "agency_fee": choice(PPM[:4]),
            "fund_ppm": choice(PPM),
            **{clause: choice(KEEPERS) for clause in ("itc", "tcs", "tds")},
            **{clause: choice(BEARERS) for clause in ("penalties", "returns", "lost")},
            "paid_on": choice(("picked_up", "shipped", "delivered", "purchase")),
            "return_window_days": choice((0, 7, 10)),
            "recovery_ppm": choice(PPM),
        }

    def _order(self, number: int) -> None:
        chance, name = self.chance, f"S-{number}"
        facts: list[Fact] = []
        for place in range(chance.randint(1, 2)):
            # An item that is sent in two parcels is one item of two orders.
            line_id = f"I-{number - 1 if number and chance.random() < 0.2 else number}-{place}"
            units, price = chance.randint(1, 3), chance.choice((None, 0, 1, 33_333, 109_900))
            group = chance.choice(self.groups)
            basis = self.clauses[group]["payout_basis"]
            facts.append(Placed(line_id, SOLD, "LISTING", units, price, None, SOLD, None))
            piece = None if basis == "SALE_SHARE" else PIECE
            resolved = Resolved(line_id, "TOTE", group, "GROUP_PACKS", basis, 1, "4202", piece, "LISTING")
            facts.append(resolved)
            if chance.random() < 0.2:
                # Announced anew under a listing that nobody has mapped yet.
                facts.append(Placed(line_id, "2026-11-21T10:00:00Z", "OTHER", units, price, None, SOLD, None))
                facts.append(replace(resolved, listing="OTHER"))
            if chance.random() < 0.2:
                facts.append(Cancelled(line_id, "2026-11-21T10:00:00Z", chance.randint(1, units), "buyer", ""))
            if chance.random() < 0.3:
                identity, source = f"R-{line_id}", chance.choice(("customer", "courier"))
                back = chance.randint(1, units)
                facts.append(ReturnRequested(identity, line_id, "2026-11-28T10:00:00Z", source, back, name, "", ""))
                if chance.random() < 0.8:
                    facts.append(ReturnStep(identity, line_id, "2026-12-02T10:00:00Z", "received"))
            self.names.append((ref(name), line_id))
        for step in ("shipped", "delivered"):
            if chance.random() < 0.8:
                facts.append(Step(step, f"2026-11-{24 + len(step) % 3}T10:00:00Z"))
        if chance.random() < 0.1:
            facts.append(Lost("2026-11-29T10:00:00Z", ""))
        self.known[ref(name)] = facts

    def _line(self) -> Iterator[SettlementLine]:
        chance, money = self.chance, self._money
        order_ref, named = chance.choice(self.names)
        order_id: str | None = order_ref.rsplit(":", 1)[1]
        item: str | None = named
        heads: dict[str, int] = {}
        kind: dict[str, Any] = {}
        match chance.choice(["sale", "sale", "sale", "refund", "more", "whole", "unknown", "account", "payout"]):
            case "sale":
                heads = {
                    "sale": money(),
                    "gst_on_fees": -money() // 50,
                    "tcs": -money() // 100,
                    "tds": -money() // 1000,
                }
                heads |= {f"fee:{code}": -money() // 10 for code in chance.sample(FEES, 2)}
            case "refund":
                heads = {"refund": -money(), "fee:commission": money() // 10, "fee:reverse_shipping_fee": -money() // 9}
            case "more":
                names = ("reimbursement", "protection_fund", "adjustment", "offer", "reserve", "other:bonus")
                heads = {head: chance.choice((1, -1)) * money() for head in chance.sample(names, 2)}
            case "whole":
                heads, item = {"shipping_paid_by_buyer": money(), "fee:shipping_fee": -money() // 9}, None
            case "unknown":
                heads, item, order_id = {"sale": money()}, "I-nobody", "S-nobody"
            case "account":
                heads, item, order_id = {"fee:ads": -money(), "gst_on_fees": -money() // 5}, None, None
            case "payout":
                heads, item, order_id = {"transfer": -money()}, None, None
                kind = {"kind": Kind.PAYOUT}
        heads = {head: paise for head, paise in heads.items() if paise}
        if heads:
            day = f"2026-12-{chance.randint(1, 28):02}T00:00:00+05:30"
            yield Till.line(
                heads, item, order_id=order_id, settlement_id=f"N{chance.randint(1, 3)}", posted_at=day, **kind
            )

    def _money(self) -> int:
        return self.chance.choice((1, 99, 33_333, 109_900, self.chance.randint(1, 10**7)))

    def till(self) -> Till:
        till = Till(proven=self.proven)
        for group, clauses in self.clauses.items():
            till.group(group, **clauses)
        return till


class Life:
    """One history of an agency, with the promises looked at on the way."""

    def __init__(self, agency: Agency, chance: random.Random, *, payouts: bool) -> None:
        self.agency, self.chance, self.payouts = agency, chance, payouts
        self.till = agency.till()
        self.till.now = "2026-12-01T00:00:00Z"
        self.waiting: list[str] = []
        self.known: dict[str, list[Fact]] = {}
        self.batches = 0

    def play(self) -> Till:
        till, chance, agency = self.till, self.chance, self.agency
        news: list[Any] = [("file", file) for file in agency.files]
        for order_ref, facts in agency.known.items():
            cut = chance.randint(0, len(facts))
            shuffled = chance.sample(facts, len(facts))
            news += [("know", order_ref, shuffled[:cut]), ("know", order_ref, facts)]
        news = chance.sample(news, len(news))
        if self.payouts:
            news += [("file", file) for file in agency.files]
        for one in news:
            if one[0] == "file":
                self.waiting += till.keep(*chance.sample(one[1], len(one[1])))
            else:
                self._know(one[1], one[2])
            self._some()
            if self.payouts:
                self._bank()
        self._finish()
        return till

    def _know(self, order_ref: str, facts: list[Fact]) -> None:
        self.known[order_ref] = list(dict.fromkeys([*self.known.get(order_ref, ()), *facts]))
        self.till.know(order_ref, *self.known[order_ref])
        lines = [line_id for name, line_id in self.agency.names if name == order_ref]
        self.waiting += [ComputePayout(order_ref=order_ref, line_id=one).model_dump_json() for one in lines]

    def _some(self) -> None:
        """Some of the commands that wait, in any order, some of them twice."""
        chance = self.chance
        chance.shuffle(self.waiting)
        count = chance.randint(0, len(self.waiting))
        taken, self.waiting = self.waiting[:count], self.waiting[count:]
        self.till.obey(*taken, *(chance.sample(taken, count // 3)), shuffle=chance)
        if chance.random() < 0.5:
            order_ref, line_id = chance.choice(self.agency.names)
            day = max(self.till.now, f"2026-12-{chance.randint(1, 28):02}T12:00:00Z")
            self.till.now = day
            self.till.obey(ReleaseHold(order_ref=order_ref, line_id=line_id))
        if self.payouts:
            self._look()

    def _bank(self) -> None:
        chance, till = self.chance, self.till
        group = chance.choice(self.agency.groups)
        self.batches += 1
        cap = self.agency.clauses[group]["recovery_ppm"]
        close(till, f"B{self.batches}", group, cap_ppm=cap, minimum_paise=chance.choice((0, 10_000)))
        transit = [name for name in head_of(till, group).balances if name.startswith("payout_in_transit")]
        for name in transit:
            match chance.randrange(3):
                case 0:
                    arrive(till, name.split(":")[1], group)
                case 1:
                    before = head_of(till, group)
                    send_back(till, name.split(":")[1], group)
                    assert head_of(till, group).payable == before.payable + before.owed(name), "I16"
        if chance.random() < 0.3:
            # The minutes were read wrongly: what was frozen is rewritten.
            self.agency.clauses[group] |= {"agency_fee": chance.choice(PPM[:4])}
            till.group(group, **self.agency.clauses[group])
        for shown in till.open("MONEY_PROPOSED"):
            if chance.random() < 0.5:
                order_ref, subject = shown["order_ref"], shown["subject"]
                till.obey(
                    ApproveProposal(
                        order_ref=order_ref,
                        line_id=subject["line_id"],
                        proposal_id=subject["proposal_id"],
                        by="asha",
                    )
                )
        self._look()

    def _look(self) -> None:
        for group in self.agency.groups:
            head = head_of(self.till, group)
            assert head.payable >= 0 and head.held >= 0 and head.debt >= 0, "I12"

    def _finish(self) -> None:
        """What was cut off comes, all commands are obeyed, and the clock goes on until no hold is left."""
        till = self.till
        till.obey(*self.waiting, shuffle=self.chance)
        for shown in till.open("MONEY_PROPOSED"):
            assert self.payouts, shown["message"]
        till.now = END
        for order_ref, line_id in self.agency.names:
            till.obey(ReleaseHold(order_ref=order_ref, line_id=line_id))


def play(seed: int, *, payouts: bool = True) -> tuple[Agency, Till]:
    agency = Agency(seed)
    return agency, Life(agency, random.Random(seed + 1), payouts=payouts).play()


@settings(max_examples=AGENCIES)
@given(SEEDS)
def test_i1_i2_i3_i12_i13_i16_i20_i23_i27_any_life_of_an_agency_keeps_its_books(seed: int) -> None:
    agency, till = play(seed)
    keeps_its_books(agency, till)


def keeps_its_books(agency: Agency, till: Till) -> None:
    assert till.faults() == []
    balances = till.balances()
    assert sum(balances.values()) == 0, "I2"
    assert not [account for account in balances if account.startswith("clearing")]
    for item in till.items(tables.BOOK_ENTRIES):
        paise = [posting["amount_paise"] for posting in item["postings"]]
        assert sum(paise) == 0 and all(type(each) is int and 0 < abs(each) < LIMIT for each in paise), "I1, I20"
        memo = {accounts.is_memo(posting["account"]) for posting in item["postings"]}
        assert memo == {item["kind"] == "EXPECTED"}, "I27"
    of_bank = sum(
        posting["amount_paise"]
        for item in till.items(tables.BOOK_ENTRIES)
        if item["kind"] == "SETTLED"
        for posting in item["postings"]
        if posting["account"].startswith(("marketplace_receivable", "marketplace_reserve", "bank"))
    )
    reserves = sum(line.heads.get("reserve", 0) for line in unique(agency) if line.kind != Kind.PAYOUT)
    moved_by_persons = sum(
        posting["amount_paise"]
        for item in till.items(tables.BOOK_ENTRIES)
        if item["kind"] == "CORRECTED"
        for posting in item["postings"]
        if posting["account"].startswith("marketplace_")
    )
    assert moved_by_persons == 0
    assert till.open("UNRESOLVED", "RATE_GAP", "BOOK_REFUSED") == []
    everything = sum(line.amount for line in unique(agency) if line.kind != Kind.PAYOUT)
    # What the marketplace keeps back is an asset too, and the row that keeps it back is below nothing.
    assert of_bank == everything - reserves, "I23"
    for order_ref, line_id in agency.names:
        the_line_is_divided(till, order_ref, line_id)
    for group in agency.groups:
        paid_within_what_is_released(till, group)


def unique(agency: Agency) -> list[SettlementLine]:
    return list({(subject_of(line), line.key): line for line in agency.lines}.values())


def the_line_is_divided(till: Till, order_ref: str, line_id: str) -> None:
    """I3: what was settled of a line is tax, fees, what is withheld, the groups' share and the agency's."""
    key = tables.posted(order_ref, line_id)
    item = till.store.read([key]).get(key)
    if item is None:
        return
    stands: dict[str, int] = {}
    by_head: dict[str, int] = {}
    for one in item["amounts"]:
        name = one["account"].split(":")[0]
        stands[name] = stands.get(name, 0) + one["amount_paise"]
        if name == "fee":
            by_head[one["account"]] = by_head.get(one["account"], 0) + one["amount_paise"]
    assert sum(stands.values()) == 0
    assert stands.get("fee", 0) == -stands.get("fees_recovered", 0) == sum(by_head.values())
    assert set(stands) <= {
        *("marketplace_receivable", "marketplace_reserve", "output_gst", "fee", "fees_recovered", "agency_fee"),
        *("agency_margin", "suspense", "group_held", "group_fund", "group_credits", *WITHHELD.values()),
    }
    gross = sum(
        one["amount_paise"]
        for one in item["amounts"]
        if one["rate_row"] == "gst" and one["account"].startswith("marketplace_receivable")
    )
    assert -stands.get("output_gst", 0) == gross - without_tax(gross, 180_000)


def paid_within_what_is_released(till: Till, group: str) -> None:
    """I13: at no moment was more paid or sent than had been settled and released, by the entries alone."""
    page = till.store.page(tables.Table.LEDGER, tables.book_of(group), prefix=tables.BOOK_ENTRIES, limit=10_000)
    released = paid = recovered = 0
    for item in page.items:
        moved: dict[str, int] = {}
        for posting in item["postings"]:
            moved[posting["account"]] = moved.get(posting["account"], 0) + posting["amount_paise"]
        if item["kind"] in ("RELEASED", "MERGED"):
            released -= moved.get(f"group_payable:{group}", 0)
        if item["kind"] in ("PAID_OUT", "ARRIVED", "SENT_BACK"):
            paid -= sum(paise for name, paise in moved.items() if name.startswith("payout_in_transit"))
            paid -= moved.get("bank", 0)
        if item["kind"] in ("ARRIVED", "SENT_BACK"):
            # What the bank paid besides is a debt.
            paid -= moved.get(f"group_debt:{group}", 0)
        if item["kind"] == "PAID_OUT":
            recovered -= moved.get(f"group_debt:{group}", 0)
        assert paid <= released, item["kind"]
        # What it gave back of a payment besides, it gets when the bank takes that one back. A debt that went on to the
        # group that this one joined ends in that one's book.
        assert paid + recovered >= 0 or head_of(till, group).into, item["kind"]
    if page.items:
        head = head_of(till, group)
        assert rebuild(group, page.items, version=head.version, into=head.into) == head, "I22"


@settings(max_examples=AGENCIES)
@given(SEEDS)
def test_i6_i7_i8_files_cut_doubled_and_in_any_order_end_at_the_same_amounts(seed: int) -> None:
    agency, one = play(seed, payouts=False)
    # A clean run: all is known first, and each row comes once.
    clean = agency.till()
    for order_ref, facts in agency.known.items():
        clean.know(order_ref, *facts)
    clean.settle(*agency.lines)
    for order_ref, line_id in agency.names:
        clean.compute(order_ref, line_id)
    assert ends(one, agency) == ends(clean, agency)
    before = one.items(tables.BOOK_ENTRIES)
    one.obey(*[Settle(subject=name) for name in sorted({subject_of(line) for line in agency.lines})])
    assert one.items(tables.BOOK_ENTRIES) == before


def ends(till: Till, agency: Agency) -> dict[str, Any]:
    """Every account of the agency, all that stands for each group, what is posted of each line."""
    found: dict[str, Any] = {}
    for account, paise in till.balances().items():
        owner = accounts.group_of(account)
        where = account if owner is None or "fund" in account or "credits" in account else f"of {owner}"
        found[where] = found.get(where, 0) + paise
    for order_ref, line_id in agency.names:
        key = tables.posted(order_ref, line_id)
        item = till.store.read([key]).get(key) or {"amounts": [], "hold_end": None}
        if item["amounts"]:
            found[f"{order_ref}#{line_id}"] = (item["amounts"], item["hold_end"])
    return {name: value for name, value in found.items() if value}


@lru_cache
def _rate(ppm: int, day: str) -> dict[str, Any]:
    usual = {"row_id": "gst", "scope": "government", "code": "output_gst", "basis": "ppm_of_taxable", "source": "law"}
    usual |= {"hsn": "", "price_from": "", "price_to": "", "note": "", "to": "", "from": day, "value": str(ppm)}
    return rate_card.row_from_csv(usual)


@settings(max_examples=AGENCIES // 5)
@given(SEEDS)
def test_i18_i19_a_rate_of_the_future_changes_nothing_and_one_of_the_past_is_only_proposed(seed: int) -> None:
    agency, till = play(seed, payouts=False)
    before = till.items(tables.BOOK_ENTRIES)
    key = tables.rate("government", "gst-next")
    old = tables.rate("government", "gst")
    closed = till.store.read([old])[old] | {"to": "2027-04-01"}
    till.store.commit([Put(old, closed)])
    till.store.commit([Put(key, _rate(50_000, "2027-04-01") | {"row_id": "gst-next"})])
    for order_ref, line_id in agency.names:
        assert till.compute(order_ref, line_id)[-1] in ("UNCHANGED", "NOTHING")
    assert till.items(tables.BOOK_ENTRIES) == before, "I18"
    till.store.commit([Put(old, closed | {"value": 50_000})])
    for order_ref, line_id in agency.names:
        assert till.compute(order_ref, line_id)[-1] in ("PROPOSED", "UNCHANGED", "NOTHING")
    assert [item for item in till.items(tables.BOOK_ENTRIES) if item["kind"] != "EXPECTED"] == [
        item for item in before if item["kind"] != "EXPECTED"
    ], "I19"


@settings(max_examples=AGENCIES // 5)
@given(SEEDS, st.integers(1, 10**6))
def test_i28_what_is_withheld_besides_moves_only_the_credit_with_the_state_and_who_keeps_it(
    seed: int, more: int
) -> None:
    agency = Agency(seed)
    books = []
    for tds in (-1, -1 - more):
        till = agency.till()
        for order_ref, facts in agency.known.items():
            till.know(order_ref, *facts)
        order_ref, line_id = agency.names[0]
        till.settle(Till.line({"sale": 500_000, "tds": tds}, line_id))
        assert till.faults() == []
        books.append(till.balances())
    low, high = books
    moved = {name: high.get(name, 0) - low.get(name, 0) for name in low.keys() | high.keys()}
    assert moved["tds_receivable"] == more
    assert moved["marketplace_receivable:flipkart"] == -more
    may = ("tds_receivable", "marketplace_receivable", "group_held", "group_debt", "group_fund", "group_credits")
    assert {name.split(":")[0] for name, paise in moved.items() if paise} <= {*may, "agency_margin"}
