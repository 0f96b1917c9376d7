"""A template that asks for what the one who renders it does not have."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from checks.finding import Finding, Rule
from checks.gitops_tree import Placed
from checks.tree.charts import templates
from checks.tree.load import strings
from checks.tree.model import HelmRelease, Tree, finding, mapping, sequence
from checks.tree.templates import keys, of_helm, printed

NAME = "template-release"
GROUP = "external-secrets.io"
# What leads to the template in each kind that External Secrets renders.
TEMPLATES: Mapping[str, tuple[str, ...]] = {
    "ExternalSecret": ("spec", "target", "template"),
    "ClusterExternalSecret": ("spec", "externalSecretSpec", "target", "template"),
    "PushSecret": ("spec", "template"),
}
# Kinds that nobody renders at all; free text, which may be meant for somebody else, left out.
PLAIN = ("", "apps", "batch", "networking.k8s.io", "rbac.authorization.k8s.io", GROUP)
FREE = frozenset({"ConfigMap", "Secret"})
FREE_FIELDS = frozenset({"args", "command", "value", "annotations"})
STATIC = "write the value itself; what Helm knows is gone when External Secrets renders this"
Path = tuple[str | int, ...]


@dataclass(frozen=True, kw_only=True)
class Rendered:
    """A text that External Secrets renders; `given` are its data's keys, None for any."""

    item: Placed
    text: str
    path: Path
    given: frozenset[str] | None


def find(tree: Tree) -> Iterator[Finding]:
    """One finding for each expression that its renderer does not know."""
    for item in tree.objects:
        for one in rendered(item, item.document, (), tree):
            yield from unknown(one)
        yield from by_nobody(item)
    for release in tree.releases:
        yield from in_values(release, tree)
        yield from in_chart(release, tree)


def rendered(
    item: Placed, document: Mapping[str, Any], above: Path, tree: Tree
) -> Iterator[Rendered]:
    """The texts of an ExternalSecret's template; `above` leads to it in its object."""
    kind = str(document.get("kind"))
    if kind not in TEMPLATES or not str(document.get("apiVersion")).startswith(GROUP):
        return
    way = TEMPLATES[kind]
    template, spec = mapping(document, *way), mapping(document, *way[:-2])
    given = None
    if kind != "PushSecret" and not spec.get("dataFrom"):
        given = frozenset(str(one.get("secretKey")) for one in sequence(spec, "data"))
    for path, text in strings(template, *above, *way):
        yield Rendered(item=item, text=text, path=path, given=given)
    for source in sequence(template, "templateFrom"):
        wanted = mapping(source, "configMap")
        for other in tree.of("ConfigMap"):
            if (other.namespace, other.name) != (item.namespace, wanted.get("name")):
                continue
            for key in (str(one.get("key")) for one in sequence(wanted, "items")):
                text = str(mapping(other.item.document, "data").get(key, ""))
                yield Rendered(item=other.item, text=text, path=("data", key), given=given)


def unknown(one: Rendered) -> Iterator[Finding]:
    """What External Secrets does not know of a text that it renders."""
    helms = list(dict.fromkeys(match[0] for match in of_helm(one.text)))
    for expression in helms:
        yield finding(one.item, NAME, of_eso(one.item, expression), STATIC, *one.path)
    if helms or one.given is None:
        return
    for key in keys(one.text):
        if key not in one.given:
            near = [given for given in sorted(one.given) if given.startswith(f"{key}-")]
            hint = f'write `index . "{near[0]}"`, or ' if near else ""
            yield finding(
                one.item,
                NAME,
                f"{one.item.kind} {one.item.name} asks for the key {key}, and its `data` gives "
                f"{', '.join(sorted(one.given)) or 'none'}",
                f"{hint}add the key to `data`, or correct its name",
                *one.path,
            )


def of_eso(item: Placed, expression: str) -> str:
    """What External Secrets says of Helm's words."""
    name = expression.split(".")[1] if expression.startswith(".") else ""
    said = f"map has no entry for key {name}" if name else f"function {expression} not defined"
    return (
        f"External Secrets renders this template of {item.kind} {item.name}, and `{expression}` is "
        f"Helm's: `{said}`"
    )


def by_nobody(item: Placed) -> Iterator[Finding]:
    """Helm's words in an object that is no part of a chart."""
    if item.group not in PLAIN or item.kind in FREE:
        return
    theirs = TEMPLATES.get(item.kind, ("",))
    for path, text in strings(item.document):
        if path[: len(theirs)] == theirs or FREE_FIELDS & set(path):
            continue
        for expression in dict.fromkeys(match[0] for match in of_helm(text)):
            yield finding(
                item,
                NAME,
                f"{item.kind} {item.name} has `{expression}` in a template, and nobody renders it: "
                "this is no part of a chart",
                "write the value itself, or a variable of Flux, `${NAME}`",
                *path,
            )


def in_values(release: HelmRelease, tree: Tree) -> Iterator[Finding]:
    """ExternalSecrets that a release hands to its chart."""
    for path, document in documents(release.values, "spec", "values"):
        # Charts that take any object render it first; this one leaves `resources` as they are.
        first = release.chart != "raw" or path[2] != "resources"
        for one in rendered(release.item, document, path, tree):
            text = printed(one.text) if first else one.text
            yield from unknown(
                Rendered(
                    item=one.item, text=text, path=one.path, given=None if first else one.given
                )
            )


def documents(found: Any, *path: str | int) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    """Every ExternalSecret that stands somewhere in values."""
    if isinstance(found, Mapping):
        if found.get("kind") in TEMPLATES:
            yield path, found
        for key, value in found.items():
            yield from documents(value, *path, str(key))
    elif isinstance(found, list):
        for number, value in enumerate(found):
            yield from documents(value, *path, number)


def in_chart(release: HelmRelease, tree: Tree) -> Iterator[Finding]:
    """ExternalSecrets of a chart in the repository: what they hand on through Helm."""
    for part in templates(tree, release):
        kind = re.search(r"^kind: (?P<kind>\w+)\s*$", part.text, re.MULTILINE)
        if not kind or kind["kind"] not in TEMPLATES:
            continue
        # Before Helm there are only escapes; after it, what they printed is left.
        text = printed(part.text)
        for match in of_helm(text):
            yield Finding(
                file=part.file,
                line=part.line_of(match.start(), text),
                rule=NAME,
                message=f"this {kind['kind']} of HelmRelease {release.name} hands `{match[0]}` on "
                "to External Secrets, which does not know it",
                fix="let Helm render it, or write the value itself",
            )


RULE = Rule(
    name=NAME,
    forbids="Helm's words (`.Release`, `.Values`, `include`) in a template that External Secrets "
    "renders, or that nobody does, and keys that an ExternalSecret does not fetch",
    outage="ExternalSecrets had `.Release` in their templates; External Secrets said `map has no "
    "entry for key Release`, and the Secrets were never made",
    find=find,
)
