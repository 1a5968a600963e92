"""The chart of accounts: each name is made one way and read back, and says whose it is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hunar.domain import accounts
from hunar.domain.accounts import CHART, Account

MADE = {
    accounts.marketplace_receivable("flipkart"): None,
    accounts.marketplace_reserve("amazon"): None,
    accounts.fee("fixed_fee"): None,
    accounts.clearing("0f3a"): None,
    accounts.group_held("G03"): "G03",
    accounts.group_payable("G03"): "G03",
    accounts.group_debt("G03"): "G03",
    accounts.group_fund("G03"): "G03",
    accounts.group_credits("G03"): "G03",
    accounts.member_payable("G03", "M7"): "G03",
    accounts.payout_in_transit("B-2026-12", "G03"): "G03",
    accounts.OUTPUT_GST: None,
    accounts.FEES_RECOVERED: None,
    accounts.GST_INPUT_FEES: None,
    accounts.TCS_RECEIVABLE: None,
    accounts.TDS_RECEIVABLE: None,
    accounts.AGENCY_FEE: None,
    accounts.AGENCY_MARGIN: None,
    accounts.BANK: None,
    accounts.SUSPENSE: None,
}


@pytest.mark.parametrize(("text", "group_id"), MADE.items())
def test_a_name_says_whose_it_is(text: str, group_id: str | None) -> None:
    assert accounts.group_of(text) == group_id
    assert str(accounts.parse(text)) == text
    assert not accounts.is_memo(text)


def test_what_belongs_to_groups_and_what_to_the_agency() -> None:
    with_head = {name for name, parts in CHART.items() if accounts.GROUP in parts}
    assert with_head == {
        *("group_held", "group_payable", "group_debt", "group_fund", "group_credits"),
        *("member_payable", "payout_in_transit"),
    }


PART = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,20}", fullmatch=True)


@given(st.sampled_from(sorted(CHART)), st.data())
def test_text_and_parts_are_the_same(name: str, data: st.DataObject) -> None:
    account = Account(name, tuple(data.draw(PART) for _ in CHART[name]))
    assert accounts.parse(str(account)) == account


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("group_payabel:G03", "is no account; known are agency_fee"),
        ("group_payable", "group_payable is followed by group, not by"),
        ("group_payable:G03:G04", "is followed by group"),
        ("bank:sbi", "bank is followed by nothing"),
        ("payout_in_transit:B1", "followed by batch and group"),
        ("group_payable:", "'' cannot be a group"),
        ("fee:fixed fee", "'fixed fee' cannot be a code"),
        ("expected:group:G03", "is a memo account"),
        ("", "is no account"),
    ],
)
def test_a_name_that_is_wrong_is_refused(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        accounts.parse(text)


def test_a_memo_account_is_known_by_its_first_word() -> None:
    assert accounts.is_memo("expected:group:G03")
    assert not accounts.is_memo("expected")
