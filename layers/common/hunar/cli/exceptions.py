"""``hunar exceptions``: the worklist, and what resolves what stands on it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import typer

from hunar.cli.act import ActId, Csv, Person, by, desk, print_accepted, write_csv
from hunar.cli.deployed import LOCAL, Deployed
from hunar.cli.output import Json, Stage, failures, print_json, print_table
from hunar.domain.worklist import ACKNOWLEDGE, offered
from hunar.use_cases import resolve as resolving
from hunar.use_cases import show
from hunar.use_cases.show import Asked

application = typer.Typer(no_args_is_help=True, help="The worklist: what a person must look at.")

Id = Annotated[str, typer.Argument(help="The exception's id, as the list shows it.")]
State = Annotated[Literal["open", "closed", "all"], typer.Option("--state", help="Which of them.")]
Units = Annotated[int | None, typer.Option(min=0, help="Units of an inspected return.")]
Change = Annotated[int | None, typer.Option(help="Units; a negative number corrects.")]

_COLUMNS = [
    "exception_id", "kind", "opened_at", "closed_at", "order_ref", "sku", "listing", "group_id", "message", "action",
]  # fmt: skip


@application.command("list")
def list_exceptions(state: State = "open", csv: Csv = None, stage: Stage = LOCAL, as_json: Json = False) -> None:
    """What stands on the worklist, newest first."""
    with failures(as_json):
        store = Deployed.find(stage).store
        found: list[dict[str, Any]] = []
        asked = Asked()
        while True:
            page = show.exceptions(store, asked, state=None if state == "all" else state)
            found += page["items"]
            if page["next"] is None:
                break
            asked = Asked(after=page["next"])
        if csv is not None:
            write_csv(csv, _COLUMNS, [[item[name] for name in _COLUMNS] for item in found])
        if as_json:
            print_json(found)
        elif csv is not None:
            typer.echo(f"{len(found)} exceptions are in {csv}")
        elif found:
            rows = [[item["exception_id"], item["kind"], item["opened_at"], item["message"]] for item in found]
            print_table(["id", "kind", "opened", "message"], rows)
        else:
            typer.echo("Nothing stands on the worklist.")


@application.command("show")
def show_exception(exception_id: Id, stage: Stage = LOCAL, as_json: Json = False) -> None:
    """One exception: what it is about, what can be done, and what was done."""
    with failures(as_json):
        item = resolving.shown(desk(Deployed.find(stage)), exception_id)
        acts = list(offered(item))
        if as_json:
            shown = {name: item[name] for name in _COLUMNS}
            print_json(shown | {"subject": item["subject"], "history": item["history"], "resolved_by": acts})
            return
        about = [(name, item[name]) for name in _COLUMNS if item[name]]
        print_table(("field", "value"), [*about, *item["subject"].items(), ("resolved by", ", ".join(acts))])
        print_table(("at", "what", "by", "note"), [list(event.values()) for event in map(_event, item["history"])])


def _event(event: dict[str, Any]) -> dict[str, Any]:
    return {name: event[name] for name in ("at", "what", "by", "note")}


@application.command("resolve")
def resolve(
    exception_id: Id,
    act: Annotated[str, typer.Option("--act", help="Which act, when show offers several.")] = "",
    note: Annotated[str, typer.Option("--note", help="What was found out or done; it stays in the history.")] = "",
    sku: Annotated[str | None, typer.Option("--sku", help="map, remap: the product.")] = None,
    since: Annotated[str | None, typer.Option("--from", help="map: the day from which it holds.")] = None,
    good: Units = None,
    damaged: Units = None,
    lost: Units = None,
    counted: Annotated[int | None, typer.Option(min=0, help="recount: units that lie on the shelf.")] = None,
    quantity: Annotated[int | None, typer.Option(help="adjust: units that came.")] = None,
    taken: Change = None,
    sold: Change = None,
    back: Change = None,
    fact_id: Annotated[str | None, typer.Option("--fact-id", help="void: the fact that is not true.")] = None,
    proposal_id: Annotated[
        str | None, typer.Option("--proposal-id", help="approve: the proposal that was read and is right.")
    ] = None,
    person: Person = "",
    act_id: ActId = "",
    stage: Stage = LOCAL,
    as_json: Json = False,
) -> None:
    """Do what resolves it: acknowledge it, or change its cause. It closes when the cause is gone."""
    with failures(as_json):
        who = by(person, note, act_id)
        fields = {
            "sku": sku, "from": since, "good": good, "damaged": damaged, "lost": lost, "counted": counted,
            "quantity": quantity, "taken": taken, "sold": sold, "back": back, "fact_id": fact_id,
            "proposal_id": proposal_id,
        }  # fmt: skip
        given = {name: value for name, value in fields.items() if value is not None}
        done = resolving.resolve(desk(Deployed.find(stage)), exception_id, act or None, given, who)
        if done == ACKNOWLEDGE and not as_json:
            typer.echo(f"Acknowledged by {who.person}. It opens again when what it says changes.")
            return
        print_accepted(who, done, look=f"hunar exceptions show {exception_id}", as_json=as_json)
