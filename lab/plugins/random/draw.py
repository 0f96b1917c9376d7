"""Drawing strings, names and hashes as terraform-provider-random does. No state, no engine."""

import ctypes
import secrets
from dataclasses import dataclass

NUMERIC = "0123456789"
LOWER = "abcdefghijklmnopqrstuvwxyz"
UPPER = LOWER.upper()
SPECIAL = "!@#$%&*()-_=+[]{}<>:?"

_ADVERBS = "barely boldly calmly deeply easily evenly firmly freely gently gladly greatly largely"
_ADJECTIVES = "able apt brave bright calm clean clever eager fair fast fond grand keen kind sound"
_ANIMALS = "ant bear boar buck bull cat cod cow crab dog eft elk ewe fox goat hare hen jay lark owl"
_BCRYPT_COST = 10
_BCRYPT_BYTES = 72
_BCRYPT_ALPHABET = "./" + UPPER + LOWER + NUMERIC


@dataclass(frozen=True, slots=True, kw_only=True)
class Alphabet:
    """Which characters may occur, and how many of a kind must."""

    lower: bool = True
    upper: bool = True
    numeric: bool = True
    special: bool = True
    min_lower: int = 0
    min_upper: int = 0
    min_numeric: int = 0
    min_special: int = 0
    override_special: str = ""

    def draw(self, length: int) -> str:
        """A string of `length` characters; `ValueError` when none may occur."""
        special = self.override_special or SPECIAL
        wanted = (
            (UPPER, self.upper, self.min_upper),
            (LOWER, self.lower, self.min_lower),
            (NUMERIC, self.numeric, self.min_numeric),
            (special, self.special, self.min_special),
        )
        allowed = "".join(characters for characters, may, _ in wanted if may)
        if not allowed:
            raise ValueError("the character set specified is empty")
        drawn = [secrets.choice(kind) for kind, _, least in wanted for _ in range(least)]
        drawn += [secrets.choice(allowed) for _ in range(length - len(drawn))]
        secrets.SystemRandom().shuffle(drawn)
        return "".join(drawn)


def pet_name(words: int, separator: str) -> str:
    """`words` words: adverbs, then an adjective, then an animal; one word is an animal."""
    kinds = [_ADVERBS] * (words - 2) + [_ADJECTIVES] * (words >= 2) + [_ANIMALS]
    return separator.join(secrets.choice(kind.split()) for kind in kinds)


def bcrypt_hash(text: str) -> str | None:
    """The bcrypt hash of the first 72 bytes, or None where the C library cannot make one.

    Python has no bcrypt of its own; libxcrypt, the C library's `crypt` on current Linux, does.
    """
    try:
        crypt = ctypes.CDLL("libcrypt.so.1").crypt
    except OSError:
        return None
    crypt.restype = ctypes.c_char_p
    # 22 characters are 132 bits for 128: the last one may only be one of four.
    salt = "".join(secrets.choice(_BCRYPT_ALPHABET) for _ in range(21)) + secrets.choice(".Oeu")
    setting = f"$2a${_BCRYPT_COST}${salt}"
    hashed = crypt(text.encode()[:_BCRYPT_BYTES], setting.encode())
    made = hashed.decode() if hashed else ""
    return made if made.startswith(setting) else None
