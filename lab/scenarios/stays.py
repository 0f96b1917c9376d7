"""What a destroy leaves of adopted hosts on purpose: each difference by name, with its reason.

Pure. A box is nobody's to throw away: it stands there, switched on, and waits in maintenance mode.
Whatever is not named here counts as left behind. `boxes_kept` looks whether all of this is so.
"""

import re
from collections.abc import Iterable

BOX = r"/machines/machines\[[^]]+\]"
STAYS = {
    re.compile(BOX + r"/bootId\b"): "a box has booted since",
    re.compile(BOX + r"/installed\b"): "a reset keeps the installed system",
    re.compile(BOX + r"/disks\[[^]]+\]/volumes\b"): "a reset keeps partitions and data disks",
}


def unexpected(differences: Iterable[str]) -> list[str]:
    """Differences of the vendors' world, by path, that have no name here."""
    return [line for line in differences if not any(stays.match(line) for stays in STAYS)]
