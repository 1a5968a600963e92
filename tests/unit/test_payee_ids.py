"""What identifies a payee is checked as far as its text goes, and no message repeats it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from hunar import bank_files
from hunar.domain.payee_ids import (
    Gstin,
    Invalid,
    account_number,
    bank_of,
    check_digit,
    gstin,
    holder,
    holder_name,
    ifsc,
    masked,
    pan,
)

STATES = bank_files.states()
PUBLISHED = "27AAPFU0939F1ZV"
"""The example that python-stdnum documents."""


def gstin_of(state: str, tax_id: str = "AAAAB1234C", kind: str = "Z") -> str:
    first = f"{state}{tax_id}1{kind}"
    return first + check_digit(first)


def test_a_published_gstin_is_read() -> None:
    assert gstin(PUBLISHED, STATES) == Gstin("27", "F", "Z")
    assert gstin(f" {PUBLISHED.lower()} ", STATES, of_pan="AAPFU0939F") == Gstin("27", "F", "Z")


@pytest.mark.parametrize(
    ("text", "digit"),
    [
        ("0", "0"),
        ("1", "Z"),
        ("Z", "1"),
        ("01", "Y"),
        ("0H", "2"),
        # From I on, doubled, there is a second digit to the base 36.
        ("0I", "Z"),
        ("0J", "X"),
        ("0Z", "1"),
        ("ZZZ", "3"),
        ("1111", "U"),
    ],
)
def test_the_check_digit_is_luhns_to_the_base_36(text: str, digit: str) -> None:
    assert check_digit(text) == digit


@pytest.mark.parametrize("state", ["01", "26", "38", "97"])
def test_states_that_were_made_later_are_states(state: str) -> None:
    assert gstin(gstin_of(state), STATES).state == state


def test_the_gstin_by_which_a_marketplace_collects_tcs_is_one() -> None:
    assert gstin(gstin_of("29", "AAACA1234B", "C"), STATES).kind == "C"


@pytest.mark.parametrize("place", range(14))
def test_one_mistyped_character_shows(place: int) -> None:
    letter = PUBLISHED[place]
    other = {"9": "8", "Z": "C"}.get(letter) or (chr(ord(letter) + 1))
    with pytest.raises(Invalid):
        gstin(PUBLISHED[:place] + other + PUBLISHED[place + 1 :], STATES)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (gstin_of("39"), "begins with 39, which is no State's code"),
        (gstin_of("10", "AAAXB1234C"), "the PAN inside its fourth letter"),
        (gstin_of("10", kind="K"), "its 14th character can be"),
        ("10AAAAB1234C1Z", "is not two digits"),
        (PUBLISHED[:-1] + "W", "its last character does not fit"),
    ],
)
def test_a_wrong_gstin_says_what_is_wrong(text: str, message: str) -> None:
    with pytest.raises(Invalid, match=message):
        gstin(text, STATES)


@pytest.mark.parametrize("other", ["AAAAB1234C", "ZZZAB1234C"])
def test_a_gstin_of_another_pan_is_refused(other: str) -> None:
    with pytest.raises(Invalid, match="contains another PAN"):
        gstin(PUBLISHED, STATES, of_pan=other)


def test_a_pan_says_what_its_holder_is() -> None:
    assert pan(" aaaab1234c ") == "AAAAB1234C"
    assert (holder("AAAAB1234C"), holder("AAAPB1234C")) == ("A", "P")


@pytest.mark.parametrize("text", ["AAAAB1234", "AAAZB1234C", "AAAAB0000C", "1AAAB1234C", "", "AAAAB1234CC"])
def test_what_is_no_pan_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        pan(text)


def test_an_ifsc_has_its_form_and_stands_in_the_list_when_there_is_one() -> None:
    assert ifsc(" sbin0001234 ") == "SBIN0001234"
    assert ifsc("SBIN0001234", {"SBIN0001234"}) == "SBIN0001234"
    with pytest.raises(Invalid, match="is not in the list of the Reserve Bank"):
        ifsc("SBIN0001235", {"SBIN0001234"})
    with pytest.raises(Invalid, match="letter O in fifth place"):
        ifsc("SBINO001234")
    for text in ("SBINO0012345", "SBINO00123", "SBINP001234", "SBINZ001234"):
        with pytest.raises(Invalid, match="is not four letters"):
            ifsc(text)


@pytest.mark.parametrize("text", ["SBIN1001234", "SBI00001234", "SBIN000123", "SBIN00012345", ""])
def test_what_is_no_ifsc_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        ifsc(text)


def test_a_bank_is_known_or_not() -> None:
    assert bank_of("SBIN0001234", bank_files.banks()) == "State Bank of India"
    assert bank_of("ZZZZ0001234", bank_files.banks()) is None


def test_an_account_number_keeps_its_zeros() -> None:
    assert account_number(" 000123456 ") == "000123456"
    assert account_number("ab123456") == "AB123456"
    assert masked("000123456") == "XXXX3456"


@pytest.mark.parametrize(
    "text", ["12345", "1" * 31, "12345678.0", "1.23E+15", "123 456 789", "ABCDEFGH", "0000000", ""]
)
def test_what_is_no_account_number_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        account_number(text)


def test_a_name_is_what_a_bank_can_read() -> None:
    assert holder_name("  Jai  Maa S.H.G. (Women's) & Co ") == "Jai Maa S.H.G. (Women's) & Co"


@pytest.mark.parametrize(
    "text",
    ["Jai Maa, Bhagalpur", "=1+1", "+91", "-Maa", "@SUM(A1)", "जय माँ", "Maa|Durga", "Maa;X", 'Maa "X"', "Maa\x00", "M"],
)
def test_a_name_that_a_program_would_misread_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        holder_name(text)


@pytest.mark.parametrize(
    ("check", "text"),
    [
        (pan, "AAAZB1234C"),
        (lambda text: gstin(text, STATES), "10AAAXB1234C1Z5"),
        (lambda text: gstin(text, STATES), PUBLISHED[:-1] + "W"),
        (account_number, "12345678.0"),
        (account_number, "123 456 789"),
        (holder_name, "Sita, Devi"),
    ],
)
def test_no_message_repeats_what_was_typed(check: Callable[[str], object], text: str) -> None:
    with pytest.raises(Invalid) as error:
        check(text)
    assert text not in str(error.value)
    assert "1234" not in str(error.value)
