"""Logits that are hard on a softmax, and the formats that they come in."""

from __future__ import annotations

import hypothesis.extra.numpy as hnp
import ml_dtypes
import numpy as np
from hypothesis import strategies as st

FORMATS = {
    "float16": np.dtype(np.float16),
    "bfloat16": np.dtype(ml_dtypes.bfloat16),
    "float32": np.dtype(np.float32),
    "float64": np.dtype(np.float64),
    "longdouble": np.dtype(np.longdouble),
}


def hard_logits(dtype, rng):
    """Return one slice: spreads from 1e-3 to 1e3, offsets up to 1e6, ties, near ties, underflow."""
    size = int(rng.choice([2, 3, 4, 8, 17, 64]))
    spread = 10 ** rng.uniform(-3, 3)
    offset = rng.choice([0, -1, 1]) * 10 ** rng.uniform(-2, 6)
    shapes = [
        offset + rng.normal(size=size) * spread,
        offset + rng.choice([0, 1, 2, 1e-3, -1e-9], size=size) * spread,
        offset - rng.exponential(size=size) * spread,
        np.r_[rng.uniform(0, 1), rng.uniform(-760, -650, size=size - 1)],
        # Close to a log-sum-exp of 0.
        -np.log(size) * (1 + rng.normal(size=size) * 10 ** rng.uniform(-16, 0)),
    ]
    digits = 1 + np.longdouble(2) ** -60  # which float64 rounds away, and longdouble does not
    with np.errstate(over="ignore"):
        slice_ = (shapes[rng.integers(len(shapes))] * digits).astype(dtype)
    return slice_ if np.all(np.isfinite(slice_)) else hard_logits(dtype, rng)


def hard_temperature(rng):
    """Return 1 half of the time, and any other temperature otherwise."""
    others = [0.7, 1 / 3, 3.0, 1e-3, 1e3, rng.uniform(0.1, 10), 10 ** rng.uniform(-6, 6)]
    return 1.0 if rng.random() < 0.5 else float(rng.choice(others))


def finite_arrays(bound=1e3, min_dims=1):
    """Return a strategy for small float64 arrays."""
    return hnp.arrays(
        np.float64,
        hnp.array_shapes(min_dims=min_dims, max_dims=3, max_side=5),
        elements=st.floats(-bound, bound),
    )
