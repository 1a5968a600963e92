"""The words of the statements: one JSON file for each language, a draft until a speaker's name and date stand in it.

GST, TCS, TDS and UTR stand in Latin letters in all of them, as on the banks' and the marketplaces' own papers; digits
are ASCII everywhere.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Final

from hunar.domain.sms_text import LOCALES

__all__ = ["KEYS", "LOCALES", "Words", "parse", "words"]

RIGHT_TO_LEFT: Final = frozenset({"Arabic"})

# fmt: off
KEYS: Final = frozenset({
    "title", "group", "number", "period", "orders", "order", "price", "refund", "output_gst", "agency_sale",
    "pieces", "fee", "commission", "fixed_fee", "collection_fee", "shipping_fee", "reverse_shipping_fee",
    "pick_and_pack_fee", "closing_fee", "technology_fee", "product_cancellation_fee",
    "gst_on_fees", "tcs", "tds", "compensation", "adjustment", "lost", "agency_fee", "moved", "other", "fund",
    "share", "no_cost", "waits", "agencys", "balances", "opening", "closing", "held", "payable", "on_the_way",
    "debt", "credits", "members", "settled", "corrected", "released", "recovered", "paid_out", "arrived",
    "sent_back", "payments", "account", "copy", "cash_book", "ledger", "passbook", "debit", "credit", "received",
    "paid", "sales", "taxes_kept", "other_income", "owed_by_agency", "bank", "split", "undivided", "no_members",
    "check",
})
"""What every language has a word for, and nothing else."""
# fmt: on


@dataclass(frozen=True)
class Words:
    """The words of one language, by KEYS."""

    locale: str
    language: str
    script: str
    """In which it is written, as Unicode calls it."""
    review: str
    """``draft``, or the speaker's name and the day on which she approved all of them."""
    words: Mapping[str, str]

    def __getitem__(self, key: str) -> str:
        return self.words[key]

    @property
    def right_to_left(self) -> bool:
        return self.script in RIGHT_TO_LEFT


@cache
def words(locale: str) -> Words:
    """A language's words; reads its file only. ValueError when there is none, or it is no such file."""
    if locale not in LOCALES:
        raise ValueError(f"locale {locale!r} has no words for statements")
    content = json.loads(resources.files(__name__).joinpath(f"{locale}.json").read_text(encoding="utf-8"))
    found = parse(content)
    if found.locale != locale:
        raise ValueError(f"{locale}.json: says that it is {found.locale}")
    return found


def parse(content: Mapping[str, object]) -> Words:
    """A language from its file's content. ValueError names what is missing, too much or empty."""
    locale = content.get("locale", "")
    wanted = {"locale", "language", "script", "review", "words"}
    if wrong := sorted(wanted ^ content.keys()):
        raise ValueError(f"{locale}: {wrong[0]} is {'missing' if wrong[0] in wanted else 'unknown'}")
    found = content["words"]
    if not isinstance(found, Mapping):
        raise ValueError(f"{locale}: words are words by their keys")
    if wrong := sorted(KEYS ^ found.keys()):
        raise ValueError(f"{locale}: the word {wrong[0]} is {'missing' if wrong[0] in KEYS else 'unknown'}")
    for key, word in found.items():
        if not isinstance(word, str) or not word.strip():
            raise ValueError(f"{locale}: the word {key} is empty")
    language, script, review = (str(content[name]) for name in ("language", "script", "review"))
    return Words(str(locale), language, script, review, MappingProxyType(dict(found)))
