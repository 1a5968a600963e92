"""The deployed stack on this machine: real ``sam build``, real ``sam deploy``, MiniStack in place of AWS.

Nothing here reaches AWS: every process and client gets an endpoint on 127.0.0.1, made-up keys and none
of the user's AWS settings. All files are under ``.local/``; one stack at a time runs from one folder.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import fcntl
import hashlib
import json
import os
import platform
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import tomllib
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final

import boto3
import botocore.session
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials

HOST: Final = "127.0.0.1"
REGION: Final = "ap-south-1"
STAGE: Final = "local"
KEYS: Final = Credentials("LOCALSTACKKEY", "local-stack-opens-no-real-account")

WARM_CALLS: Final = {"ReceiveWebhookFunctionName": 4, "RelayEffectsFunctionName": 1}
"""Calls at one time, and so execution environments that are ready before the first visitor; two of all other functions.
MiniStack relays streams one batch after the other."""

WARM_AT_ONCE: Final = 8
HEALTHY_SECONDS: Final = 60
STOP_SECONDS: Final = 10
TOLD_FROM_SECONDS: Final = 5
"""Who waits longer than this is told for what."""
PROGRESS_SECONDS: Final = 10

_ARCHITECTURES: Final = {"aarch64": "arm64", "arm64": "arm64"}
_PR_SET_PDEATHSIG: Final = 1
_NO_PROXY: Final = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class StackError(Exception):
    """What went wrong, in words for the person who started the stack."""


class PortTaken(StackError):
    """Somebody else listens on the port."""

    def __init__(self, port: int) -> None:
        super().__init__(f"port {port} of {HOST} is taken by another program; stop that or choose another port")


def free_port() -> int:
    """A port of 127.0.0.1 on which nobody listens now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def port_taken(port: int) -> bool:
    """Whether a server could not listen on this port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return True
    return False


class Stack:
    """One local stack. ``build``, ``start``, ``deploy``, ``warm``, ``write_description``, in the end ``stop``."""

    def __init__(
        self,
        root: Path,
        *,
        say: Callable[[str], None],
        sms_url: str,
        public_url: str,
        marketplaces_url: str = "",
        port: int | None = None,
    ) -> None:
        """The addresses are those of the fake SMS service, of the gateway, and of the marketplaces' fake APIs."""
        self.root = root.resolve()
        self.home = self.root / ".local"
        self.port = free_port() if port is None else port
        self.endpoint_url = f"http://{HOST}:{self.port}"
        self.outputs: dict[str, str] = {}
        self._say = say
        self._sms_url = sms_url
        self._public_url = public_url
        self._marketplaces_url = marketplaces_url
        self._lock: int | None = None
        self._ministack: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Stack:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    # --- the steps

    def build(self) -> None:
        """``sam build`` for this machine. Nothing to do when what it was made from has not changed."""
        self._take_folder()
        built = self.home / "built"
        digest = self._inputs()
        if (self._built / "template.yaml").is_file() and built.is_file() and built.read_text() == digest:
            self._say("the functions are built already")
            return
        built.unlink(missing_ok=True)
        self._sam(
            "building the functions",
            ["build", "--template-file", "template.yaml", "--build-dir", str(self._built)]
            + ["--cached", "--cache-dir", str(self.home / "cache"), "--parallel"]
            + ["--parameter-overrides", *self._machine_parameters()],
        )
        built.write_text(digest)

    def start(self) -> None:
        """Starts MiniStack and waits until it answers.

        From the main thread, on Linux, MiniStack ends with this process however that ends.
        """
        if port_taken(self.port):
            raise PortTaken(self.port)
        self._take_folder()
        began = time.monotonic()
        log = self.home / "ministack.log"
        with log.open("wb") as output:
            self._ministack = _spawn([self._tool("ministack")], output, self._environment(), self.home)
        atexit.register(self.stop)
        while not self._healthy():
            if self._ministack.poll() is not None:
                raise StackError(f"MiniStack ended with code {self._ministack.returncode}:\n{_tail(log)}")
            if time.monotonic() - began > HEALTHY_SECONDS:
                raise StackError(f"MiniStack does not answer after {HEALTHY_SECONDS} s:\n{_tail(log)}")
            time.sleep(0.05)
        self._say(f"MiniStack answers on port {self.port} … {time.monotonic() - began:.1f} s")

    def deploy(self) -> dict[str, str]:
        """``sam deploy`` with the ``local`` settings of samconfig.toml. Returns the stack's outputs.

        ``ApiUrl`` is the address that the API has on this machine, where no name leads to ``execute-api``.
        """
        settings = self._settings()
        # Options of the command line replace those of samconfig.toml, so the parameters are given together.
        self._sam(
            "deploying the stack",
            ["deploy", "--config-file", str(self.root / "samconfig.toml"), "--config-env", STAGE]
            + ["--template-file", str(self._built / "template.yaml")]
            + ["--parameter-overrides", *settings["parameter_overrides"], f"SmsEndpointUrl={self._sms_url}"]
            + [f"MarketplaceApiUrl={self._marketplaces_url}", *self._machine_parameters()],
        )
        found = self.client("cloudformation").describe_stacks(StackName=self.stack_name)["Stacks"][0]["Outputs"]
        self.outputs = {output["OutputKey"]: output["OutputValue"] for output in found}
        self.outputs["ApiUrl"] = self._local_api_url(self.outputs["ApiUrl"])
        return dict(self.outputs)

    def redeploy(self) -> dict[str, str]:
        """Builds and deploys what has changed into the running stack."""
        self.build()
        return self.deploy()

    def warm(self) -> None:
        """Calls each function a few times at once, with nothing to do, so that the first visitor does not wait.

        A function that fails even so is an error here and not later.
        """
        began = time.monotonic()
        calls = [call for output, call in self._idle_calls() for _ in range(WARM_CALLS.get(output, 2))]
        # A few at a time: forty interpreters that start at once on a busy machine take longer than a call may.
        with ThreadPoolExecutor(WARM_AT_ONCE) as pool:
            for call in [pool.submit(call) for call in calls]:
                call.result()
        self._say(f"warming the functions … {time.monotonic() - began:.0f} s")

    def write_description(self) -> Path:
        """Writes ``.local/stack.json``, by which other programs find the stack. Only its owner can read it."""
        path = self.home / "stack.json"
        text = json.dumps(self.description(), indent=2) + "\n"
        new = path.with_suffix(".new")
        new.unlink(missing_ok=True)
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text)
        new.replace(path)
        return path

    def description(self) -> dict[str, Any]:
        """Where the stack is and what it put out."""
        return {
            "endpoint_url": self.endpoint_url,
            "region": REGION,
            "stage": STAGE,
            "stack_name": self.stack_name,
            "outputs": dict(self.outputs),
            "sms_url": self._sms_url,
            "public_url": self._public_url,
            "marketplaces_url": self._marketplaces_url,
        }

    def stop(self) -> None:
        """Ends MiniStack and its workers and removes what only a running stack has. Does no harm twice."""
        atexit.unregister(self.stop)
        if self._ministack is not None:
            _end(self._ministack)
            self._ministack = None
        if self._lock is not None:
            (self.home / "stack.json").unlink(missing_ok=True)
            began = time.monotonic()
            shutil.rmtree(self.home / "tmp", ignore_errors=True)
            if (took := time.monotonic() - began) >= TOLD_FROM_SECONDS:
                self._say(f"removing what the workers had unpacked … {took:.0f} s")
            os.close(self._lock)
            self._lock = None

    # --- for those who look into the running stack

    @property
    def stack_name(self) -> str:
        return str(self._settings()["stack_name"])

    def client(self, service: str, **config: Any) -> Any:
        """A boto3 client of the local stack. The user's profiles, regions and proxies have no say in it."""
        nowhere = (None, None, os.devnull, None)
        session = botocore.session.Session(
            session_vars={"profile": (None, None, None, None), "config_file": nowhere, "credentials_file": nowhere}
        )
        return boto3.Session(
            aws_access_key_id=KEYS.access_key,
            aws_secret_access_key=KEYS.secret_key,
            region_name=REGION,
            botocore_session=session,
        ).client(  # type: ignore[call-overload]
            service, endpoint_url=self.endpoint_url, config=Config(proxies={}, **config)
        )

    # --- inside

    @property
    def _built(self) -> Path:
        return self.home / "build"

    def _take_folder(self) -> None:
        """Keeps ``.local/`` for this process, because two stacks would wipe each other's files."""
        if self._lock is not None:
            return
        self.home.mkdir(exist_ok=True)
        lock = os.open(self.home / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(lock)
            raise StackError(f"another local stack runs from {self.root}; stop that first") from None
        self._lock = lock
        # What a stack that was killed has left behind.
        (self.home / "stack.json").unlink(missing_ok=True)
        shutil.rmtree(self.home / "tmp", ignore_errors=True)
        (self.home / "tmp").mkdir()

    def _tool(self, name: str) -> str:
        path = self.root / ".tools" / name / "bin" / name
        if not path.is_file():
            raise StackError(f"{name} is not installed here; start the stack with make run")
        return str(path)

    def _environment(self) -> dict[str, str]:
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("AWS_", "MAKE", "SAM_", "PYTHON", "HUNAR_"))
            and name not in {"MFLAGS", "VIRTUAL_ENV"}
        }
        return kept | {
            "PATH": f"{self.root / '.tools' / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
            "TMPDIR": str(self.home / "tmp"),
            "NO_PROXY": ",".join(filter(None, [os.environ.get("NO_PROXY"), HOST, "localhost"])),
            "PYTHONUNBUFFERED": "1",
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_ACCESS_KEY_ID": KEYS.access_key,
            "AWS_SECRET_ACCESS_KEY": KEYS.secret_key,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_REGION": REGION,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "BIND_HOST": HOST,
            "GATEWAY_PORT": str(self.port),
            "LAMBDA_EXECUTOR": "local",
            "MINISTACK_REGION": REGION,
            "IOT_MTLS_ENABLED": "0",
            "SAM_CLI_TELEMETRY": "0",
            # Seconds between two looks at the deployment. AWS wants 5; here most of a deployment would be waiting.
            "SAM_CLI_POLL_DELAY": "0.2",
            "HUNAR_ARCH": "native",
            "HUNAR_RUNTIME": _runtime(),
            "HUNAR_PYTHON": sys.executable,
            "HUNAR_UV": str(self.root / ".tools" / "uv" / "bin" / "uv"),
        }

    def _settings(self) -> dict[str, Any]:
        settings: dict[str, Any] = tomllib.loads((self.root / "samconfig.toml").read_text())[STAGE]["deploy"][
            "parameters"
        ]
        return settings

    def _machine_parameters(self) -> list[str]:
        architecture = _ARCHITECTURES.get(platform.machine().lower(), "x86_64")
        return [f"Runtime={_runtime()}", f"Architecture={architecture}"]

    def _inputs(self) -> str:
        """SHA-256 of all that the build is made from: the template, the code and the interpreter."""
        digest = hashlib.sha256("\0".join([sys.version, os.path.realpath(sys.executable), platform.machine()]).encode())
        for path in [self.root / "template.yaml", *_sources(self.root)]:
            content = path.read_bytes()
            digest.update(f"\0{path.relative_to(self.root)}\0{len(content)}\0".encode() + content)
        return digest.hexdigest()

    def _sam(self, label: str, arguments: Sequence[str]) -> None:
        log = self.home / f"sam-{arguments[0]}.log"
        began = time.monotonic()
        with log.open("wb") as output:
            process = _spawn([self._tool("sam"), *arguments], output, self._environment(), self.root)
            try:
                while True:
                    try:
                        process.wait(PROGRESS_SECONDS)
                        break
                    except subprocess.TimeoutExpired:
                        self._say(f"{label} … {time.monotonic() - began:.0f} s so far")
            finally:
                _end(process)
        if process.returncode:
            raise StackError(f"{label} failed; the end of {log.relative_to(self.root)}:\n{_tail(log)}")
        self._say(f"{label} … {time.monotonic() - began:.0f} s")

    def _healthy(self) -> bool:
        try:
            with _NO_PROXY.open(f"{self.endpoint_url}/_ministack/health", timeout=2) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def _local_api_url(self, url: str) -> str:
        found = re.search(r"//(\w+)\.execute-api\.|/execute-api/(\w+)", url)
        if found is None:
            raise StackError(f"the output ApiUrl names no API: {url}")
        return f"{self.endpoint_url}/_aws/execute-api/{found[1] or found[2]}/$default"

    def _idle_calls(self) -> Iterator[tuple[str, Callable[[], None]]]:
        """A call for each function: a message without a signature, a look at a list, an empty batch."""
        invoke = self.client(
            "lambda", read_timeout=HEALTHY_SECONDS, retries={"total_max_attempts": 1}, max_pool_connections=64
        ).invoke
        account = self.outputs["WebhookAccounts"].split(",")[0]
        for output, function in self.outputs.items():
            if output == "ReceiveWebhookFunctionName":
                yield output, lambda: self._ask("POST", f"/webhooks/{account}", b"{}")
            elif output == "OperatorApiFunctionName":
                yield output, lambda: self._ask("GET", "/api/exceptions")
            elif output == "MakeStatementFunctionName":
                yield output, lambda: self._ask("GET", "/api/groups/nobody/statement")
            elif output.endswith("FunctionName"):
                yield output, partial(_empty_batch, invoke, function)

    def _ask(self, method: str, path: str, body: bytes | None = None) -> None:
        url = self.outputs["ApiUrl"] + path
        request = AWSRequest(method, url, {"Content-Type": "application/json"}, body)
        if body is None:
            SigV4Auth(KEYS, "execute-api", REGION).add_auth(request)
        sent = urllib.request.Request(url, body, dict(request.headers), method=method)  # noqa: S310 loopback
        try:
            _NO_PROXY.open(sent, timeout=HEALTHY_SECONDS).close()
        except urllib.error.HTTPError as refused:
            with refused:
                # A refusal is a sign of life, and so is 503, the door's answer as long as its account has no secret.
                if refused.code >= 500 and refused.code != 503:
                    answer = refused.read(2000).decode(errors="replace")
                    raise StackError(f"{method} {path} answers {refused.code}: {answer}") from None


def _runtime() -> str:
    """The Lambda runtime that this interpreter is: MiniStack runs the handlers in one of the same version."""
    return f"python{sys.version_info.major}.{sys.version_info.minor}"


def _sources(root: Path) -> Iterator[Path]:
    for folder in ("functions", "layers"):
        for path in sorted((root / folder).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                yield path


def _empty_batch(invoke: Callable[..., Mapping[str, Any]], function: str) -> None:
    answer = invoke(FunctionName=function, Payload=b'{"Records": []}')
    if "FunctionError" in answer:
        raise StackError(f"{function} fails with an empty batch: {answer['Payload'].read(2000).decode()}")


def _spawn(
    command: Sequence[str], output: IO[bytes], environment: Mapping[str, str], folder: Path
) -> subprocess.Popen[bytes]:
    """Starts a process in a group of its own, so that Ctrl-C comes to us alone and we end the whole group."""
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        cwd=folder,
        env=dict(environment),
        start_new_session=True,
        preexec_fn=_ends_with_us(),  # noqa: PLW1509 it makes one system call
    )


def _ends_with_us() -> Callable[[], None] | None:
    """Has Linux end the child when we end, even by SIGKILL. Linux looks at the starting thread: hence the main one."""
    if sys.platform != "linux" or threading.current_thread() is not threading.main_thread():
        return None
    prctl = ctypes.CDLL(None).prctl

    def ask() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)

    return ask


def _end(process: subprocess.Popen[bytes]) -> None:
    """SIGTERM to the process, and SIGKILL to what its group still has when it is gone or will not go."""
    if process.poll() is None:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STOP_SECONDS)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _tail(log: Path, lines: int = 40) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
