"""Every small change of the domain must make a test fail: ``make mutate``, part of ``make night``.

cosmic-ray makes the changes, one at a time, in a copy of the code, so that nobody's work is touched.
A change that no test notices is a survivor. Each known one stands in ``survivors.toml`` with the
reason why it may live; a survivor that does not stand there fails, and so does one that stands there
and was killed.

Run by the interpreter that has cosmic-ray; the tests run in the ordinary environment.
``MODULES="stock due"`` takes only these, ``SAMPLE=10`` each tenth change of them.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

from cosmic_ray.config import ConfigDict, serialize_config
from cosmic_ray.work_db import WorkDB, use_db
from cosmic_ray.work_item import WorkerOutcome, WorkItem, WorkResult

ROOT = Path(__file__).resolve().parents[2]
HERE = ROOT / "tests" / "mutation"
PLACE = ROOT / ".local" / "mutation"
PYTHON = ROOT / ".venv" / "bin" / "python"
DOMAIN = Path("layers/common/hunar/domain")

_MEMBER = r"([A-Z]\w+\.[A-Z_]+|int)\b"
SAME = (
    ("", re.compile(r"\*,")),
    ("ReplaceTrueWithFalse", re.compile(r"(?<=@dataclass\(frozen=)True")),
    ("ReplaceComparisonOperator_Is_Eq", re.compile(f"is {_MEMBER}")),
    ("ReplaceComparisonOperator_IsNot_NotEq", re.compile(f"is not {_MEMBER}")),
)
"""Changes that change nothing: cosmic-ray's name for the change, or any, and how the line goes on from there."""

Survivor = tuple[str, str, str]
"""Module, the line as it is, and as it was changed: they stay the same when lines above them move."""


def main() -> int:
    arguments = argparse.ArgumentParser(prog="make mutate", description=__doc__)
    plan = tomllib.loads((HERE / "mutation.toml").read_text())
    arguments.add_argument("modules", nargs="*", metavar="MODULE", help=f"of {', '.join(plan['modules'])}; all")
    arguments.add_argument("--sample", type=int, default=1, help="take only each so manieth change")
    arguments.add_argument("--again", action="store_true", help="only changes that nothing noticed the last time")
    arguments.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="modules at once")
    given = arguments.parse_args()
    modules = given.modules or list(plan["modules"])
    if unknown := set(modules) - set(plan["modules"]):
        arguments.error(f"no tests are named for {', '.join(sorted(unknown))} in mutation.toml")

    with ThreadPoolExecutor(given.workers) as workers:
        found = list(workers.map(lambda module: mutated(module, plan, given.sample, again=given.again), modules))
    outcomes: Counter[str] = Counter()
    survivors: set[Survivor] = set()
    for module, (counted, survived) in zip(modules, found, strict=True):
        print(f"{module:10} {counted['killed']:5} of {counted.total():5} killed")
        outcomes += counted
        survivors |= survived
    return judged(outcomes, survivors, modules, plan["percent_killed"], whole=given.sample == 1)


def mutated(module: str, plan: dict[str, object], sample: int, *, again: bool) -> tuple[Counter[str], set[Survivor]]:
    """Change the module in every way, one by one, and run its tests each time."""
    place, code = PLACE / module, DOMAIN / f"{module}.py"
    again = again and (place / code).exists() and (place / code).read_bytes() == (ROOT / code).read_bytes()
    shutil.rmtree(place / "tests" if again else place, ignore_errors=True)
    for part in ("tests",) if again else ("layers/common/hunar", "tests"):
        shutil.copytree(ROOT / part, place / part, ignore=shutil.ignore_patterns("__pycache__", "built", "template"))
    shutil.copy(ROOT / "pyproject.toml", place)
    tests = " ".join(plan["modules"][module])  # type: ignore[index]
    command = f"{PYTHON} -m pytest -x -q -p no:cacheprovider --hypothesis-profile=mutants {tests}"
    config = ConfigDict({
        "module-path": [str(code)],
        "timeout": float(plan["seconds"]),  # type: ignore[arg-type]
        "excluded-modules": [],
        "test-command": command,
        "distributor": {"name": "local"},
    })  # fmt: skip
    (place / "mutation.toml").write_text(serialize_config(config))
    # Unchanged code must pass. Its bytecode, written here once, saves half of each run. A changed file may have the
    # size and the second of the one before it, and bytecode would hide the change: of the module there is none.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    subprocess.run(command.split(), cwd=place, env=environment, check=True)
    for compiled in (place / code.parent / "__pycache__").glob(f"{module}.*"):
        compiled.unlink()

    def cosmic_ray(*what: str) -> None:
        unwritten = environment | {"PYTHONDONTWRITEBYTECODE": "1"}
        subprocess.run([sys.executable, "-m", "cosmic_ray.cli", *what], cwd=place, env=unwritten, check=True)

    if again:
        forget_survivors(place / "session.sqlite")
    else:
        cosmic_ray("init", "mutation.toml", "session.sqlite")
    with use_db(str(place / "session.sqlite"), WorkDB.Mode.open) as session:
        pass_over(session, place, 1 if again else sample)
    cosmic_ray("exec", "mutation.toml", "session.sqlite")
    with use_db(str(place / "session.sqlite"), WorkDB.Mode.open) as session:
        return read_outcomes(module, session.completed_work_items)


def forget_survivors(session: Path) -> None:
    with closing(sqlite3.connect(session)) as connection, connection:
        connection.execute("DELETE FROM work_results WHERE test_outcome = 'SURVIVED'")


def pass_over(session: WorkDB, place: Path, sample: int) -> None:
    """What changes nothing, and what is not in the sample.

    Annotations are texts that nobody evaluates. The star after which parameters are named says how they may be given,
    not what becomes of them. Who writes to what is frozen is refused by mypy. Of each member of an enumeration there
    is one, so that it equals what it is; so is it with the type of a number.
    """
    for number, item in enumerate(list(session.pending_work_items)):
        [mutation] = item.mutations
        source = (place / mutation.module_path).read_text()
        inside = any(first <= mutation.start_pos < last for first, last in annotations(source))
        (row, column), name = mutation.start_pos, mutation.operator_name.rpartition("/")[2]
        line = source.splitlines()[row - 1]
        same = any(operator in ("", name) and begins.match(line, column) for operator, begins in SAME)
        if inside or same or number % sample:
            session.set_result(item.job_id, WorkResult(WorkerOutcome.SKIPPED))


def annotations(source: str) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    """Where the types of names, parameters and answers stand: first and last line and column."""
    for node in ast.walk(ast.parse(source)):
        of_node = [getattr(node, "annotation", None), getattr(node, "returns", None)]
        for annotation in filter(None, of_node):
            yield (annotation.lineno, annotation.col_offset), (annotation.end_lineno, annotation.end_col_offset)


def read_outcomes(module: str, items: Iterator[tuple[WorkItem, WorkResult]]) -> tuple[Counter[str], set[Survivor]]:
    counted: Counter[str] = Counter()
    survived: set[Survivor] = set()
    for _, result in items:
        if result.worker_outcome is WorkerOutcome.SKIPPED:
            continue
        counted["killed" if result.is_killed else "survived"] += 1
        if not result.is_killed:
            lines = (result.diff or "").splitlines()
            before = [line[1:].strip() for line in lines if line.startswith("-") and not line.startswith("---")]
            after = [line[1:].strip() for line in lines if line.startswith("+") and not line.startswith("+++")]
            survived.add((module, " ".join(before), " ".join(after)))
    return counted, survived


def judged(outcomes: Counter[str], survivors: set[Survivor], modules: list[str], bar: int, *, whole: bool) -> int:
    told = tomllib.loads((HERE / "survivors.toml").read_text())
    known = {
        (entry["module"], entry["line"], change)
        for entry in told["survivor"]
        for change in entry["changes"]
        if entry["module"] in modules
    }
    new = survivors - known
    for module, before, after in sorted(new):
        print(f"\nnot noticed in {module}, and not in survivors.toml:\n  - {before}\n  + {after}")
    dead = known - survivors if whole else set()
    for module, before, after in sorted(dead):
        print(f"\nis noticed now, take it out of survivors.toml ({module}):\n  - {before}\n  + {after}")
    killed = 100 * outcomes["killed"] / max(outcomes.total(), 1)
    print(
        f"\n{outcomes['killed']} of {outcomes.total()} changes killed: {killed:.1f} % (at least {bar} % are asked for)"
    )
    (PLACE / "survivors.json").write_text(json.dumps(sorted(survivors), indent=1))
    return 1 if new or dead or killed < bar else 0


if __name__ == "__main__":
    sys.exit(main())
