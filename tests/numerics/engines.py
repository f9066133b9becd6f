"""What depends on which engine computes."""

import pytest

from softmax_lib import engine

COMPILED = engine() == "compiled"

only_compiled = pytest.mark.skipif(
    not COMPILED, reason="NumPy's exponentials are not relative to the maximum: last bits differ"
)
