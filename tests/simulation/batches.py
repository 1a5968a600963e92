"""Schedules of batches: several persons and workers at groups' payouts at once, and a bank that has its own account.

What makes money payable is played by a double that writes an entry as a settlement leaves it. Everything that
touches a batch, a row or an account is the product's own: persons act through its use cases, its worker obeys.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from hunar import tables
from hunar.adapters.memory import MemoryPayoutFiles
from hunar.domain import accounts, batch, head
from hunar.domain.bank_file import Result, Status
from hunar.domain.batch import RowState, State
from hunar.domain.facts import instant, moment
from hunar.domain.head import Head
from hunar.domain.ledger import RELEASED, SETTLED, Entry, Posting
from hunar.domain.rate_card import day_of_sale
from hunar.messages import BATCH_COMMAND, NOTIFICATION, ClosePeriod, LookAtPayables, Tell
from hunar.ports import ABSENT, Put, QueueName, Rejected
from hunar.tables import Item, Key, Table
from hunar.use_cases import close_period, payees, payouts
from hunar.use_cases.obey_batches import obey
from hunar.use_cases.operate import By, NotNow
from hunar.use_cases.payouts import PayoutTerms
from hunar.use_cases.show import Asked
from tests.payees import details
from tests.simulation import batches_story, weather
from tests.simulation.batches_bank import EXECUTED, Bank, Said
from tests.simulation.batches_promises import BatchWatch, check
from tests.simulation.batches_story import COOLING_DAYS, DAY, GROUPS
from tests.simulation.broken import Broken
from tests.simulation.choices import Choices
from tests.simulation.inputs import Input
from tests.simulation.schedule import CALM_TICKS, STORM_TICKS, Played
from tests.simulation.workers import Clock, Simulation

CALM: Final = 6 * 3600.0
"""Virtual seconds within which all must be done once the faults have stopped."""
PATIENCE_DAYS: Final = 2
ROUNDS: Final = 12
"""So many steps at most bring every batch to its end."""
LAST: Final = "LAST"
"""The batch that is closed in the end."""
SHORT: Final = 5.0
"""Seconds that are left of an invocation whose time runs out."""


@dataclass(frozen=True)
class Batches:
    """Everything that decides a run, except the code."""

    inputs: tuple[Input, ...]
    weather: Mapping[str, float]
    policies: Mapping[str, list[dict[str, Any]]]
    minimum_paise: int
    most_rows: int | None = None
    """Of one file of the bank."""
    seed: int | None = None
    record: Mapping[int, int] = field(default_factory=dict)

    @classmethod
    def of(cls, seed: int) -> Batches:
        draw = random.Random(seed)
        held = batches_story.resolutions(draw)
        told = tuple(batches_story.story(draw, held))
        drawn = weather.drawn(draw, weather.WITH_BATCHES)
        return cls(told, drawn, held, draw.choice((0, 0, 5_000)), draw.choice((None, None, None, 1, 2)), seed)

    @classmethod
    def of_file(cls, path: Path) -> Batches:
        content = json.loads(path.read_text())
        content["inputs"] = tuple(Input(**each) for each in content["inputs"])
        choices = {int(number): answer for number, answer in content.pop("choices").items()}
        content.pop("why", None)
        return cls(**content, record=choices)

    def play(self, *, tell: bool = False) -> Played:
        return play(self, tell=tell)

    def calm(self) -> Batches:
        """The same story without a fault, and with one worker at a time."""
        return replace(self, weather={}, seed=None, record={})

    def content(self) -> dict[str, Any]:
        """For a file. Only one whose choices were written down has one."""
        return {
            "inputs": [asdict(each) for each in self.inputs],
            "weather": dict(self.weather),
            "policies": self.policies,
            "minimum_paise": self.minimum_paise,
            "most_rows": self.most_rows,
            "choices": {str(number): answer for number, answer in sorted(self.record.items())},
        }


class PayOffice(Simulation):
    """Persons, the worker of the batches, and the bank. What the order-events queue brings here is what persons do."""

    def __init__(self, choices: Choices, story: Batches) -> None:
        super().__init__(choices, story.weather)
        self.clocks: list[Clock] = []
        self.closed = frozenset(set(QueueName) - {QueueName.ORDER_EVENTS, QueueName.PAYOUT_BATCHES,
                                                  QueueName.NOTIFICATIONS})  # fmt: skip
        self.files = MemoryPayoutFiles(turn=self.turn)
        self.bank = Bank()
        self.texts: dict[str, Tell] = {}
        """Each text that is owed, by its id."""
        self.refusals: dict[tuple[str, str], str] = {}
        """Why a step was refused last, by step and batch."""
        self.fates = {each.what["batch"]: each.what["fates"] for each in story.inputs if each.kind == "carry"}
        """What becomes of the payments of each batch."""
        self.fate = next(iter(self.fates.values()), {})
        """Of the last batch."""
        self._minimum, self._most_rows = story.minimum_paise, story.most_rows

    # who works

    def work(self, queue: QueueName, body: str) -> str:
        match queue:
            case QueueName.NOTIFICATIONS:
                told = NOTIFICATION.validate_json(body)
                assert isinstance(told, Tell)
                self.watch.owed(told)  # type: ignore[attr-defined]
                self.texts[told.notification_id] = told
                return "owed"
            case QueueName.PAYOUT_BATCHES:
                self.watch.begins(self.worker)  # type: ignore[attr-defined]
                return obey(self.closing(), BATCH_COMMAND.validate_json(body))
        said = json.loads(body)
        self.watch.begins(self.worker)  # type: ignore[attr-defined]
        self.worker.noted["person"] = said.get("person")
        try:
            self._doings[said["kind"]](said)
        except (Rejected, payouts.ResultsRefused) as refused:
            self.refusals[said["kind"], said.get("batch", "")] = str(refused)
            self.tell(f"    {said['kind']} is refused: {refused}")
            return "refused"
        self.refusals.pop((said["kind"], said.get("batch", "")), None)
        return "done"

    def closing(self) -> close_period.Desk:
        ends = self.worker.ends_at
        left: Callable[[], float] = lambda: ends - self.seconds  # noqa: E731
        if self.happens("invoked") is not None:
            looks = iter(range(self.choices.pick(4)))
            left = lambda: SHORT if next(looks, None) is None else DAY  # noqa: E731
        return close_period.Desk(self.store, self.queues, self.now, self._again, minimum_paise=self._minimum,
                                 patience_days=PATIENCE_DAYS, time_left=left, most_rows=self._most_rows)  # fmt: skip

    @property
    def desk(self) -> payouts.Desk:
        return payouts.Desk(self.store, self.queues, self.now, self._again, self.files,
                            PayoutTerms(cooling_days=COOLING_DAYS))  # fmt: skip

    @property
    def _doings(self) -> Mapping[str, Callable[[Mapping[str, Any]], Any]]:
        return {
            "settle": lambda said: self._again(lambda: self._settle(said)),
            "release": lambda said: [self._again(lambda group=group: self._release(group)) for group in GROUPS],
            "propose": lambda said: payees.propose(
                self.desk, said["group"], payee(said["group"], said["number"]), _by(said), cooling_days=COOLING_DAYS
            ),
            "confirm": self._confirm,
            "end": lambda said: payees.close(self.desk, said["group"], _by(said)),
            "close": self._close,
            "approve": self._approve,
            "withdraw": lambda said: payouts.withdraw(self.desk, said["batch"], _by(said)),
            "cancel": lambda said: payouts.cancel(self.desk, said["batch"], _by(said)),
            "pull": lambda said: payouts.pull(self.desk, said["batch"], _payout(said), _by(said)),
            "submit": lambda said: payouts.submit(self.desk, said["batch"], _by(said)),
            "carry": self._carry,
            "leak": self._leak,
            "tell": self._tell,
            "age": lambda said: self.queues.send(QueueName.PAYOUT_BATCHES, [LookAtPayables().model_dump_json()]),
        }

    # money

    def _settle(self, said: Mapping[str, Any]) -> None:
        """A sale is payable, or held; what a return takes back is taken from what is payable, and is a debt beyond."""
        group, paise = said["group"], said["paise"]
        mark, book = Key(Table.LEDGER, f"SALE#{said['number']}", "SALE"), tables.book(group)
        found = self.store.read([mark, book])
        if mark in found:
            return
        before = Head.of(found[book]) if book in found else Head(group)
        payable, debt, held = (one(group) for one in (accounts.group_payable, accounts.group_debt, accounts.group_held))
        of_payable = paise if paise > 0 else -min(-paise, before.payable)
        moves = [(held if said["held"] and paise > 0 else payable, of_payable), (debt, paise - of_payable)]
        receivable = accounts.marketplace_receivable("flipkart")
        postings = [Posting(receivable, "settlement", paise)]
        postings += [Posting(account, "settlement", -moved) for account, moved in moves if moved]
        self._post(before, Entry(SETTLED, ("sale", said["number"]), self.now, tuple(postings), group,
                                 f"flipkart:demo:S{said['number']}"), Put(mark, {"paise": paise}, ABSENT))  # fmt: skip

    def _release(self, group: str) -> None:
        book = tables.book(group)
        before = Head.of(self.store.read([book]).get(book, {"group_id": group} | Head(group).item()))
        if before.held:
            postings = (Posting(accounts.group_held(group), "hold", before.held),
                        Posting(accounts.group_payable(group), "hold", -before.held))  # fmt: skip
            self._post(before, Entry(RELEASED, (group, before.seq), self.now, postings, group, "flipkart:demo:S0"))

    def _post(self, before: Head, entry: Entry, *more: Put) -> None:
        moved, (sealed,) = head.after(before, entry)
        place = Put(tables.book(before.group_id), tables.book_item(moved), before.version or ABSENT)
        self.store.commit([place, close_period.entry_put(sealed, at=self.now), *more])

    # persons

    def _confirm(self, said: Mapping[str, Any]) -> None:
        """Who confirms has looked: at the newest version, and at the bank for the name of just that account."""
        key = tables.beneficiary(said["group"])
        item = self.store.read([key]).get(key)
        if item is not None:
            payees.confirm(self.desk, said["group"], item["account_version"], _by(said), looked_up=item["name"],
                           name_note=None)  # fmt: skip

    def _close(self, said: Mapping[str, Any]) -> None:
        if said["person"] == "schedule":
            command = ClosePeriod(batch_id=said["batch"], by="schedule")
            self.queues.send(QueueName.PAYOUT_BATCHES, [command.model_dump_json()])
        else:
            payouts.close(self.desk, By(said["person"], "", said["act"]))

    def _approve(self, said: Mapping[str, Any]) -> None:
        shown = payouts.show_batch(self.store, said["batch"], Asked(limit=100))
        if shown is None:
            raise NotNow("there is nothing to look at")
        self.worker.noted["seen"] = shown["digest"]
        self.pause(said["looks"])
        # Who takes her time has it paid tomorrow.
        day = instant(moment(self.now) + timedelta(days=said["looks"] > 0))
        payouts.approve(self.desk, said["batch"], _by(said), seen=shown["digest"], value_date=day_of_sale(day))

    def _carry(self, said: Mapping[str, Any]) -> None:
        """Somebody takes the file to the bank."""
        _, content = payouts.file_of(self.desk, said["batch"])
        fates = {payee(group, number).account: fate for group, fate in said["fates"].items() for number in range(9)}
        self.bank.takes(said["batch"], content, fates, self.seconds)

    def _leak(self, said: Mapping[str, Any]) -> None:
        """Somebody goes around the approval: the bank pays a row whose file was never given out."""
        key = tables.batch_row(said["batch"], _payout(said))
        row = self.store.read([key]).get(key)
        if row is not None and row["state"] == RowState.IN_TRANSIT:
            self.bank.pays(row["payout_id"], said["batch"], "", row["amount_paise"], "paid", self.seconds)

    def _tell(self, said: Mapping[str, Any]) -> None:
        """A part of the bank's list is entered, with what a person can get wrong."""
        name = said["batch"]
        if "seed" not in said:
            lines = self.bank.says(name, self.seconds)
        else:
            lines = self.bank.some(name, self.seconds, said["seed"])
        draw = random.Random(said.get("seed"))
        # What was paid although it had been rejected is in the list when the rejection has been there for a day.
        lines = [one for one in lines if not self._too_early(name, one)]
        results = [_result(one, number) for number, one in enumerate(lines, 1)]
        if results and "seed" in said:
            wrong, first = draw.random(), results[0]
            if wrong < 0.05:
                results.append(replace(first, payout_id="PUNKNOWN0000001", utr="N99999999999", status=Status.EXECUTED))
            elif wrong < 0.1:
                results[0] = replace(first, amount_paise=first.amount_paise + 1, utr="TYPO0001", status=Status.EXECUTED)
            elif wrong < 0.5:
                self._reference_of_another(name, results)
        if results:
            payouts.paid(self.desk, name, results, _by(said))

    def _too_early(self, batch_id: str, one: Said) -> bool:
        payment = self.bank.payments[one.payout_id]
        if payment.fate != "rejected and paid" or one.status != EXECUTED:
            return False
        key = tables.batch_row(batch_id, one.payout_id)
        return bool(self.store.read([key])[key]["state"] == RowState.IN_TRANSIT)

    def _reference_of_another(self, batch_id: str, results: list[Result]) -> None:
        """The reference of a payment that is booked is entered for another one."""
        paid = [item for item in close_period.rows_of(self.store, batch_id) if item["state"] == RowState.PAID]
        for number, one in enumerate(results):
            for item in paid:
                if one.status is Status.EXECUTED and item["payout_id"] != one.payout_id:
                    results[number] = replace(one, utr=item["utr"])
                    return


def payee(group: str, number: int) -> Any:
    """The account that a group has at its so-manieth change: of no other group, and of no other change."""
    return details(int(group[1:]) * 100 + number)


def _by(said: Mapping[str, Any]) -> By:
    return By(said["person"], f"{said['kind']} it", said.get("act", ""))


def _payout(said: Mapping[str, Any]) -> str:
    return batch.payout_id(said["batch"], said["group"])


def _result(one: Said, number: int) -> Result:
    reason = "" if one.status == EXECUTED else "ACCOUNT CLOSED"
    return Result(one.payout_id, one.paise, Status(one.status), one.utr, reason, "2026-12-16", number)


# ── a run ────────────────────────────────────────────────────────────────────────────────────────


def play(story: Batches, *, tell: bool = False) -> Played:
    """Play it and check all promises."""
    choices = Choices(story.seed, story.record)
    world = PayOffice(choices, story)
    if tell:
        world.tale = []
    caps = {group: held[0].get("recovery_ppm") for group, held in story.policies.items()}
    watch = BatchWatch(world, caps, story.minimum_paise, story.most_rows)
    world.watch = watch
    broken: Broken | None = None
    try:
        for group_id, held in story.policies.items():
            contact = {
                "group_id": group_id,
                "slot": "leader",
                "phone": f"+919999900{group_id[1:]}",
                "previous_phone": None,
            }
            item = {"group_id": group_id, "name": group_id, "policies": held}
            world.store.commit([Put(tables.group(group_id), item), Put(tables.contact(group_id, "leader"), contact)])
        for each in story.inputs:
            body = json.dumps({"kind": each.kind} | each.what)
            world.inputs.append((each.at, body, lambda body=body: _does(world, body)))  # type: ignore[misc]
        last = story.inputs[-1].at if story.inputs else 0.0
        world.run(last + 3600, ticks=STORM_TICKS)
        _rest(world, watch)
        if not watch.broken:
            check(world, watch, story.inputs)
    except Broken as found:
        broken = found
    finally:
        world.close()
    return Played(watch.broken or broken, choices.record, world.failures, world.tale or [], world.ticks)


PASSED: Final = "has passed; withdraw"
"""Why a file is not given out whose day is over: it is approved anew, for another day."""


def _does(world: PayOffice, body: str) -> None:
    world.queues.send(QueueName.ORDER_EVENTS, [body])


def _rest(world: PayOffice, watch: BatchWatch) -> None:
    """The faults stop, every account that was confirmed has cooled off, and every batch is brought to its end."""
    world.calm()
    _until_quiet(world)
    world.wait(COOLING_DAYS * DAY + 60, ticks=CALM_TICKS)
    world.refusals.clear()
    _steps(world, watch)
    _person(world, "release")
    _until_quiet(world)
    _person(world, "close", person="schedule", batch=LAST)
    _until_quiet(world)
    watch.before_the_last_answers()
    _steps(world, watch)
    _person(world, "age")
    _until_quiet(world)
    if world.dead_letters:
        letters = [message.body[:80] for message in world.dead_letters]
        raise Broken("nothing is parked when nothing is wrong with it", f"dead letters: {letters}")


def _steps(world: PayOffice, watch: BatchWatch) -> None:
    for _ in range(ROUNDS):
        steps = [step for name in sorted(watch.headers) if (step := _next(world, watch, name))]
        for kind, what in steps:
            _person(world, kind, **what)
        _until_quiet(world)
        if not steps:
            return
    raise Broken("every batch comes to its end", str({name: one["state"] for name, one in watch.headers.items()}))


def _next(world: PayOffice, watch: BatchWatch, name: str) -> tuple[str, Item] | None:
    """What is to be done with a batch when nothing moves any more."""
    state = watch.headers[name]["state"]
    match state:
        case State.DRAFT:
            raise Broken("a closing that was cut off is completed", f"{name} is a draft although nothing waits")
        case State.CLOSED:
            refused = world.refusals.pop(("approve", name), None)
            if refused and not _left_by_itself(watch, name, refused):
                return _pulling(watch, name, refused, "what was closed can be approved")
            makers = {watch.headers[name]["made_by"], watch.headers[name]["closed_by"]}
            told = [row for row in watch.live(name) if row["told_by"]]
            apart = makers.union(*(row["told_by"] for row in told))
            others = [one for one in batches_story.PERSONS if one not in apart]
            if not others:
                return "pull", {"person": "rekha", "batch": name, "group": told[0]["group_id"]}
            return "approve", {"person": others[0], "batch": name, "looks": 0}
        case State.APPROVED:
            if refused := world.refusals.pop(("submit", name), None):
                if PASSED in refused:
                    return "withdraw", {"person": "rekha", "batch": name}
                return _pulling(watch, name, refused, "an approved file is the same when it is made again")
            return "submit", {"person": "rekha", "batch": name}
    if state in (State.FILED, State.COMPLETED) and name not in world.bank.files:
        return "carry", {"person": "rekha", "batch": name, "fates": world.fates.get(name) or world.fate}
    told = len(world.bank.says(name, world.seconds + 9 * DAY))
    if told and watch.told_all[name] < 2:
        # Twice: what was paid although it had been rejected is heard after the rejection.
        watch.told_all[name] += 1
        if world.bank.says(name, world.seconds) != world.bank.says(name, world.seconds + 9 * DAY):
            world.wait(2 * DAY, ticks=CALM_TICKS)
        return "tell", {"person": "rekha", "batch": name}
    if state == State.FILED:
        raise Broken("a batch is completed when the bank has answered for every row", f"{name} is {state}")
    return None


def _left_by_itself(watch: BatchWatch, name: str, refused: str) -> bool:
    """Whether what was in the way, or was not there any more when it was looked at, has left the batch since."""
    gone = [row for (batch, _), row in watch.rows.items() if batch == name and row["state"] == "PULLED"]
    return any(f"{row['group_id']}: " in refused for row in gone) or bool(gone) and "look at it again" in refused


def _pulling(watch: BatchWatch, name: str, refused: str, promise: str) -> tuple[str, Item]:
    """A row whose account is not what it was is taken out by a person; nothing else may be in the way."""
    row = next((row for row in watch.live(name) if f"{row['group_id']}: " in refused), None)
    if row is None:
        raise Broken(promise, refused)
    return "pull", {"person": "rekha", "batch": name, "group": row["group_id"]}


def _person(world: PayOffice, kind: str, **what: Any) -> None:
    _does(world, json.dumps({"kind": kind} | what))


def _until_quiet(world: PayOffice) -> None:
    for _ in range(2):
        if not world.run(world.seconds + CALM, ticks=CALM_TICKS) or not world.quiet:
            left = [message.body[:80] for message in world.waiting]
            raise Broken("all queues are empty in the end", f"left: {left}")
        world.redrive()
