"""Whatever is sold, settled, returned, paid and sent back, in whatever order: the books of all groups hold.

The numbers I1-I27 are those of the invariants that a payout engine must keep.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hunar.domain import payout
from hunar.domain.head import audit, rebuild
from hunar.domain.ledger import LIMIT, Entry, Posting, amounts
from hunar.domain.resolution import Resolution
from tests.book import NOW, SALE, Book, Known, Row, line_facts, resolved

GROUPS = ("G01", "G03")
BEARER = st.sampled_from(["GROUP", "AGENCY"])
KEEPER = st.sampled_from(["GROUP_NOW", "GROUP_LATER", "AGENCY"])
PPM = st.sampled_from([0, 1, 50_000, 333_333, 1_000_000])
UNITS = 4
Key = tuple[str, str]


@st.composite
def resolutions(draw: st.DrawFn) -> dict[str, Resolution]:
    return {
        group: resolved(
            group,
            payout_basis=draw(st.sampled_from(["SALE_SHARE", "SALE_SHARE", "FIXED_PER_PIECE", "BOUGHT_OUTRIGHT"])),
            agency_fee_basis=draw(st.sampled_from(["ppm_of_net", "ppm_of_taxable"])),
            agency_fee=draw(PPM),
            fund_ppm=draw(PPM),
            **{clause: draw(KEEPER) for clause in ("itc", "tcs", "tds")},
            **{clause: draw(BEARER) for clause in ("penalties", "returns", "lost")},
            paid_on=draw(st.sampled_from(["picked_up", "shipped", "delivered"])),
            recovery_ppm=draw(PPM),
        )
        for group in GROUPS
    }


HEADS = (
    *("sale", "offer", "shipping_paid_by_buyer", "refund", "fee:commission", "fee:fixed_fee", "gst_on_fees", "tcs"),
    *("fee:reverse_shipping_fee", "fee:product_cancellation_fee", "tds", "reimbursement", "protection_fund"),
    *("adjustment", "reserve", "other:bonus"),
)
ROW = st.dictionaries(st.sampled_from(HEADS), st.integers(-(10**7), 10**7), min_size=1, max_size=6) | st.just(SALE)


@dataclass(frozen=True)
class News:
    """What becomes known of a line: one more settlement row, units that are back, or nothing but what was known."""

    line: int
    row: tuple[tuple[str, int], ...] = ()
    returned: int = 0


@st.composite
def news(draw: st.DrawFn) -> list[News]:
    drawn = draw(st.lists(st.tuples(st.integers(0, 2), ROW, st.integers(0, UNITS)), min_size=1, max_size=7))
    return [News(line, tuple(row.items()), returned) for line, row, returned in drawn]


class Play:
    """News in the order in which they come, and the commands that follow them."""

    def __init__(self, terms: dict[str, Resolution]) -> None:
        self.book = Book(terms)
        self.lines: list[Key] = [
            self.book.learn(
                Known(
                    line_facts(GROUPS[n % 2], ref=f"flipkart:demo:S-{n}", units=UNITS, steps=("shipped", "delivered"))
                )
            )
            for n in range(3)
        ]

    def hear(self, one: News, number: int) -> None:
        """The set of rows grows, the most units that are back holds: what is known is a union, in any order."""
        key = self.lines[one.line]
        known = self.book.known[key]
        rows = {row.key: row for row in [*known.rows, Row(f"r{number}", dict(one.row))]}
        returned = max(known.facts.returned, one.returned)
        self.book.learn(replace(known, facts=replace(known.facts, returned=returned), rows=list(rows.values())))

    def command(self, what: str, line: int) -> None:
        match what:
            case "settle":
                self.book.settle(self.lines[line])
            case "release":
                self.book.release(self.lines[line])

    def finish(self) -> Book:
        """What the sweep does until nothing is due."""
        for line in range(3):
            self.command("settle", line)
            self.command("release", line)
        return self.book


COMMANDS = st.lists(st.tuples(st.sampled_from(["settle", "release"]), st.integers(0, 2)), max_size=10)


@given(resolutions(), news(), COMMANDS, COMMANDS)
def test_i6_i7_the_same_knowledge_gives_the_same_entries_whatever_the_order_of_commands(
    terms: dict[str, Resolution], all_news: list[News], some: list[Any], others: list[Any]
) -> None:
    books = []
    for commands in (some, others, others * 2):
        play = Play(terms)
        for number, one in enumerate(all_news):
            play.hear(one, number)
        for what, line in commands:
            play.command(what, line)
        books.append(play.finish())
    assert books[0].meanings() == books[1].meanings() == books[2].meanings()
    assert books[0].balances() == books[1].balances()
    assert books[1].balances() == books[2].balances()


@given(resolutions(), news(), st.randoms(use_true_random=False), st.lists(COMMANDS, min_size=7, max_size=7))
def test_i6_i8_news_in_any_order_and_any_cut_end_at_the_same_balances(
    terms: dict[str, Resolution], all_news: list[News], random: Any, between: list[list[Any]]
) -> None:
    straight = Play(terms)
    for number, one in enumerate(all_news):
        straight.hear(one, number)
    wanted = straight.finish().balances()

    numbered = list(enumerate(all_news)) * 2
    random.shuffle(numbered)
    play = Play(terms)
    for place, (number, one) in enumerate(numbered):
        play.hear(one, number)
        for what, line in between[place % len(between)]:
            play.command(what, line)
    book = play.finish()
    assert book.balances() == wanted
    assert book.faults() == [] and book.proposals == []
    book_before = dict(book.entries)
    assert play.finish().entries == book_before


ACTS = st.lists(
    st.tuples(st.sampled_from(["news", "news", "settle", "release", "close", "arrive", "reject"]), st.integers(0, 2)),
    min_size=1,
    max_size=25,
)


def act(play: Play, what: str, line: int, waiting: list[tuple[int, News]], number: int) -> None:
    book, group = play.book, GROUPS[line % 2]
    on_the_way = [
        name.split(":")[1] for name in book.head(group).balances if name.startswith("payout_in_transit") and line < 2
    ]
    match what:
        case "news":
            if waiting:
                place, one = waiting.pop(0)
                play.hear(one, place)
        case "close":
            book.close(group, f"B{number}", minimum=100 * line)
        case "arrive":
            for batch in on_the_way[:1]:
                book.put(payout.arrived(book.head(group), batch, utr=f"U{number}", at=NOW))
        case "reject":
            for batch in on_the_way[:1]:
                before = book.head(group)
                owed = before.owed(f"payout_in_transit:{batch}:{group}")
                book.put(payout.sent_back(before, batch, reference=f"R{number}", at=NOW))
                assert book.head(group).payable == before.payable + owed
        case _:
            play.command(what, line)


@given(resolutions(), news(), ACTS)
def test_i1_i2_i12_i13_i16_any_life_of_an_agency_keeps_its_books(
    terms: dict[str, Resolution], all_news: list[News], acts: list[tuple[str, int]]
) -> None:
    play = Play(terms)
    waiting = list(enumerate(all_news))
    for number, (what, line) in enumerate(acts):
        act(play, what, line, waiting, number)
        book = play.book
        assert sum(book.balances().values()) == 0, "I2"
        for head in book.heads.values():
            assert head.payable >= 0 and head.debt >= 0 and head.held >= 0, "I12"
    for item in book.entries.values():
        paise = [posting["amount_paise"] for posting in item["postings"]]
        assert sum(paise) == 0 and all(type(each) is int and 0 < abs(each) < LIMIT for each in paise), "I1, I20"
        owners = {posting["account"].rsplit(":", 1)[-1] for posting in item["postings"]} & set(GROUPS)
        assert owners <= {item["group_id"]}
    for group, head in book.heads.items():
        items = book.of(group)
        assert audit(head.item(), items) == ()
        assert rebuild(group, items, version=head.version) == head
        paid_within_what_is_released(items, group)
        netted_at_every_payout(items, group, terms[group].recovery_ppm)


def paid_within_what_is_released(items: list[dict[str, Any]], group: str) -> None:
    """I13: at no moment was more paid or sent than had been settled and released, by the entries alone."""
    released = paid = 0
    for item in items:
        moved = {p["account"]: p["amount_paise"] for p in item["postings"] if item["kind"] != "SETTLED"}
        if item["kind"] == "RELEASED":
            released -= moved[f"group_payable:{group}"]
        paid -= sum(paise for account, paise in moved.items() if account.startswith("payout_in_transit"))
        paid -= moved.get("bank", 0)
        assert 0 <= paid <= released, item["kind"]


def netted_at_every_payout(items: list[dict[str, Any]], group: str, cap_ppm: int) -> None:
    """I12: money leaves only when a debt has been recovered from it, up to the cap."""
    payable = debt = 0
    for item in items:
        before = payable, debt
        for posting in item["postings"]:
            payable -= posting["amount_paise"] if posting["account"] == f"group_payable:{group}" else 0
            debt += posting["amount_paise"] if posting["account"] == f"group_debt:{group}" else 0
        if item["kind"] == "PAID_OUT":
            assert payable == 0
            assert before[1] - debt == min(before[1], before[0] * cap_ppm // 1_000_000)


@given(resolutions(), news(), ACTS, st.lists(st.booleans(), min_size=25, max_size=25))
def test_i6_i7_a_command_that_comes_again_leaves_no_trace(
    terms: dict[str, Resolution], all_news: list[News], acts: list[tuple[str, int]], again: list[bool]
) -> None:
    books = []
    for repeated in (False, True, False):
        play = Play(terms)
        waiting = list(enumerate(all_news))
        for number, (what, line) in enumerate(acts):
            act(play, what, line, waiting, number)
            if repeated and again[number] and what in ("settle", "release"):
                act(play, what, line, waiting, number)
        books.append(play.book)
    assert books[0].entries == books[1].entries == books[2].entries
    assert books[0].heads == books[1].heads == books[2].heads


def settled(*rows: dict[str, int], terms: dict[str, Resolution], returned: Iterable[int] = ()) -> Book:
    """A line of UNITS units, one row after the other, with the units that are back by then."""
    book = Book(terms)
    key, known = ("flipkart:demo:S-0", "L1"), []
    back = list(returned) or [0] * len(rows)
    for number, (heads, units) in enumerate(zip(rows, back, strict=True)):
        known.append(Row(f"r{number}", heads))
        facts = line_facts("G01", ref=key[0], units=UNITS, returned=units, steps=("shipped", "delivered"))
        book.learn(Known(facts, list(known)))
        book.settle(key)
    return book


MONEY = st.integers(0, 10**7)
FEES = st.dictionaries(st.sampled_from(["fee:commission", "fee:collection_fee", "fee:shipping_fee"]), MONEY)


@given(resolutions(), st.integers(1, 10**8), FEES, MONEY, MONEY, MONEY)
def test_i3_a_settled_sale_is_tax_fees_withholdings_the_groups_share_and_the_agencys(
    terms: dict[str, Resolution], sale: int, fees: dict[str, int], gst: int, tcs: int, tds: int
) -> None:
    taken = {**fees, "gst_on_fees": gst, "tcs": tcs, "tds": tds}
    book = settled({"sale": sale} | {head: -paise for head, paise in taken.items()}, terms=terms)
    stands: dict[str, int] = {}
    for account, paise in book.balances().items():
        stands[account.split(":")[0]] = stands.get(account.split(":")[0], 0) + paise
    assert stands.get("marketplace_receivable", 0) == sale - sum(taken.values()), "what the bank gets"
    assert stands.get("fee", 0) == -stands.get("fees_recovered", 0) == sum(fees.values())
    credits = sum(stands.get(name, 0) for name in ("gst_input_fees", "tcs_receivable", "tds_receivable"))
    assert credits == gst + tcs + tds
    group = -sum(stands.get(name, 0) for name in ("group_held", "group_fund", "group_credits", "group_debt"))
    agency = -sum(stands.get(name, 0) for name in ("agency_fee", "agency_margin"))
    assert sale == -stands.get("output_gst", 0) + sum(fees.values()) + group + agency
    assert -stands.get("output_gst", 0) == sale - (2 * sale * 1_000_000 + 1_180_000) // (2 * 1_180_000)


@given(resolutions(), st.integers(1, 10**8), FEES, MONEY)
def test_i9_a_sale_and_its_full_return_leave_only_the_fees_that_stay(
    terms: dict[str, Resolution], sale: int, fees: dict[str, int], stays: int
) -> None:
    heads = {"sale": sale, "tcs": -(sale // 200)} | {head: -paise for head, paise in fees.items()}
    undone = {"refund" if head == "sale" else head: -paise for head, paise in heads.items()}
    terms = {group: replace(each, payout_basis="SALE_SHARE") for group, each in terms.items()}
    assert settled(heads, undone, terms=terms, returned=(0, UNITS)).balances() == {}
    undone["fee:fixed_fee"] = -stays
    group = settled(heads, undone, terms=terms, returned=(0, UNITS)).own("G01")
    assert group == ({"group_debt": stays} if terms["G01"].returns == "GROUP" and stays else {})


@given(resolutions(), st.integers(1, 10**6), FEES, st.lists(st.integers(1, UNITS), min_size=1, max_size=UNITS))
def test_i10_i11_partial_returns_in_any_cut_are_the_full_return_and_never_more(
    terms: dict[str, Resolution], price: int, fees: dict[str, int], cuts: list[int]
) -> None:
    sold = {"sale": UNITS * price} | {head: -paise for head, paise in fees.items()}
    ends = sorted({min(UNITS, sum(cuts[: n + 1])) for n in range(len(cuts))} | {UNITS})
    parts = [{"refund": -price * (end - start)} for start, end in zip([0, *ends], ends, strict=False)]
    in_parts = settled(sold, *parts, terms=terms, returned=(0, *ends))
    at_once = settled(sold, {"refund": -UNITS * price}, terms=terms, returned=(0, UNITS))
    assert in_parts.balances() == at_once.balances()
    gst = gross = 0
    for item in in_parts.of("G01"):
        for (account, row), paise in amounts(item["postings"]).items():
            gst -= paise if account == "output_gst" else 0
            gross += paise if (account, row) == ("marketplace_receivable:flipkart", "gst_18") else 0
        assert 0 <= gross <= UNITS * price and 0 <= gst <= gross, "no more is reversed than was booked"
    assert gst == gross == 0


@pytest.mark.parametrize("kind", ["SETTLED", "CORRECTED", "RELEASED", "PAID_OUT", "ARRIVED", "SENT_BACK"])
@given(st.integers(1, LIMIT - 1), st.sampled_from(["expected:group:G03", "expected:marketplace_receivable:flipkart"]))
def test_i27_a_memo_account_is_in_no_entry_that_a_group_could_be_paid_from(kind: str, paise: int, memo: str) -> None:
    made: Callable[..., Entry] = Entry
    real = Posting("group_payable:G03", "r", -paise)
    for given_kind, postings in (
        (kind, (Posting(memo, "r", paise), real)),
        ("EXPECTED", (Posting(memo, "r", paise), real)),
    ):
        with pytest.raises(ValueError, match="memo account is in no entry|uses expected accounts only"):
            made(kind=given_kind, cause=(1,), occurred_at=NOW, postings=postings, group_id="G03")
