"""Near misses: which known word was probably meant by one that is not known."""

from collections.abc import Iterable
from difflib import get_close_matches


def distance(one: str, other: str) -> int:
    """Edits between two words: insert, drop, replace, or swap two neighbours."""
    before: list[int] = []
    last = list(range(len(other) + 1))
    for i, sign in enumerate(one, 1):
        row = [i]
        for j, wanted in enumerate(other, 1):
            cost = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (sign != wanted))
            swapped = i > 1 and j > 1 and sign == other[j - 2] and one[i - 2] == wanted
            row.append(min(cost, before[j - 2] + 1) if swapped else cost)
        before, last = last, row
    return last[-1]


def near_miss(word: str, known: Iterable[str]) -> str | None:
    """The known word that a word almost is: by case alone, or by an edit in every six signs.

    Words that differ in a digit are not near: `enableIPv4X` and `enableIPv6X` are two things.
    """
    folded = {item.casefold(): item for item in known}
    if word.casefold() in folded:
        return folded[word.casefold()]
    digits = "".join(filter(str.isdigit, word))
    for item in sorted(folded):
        allowed = min(len(item) // 6, len(word) // 6, 2)
        if allowed == 0 or abs(len(item) - len(word)) > allowed:
            continue  # counting edits costs time
        same_digits = "".join(filter(str.isdigit, item)) == digits
        if same_digits and distance(word.casefold(), item) <= allowed:
            return folded[item]
    return None


def meant(word: str, known: Iterable[str]) -> str | None:
    """The likeliest known word, more generously: for a key that is refused anyway."""
    candidates = list(known)
    close = get_close_matches(word, candidates, n=1, cutoff=0.7)
    return near_miss(word, candidates) or (close[0] if close else None)
