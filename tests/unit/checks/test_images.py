"""An image's name, its tag and its digest, however much of it is written."""

import pytest

from checks.images import parsed

pytestmark = pytest.mark.unit

IMAGES = [
    ("nginx", ("nginx", "", "")),
    ("nginx:1.29", ("nginx", "1.29", "")),
    ("lab.example:5000/web", ("lab.example:5000/web", "", "")),
    ("lab.example:5000/web:2", ("lab.example:5000/web", "2", "")),
    ("ghcr.io/a/b:2@sha256:ab", ("ghcr.io/a/b", "2", "sha256:ab")),
    ("ghcr.io/a/b@sha256:ab", ("ghcr.io/a/b", "", "sha256:ab")),
]


@pytest.mark.parametrize(("text", "parts"), IMAGES)
def test_an_image_is_taken_apart(text: str, parts: tuple[str, str, str]) -> None:
    image = parsed(text)
    assert (image.name, image.tag, image.digest) == parts
