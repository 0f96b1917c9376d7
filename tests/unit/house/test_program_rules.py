"""Rules of the program that a reader cannot be trusted to keep: read from its syntax trees.

Each rule has a small program that breaks it, so that a rule which sees nothing is found out.
"""

import ast
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path

import pytest

pytestmark = pytest.mark.unit

ROOT = Path(__file__).resolve().parents[3]
PROGRAM = ("components", "stacks")
# What a resource option of these names does is felt years later: its reason stands beside it.
REASONED = ("depends_on", "ignore_changes", "protect", "retain_on_delete")
# Where config, the environment, files or the network come in.
OUTSIDE = ("os", "pathlib", "subprocess", "socket", "ssl", "requests", "httpx", "httpx2", "urllib")
OUTSIDE_CALLS = ("open", "input", "pulumi.Config", "pulumi.get_stack", "pulumi.get_project")


class Module:
    """A module of the program: its tree, and who encloses whom."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.lines = text.splitlines()
        self.tree = ast.parse(text)
        self.parents = {
            child: node for node in ast.walk(self.tree) for child in ast.iter_child_nodes(node)
        }

    def around(self, node: ast.AST) -> Iterator[ast.AST]:
        """The node's parents, innermost first."""
        while node in self.parents:
            node = self.parents[node]
            yield node

    def at(self, node: ast.AST, what: str) -> str:
        return f"{self.name}:{getattr(node, 'lineno', 1)} {what}"

    def calls(self, inside: ast.AST | None = None) -> Iterator[ast.Call]:
        return (n for n in ast.walk(inside or self.tree) if isinstance(n, ast.Call))

    def is_comment(self, number: int) -> bool:
        """Whether line `number` (from 1) is a comment or ends in one."""
        line = self.lines[number - 1].strip()
        return line.startswith("#") or "  # " in line

    def resources(self) -> set[str]:
        """Names of what makes a resource here: classes of SDKs, and our own."""
        found = set()
        for node in ast.walk(self.tree):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("components."):
                found |= {alias.asname or alias.name for alias in node.names}
            elif isinstance(node, ast.ClassDef) and is_resource(node):
                found.add(node.name)
        return found


@lru_cache
def program() -> list[Module]:
    paths = [path for folder in PROGRAM for path in sorted((ROOT / folder).rglob("*.py"))]
    return [Module(str(path.relative_to(ROOT)), path.read_text()) for path in paths]


def called(call: ast.Call) -> str:
    return ast.unparse(call.func)


def bases(node: ast.ClassDef) -> set[str]:
    return {ast.unparse(base).rpartition(".")[2] for base in node.bases}


def is_resource(node: ast.ClassDef) -> bool:
    return any(base.endswith(("Resource", "ComponentResource")) for base in bases(node))


def makes_resource(module: Module, call: ast.Call) -> bool:
    """Whether a call constructs a resource: a class that is given `opts`, or known as one."""
    last = called(call).rpartition(".")[2]
    is_class = last[:1].isupper() and not last.endswith("Args")
    given_options = any(keyword.arg == "opts" for keyword in call.keywords)
    return is_class and (
        given_options or called(call) in module.resources() - {"Condition", "Site"}
    )


def applied(module: Module) -> Iterator[ast.AST]:
    """Functions that run once values are known: lambdas and named ones given to `.apply`."""
    named = {n.name: n for n in ast.walk(module.tree) if isinstance(n, ast.FunctionDef)}
    for call in module.calls():
        if isinstance(call.func, ast.Attribute) and call.func.attr == "apply":
            for argument in call.args:
                name = argument.id if isinstance(argument, ast.Name) else None
                yield named.get(name, argument) if name else argument


def resource_inside_apply(module: Module) -> list[str]:
    """In a preview the function does not run, and the resource is not there."""
    return [
        module.at(call, called(call))
        for function in applied(module)
        for call in module.calls(function)
        if makes_resource(module, call)
    ]


def outside_world(module: Module) -> list[str]:
    """A component gets everything through its Args, or it cannot stand twice in a stack."""
    found = []
    for node in ast.walk(module.tree):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        found += [module.at(node, name) for name in names if name.split(".")[0] in OUTSIDE]
    found += [module.at(c, called(c)) for c in module.calls() if called(c) in OUTSIDE_CALLS]
    return found


def merged_options(module: Module) -> list[str]:
    """`ResourceOptions.merge` joins lists and keeps parents: nobody can read what comes out."""
    return [
        module.at(call, called(call))
        for call in module.calls()
        if isinstance(call.func, ast.Attribute) and call.func.attr == "merge"
    ]


def hooks(module: Module) -> list[str]:
    """A hook comes before: one that failed after the fact is skipped by the next `up`, so waiting

    is a gate's work; and one on deletes makes every destroy need the program.
    """
    return [
        module.at(node, f"{ast.unparse(node.func)}({keyword.arg}=...)")
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call)
        and ast.unparse(node.func).rpartition(".")[2] == "ResourceHookBinding"
        for keyword in node.keywords
        if keyword.arg not in ("before_create", "before_update")
    ]


def components(module: Module) -> Iterator[tuple[ast.ClassDef, ast.FunctionDef]]:
    """Component classes with their constructors."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.ClassDef) and "ComponentResource" in bases(node):
            for item in node.body:
                if isinstance(item, ast.FunctionDef) and item.name == "__init__":
                    yield node, item


def unfinished(module: Module) -> list[str]:
    """`register_outputs` comes last, or the engine never knows that a component is complete."""
    return [
        module.at(owner, owner.name)
        for owner, constructor in components(module)
        if not ast.unparse(constructor.body[-1]).startswith("self.register_outputs(")
    ]


def orphans(module: Module) -> list[str]:
    """A child says whose it is: `parent=self`, in its call or in the options it is given."""
    found = []
    for owner, _ in components(module):
        inside = {
            ast.unparse(target)
            for node in ast.walk(owner)
            if isinstance(node, ast.Assign) and has_parent(node.value)
            for target in node.targets
        }
        inside |= {
            f"self.{item.name}()"
            for item in owner.body
            if isinstance(item, ast.FunctionDef) and has_parent(item)
        }
        # A helper that is handed the options has them from a place that is looked at itself.
        inside |= {
            argument.arg
            for item in owner.body
            if isinstance(item, ast.FunctionDef) and item.name != "__init__"
            for argument in item.args.args
            if "ResourceOptions" in ast.unparse(argument.annotation or ast.Constant(None))
        }
        for call in module.calls(owner):
            options = [item.value for item in call.keywords if item.arg == "opts"]
            if makes_resource(module, call) and not any(
                has_parent(option) or ast.unparse(option) in inside for option in options
            ):
                found.append(module.at(call, called(call)))
    return found


def has_parent(node: ast.AST) -> bool:
    return any(
        isinstance(item, ast.keyword) and item.arg == "parent" and ast.unparse(item.value) == "self"
        for item in ast.walk(node)
    )


def unreasoned(module: Module) -> list[str]:
    """The reason stands on the option's lines, directly above it, or above what it belongs to."""
    return [
        module.at(keyword.value, str(keyword.arg))
        for call in module.calls()
        for keyword in call.keywords
        if keyword.arg in REASONED and not explained(module, keyword)
    ]


def explained(module: Module, keyword: ast.keyword) -> bool:
    last = keyword.value.end_lineno or keyword.value.lineno
    lines = {*range(keyword.lineno - 1, last + 1)}
    for outer in module.around(keyword):
        if isinstance(outer, ast.Call | ast.keyword):
            lines.add(outer.lineno - 1)
        elif isinstance(outer, ast.stmt):
            lines.add(outer.lineno - 1)
            break
    return any(module.is_comment(number) for number in lines if number > 0)


RULES: dict[Callable[[Module], list[str]], str] = {
    resource_inside_apply: "x.apply(lambda v: k8s.core.v1.Secret('s', data=v, opts=o))",
    outside_world: "import os\nhome = os.environ['HOME']",
    merged_options: "opts = ResourceOptions.merge(opts, ResourceOptions(parent=self))",
    hooks: "pulumi.ResourceHookBinding(before_create=[refuse], after_create=[wait])",
    unfinished: (
        "class A(pulumi.ComponentResource):\n"
        "    def __init__(self):\n"
        "        self.register_outputs({})\n"
        "        self.x = 1"
    ),
    orphans: (
        "class A(pulumi.ComponentResource):\n"
        "    def __init__(self):\n"
        "        k8s.core.v1.Secret('s', opts=ResourceOptions(provider=p))\n"
        "        self.register_outputs({})"
    ),
    unreasoned: "x = 1\n\nResourceOptions(parent=self, depends_on=[a])",
}
# Stacks are where config and the environment come in.
ONLY_COMPONENTS = {outside_world}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_program_keeps_the_rule(rule: Callable[[Module], list[str]]) -> None:
    modules = [
        module
        for module in program()
        if rule not in ONLY_COMPONENTS or module.name.startswith("components")
    ]
    assert len(modules) > 20
    found = [line for module in modules for line in rule(module)]
    assert found == [], f"{rule.__doc__}\n" + "\n".join(found)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_a_program_that_breaks_it_is_caught_by_the_rule(
    rule: Callable[[Module], list[str]],
) -> None:
    assert len(rule(Module("broken.py", RULES[rule]))) > 0


@pytest.mark.parametrize(
    "text",
    [
        "def make(v):\n    return k8s.core.v1.Secret('s', opts=o)\nx.apply(make)",
        "Output.all(a, b).apply(lambda v: [pve.VmLegacy('m', opts=o) for _ in v])",
        "from components.storage import Storage\nx.apply(lambda v: Storage('s', v))",
    ],
)
def test_a_resource_inside_apply_is_found_wherever_it_hides(text: str) -> None:
    assert resource_inside_apply(Module("broken.py", text))


@pytest.mark.parametrize(
    "text",
    [
        "# Because.\nResourceOptions(depends_on=[a])",
        "X(\n    'x',\n    # Because.\n    opts=ResourceOptions(parent=self, depends_on=[a]),\n)",
        "ResourceOptions(\n    depends_on=[a],  # because\n)",
        "ResourceOptions(\n    ignore_changes=[\n        # Because.\n        'a',\n    ],\n)",
    ],
)
def test_a_reason_is_found_where_people_write_it(text: str) -> None:
    assert unreasoned(Module("fine.py", text)) == []


def test_every_component_is_looked_at() -> None:
    found = [owner.name for module in program() for owner, _ in components(module)]
    assert len(found) == len(set(found))
    assert {"Auth", "Infrastructure", "Fleet", "Cni", "Storage", "SecretSeeds", "Flux"} <= set(
        found
    )
