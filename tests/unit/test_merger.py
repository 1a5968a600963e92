"""What goes on from the book of a group that joined another: all but what is held or with the bank, to the paisa."""

from __future__ import annotations

from hunar.domain.head import Head, after
from hunar.domain.merger import goes_on

NOW = "2027-01-31T00:00:00Z"
MINUTES = "book 3, page 2"
HAD = {
    "group_held:G03": -1_000,
    "payout_in_transit:B1:G03": -500,
    "group_payable:G03": -200,
    "group_fund:G03": -30,
    # Members whose names sort before and behind the group's.
    "member_payable:G03:Asha": -7,
    "member_payable:G03:M4": -8,
}


def test_all_goes_on_but_what_is_held_or_with_the_bank() -> None:
    head = Head("G03", seq=6, balances=HAD, version=4, payable_since="2027-01-02T00:00:00Z", into="G07")
    out, come = goes_on(head, minutes=MINUTES, at=NOW)
    assert (out.group_id, come.group_id) == ("G03", "G07")
    old, _ = after(head, out)
    assert old.balances == {"group_held:G03": -1_000, "payout_in_transit:B1:G03": -500}
    assert not old.waits and old.closed == old.seq == 7 and old.payable_since == ""
    new, _ = after(Head("G07"), come)
    assert new.balances == {
        "group_payable:G07": -200,
        "group_fund:G07": -30,
        "member_payable:G07:Asha": -7,
        "member_payable:G07:M4": -8,
    }
    assert new.closed == 0 and new.payable_since == "2027-01-02T00:00:00Z"
    source = {"from": "G03", "into": "G07", "minutes": MINUTES, "since": "2027-01-02T00:00:00Z"}
    assert dict(out.source) == dict(come.source) == source
    assert out.occurred_at == NOW and "joined" in {one.rate_row for one in out.postings}
    assert out.cause[:4] == ("merged", "G03", "G07", 6)


def test_nothing_goes_on_while_all_is_held_and_a_debt_alone_has_no_age() -> None:
    assert goes_on(Head("G03", balances={"group_held:G03": -1_000}, into="G07"), minutes=MINUTES, at=NOW) == ()
    owes = Head("G03", balances={"group_debt:G03": 400}, payable_since="2027-01-02T00:00:00Z", into="G07")
    out, come = goes_on(owes, minutes=MINUTES, at=NOW)
    assert "since" not in dict(out.source)
    new, _ = after(Head("G07"), come)
    assert new.debt == 400 and new.payable_since == ""
