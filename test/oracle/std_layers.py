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


def masked_attention(heads, features, mask=None, padding=None, **options):
    """With masks that are functions of the input."""
    module = nn.MultiheadAttention(features, heads, batch_first=True, **options)
    run = lambda self, x: self.layer(x, x, x, need_weights=False, attn_mask=mask(x) if mask else None, key_padding_mask=padding(x) if padding else None)[0]
    return Apply(run, layer=module)


def other_features():
    """A key of 4 and a value of 3 features, from one input of 6."""
    module = nn.MultiheadAttention(6, 3, batch_first=True, kdim=4, vdim=3)
    return Apply(lambda self, x: self.layer(x, x[:, :, :4], x[:, :, 3:], need_weights=False)[0], layer=module)


def encoder(mask=None, padding=None, **options):
    module = nn.TransformerEncoderLayer(4, 2, 7, 0.0, batch_first=True, **options)
    run = lambda self, x: self.layer(x, src_mask=mask(x) if mask else None, src_key_padding_mask=padding(x) if padding else None)
    return Apply(run, layer=module)


def decoder(causal=False, **options):
    module = nn.TransformerDecoderLayer(4, 2, 7, 0.0, batch_first=True, **options)
    mask = lambda x: torch.triu(torch.full((x.shape[1], x.shape[1]), float("-inf"), dtype=x.dtype), 1) if causal else None
    return Apply(lambda self, x: self.layer(x[:, :3], x, tgt_mask=mask(x[:, :3])), layer=module)


def sinusoidal(x, period=10000.0):
    t, i = torch.arange(x.shape[1]).double()[:, None], torch.arange(x.shape[2]).double()
    angle = t / period ** ((i - i % 2) / x.shape[2])
    return x + torch.where(i % 2 == 0, angle.sin(), angle.cos())


def upper(x, by=0):
    return torch.ones(x.shape[1], x.shape[1], dtype=torch.bool).triu(1 + by)


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
    # Both sizes of everything
    Case("layer: bilinear(4)", (5,), lambda: Apply(lambda self, x: self.layer(x, x), layer=nn.Bilinear(5, 5, 4))),
    Case("layer: bilinear(3, other = slice(shift, axis = 1, start = 0, stop = 2), bias = false)", (5,),
         lambda: Apply(lambda self, x: self.layer(x, x[:, :2]), layer=nn.Bilinear(5, 2, 3, bias=False)), batch=1),
    Case("layer: embedding(7, 4)", (5, 2), lambda: nn.Embedding(7, 4), tokens=7),
    Case("layer: embedding(7, 5, padding_idx = -3)", (9,), lambda: nn.Embedding(7, 5, padding_idx=-3), tokens=7, batch=1),
    Case("layer: embedding(301, 3)", (4,), lambda: nn.Embedding(301, 3), tokens=301),
    Case("layer: conv1d(4, kernel = 3, padding = 2, padding_mode = reflect)", (3, 9), lambda: nn.Conv1d(3, 4, 3, padding=2, padding_mode="reflect")),
    Case("layer: conv1d(4, kernel = 4, padding = same, padding_mode = replicate)", (3, 9), lambda: nn.Conv1d(3, 4, 4, padding="same", padding_mode="replicate")),
    Case("layer: conv1d(3, kernel = 3, stride = 2, padding = 1, groups = 3, padding_mode = circular)", (3, 8),
         lambda: nn.Conv1d(3, 3, 3, stride=2, padding=1, groups=3, padding_mode="circular")),
    Case("layer: conv_transpose1d(4, kernel = 3)", (3, 5), lambda: nn.ConvTranspose1d(3, 4, 3), batch=1),
    Case("layer: conv_transpose1d(4, kernel = 3, stride = 3, padding = 1, output_padding = 2, groups = 2, bias = false, dilation = 2)", (6, 5),
         lambda: nn.ConvTranspose1d(6, 4, 3, 3, 1, 2, 2, False, 2)),
    *[
        Case(text, shape, module, ties=ties)
        for text, shape, module in [
            ("max_pool2d(2, dilation = 2)", (2, 7, 8), lambda: nn.MaxPool2d(2, dilation=2)),
            ("max_pool2d([3, 2], stride = [1, 2], padding = [1, 0], dilation = [2, 3], ceil_mode = true)", (2, 7, 8),
             lambda: nn.MaxPool2d((3, 2), (1, 2), (1, 0), (2, 3), ceil_mode=True)),
            ("max_pool1d(3)", (2, 8), lambda: nn.MaxPool1d(3)),
            ("max_pool1d(3, stride = 2, padding = 1, dilation = 2, ceil_mode = true)", (2, 9), lambda: nn.MaxPool1d(3, 2, 1, 2, ceil_mode=True)),
            ("adaptive_max_pool1d(3)", (2, 8), lambda: nn.AdaptiveMaxPool1d(3)),
            ("global_max_pool1d", (2, 8), lambda: nn.Sequential(nn.AdaptiveMaxPool1d(1), nn.Flatten())),
        ]
        for ties in (False, True)
    ],
    Case("avg_pool2d(3, stride = 2, padding = 1, divisor_override = 5)", (2, 7, 8), lambda: nn.AvgPool2d(3, 2, 1, divisor_override=5)),
    Case("avg_pool1d(3)", (2, 8), lambda: nn.AvgPool1d(3)),
    Case("avg_pool1d(3, stride = 2, padding = 1, ceil_mode = true, count_include_pad = false)", (2, 8), lambda: nn.AvgPool1d(3, 2, 1, True, False)),
    Case("lp_pool2d(2, kernel = 2)", (2, 6, 7), lambda: nn.LPPool2d(2, 2)),
    Case("lp_pool2d(2, kernel = [2, 3], stride = 2, ceil_mode = true)", (2, 6, 7), lambda: nn.LPPool2d(2, (2, 3), 2, ceil_mode=True)),
    Case("lp_pool2d(2, kernel = 2)", (2, 6, 7), lambda: nn.LPPool2d(2, 2), ties=True),
    Case("lp_pool1d(4, kernel = 3, stride = 2)", (2, 8), lambda: nn.LPPool1d(4, 3, 2)),
    Case("adaptive_avg_pool1d(3)", (2, 8), lambda: nn.AdaptiveAvgPool1d(3)),
    Case("global_avg_pool1d", (2, 8), lambda: nn.Sequential(nn.AdaptiveAvgPool1d(1), nn.Flatten())),
    Case("layer: batch_norm2d(bias = false)", IMAGE, lambda: nn.BatchNorm2d(3, bias=False)),
    Case("layer: batch_norm1d(momentum = none, affine = false)", (4, 6), lambda: nn.BatchNorm1d(4, momentum=None, affine=False)),
    Case("layer: batch_norm1d(track_running_stats = false)", (5,), lambda: nn.BatchNorm1d(5, track_running_stats=False), batch=4),
    Case("layer: instance_norm1d", (4, 6), lambda: nn.InstanceNorm1d(4)),
    Case("layer: instance_norm1d(affine = true, track_running_stats = true, bias = false)", (4, 6),
         lambda: nn.InstanceNorm1d(4, affine=True, track_running_stats=True, bias=False), batch=1),
    Case("layer: layer_norm([2, 3, 4, 5])", (2, 3, 4, 5), lambda: nn.LayerNorm((2, 3, 4, 5))),
    Case("layer: group_norm(1)", (6, 2, 3, 4), lambda: nn.GroupNorm(1, 6)),
    Case("local_response_norm(2)", (5, 3, 4, 2), lambda: nn.LocalResponseNorm(2)),
    Case("dropout(0)", (5,), lambda: nn.Dropout(0.0)),
    Case("dropout(1)", (5,), lambda: nn.Dropout(1.0)),
    Case("dropout1d(1)", (5, 3), lambda: nn.Dropout1d(1.0)),
    Case("alpha_dropout(1)", (5,), lambda: nn.AlphaDropout(1.0)),
    Case("flatten(1, end_dim = 2)", (2, 3, 4), lambda: nn.Flatten(1, 2)),
    Case("flatten(-2)", (2, 3, 4), lambda: nn.Flatten(-2)),
    Case("unflatten(1, [2, 1, 3])", (6, 5), lambda: nn.Unflatten(1, (2, 1, 3))),
    Case("unflatten(-1, [2, 2])", (6, 4), lambda: nn.Unflatten(-1, (2, 2))),
    Case("movedim(1, -1)", IMAGE, flat(lambda x: x.movedim(1, -1))),
    Case("movedim(-1, 1)", (2, 3, 4, 5), flat(lambda x: x.movedim(-1, 1))),
    Case("unsqueeze(1) |> unsqueeze(-1)", (2, 3), flat(lambda x: x.unsqueeze(1).unsqueeze(-1))),
    Case("unsqueeze(2) |> squeeze(2)", (2, 3), flat(lambda x: x)),
    Case("let parts = chunk(shift, 3); concat([parts[2], parts[0] * 2, parts[1]], axis = 1)", (8, 2),
         flat(lambda x: torch.cat([x.chunk(3, 1)[2], x.chunk(3, 1)[0] * 2, x.chunk(3, 1)[1]], 1))),
    Case("roll(2, axis = 1)", (5, 3), flat(lambda x: x.roll(2, 1))),
    Case("roll(-7, axis = -1)", (5, 3), flat(lambda x: x.roll(-7, -1))),
    Case("channel_shuffle(2)", (6, 3, 2), lambda: nn.ChannelShuffle(2)),
    Case("stack([shift, shift * shift], axis = 1)", (2, 3), flat(lambda x: torch.stack([x, x * x], 1))),
    Case("stack([shift, shift * shift, shift], axis = -1)", (2, 3), flat(lambda x: torch.stack([x, x * x, x], -1))),
    Case("unfold(shift, axis = 2, size = 3, step = 2)", (2, 8, 3), flat(lambda x: x.unfold(2, 3, 2).movedim(-1, 3))),
    Case("reshape([n, -1, 2])", (3, 4), flat(lambda x: x.reshape(len(x), -1, 2))),
    Case("reshape([-1, 4, 3])", (3, 4), flat(lambda x: x.reshape(-1, 4, 3))),
    Case("zero_pad1d([1, 2])", (2, 5), lambda: nn.ZeroPad1d((1, 2))),
    Case("constant_pad1d(2, value = 0.5)", (2, 5), lambda: nn.ConstantPad1d(2, 0.5)),
    Case("reflection_pad1d([4, 2])", (2, 5), lambda: nn.ReflectionPad1d((4, 2))),
    Case("replication_pad1d([4, 2])", (2, 5), lambda: nn.ReplicationPad1d((4, 2))),
    Case("circular_pad1d([4, 5])", (2, 5), lambda: nn.CircularPad1d((4, 5))),
    Case("upsample([9, 4], mode = nearest_exact)", IMAGE, lambda: nn.Upsample((9, 4), mode="nearest-exact")),
    Case("upsample(scale_factor = [1.5, 3], mode = nearest_exact)", IMAGE, lambda: nn.Upsample(scale_factor=(1.5, 3.0), mode="nearest-exact")),
    Case("upsample(scale_factor = 2, mode = bicubic)", IMAGE, lambda: nn.Upsample(scale_factor=2, mode="bicubic")),
    Case("upsample([4, 11], mode = bicubic)", IMAGE, lambda: nn.Upsample((4, 11), mode="bicubic")),
    Case("upsample(scale_factor = [1.7, 0.6], mode = bicubic)", IMAGE, lambda: nn.Upsample(scale_factor=(1.7, 0.6), mode="bicubic")),
    Case("upsample([11, 3], mode = bicubic, align_corners = true)", IMAGE, lambda: nn.Upsample((11, 3), mode="bicubic", align_corners=True)),
    Case("upsample(scale_factor = 2)", (2, 5), lambda: nn.Upsample(scale_factor=2)),
    Case("upsample(8, mode = linear)", (2, 5), lambda: nn.Upsample(8, mode="linear")),
    Case("upsample(scale_factor = 2.5, mode = linear, align_corners = true)", (2, 5), lambda: nn.Upsample(scale_factor=2.5, mode="linear", align_corners=True)),
    Case("layer: multi_head_attention(2, attn_mask = arange(5) > reshape(arange(5), [5, 1]) + 1)", (5, 6), lambda: masked_attention(2, 6, lambda x: upper(x, 1))),
    Case("layer: multi_head_attention(2, attn_mask = 0.5 * arange(5) - 0.25 * reshape(arange(5), [5, 1]))", (5, 6),
         lambda: masked_attention(2, 6, lambda x: 0.5 * torch.arange(5.0).double() - 0.25 * torch.arange(5.0).double()[:, None])),
    Case("layer: multi_head_attention(2, attn_mask = broadcast(reshape(arange(10) * 0.5, [2, 1, 5]), [n, 2, 5, 5]))", (5, 6),
         lambda: masked_attention(2, 6, lambda x: (0.5 * torch.arange(10.0).double()).reshape(2, 1, 5).expand(2, 5, 5).repeat(len(x), 1, 1))),
    Case("layer: multi_head_attention(3, key_padding_mask = sum(shift, axis = 2) > 1.5)", (5, 6), lambda: masked_attention(3, 6, padding=lambda x: x.sum(2) > 1.5)),
    Case("layer: multi_head_attention(3, key = slice(shift, axis = 2, start = 0, stop = 4), value = slice(shift, axis = 2, start = 3))", (4, 6), other_features),
    Case("layer: transformer_encoder_layer(2, dim_feedforward = 7, dropout = 0, is_causal = true)", (5, 4), lambda: encoder(upper)),
    Case("layer: transformer_encoder_layer(2, dim_feedforward = 7, dropout = 0, src_key_padding_mask = sum(shift, axis = 2) > 1.5)", (5, 4),
         lambda: encoder(padding=lambda x: x.sum(2) > 1.5)),
    Case("slice(shift, axis = 1, start = 0, stop = 3) |> layer: transformer_decoder_layer(shift, 2, dim_feedforward = 7, dropout = 0)", (5, 4), decoder),
    Case("slice(shift, axis = 1, start = 0, stop = 3) |> layer: transformer_decoder_layer(shift, 2, dim_feedforward = 7, dropout = 0, norm_first = true, is_causal = true, activation = gelu)",
         (5, 4), lambda: decoder(True, norm_first=True, activation=F.gelu)),
    Case("sinusoidal_embedding", (5, 6), flat(sinusoidal)),
    Case("sinusoidal_embedding(max_period = 50)", (7, 5), flat(lambda x: sinusoidal(x, 50.0))),
    Case("rrelu(0.25, 0.25)", (5,), lambda: nn.RReLU(0.25, 0.25)),
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


def write(cases: list[Case], path: Path) -> None:
    torch.set_num_threads(1)
    lines = []
    for case in cases:
        try:
            lines.append(json.dumps(golden(case), separators=(",", ":")))
        except Exception as error:
            raise SystemExit(f"{case.net}: {error}") from error
    path.write_text("[\n" + ",\n".join(lines) + "\n]\n")


if __name__ == "__main__":
    write(CASES, GOLDEN)
