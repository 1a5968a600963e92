"""What a story of money comes to, worked out with pen and paper: from the inputs alone, and without Hunar's code.

Of the shop's code it uses the names of facts only. A line's terms, what became of its goods, which rows are its own
and what they bring are thought anew here, in exact fractions, for the two bases that the stories know.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Final

from hunar.domain import facts
from tests.simulation.inputs import Input

GST: Final = 50_000
"""Parts per million: the only row of output GST that the stories' rate card has."""
GROSS: Final = ("sale", "offer", "shipping_paid_by_buyer", "refund")
COMPENSATION: Final = ("reimbursement", "protection_fund")
WITHHELD: Final = {"gst_on_fees": "gst_input_fees", "tcs": "tcs_receivable", "tds": "tds_receivable"}
LEFT: Final = ("picked_up", "shipped", "delivered")

Money = dict[str, int]
"""Paise by account or by head."""


@dataclass
class Goods:
    """One order line as its facts leave it."""

    order_ref: str
    line_id: str
    listing: str
    quantity: int
    price: int
    terms: Mapping[str, Any] | None
    units: int = 0
    returned: int = 0
    lost: int = 0
    steps: tuple[str, ...] = ()
    delivered_at: str | None = None
    coming_back: bool = False

    @property
    def name(self) -> str:
        return f"{self.order_ref}#{self.line_id}"

    @property
    def gone(self) -> bool:
        return self.returned + self.lost >= self.units


@dataclass
class MoneyPaper:
    """All that the inputs of a story amount to."""

    proven: bool
    policies: Mapping[str, Sequence[Mapping[str, Any]]]
    """As they stand in the end."""
    lines: dict[str, Goods] = field(default_factory=dict)
    rows: dict[str, list[Mapping[str, Any]]] = field(default_factory=lambda: defaultdict(list))
    """Every row that is money, once, by what it is about."""
    own: dict[str, list[tuple[Mapping[str, Any], Money]]] = field(default_factory=lambda: defaultdict(list))
    """By line: the rows that bring it something, and what."""
    waiting: dict[str, list[Money]] = field(default_factory=lambda: defaultdict(list))
    """By subject: what no line with a group claims."""

    def heads(self, name: str) -> Money:
        return _sum(part for _, part in self.own[name])

    def target(self, name: str) -> Money:
        """Every account of a line, paise above zero for a debit. What a group gets stands as ``group:…``."""
        goods, heads = self.lines[name], self.heads(name)
        if goods.terms is None:
            return {}
        version = goods.terms["policy_version"]
        [policy] = [one for one in self.policies[goods.terms["group_id"]] if one["version"] == version]
        return _sale_share(goods, heads, policy) if _shares(policy) else _piece(goods, heads, policy)

    def agencys(self, subject: str) -> Money:
        """Every account of what no line claims."""
        found: Money = defaultdict(int)
        for head, paise in _sum(self.waiting[subject]).items():
            found["marketplace_receivable:flipkart"] += paise
            if not subject.startswith("ACCOUNT"):
                found["suspense"] -= paise
            elif head in WITHHELD:
                found[WITHHELD[head]] -= paise
            elif head.startswith("fee:"):
                found[head] -= paise
                found["fees_recovered"] += paise
                found["agency_margin"] -= paise
            else:
                found["agency_margin" if head == "adjustment" else "suspense"] -= paise
        return _clean(found)


def written(inputs: Iterable[Input], policies: Mapping[str, Any], *, proven: bool) -> MoneyPaper:
    """Reads all inputs, in no order."""
    inputs = list(inputs)
    changed = [each for each in inputs if each.kind == "resolution"]
    # A version of a group stands as it was written last.
    held = {group: {policy["version"]: policy for policy in given} for group, given in policies.items()}
    for each in sorted(changed, key=lambda each: each.at):
        held[each.what["group"]][each.what["policy"]["version"]] = each.what["policy"]
    paper = MoneyPaper(proven, {group: list(given.values()) for group, given in held.items()})
    known: dict[str, set[str]] = defaultdict(set)
    files: dict[str, Counter[str]] = {}
    for number, each in enumerate(inputs):
        if each.kind == "known":
            known[each.what["order_ref"]] |= set(each.what["facts"])
        elif each.kind == "file":
            files[str(number)] = Counter(json.dumps(row, sort_keys=True) for row in each.what["rows"])
    for order_ref, texts in known.items():
        for goods in _read(order_ref, [json.loads(text) for text in texts], proven=proven):
            paper.lines[goods.name] = goods
    # Two equal rows of one file are two amounts; the same rows of another file are the same.
    most: dict[str, int] = {}
    for counted in files.values():
        for text, times in counted.items():
            most[text] = max(times, most.get(text, 0))
    for text, times in sorted(most.items()):
        for _ in range(times):
            _share_out(paper, json.loads(text))
    return paper


def subject(row: Mapping[str, Any]) -> str:
    if row["item"]:
        return f"ITEM#flipkart#demo#{row['item']}"
    if row["order"]:
        return f"WHOLE#flipkart#demo#{row['order']}"
    return f"ACCOUNT#flipkart#demo#{row['settlement']}"


# ── goods ────────────────────────────────────────────────────────────────────────────────────────


def _read(order_ref: str, told: list[dict[str, Any]], *, proven: bool) -> Iterable[Goods]:
    void = {fact["fact_id"] for fact in told if fact["fact"] == "voided"}
    told = [fact for fact in told if facts.fact_id(facts.from_content(fact)) not in void]
    by: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for fact in told:
        by[fact["fact"]].append(fact)
    steps = {fact["step"]: fact["at"] for fact in by["step"]}
    losses = [fact for fact in by["lost"] if steps.get("delivered", "") < fact["at"]]
    left = [steps[step] for step in LEFT if step in steps]
    has_left = bool(left or losses)
    for placed in by["placed"]:
        line_id = placed["line_id"]
        mine = {kind: [fact for fact in given if fact.get("line_id") == line_id] for kind, given in by.items()}
        remaps = sorted(mine.get("remapped", []), key=lambda fact: str(fact["at"]))
        terms = remaps[-1] if remaps else next(iter(mine.get("resolved", [])), None)
        goods = Goods(
            order_ref, line_id, placed["listing"], placed["quantity"], placed["unit_price_paise"], terms,
            units=placed["quantity"] - sum(fact["quantity"] for fact in mine.get("cancelled", [])),
        )  # fmt: skip
        rest, missing = goods.units if has_left else 0, 0
        for asked in sorted(mine.get("return_requested", []), key=lambda fact: str(fact["at"])):
            whose = asked["return_id"]
            seen = [fact for fact in mine.get("inspected", []) if fact["return_id"] == whose]
            if not seen and not any(fact["return_id"] == whose for fact in mine.get("return_step", [])):
                goods.coming_back = True
                continue
            units = min(asked["quantity"], rest)
            rest -= units
            goods.returned += units
            missing += sum(fact["lost"] for fact in seen if fact["good"] + fact["lost"] <= units)
        goods.returned, goods.lost = goods.returned - missing, missing
        if losses:
            goods.lost += rest
        goods.delivered_at = steps.get("delivered") if goods.units else None
        goods.steps = tuple(step for step in LEFT if step in steps and proven)
        yield goods


# ── rows ─────────────────────────────────────────────────────────────────────────────────────────


def _share_out(paper: MoneyPaper, row: Mapping[str, Any]) -> None:
    about = subject(row)
    paper.rows[about].append(row)
    claimants = [
        goods
        for goods in paper.lines.values()
        if goods.line_id == row["item"]
        or (not row["item"] and row["order"] and goods.order_ref.endswith(f":{row['order']}"))
    ]
    if not claimants:
        paper.waiting[about].append(dict(row["heads"]))
        return
    weights = {goods.name: goods.quantity * goods.price for goods in claimants}
    shares: dict[str, Money] = {name: {} for name in weights}
    for head, paise in row["heads"].items():
        for name, part in _divide(paise, weights).items():
            shares[name][head] = part
    for goods in claimants:
        if goods.terms is None:
            paper.waiting[about].append(shares[goods.name])
        else:
            paper.own[goods.name].append((row, shares[goods.name]))


def _divide(paise: int, weights: Mapping[str, int]) -> Money:
    """The exact quotas without their fractions, and what is left one by one to the largest fractions."""
    size, whole = abs(paise), sum(weights.values())
    quotas = {name: Fraction(size * weight, whole) for name, weight in weights.items()}
    given = {name: int(quota) for name, quota in quotas.items()}
    order = sorted(weights, key=lambda name: (given[name] - quotas[name], name))
    for name in order[: size - sum(given.values())]:
        given[name] += 1
    return {name: part if paise >= 0 else -part for name, part in given.items()}


# ── money ────────────────────────────────────────────────────────────────────────────────────────


def _sale_share(goods: Goods, heads: Money, policy: Mapping[str, Any]) -> Money:
    assert goods.terms is not None
    found, margin, group = _common(heads), 0, 0
    gross = sum(heads.get(head, 0) for head in GROSS)
    taxable = _net(gross)
    group += taxable
    borne = 0
    for head, paise in heads.items():
        if not head.startswith("fee:"):
            continue
        code = head.removeprefix("fee:")
        if code in policy["penalty_fees"]:
            whose = policy["penalties"]
        elif code in policy["return_fees"] or (goods.returned and goods.gone):
            whose = policy["returns"]
        elif goods.lost and goods.gone:
            whose = policy["lost"]
        else:
            whose = "GROUP"
        group, margin, borne = (
            (group + paise, margin, borne + paise) if whose == "GROUP" else (group, margin + paise, borne)
        )
    made_good = sum(heads.get(head, 0) for head in COMPENSATION)
    if goods.lost and policy["lost"] == "AGENCY":
        margin += made_good
    else:
        group += made_good
    if policy["penalties"] == "GROUP":
        group += heads.get("adjustment", 0)
    else:
        margin += heads.get("adjustment", 0)
    later = 0
    for head, clause in (("gst_on_fees", "itc"), ("tcs", "tcs"), ("tds", "tds")):
        withheld = -heads.get(head, 0)
        if policy[clause] == "GROUP_LATER":
            group, later = group - withheld, later + withheld
        elif policy[clause] == "AGENCY":
            group, margin = group - withheld, margin + withheld
    if policy["agency_fee_basis"] == "ppm_of_net":
        fee = _part(max(taxable + borne, 0), policy["agency_fee"])
    elif policy["agency_fee_basis"] == "ppm_of_taxable":
        fee = _part(max(taxable, 0), policy["agency_fee"])
    else:
        stayed = max(goods.units - goods.returned - goods.lost, 0)
        fee = policy["agency_fee"] * stayed if taxable > 0 else 0
    group -= fee
    if goods.lost and heads and policy["lost"] == "AGENCY":
        more = max(_net(goods.price * (goods.units - goods.returned)) - taxable, 0)
        group, margin = group + more, margin - more
    found |= {"agency_fee": -fee, "agency_margin": -margin, "output_gst": -(gross - taxable)}
    return _with_group(found, goods, group, later, policy)


def _piece(goods: Goods, heads: Money, policy: Mapping[str, Any]) -> Money:
    assert goods.terms is not None
    found, group = _common(heads), 0
    gross = sum(heads.get(head, 0) for head in GROSS)
    margin = _net(gross) + sum(heads.get(head, 0) for head in COMPENSATION)
    at_fault = heads.get("adjustment", 0)
    for head, paise in heads.items():
        if head.startswith("fee:"):
            if head.removeprefix("fee:") in policy["penalty_fees"]:
                at_fault += paise
            else:
                margin += paise
    if policy["penalties"] == "GROUP":
        group += at_fault
    else:
        margin += at_fault
    owed = LEFT[LEFT.index(policy["paid_on"]) :]
    if heads.get("sale", 0) > 0 or any(step in goods.steps for step in owed):
        pieces = goods.units
        pieces -= goods.returned if policy["returns"] == "GROUP" else 0
        pieces -= goods.lost if policy["lost"] == "GROUP" else 0
        paid = pieces * goods.terms["piece_price_paise"]
        group, margin = group + paid, margin - paid
    found |= {"agency_margin": -margin, "output_gst": -(gross - _net(gross))}
    return _with_group(found, goods, group, 0, policy)


def _with_group(found: Money, goods: Goods, group: int, later: int, policy: Mapping[str, Any]) -> Money:
    assert goods.terms is not None
    whose = goods.terms["group_id"]
    aside = _part(max(group, 0), policy["fund_ppm"])
    found |= {f"group:{whose}": aside - group, f"group_fund:{whose}": -aside, f"group_credits:{whose}": -later}
    return _clean(found)


def _common(heads: Money) -> Money:
    """What reached the bank, what the state has, what fees were, what nobody understands."""
    found: Money = defaultdict(int)
    for head, paise in heads.items():
        found["marketplace_receivable:flipkart"] += paise
        if head in WITHHELD:
            found[WITHHELD[head]] -= paise
        elif head.startswith("fee:"):
            found[head] -= paise
            found["fees_recovered"] += paise
        elif head.startswith("other:"):
            found["suspense"] -= paise
    return found


def _shares(policy: Mapping[str, Any]) -> bool:
    return bool(policy["payout_basis"] == "SALE_SHARE")


def _net(gross: int) -> int:
    return _rounded(Fraction(gross * 1_000_000, 1_000_000 + GST))


def _part(paise: int, ppm: int) -> int:
    return _rounded(Fraction(paise * ppm, 1_000_000))


def _rounded(exact: Fraction) -> int:
    """To the nearest paisa, a half away from nothing."""
    size = int(abs(exact) + Fraction(1, 2))
    return size if exact >= 0 else -size


def _sum(parts: Iterable[Mapping[str, int]]) -> Money:
    found: Money = defaultdict(int)
    for part in parts:
        for head, paise in part.items():
            found[head] += paise
    return _clean(found)


def _clean(amounts: Mapping[str, int]) -> Money:
    return {name: paise for name, paise in amounts.items() if paise}
