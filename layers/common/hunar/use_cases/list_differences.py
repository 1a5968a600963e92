"""Every line that was settled otherwise than expected, for the dispute with the marketplace."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from hunar import tables
from hunar.domain.settled import COMPENSATION
from hunar.ports import Store
from hunar.tables import Item, Table
from hunar.use_cases.paging import batches, pages


def listed(
    store: Store,
    *,
    marketplace: str | None = None,
    account: str | None = None,
    since: str | None = None,
    until: str | None = None,
) -> list[dict[str, Any]]:
    """The lines with a difference, by the day of their last settlement, each row with the name of its file.

    ``since`` (inclusive) and ``until`` (exclusive) are moments in UTC.
    """
    found = [
        item
        for item in pages(store, Table.LEDGER, tables.DIFFERENCES)
        if item["heads"]
        and marketplace in (None, item["marketplace"])
        and account in (None, item["account"])
        and (since is None or since <= item["settled_at"])
        and (until is None or item["settled_at"] < until)
    ]
    names = _file_names(store, found)
    return [
        _shown(item, names)
        for item in sorted(found, key=lambda item: (item["settled_at"], item["order_ref"], item["line_id"]))
    ]


def not_compared(store: Store) -> list[dict[str, str]]:
    """The settled lines that no card could be asked for, each with the reason."""
    return [
        {name: item[name] for name in ("order_ref", "line_id", "not_compared")}
        for item in pages(store, Table.LEDGER, tables.DIFFERENCES)
        if item.get("not_compared")
    ]


def totals(found: Iterable[Item]) -> dict[str, dict[str, int]]:
    """Of each head, how many lines differ and by how much; what was paid as compensation is a head of its own."""
    sums: dict[str, dict[str, int]] = {}
    for item in found:
        for head in [*item["heads"], *compensated(item)]:
            of_head = sums.setdefault(
                head["head"], {"lines": 0, "expected_paise": 0, "settled_paise": 0, "difference_paise": 0}
            )
            of_head["lines"] += 1
            for name in ("expected_paise", "settled_paise", "difference_paise"):
                of_head[name] += head[name]
    return dict(sorted(sums.items()))


def compensated(item: Item) -> list[dict[str, Any]]:
    """What the marketplace paid against the differences of a line, in the form of a head; nothing if it did not."""
    paise = item["compensated_paise"]
    if not paise:
        return []
    return [
        {
            "head": "compensation",
            "expected_paise": 0,
            "settled_paise": paise,
            "difference_paise": paise,
            "rate_row": None,
            "how": f"paid as {' or '.join(sorted(COMPENSATION))}",
            "source": "",
            "rows": [],
        }
    ]


def _file_names(store: Store, found: Iterable[Item]) -> dict[str, str]:
    """The names of the files of which each settlement was taken, by the settlement's key. Rows count in one of them."""
    headers = {
        tables.settlement(item["marketplace"], item["account"], settlement_id)
        for item in found
        for settlement_id in item["settlement_ids"]
    }
    return {
        key.sk: ", ".join(sorted({file["name"] for file in header["files"]}))
        for some in batches(sorted(headers))
        for key, header in store.read(some).items()
    }


def _shown(item: Item, names: dict[str, str]) -> dict[str, Any]:
    def named(rows: list[Item]) -> list[Item]:
        whose = item["marketplace"], item["account"]
        return [
            row | {"file": names.get(tables.settlement_partition(*whose, row["settlement_id"])) or None} for row in rows
        ]

    fields = (
        *("order_ref", "line_id", "marketplace", "account", "order_id", "item_id", "settlement_ids", "group_id", "sku"),
        *("at", "settled_at", "compensated_paise", "total_paise"),
    )
    heads = [head | {"rows": named(head["rows"])} for head in item["heads"]]
    return {name: item[name] for name in fields} | {"heads": heads, "rows": named(item["rows"])}
