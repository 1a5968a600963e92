"""What one person alone tries with money: to be two, to say both words, to lift a stop from behind."""

from __future__ import annotations

import pytest

from hunar.use_cases.operate import NotNow
from tests.paydesk import PayDesk

ROLE = "assumed-role/Accounts"
SSO = "assumed-role/AWSReservedSSO_"


def desk_with_money() -> PayDesk:
    desk = PayDesk()
    desk.group("G01", paise=65_442)
    return desk


@pytest.mark.parametrize(
    ("maker", "checker"),
    [
        (f"{ROLE}/meera", f"{ROLE}/rekha"),
        (f"{ROLE}/meera", "Assumed-Role/ACCOUNTS/rekha"),
        (f"assumed-role/{'R' * 64}/a", f"assumed-role/{'R' * 64}/{'s' * 64}"),
        ("federated-user/meera", "federated-user/rekha"),
        (f"{SSO}Maker_0123456789abcdef/meera@example.org", f"{SSO}Checker_fedcba9876543210/Meera@example.org"),
    ],
)
def test_a_name_that_she_chooses_herself_makes_nobody_a_second_person(maker: str, checker: str) -> None:
    desk = desk_with_money()
    desk.close(person=maker)
    with pytest.raises(NotNow, match="another person must approve it"):
        desk.approve(person=checker)


@pytest.mark.parametrize(
    ("maker", "checker"),
    [
        ("user/meera", "user/rekha"),
        ("assumed-role/Makers/any", "assumed-role/Checkers/any"),
        (f"{SSO}Accounts_0123456789abcdef/meera@example.org", f"{SSO}Accounts_0123456789abcdef/rekha@example.org"),
    ],
)
def test_two_whom_iam_tells_apart_are_two(maker: str, checker: str) -> None:
    desk = desk_with_money()
    desk.close(person=maker)
    assert desk.approve(person=checker).approved_by == checker
