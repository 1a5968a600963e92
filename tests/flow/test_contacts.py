"""The people whom texts reach: a number that changes, a proof that a number is hers, and what she may leave out."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from hunar import tables
from hunar.domain.contact import MOST_TRIES, masked
from hunar.messages import NOTIFICATION, Tell
from hunar.ports import ABSENT, Put, QueueName, Rejected, Retryable
from hunar.tables import Item, Table
from hunar.use_cases import contacts, payees, show
from hunar.use_cases.import_catalogue import Report
from hunar.use_cases.operate import By, Desk, NotNow, NotThere
from hunar.use_cases.retry import retried
from hunar.use_cases.worklist import open_exception
from tests.flipkart_messages import created, item
from tests.flow.test_import import DEMO, bring, change, folder, world
from tests.payees import details
from tests.world import World

__all__ = ["folder", "world"]

FARZANA = By("farzana", "she asked for it", "act")
NONCE = "0123456789abcdef0123456789abcdef"


def desk(world: World) -> Desk:
    def again(action: Any) -> Any:
        return retried(action, pause=lambda _: None, random=lambda: 0.5)

    return Desk(world.store, world.queues, world.now, again)


def told(world: World) -> list[Tell]:
    """The messages that wait to become texts, taken out of their queue."""
    found = [NOTIFICATION.validate_json(body) for body, _ in world.queues.taken(QueueName.NOTIFICATIONS)]
    assert all(isinstance(message, Tell) for message in found)
    return [message for message in found if isinstance(message, Tell)]


def claim(world: World, message: Tell) -> None:
    """The record that a text has from its first claim on."""
    record = {"notification_id": message.notification_id, "status": "CLAIMED", "version": 1}
    world.store.commit([Put(tables.notification(message.notification_id), record, ABSENT)])


def contact(world: World, group_id: str = "G01", slot: str = "leader") -> Item:
    key = tables.contact(group_id, slot)
    return world.store.read([key])[key]


# a number changes hands


def test_whoever_had_a_number_before_is_told_that_it_changed(world: World, folder: Path) -> None:
    bring(world, folder)
    assert told(world) == []
    change(folder, "contacts", "+919999900011", "+919999900077")
    world.time += timedelta(hours=1)
    assert bring(world, folder, dry_run=True).warned == 1
    assert told(world) == []
    report = bring(world, folder)
    assert [(entry.id, entry.what) for entry in report.changes] == [("G01 leader", "phone")]
    [warning] = told(world)
    assert (warning.notification_kind, warning.group_id, warning.contact) == ("NUMBER_CHANGED", "G01", "leader")
    assert warning.says.ending == "77"
    assert warning.good_until == "2026-11-28T05:00:00Z"
    [kept] = contact(world)["number_changes"]
    assert (kept["notification_id"], kept["previous_phone"]) == (warning.notification_id, "+919999900011")
    assert contact(world)["previous_phone"] == "+919999900011"
    assert "99999000" not in warning.model_dump_json()


def test_the_same_import_again_tells_nobody_twice(world: World, folder: Path) -> None:
    bring(world, folder)
    change(folder, "contacts", "+919999900011", "+919999900077")
    bring(world, folder)
    [warning] = told(world)
    world.time += timedelta(minutes=1)
    # Before the text was claimed nobody knows whether the message was lost; it comes again under the same id.
    assert told_again(world, folder) == [warning]
    claim(world, warning)
    assert report_of(bring(world, folder)) == (0, 0)
    assert told(world) == []


def told_again(world: World, folder: Path) -> list[Tell]:
    report = bring(world, folder)
    assert (report.changes, report.warned) == ([], 1)
    return told(world)


def test_an_import_that_broke_before_it_warned_warns_when_it_is_repeated(
    world: World, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bring(world, folder)
    change(folder, "contacts", "+919999900011", "+919999900077")
    real = world.queues.send

    def breaking(queue: QueueName, bodies: Any, **how: Any) -> None:
        if queue is QueueName.NOTIFICATIONS:
            raise Retryable("the queue is gone")
        real(queue, bodies, **how)

    with monkeypatch.context() as patched:
        patched.setattr(world.queues, "send", breaking)
        with pytest.raises(Retryable):
            bring(world, folder)
    assert contact(world)["phone"] == "+919999900077"
    world.time += timedelta(hours=2)
    [warning] = told_again(world, folder)
    assert warning.notification_id == contact(world)["number_changes"][0]["notification_id"]


def test_after_three_days_a_warning_is_of_no_use_any_more(world: World, folder: Path) -> None:
    bring(world, folder)
    change(folder, "contacts", "+919999900011", "+919999900077")
    bring(world, folder)
    told(world)
    world.time += timedelta(days=3)
    assert report_of(bring(world, folder)) == (0, 0)
    assert told(world) == []


def test_two_changes_soon_after_each_other_warn_both_numbers(world: World, folder: Path) -> None:
    """Who takes over a number by changing it twice must not thereby hide the first change."""
    bring(world, folder)
    change(folder, "contacts", "+919999900011", "+919999900077")
    bring(world, folder)
    change(folder, "contacts", "+919999900077", "+919999900078")
    bring(world, folder)
    warnings = {warning.notification_id: warning.says.ending for warning in told(world)}
    changes = contact(world)["number_changes"]
    assert [(one["previous_phone"], warnings[one["notification_id"]]) for one in changes] == [
        ("+919999900011", "77"),
        ("+919999900077", "78"),
    ]
    assert len(warnings) == 2


def test_a_file_about_other_things_warns_nobody(world: World, folder: Path, tmp_path: Path) -> None:
    bring(world, folder)
    change(folder, "contacts", "+919999900011", "+919999900077")
    bring(world, folder)
    told(world)
    for path in folder.iterdir():
        if path.name != "stock.csv":
            path.unlink()
    assert report_of(bring(world, folder)) == (0, 0)
    assert told(world) == []


def report_of(report: Report) -> tuple[int, int]:
    return (len(report.changes), report.warned)


# the proof that a number is hers


def start(world: World, code: str = "042917", slot: str = "leader", nonce: str = NONCE) -> Tell:
    contacts.start_verification(desk(world), "G01", slot, FARZANA, code=code, nonce=nonce)
    [message] = told(world)
    return message


def shown(world: World, slot: str = "leader") -> dict[str, Any]:
    [one] = [one for one in contacts.listed(desk(world)) if (one["group_id"], one["slot"]) == ("G01", slot)]
    return one


def test_a_code_that_she_reads_back_proves_that_the_number_is_hers(world: World) -> None:
    bring(world, DEMO)
    assert (shown(world)["proof"], shown(world)["stale"]) == ("never", ["was never verified"])
    message = start(world)
    assert (message.notification_kind, message.contact, message.says.code) == ("ONBOARDING_CODE", "leader", "042917")
    assert message.good_until == "2026-11-25T04:30:00Z"
    assert shown(world)["proof"] == "code sent"
    world.time += timedelta(minutes=30)
    contacts.confirm(desk(world), "G01", "leader", "042917", FARZANA)
    assert (shown(world)["proof"], shown(world)["verified_at"]) == ("verified", "2026-11-25T04:30:00Z")
    assert shown(world)["stale"] == []
    assert "042917" not in json.dumps(list(world.store.everything().values()), ensure_ascii=False)


def test_a_code_is_kept_only_as_what_nobody_can_read_it_from(world: World) -> None:
    bring(world, DEMO)
    start(world)
    start(world, slot="second", nonce=NONCE[::-1])
    kept = [world.store.read([key])[key] for key in (tables.verification("G01", slot) for slot in ("leader", "second"))]
    assert kept[0]["code_hash"] != kept[1]["code_hash"]
    assert "042917" not in json.dumps(kept)


def test_three_wrong_codes_are_all_that_anybody_may_try(world: World) -> None:
    bring(world, DEMO)
    start(world)
    for left in ("2 tries are left", "1 try is left", "0 tries are left"):
        with pytest.raises(Rejected, match=f"code: is not the one that was sent; {left}"):
            contacts.confirm(desk(world), "G01", "leader", "000000", FARZANA)
    with pytest.raises(NotNow, match=f"code: {MOST_TRIES} wrong ones were given; send a new one"):
        contacts.confirm(desk(world), "G01", "leader", "042917", FARZANA)
    assert shown(world)["proof"] == "never"
    start(world, "111111", nonce=NONCE[::-1])
    contacts.confirm(desk(world), "G01", "leader", "111111", FARZANA)
    assert shown(world)["proof"] == "verified"


def test_a_code_holds_for_half_an_hour_and_until_the_next_one(world: World) -> None:
    bring(world, DEMO)
    with pytest.raises(NotNow, match="code: none was sent"):
        contacts.confirm(desk(world), "G01", "leader", "042917", FARZANA)
    first = start(world)
    second = start(world, "111111", nonce=NONCE[::-1])
    assert first.notification_id != second.notification_id
    with pytest.raises(Rejected, match="2 tries are left"):
        contacts.confirm(desk(world), "G01", "leader", "042917", FARZANA)
    world.time += timedelta(minutes=30, seconds=1)
    with pytest.raises(NotNow, match="code: held until 2026-11-25T04:30:00Z; send a new one"):
        contacts.confirm(desk(world), "G01", "leader", "111111", FARZANA)


def test_a_code_is_read_back_once(world: World) -> None:
    bring(world, DEMO)
    start(world)
    contacts.confirm(desk(world), "G01", "leader", "042917", FARZANA)
    with pytest.raises(NotNow, match="code: none was sent"):
        contacts.confirm(desk(world), "G01", "leader", "042917", FARZANA)


def test_with_another_number_the_proof_is_void_and_so_is_a_code_on_its_way(world: World, folder: Path) -> None:
    bring(world, folder)
    start(world)
    contacts.confirm(desk(world), "G01", "leader", "042917", FARZANA)
    start(world, nonce=NONCE[::-1])
    world.time += timedelta(minutes=1)
    change(folder, "contacts", "+919999900011", "+919999900077")
    bring(world, folder)
    told(world)
    assert shown(world)["proof"] == "number changed"
    assert shown(world)["stale"] == ["the number changed and was not verified since"]
    with pytest.raises(NotNow, match="code: was sent to another number"):
        contacts.confirm(desk(world), "G01", "leader", "042917", FARZANA)
    world.time += timedelta(minutes=1)
    change(folder, "contacts", "+919999900077", "+919999900011")
    bring(world, folder)
    told(world)
    # The same number again, but nobody knows who has it now.
    assert shown(world)["proof"] == "number changed"
    with pytest.raises(NotNow, match="code: was sent to another number"):
        contacts.confirm(desk(world), "G01", "leader", "042917", FARZANA)


def test_a_number_that_changes_in_the_very_second_of_its_proof_is_not_proven(world: World, folder: Path) -> None:
    bring(world, folder)
    start(world)
    contacts.confirm(desk(world), "G01", "leader", "042917", FARZANA)
    change(folder, "contacts", "+919999900011", "+919999900077")
    bring(world, folder)
    assert (shown(world)["proof"], shown(world)["verified_at"]) == ("number changed", None)


def test_while_a_new_code_is_awaited_the_old_proof_stands(world: World) -> None:
    bring(world, DEMO)
    start(world)
    contacts.confirm(desk(world), "G01", "leader", "042917", FARZANA)
    start(world, nonce=NONCE[::-1])
    assert (shown(world)["proof"], shown(world)["stale"]) == ("verified", [])


def test_a_proof_closes_what_stands_on_the_worklist_about_the_number(world: World) -> None:
    bring(world, DEMO)
    open_exception(world.store, "CONTACT_STALE", ("G01", "leader"), at=world.now, message="stale", group_id="G01")
    start(world)
    contacts.confirm(desk(world), "G01", "leader", "042917", FARZANA)
    assert world.exceptions() == []


# who is out of reach


def talk(world: World, slot: str = "leader", **said: Any) -> None:
    told_lately = {"group_id": "G01", "slot": slot, "failed_in_row": 0, "delivered_at": None, "version": 1, **said}
    world.store.commit([Put(tables.talk("G01", slot), told_lately)])


def test_numbers_that_fail_or_fall_silent_are_stale(world: World) -> None:
    bring(world, DEMO)
    start(world)
    contacts.confirm(desk(world), "G01", "leader", "042917", FARZANA)
    talk(world, failed_in_row=2, delivered_at=world.now)
    assert shown(world)["stale"] == []
    talk(world, failed_in_row=3, delivered_at=world.now)
    assert shown(world)["stale"] == ["the last 3 texts were not delivered"]
    talk(world)
    world.time += timedelta(days=180)
    assert shown(world)["stale"] == []
    world.time += timedelta(seconds=1)
    assert shown(world)["stale"] == ["nothing was delivered for 180 days"]
    talk(world, delivered_at="2027-01-01T04:00:00Z")
    assert shown(world)["stale"] == []


def test_contacts_are_listed_in_the_order_in_which_they_are_told(world: World) -> None:
    bring(world, DEMO)
    listed = [(one["group_id"], one["slot"]) for one in contacts.listed(desk(world))]
    two, three = ("leader", "second"), ("leader", "second", "third")
    slots = {"G01": two, "G02": two, "G03": three, "G04": three, "G05": two}
    assert listed == [(group_id, slot) for group_id in slots for slot in slots[group_id]]
    assert masked(shown(world)["phone"]) == "+91******11"
    assert masked(None) is None


# what she may leave out


def opted(world: World, slot: str = "leader") -> dict[str, Any]:
    found: dict[str, Any] = shown(world, slot)["opted_out"]
    return found


def test_a_contact_leaves_out_a_kind_and_takes_it_again(world: World) -> None:
    bring(world, DEMO)
    assert contacts.opt_out(desk(world), "G01", "leader", "LOW_STOCK", FARZANA)
    kept = {"by": "farzana", "at": world.now, "reason": "she asked for it"}
    assert opted(world) == {"LOW_STOCK": kept}
    world.time += timedelta(days=1)
    assert not contacts.opt_out(desk(world), "G01", "leader", "LOW_STOCK", By("meena", "again", "act"))
    assert opted(world) == {"LOW_STOCK": kept}
    assert contacts.opt_in(desk(world), "G01", "leader", "LOW_STOCK", By("meena", "", "act"))
    assert not contacts.opt_in(desk(world), "G01", "leader", "LOW_STOCK", By("meena", "", "act"))
    assert opted(world) == {}
    history = world.store.read([tables.opt_out("G01", "leader")])[tables.opt_out("G01", "leader")]["history"]
    assert [(event["what"], event["by"]) for event in history] == [("opted out", "farzana"), ("opted in", "meena")]


def test_who_changes_her_mind_daily_keeps_the_last_fifty_times(world: World) -> None:
    bring(world, DEMO)
    for number in range(30):
        contacts.opt_out(desk(world), "G01", "leader", "RETURN", By(f"person {number}", "again", "act"))
        contacts.opt_in(desk(world), "G01", "leader", "RETURN", By(f"person {number}", "", "act"))
    history = world.store.read([tables.opt_out("G01", "leader")])[tables.opt_out("G01", "leader")]["history"]
    assert (len(history), history[0]["by"], history[-1]["by"]) == (50, "person 5", "person 29")


def test_somebody_in_the_group_goes_on_hearing_of_orders(world: World) -> None:
    bring(world, DEMO)
    assert contacts.opt_out(desk(world), "G01", "leader", "NEW_ORDER", FARZANA)
    with pytest.raises(NotNow, match="kind: nobody else in G01 hears of NEW_ORDER"):
        contacts.opt_out(desk(world), "G01", "second", "NEW_ORDER", FARZANA)
    assert contacts.opt_out(desk(world), "G01", "second", "CANCELLED", FARZANA)
    assert contacts.opt_out(desk(world), "G01", "second", "RETURN", FARZANA)
    assert contacts.opt_out(desk(world), "G01", "leader", "RETURN", FARZANA)
    contacts.opt_in(desk(world), "G01", "leader", "NEW_ORDER", FARZANA)
    assert contacts.opt_out(desk(world), "G01", "second", "NEW_ORDER", FARZANA)


def test_two_who_leave_at_the_same_moment_do_not_rely_on_each_other(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    bring(world, DEMO)
    real, met = world.store.commit, iter([True])

    def rival(puts: Any) -> None:
        if next(met, False):
            contacts.opt_out(desk(world), "G01", "second", "NEW_ORDER", FARZANA)
        real(puts)

    monkeypatch.setattr(world.store, "commit", rival)
    with pytest.raises(NotNow, match="nobody else in G01"):
        contacts.opt_out(desk(world), "G01", "leader", "NEW_ORDER", FARZANA)
    assert (opted(world), list(opted(world, "second"))) == ({}, ["NEW_ORDER"])


@pytest.mark.parametrize(
    ("group_id", "slot", "kind", "said"),
    [
        ("G01", "leader", "ONBOARDING_CODE", "kind: ONBOARDING_CODE protects her"),
        ("G01", "leader", "NUMBER_CHANGED", "kind: NUMBER_CHANGED protects her"),
        ("G01", "leader", "NEW_ORDERS", "kind: NEW_ORDERS is several NEW_ORDER in one text; say NEW_ORDER"),
        ("G01", "leader", "WEATHER", "kind: 'WEATHER' is not one of NEW_ORDER, CANCELLED"),
        ("G01", "boss", "RETURN", "slot: 'boss' is not one of leader, second, third"),
        ("G01", "third", "RETURN", "slot: G01 has no third in contacts.csv"),
        ("G99", "leader", "RETURN", "slot: G99 has no leader in contacts.csv"),
        ("", "leader", "RETURN", "group_id: is no group's"),
        ("G" * 2000, "leader", "RETURN", "group_id: is no group's"),
    ],
)
def test_what_cannot_be_left_out_is_named(world: World, group_id: str, slot: str, kind: str, said: str) -> None:
    bring(world, DEMO)
    for act in (contacts.opt_out, contacts.opt_in):
        with pytest.raises(Rejected) as refused:
            act(desk(world), group_id, slot, kind, FARZANA)
        assert str(refused.value).startswith(said)


def test_leaving_out_needs_a_reason(world: World) -> None:
    bring(world, DEMO)
    with pytest.raises(Rejected, match="reason: is missing"):
        contacts.opt_out(desk(world), "G01", "leader", "RETURN", By("farzana", "", "act"))
    assert opted(world) == {}


# who has heard


def test_a_tick_is_kept_with_who_and_when(world: World) -> None:
    bring(world, DEMO)
    world.settle()
    world.post(created("S1", item("KOL-JUTE-TOTE", 2, price=399.0)))
    world.settle()
    [text] = [one for one in world.items(Table.NOTIFICATIONS) if one.get("order_ref")]
    contacts.tick(desk(world), text["notification_id"], "packed", FARZANA)
    key = tables.notification(text["notification_id"])
    assert world.store.read([key])[key]["heard"] == {"what": "packed", "how": "tick", "by": "farzana", "at": world.now}
    for nothing in ("nothing", "", "x" * 3000):
        with pytest.raises(NotThere, match="notification_id: there is no text"):
            contacts.tick(desk(world), nothing, "heard", FARZANA)


def registered(world: World) -> None:
    """Every text is registered with the operators, in every language."""
    world.group("G99")


def test_who_reads_the_list_of_texts_cannot_answer_for_her(world: World) -> None:
    registered(world)
    bring(world, DEMO)
    world.settle()
    contacts.start_verification(desk(world), "G01", "leader", FARZANA, code="042917", nonce=NONCE)
    world.settle()
    [text] = world.phones.texts
    assert (text.kind, text.to) == ("ONBOARDING_CODE", "+919999900011")
    assert "042917" in text.text
    [shown_text] = show.notifications(world.store, show.Asked())["items"]
    assert "042917" not in json.dumps(shown_text)
    assert "042917" not in json.dumps(list(world.store.everything().values()))


def test_the_warning_reaches_the_former_number_and_no_other(world: World, folder: Path) -> None:
    registered(world)
    bring(world, folder)
    world.settle()
    change(folder, "contacts", "+919999900011", "+919999900077")
    for _ in range(2):
        bring(world, folder)
        world.settle()
    [text] = world.phones.texts
    assert (text.kind, text.to, text.values["ending"]) == ("NUMBER_CHANGED", "+919999900011", "77")


def test_after_two_quick_changes_each_former_number_hears_of_its_own(world: World, folder: Path) -> None:
    registered(world)
    bring(world, folder)
    world.settle()
    change(folder, "contacts", "+919999900011", "+919999900077")
    bring(world, folder)
    change(folder, "contacts", "+919999900077", "+919999900078")
    bring(world, folder)
    world.settle()
    told_of = sorted((text.to, text.values["ending"]) for text in world.phones.texts)
    assert told_of == [("+919999900011", "77"), ("+919999900077", "78")]


def test_after_two_quick_changes_each_former_number_hears_of_a_change_of_account_too(
    world: World, folder: Path
) -> None:
    registered(world)
    bring(world, folder)
    change(folder, "contacts", "+919999900011", "+919999900077")
    bring(world, folder)
    change(folder, "contacts", "+919999900077", "+919999900078")
    bring(world, folder)
    world.settle()
    told = len(world.phones.texts)
    [group] = {one["group_id"] for one in world.store.everything().values() if one.get("phone") == "+919999900078"}
    for number in (1, 2):
        payees.propose(desk(world), group, details(number), FARZANA, cooling_days=7)
    world.settle()
    texts = [text for text in world.phones.texts[told:] if text.kind == "ACCOUNT_CHANGED"]
    mine = {text.to for text in texts} & {"+919999900011", "+919999900077", "+919999900078"}
    assert mine == {"+919999900011", "+919999900077", "+919999900078"}


def test_who_opted_out_of_a_kind_is_not_told_of_it_and_the_next_contact_is(world: World) -> None:
    bring(world, DEMO)
    world.settle()
    contacts.opt_out(desk(world), "G03", "leader", "NEW_ORDER", FARZANA)
    world.post(created("S1", item("KOL-JUTE-TOTE", 2, price=399.0)))
    world.settle(patience=timedelta(minutes=10), sweeping=True)
    [text] = world.phones.texts
    assert text.to == "+919999900032"
