"""docs/openapi.yaml: a valid document, and exactly the routes that there are."""

from __future__ import annotations

from pathlib import Path

import yaml
from openapi_spec_validator import OpenAPIV31SpecValidator

from functions.operator_api.handler import ROUTES
from hunar.domain.effects import TEXTS
from hunar.domain.ledger import EXPECTED
from hunar.domain.notification import Status
from hunar.domain.worklist import ACTIONS

DOCUMENT = yaml.safe_load((Path(__file__).parents[2] / "docs" / "openapi.yaml").read_text(encoding="utf-8"))
SCHEMAS = DOCUMENT["components"]["schemas"]


def test_it_is_a_valid_openapi_3_1_document() -> None:
    assert DOCUMENT["openapi"] == "3.1.0"
    assert list(OpenAPIV31SpecValidator(DOCUMENT).iter_errors()) == []


def test_it_describes_exactly_the_routes_of_the_function() -> None:
    described = {f"{method.upper()} {path}" for path, methods in DOCUMENT["paths"].items() for method in methods}
    assert described == set(ROUTES)


def test_its_enumerations_are_those_of_the_program() -> None:
    assert set(SCHEMAS["Exception"]["properties"]["kind"]["enum"]) == set(ACTIONS)
    assert set(SCHEMAS["Notification"]["properties"]["status"]["enum"]) == set(Status)
    assert set(SCHEMAS["Notification"]["properties"]["kind"]["enum"]) == set(TEXTS)
    assert SCHEMAS["Entry"]["properties"]["kind"]["enum"] == [EXPECTED]


def test_every_object_refuses_what_it_does_not_name() -> None:
    objects = {name: schema for name, schema in SCHEMAS.items() if schema.get("type") == "object" and name != "Problem"}
    for name, schema in objects.items():
        assert schema["additionalProperties"] is False, name
        assert sorted(schema["required"]) == sorted(schema["properties"]), name
