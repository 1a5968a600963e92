"""The agency's folder into the registry, and from there into orders, stock and texts."""

from __future__ import annotations

import csv
import random
import shutil
from pathlib import Path
from typing import Any

import pytest
from boto3 import client
from moto import mock_aws

from hunar import tables
from hunar.adapters.dynamodb.store import DynamoDBStore
from hunar.domain.order import knowledge, read
from hunar.domain.resolution import Resolution, frozen
from hunar.messages import ComputePayout
from hunar.ports import Conflict, QueueName, Retryable
from hunar.tables import Item, Table
from hunar.use_cases.import_catalogue import Desk, Report, import_catalogue
from hunar.use_cases.worklist import open_exception
from tests.flipkart_messages import created, item, step
from tests.tables import create_tables
from tests.world import World

DEMO = Path(__file__).parents[2] / "local" / "demo"
LATER = DEMO.parent / "demo-later"
ACCOUNTS = ("amazon/demo-api", "flipkart/demo-api", "flipkart/demo")
"""Each lists every product of the demo."""
TOTAL = sum(
    len(path.read_text(encoding="utf-8").splitlines()) - 1
    for path in DEMO.iterdir()
    if path.name not in ("stock.csv", "resolutions.csv")
)
"""Registry items of the demo: each row under a heading is one. What a group resolved is part of its policies."""


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the demo's files, to be changed."""
    return Path(shutil.copytree(DEMO, tmp_path / "agency"))


def bring(world: World, folder: Path, *, dry_run: bool = False, demo: bool = True) -> Report:
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    desk = Desk(world.store, world.queues, world.now, demo, lambda action: action())
    return import_catalogue(desk, files, dry_run=dry_run)


def change(folder: Path, name: str, old: str, new: str) -> None:
    path = folder / f"{name}.csv"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def registry(world: World) -> dict[str, Item]:
    return {f"{key.pk} {key.sk}": item for key, item in world.store.everything().items() if key.table is Table.REGISTRY}


def resolution(world: World, shipment: str) -> Any:
    [line] = read(knowledge(world.order(shipment))).lines
    return line.resolved


def test_the_demo_agency_sells_as_soon_as_its_folder_is_imported(world: World) -> None:
    report = bring(world, DEMO)
    assert (report.problems, report.warnings) == ([], [])
    world.settle()
    expected = {
        "BGP-KHD-STOLE": 14,
        "BGP-TSR-STOLE": 8,
        "GKP-DIYA-12": 40,
        "GKP-TER-HORSE": 6,
        "KLU-CAP": 12,
        "KLU-SHAWL-W": 4,
        "KOL-JUTE-LUNCH": 18,
        "KOL-JUTE-MAT": 9,
        "KOL-JUTE-TOTE": 25,
        "MDU-MANGO-400": 30,
        "MDU-SUNGUDI": 10,
    }
    assert {shelf["sku"]: shelf["available"] for shelf in world.items(Table.STOCK) if "available" in shelf} == expected
    world.post(created("S1", item("KOL-JUTE-TOTE", 2, price=399.0)))
    world.settle()
    assert (world.stock("KOL-JUTE-TOTE")["reserved"], world.exceptions()) == (2, [])
    [text] = world.phones.texts
    assert (text.to, text.locale, text.sender_id) == ("+919999900031", "bn", "BHGRTH")
    assert "2 পাটের ব্যাগ" in text.text


def test_every_demo_product_has_a_short_name_in_every_language(world: World) -> None:
    bring(world, DEMO)
    products = world.store.page(Table.REGISTRY, tables.product("").pk).items
    names = [name for product in products for name in product["names"].values()]
    assert len(names) == 44
    assert [name for name in names if len(name.encode("utf-16-le")) > 28] == []


def test_every_demo_product_can_be_paid(world: World) -> None:
    """Delivered lines of all ten listings are priced by the demo's rate card."""
    bring(world, DEMO)
    world.settle()
    rows = [row.split(",") for row in (DEMO / "listings.csv").read_text().splitlines()]
    listings = [row[2] for row in rows if row[:2] == ["flipkart", "demo"]]
    for name in listings:
        world.post(created(f"S-{name}", item(name, 1, price=649.0)))
        world.post(step(f"S-{name}", "delivered"))
    world.settle()
    assert world.exceptions() == []
    assert len([entry for entry in world.items(Table.LEDGER) if "entry_id" in entry]) == len(listings)


def test_a_second_import_of_the_same_folder_changes_nothing_and_says_so(world: World) -> None:
    assert not bring(world, DEMO).nothing_to_do
    world.settle()
    before, changes = world.store.everything(), len(world.store.changes)
    report = bring(world, DEMO)
    assert report.nothing_to_do
    assert report.counted_before == 11
    world.settle()
    assert world.store.everything() == before
    assert len(world.store.changes) == changes


def test_a_folder_imported_twice_before_anything_was_counted_is_counted_once(world: World) -> None:
    bring(world, DEMO)
    assert bring(world, DEMO).counts == 11
    world.settle()
    assert world.stock("KLU-CAP")["on_hand"] == 12


def test_a_dry_run_says_what_would_change_and_writes_nothing(world: World, folder: Path) -> None:
    planned = bring(world, folder, dry_run=True)
    assert world.store.everything() == {}
    assert world.queues.empty
    done = bring(world, folder)
    assert (planned.changes, planned.counts, planned.told) == (done.changes, done.counts, done.told)
    world.settle()
    change(folder, "skus", "Kullu cap", "Himachal cap")
    before = world.store.everything()
    assert [(entry.kind, entry.id, entry.what) for entry in bring(world, folder, dry_run=True).changes] == [
        ("skus", "KLU-CAP", "names")
    ]
    assert world.store.everything() == before


@pytest.mark.parametrize(
    "name", ["agency", "accounts", "groups", "resolutions", "contacts", "skus", "listings", "rates", "stock"]
)
def test_with_one_wrong_row_anywhere_nothing_is_written(world: World, folder: Path, name: str) -> None:
    with (folder / f"{name}.csv").open("a", encoding="utf-8") as file:
        file.write("?\n")
    report = bring(world, folder)
    assert {problem.file for problem in report.problems} == {f"{name}.csv"}
    assert world.store.everything() == {}
    assert world.queues.empty


def test_a_cell_of_any_length_is_a_problem_of_its_row(world: World, folder: Path) -> None:
    long = "x" * 3000
    with (folder / "stock.csv").open("a") as stock, (folder / "rates.csv").open("a") as rates:
        stock.write(f"{long},1,{long}\n")
        rates.write(f"a,{long},fee,2026-01-01,,ppm_of_price,1,,,,card,\n")
    with mock_aws():
        dynamodb = client("dynamodb")
        world.store = DynamoDBStore(dynamodb, create_tables(dynamodb))  # type: ignore[assignment]
        report = bring(world, folder)
    assert [(problem.file, problem.column) for problem in report.problems] == [
        ("rates.csv", "scope"),
        ("stock.csv", "act_id"),
        ("stock.csv", "sku"),
    ]


def test_a_listing_that_is_mapped_later_wakes_the_orders_that_wait(world: World) -> None:
    bring(world, DEMO)
    world.post(created("S1", item("SunChiraya-Tote", 2, price=429.0)))
    world.settle()
    assert world.exceptions() == ["UNKNOWN_LISTING"]
    report = bring(world, LATER)
    assert ([entry.what for entry in report.changes], report.told) == (["new", "new"], 2)
    world.settle()
    assert world.exceptions() == []
    assert world.stock("KOL-JUTE-TOTE")["reserved"] == 2
    assert resolution(world, "S1").sku == "KOL-JUTE-TOTE"


@pytest.mark.parametrize("seed", range(5))
def test_orders_and_import_may_come_in_any_order(seed: int) -> None:
    world = World(shuffle=random.Random(seed), twice=True)
    world.post(created("S1", item("KLU-CAP", 3, price=449.0)))
    bring(world, DEMO)
    world.settle()
    assert "UNKNOWN_LISTING" not in world.exceptions()
    stock = world.stock("KLU-CAP")
    assert (stock["reserved"] + stock["short"], stock["available"] - stock["short"]) == (3, 9)


def test_an_import_that_broke_before_it_told_the_orders_tells_them_when_it_is_repeated(world: World) -> None:
    bring(world, DEMO)
    world.post(created("S1", item("KOL-JUTE-MAT", 2, price=349.0)))
    world.settle()
    bring(world, LATER)
    assert len(world.queues.taken(QueueName.ORDER_EVENTS)) == 2  # they never arrive
    report = bring(world, LATER)
    assert (report.changes, report.told, report.nothing_to_do) == ([], 1, False)
    world.settle()
    assert resolution(world, "S1").sku == "KOL-JUTE-MAT"


@pytest.mark.parametrize("written", range(0, TOTAL, 7))
def test_an_import_that_broke_in_the_middle_goes_on_where_it_was(
    world: World, monkeypatch: pytest.MonkeyPatch, written: int
) -> None:
    """Products stand before the listings that lead to them, wherever it breaks."""
    whole = World()
    bring(whole, DEMO)
    real, left = world.store.commit, iter(range(written))

    def breaking(puts: Any) -> None:
        if next(left, None) is None:
            raise Retryable("the database is gone")
        real(puts)

    with monkeypatch.context() as patched:
        patched.setattr("hunar.use_cases.import_catalogue.MOST_PUTS", 1)
        patched.setattr(world.store, "commit", breaking)
        with pytest.raises(Retryable):
            bring(world, DEMO)
    half = registry(world)
    assert len(half) == written
    assert world.queues.empty
    for listing in [entry for entry in half.values() if "mappings" in entry]:
        assert f"SKU {listing['mappings'][0]['sku']}" in half
    report = bring(world, DEMO)
    assert len(report.changes) == TOTAL - written
    assert registry(world) == registry(whole)


def test_a_change_of_policy_reaches_every_listing_of_the_group_and_no_order_of_before(
    world: World, folder: Path
) -> None:
    bring(world, folder)
    world.post(created("S1", item("BGP-TSR-STOLE", 1)))
    world.settle()
    with (folder / "groups.csv").open("a", encoding="utf-8") as file:
        file.write("G01,गंगा महिला बुनकर समूह,Bhagalpur,hi,2026-12-01,HUB_PACKS,SALE_SHARE\n")
    report = bring(world, folder)
    assert report.problems == []
    assert [(entry.kind, entry.id, entry.what) for entry in report.changes] == [
        ("groups", "G01", "policies"),
        *(
            ("listings", f"{account}/{sku}", "resolutions")
            for account in ACCOUNTS
            for sku in ("BGP-KHD-STOLE", "BGP-TSR-STOLE")
        ),
    ]
    december = {"orderDate": "2026-12-01T00:00:00.000+05:30"}
    november = {"orderDate": "2026-11-30T23:59:59.000+05:30"}
    world.post(created("S2", item("BGP-TSR-STOLE", 1, **december)))
    world.post(created("S3", item("BGP-TSR-STOLE", 1, **november)))
    world.settle()
    modes = {
        name: (resolution(world, name).fulfilment_mode, resolution(world, name).policy_version)
        for name in ("S1", "S2", "S3")
    }
    assert modes == {"S1": ("GROUP_PACKS", 1), "S2": ("HUB_PACKS", 2), "S3": ("GROUP_PACKS", 1)}


def test_a_change_of_a_product_reaches_its_listings(world: World, folder: Path) -> None:
    bring(world, folder)
    change(folder, "skus", "190.00", "205.50")
    report = bring(world, folder)
    assert [(entry.kind, entry.id) for entry in report.changes] == [
        ("skus", "KOL-JUTE-TOTE"),
        *(("listings", f"{account}/KOL-JUTE-TOTE") for account in ACCOUNTS),
    ]
    world.post(created("S1", item("KOL-JUTE-TOTE", 1, price=399.0)))
    world.settle()
    assert resolution(world, "S1").piece_price_paise == 20550


def test_only_what_is_in_the_folder_is_touched(world: World, tmp_path: Path) -> None:
    bring(world, DEMO)
    before = registry(world)
    (tmp_path / "contacts.csv").write_text("group_id,slot,name,phone\nG05,second,New,9999900099\n")
    report = bring(world, tmp_path)
    assert [(entry.id, entry.what) for entry in report.changes] == [("G05 second", "name, phone")]
    after = registry(world)
    assert {key for key in after if after[key] != before[key]} == {"CONTACT G05#second"}


def test_a_demo_agency_is_refused_where_texts_are_real(world: World) -> None:
    report = bring(world, DEMO, demo=False)
    [problem] = report.problems
    assert (problem.file, problem.row, problem.column) == ("agency.csv", 2, "demo")
    assert world.store.everything() == {}


def test_many_items_are_written_in_transactions_of_at_most_100(world: World, tmp_path: Path) -> None:
    shutil.copytree(DEMO, tmp_path, dirs_exist_ok=True)
    with (tmp_path / "skus.csv").open("a") as skus, (tmp_path / "listings.csv").open("a") as listings:
        for number in range(150):
            skus.write(f"NEW-{number},G01,6214,New,नया,,,\n")
            listings.write(f"flipkart,demo,NEW-{number},NEW-{number},\n")
    assert len(bring(world, tmp_path).changes) == TOTAL + 300
    assert world.store.calls.count("TransactWriteItems") == -(-(TOTAL + 300) // 100)
    assert len(registry(world)) == TOTAL + 300


def test_a_write_that_meets_another_is_repeated(world: World) -> None:
    real, met = world.store.commit, iter([Conflict("busy"), None])

    def busy(puts: Any) -> None:
        if (error := next(met, None)) is not None:
            raise error
        real(puts)

    world.store.commit = busy  # type: ignore[method-assign]
    files = {path.name: path.read_bytes() for path in DEMO.iterdir()}

    def again(action: Any) -> Any:
        try:
            return action()
        except Conflict:
            return action()

    import_catalogue(Desk(world.store, world.queues, world.now, True, again), files, dry_run=False)
    assert len(registry(world)) == TOTAL


def test_what_dynamodb_gives_back_is_what_was_written() -> None:
    """Also there a second import finds nothing to do, whatever the types of the database."""
    with mock_aws():
        world = World()
        dynamodb = client("dynamodb")
        world.store = DynamoDBStore(dynamodb, create_tables(dynamodb))  # type: ignore[assignment]
        assert len(bring(world, DEMO).changes) == TOTAL
        world.queues.taken(QueueName.ORDER_EVENTS)
        assert bring(world, DEMO).changes == []


# what groups resolve, and rates that somebody answers for


def resolve(folder: Path, **changed: str) -> None:
    """One more row of resolutions.csv: G01's first, with some cells changed."""
    path = folder / "resolutions.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    with path.open("a", encoding="utf-8", newline="") as file:
        csv.DictWriter(file, list(rows[0]), lineterminator="\n").writerow(rows[0] | changed)


def policy_of(world: World, shipment: str) -> Resolution:
    """What the order's money goes by."""
    terms = resolution(world, shipment)
    key = tables.group(terms.group_id)
    return frozen(terms.group_id, world.store.read([key])[key]["policies"], terms.policy_version)


def test_every_group_of_the_demo_has_resolved_what_its_money_needs(world: World) -> None:
    bring(world, DEMO)
    groups = world.store.page(Table.REGISTRY, tables.group("").pk).items
    found = [Resolution.of(group["group_id"], policy) for group in groups for policy in group["policies"]]
    assert [(one.payout_basis, one.agency_fee_basis, one.agency_fee, one.fund_ppm) for one in found] == [
        ("SALE_SHARE", "ppm_of_net", 80_000, 50_000),
        ("SALE_SHARE", "ppm_of_taxable", 60_000, 100_000),
        ("FIXED_PER_PIECE", "fixed_per_unit", 0, 0),
        ("SALE_SHARE", "fixed_per_unit", 1_250, 50_000),
        ("SALE_SHARE", "ppm_of_net", 100_000, 0),
    ]


def test_a_resolution_of_april_does_not_touch_a_sale_of_march(world: World, folder: Path) -> None:
    bring(world, folder)
    resolve(folder, **{"from": "2027-04-01", "agency_fee": "9%", "minutes_ref": "Register 3, page 30"})
    report = bring(world, folder)
    assert report.problems == []
    assert [(entry.kind, entry.what) for entry in report.changes][0] == ("groups", "policies")
    for shipment, day in (("S1", "2027-03-31T23:59:59+05:30"), ("S2", "2027-04-01T00:00:00+05:30")):
        world.post(created(shipment, item("BGP-TSR-STOLE", 1, orderDate=day)))
    world.settle()
    assert (policy_of(world, "S1").agency_fee, policy_of(world, "S2").agency_fee) == (80_000, 90_000)
    assert policy_of(world, "S2").minutes_ref == "Register 3, page 30"
    assert bring(world, folder).nothing_to_do


def test_what_was_resolved_in_the_past_is_refused_and_nothing_is_written(world: World, folder: Path) -> None:
    bring(world, folder)
    change(folder, "resolutions", "8%,5%", "9%,5%")
    change(folder, "skus", "Kullu cap", "Himachal cap")
    before = world.store.everything()
    [problem] = bring(world, folder).problems
    assert (problem.file, problem.row, problem.column) == ("resolutions.csv", 2, "agency_fee")
    assert world.store.everything() == before


def waits(world: World, order_ref: str, group_id: str, kind: str = "UNRESOLVED") -> None:
    """A line's money waits for what its group has to resolve."""
    cause = (order_ref, "1")
    open_exception(
        world.store, kind, cause, at=world.now, message="?", order_ref=order_ref, group_id=group_id, line_id="1"
    )


def test_what_waits_for_a_resolution_is_computed_again(world: World, folder: Path, tmp_path: Path) -> None:
    """An installation from before there were resolutions, and money that came in."""
    resolutions_csv = (folder / "resolutions.csv").rename(tmp_path / "later.csv")
    bring(world, folder)
    world.settle()
    waits(world, "flipkart:demo:S1", "G01")
    waits(world, "flipkart:demo:S2", "G02")
    waits(world, "flipkart:demo:S3", "G01", kind="RATE_GAP")
    small = tmp_path / "small"
    small.mkdir()
    lines = resolutions_csv.read_text(encoding="utf-8").splitlines(True)
    (small / "resolutions.csv").write_text("".join(lines[:2]), encoding="utf-8")
    assert bring(world, small, dry_run=True).recomputed == 1
    assert world.queues.empty
    for _ in range(2):
        # The second one finds it still waiting, as after an import that broke before it sent anything.
        assert bring(world, small).recomputed == 1
        [(body, _)] = world.queues.taken(QueueName.PAYOUTS)
        assert ComputePayout.model_validate_json(body) == ComputePayout(order_ref="flipkart:demo:S1", line_id="1")
    (small / "resolutions.csv").write_text(lines[0] + lines[2], encoding="utf-8")
    assert (bring(world, small).recomputed, bring(world, folder).recomputed) == (1, 1)


def real(folder: Path) -> None:
    change(folder, "agency", ",yes", ",no")


@pytest.mark.parametrize("demo", [True, False])
def test_a_rate_that_nobody_approved_is_refused_where_money_is_real(world: World, folder: Path, demo: bool) -> None:
    """On a stack of production; and for a real agency also on one whose texts reach nobody."""
    real(folder)
    change(folder, "rates", 'any zone",order,,,Asha Devi,Meena Kumari', 'any zone",order,,,Asha Devi,')
    [problem] = bring(world, folder, demo=demo).problems
    assert (problem.file, problem.row, problem.column) == ("rates.csv", 11, "approved_by")
    assert "production takes no rate that nobody has approved" in problem.message
    assert world.store.everything() == {}
    change(folder, "rates", 'any zone",order,,,Asha Devi,', 'any zone",order,,,Asha Devi,Meena Kumari')
    assert bring(world, folder, demo=demo).problems == []


def test_a_demo_may_try_drafts(world: World, folder: Path) -> None:
    change(folder, "rates", "Meena Kumari", "")
    assert bring(world, folder).problems == []


def test_a_draft_from_before_holds_until_it_changes(world: World, folder: Path) -> None:
    change(folder, "rates", "Meena Kumari", "")
    bring(world, folder)
    real(folder)
    report = bring(world, folder)
    assert report.problems == []
    assert {warning.column for warning in report.warnings} == {"approved_by"}
    assert len(report.warnings) == report.rows["rates"]
    change(folder, "rates", "ppm_of_price,20000", "ppm_of_price,21000")
    [problem] = bring(world, folder).problems
    assert (problem.row, problem.column) == (9, "approved_by")
    world.post(created("S1", item("BGP-TSR-STOLE", 1)))
    world.post(step("S1", "delivered"))
    world.settle()
    assert world.exceptions() == []
