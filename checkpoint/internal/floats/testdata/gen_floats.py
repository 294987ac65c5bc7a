"""Writes golden.json: what PyTorch, NumPy and ml_dtypes make of the small floats.

The Go tests of this folder's package compare themselves with it. To make it anew:

    python3 -m venv venv
    venv/bin/pip install torch==2.15.0 numpy==2.4.6 ml_dtypes==0.6.0
    venv/bin/python gen_floats.py

Who answers for what:
  PyTorch    the F8 formats, F16, BF16, and float32 to F16 and BF16;
  ml_dtypes  F6 and F4, which PyTorch cannot convert;
  NumPy      float64 to F16 and to float32. PyTorch and ml_dtypes round float64
             twice on the way to two bytes, so nobody answers for float64 to BF16.

All numbers are bit patterns in hexadecimal. In a digest every NaN counts as the
canonical one (7fc00000, 7e00, 7fc0), because payloads are each library's own.
"""

import hashlib
import json
import pathlib

import ml_dtypes
import numpy as np
import torch

TORCH_BYTES = {
    "F8_E5M2": torch.float8_e5m2,
    "F8_E4M3": torch.float8_e4m3fn,
    "F8_E8M0": torch.float8_e8m0fnu,
    "F8_E4M3FNUZ": torch.float8_e4m3fnuz,
    "F8_E5M2FNUZ": torch.float8_e5m2fnuz,
}
ML_BYTES = {
    "F6_E2M3": (ml_dtypes.float6_e2m3fn, 64),
    "F6_E3M2": (ml_dtypes.float6_e3m2fn, 64),
    "F4": (ml_dtypes.float4_e2m1fn, 16),
}


def f32_bits(t: torch.Tensor) -> np.ndarray:
    return t.to(torch.float32).view(torch.int32).numpy().view(np.uint32)


def all_codes_byte(dtype: torch.dtype) -> np.ndarray:
    return f32_bits(torch.arange(256, dtype=torch.int64).to(torch.uint8).view(dtype))


def all_codes_small(dtype, count: int) -> np.ndarray:
    codes = np.arange(count, dtype=np.uint8).view(dtype)
    return codes.astype(np.float32).view(np.uint32)


def all_codes_two_bytes(dtype: torch.dtype) -> np.ndarray:
    codes = np.arange(1 << 16, dtype=np.uint16).view(np.int16)
    return f32_bits(torch.from_numpy(codes).view(dtype))


def encode(bits32: np.ndarray, dtype: torch.dtype) -> np.ndarray:
    values = torch.from_numpy(bits32.view(np.int32)).view(torch.float32)
    return values.to(dtype).view(torch.int16).numpy().view(np.uint16)


def canonical(bits: np.ndarray, inf: int, nan: int) -> np.ndarray:
    magnitude = bits & (np.iinfo(bits.dtype).max >> 1)
    return np.where(magnitude > inf, bits.dtype.type(nan), bits)


def digest(bits: np.ndarray, inf: int, nan: int) -> str:
    little = canonical(bits, inf, nan).astype(bits.dtype.newbyteorder("<"))
    return hashlib.sha256(little.tobytes()).hexdigest()


def sweep32(cut: int) -> np.ndarray:
    """Every sign, exponent and kept part of the mantissa, with the cut lower
    bits at: 0, 1, one below half, half, one above half, all set."""
    half = 1 << (cut - 1)
    lows = np.array([0, 1, half - 1, half, half + 1, 2 * half - 1], dtype=np.uint32)
    highs = np.arange(1 << (32 - cut), dtype=np.uint32) << np.uint32(cut)
    return (highs[:, None] | lows[None, :]).reshape(-1)


def sweep64() -> np.ndarray:
    """Every F16 from 0 up, and with its successor the places where rounding
    turns; all of it once more with the sign set."""
    codes = np.arange(0x7C00, dtype=np.uint16)
    here = codes.view(np.float16).astype(np.float64)
    after = np.append(here[1:], 65536.0)
    middle = (here + after) / 2
    up, down = np.float64(np.inf), np.float64(-np.inf)
    rows = np.stack([
        here, np.nextafter(here, up),
        np.nextafter(middle, down), middle, np.nextafter(middle, up),
        np.nextafter(after, down),
    ], axis=1).reshape(-1)
    return np.concatenate([rows, -rows])


def hard32() -> np.ndarray:
    """Both signs of the float32 at and beside each place where rules change."""
    places = [
        0x00000000, 0x00000001, 0x00000003, 0x00008000, 0x00010000, 0x00018000,
        0x007FFFFF, 0x00800000,              # zero, subnormals of BF16 and float32
        0x32800000, 0x33000000, 0x33800000,  # 2^-26; 2^-25, a tie with 0; 2^-24
        0x33C00000, 0x34200000, 0x34600000,  # 1.5, 2.5 and 3.5 steps of F16 subnormals
        0x387FC000, 0x387FE000, 0x387FF000,  # largest F16 subnormal, tie, beyond
        0x38800000, 0x38801000, 0x38803000,  # smallest normal F16, its ties
        0x3F800000, 0x3F801000, 0x3F803000,  # 1, its F16 ties (down, up)
        0x3F808000, 0x3F818000, 0x3FFF8000,  # its BF16 ties (down, up, carry)
        0x3FFFF000, 0x3FFFFFFF, 0x40490FDB,
        0x477FE000, 0x477FF000, 0x47800000,  # 65504; 65520 is Inf; 65536
        0x7F7F0000, 0x7F7F8000, 0x7F7FFFFF,  # largest BF16; Inf from here; float32's largest
        0x7F800000, 0x7F800001, 0x7F808000, 0x7FA00000, 0x7FC00000, 0x7FFFFFFF,
    ]
    near = {min(max(p + d, 0), 0x7FFFFFFF) for p in places for d in (-1, 0, 1)}
    return np.array([s | p for p in sorted(near) for s in (0, 1 << 31)], dtype=np.uint32)


def hard64() -> np.ndarray:
    """Values that round differently when rounded twice, and the ends."""
    values = []
    for tie in (1 + 2**-11, 1 + 3 * 2**-11, 2**-25, 1.5 * 2**-24, 2.5 * 2**-24, 65520.0,
                2**-14 - 2**-25, 1000.25, 2**-150, 1 + 2**-24, 3.4028235677973366e38):
        values += [tie, np.nextafter(tie, 0), np.nextafter(tie, np.inf), tie * (1 + 2**-40), tie * (1 - 2**-40)]
    values += [0.0, 5e-324, 1e-310, 1e-45, 1e308, np.inf, np.nan]
    return np.array([s * v for v in values for s in (1, -1)], dtype=np.float64)


def hexed(bits: np.ndarray) -> str:
    return "".join(f"{b:0{bits.dtype.itemsize * 2}x}" for b in bits)


def rows(*columns: np.ndarray) -> list:
    return [" ".join(hexed(np.array([b])) for b in row) for row in zip(*columns)]


def golden() -> dict:
    h32, h64 = hard32(), hard64()
    f16, bf16 = torch.float16, torch.bfloat16
    return {
        "versions": {"torch": torch.__version__.split("+")[0], "numpy": np.__version__, "ml_dtypes": ml_dtypes.__version__},
        "float32_of_codes": {n: hexed(all_codes_byte(d)) for n, d in TORCH_BYTES.items()}
        | {n: hexed(all_codes_small(d, c)) for n, (d, c) in ML_BYTES.items()},
        "sha256": {
            "decode F16": digest(all_codes_two_bytes(f16), 0x7F800000, 0x7FC00000),
            "decode BF16": digest(all_codes_two_bytes(bf16), 0x7F800000, 0x7FC00000),
            "encode F16 sweep32(13)": digest(encode(sweep32(13), f16), 0x7C00, 0x7E00),
            "encode BF16 sweep32(16)": digest(encode(sweep32(16), bf16), 0x7F80, 0x7FC0),
            "encode F16 sweep64": digest(sweep64().astype(np.float16).view(np.uint16), 0x7C00, 0x7E00),
        },
        "float32_f16_bf16": rows(h32, encode(h32, f16), encode(h32, bf16)),
        "float64_f16_float32": rows(
            h64.view(np.uint64), h64.astype(np.float16).view(np.uint16), h64.astype(np.float32).view(np.uint32)),
    }


if __name__ == "__main__":
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        text = json.dumps(golden(), indent=1)
    pathlib.Path(__file__).with_name("golden.json").write_text(text + "\n")
