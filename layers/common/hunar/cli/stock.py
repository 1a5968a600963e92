"""``hunar stock``: what is on the shelves, and what persons do with them."""

from __future__ import annotations

from typing import Annotated, Any, cast

import typer

from hunar.cli.act import ActId, Csv, Person, Reason, by, desk, print_accepted, write_csv
from hunar.cli.deployed import LOCAL, Deployed
from hunar.cli.output import Failed, Json, Stage, failures, print_json, print_table
from hunar.tables import Table, adjustment, fair
from hunar.use_cases import operate, show
from hunar.use_cases.paging import pages
from hunar.use_cases.show import Asked

application = typer.Typer(no_args_is_help=True, help="What is on the shelves, counted and corrected.")
fairs = typer.Typer(no_args_is_help=True, help="Goods that are taken to a fair, sold there or brought back.")
application.add_typer(fairs, name="fair")

Sku = Annotated[str, typer.Argument(help="The product's code, as in skus.csv.")]
Fair = Annotated[str, typer.Argument(help="The name of the fair, for example 'Utsav Patna 2026'.")]
Taken = Annotated[int, typer.Argument(help="Units; a negative number corrects an earlier entry.")]

_NEGATIVE: dict[str, Any] = {"ignore_unknown_options": True}
"""So that -3 is a number and no option."""
_COLUMNS = ["sku", "group_id", "on_hand", "available", "reserved", "buffer", "short", "uncounted"]
_LAST = 10
"""Acts that are shown for a person."""


@application.command("list")
def list_stock(csv: Csv = None, stage: Stage = LOCAL, as_json: Json = False) -> None:
    """Every product with its counters, in units."""
    with failures(as_json):
        store = Deployed.find(stage).store
        shelves: list[dict[str, Any]] = []
        asked = Asked()
        while True:
            page = show.stocks(store, asked)
            shelves += page["items"]
            if page["next"] is None:
                break
            asked = Asked(after=page["next"])
        rows = [[shelf[name] for name in _COLUMNS] for shelf in shelves]
        if csv is not None:
            write_csv(csv, _COLUMNS, rows)
        if as_json:
            print_json(shelves)
        elif csv is not None:
            typer.echo(f"{len(rows)} products are in {csv}")
        else:
            print_table(_COLUMNS, rows)


@application.command("show")
def show_stock(sku: Sku, stage: Stage = LOCAL, as_json: Json = False) -> None:
    """One product's counters, and what persons did with its shelf last."""
    with failures(as_json):
        store = Deployed.find(stage).store
        shelf = show.stock(store, sku)
        if shelf is None:
            raise Failed(f"sku: {sku} is not registered")
        acts = sorted(
            pages(store, Table.STOCK, sku, prefix=adjustment("", "").sk), key=lambda act: (act["at"], act["act_id"])
        )
        if as_json:
            print_json(shelf | {"acts": acts})
            return
        print_table(_COLUMNS, [[shelf[name] for name in _COLUMNS]])
        if acts:
            names = ["at", "act", "units", "fair", "person", "reason", "act id"]
            print_table(names, [_act_row(act) for act in acts[-_LAST:]])


def _act_row(act: dict[str, Any]) -> list[Any]:
    did = str(act.get("act", "adjust")).replace("_", " ")
    units = f"{act['counted']} counted, {act['quantity']:+d}" if act.get("counted") is not None else act["quantity"]
    return [act["at"], did, units, act.get("fair"), act.get("person"), act.get("reason"), act["act_id"]]


@application.command("adjust", context_settings=_NEGATIVE)
def adjust(
    sku: Sku,
    quantity: Annotated[int, typer.Argument(help="Units that came to the shelf; below zero, that left it.")],
    reason: Reason,
    person: Person = "",
    act_id: ActId = "",
    stage: Stage = LOCAL,
    as_json: Json = False,
) -> None:
    """Count units in or out: hunar stock adjust KLU-CAP -2 --reason "two were moth-eaten"."""
    with failures(as_json):
        act = by(person, reason, act_id)
        operate.adjust(desk(Deployed.find(stage)), sku, quantity, act)
        print_accepted(act, f"{sku} {quantity:+d}", look=f"hunar stock show {sku}", as_json=as_json)


@application.command("recount")
def recount(
    sku: Sku,
    counted: Annotated[int, typer.Argument(min=0, help="Units that lie on the shelf now, reserved ones among them.")],
    reason: Reason,
    person: Person = "",
    act_id: ActId = "",
    stage: Stage = LOCAL,
    as_json: Json = False,
) -> None:
    """Say how many units lie on the shelf now; the counters are set right by the difference."""
    with failures(as_json):
        act = by(person, reason, act_id)
        operate.recount(desk(Deployed.find(stage)), sku, counted, act)
        print_accepted(act, f"{sku}, {counted} counted", look=f"hunar stock show {sku}", as_json=as_json)


@application.command("buffer")
def buffer(
    sku: Sku,
    units: Annotated[int, typer.Argument(min=0, help="Units that are not offered to marketplaces.")],
    reason: Reason,
    person: Person = "",
    act_id: ActId = "",
    stage: Stage = LOCAL,
    as_json: Json = False,
) -> None:
    """Hold units back from what marketplaces are told."""
    with failures(as_json):
        act = by(person, reason, act_id)
        operate.hold_back(desk(Deployed.find(stage)), sku, units, act)
        print_accepted(act, f"{sku}, buffer {units}", look=f"hunar stock show {sku}", as_json=as_json)


@fairs.command("take", context_settings=_NEGATIVE)
def take(
    sku: Sku,
    name: Fair,
    units: Taken,
    reason: Reason = "",
    person: Person = "",
    act_id: ActId = "",
    stage: Stage = LOCAL,
    as_json: Json = False,
) -> None:
    """Units leave the shelf for the stall of a fair."""
    _at_fair("taken", sku, name, units, reason, person, act_id, stage, as_json)


@fairs.command("sold", context_settings=_NEGATIVE)
def sold(
    sku: Sku,
    name: Fair,
    units: Taken,
    reason: Reason = "",
    person: Person = "",
    act_id: ActId = "",
    stage: Stage = LOCAL,
    as_json: Json = False,
) -> None:
    """Units were sold at the stall; the shelf does not change, they left it when they were taken."""
    _at_fair("sold", sku, name, units, reason, person, act_id, stage, as_json)


@fairs.command("back", context_settings=_NEGATIVE)
def back(
    sku: Sku,
    name: Fair,
    units: Taken,
    reason: Reason = "",
    person: Person = "",
    act_id: ActId = "",
    stage: Stage = LOCAL,
    as_json: Json = False,
) -> None:
    """Units came back from the stall onto the shelf."""
    _at_fair("back", sku, name, units, reason, person, act_id, stage, as_json)


def _at_fair(
    what: str, sku: str, name: str, units: int, reason: str, person: str, act_id: str, stage: str, as_json: bool
) -> None:
    with failures(as_json):
        act = by(person, reason, act_id)
        operate.at_fair(desk(Deployed.find(stage)), sku, name, cast(operate.AtFair, what), units, act)
        print_accepted(act, f"{sku} at {name}: {what} {units}", look=f"hunar stock fair show {sku}", as_json=as_json)


@fairs.command("show")
def show_fairs(sku: Sku, stage: Stage = LOCAL, as_json: Json = False) -> None:
    """What of a product was taken to each fair, sold there, brought back, and is still there."""
    with failures(as_json):
        names = ("sku", "fair", "taken", "sold", "back")
        found = [
            {name: item[name] for name in names}
            for item in pages(Deployed.find(stage).store, Table.STOCK, sku, prefix=fair("", "").sk)
        ]
        stalls = [stall | {"there": stall["taken"] - stall["sold"] - stall["back"]} for stall in found]
        if as_json:
            print_json(stalls)
        elif stalls:
            print_table([*names, "there"], [list(stall.values()) for stall in stalls])
        else:
            typer.echo(f"Nothing of {sku} was taken to a fair.")
