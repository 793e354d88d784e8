"""What is trained for the goldens: each case says it twice, in mlc's words (text that the tests compile) and in PyTorch's."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import nn
from torch.nn import functional as F
from torch.optim import SGD, Adam, AdamW, lr_scheduler

import networks


@dataclass(frozen=True)
class Head:
    """A loss. `target` is what the model takes: "label" is class[10], "values" is f32[10]."""

    text: str
    criterion: Callable
    target: str = "values"


def one_hot_mse(output, label):
    return F.mse_loss(output, F.one_hot(label, 10).to(output.dtype))


HEADS = {
    "cross_entropy": Head("cross_entropy(net, label)", F.cross_entropy, "label"),
    "cross_entropy_sum": Head("cross_entropy(net, label, reduction = sum)", partial(F.cross_entropy, reduction="sum"), "label"),
    "mse": Head("mse(net, values)", F.mse_loss),
    "mse_sum": Head("mse(net, values, reduction = sum)", partial(F.mse_loss, reduction="sum")),
    "mse_one_hot": Head("mse(net, one_hot(label, 10))", one_hot_mse, "label"),
    "l1": Head("l1(net, values)", F.l1_loss),
    "l1_sum": Head("l1(net, values, reduction = sum)", partial(F.l1_loss, reduction="sum")),
    "smooth_l1": Head("smooth_l1(net, values, beta = 0.3)", partial(F.smooth_l1_loss, beta=0.3)),
    "huber": Head("huber(net, values, delta = 0.3)", partial(F.huber_loss, delta=0.3)),
    "label_smoothing": Head(
        "cross_entropy(net, label, label_smoothing = 0.1)", partial(F.cross_entropy, label_smoothing=0.1), "label"
    ),
    "charbonnier": Head(
        "charbonnier(net, values)",
        lambda output, target: torch.sqrt((output - target) ** 2 + 1e-6).mean(),
    ),
}


@dataclass(frozen=True)
class Optimizer:
    text: str
    make: Callable
    schedule: Callable | None = None


def optimizer(text: str, kind, schedule=None, **options) -> Optimizer:
    return Optimizer(text, lambda parameters: kind(parameters, **options), schedule)


@dataclass(frozen=True)
class Case:
    name: str
    network: str
    optimizer: Optimizer
    module: Callable[[], nn.Module]
    head: str = "cross_entropy"
    input: str = "images"  # images | ties | vectors | cifar10 (the test split) | cifar10_train
    size: int = 32  # the side of an image
    batch: int = 6
    samples: int = 16  # then the epoch starts anew; the last batch of an epoch is smaller
    steps: int = 5
    epochs: int = 0  # record sums of this many epochs of losses as well
    normalized: bool = False  # by CIFAR-10's means and deviations
    tested: bool = False  # record loss and accuracy of the test split as well
    draw: str = ""  # of the initial weights


REFERENCE = dict(network="reference", module=networks.reference)
SGD_01 = optimizer("sgd(lr = 0.1)", SGD, lr=0.1)
SGD_001 = optimizer("sgd(lr = 0.01)", SGD, lr=0.01)
NESTEROV = optimizer(
    "sgd(lr = 0.01, momentum = 0.9, nesterov = true, weight_decay = 5e-4)",
    SGD, lr=0.01, momentum=0.9, nesterov=True, weight_decay=5e-4,
)  # fmt: skip
GENTLE = optimizer("sgd(lr = 1e-3, momentum = 0.9)", SGD, lr=1e-3, momentum=0.9)
SLOW = optimizer("sgd(lr = 1e-4, momentum = 0.9)", SGD, lr=1e-4, momentum=0.9)
ADAM = optimizer("adam(lr = 1e-3)", Adam, lr=1e-3)


def tutorial(input: str, samples: int, steps: dict[str, int], others: int, epochs: int) -> list[Case]:
    """The tutorial's network under each head and optimizer of the parity requirement; at most `others` steps but for the first head."""
    shared = dict(REFERENCE, input=input, batch=64, samples=samples)
    rates = {"sgd_0.1": SGD_01, "nesterov": NESTEROV, "adam": ADAM, "sgd_0.01": SGD_001}
    cases = []
    for head in ("cross_entropy", "cross_entropy_sum", "mse", "l1"):
        for name, opt in rates.items():
            if head == "cross_entropy_sum":
                opt = SUMMED[name]
            count = steps[name] if head == "cross_entropy" else min(steps[name], others)
            last = head == "cross_entropy" and name == "sgd_0.01"
            draw = DRAWS.get((input, f"{head}/{name}"), "")
            cases.append(Case(f"{head}/{name}", head=head, optimizer=opt, steps=count, epochs=epochs if last else 0, draw=draw, **shared))
    return cases


# Initial weights on which PyTorch's own float32 (`--float32`) and Winograd's convolutions, whose rounding errors are larger, keep
# far within the tolerance of the first 20 steps. On most draws neither does: L1's gradient and Adam's first steps are near to
# signs, so that one arg-max of a pool that rounding turns over costs 1e-4 to 5e-3, and says nothing of an implementation.
DRAWS = {("cifar10", "l1/adam"): " 5"}

# The gradient of a sum over 64 samples is 64 times the mean's.
SUMMED = {
    "sgd_0.1": optimizer("sgd(lr = 0.1 / 64)", SGD, lr=0.1 / 64),
    "nesterov": optimizer(
        "sgd(lr = 0.01 / 64, momentum = 0.9, nesterov = true, weight_decay = 5e-4)",
        SGD, lr=0.01 / 64, momentum=0.9, nesterov=True, weight_decay=5e-4,
    ),
    "adam": ADAM,
    "sgd_0.01": optimizer("sgd(lr = 0.01 / 64)", SGD, lr=0.01 / 64),
}  # fmt: skip

GENERATED = tutorial("images", 8 * 64 + 37, {"sgd_0.1": 20, "nesterov": 20, "adam": 10, "sgd_0.01": 20}, 9, 0)
CIFAR10 = tutorial("cifar10", 10_000, {"sgd_0.1": 20, "nesterov": 157, "adam": 157, "sgd_0.01": 157}, 157, 10)

# The user's own, which are not in the library.
DEFINITIONS = {
    "activation/elu": "fn elu(x: tensor, alpha = 1) = where(x > 0, x, alpha * expm1(x))",
    "loss/charbonnier": "loss charbonnier(pred, target, eps = 1e-3) = sqrt((pred - target)^2 + eps^2)",
}

ACTIVATIONS = {
    "relu": nn.ReLU(),
    "sigmoid": nn.Sigmoid(),
    "tanh": nn.Tanh(),
    "gelu": nn.GELU(),
    "gelu(approximate = tanh)": nn.GELU(approximate="tanh"),
    "silu": nn.SiLU(),
    "softmax": nn.Softmax(dim=1),
    "log_softmax": nn.LogSoftmax(dim=1),
    "softplus": nn.Softplus(),
    "leaky_relu": nn.LeakyReLU(),
    "leaky_relu(0.2)": nn.LeakyReLU(0.2),
    "elu": nn.ELU(),
}

OPTIMIZERS = {
    "sgd": optimizer("sgd(lr = 0.05)", SGD, lr=0.05),
    "sgd_decay": optimizer("sgd(lr = 0.05, weight_decay = 0.1)", SGD, lr=0.05, weight_decay=0.1),
    "sgd_momentum": optimizer("sgd(lr = 0.05, momentum = 0.9)", SGD, lr=0.05, momentum=0.9),
    "sgd_dampening": optimizer("sgd(lr = 0.05, momentum = 0.8, dampening = 0.3)", SGD, lr=0.05, momentum=0.8, dampening=0.3),
    "sgd_nesterov": optimizer("sgd(lr = 0.05, momentum = 0.9, nesterov = true)", SGD, lr=0.05, momentum=0.9, nesterov=True),
    "sgd_maximize": optimizer("sgd(lr = 0.01, maximize = true)", SGD, lr=0.01, maximize=True),
    "sgd_all": optimizer(
        "sgd(lr = 0.01, momentum = 0.7, dampening = 0.2, weight_decay = 0.05, maximize = true)",
        SGD, lr=0.01, momentum=0.7, dampening=0.2, weight_decay=0.05, maximize=True,
    ),
    "adam": optimizer("adam(lr = 0.01)", Adam, lr=0.01),
    "adam_betas": optimizer("adam(lr = 0.01, betas = [0.8, 0.9], eps = 1e-3)", Adam, lr=0.01, betas=(0.8, 0.9), eps=1e-3),
    "adam_decay": optimizer("adam(lr = 0.01, weight_decay = 0.1)", Adam, lr=0.01, weight_decay=0.1),
    "adam_amsgrad": optimizer("adam(lr = 0.01, betas = [0.9, 0.5], amsgrad = true)", Adam, lr=0.01, betas=(0.9, 0.5), amsgrad=True),
    "adam_maximize": optimizer("adam(lr = 0.01, maximize = true)", Adam, lr=0.01, maximize=True),
    "adamw": optimizer("adamw(lr = 0.01, weight_decay = 0.1)", AdamW, lr=0.01, weight_decay=0.1),
    "adamw_default": optimizer("adamw(lr = 0.01)", AdamW, lr=0.01),
    "adamw_amsgrad": optimizer("adamw(lr = 0.01, betas = [0.9, 0.5], amsgrad = true)", AdamW, lr=0.01, betas=(0.9, 0.5), amsgrad=True),
}  # fmt: skip

POOLS = {
    "max_pool2d": (nn.MaxPool2d(2), "max_pool2d(2)"),
    "max_pool2d_overlapping": (nn.MaxPool2d(3, stride=2, padding=1), "max_pool2d(3, stride = 2, padding = 1)"),
    "max_pool2d_dense": (nn.MaxPool2d(3, stride=1), "max_pool2d(3, stride = 1)"),
    "max_pool2d_ceil": (nn.MaxPool2d(2, ceil_mode=True), "max_pool2d(2, ceil_mode = true)"),
    "max_pool2d_uneven": (nn.MaxPool2d((3, 2), stride=(1, 3), padding=(1, 0)), "max_pool2d([3, 2], stride = [1, 3], padding = [1, 0])"),
    "avg_pool2d": (nn.AvgPool2d(2), "avg_pool2d(2)"),
    "avg_pool2d_ceil": (nn.AvgPool2d(3, stride=2, padding=1, ceil_mode=True), "avg_pool2d(3, stride = 2, padding = 1, ceil_mode = true)"),
    "avg_pool2d_ceil_4": (nn.AvgPool2d(4, stride=4, padding=2, ceil_mode=True), "avg_pool2d(4, stride = 4, padding = 2, ceil_mode = true)"),
    "avg_pool2d_inside": (
        nn.AvgPool2d(3, stride=2, padding=1, count_include_pad=False),
        "avg_pool2d(3, stride = 2, padding = 1, count_include_pad = false)",
    ),
    "avg_pool2d_overlapping": (nn.AvgPool2d(3, stride=2, padding=1), "avg_pool2d(3, stride = 2, padding = 1)"),
}


def scheduled(text: str, schedule: Callable, **options) -> Optimizer:
    return Optimizer(text, lambda parameters: SGD(parameters, lr=0.05, **options), schedule)


def one_cycle(max_lr: float, steps: int) -> Callable:
    return lambda o: lr_scheduler.OneCycleLR(o, max_lr, total_steps=steps, cycle_momentum=False)


# 16 samples in batches of 6 are 3 steps an epoch; 15 steps are 5 epochs. Epoch schedules step after each epoch.
SCHEDULES = {
    "constant": scheduled("sgd(lr = constant(0.05))", lambda o: lr_scheduler.ConstantLR(o, factor=1)),
    "step": scheduled("sgd(lr = step(0.05, step_size = 2, gamma = 0.3))", lambda o: lr_scheduler.StepLR(o, 2, gamma=0.3)),
    "cosine": scheduled("sgd(lr = cosine(0.05, eta_min = 0.01))", lambda o: lr_scheduler.CosineAnnealingLR(o, 5, eta_min=0.01)),
    "one_cycle": scheduled(
        "sgd(lr = one_cycle(0.05), momentum = 0.9)",
        one_cycle(0.05, 15), momentum=0.9,
    ),
}  # fmt: skip
EACH_EPOCH = {"step", "cosine"}


def layers() -> list[Case]:
    vectors = dict(input="vectors", head="mse")
    images = dict(optimizer=NESTEROV)
    cases = [Case("linear_regression", "line", SGD_01, networks.line, steps=20, **vectors)]
    cases += [Case(f"loss/{head}", "mlp", SGD_001, networks.mlp, input="vectors", head=head) for head in HEADS]
    cases += [
        Case(f"activation/{name}", f"activated:{name}", SGD_01, partial(networks.activated, module), **vectors)
        for name, module in ACTIVATIONS.items()
    ]
    cases += [Case(f"optimizer/{name}", "mlp", opt, networks.mlp, steps=12, **vectors) for name, opt in OPTIMIZERS.items()]
    cases += [
        Case(f"pool/{name}", f"pooled:{text}", NESTEROV, partial(networks.pooled, module), input="ties", size=13)
        for name, (module, text) in POOLS.items()
    ]
    cases += [
        Case("batch_norm2d", "batch_normed", module=networks.batch_normed, steps=9, size=16, **images),
        Case("dropout_0", "dropped:0", module=partial(networks.dropped, 0.0), size=16, **images),
        Case("dropout_eval", "dropped:0.5", module=partial(networks.dropped, 0.5), size=16, steps=0, **images),
        Case("conv2d_same", "same", module=networks.same, size=9, **images),
        Case("conv2d", "convolved", module=networks.convolved, size=15, **images),
        # Rounding turns over some of the two million relus of four steps: at ten times this rate that changes the losses of
        # PyTorch's own float32 by up to 1e-4 from one memory format to the other, here by 1e-6.
        Case("resnet20", "resnet20", SLOW, networks.resnet20, batch=8, samples=30, steps=4, draw=" 5"),
    ]
    cases += [
        Case(f"schedule/{name}", "line", opt, networks.line, steps=15, **vectors) for name, opt in SCHEDULES.items()
    ]
    return cases


LAYERS = layers()

# The models of models/, without their random flips: one epoch of cifar_net, 200 steps of resnet20 in batches of 32.
MODELS = [
    Case(
        "cifar_net", "reference",
        Optimizer(
            "sgd(lr = one_cycle(max_lr = 0.02), momentum = 0.9, nesterov = true, weight_decay = 5e-4)",
            lambda parameters: SGD(parameters, lr=0.02, momentum=0.9, nesterov=True, weight_decay=5e-4), one_cycle(0.02, 782),
        ),
        networks.reference, input="cifar10_train", batch=64, samples=50_000, steps=782, normalized=True, tested=True,
    ),
    Case(
        "resnet20", "resnet20",
        Optimizer(
            "sgd(lr = one_cycle(max_lr = 0.1), momentum = 0.9, weight_decay = 1e-4)",
            lambda parameters: SGD(parameters, lr=0.1, momentum=0.9, weight_decay=1e-4), one_cycle(0.1, 200),
        ),
        networks.resnet20, input="cifar10_train", batch=32, samples=6_400, steps=200, normalized=True,
    ),
]  # fmt: skip
