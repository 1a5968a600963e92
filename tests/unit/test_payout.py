"""What the bank says of a payout, as entries: where the money stands after each, to the paisa, and by what name."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from hunar.domain import payout
from hunar.domain.head import Head, after
from hunar.domain.ledger import ARRIVED, PAID_OUT, SENT_BACK, Entry, Posting
from tests.book import NOW

GROUP, BATCH = "G03", "2026-12-14-S"
TRANSIT = f"payout_in_transit:{BATCH}:{GROUP}"


def said(entry: Entry | None) -> tuple[str, dict[str, int], dict[str, object]]:
    assert entry is not None
    return entry.kind, {f"{one.account} {one.rate_row}": one.amount_paise for one in entry.postings}, dict(entry.source)


def standing(**paise: int) -> Head:
    balances = {f"group_{name}:{GROUP}": amount for name, amount in paise.items() if name != "transit"}
    return Head(GROUP, balances=balances | ({TRANSIT: paise["transit"]} if "transit" in paise else {}))


def test_a_payout_takes_all_that_is_payable_less_what_recovers_a_debt() -> None:
    made = payout.pay_out(standing(payable=-1_001, debt=800), BATCH, cap_ppm=500_000, minimum_paise=501, at=NOW)
    assert said(made) == (
        PAID_OUT,
        {
            f"group_payable:{GROUP} payout": 501,
            f"{TRANSIT} payout": -501,
            f"group_payable:{GROUP} debt_recovered": 500,
            f"group_debt:{GROUP} debt_recovered": -500,
        },
        {"batch": BATCH, "recovery_ppm": 500_000},
    )
    assert made is not None and made.occurred_at == NOW and made.cause == (BATCH, GROUP)


@pytest.mark.parametrize(
    ("payable", "debt", "minimum", "paid"),
    [(0, 0, 0, None), (1, 0, 0, 1), (1, 0, 1, 1), (1, 0, 2, None), (100, 0, 101, None), (100, 100, 101, 0)],
)
def test_less_than_the_minimum_waits_but_a_debt_is_recovered_all_the_same(
    payable: int, debt: int, minimum: int, paid: int | None
) -> None:
    head = standing(payable=-payable, debt=debt)
    made = payout.pay_out(head, BATCH, cap_ppm=1_000_000, minimum_paise=minimum, at=NOW)
    assert (made and -sum(one.amount_paise for one in made.postings if one.account == TRANSIT)) == paid


def test_a_book_that_is_owed_something_is_paid_nothing() -> None:
    assert payout.pay_out(standing(payable=5), BATCH, cap_ppm=0, minimum_paise=0, at=NOW) is None


def test_what_is_on_its_way_arrives_or_comes_back_whole() -> None:
    head = standing(transit=-700, payable=-20)
    came = payout.arrived(head, BATCH, utr="UTR1", at=NOW)
    source = {"batch": BATCH, "reference": "UTR1"}
    assert said(came) == (ARRIVED, {f"{TRANSIT} payout": 700, "bank payout": -700}, source)
    assert payout.arrival(GROUP, BATCH, 700, utr="UTR1", at=NOW) == came
    back = payout.sent_back(head, BATCH, reference="R17", at=NOW)
    source = {"batch": BATCH, "reference": "R17"}
    assert said(back) == (SENT_BACK, {f"{TRANSIT} payout": 700, f"group_payable:{GROUP} payout": -700}, source)
    assert (came.cause, back.cause) == ((BATCH, GROUP, "UTR1"), (BATCH, GROUP, "R17"))
    with pytest.raises(ValueError, match=f"nothing of batch B9 is on its way to {GROUP}"):
        payout.arrived(head, "B9", utr="UTR1", at=NOW)


@pytest.mark.parametrize(("payable", "account"), [(True, "group_payable"), (False, "group_debt")])
def test_what_the_bank_paid_all_the_same_is_payable_no_more_or_a_debt(payable: bool, account: str) -> None:
    made = payout.paid_after_all(standing(), BATCH, 700, payable=payable, utr="UTR1", at=NOW, by="asha and meena")
    kind, postings, source = said(made)
    assert (kind, postings) == (ARRIVED, {f"{account}:{GROUP} payout": 700, "bank payout": -700})
    assert source == {"batch": BATCH, "reference": "UTR1", "by": "asha and meena"}
    # The same as if it had arrived, so that it is booked once.
    assert made.entry_id == payout.arrival(GROUP, BATCH, 700, utr="UTR1", at=NOW).entry_id


@pytest.mark.parametrize(("came", "kind", "suspense"), [(False, ARRIVED, 700), (True, SENT_BACK, -700)])
def test_money_of_nobodys_payout_waits_in_suspense(came: bool, kind: str, suspense: int) -> None:
    made = payout.unknown(BATCH, "P1", 700, reference="UTR9", came=came, at=NOW, by="asha")
    postings = {"suspense payout": suspense, "bank payout": -suspense}
    assert said(made) == (kind, postings, {"batch": BATCH, "by": "asha", "payout": "P1", "reference": "UTR9"})
    assert made.cause == ("unknown", "P1", "UTR9") and made.group_id is None


@pytest.mark.parametrize(
    ("twice", "debt", "moved"),
    [
        (False, 700, {"group_payable": -700}),
        (True, 0, {"group_payable": -700}),
        (True, 1, {"group_payable": -699, "group_debt": -1}),
        (True, 700, {"group_debt": -700}),
        (True, 900, {"group_debt": -700}),
    ],
)
def test_what_comes_back_is_payable_again_and_ends_the_debt_that_it_had_become(
    twice: bool, debt: int, moved: dict[str, int]
) -> None:
    made = payout.arrival(GROUP, BATCH, 700, utr="UTR1", at=NOW)
    items = json.loads(json.dumps([one.item() for one in made.postings]))
    paid = replace(made, postings=tuple(Posting(**item) for item in items))
    head = standing(debt=debt) if debt else standing()
    made = payout.came_back(head, paid, reference="R17", at=NOW, twice=twice)
    there = {f"{account}:{GROUP} payout": paise for account, paise in moved.items()}
    assert said(made) == (SENT_BACK, {"bank payout": 700} | there, {"batch": BATCH, "reference": "R17"})
    # Once for each payout, by whatever reference the bank tells it.
    assert made.cause == (BATCH, GROUP, paid.entry_id)
    assert made.entry_id == payout.came_back(head, paid, reference="R18", at=NOW, twice=twice).entry_id
    assert twice or made == payout.came_back(head, paid, reference="R17", at=NOW)
    then, _ = after(head, made)
    assert then.debt == debt + moved.get("group_debt", 0)
    assert then.payable == -moved.get("group_payable", 0)
