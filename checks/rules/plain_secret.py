"""Secrets that anybody who reads the repository reads.

A Secret with values in it, and what is well known to be a key wherever it stands. What SOPS has
encrypted, what a variable brings and what is empty is none. No value is ever shown.
"""

import re
from base64 import b64decode
from binascii import Error
from collections.abc import Iterator
from typing import Any

from checks.finding import Finding, Rule
from checks.gitops_tree import VARIABLE, Placed
from checks.tree.load import scalar, strings
from checks.tree.model import Tree, finding, mapping

NAME = "plain-secret"
ENCRYPTED = "ENC[AES256_GCM,"
TOKENS = {
    "a private key": re.compile(r"-----BEGIN ([A-Z]+ )*PRIVATE KEY( BLOCK)?-----"),
    "an age key": re.compile(r"\bAGE-SECRET-KEY-1[0-9A-Z]{58}\b"),
    # The documentation's own example ends in EXAMPLE.
    "an AWS access key": re.compile(r"\b(AKIA|ASIA)(?!\w*EXAMPLE\b)[0-9A-Z]{16}\b"),
    "a GitHub token": re.compile(r"\b(gh[pousr]_[0-9A-Za-z]{36}|github_pat_\w{82})\b"),
}


def find(tree: Tree) -> Iterator[Finding]:
    """One finding for each Secret, and one for each key that stands elsewhere."""
    for item in tree.objects:
        if item.kind == "Secret" and item.group == "":
            yield from in_secret(item)
        else:
            yield from in_text(item)


def in_secret(item: Placed) -> Iterator[Finding]:
    """A Secret whose values stand in the tree."""
    read = [
        (field, str(key))
        for field in ("data", "stringData")
        for key, value in mapping(item.document, field).items()
        if legible(value) and not is_variable(item, field, str(key))
    ]
    if read:
        names = ", ".join(f"`{key}`" for _, key in read)
        yield finding(
            item,
            NAME,
            f"Secret {item.name} has {names} in the repository, where everybody who may read it "
            "reads them, for ever: taking them out leaves them in its history",
            "change what they open, then seal it as a SealedSecret (`kubeseal`), have an "
            "ExternalSecret bring it from the vault, or encrypt it with SOPS",
            *read[0],
        )


def in_text(item: Placed) -> Iterator[Finding]:
    """A key that stands in any other object."""
    for path, text in strings(item.document):
        for name, pattern in TOKENS.items():
            if pattern.search(text):
                yield finding(
                    item,
                    NAME,
                    f"{item.kind} {item.name} has {name} in its `{path[-1]}`, for everybody who "
                    "may read the repository",
                    "change what it opens, and put it into a SealedSecret or an ExternalSecret",
                    *path,
                )


def legible(value: Any) -> bool:
    """Whether a value says anything to who reads it, as it is or decoded."""
    text = "" if value is None else str(value)
    try:
        decoded = b64decode(text, validate=True)
    except (Error, ValueError):
        decoded = b""
    return bool(text) and ENCRYPTED not in text and ENCRYPTED.encode() not in decoded


def is_variable(item: Placed, *path: str) -> bool:
    """Whether nothing but a variable stands there in the file."""
    written = scalar(item.node, *path) if item.node else None
    return bool(written and VARIABLE.fullmatch(written.strip()))


RULE = Rule(
    name=NAME,
    forbids="a Secret's values, or a well-known kind of key, in the repository in plain text",
    outage="commits were searched for credentials only after a security incident: a repository "
    "forgets nothing, and whoever reads it once has them",
    find=find,
)
