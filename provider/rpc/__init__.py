"""A small framework for Pulumi resource providers written in Python.

A plugin is an executable with three parts: resources (classes with `check`, `diff`, `create`,
`read`, `update`, `delete`), functions (plain callables) and the call that serves them:

    from provider.rpc import Plugin, PartialFailure, Refused, Resource, plain, serve
    from provider.rpc import operation

    class Pet(Resource):
        required = ("species",)
        defaults: ClassVar = {"legs": 4}
        replace_on = ("species",)
        computed = ("name",)
        secret_outputs = ("name",)

        def create(self, inputs, preview, _timeout, /):
            if preview:
                return "", self.planned(inputs)
            name = shelter.adopt(plain(inputs)["species"])
            return name, {**inputs, "name": name}

        def update(self, _identity, olds, news, _preview, _timeout, /):
            return self.planned(news, olds)

        def delete(self, identity, _state, _timeout, /):
            shelter.return_(identity)

    def opening_hours(args):
        return {"hours": shelter.hours(args["day"])}

    serve(Plugin(name="pets", version="1.0.0", configure=shelter.connect,
                 resources={"pets:index:Pet": Pet()},
                 functions={"pets:index:openingHours": opening_hours}))

| you want | you write |
|---|---|
| a value without its secret wrapper | `plain(value)` |
| to know whether something is not known yet | `value is UNKNOWN`, `has_unknown(inputs)` |
| an output that stays encrypted | `Secret(value)`, or its name in `secret_outputs` |
| to tell the user why not | `raise Refused("sentence")` |
| to keep what was half made | `raise PartialFailure(id, outputs, ["reason"])` |
| to refuse inputs | return `Failure("path", "reason")` from `check` |
| to refuse a function's arguments | `raise InvalidArguments([Failure(...)])` |
| to wait, and stop on cancel or deadline | `operation.current().wait(seconds)` |
| to speak to the user | `operation.current().info/warn/status(message)` |
| to run a program that dies with the plugin | `life.run(argv, stdin=..., timeout=...)` |
| another difference than field by field | override `diff`, return `Diff(...)`; see `field_wise` |

It knows nothing of what any plugin does. Its imports are kept few: a plugin starts with every
engine command, so load heavy libraries inside the methods that need them.
"""

from provider.rpc.diff import Diff, Kind, field_wise
from provider.rpc.errors import Cancelled, Failure, InvalidArguments, PartialFailure, Refused
from provider.rpc.plugin import Plugin
from provider.rpc.resource import LookOnly, Resource
from provider.rpc.server import serve
from provider.rpc.wire import (
    UNKNOWN,
    Properties,
    Secret,
    Value,
    has_unknown,
    is_secret,
    plain,
)

__all__ = [
    "UNKNOWN",
    "Cancelled",
    "Diff",
    "Failure",
    "InvalidArguments",
    "Kind",
    "LookOnly",
    "PartialFailure",
    "Plugin",
    "Properties",
    "Refused",
    "Resource",
    "Secret",
    "Value",
    "field_wise",
    "has_unknown",
    "is_secret",
    "plain",
    "serve",
]
