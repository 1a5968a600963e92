"""Which of a form's texts goes out: the version that an operator approved, and in production none that nobody read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from hunar import tables
from hunar.domain.sms_text import Language
from hunar.messages import Notify
from hunar.ports import Put, QueueName
from hunar.sms_templates import language
from hunar.tables import Item
from hunar.use_cases.notify import notify
from tests.flipkart_messages import created, item
from tests.world import World

FIRST = language("hi").text("NEW_ORDER")
SECOND = replace(FIRST, version=2, text=FIRST.text.replace("तैयार करें", "बना कर रखें"))
REGISTERED = tables.dlt_template("NEW_ORDER", "hi")


def with_texts(*texts: object) -> Callable[[str], Language]:
    """Hindi with these texts for a new order."""
    hindi = language("hi")
    others = tuple(text for text in hindi.templates if text.form != "NEW_ORDER")
    return lambda locale: replace(hindi, templates=(*others, *texts))  # type: ignore[arg-type]


def told(languages: Callable[[str], Language], *, version: int | None, production: bool = False) -> tuple[World, Item]:
    """What became of the text about a new order when the registry names this version."""
    world = World()
    world.group("G11")
    world.product("STOLE", "G11", "तसर स्टोल", stock=8)
    world.settle()
    row = dict(world.store.read([REGISTERED])[REGISTERED])
    if version is None:
        del row["version"]
    else:
        row["version"] = version
    world.store.commit([Put(REGISTERED, row)])
    world.post(created("S1", item("STOLE", 3)))
    for body, _ in world.queues.taken(QueueName.ORDER_EVENTS):
        world.work(QueueName.ORDER_EVENTS, body)
    world.relay()
    for body, _ in world.queues.taken(QueueName.NOTIFICATIONS):
        desk = replace(world.sending_desk(), languages=languages, production=production)
        notify(desk, Notify.model_validate_json(body))
    [notification] = world.notifications()
    return world, notification


@pytest.mark.parametrize(("version", "begins"), [(1, "तैयार करें: "), (2, "बना कर रखें: "), (None, "तैयार करें: ")])
def test_of_two_versions_the_one_that_is_registered_is_sent(version: int | None, begins: str) -> None:
    """A row from before there were versions means the first."""
    world, notification = told(with_texts(FIRST, SECOND), version=version)
    [text] = world.phones.texts
    assert text.text.startswith(begins)
    assert notification["template_version"] == (version or 1)


def test_a_version_that_is_not_here_is_an_exception_and_no_text() -> None:
    world, notification = told(with_texts(FIRST), version=2)
    assert world.phones.texts == []
    assert notification["status"] == "FAILED"
    assert "version" in notification["reason"]
    assert world.exceptions() == ["SMS_REJECTED"]


def test_production_sends_what_a_speaker_read_though_a_newer_draft_lies_beside_it() -> None:
    read = replace(FIRST, review="Asha Devi, 2026-11-20")
    world, _ = told(with_texts(read, SECOND), version=1, production=True)
    assert len(world.phones.texts) == 1
    world, notification = told(with_texts(read, SECOND), version=2, production=True)
    assert world.phones.texts == []
    assert "draft" in notification["reason"]
