"""What a body may say, field by field. Strict: a number in quotes is no number, an unknown field is an error."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

Units = Annotated[int, Field(ge=0, le=1_000_000)]
Difference = Annotated[int, Field(ge=-1_000_000, le=1_000_000)]
Why = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class Body(BaseModel):
    """Every body may carry the id under which the act is repeated."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
    act_id: str | None = Field(default=None, min_length=1, max_length=64)


class Adjust(Body):
    """One of the four: units in or out, a count, a buffer, or what a fair took, sold or brought back."""

    reason: Why
    quantity: Difference | None = None
    counted: Units | None = None
    buffer: Units | None = None
    fair: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60)] | None = None
    taken: Difference | None = None
    sold: Difference | None = None
    back: Difference | None = None

    @model_validator(mode="after")
    def _says_one_thing(self) -> Self:
        said = self.model_fields_set - {"reason", "act_id", "fair"}
        if len(said) != 1 or any(getattr(self, name) is None for name in said):
            raise ValueError("exactly one of quantity, counted, buffer, taken, sold, back")
        if bool(said & {"taken", "sold", "back"}) != (self.fair is not None):
            raise ValueError("fair: stands with taken, sold or back, and with nothing else")
        return self


class MapListing(Body):
    """A row of listings.csv."""

    marketplace: Name
    account: Name
    listing: Name
    sku: Name
    since: Annotated[str | None, Field(alias="from")] = None


class Resolve(Body):
    """What the resolving act needs. ``act`` names it when the exception offers several."""

    act: (
        Literal["acknowledge", "void", "map", "inspect", "remap", "recount", "adjust", "replay", "redrive", "approve"]
        | None
    ) = None
    note: Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)] = ""
    sku: Name | None = None
    since: Annotated[str | None, Field(alias="from")] = None
    good: Units | None = None
    damaged: Units | None = None
    lost: Units | None = None
    counted: Units | None = None
    quantity: Difference | None = None
    taken: Difference | None = None
    sold: Difference | None = None
    back: Difference | None = None
    fact_id: Name | None = None
    proposal_id: Name | None = None

    def given(self) -> dict[str, int | str]:
        """What is there for the act, by the names that the act knows."""
        return self.model_dump(by_alias=True, exclude_none=True, exclude={"act", "act_id", "note"})


class Heard(Body):
    """What somebody in the group said of a text."""

    what: Literal["heard", "packed", "no_stock"]


class ReplayDelivery(Body):
    """Which order the delivery is kept with, where neither its exception nor its place says it."""

    order_ref: Name | None = None
