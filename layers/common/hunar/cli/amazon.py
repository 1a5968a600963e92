"""``hunar amazon``: Amazon is told once where to send its notifications, and whose."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from hunar.cli.account import check_names
from hunar.cli.apis import Api
from hunar.cli.deployed import LOCAL, Deployed
from hunar.cli.output import Failed, Json, Stage, failures, print_json, print_table
from hunar.domain.channel import BadAnswer
from hunar.marketplaces import amazon_api, amazon_notifications
from hunar.marketplaces.amazon_notifications import Destination, Subscription

application = typer.Typer(no_args_is_help=True, help="Amazon's notifications, set up.")

AMAZON = "amazon"

Account = Annotated[str, typer.Argument(help="The account, as in accounts.csv. Its API credentials must be stored.")]
Create = Annotated[bool, typer.Option("--create", help="Make this stack's queue a destination, unless it is one.")]
Replace = Annotated[bool, typer.Option("--replace", help="Take the place of a subscription that is another.")]


@application.command("destinations")
def destinations(account: Account, create: Create = False, stage: Stage = LOCAL, as_json: Json = False) -> None:
    """List where the application's notifications can go; with --create, this stack's queue too."""
    with failures(as_json):
        check_names(AMAZON, account)
        deployed = Deployed.find(stage)
        api = Api(deployed, AMAZON, account, amazon_notifications)
        arn = deployed.output("AmazonNotificationsQueueArn")
        known = _destinations(api)
        ours = _of_queue(known, arn)
        made = create and ours is None
        if made:
            call = amazon_notifications.create_destination(deployed.stack_name, arn)
            try:
                ours = amazon_notifications.destination(api.call(call))
            except BadAnswer as error:
                raise Failed(f"amazon answers createDestination oddly: {error}") from error
            known.append(ours)
        shown = [asdict(one) | {"ours": one.queue_arn == arn} for one in known]
        if as_json:
            print_json({"created": made, "destinations": shown})
            return
        columns = ("destination id", "name", "ours", "queue")
        rows = [(one["destination_id"], one["name"], one["ours"] or None, one["queue_arn"]) for one in shown]
        print_table(columns, rows)
        if ours is None:
            typer.echo(f"This stack's queue is none of them: hunar amazon destinations {account} --create")


@application.command("subscribe")
def subscribe(account: Account, replace: Replace = False, stage: Stage = LOCAL, as_json: Json = False) -> None:
    """Have the seller's order changes sent to this stack's queue.

    The subscription's id is shown; put it into accounts.csv, so that messages of any other subscription are refused.
    """
    with failures(as_json):
        check_names(AMAZON, account)
        deployed = Deployed.find(stage)
        of_application = Api(deployed, AMAZON, account, amazon_notifications)
        of_seller = Api(deployed, AMAZON, account, amazon_api)
        ours = _of_queue(_destinations(of_application), deployed.output("AmazonNotificationsQueueArn"))
        if ours is None:
            raise Failed(f"amazon does not know this stack's queue: hunar amazon destinations {account} --create")
        there = _subscription(of_seller)
        done = "unchanged" if there and _fits(there, ours) else "replaced" if there else "created"
        if done == "replaced" and there:
            if not replace:
                raise Failed(
                    f"subscription {there.subscription_id} goes to destination {there.destination_id} or has another "
                    "filter; take its place with --replace"
                )
            # What changes in between is not sent; catching up finds it.
            of_application.call(amazon_notifications.delete_subscription(there.subscription_id))
        if done != "unchanged" or there is None:
            try:
                answer = of_seller.call(amazon_notifications.create_subscription(ours.destination_id))
                there = amazon_notifications.subscription(answer)
            except BadAnswer as error:
                raise Failed(f"amazon answers createSubscription oddly: {error}") from error
            except Failed as error:
                gone = "; the one before is deleted, so nothing is sent now: try again" if done == "replaced" else ""
                raise Failed(f"{error}{gone}") from error
        if as_json:
            print_json(
                {"subscription": done, "subscription_id": there.subscription_id, "destination_id": ours.destination_id}
            )
            return
        typer.echo(f"The subscription is {done}. In accounts.csv its subscription_id is {there.subscription_id}")


@application.command("test")
def test(account: Account, stage: Stage = LOCAL, as_json: Json = False) -> None:
    """Have Amazon's sandbox send an invented notification to this stack's queue.

    It names a seller that is not ours: that it stands on the worklist as OTHER_SELLER proves that the way is open.
    """
    with failures(as_json):
        check_names(AMAZON, account)
        deployed = Deployed.find(stage)
        real = Api(deployed, AMAZON, account, amazon_notifications)
        ours = _of_queue(_destinations(real), deployed.output("AmazonNotificationsQueueArn"))
        if ours is None:
            raise Failed(f"amazon does not know this stack's queue: hunar amazon destinations {account} --create")
        sandbox = Api(deployed, AMAZON, account, amazon_notifications, sandbox=True)
        sandbox.call(amazon_notifications.send_test(ours.destination_id))
        if as_json:
            print_json({"status": "sent", "destination_id": ours.destination_id})
            return
        typer.echo("Amazon sends it now. In a minute or two: hunar exceptions list shows it as OTHER_SELLER.")


def _destinations(api: Api) -> list[Destination]:
    try:
        return amazon_notifications.destinations(api.call(amazon_notifications.get_destinations()))
    except BadAnswer as error:
        raise Failed(f"amazon answers getDestinations oddly: {error}") from error


def _of_queue(known: list[Destination], arn: str) -> Destination | None:
    return next((one for one in known if one.queue_arn == arn), None)


def _subscription(api: Api) -> Subscription | None:
    call = amazon_notifications.get_subscription()
    answer = api.asked(call)
    if answer.status == 404:
        return None
    if answer.status != 200:
        raise api.refused(call, answer)
    try:
        return amazon_notifications.subscription(answer.body)
    except BadAnswer as error:
        raise Failed(f"amazon answers getSubscription oddly: {error}") from error


def _fits(there: Subscription, ours: Destination) -> bool:
    return there.as_wanted and there.destination_id == ours.destination_id
