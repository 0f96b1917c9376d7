"""What stacks of one project may not have in common besides facts: an identity.

Facts are compared by rules (`config.rules`); an identity is no fact. It reads the stacks' files.
"""

from pathlib import Path

from config.errors import ConfigError
from config.identity import IDENTITY_KEY, Identity, read_identity
from config.load import read_stack_file, stack_paths


def twin(root: Path, stack: str, identity: Identity) -> str | None:
    """Another stack with any half of this identity, None when there is no such stack.

    A neighbour that cannot be read is refused when it is brought up itself.
    """
    marks = set(identity.fingerprints.values())
    for name, path in stack_paths(root).items():
        if name == stack:
            continue
        try:
            other = read_identity(read_stack_file(path).config.get(IDENTITY_KEY), name)
        except ConfigError:
            continue
        if other and not marks.isdisjoint(other.fingerprints.values()):
            return name
    return None
