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
        for shape, declared in (([4, 3], "i32[3]"), ([4, 3, 2], "i32[3, 2]"), ([4, 3], "class[4, 3]"), ([4, 3, 2], "class[4, 3, 2]")):
            size = math.prod(shape)
            labels = torch.tensor(IMAGE_LABELS)
            if declared.startswith("class"):
                labels = labels.clamp(min=0)
            labels = labels if len(shape) == 2 else torch.stack([labels, labels.flip(0)], dim=2)
            cases.append(Case(
                f"{name} of {shape} and {declared}", f"{name}(net, label, {w})", lambda p, label, f=function: f(p, label, weight=weight),
                IMAGES[:, :size], {"label": Target(declared, labels)}, shape,
            ))  # fmt: skip
    return cases + smoothed() + probabilities() + weightless()


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
    loss = "cross_entropy(net, label, label_smoothing = 0.1, weight = [0.5, 2, 0, 1.25])"
    cases.append(labelled(f"{loss}, one sample of weight 0", loss, [2], LOGITS[:1], label_smoothing=0.1, weight=float32(WEIGHT)))
    loss = "cross_entropy(net, label, label_smoothing = 1)"
    cases.append(labelled(loss, loss, label_smoothing=1.0))
    loss = "cross_entropy(net, label, label_smoothing = 0.2)"
    return cases + [labelled(f"{loss}, all ignored", loss, [-100] * 5, declared="i32", label_smoothing=0.2)]


def weightless() -> list[Case]:
    """Class weights of 0, down to a single class: the mean has nothing to divide by."""
    cases = []
    for classes, declared in ((4, "class[4]"), (4, "i32"), (1, "i32")):
        pred, weight = LOGITS[:, :classes], [0] * classes
        labels = [-100 if declared == "i32" and i == 1 else label % classes for i, label in enumerate(LABELS)]
        for name, function, options in (("cross_entropy", F.cross_entropy, {}), ("cross_entropy", F.cross_entropy, {"label_smoothing": 0.3}), ("nll", F.nll_loss, {})):
            for reduction in ("mean", "sum"):
                text = "".join(f", {key} = {value}" for key, value in options.items())
                loss = f"{name}(net, label, weight = {weight}, reduction = {reduction}{text})"
                cases.append(labelled(f"{loss} of {declared}", loss, labels, pred, declared, function, weight=float32(weight), reduction=reduction, **options))
    loss = "cross_entropy(net, values, weight = [0, 0, 0, 0])"
    return cases + [Case(loss, loss, lambda p, v: F.cross_entropy(p, v, weight=float32([0] * 4)), LOGITS, {"values": PROBABILITIES})]


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


# With a row that targets may equal in every digit.
TIED = torch.cat([LOGITS[:4], float32([[0.5, -1.25, 0, 2]])])


def regressions() -> list[Case]:
    target = Target("f32[4]", torch.cat([uniform("regression", 3, 4), TIED[4:] + 1, TIED[4:]]))
    weight = Target("f32[4]", torch.cat([uniform("regression weights", 4, 4, low=0, high=2), torch.zeros(1, 4).double()]))
    spread = Target("f32[4]", uniform("variances", 5, 4, low=0.1, high=3))
    counts = Target("f32[4]", float32([[0, 1, 2, 3], [1, 0, 5, 2], [2, 2, 2, 2], [0, 0, 0, 1], [7, 1, 1, 4]]))
    cases = []
    for reduction in ("mean", "sum", "none"):
        def entry(name, text, function, values=target, pred=TIED, extra=(), r=reduction, **options):
            """`none` is weighted, so that each element counts on its own."""
            loss = f"{name}(net, values{text}, reduction = {r})"
            clause = loss if r != "none" else f"sum(pattern * {loss})"
            def criterion(p, v, *rest):
                value = function(p, v, *rest[: len(extra)], reduction=r, **options)
                return value if r != "none" else (rest[-1] * value).sum()
            targets = {"values": values} | dict(extra) | ({"pattern": Target("f32[4]", uniform("pattern", 5, 4))} if r == "none" else {})
            cases.append(Case(clause, clause, criterion, pred, targets))

        weights = [("w", weight)]
        entry("l1", "", F.l1_loss)
        entry("mse", "", F.mse_loss)
        entry("l1", ", weight = w", lambda p, v, w, reduction: F.l1_loss(p, v, weight=w, reduction=reduction), extra=weights)
        entry("mse", ", weight = w", lambda p, v, w, reduction: F.mse_loss(p, v, weight=w, reduction=reduction), extra=weights)
        entry("huber", ", weight = w, delta = 0.5", lambda p, v, w, reduction: F.huber_loss(p, v, weight=w, delta=0.5, reduction=reduction), extra=weights)
        entry("smooth_l1", "", F.smooth_l1_loss)
        entry("smooth_l1", ", beta = 0", F.smooth_l1_loss, beta=0.0)
        entry("smooth_l1", ", beta = 0.3", F.smooth_l1_loss, beta=0.3)
        entry("huber", "", F.huber_loss)
        entry("poisson_nll", "", F.poisson_nll_loss, counts)
        entry("poisson_nll", ", full = true", F.poisson_nll_loss, counts, full=True)
        entry("poisson_nll", ", log_input = false, full = true, eps = 0.001", F.poisson_nll_loss, counts, pred=LOGITS.abs(), log_input=False, full=True, eps=1e-3)
        entry("gaussian_nll", ", var = v", lambda p, v, s, reduction: F.gaussian_nll_loss(p, v, s, reduction=reduction), extra=[("v", spread)])
        entry("gaussian_nll", ", var = 0.5, full = true", lambda p, v, reduction: F.gaussian_nll_loss(p, v, 0.5, full=True, reduction=reduction))
        entry("bce_with_logits", ", weight = w, pos_weight = v", lambda p, v, w, s, reduction: F.binary_cross_entropy_with_logits(p, v, weight=w, pos_weight=s, reduction=reduction),
              PROBABILITIES, extra=[*weights, ("v", spread)])
        entry("kl_div", "", F.kl_div, PROBABILITIES)
        entry("hinge_embedding", ", margin = 0.7", F.hinge_embedding_loss, Target("f32[4]", uniform("kinds", 5, 4).sign()), margin=0.7)
    # The variance's own gradient, where it is clamped too.
    cases.append(Case("gaussian_nll of its variance", "gaussian_nll(values, 2 * values, var = net)", lambda p, v: F.gaussian_nll_loss(v, 2 * v, p),
                      torch.cat([spread.values[:4], torch.tensor([[1e-7, 0, 1e-6, 1]]).float().double()]), {"values": target}))
    return cases


def distances() -> list[Case]:
    near, far = Target("f32[4]", uniform("near", 5, 4)), Target("f32[4]", torch.cat([uniform("far", 4, 4), TIED[4:]]))
    both = {"near": near, "far": far}
    sign = Target("f32[4]", uniform("kinds", 5, 4).sign())
    cases = []
    for reduction in ("mean", "sum"):
        r = f", reduction = {reduction}"
        cases += [
            Case(f"triplet_margin {reduction}", f"triplet_margin(net, near, far{r})", lambda p, a, b, r=reduction: F.triplet_margin_loss(p, a, b, reduction=r), TIED, both),
            Case(f"margin_ranking {reduction}", f"margin_ranking(net, near, sign, margin = 0.2{r})",
                 lambda p, a, s, r=reduction: F.margin_ranking_loss(p, a, s, margin=0.2, reduction=r), TIED, {"near": near, "sign": sign}),
            Case(f"multilabel_soft_margin {reduction}", f"multilabel_soft_margin(net, values{r})",
                 lambda p, v, r=reduction: F.multilabel_soft_margin_loss(p, v, reduction=r), TIED, {"values": PROBABILITIES}),
        ]  # fmt: skip
    cosine = lambda a, b: 1 - F.cosine_similarity(a, b)
    return cases + [
        Case("triplet_margin swapped", "triplet_margin(net, near, far, margin = 0.5, swap = true)", lambda p, a, b: F.triplet_margin_loss(p, a, b, margin=0.5, swap=True), TIED, both),
        Case("triplet_margin of the 1-norm", "triplet_margin(net, near, far, margin = 2, p = 1)", lambda p, a, b: F.triplet_margin_loss(p, a, b, margin=2.0, p=1), TIED, both),
        Case("triplet_margin of the 3-norm", "triplet_margin(net, near, far, margin = 2, p = 3)", lambda p, a, b: F.triplet_margin_loss(p, a, b, margin=2.0, p=3), TIED, both),
        Case("triplet_margin of the largest", "triplet_margin(net, near, far, p = 1 / 0, swap = true)",
             lambda p, a, b: F.triplet_margin_loss(p, a, b, p=math.inf, swap=True), TIED, both),
        Case("triplet_margin of itself", "triplet_margin(net, net, near)", lambda p, a: F.triplet_margin_loss(p, p, a), TIED, {"near": near}),
        Case("triplet_margin_with_distance", "triplet_margin_with_distance(net, near, far)", lambda p, a, b: F.triplet_margin_with_distance_loss(p, a, b), TIED, both),
        Case("triplet_margin_with_distance of a function", "triplet_margin_with_distance(net, near, far, distance_function = cosine_similarity, swap = true)",
             lambda p, a, b: F.triplet_margin_with_distance_loss(p, a, b, distance_function=F.cosine_similarity, swap=True), TIED, both),
        Case("multilabel_soft_margin weighted", "multilabel_soft_margin(net, values, weight = [0.5, 2, 0, 1.25])",
             lambda p, v: F.multilabel_soft_margin_loss(p, v, weight=float32(WEIGHT)), TIED, {"values": PROBABILITIES}),
        Case("cosine_similarity", "sum(scale * cosine_similarity(net, near))", lambda p, a, s: (s * F.cosine_similarity(p, a)).sum(), torch.cat([TIED[:4], TIED[4:] * 0]),
             {"near": near, "scale": SCALE}),
        Case("pairwise_distance", "sum(scale * pairwise_distance(net, near, p = 3))", lambda p, a, s: (s * F.pairwise_distance(p, a, p=3)).sum(), TIED, {"near": near, "scale": SCALE}),
    ]  # fmt: skip


def of_one_axis() -> list[Case]:
    """A prediction without samples; and one for each place of three axes."""
    label = Target("i32[2, 3, 2]", (torch.from_numpy(fixtures.bits("volumes", 24).reshape(2, 2, 3, 2).astype("int64")) >> 8) % 2)
    weight = float32([0.5, 2])
    mean = lambda p: p.mean(0)
    share = torch.tensor([0.1, 0.2, 0.3, 0.4], dtype=torch.float64)
    cases = [
        Case("cross_entropy of one prediction", "cross_entropy(mean(net, axis = 0), constants([0.1, 0.2, 0.3, 0.4]), label_smoothing = 0.1)",
             lambda p: F.cross_entropy(mean(p), share, label_smoothing=0.1), LOGITS, {}),
        Case("cross_entropy of one class", "cross_entropy(mean(net, axis = 0), argmax(constants([1, 3, 2, 0]), axis = 0), weight = [0.5, 2, 0, 1.25])",
             lambda p: F.cross_entropy(mean(p), torch.tensor(1), weight=float32(WEIGHT)), LOGITS, {}),
        Case("nll of one class", "nll(mean(net, axis = 0), argmax(constants([1, 3, 2, 0]), axis = 0))", lambda p: F.nll_loss(mean(p), torch.tensor(1)), LOGITS, {}),
    ]
    for name, function in (("cross_entropy", F.cross_entropy), ("nll", F.nll_loss)):
        cases.append(Case(f"{name} of volumes", f"{name}(net, label, weight = [0.5, 2])", lambda p, l, f=function: f(p, l, weight=weight), uniform("volume logits", 2, 24),
                          {"label": label}, [2, 2, 3, 2]))
    return cases


def extremes() -> list[Case]:
    far = float32([[1e4, -1e4, 0, 3], [-1e4, 1e4, -1e4, 1e4], [1e4, 1e4, -1e4, 1], [88, -88, 104, -104], [1e-30, -1e-30, 0, 0]])
    values = Target("f32[4]", float32([[1, 0, 1, 0], [1, 1, 0, 0], [0, 1, 1, 1], [0, 1, 0, 1], [1, 0, 0, 1]]))
    signs = Target("f32[4]", values.values * 2 - 1)
    cases = [labelled(f"{text} of extremes", text, pred=far, **options) for text, options in [
        ("cross_entropy(net, label)", {}), ("cross_entropy(net, label, label_smoothing = 0.1)", {"label_smoothing": 0.1}),
        ("multi_margin(net, label)", {"function": F.multi_margin_loss}),
    ]]  # fmt: skip
    # PyTorch's own soft_margin overflows here; the same formula with a logarithm that does not.
    soft_margin = lambda p, v: -F.logsigmoid(p * v).mean()  # noqa: E731
    cases.append(Case("soft_margin of extremes", "soft_margin(net, values)", soft_margin, far, {"values": signs}))
    cases.append(Case("cross_entropy of extremes and probabilities", "cross_entropy(net, values)", F.cross_entropy, far, {"values": PROBABILITIES}))
    for name, function, target in [
        ("l1", F.l1_loss, values), ("smooth_l1", F.smooth_l1_loss, values), ("huber", F.huber_loss, values),
        ("bce_with_logits", F.binary_cross_entropy_with_logits, values), ("hinge", F.hinge_embedding_loss, signs),
        ("multilabel_soft_margin", F.multilabel_soft_margin_loss, values),
    ]:  # fmt: skip
        cases.append(Case(f"{name} of extremes", f"{name}(net, values)", function, far, {"values": target}))
    return cases


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
    cases = class_losses() + binary_losses() + divergences() + margins() + mixtures() + regressions() + distances() + of_one_axis() + extremes()
    lines = [json.dumps(golden(case), separators=(",", ":")) for case in cases]
    GOLDEN.write_text("[\n" + ",\n".join(lines) + "\n]\n")


if __name__ == "__main__":
    main()
