"""Paying without a bank's own file: ``razorpayx.json`` says what RazorpayX takes, ``razorpayx.py`` proves its news.

Limits of modes and lengths of texts are data, because banks and RazorpayX change them; docs/payouts.md explains them.
"""

from __future__ import annotations

import json
from functools import cache
from importlib import resources

from hunar.domain.razorpayx import LAYOUT, Rail, parse


@cache
def razorpayx_rail() -> Rail:
    """What RazorpayX takes. ValueError when the file is none."""
    return parse(json.loads(resources.files(__name__).joinpath(f"{LAYOUT}.json").read_text(encoding="utf-8")))
