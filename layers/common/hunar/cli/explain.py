"""``hunar explain``: an order's whole life on one screen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from hunar.cli import times
from hunar.cli.deployed import LOCAL, Deployed
from hunar.cli.output import Failed, Json, Stage, failures, print_json
from hunar.domain.money import rupees
from hunar.use_cases import explain as use_case

OrderRef = Annotated[str | None, typer.Argument(help="The order: marketplace:account:id.")]
OfItem = Annotated[
    str | None,
    typer.Option("--item", help="A marketplace's item instead, marketplace:account:id: news without an order."),
]

WIDTH = 100
_IDS = ("fact", "delivery", "exception")
_WHOLE = ("time", "received", "opened", "owed", "event", "verdict")


def explain(order_ref: OrderRef = None, item: OfItem = None, stage: Stage = LOCAL, as_json: Json = False) -> None:
    """Show all that is known about an order, what was done about it, and why it is as it is.

    A fact's id is what voiding it wants.
    """
    with failures(as_json):
        if (order_ref is None) == (item is None):
            raise Failed("which one? hunar explain ORDER_REF, or hunar explain --item MARKETPLACE:ACCOUNT:ITEM_ID")
        marketplace, account, identity = _parts(order_ref or item or "")
        store = Deployed.find(stage).store
        if item is not None:
            found = use_case.explain_item(store, marketplace, account, identity)
        else:
            found = use_case.explain(store, f"{marketplace}:{account}:{identity}")
        if found is None:
            raise Failed(f"there is no {'news of the item' if item else 'order'} {order_ref or item}")
        if as_json:
            print_json(found)
        elif item is not None:
            _print_item(found)
        else:
            _print(found)


def _parts(text: str) -> tuple[str, str, str]:
    parts = text.split(":", 2)
    if len(parts) < 3 or not all(parts) or len(text) > 1000:
        raise Failed(f"{text} is not marketplace:account:id")
    return parts[0], parts[1], parts[2]


def _print(found: dict[str, Any]) -> None:
    typer.echo(f"{found['order_ref']}   {found['state']} because {_why(found['because'])}")
    ship_by = f"ship by {times.shown(found['ship_by'])}" if found["ship_by"] else "nothing to ship"
    typer.echo(f"{ship_by}; all times are India's")
    if found["unfinished"]:
        typer.echo("It asks for more than one transaction and is between two; the sweep takes it on.")
    for listing in found["waiting_for_listings"]:
        typer.echo(f"It waits for the listing {listing} to be mapped.")
    names = (
        "line_id",
        "state",
        "sku",
        "group_id",
        "quantity",
        "cancelled",
        "reserved",
        "short",
        "consumed",
        "returned",
    )
    _table(
        "lines",
        ("line", "state", "sku", "group", "sold", "cancelled", "reserved", "short", "gone", "back", "because"),
        [
            [*(line[name] for name in names), _why(line["because"])]
            for line in ({**line, "sku": line["sku"] or f"? {line['listing']}"} for line in found["lines"])
        ],
    )
    of_return = ("return_id", "line_id", "status", "source", "requested", "units", "good", "damaged", "lost")
    _table(
        "returns",
        ("return", "line", "status", "from", "asked", "back", "good", "damaged", "lost"),
        [[entry[name] for name in of_return] for entry in found["returns"]],
    )
    _table(
        "what happened",
        ("time", "what", "line", "detail", "source"),
        [
            (times.shown(row["at"]), row["what"], row["line_id"], row["detail"], _cut(row["source"]))
            for row in found["timeline"]
        ],
    )
    _print_facts(found["facts"])
    _print_deliveries(found["deliveries"])
    _table(
        "texts",
        ("owed", "kind", "group", "to", "status", "parts", "tries", "reason", "id"),
        [
            [
                times.shown(text["owed_at"]),
                *(text[name] for name in ("kind", "group_id", "to")),
                text["status"] or "not claimed",
                *(text[name] for name in ("parts", "attempts", "reason")),
                _cut(text["notification_id"]),
            ]
            for text in found["notifications"]
        ],
    )
    columns = ("line", "group", "held", "released, unpaid", "owed back", "held until", "held by")
    _table("money", columns, [row for line in found["money"] for row in _standings(line)])
    for line in found["not_compared"]:
        typer.echo(f"line {line['line_id']}: its settlement was not compared with the rate card: {line['because']}")
    _table("booked, in paise", ("line", "account", "balance"), _balances(found["entries"]))
    _print_exceptions(found["exceptions"])


def _standings(line: dict[str, Any]) -> Iterator[list[Any]]:
    """Where the money of a line stands, for each group that it was booked for."""
    by = (line["operator_hold"] or {}).get("by", "")
    for group, standing in sorted(line["standings"].items()):
        amounts = [rupees(standing[name]) for name in ("held", "unpaid", "debt")]
        yield [line["line_id"], group, *amounts, times.shown(line["hold_end"]), by]


def _balances(entries: list[dict[str, Any]]) -> list[tuple[str, str, int]]:
    """Per line and account, what is not zero; --json has the entries with every rate row."""
    sums: dict[tuple[str, str], int] = {}
    for entry in entries:
        for posting in entry["postings"]:
            name = (entry["line_id"], posting["account"])
            sums[name] = sums.get(name, 0) + posting["amount_paise"]
    return [(line_id, account, paise) for (line_id, account), paise in sorted(sums.items()) if paise]


def _print_item(found: dict[str, Any]) -> None:
    typer.echo(f"item {found['item']}")
    if found["orders"]:
        typer.echo(f"It leads to {', '.join(found['orders'])}")
    elif found["waits"]:
        typer.echo("No order here has it yet; what is said of it waits.")
    _print_facts(found["facts"])
    _print_deliveries(found["deliveries"])
    _print_exceptions(found["exceptions"])


def _print_facts(rows: list[dict[str, Any]]) -> None:
    _table(
        "facts",
        ("fact", "time", "says", "decides"),
        [
            (
                row["fact_id"],
                times.shown(row["at"]),
                " ".join(filter(None, (row["what"], row["line_id"], row["detail"]))),
                f"void by {_cut(row['void_by'] or '')}" if row["void"] else ", ".join(map(_decides, row["decides"])),
            )
            for row in rows
        ],
    )


def _print_deliveries(rows: list[dict[str, Any]]) -> None:
    _table(
        "deliveries",
        ("delivery", "received", "event", "verdict", "found wrong"),
        [
            (
                row["delivery_id"], times.shown(row["received_at"]), row["event_type"], row["verdict"],
                ", ".join(finding["field"] for finding in row["findings"]),
            )
            for row in rows
        ],
    )  # fmt: skip


def _print_exceptions(rows: list[dict[str, Any]]) -> None:
    """What each says stands in what happened; here what is to be done."""
    _table(
        "exceptions",
        ("exception", "kind", "opened", "closed", "what to do"),
        [
            (
                row["exception_id"],
                row["kind"],
                times.shown(row["opened_at"]),
                times.shown(row["closed_at"]) or "open",
                "" if row["closed_at"] else row["action"],
            )
            for row in rows
        ],
    )


def _table(title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """A short table; nothing when it has no rows. Nothing in a cell is taken for markup, and ids stay in one piece."""
    if not rows:
        return
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for number, name in enumerate(columns):
        whole = name in _IDS and number == 0
        table.add_column(name, no_wrap=whole or name in _WHOLE, header_style="underline", overflow="fold")
    for row in rows:
        table.add_row(*(Text("" if cell is None else str(cell)) for cell in row))
    typer.echo()
    Console(highlight=False, width=WIDTH).print(table)


def _decides(what: str) -> str:
    """The line's name stands in the same row."""
    return "order's state" if what == "state of the order" else f"line's {what.split(' of line ')[0]}"


def _why(because: list[dict[str, Any]]) -> str:
    told = [f"{entry['what'].replace('_', ' ')} {times.shown(entry['at'])}" for entry in because]
    return ", ".join(told) or "nothing that counts announces it"


def _cut(identity: str) -> str:
    """Enough of an id to recognise it in the tables below."""
    return ", ".join(part[:8] if len(part) == 32 else part for part in identity.split(", "))
