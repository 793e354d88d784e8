"""The networks of test/bench/networks.mjs in PyTorch: same layers, losses and optimizers."""

import torch
from torch import nn
from torch.nn import functional as F


def reference() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 32, 5, padding=2), nn.MaxPool2d(2),
        nn.Conv2d(32, 32, 5, padding=2), nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 5, padding=2), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(1024, 64), nn.Linear(64, 10),
    )  # fmt: skip


def mlp() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(3072, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 10))


def conv_norm(inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> nn.Sequential:
    conv = nn.Conv2d(inputs, outputs, kernel, stride=stride, padding=kernel // 2, groups=groups, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs))


class BasicBlock(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int):
        super().__init__()
        self.first = conv_norm(inputs, outputs, 3, stride)
        self.second = conv_norm(outputs, outputs, 3)
        same = stride == 1 and inputs == outputs
        self.shortcut = nn.Identity() if same else conv_norm(inputs, outputs, 1, stride)

    def forward(self, x):
        return F.relu(self.second(F.relu(self.first(x))) + self.shortcut(x))


def resnet20() -> nn.Module:
    blocks, inputs = [], 16
    for outputs in (16, 32, 64):
        for i in range(3):
            blocks.append(BasicBlock(inputs, outputs, 2 if i == 0 and outputs > 16 else 1))
            inputs = outputs
    return nn.Sequential(conv_norm(3, 16, 3), nn.ReLU(), *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))


class SqueezeExcitation(nn.Module):
    def __init__(self, channels: int):
        super().__init__()
        self.scale = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Conv2d(channels, channels // 4, 1), nn.ReLU(),
            nn.Conv2d(channels // 4, channels, 1), nn.Hardsigmoid(),
        )  # fmt: skip

    def forward(self, x):
        return self.scale(x) * x


class InvertedResidual(nn.Module):
    def __init__(self, inputs: int, outputs: int, expand: int, stride: int):
        super().__init__()
        wide = expand * inputs
        self.branch = nn.Sequential(
            conv_norm(inputs, wide, 1), nn.Hardswish(), conv_norm(wide, wide, 3, stride, wide), nn.Hardswish(),
            SqueezeExcitation(wide), conv_norm(wide, outputs, 1),
        )  # fmt: skip
        self.same = stride == 1 and inputs == outputs

    def forward(self, x):
        y = self.branch(x)
        if not self.same:
            return y
        if self.training:  # drop_path(0.05)
            y = y * (torch.rand(len(y), 1, 1, 1) >= 0.05) / 0.95
        return x + y


def mobilenet() -> nn.Module:
    plan = [(16, 16, 2, 1), (16, 24, 4, 2), (24, 24, 3, 1), (24, 40, 3, 2), (40, 40, 3, 1)]
    return nn.Sequential(
        conv_norm(3, 16, 3), nn.Hardswish(), *(InvertedResidual(*block) for block in plan),
        conv_norm(40, 96, 1), nn.Hardswish(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.1), nn.Linear(96, 10),
    )  # fmt: skip


class Vit(nn.Module):
    def __init__(self):
        super().__init__()
        self.patches = nn.Conv2d(3, 64, 4, stride=4)
        self.token = nn.Parameter(torch.randn(64) * 0.02)
        self.position = nn.Parameter(torch.randn(65, 64) * 0.02)
        layer = nn.TransformerEncoderLayer(64, 4, 128, activation="gelu", batch_first=True, norm_first=True)
        self.blocks = nn.TransformerEncoder(layer, 3, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(64)
        self.head = nn.Linear(64, 10)

    def forward(self, x):
        tokens = self.patches(x).flatten(2).permute(0, 2, 1)
        tokens = torch.cat([self.token.expand(len(x), 1, 64), tokens], dim=1) + self.position
        return self.head(self.norm(self.blocks(tokens))[:, 0])


NETWORKS = {"reference": reference, "resnet20": resnet20, "mlp": mlp, "mobilenet": mobilenet, "vit": Vit}
SMOOTHING = {"mobilenet": 0.1, "vit": 0.1}


def optimizer_of(name: str, parameters) -> torch.optim.Optimizer:
    if name in SMOOTHING:
        return torch.optim.AdamW(parameters, lr=1e-3, weight_decay=0.05)
    if name == "reference":
        return torch.optim.SGD(parameters, lr=0.01)
    return torch.optim.SGD(parameters, lr=0.01, momentum=0.9, weight_decay=1e-4 if name == "resnet20" else 0)
