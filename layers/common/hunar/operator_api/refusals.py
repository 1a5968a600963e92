"""How a call is refused: whatever was wrong with it, as a problem with its status."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Final

from hunar.operator_api.answers import problem
from hunar.operator_api.request import Findings, Refused
from hunar.ports import Rejected
from hunar.use_cases.operate import NotNow, NotThere
from hunar.use_cases.payouts import ResultsRefused

REFUSALS: Final = (Refused, Findings, NotThere, NotNow, Rejected)
"""What a route raises when it will never do what was asked, or not as things stand."""


def refusal(error: Exception) -> dict[str, Any]:
    """The answer to one of REFUSALS. What was wrong in a file is listed by row and column."""
    match error:
        case Refused():
            return problem(error.status, str(error))
        case Findings(errors=wrong) | ResultsRefused(problems=wrong):
            return problem(400, str(error), errors=[asdict(one) for one in wrong])
        case NotThere():
            return problem(404, str(error))
        case NotNow():
            return problem(409, str(error))
    return problem(400, str(error))
