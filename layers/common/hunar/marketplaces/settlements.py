"""Which reader a settlement file of a marketplace is for."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Final

from hunar.domain.rate_card import Unpriced, day_of_sale
from hunar.domain.settlement import SettlementFile, SettlementLine
from hunar.domain.spreadsheet import Problem
from hunar.marketplaces import amazon_settlement, flipkart_settlement, plain_settlement

_FEES: Final = "selling fees"


def read(
    marketplace: str,
    raw: bytes,
    account: str,
    *,
    file: str,
    sellers: Collection[str],
    gst_ppm: Callable[[str], int],
) -> SettlementFile:
    """The lines of a settlement file, or what is wrong with it. A marketplace without a report of its own has the plain
    CSV.

    ``gst_ppm`` is asked for the rate of the GST inside fees on a day in India, in parts per million, when the report
    does not state it. It raises Unpriced where there is none, and the file is refused.
    """
    if marketplace == flipkart_settlement.MARKETPLACE:
        return flipkart_settlement.read(raw, account, file=file, sellers=sellers)
    if marketplace != amazon_settlement.MARKETPLACE:
        return plain_settlement.read(raw, account, file=file, sellers=sellers, marketplace=marketplace)
    found = amazon_settlement.read(raw, account, file=file, sellers=sellers)
    if found.shape != amazon_settlement.DATE_RANGE or found.findings:
        return found
    rates, findings = _rates((*found.lines, *found.deferred), file, gst_ppm)
    if findings:
        return SettlementFile(found.marketplace, account, found.shape, findings=tuple(findings))
    [rate] = rates
    if rate == amazon_settlement.GST_ON_FEES_PPM:
        return found
    return amazon_settlement.read(raw, account, file=file, sellers=sellers, gst_ppm=rate)


def _rates(
    lines: Iterable[SettlementLine], file: str, gst_ppm: Callable[[str], int]
) -> tuple[dict[int, SettlementLine], list[Problem]]:
    """Each rate of the days of a file with the first line of it, and what is wrong with them."""
    days: dict[str, SettlementLine] = {}
    for line in lines:
        days.setdefault(day_of_sale(line.posted_at), line)
    rates: dict[int, SettlementLine] = {}
    findings = []
    for day, line in sorted(days.items()):
        try:
            rates.setdefault(gst_ppm(day), line)
        except Unpriced as gap:
            findings.append(Problem(file, line.row, _FEES, f"contains GST, and its rate is not known: {gap}"))
    if len(rates) > 1:
        _, second = list(rates.values())[:2]
        message = "the rate of the GST inside fees changed by this day; download the days before it and from it apart"
        findings.append(Problem(file, second.row, _FEES, message))
    return rates, findings
