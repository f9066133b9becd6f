"""The passes over rows, compiled by numba: :mod:`softmax_lib._arrays` says what each of them does.

A row is summed in sixteen lanes, span by span, whatever the processor: so its bits are the same on
all of them. The inner loops over lanes are what LLVM makes vectors of. Multiplication and addition
are fused where `fma` is written, and nowhere else. Every constant that a kernel uses stands in this
file, whose changes are what numba's cache looks for.

An exponential is 2**k exp(r), with r = gap - k log 2. All are scaled by 2**700, so that none is
subnormal, nor is what float64 cannot hold of one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

LANES = 16
SPAN = 4096  # logits whose exponentials are summed in lanes; then spans are added up
TILE = 16  # rows and columns of a matrix that are copied together
BLOCK = 1024  # logits that go through all passes together, as short rows do
# Longer rows take their exponentials twice: keeping them would not fit in the cache.
LONGEST = 2**17

ONE = 2.0**700
UNIT = 2.0**-700
# Above 2**52, the last bit of a float is an integer: adding this rounds to one.
ROUNDER = 1.5 * 2.0**52 + 700
# Added to this, the terms of a span lose what is below 2**-37; what is kept adds up exactly.
BIG = 1.5 * 2.0**15
BIGGEST = np.finfo(np.float64).max
CUTOFF = 1000.0  # in temperatures below the maximum: there, exponentials count as 0
VANISHING = 745.1332191019411  # the last gap at which exp is not 0
# Rows below these bounds need no care: see `softmax_lib._limits`.
LARGE, COLD, HOT = 2.0**59, 2.0**-60, 2.0**60

PER_LOG2, LOG2 = 1.4426950408889634, 0.6931471805599453
# log 2 in two parts; the first has 32 bits, so that its products with integers are exact.
LOG2_HIGH, LOG2_LOW = float.fromhex("0x1.62e42feep-1"), float.fromhex("0x1.a39ef35793c76p-33")
# exp r = 1 + r + r² Q(r) for |r| ≤ log 2 / 2, minimax, to 2**-45 and to 2**-65.
N0, N1, N2, N3, N4, N5, N6, N7 = (
    0.4999999999966457, 0.1666666666726471, 0.041666666962070956, 0.008333333095241927,
    0.0013888811174900617, 0.00019841538971525666, 2.4880794395137205e-05,
    2.749308209182782e-06,
)  # fmt: skip
W0, W1, W2, W3, W4, W5, W6, W7, W8, W9, W10 = (
    0.5, 0.16666666666666688, 0.041666666666666824, 0.008333333333313892, 0.001388888888877794,
    0.0001984126990337595, 2.480158755930303e-05, 2.755722866778531e-06, 2.7557067640749113e-07,
    2.511394008788985e-08, 2.0977753110108823e-09,
)  # fmt: skip
# log(1 + f) = f - f²/2 + s (f²/2 + s² L(s²)) with s = f/(2 + f): the polynomial of fdlibm.
L1, L2, L3, L4, L5, L6, L7 = (
    0.6666666666666735, 0.3999999999940942, 0.2857142874366239, 0.22222198432149784,
    0.1818357216161805, 0.15313837699209373, 0.14798198605116586,
)  # fmt: skip

# The columns of a state, an array of (n, STATE): see `softmax_lib._arrays.Sums`.
MAXIMUM, COUNT, BELOW, WEIGHTED, REST, LOGARITHM, MEAN = 0, 1, 2, 4, 6, 8, 10
REFERENCE, STRETCH, SCALE, TOTAL, STATE = 12, 13, 14, 16, 17
# What exponentials are weighted with.
NOTHING, APART, GAPS, VECTORS = 0, 1, 2, 3

_inline: Any = numba.njit(nogil=True, error_model="numpy", forceinline=True)


def _kernel(function: Any) -> Any:
    try:
        return numba.njit(nogil=True, error_model="numpy", cache=True)(function)
    except RuntimeError:  # there is nowhere to write a cache to
        return numba.njit(nogil=True, error_model="numpy")(function)


@intrinsic
def fma(typing: Any, x: Any, y: Any, z: Any) -> Any:
    """Return x * y + z, rounded once."""
    return types.float64(x, y, z), lambda context, builder, signature, args: builder.fma(*args)


@intrinsic
def pointer(typing: Any, array: Any) -> Any:
    """Return where the data of an array begins; nothing counts references to it."""

    def data(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return context.make_array(array)(context, builder, args[0]).data

    return types.CPointer(array.dtype)(array), data


@intrinsic
def beyond(typing: Any, place: Any, count: Any) -> Any:
    """Return the place so many numbers further on."""
    signature = place(place, types.intp)
    return signature, lambda context, builder, signature, args: builder.gep(args[0], [args[1]])


@intrinsic
def lanes(typing: Any) -> Any:
    """Return sixteen floats on the stack, which become registers."""

    def allocate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return cgutils.alloca_once(builder, ir.DoubleType(), size=LANES)

    return types.CPointer(types.float64)(), allocate


@intrinsic
def is_narrow(typing: Any, place: Any) -> Any:
    """Tell whether a pointer's numbers are float32, when compiling: only one branch remains."""
    narrow = place.dtype == types.float32

    def constant(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return context.get_constant(types.boolean, narrow)

    return types.boolean(place), constant


@_inline
def bits_of(x):
    return np.float64(x).view(np.int64)


@_inline
def maximum_of(z, n):
    """Compare as integers in the same order, which LLVM does in vectors; NaN is above or below."""
    largest = -1 << 63
    for j in range(n):
        bits = bits_of(z[j])
        largest = max(largest, bits ^ ((bits >> 63) & 0x7FFFFFFFFFFFFFFF))
    return np.int64(largest ^ ((largest >> 63) & 0x7FFFFFFFFFFFFFFF)).view(np.float64)


@_inline
def place_of(logit, z, n):
    j = 0
    while j < n - 1 and z[j] != logit:
        j += 1
    return j


@_inline
def two_sum(x, y):
    total = x + y
    part = total - x
    return total, (x - (total - part)) + (y - part)


@_inline
def quotient(high, low, total, error):
    """Return (high + low) / (total + error) in two floats."""
    first = high / total
    return first, (fma(-first, total, high) + low - first * error) / total


@_inline
def rounded_up(n):
    return (n + LANES - 1) // LANES * LANES


@_inline
def pad(z, n, terms):
    """Copy logits, and fill the last lanes up with -inf."""
    for j in range(n):
        terms[j] = np.float64(z[j])
    for j in range(n, rounded_up(n)):
        terms[j] = -np.inf


@_inline
def fold(sums):
    half = LANES
    while half > 1:
        half //= 2
        for i in range(half):
            sums[i] += sums[i + half]
    return sums[0]


@_inline
def narrow_constants(maximum, temperature):
    i = 1 / temperature
    i2 = i * i
    i4 = i2 * i2
    lowest = maximum - CUTOFF * temperature
    powers = i, N0 * i2, N1 * i2 * i, N2 * i4, N3 * i4 * i, N4 * i4 * i2, N5 * i4 * i2 * i
    return maximum, lowest, PER_LOG2 * i, LOG2 * temperature, powers, N6 * i4 * i4, N7 * i4 * i4 * i


@_inline
def narrow_exponential(logit, constants):
    """Return exp((logit - maximum) / temperature), to some 2**-44."""
    maximum, lowest, per_log2, log2, (n0, n1, n2, n3, n4, n5, n6), n7, n8 = constants
    gap = (lowest if logit < lowest else logit) - maximum
    shifted = fma(gap, per_log2, ROUNDER)
    r = fma(ROUNDER - shifted, log2, gap)
    r2 = r * r
    q = fma(fma(n8, r, n7), r2, fma(n6, r, n5))
    q = fma(fma(q, r2, fma(n4, r, n3)), r2, fma(n2, r, n1))
    q = fma(q, r2, fma(r, n0, 1.0))
    return np.int64(bits_of(q) + (bits_of(shifted) << 52)).view(np.float64)


@_inline
def wide_constants(maximum, temperature):
    product = temperature * LOG2
    scaled = product * 1048577.0
    high = scaled - (scaled - product)  # 33 bits: its products with integers are exact
    low = fma(temperature, LOG2_HIGH, -high) + temperature * LOG2_LOW
    lowest = maximum - CUTOFF * temperature
    return maximum, lowest, PER_LOG2 / temperature, high, low, 1 / temperature


@_inline
def wide_exponential(logit, constants):
    """Return exp((logit - maximum) / temperature) in two floats, to less than one unit of both."""
    maximum, lowest, per_log2, log2, log2_low, inverse = constants
    logit = lowest if logit < lowest else logit
    gap = logit - maximum
    part = gap - logit
    lost = (logit - (gap - part)) - (maximum + part)
    shifted = fma(gap, per_log2, ROUNDER)
    k = ROUNDER - shifted
    r = (fma(k, log2, gap) + fma(k, log2_low, lost)) * inverse
    r2 = r * r
    q = fma(fma(W10, r2, fma(W9, r, W8)), r2, fma(W7, r, W6))
    q = fma(fma(q, r2, fma(W5, r, W4)), r2, fma(W3, r, W2))
    q = fma(q, r2, fma(W1, r, W0))
    p = fma(q, r2, r)
    power = np.int64((bits_of(shifted) << 52) + (1023 << 52)).view(np.float64)
    term = fma(power, p, power)
    return term, fma(power, p, power - term)


@_inline
def narrow_sums(z, n, constants, terms, apart):
    """Return how many logits are the maximum, if they are set apart, and the sum of the others."""
    sums, counts = lanes(), lanes()
    for i in range(LANES):
        sums[i] = counts[i] = 0.0
    pad(z, n, terms)
    for j in range(0, rounded_up(n), LANES):
        for i in range(LANES):
            logit = terms[j + i]
            terms[j + i] = term = narrow_exponential(logit, constants)
            if apart:
                counts[i] += 1.0 if logit == constants[0] else 0.0
                term = 0.0 if logit == constants[0] else term
            sums[i] += term
    return fold(counts), fold(sums), 0.0


@_inline
def wide_sums(z, n, constants, terms, errors, apart, big):
    """Return the same in two floats: multiples of 2**-52 `big` that add up exactly, and a rest."""
    high, low, lost, counts = lanes(), lanes(), lanes(), lanes()
    for i in range(LANES):
        high[i] = big
        low[i] = counts[i] = 0.0
    pad(z, n, terms)
    for j in range(0, rounded_up(n), LANES):
        for i in range(LANES):
            logit = terms[j + i]
            term, lost[i] = wide_exponential(logit, constants)
            terms[j + i] = term
            if apart:
                counts[i] += 1.0 if logit == constants[0] else 0.0
                term = 0.0 if logit == constants[0] else term
            total = high[i] + term
            low[i] += lost[i] + (term - (total - high[i]))
            high[i] = total
        for i in range(LANES):
            errors[j + i] = lost[i]
    for i in range(LANES):
        high[i] -= big
    return fold(counts), fold(high), fold(low)


@_inline
def span_sums(z, n, maximum, temperature, terms, errors, apart):
    if is_narrow(z):
        for j in range(rounded_up(n)):
            errors[j] = 0.0
        return narrow_sums(z, n, narrow_constants(maximum, temperature), terms, apart)
    constants = wide_constants(maximum, temperature)
    count, high, low = wide_sums(z, n, constants, terms, errors, apart, BIG * ONE)
    if apart and high + low < 2.0**-20 * ONE:
        # Of terms so small, `low` would hold all, and its additions round.
        scale = np.int64(bits_of(high + low) & (0x7FF << 52)).view(np.float64)
        _, high, low = wide_sums(z, n, constants, terms, errors, apart, BIG * scale)
    return count, high, low


@_inline
def inverse_of(high, low):
    total = high + low
    first = 1 / total
    return first, (fma(-total, first, 1.0) - ((high - total) + low) * first) * first


@_kernel
def softmax(zs, temperatures, outs):
    """Softmax of rows of up to LONGEST logits; False if one of them needs care."""
    count, n = zs.shape
    z, out, given = pointer(zs), pointer(outs), pointer(temperatures)
    same = temperatures.size == 1
    length = rounded_up(n)
    block = max(1, min(BLOCK // length, count))
    memory, inverses = np.empty(2 * length * block), np.empty(2 * block)
    terms, inverse = pointer(memory), pointer(inverses)
    errors = beyond(terms, length * block)
    fine = True
    for start in range(0, count, block):
        rows = min(block, count - start)
        for i in range(rows):
            inverse[i] = maximum_of(beyond(z, (start + i) * n), n)
        for i in range(rows):
            maximum, temperature = inverse[i], given[0 if same else start + i]
            fine &= abs(maximum) < LARGE * temperature and COLD < temperature < HOT
            high = low = 0.0
            for j in range(0, n, SPAN):
                _, part, part_low = span_sums(
                    beyond(z, (start + i) * n + j), min(n - j, SPAN), maximum, temperature,
                    beyond(terms, i * length + j), beyond(errors, i * length + j), False,
                )  # fmt: skip
                high, lost = two_sum(high, part)
                low += lost + part_low
            fine &= high > 0  # not NaN
            inverse[i], inverse[block + i] = inverse_of(high, low)
        for i in range(rows):
            to, term, lost = (
                beyond(out, (start + i) * n), beyond(terms, i * length), beyond(errors, i * length),
            )  # fmt: skip
            first, second = inverse[i], inverse[block + i]
            if is_narrow(z):
                for j in range(n):
                    to[j] = np.float32(term[j] * first)
            else:
                for j in range(n):
                    to[j] = fma(term[j], first, fma(lost[j], first, term[j] * second))
    return fine and memory.size + inverses.size > 0  # used to the end, or they would be freed


@_kernel
def shares(zs, temperatures, state, outs):
    """Softmax of rows, or of pieces of rows, whose sums are known."""
    count, n = zs.shape
    z, out = pointer(zs), pointer(outs)
    for i in range(count):
        maximum, temperature = state[i, MAXIMUM], temperatures[i % temperatures.size]
        first, second = inverse_of(state[i, BELOW], state[i, BELOW + 1])
        if is_narrow(z):
            narrow = narrow_constants(maximum, temperature)
            for j in range(i * n, i * n + n):
                out[j] = np.float32(narrow_exponential(np.float64(z[j]), narrow) * first)
        else:
            wide = wide_constants(maximum, temperature)
            for j in range(i * n, i * n + n):
                term, lost = wide_exponential(z[j], wide)
                out[j] = fma(term, first, fma(lost, first, term * second))


@_inline
def gap_of(logit, maximum, temperature):
    """Return (logit - maximum) / temperature in two floats."""
    gap, lost = two_sum(logit, -maximum)
    return quotient(gap, lost, temperature, 0.0)


@_inline
def weigh(z, x, n, row, temperature, weight, weights, more):
    """Put into `weights` and `more` what the terms of a span are weighted with, in two floats."""
    maximum = row[MAXIMUM]
    lowest = maximum - VANISHING * temperature
    for j in range(n):
        logit = np.float64(z[j])
        if weight == GAPS:
            gap, lost = gap_of(max(logit, lowest), maximum, temperature)
            weights[j], more[j] = -gap, -lost
        else:
            weights[j], more[j] = two_sum(
                row[REFERENCE] if logit < lowest else x[j] * row[STRETCH], -row[REFERENCE]
            )
    for j in range(n, rounded_up(n)):
        weights[j] = more[j] = 0.0


@_inline
def weighted_sum(terms, errors, weights, more, n):
    high, low = lanes(), lanes()
    for i in range(LANES):
        high[i] = low[i] = 0.0
    for j in range(0, rounded_up(n), LANES):
        for i in range(LANES):
            term, weight = terms[j + i], weights[j + i]
            product = term * weight
            lost = fma(term, weight, -product) + (errors[j + i] * weight + term * more[j + i])
            high[i], error = two_sum(high[i], product)
            low[i] += error + lost
    total = error = 0.0
    for i in range(LANES):
        total, lost = two_sum(total, high[i])
        error += lost + low[i]
    return total, error


@_inline
def log1p(x, more):
    """Return log(1 + x + more) for x ≥ 0 in two floats."""
    total, lost = two_sum(1.0, x)
    exponent = (bits_of(total) - 0x3FE6A09E667F3BCD) >> 52  # the fraction is from √½ to √2
    f = x if exponent == 0 else np.int64(bits_of(total) - (exponent << 52)).view(np.float64) - 1.0
    error = (more if exponent == 0 else lost + more) / total
    half, s = 0.5 * f * f, f / (2.0 + f)
    s2 = s * s
    q = fma(fma(fma(fma(fma(fma(L7, s2, L6), s2, L5), s2, L4), s2, L3), s2, L2), s2, L1)
    rest = fma(s, fma(q, s2, half), fma(np.float64(exponent), LOG2_LOW, error)) - half
    first, lost = two_sum(exponent * LOG2_HIGH, f)
    first, second = two_sum(first, rest)
    return first, second + lost


@_inline
def close(row):
    """Fill in what follows from the sums: of all but one maximum, its logarithm, and the mean."""
    high, lost = two_sum((row[COUNT] - 1.0) * ONE, row[BELOW])
    low = lost + row[BELOW + 1]
    high, low = two_sum(high, low)
    row[REST], row[REST + 1] = high * UNIT, low * UNIT
    row[LOGARITHM], row[LOGARITHM + 1] = log1p(row[REST], row[REST + 1])
    total, lost = two_sum(row[MAXIMUM], row[LOGARITHM])
    row[TOTAL] = total + (lost + row[LOGARITHM + 1])
    total, lost = two_sum(ONE, high)
    row[MEAN], row[MEAN + 1] = quotient(row[WEIGHTED], row[WEIGHTED + 1], total, lost + low)


@_kernel
def sums(zs, temperatures, xs, state, weight, whole):
    """Add the sums of rows, or of pieces of rows, to a state; False if one of them needs care."""
    count, n = zs.shape
    memory = np.empty(4 * SPAN)
    terms = pointer(memory)
    errors, weights, more = beyond(terms, SPAN), beyond(terms, 2 * SPAN), beyond(terms, 3 * SPAN)
    for i in range(count):
        z, x, row = pointer(zs), pointer(xs), beyond(pointer(state), i * STATE)
        z, x = beyond(z, i * n), beyond(x, i * n)
        temperature = temperatures[i % temperatures.size]
        if whole:
            row[MAXIMUM] = maximum_of(z, n)
            if weight == VECTORS:
                row[REFERENCE] = x[place_of(row[MAXIMUM], z, n)] * row[STRETCH]
        maximum = row[MAXIMUM]
        if not (abs(maximum) < LARGE * temperature and COLD < temperature < HOT):
            return False
        for j in range(0, n, SPAN):
            length = min(n - j, SPAN)
            if weight == NOTHING:
                parts = span_sums(beyond(z, j), length, maximum, temperature, terms, errors, False)
            else:
                parts = span_sums(beyond(z, j), length, maximum, temperature, terms, errors, True)
            row[COUNT] += parts[0]
            row[BELOW], lost = two_sum(row[BELOW], parts[1])
            row[BELOW + 1] += lost + parts[2]
            if weight > APART:
                weigh(beyond(z, j), beyond(x, j), length, row, temperature, weight, weights, more)
                high, low = weighted_sum(terms, errors, weights, more, length)
                row[WEIGHTED], lost = two_sum(row[WEIGHTED], high)
                row[WEIGHTED + 1] += lost + low
        if not row[BELOW] >= 0:  # NaN
            return False
        if weight != NOTHING:
            close(row)
    return memory.size > 0


@_kernel
def log_shares(zs, temperatures, state, outs):
    """Log-softmax of rows, or of pieces of rows, whose sums are known."""
    count, n = zs.shape
    z, out = pointer(zs), pointer(outs)
    for i in range(count):
        maximum, temperature = state[i, MAXIMUM], temperatures[i % temperatures.size]
        logarithm, more = state[i, LOGARITHM], state[i, LOGARITHM + 1]
        product = temperature * logarithm
        lost = fma(temperature, logarithm, -product) + temperature * more
        high, error = two_sum(maximum, product)
        low, top = error + lost, 0.0 - (logarithm + more)
        if temperature == 1.0:
            for j in range(i * n, i * n + n):
                out[j] = (np.float64(z[j]) - high) - low
        else:
            inverse = 1 / temperature
            for j in range(i * n, i * n + n):
                difference, lost = two_sum(np.float64(z[j]), -high)
                lost -= low
                first = difference * inverse
                second = (fma(-first, temperature, difference) + lost) * inverse
                # A quotient of -inf has lost NaN.
                value = first + second if first >= -BIGGEST else first
                out[j] = top if z[j] == maximum else value


@_kernel
def products(zs, temperatures, xs, state, outs):
    """Multiply vectors by the Jacobian of rows, or of pieces of rows, whose sums are known."""
    count, n = zs.shape
    z, x, out = pointer(zs), pointer(xs), pointer(outs)
    for i in range(count):
        maximum, temperature = state[i, MAXIMUM], temperatures[i % temperatures.size]
        reference, mean, more = state[i, REFERENCE], state[i, MEAN], state[i, MEAN + 1]
        total, lost = two_sum(1.0, state[i, REST])
        first, second = inverse_of(total, lost + state[i, REST + 1])
        lowest = maximum - VANISHING * temperature
        narrow, wide = narrow_constants(maximum, temperature), wide_constants(maximum, temperature)
        for j in range(i * n, i * n + n):
            logit = np.float64(z[j])
            if is_narrow(z):
                share = narrow_exponential(logit, narrow) * first
            else:
                term, lost = wide_exponential(logit, wide)
                share = fma(term, first, fma(lost, first, term * second))
            vanishes = logit < lowest
            share = 0.0 if vanishes else share
            vector = reference if vanishes else x[j] * state[i, STRETCH]
            difference, error = two_sum(vector, -reference)
            deviation, lost_there = two_sum(difference, -mean)
            deviation += lost_there + (error - more)
            out[j] = share * deviation / temperature * state[i, SCALE] * state[i, SCALE + 1]


@_inline
def copy_tile(value, down, along, out, down_out, along_out, rows, columns):
    for k in range(rows):
        for m in range(columns):
            out[k * down_out + m * along_out] = value[k * down + m * along]


@_kernel
def copy(values, outs):
    """Copy a matrix by tiles, which the cache holds whichever way they stand in memory."""
    if outs.strides[0] < outs.strides[1]:  # what is written stands together
        values, outs = values.T, outs.T
    count, n = values.shape
    value, out, size = pointer(values), pointer(outs), values.itemsize
    down, along = values.strides[0] // size, values.strides[1] // size
    down_out, along_out = outs.strides[0] // size, outs.strides[1] // size
    for i in range(0, count, TILE):
        for j in range(0, n, TILE):
            tile = beyond(value, i * down + j * along)
            to = beyond(out, i * down_out + j * along_out)
            rows, columns = min(TILE, count - i), min(TILE, n - j)
            if columns == TILE:  # inner loops of known length are several times as fast
                copy_tile(tile, down, along, to, down_out, along_out, rows, TILE)
            elif rows == TILE:
                copy_tile(tile, along, down, to, along_out, down_out, columns, TILE)
            else:
                copy_tile(tile, down, along, to, down_out, along_out, rows, columns)


def _array(
    dtype: Any, dimensions: int, layout: Literal["A", "C"] = "C", *, readonly: bool = False
) -> Any:
    return types.Array(dtype, dimensions, layout, readonly=readonly)


def compile_for(name: str, dtype: str) -> Callable[..., Any]:
    """Compile a kernel for rows of float32 ("f") or float64 ("d"), or load it from the cache."""
    number = types.float32 if dtype == "f" else types.float64
    rows, out = _array(number, 2, readonly=True), _array(number, 2)
    temperatures, state = _array(types.float64, 1, readonly=True), _array(types.float64, 2)
    arguments = {
        "softmax": (rows, temperatures, out),
        "shares": (rows, temperatures, state, out),
        "sums": (rows, temperatures, rows, state, types.intp, types.boolean),
        "log_shares": (rows, temperatures, state, out),
        "products": (rows, temperatures, rows, state, out),
        "copy": (_array(number, 2, "A", readonly=True), _array(number, 2, "A")),
    }
    # What is returned is not the kernel itself: it would compile once more for each other mixture
    # of arrays that may be written to and that may not, in the midst of a call.
    kernel = globals()[name]
    entry: Callable[..., Any]
    try:
        entry = kernel.compile(arguments[name])
    except Exception:  # a cache that cannot be read, or a full disk
        uncached = numba.njit(nogil=True, error_model="numpy")(kernel.py_func)
        entry = uncached.compile(arguments[name])
    return entry
