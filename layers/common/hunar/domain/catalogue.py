"""The agency's catalogue: what a folder of CSV files says, checked and joined with what is registered.

Nothing is half imported: the files become a plan, or a list of problems that names file, row and
column. Ids stay text. What is dated is never rewritten for the past: a group's policy gets versions,
and a listing keeps its mappings with the day from which each holds.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final

from hunar.domain import contact, policies, rate_card, rate_file, sms_text
from hunar.domain.channel import Account
from hunar.domain.facts import LEFT, instant, moment
from hunar.domain.money import PPM, rupees
from hunar.domain.notification import SLOTS
from hunar.domain.policies import Refused
from hunar.domain.rate_card import AGENCY, GOVERNMENT, IST
from hunar.domain.resolution import AT_PURCHASE, BASES, Bearer, FeeBasis, Keeper
from hunar.domain.sms_text import LOCALES, Words
from hunar.domain.spreadsheet import SAVE_AS, Problem, Record, damage, read_table
from hunar.domain.text_kinds import FORMS

Item = dict[str, Any]
Items = Mapping[str, Mapping[str, Item]]
"""Registry items by kind (the file's name without ``.csv``) and id."""

MANNERS: Final = ("quiet", "digest_minutes", "texts_a_day", "amounts")
"""What a group may want of its texts. How each is kept, and what is usual, is said in ``domain/manners.py``."""

_COLUMN_OF: Final[Mapping[str, str]] = {"fund_ppm": "fund", "recovery_ppm": "recovery"}
"""How a clause of a resolution is called where it is written as people write it."""

COLUMNS: Final[Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "agency": (("name", "dlt_entity_id", "sender_id", "demo"), ()),
    "accounts": (
        ("marketplace", "account"),
        ("seller_id", "application_id", "subscription_id", "location_id", "gstin"),
    ),
    "groups": (
        ("group_id", "name", "city", "locale", "policy_from", "fulfilment_mode", "payout_basis"),
        (*MANNERS, "women"),
    ),
    "resolutions": (
        ("group_id", "from", *(_COLUMN_OF.get(clause, clause) for clause in policies.CLAUSES)),
        (),
    ),
    "contacts": (("group_id", "slot", "name", "phone"), ("role", "locale")),
    "members": (("group_id", "member", "weight", "from"), ("to",)),
    "skus": (
        ("sku", "group_id", "hsn", "name_en"),
        (*(f"name_{locale}" for locale in LOCALES if locale != "en"), "piece_price", "low_at"),
    ),
    "listings": (("marketplace", "account", "listing", "sku"), ("from", "product_id", "product_type")),
    "rates": (rate_file.REQUIRED, rate_file.OPTIONAL),
    "dlt_templates": (("kind", "locale", "template_id"), ("version", "provider_template")),
    "stock": (("sku", "quantity", "act_id"), ("at",)),
}
"""Each kind of file with the columns that it must have and may have."""

ROLES: Final[Mapping[str, str]] = {"leader": "leader", "second": "literate_member", "third": "resource_person"}
"""Who a contact in each slot usually is."""
FULFILMENT_MODES: Final = ("GROUP_PACKS", "HUB_PACKS")
BY_PIECE: Final = frozenset({"FIXED_PER_PIECE", "BOUGHT_OUTRIGHT"})

WORKBOOKS: Final = (".xls", ".xlsx", ".ods")
"""What a spreadsheet keeps its sheets in. Only what was saved as CSV is imported."""

MOST_PAISE: Final = 1_000_000_000
MOST_UNITS: Final = 1_000_000
MOST_WOMEN: Final = 10_000
"""In one group, with room for a federation that is entered as one."""
MOST_WEIGHTS: Final = 1_000
"""Of one group's members, so that they are one item."""
SHORT_NAME: Final = 14
"""UTF-16 units of a product's name; a longer one is cut where a text says more than that."""

_CODE: Final = (
    r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}",
    "a code of at most 40 letters, digits, dots, dashes and underscores",
)
_MARKETPLACE: Final = (r"[a-z][a-z0-9_-]{0,39}", "a marketplace's name in small letters, e.g. flipkart")
_ACCOUNT: Final = (r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}", "an account's name of letters, digits, dashes and underscores")
_HSN: Final = (r"[0-9]{4}|[0-9]{6}|[0-9]{8}", "an HSN code of 4, 6 or 8 digits (a spreadsheet drops a leading zero)")
DLT_ID: Final = (r"[0-9]{19}", "a DLT id of 19 digits")
_VERSION: Final = (r"[1-9][0-9]{0,2}", "the number of a text's version, from 1")
_PROVIDER_TEMPLATE: Final = (r"[!-~]{1,100}", "the provider's own id of the text, without spaces")
_SENDER: Final = (r"[A-Za-z]{6}", "a DLT header of 6 letters")
_TEXT: Final = (r".{1,60}", "a text of at most 60 characters")
_MEMBER: Final = (r"[^@]{1,40}", "the member's code or first name, as the group gives it, of at most 40 characters")
MOST_DIGITS: Final = 4
"""In what a member is called: a phone or an account has more."""
_LISTING: Final = (r".{1,200}", "the marketplace's name for the product, at most 200 characters")
_BESIDES: Final[Mapping[str, tuple[str, str]]] = {
    "seller_id": (r"[A-Za-z0-9]{1,40}", "the marketplace's id of the seller, of letters and digits"),
    "application_id": (r"[!-~]{1,200}", "the id of the application, without spaces, e.g. amzn1.sellerapps.app.…"),
    "subscription_id": (r"[!-~]{1,100}", "the id of the subscription to notifications, without spaces"),
    "location_id": (r"[A-Za-z0-9_-]{1,60}", "the id of the place that goods are dispatched from, e.g. LOC0123456789"),
    "gstin": (
        r"[0-9]{2}[A-Z]{5}[0-9]{4}[A-Z][0-9A-Z]{3}",
        "the GSTIN of the seller of record, of 15 capitals and digits",
    ),
    "product_id": (r"[A-Z0-9]{8,20}", "the marketplace's id of the product in capitals and digits (Flipkart: the FSN)"),
    "product_type": (r"[A-Z0-9_]{1,80}", "Amazon's type of the product in capitals, e.g. SCARF"),
}
"""What accounts and listings may have besides, for their marketplace's API. An empty cell leaves what is registered."""
_ACT: Final = (r"[!-~]{1,64}", "an id of at most 64 letters, digits and signs without spaces")
_PERCENT: Final = re.compile(r"(0|[1-9][0-9]{0,2})(?:\.([0-9]{1,4}))? ?%")
_FEE_CODE: Final = (r"[a-z][a-z0-9_]{0,39}", "the code of a fee in small letters and underscores")
_WHOLE: Final = re.compile(r"[+-]?[0-9]{1,9}")
_AMOUNT: Final = re.compile(r"([0-9]+|[0-9]{1,3}(,[0-9]{3})+|[0-9]{1,2}(,[0-9]{2})*,[0-9]{3})(\.[0-9]{1,2})?")
_DAY: Final = re.compile(r"20[0-9]{2}-[0-9]{2}-[0-9]{2}")
_QUIET: Final = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9]) ?[-\u2013] ?([01]?[0-9]|2[0-3]):([0-5][0-9])")

_REFERRED: Final = {"groups": ("group_id",), "skus": ("sku",), "accounts": ("marketplace", "account")}
"""Kinds that others refer to, with the columns of their id."""


@dataclass(frozen=True)
class Act:
    """Units that were counted in (or out, negative), once per ``act_id``."""

    sku: str
    quantity: int
    act_id: str
    at: str | None
    """RFC 3339 in UTC; None when the file does not say."""
    row: int


@dataclass
class Folder:
    """What the files hold, each by itself, before it is compared with anything."""

    records: dict[str, list[Record]]
    problems: list[Problem]
    unreadable: frozenset[str]
    """Kinds of which not all was read, for want of a usable heading or of one file: nothing can be said about what
    refers to them."""
    warnings: list[Problem] = field(default_factory=list)

    def values(self, kind: str, *columns: str) -> set[str]:
        """The ids that the rows of a kind name, also those of rows with other faults."""
        return {" ".join(record.cells.get(name, "") for name in columns) for record in self.records.get(kind, [])}

    @property
    def acts(self) -> set[tuple[str, str]]:
        """(sku, act_id) of every row of stock.csv."""
        return {(record.cells["sku"], record.cells["act_id"]) for record in self.records.get("stock", [])}


@dataclass
class Plan:
    """What the registry should hold after the import. Use it only when there are no problems."""

    items: dict[str, dict[str, Item]] = field(default_factory=dict)
    acts: list[Act] = field(default_factory=list)
    """Only those that were not counted before."""
    counted: int = 0
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)


def identity(kind: str, item: Mapping[str, Any]) -> str:
    """An item's id among those of its kind, as a person reads it."""
    match kind:
        case "agency":
            return "agency"
        case "accounts":
            return f"{item['marketplace']}/{item['account']}"
        case "groups" | "members":
            return str(item["group_id"])
        case "contacts":
            return f"{item['group_id']} {item['slot']}"
        case "skus":
            return str(item["sku"])
        case "listings":
            return f"{item['marketplace']}/{item['account']}/{item['listing']}"
        case "rates":
            return f"{item['scope']}/{item['row_id']}"
        case "dlt_templates":
            return f"{item['kind']} {item['locale']}"
    raise KeyError(kind)


def account_of(item: Mapping[str, Any]) -> Account:
    """The account that a registry item describes."""
    known = {name: str(item[name]) for name in COLUMNS["accounts"][1] if item.get(name)}
    return Account(item["marketplace"], item["account"], **known)


def mapped_now(listing: Mapping[str, Any], now: str) -> Item:
    """The mapping of a listing that holds at a moment; the first one also before its day."""
    mappings: list[Item] = listing["mappings"]
    begun = [mapping for mapping in mappings if mapping["from"] <= day_in_india(now)]
    return (begun or mappings)[-1 if begun else 0]


def read_folder(files: Mapping[str, bytes]) -> Folder:
    """Reads files by name. A CSV file of another name is a problem: a slip of the pen must not be overlooked.

    A workbook beside CSV files is what they were saved from, and only pointed at.
    """
    folder = Folder({}, [], frozenset())
    named: dict[str, str] = {}
    workbooks = [name for name in sorted(files) if name.lower().endswith(WORKBOOKS)]
    for name in sorted(files.keys() - set(workbooks)):
        kind = name.lower().removesuffix(".csv")
        if kind not in COLUMNS:
            known = ", ".join(f"{known}.csv" for known in COLUMNS)
            folder.problems.append(Problem(name, None, None, f"is none of the files that are imported: {known}"))
            continue
        if kind in named:
            folder.problems.append(Problem(name, None, None, f"is {kind}.csv a second time, beside {named[kind]}"))
            folder.unreadable |= {kind}
            continue
        named[kind] = name
        required, optional = COLUMNS[kind]
        records, problems = read_table(name, files[name], required, optional)
        folder.problems += problems
        if problems and not records:
            folder.unreadable |= {kind}
        folder.records[kind] = records
    told = folder.warnings if named else folder.problems
    told += [Problem(name, None, None, f"is a workbook, which is not read; {SAVE_AS}") for name in workbooks]
    if not files:
        folder.problems.append(Problem("", None, None, "there is no CSV file in the folder"))
    return folder


def day_in_india(now: str) -> str:
    """The calendar day in India of a moment."""
    return moment(now).astimezone(IST).date().isoformat()


def plan(
    folder: Folder,
    registered: Items,
    counted: Mapping[tuple[str, str], int],
    *,
    now: str,
    words: Callable[[str], Words],
) -> Plan:
    """Joins the folder with what is registered.

    ``counted`` holds the quantity of each (sku, act_id) that was counted before, ``words`` gives those of
    a language's texts. Items that are registered and not in the folder stay as they are, except for the
    resolutions of listings.
    """
    made = Plan(problems=list(folder.problems), warnings=list(folder.warnings))
    reader = _Reader(folder, registered, made, now, words)
    reader.read(counted)
    return made


def resolutions(
    mappings: Sequence[Mapping[str, Any]], groups: Mapping[str, Item], skus: Mapping[str, Item]
) -> list[Item]:
    """What an order takes for a listing, by the moment from which it holds, sorted.

    All combinations of the listing's mappings and its groups' policies. ``from`` is the beginning of
    the day in India, in UTC, so that it compares with a time of sale. The first entry holds for all
    earlier sales.
    """
    found: list[Item] = []
    for place, mapping in enumerate(mappings):
        sku = skus[mapping["sku"]]
        policies = groups[sku["group_id"]]["policies"]
        begins = mapping["from"] if place else ""
        ends = mappings[place + 1]["from"] if place + 1 < len(mappings) else "9999"
        held = [policy for policy in policies if policy["from"] <= begins] or policies[:1]
        # The first mapping and the first policy hold for everything before them.
        start = begins or min(mapping["from"], policies[0]["from"])
        later = [policy for policy in policies if begins < policy["from"] < ends and policy is not held[-1]]
        found += [_terms(start, sku, held[-1]), *(_terms(policy["from"], sku, policy) for policy in later)]
    return found


def _terms(day: str, sku: Mapping[str, Any], policy: Mapping[str, Any]) -> Item:
    return {
        "from": instant(datetime.combine(date.fromisoformat(day), datetime.min.time(), IST)),
        "sku": sku["sku"],
        "group_id": sku["group_id"],
        "fulfilment_mode": policy["fulfilment_mode"],
        "payout_basis": policy["payout_basis"],
        "policy_version": policy["version"],
        "hsn": sku["hsn"],
        "piece_price_paise": sku["piece_price_paise"] if policy["payout_basis"] in BY_PIECE else None,
    }


class _Row:
    """Takes the cells of one row and remembers what is wrong with them."""

    def __init__(self, file: str, record: Record, made: Plan) -> None:
        self._file, self._cells, self.number = file, record.cells, record.row
        self._made = made
        self.good = True

    def wrong(self, column: str, message: str) -> None:
        self.good = False
        self._made.problems.append(Problem(self._file, self.number, column, message))

    def warn(self, column: str, message: str) -> None:
        self._made.warnings.append(Problem(self._file, self.number, column, message))

    def given(self, column: str) -> bool:
        return bool(self._cells.get(column))

    def named(self, column: str) -> bool:
        """Whether the heading has the column: then an empty cell says something, too."""
        return column in self._cells

    def text(self, column: str, rule: tuple[str, str]) -> str:
        pattern, wanted = rule
        value = self._cells.get(column, "")
        if not value:
            self.wrong(column, f"is missing: {wanted}")
        elif harm := damage(value):
            self.wrong(column, harm)
        elif not re.fullmatch(pattern, value):
            self.wrong(column, f"{value!r} is not {wanted}")
        return value

    def besides(self, *columns: str) -> Item:
        """Those of the columns that have a value."""
        return {column: self.text(column, _BESIDES[column]) for column in columns if self.given(column)}

    def dlt_id(self, column: str) -> str:
        value = self.text(column, DLT_ID)
        if value.endswith("0000"):
            self.warn(
                column, f"{value} ends in zeros; a spreadsheet keeps only the first 15 digits of a number: compare it"
            )
        return value

    def yes(self, column: str) -> bool:
        value = self._cells.get(column, "").lower()
        if value not in ("yes", "no", "true", "false"):
            self.wrong(column, f"{value!r} is not yes or no" if value else "is missing: yes or no")
        return value in ("yes", "true")

    def choice(self, column: str, choices: Collection[str]) -> str:
        value = self._cells.get(column, "")
        if value not in choices:
            said = f"{value!r} is not one of" if value else "is missing:"
            self.wrong(column, f"{said} {', '.join(choices)}")
        return value

    def day(self, column: str) -> str:
        value = self._cells.get(column, "")
        try:
            if not _DAY.fullmatch(value):
                raise ValueError
            return date.fromisoformat(value).isoformat()
        except ValueError:
            said = f"{value!r} is not" if value else "is missing:"
            self.wrong(column, f"{said} a day like 2026-04-01 (a spreadsheet may have rewritten it; format it as Text)")
            return "9999-12-31"

    def whole(self, column: str) -> int:
        value = self._cells.get(column, "")
        harm = damage(value, number=True)
        if harm or not _WHOLE.fullmatch(value) or abs(int(value)) > MOST_UNITS:
            said = f"{value!r} is not" if value else "is missing:"
            self.wrong(column, harm or f"{said} a whole number of units up to {MOST_UNITS}")
            return 0
        return int(value)

    def between(self, column: str, least: int, most: int) -> int:
        value = self._cells.get(column, "")
        harm = damage(value, number=True)
        if harm or not (_WHOLE.fullmatch(value) and least <= int(value) <= most):
            self.wrong(column, harm or f"{value!r} is not a whole number from {least} to {most}")
            return least
        return int(value)

    def quiet(self, column: str) -> str:
        """Two times of day such as ``21:00-07:00``; nothing for the word ``none``."""
        value = self._cells.get(column, "")
        if value.lower() == "none":
            return ""
        found = _QUIET.fullmatch(value)
        begin, end = (f"{found[1]:0>2}:{found[2]}", f"{found[3]:0>2}:{found[4]}") if found else ("", "")
        if begin == end:
            self.wrong(column, f"{value!r} is not two times of day like 21:00-07:00, and not the word none")
        return f"{begin}-{end}"

    def paise(self, column: str, least: int = 1) -> int | None:
        """An amount in rupees such as ``1,499.00``, of ``least`` paise; None for an empty cell."""
        value = self._cells.get(column, "")
        if not value:
            return None
        harm = damage(value, number=True)
        if harm or not _AMOUNT.fullmatch(value):
            self.wrong(column, harm or f"{value!r} is not an amount in rupees like 1,499.00")
            return None
        whole, _, part = value.replace(",", "").partition(".")
        paise = int(whole) * 100 + int(part.ljust(2, "0") or "0")
        if not least <= paise <= MOST_PAISE:
            self.wrong(column, f"{value} is not an amount from {rupees(least)} to {rupees(MOST_PAISE)}")
        return paise

    def percent(self, column: str) -> int:
        """A part of the whole as ``8.5%``, in parts per million."""
        value = self._cells.get(column, "")
        found = _PERCENT.fullmatch(value)
        ppm = int(found[1]) * 10_000 + int((found[2] or "").ljust(4, "0")) if found else 0
        if found is None or ppm > PPM:
            said = f"{value!r} is not" if value else "is missing:"
            self.wrong(column, damage(value, number=True) or f"{said} a percentage up to 100% with its sign, like 8.5%")
        return ppm

    def listed(self, column: str, rule: tuple[str, str]) -> list[str]:
        """Values with semicolons between them, each once; none for an empty cell."""
        pattern, wanted = rule
        values = [value.strip() for value in self._cells.get(column, "").split(";")]
        found: list[str] = []
        for value in filter(None, values):
            if not re.fullmatch(pattern, value):
                self.wrong(column, f"{value!r} is not {wanted}; several have semicolons between them")
            elif value.casefold() in map(str.casefold, found):
                self.wrong(column, f"{value} stands there twice")
            found.append(value)
        return found

    def phone(self, column: str) -> str:
        """``+91`` and ten digits, from the ways in which people write an Indian mobile number."""
        value = self._cells.get(column, "")
        digits = re.sub(r"[ ()./-]", "", value)
        found = re.fullmatch(r"(?:\+91|0091|91|0)?([6-9][0-9]{9})", digits)
        if found is None or damage(value):
            said = f"{value!r} is not" if value else "is missing:"
            self.wrong(column, damage(value) or f"{said} an Indian mobile number: ten digits that begin with 6 to 9")
            return ""
        return f"+91{found[1]}"

    def moment(self, column: str) -> str | None:
        value = self._cells.get(column, "")
        try:
            return instant(moment(value)) if value else None
        except ValueError:
            self.wrong(column, f"{value!r} is not a time with an offset like 2026-11-24T15:00:00+05:30")
            return None


class _Reader:
    """One kind after the other, each checked against those before it."""

    def __init__(self, folder: Folder, registered: Items, made: Plan, now: str, words: Callable[[str], Words]) -> None:
        self._folder, self._registered, self._made = folder, registered, made
        self._now, self._today = now, day_in_india(now)
        self._words = words
        self._rows: dict[tuple[str, str], int] = {}
        """The row of the file that says what an id is."""
        self._named: dict[str, set[str]] = {}

    def read(self, counted: Mapping[tuple[str, str], int]) -> None:
        self._single("rates", self._rate)
        self._check_rates()
        self._single("dlt_templates", _dlt_template)
        self._single("agency", _agency)
        self._single("accounts", self._account)
        self._check_sellers()
        self._groups()
        self._resolutions()
        self._members()
        self._single("contacts", self._contact)
        self._single("skus", self._sku)
        self._listings()
        self._check_groups()
        self._stock(counted)

    # the kinds

    def _rate(self, row: _Row, record: Record) -> Item | None:
        try:
            return rate_card.row_from_csv(record.cells)
        except rate_card.FieldError as error:
            row.wrong(error.field, error.message)
            return None

    def _check_rates(self) -> None:
        """The card as it will be: the file's rows, then the registered ones that it does not mention."""
        items = self._made.items["rates"]
        rows = [
            (self._rows["rates", identity], item)
            for identity, item in items.items()
            if ("rates", identity) in self._rows
        ]
        if len(rows) < len(self._folder.records.get("rates", [])) or "rates" in self._folder.unreadable:
            return
        last = max((number for number, _ in rows), default=0)
        scopes = {item["scope"] for _, item in rows}
        rest = [
            item
            for identity, item in items.items()
            if ("rates", identity) not in self._rows and item["scope"] in scopes
        ]
        names = {last + place: item["row_id"] for place, item in enumerate(rest, 1)}
        for number, column, message in rate_card.check([*rows, *((last + n, item) for n, item in enumerate(rest, 1))]):
            if number in names:
                self._problem("rates", None, column, f"the registered row {names[number]}: {message}")
            else:
                self._problem("rates", number, column, message)

    def _groups(self) -> None:
        groups: dict[str, Item] = {key: dict(item) for key, item in self._registered.get("groups", {}).items()}
        seen: set[tuple[str, str]] = set()
        for row, _ in self._each("groups"):
            group_id = row.text("group_id", _CODE)
            described = {
                "group_id": group_id,
                "name": row.text("name", _TEXT),
                "city": row.text("city", _TEXT),
                "locale": row.choice("locale", LOCALES),
            }
            wishes = _wishes(row)
            women = row.between("women", 1, MOST_WOMEN) if row.given("women") else None
            policy: Item = {
                "from": row.day("policy_from"),
                "fulfilment_mode": row.choice("fulfilment_mode", FULFILMENT_MODES),
                "payout_basis": row.choice("payout_basis", BASES),
            }
            if not row.good:
                continue
            first = self._rows.setdefault(("groups", group_id), row.number)
            if (group_id, policy["from"]) in seen:
                row.wrong("policy_from", f"{group_id} has a policy from {policy['from']} in another row already")
                continue
            seen.add((group_id, policy["from"]))
            if first != row.number:
                for name, value in described.items():
                    if groups[group_id][name] != value:
                        row.wrong(name, f"{value} differs from row {first}: {groups[group_id][name]}")
            counted = self._women(row, groups.get(group_id, {}).get("women"), women, first)
            manners = self._manners(row, groups.get(group_id, {}).get("manners", {}), wishes, first)
            there = groups.get(group_id, {}).get("policies", [])
            fixed = self._registered.get("groups", {}).get(group_id, {}).get("policies", [])
            groups[group_id] = described | {"manners": manners, "policies": self._amended(row, fixed, there, policy)}
            if counted is not None:
                groups[group_id]["women"] = counted
        self._made.items["groups"] = groups

    def _women(self, row: _Row, before: int | None, women: int | None, first: int) -> int | None:
        """How many members the group has. A column that is left out changes nothing, and in a row for one more policy
        an empty cell does not either."""
        if row.number == first:
            return women if row.named("women") else before
        if None not in (before, women) and before != women:
            row.wrong("women", f"{women} differs from an earlier row of the group: {before}")
        return women if women is not None else before

    def _manners(self, row: _Row, before: Item, wishes: Item, first: int) -> Item:
        """What the group wants of its texts where that is not the usual. A column that is left out changes nothing, and
        in a row for one more policy an empty cell does not either."""
        if row.number == first:
            return {name: before[name] for name in MANNERS if name in before and not row.named(name)} | wishes
        for name, value in wishes.items():
            if before.get(name, value) != value:
                row.wrong(name, f"{_typed(value)} differs from an earlier row of the group: {_typed(before[name])}")
        return before | wishes

    def _amended(self, row: _Row, fixed: Sequence[Item], there: Sequence[Item], policy: Item) -> list[Item]:
        """The policies with one more. A registered one that has begun, and the first one, hold as they are."""
        same = next((old for old in there if old["from"] == policy["from"]), None)
        if same is not None and policies.said(same) == policy:
            return list(there)
        day = policy["from"]
        if fixed and (day < self._today or day <= fixed[0]["from"] or (same is not None and day == self._today)):
            held = [old for old in fixed if old["from"] <= day] or list(fixed[:1])
            row.wrong(
                "policy_from",
                f"for {day} {held[-1]['fulfilment_mode']} and {held[-1]['payout_basis']} are registered, and sales "
                f"were made under them; a change begins {self._today} or later, on a day without a policy",
            )
            return list(there)
        return policies.replaced(there, policy)

    def _resolutions(self) -> None:
        """What groups resolved about their money becomes part of their policies; the day decides of which."""
        groups, registered = self._made.items["groups"], self._registered.get("groups", {})
        read: list[tuple[str, str, _Row, Item]] = []
        first: dict[tuple[str, str], int] = {}
        for row, _ in self._each("resolutions"):
            group_id, day = row.text("group_id", _CODE), row.day("from")
            self._refers(row, "group_id", "groups", group_id)
            terms = _resolution(row, day, self._today)
            if row.good and first.setdefault((group_id, day), row.number) != row.number:
                row.wrong("from", f"{group_id} resolved from {day} in row {first[group_id, day]} already")
            if row.good:
                self._rows.setdefault(("resolutions", group_id), row.number)
                read.append((group_id, day, row, terms))
        # By day, not by row: a resolution finds the version that the one before it began.
        for group_id, day, row, terms in sorted(read, key=lambda entry: entry[:2]):
            if group_id in groups:
                self._take(row, groups[group_id], day, terms)
        for group_id, group in groups.items():
            if ("groups", group_id) in self._rows or ("resolutions", group_id) in self._rows:
                fixed = registered.get(group_id, {}).get("policies", [])
                group["policies"] = policies.carried(fixed, group["policies"], self._today)
                self._warn_of_unresolved(group_id, group["policies"])

    def _take(self, row: _Row, group: Item, day: str, terms: Item) -> None:
        fixed = self._registered.get("groups", {}).get(group["group_id"], {}).get("policies", [])
        try:
            group["policies"] = policies.resolved(fixed, group["policies"], day, terms, self._today)
        except Refused as refused:
            for column in refused.columns:
                row.wrong(_COLUMN_OF.get(column, column), str(refused))
            return
        basis = next(policy for policy in group["policies"] if policy["from"] == day)["payout_basis"]
        if basis not in BY_PIECE and terms["paid_on"] == AT_PURCHASE:
            row.wrong("paid_on", f"{AT_PURCHASE} is for goods that are paid by the piece; from {day} it is {basis}")
        codes = {
            item["code"] for item in self._made.items["rates"].values() if item["scope"] not in (GOVERNMENT, AGENCY)
        }
        for column in ("penalty_fees", "return_fees"):
            if unknown := [code for code in terms[column] if codes and code not in codes]:
                row.warn(column, f"{', '.join(unknown)}: no rate card has such a fee; is it a slip of the pen?")

    def _warn_of_unresolved(self, group_id: str, versions: Sequence[Item]) -> None:
        kind = "groups" if ("groups", group_id) in self._rows else "resolutions"
        if (days := policies.unresolved(versions)) and "resolutions" not in self._folder.unreadable:
            column = "policy_from" if kind == "groups" else "from"
            message = f"{group_id} has not resolved what its money needs for its policy from {', '.join(days)}"
            self._warn(kind, self._rows[kind, group_id], column, f"{message} (resolutions.csv): till then it waits")

    def _members(self) -> None:
        """Weights of groups' members. Another weight from the same day takes the place of the one before."""
        registered = self._registered.get("members", {})
        found = {
            key: {(one["member"], one["from"]): one for one in item["members"]} for key, item in registered.items()
        }
        first: dict[tuple[str, str, str], int] = {}
        for row, _ in self._each("members"):
            group_id, member = row.text("group_id", _CODE), row.text("member", _MEMBER)
            self._refers(row, "group_id", "groups", group_id)
            since = row.day("from")
            said: Item = {
                "member": member,
                "weight": row.between("weight", 0, MOST_UNITS),
                "from": since,
                "to": row.day("to") if row.given("to") else "",
            }
            if sum(letter.isdigit() for letter in member) > MOST_DIGITS:
                row.wrong("member", f"has more than {MOST_DIGITS} digits: no phone and no account belongs here")
            if said["to"] and said["to"] < since:
                row.wrong("to", f"{said['to']} is before {since}")
            if not row.good:
                continue
            if first.setdefault((group_id, member, since), row.number) != row.number:
                row.wrong("from", f"{member} has a weight from {since} in row {first[group_id, member, since]} already")
            found.setdefault(group_id, {})[member, since] = said
        for (group_id, member, since), number in first.items():
            earlier = {day: one for (name, day), one in found[group_id].items() if name == member and day < since}
            for day, one in earlier.items():
                if since <= one["to"]:
                    told = (
                        f"{member} has the weight {one['weight']} from {day} to {one['to']}: give that an earlier end"
                    )
                    self._problem("members", number, "from", told)
            later = {day for name, day in found[group_id] if name == member and day > since}
            for day in sorted(later):
                # Where both stand in the file, the later one's row is named already.
                if day <= found[group_id][member, since]["to"] and (group_id, member, day) not in first:
                    self._problem("members", number, "to", f"{member} has another weight from {day} on")
        for group_id, weights in found.items():
            rows = [number for (group, _, _), number in first.items() if group == group_id]
            if len(weights) > MOST_WEIGHTS and rows:
                told = f"{group_id} has {len(weights)} weights, and at most {MOST_WEIGHTS} are kept"
                self._problem("members", rows[-1], "group_id", told)
        self._made.items["members"] = {
            group_id: {"group_id": group_id, "members": [one for _, one in sorted(weights.items())]}
            for group_id, weights in found.items()
        }

    def _account(self, row: _Row, record: Record) -> Item:
        item = {"marketplace": row.text("marketplace", _MARKETPLACE), "account": row.text("account", _ACCOUNT)}
        before = self._registered.get("accounts", {}).get(identity("accounts", item), {})
        return {**before, **item, **row.besides(*COLUMNS["accounts"][1])}

    def _check_sellers(self) -> None:
        """A marketplace's messages name a seller: it must lead to one account."""
        whose: dict[tuple[str, str], str] = {}
        for key, item in sorted(self._made.items["accounts"].items()):
            seller = item.get("seller_id")
            first = whose.setdefault((item["marketplace"], seller), key) if seller else key
            if first != key:
                row = self._rows.get(("accounts", key)) or self._rows.get(("accounts", first))
                self._problem("accounts", row, "seller_id", f"{seller} is both {first} and {key}")

    def _contact(self, row: _Row, record: Record) -> Item:
        group_id, slot = row.text("group_id", _CODE), row.choice("slot", SLOTS)
        self._refers(row, "group_id", "groups", group_id)
        item: Item = {"group_id": group_id, "slot": slot, "name": row.text("name", _TEXT)}
        before = self._registered.get("contacts", {}).get(identity("contacts", item), {})
        role = row.choice("role", sorted(ROLES.values())) if row.given("role") else ROLES.get(slot)
        locale = row.choice("locale", LOCALES) if row.given("locale") else None
        item["role"] = role if row.named("role") else before.get("role", role)
        item["locale"] = locale if row.named("locale") else before.get("locale")
        return item | contact.numbered(before, item, row.phone("phone"), now=self._now)

    def _sku(self, row: _Row, record: Record) -> Item:
        sku, group_id = row.text("sku", _CODE), row.text("group_id", _CODE)
        self._refers(row, "group_id", "groups", group_id)
        before = self._registered.get("skus", {}).get(sku)
        if before and before["group_id"] != group_id:
            row.wrong(
                "group_id",
                f"{sku} belongs to {before['group_id']}, which has its units on the shelf; "
                f"a product of {group_id} needs a code of its own",
            )
        columns = {locale: f"name_{locale}" for locale in LOCALES}
        names = {locale: row.text(column, _TEXT) for locale, column in columns.items() if row.given(column)}
        if "en" not in names:
            row.text("name_en", _TEXT)
        for name_locale, name in names.items():
            _warn_of_long(row, name_locale, name, self._words(name_locale))
        locale = self._made.items["groups"].get(group_id, {}).get("locale")
        if locale and locale not in names:
            row.warn(columns[locale], f"is empty: texts to {group_id} will say {names.get('en')}")
        piece_price = row.paise("piece_price")
        policies = self._made.items["groups"].get(group_id, {}).get("policies", [])
        if not row.given("piece_price") and any(policy["payout_basis"] in BY_PIECE for policy in policies):
            row.wrong("piece_price", f"is missing: {group_id} is paid by the piece")
        return {
            "sku": sku,
            "group_id": group_id,
            "hsn": row.text("hsn", _HSN),
            "names": names,
            "piece_price_paise": piece_price,
            "low_at": self._low_at(row, before or {}),
        }

    def _low_at(self, row: _Row, before: Item) -> int | None:
        if not row.named("low_at"):
            found: int | None = before.get("low_at")
            return found
        return row.between("low_at", 0, MOST_UNITS) if row.given("low_at") else None

    def _listings(self) -> None:
        listings: dict[str, Item] = {key: dict(item) for key, item in self._registered.get("listings", {}).items()}
        rows: dict[str, list[int]] = {}
        said: dict[tuple[str, str], tuple[int, str]] = {}
        for row, _ in self._each("listings"):
            item: Item = {
                "marketplace": row.text("marketplace", _MARKETPLACE),
                "account": row.text("account", _ACCOUNT),
                "listing": row.text("listing", _LISTING),
            }
            sku = row.text("sku", _CODE)
            self._refers(row, "account", "accounts", f"{item['marketplace']}/{item['account']}")
            self._refers(row, "sku", "skus", sku)
            day = row.day("from") if row.given("from") else None
            besides = row.besides("product_id", "product_type")
            if not row.good:
                continue
            key = identity("listings", item)
            self._rows.setdefault(("listings", key), row.number)
            for column, value in besides.items():
                first = said.setdefault((key, column), (row.number, value))
                if first[1] != value:
                    row.wrong(column, f"{value} differs from row {first[0]}: {first[1]}")
            others = rows.setdefault(key, [])
            mappings = listings.get(key, {}).get("mappings", [])
            if others and day is None:
                row.wrong("from", f"is missing: the listing stands in row {others[0]} too")
            elif day in self._days(others):
                row.wrong("from", f"the listing stands in row {others[0]} with the same day")
            else:
                mapped = self._mapped(row, mappings, sku, day)
                before = listings.get(key, {"resolutions": []})
                listings[key] = {**before, **item, **besides, "mappings": mapped}
            others.append(row.number)
        self._made.items["listings"] = listings
        self._resolve()

    def _days(self, rows: Collection[int]) -> set[str]:
        """The days that the given rows of listings.csv name."""
        return {record.cells.get("from", "") for record in self._folder.records["listings"] if record.row in rows}

    def _mapped(self, row: _Row, mappings: Sequence[Item], sku: str, day: str | None) -> list[Item]:
        """The mappings with one more. One may be corrected: an order keeps what it took from the registry."""
        if day is None:
            begun = [mapping for mapping in mappings if mapping["from"] <= self._today] or list(mappings[:1])
            if begun and begun[-1]["sku"] == sku:
                return list(mappings)
            if begun:
                since, now = begun[-1]["from"], begun[-1]["sku"]
                row.wrong("from", f"is missing: since {since} the listing is {now}; from which day is it {sku}?")
                return list(mappings)
            day = self._today
        same = next((mapping for mapping in mappings if mapping["from"] == day), None)
        if same is not None and same["sku"] != sku:
            message = f"was {same['sku']} from {day}; orders that have come in stay {same['sku']}"
            row.warn("sku", message)
        kept = [mapping for mapping in mappings if mapping["from"] != day]
        return sorted([*kept, {"from": day, "sku": sku}], key=lambda mapping: str(mapping["from"]))

    def _resolve(self) -> None:
        """Every listing's resolutions anew: a group's policy or a product may have changed."""
        if self._made.problems:
            return
        groups, skus = self._made.items["groups"], self._made.items["skus"]
        for item in self._made.items["listings"].values():
            item["resolutions"] = resolutions(item["mappings"], groups, skus)

    def _check_groups(self) -> None:
        """Whether each group of the folder can be told about an order and paid for it."""
        contacts, templates = self._made.items["contacts"], self._made.items["dlt_templates"]
        told = self._folder.values("contacts", "group_id", "slot")
        for key, group in self._made.items["groups"].items():
            row = self._rows.get(("groups", key))
            if row is None:
                continue
            if "contacts" not in self._folder.unreadable and f"{key} leader" not in {*contacts, *told}:
                self._problem("groups", row, "group_id", f"{key} has no leader in contacts.csv: nobody could be told")
            elif f"{key} second" not in contacts:
                self._warn("groups", row, "group_id", f"{key} has no second contact in contacts.csv")
            missing = [form for form in FORMS if f"{form} {group['locale']}" not in templates]
            if missing and "dlt_templates" not in self._folder.unreadable:
                self._warn(
                    "groups", row, "locale", f"no DLT template in {group['locale']} for {', '.join(missing)}: not told"
                )
            if any(policy["payout_basis"] in BY_PIECE for policy in group["policies"]):
                self._check_pieces(key, row)

    def _check_pieces(self, group_id: str, row: int) -> None:
        for sku, item in self._made.items["skus"].items():
            own = ("skus", sku) in self._rows
            if not own and item["group_id"] == group_id and item["piece_price_paise"] is None:
                message = f"{group_id} is paid by the piece, and {sku} is registered without a piece_price"
                self._problem("groups", row, "payout_basis", message)

    def _stock(self, counted: Mapping[tuple[str, str], int]) -> None:
        seen: dict[str, int] = {}
        for row, _ in self._each("stock"):
            sku, quantity, act_id = row.text("sku", _CODE), row.whole("quantity"), row.text("act_id", _ACT)
            self._refers(row, "sku", "skus", sku)
            if act_id in seen:
                row.wrong("act_id", f"{act_id} stands in row {seen[act_id]} already; each count needs an id of its own")
            seen.setdefault(act_id, row.number)
            before = counted.get((sku, act_id))
            if before is not None and before != quantity and row.good:
                row.wrong("act_id", f"{act_id} was counted with {before} before; another count needs a new act_id")
            at = row.moment("at")
            if row.good and before is None:
                self._made.acts.append(Act(sku, quantity, act_id, at, row.number))
            self._made.counted += int(before is not None)

    # what they share

    def _each(self, kind: str) -> Iterable[tuple[_Row, Record]]:
        for record in self._folder.records.get(kind, []):
            yield _Row(f"{kind}.csv", record, self._made), record

    def _single(self, kind: str, read: Callable[[_Row, Record], Item | None]) -> None:
        """Kinds of which each row is one item."""
        items = dict(self._registered.get(kind, {}))
        for row, record in self._each(kind):
            item = read(row, record)
            if item is None or not row.good:
                continue
            key = identity(kind, item)
            first = self._rows.setdefault((kind, key), row.number)
            if first != row.number:
                row.wrong(COLUMNS[kind][0][0], f"{key} stands in row {first} already")
            items[key] = item
        self._made.items[kind] = items

    def _refers(self, row: _Row, column: str, kind: str, key: str) -> None:
        """A reference must lead to the folder or to the registry."""
        if kind not in self._named:
            here = self._folder.values(kind, *_REFERRED[kind])
            self._named[kind] = {name.replace(" ", "/") for name in here} | self._registered.get(kind, {}).keys()
        if row.good and kind not in self._folder.unreadable and key not in self._named[kind]:
            row.wrong(column, f"{key} is neither in {kind}.csv nor registered")

    def _problem(self, kind: str, row: int | None, column: str | None, message: str) -> None:
        self._made.problems.append(Problem(f"{kind}.csv", row, column, message))

    def _warn(self, kind: str, row: int | None, column: str | None, message: str) -> None:
        self._made.warnings.append(Problem(f"{kind}.csv", row, column, message))


_ANOTHER: Final = "another product whose name is long"


def _warn_of_long(row: _Row, locale: str, name: str, words: Words) -> None:
    """A text has little room: what does not fit is cut, and the person who typed it must see how."""
    length = len(name.encode("utf-16-le")) // 2
    if length > SHORT_NAME:
        alone = sms_text.item_value([(2, name)], words)
        beside = sms_text.item_value([(2, name), (1, _ANOTHER)], words)
        said = f'a text says "{alone}", and with another product "{beside}"'
        row.warn(f"name_{locale}", f"is {length} long, more than {SHORT_NAME}: {said}")


def _wishes(row: _Row) -> Item:
    """What the row says of how the group wants its texts."""
    read: Mapping[str, Callable[[str], Any]] = {
        "quiet": row.quiet,
        "digest_minutes": lambda column: row.between(column, 0, 240),
        "texts_a_day": lambda column: row.between(column, 1, 1000),
        "amounts": row.yes,
    }
    return {name: read[name](name) for name in MANNERS if row.given(name)}


def _typed(value: Any) -> str:
    """A wish as it stands in a cell."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value) or "none"


def _dlt_template(row: _Row, record: Record) -> Item:
    """Which text an operator approved. The file's ``kind`` is its form; without a version it is the first."""
    return {
        "kind": row.choice("kind", FORMS),
        "locale": row.choice("locale", LOCALES),
        "template_id": row.dlt_id("template_id"),
        "version": int(row.text("version", _VERSION)) if row.given("version") else 1,
        "provider_template": row.text("provider_template", _PROVIDER_TEMPLATE)
        if row.given("provider_template")
        else None,
    }


def _resolution(row: _Row, day: str, today: str) -> Item:
    """The money clauses of a row. Nothing has a default: a cell that is empty is no resolution."""
    basis = row.choice("agency_fee_basis", tuple(FeeBasis))
    terms: Item = {
        "minutes_ref": row.text("minutes_ref", _TEXT),
        "minutes_date": row.day("minutes_date"),
        "agency_fee_basis": basis,
        "agency_fee": _agency_fee(row, basis),
        "fund_ppm": row.percent("fund"),
        **{name: row.choice(name, tuple(Keeper)) for name in ("itc", "tcs", "tds")},
        **{name: row.choice(name, tuple(Bearer)) for name in ("penalties", "returns", "lost")},
        "penalty_fees": row.listed("penalty_fees", _FEE_CODE),
        "return_fees": row.listed("return_fees", _FEE_CODE),
        "paid_on": row.choice("paid_on", (*LEFT, AT_PURCHASE)),
        "return_window_days": row.between("return_window_days", 0, 365),
        "recovery_ppm": row.percent("recovery"),
        "approved_by": row.listed("approved_by", _TEXT),
    }
    if len(terms["approved_by"]) < 2:
        row.wrong(
            "approved_by", "two office bearers or more approve a resolution: their names, semicolons between them"
        )
    if both := sorted({*terms["penalty_fees"]} & {*terms["return_fees"]}):
        row.wrong("return_fees", f"{', '.join(both)} stands in penalty_fees too: one clause says who bears a fee")
    if row.good and terms["minutes_date"] > today:
        row.wrong("minutes_date", f"{terms['minutes_date']} has not come yet: the group cannot have met")
    elif row.good and terms["minutes_date"] > day:
        row.warn(
            "minutes_date", f"the group met on {terms['minutes_date']}, later than {day}, from which it resolved this"
        )
    return terms


def _agency_fee(row: _Row, basis: str) -> int:
    """Parts per million or paise, as the basis says."""
    if basis != FeeBasis.FIXED_PER_UNIT:
        return row.percent("agency_fee")
    if not row.given("agency_fee"):
        row.wrong("agency_fee", "is missing: rupees for each piece, like 12.50, or 0")
    return row.paise("agency_fee", least=0) or 0


def _agency(row: _Row, record: Record) -> Item:
    return {
        "name": row.text("name", _TEXT),
        "dlt_entity_id": row.dlt_id("dlt_entity_id"),
        "sender_id": row.text("sender_id", _SENDER),
        "demo": row.yes("demo"),
    }
