"""What must be true of money: at every write (``MoneyWatch``), and when all is done (``check``)."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from hunar import tables
from hunar.domain.facts import instant, moment
from hunar.domain.head import audit
from hunar.domain.identity import derived_id
from hunar.domain.worklist import exception_id
from hunar.tables import Item, Key, Table
from tests.simulation.broken import Broken
from tests.simulation.inputs import Input
from tests.simulation.money_paper import Goods, MoneyPaper
from tests.simulation.text_promises import TextWatch

if TYPE_CHECKING:
    from tests.simulation.workers import Simulation

CAP: Final = 2
"""One part in so many of a payout may go against a debt."""
OWED: Final = ("group_held", "group_payable", "payout_in_transit")
STANDS: Final = ("group_held", "group_payable", "group_debt")
"""Where what a group gets for a line can stand: held, payable, or given back already."""


class MoneyWatch:
    """Looks at each write of the ledger at the moment at which it happens."""

    def __init__(self, paper: MoneyPaper, soonest: Mapping[str, str], now: Callable[[], str]) -> None:
        self.texts = TextWatch()
        self.broken: Broken | None = None
        self.approved: set[str] = set()
        """Proposals that a person approved."""
        self.rounds = 0
        self._paper, self._now = paper, now
        self._soonest = soonest
        self._entries: dict[Key, Item] = {}
        self._ids: set[str] = set()
        self._books: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
        """Balances by group, from the entries as they came."""
        self._released: dict[str, int] = defaultdict(int)
        self._left: dict[str, int] = defaultdict(int)
        """Paise that are on their way to a group, or that it got."""
        self._heads: dict[str, Item] = {}
        self._posted: dict[Key, Item] = {}
        self.lines: dict[tuple[str, str], dict[str, int]] = defaultdict(lambda: defaultdict(int))
        """Balances by order line, from the entries as they came."""

        self._suspense: dict[str, int] = defaultdict(int)
        """By subject."""
        self.told: Callable[[str], None] = lambda text: None
        """Told of each entry, in words."""

    def __call__(self, written: Sequence[tuple[Key, Item]]) -> None:
        if self.broken:
            return
        try:
            for key, item in written:
                # Entries come first: a head is what its entries amount to, at the moment at which it is written.
                if key.table is Table.LEDGER and "postings" in item and item["kind"] != "EXPECTED":
                    self._entry(key, item)
            for key, item in written:
                if key.table is Table.LEDGER and key.sk == "HEAD" and key.pk.startswith("GROUP#"):
                    self._head(item)
                elif key.table is Table.LEDGER and key.sk.startswith("POSTED#"):
                    self._line(key, item)
        except Broken as broken:
            self.broken = broken

    def _entry(self, key: Key, item: Item) -> None:
        if key in self._entries or item["entry_id"] in self._ids:
            raise Broken("every entry id once", f"{item['kind']} {item['entry_id']} {item['order_ref']}")
        self._entries[key] = item
        self.told(f"BOOKED {item['kind']} {item['group_id'] or item['source']}")
        self._ids.add(item["entry_id"])
        group, kind = item["group_id"], item["kind"]
        moved: dict[str, int] = defaultdict(int)
        for posting in item["postings"]:
            moved[posting["account"]] += posting["amount_paise"]
        if sum(moved.values()):
            raise Broken("every entry sums to zero", str(item))
        if any(account.startswith("expected") for account in moved):
            raise Broken("no memo account is in a book", str(item))
        if kind == "PAID_OUT":
            self._pays(group, moved)
        if kind == "SENT_BACK":
            self._left[group] -= -sum(paise for account, paise in moved.items() if account.startswith("group_payable"))
        if kind == "RELEASED":
            self._releases(item, -moved[f"group_payable:{group}"])
        if kind == "CORRECTED":
            self._corrects(item)
        if not group:
            self._suspense[item["source"]["subject"]] += moved["suspense"]
        for account, paise in moved.items():
            if group and account.endswith(f":{group}"):
                self._books[group][account] += paise
            if item["line_id"]:
                self.lines[item["order_ref"], item["line_id"]][account] += paise

    def _pays(self, group: str, moved: Mapping[str, int]) -> None:
        books = self._books[group]
        payable, debt = -books[f"group_payable:{group}"], books[f"group_debt:{group}"]
        paid = -sum(paise for account, paise in moved.items() if account.startswith("payout_in_transit"))
        kept = min(debt, payable // CAP)
        if (paid, moved.get(f"group_debt:{group}", 0)) != (payable - kept, -kept):
            text = f"{group}: {paid} of {payable} payable with a debt of {debt}"
            raise Broken("a payout takes all that is payable and nets the debt", text)
        self._left[group] += paid
        if self._left[group] > self._released[group]:
            text = f"{group}: {self._left[group]} left, {self._released[group]} were released"
            raise Broken("nothing is paid that was not settled and released", text)

    def _releases(self, item: Item, paise: int) -> None:
        name, now = f"{item['order_ref']}#{item['line_id']}", self._now()
        self._released[item["group_id"]] += paise
        soonest = self._soonest.get(name)
        held = self._posted.get(tables.posted(item["order_ref"], item["line_id"]), {}).get("operator_hold") or {}
        for what, when in (("its window", soonest), ("the operator's hold", held.get("until"))):
            if when is not None and now < when:
                raise Broken("nothing is released before its hold is over", f"{name} at {now}, {what} ends {when}")
        if soonest is None:
            raise Broken("nothing is paid that was not settled and released", f"{name} was never earned")

    def _corrects(self, item: Item) -> None:
        # An entry that is one of several has its place in its id, too.
        group = item["group_id"]
        if not any(
            item["entry_id"]
            in (derived_id("CORRECTED", one), *(derived_id("CORRECTED", one, group, n) for n in range(4)))
            for one in self.approved
        ):
            raise Broken("a proposal is booked by a person alone", f"{item['order_ref']} {item['line_id']}")

    def _head(self, item: Item) -> None:
        group, before = item["group_id"], self._heads.get(item["group_id"])
        books = {account: paise for account, paise in self._books[group].items() if paise}
        if dict(item["balances"]) != books:
            text = f"{group}: {dict(item['balances'])}, by its entries {books}"
            raise Broken("a head is what its entries amount to", text)
        if item["version"] != (before["version"] if before else 0) + 1:
            raise Broken("a head is written with the version that was read", f"{group}: {item['version']}")
        self._heads[group] = item
        for account, paise in books.items():
            if paise > 0 and account.startswith(OWED):
                raise Broken("nobody is owed less than nothing", f"{account} is {paise}")
            if paise < 0 and account.startswith("group_debt"):
                raise Broken("nobody owes less than nothing", f"{account} is {paise}")

    def _line(self, key: Key, item: Item) -> None:
        before = self._posted.get(key)
        if item["version"] != (before["version"] if before else 0) + 1:
            raise Broken("what is posted is written with the version that was read", f"{key.sk}: {item['version']}")
        self._posted[key] = item
        booked = _folded(self.lines[item["order_ref"], item["line_id"]])
        amounts: dict[str, int] = defaultdict(int)
        for posting in item["amounts"]:
            amounts[posting["account"]] += posting["amount_paise"]
        if booked != _folded(amounts):
            text = f"{item['order_ref']} {item['line_id']}: {_folded(amounts)}, by its entries {booked}"
            raise Broken("what is posted is what was booked", text)

    def before_the_night(self, world: Simulation) -> None:
        """News of goods that left, and rows of a known order, are booked without anybody looking again."""
        for name, goods in self._paper.lines.items():
            # A share of a whole order, or of an item in two parcels, may change with another line: the night sees it.
            alone = sum(other.line_id == goods.line_id for other in self._paper.lines.values()) == 1
            shared = not alone or any(row["item"] is None for row, _ in self._paper.own[name])
            if goods.terms is None or not goods.delivered_at or shared:
                continue
            has = self.lines[goods.order_ref, goods.line_id].get("marketplace_receivable:flipkart", 0)
            should = self._paper.target(name).get("marketplace_receivable:flipkart", 0)
            if has != should and not _shown(world, "BOOK_REFUSED", goods):
                text = f"{name}: {has} of {should} before anybody looks again"
                raise Broken("what is known and settled is booked", text)
            about = f"ITEM#flipkart#demo#{goods.line_id}"
            if self._suspense[about] and not self._paper.waiting[about]:
                raise Broken("what found its order waits no more", f"{about}: {self._suspense[about]} in suspense")


def _folded(amounts: Mapping[str, int]) -> dict[str, int]:
    """What a group gets in one sum, wherever it stands; nothing for an account of another entry's clearing."""
    found: dict[str, int] = defaultdict(int)
    for account, paise in amounts.items():
        name, _, group = account.partition(":")
        found[f"group:{group}" if name in STANDS else account] += paise
    return {account: paise for account, paise in found.items() if paise and not account.startswith("clearing")}


def soonest(inputs: Sequence[Input], held: Mapping[str, Any], *, proven: bool) -> dict[str, str]:
    """The earliest moment at which any reading of what was ever said lets a line's hold end, by line.

    Of a line that was never said to be earned there is none.
    """
    days = min(
        [policy["return_window_days"] for given in held.values() for policy in given]
        + [each.what["policy"]["return_window_days"] for each in inputs if each.kind == "resolution"]
    )
    told = [(each.what["order_ref"], json.loads(text)) for each in inputs if each.kind == "known"
            for text in each.what["facts"]]  # fmt: skip
    rows = [row for each in inputs if each.kind == "file" for row in each.what["rows"]]
    by_piece = {fact["line_id"] for _, fact in told if fact.get("payout_basis", "SALE_SHARE") != "SALE_SHARE"}
    found: dict[str, str] = {}
    for order_ref, line_id in {(order_ref, fact["line_id"]) for order_ref, fact in told if fact["fact"] == "placed"}:
        order = order_ref.rsplit(":", 1)[1]
        whose = ((line_id, "OD"), (None, order))
        earned = [instant(moment(row["posted_at"])) for row in rows if (row["item"], row["order"]) in whose]
        steps = [fact for ref, fact in told if ref == order_ref and fact["fact"] == "step"]
        if proven and line_id in by_piece:
            earned += [fact["at"] for fact in steps]
        if not earned:
            continue
        came = [fact["at"] for fact in steps if fact["step"] == "delivered"]
        window = instant(moment(min(came + earned)) + timedelta(days=days))
        found[f"{order_ref}#{line_id}"] = max(window, min(earned))
    return found


# ── when all is done ─────────────────────────────────────────────────────────────────────────────


def check(world: Simulation, paper: MoneyPaper, watch: MoneyWatch, inputs: Sequence[Input]) -> None:
    """All that must be true when nothing is left to do. Raises Broken."""
    found = world.store.everything()
    ledger = {key: item for key, item in found.items() if key.table is Table.LEDGER}
    entries = [item for item in ledger.values() if "postings" in item and item["kind"] != "EXPECTED"]
    _books(ledger)
    balances: dict[str, int] = defaultdict(int)
    for item in entries:
        for posting in item["postings"]:
            balances[posting["account"]] += posting["amount_paise"]
    if sum(balances.values()) or any(paise for name, paise in balances.items() if name.startswith("clearing")):
        raise Broken("all accounts together come to nothing", str(dict(balances)))
    if len({item["entry_id"] for item in entries}) < len(entries):
        raise Broken("every entry id once", "two entries have one id")
    paid = any(item["kind"] == "PAID_OUT" for item in entries)
    for name, goods in paper.lines.items():
        _line(world, ledger, paper, watch, name, goods, paid=paid)
    _subjects(world, entries, paper)
    _words(ledger, inputs)
    settled = sum(paise for rows in paper.rows.values() for row in rows for paise in row["heads"].values())
    if balances["marketplace_receivable:flipkart"] != settled:
        text = f"{balances['marketplace_receivable:flipkart']} booked, {settled} settled"
        raise Broken("each row of a settlement counts once", text)
    _settlements(ledger, paper)
    due = [item for item in ledger.values() if item.get("due_sk", "~") <= world.now]
    if due:
        raise Broken("in the end nothing is due", str(due[0]))


def _words(ledger: Mapping[Key, Item], inputs: Sequence[Input]) -> None:
    """Of several words of a person about one line the latest holds, in whatever order they came."""
    for each in sorted((each for each in inputs if each.kind == "hold"), key=lambda each: str(each.what["said_at"])):
        line = (each.what["order_ref"], each.what["line_id"])
        latest = max(
            (one.what for one in inputs if one.kind == "hold" and (one.what["order_ref"], one.what["line_id"]) == line),
            key=lambda what: str(what["said_at"]),
        )
        has = ledger[tables.posted(*line)]["operator_hold"]["until"]
        if has != latest["until"]:
            raise Broken("the latest word of a person holds", f"{line}: until {has}, said {latest['until']}")


def _books(ledger: Mapping[Key, Item]) -> None:
    for key, item in ledger.items():
        if key.sk == "HEAD" and key.pk.startswith("GROUP#"):
            of = [one for place, one in ledger.items() if place.pk == key.pk and place.sk.startswith("ENTRY#")]
            if faults := audit(item, of):
                raise Broken("every book proves itself", str(faults[0]))


def _line(
    world: Simulation,
    ledger: Mapping[Key, Item],
    paper: MoneyPaper,
    watch: MoneyWatch,
    name: str,
    goods: Goods,
    *,
    paid: bool,
) -> None:
    booked, target = _folded(watch.lines[goods.order_ref, goods.line_id]), paper.target(name)
    proposed, refused = (_shown(world, kind, goods) for kind in ("MONEY_PROPOSED", "BOOK_REFUSED"))
    if refused:
        raise Broken("nothing is refused", f"{name}: {refused['message']}")
    if proposed and booked == target and _rows_agree(ledger, goods, paper):
        raise Broken("what is shown as proposed differs", f"{name} is booked as on paper: {proposed['message']}")
    if not proposed and booked != target:
        raise Broken("each line is as on paper", f"{name}: {booked}, on paper {target}")
    if booked.get(_CASH, 0) != target.get(_CASH, 0):
        raise Broken("each line is as on paper", f"{name}: {booked.get(_CASH)} received, on paper {target.get(_CASH)}")
    item = ledger.get(tables.posted(goods.order_ref, goods.line_id))
    sale = paper.heads(name).get("sale", 0)
    missing = goods.terms is not None and sale > 0 and not goods.delivered_at and not goods.returned and not goods.lost
    if not proposed and bool(_shown(world, "SETTLED_NOT_DELIVERED", goods)) != missing:
        raise Broken("what is settled and not delivered is shown", f"{name}: should be {missing}")
    if item is None or proposed or paid or not target:
        return
    # Without payouts it hangs on nothing but the inputs where the money stands.
    for group in sorted({account.partition(":")[2] for account in target if account.startswith("group:")}):
        stands = watch.lines[goods.order_ref, goods.line_id]
        held, payable, debt = (stands.get(f"{account}:{group}", 0) for account in STANDS)
        gets = -target.get(f"group:{group}", 0)
        waits = not item["hold_end"] or item["hold_end"] > world.now
        # What was released before somebody held the rest back stays released.
        split = (held + payable, 0) if waits else (held, payable)
        if gets >= 0 and (split != ((-gets, 0) if waits else (0, -gets)) or debt):
            text = f"{name}: held {held}, payable {payable}, debt {debt} of {gets}, until {item['hold_end']}"
            raise Broken("money stands where its inputs put it", text)
        if gets < 0 and (held, payable, debt) != (0, 0, -gets):
            raise Broken("money stands where its inputs put it", f"{name}: {held} {payable} {debt} of {gets}")
        if waits and not (goods.coming_back or (item["operator_hold"] or {}).get("until")):
            raise Broken("in the end every hold is over", f"{name} is held until {item['hold_end']}")


_CASH: Final = "marketplace_receivable:flipkart"


def _rows_agree(ledger: Mapping[Key, Item], goods: Goods, paper: MoneyPaper) -> bool:
    """Whether all amounts of a line stand on rows of the terms that it has: else only those would move."""
    item = ledger.get(tables.posted(goods.order_ref, goods.line_id))
    if item is None or goods.terms is None:
        return True
    mine = f":{goods.terms['group_id']}:{goods.terms['policy_version']}:"
    rows = [posting["rate_row"] for posting in item["amounts"] if posting["rate_row"].startswith("resolution:")]
    return all(mine in row for row in rows)


def _subjects(world: Simulation, entries: Sequence[Item], paper: MoneyPaper) -> None:
    booked: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for item in entries:
        if item["group_id"] is None:
            for posting in item["postings"]:
                booked[item["source"]["subject"]][posting["account"]] += posting["amount_paise"]
    for name in sorted(booked.keys() | paper.rows.keys()):
        has = {account: paise for account, paise in booked[name].items() if paise}
        if has != paper.agencys(name):
            raise Broken("what no line claims is as on paper", f"{name}: {has}, on paper {paper.agencys(name)}")
        waits = bool(paper.waiting[name]) and not name.startswith("ACCOUNT")
        unknown = any(head.startswith("other:") for row in paper.rows[name] for head in row["heads"])
        for kind, should in (("SUSPENSE", waits), ("UNKNOWN_MONEY", unknown)):
            item = world.store.everything().get(tables.exception(exception_id(kind, name)))
            if (item is not None and item["closed_at"] is None) != should:
                raise Broken("what waits is shown, and nothing else", f"{name}: {kind} should be {should}")


def _settlements(ledger: Mapping[Key, Item], paper: MoneyPaper) -> None:
    """Per settlement: what lines got, what is the agency's and what is in suspense is what was settled."""
    kept: dict[str, int] = defaultdict(int)
    for item in ledger.values():
        if "settlement_pk" in item:
            kept[item["settlement_id"]] += sum(item["heads"].values())
    parts: dict[str, int] = defaultdict(int)
    for rows in paper.rows.values():
        for row in rows:
            parts[row["settlement"]] += sum(row["heads"].values())
    if kept != parts:
        raise Broken("each row of a settlement counts once", f"kept {dict(kept)}, on paper {dict(parts)}")


def _shown(world: Simulation, kind: str, goods: Goods) -> dict[str, Any] | None:
    key = tables.exception(exception_id(kind, goods.order_ref, goods.line_id))
    item = world.store.everything().get(key)
    return item if item is not None and item["closed_at"] is None else None
