"""The one error of the world: what did not come up, and what to do about it."""


class WorldError(Exception):
    """The lab's world could not be entered, started or ended; the message is for a person."""
