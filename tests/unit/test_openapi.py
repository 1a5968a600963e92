"""docs/openapi.yaml: a valid document, and exactly the routes that there are."""

from __future__ import annotations

from pathlib import Path

import yaml
from openapi_spec_validator import OpenAPIV31SpecValidator
from pydantic import BaseModel

from hunar.domain.history import HAPPENINGS
from hunar.domain.ledger import KINDS as KINDS_OF_ENTRIES
from hunar.domain.notification import Status
from hunar.domain.sms_text import LOCALES
from hunar.domain.statement import BALANCES
from hunar.domain.text_kinds import KINDS
from hunar.domain.worklist import ACTIONS, RESOLVED_BY
from hunar.operator_api import statements
from hunar.operator_api.bodies import Adjust, Heard, MapListing, ReplayDelivery, Resolve
from hunar.operator_api.payouts import Account, Approve, BankRow, Because, Confirm, Empty, Paid, Pull
from hunar.operator_api.routes import ROUTES
from hunar.use_cases.resolve import TAKES
from tests.template.deployed import of_type, source

DOCUMENT = yaml.safe_load((Path(__file__).parents[2] / "docs" / "openapi.yaml").read_text(encoding="utf-8"))
SCHEMAS = DOCUMENT["components"]["schemas"]
BODIES: tuple[type[BaseModel], ...] = (
    Account, Adjust, Approve, BankRow, Because, Confirm, Empty, Heard, MapListing, Paid, Pull, ReplayDelivery, Resolve,
)  # fmt: skip


def test_it_is_a_valid_openapi_3_1_document() -> None:
    assert DOCUMENT["openapi"] == "3.1.0"
    assert list(OpenAPIV31SpecValidator(DOCUMENT).iter_errors()) == []


def test_it_describes_exactly_the_routes_of_the_functions() -> None:
    described = {f"{method.upper()} {path}" for path, methods in DOCUMENT["paths"].items() for method in methods}
    assert described == {*ROUTES, statements.ROUTE}


def test_it_describes_exactly_the_routes_that_the_template_opens_to_operators() -> None:
    described = {f"{method.upper()} {path}" for path, methods in DOCUMENT["paths"].items() for method in methods}
    opened = {route["RouteKey"] for route in of_type(source(), "AWS::ApiGatewayV2::Route").values()}
    assert described == {route for route in opened if " /webhooks/" not in route and " /sms/" not in route}


def test_a_body_may_say_what_the_program_reads_and_nothing_else() -> None:
    for shape in BODIES:
        read = {field.alias or name: field for name, field in shape.model_fields.items()}
        said = SCHEMAS[shape.__name__]
        assert set(said["properties"]) == set(read)
        assert set(said["required"]) == {name for name, field in read.items() if field.is_required()}
    acts = SCHEMAS["Resolve"]["properties"]["act"]["enum"]
    assert set(acts) == set(TAKES)
    assert set(RESOLVED_BY.values()) <= set(acts)
    assert set(RESOLVED_BY) == set(ACTIONS)


def test_each_act_can_answer_who_what_and_whether() -> None:
    for path, methods in DOCUMENT["paths"].items():
        if "post" in methods:
            assert {"202", "400", "403", "413", "503"} <= set(methods["post"]["responses"]), path
            assert "requestBody" in methods["post"]


def test_it_says_who_answers_a_path_that_is_not_in_it() -> None:
    assert '{"message":"Not Found"}' in DOCUMENT["info"]["description"]


def test_its_enumerations_are_those_of_the_program() -> None:
    assert set(SCHEMAS["Exception"]["properties"]["kind"]["enum"]) == set(ACTIONS)
    assert set(SCHEMAS["Notification"]["properties"]["status"]["enum"]) == set(Status)
    assert set(SCHEMAS["Notification"]["properties"]["kind"]["enum"]) == set(KINDS)
    assert SCHEMAS["Entry"]["properties"]["kind"]["enum"] == list(KINDS_OF_ENTRIES)
    assert set(SCHEMAS["Happening"]["properties"]["what"]["enum"]) == set(HAPPENINGS)


def test_every_object_refuses_what_it_does_not_name() -> None:
    objects = {name: schema for name, schema in SCHEMAS.items() if schema.get("type") == "object" and name != "Problem"}
    for name, schema in objects.items():
        assert schema["additionalProperties"] is False, name
        # A step says what it knows by then.
        if name != "PayoutStep" and name not in {shape.__name__ for shape in BODIES}:
            assert sorted(schema["required"]) == sorted(schema["properties"]), name


def test_a_statement_can_be_asked_for_in_every_format_and_language_that_there_is() -> None:
    told = DOCUMENT["paths"]["/api/groups/{group_id}/statement"]["get"]
    asked = {one["name"]: one["schema"] for one in told["parameters"]}
    assert asked["format"]["enum"] == list(statements.FORMATS)
    assert set(asked["locale"]["enum"]) == set(LOCALES)
    assert set(told["responses"]["200"]["content"]) == set(statements.FORMATS.values())
    assert f"at most {statements.MOST} entries" in told["responses"]["200"]["description"]
    assert set(SCHEMAS["Standing"]["properties"]["balances"]["properties"]) == set(BALANCES.values())
