"""Writes test/golden/std-training.json: groups of parameters, freezing, clipping, accumulation, averages and cycled momenta.

    python std_training.py
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase

import torch
from torch import nn, optim
from torch.nn.utils import clip_grad_norm_, clip_grad_value_
from torch.optim import SGD, Adam, AdamW, lr_scheduler
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

import networks
from cases import Case, Optimizer
from make_goldens import GOLDEN, Run, probes, rounded, tensors


@dataclass(frozen=True)
class Training:
    """A case; what its `train` clause says beyond that, in mlc's words and in PyTorch's."""

    case: Case
    settings: str = ""
    accumulate: int = 1
    clip_value: float | None = None
    clip_norm: Callable | float | None = None
    decay: Callable | float | None = None
    average_buffers: bool = False
    frozen: tuple[str, ...] = ()
    definitions: str = ""
    # mlc takes batches of this many samples where PyTorch takes them all at once
    batch: int | None = None


class Update(Run):
    def __init__(self, training: Training):
        self.training, self.updates = training, 0
        super().__init__(training.case, torch.float64)
        for name, parameter in self.model.named_parameters():
            if any(fnmatchcase(name, pattern) for pattern in training.frozen):
                parameter.requires_grad_(False)
        self.average = None
        if training.decay is not None:
            decay = lambda: training.decay(self.updates) if callable(training.decay) else training.decay
            multi = lambda averages, values, count: get_ema_multi_avg_fn(decay())(averages, values, count)
            self.average = AveragedModel(self.model, multi_avg_fn=multi, use_buffers=training.average_buffers)

    def step(self) -> float:
        training, parts = self.training, []
        for _ in range(training.accumulate):
            parts.append(self.batch())
            self.at += len(parts[-1][0])
            if self.at >= len(self.raw):
                self.at = 0
                break
        self.optimizer.zero_grad()
        samples, total = sum(len(x) for x, _ in parts), 0
        for x, y in parts:
            loss = self.head.criterion(self.model(x), y) * (len(x) / samples)
            loss.backward()
            total += loss.item()
        if training.clip_value is not None:
            clip_grad_value_(self.model.parameters(), training.clip_value)
        if training.clip_norm is not None:
            norm = training.clip_norm
            clip_grad_norm_(self.model.parameters(), norm(self.updates) if callable(norm) else norm)
        self.optimizer.step()
        if self.schedule:
            self.schedule.step()
        if self.average:
            self.average.update_parameters(self.model)
        self.updates += 1
        return total

    def averaged(self) -> dict:
        model, self.model = self.model, self.average.module
        found = self.evaluate()
        self.model = model
        return found


def golden(training: Training) -> dict:
    run = Update(training)
    case = training.case
    before = tensors(run)
    losses, first = [], {}
    for step in range(case.steps):
        losses.append(rounded(run.step()))
        if step == 0:
            first = probes_of(run, before)
    batch = training.batch or case.batch
    entry = {
        "name": case.name, "network": case.network, "loss": run.head.text, "optimizer": case.optimizer.text,
        "target": run.head.target, "input": case.input, "size": case.size, "batch": batch, "samples": len(run.raw),
        "settings": training.settings, "first": case.batch, "accumulate": training.accumulate * case.batch // batch,
        "losses": losses, "first_step": first, "evaluate": run.evaluate(),
    }  # fmt: skip
    if training.definitions:
        entry["definitions"] = training.definitions
    if run.average:
        entry["averaged"] = run.averaged()
    return entry


def probes_of(run: Update, before: dict[str, torch.Tensor]) -> dict[str, float]:
    for parameter in run.model.parameters():
        if parameter.grad is None:
            parameter.grad = torch.ones_like(parameter)
    found = probes(run, before)
    run.optimizer.zero_grad()
    return found


def named(parameters, model_names: list[str], patterns: list[str]) -> list[list]:
    """The parameters of each pattern, the first that matches, and those of none."""
    groups = [[] for _ in range(len(patterns) + 1)]
    for name, parameter in zip(model_names, parameters, strict=True):
        groups[next((i for i, p in enumerate(patterns) if fnmatchcase(name, p)), len(patterns))].append(parameter)
    return groups


MLP = ["fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"]


def grouped(text: str, kind, patterns: list[str], settings: list[dict], schedule=None, **options) -> Optimizer:
    """One optimizer of `kind`; the last group is of what no pattern matches."""

    def make(parameters):
        groups = named(list(parameters), MLP, patterns)
        return kind([{"params": g, **s} for g, s in zip(groups, [*settings, {}], strict=True) if g], **options)

    return Optimizer(text, make, schedule)


class Several:
    """Several optimizers as one."""

    def __init__(self, *parts):
        self.parts = parts
        self.param_groups = parts[-1].param_groups

    def zero_grad(self):
        for part in self.parts:
            part.zero_grad()

    def step(self):
        for part in self.parts:
            part.step()


def several(text: str, patterns: list[str], kinds: list[Callable]) -> Optimizer:
    def make(parameters):
        groups = named(list(parameters), MLP, patterns)
        return Several(*(kind(group) for kind, group in zip(kinds, groups, strict=True)))

    return Optimizer(text, make)


class Unused(nn.Module):
    """A layer on which the loss does not depend."""

    def __init__(self):
        super().__init__()
        self.unused, self.fc = nn.Linear(7, 3), nn.Linear(7, 10)

    def forward(self, x):
        return self.fc(x)


DECAYED = Optimizer("sgd(lr = 0.05, momentum = 0.9, weight_decay = 0.3)", lambda p: SGD(p, lr=0.05, momentum=0.9, weight_decay=0.3))
PLAIN = Optimizer("sgd(lr = 0.1)", lambda p: SGD(p, lr=0.1))
ADAM = Optimizer("adam(lr = 0.01)", lambda p: Adam(p, lr=0.01))
VECTORS = dict(network="mlp", module=networks.mlp, input="vectors", head="mse", steps=9)
IMAGES = dict(network="batch_normed", module=networks.batch_normed, input="images", head="cross_entropy", size=16, steps=6)


def vectors(name: str, opt: Optimizer, settings: str = "", batch: int = 6, **more) -> Training:
    return Training(Case(name, optimizer=opt, batch=batch, **VECTORS), settings, **more)


GROUPS = [
    vectors(
        "groups by name",
        grouped(
            'adamw(lr = 0.01, weight_decay = 0.3) { "*.bias": weight_decay = 0; "fc1.*": lr = 0.002, betas = [0.5, 0.9] }',
            AdamW, ["*.bias", "fc1.*"], [dict(weight_decay=0), dict(lr=0.002, betas=(0.5, 0.9))], lr=0.01, weight_decay=0.3,
        ),
    ),
    vectors(
        "rates of groups",
        grouped(
            'sgd(lr = exponential(0.1, gamma = 0.9, at = step), momentum = 0.8) { "fc2.*": lr = step(0.3, step_size = 4, at = step) }',
            SGD, ["fc2.*"], [dict(lr=0.3)],
            schedule=lambda o: lr_scheduler.LambdaLR(o, [lambda t: 0.1 ** (t // 4), lambda t: 0.9**t]), lr=0.1, momentum=0.8,
        ),
    ),
    vectors(
        "optimizers of groups",
        several(
            'sgd(lr = 0.1) { "fc1.weight": rmsprop(lr = 0.01, centered = true); if param.rank == 1: adagrad(lr = 0.05) }',
            ["fc1.weight", "*.bias"],
            [lambda p: optim.RMSprop(p, lr=0.01, centered=True), lambda p: optim.Adagrad(p, lr=0.05), lambda p: SGD(p, lr=0.1)],
        ),
    ),
    vectors(
        "frozen by name",
        Optimizer('sgd(lr = 0.05, momentum = 0.9, weight_decay = 0.3) { "fc1.*": frozen }', DECAYED.make),
        frozen=("fc1.*",),
    ),
    Training(
        Case("frozen in the net", optimizer=DECAYED, **{
            **VECTORS, "network": "given:fc1: linear(13, requires_grad = false); tanh; fc2: linear(10)",
        }),
        frozen=("fc1.*",),
    ),
    # Its running statistics go on.
    Training(
        Case("frozen batch norm", optimizer=Optimizer('sgd(lr = 0.1) { "bn1.*", "conv2.weight": frozen }', PLAIN.make), **IMAGES),
        frozen=("bn1.*", "conv2.weight"),
    ),
    Training(
        Case("a parameter without gradient", optimizer=DECAYED, **{
            **VECTORS, "network": "given:let dead = in |> unused: linear(3); fc: linear(10)", "module": Unused,
        }),
    ),
]  # fmt: skip

CLIPPED = [
    vectors("clipped by norm", PLAIN, "clip_norm = 0.05", clip_norm=0.05),
    vectors("clipped by a norm that is large", PLAIN, "clip_norm = 100", clip_norm=100.0),
    vectors("clipped by value", ADAM, "clip_value = 0.003", clip_value=0.003),
    vectors("clipped by value and norm", DECAYED, "clip_norm = 0.04, clip_value = 0.01", clip_value=0.01, clip_norm=0.04),
    vectors("clipped by a schedule", PLAIN, "clip_norm = 0.1 / (1 + step)", clip_norm=lambda step: 0.1 / (1 + step)),
    vectors(
        "clipped beside what is frozen",
        Optimizer('sgd(lr = 0.1) { "fc2.weight": frozen }', PLAIN.make), "clip_norm = 0.05", clip_norm=0.05, frozen=("fc2.weight",),
    ),
]  # fmt: skip

AVERAGED = [
    vectors("averaged", ADAM, "ema = 0.9", decay=0.9),
    vectors("averaged by a schedule", ADAM, "ema = minimum(0.9, (1 + step) / (10 + step))", decay=lambda t: min(0.9, (1 + t) / (10 + t))),
    Training(Case("averaged with its buffers", optimizer=PLAIN, **IMAGES), "ema = 0.8, ema_buffers = true", decay=0.8, average_buffers=True),
    Training(Case("averaged without its buffers", optimizer=PLAIN, **IMAGES), "ema = 0.8", decay=0.8),
]  # fmt: skip

ACCUMULATED = [
    # 16 samples in batches of 3 are five and one of 1; in groups of 4 batches, four and two.
    vectors("accumulated", ADAM, batch=3, accumulate=4),
    # PyTorch takes 6 at once.
    Training(Case("accumulated as a batch", optimizer=DECAYED, batch=6, **VECTORS), batch=2),
    Training(Case("accumulated with batch norms", optimizer=PLAIN, batch=4, **IMAGES), accumulate=2),
]  # fmt: skip

CYCLED = [
    vectors(
        "a cycle of momentum",
        Optimizer(
            "sgd(lr = one_cycle(0.1, total_steps = 9), momentum = one_cycle_momentum(total_steps = 9))",
            lambda p: SGD(p, lr=0.1, momentum=0.9), lambda o: lr_scheduler.OneCycleLR(o, 0.1, total_steps=9),
        ),
    ),
    vectors(
        "three phases of a beta",
        Optimizer(
            "adam(lr = one_cycle(0.05, total_steps = 9, pct_start = 0.4, three_phase = true, anneal_strategy = linear), betas = "
            "[one_cycle_momentum(0.7, 0.9, total_steps = 9, pct_start = 0.4, three_phase = true, anneal_strategy = linear), 0.99])",
            lambda p: Adam(p, betas=(0.9, 0.99)),
            lambda o: lr_scheduler.OneCycleLR(
                o, 0.05, total_steps=9, pct_start=0.4, three_phase=True, anneal_strategy="linear", base_momentum=0.7, max_momentum=0.9
            ),
        ),
    ),
]  # fmt: skip

OWN = """schedule fading(rate: scalar, share = 0.9) = rate * share ^ step
optimizer own(lr: scalar, alpha: number = 0.99, momentum: scalar = 0) {
  state square
  square = alpha * square + (1 - alpha) * grad * grad
  state velocity = momentum * velocity + grad / (sqrt(square) + 1e-8)
  param -= lr * velocity
}"""

# States of other shapes than the parameter's: PyTorch's Adafactor as a user may write it, for matrices and vectors.
ADAFACTOR = """optimizer adafactor(lr: scalar = 0.01, eps: number = 2.220446049250313e-16) {
  let fresh = t ^ -0.8
  let squares = grad ^ 2
  if param.rank == 2 {
    state rows[param.shape[0], 1]
    state columns[1, param.shape[1]]
    rows += fresh * (mean(squares, axis = 1, keepdim = true) - rows)
    columns += fresh * (mean(squares, axis = 0, keepdim = true) - columns)
    let variance = rows * columns / maximum(mean(rows), eps)
  } else {
    state v
    v += fresh * (squares - v)
    let variance = v
  }
  let change = grad / sqrt(maximum(variance, eps ^ 2))
  let size = maximum(1e-3, sqrt(mean(param ^ 2)))
  param -= size * minimum(lr, 1 / sqrt(t)) / maximum(1, sqrt(mean(change ^ 2))) * change
}"""

SHAPED = vectors(
    "states of other shapes",
    Optimizer("adafactor(lr = 0.05)", lambda p: optim.Adafactor(p, lr=0.05)), "clip_norm = 1", clip_norm=1.0, definitions=ADAFACTOR,
)  # fmt: skip

# A user's own optimizer and schedule, with everything at once.
ALL = Training(
    Case(
        "all together",
        optimizer=grouped(
            'own(lr = fading(0.01), momentum = 0.5) { "fc1.bias": frozen; "fc2.*": lr = fading(0.02, share = 0.8) }',
            optim.RMSprop, ["fc1.bias", "fc2.*"], [{}, dict(lr=0.02)],
            schedule=lambda o: lr_scheduler.LambdaLR(o, [lambda t: 1, lambda t: 0.8**t, lambda t: 0.9**t]), lr=0.01, momentum=0.5,
        ),
        batch=3, **VECTORS,
    ),
    "clip_norm = 0.2, ema = 0.7", accumulate=4, clip_norm=0.2, decay=0.7, frozen=("fc1.bias",), definitions=OWN,
)  # fmt: skip

ALL_CASES = [*GROUPS, *CLIPPED, *AVERAGED, *ACCUMULATED, *CYCLED, SHAPED, ALL]


def main() -> None:
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    lines = [json.dumps(golden(training), separators=(",", ":")) for training in ALL_CASES]
    (GOLDEN / "std-training.json").write_text("[\n" + ",\n".join(lines) + "\n]\n")


if __name__ == "__main__":
    main()
