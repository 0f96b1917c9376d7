"""The resource types of pulumi-random, as far as they are modelled (see lab/plugins/README.md).

Every one is drawn in `create` and then only kept: each change of an input, `keepers` included,
replaces it, and neither refresh nor delete has anything to do.
"""

import base64
import secrets
import uuid
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from lab.plugins.random.draw import Alphabet, bcrypt_hash, pet_name
from provider.rpc import Failure, Properties, Refused, Resource, has_unknown, plain

_ID_OF_SECRETS = "none"


class Drawn(Resource):
    """A value drawn once. Subclasses say what their outputs are, given plain inputs."""

    replace_on = ("*",)
    settings: ClassVar[Mapping[str, Any]] = {}
    """Outputs that show an input's default; the real plugin keeps them out of the inputs."""

    @abstractmethod
    def drawn(self, inputs: Properties) -> tuple[str, Properties]:
        """The id and the computed outputs."""

    def create(
        self, inputs: Properties, preview: bool, _timeout: float, /
    ) -> tuple[str, Properties]:
        """Draw; in a preview say that it will be."""
        given = {name: item for name, item in inputs.items() if item is not None}
        shown = {**self.settings, **given}
        if preview:
            return "", self.planned(shown)
        identity, outputs = self.drawn(plain(shown))
        return identity, {**shown, **outputs}

    def update(
        self,
        _identity: str,
        olds: Properties,
        news: Properties,
        _preview: bool,
        _timeout: float,
        /,
    ) -> Properties:
        """Keep what was drawn (only reached by changes that are ignored for replacement)."""
        return {**olds, **news}

    def delete(self, _identity: str, _state: Properties, _timeout: float, /) -> None:
        """Forget it."""


class RandomString(Drawn):
    """`random.RandomString`: its result is no secret, and is its id."""

    required = ("length",)
    computed: ClassVar[Sequence[str]] = ("result",)
    settings: ClassVar = {
        "lower": True,
        "upper": True,
        "numeric": True,
        "number": True,
        "special": True,
        "minLower": 0,
        "minUpper": 0,
        "minNumeric": 0,
        "minSpecial": 0,
    }

    def check(self, olds: Properties, news: Properties, /) -> tuple[Properties, list[Failure]]:
        """Refuse a length below 1 or below the sum of the minima."""
        inputs, failures = super().check(olds, news)
        if not failures and not has_unknown(inputs):
            values = plain(inputs)
            least = sum(
                values.get(name) or 0
                for name in ("minLower", "minUpper", "minNumeric", "minSpecial")
            )
            if values["length"] < max(1, least):
                reason = f"Attribute length value must be at least {max(1, least)}"
                failures.append(Failure("length", f"{reason}, got: {values['length']}"))
        return inputs, failures

    def drawn(self, inputs: Properties) -> tuple[str, Properties]:
        """Draw the string; `number` is the old name of `numeric`."""
        result = _string(inputs)
        return result, {"result": result}


class RandomPassword(RandomString):
    """`random.RandomPassword`: the same, secret, with a bcrypt hash and a constant id."""

    computed = ("result", "bcryptHash")
    secret_outputs = ("result", "bcryptHash")

    def drawn(self, inputs: Properties) -> tuple[str, Properties]:
        """Draw the password and hash it."""
        result = _string(inputs)
        return _ID_OF_SECRETS, {"result": result, "bcryptHash": bcrypt_hash(result)}


def _string(inputs: Properties) -> str:
    alphabet = Alphabet(
        lower=inputs["lower"],
        upper=inputs["upper"],
        numeric=inputs["numeric"] and inputs["number"],
        special=inputs["special"],
        min_lower=inputs["minLower"],
        min_upper=inputs["minUpper"],
        min_numeric=inputs["minNumeric"],
        min_special=inputs["minSpecial"],
        override_special=inputs.get("overrideSpecial") or "",
    )
    try:
        return alphabet.draw(inputs["length"])
    except ValueError as error:
        raise Refused(str(error)) from None


class RandomBytes(Drawn):
    """`random.RandomBytes`. As with the real plugin its id is the base64 form, *in clear text*."""

    required = ("length",)
    computed = ("base64", "hex")
    secret_outputs = ("base64", "hex")

    def drawn(self, inputs: Properties) -> tuple[str, Properties]:
        """Draw the bytes."""
        data = secrets.token_bytes(inputs["length"])
        encoded = base64.b64encode(data).decode()
        return encoded, {"base64": encoded, "hex": data.hex()}


class RandomId(Drawn):
    """`random.RandomId`: public; its id is the URL form without the prefix."""

    required = ("byteLength",)
    computed = ("b64Std", "b64Url", "dec", "hex")

    def drawn(self, inputs: Properties) -> tuple[str, Properties]:
        """Draw the bytes and spell them in four ways."""
        data = secrets.token_bytes(inputs["byteLength"])
        prefix = inputs.get("prefix") or ""
        url = base64.urlsafe_b64encode(data).decode().rstrip("=")
        spelled = {
            "b64Url": url,
            "b64Std": base64.b64encode(data).decode(),
            "hex": data.hex(),
            "dec": str(int.from_bytes(data)),
        }
        return url, {name: prefix + text for name, text in spelled.items()}


class RandomUuid(Drawn):
    """`random.RandomUuid`: a version 4 UUID, which is its id as well."""

    computed = ("result",)

    def drawn(self, _inputs: Properties) -> tuple[str, Properties]:
        """Draw it."""
        result = str(uuid.uuid4())
        return result, {"result": result}


class RandomPet(Drawn):
    """`random.RandomPet`: a name of words, which is its id as well."""

    settings: ClassVar = {"length": 2, "separator": "-"}

    def drawn(self, inputs: Properties) -> tuple[str, Properties]:
        """Draw the name."""
        separator = inputs["separator"]
        name = pet_name(inputs["length"], separator)
        prefix = inputs.get("prefix")
        return (f"{prefix}{separator}{name}" if prefix else name), {}


RESOURCES: dict[str, Resource] = {
    f"random:index/{kind.__name__[0].lower()}{kind.__name__[1:]}:{kind.__name__}": kind()
    for kind in (RandomBytes, RandomId, RandomPassword, RandomPet, RandomString, RandomUuid)
}
