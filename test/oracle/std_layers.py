"""Writes test/golden/std-layers.json: layers of the library against PyTorch's modules, in float64.

    python std_layers.py

A case is a net, once in mlc's words and once in PyTorch's. Before it stands a parameter `shift.weight` of the input's shape,
which is added: its gradient is that of the input. The loss is sum(net(x) * probe), so that a wrong element of the result or of
any gradient shows. Three steps of plain gradient descent, then the same loss in eval mode.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from fixtures import uniform

LR = 0.05
STEPS = 3
GOLDEN = Path(__file__).parent.parent / "golden" / "std-layers.json"


@dataclass(frozen=True)
class Case:
    net: str
    shape: tuple[int, ...]  # of one sample
    module: Callable[[], nn.Module]
    batch: int = 3
    ties: bool = False  # whole numbers from 0 to 2
    tokens: int = 0  # i32 inputs below this


class Shift(nn.Module):
    def __init__(self, shape):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(shape))

    def forward(self, x):
        return x + self.weight


class Apply(nn.Module):
    def __init__(self, function, **modules):
        super().__init__()
        for name, module in modules.items():
            self.add_module(name, module)
        self.function = function

    def forward(self, x):
        return self.function(self, x)


def apply(function, **modules):
    return lambda: Apply(function, **modules)


class PositionalEmbedding(nn.Module):
    def __init__(self, *shape):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(shape))

    def forward(self, x):
        return x + self.weight


class ClassToken(nn.Module):
    def __init__(self, features):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(features))

    def forward(self, x):
        return torch.cat([self.weight.expand(len(x), 1, -1), x], 1)


class SqueezeExcitation(nn.Module):
    """As torchvision's."""

    def __init__(self, channels, squeezed, activation=F.relu, scale_activation=torch.sigmoid):
        super().__init__()
        self.fc1, self.fc2 = nn.Conv2d(channels, squeezed, 1), nn.Conv2d(squeezed, channels, 1)
        self.activation, self.scale_activation = activation, scale_activation

    def forward(self, x):
        scale = self.fc2(self.activation(self.fc1(F.adaptive_avg_pool2d(x, 1))))
        return self.scale_activation(scale) * x


def attention(heads, features, causal=False, **options):
    module = nn.MultiheadAttention(features, heads, batch_first=True, **options)

    def run(self, x):
        tokens = x.shape[1]
        mask = torch.triu(torch.ones(tokens, tokens, dtype=torch.bool), 1) if causal else None
        return self.layer(x, x, x, need_weights=False, attn_mask=mask)[0]

    return Apply(run, layer=module)


def cross_attention():
    module = nn.MultiheadAttention(6, 3, batch_first=True)
    return Apply(lambda self, x: self.layer(x[:, :2], x, x * x, need_weights=False)[0], layer=module)


def flat(function):
    return lambda: Apply(lambda _, x: function(x))


IMAGE = (3, 6, 7)
CASES = [
    # Convolutions
    Case("layer: conv2d(4, kernel = 3, padding = 1)", IMAGE, lambda: nn.Conv2d(3, 4, 3, padding=1), batch=1),
    Case("layer: conv2d(6, kernel = [3, 2], stride = [2, 1], padding = [1, 2], groups = 3)", IMAGE,
         lambda: nn.Conv2d(3, 6, (3, 2), stride=(2, 1), padding=(1, 2), groups=3)),
    Case("layer: conv2d(4, kernel = 3, padding = 2, dilation = 2, groups = 4, bias = false)", (4, 8, 7),
         lambda: nn.Conv2d(4, 4, 3, padding=2, dilation=2, groups=4, bias=False)),
    Case("layer: conv2d(8, kernel = 3, padding = 1, stride = 2, groups = 4)", (4, 9, 8),
         lambda: nn.Conv2d(4, 8, 3, padding=1, stride=2, groups=4)),
    Case("layer: conv2d(4, kernel = [3, 4], padding = same, dilation = [2, 1], groups = 2)", (2, 6, 7),
         lambda: nn.Conv2d(2, 4, (3, 4), padding="same", dilation=(2, 1), groups=2)),
    Case("layer: conv2d(2, kernel = 3, padding = valid)", IMAGE, lambda: nn.Conv2d(3, 2, 3, padding="valid")),
    Case("layer: conv2d(2, kernel = 3, padding = [1, 2], padding_mode = reflect)", IMAGE,
         lambda: nn.Conv2d(3, 2, 3, padding=(1, 2), padding_mode="reflect")),
    Case("layer: conv2d(2, kernel = [2, 3], padding = same, padding_mode = replicate)", IMAGE,
         lambda: nn.Conv2d(3, 2, (2, 3), padding="same", padding_mode="replicate")),
    Case("layer: conv2d(2, kernel = 3, padding = 1, padding_mode = circular)", IMAGE,
         lambda: nn.Conv2d(3, 2, 3, padding=1, padding_mode="circular")),
    Case("layer: conv1d(4, kernel = 3)", (3, 9), lambda: nn.Conv1d(3, 4, 3), batch=1),
    Case("layer: conv1d(4, kernel = 3, stride = 2, padding = 2, dilation = 2, groups = 2, bias = false)", (6, 11),
         lambda: nn.Conv1d(6, 4, 3, stride=2, padding=2, dilation=2, groups=2, bias=False)),
    Case("layer: conv1d(5, kernel = 4, padding = same)", (3, 9), lambda: nn.Conv1d(3, 5, 4, padding="same")),
    Case("layer: conv_transpose2d(4, kernel = 2, stride = 2)", IMAGE, lambda: nn.ConvTranspose2d(3, 4, 2, stride=2)),
    Case("layer: conv_transpose2d(5, kernel = 3)", IMAGE, lambda: nn.ConvTranspose2d(3, 5, 3), batch=1),
    Case("layer: conv_transpose2d(5, kernel = 3, stride = 2, padding = 1, output_padding = 1)", IMAGE,
         lambda: nn.ConvTranspose2d(3, 5, 3, stride=2, padding=1, output_padding=1)),
    Case("layer: conv_transpose2d(6, kernel = [2, 3], stride = [3, 2], padding = [0, 1], output_padding = [2, 1], groups = 2, bias = false, dilation = 2)", (4, 4, 3),
         lambda: nn.ConvTranspose2d(4, 6, (2, 3), stride=(3, 2), padding=(0, 1), output_padding=(2, 1), groups=2, bias=False, dilation=2)),
    # Linear maps
    Case("layer: linear(4)", (5,), lambda: nn.Linear(5, 4), batch=1),
    Case("layer: linear(4, bias = false)", (3, 5), lambda: nn.Linear(5, 4, bias=False)),
    Case("layer: embedding(7, 4)", (5,), lambda: nn.Embedding(7, 4), tokens=7),
    Case("layer: embedding(7, 4, padding_idx = 2)", (5,), lambda: nn.Embedding(7, 4, padding_idx=2), tokens=7),
    # Pooling
    *[
        Case(text, shape, module, ties=ties)
        for text, shape, module in [
            ("max_pool2d(3)", (2, 7, 8), lambda: nn.MaxPool2d(3)),
            ("max_pool2d(3, stride = 2, padding = 1)", (2, 7, 8), lambda: nn.MaxPool2d(3, 2, 1)),
            ("max_pool2d(3, ceil_mode = true)", (2, 7, 8), lambda: nn.MaxPool2d(3, ceil_mode=True)),
            ("max_pool2d([2, 3], stride = [3, 2], padding = [1, 1], ceil_mode = true)", (2, 8, 6),
             lambda: nn.MaxPool2d((2, 3), (3, 2), (1, 1), ceil_mode=True)),
            ("max_pool2d(1, stride = 3, ceil_mode = true)", (2, 6, 7), lambda: nn.MaxPool2d(1, 3, ceil_mode=True)),
            ("adaptive_max_pool2d(2)", (2, 6, 8), lambda: nn.AdaptiveMaxPool2d(2)),
            ("adaptive_max_pool2d([3, 5])", (2, 7, 8), lambda: nn.AdaptiveMaxPool2d((3, 5))),
            ("adaptive_max_pool2d([9, 4])", (2, 5, 7), lambda: nn.AdaptiveMaxPool2d((9, 4))),
            ("global_max_pool2d", (2, 5, 7), lambda: nn.Sequential(nn.AdaptiveMaxPool2d(1), nn.Flatten())),
        ]
        for ties in (False, True)
    ],
    Case("avg_pool2d(3)", (2, 7, 8), lambda: nn.AvgPool2d(3)),
    *[
        Case(f"avg_pool2d({kernel}, stride = {stride}, padding = {padding}, ceil_mode = {str(ceil).lower()}, count_include_pad = {str(include).lower()})",
             (2, 7, 8), lambda k=kernel, s=stride, p=padding, c=ceil, i=include: nn.AvgPool2d(k, s, p, ceil_mode=c, count_include_pad=i))
        for kernel, stride, padding in [(3, 2, 1), (2, 3, 1), (3, 3, 0), (4, 3, 2)]
        for ceil in (False, True)
        for include in (False, True)
    ],
    Case("adaptive_avg_pool2d(2)", (2, 6, 8), lambda: nn.AdaptiveAvgPool2d(2)),
    Case("adaptive_avg_pool2d([3, 5])", (2, 7, 8), lambda: nn.AdaptiveAvgPool2d((3, 5))),
    Case("adaptive_avg_pool2d([9, 4])", (2, 5, 7), lambda: nn.AdaptiveAvgPool2d((9, 4)), batch=1),
    Case("global_avg_pool2d", (2, 5, 7), lambda: nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())),
    # Normalisation
    Case("layer: batch_norm2d", IMAGE, lambda: nn.BatchNorm2d(3)),
    Case("layer: batch_norm2d", IMAGE, lambda: nn.BatchNorm2d(3), batch=1),
    Case("layer: batch_norm2d(eps = 1e-2, momentum = 0.3, affine = false)", IMAGE, lambda: nn.BatchNorm2d(3, 1e-2, 0.3, affine=False)),
    Case("layer: batch_norm2d(momentum = none)", IMAGE, lambda: nn.BatchNorm2d(3, momentum=None)),
    Case("layer: batch_norm2d(track_running_stats = false)", IMAGE, lambda: nn.BatchNorm2d(3, track_running_stats=False)),
    Case("layer: batch_norm1d", (5,), lambda: nn.BatchNorm1d(5), batch=4),
    Case("layer: batch_norm1d(momentum = 0.5, eps = 1e-3)", (4, 6), lambda: nn.BatchNorm1d(4, momentum=0.5, eps=1e-3)),
    Case("layer: instance_norm2d", IMAGE, lambda: nn.InstanceNorm2d(3)),
    Case("layer: instance_norm2d(affine = true, track_running_stats = true, momentum = 0.2, eps = 1e-3)", IMAGE,
         lambda: nn.InstanceNorm2d(3, eps=1e-3, momentum=0.2, affine=True, track_running_stats=True)),
    Case("layer: group_norm(2)", (6, 3, 4), lambda: nn.GroupNorm(2, 6)),
    Case("layer: group_norm(3, eps = 1e-2, affine = false)", (6, 5), lambda: nn.GroupNorm(3, 6, eps=1e-2, affine=False), batch=1),
    Case("layer: group_norm(4)", (8,), lambda: nn.GroupNorm(4, 8)),
    Case("layer: layer_norm", (4, 6), lambda: nn.LayerNorm(6)),
    Case("layer: layer_norm(6, eps = 1e-2, elementwise_affine = false)", (6,), lambda: nn.LayerNorm(6, 1e-2, False), batch=1),
    Case("layer: layer_norm([4, 5], bias = false)", (3, 4, 5), lambda: nn.LayerNorm((4, 5), bias=False)),
    Case("layer: layer_norm([3, 4, 5])", (3, 4, 5), lambda: nn.LayerNorm((3, 4, 5))),
    Case("layer: rms_norm(eps = 1e-3)", (4, 6), lambda: nn.RMSNorm(6, eps=1e-3)),
    Case("layer: rms_norm([3, 4, 5], eps = 1e-5)", (3, 4, 5), lambda: nn.RMSNorm((3, 4, 5), eps=1e-5)),
    Case("layer: rms_norm(elementwise_affine = false)", (6,), lambda: nn.RMSNorm(6, 2**-23, elementwise_affine=False)),
    Case("local_response_norm(3, alpha = 0.5)", (5, 3, 4), lambda: nn.LocalResponseNorm(3, alpha=0.5)),
    Case("local_response_norm(4, alpha = 0.3, beta = 0.5, k = 2)", (6, 5), lambda: nn.LocalResponseNorm(4, 0.3, 0.5, 2.0)),
    # Shapes
    Case("flatten", IMAGE, nn.Flatten),
    Case("flatten(start_dim = 2) |> permute([0, 2, 1])", IMAGE, flat(lambda x: x.flatten(2).permute(0, 2, 1))),
    Case("flatten(3)", (2, 3, 4), lambda: nn.Flatten(3)),
    Case("zero_pad2d([1, 2, 3, 0])", IMAGE, lambda: nn.ZeroPad2d((1, 2, 3, 0))),
    Case("constant_pad2d(2, value = 0.5)", IMAGE, lambda: nn.ConstantPad2d(2, 0.5)),
    Case("reflection_pad2d([1, 2, 3, 5])", IMAGE, lambda: nn.ReflectionPad2d((1, 2, 3, 5))),
    Case("replication_pad2d([1, 2, 3, 0])", IMAGE, lambda: nn.ReplicationPad2d((1, 2, 3, 0))),
    Case("circular_pad2d([7, 2, 3, 1])", IMAGE, lambda: nn.CircularPad2d((7, 2, 3, 1))),
    Case("upsample(scale_factor = 2)", IMAGE, lambda: nn.Upsample(scale_factor=2)),
    Case("upsample([9, 4])", IMAGE, lambda: nn.Upsample((9, 4))),
    Case("upsample(scale_factor = [1.5, 3])", IMAGE, lambda: nn.Upsample(scale_factor=(1.5, 3.0))),
    Case("upsample(scale_factor = 2, mode = bilinear)", IMAGE, lambda: nn.Upsample(scale_factor=2, mode="bilinear")),
    Case("upsample(scale_factor = [1.7, 0.6], mode = bilinear)", IMAGE, lambda: nn.Upsample(scale_factor=(1.7, 0.6), mode="bilinear")),
    Case("upsample([9, 4], mode = bilinear)", IMAGE, lambda: nn.Upsample((9, 4), mode="bilinear")),
    Case("upsample([11, 1], mode = bilinear, align_corners = true)", IMAGE,
         lambda: nn.Upsample((11, 1), mode="bilinear", align_corners=True)),
    Case("pixel_shuffle(2)", (8, 2, 3), lambda: nn.PixelShuffle(2)),
    Case("pixel_unshuffle(3)", (2, 6, 3), lambda: nn.PixelUnshuffle(3)),
    Case("let parts = split(shift, [1, 3, 2]); concat([parts[2], parts[0] * parts[0]], axis = 1)", (6, 4),
         flat(lambda x: torch.cat([x.split([1, 3, 2], 1)[2], x.split([1, 3, 2], 1)[0] ** 2], 1))),
    Case("let parts = split(shift, 3, axis = -1); parts[0] * slice(parts[1], axis = 2, start = 0, stop = 1)", (2, 5),
         flat(lambda x: x.split(3, -1)[0] * x.split(3, -1)[1][:, :, :1])),
    # Composites
    Case("layer: squeeze_excitation(2)", (4, 3, 5), lambda: SqueezeExcitation(4, 2)),
    Case("layer: squeeze_excitation(3, activation = tanh, scale_activation = relu)", (4, 3, 5),
         lambda: SqueezeExcitation(4, 3, torch.tanh, F.relu)),
    Case("layer: multi_head_attention(2)", (5, 6), lambda: attention(2, 6)),
    Case("layer: multi_head_attention(1, bias = false)", (4, 3), lambda: attention(1, 3, bias=False), batch=1),
    Case("layer: multi_head_attention(3, is_causal = true)", (5, 6), lambda: attention(3, 6, causal=True)),
    Case("slice(shift, axis = 1, start = 0, stop = 2) |> layer: multi_head_attention(3, key = shift, value = shift * shift)", (4, 6), cross_attention),
    Case("layer: transformer_encoder_layer(2, dim_feedforward = 7, dropout = 0)", (5, 4),
         lambda: nn.TransformerEncoderLayer(4, 2, 7, 0.0, batch_first=True)),
    Case("layer: transformer_encoder_layer(2, dim_feedforward = 7, dropout = 0, activation = gelu, norm_first = true, layer_norm_eps = 1e-3, bias = false)",
         (5, 4), lambda: nn.TransformerEncoderLayer(4, 2, 7, 0.0, F.gelu, 1e-3, batch_first=True, norm_first=True, bias=False)),
    Case("layer: positional_embedding", (5, 4), lambda: PositionalEmbedding(5, 4)),
    Case("layer: positional_embedding(std = 0.1)", IMAGE, lambda: PositionalEmbedding(*IMAGE)),
    Case("layer: class_token", (5, 4), lambda: ClassToken(4)),
]  # fmt: skip


def rounded(value) -> float:
    return float(f"{float(value):.13g}")


def probe(name: str, tensor: torch.Tensor) -> torch.Tensor:
    return torch.from_numpy(uniform(name, tuple(tensor.shape), -1, 1))


def input_of(case: Case) -> torch.Tensor:
    shape = (case.batch, *case.shape)
    x = uniform("x", shape, -2, 2)
    if case.tokens:
        return torch.from_numpy((np.abs(x) * 100).astype(np.int64) % case.tokens)
    return torch.from_numpy(np.floor(np.abs(x) * 1.49) if case.ties else x)


def golden(case: Case) -> dict:
    layer = case.module()
    names = {} if case.tokens else {"shift": Shift(case.shape)}
    # What stands in an Apply of one layer bears the label itself.
    net = nn.Sequential()
    for name, module in names.items():
        net.add_module(name, module)
    net.add_module("net", layer)
    net.double()
    named = lambda name: name.removeprefix("net.") if name.startswith("net.layer.") else name.replace("net.", "layer.", 1)
    for name, parameter in net.named_parameters():
        parameter.data = torch.from_numpy(uniform(named(name), tuple(parameter.shape), -0.7, 0.7))
    if isinstance(layer, nn.Embedding) and layer.padding_idx is not None:
        layer.weight.data[layer.padding_idx] = 0
    before = {name: tensor.detach().clone().double() for name, tensor in net.state_dict().items()}
    x = input_of(case)
    losses, changes = [], {}
    for step in range(STEPS):
        net.zero_grad()
        output = net(x)
        loss = (output * probe("probe", output)).sum()
        losses.append(rounded(loss))
        loss.backward()
        with torch.no_grad():
            for parameter in net.parameters():
                parameter -= LR * parameter.grad
        if step == 0:
            for name, tensor in net.state_dict().items():
                if not name.endswith("num_batches_tracked"):
                    changes[named(name)] = rounded(((tensor - before[name]) * probe("change", tensor)).sum())
    net.eval()
    with torch.no_grad():
        output = net(x)
    return {
        "net": case.net, "shape": list(case.shape), "batch": case.batch, "output": list(output.shape[1:]),
        **({"ties": True} if case.ties else {}), **({"tokens": case.tokens} if case.tokens else {}),
        "losses": losses, "changes": changes, "evaluated": rounded((output * probe("probe", output)).sum()),
    }  # fmt: skip


def main() -> None:
    torch.set_num_threads(1)
    lines = []
    for case in CASES:
        try:
            lines.append(json.dumps(golden(case), separators=(",", ":")))
        except Exception as error:
            raise SystemExit(f"{case.net}: {error}") from error
    GOLDEN.write_text("[\n" + ",\n".join(lines) + "\n]\n")


if __name__ == "__main__":
    main()
