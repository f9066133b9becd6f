"""What PyTorch returns for the lines that the pages show beside their own (`make pytorch`).

`book/data/pytorch.json` holds the lines of each example; this runs them, and writes what the last
one returns beside them, with the versions of PyTorch and Python and the date. The book only reads
the file, so that it needs no PyTorch.
"""

import ast
import datetime
import json
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

FILE = Path(__file__).parents[1] / "book" / "data" / "pytorch.json"


def value_of(lines: list[str]) -> str:
    """Run lines of Python, and return what the last one, an expression, is worth.

    >>> value_of(["x = 20", "x + 1"])
    '21'
    """
    *statements, last = ast.parse("\n".join(lines)).body
    if not isinstance(last, ast.Expr):
        raise ValueError(f"the last line should be an expression, not {lines[-1]!r}")
    names: dict[str, Any] = {}
    exec(compile(ast.Module(statements, []), FILE.name, "exec"), names)
    return repr(eval(compile(ast.Expression(last.value), FILE.name, "eval"), names))


def main() -> None:
    """Run all examples again."""
    recorded = json.loads(FILE.read_text(encoding="utf-8"))
    recorded["date"] = datetime.date.today().isoformat()
    recorded["versions"] = {"PyTorch": version("torch"), "Python": platform.python_version()}
    for name, example in recorded["examples"].items():
        example["returns"] = value_of(example["lines"])
        print(f"{name}: {example['returns']}")
    FILE.write_text(json.dumps(recorded, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
