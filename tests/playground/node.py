"""What the page's scripts compute, run in Node, and how the page writes a number."""

import json
import math
import os
import shutil
import subprocess
from decimal import ROUND_HALF_UP, Context, Decimal
from importlib import resources

import pytest

FOLDER = resources.files("softmax_lib.playground")


def run(driver, values, *, scripts=("softmax.js",)):
    """Return what a driver, with the functions of some scripts, writes about some values."""
    node = shutil.which("node")
    if not node:
        advice = "no node on this machine (Debian: apt-get install nodejs)"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(advice)
    sources = [FOLDER.joinpath(script).read_text(encoding="utf-8") for script in scripts]
    done = subprocess.run(
        [node, "--eval", "".join(sources) + driver],
        input=json.dumps(values),
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def shown(value, digits=4):
    """Write a number as the page does: ties, which float16 has, go away from 0."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value) or value == 0:
        return ("−" if value < 0 else "") + ("∞" if value else "0")
    return Context(prec=digits, rounding=ROUND_HALF_UP).create_decimal(Decimal(float(value)))


def read(text):
    return text if text in {"NaN", "∞", "−∞", "0"} else Decimal(text.replace("−", "-"))


def is_written(value, text, error):
    """Tell whether four digits stand for a value that has a relative error."""
    if not math.isfinite(value) or value == 0:
        return read(text) == shown(value)
    written = read(text)
    half_unit = Decimal(10) ** (written.adjusted() - 3) / 2
    # Below its normal numbers float64 has not the digits, and neither side has them.
    least = Decimal(2.0**-1072)
    return abs(written - Decimal(value)) <= half_unit + Decimal(error) * abs(Decimal(value)) + least
