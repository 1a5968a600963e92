"""What holds for every test: no real AWS, and histories that Hypothesis draws the same way each time."""

from __future__ import annotations

import functools
import logging
import os
import re
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings

for name in [name for name in os.environ if name.startswith("AWS_")]:
    del os.environ[name]
os.environ.update(
    AWS_ACCESS_KEY_ID="testing",
    AWS_SECRET_ACCESS_KEY="testing",
    AWS_DEFAULT_REGION="ap-south-1",
    AWS_CONFIG_FILE=os.devnull,
    AWS_SHARED_CREDENTIALS_FILE=os.devnull,
    AWS_EC2_METADATA_DISABLED="true",
    # moto does not know the addresses that botocore makes from an account id
    AWS_ACCOUNT_ID_ENDPOINT_MODE="disabled",
)

from tests import secret_watch  # noqa: E402  (after the environment)

slow_is_fine = [HealthCheck.too_slow]
settings.register_profile(
    "quick", max_examples=100, derandomize=True, database=None, deadline=None, suppress_health_check=slow_is_fine
)
settings.register_profile(
    "night",
    max_examples=int(os.environ.get("HUNAR_NIGHT_EXAMPLES", "100000")),
    deadline=None,
    print_blob=True,
    suppress_health_check=slow_is_fine,
)
# One failure is enough to find a change of the code; nobody reads it, so it need not be made small first.
settings.register_profile(
    "mutants",
    settings.get_profile("quick"),
    phases=[Phase.explicit, Phase.generate],
)
settings.load_profile("quick")


@pytest.fixture(scope="session", autouse=True)
def aws_services_are_read_once() -> None:
    """Each session of boto3 reads the descriptions of the services anew, megabytes of JSON, and there are hundreds.

    Tests that need no AWS do not import it for that.
    """
    sessions: Any = sys.modules.get("botocore.session")
    if sessions:
        sessions.create_loader = functools.cache(sessions.create_loader)


_NUMBER_OR_TEXT = re.compile(
    r"(?<![0-9A-Za-z])(\+?91)?[6-9][0-9]{9}(?![0-9A-Za-z])|[\u0600-\u06ff\u0900-\u0dff]|\\u0(6|9|[a-d])[0-9a-f]{2}",
    re.IGNORECASE,
)
"""A mobile number of India, or a letter of one of its scripts: what texts are written in, and people's names."""
_said: list[str] = []


def _watched(self: logging.Handler, record: logging.LogRecord) -> str:
    line = _format(self, record)
    if _NUMBER_OR_TEXT.search(line):
        _said.append(line)
    secret_watch.look("log", line)
    return line


_format = logging.Handler.format
logging.Handler.format = _watched  # type: ignore[method-assign]


@pytest.fixture(scope="session", autouse=True)
def what_is_typed_of_banks_is_watched() -> None:
    secret_watch.install()


@pytest.fixture(autouse=True)
def no_log_line_has_a_number_or_a_text() -> Iterator[None]:
    """Of no test in the whole suite, whatever it logs; and nothing that is sent or shown has a bank account."""
    _said.clear()
    secret_watch.begin()
    yield
    assert not _said
    assert not secret_watch.found
