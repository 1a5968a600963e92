"""What must be true of batches: at every write (``BatchWatch``), and when all is done (``check``).

The watch keeps its own books, from the entries as they come; its own rows, accounts and headers, as they were written;
and what it knows of money it has from the story and from the bank. No rule of the product is asked.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from hunar.messages import Tell
from hunar.tables import Item, Key, Table
from tests.simulation import batches_bank
from tests.simulation.batches_bank import EXECUTED
from tests.simulation.batches_story import COOLING_DAYS, DAY, MILLION
from tests.simulation.broken import Broken
from tests.simulation.inputs import Input
from tests.simulation.text_promises import TextWatch

if TYPE_CHECKING:
    from tests.simulation.batches import PayOffice
    from tests.simulation.workers import Worker

GO_ON: Final[Mapping[str, tuple[str, ...]]] = {
    "": ("DRAFT",),
    "DRAFT": ("DRAFT", "CLOSED", "CANCELLED"),
    "CLOSED": ("CLOSED", "APPROVED", "CANCELLED"),
    "APPROVED": ("CLOSED", "FILED", "CANCELLED"),
    "FILED": ("FILED", "COMPLETED", "CANCELLED"),
    "COMPLETED": ("COMPLETED",),
    "CANCELLED": ("CANCELLED",),
}
"""How a batch may go on."""
ROW_GOES_ON: Final[Mapping[str, tuple[str, ...]]] = {
    "": ("IN_TRANSIT",),
    "IN_TRANSIT": ("PAID", "REJECTED", "RETURNED", "PULLED"),
    "PAID": ("RETURNED",),
    "RETURNED": ("RETURNED",),
    "REJECTED": (),
    "PULLED": (),
}
FROZEN: Final = ("payout_id", "group_id", "amount_paise", "beneficiary_version", "seq_from", "seq_to", "last_four")
QUICK: Final = timedelta(minutes=20)
"""So long after an approval who was stopped there comes back to tell the groups."""
STOPS: Final = ("PAID_THOUGH_CANCELLED", "PAID_THOUGH_REJECTED")
BEFORE_THE_BANK: Final = ("DRAFT", "CLOSED", "APPROVED", "CANCELLED")
AT_THE_BANK: Final = ("FILED", "COMPLETED")


class BatchWatch:
    """Looks at each write at the moment at which it happens."""

    def __init__(self, world: PayOffice, caps: Mapping[str, int | None], minimum: int, most: int | None) -> None:
        self.texts = TextWatch()
        self.broken: Broken | None = None
        self.headers: dict[str, Item] = {}
        self.rows: dict[tuple[str, str], Item] = {}
        """By batch and payout."""
        self.accounts: dict[str, list[tuple[int, Item]]] = defaultdict(list)
        """By group, each as it was written, and when."""
        self.exceptions: dict[str, tuple[int, Item]] = {}
        self.books: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
        self.told_all: Counter[str] = Counter()
        """How often all that the bank has of a batch was entered in the end."""
        self.quick: Counter[str] = Counter()
        """Rows of each group in batches that were completed before who approved them could come back."""
        self.caps, self.minimum, self.most = caps, minimum, most
        self._world = world
        self._writes = 0
        self._paid_out: dict[str, int] = {}
        """What the last payout of each group brought on its way."""
        self._ids: set[str] = set()
        self._seen: dict[tuple[str, str], list[Any]] = {}
        """The rows that stood behind each digest of a batch."""
        self._paid_up_to: dict[str, int] = defaultdict(int)

    def begins(self, worker: Worker) -> None:
        worker.noted["began"] = self._writes

    def owed(self, told: Tell) -> None:
        try:
            _owed(self, told)
        except Broken as broken:
            self.broken = self.broken or broken

    def live(self, batch_id: str) -> list[Item]:
        found = [row for (name, _), row in self.rows.items() if name == batch_id and row["state"] != "PULLED"]
        return sorted(found, key=lambda row: str(row["payout_id"]))

    def __call__(self, written: Sequence[tuple[Key, Item]]) -> None:
        self._writes += 1
        if self.broken:
            return
        try:
            self._look(written)
        except Broken as broken:
            self.broken = broken

    def _look(self, written: Sequence[tuple[Key, Item]]) -> None:
        entries = [item for key, item in written if key.table is Table.LEDGER and "postings" in item]
        heads = [item for key, item in written if key.table is Table.LEDGER and key.sk == "HEAD"]
        rows = [item for key, item in written if key.table is Table.BATCHES and key.sk.startswith("ROW#")]
        headers = [item for key, item in written if key.table is Table.BATCHES and key.sk == "BATCH"]
        for item in entries:
            self._entry(item)
        for item in rows:
            self._row(item)
        for item in heads:
            self._head(item)
        for group in sorted({item["group_id"] for item in heads + rows}):
            self.transit(group)
        for item in headers:
            self._header(item)
        for key, item in written:
            if key.table is Table.BENEFICIARIES and key.sk == "NEWEST":
                self._account(item)
            elif key.table is Table.EXCEPTIONS:
                opened = self.exceptions.get(key.pk)
                if opened is None:
                    self._world.tell(f"SHOWN {item['kind']} {item['message']}")
                self.exceptions[key.pk] = (opened[0] if opened else self._writes, item)

    # books

    def _entry(self, item: Item) -> None:
        if item["entry_id"] in self._ids:
            raise Broken("every entry id once", f"{item['kind']} {item['entry_id']}")
        self._ids.add(item["entry_id"])
        group, books = item["group_id"], self.books[item["group_id"]]
        self._world.tell(f"BOOKED {item['kind']} {group}")
        if sum(posting["amount_paise"] for posting in item["postings"]):
            raise Broken("every entry sums to zero", str(item))
        payable, debt = -books[f"group_payable:{group}"], books[f"group_debt:{group}"]
        for posting in item["postings"]:
            books[posting["account"]] += posting["amount_paise"]
        if item["kind"] == "PAID_OUT":
            moved = {posting["account"]: 0 for posting in item["postings"]}
            for posting in item["postings"]:
                moved[posting["account"]] += posting["amount_paise"]
            paid = -sum(paise for account, paise in moved.items() if account.startswith("payout_in_transit"))
            cap = self.caps[group]
            kept = min(debt, payable * (cap or 0) // MILLION)
            if cap is None or (paid, moved.get(f"group_debt:{group}", 0)) != (payable - kept, -kept):
                text = f"{group}: {paid} of {payable} payable with a debt of {debt}"
                raise Broken("a payout takes all that is payable and nets the debt", text)
            if 0 < paid < self.minimum:
                raise Broken("what is below the minimum is carried forward", f"{group}: {paid}")
            self._paid_out[group] = paid

    def _head(self, item: Item) -> None:
        group = item["group_id"]
        books = {account: paise for account, paise in self.books[group].items()
                 if paise and account.endswith(f":{group}")}  # fmt: skip
        if dict(item["balances"]) != books:
            raise Broken("a head is what its entries amount to", f"{group}: {item['balances']}, by its entries {books}")
        for account, paise in books.items():
            if (paise > 0) != account.startswith("group_debt"):
                raise Broken("nobody is owed less than nothing", f"{account} is {paise}")

    def transit(self, group: str) -> None:
        on_its_way = {account.split(":")[1]: -paise for account, paise in self.books[group].items()
                      if paise and account.startswith("payout_in_transit")}  # fmt: skip
        rows = {name: row["amount_paise"] for (name, _), row in self.rows.items()
                if row["group_id"] == group and row["state"] == "IN_TRANSIT"}  # fmt: skip
        if on_its_way != rows:
            raise Broken(
                "what rows have in transit is what the books have in transit", f"{group}: {rows}, {on_its_way}"
            )

    # rows

    def _row(self, item: Item) -> None:
        name = item["batch_id"]
        before = self.rows.get((name, item["payout_id"]))
        stands = self.headers.get(name, {"state": ""})["state"]
        if item["state"] not in ROW_GOES_ON[before["state"] if before else ""]:
            raise Broken("a row goes on as the bank says", f"{name}: {before and before['state']} is {item['state']}")
        self._world.tell(f"ROW {item['group_id']} of {name} is {item['state']}")
        if before is None:
            self._new(item, stands)
        else:
            if any(before[part] != item[part] for part in FROZEN):
                raise Broken("a row stays what was closed", f"{before}: {item}")
            if before["utr"] is not None and item["utr"] != before["utr"]:
                raise Broken("what the bank said stays", f"{before['utr']} of {item['payout_id']} is {item['utr']}")
            may = BEFORE_THE_BANK if item["state"] == "PULLED" else AT_THE_BANK
            if stands not in may:
                text = f"{item['payout_id']} is {item['state']} in a batch that is {stands}"
                raise Broken("only the bank says what becomes of a row that it has", text)
            if item["state"] != "PULLED":
                self._heard(item)
        self.rows[name, item["payout_id"]] = item

    def _new(self, item: Item, stands: str) -> None:
        group, name = item["group_id"], item["batch_id"]
        if stands != "DRAFT":
            raise Broken("a batch that was closed or cancelled takes no more rows", f"{name} is {stands}")
        if item["amount_paise"] != self._paid_out.get(group) or item["amount_paise"] <= 0:
            raise Broken("a row pays what was booked", f"{item['amount_paise']} and {self._paid_out.get(group)}")
        if item["seq_from"] < self._paid_up_to[group] or item["seq_to"] <= item["seq_from"]:
            raise Broken(
                "no entry is in two rows", f"{group}: from {item['seq_from']}, {self._paid_up_to[group]} is paid"
            )
        self._paid_up_to[group] = item["seq_to"]
        began = self._began()
        if began is None:
            return
        self._may_be_paid(item, began)
        for since, exception in self.exceptions.values():
            if exception["kind"] in STOPS and exception["group_id"] == group and since <= began:
                raise Broken("who may have money twice waits for a person", f"{group}: {exception['message']}")

    def _heard(self, item: Item) -> None:
        payment = self._world.bank.payments.get(item["payout_id"])
        said = {(one.status, one.utr) for one in payment.said} if payment else set()
        states = {status for status, _ in said}
        executed = item["state"] == "PAID" or item["utr"] is not None
        known = item["utr"] is None or (EXECUTED, item["utr"]) in said
        if (
            not known
            or (executed and EXECUTED not in states)
            or (item["state"] != "PAID" and item["state"] not in states)
        ):
            raise Broken("only what the bank said is booked", f"{item['state']} {item['utr']}; it said {sorted(said)}")

    # accounts

    def _account(self, item: Item) -> None:
        group = item["group_id"]
        before = self.accounts[group][-1][1] if self.accounts[group] else None
        person = self._person()
        newer = before is None or item["account_version"] != before["account_version"]
        if newer and (
            item["confirmed_by"] or item["account_version"] != (before["account_version"] if before else 0) + 1
        ):
            raise Broken("a changed account waits for a second person", f"{group}: {item['account_version']}")
        first = item["confirmed_by"] and (before is None or not before["confirmed_by"])
        if first and (item["confirmed_by"] == item["changed_by"] or person not in (None, item["confirmed_by"])):
            raise Broken("nobody confirms an account alone", f"{group}: {item['changed_by']} and {person}")
        self.accounts[group].append((self._writes, item))

    def _may_be_paid(self, row: Item, began: int) -> None:
        """At a moment since the worker began: what is changed while it works may or may not be seen by it."""
        told = self.accounts[row["group_id"]]
        stood = [(number, item) for number, item in told if number > began] + [
            (number, item) for number, item in told[::-1] if number <= began
        ][:1]
        if not any(
            item["account_version"] == row["beneficiary_version"] and _usable(item, self._world.now)
            for _, item in stood
        ):
            newest = told[-1][1] if told else {}
            why = {part: newest.get(part) for part in ("account_version", "confirmed_by", "closed_at", "changed_at")}
            text = f"{row['group_id']} by account {row['beneficiary_version']}: {why}"
            raise Broken("nobody is paid to an account that is not confirmed, closed, or cools off", text)

    # batches

    def _header(self, item: Item) -> None:
        name, state = item["batch_id"], item["state"]
        before = self.headers.get(name)
        if state not in GO_ON[before["state"] if before else ""]:
            raise Broken("a batch goes on in its order", f"{name}: {before and before['state']} is {state}")
        if before and item["version"] != before["version"] + 1:
            raise Broken("a batch is written with the version that was read", f"{name}: {item['version']}")
        self.headers[name] = item
        changed = before is None or before["state"] != state
        if changed:
            self._world.tell(f"BATCH {name} is {state}")
        live = self.live(name)
        if state not in ("DRAFT", "CANCELLED"):
            total = sum(row["amount_paise"] for row in live)
            if (item["count"], item["control_total"]) != (len(live), total) or not live:
                text = f"{name}: {item['count']} of {item['control_total']}, its rows {len(live)} of {total}"
                raise Broken("the control total is the sum of the rows", text)
            if self.most is not None and len(live) > self.most:
                raise Broken("a batch has as many rows as a file of the bank", f"{name} has {len(live)}")
            self._seen.setdefault((name, item["digest"]), [_paying(row) for row in live])
        match state:
            case "APPROVED" if changed:
                self._approved(item, live)
            case "FILED" if changed:
                self._filed(item, before or {}, live)
            case "COMPLETED" if changed:
                self._completed(item, live)
            case "CANCELLED" if changed and before and before["state"] == "FILED":
                first, second = before["cancel_asked_by"], self._person()
                if first is None or first == second:
                    raise Broken("what the bank may have is cancelled by two persons", f"{name}: {first} and {second}")
                if any(row["state"] != "IN_TRANSIT" for row in live):
                    raise Broken("what the bank has answered for is not cancelled", name)

    def _approved(self, item: Item, live: list[Item]) -> None:
        by, person = item["approved_by"], self._person()
        if by in (item["made_by"], item["closed_by"]) or person not in (None, by):
            raise Broken("maker and checker are two persons", f"{item['made_by']} and {by}, who is {person}")
        if once_more := [row["payout_id"] for row in live if by in row["told_by"]]:
            raise Broken("who says that money came back does not have it paid again", f"{by} approved {once_more}")
        seen = self._world.worker.noted.get("seen") if self._world.working else None
        if seen is not None and self._seen.get((item["batch_id"], seen)) != [_paying(row) for row in live]:
            raise Broken("what is approved is what was looked at", f"{item['batch_id']}: {seen}")
        self._file(item, live)
        began = self._began()
        for row in live if began is not None else ():
            self._may_be_paid(row, began or 0)

    def _filed(self, item: Item, before: Item, live: list[Item]) -> None:
        if item["file_sha256"] != before["file_sha256"]:
            raise Broken("the file that is given out is the one that was approved", item["batch_id"])
        self._file(item, live)
        began = self._began()
        for row in live if began is not None else ():
            self._may_be_paid(row, began or 0)

    def _completed(self, item: Item, live: list[Item]) -> None:
        if any(row["state"] == "IN_TRANSIT" for row in live):
            raise Broken("a batch is completed when the bank has answered for every row", item["batch_id"])
        approved, now = map(datetime.fromisoformat, (item["approved_at"], self._world.now))
        if now - approved < QUICK:
            self.quick.update(row["group_id"] for row in live)

    def _file(self, item: Item, live: list[Item]) -> None:
        """The file that was kept: just these rows, to just the accounts that they froze, and nothing else."""
        kept = [
            one for one in self._world.files.objects.values() if hashlib.sha256(one).hexdigest() == item["file_sha256"]
        ]
        if not kept:
            raise Broken("the file of an approved batch is kept", item["batch_id"])
        rows = [
            (row["payout_id"], row["account"], batches_bank.paise(row["amount"])) for row in batches_bank.rows(kept[0])
        ]
        wanted = [
            (row["payout_id"], self.frozen(row)["account"], row["amount_paise"])
            for row in live
        ]  # fmt: skip
        if rows != wanted:
            raise Broken("the file pays what the rows say", f"{item['batch_id']}: {rows}, its rows {wanted}")

    def frozen(self, row: Item) -> Item:
        return next(item for _, item in self.accounts[row["group_id"]]
                    if item["account_version"] == row["beneficiary_version"])  # fmt: skip

    def before_the_last_answers(self) -> None:
        """All that could be closed was closed: who is still owed something is named on the worklist."""
        for group, books in self.books.items():
            payable, debt, cap = -books[f"group_payable:{group}"], books[f"group_debt:{group}"], self.caps[group]
            shown = self.open("PAYOUT_LEFT_OUT", group)
            if not payable:
                continue
            newest = self.accounts[group][-1][1] if self.accounts[group] else None
            good = newest is not None and _usable(newest, self._world.now) and cap is not None
            stopped = any(list(self.open(kind, group)) for kind in STOPS)
            if not good or stopped:
                if not list(shown):
                    raise Broken("who is left out is named", f"{group} has {payable} payable")
            elif payable - min(debt, payable * (cap or 0) // MILLION) >= max(self.minimum, 1):
                raise Broken("what is payable is paid", f"{group} has {payable} payable and a good account")

    def open(self, kind: str, group: str) -> Iterator[Item]:
        return (item for _, item in self.exceptions.values()
                if item["kind"] == kind and item["group_id"] == group and item["closed_at"] is None)  # fmt: skip

    # who works

    def _began(self) -> int | None:
        return self._world.worker.noted.get("began") if self._world.working else None

    def _person(self) -> str | None:
        return self._world.worker.noted.get("person") if self._world.working else None


def _paying(row: Item) -> tuple[Any, ...]:
    return row["payout_id"], row["amount_paise"], row["beneficiary_version"]


def _usable(item: Item, now: str) -> bool:
    """Confirmed and not closed; and of any but a group's first account the cooling-off is over."""
    if item["confirmed_by"] is None or item["closed_at"] is not None:
        return False
    if item["account_version"] == 1:
        return True
    changed = datetime.fromisoformat(item["changed_at"])
    return datetime.fromisoformat(now) >= changed + timedelta(seconds=COOLING_DAYS * DAY)


# ── texts ────────────────────────────────────────────────────────────────────────────────────────


def _owed(watch: BatchWatch, told: Tell) -> None:
    """A text tells of what is so: when it goes out, it was booked before."""
    rows = [row for row in watch.rows.values() if row["group_id"] == told.group_id]
    says = told.says
    if told.notification_kind == "PAYOUT_PAID" and not any(
        (row["utr"], row["amount_paise"], row["last_four"]) == (says.utr, says.amount_paise, says.account)
        and row["state"] in ("PAID", "RETURNED")
        for row in rows
    ):
        raise Broken("a group is told what was paid to it", f"{told.group_id}: {says}")
    if told.notification_kind == "PAYOUT_FAILED" and not any(row["state"] in ("REJECTED", "RETURNED") for row in rows):
        raise Broken("a group is told that its payment failed when it failed", told.group_id)


def _texts(watch: BatchWatch, texts: Mapping[str, Tell]) -> None:
    def told(kind: str, group: str, fits: Callable[[Tell], bool] = lambda one: True) -> int:
        return sum(one.notification_kind == kind and one.group_id == group and fits(one) for one in texts.values())

    for row in watch.rows.values():
        paid = told("PAYOUT_PAID", row["group_id"], lambda one, row=row: one.says.utr == row["utr"])  # type: ignore[misc]
        if row["utr"] and (paid > 1 or (not paid and row["state"] == "PAID")):
            raise Broken("one text tells of a payment, and never none", f"{row['payout_id']}: {paid}")
    for group in watch.books:
        rows = [row for row in watch.rows.values() if row["group_id"] == group]
        failed = sum(row["state"] in ("REJECTED", "RETURNED") for row in rows)
        if told("PAYOUT_FAILED", group) != failed:
            raise Broken(
                "one text tells of a payment that failed", f"{group}: {told('PAYOUT_FAILED', group)} of {failed}"
            )
        # What was answered before anybody could be told of it is told by the answer alone.
        given = sum(row["state"] != "PULLED" for row in rows)
        if not given - watch.quick[group] <= told("PAYOUT_COMPUTED", group) <= len(rows):
            text = f"{group}: {told('PAYOUT_COMPUTED', group)}, {given} were given to the bank"
            raise Broken("a group is told what was worked out", text)
        known = [item for _, item in watch.accounts[group] if item["account_version"] > 1]
        changes = {item["account_version"] for item in known}
        # A change that somebody else changed before it was told, and that never counted, need not be told.
        must = {item["account_version"] for item in known if item["confirmed_by"]}
        if not len(must) <= told("ACCOUNT_CHANGED", group) <= len(changes):
            raise Broken("a group is told of each change of its account", f"{group}: {sorted(changes)}")


# ── when all is done ─────────────────────────────────────────────────────────────────────────────


def check(world: PayOffice, watch: BatchWatch, inputs: Sequence[Input]) -> None:
    """All that must be true when nothing is left to do. Raises Broken."""
    found = world.store.everything()
    stored = {key.sk.removeprefix("ROW#"): item for key, item in found.items()
              if key.table is Table.BATCHES and key.sk.startswith("ROW#")}  # fmt: skip
    if stored != {payout: row for (_, payout), row in watch.rows.items()}:
        raise Broken("a row stays", str(stored))
    for name, header in watch.headers.items():
        rows = [row for (batch, _), row in watch.rows.items() if batch == name]
        if header["state"] == "CANCELLED" and any(row["state"] != "PULLED" for row in rows):
            raise Broken("a cancelled batch pays nobody", name)
        if header["state"] == "COMPLETED":
            brought = hashlib.sha256(world.bank.files[name]).hexdigest()
            if brought != header["file_sha256"]:
                raise Broken("the file at the bank is the one that was approved", name)
    for group in sorted(watch.books):
        watch.transit(group)
    _bank(world, watch)
    settled: dict[str, int] = defaultdict(int)
    for each in {each.what["number"]: each for each in inputs if each.kind == "settle"}.values():
        settled[each.what["group"]] += each.what["paise"]
    for group, paise in settled.items():
        _money(world, watch, found, group, paise)
    _texts(watch, world.texts)


def _bank(world: PayOffice, watch: BatchWatch) -> None:
    """All that the bank said was heard: each row is as it says, or a person was shown why not."""
    for payment in world.bank.payments.values():
        row = watch.rows[payment.batch_id, payment.payout_id]
        shown = [item["kind"] for _, item in watch.exceptions.values() if payment.payout_id in item["message"]]
        paid = any(one.status == EXECUTED for one in payment.said)
        if row["state"] == "PULLED":
            if paid and "PAID_THOUGH_CANCELLED" not in shown:
                raise Broken("a person sees what the bank paid beside the books", f"{payment.payout_id} was pulled")
            continue
        state, trouble = {
            "paid": ("PAID", None),
            "rejected": ("REJECTED", None),
            "returned": ("RETURNED", None),
            "rejected and paid": ("REJECTED", "PAID_THOUGH_REJECTED"),
            "paid twice": ("PAID", "PAID_TWICE"),
        }[payment.fate]
        if row["state"] != state:
            raise Broken("a row is as the bank says", f"{payment.payout_id}: {payment.fate}, and it is {row['state']}")
        if (row["utr"] is not None) != (paid and trouble != "PAID_THOUGH_REJECTED"):
            raise Broken("what the bank said stays", f"{payment.payout_id}: {payment.fate}, reference {row['utr']}")
        if trouble and trouble not in shown:
            raise Broken("a person sees what the bank paid beside the books", f"{payment.payout_id}: {payment.fate}")


def _money(world: PayOffice, watch: BatchWatch, found: Mapping[Key, Item], group: str, settled: int) -> None:
    """Settled = paid + in transit + payable + held - debt, with what the bank itself says that it paid."""
    head = next((item for key, item in found.items()
                 if key.table is Table.LEDGER and key.sk == "HEAD" and item["group_id"] == group), None)  # fmt: skip
    stands = -sum(head["balances"].values()) if head else 0
    paid = beside = 0
    for payment in world.bank.payments.values():
        row = watch.rows[payment.batch_id, payment.payout_id]
        if row["group_id"] == group:
            paid += payment.paid
            # What a person was shown, and what the books do not have.
            beside += payment.paid - (row["amount_paise"] if row["state"] == "PAID" else 0)
    if settled != paid - beside + stands:
        text = f"{group}: {settled} settled, {paid} paid of which {beside} beside the books, {stands} stands"
        raise Broken("what is settled is paid, on its way, payable, held or a debt", text)
    if any(row["state"] == "IN_TRANSIT" for row in watch.rows.values() if row["group_id"] == group):
        raise Broken("in the end nothing is on its way", group)
