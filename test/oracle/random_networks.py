"""Random networks, said at once in mlc's words and in PyTorch's: what no list of cases thinks of."""

import random

from torch import nn

import cases
from networks import named

COUNT = 48
SIZES = [5, 6, 7, 8, 9, 11, 13]
ACTIVATIONS = {
    "relu": nn.ReLU, "sigmoid": nn.Sigmoid, "tanh": nn.Tanh, "gelu": nn.GELU, "silu": nn.SiLU, "softplus": nn.Softplus,
    "leaky_relu": nn.LeakyReLU,
}  # fmt: skip


class Residual(nn.Module):
    def __init__(self, conv: nn.Module):
        super().__init__()
        self.conv = conv

    def forward(self, x):
        return x + self.conv(x)


class Network:
    """Grows layer by layer, from an image of `size` to 10 outputs."""

    def __init__(self, number: int):
        self.random = random.Random(number)
        self.size = self.height = self.width = self.random.choice(SIZES)
        self.channels = 3
        self.shifted = False  # a learnt shift of the channels is not yet bent by an activation
        self.text: list[str] = []
        self.modules: dict[str, nn.Module] = {}
        for _ in range(self.random.randint(1, 5)):
            self.random.choice([self.conv, self.conv, self.pool, self.activation, self.norm, self.residual])()
        self.add("flatten", nn.Flatten())
        features = self.channels * self.height * self.width
        if self.random.random() < 0.6:
            hidden = self.random.randint(1, 19)
            self.add(f"linear({hidden})", nn.Linear(features, hidden))
            self.activation()
            features = hidden
        self.add("linear(10)", nn.Linear(features, 10))

    def add(self, text: str, module: nn.Module) -> None:
        label = f"step{len(self.text)}"
        self.text.append(f"{label}: {text}")
        self.modules[label] = module

    def window(self, most: int) -> tuple[list[int], list[int], list[int]]:
        """Kernel, stride and padding that fit the image; padding at most half of the kernel."""
        kernel = [self.random.randint(1, min(most, extent)) for extent in (self.height, self.width)]
        stride = [self.random.randint(1, 3) for _ in range(2)]
        padding = [self.random.randint(0, k // 2) for k in kernel]
        return kernel, stride, padding

    def resize(self, kernel, stride, padding, dilation=(1, 1)) -> None:
        extents = zip((self.height, self.width), kernel, stride, padding, dilation)
        self.height, self.width = ((e + 2 * p - d * (k - 1) - 1) // s + 1 for e, k, s, p, d in extents)

    def conv(self) -> None:
        kernel, stride, padding = self.window(5)
        dilation = [self.random.randint(1, 2) for _ in range(2)]
        extents = zip((self.height, self.width), kernel, padding, dilation)
        if any(d * (k - 1) + 1 > e + 2 * p for e, k, p, d in extents):
            dilation = [1, 1]
        groups = self.random.choice([g for g in (1, 1, 1, 2, 3, self.channels) if self.channels % g == 0])
        channels = groups * self.random.randint(1, max(1, 12 // groups))
        bias = self.random.random() < 0.7
        options = f"stride = {stride}, padding = {padding}, dilation = {dilation}, groups = {groups}, bias = {str(bias).lower()}"
        module = nn.Conv2d(self.channels, channels, kernel, stride, padding, dilation, groups, bias)
        self.add(f"conv2d({channels}, kernel = {kernel}, {options})", module)
        self.resize(kernel, stride, padding, dilation)
        self.channels = channels
        self.shifted |= bias

    def residual(self) -> None:
        kernel = self.random.choice([1, 3, 5])
        conv = f"conv2d({self.channels}, kernel = {kernel}, padding = {kernel // 2})"
        self.shifted = True
        self.add(f"{{ let side = in |> conv: {conv}; in + side }}", Residual(nn.Conv2d(self.channels, self.channels, kernel, padding=kernel // 2)))

    def pool(self) -> None:
        kernel, stride, padding = self.window(4)
        kind, module = self.random.choice([("max", nn.MaxPool2d), ("avg", nn.AvgPool2d)])
        self.add(f"{kind}_pool2d({kernel}, stride = {stride}, padding = {padding})", module(kernel, stride, padding))
        self.resize(kernel, stride, padding)

    def activation(self) -> None:
        name = self.random.choice(list(ACTIVATIONS))
        self.add(name, ACTIVATIONS[name]())
        self.shifted = False

    def norm(self) -> None:
        """Not after a shift: it would have no effect, and its gradient would be rounding alone."""
        if self.shifted:
            self.activation()
        self.shifted = True
        self.add("batch_norm2d", nn.BatchNorm2d(self.channels))


def case(number: int) -> cases.Case:
    network = Network(number)
    pick = network.random
    batch = pick.randint(2, 9)
    return cases.Case(
        f"random {number}", "given:" + "\n".join(network.text), pick.choice(list(cases.OPTIMIZERS.values())),
        lambda: named(**network.modules), pick.choice(["cross_entropy", "mse", "l1", "huber", "label_smoothing"]),
        pick.choice(["images", "images", "ties"]), network.size, batch, batch + pick.randint(2, batch), 3,
    )  # fmt: skip


RANDOM = [case(number) for number in range(COUNT)]
