"""``hunar close``, ``approve``, ``paid`` and ``payouts``: batches of payouts, to the bank and back."""

from __future__ import annotations

import codecs
import os
from pathlib import Path
from typing import Annotated, Any

import typer

from hunar.cli.act import ActId, Reason
from hunar.cli.deployed import LOCAL, Deployed
from hunar.cli.operators_api import As, OperatorsApi, Refused, token
from hunar.cli.output import Failed, Json, Stage, failures, print_json, print_table
from hunar.domain.money import rupees

application = typer.Typer(
    no_args_is_help=True, help="Batches of payouts: what is paid, by whom, and what became of it."
)

Batch = Annotated[str, typer.Argument(help="The batch's id, as hunar payouts list shows it.")]
Payout = Annotated[str, typer.Option("--payout", help="One payout's id, as the bank's list has it.")]


def close(act_id: ActId = "", person: As = "maker", stage: Stage = LOCAL, as_json: Json = False) -> None:
    """Put all that is payable into a new batch. Whoever closes it cannot approve it."""
    with failures(as_json):
        said = _api(stage, person).post("/api/payouts/close", act_id=act_id or None)
        _done(said, f"{said['batch_id']} is being collected; hunar payouts show {said['batch_id']} shows it", as_json)


def approve(
    batch: Batch,
    digest: Annotated[
        str, typer.Option("--digest", help="Of the batch as you saw it; without it you are shown it and asked.")
    ] = "",
    value_date: Annotated[str, typer.Option("--value-date", help="The day of payment; today when left out.")] = "",
    act_id: ActId = "",
    person: As = "checker",
    stage: Stage = LOCAL,
    as_json: Json = False,
) -> None:
    """Approve a batch that another person closed, and have the bank's file made."""
    with failures(as_json):
        api = _api(stage, person)
        if not digest:
            if as_json:
                raise Failed("--digest is needed with --json: look at the batch with hunar payouts show first")
            header, rows = whole(api, batch)
            _print(header, rows)
            if not typer.confirm("Are these the groups and amounts that are to be paid?"):
                raise Failed("nothing was approved")
            digest = header["digest"]
        said = api.post(
            f"/api/payouts/{token(batch)}/approve", digest=digest, value_date=value_date or None, act_id=act_id or None
        )
        _done(said, f"{batch} is approved; its file is {said['file_name']}, SHA-256 {said['file_sha256']}", as_json)


def paid(
    file: Annotated[Path | None, typer.Argument(help="The bank's reverse file.")] = None,
    batch: Annotated[str, typer.Option("--batch", help="Which batch; the one at the bank when left out.")] = "",
    layout: Annotated[str, typer.Option("--layout", help="The file's layout; the batch's own when left out.")] = "",
    payout: Payout = "",
    utr: Annotated[str, typer.Option("--utr", help="--payout: the bank's reference; it was paid.")] = "",
    rejected: Annotated[str, typer.Option("--rejected", help="--payout: why the bank rejected it.")] = "",
    returned: Annotated[str, typer.Option("--returned", help="--payout: why it came back after it was paid.")] = "",
    act_id: ActId = "",
    person: As = "maker",
    stage: Stage = LOCAL,
    as_json: Json = False,
) -> None:
    """Enter what the bank did: its whole reverse file, or one payout. The same again changes nothing."""
    with failures(as_json):
        if (file is None) == (not payout):
            raise Failed("either the bank's file, or one --payout")
        content = _content(file) if file is not None else ""
        one = _result(payout, utr, rejected, returned) if payout else {}
        api = _api(stage, person)
        header = api.get(f"/api/payouts/{token(batch)}?limit=1") if batch else _at_the_bank(api)
        path = f"/api/payouts/{header['batch_id']}/paid"
        if file is not None:
            layout = layout or header["file_layout"]
            try:
                said = api.post(path, layout=layout, file=file.name, content=content, act_id=act_id or None)
            except Refused as refused:
                raise Failed(f"{refused}. Nothing of the file was entered; ask the bank where it is wrong") from None
        else:
            said = api.post(path, results=[one], act_id=act_id or None)
        look = f"hunar payouts show {header['batch_id']}"
        _done(said, f"{said['results']} results are being booked; {look} shows them", as_json)


def _content(file: Path) -> str:
    try:
        # A spreadsheet that saves a file as it got it still puts its mark in front.
        return file.read_bytes().removeprefix(codecs.BOM_UTF8).decode("ascii")
    except OSError as error:
        raise Failed(f"{file}: {error.strerror}") from error
    except UnicodeDecodeError:
        raise Failed(f"{file}: is not plain text as a bank writes it; take it from the bank once more") from None


def _result(payout: str, utr: str, rejected: str, returned: str) -> dict[str, str]:
    if bool(rejected) and bool(returned) or not (utr or rejected or returned):
        raise Failed("--payout needs --utr, --rejected or --returned")
    status = "REJECTED" if rejected else "RETURNED" if returned else "EXECUTED"
    return {"payout_id": payout, "status": status, "utr": utr, "reason": rejected or returned}


@application.command("list")
def list_batches(person: As = "maker", stage: Stage = LOCAL, as_json: Json = False) -> None:
    """Batches, the newest first."""
    with failures(as_json):
        found = _api(stage, person).all("/api/payouts")
        if as_json:
            print_json(found)
        elif found:
            rows = [
                [
                    one["batch_id"],
                    one["state"],
                    one["made_at"],
                    one["made_by"],
                    one["count"],
                    rupees(one["control_total"]),
                ]
                for one in found
            ]
            print_table(["id", "state", "made", "by", "groups", "rupees"], rows)
        else:
            typer.echo("No period was closed yet.")


@application.command("show")
def show(batch: Batch, person: As = "maker", stage: Stage = LOCAL, as_json: Json = False) -> None:
    """One batch with all its rows."""
    with failures(as_json):
        header, rows = whole(_api(stage, person), batch)
        if as_json:
            print_json(header | {"rows": rows})
        else:
            _print(header, rows)


@application.command("submit")
def submit(
    batch: Batch,
    to: Annotated[Path, typer.Option("--to", help="The folder in which the file is put.")] = Path(),
    act_id: ActId = "",
    person: As = "checker",
    stage: Stage = LOCAL,
    as_json: Json = False,
) -> None:
    """Give an approved batch's file out for the bank, and put it into a folder. Again it gives the same file."""
    with failures(as_json):
        if not to.is_dir():
            raise Failed(f"--to: {to} is no folder; nothing was given out")
        api = _api(stage, person)
        said = api.post(f"/api/payouts/{token(batch)}/submit", act_id=act_id or None)
        name, content = api.download(f"/api/payouts/{token(batch)}/file")
        path = to / Path(name).name
        try:
            _write_for_me_alone(path, content)
        except OSError as error:
            raise Failed(f"{path}: {error.strerror}") from error
        _done(said, f"{path} is the file for the bank, SHA-256 {said['file_sha256']}", as_json)


def _write_for_me_alone(path: Path, content: bytes) -> None:
    """It has account numbers. A file that is there already is taken away first, for it would keep its permissions."""
    path.unlink(missing_ok=True)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)


@application.command("withdraw")
def withdraw(
    batch: Batch, act_id: ActId = "", person: As = "checker", stage: Stage = LOCAL, as_json: Json = False
) -> None:
    """Take an approval back, before the file was given out."""
    with failures(as_json):
        said = _api(stage, person).post(f"/api/payouts/{token(batch)}/withdraw", act_id=act_id or None)
        _done(said, f"{batch} is {said['state']} again", as_json)


@application.command("cancel")
def cancel(
    batch: Batch,
    reason: Reason,
    act_id: ActId = "",
    person: As = "maker",
    stage: Stage = LOCAL,
    as_json: Json = False,
) -> None:
    """Pay nobody of the batch. Once its file was given out, two persons must say so."""
    with failures(as_json):
        said = _api(stage, person).post(f"/api/payouts/{token(batch)}/cancel", reason=reason, act_id=act_id or None)
        asked = said["state"] != "CANCELLED"
        _done(said, f"{batch}: another person must cancel it too" if asked else f"{batch} is cancelled", as_json)


@application.command("pull")
def pull(
    batch: Batch,
    payout: Payout,
    reason: Reason,
    act_id: ActId = "",
    person: As = "maker",
    stage: Stage = LOCAL,
    as_json: Json = False,
) -> None:
    """Take one row out of a batch; its group is paid with the next one."""
    with failures(as_json):
        api = _api(stage, person)
        said = api.post(f"/api/payouts/{token(batch)}/pull", payout_id=payout, reason=reason, act_id=act_id or None)
        _done(said, f"{payout} is leaving {batch}", as_json)


@application.command("merge")
def merge(
    group: Annotated[str, typer.Argument(help="The group that joins another.")],
    into: Annotated[str, typer.Option("--into", help="The group that it joins.")],
    minutes: Annotated[str, typer.Option("--minutes", help="Where both groups wrote it down: book, page, day.")],
    act_id: ActId = "",
    person: As = "maker",
    stage: Stage = LOCAL,
    as_json: Json = False,
) -> None:
    """Bring all that a group has to the group that it joins, now and later. Two persons must."""
    with failures(as_json):
        said = _api(stage, person).post(
            f"/api/groups/{token(group)}/merge", into=into, minutes=minutes, act_id=act_id or None
        )
        asked = said["confirmed_by"] is None
        words = "another person must say so too" if asked else f"what {group} has goes on to {into}"
        _done(said, words, as_json)


@application.command("correct")
def correct(
    batch: Batch,
    exception_id: Annotated[str, typer.Argument(help="Its id, as hunar exceptions list shows it.")],
    paid: Annotated[bool, typer.Option("--paid/--not-paid", help="Whether money moved as the bank wrote.")],
    reason: Reason,
    act_id: ActId = "",
    person: As = "maker",
    stage: Stage = LOCAL,
    as_json: Json = False,
) -> None:
    """Say what the bank really did with a payment that was taken out, rejected or unknown. Two persons must."""
    with failures(as_json):
        said = _api(stage, person).post(
            f"/api/payouts/{token(batch)}/correct",
            exception_id=exception_id,
            paid=paid,
            reason=reason,
            act_id=act_id or None,
        )
        asked = said["confirmed_by"] is None
        _done(said, "another person must say so too" if asked else "it is being booked", as_json)


def _api(stage: str, person: str) -> OperatorsApi:
    return OperatorsApi(Deployed.find(stage), person)


def _done(said: Any, words: str, as_json: bool) -> None:
    if as_json:
        print_json(said)
    else:
        typer.echo(f"{words}.")


def _at_the_bank(api: OperatorsApi) -> Any:
    found = [one for one in api.all("/api/payouts") if one["state"] == "FILED"]
    if not found:
        raise Failed("no batch waits for the bank; name the one that this is about with --batch, also a completed one")
    if len(found) > 1:
        ids = ", ".join(one["batch_id"] for one in found)
        raise Failed(f"{len(found)} batches wait for the bank ({ids}); name one with --batch")
    return found[0]


def whole(api: OperatorsApi, batch: str) -> tuple[Any, list[Any]]:
    """A batch's header and all its rows."""
    header = api.get(f"/api/payouts/{token(batch)}")
    page = header.pop("rows")
    rows = list(page["items"])
    while page["next"] is not None:
        page = api.get(f"/api/payouts/{token(batch)}?next={token(page['next'])}")["rows"]
        rows += page["items"]
    return header, rows


def _print(header: Any, rows: list[Any]) -> None:
    said = [(name, value) for name, value in header.items() if value not in (None, "", 0)]
    print_table(
        ("field", "value"),
        [(name, rupees(value) if name == "control_total" else value) for name, value in said],
    )
    print_table(
        ["payout id", "group", "rupees", "account", "state", "reference", "reason"],
        [
            [
                one["payout_id"],
                one["group_id"],
                rupees(one["amount_paise"]),
                f"…{one['last_four']}",
                one["state"],
                one["utr"],
                one["reason"] or _once_more(one["told_by"]),
            ]
            for one in rows
        ],
    )


def _once_more(told_by: list[str]) -> str:
    return f"once more: it came back, said {' and '.join(told_by)}" if told_by else ""
