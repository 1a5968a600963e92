"""``make check``: every step that CI runs, in two lanes beside each other.

The steps of a lane run one after the other. One lane has the local stack, which only one program at a time
may start from this folder, and waits much: for queues, for messages that come again, for a deployment. The other lane
computes meanwhile and gives way, so that what is timed on the stack is not timed in a queue for the processor.

What a step prints goes to a file and is shown in one piece when the step has ended. The first step that fails ends
the others, is shown last, and is named.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Final, NoReturn

ROOT: Final = Path(__file__).resolve().parents[1]
OUTPUTS: Final = ROOT / ".local" / "check"
LOOK_SECONDS: Final = 0.1
STOP_SECONDS: Final = 90.0
"""A stack that is told to stop ends MiniStack and its workers first."""

STACK: Final = ("contract", "run ARGS=--check HUNAR_PORT=0", "built", "crowd")
"""What needs ``.local/``. ``built`` looks at what ``run`` has built."""
CODE: Final = ("ruff-check", "ruff-format", "mypy", "validate", "pytest", "simulate", "build")
"""What needs none of it, the quick ones first."""
GIVES_WAY: Final = ("nice", "-n", "10")


class Stopped(BaseException):
    """Somebody asked this program to end."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@dataclass(frozen=True)
class Step:
    """A command, and the file to which everything goes that it prints."""

    name: str
    command: tuple[str, ...]
    output: Path


@dataclass
class Running:
    """A step at work, as the leader of a group of processes."""

    step: Step
    process: subprocess.Popen[bytes]
    began: float = field(default_factory=time.monotonic)

    @classmethod
    def of(cls, step: Step) -> Running:
        step.output.parent.mkdir(parents=True, exist_ok=True)
        with step.output.open("wb") as output:
            process = subprocess.Popen(
                step.command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=ROOT,
                env=os.environ | {"PYTHONUNBUFFERED": "1"},
                process_group=0,
            )
        return cls(step, process)

    def seconds(self) -> float:
        return time.monotonic() - self.began

    def stop(self) -> None:
        """SIGTERM to the step and all that it started, and SIGKILL to what has not gone in time."""
        self._tell(signal.SIGTERM)
        until = time.monotonic() + STOP_SECONDS
        while self._lives():
            if time.monotonic() > until:
                self._tell(signal.SIGKILL)
                break
            time.sleep(LOOK_SECONDS)
        self.process.wait()

    def _lives(self) -> bool:
        self.process.poll()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, 0)
            return True
        return False

    def _tell(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)


def run(lanes: Sequence[Sequence[Step]]) -> int:
    """All steps, one of each lane at a time. Returns the exit code: 0, or 1 when a step failed."""
    began = time.monotonic()
    waiting = [list(lane) for lane in lanes]
    at_work: list[Running | None] = [None] * len(waiting)
    times: list[tuple[Step, float]] = []
    failed: Step | None = None
    try:
        while failed is None and (any(waiting) or any(at_work)):
            for lane, running in enumerate(at_work):
                if running is None and waiting[lane]:
                    at_work[lane] = started = Running.of(waiting[lane].pop(0))
                    say(f"    {started.step.name} has begun")
                elif running is not None and (code := running.process.poll()) is not None:
                    at_work[lane] = None
                    times.append((running.step, running.seconds()))
                    if code:
                        failed = running.step
                        break
                    show(*times[-1])
            time.sleep(LOOK_SECONDS)
    finally:
        for running in filter(None, at_work):
            running.stop()
            say(f"    {running.step.name} was stopped; what it had printed is in {running.step.output}")
    if failed is not None:
        show(*times[-1])
    ended = "all checks passed" if failed is None else f"failed in: {failed.name}"
    lines = [*((seconds, step.name) for step, seconds in times), (time.monotonic() - began, ended)]
    say("\n" + "\n".join(f"{seconds:5.0f} s  {what}" for seconds, what in lines))
    return 0 if failed is None else 1


def show(step: Step, seconds: float) -> None:
    say(f"\n=== {step.name} ({seconds:.0f} s)")
    sys.stdout.flush()
    with step.output.open("rb") as output:
        while part := output.read(65536):
            sys.stdout.buffer.write(part)
    sys.stdout.flush()


def say(text: str) -> None:
    print(text, flush=True)


def steps(make: str, targets: Sequence[str], *before: str) -> list[Step]:
    """A step for each target of the Makefile, which may be followed by its variables."""
    return [
        Step(f"make {target}", (*before, make, *target.split()), OUTPUTS / f"{target.split()[0]}.log")
        for target in targets
    ]


def main() -> int:
    make = sys.argv[1] if len(sys.argv) > 1 else "make"

    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def stop(number: int, frame: FrameType | None) -> NoReturn:
        for later in signals:
            signal.signal(later, signal.SIG_IGN)  # or the steps would not be ended to the last
        raise Stopped(number)

    for number in signals:
        signal.signal(number, stop)
    try:
        return run([steps(make, STACK), steps(make, CODE, *GIVES_WAY)])
    except Stopped as stopped:
        say("stopped")
        return 128 + stopped.number


if __name__ == "__main__":
    sys.exit(main())
