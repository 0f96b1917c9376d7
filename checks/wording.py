"""Words that several checks say alike."""

from collections.abc import Iterable
from difflib import get_close_matches


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`; did you mean X?`, to be put behind a word that is not known; empty where none is near.

    Upper and lower case are alike here: a field in the wrong case is the commonest near miss.
    """
    folded = {one.lower(): one for one in known}
    near = get_close_matches(word.lower(), folded, n=1)
    return f"; did you mean {folded[near[0]]}?" if near else ""


def titled(kind: str, namespace: str, name: str) -> str:
    """`HelmRelease web/website`, or `Namespace web` for what lies in no namespace."""
    return f"{kind} {'/'.join(filter(None, (namespace, name)))}"
