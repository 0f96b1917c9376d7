"""Reading Go's complaints: one sentence with a remedy for what usually goes wrong. Pure text."""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class _Reading:
    pattern: str
    sentence: str


_READINGS = (
    _Reading(
        r"no space left on device|disk quota exceeded",
        "no space left on the disk: free about 10 GB, or point GOCACHE, GOMODCACHE, TMPDIR and"
        " XDG_CACHE_HOME at a larger disk",
    ),
    _Reading(
        r"requires go >= ([\d.]+)[^\n]*|invalid go version '([\d.]+)'",
        "this Go is too old ({0}): install the version asked for from https://go.dev/dl, or allow"
        " Go to fetch it with GOTOOLCHAIN=auto",
    ),
    _Reading(
        r"(\S+@v\S+): [^\n]*: (40[34]|410) [^\n]*",
        "the Go module proxy refuses {1} ({2}): set GOPROXY to one that has it, or take a"
        " neighbouring version (lab/tools/modules/README.md)",
    ),
    _Reading(
        r"(?:proxyconnect|Proxy Authentication Required|407)[^\n]*",
        "the HTTP proxy refuses Go ({0}): correct HTTPS_PROXY, or set GOPROXY to a module proxy"
        " inside your network",
    ),
    _Reading(
        r"module lookup disabled by GOPROXY=off",
        "Go may not download anything (GOPROXY=off) and its module cache lacks something: unset"
        " GOPROXY once",
    ),
    _Reading(
        r"x509: [^\n]*",
        "Go does not trust the module proxy's certificate ({0}): point SSL_CERT_FILE at your"
        " network's certificate authority",
    ),
    _Reading(
        r"dial tcp[^\n]*|no such host|i/o timeout|TLS handshake timeout|connection refused",
        "Go cannot reach the module proxy ({0}): check the network, or set HTTPS_PROXY or GOPROXY",
    ),
    _Reading(
        r"(?:SECURITY ERROR|checksum mismatch)",
        "a module is not what go.sum pins: clear it with `go clean -modcache` and try again; if it"
        " stays, somebody changed that module and it must not be used",
    ),
    _Reading(
        r"missing go\.sum entry|updates to go\.mod needed|no required module provides",
        "go.mod or go.sum of this build is incomplete: restore them from Git, or see"
        " lab/tools/modules/README.md",
    ),
    _Reading(
        r"signal: killed",
        "a compiler was killed, most likely for lack of memory: building takes about 4 GB; close"
        " something and run this again",
    ),
)
_LONGEST = 160


def explain_go(output: str) -> str | None:
    """Return the sentence for the first complaint that is known, else None."""
    for reading in _READINGS:
        found = re.search(reading.pattern, output)
        if found:
            whole = found.group(0).strip()[:_LONGEST]
            parts = (whole, *(group or "" for group in found.groups()))
            return reading.sentence.format(*parts)
    return None
