"""What a person reads: Go's complaints as sentences, progress on terminals and in logs."""

import errno
import io

import pytest

from lab.tools.errors import ToolsMissing, explain
from lab.tools.gofailure import explain_go
from lab.tools.model import Progress
from lab.tools.progress import Printer

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ("link: write /tmp/x: no space left on device", "no space left on the disk"),
        (
            "go: go.mod requires go >= 1.26 (running go 1.22.1; GOTOOLCHAIN=local)",
            "this Go is too old (requires go >= 1.26 (running go 1.22.1",
        ),
        (
            "go: example.com/x@v1.2.3: reading https://proxy/x.zip: 403 Forbidden",
            "refuses example.com/x@v1.2.3 (403)",
        ),
        ("go: m@v1.0.0: Get x: proxyconnect tcp: 407 Proxy", "the HTTP proxy refuses Go"),
        ("go: m@v1.0.0: Get x: dial tcp: lookup p: no such host", "cannot reach the module proxy"),
        ("verifying m@v1.0.0: checksum mismatch\nSECURITY ERROR", "not what go.sum pins"),
        ("missing go.sum entry for module", "go.mod or go.sum of this build is incomplete"),
        ("compile: signal: killed", "lack of memory"),
        ("tls: failed to verify certificate: x509: unknown authority", "SSL_CERT_FILE"),
    ],
)
def test_gos_usual_complaints_become_a_sentence_with_a_remedy(said: str, sentence: str) -> None:
    explained = explain_go(f"go: downloading something v1.0.0\n{said}\n")
    assert explained is not None
    assert sentence in explained
    assert ":" in explained


def test_an_unknown_complaint_is_not_explained_away() -> None:
    assert explain_go("main.go:3:1: syntax error") is None


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES, errno.EIO])
def test_a_refusal_of_the_system_says_what_was_being_done(number: int) -> None:
    error = OSError(number, "refused", "/cache/x")
    assert "filling the cache" in explain(error, "filling the cache")


def test_programs_that_fail_for_one_reason_share_one_sentence() -> None:
    missing = ToolsMissing({"a": "no Go", "b": "no Go", "c": "no disk"}, {})
    assert str(missing) == "a, b: no Go\nc: no disk"


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def _progress(seconds: float, *, doing: str = "building", settled: bool = False) -> Progress:
    return Progress(
        label="kube-apiserver",
        doing=doing,
        first=3,
        last=3,
        total=10,
        seconds=seconds,
        settled=settled,
    )


def test_a_log_gets_a_line_at_once_every_thirty_seconds_and_at_the_end() -> None:
    log = io.StringIO()
    printer = Printer(log)
    for second in range(75):
        printer(_progress(second))
    printer(_progress(75, doing="done", settled=True))
    assert log.getvalue().splitlines() == [
        "(3/10) building kube-apiserver ... 0 s",
        "(3/10) building kube-apiserver ... 30 s",
        "(3/10) building kube-apiserver ... 60 s",
        "(3/10) done kube-apiserver ... 75 s",
    ]


def test_a_terminal_gets_one_line_that_counts() -> None:
    terminal = Terminal()
    printer = Printer(terminal)
    printer(_progress(9))
    printer(_progress(214))
    printer(_progress(215, doing="done", settled=True))
    assert terminal.getvalue().count("\n") == 1
    assert "\r(3/10) building kube-apiserver ... 214 s" in terminal.getvalue()


def test_programs_built_together_are_counted_together() -> None:
    log = io.StringIO()
    Printer(log)(Progress(label="a, b", doing="building", first=4, last=5, total=9, seconds=0))
    assert log.getvalue() == "(4-5/9) building a, b ... 0 s\n"
