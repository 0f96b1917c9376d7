"""Turn: control planes change one after the other, and the next waits until etcd is whole again.

Two stand around each control plane. The one before it (`waitsFor: others`) lets the machine be
touched only while all others are well; the one after it (`waitsFor: all`) holds up the next machine
until this one is back. Which machines changed the engine knows: a turn is taken when its `trigger`
changes or its machine is made anew, and at no other time.

What it does not do: it repairs nothing, and it holds up nothing while there is no cluster yet.
"""

import time
from collections.abc import Sequence

from provider.control_planes import Ask, Verdict, ask, ask_all, judge
from provider.rpc import Diff, Failure, LookOnly, Properties, Refused, field_wise, operation, plain
from provider.talosctl import Credentials

OTHERS, ALL = "others", "all"
PAUSE_SECONDS = 2.0
"""Between two looks; longer than a machine takes to say that it reboots, after it said so."""
LOOKS = 2
Missing = dict[str, str]


class Turn(LookOnly):
    """Inputs: `machine`, `waitsFor` (`others` or `all`), `trigger`, `controlPlanes` (address by
    name), `clientConfiguration`, `founding`, `deadlineSeconds`.

    `trigger` is whatever, once changed, makes it wait again; no other input does. `founding` says
    that the cluster is only being made in this run, so that there is nothing to wait for.
    """

    required = ("machine", "waitsFor", "controlPlanes", "clientConfiguration", "deadlineSeconds")
    secret_outputs = ("clientConfiguration",)

    def __init__(self, one: Ask = ask, pause: float = PAUSE_SECONDS) -> None:
        self._ask = one
        self._pause = pause

    def check(self, olds: Properties, news: Properties) -> tuple[Properties, list[Failure]]:
        """Refuse to wait for what nobody knows."""
        inputs, failures = super().check(olds, news)
        waits_for = plain(inputs.get("waitsFor"))
        if isinstance(waits_for, str) and waits_for not in (OTHERS, ALL):
            reason = f"a turn waits for {OTHERS} or {ALL}, not for {waits_for!r}"
            failures.append(Failure("waitsFor", reason))
        return inputs, failures

    def diff(
        self,
        identity: str,
        olds: Properties,
        old_inputs: Properties,
        news: Properties,
        ignore: Sequence[str],
    ) -> Diff:
        """Only the trigger counts: credentials, addresses and deadlines are for the next wait."""
        del identity, olds
        before, after = ({"trigger": item.get("trigger")} for item in (old_inputs, news))
        return field_wise(before, after, ignore=ignore)

    def create(self, inputs: Properties, preview: bool, timeout: float) -> tuple[str, Properties]:
        """Wait, unless there is no cluster yet."""
        if preview:
            return "", self.planned(inputs)
        self.wait(plain(inputs), timeout)
        return str(plain(inputs["machine"])), inputs

    def update(
        self,
        id: str,  # noqa: A002
        olds: Properties,
        news: Properties,
        preview: bool,
        timeout: float,
    ) -> Properties:
        """Wait again: the machine is about to change, or has."""
        del id
        if not preview:
            self.wait(plain(news), timeout)
        return self.planned(news, olds)

    def wait(self, inputs: Properties, timeout: float) -> None:
        """Look until all is well, twice in a row, or the deadline has passed.

        Where nobody knows of a cluster once is enough: nothing is there that could be lost.
        """
        if inputs.get("founding"):
            return
        seconds = timeout or float(inputs["deadlineSeconds"])
        deadline = time.monotonic() + seconds
        call, well, shown = operation.current(), 0, Missing()
        while True:
            verdict = self.look(inputs)
            missing = verdict.missing
            well = 0 if missing else well + 1
            if well == LOOKS or not (missing or verdict.founded):
                return
            if missing and time.monotonic() >= deadline:
                raise Refused(told(inputs, seconds, missing))
            if missing and missing != shown:
                call.status(f"waiting for {', '.join(sorted(missing))}")
                shown = missing
            call.wait(self._pause)

    def look(self, inputs: Properties) -> Verdict:
        """How the control planes are now."""
        credentials = Credentials.of(inputs["clientConfiguration"])
        answers = ask_all(inputs["controlPlanes"], credentials, self._ask)
        others_only = inputs["waitsFor"] == OTHERS
        return judge(answers, inputs["machine"], others_only=others_only)


def told(inputs: Properties, seconds: float, missing: Missing) -> str:
    """The error: whose turn it was, what is not well and why, what was left alone, what to do."""
    name = inputs["machine"]
    lines = [f"  {other}: {why}" for other, why in sorted(missing.items())]
    if inputs["waitsFor"] == OTHERS:
        what = (
            f"{name} is to change, but after {seconds:.0f} s not all other control planes are "
            "well, and one more that is away could cost etcd its majority:"
        )
        way = (
            f"{name} and the control planes after it were left alone. Mend or replace what is "
            "named here, by itself, and run `pulumi up` again."
        )
    else:
        what = (
            f"{name} has changed, and {seconds:.0f} s later the control planes are not well again:"
        )
        way = (
            "The control planes after it were left alone. `talosctl dmesg` and `talosctl service` "
            f"on {name} say why; once it is mended, `pulumi up` goes on from here."
        )
    return "\n".join([what, *lines, way])
