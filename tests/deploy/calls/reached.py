"""Which calls of AWS the code of a service can come to, by reading it.

Theory of operation. From a service's entry points each function is followed to all that it may call: whatever bears the
called name, takes as many arguments, and is a function of a module that the service imports, or a method of a class
that is named on the way. That reaches too much rather than too little, and knows of no condition: so it sees calls that
only faults make, and nothing that a service cannot make is missing from it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TypeGuard, TypeVar

import botocore.session
from botocore import xform_name

T = TypeVar("T")
ROOT = Path(__file__).parents[3]
_PACKAGES = {"headrace_producers": "producers", "headrace_consumers": "consumers", "headrace_batch": "batch",
             "headrace_sql": "sql"}  # fmt: skip
_APIS = ("athena", "dynamodb", "glue", "kinesis", "s3", "secretsmanager")
_CLIENTS = frozenset({"client", "_client", *_APIS})
"""What a client of boto3 is called in the code."""


@dataclass(frozen=True, slots=True, eq=False)
class Function:
    """A function or a method, with what it says."""

    module: str
    owner: str
    """The class; empty for a function."""
    node: ast.FunctionDef | ast.AsyncFunctionDef

    def takes(self, call: ast.Call) -> bool:
        """Whether it can be called so."""
        said, bound = self.node.args, bool(self.owner) and not _is_static(self.node)
        if any(isinstance(argument, ast.Starred) for argument in call.args) or any(
            not one.arg for one in call.keywords
        ):
            return True
        names = [argument.arg for argument in (*said.posonlyargs, *said.args)][bound:]
        keywords = {one.arg for one in call.keywords}
        most = len(names) if said.vararg is None else 10**6
        known = {*names, *(one.arg for one in said.kwonlyargs)}
        needed = len(names) - len(said.defaults)
        return len(call.args) <= most and len(call.args) + len(keywords) >= needed and (
            said.kwarg is not None or keywords <= known
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Code:
    """The product's modules: what each imports, and what is defined in them by name."""

    imports: Mapping[str, frozenset[str]]
    functions: Mapping[str, Sequence[Function]]
    classes: Mapping[str, frozenset[str]]
    """Name to the modules that define one."""
    methods: Mapping[str, Sequence[Function]]
    """By the name of their class."""
    bases: Mapping[str, frozenset[str]]
    fields: frozenset[str]
    """Of classes: such a name is a value where it is not called."""
    aliases: Mapping[str, Mapping[str, str]]
    """Module to what it calls otherwise than it is called."""
    apis: Mapping[str, frozenset[str]]
    """Module to the APIs whose clients it names."""

    def imported_by(self, modules: Iterable[str]) -> frozenset[str]:
        """And by those, and so on."""
        found: set[str] = set()
        waiting = list(modules)
        while waiting:
            module = waiting.pop()
            if module not in found:
                found.add(module)
                waiting += self.imports.get(module, frozenset())
        return frozenset(found)


@cache
def read_code() -> Code:
    trees = dict(_trees())
    defined = [(module, node) for module, tree in trees.items() for node in tree.body]
    classes = [(module, node) for module, node in defined if isinstance(node, ast.ClassDef)]
    methods = [Function(module, node.name, one) for module, node in classes for one in node.body if _is_function(one)]
    functions = [Function(module, "", node) for module, node in defined if _is_function(node)]
    return Code(
        imports={module: frozenset(_imports(tree, trees.keys())) for module, tree in trees.items()},
        functions=_grouped((one.node.name, one) for one in (*functions, *methods)),
        classes=_sets((node.name, module) for module, node in classes),
        methods=_grouped((one.owner, one) for one in methods),
        bases=_sets((node.name, _name(base)) for _, node in classes for base in (*node.bases, node)),
        fields=frozenset(
            _name(one.target) for _, node in classes for one in node.body if isinstance(one, ast.AnnAssign)
        ),
        aliases={module: dict(_aliases(tree)) for module, tree in trees.items()},
        apis={module: frozenset(_stubs(tree)) for module, tree in trees.items()},
    )  # fmt: skip


def reached_calls(entries: Iterable[str]) -> dict[str, str]:
    """Call of an API to a place in the code that makes it. Entries are `module:function`, or `module:Class`."""
    code = read_code()
    walk = _Walk(code, code.imported_by(entry.partition(":")[0] for entry in entries))
    for entry in entries:
        module, _, name = entry.partition(":")
        walk.enter(module, name)
    return dict(sorted(walk.calls()))


@dataclass(slots=True)
class _Walk:
    code: Code
    modules: frozenset[str]
    reached: dict[Function, Function | None] = field(default_factory=dict)
    """To the one that it was first reached from."""
    _classes: set[str] = field(default_factory=set)
    _wanted: dict[str, list[ast.Call | None]] = field(default_factory=dict)
    """Names that were called, and how; None for one that was only named."""

    def enter(self, module: str, name: str) -> None:
        found = [one for one in self.code.functions.get(name, ()) if (one.module, one.owner) == (module, "")]
        if not found and name not in self.code.classes:
            raise ValueError(f"{module} has no {name}: the entry points in services.py name what is not there")
        begun = [*found, *(self._live(name, whole=True) if name in self.code.classes else ())]
        waiting: list[tuple[Function, Function | None]] = [(one, None) for one in begun]
        while waiting:
            function, caller = waiting.pop()
            if function not in self.reached:
                self.reached[function] = caller
                waiting += [(one, function) for one in self._follow(function)]

    def _follow(self, function: Function) -> Iterator[Function]:
        aliases = self.code.aliases[function.module]
        called = {id(call.func): call for call in ast.walk(function.node) if isinstance(call, ast.Call)}
        for one in ast.walk(function.node):
            name, call = aliases.get(_name(one), _name(one)), called.get(id(one))
            if name in self.code.classes:
                yield from self._live(name)
            if name in self.code.functions and (call or name not in self.code.fields):
                self._wanted.setdefault(name, []).append(call)
                yield from (each for each in self._named(name) if call is None or each.takes(call))

    def _live(self, name: str, *, whole: bool = False) -> Iterator[Function]:
        """A class is named: what its construction calls, and its methods that were wanted before."""
        if name in self._classes or not self.code.classes[name] & self.modules:
            return
        self._classes.add(name)
        for base in self.code.bases[name] & self.code.classes.keys():
            yield from self._live(base)
        for method in self.code.methods.get(name, ()):
            wanted = self._wanted.get(method.node.name, ())
            dunder = method.node.name.startswith("__")
            if method.module in self.modules and (
                whole or dunder or any(call is None or method.takes(call) for call in wanted)
            ):
                yield method

    def _named(self, name: str) -> Iterator[Function]:
        for one in self.code.functions[name]:
            if one.module in self.modules and (not one.owner or one.owner in self._classes):
                yield one

    def calls(self) -> Iterator[tuple[str, str]]:
        """With the way to it, shortest names first."""
        for function in self.reached:
            for one in ast.walk(function.node):
                if isinstance(one, ast.Attribute) and _name(one.value) in _CLIENTS and one.attr in _operations():
                    yield f"{self._api_of(function, one)}", self._way(function)
            if (function.owner, function.node.name) == ("S3Tails", "__call__"):
                yield "s3:GetObject", self._way(function)

    def _api_of(self, function: Function, one: ast.Attribute) -> str:
        """By what the client is called, or by the stubs of its module: else an API alone has such a call."""
        apis, said = _operations()[one.attr], _name(one.value)
        [api] = ({said} & apis.keys()) or (self.code.apis[function.module] & apis.keys()) or apis.keys()
        return f"{api}:{apis[api]}"

    def _way(self, function: Function) -> str:
        way: list[str] = []
        step: Function | None = function
        while step is not None:
            way.append(f"{step.owner}.{step.node.name}".removeprefix("."))
            step = self.reached[step]
        return " < ".join(way)


@cache
def _operations() -> dict[str, dict[str, str]]:
    """Method of boto3 to API to operation."""
    session = botocore.session.Session()
    found: dict[str, dict[str, str]] = {}
    for api in _APIS:
        for operation in session.get_service_model(api).operation_names:
            found.setdefault(xform_name(operation), {})[api] = operation
    return found


def _trees() -> Iterator[tuple[str, ast.Module]]:
    for package, folder in _PACKAGES.items():
        for path in sorted((ROOT / folder / package).rglob("*.py")):
            name = ".".join(path.relative_to(ROOT / folder).with_suffix("").parts)
            yield name.removesuffix(".__init__"), ast.parse(path.read_text())


def _imports(tree: ast.Module, known: Iterable[str]) -> Iterator[str]:
    """Those under TYPE_CHECKING, too: they do no harm."""
    modules = set(known)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield from {node.module, *(f"{node.module}.{one.name}" for one in node.names)} & modules
        elif isinstance(node, ast.Import):
            yield from {one.name for one in node.names} & modules


def _name(node: ast.AST) -> str:
    if isinstance(node, ast.Name):
        return node.id
    return node.attr if isinstance(node, ast.Attribute) else ""


def _aliases(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            yield from ((one.asname, one.name) for one in node.names if one.asname)


def _stubs(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("mypy_boto3_"):
            yield (node.module or "").removeprefix("mypy_boto3_").partition(".")[0]


def _grouped(pairs: Iterable[tuple[str, T]]) -> dict[str, list[T]]:
    found: dict[str, list[T]] = {}
    for name, one in pairs:
        found.setdefault(name, []).append(one)
    return found


def _sets(pairs: Iterable[tuple[str, str]]) -> dict[str, frozenset[str]]:
    return {name: frozenset(found) for name, found in _grouped(pairs).items()}


def _is_function(node: ast.AST) -> TypeGuard[ast.FunctionDef | ast.AsyncFunctionDef]:
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)


def _is_static(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return any(_name(one) == "staticmethod" for one in node.decorator_list)
