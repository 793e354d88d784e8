"""The networks of test/bench/networks.mjs in PyTorch: same layers, and the same names of parameters."""

from collections import OrderedDict

import torch
from torch import nn
from torch.nn import functional as F


def named(**modules: nn.Module) -> nn.Sequential:
    return nn.Sequential(OrderedDict(modules))


def reference() -> nn.Module:
    return named(
        conv1=nn.Conv2d(3, 32, 5, padding=2), pool1=nn.MaxPool2d(2),
        conv2=nn.Conv2d(32, 32, 5, padding=2), pool2=nn.MaxPool2d(2),
        conv3=nn.Conv2d(32, 64, 5, padding=2), pool3=nn.MaxPool2d(2),
        flatten=nn.Flatten(), fc1=nn.Linear(1024, 64), fc2=nn.Linear(64, 10),
    )  # fmt: skip


def mlp() -> nn.Module:
    return named(
        fc1=nn.Linear(3072, 512), relu1=nn.ReLU(), fc2=nn.Linear(512, 512), relu2=nn.ReLU(), fc3=nn.Linear(512, 10)
    )


def conv(inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, kernel, stride=stride, padding=kernel // 2, groups=groups, bias=False)


class BasicBlock(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int):
        super().__init__()
        self.conv1, self.bn1 = conv(inputs, outputs, 3, stride), nn.BatchNorm2d(outputs)
        self.conv2, self.bn2 = conv(outputs, outputs, 3), nn.BatchNorm2d(outputs)
        self.downsample = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(conv(inputs, outputs, 1, stride), nn.BatchNorm2d(outputs))

    def forward(self, x):
        shortcut = self.downsample(x) if self.downsample else x
        return F.relu(self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x))))) + shortcut)


def stage(inputs: int, outputs: int, stride: int) -> nn.Sequential:
    return nn.Sequential(BasicBlock(inputs, outputs, stride), *(BasicBlock(outputs, outputs, 1) for _ in range(2)))


def resnet20() -> nn.Module:
    return named(
        conv1=conv(3, 16, 3), bn1=nn.BatchNorm2d(16), relu=nn.ReLU(),
        layer1=stage(16, 16, 1), layer2=stage(16, 32, 2), layer3=stage(32, 64, 2),
        pool=nn.AdaptiveAvgPool2d(1), flatten=nn.Flatten(), fc=nn.Linear(64, 10),
    )  # fmt: skip


class SqueezeExcitation(nn.Module):
    def __init__(self, channels: int):
        super().__init__()
        self.fc1, self.fc2 = nn.Conv2d(channels, channels // 4, 1), nn.Conv2d(channels // 4, channels, 1)

    def forward(self, x):
        return F.hardsigmoid(self.fc2(F.relu(self.fc1(F.adaptive_avg_pool2d(x, 1))))) * x


class InvertedResidual(nn.Module):
    def __init__(self, inputs: int, outputs: int, expand: int, stride: int):
        super().__init__()
        wide = expand * inputs
        self.expand, self.bn1 = conv(inputs, wide, 1), nn.BatchNorm2d(wide)
        self.depthwise, self.bn2 = conv(wide, wide, 3, stride, wide), nn.BatchNorm2d(wide)
        self.se = SqueezeExcitation(wide)
        self.project, self.bn3 = conv(wide, outputs, 1), nn.BatchNorm2d(outputs)
        self.same = stride == 1 and inputs == outputs

    def forward(self, x):
        y = F.hardswish(self.bn1(self.expand(x)))
        y = F.hardswish(self.bn2(self.depthwise(y)))
        y = self.bn3(self.project(self.se(y)))
        if not self.same:
            return y
        if self.training:  # drop_path(0.05)
            y = y * (torch.rand(len(y), 1, 1, 1) >= 0.05) / 0.95
        return x + y


def mobilenet() -> nn.Module:
    plan = [(16, 16, 2, 1), (16, 24, 4, 2), (24, 24, 3, 1), (24, 40, 3, 2), (40, 40, 3, 1)]
    return named(
        stem=conv(3, 16, 3), stem_bn=nn.BatchNorm2d(16), act1=nn.Hardswish(),
        blocks=nn.Sequential(*(InvertedResidual(*block) for block in plan)),
        head=conv(40, 96, 1), head_bn=nn.BatchNorm2d(96), act2=nn.Hardswish(),
        pool=nn.AdaptiveAvgPool2d(1), flatten=nn.Flatten(), dropout=nn.Dropout(0.1), fc=nn.Linear(96, 10),
    )  # fmt: skip


class Vit(nn.Module):
    def __init__(self):
        super().__init__()
        self.patches = nn.Conv2d(3, 64, 4, stride=4)
        self.cls, self.position = nn.Module(), nn.Module()
        self.cls.weight = nn.Parameter(torch.randn(64) * 0.02)
        self.position.weight = nn.Parameter(torch.randn(65, 64) * 0.02)
        self.blocks = nn.Sequential(*(self.layer() for _ in range(3)))
        self.norm, self.fc = nn.LayerNorm(64), nn.Linear(64, 10)

    @staticmethod
    def layer() -> nn.Module:
        return nn.TransformerEncoderLayer(64, 4, 128, activation="gelu", batch_first=True, norm_first=True)

    def forward(self, x):
        tokens = self.patches(x).flatten(2).permute(0, 2, 1)
        tokens = torch.cat([self.cls.weight.expand(len(x), 1, 64), tokens], dim=1) + self.position.weight
        return self.fc(self.norm(self.blocks(tokens))[:, 0])


NETWORKS = {"reference": reference, "resnet20": resnet20, "mlp": mlp, "mobilenet": mobilenet, "vit": Vit}
