"""Stories of batches: money that becomes payable, accounts that change, persons who close and approve, a bank."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from hunar.domain import batch
from tests.book import POLICY
from tests.simulation.inputs import Input

GROUPS: Final = ("G11", "G22", "G33")
PERSONS: Final = ("meera", "rekha", "asha")
COOLING_DAYS: Final = 1
DAY: Final = 24 * 3600.0
MILLION: Final = 1_000_000
FATES: Final = ("paid", "paid", "paid", "paid", "rejected", "returned", "returned", "rejected and paid", "paid twice")
"""What becomes of a payment at the bank."""

Policy = dict[str, Any]


def resolutions(draw: random.Random) -> dict[str, list[Policy]]:
    """Of each group: what part of a payout may go against a debt. Now and then nobody resolved it."""
    caps = (500_000, 500_000, 1_000_000, 333_333, 0)
    found = {group: [POLICY | {"recovery_ppm": draw.choice(caps)}] for group in GROUPS}
    if draw.random() < 0.1:
        found[draw.choice(GROUPS)][0].pop("recovery_ppm")
    return found


def story(draw: random.Random, held: Mapping[str, list[Policy]]) -> list[Input]:
    """A group of which all may go against its debt is told to have a large one: whole payouts of it are none."""
    told: list[Input] = []
    for group in GROUPS:
        if draw.random() < 0.95:
            told += [_act("propose", 0.0, person="meera", group=group, number=0)]
            confirmed = (30.0, 200.0) if draw.random() < 0.97 else ()
            told += [_act("confirm", at, person="rekha", group=group) for at in confirmed]
    debtor = next((group for group in GROUPS if held[group][0].get("recovery_ppm") == MILLION), "")
    sales = 0
    begins = 400.0
    for number in range(draw.choice((1, 2, 2, 3))):
        haste, crowd = draw.choice((1.0, 4.0, 30.0, 200.0)), draw.random() < 0.4
        for group in GROUPS:
            for _ in range(draw.choice((0, 1, 1, 2, 3))):
                sales += 1
                later = 0.0 if crowd else draw.random()
                told.append(_sale(draw, sales, group, begins + haste * draw.choice((-2, -2, later)), debtor))
            if draw.random() < 0.25:
                told += _account(draw, group, number + 1, begins + haste * 5 * draw.random())
        told += _batch(draw, number, begins, haste, crowd=crowd)
        begins += draw.choice((haste / 2, 2 * haste, 1800.0, 1.5 * DAY, 3 * DAY))
    return sorted((replace(each, at=round(max(each.at, 0.0), 1)) for each in told), key=lambda each: each.at)


def _act(kind: str, at: float, **what: Any) -> Input:
    return Input(kind, at, "", what)


def _sale(draw: random.Random, number: int, group: str, at: float, debtor: str) -> Input:
    amounts = (
        (-90_000, 250, 3_333) if group == debtor else (10_001, 10_001, 42_000, 42_000, 6_667, 250, -1, -5_001, -30_000)
    )
    paise = draw.choice(amounts)
    return _act("settle", at, number=number, group=group, paise=paise, held=draw.random() < 0.15)


def _account(draw: random.Random, group: str, number: int, at: float) -> list[Input]:
    """An account is closed, or changed and confirmed, by the right persons and by wrong ones."""
    if draw.random() < 0.2:
        return [_act("end", at, person=draw.choice(PERSONS), group=group)]
    who = draw.choice(PERSONS)
    found = [_act("propose", at, person=who, group=group, number=number)]
    for _ in range(draw.choice((0, 1, 1, 2))):
        found.append(_act("confirm", at + draw.choice((5, 100, DAY)), person=draw.choice(PERSONS), group=group))
    return found


def _batch(draw: random.Random, number: int, at: float, haste: float, *, crowd: bool) -> list[Input]:
    """One batch on its way: who closes it, and what is done with it, in about the right order.

    ``crowd``: several close it in one moment, while money comes in.
    """
    by = draw.choice(("schedule", *PERSONS[:2]))
    name = f"S{number}" if by == "schedule" else batch.of_act(f"act-{number}")
    found: list[Input] = []

    def act(kind: str, step: float, **what: Any) -> None:
        found.append(
            _act(kind, at + haste * (step + 2 * draw.random()), person=draw.choice(PERSONS), batch=name, **what)
        )

    # Who asked twice, and a schedule that fires twice, close the same batch at once.
    for again in range(draw.choice((2, 3, 4) if crowd else (1, 2, 2, 3))):
        later = 0.0 if crowd else haste * draw.random() * again
        found.append(_act("close", at + later, person=by, batch=name, act=f"act-{number}"))
    act("release", 0)
    for _ in range(draw.choice((2, 3, 4))):
        act("approve", 2, looks=min(draw.choice((0, haste / 2, haste)), 20.0))
    for kind, often, step in (("pull", 0.25, 3), ("withdraw", 0.15, 3), ("cancel", 0.1, 3)):
        if draw.random() < often:
            act(kind, step, group=draw.choice(GROUPS))
    if draw.random() < 0.15:
        # Somebody goes around the approval, and the bank's list says so before anybody gives the file out.
        act("leak", 1, group=draw.choice(GROUPS))
        act("tell", 3)
    for step in (4, 5, 6) if draw.random() < 0.9 else ():
        act("submit", step)
    if draw.random() < 0.25:
        # Of what the bank may have, two persons say that it never got it; here and there they are wrong.
        for person in draw.sample(PERSONS, 2) + [draw.choice(PERSONS)]:
            found.append(_act("cancel", at + haste * (6 + 8 * draw.random()), person=person, batch=name, group=""))
    fates = {group: draw.choice(FATES) for group in GROUPS}
    for step in (6, 8):
        act("carry", step, fates=fates)
    for _ in range(draw.choice((0, 1, 2, 4))):
        found.append(
            _act("tell", at + haste * (8 + 5 * draw.random()) + draw.choice((0, 0, DAY)), person=draw.choice(PERSONS),
                 batch=name, seed=draw.randrange(1_000_000))
        )  # fmt: skip
    if draw.random() < 0.2:
        act("age", 3)
    return found
