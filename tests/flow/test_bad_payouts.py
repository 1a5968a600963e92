"""What cannot be paid, or was not said so, through both doors: a clear refusal that names it, and nothing is done.

Each history is brought to the point where something is wrong; then the same is asked of the use case and of the
operators' API, and everything that is stored, kept as a file or queued must be as it was.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from functions.operator_api import handler
from hunar import tables, wiring
from hunar.adapters.memory import MemoryStore
from hunar.domain.bank_file import Status
from hunar.domain.batch import State
from hunar.domain.beneficiary import Details
from hunar.operator_api.refusals import REFUSALS, refusal
from hunar.ports import Put, QueueName, Rejected
from hunar.use_cases import payees, payouts
from hunar.use_cases.branches import keep_branches
from hunar.use_cases.operate import By
from tests.deployed import event
from tests.paydesk import BATCH, CHECKER, MAKER, PayDesk, answer, by
from tests.payees import details

NEXT = "2026-12-22-S"
Problem = tuple[int, str]
"""The status, and all that is said."""


def problem(answered: dict[str, Any]) -> Problem:
    return answered["statusCode"], answered["body"]


class UseCases:
    """The acts as the use cases have them; what they refuse is worded as the API does."""

    def __init__(self, desk: PayDesk, monkeypatch: pytest.MonkeyPatch) -> None:
        self.desk = desk

    def _asked(self, act: Callable[[], Any]) -> Problem:
        try:
            act()
        except REFUSALS as error:
            return problem(refusal(error))
        raise AssertionError("nothing was refused")

    def close(self, person: str = MAKER) -> Problem:
        return self._asked(lambda: payouts.close(self.desk.operator, By(person, "", "act-9")))

    def approve(self, digest: str, person: str = CHECKER, batch_id: str = BATCH) -> Problem:
        return self._asked(lambda: payouts.approve(self.desk.operator, batch_id, by(person), seen=digest))

    def submit(self, person: str = CHECKER) -> Problem:
        return self._asked(lambda: payouts.submit(self.desk.operator, BATCH, by(person)))

    def paid(self, *rows: dict[str, Any], batch_id: str = BATCH) -> Problem:
        def act() -> None:
            usual = {"status": "EXECUTED", "utr": ""}
            results = [payouts.result(self.desk.operator, batch_id, **usual | row) for row in rows]
            payouts.paid(self.desk.operator, batch_id, results, by(MAKER))

        return self._asked(act)

    def file(self, layout: str, content: str) -> Problem:
        def act() -> None:
            payouts.paid(self.desk.operator, BATCH, payouts.read_answer(layout, "R01", content.encode()), by(MAKER))

        return self._asked(act)

    def propose(self, group_id: str, said: Details) -> Problem:
        return self._asked(lambda: payees.propose(self.desk.operator, group_id, said, by(MAKER), cooling_days=7))


class Api:
    """The same through the deployed handler."""

    def __init__(self, desk: PayDesk, monkeypatch: pytest.MonkeyPatch) -> None:
        app = SimpleNamespace(
            store=desk.store,
            settings=SimpleNamespace(emulated=False),
            clock=lambda: datetime(2026, 12, 15, 6, tzinfo=UTC),
            paying=lambda now: desk.operator,
        )
        monkeypatch.setattr(wiring, "application", lambda: app)

    def _called(self, name: str, person: str, body: dict[str, Any] | None, **path: str) -> Problem:
        asked = event(f"operator_api_{name}")
        asked["pathParameters"] = path
        asked["requestContext"]["authorizer"]["iam"]["userArn"] = f"arn:aws:iam::123456789012:{person}"
        asked["body"] = json.dumps(body or {})
        return problem(handler.handle(asked, None))

    def close(self, person: str = MAKER) -> Problem:
        return self._called("payout_close", person, None)

    def approve(self, digest: str, person: str = CHECKER, batch_id: str = BATCH) -> Problem:
        return self._called("payout_approve", person, {"digest": digest}, batch=batch_id)

    def submit(self, person: str = CHECKER) -> Problem:
        return self._called("payout_submit", person, None, batch=BATCH)

    def paid(self, *rows: dict[str, Any], batch_id: str = BATCH) -> Problem:
        return self._called("payout_paid", MAKER, {"results": list(rows)}, batch=batch_id)

    def file(self, layout: str, content: str) -> Problem:
        return self._called("payout_paid", MAKER, {"layout": layout, "file": "R01", "content": content}, batch=BATCH)

    def propose(self, group_id: str, said: Details) -> Problem:
        body = {name: value for name, value in vars(said).items() if value is not None}
        return self._called("payee_propose", MAKER, body, group_id=group_id)


@pytest.fixture(params=[UseCases, Api], ids=["use case", "API"])
def door(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[[PayDesk], Any]:
    return lambda desk: request.param(desk, monkeypatch)


Door = Callable[[PayDesk], Any]


def closed(**said: Any) -> PayDesk:
    desk = PayDesk(**said)
    for number in (1, 2, 3):
        desk.group(f"G0{number}", paise=number * 1_000, number=number)
    desk.close()
    return desk


def filed() -> PayDesk:
    desk = closed()
    desk.approve()
    desk.submit()
    return desk


def refused(desk: PayDesk, status: int, said: str, ask: Callable[[], Problem]) -> None:
    """Refused in these words, and nothing whatever has changed."""
    stored, files = desk.store.everything(), dict(desk.files.objects)
    answered = ask()
    assert (answered[0], said in answered[1]) == (status, True), answered
    assert desk.store.everything() == stored
    assert desk.files.objects == files
    assert not any(desk.queues.taken(queue) for queue in QueueName)
    for number in (1, 2, 3):
        assert details(number).account not in answered[1] and details(number).name not in answered[1]


def edit(desk: PayDesk, group: str = "G02", **said: Any) -> None:
    """A hand in the table of batches."""
    key = tables.batch_row(BATCH, desk.rows()[group].payout_id)
    desk.store.commit([Put(key, desk.store.read([key])[key] | said)])


@pytest.mark.parametrize("said", [{"amount_paise": 2_001}, {"beneficiary_version": 2}, {"group_id": "G03"}])
def test_a_batch_that_was_edited_after_its_approval_is_not_given_out(door: Door, said: dict[str, Any]) -> None:
    desk = closed()
    desk.approve()
    edit(desk, **said)
    text = "version 2 of G02's account is missing" if "beneficiary_version" in said else f"not the file of {BATCH}"
    refused(desk, 409, text, door(desk).submit)


def test_a_batch_that_was_edited_before_its_approval_is_not_approved(door: Door) -> None:
    desk = closed()
    edit(desk, amount_paise=2_001)
    seen = desk.batch().digest
    refused(desk, 409, f"the rows of {BATCH} are not those that were closed", lambda: door(desk).approve(seen))


def test_whoever_closed_a_batch_does_not_approve_it(door: Door) -> None:
    desk = PayDesk()
    desk.group("G01", paise=1_000)
    desk.close(person=MAKER)
    refused(desk, 409, f"made {BATCH}; another person", lambda: door(desk).approve(desk.batch().digest, MAKER))


def test_a_sight_of_a_batch_that_is_old_approves_nothing(door: Door) -> None:
    desk = closed()
    seen = desk.batch().digest
    payouts.pull(desk.operator, BATCH, desk.rows()["G02"].payout_id, by(CHECKER, "the group asked"))
    desk.work()
    refused(desk, 409, f"{BATCH} was changed since it was looked at", lambda: door(desk).approve(seen))


def test_a_file_that_is_not_the_approved_one_is_not_given_out(door: Door) -> None:
    desk = closed()
    desk.approve()
    [name] = desk.files.objects
    desk.files.objects[name] = desk.files.objects[name].replace(b"10.00", b"99.00")
    refused(desk, 409, f"the file of {BATCH} is not what was approved", door(desk).submit)


def test_one_bank_reference_is_not_taken_for_two_payouts(door: Door) -> None:
    desk = filed()
    rows = desk.rows()
    two = [{"payout_id": rows[group].payout_id, "utr": "SAME0001"} for group in ("G01", "G02")]
    refused(desk, 400, f"SAME0001 stands for {rows['G01'].payout_id} and for", lambda: door(desk).paid(*two))
    desk.bank(answer(rows["G01"], utr="SAME0001"))
    desk.texts.clear()
    refused(desk, 400, '"column": "utr"', lambda: door(desk).paid(two[1]))


@pytest.mark.parametrize("paise", [1_999, 2_001, 1])
def test_an_amount_that_differs_even_by_a_paisa_is_refused_with_its_row(door: Door, paise: int) -> None:
    desk = filed()
    rows = desk.rows()
    right = {"payout_id": rows["G01"].payout_id, "utr": "RIGHT001"}
    wrong = {"payout_id": rows["G02"].payout_id, "utr": "WRONG001", "amount_paise": paise}
    refused(desk, 400, f"{rows['G02'].payout_id} is 20.00, the bank says", lambda: door(desk).paid(right, wrong))
    said = "payout_id,amount,date,state,utr,reason\n"
    said += f"{rows['G01'].payout_id},10.00,2026-12-16,EXECUTED,RIGHT001,\n"
    said += f"{rows['G02'].payout_id},{paise / 100:.2f},2026-12-16,EXECUTED,WRONG001,\n"
    refused(desk, 400, '"row": 3, "column": "amount"', lambda: door(desk).file("generic_csv", said))


@pytest.mark.parametrize("approved", [False, True], ids=["before the approval", "after it"])
def test_an_account_that_was_closed_in_between_gets_nothing(door: Door, approved: bool) -> None:
    desk = closed()
    if approved:
        desk.approve()
    payees.close(desk.operator, "G02", by(CHECKER, "the passbook is lost"))
    desk.queues.taken(QueueName.PAYOUT_BATCHES)  # The command that pulls its row is lost.
    step = door(desk).submit if approved else lambda: door(desk).approve(desk.batch().digest)
    refused(desk, 409, "rows must be pulled first: G02: the account was closed", step)


@pytest.mark.parametrize("name", ["SITA, GROUP", "SITA\tGROUP", "=SITA", "+SITA", "@SITA", "-SITA", "सीता", ""])
def test_a_name_that_no_bank_takes_is_never_in_a_file(door: Door, name: str) -> None:
    """Refused where it is typed, by its field; or, if an older record has it, by the row and field of the file."""
    desk = closed()
    typed = replace(details(2), name=name)
    try:
        payees.propose(PayDesk(store=copy(desk)).operator, "G02", typed, by(MAKER), cooling_days=0)
    except REFUSALS:
        refused(desk, 400, "name: has a comma" if "," in name else "name", lambda: door(desk).propose("G02", typed))
    key = tables.beneficiary("G02")
    stored = desk.store.read([key])[key]
    for place in (key, tables.beneficiary_version("G02", 1)):
        desk.store.commit([Put(place, stored | {"name": name, "looked_up": None})])
    row = sorted(one.payout_id for one in desk.rows().values()).index(desk.rows()["G02"].payout_id) + 1
    where = f"generic_csv row {row} column name"
    refused(desk, 400, where, lambda: door(desk).approve(desk.batch().digest))


def copy(desk: PayDesk) -> MemoryStore:
    store = MemoryStore()
    for key, item in desk.store.everything().items():
        store.commit([Put(key, item)])
    return store


BRANCHES = b"BANK,IFSC,BRANCH\nState Bank,SBIN0001234,Bhagalpur\nCanara,CNRB0000001,Kullu\n"


@pytest.mark.parametrize("code", ["SBIN0009999", "UBIN0000001", "SBIN1001234", "SBI0001234"])
def test_an_ifsc_that_is_not_in_the_reserve_banks_list_is_refused(door: Door, code: str) -> None:
    desk = closed()
    assert keep_branches(desk.store, "ifsc.csv", BRANCHES, now=desk.now) == 2
    refused(desk, 400, "ifsc: ", lambda: door(desk).propose("G02", replace(details(9), ifsc=code)))
    assert payees.propose(desk.operator, "G02", details(9), by(MAKER), cooling_days=7).ifsc == "SBIN0001234"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"BANK\nx\n", "ifsc.csv: has no column IFSC"),
        (b"IFSC\nSBIN0001234\nSBINO001235\n", "ifsc.csv, row 3, IFSC: "),
        (b"IFSC\n", "ifsc.csv: has no branches"),
        (b"\xff\xfe", "ifsc.csv: is no CSV"),
    ],
)
def test_a_list_of_branches_that_cannot_be_leaves_the_one_before(content: bytes, said: str) -> None:
    desk = closed()
    keep_branches(desk.store, "ifsc.csv", BRANCHES, now=desk.now)
    before = desk.store.everything()
    with pytest.raises(Rejected, match=said):
        keep_branches(desk.store, "ifsc.csv", content, now=desk.now)
    assert desk.store.everything() == before
    keep_branches(desk.store, "ifsc.csv", b"IFSC\nCNRB0000001\n", now=desk.now)
    with pytest.raises(Rejected, match="SBIN0001234 is not in the list"):
        payees.propose(desk.operator, "G02", details(9), by(MAKER), cooling_days=7)


def test_a_period_that_came_to_less_than_nothing_has_no_batch(door: Door) -> None:
    desk = PayDesk()
    desk.group("G01")
    desk.earn("G01", -700)
    refused(desk, 409, "nothing is payable to any group", door(desk).close)


@pytest.mark.parametrize("paise", [0, -2_000])
def test_a_row_that_is_not_above_zero_is_not_approved(door: Door, paise: int) -> None:
    desk = closed()
    edit(desk, amount_paise=paise)
    refused(desk, 400, "cannot be paid", lambda: door(desk).approve(desk.batch().digest))


def test_an_empty_batch_cannot_be_made_approved_or_answered(door: Door) -> None:
    desk = PayDesk()
    desk.group("G01", paise=0)
    refused(desk, 409, "nothing is payable to any group", door(desk).close)
    desk.group("G02", paise=500, account=False)
    desk.close()
    assert (desk.batch().state, desk.batch().count) == (State.CANCELLED, 0)
    refused(desk, 409, f"{BATCH} is CANCELLED; it cannot be approved", lambda: door(desk).approve("0" * 64))
    refused(desk, 404, "payout_id: P is no payout", lambda: door(desk).paid({"payout_id": "P", "utr": "UTR00001"}))
    refused(desk, 404, "there is no batch", lambda: door(desk).approve("0" * 64, batch_id=NEXT))


@pytest.mark.parametrize("status", [Status.EXECUTED, Status.RETURNED])
def test_what_a_bank_says_under_no_reference_or_a_strange_one_is_refused(door: Door, status: Status) -> None:
    desk = filed()
    row = desk.rows()["G01"].payout_id
    for utr in ("12345", "=1+1234", "A" * 23):
        said = {"payout_id": row, "status": str(status), "utr": utr}
        refused(desk, 400, "is not 6 to 22 letters and digits", lambda said=said: door(desk).paid(said))
    if status is Status.EXECUTED:
        refused(desk, 400, "utr: is missing", lambda: door(desk).paid({"payout_id": row}))
