"""The text of the bare program; `lab.bench.bare` copies it beside the resources it registers."""

import json
from pathlib import Path

import pulumi

RESOURCES = "resources.json"


def main() -> None:
    """Register what the file beside this one lists."""
    providers: dict[str, pulumi.ProviderResource] = {}
    for item in json.loads(Path(__file__).with_name(RESOURCES).read_text()):
        kind, name, inputs = item["type"], item["name"], item["inputs"]
        package = kind.removeprefix("pulumi:providers:")
        if package != kind:
            providers[name] = pulumi.ProviderResource(package, name, inputs)
        else:
            opts = pulumi.ResourceOptions(provider=providers.get(item["provider"]))
            pulumi.CustomResource(kind, name, inputs, opts)


if __name__ == "__main__":
    main()
