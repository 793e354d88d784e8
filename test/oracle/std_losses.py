"""Writes test/golden/std-losses.json: each loss on given outputs of a net, and its gradient, in PyTorch's float64.

A case says the same twice: a `loss` clause where `net` is pred (`shape` of a sample), and what PyTorch computes from pred and
the targets. Values are exact in float32, and the kinks of the losses are among them.
"""

import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable

import torch
from torch.nn import functional as F

import fixtures

GOLDEN = Path(__file__).parent.parent / "golden" / "std-losses.json"


@dataclass(frozen=True)
class Target:
    declared: str
    values: torch.Tensor


@dataclass(frozen=True)
class Case:
    name: str
    loss: str
    criterion: Callable
    pred: torch.Tensor
    targets: dict[str, Target] = field(default_factory=dict)
    shape: list[int] | None = None


def uniform(name: str, *shape: int, low=-2.0, high=2.0) -> torch.Tensor:
    return torch.from_numpy(fixtures.uniform(name, shape, low, high))


def float32(values) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float32).double()


def classes(values, declared="class[4]") -> Target:
    return Target(declared, torch.tensor(values))


LOGITS = uniform("logits", 5, 4)
LABELS = [2, 0, 1, 3, 2]
SCALE = Target("f32", uniform("scale", 5))
PROBABILITIES = Target("f32[4]", uniform("probabilities", 5, 4, low=0, high=0.6))
WEIGHT = [0.5, 2, 0, 1.25]
IMAGES = uniform("image logits", 2, 24)
IMAGE_LABELS = [[1, 0, -100], [2, 1, 1]]
SIGNS = Target("f32[3]", float32([[1, -1, 1], [-1, 1, -1], [1, 1, -1], [-1, -1, 1]]))
AROUND = float32([[0, 0, 1], [1, -1, 0.5], [2, -0.25, 0.25], [-3, 1.5, 100]])


def labelled(name: str, loss: str, labels=LABELS, pred=LOGITS, declared="class[4]", function=F.cross_entropy, **options) -> Case:
    return Case(name, loss, lambda p, label: function(p, label, **options), pred, {"label": classes(labels, declared)})


def class_losses() -> list[Case]:
    weight = float32(WEIGHT)
    w = "weight = [0.5, 2, 0, 1.25]"
    cases = []
    for function, name in ((F.cross_entropy, "cross_entropy"), (F.nll_loss, "nll")):
        for text, options in {
            "": {},
            f", {w}": {"weight": weight},
            ", ignore_index = 2": {"ignore_index": 2},
            f", {w}, ignore_index = 2": {"weight": weight, "ignore_index": 2},
            f", {w}, ignore_index = 2, reduction = sum": {"weight": weight, "ignore_index": 2, "reduction": "sum"},
        }.items():
            cases.append(labelled(f"{name}(net, label{text})", f"{name}(net, label{text})", function=function, **options))
        for text, options in {f", {w}": {"weight": weight}, ", ignore_index = 9": {"ignore_index": 9}}.items():
            ignored = options.get("ignore_index", -100)
            loss = f"{name}(net, label{text})"
            for some, labels in {"some": [2, ignored, 1, ignored, 0], "all": [ignored] * 5}.items():
                cases.append(labelled(f"{loss}, {some} ignored", loss, labels, declared="i32", function=function, **options))
        cases += [
            labelled(f"{name}, one sample", f"{name}(net, label, {w})", [1], LOGITS[:1], function=function, weight=weight),
            labelled(f"{name}, one sample of weight 0", f"{name}(net, label, {w})", [2], LOGITS[:1], function=function, weight=weight),
            labelled(f"{name}, all ignored, sum", f"{name}(net, label, ignore_index = 1, reduction = sum)", [1] * 5,
                     function=function, ignore_index=1, reduction="sum"),
            Case(
                f"{name}, none", f"mean(scale * {name}(net, label, {w}, ignore_index = 0, reduction = none))",
                lambda p, label, scale, f=function: (scale * f(p, label, weight=weight, ignore_index=0, reduction="none")).mean(),
                LOGITS, {"label": classes(LABELS), "scale": SCALE},
            ),
        ]  # fmt: skip
        for shape, declared in (([4, 3], "i32[3]"), ([4, 3, 2], "i32[3, 2]")):
            size = math.prod(shape)
            labels = torch.tensor(IMAGE_LABELS)
            labels = labels if len(shape) == 2 else torch.stack([labels, labels.flip(0)], dim=2)
            cases.append(Case(
                f"{name} of {shape}", f"{name}(net, label, {w})", lambda p, label, f=function: f(p, label, weight=weight),
                IMAGES[:, :size], {"label": Target(declared, labels)}, shape,
            ))  # fmt: skip
    return cases + smoothed() + probabilities()


def smoothed() -> list[Case]:
    cases = []
    for text, options in {
        "": {},
        ", weight = [0.5, 2, 0, 1.25]": {"weight": float32(WEIGHT)},
        ", ignore_index = 2": {"ignore_index": 2},
        ", weight = [0.5, 2, 0, 1.25], ignore_index = 0": {"weight": float32(WEIGHT), "ignore_index": 0},
        ", weight = [0.5, 2, 0, 1.25], reduction = sum": {"weight": float32(WEIGHT), "reduction": "sum"},
    }.items():
        loss = f"cross_entropy(net, label, label_smoothing = 0.1{text})"
        cases.append(labelled(loss, loss, label_smoothing=0.1, **options))
    loss = "cross_entropy(net, label, label_smoothing = 1)"
    cases.append(labelled(loss, loss, label_smoothing=1.0))
    loss = "cross_entropy(net, label, label_smoothing = 0.2)"
    return cases + [labelled(f"{loss}, all ignored", loss, [-100] * 5, declared="i32", label_smoothing=0.2)]


def probabilities() -> list[Case]:
    cases = []
    for text, options in {
        "": {},
        ", label_smoothing = 0.1": {"label_smoothing": 0.1},
        ", weight = [0.5, 2, 0, 1.25], label_smoothing = 0.1": {"weight": float32(WEIGHT), "label_smoothing": 0.1},
        ", weight = [0.5, 2, 0, 1.25], reduction = sum": {"weight": float32(WEIGHT), "reduction": "sum"},
    }.items():
        loss = f"cross_entropy(net, values{text})"
        criterion = lambda p, values, options=options: F.cross_entropy(p, values, **options)  # noqa: E731
        cases.append(Case(loss, loss, criterion, LOGITS, {"values": PROBABILITIES}))
    image = Target("f32[4, 3]", uniform("image probabilities", 2, 12, low=0, high=1).reshape(2, 4, 3))
    cases.append(Case("cross_entropy of [4, 3] probabilities", "cross_entropy(net, values)", F.cross_entropy, IMAGES[:, :12], {"values": image}, [4, 3]))
    return cases


def binary_losses() -> list[Case]:
    sides = Target("f32[3]", float32([[1, 0, 1], [0, 1, 0], [0.5, 0.25, 1], [0, 0, 1]]))
    inside = float32([[0.25, 0.5, 0.75], [0.125, 1, 0], [0.5, 0.0625, 2**-60], [0, 1, 1]])
    position, weight = float32([3, 0.5, 0]), float32([1, 0, 2])
    cases = []
    for reduction in ("mean", "sum"):
        r = f", reduction = {reduction}"
        cases += [
            Case(f"bce {reduction}", f"bce(net, values{r})", lambda p, v, r=reduction: F.binary_cross_entropy(p, v, reduction=r), inside, {"values": sides}),
            Case(f"bce_with_logits {reduction}", f"bce_with_logits(net, values{r})",
                 lambda p, v, r=reduction: F.binary_cross_entropy_with_logits(p, v, reduction=r), AROUND, {"values": sides}),
        ]  # fmt: skip
    return cases + [
        Case("bce weighted", "bce(net, values, weight = [1, 0, 2])", lambda p, v: F.binary_cross_entropy(p, v, weight=weight), inside, {"values": sides}),
        Case("bce_with_logits pos_weight", "bce_with_logits(net, values, pos_weight = [3, 0.5, 0])",
             lambda p, v: F.binary_cross_entropy_with_logits(p, v, pos_weight=position), AROUND, {"values": sides}),
        Case("bce_with_logits both", "bce_with_logits(net, values, pos_weight = 3, weight = [1, 0, 2])",
             lambda p, v: F.binary_cross_entropy_with_logits(p, v, pos_weight=torch.tensor(3.0).double(), weight=weight), AROUND, {"values": sides}),
        Case("bce_with_logits, one sample", "bce_with_logits(net, values)", F.binary_cross_entropy_with_logits, AROUND[:1],
             {"values": Target("f32[3]", sides.values[:1])}),
    ]  # fmt: skip


def divergences() -> list[Case]:
    target = Target("f32[4]", torch.cat([uniform("kl", 4, 4, low=0, high=1), float32([[0, 1, 0, 0]])]))
    logs = Target("f32[4]", uniform("kl logarithms", 5, 4, low=-3, high=0))
    cases = []
    for reduction in ("mean", "batchmean", "sum"):
        for flag, values in ((False, target), (True, logs)):
            loss = f"kl_div(net, values, log_target = {str(flag).lower()}, reduction = {reduction})"
            criterion = lambda p, v, r=reduction, f=flag: F.kl_div(p, v, reduction=r, log_target=f)  # noqa: E731
            cases.append(Case(loss, loss, criterion, LOGITS, {"values": values}))
    return cases


def margins() -> list[Case]:
    similar = Target("f32", float32([1, -1, 1, -1, -1]))
    pairs = {"values": Target("f32[4]", torch.cat([uniform("pairs", 3, 4), LOGITS[3:4], -LOGITS[4:5]])), "similar": similar}
    tied = float32([[1, 1, 0, 2], [0, 1, 1, 1], [0.5, 1.5, 3, 1.5], [0, 0, 0, 0], [1, 2, 3, 4]])
    cases = []
    for reduction in ("mean", "sum"):
        r = f", reduction = {reduction}"
        cases += [
            Case(f"hinge {reduction}", f"hinge(net, values{r})", lambda p, v, r=reduction: F.hinge_embedding_loss(p, v, reduction=r), AROUND, {"values": SIGNS}),
            Case(f"soft_margin {reduction}", f"soft_margin(net, values{r})", lambda p, v, r=reduction: F.soft_margin_loss(p, v, reduction=r), AROUND, {"values": SIGNS}),
            Case(f"cosine_embedding {reduction}", f"cosine_embedding(net, values, similar{r})",
                 lambda p, v, s, r=reduction: F.cosine_embedding_loss(p, v, s, reduction=r), LOGITS, pairs),
            labelled(f"multi_margin {reduction}", f"multi_margin(net, label{r})", pred=tied, function=F.multi_margin_loss, reduction=reduction),
        ]  # fmt: skip
    return cases + [
        Case("hinge margin", "hinge(net, values, margin = 0.5)", lambda p, v: F.hinge_embedding_loss(p, v, margin=0.5), AROUND, {"values": SIGNS}),
        Case("cosine_embedding margin", "cosine_embedding(net, values, similar, margin = 0.3)",
             lambda p, v, s: F.cosine_embedding_loss(p, v, s, margin=0.3), LOGITS, pairs),
        Case("cosine_embedding of 0", "cosine_embedding(net, values, similar)", F.cosine_embedding_loss, LOGITS * 0, pairs),
        labelled("multi_margin squared", "multi_margin(net, label, p = 2, margin = 0.5)", function=F.multi_margin_loss, p=2, margin=0.5),
        labelled("multi_margin weighted", "multi_margin(net, label, weight = [0.5, 2, 0, 1.25])", pred=tied, function=F.multi_margin_loss, weight=float32(WEIGHT)),
    ]  # fmt: skip


def mixtures() -> list[Case]:
    both = {"label": classes(LABELS), "values": PROBABILITIES}
    return [
        Case("a weighted mix", "0.7 * cross_entropy(net, label) + 0.3 * l1(net, values)",
             lambda p, label, values: 0.7 * F.cross_entropy(p, label) + 0.3 * F.l1_loss(p, values), LOGITS, both),
        Case("a sum of reductions", "cross_entropy(net, label, reduction = sum) / 4 + mse(net, values) - 0.5 * kl_div(net, values, reduction = batchmean)",
             lambda p, label, values: F.cross_entropy(p, label, reduction="sum") / 4 + F.mse_loss(p, values) - 0.5 * F.kl_div(p, values, reduction="batchmean"),
             LOGITS, both),
    ]  # fmt: skip


def numbers(tensor: torch.Tensor) -> list:
    """Those that JSON lacks as null."""
    if not tensor.is_floating_point():
        return tensor.flatten().tolist()
    return [float(f"{v:.13g}") if math.isfinite(v) else None for v in tensor.flatten().tolist()]


def golden(case: Case) -> dict:
    leaf = case.pred.clone().requires_grad_()
    pred = leaf.reshape(len(leaf), *case.shape) if case.shape else leaf
    loss = case.criterion(pred, *[target.values for target in case.targets.values()])
    loss.backward()
    return {
        "name": case.name, "loss": case.loss, "shape": case.shape, "features": leaf.shape[1], "pred": numbers(leaf.detach()),
        "targets": {n: {"type": t.declared, "values": numbers(t.values)} for n, t in case.targets.items()},
        "value": numbers(loss.detach())[0], "gradient": numbers(leaf.grad),
    }  # fmt: skip


def main() -> None:
    cases = class_losses() + binary_losses() + divergences() + margins() + mixtures()
    lines = [json.dumps(golden(case), separators=(",", ":")) for case in cases]
    GOLDEN.write_text("[\n" + ",\n".join(lines) + "\n]\n")


if __name__ == "__main__":
    main()
