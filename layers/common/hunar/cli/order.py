"""``hunar order``: what a person states about an order."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from hunar import tables
from hunar.cli.act import ActId, Person, Reason, by, desk, print_accepted
from hunar.cli.deployed import LOCAL, Deployed
from hunar.cli.output import Failed, Json, Stage, failures, print_json, print_table
from hunar.cli.times import given, shown
from hunar.domain import facts
from hunar.domain.history import history
from hunar.domain.order import knowledge, remarks
from hunar.use_cases import operate

application = typer.Typer(no_args_is_help=True, help="What a person knows better about an order than its messages.")

OrderRef = Annotated[str, typer.Argument(help="For example flipkart:demo:S1.")]
Units = Annotated[int, typer.Option(min=0, help="Units.")]


@application.command("facts")
def show_facts(order_ref: OrderRef, stage: Stage = LOCAL, as_json: Json = False) -> None:
    """What is known about an order, oldest first, each with the id by which it can be remarks."""
    with failures(as_json):
        key = tables.order(order_ref)
        stored = Deployed.find(stage).store.read([key]).get(key)
        if stored is None:
            raise Failed(f"order_ref: there is no order {order_ref}")
        known = knowledge(stored)
        said = remarks(known)
        ids: dict[tuple[Any, ...], list[str]] = {}
        for fact in sorted(known, key=facts.to_text):
            for row in history([fact], said):
                ids.setdefault(tuple(row.values()), []).append(facts.fact_id(fact))
        # Two facts can read alike, two announcements with other prices for example; each has its own id.
        rows = [{"fact_id": ids[tuple(row.values())].pop(0), **row} for row in history(known, said)]
        if as_json:
            print_json(rows)
            return
        print_table(("at", "what", "line", "detail", "fact id"), [_for_people(row) for row in rows])


def _for_people(row: dict[str, Any]) -> list[Any]:
    return [row[name] for name in ("at", "what", "line_id", "detail", "fact_id")]


@application.command("void")
def void(
    order_ref: OrderRef,
    fact_id: Annotated[str, typer.Argument(help="The id of the fact, as hunar order facts shows it.")],
    reason: Reason,
    person: Person = "",
    act_id: ActId = "",
    stage: Stage = LOCAL,
    as_json: Json = False,
) -> None:
    """A fact is not true: the order is read without it. Voiding the void brings it back."""
    with failures(as_json):
        act = by(person, reason, act_id)
        operate.void(desk(Deployed.find(stage)), order_ref, fact_id, act)
        print_accepted(act, f"{fact_id} is void", look=f"hunar order facts {order_ref}", as_json=as_json)


@application.command("remap")
def remap(
    order_ref: OrderRef,
    line_id: Annotated[str, typer.Argument(help="The line, as the order shows it.")],
    sku: Annotated[str, typer.Argument(help="The product that it is.")],
    reason: Reason,
    person: Person = "",
    act_id: ActId = "",
    stage: Stage = LOCAL,
    as_json: Json = False,
) -> None:
    """A line of this order is another product than its listing said. Other orders stay as they are."""
    with failures(as_json):
        act = by(person, reason, act_id)
        operate.remap(desk(Deployed.find(stage)), order_ref, line_id, sku, act)
        print_accepted(act, f"line {line_id} is {sku}", look=f"hunar order facts {order_ref}", as_json=as_json)


@application.command("inspect")
def inspect(
    order_ref: OrderRef,
    return_id: Annotated[str, typer.Argument(help="The return, as the marketplace names it.")],
    reason: Reason = "",
    good: Units = 0,
    damaged: Units = 0,
    lost: Annotated[int, typer.Option(min=0, help="Units that were not in the parcel.")] = 0,
    line: Annotated[str | None, typer.Option("--line", help="Which line, when the return has several.")] = None,
    person: Person = "",
    act_id: ActId = "",
    stage: Stage = LOCAL,
    as_json: Json = False,
) -> None:
    """A returned parcel was opened. Only good units go back on the shelf."""
    with failures(as_json):
        act = by(person, reason, act_id)
        operate.inspect(desk(Deployed.find(stage)), order_ref, return_id, line, good, damaged, lost, act)
        said = f"{return_id}: {good} good, {damaged} damaged, {lost} lost"
        print_accepted(act, said, look=f"hunar order facts {order_ref}", as_json=as_json)


@application.command("hold-money")
def hold_money(
    order_ref: OrderRef,
    line_id: Annotated[str, typer.Argument(help="The line, as the order shows it.")],
    reason: Reason,
    until: Annotated[
        str | None, typer.Option("--until", help="A day or a time; left out, the hold that a person set is lifted.")
    ] = None,
    person: Person = "",
    act_id: ActId = "",
    stage: Stage = LOCAL,
    as_json: Json = False,
) -> None:
    """What the line brings is not payable before a day, whatever is settled; without --until it is let go."""
    with failures(as_json):
        act = by(person, reason, act_id)
        end = given(until, "--until") if until else None
        operate.hold_money(desk(Deployed.find(stage)), order_ref, line_id, end, act)
        said = f"line {line_id} is held until {shown(end)}" if end else f"line {line_id} is held by nobody"
        print_accepted(act, said, look=f"hunar explain {order_ref}", as_json=as_json)
