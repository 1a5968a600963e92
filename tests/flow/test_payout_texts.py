"""What a group reads of its money: the texts of a batch and of a changed account, on its phones."""

from __future__ import annotations

from datetime import timedelta

from hunar import tables
from hunar.domain import accounts
from hunar.domain.bank_file import Status
from hunar.domain.facts import moment
from hunar.domain.ledger import SETTLED, Entry, Posting
from hunar.ports import Put, QueueName
from tests.paydesk import EARNED, NOW, PayDesk, answer
from tests.world import World, phone


class Phoned(PayDesk):
    """The texts go through the world, whose phones they reach."""

    def __init__(self) -> None:
        self.world = World()
        self.world.time = moment(NOW)
        super().__init__(store=self.world.store)
        self.world.group("G11", "en")

    def read(self, slot: str = "leader") -> list[str]:
        """All that a contact got so far, each message delivered twice."""
        self.work()
        for text in self.texts:
            for _ in range(2):
                self.world.queues.send(QueueName.NOTIFICATIONS, [text.model_dump_json()])
        self.texts.clear()
        self.world.settle()
        return [text.text for text in self.world.phones.texts if text.to == phone("G11", slot)]


def paid_group() -> Phoned:
    desk = Phoned()
    key = tables.group("G11")
    known = desk.store.read([key])[key]
    from tests.book import POLICY

    desk.store.commit([Put(key, known | {"policies": [POLICY]})])
    desk.account("G11")
    desk.earn("G11", 1_23_450)
    return desk


def test_a_group_reads_once_what_it_will_be_paid_that_it_was_and_that_it_came_back() -> None:
    desk = paid_group()
    desk.filed()
    assert desk.read() == ["Worked out for orders: 1. You will be paid Rs 1234. This is a message from Hunar."]

    row = desk.rows()["G11"]
    desk.bank(answer(row, utr="SBIN426350000001"))
    desk.bank(answer(row, utr="SBIN426350000001"))
    assert desk.read()[1:] == [
        "Paid to you: Rs 1234 into the account ending 0177. The bank's reference is SBIN426350000001. Sent by Hunar."
    ]

    desk.now = "2026-12-18T06:00:00Z"
    desk.world.time += timedelta(days=3)
    desk.bank(answer(row, Status.RETURNED))
    assert desk.read()[2:] == [
        "Your payment came back: the bank did not put it into the account ending 0177. Your centre will call you."
        " This is a message from Hunar."
    ]


def test_a_group_reads_of_the_orders_that_are_paid_and_not_of_those_whose_money_is_still_held() -> None:
    desk = paid_group()
    held = (
        Posting(accounts.marketplace_receivable("flipkart"), "settlement", 70_000),
        Posting(accounts.group_held("G11"), "settlement", -70_000),
    )
    desk.post(Entry(SETTLED, ("sale", "held"), EARNED, held, "G11", "flipkart:demo:held"))
    desk.filed()
    assert desk.read() == ["Worked out for orders: 1. You will be paid Rs 1234. This is a message from Hunar."]


def test_what_came_back_is_worked_out_anew_for_the_orders_that_it_was_of() -> None:
    desk = paid_group()
    desk.earn("G11", 10_000)
    desk.filed()
    desk.bank(answer(desk.rows()["G11"], Status.REJECTED))
    desk.earn("G11", 5_000)
    desk.filed("B-NEXT")
    desk.bank(answer(desk.rows("B-NEXT")["G11"], Status.REJECTED), batch_id="B-NEXT")
    desk.filed("B-LAST")
    told = [(text.says.count, text.says.amount_paise) for text in desk.told("PAYOUT_COMPUTED") if text.says]
    assert told == [(2, 1_33_450), (3, 1_38_450), (3, 1_38_450)]


def test_whoever_had_the_account_before_reads_of_the_change_on_the_number_that_was_given_up_too() -> None:
    desk = paid_group()
    key = tables.contact("G11", "leader")
    contact = desk.store.read([key])[key]
    change = {"at": "2026-12-14T06:00:00Z", "previous_phone": "+919999900099", "ending": "11", "notification_id": "n"}
    desk.store.commit([Put(key, contact | {"previous_phone": "+919999900099", "number_changes": [change]})])

    desk.account("G11", 2, confirmed=False)

    said = "From now on Hunar will pay you into the account ending 0277. If that is wrong, call your centre."
    assert desk.read() == [said]
    assert [text.text for text in desk.world.phones.texts if text.to == "+919999900099"] == [said]


def test_what_is_said_of_money_names_no_account_beyond_its_last_four_digits() -> None:
    desk = paid_group()
    desk.filed()
    desk.bank(answer(desk.rows()["G11"]))
    desk.account("G11", 2, confirmed=False)
    desk.read()

    kept = [item for key, item in desk.store.everything().items() if key.table != "beneficiaries"]
    assert not [item for item in kept if "0000000177" in str(item) or "0000000277" in str(item)]
