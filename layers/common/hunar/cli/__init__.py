"""The ``hunar`` command: what an operator does from a terminal, over the same use cases as the functions."""

from __future__ import annotations

import typer

from hunar.cli import (
    account,
    amazon,
    catalogue,
    channel,
    differences,
    exceptions,
    explain,
    export,
    flipkart,
    ledger,
    order,
    payee,
    payout_rail,
    payouts,
    rates,
    rebuild,
    redrive,
    replay,
    settle,
    sign,
    sms,
    statement,
    stock,
    stock_check,
)

application = typer.Typer(
    name="hunar",
    help="Hunar from the terminal. Every command takes --stage (local, dev, staging, prod) and --json.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
)
application.add_typer(account.application, name="account")
application.add_typer(amazon.application, name="amazon")
application.add_typer(channel.application, name="channel")
application.add_typer(exceptions.application, name="exceptions")
application.add_typer(export.application, name="export")
application.add_typer(flipkart.application, name="flipkart")
application.add_typer(ledger.application, name="ledger")
application.add_typer(order.application, name="order")
application.add_typer(payee.application, name="payee")
application.add_typer(payouts.application, name="payouts")
payouts.application.command("send")(payout_rail.send)
payouts.application.command("ask")(payout_rail.ask)
application.add_typer(rates.application, name="rates")
application.add_typer(sms.application, name="sms")
application.add_typer(stock.application, name="stock")
stock.application.command("check")(stock_check.check)
application.command("approve")(payouts.approve)
application.command("close")(payouts.close)
application.command("paid")(payouts.paid)
application.command("differences")(differences.differences)
application.command("explain")(explain.explain)
application.command("import")(catalogue.import_folder)
application.command("rebuild")(rebuild.rebuild)
application.command("redrive")(redrive.redrive)
application.command("replay")(replay.replay)
application.command("settle")(settle.settle)
application.command("sign")(sign.sign)
application.command("statement")(statement.statement)


def main() -> None:
    """The installed command."""
    application()
