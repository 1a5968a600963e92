"""The tools that build and start: the locks, the search for a Python, the layer's Makefile, the stack's starter."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest

from local.stack import PortTaken, Stack, StackError, free_port

ROOT = Path(__file__).resolve().parents[2]
LAYER = ROOT / "layers/common"
STATEMENTS = ROOT / "functions/make_statement"
LOCKS = sorted([*ROOT.glob("requirements/*.txt"), LAYER / "requirements.txt", STATEMENTS / "requirements.txt"])
RUNTIME = f"python{sys.version_info.major}.{sys.version_info.minor}"


def locked(path: Path) -> dict[str, str]:
    """Version of each package in a lock file (of the last one, where two serve two platforms)."""
    return dict(re.findall(r"^([a-z0-9-]+)==([^\s;]+)", path.read_text(), re.M))


def script(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


# --- locks


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_locked_requirement_is_pinned_and_hashed_and_names_no_address(path: Path) -> None:
    text = path.read_text()
    requirements = re.sub(r"\\\n", " ", re.sub(r"^\s*#.*\n", "", text, flags=re.M)).splitlines()
    assert requirements
    for requirement in requirements:
        assert re.match(r"^[a-z0-9-]+==\S+ .*--hash=sha256:[0-9a-f]{64}", requirement), requirement
    assert "://" not in text
    assert not re.search(r"(^|[\s'\"])/", text, re.M), "a path of some machine"


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_lock_is_made_from_the_versions_that_are_asked_for(path: Path) -> None:
    asked = re.findall(r"^([a-z0-9-]+)(?:\[[^]]*\])?==(\S+)$", path.with_suffix(".in").read_text(), re.M)
    assert asked
    assert dict(asked).items() <= locked(path).items()


@pytest.mark.parametrize("folder", [LAYER, STATEMENTS], ids=["layer", "make_statement"])
def test_the_tests_run_the_versions_that_are_shipped(folder: Path) -> None:
    assert locked(folder / "requirements.txt").items() <= locked(ROOT / "requirements/dev.txt").items()


def test_what_draws_statements_is_in_one_function_and_not_in_the_layer() -> None:
    assert locked(LAYER / "requirements.txt").keys().isdisjoint(locked(STATEMENTS / "requirements.txt"))
    assert [path.parent.name for path in ROOT.glob("functions/*/requirements.txt")] == ["make_statement"]


def test_the_layer_leaves_boto3_to_the_lambda_runtime() -> None:
    assert {"boto3", "botocore", "typer"}.isdisjoint(locked(LAYER / "requirements.txt"))


# --- which Python


def find(tmp_path: Path, *folders: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [ROOT / "local/find-python"],
        env={"PATH": os.pathsep.join(map(str, folders)), "HOME": str(tmp_path / "home"), **environment},
        capture_output=True,
        text=True,
    )


def interpreter(folder: Path, version: str) -> Path:
    """Something that passes for a Python of one version: it is asked with ``-I -c proof version``."""
    return script(folder / f"python{version}", f'#!/bin/sh\ncase "$4" in ""|{version}) echo "$0";; *) exit 1;; esac\n')


def test_the_interpreter_that_runs_these_tests_is_accepted_by_its_own_proof(tmp_path: Path) -> None:
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / RUNTIME).symlink_to(sys.executable)
    found = find(tmp_path, folder)
    assert (found.stdout.strip(), found.stderr) == (os.path.realpath(sys.executable), "")


def test_an_interpreter_under_the_name_of_another_version_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / ("python3.12" if RUNTIME == "python3.14" else "python3.14")).symlink_to(sys.executable)
    assert find(tmp_path, folder).returncode == 1


def test_a_shim_without_an_interpreter_behind_it_is_passed_over(tmp_path: Path) -> None:
    script(tmp_path / "shims/python3.13", "#!/bin/sh\necho 'python3.13: command not found' >&2\nexit 127\n")
    real = interpreter(tmp_path / "later", "3.13")
    assert find(tmp_path, tmp_path / "shims", tmp_path / "later").stdout.strip() == str(real)


def test_a_shim_alone_is_no_python_and_one_line_says_so(tmp_path: Path) -> None:
    script(tmp_path / "shims/python3.13", "#!/bin/sh\nexit 127\n")
    found = find(tmp_path, tmp_path / "shims")
    assert (found.returncode, found.stdout, found.stderr.count("\n")) == (1, "", 1)
    assert "Python 3.13" in found.stderr


def test_where_there_is_nothing_one_line_names_what_is_missing(tmp_path: Path) -> None:
    found = find(tmp_path, tmp_path)
    assert (found.returncode, found.stdout, found.stderr.count("\n")) == (1, "", 1)
    assert "no working Python 3.13" in found.stderr


def test_a_3_13_that_only_pyenv_or_uv_knows_goes_before_another_version_on_the_path(tmp_path: Path) -> None:
    interpreter(tmp_path / "bin", "3.14")
    uv = interpreter(tmp_path / "home/.local/share/uv/python/cpython-3.13.7-linux/bin", "3.13")
    assert find(tmp_path, tmp_path / "bin").stdout.strip() == str(uv)
    pyenv = interpreter(tmp_path / "home/.pyenv/versions/3.13.0/bin", "3.13")
    assert find(tmp_path, tmp_path / "bin").stdout.strip() == str(pyenv)


def test_without_a_3_13_the_newest_is_taken(tmp_path: Path) -> None:
    for version in ("3.10", "3.11", "3.12"):
        interpreter(tmp_path / "bin", version)
    assert find(tmp_path, tmp_path / "bin").stdout.strip().endswith("python3.12")
    newest = interpreter(tmp_path / "bin", "3.14")
    assert find(tmp_path, tmp_path / "bin").stdout.strip() == str(newest)


def test_a_named_interpreter_ends_the_search_even_when_it_does_not_work(tmp_path: Path) -> None:
    interpreter(tmp_path / "bin", "3.13")
    other = interpreter(tmp_path / "elsewhere", "3.12")
    assert find(tmp_path, tmp_path / "bin", HUNAR_PYTHON=str(other)).stdout.strip() == str(other)
    found = find(tmp_path, tmp_path / "bin", HUNAR_PYTHON=str(tmp_path / "none"))
    assert (found.returncode, found.stdout, found.stderr.count("\n")) == (1, "", 1)
    assert "HUNAR_PYTHON" in found.stderr


# --- the layer


def build_layer(tmp_path: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs the layer's Makefile as SAM does, in a copy of the folder, with a uv that notes how it was called."""
    script(tmp_path / "copy/hunar/cli/__init__.py", "import typer\n")
    script(tmp_path / "copy/hunar/__init__.py", "NAME = 'hunar'\n")
    script(tmp_path / "copy/hunar/__pycache__/__init__.cpython-310.pyc", "stale")
    script(tmp_path / "copy/requirements.txt", "")
    uv = script(
        tmp_path / "uv",
        '#!/bin/sh\necho "$@" > "$NOTE"\nwhile [ "$1" != --target ]; do shift; done\n'
        'mkdir -p "$2/bin" "$2/pydantic" && echo "VERSION = 2" > "$2/pydantic/__init__.py"\n',
    )
    return subprocess.run(
        ["make", "-f", LAYER / "Makefile", "build-CommonLayer"],
        cwd=tmp_path / "copy",
        env={
            "PATH": os.environ["PATH"],
            "ARTIFACTS_DIR": str(tmp_path / "artifacts"),
            "HUNAR_UV": str(uv),
            "HUNAR_PYTHON": sys.executable,
            "HUNAR_RUNTIME": RUNTIME,
            "NOTE": str(tmp_path / "note"),
            "PYTHONDONTWRITEBYTECODE": "1",
            **environment,
        },
        capture_output=True,
        text=True,
    )


def test_the_layer_holds_bytecode_that_is_never_checked_and_no_command_line(tmp_path: Path) -> None:
    built = build_layer(tmp_path)
    assert built.returncode == 0, built.stderr
    content = tmp_path / "artifacts/python"
    assert sorted(str(path.relative_to(content)) for path in content.rglob("*.py")) == [
        "hunar/__init__.py",
        "pydantic/__init__.py",
    ]
    bytecode = list(content.rglob("*.pyc"))
    assert sorted(path.name for path in bytecode) == [f"__init__.{sys.implementation.cache_tag}.pyc"] * 2
    for path in bytecode:
        # PEP 552: bit 0 says that a hash and not a time is inside, bit 1 would say that it is to be checked.
        assert int.from_bytes(path.read_bytes()[4:8], "little") == 0b01
    assert not (content / "bin").exists()


@pytest.mark.parametrize(
    ("architecture", "platform"),
    [("", "aarch64-manylinux2014"), ("x86_64", "x86_64-manylinux2014"), ("native", None)],
)
def test_the_layer_gets_wheels_of_the_functions_processor(
    tmp_path: Path, architecture: str, platform: str | None
) -> None:
    environment = {"HUNAR_ARCH": architecture} if architecture else {}
    assert build_layer(tmp_path, **environment).returncode == 0
    words = (tmp_path / "note").read_text().split()
    chosen = words[words.index("--python-platform") + 1] if "--python-platform" in words else None
    assert chosen == platform
    assert words[words.index("--python-version") + 1] == RUNTIME.removeprefix("python")
    assert {"--require-hashes", ":all:"} <= set(words)


def test_a_layer_for_another_runtime_than_the_interpreter_is_refused(tmp_path: Path) -> None:
    built = build_layer(tmp_path, HUNAR_RUNTIME="python3.9")
    assert built.returncode != 0
    assert "needs that interpreter" in built.stderr
    assert not (tmp_path / "artifacts").exists()


def test_an_unknown_processor_is_refused(tmp_path: Path) -> None:
    built = build_layer(tmp_path, HUNAR_ARCH="riscv")
    assert built.returncode != 0
    assert "arm64, x86_64 or native" in built.stderr


# --- the function that has packages of its own


def build_statements(tmp_path: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """As SAM does, in a copy of the folder, with a uv that notes how it was called."""
    script(tmp_path / "copy/handler.py", "import fpdf\n")
    script(tmp_path / "copy/requirements.txt", "")
    uv = script(
        tmp_path / "uv",
        '#!/bin/sh\necho "$@" > "$NOTE"\nwhile [ "$1" != --target ]; do shift; done\n'
        'mkdir -p "$2/bin" "$2/share" "$2/fpdf" && echo "VERSION = 2" > "$2/fpdf/__init__.py"\n',
    )
    return subprocess.run(
        ["make", "-f", STATEMENTS / "Makefile", "build-MakeStatementFunction"],
        cwd=tmp_path / "copy",
        env={
            "PATH": os.environ["PATH"],
            "ARTIFACTS_DIR": str(tmp_path / "artifacts"),
            "HUNAR_UV": str(uv),
            "HUNAR_PYTHON": sys.executable,
            "HUNAR_RUNTIME": RUNTIME,
            "NOTE": str(tmp_path / "note"),
            "PYTHONDONTWRITEBYTECODE": "1",
            **environment,
        },
        capture_output=True,
        text=True,
    )


def test_its_packages_have_bytecode_and_its_handler_is_as_every_other_ones(tmp_path: Path) -> None:
    built = build_statements(tmp_path)
    assert built.returncode == 0, built.stderr
    content = tmp_path / "artifacts"
    files = {str(path.relative_to(content)) for path in content.rglob("*") if path.is_file()}
    tag = sys.implementation.cache_tag
    assert files == {"handler.py", "fpdf/__init__.py", f"fpdf/__pycache__/__init__.{tag}.pyc"}
    assert int.from_bytes((content / f"fpdf/__pycache__/__init__.{tag}.pyc").read_bytes()[4:8], "little") == 0b01


@pytest.mark.parametrize(
    ("architecture", "platform"),
    [("", "aarch64-manylinux_2_28"), ("x86_64", "x86_64-manylinux_2_28"), ("native", None)],
)
def test_it_gets_wheels_of_its_processor(tmp_path: Path, architecture: str, platform: str | None) -> None:
    environment = {"HUNAR_ARCH": architecture} if architecture else {}
    assert build_statements(tmp_path, **environment).returncode == 0
    words = (tmp_path / "note").read_text().split()
    chosen = words[words.index("--python-platform") + 1] if "--python-platform" in words else None
    assert chosen == platform
    assert words[words.index("--python-version") + 1] == RUNTIME.removeprefix("python")
    assert {"--require-hashes", ":all:"} <= set(words)


def test_it_is_refused_for_another_interpreter_processor_or_too_old_a_runtime(tmp_path: Path) -> None:
    old = script(tmp_path / "old", "#!/bin/sh\nexit 0\n")
    for environment, told in (
        ({"HUNAR_RUNTIME": "python3.9"}, "needs that interpreter"),
        ({"HUNAR_ARCH": "riscv"}, "arm64, x86_64 or native"),
        ({"HUNAR_RUNTIME": "python3.11", "HUNAR_PYTHON": str(old)}, "needs python3.12 or later"),
    ):
        built = build_statements(tmp_path, **environment)
        assert built.returncode != 0 and told in built.stderr
    assert not (tmp_path / "artifacts").exists()
    local = {"HUNAR_RUNTIME": "python3.11", "HUNAR_PYTHON": str(old), "HUNAR_ARCH": "native"}
    assert "needs python3.12" not in build_statements(tmp_path, **local).stderr, "this machine's glibc is another"


# --- stages


def test_every_stage_deploys_a_stack_of_its_own_name_and_real_ones_ask_first() -> None:
    stages = tomllib.loads((ROOT / "samconfig.toml").read_text())
    for stage in ("local", "dev", "staging", "prod"):
        settings = stages[stage]["deploy"]["parameters"]
        assert settings["stack_name"] == f"hunar-{stage}"
        assert f"Stage={stage}" in settings["parameter_overrides"]
        assert ("Emulated=true" in settings["parameter_overrides"]) == (stage == "local")
        assert settings["confirm_changeset"] == (stage in ("staging", "prod"))


# --- the local stack's starter

SERVER = f"""#!{sys.executable}
import http.server, os
class Healthy(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers()
http.server.HTTPServer((os.environ["BIND_HOST"], int(os.environ["GATEWAY_PORT"])), Healthy).serve_forever()
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project whose sam counts its builds and whose MiniStack only says that it is healthy."""
    script(tmp_path / "template.yaml", "Resources: {}\n")
    script(tmp_path / "samconfig.toml", (ROOT / "samconfig.toml").read_text())
    script(tmp_path / "functions/one/handler.py", "x = 1\n")
    script(
        tmp_path / ".tools/sam/bin/sam",
        "#!/bin/sh\necho built >> builds; mkdir -p .local/build && cp template.yaml .local/build/\n",
    )
    script(tmp_path / ".tools/ministack/bin/ministack", SERVER)
    return tmp_path


def a_stack(root: Path, port: int | None = None) -> Stack:
    return Stack(
        root, say=lambda text: None, sms_url="http://127.0.0.1:1", public_url="http://127.0.0.1:8080", port=port
    )


def builds(root: Path) -> int:
    return len((root / "builds").read_text().split())


def test_a_build_is_done_again_only_when_what_it_is_made_from_has_changed(root: Path) -> None:
    with a_stack(root) as stack:
        stack.build()
        stack.build()
        assert builds(root) == 1
        script(root / "functions/one/handler.py", "x = 2\n")
        stack.build()
        assert builds(root) == 2
        script(root / "functions/one/__pycache__/handler.pyc", "bytecode of a test run")
        stack.build()
        assert builds(root) == 2


def test_a_build_that_failed_says_why_and_is_not_taken_for_done(root: Path) -> None:
    works = (root / ".tools/sam/bin/sam").read_text()
    script(root / ".tools/sam/bin/sam", "#!/bin/sh\necho 'no such handler'\nexit 1\n")
    with a_stack(root) as stack:
        with pytest.raises(StackError, match="no such handler"):
            stack.build()
        script(root / ".tools/sam/bin/sam", works)
        stack.build()
    assert builds(root) == 1


def test_a_second_stack_from_the_same_folder_is_refused_until_the_first_has_stopped(root: Path) -> None:
    with a_stack(root) as first:
        first.build()
        with pytest.raises(StackError, match="another local stack"):
            a_stack(root).build()
    with a_stack(root) as second:
        second.build()


def test_a_taken_port_is_one_clear_line(root: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(PortTaken) as refused:
            a_stack(root, port).start()
        assert str(port) in str(refused.value) and "\n" not in str(refused.value)


def test_a_stopped_stack_leaves_neither_server_nor_description(root: Path) -> None:
    port = free_port()
    with a_stack(root, port) as stack:
        stack.start()
        path = stack.write_description()
        assert path.stat().st_mode & 0o777 == 0o600
        description = json.loads(path.read_text())
        assert description["endpoint_url"] == f"http://127.0.0.1:{port}"
        assert description["stack_name"] == "hunar-local"
        socket.create_connection(("127.0.0.1", port)).close()
    assert not path.exists()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))


def test_the_emulator_does_not_outlive_a_starter_that_dies(root: Path) -> None:
    port = free_port()
    code = (
        "import sys, time\nfrom pathlib import Path\nfrom local.stack import Stack\n"
        f"Stack(Path({str(root)!r}), say=print, sms_url='', public_url='', port={port}).start()\n"
        "print('started', flush=True)\ntime.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True) as starter:
        assert starter.stdout is not None
        assert any(line == "started\n" for line in starter.stdout)
        # Only Linux can tie a child to a parent that is killed; elsewhere the starter ends in order.
        starter.send_signal(signal.SIGKILL if sys.platform == "linux" else signal.SIGINT)
    ends = time.monotonic() + 10
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            break
        except ConnectionResetError:
            pass  # the listener closed with this call in its queue: it is ending, and the next call is refused
        assert time.monotonic() < ends, "still there"
        time.sleep(0.05)


def test_what_the_stack_starts_sees_no_aws_setting_of_the_user(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "secret")
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    script(
        root / ".tools/sam/bin/sam", "#!/bin/sh\nmkdir -p .local/build; cp template.yaml .local/build/; env > seen\n"
    )
    with a_stack(root) as stack:
        stack.build()
        assert stack.client("sqs").meta.endpoint_url == stack.endpoint_url
    seen = (root / "seen").read_text()
    assert "production" not in seen and "secret" not in seen and "PYTHONDONTWRITEBYTECODE" not in seen
    assert "AWS_ENDPOINT_URL=http://127.0.0.1:" in seen
