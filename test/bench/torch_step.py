"""Training steps of the reference network in PyTorch, timed on request: a line "N" on stdin is answered by a JSON list of N milliseconds."""

import json
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F

threads, batch, layout = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
torch.set_num_threads(threads)
torch.manual_seed(0)
memory_format = torch.channels_last if layout == "channels_last" else torch.contiguous_format

model = nn.Sequential(
    nn.Conv2d(3, 32, 5, padding=2), nn.MaxPool2d(2),
    nn.Conv2d(32, 32, 5, padding=2), nn.MaxPool2d(2),
    nn.Conv2d(32, 64, 5, padding=2), nn.MaxPool2d(2),
    nn.Flatten(), nn.Linear(1024, 64), nn.Linear(64, 10),
).to(memory_format=memory_format)  # fmt: skip
optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, nesterov=True, weight_decay=5e-4)
image = torch.rand(batch, 3, 32, 32).to(memory_format=memory_format)
label = torch.randint(10, (batch,))


def step() -> float:
    """Milliseconds of forward, backward and update."""
    start = time.perf_counter()
    optimizer.zero_grad()
    F.cross_entropy(model(image), label).backward()
    optimizer.step()
    return (time.perf_counter() - start) * 1e3


print(json.dumps({"torch": torch.__version__, "threads": torch.get_num_threads(), "layout": layout}), flush=True)
for line in sys.stdin:
    print(json.dumps([step() for _ in range(int(line))]), flush=True)
