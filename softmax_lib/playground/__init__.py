"""Softmax and attention to play with, on a page and in a notebook: web components."""

from softmax_lib.playground._attention import AttentionPlayground
from softmax_lib.playground._pipeline import PipelinePlayground
from softmax_lib.playground._sampling import SamplingPlayground
from softmax_lib.playground._simplex import SimplexPlayground
from softmax_lib.playground._softmax import SoftmaxPlayground
from softmax_lib.playground._training import TrainingPlayground

__all__ = [
    "AttentionPlayground",
    "PipelinePlayground",
    "SamplingPlayground",
    "SimplexPlayground",
    "SoftmaxPlayground",
    "TrainingPlayground",
]
