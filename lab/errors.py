"""What a run of the engine in the lab gives up with."""


class EngineError(Exception):
    """A command that had to work did not; the message is what the user would have read."""
