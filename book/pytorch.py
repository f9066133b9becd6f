"""What PyTorch returned for the lines that the pages show beside their own.

The lines and what they return stand in ``data/pytorch.json``; ``make pytorch`` runs them.
"""

import json
from pathlib import Path
from typing import Any

from IPython.display import Markdown

FILE = Path(__file__).parent / "data" / "pytorch.json"
RECORDED: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))


def returned(name: str) -> str:
    """Return what the last line of an example was worth."""
    value: str = RECORDED["examples"][name]["returns"]
    return value


def in_pytorch(name: str) -> Markdown:
    """Show an example's lines, with what the last one returned."""
    lines = RECORDED["examples"][name]["lines"]
    below = [f"# {line}" for line in returned(name).splitlines()]
    code = "\n".join([*lines, *below])
    return Markdown(f"**In PyTorch**\n\n```python\n{code}\n```\n")


def when_recorded() -> Markdown:
    """Say which PyTorch it was, and when."""
    return Markdown(
        f"PyTorch's answers were recorded with version "
        f"{RECORDED['versions']['PyTorch']} on {RECORDED['date']}."
    )
