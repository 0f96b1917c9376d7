"""What a resource of a plugin is: one class with the six verbs of a life cycle.

    class Record(Resource):
        required = ("zoneId", "name")          # Check refuses a resource without them
        defaults: ClassVar = {"ttl": 1}        # filled in by Check
        replace_on = ("zoneId",)               # a change there replaces, any other updates
        computed = ("createdOn",)              # unknown until it exists
        secret_outputs = ("token",)            # encrypted in state, whatever the inputs were

        def create(self, inputs, preview, _timeout, /):
            if preview:
                return "", self.planned(inputs)
            record = api.create(**plain(inputs))
            return record.id, {**inputs, "createdOn": record.created_on}

        def update(self, identity, olds, news, preview, _timeout, /): ...
        def delete(self, identity, _state, _timeout, /): ...

Property values are those of `provider.rpc.wire`: a secret input arrives as `Secret`, a value that
is not known in a preview as `UNKNOWN`. Outputs at the path of a secret input are made secret by the
server, so `{**plain(inputs), ...}` is safe. Property names are the wire's (camelCase). A resource
is made once and called from many threads. The urn, the deadline, cancelling and messages to the
user: `provider.rpc.operation`.

Raise `Refused` with a sentence for the user, `PartialFailure` when something was made and then went
wrong. No gRPC here.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from provider.rpc.diff import Diff, field_wise
from provider.rpc.errors import Failure
from provider.rpc.wire import UNKNOWN, Properties, is_secret, secret

__all__ = ["Diff", "Failure", "Resource"]


class Resource(ABC):
    """A resource type.

    Arguments are positional, so a method may name those it has no use for `_like_this`. `identity`
    is Pulumi's id; `timeout` is the program's customTimeouts in seconds, 0.0 when not set.
    """

    required: ClassVar[Sequence[str]] = ()
    defaults: ClassVar[Mapping[str, Any]] = {}
    replace_on: ClassVar[Sequence[str]] = ()
    delete_before_replace: ClassVar[bool] = False
    computed: ClassVar[Sequence[str]] = ()
    secret_outputs: ClassVar[Sequence[str]] = ()

    def check(self, olds: Properties, news: Properties, /) -> tuple[Properties, list[Failure]]:
        """Fill in defaults and say what is wrong with the inputs, all of it at once.

        `olds` are the inputs of the last run ({} at first). Values can be unknown or secret.
        """
        del olds
        failures = [
            Failure(name, f"Missing required property '{name}'")
            for name in self.required
            if news.get(name) is None
        ]
        missing = {name: item for name, item in self.defaults.items() if news.get(name) is None}
        return {**news, **missing}, failures

    def diff(
        self,
        identity: str,
        olds: Properties,
        old_inputs: Properties,
        news: Properties,
        ignore: Sequence[str],
        /,
    ) -> Diff:
        """Compare inputs field by field. `olds` are the old outputs; unknown counts as changed."""
        del identity, olds
        return field_wise(
            old_inputs,
            news,
            ignore=ignore,
            replace_on=self.replace_on,
            delete_before_replace=self.delete_before_replace,
        )

    @abstractmethod
    def create(
        self,
        inputs: Properties,
        preview: bool,
        timeout: float,
        /,
    ) -> tuple[str, Properties]:
        """Make it; return its identity and outputs. A preview changes nothing: return `planned`."""

    def read(
        self,
        identity: str,
        state: Properties,
        inputs: Properties,
        /,
    ) -> tuple[str | None, Properties, Properties]:
        """Look at the real thing: (identity, outputs, inputs), None as identity when it is gone.

        For `pulumi import` state and inputs are {}. The default looks at nothing.
        """
        return identity, state, inputs

    @abstractmethod
    def update(
        self,
        identity: str,
        olds: Properties,
        news: Properties,
        preview: bool,
        timeout: float,
        /,
    ) -> Properties:
        """Change it in place; return all outputs. In a preview return `planned(news, olds)`."""

    @abstractmethod
    def delete(
        self,
        identity: str,
        state: Properties,
        timeout: float,
        /,
    ) -> None:
        """Remove it; what is gone already is success. `state` are the outputs."""

    def planned(self, inputs: Properties, olds: Properties | None = None) -> Properties:
        """What a preview can say of the outputs.

        A computed output is unknown in a create, and keeps its old value in an update.
        """
        before = olds or {}
        return {**{name: before.get(name, UNKNOWN) for name in self.computed}, **inputs}

    def sealed(self, outputs: Properties) -> Properties:
        """`outputs` with `secret_outputs` wrapped; the server calls this on everything it gets."""
        return {
            name: secret(item) if name in self.secret_outputs and not is_secret(item) else item
            for name, item in outputs.items()
        }


class LookOnly(Resource):
    """A resource that only looks or waits: it makes nothing, so there is nothing to remove."""

    def delete(
        self,
        identity: str,
        state: Properties,
        timeout: float,
        /,
    ) -> None:
        """Nothing was left behind."""
        del identity, state, timeout
