"""The shortest description of the architecture: who may import whom. Checked on the source, nothing is imported."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "carepick"

# errors | records -> settings | knowledge | text | engine -> service -> evaluation | web -> training -> cli
_FIRST = {"errors", "records"}
_PARTS = {"settings", "knowledge", "text", "engine"}
MAY_IMPORT: dict[str, set[str]] = {
    "errors": set(),
    "records": set(),
    "settings": {"errors"},
    "knowledge": _FIRST,
    "text": _FIRST,
    "engine": _FIRST,
    "service": _FIRST | _PARTS,
    "evaluation": _FIRST | _PARTS | {"service"},
    "web": _FIRST | _PARTS | {"service"},
    "training": _FIRST | _PARTS | {"evaluation"},  # never service or web: the bundle is the only bridge
    "cli": _FIRST | _PARTS | {"service", "evaluation", "web", "training"},
    "__main__": {"cli"},
}
# The one import against the order of files: three lines of Python must be enough to get a predictor.
BACKWARD = {("carepick.service.predictor", "carepick.service.build")}

# Packages that only these parts may import; what none of these names is free for all.
OWNERS: dict[str, set[str]] = {
    "flask": {"web"},
    "werkzeug": {"web"},
    "gunicorn": {"web"},
    "prometheus_client": {"web"},
    "onnxruntime": {"engine", "training"},
    "tokenizers": {"engine", "training"},
    "numpy": {"text", "engine", "service", "evaluation", "training"},  # no arrays in web and cli: records cross
    "torch": {"training"},
    "transformers": {"training"},
    "accelerate": {"training"},
    "sklearn": {"training"},
    "pandas": {"training"},
    "onnx": {"training"},
    "safetensors": {"training"},
    "datasketch": {"training"},
}
SERVING = ("errors", "records", "settings", "knowledge", "text", "engine", "service", "web")
# What is imported by another name than it is installed by, and what a declared package is made of.
IMPORT_NAMES = {
    "scikit-learn": {"sklearn", "scipy"},
    "flask": {"flask", "werkzeug", "jinja2", "markupsafe"},
    "transformers": {"transformers", "huggingface_hub"},
}


def modules() -> dict[str, Path]:
    """Returns the path of every module of the package, by its full name."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


@cache
def imports(module: str) -> frozenset[str]:
    """Returns the full names that `module` imports, wherever the import stands: a.b.c for `from a.b import c`."""
    names: set[str] = set()
    for node in ast.walk(tree(modules()[module])):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: relative imports hide where a name comes from"
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return frozenset(names)


def own_imports(module: str) -> Iterator[str]:
    """Yields the modules of the package that `module` imports."""
    known = modules()
    for name in imports(module):
        if name == "carepick" or name.startswith("carepick."):
            yield name if name in known else name.rpartition(".")[0]


def foreign_imports(module: str) -> set[str]:
    """Returns the top-level names of installed packages that `module` imports."""
    names = {name.partition(".")[0] for name in imports(module)}
    return {name for name in names if name != "carepick" and name not in sys.stdlib_module_names}


def part_of(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


@pytest.mark.parametrize("module", sorted(modules()))
def test_imports_only_what_stands_to_the_left(module: str) -> None:
    part = part_of(module)
    for name in own_imports(module):
        if part_of(name) not in ("", part):
            assert part_of(name) in MAY_IMPORT[part], f"{module} imports {name}, but {part} may not"


def test_every_part_is_in_the_table() -> None:
    assert {part_of(module) for module in modules()} - {""} == set(MAY_IMPORT)


def test_no_cycles() -> None:
    graph = {
        module: {name for name in own_imports(module) if name != module and (module, name) not in BACKWARD}
        for module in modules()
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail("imports in a circle: " + " -> ".join(error.args[1]))


def test_the_exceptions_are_still_needed() -> None:
    for module, name in BACKWARD:
        assert name in set(own_imports(module))


@pytest.mark.parametrize("module", [module for module, path in modules().items() if path.name == "__init__.py"])
def test_package_files_say_what_they_are_and_import_no_part(module: str) -> None:
    """What a package file imports, every reader of the part pays for, and circles begin there."""
    assert ast.get_docstring(tree(modules()[module])), f"{module} does not say what it is"
    assert not [*own_imports(module), *foreign_imports(module)]


@pytest.mark.parametrize("module", sorted(modules()))
def test_nothing_but_the_version_comes_from_the_package_root(module: str) -> None:
    taken = {name for name in imports(module) if re.fullmatch(r"carepick(\.\w+)?", name)} - set(modules())
    assert taken <= {"carepick.__version__"}


@pytest.mark.parametrize("module", sorted(modules()))
def test_packages_stay_with_their_owners(module: str) -> None:
    for name in foreign_imports(module):
        assert part_of(module) in OWNERS.get(name, {part_of(module)}), f"{module} imports {name}"


def test_serving_reaches_only_what_the_base_install_holds() -> None:
    """Follows every import, also those within functions, from the parts that serve."""
    waiting = [module for module in modules() if part_of(module) in SERVING]
    waiting += [f"carepick.cli.{name}" for name in ("main", "serve", "predict", "labels", "model", "openapi", "reload")]
    seen: set[str] = set()
    while waiting:
        module = waiting.pop()
        if module not in seen:
            seen.add(module)
            waiting += own_imports(module)
            unknown = foreign_imports(module) - declared("base")
            assert not unknown, f"{module} serves, but imports {unknown}, which the base install does not hold"
    assert "carepick.web.server" in seen
    assert not any(part_of(module) == "training" for module in seen)


@pytest.mark.parametrize("module", sorted(modules()))
def test_every_package_is_declared(module: str) -> None:
    assert foreign_imports(module) <= declared("base") | declared("parquet") | declared("train")


def declared(name: str) -> set[str]:
    """Returns the import names of the packages of an extra in pyproject.toml; base: those of every install."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    listed = project["dependencies"] if name == "base" else project["optional-dependencies"][name]
    packages = {re.split(r"[^A-Za-z0-9_-]", requirement)[0] for requirement in listed}
    return set().union(*(IMPORT_NAMES.get(package, {package.replace("-", "_")}) for package in packages))


@pytest.mark.parametrize("module", sorted(modules()))
def test_nothing_reads_the_environment_at_import(module: str) -> None:
    waiting: list[ast.AST] = [tree(modules()[module])]
    while waiting:
        node = waiting.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            waiting += [*node.args.defaults, *filter(None, node.args.kw_defaults)]  # these are evaluated at import
        elif isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store):
            waiting.append(node.slice)  # os.environ["NAME"] = ... tells a library, and reads nothing
        else:
            assert not (isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv")), (
                f"{module}:{node.lineno}"
            )
            waiting += ast.iter_child_nodes(node)


def test_names_say_what_is_inside() -> None:
    vague = {"utils", "util", "helpers", "helper", "common", "misc", "shared", "base_utils"}
    assert not [module for module in modules() if vague & set(module.lower().split("."))]


def test_medicine_is_data() -> None:
    """No disease or department is named in code; the catalog's files hold them."""
    names = _catalog_names()
    assert len(names) == 155 + 34
    for module, path in modules().items():
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                assert node.value not in names, f"{module}:{node.lineno} names {node.value}"


def _catalog_names() -> set[str]:
    from carepick.knowledge.catalog import load_catalog

    catalog = load_catalog()
    return {row.name for row in (*catalog.diseases, *catalog.departments)}
