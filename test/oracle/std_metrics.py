"""Writes test/golden/std-metrics.json: metrics of given outputs, and the numbers of PyTorch's initialisers."""

import json
from pathlib import Path

import torch
from torch import nn

import fixtures

GOLDEN = Path(__file__).parent.parent / "golden" / "std-metrics.json"
PRED = torch.from_numpy(fixtures.uniform("metrics", (12, 7), -2, 2))
LABEL = torch.tensor([0, 1, 2, 3, 4, 5, 6, 0, 1, 2, 3, 4])
VALUES = torch.from_numpy(fixtures.uniform("metric values", (12, 7), -2, 2))


# A prediction for each pixel: 4 classes, images of 2 × 3.
PIXELS = torch.from_numpy(fixtures.uniform("pixels", (5, 4, 2, 3), -2, 2))
PIXEL_LABEL = torch.from_numpy(fixtures.uniform("pixel labels", (5, 2, 3), 0, 4)).long()


def top_k(pred: torch.Tensor, label: torch.Tensor, k: int) -> float:
    return (pred.topk(k, dim=1).indices == label[:, None]).any(dim=1).double().mean().item()


def confusion(pred: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
    """[true class, predicted class]"""
    counts = torch.zeros(pred.shape[1], pred.shape[1], dtype=torch.float64)
    counts.index_put_((label, pred.argmax(1)), torch.ones(len(label), dtype=torch.float64), accumulate=True)
    return counts


def share(counts: torch.Tensor, axis: int) -> torch.Tensor:
    """The hits of each class over all along the axis; 0 over 0 is 0, as scikit-learn's zero_division = 0."""
    of = counts.sum(axis)
    return torch.where(of > 0, counts.diagonal() / of, torch.zeros_like(of))


def of_classes(pred: torch.Tensor, label: torch.Tensor, most: tuple[int, ...]) -> dict:
    counts = confusion(pred, label)
    return {
        "accuracy(net, label)": (pred.argmax(1) == label).double().mean().item(),
        "error_rate(net, label)": (pred.argmax(1) != label).double().mean().item(),
        **{f"top_k(net, label, k = {k})": top_k(pred, label, k) for k in most},
        "confusion_matrix(net, label)": counts.flatten().tolist(),
        "precision(net, label)": share(counts, 0).tolist(),
        "recall(net, label)": share(counts, 1).tolist(),
        "mean(precision(net, label))": share(counts, 0).mean().item(),
        "mean(recall(net, label))": share(counts, 1).mean().item(),
    }


METRICS = {
    **of_classes(PRED, LABEL, (1, 2, 3, 7)),
    "top_k(net, label)": top_k(PRED, LABEL, 5),
    "mean_absolute_error(net, values)": (PRED - VALUES).abs().mean().item(),
    "mean_squared_error(net, values)": ((PRED - VALUES) ** 2).mean().item(),
}

SHAPES = [[8, 6], [8, 3, 5], [8, 6, 3, 5]]
INITIALISERS = {
    "kaiming_uniform": (nn.init.kaiming_uniform_, {}),
    "kaiming_uniform(a = sqrt(5))": (nn.init.kaiming_uniform_, {"a": 5**0.5}),
    "kaiming_uniform(mode = fan_out, nonlinearity = tanh)": (nn.init.kaiming_uniform_, {"mode": "fan_out", "nonlinearity": "tanh"}),
    "kaiming_normal": (nn.init.kaiming_normal_, {}),
    "kaiming_normal(a = 0.2)": (nn.init.kaiming_normal_, {"a": 0.2}),
    "kaiming_normal(mode = fan_out, nonlinearity = relu)": (nn.init.kaiming_normal_, {"mode": "fan_out", "nonlinearity": "relu"}),
    "kaiming_normal(nonlinearity = selu)": (nn.init.kaiming_normal_, {"nonlinearity": "selu"}),
    "kaiming_normal(nonlinearity = linear)": (nn.init.kaiming_normal_, {"nonlinearity": "linear"}),
    "kaiming_normal(nonlinearity = conv2d)": (nn.init.kaiming_normal_, {"nonlinearity": "conv2d"}),
    "xavier_uniform": (nn.init.xavier_uniform_, {}),
    "xavier_uniform(gain = 5 / 3)": (nn.init.xavier_uniform_, {"gain": 5 / 3}),
    "xavier_normal": (nn.init.xavier_normal_, {}),
    "xavier_normal(gain = sqrt(2))": (nn.init.xavier_normal_, {"gain": 2**0.5}),
}


class Recorded(torch.Tensor):
    """A tensor that notes with which numbers it is sampled."""

    def uniform_(self, low=0, high=1, **_):
        self.sampled = {"kind": "uniform", "low": low, "high": high}
        return self

    def normal_(self, mean=0, std=1, **_):
        self.sampled = {"kind": "normal", "mean": mean, "std": std}
        return self


def sampled(name: str, shape: list[int]) -> dict:
    function, options = INITIALISERS[name]
    tensor = torch.empty(shape).as_subclass(Recorded)
    function(tensor, **options)
    return tensor.sampled


def main() -> None:
    golden = {
        "features": 7, "pred": PRED.flatten().tolist(), "label": LABEL.tolist(), "values": VALUES.flatten().tolist(), "metrics": METRICS,
        "pixels": {
            "shape": list(PIXELS.shape[1:]), "pred": PIXELS.flatten().tolist(), "label": PIXEL_LABEL.flatten().tolist(),
            "metrics": of_classes(PIXELS.movedim(1, -1).reshape(-1, 4), PIXEL_LABEL.flatten(), (1, 2)),
        },
        "initialisers": [{"init": name, "shape": shape, "sampled": sampled(name, shape)} for name in INITIALISERS for shape in SHAPES],
    }  # fmt: skip
    GOLDEN.write_text(json.dumps(golden, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
