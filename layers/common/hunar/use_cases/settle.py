"""Booking what lines of orders brought: from settlements, facts and the resolution that was frozen at the sale.

The target is worked out anew from everything each time; the group's book gets target less what is posted, when there
is news. All is read consistently, what is posted first, and written with the versions that were read. So a message
that is early, late, doubled or overtaken ends at the same balances, and a crash between any two calls loses nothing:
the same message, or the nightly proof, goes on from there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

from hunar import tables
from hunar.domain import head, ledger, posted, settled, worklist
from hunar.domain.awaited import awaited_until
from hunar.domain.claimants import Part
from hunar.domain.facts import LEFT, SALE_SHARE, Resolved
from hunar.domain.head import Head, Refused
from hunar.domain.holds import UNTIL_FURTHER_NOTICE, release_at, window_end
from hunar.domain.identity import derived_id
from hunar.domain.money import rupees
from hunar.domain.order import Line, Order
from hunar.domain.posted import Booked, Posted, Proposal
from hunar.domain.rate_card import GOVERNMENT, OUTPUT_GST, Unpriced, day_of_sale
from hunar.domain.resolution import AT_PURCHASE, Resolution, Unresolved
from hunar.domain.settled import LineFacts, Tax
from hunar.domain.settlement import item_subject, order_subject
from hunar.messages import ApproveProposal, ComputePayout, HoldMoney, ReleaseHold, Settle
from hunar.ports import ABSENT, Conflict, Put, QueueName, Queues, Store
from hunar.tables import Item, Key
from hunar.use_cases import note_differences, subjects
from hunar.use_cases.go_on import go_on
from hunar.use_cases.registered_rates import card_of, resolution_of
from hunar.use_cases.subjects import Subject, order_of, subject_of, utc
from hunar.use_cases.worklist import closing, opening

UNRESOLVED: Final = "UNRESOLVED"
UNPRICED: Final = "RATE_GAP"
REFUSED: Final = "BOOK_REFUSED"
PROPOSED: Final = "MONEY_PROPOSED"
NOT_DELIVERED: Final = "SETTLED_NOT_DELIVERED"

OVERDUE: Final = "SETTLEMENT_OVERDUE"

_OF_A_LINE: Final = (UNRESOLVED, REFUSED, PROPOSED, NOT_DELIVERED, OVERDUE)


class Outcome(StrEnum):
    """What became of a line's money."""

    NOTHING = "NOTHING"
    """Nothing was settled, and nothing is owed before that."""
    BOOKED = "BOOKED"
    UNCHANGED = "UNCHANGED"
    PROPOSED = "PROPOSED"
    """Another amount without news: shown to a person, not booked."""
    WAITS = "WAITS"
    """A resolution, a rate or an amount is missing or cannot be: shown to a person, and booked when it is mended."""


@dataclass(frozen=True)
class Desk:
    """What booking needs from outside."""

    store: Store
    queues: Queues
    now: str
    proven: Callable[[str, str], bool]
    """Whether what comes of a (marketplace, account) about goods can be trusted: its messages are signed, or its API
    confirms them. If not, pieces are paid from settlements only."""
    patience_days: int = 30
    """So long after its delivery a line may be without a settlement before a person is told."""


class _Live(NamedTuple):
    """A line that is part of its order, and whose group is known."""

    order: Order
    line: Line
    terms: Resolved


@dataclass(frozen=True)
class _Seen:
    """A line with everything that its money hangs on, as it was read."""

    order_ref: str
    line_id: str
    item: Item | None
    """What is posted."""
    stored: Item | None
    order: Order | None
    line: Line | None
    subjects: tuple[Subject, ...]

    @property
    def posted(self) -> Posted:
        return Posted.of(self.item) if self.item else Posted(self.order_ref, self.line_id)

    @property
    def live(self) -> _Live | None:
        if self.order is None or self.line is None or self.line.resolved is None:
            return None
        return _Live(self.order, self.line, self.line.resolved)

    @property
    def parts(self) -> list[Part]:
        name = f"{self.order_ref}#{self.line_id}"
        return [part for subject in self.subjects for part in subject.parts.get(name, ())]


# ── what a message asks for ──────────────────────────────────────────────────────────────────────


def settle_line(desk: Desk, order_ref: str, line_id: str, *, approval: ApproveProposal | None = None) -> Outcome:
    """Books what a line brought. Raises Conflict when somebody wrote meanwhile: call it again."""
    seen = _see(desk, order_ref, line_id)
    for subject in seen.subjects:
        if subject.posted:
            # It was in suspense while nobody knew the order. It leaves suspense before it comes to the line, so that
            # at no moment it is there twice.
            subjects.book(desk.store, subject, desk.now)
            subjects.show(desk.store, subject, desk.now)
    if not _moves(desk, seen):
        _show(desk, seen, _overdue(desk, seen), (OVERDUE,))
        return Outcome.NOTHING
    try:
        outcome, shown = _settle(desk, seen, approval)
    except Unresolved as problem:
        outcome, shown = Outcome.WAITS, {UNRESOLVED: str(problem)}
    except Unpriced as problem:
        outcome, shown = Outcome.WAITS, {UNPRICED: str(problem)}
    except (Refused, ValueError) as problem:
        _unless_it_went_on(desk, tables.posted(order_ref, line_id), seen.item)
        outcome, shown = Outcome.WAITS, {REFUSED: str(problem)}
    if (
        outcome is Outcome.BOOKED
        and desk.store.read([tables.order(order_ref)]).get(tables.order(order_ref)) != seen.stored
    ):
        # Somebody who knew more may have found, before this was posted, that nothing is to be done.
        raise Conflict("the order went on meanwhile")
    if outcome in (Outcome.BOOKED, Outcome.UNCHANGED):
        _wait(desk, seen)
    _show(desk, seen, shown | _overdue(desk, seen))
    if seen.live is not None:
        version = seen.posted.version + (outcome is Outcome.BOOKED)
        note_differences.note(
            desk.store,
            order_ref=order_ref,
            order=seen.live.order,
            line=seen.live.line,
            parts=seen.parts,
            seen=version,
            now=desk.now,
        )
    return outcome


def _wait(desk: Desk, seen: _Seen) -> None:
    """What the line gave back and nobody claims waits in suspense from now on."""
    for subject in seen.subjects:
        if subject.waiting and not (subject.posted and subject.posted["amounts"]):
            subjects.book(desk.store, subject, desk.now)
            subjects.show(desk.store, subject, desk.now)


def settle_subject(desk: Desk, message: Settle) -> list[Outcome]:
    """Books what was settled about a subject: what nobody claims, and each line that does. Raises Conflict."""
    subject = subject_of(desk.store, message.subject)
    subjects.book(desk.store, subject, desk.now)
    subjects.show(desk.store, subject, desk.now)
    return [settle_line(desk, one.order_ref, one.line.line_id) for one in subject.claimants]


def release(desk: Desk, message: ReleaseHold) -> bool:
    """Makes payable what a line held, if its hold is over by now. Raises Conflict."""
    # The facts of today decide when it ends, not those of the day on which the end was written down.
    settle_line(desk, message.order_ref, message.line_id)
    key = tables.posted(message.order_ref, message.line_id)
    item = desk.store.read([key]).get(key)
    if item is None or not item["hold_end"] or desk.now < max(item["hold_end"], _held_back(item) or ""):
        # A person's hold may stand there already, and the end that follows from it not yet.
        return False
    before = after = Posted.of(item)
    heads = _heads(desk, [group for group, standing in before.standings.items() if standing.held])
    moved: dict[str, Head] = {}
    entries: list[head.Sealed] = []
    for group in sorted(heads):
        try:
            booked = posted.release(after, heads[group], item["hold_end"], now=desk.now)
        except Refused:
            _unless_it_went_on(desk, key, item)
            raise
        if booked is not None:
            after = booked.posted
            moved.update(booked.heads)
            entries += booked.entries
    if entries:
        _commit(desk, before, Booked(after, moved, tuple(entries)), heads, item, item["hold_end"])
    go_on(desk.store, heads.values(), at=desk.now)
    return bool(entries)


def hold(desk: Desk, message: HoldMoney) -> None:
    """Notes that a person holds a line's money back, or lets it go. Raises Conflict."""
    key = tables.posted(message.order_ref, message.line_id)
    item = desk.store.read([key]).get(key) or {}
    before = Posted.of(item) if item else Posted(message.order_ref, message.line_id)
    held = {"until": message.until, "by": message.by, "reason": message.reason, "at": message.at}
    there = item.get("operator_hold") or {"at": ""}
    if there["at"] < message.at:
        _commit(
            desk, before, Booked(posted.seen_again(before)), {}, item | {"operator_hold": held}, item.get("hold_end")
        )
    settle_line(desk, message.order_ref, message.line_id)


# ── reading ──────────────────────────────────────────────────────────────────────────────────────


def _see(desk: Desk, order_ref: str, line_id: str) -> _Seen:
    # What is posted is read before what it is made of: who finds version n then knows at least what made it.
    key = tables.posted(order_ref, line_id)
    item = desk.store.read([key]).get(key)
    stored, found = order_of(desk.store, order_ref)
    line = next((one for one in found.lines if one.line_id == line_id), None) if found else None
    marketplace, account, order_id = order_ref.split(":", 2)
    names = (item_subject(marketplace, account, line_id), order_subject(marketplace, account, order_id))
    return _Seen(order_ref, line_id, item, stored, found, line, tuple(subject_of(desk.store, name) for name in names))


def _heads(desk: Desk, groups: Iterable[str]) -> dict[str, Head]:
    keys = {group: tables.book(group) for group in groups}
    found = desk.store.read(keys.values()) if keys else {}
    return {group: Head.of(found[key]) if key in found else Head(group) for group, key in keys.items()}


def _unless_it_went_on(desk: Desk, key: Key, item: Item | None) -> None:
    """A book cannot be what a line needs that was read before: somebody moved both. Raises Conflict then."""
    if desk.store.read([key]).get(key) != item:
        raise Conflict("the line was posted meanwhile")


def _moves(desk: Desk, seen: _Seen) -> bool:
    """Whether there is money of the line, or may be: it was settled, or its pieces are owed once they left."""
    if seen.line is not None and seen.line.resolved is None:
        # It waits, in suspense. What was booked while its group was known, before it was announced anew, goes back.
        return seen.item is not None
    if seen.item is not None or seen.parts:
        return True
    if seen.live is None or seen.live.terms.payout_basis == SALE_SHARE:
        return False
    marketplace, account, _ = seen.order_ref.split(":", 2)
    return desk.proven(marketplace, account) and any(step in seen.live.order.steps for step in LEFT)


# ── a line ───────────────────────────────────────────────────────────────────────────────────────


class _Wanted(NamedTuple):
    """What a line's money should be, and until when it is held."""

    group_id: str
    amounts: ledger.Amounts
    news: str
    hold_end: str | None
    source: tuple[tuple[str, str | int], ...]


def _settle(desk: Desk, seen: _Seen, approval: ApproveProposal | None) -> tuple[Outcome, dict[str, str]]:
    """Books it, or says what a person must look at, by kind."""
    before, wanted = seen.posted, _wanted(desk, seen)
    heads = _heads(desk, {wanted.group_id, *before.groups})
    found = posted.settle(
        before,
        wanted.amounts,
        wanted.news,
        heads,
        group_id=wanted.group_id,
        occurred_at=_when(desk, seen),
        source=wanted.source,
    )
    if isinstance(found, Proposal) and approval and approval.proposal_id == found.proposal_id:
        by, reason = approval.by, approval.reason or "none given"
        found = posted.approve(found, before, heads, group_id=wanted.group_id, by=by, reason=reason, at=desk.now)
    if isinstance(found, Proposal):
        if seen.item and seen.item["hold_end"] != wanted.hold_end:
            # A proposal holds back amounts, not news of the goods or a person's word about when they are paid.
            _commit(desk, before, Booked(posted.seen_again(before)), heads, seen.item, wanted.hold_end)
            raise Conflict("what is proposed stands on what is posted now")
        return Outcome.PROPOSED, {PROPOSED: _in_words(found)}
    item = (seen.item or {}) | {"group_id": wanted.group_id}
    if found is None and seen.item and seen.item["hold_end"] != wanted.hold_end:
        _commit(desk, before, Booked(posted.seen_again(before)), heads, item, wanted.hold_end)
    if found is None:
        go_on(desk.store, heads.values(), at=desk.now)
        return Outcome.UNCHANGED, _not_delivered(seen)
    # Before it is written: who is stopped behind it would tell nobody when the message comes again.
    _tell_others(desk, seen)
    _commit(desk, before, found, heads, item, wanted.hold_end)
    go_on(desk.store, heads.values(), at=desk.now)
    return Outcome.BOOKED, _not_delivered(seen)


def _wanted(desk: Desk, seen: _Seen) -> _Wanted:
    if seen.live is None:
        # Its announcement was not true, or is not any more: what was booked for it goes back.
        group = (seen.item or {}).get("group_id") or ""
        return _Wanted(group, {}, derived_id("no line"), None, ())
    marketplace, account, _ = seen.order_ref.split(":", 2)
    facts = LineFacts.of(seen.order_ref, marketplace, seen.live.order, seen.live.line)
    facts = facts if desk.proven(marketplace, account) else facts.unproven()
    resolution = resolution_of(desk.store, seen.live.line)
    amounts = settled.target(facts, seen.parts, resolution, _tax(desk, seen.live, seen.parts))
    settlements = " ".join(sorted({part.of.settlement_id for part in seen.parts}))
    source = (*resolution.source, *([("settlements", settlements)] if settlements else []))
    hold_end = _hold_end(seen, seen.live, facts, resolution)
    return _Wanted(facts.group_id, amounts, settled.digest(facts, seen.parts), hold_end, source)


def _tax(desk: Desk, live: _Live, own: Sequence[Part]) -> Tax:
    """The output GST of the day of sale. Raises Unpriced: no row, or several, say it."""
    if (price := live.line.unit_price_paise) is None:
        # The settlement knows it: what was sold, less the seller's discounts, by the piece; the dearest one decides.
        sold = max(sum(part.heads.get("sale", 0) + part.heads.get("offer", 0) for part in own), 0)
        price = -(-sold // max(live.line.open, 1))
    day, hsn = day_of_sale(live.line.sold_at), live.terms.hsn
    row = card_of(desk.store, (GOVERNMENT,)).row(GOVERNMENT, OUTPUT_GST, day=day, hsn=hsn, unit_price_paise=price)
    return Tax(row.row_id, row.value)


def _hold_end(seen: _Seen, live: _Live, facts: LineFacts, resolution: Resolution) -> str | None:
    """When what is held for the line becomes payable; None while it is not earned."""
    settled_at = max((utc(part.of.posted_at) for part in seen.parts), default=None)
    earned_at = settled_at
    if resolution.payout_basis != SALE_SHARE and resolution.paid_on != AT_PURCHASE and facts.earned(resolution.paid_on):
        later = LEFT[LEFT.index(resolution.paid_on) :]
        earned_at = min(live.order.steps[step] for step in later if step in facts.steps)
    if earned_at is None:
        return None
    arrived_at = live.line.delivered_at if not live.order.pending else None
    window = window_end(arrived_at or settled_at or earned_at, resolution.return_window_days)
    coming_back = any(one.line_id == seen.line_id and one.open for one in live.order.returns)
    kept_back = UNTIL_FURTHER_NOTICE if coming_back else _held_back(seen.item or {})
    return release_at(window_ends=window, earned_at=earned_at, operator_hold=kept_back)


def _held_back(item: Item) -> str | None:
    """Until when a person holds a line's money back."""
    until: str | None = (item.get("operator_hold") or {}).get("until")
    return until


def _when(desk: Desk, seen: _Seen) -> str:
    """The time of the newest settlement, or of the last step of the goods; of a line that is no more, now."""
    if times := [utc(part.of.posted_at) for part in seen.parts]:
        return max(times)
    steps = [seen.live.order.steps[step] for step in LEFT if step in seen.live.order.steps] if seen.live else []
    return max(steps, default=desk.now)


def _in_words(proposal: Proposal) -> str:
    moved: dict[str, int] = {}
    for posting in proposal.postings:
        moved[posting.account] = moved.get(posting.account, 0) + posting.amount_paise
    said = ", ".join(f"{account} {rupees(paise)}" for account, paise in sorted(moved.items()) if paise)
    return f"proposal {proposal.proposal_id} would move {said or 'nothing but the rows that explain it'}"


def _not_delivered(seen: _Seen) -> dict[str, str]:
    line = seen.line
    sale = sum(part.heads.get("sale", 0) for part in seen.parts)
    if line is None or sale <= 0 or line.delivered_at or line.returned:
        return {}
    return {NOT_DELIVERED: f"the marketplace settled it, and the order is {line.state}"}


def _overdue(desk: Desk, seen: _Seen) -> dict[str, str]:
    until = awaited_until(seen.line, desk.patience_days)
    if until is None or desk.now < until or seen.parts or seen.live is None:
        return {}
    day = day_of_sale(str(seen.live.line.delivered_at))
    return {OVERDUE: f"delivered on {day}, and no settlement has spoken of it in {desk.patience_days} days"}


# ── writing ──────────────────────────────────────────────────────────────────────────────────────


def _commit(
    desk: Desk, before: Posted, booked: Booked, heads: Mapping[str, Head], item: Item, hold_end: str | None
) -> None:
    """``item`` is what stood there, with what has changed besides its amounts."""
    after = booked.posted
    kept = after.item() | {name: item.get(name) for name in ("group_id", "operator_hold")} | {"hold_end": hold_end}
    if hold_end and hold_end < UNTIL_FURTHER_NOTICE and any(standing.held for standing in after.standings.values()):
        kept |= tables.due(hold_end, f"{after.order_ref}#{after.line_id}")
    puts = [Put(tables.posted(after.order_ref, after.line_id), kept, before.version)]
    puts += [
        Put(tables.book(group), tables.book_item(moved), heads[group].version) for group, moved in booked.heads.items()
    ]
    for sealed in booked.entries:
        found_by = {"order_pk": after.order_ref, "order_sk": f"{desk.now}#{sealed.entry.entry_id}"}
        key = tables.book_entry(str(sealed.entry.group_id), sealed.seq)
        puts.append(Put(key, sealed.item(recorded_at=desk.now) | found_by, ABSENT))
    desk.store.commit(puts)


def _tell_others(desk: Desk, seen: _Seen) -> None:
    """Lines that share a subject with this one: their share may be another now. Who finds it unchanged tells nobody."""
    mine = f"{seen.order_ref}#{seen.line_id}"
    others = {one.name: one for subject in seen.subjects for one in subject.claimants if one.name != mine}
    commands = [
        ComputePayout(order_ref=one.order_ref, line_id=one.line.line_id).model_dump_json()
        for _, one in sorted(others.items())
    ]
    if commands:
        desk.queues.send(QueueName.PAYOUTS, commands)


def _show(desk: Desk, seen: _Seen, shown: Mapping[str, str], of: Sequence[str] = _OF_A_LINE) -> None:
    """Opens what a person must look at and closes the rest of these kinds, with one reading of the worklist."""
    cause, terms = (seen.order_ref, seen.line_id), seen.live.terms if seen.live else None
    kinds = [*of, *shown.keys() - set(of)]
    keys = {kind: tables.exception(worklist.exception_id(kind, *cause)) for kind in kinds}
    there = desk.store.read(keys.values())
    puts: list[Put] = []
    for kind, key in keys.items():
        if kind not in shown:
            puts += closing(there.get(key), at=desk.now)
            continue
        item = worklist.opened(
            kind,
            cause,
            at=desk.now,
            message=f"line {seen.line_id}: {shown[kind]}",
            order_ref=seen.order_ref,
            sku=terms.sku if terms else None,
            listing=seen.line.listing if seen.line else None,
            group_id=terms.group_id if terms else None,
            line_id=seen.line_id,
            proposal_id=shown[kind].split()[1] if kind == PROPOSED else None,
        )
        puts += opening(item, there.get(key), renew=True)
    if puts:
        desk.store.commit(puts)
