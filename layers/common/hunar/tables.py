"""What stands in which table under which key.

Every table has a text partition key ``pk`` and a text sort key ``sk``. An item that is written with
optimistic locking carries ``version``. An index ``name`` is sparse: an item is in it while it has
the attributes ``<name>_pk`` and ``<name>_sk``.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from hunar.domain.head import Head

Item = dict[str, Any]
"""Text, whole numbers, booleans, None, lists and maps of these. Never a float."""


class Table(StrEnum):
    """One table per purpose, so that a policy can say who may touch what."""

    REGISTRY = "registry"
    ORDERS = "orders"
    STOCK = "stock"
    DELIVERIES = "deliveries"
    NOTIFICATIONS = "notifications"
    EXCEPTIONS = "exceptions"
    LEDGER = "ledger"
    CHANNELS = "channels"
    BATCHES = "batches"
    BENEFICIARIES = "beneficiaries"


class Key(NamedTuple):
    """Where an item stands."""

    table: Table
    pk: str
    sk: str


BOARD = "board"
"""Orders: ``board_pk`` OPEN or ENDED, ``board_sk`` ship-by time and order_ref."""
WORKLIST = "worklist"
"""Exceptions: ``worklist_pk`` OPEN or CLOSED, ``worklist_sk`` opened_at and exception_id."""
FEED = "feed"
"""Notifications: ``feed_pk`` ALL, ``feed_sk`` time of the first claim and notification_id. Batches: ``feed_pk`` ALL,
``feed_sk`` made_at and batch_id."""
DUE = "due"
"""Orders, Stock, Notifications, Ledger: ``due_pk`` DUE, ``due_sk`` when the sweep must look at it, and what it is. An
item that waits for nothing is not in it."""
ORDER_ENTRIES = "order"
"""Ledger: entries of money by the order they are about: ``order_pk`` its order_ref, ``order_sk`` time and entry_id."""
SETTLED = "settlement"
"""Ledger: settlement lines by their settlement: ``settlement_pk`` as ``settlement_partition``, ``settlement_sk`` the
line's key."""
PAYABLE = "payable"
"""Ledger: heads of groups that something is payable to: ``payable_pk`` PAYABLE, ``payable_sk`` since when, and the
group. Closing a period reads these and no others."""

SHORT_LINES = "SHORT#"
"""How the sort keys of a SKU's waiting lines begin."""

INDEXES: dict[Table, tuple[str, ...]] = {
    Table.ORDERS: (BOARD, DUE),
    Table.STOCK: (DUE,),
    Table.EXCEPTIONS: (WORKLIST,),
    Table.NOTIFICATIONS: (FEED, DUE),
    Table.LEDGER: (DUE, ORDER_ENTRIES, SETTLED, PAYABLE),
    Table.BATCHES: (FEED,),
}
"""All are KEYS_ONLY: the store reads the items behind them itself."""


def due(at: str, what: str) -> Item:
    """The attributes that put an item into the index of what is due: the sweep looks at it from ``at`` on."""
    return {"due_pk": "DUE", "due_sk": f"{at}#{what}"}


def payable(since: str, group_id: str) -> Item:
    """The attributes that put a group's head into the index of those that something is payable to."""
    return {"payable_pk": "PAYABLE", "payable_sk": f"{since}#{group_id}"}


def order(order_ref: str) -> Key:
    return Key(Table.ORDERS, order_ref, "ORDER")


def listing_pointer(marketplace: str, account: str, listing: str) -> Key:
    """Where orders wait for a listing to be mapped. In Orders, so that one transaction can hold both."""
    return Key(Table.ORDERS, f"LISTING#{marketplace}#{account}#{listing}", "POINTER")


def item_pointer(marketplace: str, account: str, order_item_id: str) -> Key:
    """Which orders have the marketplace's item as a line, and what was said of it without naming an order."""
    return Key(Table.ORDERS, f"ITEM#{marketplace}#{account}#{order_item_id}", "POINTER")


def stock(sku: str) -> Key:
    return Key(Table.STOCK, sku, "STOCK")


def short_line(sku: str, sold_at: str, order_ref: str, line_id: str) -> Key:
    """A line that waits for units. The key is the order in which lines are served: the oldest sale first."""
    return Key(Table.STOCK, sku, f"{SHORT_LINES}{sold_at}#{order_ref}#{line_id}")


def adjustment(sku: str, act_id: str) -> Key:
    """Proof that an act was counted. Never expires."""
    return Key(Table.STOCK, sku, f"ADJUST#{act_id}")


def fair(sku: str, name: str) -> Key:
    """What was taken to a fair's stall, sold there and brought back."""
    return Key(Table.STOCK, sku, f"FAIR#{name}")


def delivery(order_ref: str, delivery_id: str) -> Key:
    return Key(Table.DELIVERIES, order_ref, delivery_id)


def unread_delivery(marketplace: str, account: str, delivery_id: str) -> Key:
    """A delivery that names no order that we could read."""
    return Key(Table.DELIVERIES, f"UNREAD#{marketplace}#{account}", delivery_id)


def stock_delivery(sku: str, act_id: str) -> Key:
    """An act on stock, kept like every other delivery."""
    return Key(Table.DELIVERIES, f"STOCK#{sku}", f"ADJUST#{act_id}")


def item_delivery(marketplace: str, account: str, order_item_id: str, delivery_id: str) -> Key:
    """A delivery that names a marketplace's item and no order."""
    return Key(Table.DELIVERIES, f"ITEM#{marketplace}#{account}#{order_item_id}", delivery_id)


def act(order_ref: str, act_id: str) -> Key:
    """What a person stated about an order, kept like every other delivery."""
    return Key(Table.DELIVERIES, order_ref, f"ACT#{act_id}")


def parked_in(queue: str) -> str:
    """The partition of Deliveries where a queue's dead letters are put away."""
    return f"DEAD#{queue}"


def parked(queue: str, message_hash: str) -> Key:
    """A message that no consumer could take, whole. Found by what it says, so it is put away once."""
    return Key(Table.DELIVERIES, parked_in(queue), message_hash)


def resolution(order_ref: str, line_id: str, fact_id: str) -> Key:
    """What a line took from the registry, kept like a delivery so that a rebuild never asks again.

    A line has few of them, so the beginning of the fact's id tells them apart.
    """
    return Key(Table.DELIVERIES, order_ref, f"RESOLVED#{line_id}#{fact_id[:8]}")


def notification(notification_id: str) -> Key:
    return Key(Table.NOTIFICATIONS, notification_id, "NOTIFICATION")


def talk(group_id: str, slot: str) -> Key:
    """What one contact was told lately: the day's count, the last new order, and which new orders wait."""
    return Key(Table.NOTIFICATIONS, f"TALK#{group_id}#{slot}", "TALK")


def sms_day(day: str) -> Key:
    """Parts that were sent on a day (Indian Standard Time)."""
    return Key(Table.NOTIFICATIONS, f"SMS_DAY#{day}", "SMS_DAY")


def sms_breaker() -> Key:
    """Until when no text is tried, because the provider takes none at all."""
    return Key(Table.NOTIFICATIONS, "SMS_BREAKER", "SMS_BREAKER")


def template_rate(template_id: str) -> Key:
    """How the last texts of one registered template ended."""
    return Key(Table.NOTIFICATIONS, f"TEMPLATE#{template_id}", "RATE")


def reminded(day: str) -> Key:
    """Proof that the groups were reminded on a day."""
    return Key(Table.NOTIFICATIONS, f"REMINDED#{day}", "REMINDED")


def opt_out(group_id: str, slot: str) -> Key:
    """The kinds of texts that a contact does not want, each with who said so and when."""
    return Key(Table.REGISTRY, "OPT_OUT", f"{group_id}#{slot}")


def verification(group_id: str, slot: str) -> Key:
    """Whether a contact's number was proven to be hers, by a code read back."""
    return Key(Table.REGISTRY, "VERIFICATION", f"{group_id}#{slot}")


def exception(exception_id: str) -> Key:
    return Key(Table.EXCEPTIONS, exception_id, "EXCEPTION")


def unbooked(name: str) -> Key:
    """Since when the nightly proof finds the same money of a line or subject not booked. On no worklist."""
    return Key(Table.EXCEPTIONS, f"UNBOOKED#{name}", "UNBOOKED")


def watched() -> Key:
    """How far the orders of former times were looked through for lines that nothing was settled of. On no worklist."""
    return Key(Table.EXCEPTIONS, "WATCHED", "WATCHED")


def branch_list() -> Key:
    """That the Reserve Bank's list of branches was supplied, and of which banks."""
    return Key(Table.REGISTRY, "BRANCHES", "LIST")


def branches(bank: str) -> Key:
    """The IFSCs of a bank, by the four letters with which they begin."""
    return Key(Table.REGISTRY, "BRANCHES", f"BANK#{bank}")


def agency() -> Key:
    return Key(Table.REGISTRY, "AGENCY", "AGENCY")


def account(marketplace: str, account_name: str) -> Key:
    return Key(Table.REGISTRY, "ACCOUNT", f"{marketplace}:{account_name}")


def group(group_id: str) -> Key:
    return Key(Table.REGISTRY, "GROUP", group_id)


def contact(group_id: str, slot: str) -> Key:
    """``slot`` is ``leader``, ``second`` or ``third``: the order in which they are told."""
    return Key(Table.REGISTRY, "CONTACT", f"{group_id}#{slot}")


def members(group_id: str) -> Key:
    """Who shares what a group gets, by the weights that it gave: ``members.List.item()``."""
    return Key(Table.REGISTRY, "MEMBERS", group_id)


def product(sku: str) -> Key:
    return Key(Table.REGISTRY, "SKU", sku)


def listing(marketplace: str, account_name: str, listing_name: str) -> Key:
    return Key(Table.REGISTRY, "LISTING", f"{marketplace}:{account_name}:{listing_name}")


def dlt_template(kind: str, locale: str) -> Key:
    return Key(Table.REGISTRY, "DLT_TEMPLATE", f"{kind}#{locale}")


def rate(scope: str, row_id: str) -> Key:
    """``scope`` is a marketplace's name, ``government`` or ``agency``."""
    return Key(Table.REGISTRY, f"RATE#{scope}", row_id)


def ledger_head(order_ref: str, line_id: str) -> Key:
    """What has been posted as expected for a line: ``{amounts, digest, version}``. It is due when its settlement must
    have come."""
    return Key(Table.LEDGER, f"ORDER#{order_ref}", f"EXPECTED#{line_id}")


def ledger_entry(order_ref: str, line_id: str, entry_id: str) -> Key:
    return Key(Table.LEDGER, f"ORDER#{order_ref}", f"ENTRY#{line_id}#{entry_id}")


def book(group_id: str) -> Key:
    """The head of a group's book: ``{group_id, seq, balances, chain, version, closed}``."""
    return Key(Table.LEDGER, book_of(group_id), "HEAD")


def book_of(group_id: str) -> str:
    """The partition of a group's book."""
    return f"GROUP#{group_id}"


def book_item(head: Head) -> Item:
    """A head as it is stored: with its place among those that something is payable to, while that is so. Before all of
    them stands what waits to go on to the group that another one joined: also a debt, which is payable to nobody."""
    if head.waits:
        return head.item() | payable("", head.group_id)
    return head.item() | (payable(head.payable_since, head.group_id) if head.payable > 0 else {})


def joined(group_id: str) -> Key:
    """By which minutes, and by whom, a group joined another."""
    return Key(Table.LEDGER, book_of(group_id), "JOINED")


BOOK_ENTRIES = "ENTRY#"
"""How the sort keys of a book's entries begin, and of a subject's."""


def book_entry(group_id: str, seq: int) -> Key:
    """An entry at its place in its group's book, so that a period of the book is a range of keys."""
    return Key(Table.LEDGER, book_of(group_id), f"{BOOK_ENTRIES}{seq:010}")


def statement(group_id: str, to_seq: int) -> Key:
    """Where a statement that was given out ended: ``statement.Point.item()`` and the entry behind which it began."""
    return Key(Table.LEDGER, statements_of(group_id), f"STATEMENT#{to_seq:010}")


def last_statement(group_id: str) -> Key:
    """Which of a group's statements is the last one: ``{from_seq, seq, version}``. The next takes up there."""
    return Key(Table.LEDGER, statements_of(group_id), "LAST")


def statements_of(group_id: str) -> str:
    """The partition of a group's statements: whoever notes one there need not be able to write in the book."""
    return f"STATEMENT#{group_id}"


def posted(order_ref: str, line_id: str) -> Key:
    """What is booked of a line's money: ``{amounts, standings, digest, version, hold_end}``."""
    return Key(Table.LEDGER, f"ORDER#{order_ref}", f"POSTED#{line_id}")


SUBJECT_LINES = "LINE#"
"""How the sort keys of a subject's settlement lines begin."""


def subject_line(subject: str, key: str) -> Key:
    """A line of a settlement, with what it is about (``settlement.subject_of``). Never changed, never removed."""
    return Key(Table.LEDGER, subject, f"{SUBJECT_LINES}{key}")


def subject_posted(subject: str) -> Key:
    """What is booked of a subject's lines that no order line claims: the agency's, or in suspense."""
    return Key(Table.LEDGER, subject, "POSTED")


def subject_entry(subject: str, entry_id: str) -> Key:
    """An entry that concerns the agency alone. It has no chain: its accounts are derived."""
    return Key(Table.LEDGER, subject, f"{BOOK_ENTRIES}{entry_id}")


BANK = "BANK"
"""The partition of what a bank did that is no payout of ours: entries of the agency alone, ``subject_entry``."""


SETTLEMENTS = "SETTLEMENT"
"""The partition of all settlements that were taken."""


def settlement_partition(marketplace: str, account_name: str, settlement_id: str) -> str:
    return f"{marketplace}#{account_name}#{settlement_id}"


def settlement(marketplace: str, account_name: str, settlement_id: str) -> Key:
    """What was taken of a settlement: ``{shape, files, ...}``."""
    return Key(Table.LEDGER, SETTLEMENTS, settlement_partition(marketplace, account_name, settlement_id))


DIFFERENCES = "DIFFERENCE"
"""The partition of all lines that brought another amount than expected."""


def difference(order_ref: str, line_id: str) -> Key:
    return Key(Table.LEDGER, DIFFERENCES, f"{order_ref}#{line_id}")


def cursor(marketplace: str, account_name: str, kind: str) -> Key:
    """How far catching up has come with one kind of question to an account's API."""
    return Key(Table.CHANNELS, f"CURSOR#{marketplace}#{account_name}", kind)


def allowance(marketplace: str, account_name: str, operation: str) -> Key:
    """How many calls of an operation the marketplace allows us at this moment."""
    return Key(Table.CHANNELS, f"ALLOWANCE#{marketplace}#{account_name}", operation)


def told(sku: str, marketplace: str, account_name: str, listing_name: str) -> Key:
    """What a channel was told last of a product's stock, and what it answered."""
    return Key(Table.CHANNELS, f"TOLD#{sku}", f"{marketplace}:{account_name}:{listing_name}")


def pause(marketplace: str, account_name: str) -> Key:
    """A person stopped telling this channel about stock."""
    return Key(Table.CHANNELS, "PAUSE", f"{marketplace}:{account_name}")


def heard(marketplace: str, account_name: str) -> Key:
    """When an account was heard of last, and how long it is silent by habit."""
    return Key(Table.CHANNELS, "HEARD", f"{marketplace}:{account_name}")


def batch(batch_id: str) -> Key:
    """The header of a batch of payouts, without its rows."""
    return Key(Table.BATCHES, batch_of(batch_id), "BATCH")


def batch_of(batch_id: str) -> str:
    """The partition of a batch."""
    return f"BATCH#{batch_id}"


BATCH_ROWS = "ROW#"
"""How the sort keys of a batch's rows begin."""


def batch_row(batch_id: str, payout_id: str) -> Key:
    return Key(Table.BATCHES, batch_of(batch_id), f"{BATCH_ROWS}{payout_id}")


def batch_recovered(batch_id: str, payout_id: str) -> Key:
    """That the batch took all that was payable to a group against its debt: there is no row of it."""
    return Key(Table.BATCHES, batch_of(batch_id), f"RECOVERED#{payout_id}")


def bank_answer(batch_id: str, answer: str, part: int) -> Key:
    """What a bank said, as it was read; ``answer`` is its hash. Kept for ever."""
    return Key(Table.BATCHES, batch_of(batch_id), f"ANSWER#{answer}#{part:04}")


def utr(reference: str) -> Key:
    """Proof that a bank's reference is one payout's, and never another one's."""
    return Key(Table.BATCHES, f"UTR#{reference}", "UTR")


def file_serial(value_date: str) -> Key:
    """How many files were made for a day of payment."""
    return Key(Table.BATCHES, f"SERIAL#{value_date}", "SERIAL")


def payee(group_id: str) -> Key:
    """Whether a group's account may be paid, without the account: version, cooling-off, last four digits."""
    return Key(Table.BATCHES, f"PAYEE#{group_id}", "PAYEE")


def payout_stop(group_id: str) -> Key:
    """The exceptions that must be resolved before the group is paid again."""
    return Key(Table.BATCHES, f"PAYEE#{group_id}", "STOP")


def merging(group_id: str) -> Key:
    """That a group joins another: asked for by one person, confirmed by another."""
    return Key(Table.BATCHES, f"PAYEE#{group_id}", "MERGING")


def correction(exception_id: str) -> Key:
    """What two persons say of a payment that a bank told of: asked for by one, confirmed by another."""
    return Key(Table.BATCHES, f"CORRECTION#{exception_id}", "CORRECTION")


def beneficiary(group_id: str) -> Key:
    """The newest version of a group's bank account."""
    return Key(Table.BENEFICIARIES, f"GROUP#{group_id}", "NEWEST")


def beneficiary_version(group_id: str, version: int) -> Key:
    """A version as it was last; what a batch froze stays readable."""
    return Key(Table.BENEFICIARIES, f"GROUP#{group_id}", f"V#{version:06}")
