"""In whatever order webhooks come and are asked about, often or twice, the books end the same."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hunar.domain.razorpayx import told
from hunar.use_cases import payouts, send_payouts
from tests.paydesk import BATCH, MAKER, by
from tests.rail_office import Office

ENDS = ("processed", "reversed", "processed, reversed", "failed", "processing")
GROUPS = ("G01", "G02", "G03")


class Direct(Office):
    """Without the wire: the adapter is another test's."""

    def __init__(self) -> None:
        super().__init__()
        self.wire.close()

    def filed_and_sent(self) -> Direct:
        self.filed()
        for line in self.lines():
            headers = {"Authorization": self.authorization, "X-Payout-Idempotency": line.payout_id}
            assert self.fake.answer("POST", "/v1/payouts", headers, line.body, self.now()).status == 200
        return self

    @property
    def authorization(self) -> str:
        return self.rail()._authorization

    def find(self, account_number: str, reference: str) -> Any:
        return [told(one) for one in self.fake.of(reference)]

    def create(self, line: Any) -> Any:
        raise AssertionError("nothing is sent by asking")

    def asked(self) -> None:
        done = send_payouts.ask(self, self.lines(), self.rows(), "2026-12-16")
        if results := [one.result for one in done if one.result]:
            payouts.paid(self.desk.operator, BATCH, results, by(MAKER))
            self.desk.work()


def end(office: Direct) -> Any:
    rows = office.desk.rows()
    return (
        {group: (row.state, row.utr) for group, row in rows.items()},
        {group: office.desk.head(group).balances for group in rows},
        office.desk.batch().state,
        {one.notification_id for one in office.desk.told("PAYOUT_FAILED")},
        office.desk.open(),
    )


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.sampled_from(ENDS), min_size=3, max_size=3), st.data())
def test_any_order_of_webhooks_and_asking_ends_in_the_same_books(ends: list[str], data: st.DataObject) -> None:
    office, straight = Direct().filed_and_sent(), Direct().filed_and_sent()
    for one in (office, straight):
        for number, (group, states) in enumerate(zip(GROUPS, ends, strict=True)):
            for state in states.split(", "):
                if state != "processing":
                    one.move(group, state, utr=f"UTR00000000{number}" if state == "processed" else "")
    assert office.fake.webhooks == straight.fake.webhooks
    for raw in straight.fake.webhooks:
        straight.news(raw)
    straight.asked()

    events = list(range(len(office.fake.webhooks)))
    steps = data.draw(st.permutations([*events, *data.draw(st.lists(st.sampled_from(events), max_size=4)), -1, -1]))
    waiting: list[int] = []
    for step in steps:
        if step < 0:
            office.asked()
            continue
        waiting.append(step)
        assert office.post(office.fake.webhooks[step]) == 200
        if data.draw(st.booleans()):
            # Not every message is worked off before the next one comes.
            office.desk.work()
    office.desk.work()

    assert office.desk.sound()
    assert end(office) == end(straight)
