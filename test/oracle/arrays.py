"""Writes test/golden/arrays.json: small files of NumPy's formats (NumPy 2.4) and their values.

    python arrays.py
"""

import base64
import io
import json
from pathlib import Path

import numpy as np
from numpy.lib import format as npy

GOLDEN = Path(__file__).parent.parent / "golden" / "arrays.json"


def saved(x: np.ndarray, version=(1, 0)) -> bytes:
    out = io.BytesIO()
    npy.write_array(out, x, version=version)
    return out.getvalue()


def zipped(save, **arrays) -> bytes:
    out = io.BytesIO()
    save(out, **arrays)
    return out.getvalue()


def main() -> None:
    x = np.arange(6).reshape(2, 3)
    types = ["u1", "i4", "i8", "f4", "f8", "?"]
    text = lambda data: base64.b64encode(data).decode()
    arrays = [
        {"name": type, "file": text(saved(x.astype(type))), "shape": [2, 3], "values": x.astype(type).astype(float).flatten().tolist()}
        for type in types
    ]
    arrays += [
        {"name": f"version {v}", "file": text(saved(x.astype("f4"), (v, 0))), "shape": [2, 3], "values": x.flatten().tolist()}
        for v in (2, 3)
    ]
    arrays.append({"name": "one axis", "file": text(saved(np.array([3, 1], "i8"))), "shape": [2], "values": [3, 1]})
    arrays.append({"name": "no axis", "file": text(saved(np.array(7.5))), "shape": [], "values": [7.5]})
    refused = {
        "f2": saved(x.astype("f2")),
        ">f4": saved(x.astype(">f4")),
        "U3": saved(np.array(["cat", "dog"])),
        "fortran": saved(np.asfortranarray(x.astype("f4"))),
        "record": saved(np.zeros(2, [("a", "f4"), ("b", "i4")])),
        "wide": saved(np.array([1, 2**40])),
    }
    image = (np.arange(2 * 4 * 5) % 256).astype("u1").reshape(2, 1, 4, 5)
    label = np.array([1, 0], "i8")
    archives = {
        "stored": text(zipped(np.savez, image=image, label=label)),
        "deflated": text(zipped(np.savez_compressed, image=image, label=label)),
    }
    goldens = {"arrays": arrays, "refused": {k: text(v) for k, v in refused.items()}, "archives": archives}
    GOLDEN.write_text(json.dumps(goldens, indent=1) + "\n")


if __name__ == "__main__":
    main()
