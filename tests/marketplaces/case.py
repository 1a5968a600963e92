"""What a marketplace's module brings to the suite: its messages as they were published, and how they are signed.

A marketplace joins by a file in ``cases/`` that names its ``CASE``. docs/adding-a-marketplace.md makes the whole walk.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml

from hunar.domain.channel import Account, Call, Channel, Offer
from hunar.domain.reading import Reading
from hunar.marketplaces.body import written
from hunar.ports import WebhookSecret

SAMPLES = Path(__file__).parents[1] / "samples"
ACCOUNT = "demo"

Message = dict[str, Any]
Told = Mapping[str, Any]
"""Of one field: ``used`` for what or ``ignored`` why; ``without`` which others it counts."""


@dataclass(frozen=True)
class Sample:
    """One message or answer, whole, and how its module reads it."""

    message: Message
    read: Callable[[bytes, str], Reading]
    verdict: str = "APPLIED"
    """What reading it as it was published finds."""
    also: Callable[[bytes], object] = lambda raw: None
    """What the module says of it besides, for example for whom it is."""

    def reading(self, message: Message | None = None) -> Reading:
        """Of the sample, or of a changed copy."""
        return self.read(self.raw(message), ACCOUNT)

    def raw(self, message: Message | None = None) -> bytes:
        return written(self.message if message is None else message).encode("utf-8", "surrogatepass")


@dataclass(frozen=True)
class Door:
    """A webhook. The module's ``sign`` makes the headers that the marketplace sends."""

    secret: WebhookSecret
    other: str
    """Another secret of the same form."""
    past: timedelta
    """How old a call may be, to the second."""
    ahead: timedelta
    """How far ahead of our clock."""


@dataclass(frozen=True)
class Api:
    """An API that is asked and told, and its answers as the marketplace writes them."""

    channel: Channel
    account: Account
    order_id: str
    order: bytes
    """The answer to the question for this one order."""
    page: Callable[[Call, str | None], bytes]
    """The answer to a search with that order in it, and the name of the next page, if there is one."""
    offers: Sequence[Offer]
    """At least one more than a call takes."""
    nameless: Offer
    """One that lacks what the channel needs to know of a listing besides its name."""
    posted: Callable[[Call, Mapping[str, bool]], bytes]
    """What the channel answers with status 200: True for a listing whose number it takes, False for one that it
    refuses. It says nothing of the others."""
    shown: Callable[[Call, Mapping[str, int]], bytes]
    """What the channel answers to the question for numbers. It says nothing of the others."""


@dataclass(frozen=True)
class Case:
    """One marketplace."""

    name: str
    module: Any
    """Reads what the marketplace sends by itself."""
    samples: Mapping[str, Sample]
    fields: Mapping[str, Mapping[str, Told]]
    """By sample and path, see ``fields.yaml``."""
    hers: frozenset[str] = frozenset()
    """Names of fields that are about the buyer, wherever they stand."""
    units: frozenset[str] = frozenset()
    """Names of fields that are numbers of units."""
    prices: tuple[str, ...] = ()
    """How the paths of fields end that are the price of a unit."""
    door: Door | None = None
    api: Api | None = None

    def __repr__(self) -> str:
        return self.name


def published(name: str) -> dict[str, Message]:
    """Every message in ``samples/<name>``, fractions as Decimal."""
    return {
        path.stem: json.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
        for path in sorted((SAMPLES / name).glob("*.json"))
    }


def fields_of(name: str, *sections: str) -> dict[str, Mapping[str, Told]]:
    """``samples/<name>/fields.yaml``: what is done with each published field."""
    content = yaml.safe_load((SAMPLES / name / "fields.yaml").read_text(encoding="utf-8"))
    return {sample: told for section in sections or ("events",) for sample, told in content[section].items()}
