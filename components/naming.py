"""Type tokens and logical names of our components, nowhere else.

A token is part of every URN below it, so none is ever renamed. Logical names derive from the name a
component was given, so that a component can stand twice in one stack.
"""

PACKAGE = "hearth"


def token(layer: str, kind: str) -> str:
    """A component's type token: `hearth:<layer>:<Class>`."""
    return f"{PACKAGE}:{layer}:{kind}"


def child(parent: str, *parts: str) -> str:
    """The logical name of something inside a component."""
    return "-".join((parent, *parts))
