"""Writes test/golden/*.json: the losses of PyTorch's float64 training from the weights and data of fixtures.py.

    python make_goldens.py [--only layers|generated|cifar10|models|random] [--case NAME] [--float32]

`--case` makes this entry anew and leaves the others. `--float32` writes nothing: it prints how far PyTorch's own float32 run is from the golden, which is what a tolerance can ask.
"""

import argparse
import json
from pathlib import Path

import torch

import cases
import fixtures
from networks import fill
from random_networks import RANDOM

GOLDEN = Path(__file__).parent.parent / "golden"
TEST_SPLIT = ["test_batch.bin"]
TRAIN_SPLIT = [f"data_batch_{i}.bin" for i in range(1, 6)]
MEAN, DEVIATION = [0.4914, 0.4822, 0.4465], [0.2470, 0.2435, 0.2616]


def data(case: cases.Case):
    """Bytes or floats [samples, ...], and labels."""
    if case.input == "cifar10":
        return fixtures.cifar10(TEST_SPLIT)
    if case.input == "cifar10_train":
        images, label = fixtures.cifar10(TRAIN_SPLIT)
        return images[: case.samples], label[: case.samples]
    label = fixtures.labels(case.samples)
    if case.input == "vectors":
        return fixtures.uniform("vectors", (case.samples, 7), -2, 2), label
    return (fixtures.images if case.input == "images" else fixtures.ties)(case.samples, case.size), label


class Run:
    """Training as the case says, one `step()` at a time."""

    def __init__(self, case: cases.Case, dtype: torch.dtype):
        self.case, self.head, self.dtype, self.at = case, cases.HEADS[case.head], dtype, 0
        values, label = data(case)
        self.raw = torch.from_numpy(values.copy())
        self.y = torch.from_numpy(label if self.head.target == "label" else fixtures.targets(label))
        if self.head.target == "values":
            self.y = self.y.to(dtype)
        self.model = case.module().to(dtype)
        self.model.eval()(self.batch()[0])  # gives lazy layers their sizes
        fill(self.model, case.draw)
        self.model.train()
        self.optimizer = case.optimizer.make(self.model.parameters())
        self.schedule = case.optimizer.schedule and case.optimizer.schedule(self.optimizer)

    def batch(self):
        rows = slice(self.at, min(self.at + self.case.batch, len(self.raw)))
        return self.prepared(self.raw[rows]), self.y[rows]

    def prepared(self, raw: torch.Tensor) -> torch.Tensor:
        """As ToTensor and Normalize do it."""
        if raw.dtype != torch.uint8:
            return raw.to(self.dtype)
        x = raw.to(self.dtype) / 255
        if not self.case.normalized:
            return x
        mean, deviation = (torch.tensor(v, dtype=self.dtype).view(1, 3, 1, 1) for v in (MEAN, DEVIATION))
        return (x - mean) / deviation

    def step(self) -> float:
        x, y = self.batch()
        self.optimizer.zero_grad()
        loss = self.head.criterion(self.model(x), y)
        loss.backward()
        self.optimizer.step()
        self.at = (self.at + len(x)) if self.at + len(x) < len(self.raw) else 0
        if self.schedule and (self.at == 0 or self.case.name.removeprefix("schedule/") not in cases.EACH_EPOCH):
            self.schedule.step()
        return loss.item()

    def evaluate(self) -> dict:
        """Loss of the first batch in eval mode, and how many of its labels are hit."""
        self.model.eval()
        with torch.no_grad():
            self.at = 0
            x, y = self.batch()
            output = self.model(x)
        self.model.train()
        return {"loss": rounded(self.head.criterion(output, y).item()), "output": [rounded(v) for v in output[0].tolist()]}

    def test(self) -> dict:
        """Mean loss and accuracy of the test split."""
        images, label = (torch.from_numpy(v.copy()) for v in fixtures.cifar10(TEST_SPLIT))
        self.model.eval()
        with torch.no_grad():
            output = torch.cat([self.model(self.prepared(part)) for part in images.split(500)])
        self.model.train()
        return {"loss": rounded(self.head.criterion(output, label).item()), "accuracy": (output.argmax(1) == label).double().mean().item()}


def rounded(value: float) -> float:
    return float(f"{value:.13g}")


def tensors(run: Run) -> dict[str, torch.Tensor]:
    return {n: t.detach().clone() for n, t in run.model.state_dict().items() if t.is_floating_point()}


def probes(run: Run, before: dict[str, torch.Tensor]) -> dict[str, float]:
    """For each parameter and buffer, the change times a fixed pattern, summed: a wrong element shows.

    Without parameters of no effect (a bias before a normalisation): their gradient is rounding alone.
    """
    gradients = {name: p.grad.abs().max().item() for name, p in run.model.named_parameters()}
    return {
        name: rounded(float(((after - before[name]) * torch.from_numpy(fixtures.uniform("probe", tuple(after.shape), -1, 1))).sum()))
        for name, after in tensors(run).items()
        if gradients.get(name, 1) > 1e-12
    }


def golden(case: cases.Case) -> dict:
    run = Run(case, torch.float64)
    before = tensors(run)
    losses, rates, first = [], [], {}
    for step in range(case.steps):
        rates.append(rounded(run.optimizer.param_groups[0]["lr"]))
        losses.append(rounded(run.step()))
        if step == 0:
            first = probes(run, before)
    entry = {
        "name": case.name, "network": case.network, "loss": run.head.text, "optimizer": case.optimizer.text,
        "target": run.head.target, "input": case.input, "size": case.size, "batch": case.batch, "samples": len(run.raw),
        "losses": losses, "first_step": first,
    }  # fmt: skip
    if case.draw:
        entry["draw"] = case.draw
    if case.name in cases.DEFINITIONS:
        entry["definitions"] = cases.DEFINITIONS[case.name]
    if run.schedule:
        entry["rates"] = rates
    if case.tested:
        entry["test"] = run.test()
    if case.epochs:
        entry["epoch_sums"] = epoch_sums(case, run, losses)
    else:
        entry["evaluate"] = run.evaluate()
    return entry


def epoch_sums(case: cases.Case, run: Run, losses: list[float]) -> list[float]:
    """Goes on from `losses`, which are one epoch."""
    assert run.at == 0
    sums = [rounded(sum(losses))]
    while len(sums) < case.epochs:
        total = run.step()
        while run.at:
            total += run.step()
        sums.append(rounded(total))
    return sums


def float32_error(case: cases.Case, expected: dict) -> None:
    run = Run(case, torch.float32)
    errors = [abs(run.step() - e) / max(abs(e), 1e-30) for e in expected["losses"]]
    for upto in (20, 50, 157):
        if len(errors) >= min(upto, case.steps):
            print(f"{case.name}: steps 1-{min(upto, case.steps)}: {max(errors[:upto], default=0):.1e}", flush=True)
        if upto >= case.steps:
            break


def main() -> None:
    torch.set_num_threads(1)  # the same sums everywhere
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", choices=["layers", "generated", "cifar10", "models", "random"])
    parser.add_argument("--case")
    parser.add_argument("--float32", action="store_true")
    options = parser.parse_args()
    groups = {"layers": cases.LAYERS, "generated": cases.GENERATED, "cifar10": cases.CIFAR10, "models": cases.MODELS, "random": RANDOM}
    for name, group in groups.items():
        if options.only not in (None, name):
            continue
        file = GOLDEN / f"{name}.json"
        known = {entry["name"]: entry for entry in json.loads(file.read_text())}
        chosen = [case for case in group if options.case in (None, case.name)]
        if options.float32:
            for case in chosen:
                float32_error(case, known[case.name])
            continue
        for case in chosen:
            print(name, case.name, flush=True)
            known[case.name] = golden(case)
        lines = [json.dumps(known[case.name], separators=(",", ":")) for case in group]
        file.write_text("[\n" + ",\n".join(lines) + "\n]\n")


if __name__ == "__main__":
    main()
