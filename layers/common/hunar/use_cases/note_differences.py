"""Keeping where a line was settled otherwise than expected, and showing it to a person until it is over.

What differs is an item of its own, which ``hunar differences`` lists, and one exception, whose cause is the line. The
item remembers what the exception said: when a person acknowledged it, it opens again only when that changes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from hunar import tables
from hunar.domain import worklist
from hunar.domain.differences import Difference, Expected, compensation, differences, made_good
from hunar.domain.facts import instant, moment
from hunar.domain.money import rupees
from hunar.domain.order import Line
from hunar.domain.settlement import SettlementLine
from hunar.ports import ABSENT, Conflict, Put, Store
from hunar.rate_cards import tolerances
from hunar.tables import Item, Key
from hunar.use_cases.worklist import closing

SETTLEMENT_DIFFERS: Final = "SETTLEMENT_DIFFERS"
_SHOWN: Final = 200
"""Rows that an item names. A line that was settled in more of them has all of them in its subject's partition."""


def note(
    store: Store,
    *,
    order_ref: str,
    line: Line,
    lines: Sequence[SettlementLine],
    expected: Expected | None,
    files: Mapping[str, str],
    now: str,
) -> tuple[Difference, ...]:
    """Opens, says anew or closes the exception of a line, and keeps what differs. Doing it again changes nothing.

    ``lines`` are all settlement lines of the order line, ``files`` the hash of the file of each, by the line's key.
    ``expected`` is what ``domain.differences.expected`` makes of them; None, with which nothing differs, also when the
    card has no rate (which is an exception of its own). Raises Conflict when somebody wrote meanwhile, or knew of more
    settlement lines: read the lines again.
    """
    there = store.read(keys(order_ref, line.line_id))
    found, written = puts(there, order_ref=order_ref, line=line, lines=lines, expected=expected, files=files, now=now)
    if written:
        store.commit(written)
    return found


def keys(order_ref: str, line_id: str) -> tuple[Key, Key]:
    """What must be read for ``puts``."""
    identity = worklist.exception_id(SETTLEMENT_DIFFERS, order_ref, line_id)
    return tables.difference(order_ref, line_id), tables.exception(identity)


def puts(
    there: Mapping[Key, Item],
    *,
    order_ref: str,
    line: Line,
    lines: Sequence[SettlementLine],
    expected: Expected | None,
    files: Mapping[str, str],
    now: str,
) -> tuple[tuple[Difference, ...], list[Put]]:
    """As ``note``, for a transaction that writes more than this: what differs, and at most two puts."""
    item_key, exception_key = keys(order_ref, line.line_id)
    kept, shown = there.get(item_key), there.get(exception_key)
    if kept and int(kept["lines"]) > len({entry.key for entry in lines}):
        raise Conflict("more was settled of the line meanwhile")
    found = differences(expected, lines, tolerances(), files) if expected else ()
    compensated = compensation(expected, lines) if expected else 0
    if not found or made_good(found, compensated):
        removal = [Put(item_key, None, kept["version"])] if kept else []
        return (), [*removal, *closing(shown, at=now)]
    item = _item(order_ref, line, lines, found, compensated, files)
    if kept and {name: kept.get(name) for name in item} == item:
        return found, []
    version = int(kept["version"]) if kept else ABSENT
    opened = worklist.opened(
        SETTLEMENT_DIFFERS,
        (order_ref, line.line_id),
        at=now,
        message=_message(line.line_id, found, compensated),
        order_ref=order_ref,
        sku=item["sku"],
        listing=line.listing,
        group_id=item["group_id"],
        line_id=line.line_id,
    )
    written = [Put(item_key, item | {"at": now, "version": version + 1}, version)]
    if shown is None:
        written.append(Put(exception_key, opened, ABSENT))
    elif shown["closed_at"] is not None or shown["message"] != opened["message"]:
        written.append(Put(exception_key, worklist.opened_again(shown, opened), shown["version"]))
    return found, written


def _item(
    order_ref: str,
    line: Line,
    lines: Sequence[SettlementLine],
    found: Sequence[Difference],
    compensated_paise: int,
    files: Mapping[str, str],
) -> Item:
    marketplace, account, order_id = order_ref.split(":", 2)
    unique = sorted({entry.key: entry for entry in lines}.values(), key=lambda entry: (entry.settlement_id, entry.row))
    rows: list[dict[str, Any]] = [
        {"settlement_id": entry.settlement_id, "row": entry.row, "file": files.get(entry.key)} for entry in unique
    ]
    return {
        "order_ref": order_ref,
        "line_id": line.line_id,
        "marketplace": marketplace,
        "account": account,
        "order_id": next((entry.order_id for entry in unique if entry.order_id), order_id),
        "item_id": next((entry.item_id for entry in unique if entry.item_id), None),
        "settlement_ids": sorted({entry.settlement_id for entry in unique}),
        "group_id": line.resolved.group_id if line.resolved else None,
        "sku": line.resolved.sku if line.resolved else None,
        "settled_at": instant(max(moment(entry.posted_at) for entry in unique)),
        "heads": [one.item() for one in found],
        "rows": rows[:_SHOWN],
        "lines": len(unique),
        "compensated_paise": compensated_paise,
        "total_paise": sum(one.difference_paise for one in found) + compensated_paise,
    }


def _message(line_id: str, found: Sequence[Difference], compensated_paise: int) -> str:
    told = "; ".join(one.sentence for one in found)
    net = sum(one.difference_paise for one in found) + compensated_paise
    paid = f"; {rupees(compensated_paise)} were paid as compensation" if compensated_paise else ""
    in_all = f"; in all {rupees(abs(net))} too {'little' if net < 0 else 'much'}" if len(found) > 1 or paid else ""
    return f"line {line_id}: {told}{paid}{in_all}"
