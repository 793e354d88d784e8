"""Writes test/golden/pictures.json: small PNG and JPEG files, and what PIL (12.3) makes of them.

    python pictures.py
"""

import base64
import io
import json
from pathlib import Path

import numpy as np
from PIL import Image

GOLDEN = Path(__file__).parent.parent / "golden" / "pictures.json"
WIDTH, HEIGHT = 21, 14
SIZES = [(8, 8), (30, 5), (21, 9)]


def scene() -> Image.Image:
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    planes = [127 + 100 * np.sin(x / 3 + y / 5), 127 + 90 * np.cos(x / 2), y * 255 / HEIGHT]
    return Image.fromarray(np.clip(np.stack(planes, -1), 0, 255).astype(np.uint8))


def encoded(image: Image.Image, format: str, **options) -> bytes:
    out = io.BytesIO()
    image.save(out, format, **options)
    return out.getvalue()


def files() -> dict[str, bytes]:
    rgb = scene()
    clear = rgb.convert("RGBA")
    clear.putalpha(rgb.convert("L"))
    sixteen = Image.fromarray(np.asarray(rgb.convert("L")).astype(np.uint16) * 257 + 100)
    palette = rgb.convert("P", palette=Image.ADAPTIVE, colors=200)
    return {
        "rgb.png": encoded(rgb, "PNG"),
        "grey.png": encoded(rgb.convert("L"), "PNG"),
        "rgba.png": encoded(clear, "PNG"),
        "grey-alpha.png": encoded(clear.convert("LA"), "PNG"),
        "palette.png": encoded(palette, "PNG"),
        "palette-4-bits.png": encoded(rgb.convert("P", palette=Image.ADAPTIVE, colors=11), "PNG", bits=4),
        "one-bit.png": encoded(rgb.convert("1"), "PNG"),
        "sixteen-bits.png": encoded(sixteen, "PNG"),
        "rgb.jpg": encoded(rgb, "JPEG", quality=90),
        "progressive.jpg": encoded(rgb, "JPEG", progressive=True),
        "full-colour.jpg": encoded(rgb, "JPEG", subsampling=0),
        "grey.jpg": encoded(rgb.convert("L"), "JPEG"),
    }


def text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def eight_bits(image: Image.Image) -> Image.Image:
    """PIL cuts 16 bits off at 255; mlc scales them."""
    if not image.mode.startswith("I"):
        return image
    return Image.fromarray(np.round(np.asarray(image) / 257).astype(np.uint8))


def main() -> None:
    pictures = []
    for name, data in files().items():
        image = eight_bits(Image.open(io.BytesIO(data)))
        pictures.append({
            "name": name,
            "file": text(data),
            "width": WIDTH,
            "height": HEIGHT,
            "rgb": text(image.convert("RGB").tobytes()),
            "grey": text(image.convert("L").tobytes()),
        })
    rgb = scene()
    resized = [
        {"width": w, "height": h, "data": text(rgb.resize((w, h), Image.BILINEAR).tobytes())} for w, h in SIZES
    ]
    # The middle of the picture, in the proportions of a square.
    box = ((WIDTH - HEIGHT) / 2, 0, (WIDTH + HEIGHT) / 2, HEIGHT)
    resized.append({"crop": True, "width": 6, "height": 6, "data": text(rgb.resize((6, 6), Image.BILINEAR, box=box).tobytes())})
    lines = ",\n".join(json.dumps(picture) for picture in pictures)
    sizes = ",\n".join(json.dumps(size) for size in resized)
    GOLDEN.write_text(f'{{"pictures": [\n{lines}\n],\n"resized": [\n{sizes}\n]}}\n')


if __name__ == "__main__":
    main()
