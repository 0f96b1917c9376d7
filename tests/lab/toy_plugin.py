"""A plugin made only to see what the real engine does with the framework's answers."""

import time
from pathlib import Path

from provider.rpc import (
    PartialFailure,
    Plugin,
    Properties,
    Refused,
    Resource,
    operation,
    plain,
    serve,
)


class Toy(Resource):
    """What it does is its input `mood`."""

    required = ("mood",)
    replace_on = ("shape",)
    computed = ("made",)
    secret_outputs = ("made",)

    def create(
        self, inputs: Properties, preview: bool, _timeout: float, /
    ) -> tuple[str, Properties]:
        """Be made, or not."""
        if preview:
            return "", self.planned(inputs)
        values = plain(inputs)
        call = operation.current()
        outputs = {**values, "made": "canary-output"}
        if values["mood"] == "refuses":
            raise Refused("not in this house")
        if values["mood"] == "broken":
            raise ZeroDivisionError("canary-fault")
        if values["mood"] == "half":
            raise PartialFailure("toy-1", outputs, ["the other half is missing"], inputs)
        if values["mood"] == "waits":
            Path(values["started"]).touch()
            call.wait(60)
        call.warn("this toy talks")
        call.status("for a moment only")
        return "toy-1", outputs

    def update(
        self,
        _identity: str,
        olds: Properties,
        news: Properties,
        _preview: bool,
        _timeout: float,
        /,
    ) -> Properties:
        """Take the new inputs."""
        return self.planned(news, olds)

    def delete(self, _identity: str, _state: Properties, _timeout: float, /) -> None:
        """Go."""


def configure(config: Properties) -> None:
    """Write down that it was asked, and with what."""
    if "log" in config:
        with Path(config["log"]).open("a") as log:
            log.write(f"{config.get('key')} {time.monotonic()}\n")


def hello(arguments: Properties) -> Properties:
    """Answer."""
    return {"said": f"hello {arguments['name']}"}


if __name__ == "__main__":
    serve(
        Plugin(
            name="toy",
            version="1.0.0",
            configure=configure,
            resources={"toy:index:Toy": Toy()},
            functions={"toy:index:hello": hello},
        )
    )
