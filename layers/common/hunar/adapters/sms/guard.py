"""What keeps a demo and a local stack from real phones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from hunar.adapters.loopback import local_only

ENDPOINT_VARIABLES: Final = {
    "aws": "AWS_ENDPOINT_URL_PINPOINT_SMS_VOICE_V2",
    "sns": "AWS_ENDPOINT_URL_SNS",
}
"""Where botocore itself takes the address of an emulated service from, by provider."""


def require_fake(provider: str, demo: bool, environ: Mapping[str, str]) -> None:
    """Stops a demo, or a local stack, that could reach a real phone.

    RuntimeError unless the variable that botocore reads points to this machine; a provider that botocore does not call
    has no stand-in to point to. A demo's numbers are invented, but somebody may own them.
    """
    if not demo and environ.get("STAGE", "local") != "local":
        return
    variable = ENDPOINT_VARIABLES.get(provider)
    if variable is None:
        raise RuntimeError(f"a demo or local stack sends no real SMS: SMS_PROVIDER may not be {provider}")
    ignored = environ.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "").lower() == "true"
    if ignored or not local_only(environ.get(variable, "")):
        raise RuntimeError(f"a demo or local stack sends no real SMS: {variable} must be a loopback address")
