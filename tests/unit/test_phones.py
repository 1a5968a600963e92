"""The stand-in for the SMS network refuses what the real one refuses, and counts for itself."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from local.phones import Faults, Phones, Refusal, count_parts

ROOT = Path(__file__).parents[2]
ENTITY, SENDER, TEMPLATE = "1101000000000000001", "HUNARS", "1107000000000000101"
TEXT = "Ready: {item}. Left {left} of it. Hunar (demo)"


@pytest.fixture
def phones() -> Phones:
    made = Phones()
    made.register(ENTITY, SENDER, TEMPLATE, TEXT, numeric=["left"])
    return made


def message(**changes: Any) -> dict[str, Any]:
    return {
        "DestinationPhoneNumber": "+919999900011",
        "OriginationIdentity": SENDER,
        "MessageBody": "Ready: 2 Jute tote. Left 0 of it. Hunar (demo)",
        "MessageType": "TRANSACTIONAL",
        "MaxPrice": "0.01",
        "TimeToLive": 3600,
        "Context": {"notification_id": "n1"},
        "DestinationCountryParameters": {"IN_ENTITY_ID": ENTITY, "IN_TEMPLATE_ID": TEMPLATE},
    } | changes


def dlt(**changes: str) -> dict[str, Any]:
    return {"DestinationCountryParameters": {"IN_ENTITY_ID": ENTITY, "IN_TEMPLATE_ID": TEMPLATE} | changes}


def test_a_registered_text_reaches_the_phone(phones: Phones) -> None:
    assert phones.deliver(message())
    (entry,) = phones.received()
    assert entry.pop("received_at").endswith("Z")
    assert entry == {
        "to": "+919999900011",
        "text": "Ready: 2 Jute tote. Left 0 of it. Hunar (demo)",
        "parts": 1,
        "template_id": TEMPLATE,
        "notification_id": "n1",
    }
    assert phones.refused() == []


@pytest.mark.parametrize(
    ("changes", "kind", "reason", "scrub"),
    [
        ({"MessageBody": "Ready: 2 Jute tote. Left 0 of it. Hunar"}, "Validation", "INVALID_PARAMETER", "NOT_MATCHED"),
        ({"MessageBody": "Ready: Jute. Left x of it. Hunar (demo)"}, "Validation", "INVALID_PARAMETER", "WRONG_TYPE"),
        ({"MessageBody": "Ready: a+b. Left 1 of it. Hunar (demo)"}, "Validation", "INVALID_PARAMETER", "WRONG_TYPE"),
        ({"MessageBody": "Ready: . Left 1 of it. Hunar (demo)"}, "Validation", "INVALID_PARAMETER", "NOT_MATCHED"),
        ({"MessageBody": "Ready: a\nb. Left 1 of it. Hunar (demo)"}, "Validation", "INVALID_PARAMETER", "NOT_MATCHED"),
        (
            {"MessageBody": f"Ready: {'w' * 31}. Left 1 of it. Hunar (demo)"},
            "Validation",
            "INVALID_PARAMETER",
            "NOT_MATCHED",
        ),
        (
            {"MessageBody": f"Ready: {'𝒘' * 16}. Left 1 of it. Hunar (demo)"},
            "Validation",
            "INVALID_PARAMETER",
            "TOO_LONG",
        ),
        (dlt(IN_TEMPLATE_ID="1107000000000000999"), "Validation", "INVALID_REGISTRATION_ASSOCIATION", "TEMPLATE"),
        (dlt(IN_ENTITY_ID="1101000000000000009"), "Validation", "INVALID_REGISTRATION_ASSOCIATION", "ENTITY"),
        (dlt(IN_TEMPLATE_ID=""), "Validation", "MISSING_PARAMETER", "IN_TEMPLATE_ID_MISSING"),
        ({"DestinationCountryParameters": {}}, "Validation", "MISSING_PARAMETER", "IN_ENTITY_ID_MISSING"),
        ({"DestinationCountryParameters": {"IN_ID": "1"}}, "Validation", "INVALID_PARAMETER", "Parameters_INVALID"),
        ({"OriginationIdentity": "OTHERS"}, "Validation", "SENDER_ID_NOT_REGISTERED", "HEADER_NOT_FOUND"),
        ({"DestinationPhoneNumber": "+915999900011"}, "Validation", "INVALID_PARAMETER", "NO_MOBILE_NUMBER"),
        ({"DestinationPhoneNumber": "+9199999000111"}, "Validation", "INVALID_PARAMETER", "NO_MOBILE_NUMBER"),
        ({"DestinationPhoneNumber": "call me"}, "Validation", "INVALID_PARAMETER", "Number_INVALID"),
        ({"DestinationPhoneNumber": "+8801999900011"}, "Conflict", "BLOCKED_BY_PROTECT", "COUNTRY_NOT_INDIA"),
        ({"MaxPrice": "0.00100"}, "Validation", "PRICE_OVER_THRESHOLD", "PRICE"),
        ({"MaxPrice": "1"}, "Validation", "INVALID_PARAMETER", "MaxPrice_INVALID"),
        ({"TimeToLive": 4}, "Validation", "INVALID_PARAMETER", "TimeToLive_INVALID"),
        ({"MessageType": "OTP"}, "Validation", "INVALID_PARAMETER", "MessageType_INVALID"),
        ({"MessageBody": "w" * 1601}, "Validation", "INVALID_PARAMETER", "MessageBody_INVALID"),
    ],
)
def test_the_network_refuses(phones: Phones, changes: dict[str, Any], kind: str, reason: str, scrub: str) -> None:
    with pytest.raises(Refusal) as caught:
        phones.deliver(message(**changes))
    assert caught.value.body["__type"] == f"{kind}Exception"
    assert reason in caught.value.body["Reason"]
    assert scrub in caught.value.scrub
    assert phones.received() == []
    assert [entry["notification_id"] for entry in phones.refused()] == ["n1"]


def test_a_request_without_a_number_is_refused_and_listed(phones: Phones) -> None:
    without = message()
    del without["DestinationPhoneNumber"]
    with pytest.raises(Refusal, match="DestinationPhoneNumber_MISSING"):
        phones.deliver(without)
    assert [entry["to"] for entry in phones.refused()] == [""]


def test_a_price_of_two_parts_is_twice_the_price(phones: Phones) -> None:
    phones.register(ENTITY, SENDER, "2", "तैयार: {item}। यह Hunar का नया ऑर्डर है, समय पर दे दें। धन्यवाद जी")
    body = "तैयार: 24 कुल्लू ऊनी शॉल। यह Hunar का नया ऑर्डर है, समय पर दे दें। धन्यवाद जी"
    phones.price_per_part = Decimal("0.006")
    with pytest.raises(Refusal, match="PRICE"):
        phones.deliver(message(MessageBody=body, **dlt(IN_TEMPLATE_ID="2")))
    phones.price_per_part = Decimal("0.005")
    phones.deliver(message(MessageBody=body, **dlt(IN_TEMPLATE_ID="2")))
    assert [entry["parts"] for entry in phones.received()] == [2]


def test_who_opted_out_gets_nothing(phones: Phones) -> None:
    phones.opted_out.add("+919999900011")
    with pytest.raises(Refusal) as caught:
        phones.deliver(message())
    assert caught.value.body["Reason"] == "DESTINATION_PHONE_NUMBER_OPTED_OUT"


def test_native_words_with_joiners_and_vowel_signs_are_letters(phones: Phones) -> None:
    phones.deliver(message(MessageBody="Ready: 2 ক্\u200dষ মাটি தேன். Left 12 of it. Hunar (demo)"))
    assert [entry["parts"] for entry in phones.received()] == [1]


def test_the_demo_agency_is_registered_from_its_files() -> None:
    phones = Phones()
    folder = ROOT / "layers/common/hunar/sms_templates"
    assert phones.register_files(ENTITY, SENDER, ROOT / "local/demo/dlt_templates.csv", folder) == 234
    body = "रद्द हुआ: 2 जूट थैला। इस ऑर्डर में अब कुल देना है: 0। यह Hunar का संदेश है।"
    phones.deliver(message(MessageBody=body, **dlt(IN_TEMPLATE_ID="1107000000000000202")))
    with pytest.raises(Refusal, match="NOT_MATCHED"):
        phones.deliver(message(MessageBody=body, **dlt(IN_TEMPLATE_ID="1107000000000000203")))
    assert len(phones.received()) == 1


def test_an_id_without_a_text_is_an_error(tmp_path: Path) -> None:
    ids = tmp_path / "ids.csv"
    ids.write_text("kind,locale,template_id\nNEW_ORDER,fr,1107000000000000109\n", encoding="utf-8")
    with pytest.raises(ValueError, match="NEW_ORDER fr version 1"):
        Phones().register_files(ENTITY, SENDER, ids, ROOT / "layers/common/hunar/sms_templates")


def test_a_fault_counts_down_and_unknown_ones_are_errors() -> None:
    faults = Faults()
    faults.set({"throttle": 2, "hang_seconds": 0.5})
    assert [faults.take("throttle") for _ in range(3)] == [True, True, False]
    for wrong in ({"burn": 1}, {"throttle": -1}, {"throttle": "1"}, {"throttle": True}):
        with pytest.raises(ValueError, match="fault"):
            faults.set(wrong)
    assert faults == Faults(hang_seconds=0.5)


def test_clearing_forgets_texts_and_faults_but_no_registration(phones: Phones) -> None:
    phones.deliver(message())
    phones.faults.set({"lose": 1})
    phones.clear()
    assert (phones.received(), phones.refused(), phones.faults) == ([], [], Faults())
    phones.deliver(message())
    assert len(phones.received()) == 1


@pytest.mark.parametrize(
    ("text", "count"), [("a" * 160, 1), ("€" * 81, 2), ("a`" + "a" * 69, 2), ("க" * 70, 1), ("😀" * 67, 3)]
)
def test_it_counts_parts_itself(text: str, count: int) -> None:
    assert count_parts(text) == count
