"""Who may import whom: the numerics stand alone, and what stands on them uses public names."""

import ast
from pathlib import Path

import pytest

import softmax_lib

PACKAGE = Path(softmax_lib.__file__).parent
WINGS = ("claims", "derivations", "playground", "proofs")
SHARED = "softmax_lib._extras."
"""What a wing may import of the rest besides public names: how a missing package is named."""


def imported(path):
    """Yield the dotted names of what a module imports from softmax_lib, however it is written."""
    package = ".".join(path.relative_to(PACKAGE.parent).parent.parts)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")[: len(package.split(".")) + 1 - node.level]
            source = ".".join([*(parents if node.level else []), *filter(None, [node.module])])
            names = [f"{source}.{alias.name}" for alias in node.names]
        else:
            continue
        yield from (name for name in names if f"{name}.".startswith("softmax_lib."))


def wing_of(name):
    return next((wing for wing in WINGS if f"{name}.".startswith(f"softmax_lib.{wing}.")), None)


def is_private(name):
    return any(part.startswith("_") and not part.startswith("__") for part in name.split("."))


@pytest.mark.parametrize("path", sorted(PACKAGE.glob("*.py")), ids=lambda path: path.name)
def test_a_numerical_module_imports_nothing_of_the_wings(path):
    assert [name for name in imported(path) if wing_of(name)] == []


@pytest.mark.parametrize(
    "path",
    [path for wing in WINGS for path in sorted((PACKAGE / wing).glob("*.py"))],
    ids=lambda path: f"{path.parent.name}/{path.name}",
)
def test_a_wing_imports_only_public_names_of_the_numerics(path):
    of_the_numerics = [name for name in imported(path) if not wing_of(name)]
    private = [name for name in of_the_numerics if is_private(name) and not name.startswith(SHARED)]
    assert private == []
