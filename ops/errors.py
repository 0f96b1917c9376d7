"""What a day-two verb gives up with: one sentence for a person, and never a traceback."""


class VerbError(Exception):
    """A verb cannot go on; the text says why and what to do."""
