import inspect
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import softmax_lib
import softmax_lib.dask

OnlineNormalizer = softmax_lib.OnlineNormalizer
public = [getattr(softmax_lib, name) for name in softmax_lib.__all__]
FUNCTIONS = [
    *filter(inspect.isfunction, public),
    *(softmax_lib.dask.softmax, softmax_lib.dask.log_softmax, softmax_lib.dask.logsumexp),
]


def qualified(documented):
    return f"{documented.__module__}.{documented.__name__}"


def run(code):
    """Run code in an interpreter of its own."""
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60
    )


def test_all_is_the_public_api():
    reachable = {name for name in dir(softmax_lib) if not name.startswith("_")}
    modules = {name for name in reachable if inspect.ismodule(getattr(softmax_lib, name))}
    assert reachable - modules - {"annotations", "TYPE_CHECKING"} == set(softmax_lib.__all__)


def test_all_is_sorted():
    assert softmax_lib.__all__ == sorted(softmax_lib.__all__)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'sparsemax'"):
        _ = softmax_lib.sparsemax


def test_importing_the_library_imports_numpy_alone():
    finished = run(
        "import sys, softmax_lib\n"
        "print({'mpmath', 'sympy', 'scipy', 'ml_dtypes', 'numba', 'dask'} & set(sys.modules))"
    )
    assert finished.stdout == "set()\n", finished.stderr


REFERENCE = ["exact_log_softmax", "exact_logsumexp", "exact_softmax", "ulp_error"]
WITHOUT_MPMATH = "import sys\nsys.modules['mpmath'] = None\nimport softmax_lib\n"
HINT = (
    "the exact reference needs mpmath, which does not work here (import of mpmath halted; None in "
    "sys.modules); install it, or the extra: pip install '.[exact]' in softmax_lib's repository"
)


@pytest.mark.parametrize("name", REFERENCE)
def test_without_mpmath_the_reference_says_what_to_install(name):
    asked = run(f"{WITHOUT_MPMATH}softmax_lib.{name}").stderr
    assert f"ImportError: {HINT}" in asked
    assert asked.splitlines()[-1] == f"AttributeError: {HINT}"
    imported = run(f"{WITHOUT_MPMATH}from softmax_lib import softmax, {name}").stderr
    assert imported.splitlines()[-1] == f"ImportError: {HINT}"


@pytest.mark.parametrize(
    "code",
    [
        "from softmax_lib import *\nprint('softmax' in dir(), 'ulp_error' in dir())",
        "import inspect\nnames = dict(inspect.getmembers(softmax_lib))\n"
        "print('softmax' in names, 'ulp_error' in names)",
        "print(hasattr(softmax_lib, 'softmax'), hasattr(softmax_lib, 'ulp_error'))",
        "print('softmax' in dir(softmax_lib), 'ulp_error' in dir(softmax_lib))",
        "import pydoc\ntext = pydoc.render_doc(softmax_lib)\n"
        "print('softmax(z' in text, 'ulp_error' in text)",
    ],
    ids=["import *", "getmembers", "hasattr", "dir", "help"],
)
@pytest.mark.parametrize("mpmath", [True, False])
def test_the_reference_is_among_the_names_where_there_is_mpmath(code, mpmath):
    finished = run(("import softmax_lib\n" if mpmath else WITHOUT_MPMATH) + code)
    assert finished.stdout == f"True {mpmath}\n", finished.stderr


@pytest.mark.parametrize("function", FUNCTIONS, ids=qualified)
@pytest.mark.parametrize("section", ["Parameters", "Returns", "Raises", "Notes", "Examples"])
def test_a_public_function_documents_itself(function, section):
    assert f"\n{section}\n{'-' * len(section)}\n" in (inspect.getdoc(function) or "")


@pytest.mark.parametrize(
    ("documented", "section"),
    [
        *((OnlineNormalizer, section) for section in ("Parameters", "Raises", "Notes", "Examples")),
        *(
            (method, section)
            for method in (
                OnlineNormalizer.of,
                OnlineNormalizer.merge,
                OnlineNormalizer.probabilities,
                OnlineNormalizer.log_probabilities,
            )
            for section in ("Parameters", "Returns", "Raises", "Notes", "Examples")
        ),
        *((OnlineNormalizer.logsumexp, section) for section in ("Returns", "Notes", "Examples")),
    ],
    ids=lambda part: getattr(part, "__name__", part),
)
def test_the_public_class_and_its_methods_document_themselves(documented, section):
    assert f"\n{section}\n{'-' * len(section)}\n" in (inspect.getdoc(documented) or "")


@pytest.mark.parametrize("documented", [*FUNCTIONS, OnlineNormalizer], ids=qualified)
def test_a_public_name_names_claims_of_the_ledger(documented):
    registry = Path(__file__).parents[1] / "book" / "claims.toml"
    known = tomllib.loads(registry.read_text(encoding="utf-8"))
    _, _, text = inspect.getdoc(documented).partition("\nClaims: ")
    named = re.findall(r"`([a-z0-9-]+)`", text.partition("\n\n")[0])
    assert named
    assert set(named) <= set(known)


@pytest.mark.parametrize("function", FUNCTIONS, ids=qualified)
def test_all_but_the_array_is_keyword_only(function):
    kinds = [p.kind for p in inspect.signature(function).parameters.values()]
    allowed = {inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.KEYWORD_ONLY}
    assert set(kinds) <= allowed
    assert kinds[0] is inspect.Parameter.POSITIONAL_ONLY
