"""``hunar redrive``: what was put away is sent again."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from hunar.cli.deployed import LOCAL, Deployed
from hunar.cli.output import Json, Stage, failures, print_json, print_table
from hunar.domain.facts import instant
from hunar.ports import QueueName
from hunar.use_cases.redrive import Desk, Report
from hunar.use_cases.redrive import redrive as send_again
from hunar.use_cases.retry import retried

Queue = Annotated[
    QueueName | None,
    typer.Option("--queue", help="Only messages of this queue. Without it all queues and the streams' failure bucket."),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would be sent again; send nothing.")]
Limit = Annotated[int | None, typer.Option("--limit", min=1, help="The most messages and objects that are taken.")]


def redrive(
    queue: Queue = None,
    dry_run: DryRun = False,
    limit: Limit = None,
    stage: Stage = LOCAL,
    as_json: Json = False,
) -> None:
    """Send parked messages to their queues again, and pass on what the streams gave up.

    Mend first what broke them. Everything behind the queues may run twice, so a message that is sent again needlessly
    does no harm, and texts that are past their time are not sent.
    """
    with failures(as_json):
        deployed = Deployed.find(stage)
        desk = Desk(
            deployed.store,
            deployed.queues,
            deployed.failed_relays,
            instant(datetime.now(UTC)),
            deployed.person,
            _again,
        )
        report = send_again(desk, queue=queue, dry_run=dry_run, limit=limit)
        if as_json:
            print_json({"dry_run": dry_run} | asdict(report))
        else:
            _print(report, dry_run)
        if report.left:
            raise typer.Exit(1)


def _again(action: Callable[[], Any]) -> Any:
    return retried(action, pause=time.sleep, random=random.random)


def _print(report: Report, dry_run: bool) -> None:
    for left in report.left:
        typer.echo(f"left as it is: {left.what}: {left.reason}", err=True)
    rows = [(sent.queue, sent.delivery_id, sent.order_ref, sent.parked_at) for sent in report.messages]
    if rows:
        print_table(("queue", "message", "order", "parked"), rows)
    would = "would be " if dry_run else ""
    for batch in report.batches:
        sent = ", ".join(f"{count} to {queue}" for queue, count in batch.sent.items()) or "nothing to send"
        typer.echo(f"{batch.key}: {sent}")
    messages, batches = _count(len(report.messages), "parked message"), _count(len(report.batches), "object")
    typer.echo(f"{messages} {would}sent again, {batches} of the failure bucket {would}passed on.")


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"
