"""Steps of a network in PyTorch, timed on request: a line "N" on stdin is answered by a JSON list of N milliseconds.

python torch_step.py NETWORK BATCH THREADS eager|channels_last|compile train|forward
"""

import json
import sys
import time

import torch
from networks import NETWORKS, SMOOTHING, optimizer_of
from torch.nn import functional as F

name, mode, what = sys.argv[1], sys.argv[4], sys.argv[5]
batch, threads = int(sys.argv[2]), int(sys.argv[3])
torch.set_num_threads(threads)
torch.manual_seed(0)
memory_format = torch.channels_last if mode == "channels_last" else torch.contiguous_format

model = NETWORKS[name]().to(memory_format=memory_format)
optimizer = optimizer_of(name, model.parameters())
image = torch.rand(batch, 3, 32, 32).to(memory_format=memory_format)
label = torch.randint(10, (batch,))
smoothing = SMOOTHING.get(name, 0.0)


def loss_of(image, label):
    return F.cross_entropy(model(image), label, label_smoothing=smoothing)


if mode == "compile":
    loss_of, predict = torch.compile(loss_of), torch.compile(model)
else:
    predict = model


def train() -> None:
    optimizer.zero_grad()
    loss_of(image, label).backward()
    optimizer.step()


def forward() -> None:
    with torch.no_grad():
        predict(image)


step = train if what == "train" else forward
if what == "forward":
    model.eval()


def timed() -> float:
    start = time.perf_counter()
    step()
    return (time.perf_counter() - start) * 1e3


step()
print(json.dumps({"torch": torch.__version__, "threads": torch.get_num_threads()}), flush=True)
for line in sys.stdin:
    print(json.dumps([timed() for _ in range(int(line))]), flush=True)
