"""How ``make check`` runs its steps: beside each other, told one by one, and ended by the first that fails."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from local import steps
from local.steps import CODE, ROOT, STACK, Step, run

MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


def shell(folder: Path, name: str, script: str) -> Step:
    """A step that runs in the folder."""
    return Step(name, ("/bin/sh", "-c", f"cd '{folder}'; {script}"), folder / "outputs" / f"{name}.log")


def awaits(name: str) -> str:
    return f"n=0; until [ -e {name} ]; do n=$((n + 1)); [ $n -lt 600 ] || exit 9; sleep 0.05; done"


def alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    # What has ended stays in Linux's list until its parent, or who took it over, has asked for it.
    with contextlib.suppress(OSError):
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return sys.platform != "linux"


def gone(process: int) -> bool:
    until = time.monotonic() + 10
    while alive(process):
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


def test_lanes_run_beside_each_other_and_the_steps_of_one_lane_one_after_the_other(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    left = [
        shell(tmp_path, "a", f"touch a; {awaits('b')}; sleep 0.2; touch a-over"),
        shell(tmp_path, "c", "[ -e a-over ]"),
    ]
    assert run([left, [shell(tmp_path, "b", f"touch b; {awaits('a')}")]]) == 0
    told = capfd.readouterr().out.splitlines()
    assert told[-1].endswith("s  all checks passed")
    assert [line.split()[2] for line in told[-4:-1]] == ["b", "a", "c"]


def test_what_two_steps_print_at_one_time_is_told_in_two_pieces(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    first = shell(tmp_path, "a", f"echo a-1; touch a; {awaits('b')}; echo a-2 >&2; echo a-3")
    second = shell(tmp_path, "b", f"{awaits('a')}; echo b-1; touch b; {awaits('over')}; echo b-2")
    third = shell(tmp_path, "c", "touch over")
    assert run([[first, third], [second]]) == 0
    told = [line for line in capfd.readouterr().out.splitlines() if re.fullmatch("[ab]-.|===.*", line)]
    assert re.sub(r"\(\d+ s\)", "", "\n".join(told)).split() == [
        "===", "a", "a-1", "a-2", "a-3", "===", "c", "===", "b", "b-1", "b-2",
    ]  # fmt: skip


def test_a_step_that_fails_ends_the_others_with_all_they_started_and_is_named_and_told_last(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    long = shell(tmp_path, "long", "echo half-way; sleep 300 & echo $! > child; echo $$ > leader; touch up; wait")
    fails = shell(tmp_path, "fails", f"{awaits('up')}; echo 'why it failed'; exit 3")
    never = shell(tmp_path, "never", "touch never")
    began = time.monotonic()
    assert run([[fails, never], [long, never]]) == 1
    assert time.monotonic() - began < 60
    for name in ("child", "leader"):
        assert gone(int((tmp_path / name).read_text()))
    assert not (tmp_path / "never").exists()
    told = capfd.readouterr().out.splitlines()
    assert any(line.strip().startswith("long was stopped") for line in told)
    assert [line for line in told if line][-4].startswith("=== fails")
    assert [line for line in told if line][-3] == "why it failed"
    assert told[-1].endswith("s  failed in: fails")
    assert "half-way" not in told
    assert (tmp_path / "outputs" / "long.log").read_text() == "half-way\n"


def test_what_does_not_end_when_it_is_told_to_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "STOP_SECONDS", 0.3)
    deaf = shell(tmp_path, "deaf", "trap '' TERM; echo $$ > leader; touch up; while :; do sleep 0.1; done")
    assert run([[shell(tmp_path, "fails", f"{awaits('up')}; exit 1")], [deaf]]) == 1
    assert gone(int((tmp_path / "leader").read_text()))


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_who_stops_the_check_stops_its_steps(tmp_path: Path, number: signal.Signals, code: int) -> None:
    make = tmp_path / "make"
    make.write_text(f"#!/bin/sh\ncd '{tmp_path}'; echo $$ > $1; exec sleep 300\n")
    make.chmod(0o755)
    program = (
        f"import sys\nfrom pathlib import Path\nfrom local import steps\nsteps.OUTPUTS = Path({str(tmp_path)!r})\n"
        f"sys.argv[1:] = [{str(make)!r}]\nsys.exit(steps.main())\n"
    )
    first = [lane[0].split()[0] for lane in (STACK, CODE)]
    with subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True) as check:
        until = time.monotonic() + 30
        while not all((tmp_path / name).exists() and (tmp_path / name).read_text() for name in first):
            assert time.monotonic() < until, "the steps have not begun"
            time.sleep(0.05)
        check.send_signal(number)
        told, _ = check.communicate(timeout=60)
    assert check.returncode == code
    assert told.endswith("stopped\n")
    assert "checks passed" not in told
    for name in first:
        assert gone(int((tmp_path / name).read_text()))


def test_every_step_of_the_makefile_is_run_by_check_once() -> None:
    """Race and storm also run alone, for a person; check plays both on one stack."""
    listed = re.findall(r"^([a-z-]+):", MAKEFILE.split("# The steps of check", 1)[1].split("# Which Python")[0], re.M)
    run_by_check = [target.split()[0] for target in (*STACK, *CODE)]
    assert sorted(run_by_check) == sorted({*listed, "simulate", "build", "run"} - {"race", "storm"})
    [alone] = re.findall(r"^crowd:.*\n\t@\$\(dev\) -m bench (.*)$", MAKEFILE, re.M)
    parts = [re.search(rf"^{name}:.*\n\t@\$\(dev\) -m bench (.*)$", MAKEFILE, re.M) for name in ("race", "storm")]
    assert alone.split() == [word for part in parts if part for word in part[1].split()]


def test_what_the_stack_built_is_looked_at_after_it_was_built() -> None:
    order = [target.split()[0] for target in STACK]
    assert order.index("built") == order.index("run") + 1
