"""Each way in which a settlement file can be wrong is named with its place, and nothing of the file is kept."""

from __future__ import annotations

import json

import pytest

from hunar.ports import QueueName
from hunar.use_cases.import_file import import_files
from tests.bad_settlements import BAD, Bad
from tests.handing_in import Agency, notification
from tests.settlement_files import flipkart, sold


def nothing_is_kept(agency: Agency) -> None:
    assert agency.ledger() == {}
    assert agency.queues.taken(QueueName.PAYOUTS) == []


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
def test_a_wrong_file_is_refused_with_the_place_and_nothing_of_it_is_kept(bad: Bad) -> None:
    agency = Agency()
    taken = agency.hand_in(bad.raw, bad.marketplace, file="handed.in")
    first = taken.findings[0]
    assert first.file.startswith("handed.in")
    assert (first.row, first.column) == (bad.row, bad.column), str(first)
    assert bad.said in first.message
    assert (taken.settlements, taken.new, taken.commanded) == ((), 0, 0)
    nothing_is_kept(agency)
    [shown] = agency.exceptions()
    assert shown["kind"] == "SETTLEMENT_REFUSED"
    assert str(first) in shown["message"]
    assert shown["subject"] == {"marketplace": bad.marketplace, "account": "demo", "file": "handed.in"}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
def test_a_wrong_file_in_the_inbox_is_shown_and_its_message_is_done(bad: Bad) -> None:
    agency = Agency()
    assert agency.upload(bad.raw, f"settlements/{bad.marketplace}/demo/my file.x") == ["refused"]
    nothing_is_kept(agency)
    [shown] = agency.exceptions()
    assert shown["kind"] == "SETTLEMENT_REFUSED"
    assert "my file.x" in shown["message"]
    if bad.row:
        assert f"row {bad.row}" in shown["message"]
    if bad.column:
        assert f"column {bad.column}" in shown["message"]


@pytest.mark.parametrize("text", ["1,09,900.00", "109900", "₹109900.00", "Rs. 1,09,900", "109900.00 INR"])
def test_amounts_as_people_write_them_are_read(text: str) -> None:
    agency = Agency()
    raw = f'settlement_id,order_id,posted_at,bank_value,sale,tds\nS1,O1,2026-11-01,109887.50,"{text}",(12.50)\n'
    taken = agency.hand_in(raw.encode(), "standard")
    assert [(one.settlement_id, one.total_paise) for one in taken.settlements] == [("S1", 10_988_750)]


# --- the inbox


ONE = flipkart(sold())


@pytest.mark.parametrize(
    "key",
    [
        "settlements/flipkart/demo/nov.xlsx",
        "settlements/flipkart/demo/Settlement Report + fees (1).xlsx",
        "settlements/flipkart/demo/निपटान नवंबर.xlsx",
        "settlements/flipkart/demo/2026/11/nov.xlsx",
        "settlements/flipkart/demo/0123456789abcdef-nov.xlsx",
    ],
)
def test_a_file_in_the_inbox_is_taken_under_whatever_name(key: str) -> None:
    agency = Agency()
    assert agency.upload(ONE, key) == ["taken"]
    assert agency.notified(key) == ["taken_before"]
    [file] = agency.header("AXISN00000000001")["files"]
    assert file["name"] == key.rpartition("/")[2].removeprefix("0123456789abcdef-")
    assert file["by"] == "AWS:AIDAEXAMPLE:meena"
    assert agency.exceptions() == []


def test_who_handed_it_in_by_the_api_is_remembered() -> None:
    agency = Agency()
    agency.inbox.put("settlements/flipkart/demo/x.xlsx", ONE, by="user/farzana")
    agency.notified("settlements/flipkart/demo/x.xlsx")
    [file] = agency.header("AXISN00000000001")["files"]
    assert file["by"] == "user/farzana"


@pytest.mark.parametrize(
    "key",
    [
        "nov.xlsx",
        "settlements/nov.xlsx",
        "settlements/flipkart/nov.xlsx",
        "settlement/flipkart/demo/n",
        "settlements//demo/n",
    ],
)
def test_a_name_that_does_not_say_whose_file_it_is_is_shown_and_never_read(key: str) -> None:
    agency = Agency()
    assert agency.upload(ONE, key) == ["refused"]
    nothing_is_kept(agency)
    assert agency.inbox.reads == []
    [shown] = agency.exceptions()
    assert shown["kind"] == "SETTLEMENT_REFUSED"
    assert shown["message"].startswith(f"{key}: its name must be settlements/<marketplace>/<account>/<file>")


def test_a_file_of_200_mb_is_refused_without_being_read() -> None:
    agency = Agency()
    key = "settlements/flipkart/demo/huge.xlsx"
    agency.inbox.sizes[key] = 200 * 1024 * 1024
    assert agency.upload(ONE, key) == ["refused"]
    assert agency.inbox.reads == []
    nothing_is_kept(agency)
    [shown] = agency.exceptions()
    assert "has 200 MB; 20 MB are read at most" in shown["message"]
    # The corrected file comes under the same name.
    agency.inbox.sizes.clear()
    assert agency.notified(key) == ["taken"]
    assert agency.exceptions() == []


def test_an_object_that_is_gone_is_shown_and_no_reason_to_try_again() -> None:
    agency = Agency()
    assert agency.notified("settlements/flipkart/demo/gone.xlsx") == ["refused"]
    [shown] = agency.exceptions()
    assert "was gone before it could be read" in shown["message"]


def test_a_test_of_s3_and_a_folder_of_a_console_are_no_files() -> None:
    agency = Agency()
    test_event = json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "inbox"})
    assert import_files(agency.desk, agency.inbox, test_event) == []
    assert agency.upload(b"", "settlements/flipkart/demo/") == ["folder"]
    assert agency.exceptions() == []


@pytest.mark.parametrize("body", ["poison", "[]", "{}", '{"Records": [{}]}', '{"Records": 3}', "null"])
def test_a_message_that_is_no_notification_is_shown(body: str) -> None:
    agency = Agency()
    assert import_files(agency.desk, agency.inbox, body) == ["unknown"]
    assert [item["kind"] for item in agency.exceptions()] == ["UNKNOWN_MESSAGE"]


def test_several_objects_of_one_message_are_each_taken() -> None:
    agency = Agency()
    agency.inbox.put("settlements/flipkart/demo/a.xlsx", ONE, by="x")
    agency.inbox.put("settlements/flipkart/demo/b.xlsx", flipkart(sold(item="7")), by="x")
    records = [json.loads(notification(f"settlements/flipkart/demo/{n}.xlsx"))["Records"][0] for n in "ab"]
    assert import_files(agency.desk, agency.inbox, json.dumps({"Records": records})) == ["taken", "taken"]
