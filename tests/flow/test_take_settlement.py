"""Settlement files are taken whole or not at all, whatever comes twice, in another order, at once, or breaks off."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest

from hunar import tables
from hunar.adapters.memory import Fault
from hunar.domain.settlement import SettlementLine, subject_of
from hunar.ports import ABSENT, Put, Retryable
from hunar.use_cases.retry import retried
from hunar.use_cases.take_settlement import Desk, take
from tests.handing_in import NOW, Agency
from tests.settlement_files import (
    REST_ROWS,
    SALE_ROWS,
    date_range,
    flat_file,
    flipkart,
    range_row,
    sold,
)

ONE = sold()
TWO = sold(item="99900000000000002")
LATER = sold(neft="AXISN00000000002", order="OD999000000000000002", item="99900000000000003")
TOTAL = 89107
"""Paise of V1: what its row says that the bank got."""


def total(*settlement_ids: str, agency: Agency) -> list[tuple[int, int]]:
    return [(agency.header(one)["total_paise"], agency.header(one)["lines"]) for one in settlement_ids]


def test_a_file_is_kept_line_by_line_and_each_subject_is_commanded() -> None:
    agency = Agency()
    taken = agency.hand_in(flipkart(ONE, TWO, LATER))
    assert (taken.new, taken.old, taken.deferred, taken.findings) == (3, 0, 0, ())
    assert [(one.settlement_id, one.total_paise, one.lines, one.reference) for one in taken.settlements] == [
        ("AXISN00000000001", 2 * TOTAL, 2, "AXISN00000000001"),
        ("AXISN00000000002", TOTAL, 1, "AXISN00000000002"),
    ]
    kept = [SettlementLine.of_item(item) for item in agency.lines()]
    assert sum(line.amount for line in kept) == 3 * TOTAL
    assert agency.commanded() == {subject_of(line) for line in kept} == {
        f"ITEM#flipkart#demo#9990000000000000{n}" for n in (1, 2, 3)
    }  # fmt: skip
    header = agency.header("AXISN00000000001")
    assert (header["total_paise"], header["lines"], header["shape"]) == (2 * TOTAL, 2, "flipkart-settlement")
    assert header["paid_at"] == "2022-12-07T00:00:00+05:30"
    [file] = header["files"]
    assert file == {"sha256": taken.sha256, "name": "f.xlsx", "at": NOW, "by": "meena", "lines": 2}
    by_settlement = agency.store.page(
        tables.Table.LEDGER,
        tables.settlement_partition("flipkart", "demo", "AXISN00000000001"),
        index=tables.SETTLED,
    )
    assert {item["item_id"] for item in by_settlement.items} == {ONE["item"], TWO["item"]}
    assert all(item["file"] == taken.sha256 for item in by_settlement.items)


def test_the_same_file_twice_brings_nothing_new_and_is_commanded_again() -> None:
    agency = Agency()
    raw = flipkart(ONE, TWO)
    agency.hand_in(raw)
    before, commanded = agency.ledger(), agency.commanded()
    again = agency.hand_in(raw)
    assert (again.new, again.old) == (0, 2)
    assert agency.ledger() == before
    assert agency.commanded() == commanded
    assert len(commanded) == 2


def test_a_file_that_is_sorted_anew_brings_nothing_new() -> None:
    agency = Agency()
    agency.hand_in(flipkart(ONE, TWO, LATER))
    lines = agency.lines()
    other = agency.hand_in(flipkart(LATER, TWO, ONE))
    assert (other.new, other.old) == (0, 3)
    assert agency.lines() == lines
    assert total("AXISN00000000001", agency=agency) == [(2 * TOTAL, 2)]
    assert len(agency.header("AXISN00000000001")["files"]) == 2


def test_of_files_that_overlap_each_row_is_money_once() -> None:
    agency = Agency()
    agency.hand_in(flipkart(ONE, TWO))
    second = agency.hand_in(flipkart(TWO, LATER))
    assert (second.new, second.old) == (1, 1)
    assert total("AXISN00000000001", "AXISN00000000002", agency=agency) == [(2 * TOTAL, 2), (TOTAL, 1)]
    # What the second file says of its own is what its own rows come to.
    assert [one.total_paise for one in second.settlements] == [TOTAL, TOTAL]


def test_two_rows_that_say_the_same_are_two_rows_of_money() -> None:
    agency = Agency()
    assert agency.hand_in(flipkart(ONE, ONE)).new == 2
    assert total("AXISN00000000001", agency=agency) == [(2 * TOTAL, 2)]
    assert len(agency.commanded()) == 1


def test_a_newer_file_fills_in_when_and_how_it_was_paid() -> None:
    agency = Agency()
    plain = "settlement_id,order_id,posted_at,bank_value,sale,paid_at,reference\nS1,O1,2026-11-01,10,10,{},{}\n"
    agency.hand_in(plain.format("", "").encode(), "standard")
    assert agency.header("S1", "standard")["reference"] is None
    newer = agency.hand_in(plain.format("2026-11-05", "UTR9").encode(), "standard")
    assert (newer.new, newer.old) == (0, 1)
    header = agency.header("S1", "standard")
    assert (header["reference"], header["paid_at"]) == ("UTR9", "2026-11-05T00:00:00+05:30")


def test_what_is_not_paid_yet_is_no_money_until_it_is() -> None:
    agency = Agency()
    raw = date_range(range_row(), range_row(**{"Transaction Status": "Deferred", "settlement id": ""}))
    taken = agency.hand_in(raw, "amazon")
    assert (taken.new, taken.deferred) == (1, 1)
    assert [item["amount"] if "amount" in item else SettlementLine.of_item(item).amount for item in agency.lines()] == [
        87558
    ]
    alone = agency.hand_in(flipkart(sold(neft="", paid="")))
    assert (alone.new, alone.deferred, alone.settlements, alone.commanded) == (0, 1, (), 0)


def test_the_transfer_to_the_bank_is_kept_and_in_no_total() -> None:
    agency = Agency()
    sent = range_row(
        **dict.fromkeys(("order id", "Sku", "quantity"), ""),
        **dict.fromkeys(
            (
                "product sales",
                "Total sales tax liable(GST before adjusting TCS)",
                "TCS-IGST",
                "TDS (Section 194-O)",
                "selling fees",
                "other transaction fees",
            ),
            "0",
        ),
        **{"type": "Transfer", "description": "To your account", "other": "-875.58", "total": "-875.58"},
    )
    taken = agency.hand_in(date_range(range_row(), sent), "amazon")
    assert [(one.total_paise, one.lines) for one in taken.settlements] == [(87558, 2)]
    header = agency.header("99900002", "amazon")
    assert (header["total_paise"], header["lines"]) == (87558, 2)
    assert "ACCOUNT#amazon#demo#99900002" in agency.commanded()


# --- two reports


def of_settlement(raw: bytes, settlement_id: str = "99900001") -> bytes:
    return raw.replace(b"99900002", settlement_id.encode())


FLAT = flat_file(*SALE_ROWS, total="896.51")


def test_a_settlement_is_taken_from_one_report_only() -> None:
    agency = Agency()
    agency.hand_in(FLAT, "amazon")
    before = agency.ledger()
    agency.commanded()
    other = agency.hand_in(of_settlement(date_range(range_row())), "amazon", file="range.csv")
    assert [str(finding) for finding in other.findings] == [
        "range.csv: settlement 99900001 was taken from amazon-flat-file-v2 already"
    ]
    assert agency.ledger() == before
    assert agency.commanded() == set()
    [shown] = agency.exceptions()
    assert (shown["kind"], shown["subject"]["file"]) == ("SETTLEMENT_REFUSED", "range.csv")


def test_a_file_with_one_settlement_that_clashes_is_refused_whole() -> None:
    agency = Agency()
    agency.hand_in(FLAT, "amazon")
    before = agency.ledger()
    both = date_range(range_row(), range_row(**{"settlement id": "99900001"}))
    assert agency.hand_in(both, "amazon").findings
    assert agency.ledger() == before


def test_of_two_reports_that_come_at_the_same_time_one_wins_and_nothing_is_mixed() -> None:
    ranged = of_settlement(date_range(range_row()))
    whole = Agency()
    whole.hand_in(FLAT, "amazon")
    other = Agency()
    other.hand_in(ranged, "amazon")
    for moment in itertools.count(1):
        agency = Agency()
        meets = itertools.count(1)
        results = []

        def rival(what: str, agency: Agency = agency, meets=meets, moment=moment, results=results) -> None:  # type: ignore[no-untyped-def]
            if next(meets) == moment:
                agency.store.turn = lambda what: None
                results.append(agency.hand_in(ranged, "amazon"))

        agency.store.turn = rival
        desk = Desk(
            agency.store,
            agency.queues,
            agency.desk.reader,
            NOW,
            lambda action: retried(action, pause=lambda seconds: None, random=lambda: 0.0),
        )
        mine = take(desk, FLAT, marketplace="amazon", account="demo", file="flat.txt", by="meena")
        if not results:
            assert moment > 8
            return
        assert bool(mine.findings) != bool(results[0].findings), moment
        winner = other if mine.findings else whole
        assert [(line["key"], line["heads"]) for line in agency.lines()] == [
            (line["key"], line["heads"]) for line in winner.lines()
        ]


# --- what breaks off


class Dead(Exception):
    """The worker ends here."""


def dies_at(moment: int) -> Callable[[str], None]:
    count = itertools.count(1)

    def turn(what: str) -> None:
        if next(count) == moment:
            raise Dead(what)

    return turn


MANY = [sold(item=f"999000000000{n:05}", neft=f"AXISN{n % 2:011}") for n in range(1, 251)]


@pytest.mark.parametrize("raw", [flipkart(*MANY), flipkart(ONE)], ids=["many", "one"])
def test_wherever_a_worker_ends_the_same_file_again_keeps_and_commands_everything(raw: bytes) -> None:
    whole = Agency()
    whole.hand_in(raw)
    wanted, commanded = whole.lines(), whole.commanded()
    headers = {key: item["total_paise"] for key, item in whole.ledger().items() if "files" in item}
    died = 0
    # Every call of the store and the queue is a moment before and one after.
    for moment in itertools.count(1, 7 if len(wanted) > 1 else 1):
        agency = Agency()
        agency.store.turn = agency.queues.turn = dies_at(moment)
        try:
            agency.hand_in(raw)
        except Dead:
            died += 1
        else:
            break
        agency.store.turn = agency.queues.turn = lambda what: None
        sums: dict[str, int] = {}
        for line in agency.lines():
            sums[line["settlement_id"]] = sums.get(line["settlement_id"], 0) + SettlementLine.of_item(line).amount
        found = {item["settlement_id"]: item["total_paise"] for item in agency.ledger().values() if "files" in item}
        assert {sid: paise for sid, paise in found.items() if paise} == sums
        agency.commanded()
        agency.hand_in(raw)
        assert agency.lines() == wanted
        assert agency.commanded() == commanded
        assert {k: item["total_paise"] for k, item in agency.ledger().items() if "files" in item} == headers
    assert died > 8


@pytest.mark.parametrize("fault", [Fault.THROTTLED, Fault.ANSWER_LOST])
def test_whatever_call_fails_the_same_file_again_repairs_it(fault: Fault) -> None:
    raw = flipkart(ONE, TWO, LATER)
    whole = Agency()
    whole.hand_in(raw)
    wanted, commanded = whole.lines(), whole.commanded()
    for moment in itertools.count(1):
        agency = Agency()
        count = itertools.count(1)
        failing = lambda call, count=count, moment=moment: fault if next(count) == moment else None  # noqa: E731
        agency.store.fault = agency.queues.fault = failing
        try:
            agency.hand_in(raw)
        except Retryable:
            agency.hand_in(raw)
        else:
            break
        assert agency.lines() == wanted
        assert agency.commanded() == commanded
    assert moment > 6


def test_a_line_that_is_there_is_never_overwritten() -> None:
    agency = Agency()
    agency.hand_in(flipkart(ONE))
    [(key, line)] = [(k, item) for k, item in agency.store.everything().items() if k.sk.startswith("LINE#")]
    agency.store.commit([Put(key, line | {"mark": "of the first file"})])
    agency.hand_in(flipkart(ONE, TWO))
    assert agency.store.read([key])[key]["mark"] == "of the first file"
    with pytest.raises(Exception, match="ledger"):
        agency.store.commit([Put(key, line, ABSENT)])


def test_more_settlements_than_one_transaction_takes() -> None:
    agency = Agency()
    rows = [sold(item=f"999000000000{n:05}", neft=f"AXISN{n:011}") for n in range(130)]
    taken = agency.hand_in(flipkart(*rows))
    assert (taken.new, len(taken.settlements)) == (130, 130)
    assert agency.hand_in(flipkart(*rows)).new == 0


def test_what_a_file_costs_grows_with_its_lines_and_not_with_what_is_there() -> None:
    agency = Agency()
    agency.hand_in(flipkart(*MANY))
    agency.store.calls.clear()
    more = [sold(item=f"998000000000{n:05}", neft="AXISN00000000009") for n in range(99)]
    agency.hand_in(flipkart(*more))
    assert agency.store.calls == [
        "BatchGetItem",  # the account
        "BatchGetItem",  # the settlements, to refuse what clashes
        "BatchGetItem",  # and to claim them
        "PutItem",
        "BatchGetItem",  # the lines
        "TransactWriteItems",
        "BatchGetItem",  # an exception about this file
    ]


# --- whose file


@pytest.mark.parametrize(
    ("marketplace", "account"),
    [("flipkart", "demmo"), ("flipcart", "demo"), ("", "demo"), ("flipkart", ""), ("flipkart", "x" * 5000)],
)
def test_an_account_that_nobody_registered_has_no_settlements(marketplace: str, account: str) -> None:
    agency = Agency()
    taken = agency.hand_in(flipkart(ONE), marketplace, account)
    assert [finding.message for finding in taken.findings] == [f"{marketplace}/{account} is not in accounts.csv"]
    assert agency.ledger() == {}
    assert agency.commanded() == set()


def test_when_the_cause_is_gone_the_same_file_closes_its_exception() -> None:
    agency = Agency()
    raw = flipkart(ONE)
    agency.hand_in(raw, account="second")
    assert [item["kind"] for item in agency.exceptions()] == ["SETTLEMENT_REFUSED"]
    agency.store.commit([Put(tables.account("flipkart", "second"), {"marketplace": "flipkart", "account": "second"})])
    assert agency.hand_in(raw, account="second").new == 1
    assert agency.exceptions() == []


def test_one_exception_for_one_file_however_often_it_is_handed_in() -> None:
    agency = Agency()
    wrong = flipkart(sold(bank="1"), *(sold(sale="x") for _ in range(80)))
    for _ in range(2):
        agency.hand_in(wrong)
    [shown] = agency.exceptions()
    assert shown["message"].startswith("f.xlsx › Orders row 4" if "›" in shown["message"] else "f.xlsx")
    assert "45 more" in shown["message"]
    assert "more problems" in shown["message"]


# --- the rate that a report does not state


def test_the_gst_inside_fees_goes_by_the_rate_of_the_day() -> None:
    agency = Agency()
    agency.hand_in(date_range(range_row()), "amazon")
    [line] = agency.lines()
    assert (line["heads"]["fee:selling_fees"], line["heads"]["gst_on_fees"]) == (-16725, -5603)
    [row] = agency.store.page(tables.Table.REGISTRY, "RATE#government").items
    other = Agency()
    other.store.commit([Put(tables.rate("government", row["row_id"]), row | {"value": 120_000})])
    other.hand_in(date_range(range_row()), "amazon")
    [line] = other.lines()
    assert line["heads"]["fee:selling_fees"] == -17621
    # What stays the same is what Amazon took, and which line it is.
    assert line["key"] == agency.lines()[0]["key"]
    assert SettlementLine.of_item(line).amount == 87558


def test_a_day_without_a_rate_and_days_of_two_rates_are_findings() -> None:
    agency = Agency()
    [row] = agency.store.page(tables.Table.REGISTRY, "RATE#government").items
    first, second = row | {"to": "2026-11-10"}, row | {"row_id": "later", "from": "2026-11-10", "value": 120_000}
    agency.store.commit([Put(tables.rate("government", row["row_id"]), first)])
    late = range_row(**{"date/time": "12 Nov 2026 10:42:33 am UTC", "order id": "405-9990001-9990002"})
    taken = agency.hand_in(date_range(range_row(), late), "amazon", file="range.csv")
    [finding] = taken.findings
    assert (finding.row, finding.column) == (9, "selling fees")
    assert "no rate: government gst_on_fees on 2026-11-12" in finding.message
    # The flat file states the tax itself.
    assert agency.hand_in(FLAT, "amazon").findings == ()
    agency.store.commit([Put(tables.rate("government", "later"), second)])
    [finding] = agency.hand_in(date_range(range_row(), late), "amazon").findings
    assert (finding.row, finding.column) == (9, "selling fees")
    assert "download the days before it and from it apart" in finding.message
    assert not any("amazon#demo#99900002" in key for key in agency.ledger())


def test_each_marketplace_has_its_reader_and_any_other_the_plain_csv() -> None:
    agency = Agency()
    assert agency.hand_in(flat_file(*SALE_ROWS, *REST_ROWS, total="-210.99"), "amazon").shape == "amazon-flat-file-v2"
    assert agency.hand_in(flipkart(ONE)).shape == "flipkart-settlement"
    plain = b"settlement_id,order_id,posted_at,bank_value,sale\nS1,O1,2026-11-01,10,10\n"
    assert agency.hand_in(plain, "standard").shape == "plain-settlement"
    [line] = [line for line in agency.lines() if line["marketplace"] == "standard"]
    assert line["order_id"] == "O1"
    assert agency.hand_in(plain, "flipkart").findings
