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


def _batches(name: str, module: str, old: str, new: str) -> Mutant:
    return Mutant(name, (Patch(module, old, new),), kind="batches")


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
        "terms, kept = line.resolved, line.kept",
        "terms, kept = line.resolved, line.open",
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
    # batches
    _batches(
        "a closing that was over begins anew",
        "use_cases.close_period",
        "desk.store.commit([Put(key, header_item(made), ABSENT)])",
        "desk.store.commit([Put(key, header_item(made), -1)])",
    ),
    Mutant(
        "a group is in two batches: its book is written as it was read",
        (
            Patch(
                "use_cases.close_period",
                "Put(book, tables.book_item(moved), head.version),",
                "Put(book, tables.book_item(moved), -1),",
            ),
            # The entry's own place would keep the second one out.
            Patch("use_cases.close_period", "sealed.item(recorded_at=at), ABSENT)", "sealed.item(recorded_at=at), -1)"),
        ),
        kind="batches",
    ),
    Mutant(
        "a group is paid out twice by one batch",
        (
            Patch(
                "use_cases.close_period",
                "    if row in found or recovered in found:\n        return Outcome.NEXT_BATCH\n",
                "",
            ),
            Patch("use_cases.close_period", '"version": 1}, ABSENT))', '"version": 1}, -1))'),
        ),
        kind="batches",
    ),
    _batches(
        "a row slips in behind the batch's header",
        "use_cases.close_period",
        "        header_put(batch, replace(batch, version=batch.version + 1)),\n",
        "",
    ),
    _batches(
        "rows are read before the header that they are closed with",
        "use_cases.close_period",
        "    before = Batch.of(desk.store.read([key])[key])\n"
        "    rows = [Row.of(item) for item in rows_of(desk.store, message.batch_id)]\n",
        "    rows = [Row.of(item) for item in rows_of(desk.store, message.batch_id)]\n"
        "    before = Batch.of(desk.store.read([key])[key])\n",
    ),
    _batches(
        "what went all against a debt is paid out again",
        "use_cases.close_period",
        "        puts.append(Put(recovered,",
        "        list().append(Put(recovered,",
    ),
    _batches(
        "who cannot be paid is left out without a word",
        "use_cases.close_period",
        '        desk.store.commit(left_out(group_id, reason or "", found.get(shown), at=desk.now))\n',
        "",
    ),
    _batches(
        "who may have money twice is paid again",
        "use_cases.close_period",
        "reason = usable(standing, desk.now) or stopped(desk.store, found.get(whose[2]))",
        "reason = usable(standing, desk.now)",
    ),
    _batches(
        "a closing whose time is over is not handed on",
        "use_cases.close_period",
        "            desk.queues.send(QueueName.PAYOUT_BATCHES, "
        '[message.model_copy(update={"after": before}).model_dump_json()])\n',
        "",
    ),
    _batches(
        "a batch takes more than a file of the bank does",
        "use_cases.close_period",
        "if desk.most_rows is not None and batch.version > desk.most_rows:",
        "if desk.most_rows is not None and batch.version > desk.most_rows + 2:",
    ),
    _batches(
        "what a full batch does not take is forgotten",
        "use_cases.close_period",
        "            desk.queues.send(QueueName.PAYOUT_BATCHES, [rest.model_dump_json()])\n            break\n",
        "            break\n",
    ),
    _batches(
        "what is below the minimum is paid",
        "domain.payout",
        "if head.payable <= 0 or 0 < paid < minimum_paise:",
        "if head.payable <= 0:",
    ),
    Mutant(
        "a debt takes more than was resolved",
        (
            Patch("domain.payout", "kept = recovered(head.payable, head.debt, cap_ppm)", "kept = head.debt"),
            Patch("domain.head", "kept = recovered(before.payable, before.debt, int(terms[RECOVERY]))", "kept = debt"),
            Patch("domain.head", "in balances or debt != before.debt - kept:", "in balances:"),
        ),
        kind="batches",
    ),
    _batches(
        "the cooling-off is skipped",
        "domain.beneficiary",
        "    if moment(at) < moment(beneficiary.usable_from):\n",
        "    if not beneficiary.usable_from:\n",
    ),
    _batches(
        "a change of a change cools off with the change before it",
        "domain.beneficiary",
        "usable_from = at if before is None else instant(moment(at) + timedelta(days=cooling_days))",
        "usable_from = at if before is None or not before.confirmed_by"
        " else instant(moment(at) + timedelta(days=cooling_days))",
    ),
    _batches(
        "an account is paid before anybody confirmed it",
        "domain.beneficiary",
        "    if beneficiary.confirmed_by is None:\n        return",
        "    if not beneficiary.changed_by:\n        return",
    ),
    _batches(
        "a closed account is paid",
        "domain.beneficiary",
        "    if beneficiary.closed_at is not None:\n        return f",
        "    if not beneficiary.changed_by:\n        return f",
    ),
    _batches(
        "who entered an account confirms it",
        "domain.beneficiary",
        "    if same_person(by, beneficiary.changed_by):\n",
        "    if not by:\n",
    ),
    _batches(
        "an account is put into use although nobody was told of it",
        "use_cases.payees",
        "    if waits.version == version:\n        _tell(desk, waits, desk.now)\n",
        "",
    ),
    _batches(
        "the maker approves her own batch",
        "domain.batch",
        "        if same_person(by, maker):\n",
        "        if not by:\n",
    ),
    _batches(
        "who says that money came back approves that it is paid again",
        "domain.batch",
        "if any(same_person(by, person) for person in one.told_by)]\n",
        "if not by]\n",
    ),
    _batches(
        "what is approved is not what was looked at",
        "domain.batch",
        "    if seen != batch.digest:\n",
        "    if not seen:\n",
    ),
    _batches(
        "a row whose account was changed is approved",
        "domain.batch",
        "    _fresh(rows, beneficiaries, at)\n    return replace(\n",
        "    return replace(\n",
    ),
    _batches(
        "a row whose account was changed is given to the bank",
        "domain.batch",
        "    _fresh(rows, beneficiaries, at)\n    return replace(batch, state=State.FILED",
        "    return replace(batch, state=State.FILED",
    ),
    _batches(
        "a file that is made again has the day on which it is made",
        "use_cases.payouts",
        "terms = Terms(batch.batch_id, str(batch.value_date),",
        "terms = Terms(batch.batch_id, day_of_sale(desk.now),",
    ),
    _batches(
        "an approval outlives a row that left",
        "domain.batch",
        "_with_rows(_unapproved(batch, State.CLOSED), live(rest))",
        "_with_rows(batch, live(rest))",
    ),
    Mutant(
        "a row is pulled that the bank has",
        (
            Patch("domain.batch", "    if batch.state in (State.FILED, State.COMPLETED):\n", "    if not payout:\n"),
            Patch(
                "domain.batch",
                '_in(batch, "lose a row", State.DRAFT, State.CLOSED, State.APPROVED)',
                '_in(batch, "lose a row", *State)',
            ),
            Patch(
                "domain.batch",
                "_with_rows(_unapproved(batch, State.CLOSED), live(rest))",
                "_with_rows(batch, live(rest))",
            ),
        ),
        kind="batches",
    ),
    Mutant(
        "one person cancels what the bank may have",
        (
            Patch("use_cases.payouts", "(first is None or same_person(first, by.person)):", "first is None:"),
            Patch(
                "domain.batch", "if confirmed_by is None or same_person(confirmed_by, by):", "if confirmed_by is None:"
            ),
        ),
        kind="batches",
    ),
    _batches(
        "what the bank has answered for is cancelled",
        "domain.batch",
        "            if any(one.state is not RowState.IN_TRANSIT for one in live(known)):\n",
        "            if not known:\n",
    ),
    _batches(
        "who approved comes back too late to tell the groups",
        "use_cases.payouts",
        "again = before.state in (State.APPROVED, State.FILED) and",
        "again = before.state is State.APPROVED and",
    ),
    _batches(
        "rejected money is not restored",
        "domain.batch",
        "return Answer(result, _told(one, back, result, one.utr), Move.SENT_BACK)",
        "return Answer(result, _told(one, back, result, one.utr))",
    ),
    _batches(
        "what came back after it was paid is booked as rejected",
        "domain.batch",
        "return Answer(result, _told(one, RowState.RETURNED, result, one.utr), Move.CAME_BACK)",
        "return Answer(result, _told(one, RowState.REJECTED, result, one.utr), Move.CAME_BACK)",
    ),
    _batches(
        "the mark of a payment is erased when it comes back",
        "domain.batch",
        "return Answer(result, _told(one, RowState.RETURNED, result, one.utr), Move.CAME_BACK)",
        "return Answer(result, _told(one, RowState.RETURNED, result, None), Move.CAME_BACK)",
    ),
    _batches(
        "a success that is read after the return has no mark",
        "domain.batch",
        "            return Answer(result, replace(one, utr=result.utr))\n",
        "            return Answer(result, one)\n",
    ),
    Mutant(
        "an answer is applied twice",
        (
            Patch(
                "domain.batch",
                "    return Answer(result, one)\n\n\ndef _said_before",
                "    return Answer(result, one, Move.CAME_BACK)\n\n\ndef _said_before",
            ),
            Patch("use_cases.payout_rows", "answer.row is None or answer.row == seen.row:", "answer.row is None:"),
        ),
        kind="batches",
    ),
    _batches(
        "a payment under a second reference passes for the first",
        "domain.batch",
        "return Answer(result, one, trouble=None if result.utr == one.utr else Trouble.PAID_TWICE)",
        "return Answer(result, one)",
    ),
    _batches(
        "what was paid although it had been rejected is not shown",
        "domain.batch",
        "return Answer(result, one, trouble=Trouble.PAID_THOUGH_REJECTED if executed else None)",
        "return Answer(result, one)",
    ),
    _batches(
        "what was paid although it had been taken out is not shown",
        "domain.batch",
        "return Answer(result, one, trouble=Trouble.PAID_THOUGH_CANCELLED if executed else None)",
        "return Answer(result, one)",
    ),
    _batches(
        "the bank is believed about a file that was never given out",
        "domain.batch",
        "case RowState.IN_TRANSIT if batch.state not in (State.FILED, State.COMPLETED):",
        "case RowState.IN_TRANSIT if batch.state is State.DRAFT:",
    ),
    _batches(
        "another amount is taken for the payout's own",
        "domain.batch",
        "if mine is not None and result.amount_paise != mine.amount_paise:",
        "if mine is not None and not result.amount_paise:",
    ),
    _batches(
        "one bank reference stands for two payouts",
        "domain.batch",
        "owner = owners.setdefault(result.utr, mine.payout_id)",
        "owner = mine.payout_id",
    ),
    Mutant(
        "a batch is completed with its first answer",
        (
            Patch(
                "domain.batch",
                "    if batch.state is State.FILED and not waiting:\n",
                "    if batch.state is State.FILED:\n",
            ),
            Patch(
                "use_cases.payout_rows",
                "if before.state is not State.FILED or _waits(desk, batch_id):",
                "if before.state is not State.FILED:",
            ),
        ),
        kind="batches",
    ),
    _batches(
        "a row and its book are two transactions",
        "use_cases.payout_rows",
        "    desk.store.commit([*puts, Put(tables.batch_row(row.batch_id, row.payout_id), stored, version)])\n",
        "    for put in (*puts, Put(tables.batch_row(row.batch_id, row.payout_id), stored, version)):\n"
        "        desk.store.commit([put])\n",
    ),
    _batches(
        "a row is answered without its batch's header",
        "use_cases.payout_rows",
        "puts = [header_put(replace(now, version=now.version - 1), now), *more,",
        "puts = [*more,",
    ),
    _batches(
        "only who books an answer tells of it",
        "use_cases.payout_rows",
        "    payout_texts.tell_news(desk.queues,",
        '    if any(one != "KNOWN" for one in outcomes):\n        payout_texts.tell_news(desk.queues,',
    ),
    _batches(
        "the end of an undoing is not handed on",
        "use_cases.payout_rows",
        "    desk.queues.send(QueueName.PAYOUT_BATCHES, [message.model_dump_json()])\n    return True",
        "    return True",
    ),
)
