"""Writes test/golden/ops.json: what PyTorch (float64) computes for primitives and their gradients, edge cases among them,
and for a small convolutional network. Run with PyTorch 2.13: python test/oracle/ops.py"""

import json
import math
import pathlib

import torch
import torch.nn.functional as F

torch.manual_seed(0)
torch.set_default_dtype(torch.float64)


def rand(*shape, low=-2.0, high=2.0):
    return (torch.rand(shape) * (high - low) + low).mul(1000).round().div(1000)


def numbers(t):
    return [x if math.isfinite(x) else str(x).replace("inf", "Infinity").replace("nan", "NaN") for x in t.detach().flatten().tolist()]


def tensor(t):
    return {"shape": list(t.shape), "data": numbers(t)}


cases = []


def case(name, op, inputs, f, attrs=None, grads=True):
    """Output y of `f`, and the gradients of sum(y * dy) for every input."""
    inputs = [t.clone().requires_grad_(grads) for t in inputs]
    y = f(*inputs)
    entry = {"name": name, "op": op, "attrs": attrs or {}, "inputs": [tensor(t) for t in inputs], "y": tensor(y)}
    if grads:
        dy = rand(*y.shape)
        gradients = torch.autograd.grad(y, inputs, dy)
        entry["dy"] = tensor(dy)
        entry["gradients"] = [numbers(g) for g in gradients]
    cases.append(entry)


def conv(name, x, w, stride=(1, 1), padding=(0, 0, 0, 0), dilation=(1, 1), groups=1):
    top, left, bottom, right = padding
    attrs = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    case(
        name,
        "conv2d",
        [x, w],
        lambda x, w: F.conv2d(F.pad(x, (left, right, top, bottom)), w, stride=stride, dilation=dilation, groups=groups),
        attrs,
    )


def pool(name, x, kernel, stride, padding=0):
    attrs = {"kernel": kernel, "stride": stride, "padding": [padding] * 4}
    case(name, "max_pool2d", [x], lambda x: F.max_pool2d(x, kernel, stride, padding), attrs)
    case(name, "sum_pool2d", [x], lambda x: F.avg_pool2d(x, kernel, stride, padding, divisor_override=1), attrs)


def elementwise():
    edge = torch.tensor([-2.0, -0.5, 0.0, 0.25, 1.0, 3.0])
    for op in ["abs", "sign", "exp", "expm1", "sin", "cos", "tanh", "sigmoid", "erf"]:
        case(f"{op} with 0", op, [edge], getattr(torch, op))
    positive = torch.tensor([0.0, 0.1, 0.5, 1.0, 4.0])
    for op in ["sqrt", "log1p"]:
        case(f"{op} with 0", op, [positive], getattr(torch, op))
    case("log", "log", [positive[1:]], torch.log)
    case("sign of NaN", "sign", [torch.tensor([math.nan, math.inf, -math.inf])], torch.sign)
    case("erf on its intervals", "erf", [torch.tensor([-7.0, -3.5, -2.0, -1.0, -0.9, -0.1, 1e-9, 0.8, 1.2, 1.3, 2.8, 2.9, 5.9])], torch.erf)
    case("tanh and sigmoid far out", "sigmoid", [torch.tensor([-800.0, -30.0, 30.0, 800.0])], torch.sigmoid)
    a, b = torch.tensor([1.0, 2.0, 2.0, -1.0, math.nan, 1.0]), torch.tensor([2.0, 1.0, 2.0, -1.0, 1.0, math.nan])
    for op in ["maximum", "minimum"]:
        case(f"{op} with ties and NaN", op, [a, b], getattr(torch, op))
    x, p = torch.tensor([0.0, 0.0, 0.0, 2.0, -2.0, 1.5]), torch.tensor([0.0, 1.0, 2.0, 0.0, 3.0, -1.5])
    case("pow with zeros", "pow", [x, p], torch.pow)


def reductions():
    ties = torch.tensor([[1.0, 3.0, 3.0, 0.0], [2.0, 2.0, 2.0, 2.0], [-1.0, -5.0, -2.0, -3.0]])
    case("max with ties", "max", [ties], lambda x: torch.amax(x, dim=1), {"axes": [1]})
    case("max over all", "max", [ties], lambda x: torch.amax(x, dim=(0, 1)), {"axes": [0, 1]})
    case("max with NaN", "max", [torch.tensor([1.0, math.nan, 2.0])], lambda x: torch.amax(x, dim=0), {"axes": [0]}, grads=False)
    case("argmax of NaN", "argmax", [torch.tensor([[1.0, math.nan, 9.0, math.nan]])], lambda x: torch.argmax(x, dim=1), {"axis": 1}, grads=False)
    far = torch.tensor([[1000.0, 999.0, -1000.0], [0.0, 0.0, 0.0]])
    for op in ["softmax", "log_softmax"]:
        case(f"{op} far out", op, [far], lambda x, op=op: getattr(F, op)(x, dim=1), {"axis": 1})
        case(f"{op} over channels", op, [rand(2, 3, 4)], lambda x, op=op: getattr(F, op)(x, dim=1), {"axis": 1})
    case("matmul", "matmul", [rand(3, 5), rand(5, 4)], torch.matmul)
    case("matmul in batches", "matmul", [rand(2, 3, 5), rand(2, 5, 4)], torch.matmul)


def windows():
    conv("conv2d with padding", rand(2, 3, 6, 5), rand(4, 3, 3, 3), padding=(1, 1, 1, 1))
    conv("conv2d, stride with a remainder", rand(1, 2, 8, 9), rand(3, 2, 3, 3), stride=(2, 3))
    conv("conv2d, dilated, padded unevenly", rand(2, 2, 7, 6), rand(3, 2, 3, 2), padding=(2, 1, 0, 3), dilation=(2, 3))
    conv("conv2d in groups", rand(2, 6, 5, 5), rand(9, 2, 3, 3), padding=(1, 0, 1, 2), groups=3)
    pool("disjoint windows with a remainder", rand(2, 2, 5, 7), (2, 2), (2, 2))
    pool("overlapping, padded", rand(1, 2, 6, 6), (3, 3), (2, 2), 1)
    pool("equal elements", torch.ones(1, 1, 4, 4), (2, 2), (2, 2))
    pool("equal elements, overlapping", torch.zeros(1, 1, 5, 5), (3, 3), (1, 1))
    with_nan = torch.tensor([[[[1.0, math.nan, 3.0, 4.0], [math.nan, 2.0, 5.0, 4.5]]]])
    case("the last NaN gets the gradient", "max_pool2d", [with_nan], lambda x: F.max_pool2d(x, 2), {"kernel": [2, 2], "stride": [2, 2], "padding": [0] * 4})
    case("all -inf", "max_pool2d", [torch.full((1, 1, 2, 2), -math.inf)], lambda x: F.max_pool2d(x, 2), {"kernel": [2, 2], "stride": [2, 2], "padding": [0] * 4})


def network():
    """conv, pool, relu, strided conv, relu, linear, cross-entropy; loss and every gradient."""
    x, label = rand(3, 2, 8, 8), torch.tensor([4, 0, 2])
    shapes = {"conv1.weight": (4, 2, 3, 3), "conv1.bias": (4,), "conv2.weight": (6, 4, 3, 3), "fc.weight": (5, 24), "fc.bias": (5,)}
    p = {name: rand(*shape, low=-0.5, high=0.5).requires_grad_() for name, shape in shapes.items()}
    h = F.relu(F.max_pool2d(F.conv2d(x, p["conv1.weight"], p["conv1.bias"], padding=1), 2))
    h = F.relu(F.conv2d(h, p["conv2.weight"], stride=2, padding=1))
    loss = F.cross_entropy(F.linear(h.flatten(1), p["fc.weight"], p["fc.bias"]), label)
    loss.backward()
    return {
        "x": tensor(x),
        "label": label.tolist(),
        "params": {name: tensor(t) for name, t in p.items()},
        "loss": loss.item(),
        "gradients": {name: numbers(t.grad) for name, t in p.items()},
    }


elementwise()
reductions()
windows()
golden = {"cases": cases, "network": network()}
path = pathlib.Path(__file__).parent.parent / "golden" / "ops.json"
path.write_text(json.dumps(golden, separators=(",", ":")) + "\n")
print(f"{path.name}: {len(cases)} cases, {path.stat().st_size} bytes")
