"""A webhook on its whole way: proved at the door, put on the queue, applied, and nothing of the buyer kept."""

from __future__ import annotations

import base64
import json
from typing import Any

from hunar import wiring
from hunar.adapters.memory import MemoryQueues, MemoryStore
from hunar.domain.identity import delivery_id
from hunar.marketplaces.body import written
from hunar.messages import ORDER_EVENT
from hunar.ports import QueueName, WebhookSecret
from hunar.settings import Settings
from hunar.use_cases import apply
from hunar.use_cases.receive import Answer, Request, receive
from tests.marketplaces.case import ACCOUNT, Case
from tests.marketplaces.messages import BUYER, marked
from tests.marketplaces.registered import every_door, every_marketplace
from tests.marketplaces.test_proof import NOW, door_of, sign

APPLICATION = wiring.Application(Settings.from_environment({}))


class Secrets:
    def __init__(self, secret: WebhookSecret) -> None:
        self._secret = secret

    def get(self, marketplace: str, account: str) -> WebhookSecret:
        return self._secret

    def refetch(self, marketplace: str, account: str) -> WebhookSecret | None:
        return None


class WayIn:
    """The door, the queue and the tables, wired as the functions are."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.store, self.queues = MemoryStore(), MemoryQueues()

    def post(self, raw: bytes) -> Answer:
        request = Request("POST", self.case.name, ACCOUNT, sign(self.case, raw), base64.b64encode(raw).decode(), True)
        return receive(
            request,
            doors=APPLICATION.doors,
            accounts={(self.case.name, ACCOUNT)},
            secrets=Secrets(door_of(self.case).secret),
            queues=self.queues,
            now=NOW,
            count=lambda name: None,
        )

    def work(self) -> list[str]:
        desk = apply.Desk(self.store, "2026-11-24T09:30:00Z", lambda action: action())
        bodies = [body for body, _ in self.queues.taken(QueueName.ORDER_EVENTS)]
        return [apply.apply(desk, ORDER_EVENT.validate_json(body), APPLICATION.marketplaces) for body in bodies]

    def orders(self) -> dict[str, Any]:
        return {key.pk: item for key, item in self.store.everything().items() if "knowledge" in item}


@every_marketplace
def test_the_marketplace_is_wired(case: Case) -> None:
    assert APPLICATION.marketplaces[case.name] is case.module
    assert (case.name in APPLICATION.doors) is (case.door is not None)
    assert (case.name in APPLICATION.channels) is (case.api is not None)
    if case.api is not None:
        assert APPLICATION.channels[case.name] is case.api.channel
        assert case.api.account.marketplace == case.name


@every_door
def test_every_sample_comes_in_becomes_what_is_known_and_counts_once(case: Case) -> None:
    way = WayIn(case)
    pushed = {name: sample for name, sample in case.samples.items() if sample.read == case.module.read}
    for sample in pushed.values():
        raw = written(marked(sample.message, case.hers)).encode()
        assert way.post(raw).body == {"status": "accepted", "delivery_id": delivery_id(case.name, ACCOUNT, raw)}
    assert set(way.work()) <= {"new", "noted"}
    orders = way.orders()
    assert orders
    for name in orders:
        assert name.startswith(f"{case.name}:{ACCOUNT}:")
    everything = repr(way.store.everything())
    for mark in BUYER:
        assert mark not in everything
    for sample in pushed.values():
        way.post(written(marked(sample.message, case.hers)).encode())
    assert set(way.work()) <= {"duplicate", "noted"}
    assert way.orders() == orders


@every_door
def test_what_the_door_refuses_leaves_nothing_behind_and_what_it_cannot_read_is_kept(case: Case) -> None:
    way = WayIn(case)
    name, sample = next(iter(case.samples.items()))
    raw = written(sample.message).encode()
    forged = Request("POST", case.name, ACCOUNT, sign(case, raw, secret=door_of(case).other), raw.decode())
    answer = receive(
        forged,
        doors=APPLICATION.doors,
        accounts={(case.name, ACCOUNT)},
        secrets=Secrets(door_of(case).secret),
        queues=way.queues,
        now=NOW,
        count=lambda metric: None,
    )
    assert (answer.status, way.queues.empty) == (401, True), name
    assert way.post(b"<html>").status == 400
    assert way.work() == ["unreadable"]
    assert way.post(json.dumps({"type": "x", "eventType": "x"}).encode()).status == 200
    assert way.work() in (["unknown_event"], ["unreadable"])
