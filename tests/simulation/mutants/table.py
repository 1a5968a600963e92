"""The bugs. Their names say what a hurried person did; ``seeds.json`` says which schedule finds each."""

from __future__ import annotations

from typing import Final

from tests.simulation.mutants import Mutant, Patch


def _one(name: str, module: str, old: str, new: str) -> Mutant:
    return Mutant(name, (Patch(module, old, new),))


def _channels(name: str, module: str, old: str, new: str) -> Mutant:
    return Mutant(name, (Patch(module, old, new),), kind="channels")


def _texts(name: str, module: str, old: str, new: str) -> Mutant:
    return Mutant(name, (Patch(module, old, new),), kind="texts")


def _money(name: str, module: str, old: str, new: str) -> Mutant:
    return Mutant(name, (Patch(module, old, new),), kind="money")


MUTANTS: Final[tuple[Mutant, ...]] = (
    # writing
    _one(
        "an order is written without its version",
        "use_cases.change_order",
        'Put(key, item, before["version"] if before else ABSENT)',
        "Put(key, item, ANY)",
    ),
    _one(
        "a shelf is read, counted and written back without its version",
        "use_cases.count_stock",
        "Put(tables.stock(after.sku), content, version or ABSENT)",
        "Put(tables.stock(after.sku), content, ANY)",
    ),
    _one(
        "order and shelf are two transactions",
        "use_cases.change_order",
        "            self._desk.store.commit(self._puts)\n",
        "            for put in self._puts:\n                self._desk.store.commit([put])\n",
    ),
    _one(
        "a delivery counts as done when it is kept",
        "use_cases.apply",
        "    if not reading.facts:\n        return reading.verdict.lower()\n    changed = know(desk, message.",
        '    if not reading.facts or not kept:\n        return "duplicate"\n    changed = know(desk, message.',
    ),
    _one(
        "what says nothing is not kept",
        "use_cases.apply",
        "    kept = _keep(desk, message, reading, _home(message, reading), **said)\n",
        "    kept = bool(reading.facts) and _keep(desk, message, reading, _home(message, reading), **said)\n",
    ),
    Mutant(
        "an act is counted as often as it comes",
        (
            Patch("use_cases.count_stock", "    if done_key in found:\n", "    if not found:\n"),
            Patch(
                "use_cases.count_stock", "        Put(done_key, kept, ABSENT),\n", "        Put(done_key, kept, ANY),\n"
            ),
        ),
    ),
    # knowing
    _one(
        "a fact that comes before its order is dropped",
        "use_cases.change_order",
        "        known = old | self._cause.facts\n",
        "        early = before is None and not any(isinstance(fact, Placed) for fact in self._cause.facts)\n"
        "        known = old if early else old | self._cause.facts\n",
    ),
    _one(
        "the announcement that came last holds",
        "use_cases.change_order",
        "        known = old | self._cause.facts\n",
        "        news = {fact.line_id for fact in self._cause.facts if isinstance(fact, Placed)}\n"
        "        known = frozenset(fact for fact in old if not (isinstance(fact, Placed) and fact.line_id in news))\n"
        "        known |= self._cause.facts\n",
    ),
    _one(
        "news of a return are lost between looking and parking",
        "use_cases.change_order",
        '    return Put(key, {"orders": orders, "facts": said, "version": version + 1}, version or ABSENT)\n',
        '    return Put(key, {"orders": orders, "facts": said, "version": version + 1}, ANY)\n',
    ),
    _one(
        "a line is parked while its listing is mapped",
        "use_cases.change_order",
        '    return Put(key, item | {"version": version + 1}, version or ABSENT)\n',
        '    return Put(key, item | {"version": version + 1}, ANY)\n',
    ),
    _one(
        "a hold is ignored",
        "domain.order",
        "    if last is None or last < released:\n",
        "    if last is None or last is not None:\n",
    ),
    _one(
        "a release counts whenever it was said",
        "domain.order",
        "    if last is None or last < released:\n",
        "    if last is None or released:\n",
    ),
    _one(
        "a cancellation after the goods left frees units",
        "domain.order",
        "        if left_at is not None and fact.at > left_at:\n",
        "        if left_at is not None and not fact.at:\n",
    ),
    _one(
        "an excess cancellation cancels what is left",
        "domain.order",
        "        elif more > left:\n",
        "        elif not left:\n",
    ),
    _one(
        "what a person voided still counts",
        "domain.order",
        "    valid = [fact for fact in every if facts.fact_id(fact) not in void] if void else every\n",
        "    valid = every\n",
    ),
    # returns
    _one(
        "a return is put on the shelf again at every look",
        "domain.stock",
        "        line = replace(line, restocked=want.back)\n",
        "        line = replace(line, restocked=0)\n",
    ),
    _one("a return is stock before it is opened", "domain.demand", "back=line.good,", "back=line.returned,"),
    _one(
        "two returns of one line bring back more than left",
        "domain.returns",
        "        left[key[0]] = left.get(key[0], 0) - made.units\n",
        "        left[key[0]] = left.get(key[0], 0)\n",
    ),
    # shelves
    _one(
        "lines of one product are not summed",
        "domain.stock",
        "_reserve(shelf[want.sku], lines[line_id], want, want.sku in queued)",
        "_reserve(stocks[want.sku], lines[line_id], want, want.sku in queued)",
    ),
    _one(
        "a newcomer jumps the queue",
        "domain.stock",
        "    there = 0 if queued else min(need, stock.available)\n",
        "    there = min(need, stock.available)\n",
    ),
    _one(
        "a short line is forgotten",
        "use_cases.change_order",
        "        self._puts.append(Put(key, waits if after.short else None))\n",
        "        self._puts.append(Put(key, waits if after.short and before.since else None))\n",
    ),
    _one(
        "nobody is told that lines wait and units are there",
        "use_cases.count_stock",
        "    owed = [effects.ALLOCATE] if owes_allocation(after) else []\n",
        "    owed = [effects.ALLOCATE] if owes_allocation(before) else []\n",
    ),
    _one(
        "who was served still counts as short",
        "domain.stock",
        "        stock, available=stock.available - there, reserved=stock.reserved + there, short=stock.short - there\n"
        "    )\n    return stock, replace(line, reserved=line.reserved + there, short=line.short - there)\n\n\n"
        "def _reserve",
        "        stock, available=stock.available - there, reserved=stock.reserved + there\n"
        "    )\n    return stock, replace(line, reserved=line.reserved + there, short=line.short - there)\n\n\n"
        "def _reserve",
    ),
    _one(
        "units that left uncounted are never settled",
        "domain.stock",
        "    paid = min(stock.uncounted, stock.available)\n",
        "    paid = 0\n",
    ),
    _one(
        "goods that leave are taken from the shelf and not from their reservation",
        "domain.stock",
        "    own = min(need, line.reserved)\n",
        "    own = 0\n",
    ),
    _one(
        "a correction of the product keeps what it took",
        "use_cases.change_order",
        'every = {name: wants.get(name) or Demand(line.sku, "", hold=0, gone=0) for name, line in taken.items()}',
        "every = {name: wants[name] for name in taken if name in wants}",
    ),
    # effects
    _one(
        "the relay goes on after a failure",
        "use_cases.relay",
        "        queues.send(queue, texts)\n",
        "        try:\n            queues.send(queue, texts)\n        except Exception:\n            continue\n",
    ),
    Mutant(
        "what is owed is named by the version and owed again",
        (
            Patch(
                "domain.effects",
                "derived_id(text.kind, order_ref, group_id, LEADER, text.revision)",
                "derived_id(text.kind, order_ref, group_id, LEADER, text.revision, len(owed))",
            ),
            Patch(
                "domain.effects",
                "    if to_send != still and (not left or last) and not all_held:\n",
                "    if to_send and not left and not all_held:\n",
            ),
        ),
    ),
    _one(
        "whoever finds a claim takes it for his own",
        "use_cases.sending",
        'there["status"] == Status.CLAIMED and there["claimant"] == desk.claimant and there["text"] is None',
        'there["status"] == Status.CLAIMED',
    ),
    _one(
        "a text does not wait for the one before it",
        "domain.notification",
        "    if any(sibling.status is Status.CLAIMED for sibling in earlier):\n",
        "    if not earlier and any(sibling.status is Status.CLAIMED for sibling in earlier):\n",
    ),
    _one(
        "a claim that fell silent is left alone",
        "use_cases.notify",
        '            return sending.unknown(desk, Letter(there), "no answer for 15 minutes")\n        pause',
        "            return status\n        pause",
    ),
    _one(
        "a text without an answer is taken for sent",
        "use_cases.sending",
        "            return unknown(desk, letter, answer.reason), None\n",
        "            return settle(desk, letter, Status.ACCEPTED, provider_id=None), None\n",
    ),
    _one(
        "what a dead stream lost is not sent again",
        "use_cases.sweep",
        'for identity, effect in to_send_again(order["owed"], now).items():',
        "for identity, effect in ():",
    ),
    # money
    _one(
        "what came back is still earned",
        "domain.entitlement",
        "days, traits, kept = days_of(line), Traits(terms.hsn), line.kept",
        "days, traits, kept = days_of(line), Traits(terms.hsn), line.open",
    ),
    _one(
        "every computation books the whole amount",
        "use_cases.compute_payout",
        'ledger.difference(target.amounts, ledger.amounts(head["amounts"]) if head else {})',
        "ledger.difference(target.amounts, {})",
    ),
    # channels
    _channels(
        "the buffer is sold",
        "domain.stock",
        "        return max(0, self.available - self.buffer)\n",
        "        return max(0, self.available)\n",
    ),
    _channels(
        "an old number is told last",
        "use_cases.publish",
        '        if there["holder"] != run.desk.claimant and moment(now) - moment(there["since"]) < LEASE:\n',
        '        if not there["holder"] and moment(now) - moment(there["since"]) < LEASE:\n',
    ),
    _channels(
        "a number that nobody answered for counts as taken",
        "use_cases.publish",
        "    if isinstance(answer, Later):\n        return answer\n    if answer.status in (200, 400):\n",
        "    if isinstance(answer, Later):\n        return {name: Posted(name, TAKEN) for name in names}\n"
        "    if answer.status in (200, 400):\n",
    ),
    _channels(
        "a stale replica erases a cancellation",
        "domain.order",
        "    stated = max(_of_line(known, Stated, placed), key=lambda fact: (fact.at, fact.still), default=None)\n",
        "    stated = max(_of_line(known, Stated, placed), key=lambda fact: (fact.still, fact.at), default=None)\n",
    ),
    Mutant(
        "a page is lost on a failure",
        (
            Patch(
                "use_cases.catch_up",
                "        self._sent += feed_in(self._desk, self._whose, page.parts, page.problems, self._kind)\n",
                "",
            ),
            Patch(
                "use_cases.catch_up",
                "                cursor = self._fed_in(cursor, page)\n",
                "                cursor = self._fed_in(cursor, page)\n"
                "                feed_in(self._desk, self._whose, page.parts, page.problems, self._kind)\n",
            ),
        ),
        kind="channels",
    ),
    _channels(
        "a page that fails is skipped",
        "use_cases.catch_up",
        '        again: Item = {"until": None, "page": None, "pages": 0, "seen": []}\n        patient',
        '        again: Item = {"since": cursor["until"], "until": None, "page": None, "pages": 0, "seen": []}\n'
        "        patient",
    ),
    _channels(
        "a failure is shown before it is noted",
        "use_cases.catch_up",
        "        cursor = self._write(cursor, changed | said)\n"
        "        # Who has dealt with it is not told the same again.\n"
        '        if show and cursor["shown"] != text:\n'
        "            open_exception(self._desk.store, CATCH_UP_FAILED, self._cause, at=now, message=text)\n",
        '        if show and cursor["shown"] != text:\n'
        "            open_exception(self._desk.store, CATCH_UP_FAILED, self._cause, at=now, message=text)\n"
        "        cursor = self._write(cursor, changed | said)\n"
        '        if show and cursor["shown"] != text:\n',
    ),
    _channels(
        "calls wait for no allowance",
        "use_cases.asking",
        '    if wait := desk.again(taken):\n        return Later("", wait)\n',
        "    desk.again(taken)\n",
    ),
    # claims
    _channels(
        "a claimed cancellation frees stock",
        "domain.demand",
        "            hold=0 if left else line.open + line.unconfirmed,\n",
        "            hold=0 if left else line.open,\n",
    ),
    _channels(
        "goods leave the shelf on a claim",
        "domain.order",
        "    left_at = _left_at(firm) or (lost.at if lost else None)\n",
        "    left_at = _left_at(steps) or (lost.at if lost else None)\n",
    ),
    _channels(
        "a denied claim keeps its stock",
        "domain.claims",
        "        return False if found is None and facts.fact_id(claim) in self._denied else found\n",
        "        return found\n",
    ),
    _channels(
        "a group is told before it is confirmed",
        "domain.effects",
        "    return not asked.issuperset(order.pending)\n",
        "    return False\n",
    ),
    _channels(
        "a delivery is paid on a claim",
        "domain.order",
        '                delivered_at=firm.get("delivered") if still else None,\n',
        '                delivered_at=steps.get("delivered") if still else None,\n',
    ),
    _channels(
        "what was told of a denied claim stays told",
        "domain.order",
        "isinstance(fact, Voided | Remapped) or (isinstance(fact, Placed | Cancelled) and fact in judged.denied)\n",
        "isinstance(fact, Voided | Remapped)\n",
    ),
    # texts
    _texts(
        "a text is not written down before it goes",
        "use_cases.sending",
        "        writes = [*puts(letter, ready), Put(talk_key,",
        "        writes = [Put(talk_key,",
    ),
    _texts(
        "what nobody knows of goes again and again",
        "domain.notification",
        'KINDS[item["kind"]].resend and not item["resent"] and item["receipt"] is None',
        'KINDS[item["kind"]].resend and item["receipt"] is None',
    ),
    _texts(
        "money is told again when nobody knows whether it was",
        "use_cases.tell",
        "    if not ours:\n",
        '    if not ours and item["status"] != Status.UNKNOWN:\n',
    ),
    _texts(
        "a late answer is written over what the phone said",
        "use_cases.sending",
        '        if now["status"] in (Status.CLAIMED, Status.UNKNOWN):\n',
        '        if now["status"] in (Status.CLAIMED, Status.UNKNOWN, Status.DELIVERED):\n',
    ),
    _texts(
        "who did not hear of it is told again in her own place",
        "use_cases.ladder",
        "    slots = SLOTS[SLOTS.index(slot) + 1 :]\n",
        "    slots = SLOTS[SLOTS.index(slot) :]\n",
    ),
    _texts(
        "who was told in another's place does not hear what follows",
        "use_cases.ladder",
        '    if item["of"] is not None:\n        return\n',
        '    if item["kind"]:\n        return\n',
    ),
    _texts(
        "who is told in another's place does not hear of a hold",
        "use_cases.notify",
        "    for item in letter.members or (letter.item,):\n        ladder.tell_what_follows",
        "    for item in ():\n        ladder.tell_what_follows",
    ),
    _texts(
        "what may not go now is dropped",
        "use_cases.notify",
        "if resend else _back(desk, letter, ready)\n",
        "if resend else sending.settle(desk, letter, Status.SUPPRESSED, reason=ready.reason)\n",
    ),
    _texts(
        "what is put off has no moment",
        "use_cases.sending",
        'reason=later.reason, **tables.due(later.at, item["notification_id"])\n    )\n    waits',
        "reason=later.reason\n    )\n    waits",
    ),
    _texts(
        "nobody is told in place of who wants no texts",
        "use_cases.notify",
        "Letter(item), Status.SUPPRESSED, reason=ladder.OPTED_OUT, **due)\n    known",
        "Letter(item), Status.SUPPRESSED, reason=ladder.OPTED_OUT)\n    known",
    ),
    _texts(
        "a provider that took no texts once is asked about for ever",
        "use_cases.sending",
        '            if breaker is not None and breaker["until"]:\n',
        '            if breaker is not None and breaker["until"] > desk.now:\n',
    ),
    _texts(
        "a digest that does not go loses its orders",
        "use_cases.notify",
        "    for item in letter.members or (letter.item,):\n        sending.put_off",
        "    for item in letter.members[:1] or (letter.item,):\n        sending.put_off",
    ),
    _texts(
        "a cancellation does not see a digest on its way",
        "use_cases.ladder",
        "for item in there if item is not None]\n",
        'for item in there if item is not None and not item["digest"]]\n',
    ),
    _texts(
        "what is said of a digest is not said of its orders",
        "use_cases.record_receipt",
        "for member in members_of(desk.store, item) for put",
        "for member in members_of(desk.store, item)[1:] for put",
    ),
    _texts(
        "a text that comes back is counted each time that it goes",
        "use_cases.sending",
        "        counted = identity in manners.sent_today(talk, desk.now)\n",
        "        counted = False\n",
    ),
    _texts(
        "the night is not asked for",
        "domain.manners",
        '    if morning is not None and not (at_night == "due" and ship_by',
        '    if morning is not None and not (at_night == "due" or ship_by',
    ),
    # money
    _money(
        "what is posted is written without its version",
        "use_cases.settle",
        "kept, before.version)]",
        "kept, -1)]",
    ),
    Mutant(
        "a head is written without its version, and an entry over another",
        (
            Patch("use_cases.settle", "tables.book_item(moved), heads[group].version", "tables.book_item(moved), -1"),
            Patch("use_cases.settle", "| found_by, ABSENT))", "| found_by, -1))"),
        ),
        kind="money",
    ),
    _money(
        "entries are written and what is posted is not",
        "use_cases.settle",
        "    desk.store.commit(puts)\n\n\ndef _tell_others",
        "    desk.store.commit(puts[1:])\n\n\ndef _tell_others",
    ),
    _money(
        "a refund does not take back what was booked",
        "domain.settled",
        "gross = sum(paise for head, paise in self._heads.items() if head in GROSS)",
        'gross = sum(paise for head, paise in self._heads.items() if head in GROSS and head != "refund")',
    ),
    _money(
        "a line that came back keeps its money",
        "use_cases.settle",
        'return _Wanted(group, {}, derived_id("no line"), None, ())',
        'return _Wanted(group, seen.posted.amounts, derived_id("no line"), None, ())',
    ),
    _money(
        "a later row of an item replaces the earlier ones",
        "use_cases.subjects",
        "claimed, waiting = parts(name, lines, claimants)",
        "claimed, waiting = parts(name, lines[-1:], claimants)",
    ),
    _money(
        "equal rows of a file are one",
        "domain.settlement",
        "keyed.append(replace(line, key=line_key(line, said, counts[content])))",
        "keyed.append(replace(line, key=line_key(line, said, 1)))",
    ),
    _money(
        "the newest resolution holds for every sale",
        "domain.resolution",
        '        if policy["version"] == version:\n            return Resolution.of(group_id, policy)\n',
        '        if policy["version"] == max(one["version"] for one in policies):\n'
        "            return Resolution.of(group_id, policy)\n",
    ),
    _money(
        "each row is rounded by itself",
        "domain.settled",
        "gross = sum(paise for head, paise in self._heads.items() if head in GROSS)\n"
        "        taxable = without_tax(gross, gst.ppm)",
        "gross = sum(paise for head, paise in self._heads.items() if head in GROSS)\n"
        "        taxable = sum(without_tax(paise, gst.ppm) for head, paise in self._heads.items() if head in GROSS)",
    ),
    _money(
        "a share of a whole order is rounded for each line",
        "domain.claimants",
        "shares = {head: largest_remainder(paise, worth) for head, paise in line.heads.items()} if claimants else {}",
        "shares = {head: {name: paise * value // sum(worth.values()) for name, value in worth.items()} "
        "for head, paise in line.heads.items()} if claimants else {}",
    ),
    Mutant(
        "a debt is dropped when a period is closed",
        (
            Patch(
                "domain.payout", "kept = recovered(head.payable, head.debt, cap_ppm)\n    paid", "kept = 0\n    paid"
            ),
            Patch("domain.head", "kept = recovered(before.payable, before.debt, int(terms[RECOVERY]))", "kept = 0"),
        ),
        kind="money",
    ),
    _money(
        "what was paid already is taken back from what others brought",
        "domain.debt",
        "return self if closed < self.seq else Standing(self.held)",
        "return self",
    ),
    Mutant(
        "money is released before its hold is over",
        (
            Patch(
                "use_cases.settle",
                'or not item["hold_end"] or desk.now < max(item["hold_end"], _held_back(item) or ""):',
                'or not item["hold_end"]:',
            ),
            Patch("domain.posted", "if now < hold_end or not standing.held:", "if not standing.held:"),
        ),
        kind="money",
    ),
    _money(
        "a person's hold is not asked for",
        "use_cases.settle",
        "kept_back = UNTIL_FURTHER_NOTICE if coming_back else _held_back(seen.item or {})",
        "kept_back = UNTIL_FURTHER_NOTICE if coming_back else None",
    ),
    _money(
        "what was settled counts from the delivery, not from the settlement",
        "domain.holds",
        'return max(window_ends, earned_at, operator_hold or "")',
        'return max(window_ends, operator_hold or "")',
    ),
    _money(
        "money leaves suspense as often as somebody looks",
        "use_cases.subjects",
        "    puts = [Put(tables.subject_posted(subject.name), after, version)]\n",
        "    puts = []\n",
    ),
    _money(
        "money that found its order stays in suspense too",
        "use_cases.settle",
        "        if subject.posted:\n            # It was",
        "        if not subject.posted:\n            # It was",
    ),
    Mutant(
        "a proposal is booked without a person",
        (
            Patch(
                "use_cases.settle",
                "if isinstance(found, Proposal) and approval and approval.proposal_id == found.proposal_id:",
                "if isinstance(found, Proposal):",
            ),
            Patch(
                "use_cases.settle",
                'by, reason = approval.by, approval.reason or "none given"',
                'by, reason = "nobody", "none given"',
            ),
        ),
        kind="money",
    ),
    _money(
        "an older word of a person is written over a newer one",
        "use_cases.settle",
        'if there["at"] < message.at:',
        'if there["at"] != message.at:',
    ),
    _money(
        "a hold that ended has no moment",
        "use_cases.settle",
        '        kept |= tables.due(hold_end, f"{after.order_ref}#{after.line_id}")\n',
        '        kept["due"] = hold_end\n',
    ),
    _money(
        "a proposal keeps news of the hold away",
        "use_cases.settle",
        'if seen.item and seen.item["hold_end"] != wanted.hold_end:\n            # A proposal',
        "if not seen.item:\n            # A proposal",
    ),
    _money(
        "a line that is no more is not looked at",
        "use_cases.settle",
        "return booked + [settle_line(desk, *line) for line in subjects.gone(desk.store, subject)]",
        "return booked",
    ),
)
