"""How a promise says that it does not hold."""

from __future__ import annotations


class Broken(Exception):
    """A promise that does not hold, by its name."""

    def __init__(self, promise: str, text: str) -> None:
        super().__init__(f"{promise}: {text}")
        self.promise = promise


def shipment_of(order_ref: str) -> str:
    return order_ref.rsplit(":", 1)[1]
