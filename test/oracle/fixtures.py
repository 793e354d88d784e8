"""Weights, images and labels that Python and TypeScript compute alike (see test/parity/fixtures.ts), so that goldens hold losses only.

Element i of the stream `name` is hash(seed(name) + i * 0x9E3779B9 mod 2^32), where seed is 32-bit FNV-1a of the name and hash is
Wellons' lowbias32 (https://nullprogram.com/blog/2018/07/31/). Floats take its upper 24 bits, so every value is exact in float32.
"""

import hashlib
import os
from pathlib import Path

import numpy as np

CLASSES = 10
TEST_BATCH_SHA256 = "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b"


def seed(name: str) -> int:
    value = 0x811C9DC5
    for byte in name.encode():
        value = ((value ^ byte) * 0x01000193) & 0xFFFFFFFF
    return value


def bits(name: str, count: int) -> np.ndarray:
    """uint32[count]"""
    x = np.arange(count, dtype=np.uint32) * np.uint32(0x9E3779B9) + np.uint32(seed(name))
    x ^= x >> np.uint32(16)
    x *= np.uint32(0x7FEB352D)
    x ^= x >> np.uint32(15)
    x *= np.uint32(0x846CA68B)
    x ^= x >> np.uint32(16)
    return x


def uniform(name: str, shape, low: float, high: float) -> np.ndarray:
    """float64[shape] in [low, high), rounded to float32."""
    unit = (bits(name, int(np.prod(shape))) >> np.uint32(8)).astype(np.float64) * 2.0**-24
    return (low + (high - low) * unit).astype(np.float32).astype(np.float64).reshape(shape)


def labels(count: int) -> np.ndarray:
    """int64[count] in 0..9"""
    return ((bits("labels", count) >> np.uint32(16)) % np.uint32(CLASSES)).astype(np.int64)


def images(count: int, size: int = 32) -> np.ndarray:
    """uint8[count, 3, size, size]: a picture of the class, one of the image (both of 4x4-pixel squares) and noise, as 1 : 2 : 1."""
    label = labels(count)
    picture = squares("class squares", CLASSES, size)[label].astype(np.uint32) + 2 * squares("image squares", count, size)
    return ((picture + pixels("noise", count, size)) >> np.uint32(2)).astype(np.uint8)


def pixels(name: str, count: int, size: int) -> np.ndarray:
    return (bits(name, count * 3 * size * size) >> np.uint32(24)).reshape(count, 3, size, size)


def squares(name: str, count: int, size: int) -> np.ndarray:
    return pixels(name, count, 8).repeat(4, axis=2).repeat(4, axis=3)[:, :, :size, :size]


def ties(count: int, size: int = 32) -> np.ndarray:
    """uint8[count, 3, size, size] of 0 and 255 only: most pooling windows hold their maximum several times."""
    return (pixels("ties", count, size) // 128 * 255).astype(np.uint8)


def targets(label: np.ndarray) -> np.ndarray:
    """float64[n, 10]: one-hot plus noise in [-0.25, 0.25), so that no difference is near a kink of |x - y|'s gradient for long."""
    return (np.eye(CLASSES)[label] + uniform("targets", (len(label), CLASSES), -0.25, 0.25)).astype(np.float32).astype(np.float64)


def cifar10(files: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """uint8[n, 3, 32, 32] and int64[n], in file order, from the user's cache directory."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mlc" / "cifar-10-batches-bin"
    raw = b"".join((cache / name).read_bytes() for name in files)
    if files == ["test_batch.bin"] and hashlib.sha256(raw).hexdigest() != TEST_BATCH_SHA256:
        raise SystemExit("test_batch.bin is not the official file")
    records = np.frombuffer(raw, dtype=np.uint8).reshape(-1, 3073)
    return records[:, 1:].reshape(-1, 3, 32, 32), records[:, 0].astype(np.int64)
