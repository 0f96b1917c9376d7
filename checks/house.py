"""The static half of `make test`: every tool that reads the tree without running it.

Runs all of them and reports all of them: one red tool does not hide the next. As many run side by
side as there are processors, the slowest first; each is reported as it ends. What can only be seen
by running something (tests, rehearsals) is not here.
"""

import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
GO_MODULES = (ROOT / "lab" / "talos", ROOT / "lab" / "operators")
SHELL = (".ci/run", "lab/plugins/launch.sh", "provider/pulumi-resource-hearth")
MARKDOWN = ("-r", "README.md", "CONTRIBUTING.md", "docs", "gitops", "lab", "provider")
DEADLINE_SECONDS = 900


@dataclass(frozen=True, kw_only=True)
class Step:
    """One tool: what it is called, what to run and where; output counts as failure for `silent`."""

    name: str
    argv: tuple[str, ...]
    cwd: Path = ROOT
    silent: bool = False


def python_steps() -> list[Step]:
    """Format, lint, types, layers, secrets, YAML, shell and Markdown."""
    bin_directory = Path(sys.executable).parent

    def tool(name: str) -> str:
        return str(bin_directory / name)

    return [
        Step(name="mypy --strict", argv=(tool("mypy"), "--no-error-summary", ".")),
        Step(name="import layers", argv=(tool("lint-imports"),)),
        Step(name="secrets", argv=(sys.executable, "-m", "checks.leaks")),
        Step(name="yamllint", argv=(tool("yamllint"), "--strict", ".")),
        Step(name="shellcheck", argv=(tool("shellcheck"), *SHELL)),
        Step(name="markdown", argv=(tool("pymarkdown"), "scan", *MARKDOWN)),
        Step(name="ruff check", argv=(tool("ruff"), "check", "--quiet", ".")),
        Step(name="ruff format", argv=(tool("ruff"), "format", "--check", "--quiet", ".")),
    ]


def go_steps(module: Path) -> list[Step]:
    """Format, vet, staticcheck and race-checked tests of a Go module of ours."""

    def step(name: str, *argv: str, silent: bool = False) -> Step:
        return Step(name=f"{name} ({module.name})", argv=argv, cwd=module, silent=silent)

    return [
        step("go test -race", "go", "test", "-race", "./..."),
        step("staticcheck", "go", "tool", "staticcheck", "./..."),
        step("go vet", "go", "vet", "./..."),
        step("gofmt", "gofmt", "-l", ".", silent=True),
    ]


def run(step: Step) -> str | None:
    """The step's output when it failed, else None."""
    try:
        done = subprocess.run(
            step.argv,
            cwd=step.cwd,
            capture_output=True,
            text=True,
            timeout=DEADLINE_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"no answer within {DEADLINE_SECONDS} s"
    except FileNotFoundError:
        return f"{step.argv[0]} is not installed: run `make setup`"
    output = (done.stdout + done.stderr).strip()
    if done.returncode != 0 or (step.silent and output):
        return output or f"exit code {done.returncode}"
    return None


def timed(step: Step) -> tuple[Step, str | None, float]:
    """The step, its problem, the seconds it took."""
    started = time.monotonic()
    return step, run(step), time.monotonic() - started


def main() -> int:
    """Run every step; 0 when all passed."""
    steps = python_steps()
    if shutil.which("go") is None:
        print("house: Go is not on PATH; the lab's own programs need Go 1.26 or newer")
        return 1
    mypy, *rest = steps
    steps = [mypy, *(step for module in GO_MODULES for step in go_steps(module)), *rest]
    failed = 0
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        for done in as_completed([pool.submit(timed, step) for step in steps]):
            step, problem, seconds = done.result()
            state = "FAILED" if problem else "ok"
            print(f"house: {state:6} {step.name} ({seconds:.1f} s)", flush=True)
            if problem:
                failed += 1
                print(problem, flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
