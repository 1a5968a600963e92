"""Paying by RazorpayX: sent from the office, stopped anywhere, asked for, told by webhooks; nobody is paid twice."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest

from hunar.adapters.http import NoAnswer
from hunar.domain.bank_file import Status
from hunar.domain.batch import RowState, State
from hunar.ports import Rejected, Retryable
from hunar.use_cases import payouts
from hunar.use_cases.operate import NotNow
from local.fake_api import as_json
from tests.paydesk import BATCH, CHECKER, MAKER, answer, by
from tests.rail_office import Office

NEXT = "2026-12-22-S"


@pytest.fixture
def office() -> Iterator[Office]:
    made = Office()
    yield made
    made.wire.close()


def paid(office: Office) -> dict[str, int]:
    """What has left the account for each group."""
    return {group: office.fake.left(row.payout_id) for group, row in office.desk.rows().items()}


DUE = {"G01": 1_000, "G02": 2_000, "G03": 3_000}


def test_a_batch_is_sent_processed_and_told_by_webhooks_and_the_groups_hear_of_it(office: Office) -> None:
    office.filed()

    assert [one.outcome for one in office.send()] == ["SENT"] * 3
    for number, group in enumerate(DUE):
        office.move(group, "processed", utr=f"UTR00000000{number}")
    office.news(*office.fake.webhooks)

    assert paid(office) == DUE
    assert office.desk.batch().state is State.COMPLETED
    assert {row.utr for row in office.desk.rows().values()} == {f"UTR00000000{number}" for number in range(3)}
    assert {one.group_id for one in office.desk.told("PAYOUT_PAID")} == set(DUE)
    assert not office.desk.open()
    assert office.desk.sound()


def test_sent_again_it_is_there_and_nothing_more_is_paid(office: Office) -> None:
    office.filed().send()
    assert [one.outcome for one in office.send()] == ["THERE"] * 3
    assert paid(office) == DUE
    assert len(office.fake.payouts) == 3


@pytest.mark.parametrize("fault", ["before", "after", "503"])
@pytest.mark.parametrize("call", range(1, 7))
def test_stopped_at_any_call_and_run_again_everybody_is_paid_once(office: Office, call: int, fault: str) -> None:
    office.filed()
    office.wire.fault = lambda number: fault if number == call else ""
    with pytest.raises(Retryable, match="run it again"):
        office.send()

    office.send()

    assert paid(office) == DUE
    assert len(office.fake.payouts) == 3


def test_completed_a_month_later_when_razorpayx_has_forgotten_its_keys_nobody_is_paid_twice(office: Office) -> None:
    office.filed()
    office.wire.fault = lambda number: "after" if number == 4 else ""
    with pytest.raises(Retryable):
        office.send()
    assert len(office.fake.payouts) == 2

    office.sleep(timedelta(days=30).total_seconds())
    office.send()

    assert paid(office) == DUE
    assert len(office.fake.payouts) == 3


def test_two_who_send_at_once_pay_once(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both have asked and found nothing before either sends: then the key alone guards."""
    office.filed()
    lines = office.lines()
    one, other = office.rail(), office.rail()
    for line in lines:
        assert not one.find(line.account_number, line.payout_id)
        assert not other.find(line.account_number, line.payout_id)
    made = [one.create(line).id for line in lines]

    assert [other.create(line).id for line in lines] == made
    assert paid(office) == DUE


def test_calls_keep_to_five_in_a_second_and_one_that_came_too_soon_is_made_again(office: Office) -> None:
    office.filed()
    began = office.passed
    office.send()
    assert office.passed - began >= 5 / 5

    busy = {"left": 2}
    real = office.fake.answer

    def answer(*call: object) -> object:
        if busy["left"]:
            busy["left"] -= 1
            return as_json({"error": {}}, 429, Retry_After="7")
        return real(*call)  # type: ignore[arg-type]

    office.fake.answer = answer  # type: ignore[method-assign,assignment]
    began = office.passed
    assert [one.outcome for one in office.send()] == ["THERE"] * 3
    assert office.passed - began >= 14


def test_an_account_without_the_money_queues_the_payouts_and_they_go_when_it_comes(office: Office) -> None:
    office.fake.balance = 1_500
    office.filed()

    assert "queued" in {one.status for one in office.send()}
    assert {one.outcome for one in office.ask()} == {"THERE"}
    assert {row.state for row in office.desk.rows().values()} == {RowState.IN_TRANSIT}
    office.fake.balance = 100_000
    for number, payout in enumerate(list(office.fake.payouts.values())):
        if payout["status"] == "queued":
            office.fake.move(payout["id"], "processing", office.now())
        office.fake.move(payout["id"], "processed", office.now(), utr=f"UTR00000000{number}")

    assert {one.outcome for one in office.ask()} == {"TOLD"}
    assert office.desk.batch().state is State.COMPLETED
    assert paid(office) == DUE
    assert office.desk.sound()


@pytest.mark.parametrize("end", ["failed", "cancelled", "rejected"])
def test_what_failed_is_payable_again_and_the_next_batch_pays_it_under_another_key(office: Office, end: str) -> None:
    if end == "rejected":
        office.fake.approvals = True
    if end == "cancelled":
        office.fake.balance = 0
    office.filed().send()
    office.move("G02", end, reason="beneficiary_bank_rejected")

    # It is never sent again under its key.
    assert {one.outcome for one in office.send()} == {"THERE"}
    office.ask()
    office.ask()

    row = office.desk.rows()["G02"]
    assert (row.state, row.reason) == (RowState.REJECTED, f"{end} beneficiary_bank_rejected")
    assert office.desk.head("G02").payable == 2_000
    assert [one.group_id for one in office.desk.told("PAYOUT_FAILED")] == ["G02"]
    office.fake.approvals, office.fake.balance = False, 100_000
    office.desk.filed(NEXT)
    office.send(NEXT)
    [again] = office.fake.of(office.desk.rows(NEXT)["G02"].payout_id)
    assert again["reference_id"] != row.payout_id
    assert office.desk.sound()


def test_what_comes_back_days_later_is_payable_again(office: Office) -> None:
    office.filed().send()
    for number, group in enumerate(DUE):
        office.move(group, "processed", utr=f"UTR00000000{number}")
    office.ask()
    assert office.desk.batch().state is State.COMPLETED
    office.desk.now = "2026-12-19T06:00:00Z"
    office.move("G02", "reversed", reason="beneficiary_account_closed")

    office.news(office.fake.webhooks[-1])
    office.ask()

    row = office.desk.rows()["G02"]
    assert (row.state, row.answered_on) == (RowState.RETURNED, "2026-12-19")
    assert office.desk.head("G02").payable == 2_000
    assert paid(office) == DUE | {"G02": 0}
    assert len(office.desk.told("PAYOUT_FAILED")) == 1
    assert office.desk.sound()


def test_processed_without_the_banks_reference_is_not_paid_yet(office: Office) -> None:
    office.filed().send()
    office.move("G01", "processed")
    [payout] = office.fake.of(office.desk.rows()["G01"].payout_id)

    assert office.news(office.fake.webhooks[-1]) == ["WAITING"]
    assert office.desk.rows()["G01"].state is RowState.IN_TRANSIT
    office.fake.reference_known(payout["id"], "UTR000000001", office.now())
    assert office.news(office.fake.webhooks[-1]) == ["PAID"]
    assert office.desk.rows()["G01"].utr == "UTR000000001"


def test_old_news_after_a_return_changes_nothing(office: Office) -> None:
    office.filed().send()
    office.move("G02", "processed", utr="UTR000000002")
    processed = office.fake.webhooks[-1]
    office.move("G02", "reversed")
    office.news(processed, office.fake.webhooks[-1])
    before = office.desk.head("G02")

    assert office.news(processed, processed, office.fake.webhooks[-1]) == ["KNOWN"] * 3

    assert office.desk.head("G02") == before
    assert office.desk.rows()["G02"].state is RowState.RETURNED
    assert [one["kind"] for one in office.desk.open()] == ["PAYOUT_CAME_BACK"]


def test_a_return_that_is_heard_before_the_payment_ends_as_the_two_in_their_order_do(office: Office) -> None:
    office.filed().send()
    office.move("G02", "processed", utr="UTR000000002")
    processed = office.fake.webhooks[-1]
    office.move("G02", "reversed")

    office.news(office.fake.webhooks[-1], processed)

    row = office.desk.rows()["G02"]
    assert (row.state, row.utr) == (RowState.RETURNED, "UTR000000002")
    assert office.desk.head("G02").payable == 2_000
    assert [one["kind"] for one in office.desk.open()] == ["PAYOUT_CAME_BACK"]
    assert office.desk.sound()


# ── what is refused and shown ────────────────────────────────────────────────────────────────────


def test_a_row_that_razorpayx_does_not_take_keeps_no_other_from_being_paid_and_shows_no_account(office: Office) -> None:
    office.filed()
    office.fake.inactive = {"000000000277"}

    done = {one.payout_id: one for one in office.send()}

    refused = done[office.desk.rows()["G02"].payout_id]
    assert refused.outcome == "REFUSED"
    assert "inactive" in refused.why and "0277" not in refused.why
    assert paid(office) == DUE | {"G02": 0}
    assert {one.outcome for one in office.ask()} == {"THERE", "NOT_SENT"}


def test_what_was_entered_as_rejected_is_never_sent_for_its_group_is_paid_with_the_next_batch(office: Office) -> None:
    office.filed()
    office.fake.inactive = {"000000000277"}
    office.send()
    office.desk.bank(answer(office.desk.rows()["G02"], Status.REJECTED))
    office.fake.inactive = set()

    sent = {one.payout_id: one.outcome for one in office.send()}

    assert sent[office.desk.rows()["G02"].payout_id] == "ANSWERED"
    office.desk.filed(NEXT)
    office.send(NEXT)
    assert sum(payout["amount"] for payout in office.fake.payouts.values()) == sum(DUE.values())
    assert office.desk.sound()


def test_wrong_keys_are_said_and_nothing_is_sent(office: Office) -> None:
    office.filed()
    line = office.lines()[0]
    with pytest.raises(Rejected, match="does not know these keys") as error:
        office.rail(key_secret="guess").create(line)
    assert "guess" not in str(error.value)
    assert not office.fake.payouts


def test_an_api_that_does_not_look_for_references_is_not_trusted_with_a_payment(office: Office) -> None:
    """An empty list would mean nothing then, and a payment of last month would be made again."""
    office.filed().send()
    real = office.fake._list
    office.fake._list = lambda request: real(request) | {"items": list(office.fake.payouts.values())}  # type: ignore[method-assign]
    with pytest.raises(Rejected, match="other references"):
        office.send()


def test_an_amount_that_differs_is_not_booked_and_shown(office: Office) -> None:
    office.filed().send()
    row = office.desk.rows()["G02"]
    [payout] = office.fake.of(row.payout_id)
    payout["amount"] = 2_001
    office.move("G02", "processed", utr="UTR000000002")

    asked = {one.payout_id: one for one in office.ask()}
    assert asked[row.payout_id].outcome == "DIFFERS"
    assert "20.01" in asked[row.payout_id].why
    assert office.news(office.fake.webhooks[-1]) == ["BOOK_REFUSED"]
    [shown] = office.desk.open("BOOK_REFUSED")
    assert "20.01" in shown["message"]
    assert office.desk.rows()["G02"].state is RowState.IN_TRANSIT
    assert office.desk.sound()


def test_a_state_that_is_not_known_is_shown_and_not_guessed(office: Office) -> None:
    office.filed().send()
    row = office.desk.rows()["G02"]
    [payout] = office.fake.of(row.payout_id)
    payout["status"] = "on_hold"
    office.fake.reference_known(payout["id"], "UTR000000002", office.now())

    assert {one.outcome for one in office.ask()} == {"THERE", "UNKNOWN"}
    assert office.news(office.fake.webhooks[-1], office.fake.webhooks[-1]) == ["PAYOUT_NEWS_UNCLEAR"] * 2
    [shown] = office.desk.open("PAYOUT_NEWS_UNCLEAR")
    assert "on_hold" in shown["message"]
    assert office.desk.rows()["G02"].state is RowState.IN_TRANSIT


def test_a_payment_that_was_made_on_the_dashboard_is_an_unknown_reference(office: Office) -> None:
    office.filed().send()
    [payout] = office.fake.of(office.desk.rows()["G02"].payout_id)
    payout |= {"notes": [], "reference_id": "Electricity 991122334455"}
    office.fake.move(payout["id"], "processed", office.now(), utr="UTR000000002")

    office.news(office.fake.webhooks[-1], office.fake.webhooks[-1])

    [shown] = office.desk.open("UNKNOWN_REFERENCE")
    assert payout["id"] in shown["message"]
    assert "991122" not in shown["message"]


def test_a_payout_of_a_cancelled_batch_is_shown_and_its_group_is_not_paid_again(office: Office) -> None:
    office.filed().send()
    for person in (MAKER, CHECKER):
        payouts.cancel(office.desk.operator, BATCH, by(person, "RazorpayX never got it"))
    office.desk.work()
    office.move("G02", "processed", utr="UTR000000002")

    office.news(office.fake.webhooks[-1])

    assert len(office.desk.open("PAID_THOUGH_CANCELLED")) == 1
    with pytest.raises(NotNow, match="was not given out"):
        office.send()
    office.desk.close(NEXT)
    assert "G02" not in office.desk.rows(NEXT)


def test_two_payouts_of_one_reference_are_shown(office: Office) -> None:
    office.filed().send()
    [payout] = office.fake.of(office.desk.rows()["G02"].payout_id)
    twin = json.loads(json.dumps(payout)) | {"id": "pout_twin"}
    office.fake.payouts["pout_twin"] = twin
    office.fake.move(payout["id"], "processed", office.now(), utr="UTR000000002")
    office.fake.move("pout_twin", "processed", office.now(), utr="UTR000000003")

    assert {one.outcome for one in office.send()} == {"THERE", "TWICE"}
    office.ask()

    assert len(office.desk.open("PAID_TWICE")) == 1


# ── the webhook's door ───────────────────────────────────────────────────────────────────────────


def test_a_webhook_that_is_unsigned_forged_or_of_another_account_says_nothing(office: Office) -> None:
    office.filed().send()
    office.move("G02", "processed", utr="UTR000000002")
    raw = office.fake.webhooks[-1]
    signed = office.fake.signed(raw)

    assert office.post(raw, headers={"x-razorpay-event-id": "e1"}) == 401
    for wrong in ("0" * 64, signed["x-razorpay-signature"].upper(), "", "पहला", f"{signed['x-razorpay-signature']}, x"):
        assert office.post(raw, headers=signed | {"x-razorpay-signature": wrong}) == 401
    assert office.post(raw.replace(b"2000", b"2001"), headers=signed) == 401
    assert office.post(raw, account="other") == 401
    assert office.post(raw, account="nobody") == 404
    assert office.desk.work() == []
    assert office.desk.rows()["G02"].state is RowState.IN_TRANSIT


def test_a_secret_that_is_changed_loses_no_news(office: Office) -> None:
    office.filed().send()
    office.move("G02", "processed", utr="UTR000000002")
    raw = office.fake.webhooks[-1]
    office.secrets["main"], office.previous["main"] = "the-new-secret-of-it", office.fake.webhook_secret
    assert office.post(raw) == 200
    assert office.post(raw, headers=office.fake.signed(raw, "the-new-secret-of-it")) == 200
    office.previous.clear()
    assert office.post(raw) == 401


def test_what_stands_on_the_queue_has_no_account_no_name_and_no_body(office: Office) -> None:
    office.filed().send()
    office.move("G02", "processed", utr="UTR000000002")
    raw = office.fake.webhooks[-1]
    assert b"000000000277" in raw

    office.post(raw)

    [news] = office.queued()
    assert (news.payout_id, news.batch_id, news.utr) == (office.desk.rows()["G02"].payout_id, BATCH, "UTR000000002")
    text = news.model_dump_json()
    assert not any(secret in text for secret in ("000000000277", "SAMUH", "SBIN", "fa_", "sentence"))


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        (b"\xff\xfe", 400, "not UTF-8"),
        (b"[]", 400, "not a JSON object"),
        (b'{"event": "payout.processed", "payload": {"payout": {}}}', 200, "payload.payout.entity: is missing"),
        (b'{"event": "payout.processed", "payload": {"payout": {"entity": {"id": 7}}}}', 200, "entity.id"),
    ],
)
def test_authentic_news_that_nobody_can_read_are_shown_once(
    office: Office, body: bytes, status: int, said: str
) -> None:
    for _ in range(2):
        assert office.post(body) == status
        office.desk.work()
    [shown] = office.desk.open("PAYOUT_NEWS_UNCLEAR")
    assert said in shown["message"]


def test_news_about_no_payout_are_answered_and_go_no_further(office: Office) -> None:
    for body in (
        b'{"event": "transaction.created", "payload": {"transaction": {"entity": {"account_number": "7878"}}}}',
        b'{"event": "payout.downtime.started", "payload": {"payout.downtime": {"entity": {}}}}',
    ):
        assert office.post(body) == 200
    assert office.queued() == []
    assert office.counted == ["WebhookAccepted"] * 2


def test_no_answer_shows_no_key(office: Office) -> None:
    office.filed()
    office.wire.close()
    with pytest.raises(Retryable) as error:
        office.send()
    assert "secret" not in f"{error.value} {office.rail()!r}"
    assert not isinstance(error.value, NoAnswer)
