"""Attention as ONNX and PyTorch have it: each runs where its package is installed."""

import warnings

import ml_dtypes
import numpy as np
import pytest
from test_attention import error_bound

from softmax_lib import scaled_dot_product_attention as attention

# In the order of the operator's inputs.
INPUTS = "Q", "K", "V", "attn_mask", "past_key", "past_value", "nonpad_kv_seqlen"
SOFTMAX_IS_RETURNED = 3


def onnx_cases():
    """Return ONNX's cases of its operator Attention, without those for its parts."""
    onnx = pytest.importorskip("onnx")
    from onnx.backend.test.case.node import collect_testcases

    cases = {}
    with warnings.catch_warnings(action="ignore"):  # of all operators' cases, as they are made
        collected = collect_testcases("Attention")
    for case in collected:
        nodes = case.model.graph.node
        if [node.op_type for node in nodes] != ["Attention"]:
            continue
        ((inputs, outputs),) = case.data_sets
        names = [name for name in nodes[0].output if name]
        present = [INPUTS[at] for at, name in enumerate(nodes[0].input) if name]
        given = dict(zip(present, inputs, strict=True))
        attributes = {a.name: onnx.helper.get_attribute_value(a) for a in nodes[0].attribute}
        cases[case.name] = given, attributes, dict(zip(names, outputs, strict=True))
    return cases


def by_our_function(given, attributes):
    """Return the output and the weights, for one batch after the other."""
    query, key, value = (
        in_heads(given[name], attributes.get(f"{heads}_num_heads"))
        for name, heads in (("Q", "q"), ("K", "kv"), ("V", "kv"))
    )
    batch, queries = len(query), query.shape[-2]
    ahead = np.zeros(batch, int)  # how many keys there are before that of the first query
    if "past_key" in given:
        key = np.concatenate([given["past_key"], key], axis=-2)
        value = np.concatenate([given["past_value"], value], axis=-2)
        ahead += given["past_key"].shape[-2]
    scores = (*query.shape[:-1], key.shape[-2])
    mask = np.broadcast_to(padded(given.get("attn_mask", np.True_), scores[-1]), scores)
    lengths = np.full(batch, scores[-1])
    if "nonpad_kv_seqlen" in given:
        lengths = given["nonpad_kv_seqlen"]
        ahead = lengths - queries
    if attributes.get("is_causal"):
        lengths = np.minimum(lengths, ahead + queries)  # no query attends to the keys behind
    batches = zip(query, key, value, mask, lengths, ahead, strict=True)
    outcomes = (
        of_valid_keys(*one, attributes)  # type: ignore[call-arg]
        for one in batches
    )
    return map(np.stack, zip(*outcomes, strict=True))


def in_heads(array, heads):
    """Return (batch, heads, length, features) of (batch, length, all features)."""
    return array if heads is None else np.moveaxis(np.stack(np.split(array, heads, -1)), 0, 1)


def padded(mask, keys):
    """Leave out the keys that a mask does not reach."""
    if mask.ndim == 0 or mask.shape[-1] == keys:
        return mask
    left_out = np.full((*mask.shape[:-1], keys), False if mask.dtype == bool else -np.inf)
    left_out = left_out.astype(mask.dtype)
    left_out[..., : mask.shape[-1]] = mask
    return left_out


def of_valid_keys(query, key, value, mask, length, ahead, attributes):
    """Return the output and the weights of one batch, 0 for keys behind a length."""
    keep = window(query.shape[-2], length, ahead, attributes)
    mask = mask[..., :length]
    mask = mask & keep if mask.dtype == bool else np.where(keep, mask, -np.inf)
    causal = {}
    if attributes.get("is_causal"):
        causal = {"is_causal": True, "causal_alignment": "lower_right" if ahead else "upper_left"}
    output, weights = attention(
        query,
        key[:, :length],
        value[:, :length],
        mask=mask,
        **causal,
        scale=attributes.get("scale"),
        softcap=attributes.get("softcap") or None,
        enable_gqa=True,
        return_weights=True,
    )
    behind = np.zeros((*weights.shape[:-1], key.shape[-2] - length), weights.dtype)
    return output, np.concatenate([weights, behind], axis=-1)


def window(queries, keys, ahead, attributes):
    """Return which keys are at most so far from each query's own, as a mask."""
    distance = np.arange(keys) - np.arange(queries)[:, None] - ahead
    left, right = (attributes.get(f"{side}_window_size", -1) for side in ("left", "right"))
    return ((left < 0) | (distance >= -left)) & ((right < 0) | (distance <= right))


# 8 keys of the past and 2 new ones, but 4 queries: the last 2 are behind all keys, which neither
# alignment says.
NOT_EXPRESSIBLE = ["test_attention_local_window_with_past"]


def test_onnx_cases_come_out_the_same():
    cases, compared = onnx_cases(), 0
    for name, (given, attributes, expected) in cases.items():
        if name in NOT_EXPRESSIBLE:
            continue
        output, weights = by_our_function(given, attributes)
        pairs = [(output, in_heads(expected["Y"], attributes.get("q_num_heads")))]
        if attributes.get("qk_matmul_output_mode") == SOFTMAX_IS_RETURNED:
            pairs.append((weights, expected["qk_matmul_output"]))
        for computed, reference in pairs:
            assert computed.dtype == reference.dtype
            # ONNX computes in the format itself, where 2.5 ulps are the most it is off by.
            rtol = 4 * float(ml_dtypes.finfo(computed.dtype).eps)
            computed, reference = (array.astype(np.float64) for array in (computed, reference))
            np.testing.assert_allclose(computed, reference, rtol, atol=0, err_msg=name)
            compared += 1
    # So many there are in onnx 1.23, 92 outputs, and with 6 of them the weights.
    assert compared >= 98


CAUSAL = ["no", "upper_left", "lower_right"]
MASKS = ["no", "Boolean", "floating", "floating with -inf"]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("mask", "causal"), [*((mask, "no") for mask in MASKS), *(("no", c) for c in CAUSAL[1:])]
)
def test_pytorch_has_the_same_output_and_weights(mask, causal, dtype):
    torch = pytest.importorskip("torch")
    from torch.nn.attention.bias import causal_lower_right

    rng = np.random.default_rng(0)
    for _ in range(50):
        batch, heads, group, queries, keys, d_k, d_v = map(int, rng.integers(1, 8, size=7))
        if causal == "lower_right":
            keys += queries  # PyTorch has NaN for a query with nothing to attend to, here
        shapes = (heads * group, queries, d_k), (heads, keys, d_k), (heads, keys, d_v)
        query, key, value = (rng.normal(size=(batch, *s)).astype(dtype) * 3 for s in shapes)
        scale = rng.uniform(0.1, 2)
        keep = rng.random((batch, 1, queries, keys)) < 0.6
        added = rng.normal(size=(batch, heads * group, queries, keys)).astype(dtype)
        ours = {
            "no": None,
            "Boolean": keep,
            "floating": added,
            "floating with -inf": np.where(keep, added, -np.inf).astype(dtype),
        }[mask]
        theirs = None if ours is None else torch.from_numpy(ours)
        aligned = {}
        if causal != "no":
            aligned = {"is_causal": True, "causal_alignment": causal}
        if causal == "lower_right":
            theirs = causal_lower_right(queries, keys)
        arguments = {"scale": scale, "enable_gqa": True}
        output, weights = attention(
            query, key, value, mask=ours, **aligned, **arguments, return_weights=True
        )
        units = np.broadcast_to(np.eye(keys, dtype=dtype), (batch, heads, keys, keys))
        repeated = np.repeat(key, group, axis=1)
        for computed, values in (output, value), (weights, units):
            tensors = map(torch.tensor, (query, key, values))
            reference = torch.nn.functional.scaled_dot_product_attention(
                *tensors, attn_mask=theirs, is_causal=causal == "upper_left", **arguments
            ).numpy()
            largest = 0 if ours is None or ours.dtype == bool else added
            unit = np.finfo(dtype).eps / 2
            bound = 2 * error_bound(query, repeated, values, added=largest, scale=scale, unit=unit)
            assert np.all(np.abs(computed.astype(np.float64) - reference) <= bound)
