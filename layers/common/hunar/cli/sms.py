"""``hunar sms``: what texts cost, whom they reach, and what became of them."""

from __future__ import annotations

import secrets
from dataclasses import asdict
from datetime import date, timedelta
from typing import Annotated, Any, Final

import typer

from hunar.cli import sms_templates
from hunar.cli.act import Csv, Person, Reason, by, desk, write_csv
from hunar.cli.deployed import LOCAL, Deployed
from hunar.cli.output import Failed, Json, Stage, failures, print_json, print_table
from hunar.cli.times import given, shown
from hunar.domain.contact import masked
from hunar.use_cases import contacts, show, spend

application = typer.Typer(no_args_is_help=True, help="Texts: what they cost, whom they reach, what became of them.")
application.add_typer(sms_templates.application, name="templates")

Group = Annotated[str, typer.Argument(metavar="GROUP", help="The group_id, for example G01.")]
Slot = Annotated[str, typer.Argument(metavar="SLOT", help="leader, second or third.")]
Kind = Annotated[str, typer.Argument(metavar="KIND", help="For example LOW_STOCK.")]
Numbers = Annotated[bool, typer.Option("--numbers", help="Show telephone numbers in full.")]

_CODE_LENGTH: Final = 6
_CONTACTS: Final = ["group", "slot", "name", "role", "language", "phone", "number", "opted out of", "look at"]
_TEXTS: Final = ["id", "at", "kind", "slot", "to", "status", "receipt", "heard", "text"]


@application.command("spend")
def show_spend(
    since: Annotated[str, typer.Option("--from", help="From this day or time on.")],
    until: Annotated[str, typer.Option("--to", help="To this day, all of it, or to before this time.")],
    heading: Annotated[spend.By, typer.Option("--by", help="How the texts are grouped.")] = "kind",
    csv: Csv = None,
    stage: Stage = LOCAL,
    as_json: Json = False,
) -> None:
    """Texts, their parts, and their price as far as receipts say it."""
    with failures(as_json):
        begin, end = given(since, "--from"), _end(until)
        if begin >= end:
            raise Failed(f"--to: {until} is not after --from {since}")
        found = spend.spent(Deployed.find(stage).store, begin, end, heading)
        if csv is not None:
            currencies = sorted({currency for one in found.values() for currency in one.prices})
            columns = [heading, "texts", "parts", *(f"millionths {one}".strip() for one in currencies), "without price"]
            rows = [
                [key, one.texts, one.parts, *(one.prices.get(currency, 0) for currency in currencies), one.unpriced]
                for key, one in found.items()
            ]
            write_csv(csv, columns, rows)
        if as_json:
            rows_by_key = [{heading: key, **asdict(one)} for key, one in found.items()]
            print_json({"from": begin, "to": end, "items": rows_by_key, "total": asdict(spend.total(found))})
        elif csv is not None:
            typer.echo(f"{len(found)} rows are in {csv}")
        elif found:
            lines = [*found.items(), ("all", spend.total(found))]
            rows = [[key, one.texts, one.parts, _price(one)] for key, one in lines]
            print_table([heading, "texts", "parts", "price"], rows)
        else:
            typer.echo("No text went in this time.")


def _end(text: str) -> str:
    """A day is meant as a whole."""
    if "T" in text.upper():
        return given(text, "--to")
    given(text, "--to")
    return given((date.fromisoformat(text) + timedelta(days=1)).isoformat(), "--to")


def _price(one: spend.Spent) -> str:
    known = [
        f"{price // 1_000_000}.{price % 1_000_000:06} {currency}".strip()
        for currency, price in sorted(one.prices.items())
    ]
    unknown = [f"{one.unpriced} of unknown price"] if one.unpriced else []
    return " + ".join([*known, *unknown])


@application.command("contacts")
def list_contacts(
    stale: Annotated[bool, typer.Option("--stale", help="Only those whom somebody should call.")] = False,
    numbers: Numbers = False,
    csv: Csv = None,
    stage: Stage = LOCAL,
    as_json: Json = False,
) -> None:
    """Who is told, what each does not want to hear, and whether the number was proven to be hers."""
    with failures(as_json):
        everybody = contacts.listed(desk(Deployed.find(stage)))
        found = [one for one in everybody if one["stale"] or not stale]
        if not numbers:
            found = [one | {"phone": masked(one["phone"])} for one in found]
        rows = [_contact_row(one) for one in found]
        if csv is not None:
            write_csv(csv, _CONTACTS, rows)
        if as_json:
            print_json(found)
        elif csv is not None:
            typer.echo(f"{len(found)} contacts are in {csv}")
        elif found:
            print_table(_CONTACTS, rows)
        else:
            typer.echo("Every number was proven and is reached." if everybody else "No contact is registered.")


def _contact_row(one: dict[str, Any]) -> list[Any]:
    proof = f"verified {shown(one['verified_at'])[:10]}" if one["verified_at"] else one["proof"]
    names = [one[name] or "" for name in ("group_id", "slot", "name", "role", "locale", "phone")]
    return [*names, proof, ", ".join(sorted(one["opted_out"])), "; ".join(one["stale"])]


@application.command("opt-out")
def opt_out(
    group_id: Group,
    slot: Slot,
    kind: Kind,
    reason: Reason,
    person: Person = "",
    stage: Stage = LOCAL,
    as_json: Json = False,
) -> None:
    """A contact does not want texts of a kind. What a group must hear, somebody in it goes on hearing."""
    with failures(as_json):
        done = contacts.opt_out(desk(Deployed.find(stage)), group_id, slot, kind, by(person, reason, ""))
        _say(group_id, slot, kind, "gets no {} any more" if done else "gets no {} already", done, as_json)


@application.command("opt-in")
def opt_in(
    group_id: Group,
    slot: Slot,
    kind: Kind,
    reason: Reason = "",
    person: Person = "",
    stage: Stage = LOCAL,
    as_json: Json = False,
) -> None:
    """A contact wants texts of a kind again."""
    with failures(as_json):
        done = contacts.opt_in(desk(Deployed.find(stage)), group_id, slot, kind, by(person, reason, ""))
        _say(group_id, slot, kind, "gets {} again" if done else "gets {} anyway", done, as_json)


def _say(group_id: str, slot: str, kind: str, said: str, done: bool, as_json: bool) -> None:
    if as_json:
        print_json({"group_id": group_id, "slot": slot, "kind": kind, "changed": done})
    else:
        typer.echo(f"The {slot} of {group_id} {said.format(kind)}.")


@application.command("verify")
def verify(
    group_id: Group,
    slot: Slot,
    code: Annotated[str, typer.Option("--code", help="What she reads to you from her phone.")] = "",
    person: Person = "",
    stage: Stage = LOCAL,
    as_json: Json = False,
) -> None:
    """Prove that a number is hers: without --code a code is sent to it, with --code she has read it back."""
    with failures(as_json):
        who, at = by(person, "", ""), desk(Deployed.find(stage))
        if code:
            contacts.confirm(at, group_id, slot, code, who)
            if as_json:
                print_json({"group_id": group_id, "slot": slot, "verified_at": at.now})
            else:
                typer.echo(f"The number of the {slot} of {group_id} is hers.")
            return
        sent = f"{secrets.randbelow(10**_CODE_LENGTH):0{_CODE_LENGTH}}"
        until = contacts.start_verification(at, group_id, slot, who, code=sent, nonce=secrets.token_hex(16))
        if as_json:
            print_json({"group_id": group_id, "slot": slot, "code_until": until})
            return
        typer.echo(f"A code is on its way to the {slot} of {group_id}; it holds until {shown(until)}.")
        typer.echo(f"When she has read it to you: hunar sms verify {group_id} {slot} --code …")


@application.command("heard")
def heard(
    notification_id: Annotated[str, typer.Argument(help="The text's id, as hunar sms show shows it.")],
    what: Annotated[contacts.What, typer.Option("--what", help="What she said.")],
    person: Person = "",
    stage: Stage = LOCAL,
    as_json: Json = False,
) -> None:
    """Somebody in the group has heard of a text: note it, so that nobody else is troubled about it."""
    with failures(as_json):
        who = by(person, "", "")
        contacts.tick(desk(Deployed.find(stage)), notification_id, what, who)
        if as_json:
            print_json({"notification_id": notification_id, "what": what, "person": who.person})
        else:
            typer.echo(f"{what} is noted.")


@application.command("show")
def show_texts(
    order_ref: Annotated[str, typer.Argument(help="For example flipkart:demo:S1.")],
    numbers: Numbers = False,
    stage: Stage = LOCAL,
    as_json: Json = False,
) -> None:
    """The texts about an order: to whom, what became of each, and who has heard of it."""
    with failures(as_json):
        found = show.texts(Deployed.find(stage).store, order_ref)
        if found is None:
            raise Failed(f"order_ref: there is no order {order_ref}")
        if not numbers:
            found = [one | {"to": masked(one["to"])} for one in found]
        if as_json:
            print_json(found)
        elif found:
            print_table(_TEXTS, [_text_row(one) for one in found])
        else:
            typer.echo("No text about this order was looked at yet.")


def _text_row(one: dict[str, Any]) -> list[Any]:
    receipt, ear = one["receipt"] or {}, one["heard"] or {}
    words = receipt.get("reason") or receipt.get("code")
    said = f"{ear['what']} ({ear['how']}, {ear['by']})" if ear else ""
    # Without a receipt the reason is ours.
    at = [one["notification_id"], shown(one["claimed_at"]), one["kind"], one["contact"], one["to"], one["status"]]
    return [*at, words or one["reason"], said, one["text"]]
