"""RazorpayX: its file byte for byte, what it would not take, what it says, and the strict fake against the adapter."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hunar.adapters.razorpayx import REAL, base_url
from hunar.domain import razorpayx
from hunar.domain.bank_file import BankFile, FileRefused, Instruction, Status, Terms
from hunar.domain.proof import Proof
from hunar.domain.razorpayx import NotTaken, told
from hunar.payout_rails import razorpayx as webhook
from hunar.payout_rails import razorpayx_rail
from hunar.ports import Rejected, WebhookSecret
from local.fake_razorpayx import FakeRazorpayX
from tests.payees import BATCH
from tests.rail_office import BANK, Office
from tests.unit.test_bank_files import instruction

SAMPLE = Path(__file__).parents[1] / "samples/payout_rails/razorpayx.jsonl"
TERMS = Terms(BATCH, "2026-12-16", 1, BANK)
LAKH = 1_00_000_00
PAYMENTS = [
    instruction("G01"),
    instruction("G02", amount_paise=2 * LAKH, name="Maa Durga S.H.G. (Women's) & Co", ifsc="ICIC0000104"),
    instruction("G03", amount_paise=100, account="AB00012345", account_type="CURRENT", ifsc="HDFC0CBLAXY"),
    instruction("G04", amount_paise=2 * LAKH - 1, name="N" * 60, ifsc="BARB0BHAGAL"),
]


def made(*payments: Instruction, **settings: str) -> BankFile:
    return razorpayx.write(razorpayx_rail(), replace(TERMS, settings=BANK | settings), payments or PAYMENTS)


def test_the_file_is_byte_for_byte_what_was_agreed() -> None:
    file = made()
    assert file.content.decode() == SAMPLE.read_text("ascii")
    assert (file.count, file.control_total) == (4, sum(one.amount_paise for one in PAYMENTS))
    assert file.name.endswith(".jsonl")


def test_made_again_in_any_order_it_is_the_same_and_read_back_it_pays_the_same() -> None:
    file, again = made(), made(*reversed(PAYMENTS))
    assert (file, file.sha256) == (again, again.sha256)
    lines = razorpayx.read(file.name, file.content)
    assert sum(line.amount_paise for line in lines) == file.control_total
    assert b"".join(line.body + b"\n" for line in lines) == file.content
    assert "000123456789" not in repr(lines)


@pytest.mark.parametrize(
    ("wanted", "paise", "mode"),
    [
        ("NEFT", 100, "NEFT"),
        ("NEFT", 2 * LAKH - 1, "NEFT"),
        ("NEFT", 2 * LAKH, "RTGS"),
        ("IMPS", 100, "IMPS"),
        ("IMPS", 5 * LAKH, "IMPS"),
        ("IMPS", 5 * LAKH + 1, "RTGS"),
    ],
)
def test_the_mode_is_the_agencys_own_where_it_takes_the_amount(wanted: str, paise: int, mode: str) -> None:
    [line] = made(instruction(amount_paise=paise), mode=wanted).content.splitlines()
    assert json.loads(line)["mode"] == mode


@pytest.mark.parametrize(
    ("said", "column"),
    [
        ({"amount_paise": 99}, "amount"),
        ({"name": "जय माँ"}, "fund_account.bank_account.name"),
        ({"name": "=1+1"}, "fund_account.bank_account.name"),
        ({"ifsc": "SBIN 001234"}, "fund_account.bank_account.ifsc"),
        ({"account": "1" * 36}, "fund_account.bank_account.account_number"),
    ],
)
def test_what_razorpayx_would_not_take_is_refused_before_anything_is_approved(
    said: dict[str, Any], column: str
) -> None:
    with pytest.raises(FileRefused) as refused:
        made(instruction("G01", **said), instruction("G02"))
    assert [problem.column for problem in refused.value.problems] == [column]
    assert "1111" not in str(refused.value)


@pytest.mark.parametrize("name", ["account_number", "mode", "narration"])
def test_a_setting_that_is_missing_or_wrong_is_named(name: str) -> None:
    with pytest.raises(FileRefused, match=name):
        made(**{name: "*"})


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([], "has no rows"),
        (["nothing"], "is no payout"),
        ([{"amount": 1.5}], "amount"),
        ([{"reference_id": "P" * 40}], "reference_id"),
        ([{}, {}], "stands twice"),
        ([{}, {"reference_id": "POTHER", "account_number": "1"}], "another one than in the first row"),
    ],
)
def test_a_file_that_was_not_made_here_is_not_sent(lines: list[Any], said: str) -> None:
    usual = {"reference_id": "PAYOUT1", "amount": 100, "mode": "NEFT", "account_number": "78787"}
    content = "\n".join(one if isinstance(one, str) else json.dumps(usual | one) for one in lines)
    with pytest.raises(FileRefused, match=said):
        razorpayx.read("x.jsonl", content.encode())


# ── what it says ─────────────────────────────────────────────────────────────────────────────────

ENTITY: dict[str, Any] = {
    "id": "pout_00000000000001",
    "amount": 1_000,
    "currency": "INR",
    "status": "processed",
    "utr": "000000000001",
    "reference_id": "PABC",
    "notes": {"batch": BATCH},
    "status_details": {"reason": "payout_processed", "description": "to account 1234567890"},
}


@pytest.mark.parametrize(
    ("status", "utr", "result"),
    [
        *[(state, "", None) for state in ("pending", "queued", "scheduled", "processing", "processed", "on_hold")],
        ("processed", "000000000001", Status.EXECUTED),
        *[(state, "", Status.REJECTED) for state in ("rejected", "failed", "cancelled")],
        ("reversed", "000000000001", Status.RETURNED),
        ("reversed", "", Status.RETURNED),
    ],
)
def test_states_become_what_a_bank_would_say_and_unknown_ones_become_nothing(
    status: str, utr: str, result: Status | None
) -> None:
    found = told(ENTITY | {"status": status, "utr": utr or None}).result("2026-12-16")
    assert (found.status if found else None) == result


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"id": None}, "id"),
        ({"amount": 10.0}, "amount"),
        ({"amount": 0}, "amount"),
        ({"amount": True}, "amount"),
        ({"currency": "USD"}, "currency"),
        ({"status": "Processed 1234567890"}, "status"),
        ({"utr": "AB 1234567890"}, "utr"),
    ],
)
def test_a_payout_that_cannot_be_read_is_named_by_its_field_and_never_repeated(
    wrong: dict[str, Any], said: str
) -> None:
    with pytest.raises(ValueError, match=said) as error:
        told(ENTITY | wrong)
    assert "1234567890" not in str(error.value)


def test_sentences_notes_and_references_of_others_are_left_out() -> None:
    one = told(ENTITY | {"notes": [], "reference_id": "Electricity bill", "status_details": None})
    assert (one.reference, one.batch_id, one.reason) == ("", "", "")
    assert "1234567890" not in str(told(ENTITY))


@given(st.binary(max_size=60), st.dictionaries(st.text(max_size=30), st.text(max_size=70), max_size=3))
def test_no_headers_and_no_body_make_the_proof_or_the_reading_fall_over(raw: bytes, headers: dict[str, str]) -> None:
    secret = WebhookSecret("", "secret-of-the-webhook", None, "")
    now = datetime(2026, 12, 16, tzinfo=UTC)
    assert webhook.prove(headers, raw, secret, now) is not Proof.PROVED
    assert webhook.prove(headers | webhook.sign(raw, secret, now), raw, secret, now) is Proof.PROVED
    webhook.news(raw, now)


def test_a_secret_that_could_be_guessed_is_none() -> None:
    with pytest.raises(ValueError, match="could be guessed"):
        webhook.sign(b"{}", WebhookSecret("", "short", None, ""), datetime(2026, 12, 16, tzinfo=UTC))


@pytest.mark.parametrize(
    ("told_url", "local", "demo", "base"),
    [
        ("", False, False, REAL),
        ("http://127.0.0.1:9", True, False, "http://127.0.0.1:9"),
        ("http://127.0.0.1:9", False, True, "http://127.0.0.1:9"),
    ],
)
def test_keys_go_to_razorpayx_or_to_a_fake_on_this_machine(told_url: str, local: bool, demo: bool, base: str) -> None:
    assert base_url(told_url, local=local, demo=demo) == base


@pytest.mark.parametrize(
    ("told_url", "local", "demo"),
    [
        ("", True, False),
        ("", False, True),
        ("https://api.razorpay.com", True, False),
        ("http://127.0.0.1:9", False, False),
    ],
)
def test_keys_go_nowhere_else_and_a_demo_pays_nobody(told_url: str, local: bool, demo: bool) -> None:
    with pytest.raises(RuntimeError, match="RAZORPAYX_API_URL"):
        base_url(told_url, local=local, demo=demo)


# ── the fake and the adapter ─────────────────────────────────────────────────────────────────────


@pytest.fixture
def office() -> Iterator[Office]:
    made_here = Office()
    yield made_here
    made_here.wire.close()


def changed(line: razorpayx.Line, **said: Any) -> razorpayx.Line:
    return replace(line, body=json.dumps(json.loads(line.body) | said).encode())


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"amount": 99}, "amount"),
        ({"mode": "CARRIER PIGEON"}, "mode"),
        ({"mode": "RTGS"}, "RTGS"),
        ({"narration": "जय"}, "narration"),
        ({"narration": "a-b"}, "narration"),
        ({"narration": "N" * 31}, "narration"),
        ({"purpose": "bribe"}, "purpose"),
        ({"account_number": "0"}, "account_number"),
        ({"fund_account": {}}, "fund account"),
        ({"otp": "1"}, "otp"),
        ({"notes": {str(n): "x" for n in range(16)}}, "notes"),
    ],
)
def test_the_fake_refuses_what_razorpayx_refuses(office: Office, said: dict[str, Any], why: str) -> None:
    line = office.filed().lines()[0]
    with pytest.raises(NotTaken, match=why):
        office.rail().create(changed(line, **said))
    assert not office.fake.payouts


@pytest.mark.parametrize("key", ["", "abc", "k" * 37, "né-PABC", "a/b/c"])
def test_the_fake_wants_a_key_of_the_allowed_form(key: str) -> None:
    fake = FakeRazorpayX()
    headers = {"Authorization": office_authorization(fake)} | ({"X-Payout-Idempotency": key} if key else {})
    answer = fake.answer("POST", "/v1/payouts", headers, b"{}", datetime(2026, 12, 16, tzinfo=UTC))
    assert answer.status == 400
    assert b"dempotency" in answer.body


def office_authorization(fake: FakeRazorpayX) -> str:
    return f"Basic {base64.b64encode(f'{fake.key_id}:{fake.key_secret}'.encode()).decode()}"


def test_one_key_is_one_payout_while_it_is_remembered_and_never_another_body(office: Office) -> None:
    line = office.filed().lines()[0]
    rail = office.rail()
    first = rail.create(line)
    office.fake.move(first.id, "processed", office.now(), utr="UTR000000001")

    again = rail.create(line)
    assert (again.id, again.status, again.utr) == (first.id, "processed", "UTR000000001")
    with pytest.raises(NotTaken, match="Different request body"):
        rail.create(changed(line, narration="another"))
    office.sleep(timedelta(days=8).total_seconds())
    assert rail.create(line).id != first.id, "after a week the key alone pays again: therefore send asks first"


def test_what_has_a_reference_is_found_with_it_only(office: Office) -> None:
    office.filed().send()
    rail, lines = office.rail(), office.lines()
    assert [one.reference for one in rail.find(lines[1].account_number, lines[1].payout_id)] == [lines[1].payout_id]
    assert rail.find(lines[1].account_number, "PNOBODY") == []
    with pytest.raises(Rejected, match="account_number"):
        rail.find("0", lines[1].payout_id)


def test_an_answer_about_another_payout_stops_everything(office: Office) -> None:
    line = office.filed().lines()[0]
    made_here = office.rail().create(line)
    office.fake.payouts[made_here.id]["amount"] += 1
    with pytest.raises(Rejected, match="another payout"):
        office.rail().create(line)
