"""Addresses of this machine: where the local stack's fakes listen, and nothing real does."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit


def local_only(endpoint: str) -> bool:
    """Whether an endpoint URL stays on this machine."""
    host = urlsplit(endpoint).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
