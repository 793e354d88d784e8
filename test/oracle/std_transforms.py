"""Writes test/golden/std-transforms.json: steps of data against torchvision's definitions, in float64.

    python std_transforms.py

torchvision's transforms of tensors are written out here after its documentation and torchvision/transforms/_functional_tensor.py:
random ones with the random number given.
"""

import json
from pathlib import Path

import torch
from torch.nn import functional as F

from fixtures import uniform

GOLDEN = Path(__file__).parent.parent / "golden" / "std-transforms.json"
SHAPE = (2, 3, 7, 6)


def blend(a, b, ratio):
    return (ratio * a + (1.0 - ratio) * b).clamp(0, 1)


def gray(img):
    r, g, b = img.unbind(dim=-3)
    return (0.2989 * r + 0.587 * g + 0.114 * b).unsqueeze(-3)


def brightness(img, f):
    return blend(img, torch.zeros_like(img), f)


def contrast(img, f):
    return blend(img, gray(img).mean(dim=(-3, -2, -1), keepdim=True), f)


def saturation(img, f):
    return blend(img, gray(img), f)


def hue(img, f):
    r, g, b = img.unbind(dim=-3)
    maxc, minc = img.max(dim=-3).values, img.min(dim=-3).values
    eqc = maxc == minc
    cr = maxc - minc
    s = cr / torch.where(eqc, torch.ones_like(maxc), maxc)
    div = torch.where(eqc, torch.ones_like(maxc), cr)
    rc, gc, bc = (maxc - r) / div, (maxc - g) / div, (maxc - b) / div
    h = (
        (maxc == r) * (bc - gc)
        + ((maxc == g) & (maxc != r)) * (2.0 + rc - bc)
        + ((maxc != g) & (maxc != r)) * (4.0 + gc - rc)
    )
    h = (torch.fmod(h / 6.0 + 1.0, 1.0) + f) % 1.0
    i = torch.floor(h * 6.0)
    part = h * 6.0 - i
    i = i.to(torch.int32) % 6
    v = maxc
    p, q, t = (v * (1 - s)).clamp(0, 1), (v * (1 - s * part)).clamp(0, 1), (v * (1 - s * (1 - part))).clamp(0, 1)
    choose = lambda *xs: torch.stack(xs).gather(0, i.long().unsqueeze(0))[0]
    return torch.stack([choose(v, q, p, p, t, v), choose(t, v, v, q, p, p), choose(p, p, t, v, v, q)], dim=-3)


def center_crop(img, h, w):
    top, left = int(round((img.shape[-2] - h) / 2.0)), int(round((img.shape[-1] - w) / 2.0))
    return img[..., top : top + h, left : left + w]


def resize(img, size, antialias=True):
    return F.interpolate(img, size=size, mode="bilinear", align_corners=False, antialias=antialias)


def normalize(img):
    mean, std = img.mean(dim=(0, 2, 3)), img.std(dim=(0, 2, 3), unbiased=False)
    return (img - mean[:, None, None]) / std[:, None, None]


CASES = {
    "scale(2, offset = -1)": lambda x: 2 * x - 1,
    "normalize(mean = [0.4, 0.5, 0.6], std = [0.2, 0.3, 0.25])": lambda x: (x - torch.tensor([0.4, 0.5, 0.6])[:, None, None])
    / torch.tensor([0.2, 0.3, 0.25])[:, None, None],
    "normalize": normalize,
    "random_flip(p = 1)": lambda x: x.flip(-1),
    "random_flip(p = 1, direction = vertical)": lambda x: x.flip(-2),
    "random_flip(p = 0)": lambda x: x,
    "center_crop(4)": lambda x: center_crop(x, 4, 4),
    "center_crop([2, 3])": lambda x: center_crop(x, 2, 3),
    "center_crop([6, 1])": lambda x: center_crop(x, 6, 1),
    "random_crop(size = [11, 10], padding = 2)": lambda x: F.pad(x, (2, 2, 2, 2)),
    "random_crop(size = [13, 8], padding = [3, 1], padding_mode = reflect)": lambda x: F.pad(x, (1, 1, 3, 3), mode="reflect"),
    "random_crop(size = [9, 8], padding = 1, padding_mode = replicate)": lambda x: F.pad(x, (1, 1, 1, 1), mode="replicate"),
    "color_jitter(brightness = [1.4, 1.4])": lambda x: brightness(x, 1.4),
    "color_jitter(brightness = [0, 0])": lambda x: brightness(x, 0.0),
    "color_jitter(contrast = [1.7, 1.7])": lambda x: contrast(x, 1.7),
    "color_jitter(contrast = [0.3, 0.3])": lambda x: contrast(x, 0.3),
    "color_jitter(saturation = [1.8, 1.8])": lambda x: saturation(x, 1.8),
    "color_jitter(saturation = [0, 0])": lambda x: saturation(x, 0.0),
    "color_jitter(hue = [0.5, 0.5])": lambda x: hue(x, 0.5),
    "color_jitter(hue = [-0.2, -0.2])": lambda x: hue(x, -0.2),
    "color_jitter(brightness = [0.8, 0.8], contrast = [1.2, 1.2], saturation = [1.5, 1.5], hue = [0.1, 0.1])": lambda x: hue(
        saturation(contrast(brightness(x, 0.8), 1.2), 1.5), 0.1
    ),
    "resize(4)": lambda x: resize(x, (4, 4)),
    "resize([3, 11])": lambda x: resize(x, (3, 11)),
    "resize([9, 5], antialias = false)": lambda x: resize(x, (9, 5), False),
}


def main() -> None:
    torch.set_default_dtype(torch.float64)
    x = torch.as_tensor(uniform("x", SHAPE, 0.0, 1.0), dtype=torch.float64)
    # Grey pixels have no hue; equal largest channels are on the edge between two sectors.
    x[0, :, 0, 0] = 0.25
    x[0, 0, 0, 1] = x[0, 1, 0, 1]
    goldens = []
    for steps, f in CASES.items():
        y = f(x)
        goldens.append({"steps": steps, "shape": list(y.shape), "values": [round(v, 9) for v in y.flatten().tolist()]})
    lines = ",\n".join(json.dumps(golden) for golden in goldens)
    GOLDEN.write_text(f"[\n{lines}\n]\n")


if __name__ == "__main__":
    main()
