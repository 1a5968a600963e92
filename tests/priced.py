"""Rate cards of the tests, read by the real loader, and sales that are priced by them."""

from __future__ import annotations

from pathlib import Path

from hunar.domain.fees import Sale
from hunar.domain.rate_card import RateCard, Traits, check
from hunar.domain.rate_row import Item
from hunar.rate_cards import published, read

FOLDER = Path(__file__).parent / "rate_cards"


def rows(name: str) -> list[tuple[int, Item]]:
    """The rows of a file of ``tests/rate_cards``, which must be without fault."""
    found = read(f"{name}.csv", (FOLDER / f"{name}.csv").read_bytes())
    assert check(found) == []
    return found


def card(*names: str, state: tuple[str, ...] = ()) -> RateCard:
    """The rows of these files, of each fee those of the last file that has it; the state's published rows of the
    codes of ``state``."""
    kept: dict[tuple[str, str], list[Item]] = {}
    for name in names:
        own: dict[tuple[str, str], list[Item]] = {}
        for _, item in rows(name):
            own.setdefault((item["scope"], item["code"]), []).append(item)
        kept |= own
    for code in state:
        kept["government", code] = [item for _, item in published("government") if item["code"] == code]
    return RateCard(item for items in kept.values() for item in items)


def sale(marketplace: str, price: int, *, quantity: int = 1, traits: Traits | None = None, **more: int | bool) -> Sale:
    """A sale at a unit price in paise."""
    return Sale(marketplace, quantity, price, traits or Traits("9999"), **more)  # type: ignore[arg-type]
