"""Shops that send Standard Webhooks, in the format of docs/standard-webhook.md."""

from __future__ import annotations

import base64
from datetime import timedelta

from hunar.marketplaces import standard
from hunar.ports import WebhookSecret
from tests.marketplaces.case import Case, Door, Sample, fields_of, published

CURRENT, PREVIOUS, OTHER = ("whsec_" + base64.b64encode(letter * 24).decode() for letter in (b"a", b"b", b"c"))

CASE = Case(
    name="standard",
    module=standard,
    samples={name: Sample(message, standard.read) for name, message in published("standard").items()},
    fields=fields_of("standard"),
    units=frozenset({"quantity"}),
    prices=("unit_price_paise",),
    door=Door(
        secret=WebhookSecret("", CURRENT, PREVIOUS, ""),
        other=OTHER,
        past=timedelta(minutes=5),
        ahead=timedelta(minutes=5),
    ),
)
