"""The small denoising network, in PyTorch: how its weights in denoiser.npz were trained.

    python denoiser_torch.py     train both networks again, about three CPU minutes each

There are two, each trained on half of the photographs, so that each photograph can be denoised by a network that has
not seen it. The everyday code runs them in NumPy: `computational_photography.denoise`.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).resolve().parent))
import computational_photography as cp
import photographs

_FOLDER = Path(__file__).resolve().parent
WEIGHTS = _FOLDER / "denoiser.npz"
HALVES = (("astronaut", "china", "rocket", "hubble"), ("chelsea", "coffee", "flower", "hopper"))
TEXTURES = ("brick", "grass", "gravel", "camera")  # of scikit-image, CC0, grey: training only
WIDTH, DEPTH = 32, 5
STEPS, BATCH, SIDE = 4500, 16, 40


def network() -> nn.Sequential:
    """Five layers of 3 x 3 kernels without offsets: the four planes and the noise level in, the noise out.

    Where the taps stand apart, an answer depends on 19 by 19 pixels of each plane, 38 by 38 of the mosaic.
    """
    widths = [5, *[WIDTH] * (DEPTH - 1), 4]
    layers: list[nn.Module] = []
    for index, step in enumerate(cp.DILATION):
        layers.append(nn.Conv2d(widths[index], widths[index + 1], 3, padding=step, dilation=step, padding_mode="replicate",
                                bias=False))
        if index < DEPTH - 1:
            layers.append(nn.ReLU())
    return nn.Sequential(*layers)


def training_pictures(half: int) -> list[np.ndarray]:
    """The packages' own files, as they are and halved: twice the photographs' size and more, so more patches."""
    from skimage import data

    colour = [photographs.original(name) for name in HALVES[half]]
    grey = [np.repeat(getattr(data, name)()[..., None].astype(float), 3, axis=-1) for name in TEXTURES]
    large = [cp.to_linear(picture / 255.0) for picture in colour + grey]
    small = [picture[: len(picture) // 2 * 2, : picture.shape[1] // 2 * 2] for picture in large]
    return large + [each.reshape(len(each) // 2, 2, -1, 2, 3).mean(axis=(1, 3)) for each in small]


def batch(pictures: list[np.ndarray], rng: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Noisy patches as the sensor gives them, the noise in them, and its standard deviation.

    In the stabilised domain noise is nearly Gaussian of standard deviation 1 at any light, so it is drawn so; the
    light decides only how large the whole range is beside it.
    """
    clean = np.empty((BATCH, 4, SIDE, SIDE))
    for index in range(BATCH):
        picture = pictures[rng.integers(len(pictures))]
        row, column = (rng.integers(0, (size - 2 * SIDE) // 2 + 1) * 2 for size in picture.shape[:2])
        patch = picture[row : row + 2 * SIDE, column : column + 2 * SIDE]
        if rng.random() < 0.5:
            patch = patch.swapaxes(0, 1)
        patch = patch[:: rng.choice([-1, 1]), :: rng.choice([-1, 1])] * rng.uniform(0.4, 1.0)
        clean[index] = cp.pack(cp.mosaic(patch))
    white = np.exp(rng.uniform(np.log(50), np.log(10_000), (BATCH, 1, 1, 1)))
    scale = cp.stabilise(white, 4.0)
    noise = 1.0 / scale
    stable = cp.stabilise(clean * white, 4.0) / scale
    draw = noise * rng.normal(size=clean.shape)
    told = np.broadcast_to(noise, (BATCH, 1, SIDE, SIDE))
    values = np.concatenate([stable + draw, told], axis=1)
    tensors = (torch.tensor(each, dtype=torch.float32) for each in (values, draw, noise))
    return tuple(tensors)  # type: ignore[return-value]


def train(half: int, steps: int = STEPS) -> nn.Sequential:
    torch.manual_seed(half)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    rng = np.random.default_rng(half)
    pictures = training_pictures(half)
    model = network()
    optimiser = torch.optim.Adam(model.parameters(), lr=1.5e-3)
    plan = torch.optim.lr_scheduler.OneCycleLR(optimiser, 1.5e-3, total_steps=steps, pct_start=0.2)
    started, recent = time.process_time(), 0.0
    for step in range(1, steps + 1):
        values, draw, noise = batch(pictures, rng)
        squares = (model(values) - draw) ** 2
        loss = 100.0 * (squares / noise).mean()  # between absolute errors, which ask for the dark only, and relative ones
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 0.5)  # a leap early on can leave every unit silent for good
        optimiser.step()
        plan.step()
        recent = (squares / noise**2).mean().item() * (1.0 if step == 1 else 0.02) + (0.0 if step == 1 else 0.98 * recent)
        if step % 200 == 0:
            print(f"half {half}, step {step}: noise left {recent:.3f}, {time.process_time() - started:.0f} CPU s",
                  file=sys.stderr, flush=True)
    return model


def arrays(model: nn.Sequential) -> list[np.ndarray]:
    return [layer.weight.detach().numpy() for layer in model if isinstance(layer, nn.Conv2d)]


def load(half: int) -> list[cp.Array]:
    """A network's kernels, from the committed file."""
    with np.load(WEIGHTS) as kept:
        return [kept[f"{half}-{layer}"].astype(np.float64) for layer in range(DEPTH)]


def denoise(raw: np.ndarray, read_noise: float, white: float, layers: list[cp.Array]) -> np.ndarray:
    """The same as `computational_photography.denoise`, run by PyTorch."""
    model = network()
    with torch.no_grad():
        for layer, weight in zip([each for each in model if isinstance(each, nn.Conv2d)], layers):
            layer.weight.copy_(torch.tensor(weight))
        scale = float(cp.stabilise(np.array(white), read_noise))
        planes = cp.stabilise(cp.pack(raw), read_noise) / scale
        values = np.concatenate([planes, np.full((1, *planes.shape[1:]), 1.0 / scale)])
        noise = model(torch.tensor(values, dtype=torch.float32)[None])[0].numpy()
    return cp.unpack(cp.unstabilise((planes - noise) * scale, read_noise))


def save(models: list[nn.Sequential]) -> None:
    """Half precision: about 60 kB a network."""
    np.savez_compressed(WEIGHTS, **{f"{half}-{layer}": values.astype(np.float16)
                                    for half, model in enumerate(models) for layer, values in enumerate(arrays(model))})


if __name__ == "__main__":
    save([train(half) for half in range(2)])
