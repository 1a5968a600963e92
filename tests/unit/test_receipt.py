"""What a report settles, what it says of a phone and of a registered text: the rules alone."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from hunar.domain.notification import Status
from hunar.domain.receipt import ALSO, Receipt, failed_in_row, failing, letter, outcome, settled


def said(state: str, *, at: str = "2026-11-25T04:00:00Z", final: bool | None = None, **other: Any) -> Receipt:
    ends = state != "SENT" if final is None else final
    words = {"provider_id": "p1", "code": state} | other
    return Receipt("aws", "n1", state=state, final=ends, at=at, **words)


def after(*receipts: Receipt, status: str = "ACCEPTED", provider_id: str | None = None) -> dict[str, Any]:
    item: dict[str, Any] = {"status": status, "provider_id": provider_id, "receipt": None}
    for receipt in receipts:
        new, kept = settled(item, receipt)
        item |= {"status": new.value, "receipt": kept}
    return item


@pytest.mark.parametrize(
    ("status", "sent", "delivered", "failed"),
    [
        ("WAITING", "ACCEPTED", "DELIVERED", "WAITING"),
        ("CLAIMED", "ACCEPTED", "DELIVERED", "FAILED"),
        ("ACCEPTED", "ACCEPTED", "DELIVERED", "FAILED"),
        ("UNKNOWN", "ACCEPTED", "DELIVERED", "FAILED"),
        ("FAILED", "FAILED", "DELIVERED", "FAILED"),
        ("DELIVERED", "DELIVERED", "DELIVERED", "DELIVERED"),
        ("EXPIRED", "EXPIRED", "DELIVERED", "EXPIRED"),
        ("SUPPRESSED", "SUPPRESSED", "DELIVERED", "SUPPRESSED"),
    ],
)
def test_what_a_first_report_makes_of_each_status(status: str, sent: str, delivered: str, failed: str) -> None:
    assert set(Status) == {Status(name) for name in STATUSES}
    assert after(said("SENT"), status=status)["status"] == sent
    assert after(said("DELIVERED"), status=status)["status"] == delivered
    assert after(said("FAILED"), status=status)["status"] == failed
    assert after(said("EXPIRED"), status=status)["status"] == failed
    assert after(said("FAILED", final=False), status=status)["status"] == status


STATUSES = ("WAITING", "CLAIMED", "ACCEPTED", "UNKNOWN", "FAILED", "DELIVERED", "EXPIRED", "SUPPRESSED")

PROGRESS = (
    said("SENT", at="2026-11-25T04:00:01Z", code="QUEUED"),
    said("SENT", at="2026-11-25T04:00:02Z", code="SENT", parts=2, price_millionths=5_600, currency="USD"),
    said("SENT", at="2026-11-28T04:00:00Z", code="UNKNOWN", final=True),
    said("DELIVERED", at="2026-11-25T04:00:03Z"),
)


def test_reports_that_agree_end_alike_in_every_order_however_often_they_come() -> None:
    ends = [after(*order, *order[:2]) for order in permutations(PROGRESS)]
    assert all(end == ends[0] for end in ends)
    assert (ends[0]["status"], ends[0]["receipt"]["at"]) == ("DELIVERED", "2026-11-25T04:00:03Z")
    assert "also" not in ends[0]["receipt"]
    paid = (ends[0]["receipt"]["parts"], ends[0]["receipt"]["price_millionths"], ends[0]["receipt"]["currency"])
    assert paid == (2, 5_600, "USD")


def test_of_what_is_no_outcome_the_last_word_stands() -> None:
    ends = [after(*order) for order in permutations(PROGRESS[:3])]
    assert all(end == ends[0] for end in ends)
    assert (ends[0]["status"], ends[0]["receipt"]["code"]) == ("ACCEPTED", "UNKNOWN")
    ends = [after(*order) for order in permutations(PROGRESS[:2])]
    assert [end["receipt"]["code"] for end in ends] == ["SENT", "SENT"]


def test_the_same_outcome_at_another_time_is_no_contradiction() -> None:
    """Some operators confirm each part of a text."""
    end = after(said("DELIVERED"), said("DELIVERED", at="2026-11-25T04:00:05Z"))
    assert end["receipt"]["at"] == "2026-11-25T04:00:00Z"
    assert "also" not in end["receipt"]


@pytest.mark.parametrize("states", list(permutations(["DELIVERED", "FAILED", "EXPIRED"], 2)))
def test_a_second_outcome_stands_beside_the_first(states: tuple[str, str]) -> None:
    end = after(*map(said, states), *map(said, states))
    assert end["receipt"]["state"] == states[0]
    same = set(states) == {"FAILED", "EXPIRED"}
    assert [also["state"] for also in end["receipt"].get("also", [])] == ([] if same else [states[1]])


@pytest.mark.parametrize("order", list(permutations(["FAILED", "DELIVERED"])))
def test_of_two_sendings_the_one_that_arrived_counts(order: tuple[str, str]) -> None:
    receipts = {"FAILED": said("FAILED", provider_id="p1"), "DELIVERED": said("DELIVERED", provider_id="p2")}
    end = after(*(receipts[state] for state in order))
    assert (end["status"], end["receipt"]["provider_id"]) == ("DELIVERED", "p2")
    assert [also["provider_id"] for also in end["receipt"]["also"]] == ["p1"]


def test_of_two_sendings_that_did_not_arrive_the_one_that_was_answered_counts() -> None:
    for order in permutations([said("FAILED", provider_id="p1"), said("SENT", provider_id="p2")]):
        assert after(*order, provider_id="p2")["receipt"]["provider_id"] == "p2"
        assert after(*order, provider_id="p1")["receipt"]["provider_id"] == "p1"


def test_without_an_answer_the_newer_sending_counts() -> None:
    older, newer = said("SENT", provider_id="p1"), said("SENT", provider_id="p2", at="2026-11-25T05:00:00Z")
    for order in permutations([older, newer]):
        end = after(*order)
        assert end["receipt"]["provider_id"] == "p2"
        assert [also["provider_id"] for also in end["receipt"]["also"]] == ["p1"]


def test_the_price_of_one_sending_is_not_that_of_another() -> None:
    first = said("FAILED", provider_id="p1", parts=1, price_millionths=2_800, currency="USD")
    end = after(first, said("DELIVERED", provider_id="p2"))
    assert end["receipt"]["price_millionths"] is None
    assert end["receipt"]["also"][0]["price_millionths"] == 2_800


def test_a_report_without_a_name_of_its_sending_is_about_the_one_that_is_known() -> None:
    end = after(said("SENT", provider_id="p1"), said("DELIVERED", provider_id=None))
    assert (end["status"], "also" in end["receipt"]) == ("DELIVERED", False)


def test_what_stands_beside_does_not_grow_without_end() -> None:
    many = [said("FAILED", provider_id=f"p{number}") for number in range(ALSO + 5)]
    end = after(said("DELIVERED", provider_id="p"), *many)
    assert len(end["receipt"]["also"]) == ALSO
    assert end["receipt"]["also"][-1]["provider_id"] == f"p{ALSO + 4}"


def kept(state: str, code: str = "", *, final: bool = True) -> dict[str, Any]:
    return after(said(state, code=code, final=final))["receipt"]  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("state", "final", "wanted"),
    [
        ("SENT", False, None),
        ("SENT", True, None),
        ("FAILED", False, None),
        ("EXPIRED", False, None),
        ("FAILED", True, "FAILED"),
        ("EXPIRED", True, "FAILED"),
        ("DELIVERED", True, "DELIVERED"),
        ("DELIVERED", False, "DELIVERED"),
    ],
)
def test_an_outcome_is_the_last_word_or_a_delivery(state: str, final: bool, wanted: str | None) -> None:
    assert outcome(kept(state, final=final)) == wanted
    assert outcome(None) is None


@pytest.mark.parametrize(
    ("code", "row"),
    [
        ("UNREACHABLE", 3),
        ("INVALID", 3),
        ("BLOCKED", 3),
        ("TTL_EXPIRED", 3),
        ("1600", 3),
        ("6000", 3),
        ("599", 3),
        ("680", 3),
        ("600", 2),
        ("679", 2),
        ("CARRIER_BLOCKED:633", 2),
        ("CARRIER_BLOCKED", 2),
        ("PROTECT_BLOCKED", 2),
        ("INVALID_MESSAGE", 2),
        ("SPAM", 2),
        ("PE_TM_HASH_INACTIVE", 2),
        ("TELEMARKETER_BLACKLISTED", 2),
    ],
)
def test_only_what_the_phone_did_counts_for_the_phone(code: str, row: int) -> None:
    assert failed_in_row(2, kept("FAILED", code)) == row
    assert failed_in_row(2, kept("DELIVERED", code)) == 0


@pytest.mark.parametrize(
    ("code", "wanted"),
    [
        ("UNREACHABLE", "F"), ("629", "F"), ("630", "T"), ("631", "T"), ("632", "T"), ("633", "T"), ("634", "F"),
        ("635", "F"), ("636", "T"), ("637", "T"), ("638", "F"), ("6330", "F"), ("1633", "F"),
        ("CARRIER_BLOCKED:633", "T"), ("TEMPLATE_NOT_MATCHED", "T"), ("TEMPLATE_VARIABLE_EXCEEDED_MAX_LENGTH", "F"),
        ("INVALID_TEMPLATE_ID", "T"), ("HEADER_NOT_REGISTERED_FOR_TEMPLATE", "F"),
    ],
)  # fmt: skip
def test_a_refusal_of_the_registered_text_has_a_letter_of_its_own(code: str, wanted: str) -> None:
    assert letter(kept("FAILED", code)) == wanted
    assert letter(kept("DELIVERED", code)) == "D"


@pytest.mark.parametrize(
    ("outcomes", "wanted"),
    [
        ("", None),
        ("F" * 9, None),
        # Nobody knows that it ever arrived.
        ("F" * 30, None),
        ("DF" * 15, None),
        ("DD" + "F" * 7, None),
        ("DD" + "F" * 8, True),
        ("DDDF" + "F" * 8, True),
        ("DDFF" + "F" * 8, None),
        ("DDDD" + "DD" + "FFFFFF", True),
        ("DDDD" + "DDD" + "FFFFF", None),
        ("D" * 8, False),
        ("D" * 7, None),
        ("FFDDDDDD", False),
        ("FFFDDDDD", None),
        ("TTT", True),
        ("TT", None),
        ("TFTT", None),
        ("DTTT", True),
        ("DDDDDDTTT", True),
        ("TTTD", None),
        ("FTTDDDDDD", False),
    ],
)
def test_a_registered_text_fails_when_it_stops_arriving_or_is_refused_three_times(
    outcomes: str, wanted: bool | None
) -> None:
    assert failing(outcomes) is wanted
