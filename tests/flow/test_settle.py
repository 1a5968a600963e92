"""Histories of settled money: what was settled, in which order, and what every account shows afterwards."""

from __future__ import annotations

import itertools
import random
from typing import Any

import pytest

from hunar import tables
from hunar.domain.facts import Fact, Placed, Resolved, ReturnRequested, ReturnStep, Step
from hunar.domain.settlement import Kind
from hunar.messages import ApproveProposal, ComputePayout, HoldMoney, ReleaseHold
from hunar.ports import Put, QueueName
from hunar.use_cases.sweep import Desk as SweepDesk
from hunar.use_cases.sweep import sweep
from tests.book import REFUND, SALE
from tests.till import SOLD, Till, of_one_group, received, ref, sound

V1 = 89_107
"""Paise that the published row brings to the bank."""


@pytest.fixture
def till() -> Till:
    return of_one_group()


def groups_share(till: Till, *groups: str) -> int:
    """All that stands for the groups, wherever, in paise."""
    return -sum(
        paise
        for account, paise in till.balances().items()
        if account.startswith(("group_", "payout_in_transit")) and account.split(":")[-1] in (groups or ("G03",))
    )


def test_a_settlement_row_reaches_the_groups_book_to_the_paisa(till: Till) -> None:
    order_ref = till.sell()
    till.settle(till.line(SALE))
    balances = till.balances()
    assert balances["marketplace_receivable:flipkart"] == V1
    # 931.36 less fees of 165.96 and 10 % of the rest for the agency, less 5 % for the group's fund.
    assert balances["output_gst"] == -(109_900 - 93_136)
    assert balances["agency_fee"] == -7_654
    assert till.head()["group_held:G03"] + till.head()["group_fund:G03"] == -(93_136 - 16_596 - 7_654)
    assert till.posted(order_ref)["hold_end"] == "2026-12-04T10:00:00Z"
    assert till.open() == []
    sound(till)


def test_the_same_rows_again_or_in_another_file_move_nothing(till: Till) -> None:
    till.sell()
    till.settle(till.line(SALE))
    before, books = till.balances(), till.items(tables.BOOK_ENTRIES)
    till.settle(till.line(SALE, row=9))
    till.settle(till.line(SALE), till.line(SALE))
    assert till.balances() == before
    assert till.items(tables.BOOK_ENTRIES) == books
    sound(till)


def test_one_item_in_two_settlements_is_the_sum_of_both(till: Till) -> None:
    till.sell()
    till.settle(till.line(SALE))
    till.settle(till.line({"fee:shipping_fee": -1_000, "gst_on_fees": -180}, settlement_id="NEFT-2"))
    assert till.balances()["marketplace_receivable:flipkart"] == V1 - 1_180
    assert till.balances()["fee:shipping_fee"] == 6_800
    sound(till)


def test_a_settlement_of_an_unknown_order_waits_in_suspense_and_finds_its_order(till: Till) -> None:
    till.settle(till.line(SALE))
    assert till.balances() == {"marketplace_receivable:flipkart": V1, "suspense": -V1}
    [waits] = till.open()
    assert waits["kind"] == "SUSPENSE"
    assert "891.07" in waits["message"]
    order_ref = till.sell()
    till.compute(order_ref)
    assert "suspense" not in till.balances()
    assert till.balances()["marketplace_receivable:flipkart"] == V1
    assert till.open() == []
    sound(till)


def test_a_line_whose_group_nobody_knows_waits_too(till: Till) -> None:
    order_ref = ref("S-1")
    placed = Placed("I-1", SOLD, "LISTING", 1, 109_900, None, SOLD, None)
    till.know(order_ref, placed)
    till.settle(till.line(SALE))
    assert till.balances()["suspense"] == -V1
    till.sell()
    till.settle(till.line(SALE))
    assert "suspense" not in till.balances()
    assert groups_share(till) > 0
    sound(till)


def test_what_names_no_order_stays_with_the_agency(till: Till) -> None:
    till.sell()
    advertising = till.line({"fee:ads": -50_000, "gst_on_fees": -9_000}, None, order_id=None)
    paid = till.line({"transfer": -30_000}, None, order_id=None, kind=Kind.PAYOUT)
    till.settle(till.line(SALE), advertising, paid)
    assert till.balances()["agency_margin"] == 50_000
    assert till.balances()["marketplace_receivable:flipkart"] == V1 - 59_000 == received([till.line(SALE), advertising])
    assert "bank" not in till.balances()
    sound(till)


def test_money_without_a_meaning_is_kept_and_shown(till: Till) -> None:
    till.sell()
    till.settle(till.line(SALE), till.line({"other:festival bonus": 777}, settlement_id="NEFT-2"))
    assert till.balances()["suspense"] == -777
    assert {item["kind"] for item in till.open()} == {"UNKNOWN_MONEY", "SETTLEMENT_DIFFERS"}
    assert all("festival bonus" in item["message"] for item in till.open())
    sound(till)


def test_the_settlement_counts_though_nobody_said_it_was_delivered(till: Till) -> None:
    order_ref = till.sell(delivered=None)
    till.settle(till.line(SALE))
    assert groups_share(till) > 0
    assert [item["kind"] for item in till.open()] == ["SETTLED_NOT_DELIVERED"]
    # The window counts from the day of settlement then.
    assert till.posted(order_ref)["hold_end"] == "2026-12-13T18:30:00Z"
    till.sell()
    till.compute(order_ref)
    assert till.open() == []
    assert till.posted(order_ref)["hold_end"] == "2026-12-04T10:00:00Z"
    sound(till)


# ── the end of a hold ────────────────────────────────────────────────────────────────────────────


def swept(till: Till) -> list[str]:
    sweep(SweepDesk(till.store, till.queues), till.now)
    return till.obey(*[body for body, _ in till.queues.taken(QueueName.PAYOUTS)])


def test_the_clock_of_the_sweep_ends_a_hold_and_not_before(till: Till) -> None:
    order_ref = till.sell()
    till.settle(till.line(SALE))
    held = -till.head()["group_held:G03"]
    till.now = "2026-12-04T09:59:59Z"
    assert swept(till) == []
    till.now = "2026-12-04T10:00:00Z"
    assert swept(till) == ["RELEASED"]
    assert till.head()["group_payable:G03"] == -held
    assert "group_held:G03" not in till.head()
    assert "due_pk" not in till.posted(order_ref)
    assert swept(till) == []
    assert till.obey(ReleaseHold(order_ref=order_ref, line_id="I-1")) == ["UNCHANGED"]
    sound(till)


def test_what_is_settled_after_the_hold_is_released_in_its_turn(till: Till) -> None:
    order_ref = till.sell()
    till.settle(till.line(SALE))
    till.now = "2026-12-20T00:00:00Z"
    swept(till)
    later = till.line({"reimbursement": 5_000}, settlement_id="NEFT-9", posted_at="2026-12-25T00:00:00+05:30")
    till.settle(later)
    assert -till.head()["group_held:G03"] == 5_000 - 250
    assert swept(till) == []
    till.now = "2026-12-26T00:00:00Z"
    assert swept(till) == ["RELEASED"]
    assert "group_held:G03" not in till.head()
    assert till.posted(order_ref)["version"] > 2
    sound(till)


def test_a_return_on_its_way_keeps_the_money_held(till: Till) -> None:
    asked = ReturnRequested("R-1", "I-1", "2026-12-03T10:00:00Z", "customer", 1, "S-1", "", "")
    order_ref = till.sell()
    till.settle(till.line(SALE))
    till.sell("S-1", "I-1", asked)
    till.now = "2026-12-20T00:00:00Z"
    assert swept(till) == ["UNCHANGED"]
    assert "group_payable:G03" not in till.head()
    # The parcel comes back, the marketplace takes its money back, and the group has lost only what stays a cost.
    back = ReturnStep("R-1", "I-1", "2026-12-10T10:00:00Z", "received")
    till.sell("S-1", "I-1", asked, back)
    till.settle(till.line(REFUND, settlement_id="NEFT-2", posted_at="2026-12-12T00:00:00+05:30"))
    till.compute(order_ref)
    sound(till)


def test_a_person_holds_money_back_and_lets_it_go(till: Till) -> None:
    order_ref = till.sell()
    held = HoldMoney(
        order_ref=order_ref, line_id="I-1", until="2027-01-31T00:00:00Z", by="asha", at="2026-11-25T00:00:00Z"
    )
    till.obey(held)
    till.settle(till.line(SALE))
    assert till.posted(order_ref)["hold_end"] == "2027-01-31T00:00:00Z"
    assert swept(till) == []
    lifted = held.model_copy(update={"until": None, "at": "2026-12-19T00:00:00Z"})
    till.obey(lifted)
    # The older word comes again, late: the newer one stands.
    till.obey(held)
    assert till.posted(order_ref)["hold_end"] == "2026-12-04T10:00:00Z"
    assert swept(till) == ["RELEASED"]
    sound(till)


# ── returns, debts ───────────────────────────────────────────────────────────────────────────────


def test_a_refund_before_the_end_of_the_hold_takes_back_what_is_held(till: Till) -> None:
    till.sell()
    till.settle(till.line(SALE))
    till.settle(till.line(REFUND, settlement_id="NEFT-2"))
    # Fixed fee, pick and pack, shipping there and back stay: more than nothing was held for it.
    cost = 5_000 + 1_400 + 5_800 + 6_000
    assert till.head() == {"group_debt:G03": cost} | {
        account: paise for account, paise in till.head().items() if "debt" not in account
    }
    assert till.balances()["marketplace_receivable:flipkart"] == V1 + sum(REFUND.values())
    sound(till)


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_any_order_of_news_ends_at_the_same_balances(order: tuple[int, ...]) -> None:
    """Announced, delivered, settled, refunded: early, late or twice."""

    def end(order: tuple[int, ...]) -> dict[str, int]:
        till = Till()
        till.group("G03")
        order_ref = ref("S-1")
        placed = Placed("I-1", SOLD, "LISTING", 1, 109_900, None, SOLD, None)
        resolved = Resolved("I-1", "TOTE", "G03", "GROUP_PACKS", "SALE_SHARE", 1, "4202", None)
        known: list[Fact] = []
        for step in order:
            match step:
                case 0:
                    known += [placed, resolved]
                    till.know(order_ref, *known)
                case 1:
                    known.append(Step("delivered", "2026-11-24T10:00:00Z"))
                    till.know(order_ref, *known)
                case 2:
                    till.settle(till.line(SALE))
                case 3:
                    till.settle(till.line(REFUND, settlement_id="NEFT-2"))
            till.compute(order_ref)
            till.compute(order_ref)
        sound(till)
        return till.balances()

    assert end(order) == end((0, 1, 2, 3))


def test_a_line_whose_announcement_was_not_true_gives_back_what_was_booked(till: Till) -> None:
    order_ref = till.sell()
    till.settle(till.line(SALE))
    till.know(order_ref)
    till.settle(till.line(SALE))
    till.compute(order_ref)
    assert groups_share(till) == 0
    # The pointer still leads to the order, and no line of it claims the money.
    assert till.balances() == {"marketplace_receivable:flipkart": V1, "suspense": -V1}
    sound(till)


# ── proposals ────────────────────────────────────────────────────────────────────────────────────


def test_a_corrected_resolution_moves_nothing_until_a_person_approves(till: Till) -> None:
    order_ref = till.sell()
    till.settle(till.line(SALE))
    before = till.balances()
    till.group("G03", agency_fee=50_000)
    assert till.compute(order_ref)[-1] == "PROPOSED"
    assert till.balances() == before
    [proposed] = till.open("MONEY_PROPOSED")
    identity = proposed["subject"]["proposal_id"]
    approval = ApproveProposal(order_ref=order_ref, line_id="I-1", proposal_id=identity, by="asha", reason="minutes 12")
    assert till.obey(approval.model_copy(update={"proposal_id": "another"})) == ["PROPOSED"]
    assert till.obey(approval) == ["BOOKED"]
    assert till.balances()["agency_fee"] == -3_827
    assert till.open() == []
    assert till.obey(approval) == ["UNCHANGED"]
    [entry] = [item for item in till.items(tables.BOOK_ENTRIES) if item["kind"] == "CORRECTED"]
    assert entry["source"] == {"by": "asha", "reason": "minutes 12"}
    sound(till)


def test_a_proposal_is_void_when_news_came_since(till: Till) -> None:
    order_ref = till.sell()
    till.settle(till.line(SALE))
    till.group("G03", agency_fee=50_000)
    till.compute(order_ref)
    identity = till.open("MONEY_PROPOSED")[0]["subject"]["proposal_id"]
    till.settle(till.line({"reimbursement": 1_000}, settlement_id="NEFT-2"))
    after = till.balances()
    approval = ApproveProposal(order_ref=order_ref, line_id="I-1", proposal_id=identity, by="asha")
    till.obey(approval)
    assert till.balances() == after
    assert till.open() == []
    sound(till)


def test_a_line_given_to_another_group_moves_only_when_approved(till: Till) -> None:
    till.group("G07")
    order_ref = till.sell()
    till.settle(till.line(SALE))
    mine = groups_share(till, "G03")
    till.sell(group_id="G07")
    assert till.compute(order_ref)[-1] == "PROPOSED"
    assert groups_share(till, "G03") == mine
    identity = till.open("MONEY_PROPOSED")[0]["subject"]["proposal_id"]
    till.obey(ApproveProposal(order_ref=order_ref, line_id="I-1", proposal_id=identity, by="asha"))
    assert (groups_share(till, "G03"), groups_share(till, "G07")) == (0, mine)
    sound(till)


# ── what waits for a person ──────────────────────────────────────────────────────────────────────


def test_without_a_resolution_money_waits_and_is_booked_when_it_is_there(till: Till) -> None:
    till.group("G03", {"from": "2026-01-01", "version": 1, "payout_basis": "SALE_SHARE"})
    order_ref = till.sell()
    assert till.settle(till.line(SALE)) == ["WAITS"]
    [waits] = till.open()
    assert waits["kind"] == "UNRESOLVED"
    assert "minutes_ref is missing" in waits["message"]
    assert till.balances() == {}
    till.group("G03")
    assert till.compute(order_ref)[-1] == "BOOKED"
    assert till.open() == []
    sound(till)


def test_without_a_gst_rate_nothing_is_guessed(till: Till) -> None:
    till.store.commit([Put(tables.rate("government", "gst"), None)])
    till.sell()
    assert till.settle(till.line(SALE)) == ["WAITS"]
    assert [item["kind"] for item in till.open()] == ["RATE_GAP"]
    assert till.balances() == {}


# ── several claimants ────────────────────────────────────────────────────────────────────────────


def test_shipping_of_an_order_of_two_groups_is_shared_by_value(till: Till) -> None:
    till.group("G07")
    order_ref = ref("S-2")
    till.know(
        order_ref,
        Placed("A", SOLD, "LA", 1, 10_000, None, SOLD, None),
        Placed("B", SOLD, "LB", 1, 20_000, None, SOLD, None),
        Resolved("A", "TOTE", "G03", "GROUP_PACKS", "SALE_SHARE", 1, "4202", None),
        Resolved("B", "POT", "G07", "GROUP_PACKS", "SALE_SHARE", 1, "4202", None),
        Step("delivered", "2026-11-24T10:00:00Z"),
    )
    shipping = till.line({"shipping_paid_by_buyer": 1_000}, None, order_id="S-2")
    till.settle(shipping)
    posted = {line: till.posted(order_ref, line)["amounts"] for line in ("A", "B")}
    received_by = {
        line: sum(one["amount_paise"] for one in amounts if one["account"].startswith("marketplace_receivable"))
        for line, amounts in posted.items()
    }
    assert received_by == {"A": 333, "B": 667}
    sound(till)


def test_a_row_that_names_the_product_goes_to_the_line_of_that_product(till: Till) -> None:
    order_ref = ref("S-2")
    till.know(
        order_ref,
        Placed("A", SOLD, "LA", 1, 10_000, None, SOLD, None),
        Placed("B", SOLD, "LB", 1, 20_000, None, SOLD, None),
        Resolved("A", "TOTE", "G03", "GROUP_PACKS", "SALE_SHARE", 1, "4202", None),
        Resolved("B", "POT", "G03", "GROUP_PACKS", "SALE_SHARE", 1, "4202", None),
    )
    till.settle(till.line({"sale": 10_000}, None, order_id="S-2", listing="TOTE"))
    till.settle(till.line({"sale": 20_000}, None, order_id="S-2", listing="LB"))
    till.settle(till.line({"sale": 99}, None, order_id="S-2", listing="NOBODYS"))
    for line, paise in (("A", 10_000), ("B", 20_000)):
        amounts = till.posted(order_ref, line)["amounts"]
        assert sum(one["amount_paise"] for one in amounts if one["account"].startswith("marketplace_rec")) == paise
    assert till.balances()["suspense"] == -99
    sound(till)


def test_an_item_that_was_sent_in_two_parcels_is_shared_when_the_second_is_known(till: Till) -> None:
    first = till.sell("S-1", units=2)
    till.settle(till.line(SALE))
    alone = till.posted(first)["amounts"]
    second = till.sell("S-2", units=1)
    outcomes = till.settle(till.line(SALE))
    assert "BOOKED" in outcomes
    shares = [
        sum(one["amount_paise"] for one in till.posted(name)["amounts"] if one["account"].startswith("marketplace_r"))
        for name in (first, second)
    ]
    assert sum(shares) == V1
    assert shares[0] > shares[1] > 0
    assert till.posted(first)["amounts"] != alone
    sound(till)


# ── pieces ───────────────────────────────────────────────────────────────────────────────────────

BY_PIECE: dict[str, Any] = {"payout_basis": "FIXED_PER_PIECE", "piece_price_paise": 40_000}


def test_a_piece_is_owed_from_the_step_that_the_resolution_names() -> None:
    till = Till()
    till.group("G03", payout_basis="FIXED_PER_PIECE", paid_on="delivered")
    order_ref = till.sell(terms=BY_PIECE, delivered=None, units=2)
    assert till.compute(order_ref)[-1] == "NOTHING"
    till.sell(terms=BY_PIECE, units=2)
    assert till.compute(order_ref)[-1] == "BOOKED"
    assert groups_share(till) == 80_000
    assert till.posted(order_ref)["hold_end"] == "2026-12-04T10:00:00Z"
    till.settle(till.line(SALE))
    assert groups_share(till) == 80_000
    sound(till)


def test_where_nobody_can_be_asked_a_piece_is_owed_when_it_is_settled() -> None:
    till = Till(proven=False)
    till.group("G03", payout_basis="FIXED_PER_PIECE", paid_on="delivered")
    order_ref = till.sell(terms=BY_PIECE)
    assert till.compute(order_ref)[-1] == "NOTHING"
    till.settle(till.line(SALE))
    assert groups_share(till) == 40_000
    sound(till)


# ── meetings ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("seed", range(40))
def test_commands_in_any_order_and_number_end_at_the_same_books(seed: int) -> None:
    chance = random.Random(seed)
    till = Till()
    for group in ("G03", "G07"):
        till.group(group)
    commands: list[Any] = []
    lines = []
    for number in range(4):
        item = f"I-{number}"
        order_ref = till.sell(f"S-{number}", item, group_id=chance.choice(("G03", "G07")), price=1_000 * (number + 1))
        commands += [ComputePayout(order_ref=order_ref, line_id=item)] * 2
        lines.append(till.line({"sale": 1_000 * (number + 1), "fee:commission": -77}, item))
        if chance.random() < 0.5:
            lines.append(till.line({"refund": -500}, item, settlement_id="NEFT-2"))
    commands += till.keep(*lines) * 2
    till.obey(*commands, shuffle=chance)
    assert till.balances()["marketplace_receivable:flipkart"] == received(lines)
    sound(till)


def test_who_reads_before_another_writes_begins_anew(till: Till) -> None:
    """Two workers at one line: the second finds the version changed, and books only what is missing then."""
    till.sell()
    [command] = till.keep(till.line(SALE))
    commit, raced = till.store.commit, []

    def rival(puts: Any) -> None:
        if not raced:
            raced.append(True)
            till.obey(command)
        commit(puts)

    till.store.commit = rival  # type: ignore[method-assign]
    till.obey(command)
    assert till.balances()["marketplace_receivable:flipkart"] == V1
    sound(till)


def test_a_crash_between_any_two_calls_loses_nothing() -> None:
    """The worker stops before or after each of its writes, and the command comes again."""
    for stop in range(12):
        till = Till()
        till.group("G03")
        till.settle(till.line(SALE))
        order_ref = till.sell()
        commit, left = till.store.commit, [stop]

        def breaking(puts: Any, commit: Any = commit, left: list[int] = left) -> None:
            left[0] -= 1
            if left[0] == 0:
                raise SystemError("stopped before")
            commit(puts)
            left[0] -= 1
            if left[0] == 0:
                raise SystemError("stopped after")

        till.store.commit = breaking  # type: ignore[method-assign]
        for _ in range(3):
            try:
                till.obey(ComputePayout(order_ref=order_ref, line_id="I-1"))
            except SystemError:
                till.queues.taken(QueueName.PAYOUTS)
        assert till.balances()["marketplace_receivable:flipkart"] == V1
        assert "suspense" not in till.balances()
        sound(till)


def test_who_is_stopped_behind_its_booking_has_told_the_other_claimants(till: Till) -> None:
    first = till.sell("S-1", units=2)
    till.settle(till.line(SALE))
    second = till.sell("S-2", units=1)
    commit = till.store.commit

    def stopping(puts: Any) -> None:
        commit(puts)
        if any(put.key == tables.posted(second, "I-1") for put in puts):
            raise SystemError("stopped")

    till.store.commit = stopping  # type: ignore[method-assign]
    with pytest.raises(SystemError):
        till.obey(ComputePayout(order_ref=second, line_id="I-1"))
    till.store.commit = commit  # type: ignore[method-assign]
    till.obey(*[body for body, _ in till.queues.taken(QueueName.PAYOUTS)])
    till.compute(second)
    assert till.balances()["marketplace_receivable:flipkart"] == V1
    assert till.posted(first)["version"] == 2
    sound(till)
