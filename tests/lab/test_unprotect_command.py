"""`./hearth unprotect`: only for whoever names the stack, and only the marks go."""

from pathlib import Path

import pytest

from tests.lab.recover_project import Project, project_in

pytestmark = pytest.mark.lab

ASKED = ["stack export"]
DONE = [*ASKED, "state unprotect --all --yes"]


def resource(kind: str, name: str, **more: object) -> dict[str, object]:
    urn = f"urn:pulumi:home::hearth::hearth:infrastructure:Fleet${kind}::{name}"
    return {"urn": urn, "type": kind, **more}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = project_in(tmp_path)
    resources = [
        resource("hearth:index:AdoptedHost", "fleet-mini01", protect=True),
        resource("hearth:index:AdoptedHost", "fleet-mini02", protect=True, delete=True),
        resource("hearth:index:Gate", "api-ready"),
    ]
    made.holds(resources=resources)
    return made


def test_the_typed_name_takes_every_mark_off_and_says_what_is_open_now(project: Project) -> None:
    done = project.hearth("unprotect", given="home\n")
    assert done.returncode == 0, done.stderr
    assert "  AdoptedHost fleet-mini01\n" in done.stdout
    assert "fleet-mini02" not in done.stdout
    assert "api-ready" not in done.stdout
    assert "Nothing in home is protected any more" in done.stdout
    assert "next `pulumi up` protects them again" in done.stdout
    assert project.calls() == DONE


def test_the_name_may_be_given_as_an_option(project: Project) -> None:
    assert project.hearth("unprotect", "--yes", "home").returncode == 0
    assert project.calls() == DONE


@pytest.mark.parametrize(
    ("words", "given", "complaint"),
    [
        ((), "", "no name was typed"),
        ((), "yes\n", "yes is not home"),
        (("--yes", "other"), "home\n", "other is not home"),
    ],
)
def test_any_other_answer_leaves_everything_protected(
    project: Project, words: tuple[str, ...], given: str, complaint: str
) -> None:
    done = project.hearth("unprotect", *words, given=given)
    assert done.returncode == 1
    assert f"hearth: {complaint}; everything is protected as it was." in done.stderr
    assert project.calls() == ASKED


def test_a_stack_without_marks_is_told_so_and_nobody_is_asked(project: Project) -> None:
    project.holds(resources=[resource("hearth:index:Gate", "api-ready")])
    done = project.hearth("unprotect")
    assert (done.returncode, done.stdout) == (0, "home: nothing is protected.\n"), done.stderr
    assert project.calls() == ASKED
