"""The nasty cases of paying groups that end at a bank, by number: from settlement lines through commands, books,
closing, approval, file and the bank's answer to the group's statement. Their index is tests/cases.yaml."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hunar import tables
from hunar.domain import accounts
from hunar.domain.bank_file import Status
from hunar.domain.batch import RowState, State
from hunar.domain.ledger import MERGED
from hunar.domain.members import Part, Weight, suggested
from hunar.domain.split import largest_remainder
from hunar.messages import LookAtPayables, ReleaseHold
from hunar.ports import QueueName, Rejected
from hunar.use_cases import mergers, operate, payees, payout_corrections, payouts, resolve
from hunar.use_cases.close_period import Closing
from hunar.use_cases.operate import NotNow, NotThere
from tests.book import SALE
from tests.flipkart_messages import created, item, step
from tests.paydesk import CHECKER, MAKER, PayDesk, answer, by
from tests.till import Till
from tests.wholeway import SHARE, WholeWay
from tests.world import World

B1, B2, B3 = "2026-12-20-S", "2026-12-27-S", "2027-01-03-S"


# ── whose goods they were ────────────────────────────────────────────────────────────────────────


def test_case_16_two_makers_of_one_thing_have_two_products_and_money_goes_where_the_stock_was_reserved() -> None:
    """A product belongs to one group, and a listing leads to one product. What was listed under the other group's name
    is remapped: the stock is taken from the shelf that it came from, and the money goes with it, whoever was paid."""
    world = World()
    for group, sku in (("G11", "TOTE-A"), ("G22", "TOTE-B")):
        world.group(group)
        world.product(sku, group, "tote", stock=5)
    for shipment in ("S1", "S2"):
        world.post(created(shipment, item("TOTE-A", 2)))
    world.settle()
    desk = operate.Desk(world.store, world.queues, world.now, world._again)
    operate.remap(desk, "flipkart:demo:S2", "1", "TOTE-B", by(reason="it was the other group's", act_id="R1"))
    for shipment in ("S1", "S2"):
        world.post(step(shipment, "delivered"))
    world.settle()
    assert [world.stock(sku)["on_hand"] for sku in ("TOTE-A", "TOTE-B")] == [3, 3]
    assert {sku: world.stock(sku)["group_id"] for sku in ("TOTE-A", "TOTE-B")} == {"TOTE-A": "G11", "TOTE-B": "G22"}

    till, pay = Till(store=world.store), PayDesk(store=world.store)
    lines = [
        till.line(SALE, "1", order_id=shipment, settlement_id="NEFT-1", reference=shipment) for shipment in ("S1", "S2")
    ]
    till.settle(*lines)
    held = {group: pay.head(group).held for group in ("G11", "G22")}
    assert held["G11"] == held["G22"] > 0

    pay.now = till.now = "2026-12-20T06:00:00Z"
    pay.account("G11", 1)
    pay.account("G22", 2)
    for shipment in ("S1", "S2"):
        till.obey(ReleaseHold(order_ref=f"flipkart:demo:{shipment}", line_id="1"))
    pay.filed(B1)
    assert {group: row.amount_paise for group, row in pay.rows(B1).items()} == held
    pay.bank(*[answer(row) for row in pay.rows(B1).values()], batch_id=B1)
    assert sorted(one.group_id for one in pay.told("PAYOUT_PAID")) == ["G11", "G22"]

    # The first one, too, came from the other shelf, and nobody knew it until its group was paid.
    operate.remap(desk, "flipkart:demo:S1", "1", "TOTE-B", by(reason="so was this one", act_id="R2"))
    world.settle()
    assert [world.stock(sku)["on_hand"] for sku in ("TOTE-A", "TOTE-B")] == [5, 1]
    assert (pay.head("G11").debt, pay.head("G22").held) == (held["G11"], held["G11"])
    assert pay.sound()


# ── a group without an account, or with another one ──────────────────────────────────────────────


def test_case_22_money_of_a_group_without_a_bank_account_waits_is_shown_every_day_and_never_expires() -> None:
    way = WholeWay("G07")
    way.desk.group("G03", account=False)
    way.earn("S-1")
    way.earn("S-2", "G07")

    way.desk.close(B1)

    assert list(way.desk.rows(B1)) == ["G07"]
    [shown] = way.desk.open("PAYOUT_LEFT_OUT")
    assert "no bank account is registered" in shown["message"]
    for later in ("2027-01-20T06:00:00Z", "2027-02-20T06:00:00Z", "2028-06-20T06:00:00Z"):
        # Somebody puts it aside; the next day it stands there again.
        [shown] = way.desk.open("PAYOUT_LEFT_OUT")
        desk = replace(way.desk.operator, now=later)
        resolve.resolve(desk, shown["exception_id"], None, {}, by(CHECKER, "later"))
        assert not way.desk.open("PAYOUT_LEFT_OUT")
        way.at(later)
        way.desk.obey(LookAtPayables())
        assert len(way.desk.open("PAYOUT_LEFT_OUT")) == len(way.desk.open("UNPAID_TOO_LONG")) == 1
        assert way.desk.head("G03").payable == SHARE

    way.desk.account("G03", 3)
    way.paid(B2, "G03")
    assert way.desk.rows(B2)["G03"].amount_paise == SHARE
    assert not way.desk.open("PAYOUT_LEFT_OUT")
    assert way.statement("G03").arrived_paise == SHARE
    assert way.sound()


@pytest.mark.parametrize("what", ["changed", "closed"])
def test_case_23_a_bank_account_that_changes_while_its_batch_is_approved_pulls_the_row_and_the_approval(
    what: str,
) -> None:
    way = WholeWay("G03", "G07")
    way.earn("S-1")
    way.earn("S-2", "G07")
    way.desk.close(B1)
    approved = way.desk.approve(B1)

    if what == "changed":
        way.desk.account("G03", 9)
    else:
        payees.close(way.desk.operator, "G03", by(CHECKER, "the passbook is lost"))
    way.desk.work()

    batch = way.desk.batch(B1)
    assert (batch.state, batch.count, batch.control_total, batch.file_sha256) == (State.CLOSED, 1, SHARE, None)
    assert way.desk.rows(B1)["G03"].state is RowState.PULLED
    assert way.desk.head("G03").payable == SHARE
    with pytest.raises(NotNow, match="look at it again"):
        way.desk.approve(B1, seen=approved.digest)
    way.desk.approve(B1)
    way.desk.submit(B1)
    content = payouts.file_of(way.desk.operator, B1)[1].decode()
    assert way.desk.rows(B1)["G07"].payout_id in content and way.desk.rows(B1)["G03"].payout_id not in content

    # Cooling off, it is not in the next batch either; after it, or with a new account, it is paid to the new one.
    way.desk.bank(answer(way.desk.rows(B1)["G07"]), batch_id=B1)
    assert way.desk.close("2026-12-21-S") == Closing.EMPTY
    if what == "closed":
        way.desk.account("G03", 9)
    way.at("2026-12-28T06:00:00Z")
    way.paid(B2)
    assert "0000000977" in payouts.file_of(way.desk.operator, B2)[1].decode()
    assert way.statement("G03").arrived_paise == SHARE
    assert way.sound()


# ── what banks do ────────────────────────────────────────────────────────────────────────────────


def test_case_24_what_the_bank_rejects_and_what_it_returns_days_later_is_payable_again_to_the_paisa() -> None:
    way = WholeWay("G03", "G07")
    way.earn("S-1")
    way.earn("S-2", "G07")
    way.desk.filed(B1)
    rows = way.desk.rows(B1)

    way.desk.bank(answer(rows["G03"], Status.REJECTED), answer(rows["G07"]), batch_id=B1)
    assert (way.desk.head("G03").payable, way.gone()) == (SHARE, SHARE)
    way.at("2026-12-24T06:00:00Z")
    way.desk.bank(answer(rows["G07"], Status.RETURNED), batch_id=B1)

    assert [way.desk.head(group).payable for group in ("G03", "G07")] == [SHARE, SHARE]
    assert way.gone() == 0
    assert {one.group_id for one in way.desk.told("PAYOUT_FAILED")} == {"G03", "G07"}
    first = way.statement("G07")
    assert [line.kind for line in first.payments] == ["PAID_OUT", "ARRIVED", "SENT_BACK"]
    assert (first.payments[-1].had_arrived, first.arrived_paise) == (True, 0)

    way.paid(B2)
    assert {group: row.amount_paise for group, row in way.desk.rows(B2).items()} == {"G03": SHARE, "G07": SHARE}
    assert way.statement("G07").arrived_paise == SHARE
    assert way.gone() == 2 * SHARE
    assert way.sound()


def cancelled(*, paid_again: bool = False) -> WholeWay:
    """A batch at the bank that two persons cancel, and that the bank pays all the same."""
    way = WholeWay("G03", "G07", recovery_ppm=250_000)
    way.earn("S-1")
    way.earn("S-2", "G07")
    way.desk.filed(B1)
    for person in (MAKER, CHECKER):
        payouts.cancel(way.desk.operator, B1, by(person, "the bank lost it"))
    way.desk.work()
    if paid_again:
        way.paid(B2)
    way.desk.bank(answer(way.desk.rows(B1)["G03"]), batch_id=B1)
    return way


def test_case_25_a_bank_reference_of_a_cancelled_batch_stops_the_group_until_two_persons_book_it() -> None:
    way = cancelled()
    [shown] = way.desk.open("PAID_THOUGH_CANCELLED")
    way.desk.close(B2)
    assert list(way.desk.rows(B2)) == ["G07"]
    assert (way.desk.head("G03").payable, way.gone()) == (SHARE, 0)

    assert way.correct(shown, paid=True) == ["BOOKED"]

    assert (way.desk.head("G03").payable, way.desk.head("G03").debt, way.gone()) == (0, 0, SHARE)
    row = way.desk.rows(B1)["G03"]
    assert (row.state, row.utr, row.was) == (RowState.PAID, f"UTR{row.payout_id}", RowState.PULLED)
    assert not way.desk.open("PAID_THOUGH_CANCELLED")
    assert [one.group_id for one in way.desk.told("PAYOUT_PAID")] == ["G03"]
    assert way.statement("G03").arrived_paise == SHARE
    # The stop is over: what it earns next is paid, once.
    way.earn("S-3")
    way.paid(B3)
    assert way.desk.rows(B3)["G03"].amount_paise == SHARE
    assert way.statement("G03").arrived_paise == SHARE
    assert way.sound()


def test_case_25_a_group_that_was_paid_anew_before_the_bank_spoke_gives_it_back_as_it_resolved() -> None:
    way = cancelled(paid_again=True)
    way.earn("S-3")
    assert way.desk.head("G03").payable == SHARE
    [shown] = way.desk.open("PAID_THOUGH_CANCELLED")

    way.correct(shown, paid=True)

    # What the third sale brought is left alone: it is taken as the group resolved, and not at once.
    assert (way.desk.head("G03").payable, way.desk.head("G03").debt) == (SHARE, SHARE)
    first = way.statement("G03")
    assert first.arrived_paise == 2 * SHARE
    assert [(one.kind, one.batch, one.amount_paise) for one in first.debts] == [("ARRIVED", B1, SHARE)]
    way.paid(B3)
    kept = SHARE * 250_000 // 1_000_000
    assert way.desk.rows(B3)["G03"].amount_paise == SHARE - kept
    assert way.desk.head("G03").debt == SHARE - kept
    assert way.gone() == 2 * SHARE + SHARE + (SHARE - kept)
    # A buyer sends the third one back: what was payable of it is gone, so it is a debt, and no entry is impossible.
    way.refund("S-3")
    assert not way.desk.open("BOOK_REFUSED")
    assert way.sound()


def test_case_25_what_was_paid_twice_and_comes_back_ends_the_debt_before_it_is_payable() -> None:
    way = cancelled(paid_again=True)
    [shown] = way.desk.open("PAID_THOUGH_CANCELLED")
    way.correct(shown, paid=True)
    way.earn("S-3")
    way.paid(B3)
    recovered = SHARE * 250_000 // 1_000_000
    assert way.desk.head("G03").debt == SHARE - recovered

    way.desk.bank(answer(way.desk.rows(B1)["G03"], Status.RETURNED), batch_id=B1)

    assert (way.desk.head("G03").debt, way.desk.head("G03").payable) == (0, recovered)
    assert sum(one.amount_paise for one in way.statement("G03").debts) == 0
    assert way.sound()


def test_case_25_when_the_bank_moved_nothing_after_all_two_persons_lift_the_stop_and_the_group_is_paid() -> None:
    way = cancelled()
    [shown] = way.desk.open("PAID_THOUGH_CANCELLED")
    before = way.balances()

    assert way.correct(shown, paid=False) == ["NOTHING_MOVED"]

    assert way.balances() == before
    way.paid(B2)
    assert way.desk.rows(B2)["G03"].amount_paise == SHARE
    assert way.sound()


def test_case_25_a_row_that_left_its_batch_and_was_paid_by_an_older_file_stays_out_of_the_batch() -> None:
    """Somebody uploaded a file that was withdrawn. What the batch pays is what was approved, before and after."""
    way = WholeWay("G03", "G07")
    way.earn("S-1")
    way.earn("S-2", "G07")
    way.desk.close(B1)
    way.desk.approve(B1)
    row = way.desk.rows(B1)["G03"]
    payouts.pull(way.desk.operator, B1, row.payout_id, by(MAKER, "the group asked"))
    way.desk.work()
    way.desk.approve(B1)
    way.desk.submit(B1)
    way.desk.bank(answer(row), answer(way.desk.rows(B1)["G07"]), batch_id=B1)
    before = way.desk.batch(B1)
    [shown] = way.desk.open("PAID_THOUGH_CANCELLED")

    way.correct(shown, paid=True)

    after = way.desk.batch(B1)
    assert (after.count, after.control_total, after.digest) == (1, SHARE, before.digest)
    assert (way.desk.rows(B1)["G03"].state, way.gone()) == (RowState.PAID, 2 * SHARE)
    assert way.sound()
    way.desk.bank(answer(row, Status.RETURNED), batch_id=B1)
    assert (way.desk.head("G03").payable, way.gone()) == (SHARE, SHARE)
    assert way.sound()


def test_case_25_what_was_booked_after_all_and_comes_back_is_payable_again_and_old_news_of_it_change_nothing() -> None:
    way = WholeWay("G03")
    way.earn("S-1")
    way.desk.filed(B1)
    row = way.desk.rows(B1)["G03"]
    rejected, executed = answer(row, Status.REJECTED), answer(row)
    way.desk.bank(rejected, batch_id=B1)
    way.desk.bank(executed, batch_id=B1)
    [shown] = way.desk.open("PAID_THOUGH_REJECTED")
    way.correct(shown, paid=True)
    assert (way.desk.head("G03").payable, way.gone()) == (0, SHARE)

    for said in (rejected, executed):
        assert way.desk.bank(said, batch_id=B1) == ["KNOWN:1"]
    assert way.desk.rows(B1)["G03"].state is RowState.PAID
    assert way.sound()

    way.desk.bank(answer(row, Status.RETURNED), batch_id=B1)
    assert (way.desk.head("G03").payable, way.gone()) == (SHARE, 0)
    way.paid(B2)
    assert way.statement("G03").arrived_paise == SHARE
    assert way.sound()


def test_a_group_that_a_correction_paid_is_not_left_out_any_more() -> None:
    way = cancelled()
    way.desk.close(B2)
    assert [one["group_id"] for one in way.desk.open("PAYOUT_LEFT_OUT")] == ["G03"]
    [shown] = way.desk.open("PAID_THOUGH_CANCELLED")

    way.correct(shown, paid=True)

    assert (way.desk.head("G03").payable, way.desk.open("PAYOUT_LEFT_OUT")) == (0, [])
    assert way.sound()


def test_nobody_alone_says_what_a_bank_did_and_what_cannot_be_booked_is_refused_by_name() -> None:
    way = cancelled()
    [shown] = way.desk.open("PAID_THOUGH_CANCELLED")
    identity, desk = shown["exception_id"], way.desk.operator
    before = way.desk.store.everything()
    with pytest.raises(Rejected, match="resolved by two persons"):
        resolve.resolve(desk, identity, None, {}, by(CHECKER, "fine"))
    with pytest.raises(Rejected, match="is resolved by correct, not by acknowledge"):
        resolve.resolve(desk, identity, "acknowledge", {}, by(CHECKER, "fine"))
    with pytest.raises(NotThere):
        payout_corrections.correct(desk, B1, "none", by(), paid=True)
    with pytest.raises(Rejected, match="exception_id: is of the batch"):
        payout_corrections.correct(desk, B2, identity, by(), paid=True)
    assert way.desk.store.everything() == before

    for person in (MAKER, MAKER.upper(), f" {MAKER}"):
        assert payout_corrections.correct(desk, B1, identity, by(person), paid=True)["confirmed_by"] is None
    assert way.desk.work() == []
    # Who says the opposite begins anew, and confirms nothing.
    assert payout_corrections.correct(desk, B1, identity, by(CHECKER), paid=False)["confirmed_by"] is None
    assert payout_corrections.correct(desk, B1, identity, by(MAKER), paid=False)["confirmed_by"] == MAKER
    way.desk.work()
    with pytest.raises(NotNow, match="is closed since"):
        payout_corrections.correct(desk, B1, identity, by(), paid=True)

    # A payout is booked once: a second reference for it is another matter.
    way.desk.bank(answer(way.desk.rows(B1)["G07"]), batch_id=B1)
    way.desk.bank(answer(way.desk.rows(B1)["G07"], utr="SECOND0001"), batch_id=B1)
    one, two = sorted(way.desk.open("PAID_THOUGH_CANCELLED"), key=lambda shown: shown["subject"]["utr"])
    way.correct(two, paid=True)
    with pytest.raises(NotNow, match="is PAID; what the bank paid besides cannot be booked here"):
        payout_corrections.correct(desk, B1, one["exception_id"], by(), paid=True)
    assert way.correct(one, paid=False) == ["NOTHING_MOVED"]
    assert way.desk.head("G07").payable == 0
    assert way.sound()


@pytest.mark.parametrize("at", range(0, 14))
def test_a_crash_while_a_correction_is_booked_is_completed_by_the_same_message(at: int) -> None:
    from tests.flow.test_payouts import crashing

    way = cancelled()
    [shown] = way.desk.open("PAID_THOUGH_CANCELLED")
    for person in (MAKER, CHECKER):
        payout_corrections.correct(way.desk.operator, B1, shown["exception_id"], by(person, "asked"), paid=True)
    [(body, _)] = way.desk.queues.taken(QueueName.PAYOUT_BATCHES)
    command = payout_corrections.CorrectPayout.model_validate_json(body)
    crashing(way.desk, at, lambda: way.desk.obey(command))

    way.desk.obey(command)
    way.desk.obey(command)
    way.desk.work()

    assert (way.desk.head("G03").payable, way.gone()) == (0, SHARE)
    assert [one.group_id for one in way.desk.told("PAYOUT_PAID")] == ["G03"]
    assert way.sound()


def test_what_the_bank_paid_under_an_unknown_reference_waits_for_two_persons_and_then_in_suspense() -> None:
    way = WholeWay("G03")
    way.earn("S-1")
    way.desk.filed(B1)
    unknown = replace(answer(way.desk.rows(B1)["G03"]), payout_id="PNOBODYKNOWSIT", amount_paise=12_345)
    way.desk.bank(unknown, batch_id=B1)
    [shown] = way.desk.open("UNKNOWN_REFERENCE")
    assert way.balances().get(accounts.SUSPENSE, 0) == 0

    assert way.correct(shown, paid=True) == ["IN_SUSPENSE"]

    assert (way.balances()[accounts.SUSPENSE], way.gone()) == (12_345, 12_345)
    assert not way.desk.open("UNKNOWN_REFERENCE")
    way.desk.bank(unknown, batch_id=B1)
    assert not way.desk.open("UNKNOWN_REFERENCE")
    assert way.sound()

    way.desk.bank(replace(unknown, status=Status.REJECTED, utr=""), batch_id=B1)
    [shown] = way.desk.open("UNKNOWN_REFERENCE")
    with pytest.raises(NotNow, match="no money moved"):
        way.correct(shown, paid=True)
    way.correct(shown, paid=False)
    way.desk.bank(replace(unknown, status=Status.RETURNED), batch_id=B1)
    [shown] = way.desk.open("UNKNOWN_REFERENCE")
    way.correct(shown, paid=True)
    assert accounts.SUSPENSE not in way.balances()
    assert way.gone() == 0
    assert way.sound()


# ── periods and members ──────────────────────────────────────────────────────────────────────────


def test_case_26_a_period_with_more_returns_than_sales_has_no_batch_and_no_file_and_the_next_one_recovers_it() -> None:
    way = WholeWay("G03", recovery_ppm=1_000_000)
    way.earn("S-1")
    way.paid(B1)
    files = dict(way.desk.files.objects)
    way.refund("S-1", **{"fee:reverse_shipping_fee": -9_000})
    debt = way.desk.head("G03").debt
    assert debt > SHARE

    assert way.desk.close(B2) == Closing.EMPTY

    assert not way.desk.store.read([tables.batch(B2)])
    assert (way.desk.files.objects, way.desk.head("G03").debt) == (files, debt)
    for name in ("S-2", "S-3"):
        way.earn(name)
    way.paid(B3)
    assert way.desk.rows(B3)["G03"].amount_paise == 2 * SHARE - debt
    assert way.desk.head("G03").debt == 0
    assert way.statement("G03").arrived_paise == SHARE + 2 * SHARE - debt
    assert way.sound()


def test_case_29_who_joins_or_leaves_while_a_batch_is_open_shares_in_the_days_of_making_that_were_hers() -> None:
    """A payment pays what was made between the one before it and itself; the day of the bank counts for nothing."""
    way = WholeWay("G03")
    way.earn("S-1")
    way.desk.close(B1)
    # The batch stands open: on the 21st Usha is gone and Meena is there, and then the bank pays it.
    weights = [Weight("Asha", "2026-11-01", "", 2), Weight("Usha", "2026-11-01", "2026-12-20", 1)]
    weights.append(Weight("Meena", "2026-12-21", "", 1))
    way.at("2026-12-23T06:00:00Z")
    way.desk.approve(B1)
    way.desk.submit(B1)
    way.desk.bank(answer(way.desk.rows(B1)["G03"]), batch_id=B1)
    first = Part(way.statement("G03").arrived_paise, "2026-12-01", "2026-12-20")

    assert suggested([first], weights).shares == largest_remainder(SHARE, {"Asha": 2, "Usha": 1})

    way.earn("S-2")
    way.paid(B2)
    second = Part(way.statement("G03").arrived_paise, "2026-12-21", "2026-12-27")
    assert suggested([second], weights).shares == largest_remainder(SHARE, {"Asha": 2, "Meena": 1})
    # What the bank takes back of the first one is Asha's and the group's: Usha gives nothing back.
    way.desk.bank(answer(way.desk.rows(B1)["G03"], Status.RETURNED), batch_id=B1)
    back = Part(way.statement("G03").arrived_paise, first.first_day, first.last_day)
    then = suggested([back, second], weights)
    assert back.paise == -SHARE
    assert sum(then.shares.values()) + then.group_paise == 0
    assert then.group_paise == -largest_remainder(SHARE, {"Asha": 2, "Usha": 1})["Usha"]
    assert way.sound()


# ── groups that join others ──────────────────────────────────────────────────────────────────────


def test_case_30_a_refund_of_what_was_paid_before_a_group_joined_another_is_that_ones_debt() -> None:
    way = WholeWay("G03", "G07")
    way.earn("S-1")
    way.earn("S-7", "G07")
    way.paid(B1)
    way.earn("S-2")
    kept = way.till.sell("S-3", "I-S-3", delivered="2026-12-18T10:00:00Z")
    way.till.settle(way.till.line(SALE, "I-S-3", settlement_id="NEFT-S-3"))
    payable, held, fund = way.desk.head("G03").payable, way.desk.head("G03").held, 3 * 3_444
    fund_of_the_other = way.desk.head("G07").owed("group_fund:G07")
    assert (payable, held) == (SHARE, SHARE)

    way.join("G03", "G07")

    assert dict(way.desk.head("G03").balances) == {"group_held:G03": -held}
    assert way.desk.head("G07").payable == payable
    assert way.desk.head("G07").owed("group_fund:G07") == fund_of_the_other + fund
    moved = [entry for entry in way.till.items(tables.BOOK_ENTRIES) if entry["kind"] == MERGED]
    assert {entry["group_id"] for entry in moved} == {"G03", "G07"}
    assert {entry["source"]["minutes"] for entry in moved} == {"book 3, page 5"}
    assert way.sound()

    # What was held is released later, and goes on. What was paid before is sent back: a debt, and it goes on too.
    way.at("2027-01-02T06:00:00Z")
    way.till.obey(ReleaseHold(order_ref=kept, line_id="I-S-3"))
    assert way.desk.head("G07").payable == 2 * SHARE
    assert way.refund("S-1") == ["BOOKED"]
    assert not way.desk.open("BOOK_REFUSED")
    debt = way.desk.head("G07").debt
    assert (debt > 0, way.desk.head("G03").balances) == (True, {})
    # So does the refund of what had gone on, and was never paid by its own group.
    way.refund("S-2")
    assert (way.desk.head("G07").debt, way.desk.head("G03").balances) == (2 * debt, {})

    way.paid(B3)
    row = way.desk.rows(B3)["G07"]
    assert row.amount_paise == 2 * SHARE - min(2 * debt, 2 * SHARE // 2)
    assert list(way.desk.rows(B3)) == ["G07"]
    statement = way.statement("G07")
    assert statement.arrived_paise == SHARE + row.amount_paise
    assert sum(one.amount_paise for one in statement.debts) == way.desk.head("G07").debt
    assert way.sound()


def test_case_30_money_does_not_get_younger_by_going_on_and_a_chain_of_groups_ends_at_the_last() -> None:
    way = WholeWay("G03", "G07", "G09")
    way.earn("S-1")
    since = way.desk.head("G03").payable_since
    way.join("G07", "G09")

    way.join("G03", "G07")

    assert (way.desk.head("G09").payable, way.desk.head("G09").payable_since) == (SHARE, since)
    assert not way.desk.head("G07").balances
    way.at("2027-01-10T06:00:00Z")
    way.desk.obey(LookAtPayables())
    assert since[:10] in way.desk.open("UNPAID_TOO_LONG")[0]["message"]
    way.earn("S-2")
    way.paid(B3)
    assert way.desk.rows(B3)["G09"].amount_paise == 2 * SHARE
    assert way.sound()


def test_case_30_what_the_bank_sends_back_after_a_group_joined_another_goes_on() -> None:
    way = WholeWay("G03", "G07")
    way.earn("S-1")
    way.paid(B1)
    way.join("G03", "G07")

    way.desk.bank(answer(way.desk.rows(B1)["G03"], Status.RETURNED), batch_id=B1)

    assert (way.desk.head("G07").payable, way.desk.head("G03").balances) == (SHARE, {})
    way.paid(B2)
    assert way.desk.rows(B2)["G07"].amount_paise == SHARE
    assert way.gone() == SHARE
    assert way.sound()


def test_case_30_the_text_about_a_payout_counts_the_orders_of_a_group_that_joined() -> None:
    way = WholeWay("G03", "G07", "G09")
    way.earn("S-1")
    way.paid("2026-12-05-S")
    for order in ("S-2", "S-3"):
        way.earn(order)
    way.desk.close(B1)
    payouts.cancel(way.desk.operator, B1, by(MAKER, "the groups join"))
    way.desk.work()
    way.earn("S-4", "G07")
    way.join("G03", "G07")
    way.join("G07", "G09")

    way.desk.close(B2)
    way.desk.approve(B2)

    [told] = [one for one in way.desk.told("PAYOUT_COMPUTED") if one.group_id == "G09"]
    assert (told.says.count, told.says.amount_paise) == (3, 3 * SHARE)
    assert way.sound()


def test_a_group_joins_another_only_by_two_persons_and_not_while_its_money_is_on_its_way() -> None:
    way = WholeWay("G03", "G07", "G09")
    way.earn("S-1")
    desk = way.desk.operator
    before = way.desk.store.everything()
    for group, into, error in (("G03", "G03", Rejected), ("G03", "G99", NotThere), ("G99", "G07", NotThere)):
        with pytest.raises(error, match="into|group_id"):
            mergers.merge(desk, group, into, by(MAKER, "book 3"))
    assert way.desk.store.everything() == before

    assert mergers.merge(desk, "G03", "G07", by(MAKER, "book 3"))["confirmed_by"] is None
    assert mergers.merge(desk, "G03", "G07", by(MAKER.upper(), "book 3"))["confirmed_by"] is None
    # Other minutes are another matter.
    assert mergers.merge(desk, "G03", "G07", by(CHECKER, "book 4"))["confirmed_by"] is None
    assert way.desk.work() == []
    way.desk.close(B1)
    with pytest.raises(NotNow, match=f"G03 has money on its way in {B1}"):
        mergers.merge(desk, "G03", "G07", by(MAKER, "book 4"))
    payouts.cancel(desk, B1, by(MAKER, "the groups join"))
    way.desk.work()
    assert mergers.merge(desk, "G03", "G07", by(MAKER, "book 4"))["confirmed_by"] == MAKER
    way.desk.work()
    with pytest.raises(NotNow, match="joined G07 already"):
        mergers.merge(desk, "G03", "G09", by(MAKER, "book 5"))
    with pytest.raises(NotNow, match="into: G03 joined G07"):
        mergers.merge(desk, "G07", "G03", by(MAKER, "book 5"))
    assert mergers.merge(desk, "G03", "G07", by(CHECKER, "book 4"))["confirmed_by"] == MAKER
    way.desk.work()
    assert way.desk.head("G07").payable == SHARE
    assert way.sound()


# ── nobody closes ────────────────────────────────────────────────────────────────────────────────


def test_case_40_when_nobody_closes_the_age_of_the_oldest_payable_is_an_alarm_until_it_is_paid() -> None:
    way = WholeWay("G03", "G07")
    way.earn("S-1")
    since = way.desk.head("G03").payable_since
    assert since[:10] == "2026-12-04"
    way.at("2026-12-19T00:00:00Z")
    way.desk.obey(LookAtPayables())
    assert not way.desk.open("UNPAID_TOO_LONG")

    way.at("2026-12-20T06:00:00Z")
    way.earn("S-2", "G07")
    way.desk.obey(LookAtPayables())
    [shown] = way.desk.open("UNPAID_TOO_LONG")
    assert since[:10] in shown["message"] and "2 groups" in shown["message"]
    way.desk.obey(LookAtPayables())
    assert len(way.desk.open("UNPAID_TOO_LONG")) == 1

    way.paid(B1)
    way.desk.obey(LookAtPayables())
    assert not way.desk.open("UNPAID_TOO_LONG")
    assert way.statement("G03").arrived_paise == SHARE
    assert way.sound()
