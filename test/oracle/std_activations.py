"""Writes test/golden/std-activations.json: each activation's values, and the gradients of Σ value · pattern (fixtures.py), in PyTorch's float64.

The values that go in are exact in float32, and every kink is among them.
"""

import json
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

import fixtures

GOLDEN = Path(__file__).parent.parent / "golden" / "std-activations.json"
POINTS = torch.tensor([
    [-100, -20.5, -6, -3], [-2.5, -2, -1.5, -1], [-0.75, -0.5, -0.25, -(2**-20)], [0, 2**-20, 0.25, 0.5],
    [0.75, 1, 1.5, 2], [2.5, 3, 5.5, 6], [7, 10, 20, 20.5], [100, 0, -3, 1],
], dtype=torch.float64)  # fmt: skip


class HardSigmoid(nn.Module):
    """PyTorch's own has a gradient of 1/6 in float32, also where it computes in float64."""

    def forward(self, x):
        return torch.where((x > -3) & (x < 3), x / 6 + 0.5, F.hardsigmoid(x).detach())


class Channels(nn.Module):
    """An activation on [n, 2, 2, 1], with a parameter of each channel."""

    def __init__(self, shape):
        super().__init__()
        self.shape, self.act = shape, nn.PReLU(2, init=0.125)

    def forward(self, x):
        return self.act(x.reshape(-1, *self.shape))


class Function(nn.Module):
    def __init__(self, function, **options):
        super().__init__()
        self.function, self.options = function, options

    def forward(self, x):
        return self.function(x, **self.options)


ACTIVATIONS = {
    "relu": nn.ReLU(), "relu6": nn.ReLU6(), "leaky_relu": nn.LeakyReLU(), "leaky_relu(0.25)": nn.LeakyReLU(0.25),
    "elu": nn.ELU(), "elu(alpha = 0.5)": nn.ELU(0.5), "selu": nn.SELU(), "celu": nn.CELU(), "celu(alpha = 0.5)": nn.CELU(0.5),
    "gelu": nn.GELU(), "gelu(approximate = tanh)": nn.GELU(approximate="tanh"), "silu": nn.SiLU(), "mish": nn.Mish(),
    "sigmoid": nn.Sigmoid(), "tanh": nn.Tanh(), "hardswish": nn.Hardswish(), "hardsigmoid": HardSigmoid(),
    "hardtanh": nn.Hardtanh(), "hardtanh(min_val = -0.5, max_val = 2)": nn.Hardtanh(-0.5, 2.0),
    "clamp(0, 1)": Function(torch.clamp, min=0, max=1), "clamp(min = -1)": Function(torch.clamp, min=-1), "clamp(max = 0.5)": Function(torch.clamp, max=0.5),
    "clamp(2, 1)": Function(torch.clamp, min=2, max=1), "|> { clamp(min = 0.5 * in, max = 2 - in) }": Function(lambda x: torch.clamp(x, min=0.5 * x, max=2 - x)),
    "softplus": nn.Softplus(), "softplus(beta = 2, threshold = 5)": nn.Softplus(2.0, 5.0),
    "softsign": nn.Softsign(), "log_sigmoid": nn.LogSigmoid(), "tanhshrink": nn.Tanhshrink(),
    "softshrink": nn.Softshrink(), "softshrink(lambd = 1.5)": nn.Softshrink(1.5), "hardshrink": nn.Hardshrink(),
    "hardshrink(lambd = 1.5)": nn.Hardshrink(1.5), "softmax": nn.Softmax(dim=1), "softmin": nn.Softmin(dim=1),
    "log_softmax": nn.LogSoftmax(dim=1), "glu": nn.GLU(), "reshape([n, 2, 2]); glu(axis = 1)": Function(lambda x: F.glu(x.reshape(-1, 2, 2), dim=1)),
    "threshold(0.5, value = -1)": nn.Threshold(0.5, -1.0), "rrelu(0.25, 0.25)": nn.RReLU(0.25, 0.25),
    "swiglu": Function(lambda x: x.chunk(2, -1)[0] * F.silu(x.chunk(2, -1)[1])), "geglu": Function(lambda x: x.chunk(2, -1)[0] * F.gelu(x.chunk(2, -1)[1])),
    "geglu(approximate = tanh)": Function(lambda x: x.chunk(2, -1)[0] * F.gelu(x.chunk(2, -1)[1], approximate="tanh")),
    "reshape([n, 2, 1, 1, 2]); act: prelu(num_parameters = 2, init = 0.125)": Channels((2, 1, 1, 2)),
    "act: prelu": nn.PReLU(), "act: prelu(init = 0.5)": nn.PReLU(init=0.5), "act: prelu(num_parameters = 4)": nn.PReLU(4),
    "reshape([n, 2, 2]); act: prelu(num_parameters = 2, init = 0.125)": Channels((2, 2)),
    "reshape([n, 2, 2, 1]); act: prelu(num_parameters = 2, init = 0.125)": Channels((2, 2, 1)),
}  # fmt: skip


def golden(text: str, module: nn.Module) -> dict:
    module = module.double()
    x = POINTS.clone().requires_grad_()
    y = module(x)
    flat = y.reshape(len(x), -1)
    pattern = torch.from_numpy(fixtures.uniform("pattern", tuple(flat.shape), -1, 1))
    (flat * pattern).sum().backward()
    entry = {"net": text, "output": rounded(flat), "gradient": rounded(x.grad)}
    weights = [rounded(p.grad) for p in module.parameters()]
    return entry | ({"weight": weights[0]} if weights else {})


def rounded(tensor: torch.Tensor) -> list[float]:
    return [float(f"{value:.13g}") for value in tensor.flatten().tolist()]


def main() -> None:
    lines = [json.dumps(golden(text, module), separators=(",", ":")) for text, module in ACTIVATIONS.items()]
    values = json.dumps(POINTS.flatten().tolist(), separators=(",", ":"))
    GOLDEN.write_text(f'{{"features":4,"values":{values},"entries":[\n' + ",\n".join(lines) + "\n]}\n")


if __name__ == "__main__":
    main()
