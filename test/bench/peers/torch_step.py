"""Steps of a network in PyTorch, timed on request, as test/bench/worker.mjs tells.

python torch_step.py JOB
"""

import json
import struct
import sys
import time
from pathlib import Path

import torch
from networks import NETWORKS
from torch.nn import functional as F

KEPT = 3

job = json.loads(sys.argv[1])
threads, mode, folder = job["threads"], job["mode"], Path(job["folder"])
torch.set_num_threads(threads)
torch.manual_seed(0)
memory_format = torch.channels_last if mode == "channels_last" else torch.contiguous_format


def tensors_in(path: Path) -> dict[str, torch.Tensor]:
    """The safetensors format: the header's length, the header, then the tensors' bytes."""
    content = bytearray(path.read_bytes())
    (length,) = struct.unpack("<Q", content[:8])
    header, data = json.loads(content[8 : 8 + length]), content[8 + length :]
    header.pop("__metadata__", None)
    return {name: floats(data, *t["data_offsets"]).reshape(t["shape"]) for name, t in header.items()}


def floats(data: bytearray, begin: int, end: int) -> torch.Tensor:
    return torch.frombuffer(data[begin:end], dtype=torch.float32)


def optimizer_of(parameters, kind: str, **settings) -> torch.optim.Optimizer:
    return {"sgd": torch.optim.SGD, "adamw": torch.optim.AdamW}[kind](parameters, **settings)


model = NETWORKS[job["network"]]()
weights = tensors_in(folder / "weights.safetensors")
missing, unexpected = model.load_state_dict(weights, strict=False)
assert not unexpected and all(name.endswith("num_batches_tracked") for name in missing), (missing, unexpected)
model = model.to(memory_format=memory_format)
optimizer = optimizer_of(model.parameters(), **job["optimizer"])
batch = tensors_in(folder / "batch.safetensors")
image, label = batch["input"], batch["target"].long()
if image.dim() == 4:
    image = image.to(memory_format=memory_format)


def loss_of(image, label):
    return F.cross_entropy(model(image), label, label_smoothing=job["smoothing"])


predict = model
if mode == "compile":
    loss_of, predict = torch.compile(loss_of), torch.compile(model)


def train() -> torch.Tensor:
    optimizer.zero_grad()
    loss = loss_of(image, label)
    loss.backward()
    optimizer.step()
    return loss.detach()


def forward() -> torch.Tensor:
    with torch.no_grad():
        return predict(image)


step = train if job["what"] == "train" else forward
if job["what"] == "forward":
    model.eval()

print(json.dumps({"version": torch.__version__, "threads": torch.get_num_threads()}), flush=True)
done = 0
for line in sys.stdin:
    milliseconds, results = [], []
    for _ in range(int(line)):
        start = time.perf_counter()
        result = step()
        milliseconds.append((time.perf_counter() - start) * 1e3)
        if done < KEPT:
            results.append(result.flatten().tolist())
        done += 1
    print(json.dumps({"milliseconds": milliseconds, "results": results}), flush=True)
