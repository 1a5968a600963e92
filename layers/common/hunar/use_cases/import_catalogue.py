"""The agency's files become its registry, all of them or none.

Only items that change are written, products before the listings that lead to them, so that an order
that finds a listing finds everything behind it. After that the counts go to the order-events queue,
and the orders that wait for a new listing are told; with rates, the lines that had none are computed
again, with resolutions those of groups that had not resolved what their money needs; whoever had a number
that is now another is warned. An import that broke in the middle is repeated: what is there already changes
nothing, what waits for a listing, a rate or a resolution is found by its waiting, and a change of number
keeps the id of its warning, which is sent again until it has a record of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from hunar import tables
from hunar.domain.catalogue import Folder, Plan, identity, plan, read_folder
from hunar.domain.contact import warned_until
from hunar.domain.rate_checks import drafts
from hunar.domain.spreadsheet import Problem
from hunar.domain.text_kinds import NUMBER_CHANGED
from hunar.messages import ComputePayout, ListingMapped, Says, StockAct, Tell
from hunar.ports import Put, QueueName, Queues, Store
from hunar.sms_templates import language
from hunar.tables import Item, Key

MOST_PUTS: Final = 100
"""In one transaction of DynamoDB."""

_KEYS: Final[Mapping[str, Callable[[Item], Key]]] = {
    "rates": lambda item: tables.rate(item["scope"], item["row_id"]),
    "dlt_templates": lambda item: tables.dlt_template(item["kind"], item["locale"]),
    "agency": lambda item: tables.agency(),
    "accounts": lambda item: tables.account(item["marketplace"], item["account"]),
    "groups": lambda item: tables.group(item["group_id"]),
    "members": lambda item: tables.members(item["group_id"]),
    "contacts": lambda item: tables.contact(item["group_id"], item["slot"]),
    "skus": lambda item: tables.product(item["sku"]),
    "listings": lambda item: tables.listing(item["marketplace"], item["account"], item["listing"]),
}
"""The kinds in the order in which they are written."""

_PARTITIONS: Final[Mapping[str, str]] = {
    "dlt_templates": tables.dlt_template("", "").pk,
    "agency": tables.agency().pk,
    "accounts": tables.account("", "").pk,
    "groups": tables.group("").pk,
    "members": tables.members("").pk,
    "contacts": tables.contact("", "").pk,
    "skus": tables.product("").pk,
    "listings": tables.listing("", "", "").pk,
}


@dataclass(frozen=True)
class Desk:
    """What importing needs from outside."""

    store: Store
    queues: Queues
    now: str
    demo: bool
    """Whether the stack is a demo, whose texts reach no real phone."""
    again: Callable[[Callable[[], Any]], Any]


@dataclass(frozen=True)
class Change:
    """One registry item that becomes or became another."""

    kind: str
    id: str
    what: str
    """``new``, or the fields that change."""


@dataclass
class Report:
    """What an import did, or would do."""

    problems: list[Problem] = field(default_factory=list)
    """With any of these nothing was written."""
    warnings: list[Problem] = field(default_factory=list)
    rows: dict[str, int] = field(default_factory=dict)
    """Rows read, by kind."""
    changes: list[Change] = field(default_factory=list)
    counts: int = 0
    """Counts of stock.csv that were sent."""
    counted_before: int = 0
    told: int = 0
    """Listings whose waiting orders were told."""
    recomputed: int = 0
    """Lines without a rate, or without their group's resolution, whose payout is worked out again."""
    warned: int = 0
    """Numbers that are no contact's any more, to which a text about that is on its way."""

    @property
    def nothing_to_do(self) -> bool:
        return not (self.problems or self.changes or self.counts or self.told or self.recomputed or self.warned)


def import_catalogue(desk: Desk, files: Mapping[str, bytes], *, dry_run: bool) -> Report:
    """Import the files, given by name. Raises Retryable; a repetition goes on where it broke."""
    folder = read_folder(files)
    registered = _registered(desk.store, folder)
    counted = _counted(desk.store, folder)
    wanted = plan(folder, registered, counted, now=desk.now, words=lambda locale: language(locale).words)
    _refuse_fiction(desk, folder, wanted)
    _refuse_drafts(desk, folder, registered, wanted)
    report = Report(rows={kind: len(records) for kind, records in folder.records.items()})
    report.problems = sorted(wanted.problems, key=_place)
    report.warnings = sorted(wanted.warnings, key=_place)
    report.counted_before = wanted.counted
    if report.problems:
        return report
    changed = list(_changed(wanted, registered))
    report.changes = [change for change, _ in changed]
    mapped = [item for change, item in changed if change.kind == "listings" and change.what != _RESOLUTIONS]
    mapped += [item for item in _awaited(desk.store, folder, wanted) if item not in mapped]
    gaps = list(_without_terms(desk.store, folder))
    warnings = list(_warnings(desk, folder, wanted))
    report.counts, report.told, report.recomputed = len(wanted.acts), len(mapped), len(gaps)
    report.warned = len(warnings)
    if not dry_run:
        _write(desk, [Put(_KEYS[change.kind](item), item) for change, item in changed])
        _send(desk, wanted, mapped)
        if gaps:
            desk.queues.send(QueueName.PAYOUTS, [gap.model_dump_json() for gap in gaps])
        if warnings:
            desk.queues.send(QueueName.NOTIFICATIONS, [warning.model_dump_json() for warning in warnings])
    return report


def _place(problem: Problem) -> tuple[str, int, str]:
    return (problem.file, problem.row or 0, problem.column or "")


def _refuse_fiction(desk: Desk, folder: Folder, wanted: Plan) -> None:
    """Invented groups with invented phones have no place where texts are real."""
    agency = wanted.items["agency"].get("agency")
    if agency and agency["demo"] and not desk.demo and folder.records.get("agency"):
        row = folder.records["agency"][0].row
        message = (
            "a demo agency cannot be imported here: the stack's parameter Demo is false, so texts reach real phones"
        )
        wanted.problems.append(Problem("agency.csv", row, "demo", message))


def _refuse_drafts(desk: Desk, folder: Folder, registered: Mapping[str, Mapping[str, Item]], wanted: Plan) -> None:
    """Where money is real, nobody is paid by a rate that nobody answers for.

    A row that was registered before this was asked still holds: it is pointed at, and refused when it changes.
    """
    agency = wanted.items["agency"].get("agency")
    if desk.demo and not (agency and not agency["demo"]):
        return
    rows: dict[int, Item] = {}
    for record in folder.records.get("rates", []):
        item = wanted.items["rates"].get(f"{record.cells.get('scope')}/{record.cells.get('row_id')}")
        rows |= {record.row: item} if item else {}
    for row, column, message in drafts(rows.items()):
        item = rows[row]
        same = registered["rates"].get(identity("rates", item)) == item
        (wanted.warnings if same else wanted.problems).append(Problem("rates.csv", row, column, message))


def _registered(store: Store, folder: Folder) -> dict[str, dict[str, Item]]:
    found = {kind: _all(store, kind, partition) for kind, partition in _PARTITIONS.items()}
    scopes = sorted(filter(_possible, folder.values("rates", "scope")))
    if folder.records.get("resolutions"):
        # They name fees, and a fee that no card has may be a slip of the pen.
        scopes = sorted({*scopes, *(account["marketplace"] for account in found["accounts"].values())})
    found["rates"] = {}
    for scope in scopes:
        found["rates"] |= _all(store, "rates", tables.rate(scope, "").pk)
    return found


def _all(store: Store, kind: str, partition: str) -> dict[str, Item]:
    return {identity(kind, item): item for item in _pages(store, partition)}


def _pages(store: Store, partition: str) -> Iterator[Item]:
    after = None
    while True:
        page = store.page(tables.Table.REGISTRY, partition, limit=500, after=after)
        yield from page.items
        after = page.next
        if after is None:
            return


def _possible(name: str) -> bool:
    """Whether something can stand under this name. Cells are looked up before they are judged."""
    return 0 < len(name) <= 100


def _counted(store: Store, folder: Folder) -> dict[tuple[str, str], int]:
    acts = sorted(act for act in folder.acts if all(map(_possible, act)))
    found = store.read(tables.adjustment(*act) for act in acts) if acts else {}
    return {(item["sku"], item["act_id"]): item["quantity"] for item in found.values()}


_RESOLUTIONS: Final = "resolutions"
_OF_NUMBERS: Final = ("previous_phone", "number_changes")


def _changed(wanted: Plan, registered: Mapping[str, Mapping[str, Item]]) -> Iterator[tuple[Change, Item]]:
    for kind in _KEYS:
        for key, item in sorted(wanted.items[kind].items()):
            before = registered[kind].get(key)
            if item != before:
                yield Change(kind, key, _difference(before, item) if before else "new"), item


def _difference(before: Item, after: Item) -> str:
    # That a number has changed says it all.
    names = [name for name in after if after[name] != before.get(name) and name not in _OF_NUMBERS]
    if "mappings" in names or "policies" in names:
        names = [name for name in names if name != _RESOLUTIONS]
    return ", ".join(names)


def _awaited(store: Store, folder: Folder, wanted: Plan) -> list[Item]:
    """Listings of the folder for which orders still wait: an earlier import broke before it told them."""
    names = {name for name in folder.values("listings", "listing") if name}
    listings = [item for item in wanted.items["listings"].values() if item["listing"] in names]
    pointers = {
        tables.listing_pointer(item["marketplace"], item["account"], item["listing"]): item for item in listings
    }
    found = store.read(pointers) if pointers else {}
    return [pointers[key] for key, pointer in sorted(found.items()) if pointer["waiting"]]


def _without_terms(store: Store, folder: Folder) -> Iterator[ComputePayout]:
    """The lines that stand on the worklist for want of what the folder has: a rate, or the resolution of their group.

    One that is still without stays there.
    """
    rates, groups = bool(folder.records.get("rates")), folder.values("resolutions", "group_id")
    if not (rates or groups):
        return
    found, after = set(), None
    while True:
        page = store.page(tables.Table.EXCEPTIONS, "OPEN", index=tables.WORKLIST, limit=500, after=after)
        for item in page.items:
            gap = rates and item["kind"] == "RATE_GAP"
            unresolved = item["kind"] == "UNRESOLVED" and item["group_id"] in groups
            if (gap or unresolved) and item["closed_at"] is None:
                found.add((item["order_ref"], item["subject"]["line_id"]))
        after = page.next
        if after is None:
            break
    for order_ref, line_id in sorted(found):
        yield ComputePayout(order_ref=order_ref, line_id=line_id)


def _warnings(desk: Desk, folder: Folder, wanted: Plan) -> Iterator[Tell]:
    """To the former numbers of the folder's contacts: each is told once, whoever repeats the import meanwhile.

    A warning that was sent has a record under its id; one that was not is found by having none.
    """
    named = folder.values("contacts", "group_id", "slot")
    changes = {
        tables.notification(change["notification_id"]): (contact, change)
        for key, contact in sorted(wanted.items["contacts"].items())
        for change in contact.get("number_changes", ())
        if key in named and warned_until(change) > desk.now
    }
    told = desk.store.read(changes) if changes else {}
    for key, (contact, change) in changes.items():
        if key not in told:
            yield Tell(
                notification_id=change["notification_id"],
                notification_kind=NUMBER_CHANGED,
                group_id=contact["group_id"],
                contact=contact["slot"],
                good_until=warned_until(change),
                says=Says(ending=change["ending"]),
            )


def _write(desk: Desk, puts: list[Put]) -> None:
    for start in range(0, len(puts), MOST_PUTS):
        desk.again(partial(desk.store.commit, puts[start : start + MOST_PUTS]))


def _send(desk: Desk, wanted: Plan, mapped: list[Item]) -> None:
    """Counts first: an order that goes on finds its units."""
    acts = [
        StockAct(act_id=act.act_id, sku=act.sku, quantity=act.quantity, at=act.at or desk.now) for act in wanted.acts
    ]
    news = [
        ListingMapped(marketplace=item["marketplace"], account=item["account"], listing=item["listing"], at=desk.now)
        for item in mapped
    ]
    bodies = [message.model_dump_json() for message in (*acts, *news)]
    if bodies:
        desk.queues.send(QueueName.ORDER_EVENTS, bodies)
