"""What resolutions.csv makes of a group's policies, and what it says to the person who typed it."""

from __future__ import annotations

import csv
import io
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hunar.domain import policies
from hunar.domain.catalogue import COLUMNS, Plan
from hunar.domain.facts import Resolved
from hunar.domain.policies import CLAUSES
from hunar.domain.resolution import Keeper, Resolution, Unresolved
from hunar.use_cases.change_order import Sold
from hunar.use_cases.change_order import resolution as terms_of
from tests.unit.test_catalogue import GOOD, TODAY, good, only, planned, problems

DAYS = st.dates(date(2026, 12, 1), date(2027, 6, 30))
ROW = next(csv.DictReader(io.StringIO(GOOD["resolutions.csv"])))


def file(*rows: dict[str, str]) -> dict[str, str | bytes]:
    """resolutions.csv with the good row of G01, changed."""
    text = io.StringIO()
    table = csv.DictWriter(text, list(ROW), lineterminator="\n")
    table.writeheader()
    table.writerows(ROW | row for row in rows)
    return {"resolutions.csv": text.getvalue()}


def group_file(*rows: str) -> dict[str, str | bytes]:
    head = GOOD["groups.csv"].partition("\n")[0]
    return {"groups.csv": "\n".join([head, *(f"G01,गंगा समूह,Bhagalpur,hi,{row}" for row in rows), ""])}


def unresolved() -> Plan:
    """An agency from before there were resolutions."""
    made = planned({name: text for name, text in GOOD.items() if name != "resolutions.csv"})
    assert made.problems == []
    return made


def versions(made: Plan, group_id: str = "G01") -> list[tuple[str, int, Any]]:
    """Day, version and agency fee of each policy; None where nothing is resolved."""
    return [
        (policy["from"], policy["version"], policy.get("agency_fee"))
        for policy in made.items["groups"][group_id]["policies"]
    ]


# what is read


def test_a_row_becomes_clauses_that_the_money_is_booked_by() -> None:
    [policy] = good().items["groups"]["G01"]["policies"]
    resolution = Resolution.of("G01", policy)
    assert (resolution.agency_fee, resolution.fund_ppm, resolution.recovery_ppm) == (85_000, 50_000, 500_000)
    assert (resolution.itc, resolution.tcs, resolution.tds) == (Keeper.AGENCY, Keeper.GROUP_LATER, Keeper.GROUP_NOW)
    assert resolution.return_fees == ("reverse_shipping_fee", "rto_fee")
    assert resolution.source == (("minutes_date", "2025-12-20"), ("minutes_ref", "Book 2, page 14"), ("policy", 1))
    assert policy["approved_by"] == ["सावित्री", "रेखा"]
    assert set(policy) >= set(CLAUSES)
    assert set(COLUMNS["resolutions"][0]) == set(ROW)


def test_every_column_is_needed() -> None:
    for column in ROW:
        cut = io.StringIO()
        table = csv.DictWriter(cut, [name for name in ROW if name != column], extrasaction="ignore")
        table.writeheader()
        table.writerow(ROW)
        assert f"column {column}: is missing in the heading" in only(
            planned({**GOOD, "resolutions.csv": cut.getvalue()})
        )


@given(st.integers(0, 1_000_000))
def test_a_percentage_is_read_exactly(ppm: int) -> None:
    text = f"{ppm // 10_000}.{ppm % 10_000:04d}".rstrip("0").rstrip(".")
    made = planned({**GOOD, **file({"agency_fee": f"{text}%", "fund": f"{text} %"})})
    [policy] = made.items["groups"]["G01"]["policies"]
    assert (made.problems, policy["agency_fee"], policy["fund_ppm"]) == ([], ppm, ppm)
    assert type(policy["agency_fee"]) is int


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("group_id", "G77", "G77 is neither in groups.csv nor registered"),
        ("from", "01-01-2026", "'01-01-2026' is not a day like 2026-04-01"),
        ("from", "2025-12-31", "before 2026-01-01 there is no policy"),
        ("minutes_ref", "", "is missing: a text of at most 60 characters"),
        ("minutes_date", "2026-02-30", "is not a day"),
        ("minutes_date", "2026-11-26", "has not come yet"),
        ("agency_fee_basis", "percent", "'percent' is not one of ppm_of_net, ppm_of_taxable, fixed_per_unit"),
        ("agency_fee", "", "is missing: a percentage up to 100% with its sign, like 8.5%"),
        ("agency_fee", "8", "'8' is not a percentage"),
        ("agency_fee", "0.08", "'0.08' is not a percentage"),
        ("agency_fee", "85000", "'85000' is not a percentage"),
        ("agency_fee", "-5%", "'-5%' is not a percentage"),
        ("agency_fee", "8,5%", "'8,5%' is not a percentage"),
        ("agency_fee", "08%", "'08%' is not a percentage"),
        ("agency_fee", "100.0001%", "is not a percentage up to 100%"),
        ("agency_fee", "8.12345%", "is not a percentage"),
        ("agency_fee", "#VALUE!", "is an error of the spreadsheet"),
        ("fund", "5", "'5' is not a percentage"),
        ("itc", "", "is missing: GROUP_NOW, GROUP_LATER, AGENCY"),
        ("tcs", "GROUP", "'GROUP' is not one of GROUP_NOW, GROUP_LATER, AGENCY"),
        ("tds", "state", "'state' is not one of"),
        ("penalties", "GROUP_NOW", "'GROUP_NOW' is not one of GROUP, AGENCY"),
        ("returns", "", "is missing: GROUP, AGENCY"),
        ("lost", "buyer", "'buyer' is not one of"),
        ("penalty_fees", "product cancellation", "'product cancellation' is not the code of a fee"),
        ("penalty_fees", "a,b", "'a,b' is not the code of a fee"),
        ("penalty_fees", "fee_a; fee_b; fee_a", "fee_a stands there twice"),
        ("return_fees", "product_cancellation_fee", "stands in penalty_fees too"),
        ("paid_on", "packed", "'packed' is not one of picked_up, shipped, delivered, purchase"),
        ("paid_on", "purchase", "purchase is for goods that are paid by the piece; from 2026-01-01 it is SALE_SHARE"),
        ("return_window_days", "", "'' is not a whole number from 0 to 365"),
        ("return_window_days", "7.5", "is not a whole number"),
        ("recovery", "101%", "'101%' is not a percentage"),
        ("approved_by", "Savitri Devi", "two office bearers or more"),
        ("approved_by", "Savitri Devi, Rekha", "two office bearers or more"),
        ("approved_by", "Savitri Devi; savitri devi", "savitri devi stands there twice"),
        ("approved_by", "", "two office bearers or more"),
    ],
)
def test_a_cell_that_cannot_be_taken_is_named(column: str, value: str, said: str) -> None:
    told = problems(planned({**GOOD, **file({column: value})}))
    assert [line for line in told if line.startswith(f"resolutions.csv row 2 column {column}: ") and said in line], told
    assert all(line.startswith("resolutions.csv row 2 ") for line in told)


@pytest.mark.parametrize("value", ["8%", "", "1.234", "-1", "12,50"])
def test_a_fee_for_each_piece_is_in_rupees(value: str) -> None:
    row = {"agency_fee_basis": "fixed_per_unit", "agency_fee": value}
    assert only(planned({**GOOD, **file(row)})).startswith("resolutions.csv row 2 column agency_fee: ")
    made = planned({**GOOD, **file(row | {"agency_fee": "1,012.50"})})
    assert (made.problems, made.items["groups"]["G01"]["policies"][0]["agency_fee"]) == ([], 101_250)
    made = planned({**GOOD, **file(row | {"agency_fee": "0"})})
    assert (made.problems, made.items["groups"]["G01"]["policies"][0]["agency_fee"]) == ([], 0)


def test_a_day_is_resolved_once() -> None:
    assert only(planned({**GOOD, **file({}, {"fund": "6%"})})) == (
        "resolutions.csv row 3 column from: G01 resolved from 2026-01-01 in row 2 already"
    )


def test_what_may_be_a_slip_is_pointed_at() -> None:
    late = planned({**GOOD, **file({"minutes_date": "2026-03-01"})})
    assert [str(warning) for warning in late.warnings if "minutes" in str(warning)] == [
        "resolutions.csv row 2 column minutes_date: the group met on 2026-03-01, later than 2026-01-01, "
        "from which it resolved this"
    ]
    rates = "row_id,scope,code,from,basis,value,source\na,flipkart,rto_fee,2026-01-01,fixed_per_line,1,card\n"
    found = planned({**GOOD, "rates.csv": rates, **file({"penalty_fees": "", "return_fees": "rto_fee; rtofee"})})
    assert found.problems == []
    assert [str(warning) for warning in found.warnings if "return_fees" in str(warning)] == [
        "resolutions.csv row 2 column return_fees: rtofee: no rate card has such a fee; is it a slip of the pen?"
    ]


def test_a_policy_without_a_resolution_is_pointed_at() -> None:
    said = "has not resolved what its money needs for its policy from 2026-01-01 (resolutions.csv): till then it waits"
    assert [str(warning) for warning in unresolved().warnings] == [
        f"groups.csv row 2 column policy_from: G01 {said}",
        f"groups.csv row 3 column policy_from: G02 {said}",
    ]
    later = planned(file({"from": "2026-12-01"}), unresolved())
    assert [str(warning) for warning in later.warnings] == [f"resolutions.csv row 2 column from: G01 {said}"]
    with pytest.raises(Unresolved, match="G01, policy version 1: minutes_ref is missing"):
        Resolution.of("G01", later.items["groups"]["G01"]["policies"][0])


# what is dated


def test_the_first_resolution_completes_the_policy_that_had_none() -> None:
    made = planned(file({}), unresolved())
    assert (made.problems, versions(made)) == ([], [("2026-01-01", 1, 85_000)])
    assert versions(made, "G02") == [("2026-01-01", 1, None)]


def test_the_same_file_again_changes_nothing() -> None:
    before = good()
    again = planned({"resolutions.csv": GOOD["resolutions.csv"]}, before)
    assert (again.problems, again.items) == ([], before.items)
    both = planned({name: GOOD[name] for name in ("resolutions.csv", "groups.csv")}, before)
    assert (both.problems, both.items["groups"]) == ([], before.items["groups"])
    groups = planned({"groups.csv": GOOD["groups.csv"]}, before)
    assert (groups.problems, groups.items["groups"]) == ([], before.items["groups"])


@pytest.mark.parametrize(
    "column",
    ["minutes_ref", "minutes_date", "agency_fee", "fund", "itc", "lost", "return_fees", "paid_on", "approved_by"],
)
def test_a_resolution_under_which_sales_were_made_is_never_rewritten(column: str) -> None:
    others = {
        "minutes_ref": "Book 3",
        "minutes_date": "2025-12-19",
        "agency_fee": "8%",
        "fund": "0%",
        "itc": "GROUP_NOW",
        "lost": "GROUP",
        "return_fees": "",
        "paid_on": "shipped",
        "approved_by": "सावित्री; सुमन",
    }
    made = planned(file({column: others[column]}), good())
    assert only(made) == (
        f"resolutions.csv row 2 column {column}: is registered otherwise for 2026-01-01, and sales were made under it; "
        f"another resolution begins {TODAY} or later, on a day without a policy"
    )


def test_every_cell_that_differs_is_named() -> None:
    told = problems(planned(file({"fund": "6%", "recovery": "40%"}), good()))
    assert [line.split(":")[0] for line in told] == [
        "resolutions.csv row 2 column fund",
        "resolutions.csv row 2 column recovery",
    ]


def test_a_later_resolution_is_a_new_version_from_its_day() -> None:
    made = planned(file({}, {"from": "2027-04-01", "agency_fee": "9%"}), good())
    assert (made.problems, versions(made)) == ([], [("2026-01-01", 1, 85_000), ("2027-04-01", 2, 90_000)])
    [_, later] = made.items["groups"]["G01"]["policies"]
    assert policies.said(later) == {
        "from": "2027-04-01",
        "fulfilment_mode": "GROUP_PACKS",
        "payout_basis": "SALE_SHARE",
    }
    groups = planned({"groups.csv": GOOD["groups.csv"]}, made)
    assert (groups.problems, groups.items["groups"]) == ([], made.items["groups"])


def test_a_resolution_may_begin_today_but_not_in_the_past() -> None:
    assert versions(planned(file({"from": TODAY, "fund": "0%"}), good()))[-1] == (TODAY, 2, 85_000)
    told = only(planned(file({"from": "2026-11-24"}), good()))
    assert told == (
        "resolutions.csv row 2 column from: 2026-11-24 is past, and orders have taken the policy of 2026-01-01 since "
        f"then: a new resolution begins {TODAY} or later"
    )
    told = only(planned(file({"from": "2026-11-24"}), unresolved()))
    assert told.endswith("; what completes that policy is dated 2026-01-01")


def test_one_of_the_future_may_still_change_and_gets_a_version_of_its_own() -> None:
    before = planned(file({}, {"from": "2027-04-01", "agency_fee": "9%"}), good())
    made = planned(file({"from": "2027-04-01", "agency_fee": "7%"}), before)
    assert (made.problems, versions(made)) == ([], [("2026-01-01", 1, 85_000), ("2027-04-01", 3, 70_000)])


def test_the_first_policy_holds_for_all_earlier_sales_so_its_resolution_is_never_rewritten() -> None:
    first = group_file("2027-01-01,GROUP_PACKS,SALE_SHARE")
    rows = file({"from": "2027-01-01"}, {"group_id": "G01", "from": "2027-02-01"})
    skus = {"skus.csv": "sku,group_id,hsn,name_en,name_hi\nSTOLE,G01,6214,Stole,स्टोल\n"}
    names = ("agency.csv", "accounts.csv", "dlt_templates.csv", "listings.csv")
    contacts = {"contacts.csv": "group_id,slot,name,phone\nG01,leader,A,9999900011\nG01,second,B,9999900012\n"}
    young = planned({**{name: GOOD[name] for name in names}, **first, **rows, **skus, **contacts})
    assert young.problems == []
    told = only(planned(file({"from": "2027-01-01", "fund": "9%"}), young))
    assert "column fund: is registered otherwise for 2027-01-01" in told


def test_a_group_may_come_with_its_history() -> None:
    made = planned({**GOOD, **file({"from": "2026-06-01", "fund": "3%"}, {}, {"from": "2026-03-01", "fund": "4%"})})
    assert made.problems == []
    policies = made.items["groups"]["G01"]["policies"]
    assert [(policy["from"], policy["fund_ppm"]) for policy in policies] == [
        ("2026-01-01", 50_000),
        ("2026-03-01", 40_000),
        ("2026-06-01", 30_000),
    ]
    assert sorted(policy["version"] for policy in policies) == [1, 2, 3]


# what goes on


def test_a_resolution_goes_on_when_the_group_only_works_otherwise() -> None:
    made = planned(group_file("2027-01-01,HUB_PACKS,SALE_SHARE"), good())
    assert (made.problems, made.warnings) == ([], [])
    assert versions(made) == [("2026-01-01", 1, 85_000), ("2027-01-01", 2, 85_000)]
    assert Resolution.of("G01", made.items["groups"]["G01"]["policies"][1]).minutes_ref == "Book 2, page 14"


def test_another_basis_needs_a_resolution_of_its_own() -> None:
    skus = {"skus.csv": GOOD["skus.csv"].replace("स्टोल,,,", "स्टोल,,,600")}
    other = group_file("2027-01-01,GROUP_PACKS,FIXED_PER_PIECE")
    made = planned({**other, **skus}, good())
    assert (made.problems, versions(made)) == ([], [("2026-01-01", 1, 85_000), ("2027-01-01", 2, None)])
    assert [str(warning) for warning in made.warnings] == [
        "groups.csv row 2 column policy_from: G01 has not resolved what its money needs for its policy from 2027-01-01 "
        "(resolutions.csv): till then it waits"
    ]
    row = file({"from": "2027-01-01", "agency_fee": "0%", "paid_on": "purchase"})
    done = planned(row, made)
    assert (done.problems, done.warnings) == ([], [])
    assert versions(done)[-1] == ("2027-01-01", 2, 0)


def test_a_resolution_reaches_the_versions_that_took_over_the_one_before_it() -> None:
    """The hub packs from February; in January it is resolved that the fee is 9 % from the 15th."""
    hub = planned(group_file("2027-02-01,HUB_PACKS,SALE_SHARE"), good())
    made = planned(file({"from": "2027-01-15", "agency_fee": "9%"}), hub)
    assert made.problems == []
    assert versions(made) == [("2026-01-01", 1, 85_000), ("2027-01-15", 3, 90_000), ("2027-02-01", 4, 90_000)]
    own = planned(file({"from": "2027-02-01", "agency_fee": "7%"}), made)
    assert versions(own)[-1] == ("2027-02-01", 5, 70_000)
    again = planned(file({"from": "2027-01-15", "agency_fee": "6%"}), own)
    assert [fee for _, _, fee in versions(again)] == [85_000, 60_000, 70_000]


def test_what_had_begun_keeps_what_it_took_over() -> None:
    hub = planned(group_file("2026-12-01,HUB_PACKS,SALE_SHARE"), good())
    in_december = "2026-12-10T04:00:00Z"
    told = only(planned(file({"from": "2026-12-01", "agency_fee": "9%"}), hub, in_december))
    assert "column agency_fee: is registered otherwise for 2026-12-01" in told
    made = planned(file({"from": "2026-12-15", "agency_fee": "9%"}), hub, in_december)
    assert versions(made) == [("2026-01-01", 1, 85_000), ("2026-12-01", 2, 85_000), ("2026-12-15", 3, 90_000)]


def test_all_begun_versions_of_before_are_completed_by_the_first_resolution() -> None:
    old = {name: text for name, text in GOOD.items() if name != "resolutions.csv"}
    rows = group_file("2026-01-01,GROUP_PACKS,SALE_SHARE", "2026-05-01,HUB_PACKS,SALE_SHARE")["groups.csv"]
    before = planned({**old, "groups.csv": str(rows) + GOOD["groups.csv"].splitlines()[2] + "\n"})
    assert before.problems == []
    made = planned(file({}), before)
    assert (made.problems, versions(made)) == ([], [("2026-01-01", 1, 85_000), ("2026-05-01", 2, 85_000)])


# by which day


@given(st.lists(DAYS, max_size=5, unique=True), DAYS)
def test_a_sale_takes_the_resolution_of_its_day(days: list[date], sold: date) -> None:
    rows = [{"from": day.isoformat(), "fund": f"{place + 10}%"} for place, day in enumerate(days)]
    made = planned(file({}, *rows), good())
    assert made.problems == []
    found = terms_of(Sold("1", "STOLE", f"{sold.isoformat()}T06:00:00Z"), made.items["listings"]["flipkart/demo/STOLE"])
    assert isinstance(found, Resolved)
    [policy] = [one for one in made.items["groups"]["G01"]["policies"] if one["version"] == found.policy_version]
    begun = [(row["from"], row["fund"]) for row in rows if row["from"] <= sold.isoformat()]
    assert policy["fund_ppm"] == int(max(begun, default=("", "5%"))[1].removesuffix("%")) * 10_000


def test_a_resolution_of_april_does_not_touch_a_sale_of_march() -> None:
    made = planned(file({}, {"from": "2027-04-01", "agency_fee": "9%"}), good())
    listing = made.items["listings"]["flipkart/demo/STOLE"]
    by = {
        at: terms_of(Sold("1", "STOLE", at), listing).policy_version
        for at in ("2027-03-31T18:29:59Z", "2027-03-31T18:30:00Z")
    }
    assert by == {"2027-03-31T18:29:59Z": 1, "2027-03-31T18:30:00Z": 2}
