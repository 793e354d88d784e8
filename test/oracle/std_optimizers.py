"""Writes test/golden/std-optimizers.json: losses under the library's optimizers, and the learning rates of its schedules.

    python std_optimizers.py

Optimizers are PyTorch's classes in float64, but for Lion, which PyTorch has not: its class here is the paper's algorithm.
"""

import json

import torch
from torch import optim
from torch.optim import lr_scheduler

import networks
from cases import SGD, Adam, AdamW, Case, Optimizer, optimizer
from make_goldens import GOLDEN, golden, rounded


class Lion(optim.Optimizer):
    """Algorithm 2 of Chen et al. 2023, "Symbolic Discovery of Optimization Algorithms"."""

    def __init__(self, parameters, lr=1e-4, betas=(0.9, 0.99), weight_decay=0.0, maximize=False):
        super().__init__(parameters, dict(lr=lr, betas=betas, weight_decay=weight_decay, maximize=maximize))

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            beta1, beta2 = group["betas"]
            for p in group["params"]:
                g = -p.grad if group["maximize"] else p.grad
                m = self.state[p].setdefault("m", torch.zeros_like(p))
                update = torch.sign(beta1 * m + (1 - beta1) * g)
                p -= group["lr"] * (update + group["weight_decay"] * p)
                m.copy_(beta2 * m + (1 - beta2) * g)


class MuonAndAdamW:
    """PyTorch's Muon for the weights, filters as matrices, and its AdamW for the rest; Newton-Schulz in float64, not bfloat16."""

    def __init__(self, parameters, adamw, **muon):
        parameters = list(parameters)
        self.filters = [p for p in parameters if p.ndim > 2]
        self.matrices = [p.detach().flatten(1) for p in self.filters]  # share their memory
        plain = [p for p in parameters if p.ndim == 2]
        self.parts = [
            optim.Muon(plain + self.matrices, **muon),
            AdamW([p for p in parameters if p.ndim < 2], **adamw),
        ]
        self.param_groups = self.parts[0].param_groups

    def zero_grad(self):
        for p in self.filters:
            p.grad = None
        for part in self.parts:
            part.zero_grad()

    def step(self):
        for p, matrix in zip(self.filters, self.matrices):
            matrix.grad = p.grad.flatten(1)
        unrounded, torch.Tensor.bfloat16 = torch.Tensor.bfloat16, torch.Tensor.clone
        for part in self.parts:
            part.step()
        torch.Tensor.bfloat16 = unrounded


def muon(text: str, adamw: dict | None = None, **options) -> Optimizer:
    return Optimizer(text, lambda parameters: MuonAndAdamW(parameters, adamw or {}, **options))


class Changing:
    """A schedule of other options than the rate: of one, or of several together."""

    def __init__(self, optimizer, options: str | tuple[str, ...], value):
        self.group, self.options, self.value, self.at = optimizer.param_groups[0], options, value, -1
        self.step()

    def step(self):
        self.at += 1
        value = self.value(self.at)
        self.group.update({self.options: value} if isinstance(self.options, str) else dict(zip(self.options, value)))


def scheduled(text: str, kind, options: str | tuple[str, ...], value, **more) -> Optimizer:
    return optimizer(text, kind, lambda o: Changing(o, options, value), **more)


RATE = 0.01

OPTIMIZERS = [
    # Every argument on its own, and together.
    optimizer("sgd", SGD),
    optimizer("sgd(lr = 0.05, momentum = 0.9, weight_decay = 0.1, maximize = false)", SGD, lr=0.05, momentum=0.9, weight_decay=0.1),
    optimizer("sgd(lr = 0.01, momentum = 0.9, dampening = 0.5)", SGD, lr=0.01, momentum=0.9, dampening=0.5),
    optimizer("sgd(lr = 0.01, momentum = 0.9, dampening = 1)", SGD, lr=0.01, momentum=0.9, dampening=1),
    optimizer(
        "sgd(lr = 0.01, momentum = 0.9, nesterov = true, weight_decay = 0.1, maximize = true)",
        SGD, lr=0.01, momentum=0.9, nesterov=True, weight_decay=0.1, maximize=True,
    ),
    optimizer("adam", Adam),
    optimizer(
        "adam(lr = 0.01, betas = [0.7, 0.8], eps = 1e-4, weight_decay = 0.1, amsgrad = true, maximize = true)",
        Adam, lr=0.01, betas=(0.7, 0.8), eps=1e-4, weight_decay=0.1, amsgrad=True, maximize=True,
    ),
    optimizer("adam(lr = 0.01, betas = [0, 0])", Adam, lr=0.01, betas=(0.0, 0.0)),
    optimizer("adamw", AdamW),
    optimizer(
        "adamw(lr = 0.01, betas = [0.7, 0.8], eps = 1e-4, weight_decay = 0.5, amsgrad = true, maximize = true)",
        AdamW, lr=0.01, betas=(0.7, 0.8), eps=1e-4, weight_decay=0.5, amsgrad=True, maximize=True,
    ),
    optimizer("rmsprop", optim.RMSprop),
    optimizer("rmsprop(lr = 0.002, alpha = 0.7, eps = 1e-3)", optim.RMSprop, lr=0.002, alpha=0.7, eps=1e-3),
    optimizer("rmsprop(lr = 0.002, momentum = 0.9)", optim.RMSprop, lr=0.002, momentum=0.9),
    optimizer("rmsprop(lr = 0.002, centered = true)", optim.RMSprop, lr=0.002, centered=True),
    optimizer("rmsprop(lr = 0.002, weight_decay = 0.1)", optim.RMSprop, lr=0.002, weight_decay=0.1),
    optimizer(
        "rmsprop(lr = 0.001, alpha = 0.9, eps = 1e-4, weight_decay = 0.1, momentum = 0.5, centered = true, maximize = true)",
        optim.RMSprop, lr=0.001, alpha=0.9, eps=1e-4, weight_decay=0.1, momentum=0.5, centered=True, maximize=True,
    ),
    optimizer("adagrad", optim.Adagrad),
    optimizer("adagrad(lr = 0.05, lr_decay = 0.1)", optim.Adagrad, lr=0.05, lr_decay=0.1),
    optimizer("adagrad(lr = 0.05, initial_accumulator_value = 0.2)", optim.Adagrad, lr=0.05, initial_accumulator_value=0.2),
    optimizer(
        "adagrad(lr = 0.02, lr_decay = 0.05, weight_decay = 0.1, initial_accumulator_value = 0.01, eps = 1e-3, maximize = true)",
        optim.Adagrad, lr=0.02, lr_decay=0.05, weight_decay=0.1, initial_accumulator_value=0.01, eps=1e-3, maximize=True,
    ),
    optimizer("adadelta", optim.Adadelta),
    optimizer("adadelta(lr = 0.5, rho = 0.7, eps = 1e-3)", optim.Adadelta, lr=0.5, rho=0.7, eps=1e-3),
    optimizer("adadelta(weight_decay = 0.1, maximize = true)", optim.Adadelta, weight_decay=0.1, maximize=True),
    optimizer("adamax", optim.Adamax),
    optimizer(
        "adamax(lr = 0.01, betas = [0.7, 0.8], eps = 1e-3, weight_decay = 0.1, maximize = true)",
        optim.Adamax, lr=0.01, betas=(0.7, 0.8), eps=1e-3, weight_decay=0.1, maximize=True,
    ),
    optimizer("nadam", optim.NAdam),
    optimizer("nadam(lr = 0.01, momentum_decay = 0.5)", optim.NAdam, lr=0.01, momentum_decay=0.5),
    optimizer("nadam(lr = 0.01, momentum_decay = 0)", optim.NAdam, lr=0.01, momentum_decay=0),
    optimizer("nadam(lr = 0.01, weight_decay = 0.1)", optim.NAdam, lr=0.01, weight_decay=0.1),
    optimizer(
        "nadam(lr = 0.01, betas = [0.7, 0.8], eps = 1e-3, weight_decay = 0.1, decoupled_weight_decay = true, maximize = true)",
        optim.NAdam, lr=0.01, betas=(0.7, 0.8), eps=1e-3, weight_decay=0.1, decoupled_weight_decay=True, maximize=True,
    ),
    # rho passes 5 after some steps of the first two, and never in the last.
    optimizer("radam", optim.RAdam),
    optimizer("radam(lr = 0.01, weight_decay = 0.1)", optim.RAdam, lr=0.01, weight_decay=0.1),
    optimizer(
        "radam(lr = 0.01, betas = [0.7, 0.9], eps = 1e-3, weight_decay = 0.1, decoupled_weight_decay = true, maximize = true)",
        optim.RAdam, lr=0.01, betas=(0.7, 0.9), eps=1e-3, weight_decay=0.1, decoupled_weight_decay=True, maximize=True,
    ),
    optimizer("radam(lr = 0.01, betas = [0.9, 0.5])", optim.RAdam, lr=0.01, betas=(0.9, 0.5)),
    optimizer("adam(lr = 0.01, weight_decay = 0.3, decoupled_weight_decay = true)", Adam, lr=0.01, weight_decay=0.3, decoupled_weight_decay=True),
    optimizer("asgd", optim.ASGD),
    optimizer(
        "asgd(lr = 0.05, lambd = 0.1, alpha = 0.5, weight_decay = 0.1, maximize = true)",
        optim.ASGD, lr=0.05, lambd=0.1, alpha=0.5, weight_decay=0.1, maximize=True,
    ),
    optimizer(
        "asgd(lr = exponential(0.05, gamma = 0.7), lambd = 0.1)", optim.ASGD, lr=0.05, lambd=0.1,
        schedule=lambda o: lr_scheduler.LambdaLR(o, lambda step: 0.7 ** (step // 3)),
    ),
    # Any argument may be a schedule.
    scheduled("adamw(lr = 0.01, weight_decay = 0.5 / (1 + step))", AdamW, "weight_decay", lambda t: 0.5 / (1 + t), lr=0.01),
    scheduled("adam(lr = 0.01, betas = [0.9 - 0.05 * step, 0.99])", Adam, "betas", lambda t: (0.9 - 0.05 * t, 0.99), lr=0.01),
    scheduled("nadam(lr = 0.01, betas = [0.9 - 0.05 * step, 0.99])", optim.NAdam, "betas", lambda t: (0.9 - 0.05 * t, 0.99), lr=0.01),
    scheduled(
        "sgd(lr = 0.01, momentum = 0.5 + 0.02 * step, dampening = 0.1 * epoch)", SGD, ("momentum", "dampening"),
        lambda t: (0.5 + 0.02 * t, 0.1 * (t // 3)), lr=0.01,
    ),
    optimizer("lion", Lion),
    optimizer("lion(lr = 0.01, betas = [0.7, 0.8], weight_decay = 0.1)", Lion, lr=0.01, betas=(0.7, 0.8), weight_decay=0.1),
    optimizer("lion(lr = 0.003, maximize = true)", Lion, lr=0.003, maximize=True),
    optimizer("rprop", optim.Rprop),
    optimizer(
        "rprop(lr = 0.02, etas = [0.4, 1.5], step_sizes = [0.01, 0.05])",
        optim.Rprop, lr=0.02, etas=(0.4, 1.5), step_sizes=(0.01, 0.05),
    ),
    optimizer("rprop(lr = 0.001, maximize = true)", optim.Rprop, lr=0.001, maximize=True),
    muon("muon"),
    muon("muon(lr = 0.02, nesterov = false, weight_decay = 0.5)", lr=0.02, nesterov=False, weight_decay=0.5),
    muon("muon(lr = 0.02, momentum = 0)", lr=0.02, momentum=0),
    muon(
        "muon(lr = 0.02, momentum = 0.8, ns_coefficients = [2, -1.5, 0.5], ns_steps = 3, adjust_lr_fn = match_rms_adamw, "
        "adamw_lr = 0.01, adamw_betas = [0.7, 0.8], adamw_eps = 1e-4, adamw_weight_decay = 0.1)",
        lr=0.02, momentum=0.8, ns_coefficients=(2, -1.5, 0.5), ns_steps=3, adjust_lr_fn="match_rms_adamw",
        adamw=dict(lr=0.01, betas=(0.7, 0.8), eps=1e-4, weight_decay=0.1),
    ),
]  # fmt: skip

# A user's own: gradients clipped by value before the step, as torch.nn.utils.clip_grad_value_ does it.
CLIPPED = """optimizer clipped(lr: scalar, clip_value: number) {
  let g = minimum(maximum(grad, -clip_value), clip_value)
  state velocity = 0.9 * velocity + g
  param -= lr * velocity
}"""


class Clipped(SGD):
    def step(self):
        torch.nn.utils.clip_grad_value_(self.param_groups[0]["params"], 0.02)
        super().step()


# Of filters, and of gradients that are 0: the images' ties leave weights of the network unused.
CONVOLVED = [
    muon("muon(lr = 0.02)", lr=0.02),
    optimizer("adadelta", optim.Adadelta),
    optimizer("rprop(lr = 0.001)", optim.Rprop, lr=0.001),
]


def optimizers() -> list[dict]:
    vectors = dict(network="mlp", module=networks.mlp, input="vectors", head="mse", steps=12)
    images = dict(network="convolved", module=networks.convolved, input="ties", size=15, steps=6)
    cases = [Case(opt.text, optimizer=opt, **vectors) for opt in OPTIMIZERS]
    cases += [Case(f"{opt.text} of convolutions", optimizer=opt, **images) for opt in CONVOLVED]
    clipped = optimizer("clipped(lr = 0.05, clip_value = 0.02)", Clipped, lr=0.05, momentum=0.9)
    entries = [golden(case) for case in cases]
    return entries + [{**golden(Case("gradients clipped by value", optimizer=clipped, **vectors)), "definitions": CLIPPED}]


def rates(make, count: int, lr: float = 0.1) -> list[float]:
    """The rate of each step (or epoch) under the scheduler that `make` makes of an optimizer."""
    made = SGD([torch.zeros(1, requires_grad=True)], lr=lr)
    scheduler = make(made)
    found = []
    for _ in range(count):
        found.append(rounded(made.param_groups[0]["lr"]))
        made.step()
        scheduler.step()
    return found


EPOCHS, STEPS_PER_EPOCH = 12, 3
STEPS = EPOCHS * STEPS_PER_EPOCH


def sequence(*parts, milestones):
    return lambda o: lr_scheduler.SequentialLR(o, [part(o) for part in parts], milestones=milestones)


def linear(**options):
    return lambda o: lr_scheduler.LinearLR(o, **options)


def cosine(length, **options):
    return lambda o: lr_scheduler.CosineAnnealingLR(o, length, **options)


def one_cycle(**options):
    return lambda o: lr_scheduler.OneCycleLR(o, 0.1, total_steps=STEPS, cycle_momentum=False, **options)


def chained(*parts):
    return lambda o: lr_scheduler.ChainedScheduler([part(o) for part in parts])


def exponential(gamma):
    return lambda o: lr_scheduler.ExponentialLR(o, gamma)


def restarts(*args, **options):
    return lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, *args, **options)


# [mlc's text, PyTorch's scheduler]
EACH_EPOCH = [
    ("constant(0.1)", lambda o: lr_scheduler.ConstantLR(o, factor=1)),
    ("constant(0.1, factor = 0.25, total_iters = 4)", lambda o: lr_scheduler.ConstantLR(o, factor=0.25, total_iters=4)),
    ("step(0.1, step_size = 5)", lambda o: lr_scheduler.StepLR(o, 5)),
    ("step(0.1, step_size = 3, gamma = 0.5)", lambda o: lr_scheduler.StepLR(o, 3, gamma=0.5)),
    ("0.1 * 0.5 ^ floor(epoch / 10)", lambda o: lr_scheduler.LambdaLR(o, lambda epoch: 0.5 ** (epoch // 10))),
    ("multi_step(0.1, milestones = [4])", lambda o: lr_scheduler.MultiStepLR(o, [4])),
    ("multi_step(0.1, milestones = [2, 7, 7, 9], gamma = 0.3)", lambda o: lr_scheduler.MultiStepLR(o, [2, 7, 7, 9], gamma=0.3)),
    ("exponential(0.1, gamma = 0.8)", exponential(0.8)),
    ("cosine(0.1)", cosine(EPOCHS)),
    ("cosine(0.1, T_max = 5, eta_min = 0.01)", cosine(5, eta_min=0.01)),
    ("cosine_warm_restarts(0.1, T_0 = 5)", restarts(5)),
    ("cosine_warm_restarts(0.1, T_0 = 1, T_mult = 2, eta_min = 0.01)", restarts(1, T_mult=2, eta_min=0.01)),
    ("cosine_warm_restarts(0.1, T_0 = 2, T_mult = 3)", restarts(2, T_mult=3)),
    ("linear(0.1)", linear()),
    ("linear(0.1, start_factor = 1, end_factor = 0.1, total_iters = 10)", linear(start_factor=1.0, end_factor=0.1, total_iters=10)),
    ("polynomial(0.1)", lambda o: lr_scheduler.PolynomialLR(o)),
    ("polynomial(0.1, total_iters = 8, power = 2)", lambda o: lr_scheduler.PolynomialLR(o, total_iters=8, power=2.0)),
    ("polynomial(0.1, total_iters = 20, power = 0.9)", lambda o: lr_scheduler.PolynomialLR(o, total_iters=20, power=0.9)),
    (
        "piecewise(values = [0.1, 0.05, 0.2], milestones = [3, 8])",
        lambda o: lr_scheduler.LambdaLR(o, lambda epoch: 1 if epoch < 3 else 0.5 if epoch < 8 else 2),
    ),
    # Warmup followed by another schedule, which starts anew, ...
    (
        "epoch < 4 ? linear(0.1, start_factor = 0.1, total_iters = 4) : cosine(0.1, T_max = 8, at = epoch - 4)",
        sequence(linear(start_factor=0.1, total_iters=4), cosine(8), milestones=[4]),
    ),
    (
        "epoch < 2 ? constant(0.1, factor = 0.5, total_iters = 2) : epoch < 6 ? exponential(0.1, gamma = 0.7, at = epoch - 2)"
        " : step(0.1, step_size = 2, at = epoch - 6)",
        sequence(
            lambda o: lr_scheduler.ConstantLR(o, factor=0.5, total_iters=2), exponential(0.7),
            lambda o: lr_scheduler.StepLR(o, 2), milestones=[2, 6],
        ),
    ),
    # ... and as a factor of one that goes on.
    (
        "warmup(exponential(0.1, gamma = 0.9), total_iters = 4, start_factor = 0.2, at = epoch)",
        chained(linear(start_factor=0.2, total_iters=4), exponential(0.9)),
    ),
    (
        "piecewise(values = [linear(0.1, total_iters = 3), cosine(0.1, T_max = 9, at = epoch - 3)], milestones = [3])",
        sequence(linear(total_iters=3), cosine(9), milestones=[3]),
    ),
    ("linear(1, total_iters = 3) * exponential(0.1, gamma = 0.9)", chained(linear(total_iters=3), exponential(0.9))),
]  # fmt: skip
EACH_STEP = [
    ("one_cycle(0.1)", one_cycle()),
    ("one_cycle(0.1, anneal_strategy = linear)", one_cycle(anneal_strategy="linear")),
    (
        "one_cycle(0.1, pct_start = 0.45, div_factor = 10, final_div_factor = 100)",
        one_cycle(pct_start=0.45, div_factor=10.0, final_div_factor=100.0),
    ),
    ("one_cycle(0.1, three_phase = true)", one_cycle(three_phase=True)),
    (
        "one_cycle(0.1, pct_start = 0.4, three_phase = true, anneal_strategy = linear)",
        one_cycle(pct_start=0.4, three_phase=True, anneal_strategy="linear"),
    ),
    ("cosine(0.1, T_max = total_steps, at = step)", cosine(STEPS)),
    (
        "linear(0.1, start_factor = 1, end_factor = 0, total_iters = total_steps, at = step)",
        linear(start_factor=1.0, end_factor=0.0, total_iters=STEPS),
    ),
    ("multi_step(0.1, milestones = [5, 20], at = step)", lambda o: lr_scheduler.MultiStepLR(o, [5, 20])),
    ("cosine_warm_restarts(0.1, T_0 = 4, T_mult = 2, at = step)", restarts(4, T_mult=2)),
    (
        "warmup(polynomial(0.1, total_iters = 30, at = step), total_iters = 10)",
        lambda o: lr_scheduler.LambdaLR(o, lambda t: (1 / 3 + 2 / 3 * min(t, 10) / 10) * max(0, 1 - t / 30)),
    ),
    (
        "piecewise_linear(values = [0.1, 0.4, 0], milestones = [4, 10, 30], at = step)",
        lambda o: lr_scheduler.LambdaLR(o, lambda t: piecewise_linear(t)),
    ),
]  # fmt: skip


def piecewise_linear(t: int) -> float:
    if t < 4:
        return 1
    return 1 + 3 * (t - 4) / 6 if t < 10 else max(0, 4 - 4 * (t - 10) / 20)


def schedules() -> list[dict]:
    found = []
    for text, make in EACH_EPOCH:
        each = rates(make, EPOCHS)
        found.append({"lr": text, "rates": [rate for rate in each for _ in range(STEPS_PER_EPOCH)]})
    found += [{"lr": text, "rates": rates(make, STEPS)} for text, make in EACH_STEP]
    return found


def main() -> None:
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)  # NAdam keeps its product of momenta in the default type
    lines = lambda entries: ",\n".join(json.dumps(entry, separators=(",", ":")) for entry in entries)
    text = f'{{"optimizers":[\n{lines(optimizers())}\n],"schedules":[\n{lines(schedules())}\n]}}\n'
    (GOLDEN / "std-optimizers.json").write_text(text)


if __name__ == "__main__":
    main()
