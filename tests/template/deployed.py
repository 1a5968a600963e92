"""template.yaml as CloudFormation gets it, translated here and without a network, and questions about it."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final, TypeAlias

from samtranslator.translator.transform import transform  # type: ignore[import-untyped]
from samtranslator.yaml_helper import yaml_parse  # type: ignore[import-untyped]

ROOT: Final = Path(__file__).resolve().parents[2]

Template: TypeAlias = dict[str, Any]
Resource: TypeAlias = dict[str, Any]


def text() -> str:
    return (ROOT / "template.yaml").read_text()


@cache
def _parsed() -> Template:
    parsed: Template = yaml_parse(text())
    return parsed


def source() -> Template:
    """A copy of template.yaml for a test to change."""
    return copy.deepcopy(_parsed())


def translated(sam: Template) -> Template:
    """What the Transform makes of it. Code lies where a deployment would have put it, under its folder's name."""
    sam = copy.deepcopy(sam)
    for resource in sam["Resources"].values():
        for where in {"CodeUri", "ContentUri"} & resource.get("Properties", {}).keys():
            resource["Properties"][where] = f"s3://built/{resource['Properties'][where]}"
    cloudformation: Template = transform(sam, {}, _NoManagedPolicies())
    return cloudformation


class _NoManagedPolicies:
    """The translator would ask AWS for their list. Roles here name none."""

    def load(self) -> dict[str, str]:
        return {}


def of_type(template: Template, *kinds: str) -> dict[str, Resource]:
    """Properties of the resources of some types, by logical id."""
    return {
        name: resource.get("Properties", {})
        for name, resource in template["Resources"].items()
        if resource["Type"] in kinds
    }


def functions(template: Template) -> dict[str, Resource]:
    return of_type(template, "AWS::Lambda::Function")


def mappings(template: Template, service: str) -> dict[str, Resource]:
    """Event source mappings of ``sqs`` or ``dynamodb``."""
    kind = {"sqs": "AWS::SQS::Queue", "dynamodb": "AWS::DynamoDB::Table"}[service]
    sources = of_type(template, kind)
    found = of_type(template, "AWS::Lambda::EventSourceMapping")
    return {name: mapping for name, mapping in found.items() if named(mapping["EventSourceArn"]) in sources}


def named(value: Any) -> str:
    """The logical id that a Ref or GetAtt leads to; empty for anything else."""
    if isinstance(value, dict):
        if "Ref" in value:
            return str(value["Ref"])
        if "Fn::GetAtt" in value:
            target = value["Fn::GetAtt"]
            return str(target.split(".")[0] if isinstance(target, str) else target[0])
    return ""


def as_text(value: Any) -> str:
    """An ARN or name as a person would write it: ``OrdersTable``, ``OrdersTable/index/board``, ``a or b``."""
    match value:
        case str():
            return value
        case {"Ref": name}:
            return f"${{{name}}}"
        case {"Fn::GetAtt": [name, "Arn"]}:
            return str(name)
        case {"Fn::GetAtt": [name, attribute]}:
            return f"{name}.{attribute}"
        case {"Fn::Sub": str(pattern)}:
            return re.sub(r"\$\{(\w+)\.Arn\}", r"\1", pattern)
        case {"Fn::If": [condition, yes, no]}:
            return f"{as_text(yes)} if {condition} else {as_text(no)}"
    raise ValueError(f"no text for {value!r}")


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def statements(role: Resource) -> Iterator[dict[str, Any]]:
    """Statements of a role's own policies."""
    for policy in role.get("Policies", []):
        for statement in policy["PolicyDocument"]["Statement"]:
            # One that stands under a condition is judged as if it held.
            branches = statement["Fn::If"][1:] if "Fn::If" in statement else [statement]
            yield from (branch for branch in branches if branch != {"Ref": "AWS::NoValue"})


def strings(value: Any) -> Iterator[str]:
    """Every text in a part of a template, keys too."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield str(key)
            yield from strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner)


def holds(template: Template, condition: str, parameters: dict[str, str]) -> bool:
    """What a condition says when these parameters are given and all others have their defaults."""

    def value(node: Any) -> Any:
        match node:
            case {"Ref": name}:
                return parameters.get(name, template["Parameters"][name].get("Default"))
            case {"Fn::Equals": [left, right]}:
                return value(left) == value(right)
            case {"Fn::Not": [inner]}:
                return not value(inner)
            case {"Condition": name}:
                return holds(template, name, parameters)
        return node

    return bool(value(template["Conditions"][condition]))


def present(template: Template, **parameters: str) -> set[str]:
    """Logical ids of what a deployment with these parameters makes."""
    return {
        name
        for name, resource in template["Resources"].items()
        if "Condition" not in resource or holds(template, resource["Condition"], parameters)
    }


def anchors(markdown: str) -> list[str]:
    """Addresses of a page's second-level headings, as code hosts make them."""
    headings = re.findall(r"^## (.+)$", markdown, re.M)
    return [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings]
