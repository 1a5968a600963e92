"""GET /api/groups/{group_id}/statement → a group's statement; the gateway's IAM authorizer has let the caller in."""

from __future__ import annotations

from typing import Any

from hunar import wiring
from hunar.domain.facts import instant
from hunar.domain.statement import Broken
from hunar.operator_api.answers import answer, download, problem
from hunar.operator_api.statements import FORMATS, JSON, MOST, Asked
from hunar.ports import Conflict, Rejected, Retryable
from hunar.statement_words import words
from hunar.telemetry import aws_calls, logger, reset_aws_calls
from hunar.use_cases.make_statement import Made, NoBook, TooLong, keep, make, shown


def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
    reset_aws_calls()
    answered = _answer(event)
    logger.info("answered", kind=event["routeKey"], status=answered["statusCode"], aws_calls=aws_calls())
    return answered


def _answer(event: dict[str, Any]) -> dict[str, Any]:
    try:
        asked = Asked.of(event)
        return dict(wiring.application().again(lambda: _made(asked)))
    except NoBook as error:
        return problem(404, str(error))
    except TooLong as error:
        return problem(413, str(error))
    except Rejected as error:
        return problem(400, str(error))
    except Broken as error:
        logger.error("book_broken", reason=str(error))
        return problem(500, f"{error}; the book must be mended before anything is given out")
    except (Conflict, Retryable) as error:
        logger.warning("not_answered", kind=event["routeKey"], reason=str(error))
        return problem(503, "the data could not be reached; ask again")


def _made(asked: Asked) -> dict[str, Any]:
    app = wiring.application()
    made = make(app.store, asked.group_id, from_seq=asked.from_seq, to_seq=asked.to_seq, most=MOST)
    if asked.format == JSON:
        return answer(200, FORMATS[JSON], shown(made))
    # Made first: what was not given out is not noted as if it were.
    given = download(f"{made.statement.number}.{asked.format}", _file(made, asked))
    given["headers"] |= {"content-type": FORMATS[asked.format]}
    keep(app.store, made, now=instant(app.clock()))
    return given


def _file(made: Made, asked: Asked) -> bytes:
    from hunar.statement_files.sheet import Sheet

    said = words(asked.locale or made.group["locale"])
    sheet = Sheet(made.statement, said, made.agency, made.group["name"], made.suggested)
    if asked.format == "pdf":
        # 0.4 s of imports that nobody else needs.
        from hunar.statement_files.pdf import pdf

        return pdf(sheet)
    from hunar.statement_files.xlsx import xlsx

    return xlsx(sheet)
