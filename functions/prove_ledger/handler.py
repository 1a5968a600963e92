"""Every night → the books are proved to the paisa; what is not booked is commanded, what is wrong is shown."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.metrics import MetricUnit

from hunar import wiring
from hunar.domain.facts import instant
from hunar.telemetry import logger, metrics, reset_aws_calls
from hunar.use_cases.prove import Desk, nightly


@metrics.log_metrics
def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
    reset_aws_calls()
    application = wiring.application()
    desk = Desk(
        store=application.store,
        queues=application.queues,
        now=instant(application.clock()),
        time_left=lambda: context.get_remaining_time_in_millis() / 1000,
        again=application.again,
    )
    report = nightly(desk)
    for fault in report.faults:
        logger.error("ledger_fault", where=fault.where, kind=fault.what, reason=fault.text, amount_paise=fault.paise)
    metrics.add_metric(name="LedgerFaults", unit=MetricUnit.Count, value=len(report.faults))
    metrics.add_metric(name="LedgerFaultPaise", unit=MetricUnit.Count, value=report.paise)
    if not (report.left or report.moving):
        # Only a proof of everything counts, whatever it found: an alarm waits for its silence.
        metrics.add_metric(name="LedgerProved", unit=MetricUnit.Count, value=1)
    commanded = len({one.command for one in report.unbooked})
    logger.info("ledger_proved", outcome="proved" if report.proved else "not proved", sent=commanded)
    return {
        "at": report.at,
        "proved": report.proved,
        "books": len(report.books),
        "settlements": len(report.settlements),
        "faults": len(report.faults),
        "fault_paise": report.paise,
        "commanded": commanded,
        "moving": report.moving,
        "left": report.left,
    }
