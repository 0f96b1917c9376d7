"""The house rules that no linter knows: ceilings, collection, words, files that must exist."""

import ast
import re
import subprocess
from functools import cache, lru_cache
from pathlib import Path

import pytest

pytestmark = pytest.mark.unit

ROOT = Path(__file__).resolve().parents[3]
FILE_CEILING, TEST_CEILING, FUNCTION_CEILING = 400, 500, 50
CONSTRUCTOR_CEILING, MAIN_CEILING = 100, 25
# The program is a public project: it never speaks of where or how it was written.
FORBIDDEN_WORDS = re.compile(
    r"/work/(main|shared)|/tmp/w/|\bissue 3\b|\bhelper-\d|\bsubagent", re.IGNORECASE
)
FORBIDDEN_NAMES = {"utils", "helpers", "common", "manager", "misc"}


@lru_cache
def listing() -> list[Path]:
    """Files git knows or would add, so that generated folders never count."""
    names = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split("\n")
    return [path for path in map(ROOT.joinpath, filter(None, names)) if path.is_file()]


def tracked(*suffixes: str) -> list[Path]:
    return [path for path in listing() if path.name.endswith(suffixes)]


def python_files() -> list[Path]:
    executables = [ROOT / "hearth"]
    return tracked(".py") + [path for path in executables if path.exists()]


@cache
def tree(path: Path) -> ast.Module:
    """Parsed once, whatever asks; a syntax tree is the dearest thing here."""
    return ast.parse(path.read_text())


def lines(path: Path) -> int:
    return len(path.read_text().splitlines())


def is_component_constructor(node: ast.AST, owner: ast.ClassDef | None) -> bool:
    bases = {ast.unparse(base).split(".")[-1] for base in owner.bases} if owner else set()
    return getattr(node, "name", "") == "__init__" and "ComponentResource" in bases


def long_functions(path: Path) -> list[str]:
    found = []
    nodes = list(ast.walk(tree(path)))
    owners = {
        child: node for node in nodes if isinstance(node, ast.ClassDef) for child in node.body
    }
    for node in nodes:
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        size = (node.end_lineno or node.lineno) - node.lineno + 1
        component = is_component_constructor(node, owners.get(node))
        ceiling = CONSTRUCTOR_CEILING if component else FUNCTION_CEILING
        if size > ceiling:
            found.append(f"{path.relative_to(ROOT)}:{node.lineno} {node.name}: {size} > {ceiling}")
    return found


def test_no_file_is_longer_than_its_ceiling() -> None:
    found = []
    for path in [*python_files(), *tracked(".go")]:
        test = "tests" in path.parts or path.name.endswith("_test.go")
        ceiling = TEST_CEILING if test else FILE_CEILING
        if lines(path) > ceiling:
            found.append(f"{path.relative_to(ROOT)}: {lines(path)} > {ceiling}")
    assert not found, "\n".join(found)


def test_no_function_is_longer_than_its_ceiling() -> None:
    found = [line for path in python_files() for line in long_functions(path)]
    assert not found, "\n".join(found)


def test_no_go_function_is_longer_than_its_ceiling() -> None:
    found = []
    for path in tracked(".go"):
        start, name = 0, ""
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if line.startswith("func "):
                start, name = number, line
            elif line == "}" and start:
                if number - start + 1 > FUNCTION_CEILING:
                    found.append(f"{path.relative_to(ROOT)}:{start} {name}: {number - start + 1}")
                start = 0
    assert not found, "\n".join(found)


def test_the_entry_point_stays_a_page_nobody_has_to_scroll() -> None:
    entry = ROOT / "__main__.py"
    assert not entry.exists() or lines(entry) <= MAIN_CEILING


def test_no_test_function_escapes_collection() -> None:
    escaped = []
    for path in tracked(".py"):
        if path.name.startswith("test_") and "tests" in path.parts:
            continue
        if re.search(r"^\s*(async )?def test_", path.read_text(), re.MULTILINE):
            escaped.append(str(path.relative_to(ROOT)))
    assert not escaped, escaped


def test_every_test_file_says_which_tier_it_belongs_to() -> None:
    tier = re.compile(r"pytest\.mark\.(unit|graph|lab)\b")
    # A stack may be called test-cluster, and its module stand in stacks/.
    tests = [path for path in tracked(".py") if "tests" in path.relative_to(ROOT).parts]
    files = [path for path in tests if path.name.startswith("test_")]
    missing = [str(p.relative_to(ROOT)) for p in files if not tier.search(p.read_text())]
    assert not missing, missing


def test_no_test_is_skipped_to_get_green() -> None:
    word = re.compile(r"pytest\.(skip|xfail)\b|mark\.(skip|xfail)")
    here = Path(__file__)
    found = [str(p) for p in tracked(".py") if p != here and word.search(p.read_text())]
    assert not found, found


def test_the_project_speaks_of_itself_alone() -> None:
    found = []
    for path in tracked(".py", ".go", ".md", ".yaml", ".toml", ".txt", "Makefile", "hearth", "run"):
        if path == Path(__file__):
            continue
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if FORBIDDEN_WORDS.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()}")
    assert not found, "\n".join(found)


def test_no_module_hides_behind_a_junk_drawer_name() -> None:
    found = [str(p) for p in tracked(".py", ".go") if {p.stem, p.parent.name} & FORBIDDEN_NAMES]
    assert not found, found


def test_every_module_says_what_it_is_for() -> None:
    silent = []
    for path in python_files():
        text = path.read_text()
        if not text.strip() or (path.name == "__main__.py" and path.parent == ROOT):
            continue
        if not ast.get_docstring(tree(path)) and "tests" not in path.parts:
            silent.append(str(path.relative_to(ROOT)))
    assert not silent, silent


def test_requirements_are_pinned_exactly() -> None:
    for path in ROOT.glob("requirements*.txt"):
        for line in path.read_text().splitlines():
            requirement = line.split("#")[0].strip()
            if requirement and not requirement.startswith("-r "):
                assert re.fullmatch(r"[A-Za-z0-9_.-]+==[A-Za-z0-9_.]+", requirement), line
