"""The routes about payouts and about where groups are paid. Who calls is whom IAM let in, never a name in a body."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from hunar.domain.beneficiary import Details
from hunar.operator_api.bodies import Body, Name, Why
from hunar.operator_api.request import Call
from hunar.ports import Rejected
from hunar.use_cases import mergers, payees, payout_corrections, payouts
from hunar.use_cases.operate import By
from hunar.use_cases.payouts import Desk

MOST_BYTES: Final = 4 * 1024 * 1024
"""Of a bank's answer with all that is around it: under the 6 MB that a function is called with."""


def _like(pattern: str, words: str) -> AfterValidator:
    """A text of a form, with the words for whoever wrote another."""

    def check(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(words)
        return text

    return AfterValidator(check)


Day = Annotated[str, _like("[0-9]{4}-[0-9]{2}-[0-9]{2}", "is not a day like 2026-12-15")]
Digest = Annotated[str, _like("[0-9a-f]{64}", "is not the 64 digits and letters a to f that hunar payouts show has")]


class Empty(Body):
    """Only who calls counts."""


class Approve(Body):
    """``digest`` is that of the batch as it was shown to whoever approves it."""

    digest: Digest
    value_date: Day | None = None


class Because(Body):
    reason: Why


class Pull(Because):
    payout_id: Name


class Correct(Because):
    """``paid``: whether money really moved as the bank wrote."""

    exception_id: Name
    paid: bool


class BankRow(BaseModel):
    """What the bank says of one payment. Without an amount it is the payout's own."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
    payout_id: Name
    status: Literal["EXECUTED", "REJECTED", "RETURNED"] = "EXECUTED"
    utr: Annotated[str, StringConstraints(max_length=40)] = ""
    reason: Annotated[str, StringConstraints(max_length=140)] = ""
    amount_paise: Annotated[int, Field(gt=0)] | None = None
    day: Day | None = None


class Paid(Body):
    """Either the bank's reverse file with its layout, or single rows."""

    layout: Name | None = None
    file: Annotated[str, StringConstraints(max_length=200)] = ""
    content: str | None = None
    results: Annotated[list[BankRow], Field(min_length=1, max_length=500)] | None = None


class Merge(Body):
    """``minutes``: where both groups wrote it down."""

    into: Name
    minutes: Why


class Account(Body):
    name: Name
    account: Name
    ifsc: Name
    account_type: Literal["SAVINGS", "CURRENT", "CASH_CREDIT"]
    pan: Name | None = None
    gstin: Name | None = None


class Confirm(Body):
    """``looked_up`` is the name that the bank has for the account."""

    version: Annotated[int, Field(ge=1)]
    looked_up: Name | None = None
    name_note: Why | None = None


Answer = tuple[By, dict[str, Any]]


def _close(desk: Desk, call: Call) -> Answer:
    by = call.by(call.read(Empty) if call.body else Empty(), "")
    return by, {"batch_id": payouts.close(desk, by)}


def _approve(desk: Desk, call: Call) -> Answer:
    body = call.read(Approve)
    by = call.by(body, "")
    done = payouts.approve(desk, call.path["batch"], by, seen=body.digest, value_date=body.value_date)
    return by, {"state": done.state, "file_name": done.file_name, "file_sha256": done.file_sha256}


def _withdraw(desk: Desk, call: Call) -> Answer:
    by = call.by(call.read(Empty) if call.body else Empty(), "")
    return by, {"state": payouts.withdraw(desk, call.path["batch"], by).state}


def _cancel(desk: Desk, call: Call) -> Answer:
    body = call.read(Because)
    by = call.by(body, body.reason)
    done = payouts.cancel(desk, call.path["batch"], by)
    return by, {"state": done.state, "cancel_asked_by": done.cancel_asked_by}


def _pull(desk: Desk, call: Call) -> Answer:
    body = call.read(Pull)
    by = call.by(body, body.reason)
    payouts.pull(desk, call.path["batch"], body.payout_id, by)
    return by, {}


def _submit(desk: Desk, call: Call) -> Answer:
    by = call.by(call.read(Empty) if call.body else Empty(), "")
    done = payouts.submit(desk, call.path["batch"], by)
    return by, {"state": done.state, "file_name": done.file_name, "file_sha256": done.file_sha256}


def _paid(desk: Desk, call: Call) -> Answer:
    body, batch_id = call.read(Paid), call.path["batch"]
    by = call.by(body, "")
    if (body.results is None) == (body.content is None) or (body.content is None) != (body.layout is None):
        raise Rejected("either results, or content with its layout")
    if body.content is not None:
        said = payouts.read_answer(str(body.layout), body.file, body.content.encode())
    else:
        said = tuple(
            payouts.result(desk, batch_id, row.payout_id, **row.model_dump(exclude={"payout_id"}))
            for row in body.results or ()
        )
    answer = payouts.paid(desk, batch_id, said, by, file=body.file)
    return by, {"answer": answer, "results": len(said)}


def _correct(desk: Desk, call: Call) -> Answer:
    body = call.read(Correct)
    by = call.by(body, body.reason)
    said = payout_corrections.correct(desk, call.path["batch"], body.exception_id, by, paid=body.paid)
    return by, {"asked_by": said["asked_by"], "confirmed_by": said["confirmed_by"]}


def _merge(desk: Desk, call: Call) -> Answer:
    body = call.read(Merge)
    by = call.by(body, body.minutes)
    said = mergers.merge(desk, call.path["group_id"], body.into, by)
    return by, {"asked_by": said["asked_by"], "confirmed_by": said["confirmed_by"]}


def _propose(desk: Desk, call: Call) -> Answer:
    body = call.read(Account)
    by = call.by(body, "")
    details = Details(**body.model_dump(exclude={"act_id"}))
    made = payees.propose(desk, call.path["group_id"], details, by, cooling_days=desk.terms.cooling_days)
    return by, {"version": made.version, "account": made.masked, "usable_from": made.usable_from}


def _confirm(desk: Desk, call: Call) -> Answer:
    body = call.read(Confirm)
    by = call.by(body, "")
    done = payees.confirm(
        desk, call.path["group_id"], body.version, by, looked_up=body.looked_up, name_note=body.name_note
    )
    return by, {"version": done.version, "account": done.masked, "usable_from": done.usable_from}


def _close_account(desk: Desk, call: Call) -> Answer:
    body = call.read(Because)
    by = call.by(body, body.reason)
    return by, {"version": payees.close(desk, call.path["group_id"], by).version}


PAYOUT_WRITES: Final[Mapping[str, Callable[[Desk, Call], Answer]]] = {
    "POST /api/payouts/close": _close,
    "POST /api/payouts/{batch}/approve": _approve,
    "POST /api/payouts/{batch}/withdraw": _withdraw,
    "POST /api/payouts/{batch}/cancel": _cancel,
    "POST /api/payouts/{batch}/pull": _pull,
    "POST /api/payouts/{batch}/submit": _submit,
    "POST /api/payouts/{batch}/paid": _paid,
    "POST /api/payouts/{batch}/correct": _correct,
    "POST /api/groups/{group_id}/merge": _merge,
    "POST /api/groups/{group_id}/beneficiary": _propose,
    "POST /api/groups/{group_id}/beneficiary/confirm": _confirm,
    "POST /api/groups/{group_id}/beneficiary/close": _close_account,
}
"""They answer 202 with the act's id and what is known of the step by then."""

PAYOUT_FILE: Final = "GET /api/payouts/{batch}/file"
"""Answers with the bytes of the file that was given out."""
