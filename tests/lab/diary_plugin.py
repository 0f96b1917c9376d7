"""A plugin that writes down what the real engine has it do, and refuses a delete when told to."""

from pathlib import Path

from provider.rpc import Plugin, Properties, Refused, Resource, operation, plain, serve


class Thing(Resource):
    """Inputs: `folder` with the diary, `shape` that replaces."""

    required = ("folder",)
    replace_on = ("shape",)

    def create(
        self, inputs: Properties, preview: bool, _timeout: float, /
    ) -> tuple[str, Properties]:
        """Be made."""
        if not preview:
            note(inputs, "create")
        return ("" if preview else operation.current().name), inputs

    def update(
        self,
        _identity: str,
        _olds: Properties,
        news: Properties,
        preview: bool,
        _timeout: float,
        /,
    ) -> Properties:
        """Change."""
        if not preview:
            note(news, "update")
        return news

    def delete(self, _identity: str, state: Properties, _timeout: float, /) -> None:
        """Go, unless a file forbids it."""
        name = operation.current().name
        if (Path(plain(state)["folder"]) / f"{name} stays").exists():
            raise Refused(f"{name} stays, because it is told to")
        note(state, "delete")


def note(properties: Properties, verb: str) -> None:
    """One line more in the diary."""
    with (Path(plain(properties)["folder"]) / "diary").open("a") as diary:
        diary.write(f"{verb} {operation.current().name}\n")


if __name__ == "__main__":
    serve(Plugin(name="diary", version="1.0.0", resources={"diary:index:Thing": Thing()}))
