"""Where a stage is deployed, and the adapters that reach it.

The local stage is described by ``.local/stack.json``, every other one by the outputs of its
CloudFormation stack ``hunar-<stage>``.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import ClientError, NoCredentialsError

from hunar.adapters.dynamodb.store import DynamoDBStore
from hunar.adapters.failed_relays import S3FailedRelays
from hunar.adapters.sqs import SqsQueues
from hunar.cli.output import Failed
from hunar.ports import FailedRelays, QueueName, Queues, Store
from hunar.tables import Table

LOCAL: Final = "local"
REGION: Final = "ap-south-1"
"""Where Hunar is deployed unless AWS_REGION says otherwise."""

DESCRIPTION: Final = Path(".local") / "stack.json"
_PROJECT: Final = Path(__file__).resolve().parents[4]
"""The folder of the project when the command is installed from it."""

_QUEUE_OUTPUTS: Final = {
    queue: f"{''.join(word.title() for word in queue.value.split('-'))}QueueUrl" for queue in QueueName
}


@dataclass(frozen=True)
class Deployed:
    """A deployed stack: its outputs and its clients."""

    stage: str
    stack_name: str
    outputs: Mapping[str, str]
    session: Any
    endpoint_url: str | None = None
    public_url: str | None = None
    """Where the local stack is served, instead of its API's own URL."""

    @classmethod
    def find(cls, stage: str) -> Deployed:
        """The stack of a stage. Raises Failed, in one line, when there is none."""
        return _local() if stage == LOCAL else _in_aws(stage)

    def client(self, service: str) -> Any:
        """A boto3 client. A proxy has no say on the way to the local stack."""
        proxies: dict[str, Any] = {"proxies": {}} if self.stage == LOCAL else {}
        config = Config(connect_timeout=5, read_timeout=20, **proxies)
        return self.session.client(service, endpoint_url=self.endpoint_url, config=config)

    @cached_property
    def store(self) -> Store:
        return DynamoDBStore(
            self.client("dynamodb"), {table: self.output(f"{table.name.title()}TableName") for table in Table}
        )

    @cached_property
    def queues(self) -> Queues:
        return SqsQueues(self.client("sqs"), {queue: self.output(name) for queue, name in _QUEUE_OUTPUTS.items()})

    @cached_property
    def failed_relays(self) -> FailedRelays:
        return S3FailedRelays(self.client("s3"), self.output("FailedRelaysBucketName"))

    @property
    def person(self) -> str:
        """Who gives the commands, as AWS knows them."""
        return str(self.client("sts").get_caller_identity()["Arn"])

    @property
    def demo(self) -> bool:
        return self.output("Demo") == "true"

    @property
    def webhook_accounts(self) -> list[str]:
        """``marketplace/account`` of each account whose webhooks the stack takes."""
        return self._listed("WebhookAccounts")

    @property
    def api_accounts(self) -> list[str]:
        """``marketplace/account`` of each account whose marketplace the stack asks and tells."""
        return self._listed("ApiAccounts")

    def _listed(self, output: str) -> list[str]:
        return [account.strip() for account in self.output(output).split(",") if account.strip()]

    def secret_name(self, marketplace: str, account: str) -> str:
        return f"{self.output('SecretPrefix')}/{marketplace}/{account}"

    def api_secret_name(self, marketplace: str, account: str) -> str:
        return f"{self.output('ApiSecretPrefix')}/{marketplace}/{account}"

    def webhook_url(self, marketplace: str, account: str) -> str:
        """Where an account's webhooks can be posted to."""
        base = self.public_url or self.output("ApiUrl")
        return f"{base.rstrip('/')}/webhooks/{marketplace}/{account}"

    def output(self, name: str) -> str:
        if name not in self.outputs:
            raise Failed(f"the stack {self.stack_name} has no output {name}; deploy this version of it first")
        return self.outputs[name]


def _local() -> Deployed:
    here = Path.cwd()
    for folder in (here, *here.parents, _PROJECT):
        path = folder / DESCRIPTION
        if not path.is_file():
            continue
        try:
            described = json.loads(path.read_text(encoding="utf-8"))
            return Deployed(
                stage=LOCAL,
                stack_name=described["stack_name"],
                outputs=described["outputs"],
                session=_local_session(described["region"]),
                endpoint_url=described["endpoint_url"],
                public_url=described["public_url"],
            )
        except (ValueError, KeyError, TypeError) as error:
            raise Failed(f"{path} does not describe a local stack; start it again: make run") from error
    raise Failed("no local stack is running here; start it with: make run (or name another with --stage)")


def _local_session(region: str) -> Any:
    """Made-up keys and none of the user's settings: nothing of this can reach AWS."""
    nowhere = (None, None, os.devnull, None)
    bare = botocore.session.Session(
        session_vars={"profile": (None, None, None, None), "config_file": nowhere, "credentials_file": nowhere}
    )
    return boto3.Session(
        aws_access_key_id="LOCALCOMMANDKEY",
        aws_secret_access_key="local-command-opens-no-real-account",  # noqa: S106
        region_name=region,
        botocore_session=bare,
    )


def _in_aws(stage: str) -> Deployed:
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or REGION
    name = f"hunar-{stage}"
    session = boto3.Session(region_name=region)
    try:
        described = session.client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]
    except ClientError as error:
        if error.response["Error"]["Code"] != "ValidationError":
            raise
        raise Failed(f"there is no stack {name} in {region}; deploy it, or name another --stage") from None
    except NoCredentialsError:
        raise Failed(f"no AWS credentials: sign in to the account of {name}, or use --stage local") from None
    outputs = {entry["OutputKey"]: entry["OutputValue"] for entry in described.get("Outputs", [])}
    return Deployed(stage=stage, stack_name=name, outputs=outputs, session=session)
