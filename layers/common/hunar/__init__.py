"""Hunar: order fulfilment for self-help groups that sell on marketplaces."""

__version__ = "0.1.0"
