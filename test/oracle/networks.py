"""The networks of test/parity/networks.ts in PyTorch, with the same state_dict names."""

import math

import torch
from torch import nn
from torch.nn import functional as F

from fixtures import uniform


def named(**modules) -> nn.Sequential:
    sequential = nn.Sequential()
    for name, module in modules.items():
        sequential.add_module(name, module)
    return sequential


def reference() -> nn.Module:
    """PyTorch's CIFAR-10 tutorial; no activation functions."""
    return named(
        conv1=nn.Conv2d(3, 32, 5, padding=2), pool1=nn.MaxPool2d(2),
        conv2=nn.Conv2d(32, 32, 5, padding=2), pool2=nn.MaxPool2d(2),
        conv3=nn.Conv2d(32, 64, 5, padding=2), pool3=nn.MaxPool2d(2),
        flatten=nn.Flatten(), fc1=nn.Linear(1024, 64), fc2=nn.Linear(64, 10),
    )  # fmt: skip


def line() -> nn.Module:
    return named(fc=nn.Linear(7, 10))


def mlp() -> nn.Module:
    return named(fc1=nn.Linear(7, 13), act=nn.Tanh(), fc2=nn.Linear(13, 10))


def activated(function) -> nn.Module:
    """The activation is fed with values around 0 of scale 1, and its result feeds a linear layer."""
    return named(fc1=nn.Linear(7, 13), act=function, fc2=nn.Linear(13, 10))


def batch_normed() -> nn.Module:
    return named(
        conv1=nn.Conv2d(3, 6, 3, padding=1, bias=False), bn1=nn.BatchNorm2d(6), relu1=nn.ReLU(), pool1=nn.MaxPool2d(2),
        conv2=nn.Conv2d(6, 9, 3, stride=2, padding=1), bn2=nn.BatchNorm2d(9, eps=1e-3, momentum=0.3), relu2=nn.ReLU(),
        bn3=nn.BatchNorm2d(9, affine=False),
        flatten=nn.Flatten(), fc=nn.Linear(9 * 4 * 4, 10),
    )  # fmt: skip


def dropped(p: float) -> nn.Module:
    return named(
        conv=nn.Conv2d(3, 5, 3), relu=nn.ReLU(), drop1=nn.Dropout(p), pool=nn.AvgPool2d(2),
        flatten=nn.Flatten(), fc1=nn.Linear(5 * 7 * 7, 11), drop2=nn.Dropout(p), fc2=nn.Linear(11, 10),
    )  # fmt: skip


def pooled(pool: nn.Module) -> nn.Module:
    """The 1x1 convolution keeps the ties of a two-level image, so the pool's choice among them shows in its gradient."""
    return named(conv1=nn.Conv2d(3, 4, 1), pool=pool, conv2=nn.Conv2d(4, 5, 3, padding=1), flatten=nn.Flatten(), fc=nn.LazyLinear(10))


def convolved() -> nn.Module:
    """Strides, uneven paddings, groups and dilation; odd sizes throughout."""
    return named(
        conv1=nn.Conv2d(3, 6, (3, 5), stride=(2, 1), padding=(1, 2)), act1=nn.Tanh(),
        conv2=nn.Conv2d(6, 10, 3, groups=2, dilation=2, padding=1), act2=nn.Tanh(),
        conv3=nn.Conv2d(10, 7, 1, stride=2, bias=False),
        flatten=nn.Flatten(), fc=nn.LazyLinear(10),
    )  # fmt: skip


def same() -> nn.Module:
    return named(
        conv1=nn.Conv2d(3, 5, (3, 4), padding="same"), act=nn.Sigmoid(),
        conv2=nn.Conv2d(5, 7, 2, padding="same", dilation=2), flatten=nn.Flatten(), fc=nn.LazyLinear(10),
    )  # fmt: skip


class BasicBlock(nn.Module):
    """He et al. 2015, section 4.2, with a 1x1 convolution where the shape changes; named as in torchvision."""

    def __init__(self, inputs: int, channels: int, stride: int):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, channels, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.downsample = None
        if stride != 1 or inputs != channels:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, channels, 1, stride=stride, bias=False), nn.BatchNorm2d(channels))

    def forward(self, x):
        main = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(main + (self.downsample(x) if self.downsample else x))


def stage(inputs: int, channels: int, stride: int) -> nn.Module:
    return nn.Sequential(*(BasicBlock(inputs if i == 0 else channels, channels, stride if i == 0 else 1) for i in range(3)))


def resnet20() -> nn.Module:
    return named(
        conv1=nn.Conv2d(3, 16, 3, padding=1, bias=False), bn1=nn.BatchNorm2d(16), relu=nn.ReLU(),
        layer1=stage(16, 16, 1), layer2=stage(16, 32, 2), layer3=stage(32, 64, 2),
        pool=nn.AdaptiveAvgPool2d(1), flatten=nn.Flatten(), fc=nn.Linear(64, 10),
    )  # fmt: skip


def fill(model: nn.Module, draw: str = "") -> None:
    """Initial weights: U(-b, b), b = 1/sqrt(fan_in), as PyTorch's default; normalisation: weight U(0.5, 1.5), bias U(-0.1, 0.1).

    Another `draw` gives other weights.
    """
    parameters = dict(model.named_parameters())
    for name, parameter in parameters.items():
        weight = parameters[name.removesuffix("bias") + "weight"] if name.endswith("bias") else parameter
        shape = tuple(parameter.shape)
        if weight.dim() > 1:
            bound = 1 / math.sqrt(math.prod(weight.shape[1:]))
            values = uniform(name + draw, shape, -bound, bound)
        elif name.endswith("bias"):
            values = uniform(name + draw, shape, -0.1, 0.1)
        else:
            values = uniform(name + draw, shape, 0.5, 1.5)
        with torch.no_grad():
            parameter.copy_(torch.from_numpy(values))
