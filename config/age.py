"""age keys: made, paired and recognised, with pyrage's untyped calls narrowed to strings.

Nothing is encrypted here; that is SOPS' work in the cluster.
"""

import pyrage  # type: ignore[import-untyped]  # ships no annotations


def generated() -> tuple[str, str]:
    """A new key: its secret form `AGE-SECRET-KEY-...` and its recipient `age1...`."""
    key = pyrage.x25519.Identity.generate()
    return str(key), str(key.to_public())


def recipient_of(secret: str) -> str:
    """The recipient of a secret key; ValueError when it is none."""
    try:
        return str(pyrage.x25519.Identity.from_str(secret.strip()).to_public())
    except pyrage.IdentityError:
        raise ValueError("this is no age key; one begins with AGE-SECRET-KEY-1") from None
