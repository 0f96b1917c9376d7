"""Refusals of the Image Factory, with the sentences and statuses of its HTTP frontend."""

from dataclasses import dataclass


@dataclass
class FactoryError(Exception):
    """An answer other than 2xx: plain text, as Go's `http.Error` writes it."""

    message: str
    status: int = 500


class InvalidSchematicError(FactoryError):
    """The schematic cannot be read (400)."""

    def __init__(self, message: str) -> None:
        super().__init__(message, 400)


def unknown_schematic(identifier: str) -> FactoryError:
    """Nobody posted this schematic."""
    return FactoryError(f'schematic ID "{identifier}" not found', 404)


def unknown_version(version: str) -> FactoryError:
    """Talos has no such version, as far as this factory knows."""
    return FactoryError(f"version {version} is not available", 404)


def invalid_path(reason: str) -> FactoryError:
    """The file's name is none the factory makes."""
    return FactoryError(f"error parsing profile from path: {reason}", 400)


def unknown_extension(name: str, version: str) -> FactoryError:
    """The schematic asks for an extension that does not exist for this version."""
    return FactoryError(
        "error enhancing profile from schematic: official extension "
        f'"{name}" is not available for Talos version {version}',
        400,
    )
