"""``hunar payouts send`` and ``ask``: a batch's payouts by RazorpayX, from the office whose address it knows."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import typer

from hunar.adapters.razorpayx import RazorpayX, base_url
from hunar.cli.account import check_names
from hunar.cli.act import ActId
from hunar.cli.deployed import LOCAL, Deployed
from hunar.cli.operators_api import As, OperatorsApi, token
from hunar.cli.output import Failed, Json, Stage, failures, print_json, print_table
from hunar.cli.payouts import Batch, whole
from hunar.cli.secret import API_FIELDS, read_secret
from hunar.domain.bank_file import FileRefused
from hunar.domain.batch import RowState
from hunar.domain.facts import instant
from hunar.domain.money import rupees
from hunar.domain.rate_card import day_of_sale
from hunar.domain.razorpayx import LAYOUT, Line, read
from hunar.ports import ApiSecret, Rejected, Retryable
from hunar.use_cases import send_payouts
from hunar.use_cases.send_payouts import TROUBLES, Outcome, Rail

MOST_RESULTS: Final = 500
"""That one call of the operators' API takes."""
KEY_ID: Final = "RAZORPAYX_KEY_ID"
KEY_SECRET: Final = "RAZORPAYX_KEY_SECRET"  # noqa: S105  (the name of a variable)

Account = Annotated[str, typer.Option("--account", help="Whose credentials: razorpayx/ACCOUNT in Secrets Manager.")]


def send(
    batch: Batch,
    account: Account = "main",
    person: As = "checker",
    stage: Stage = LOCAL,
    as_json: Json = False,
) -> None:
    """Send a batch's payouts to RazorpayX. Stopped anywhere, give it again: nobody is paid twice.

    The batch was submitted, and its layout is razorpayx. The keys stand in Secrets Manager (hunar account credentials
    razorpayx ACCOUNT) or in RAZORPAYX_KEY_ID and RAZORPAYX_KEY_SECRET. RazorpayX must have allow-listed the address of
    this machine.
    """
    with failures(as_json):
        job = _job(stage, person, batch)
        today = _today()
        if today < job.header["value_date"]:
            raise Failed(f"{batch} is to be paid on {job.header['value_date']}; it is {today} in India")
        rail = _rail(job.deployed, account)
        done = _collected(send_payouts.send(rail, job.lines, job.rows), len(job.lines))
        _end(done, as_json, f"hunar payouts ask {batch} enters what becomes of them")


def ask(
    batch: Batch,
    account: Account = "main",
    act_id: ActId = "",
    person: As = "maker",
    stage: Stage = LOCAL,
    as_json: Json = False,
) -> None:
    """Ask RazorpayX what became of a batch's payouts, and enter it. The same again changes nothing."""
    with failures(as_json):
        job = _job(stage, person, batch)
        rail = _rail(job.deployed, account)
        done = _collected(send_payouts.ask(rail, job.lines, job.rows, _today()), len(job.lines))
        results = [one.result for one in done if one.result is not None]
        for start in range(0, len(results), MOST_RESULTS):
            said = [
                {
                    "payout_id": one.payout_id,
                    "amount_paise": one.amount_paise,
                    "status": str(one.status),
                    "utr": one.utr,
                    "reason": one.reason,
                    "day": one.day,
                }
                for one in results[start : start + MOST_RESULTS]
            ]
            job.api.post(f"/api/payouts/{token(batch)}/paid", results=said, act_id=act_id or None)
        _end(done, as_json, f"{len(results)} results are being booked; hunar payouts show {batch} shows them")


@dataclass(frozen=True)
class _Job:
    """A batch at the bank with the lines of its file, which is the one that was approved."""

    deployed: Deployed
    api: OperatorsApi
    header: Mapping[str, Any]
    rows: Mapping[str, Mapping[str, Any]]
    lines: tuple[Line, ...]


def _job(stage: str, person: str, batch: str) -> _Job:
    deployed = Deployed.find(stage)
    api = OperatorsApi(deployed, person)
    header, rows = whole(api, batch)
    if header["file_layout"] != LAYOUT:
        raise Failed(f"{batch} is not for RazorpayX; its layout is {header['file_layout'] or 'not decided'}")
    name, content = api.download(f"/api/payouts/{token(batch)}/file")
    if hashlib.sha256(content).hexdigest() != header["file_sha256"]:
        raise Failed(f"{name} is not the file that was approved: its SHA-256 differs. Nothing was sent")
    try:
        lines = read(name, content)
    except FileRefused as error:
        raise Failed(str(error)) from None
    by_id = {row["payout_id"]: row for row in rows if row["state"] != RowState.PULLED}
    if {one.payout_id: one.amount_paise for one in lines} != {name: row["amount_paise"] for name, row in by_id.items()}:
        raise Failed(f"{name} pays something else than {batch} says. Nothing was sent")
    return _Job(deployed, api, header, by_id, lines)


def _rail(deployed: Deployed, account: str) -> Rail:
    """Raises Failed: no keys, or keys that would go to a stranger."""
    check_names(LAYOUT, account)
    local = deployed.stage == LOCAL
    try:
        base = base_url(os.environ.get("RAZORPAYX_API_URL", ""), local=local, demo=not local and deployed.demo)
    except RuntimeError as error:
        raise Failed(str(error)) from None
    key_id, secret = os.environ.get(KEY_ID, "").strip(), os.environ.get(KEY_SECRET, "").strip()
    if not (key_id and secret):
        fields = API_FIELDS[LAYOUT]
        found = read_secret(deployed, deployed.api_secret_name(LAYOUT, account), fields) or {}
        key_id, secret = (found.get(name) or "" for name in fields)
    if not (key_id and secret):
        raise Failed(f"there are no keys of RazorpayX: hunar account credentials {LAYOUT} {account}")
    return RazorpayX(base, ApiSecret(key_id, secret, None), time.monotonic, time.sleep)


def _collected(outcomes: Iterable[Outcome], count: int) -> list[Outcome]:
    """All of them, or Failed with how far it came: what was sent stays sent."""
    done: list[Outcome] = []
    try:
        for one in outcomes:
            done.append(one)
    except (Rejected, Retryable) as error:
        raise Failed(f"after {len(done)} of {count}: {error}") from None
    return done


def _end(done: list[Outcome], as_json: bool, words: str) -> None:
    if as_json:
        print_json([one.shown() for one in done])
    else:
        print_table(
            ["payout id", "rupees", "", "RazorpayX says", "reference", "why"],
            [[one.payout_id, rupees(one.amount_paise), one.outcome, one.status, one.utr, one.why] for one in done],
        )
        typer.echo(f"{words}.")
    if any(one.outcome in TROUBLES for one in done):
        raise typer.Exit(1)


def _today() -> str:
    """In India."""
    return day_of_sale(instant(datetime.now(UTC)))
