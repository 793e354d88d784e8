"""Writes test/golden/std-extremes.json: activations and normalisations of very large, very small, infinite and undefined
numbers, and the gradients of Σ value, in PyTorch's float64.

Each value is a batch of its own.
"""

import json
import math
from pathlib import Path

import torch
from torch.nn import functional as F

GOLDEN = Path(__file__).parent.parent / "golden" / "std-extremes.json"
INFINITE = [math.inf, -math.inf, math.nan]
FINITE = [1e4, -1e4, 1e-30, -1e-30, 88, -88, 104, -104]


def hardsigmoid(x):
    """PyTorch's own has a gradient of 1/6 in float32, also where it computes in float64."""
    return torch.where((x > -3) & (x < 3), x / 6 + 0.5, F.hardsigmoid(x).detach())


ACTIVATIONS = {
    "relu": F.relu, "relu6": F.relu6, "leaky_relu": F.leaky_relu, "elu": F.elu, "selu": F.selu, "celu": F.celu, "gelu": F.gelu,
    "gelu(approximate = tanh)": lambda x: F.gelu(x, approximate="tanh"), "silu": F.silu, "mish": F.mish, "sigmoid": torch.sigmoid,
    "tanh": torch.tanh, "hardswish": F.hardswish, "hardsigmoid": hardsigmoid, "hardtanh": F.hardtanh, "softplus": F.softplus,
    "leaky_relu(0)": lambda x: F.leaky_relu(x, 0.0), "elu(alpha = 0)": lambda x: F.elu(x, 0.0), "clamp(-1, 1)": lambda x: torch.clamp(x, -1, 1),
    "softplus(beta = 5)": lambda x: F.softplus(x, beta=5), "softsign": F.softsign, "log_sigmoid": F.logsigmoid, "tanhshrink": F.tanhshrink,
    "softshrink": F.softshrink, "hardshrink": F.hardshrink, "threshold(0.5, value = -1)": lambda x: F.threshold(x, 0.5, -1.0),
}  # fmt: skip
ROWS = {
    "softmax": lambda x: F.softmax(x, 1), "log_softmax": lambda x: F.log_softmax(x, 1), "softmin": lambda x: F.softmin(x, 1), "glu": F.glu,
    "layer_norm(elementwise_affine = false)": lambda x: F.layer_norm(x, x.shape[1:]), "rms_norm(elementwise_affine = false)": lambda x: F.rms_norm(x, x.shape[1:], eps=2**-23),
}  # fmt: skip
VECTORS = [[1e4, -1e4, 0, 3], [1e4, 1e4, 1e4, 1e4], [-1e4, -1e4, -1e4, -9999], [1e-30, 0, -1e-30, 0], [0, 0, 0, 0], [88, -88, 104, 0]]


def number(value: float) -> float | str:
    if math.isfinite(value):
        return float(f"{value:.13g}")
    return str(value).replace("inf", "Infinity").replace("nan", "NaN")


def entry(net: str, function, values: list[float]) -> dict:
    x = torch.tensor([values], dtype=torch.float32).double().requires_grad_()
    y = function(x)
    y.sum().backward()
    numbers = lambda t: [number(v) for v in t.detach().flatten().tolist()]
    return {"net": net, "x": numbers(x), "y": numbers(y), "gradient": numbers(x.grad)}


def main() -> None:
    entries = []
    for net, function in ACTIVATIONS.items():
        entries.append(entry(net, function, FINITE))
        entries += [entry(net, function, [value]) for value in INFINITE]
    entries += [entry(net, function, values) for net, function in ROWS.items() for values in VECTORS]
    GOLDEN.write_text("[\n" + ",\n".join(json.dumps(e, separators=(",", ":")) for e in entries) + "\n]\n")


if __name__ == "__main__":
    main()
