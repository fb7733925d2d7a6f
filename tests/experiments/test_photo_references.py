"""The article's camera against scikit-image, OpenCV, SciPy, PyTorch, and what the published networks should do.

These need the "experiments" group of packages and fetch two models once (posts/computational-photography/models.py).
"""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from article_code import load

cv2 = pytest.importorskip("cv2")
torch = pytest.importorskip("torch")
ndimage = pytest.importorskip("scipy.ndimage")
signal = pytest.importorskip("scipy.signal")
metrics = pytest.importorskip("skimage.metrics")
registration = pytest.importorskip("skimage.registration")
restoration = pytest.importorskip("skimage.restoration")

_FOLDER = Path(__file__).resolve().parents[2] / "posts" / "computational-photography"

cp = load("computational-photography", "computational_photography")
photographs = load("computational-photography", "photographs")
scenes = load("computational-photography", "scenes")
denoiser_torch = load("computational-photography", "denoiser_torch")
models = load("computational-photography", "models")
experiment = load("computational-photography", "experiment")
make_pictures = load("computational-photography", "make_pictures")


@pytest.mark.parametrize("name", ["coffee", "china", "rocket"])
def test_ssim_is_scikit_images(name: str) -> None:
    truth = cp.to_srgb(photographs.load(name))
    guess = np.clip(truth + np.random.default_rng(0).normal(0, 0.05, truth.shape), 0, 1)
    theirs = metrics.structural_similarity(truth, guess, gaussian_weights=True, sigma=1.5, use_sample_covariance=False,
                                           data_range=1.0, channel_axis=2)
    assert abs(cp.ssim(truth, guess) - theirs) < 1e-10
    assert abs(cp.psnr(truth, guess) - metrics.peak_signal_noise_ratio(truth, guess, data_range=1.0)) < 1e-9


@pytest.mark.parametrize("noise", [0.0, 0.03])
def test_alignment_agrees_with_scikit_image_within_a_tenth_of_a_pixel(noise: float) -> None:
    rng = np.random.default_rng(1)
    grey = photographs.load("astronaut").mean(axis=-1)
    for _ in range(4):
        moved = cp.padded_shift(grey, *rng.uniform(-6, 6, 2))
        a, b = (each + noise * rng.normal(size=grey.shape) for each in (grey, moved))
        theirs = -registration.phase_cross_correlation(a, b, upsample_factor=20)[0]
        assert np.abs(np.subtract(cp.phase_correlation(a, b), theirs)).max() <= 0.1


def test_shifting_is_scipys_fourier_shift() -> None:
    image = photographs.load("coffee")[:81, :121, 1]
    theirs = np.fft.ifft2(ndimage.fourier_shift(np.fft.fft2(image), (1.3, -2.6))).real
    assert np.allclose(cp.fourier_shift(image, 1.3, -2.6), theirs, atol=1e-12)


def test_bilinear_demosaicing_is_opencvs_inside() -> None:
    raw = np.round(255 * cp.mosaic(cp.to_srgb(photographs.load("coffee")))).astype(np.uint8)
    theirs = cv2.cvtColor(raw, cv2.COLOR_BayerRGGB2RGB).astype(float)
    assert np.abs(cp.bilinear_demosaic(raw.astype(float)) - theirs)[2:-2, 2:-2].max() <= 1.0  # theirs is rounded


def test_malvars_kernels_are_those_of_the_paper_applied_by_scipy() -> None:
    """The paper's figure 2, written down again as whole numbers of sixteenths, by hand."""
    raw = np.random.default_rng(0).uniform(0, 1, (24, 30))
    green = np.array([[0, 0, -2, 0, 0], [0, 0, 4, 0, 0], [-2, 4, 8, 4, -2], [0, 0, 4, 0, 0], [0, 0, -2, 0, 0]]) / 16
    row = np.array([[0, 0, 1, 0, 0], [0, -2, 0, -2, 0], [-2, 8, 10, 8, -2], [0, -2, 0, -2, 0], [0, 0, 1, 0, 0]]) / 16
    across = np.array([[0, 0, -3, 0, 0], [0, 4, 0, 4, 0], [-3, 0, 12, 0, -3], [0, 4, 0, 4, 0], [0, 0, -3, 0, 0]]) / 16
    at = {kind: ndimage.correlate(raw, kernel, mode="mirror")
          for kind, kernel in (("green", green), ("row", row), ("column", row.T), ("across", across))}
    ours = cp.malvar_demosaic(raw)
    assert np.allclose(ours[0::2, 0::2, 1], at["green"][0::2, 0::2]) and np.allclose(ours[1::2, 1::2, 1], at["green"][1::2, 1::2])
    assert np.allclose(ours[0::2, 1::2, 0], at["row"][0::2, 1::2]) and np.allclose(ours[0::2, 1::2, 2], at["column"][0::2, 1::2])
    assert np.allclose(ours[1::2, 0::2, 0], at["column"][1::2, 0::2]) and np.allclose(ours[1::2, 0::2, 2], at["row"][1::2, 0::2])
    assert np.allclose(ours[1::2, 1::2, 0], at["across"][1::2, 1::2]) and np.allclose(ours[0::2, 0::2, 2], at["across"][0::2, 0::2])


def test_our_edge_aware_demosaicing_is_as_good_as_opencvs() -> None:
    better = []
    for name in photographs.NAMES:
        truth = cp.to_srgb(photographs.load(name))
        raw = np.round(255 * cp.mosaic(truth)).astype(np.uint8)
        theirs = cv2.cvtColor(raw, cv2.COLOR_BayerRGGB2RGB_EA) / 255.0
        inner = np.s_[4:-4, 4:-4]
        better.append(cp.psnr(truth[inner], cp.edge_demosaic(raw / 255.0)[inner]) - cp.psnr(truth[inner], theirs[inner]))
    assert np.mean(better) > 0


@pytest.mark.parametrize("name", ["coffee", "astronaut", "flower"])
def test_exposure_fusion_is_opencvs(name: str) -> None:
    light = photographs.load(name)
    exposures = np.round(255 * np.stack([cp.to_srgb(light * gain) for gain in (0.25, 1.0, 4.0)])).astype(np.uint8)
    theirs = cv2.createMergeMertens(1.0, 1.0, 1.0).process([np.ascontiguousarray(each[..., ::-1]) for each in exposures])[..., ::-1]
    ours = cp.fuse_exposures(exposures / 255.0)
    # Where the picture's size is odd at some scale, the two treat the border differently.
    assert cp.psnr(theirs, ours) > 45 and np.abs(ours - theirs).mean() < 0.005


def test_tile_alignment_agrees_with_opencvs_template_matching() -> None:
    rng = np.random.default_rng(2)
    grey = photographs.load("china").mean(axis=-1)[:192, :304]
    frame = np.roll(grey, (5, -7), (0, 1)) + 0.01 * rng.normal(size=grey.shape)
    shifts = cp.pyramid_align(grey, frame)
    agree = []
    for row in range(2, 10):
        for column in range(2, 17):
            tile = grey[16 * row : 16 * row + 16, 16 * column : 16 * column + 16].astype(np.float32)
            area = frame[16 * row - 16 : 16 * row + 32, 16 * column - 16 : 16 * column + 32].astype(np.float32)
            score = cv2.matchTemplate(area, tile, cv2.TM_SQDIFF)
            best = np.unravel_index(score.argmin(), score.shape)
            if tile.std() > 0.05:  # a flat tile fits anywhere
                agree.append(tuple(shifts[row, column]) == (best[0] - 16, best[1] - 16))
    assert len(agree) > 30 and np.mean(agree) > 0.9


def test_the_network_in_numpy_is_the_one_in_pytorch() -> None:
    raw = experiment.burst("coffee", True, True, 400.0)[0][0][:64, :80]
    layers = denoiser_torch.load(0)
    ours, theirs = cp.denoise(raw, 4.0, 400.0, layers), denoiser_torch.denoise(raw, 4.0, 400.0, layers)
    assert np.abs(ours - theirs).max() < 1e-2  # of 400 electrons, in single precision
    assert denoiser_torch.WEIGHTS.stat().st_size <= 150_000


def test_training_repeats_itself_to_the_bit_and_another_half_differs() -> None:
    first, second, other = (denoiser_torch.arrays(denoiser_torch.train(half, steps=50)) for half in (0, 0, 1))
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
    assert not any(np.array_equal(a, b) for a, b in zip(first, other, strict=True))


def test_the_published_demosaicer_computes_what_its_own_module_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their code from the package, on a mosaic laid out as they want it; ours on the same light, one column apart."""
    import packages

    stand_in = ModuleType("pkg_resources")
    stand_in.resource_filename = lambda *_: ""  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "pkg_resources", stand_in)
    theirs: dict[str, Any] = {"__name__": "demosaicnet.modules"}
    exec(packages.members(models.DEMOSAICNET)["demosaicnet/modules.py"].decode(), theirs)
    net = theirs["BayerDemosaick"](pretrained=False)
    net.load_state_dict(models._demosaicnet())
    truth = cp.to_srgb(photographs.load("coffee"))[:120, :140]
    raw = cp.mosaic(truth)
    shifted = raw[:, 1:]  # begins with green
    mosaic = np.zeros((3, *shifted.shape))
    mosaic[1, 0::2, 0::2], mosaic[1, 1::2, 1::2] = shifted[0::2, 0::2], shifted[1::2, 1::2]
    mosaic[0, 0::2, 1::2], mosaic[2, 1::2, 0::2] = shifted[0::2, 1::2], shifted[1::2, 0::2]
    with torch.no_grad():
        out = net(torch.tensor(mosaic, dtype=torch.float32)[None])[0].numpy().transpose(1, 2, 0)
    crop = (shifted.shape[0] - out.shape[0]) // 2
    ours = models.demosaicnet(raw)[crop : crop + out.shape[0], crop + 1 : crop + 1 + out.shape[1]]
    assert np.abs(ours - out)[8:-8, 8:-8].max() < 1e-4


def test_the_published_demosaicer_keeps_its_lead_on_any_phase() -> None:
    """A wrong phase of its mosaic would cost it ten decibels."""
    for name in ("coffee", "china"):
        truth = cp.to_srgb(photographs.load(name))
        raw = cp.mosaic(truth)
        assert models.demosaicnet(raw).shape == truth.shape
        assert cp.psnr(truth, models.demosaicnet(raw)) > cp.psnr(truth, cp.edge_demosaic(raw)) + 3


def test_the_published_enlarger_quadruples_and_keeps_the_place() -> None:
    """Its picture, reduced again, lies on what it was given, not a pixel beside."""
    small = cp.to_srgb(scenes.reduced(photographs.load("astronaut")))[:48, :48]
    large = models.enlarge(small, models.SMALL)
    assert large.shape == (192, 192, 3)
    again = cp.to_srgb(scenes.reduced(cp.to_linear(large)))
    beside = min(cp.psnr(small, np.roll(again, move, axis)) for axis in (0, 1) for move in (-1, 1))
    assert cp.psnr(small, again) > 25 > beside


def test_bicubic_enlarging_is_opencvs_inside_within_its_choice_of_kernel() -> None:
    """Pillow's kernel bends at -0.5 and OpenCV's at -0.75, so they differ a little, and no more."""
    small = cp.to_srgb(scenes.reduced(photographs.load("coffee")))
    theirs = cv2.resize(small, None, fx=4, fy=4, interpolation=cv2.INTER_CUBIC)
    assert cp.psnr(np.clip(theirs, 0, 1), scenes.bicubic(small)) > 38


def test_the_interval_covers_a_known_mean_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(60):
        low, high = experiment.interval(list(rng.normal(1.0, 1.0, 24)))
        covered += low <= 1.0 <= high
    assert covered >= 50


@pytest.mark.parametrize("figure", ["burst", "moving", "gratings"])
def test_the_committed_pictures_show_what_the_script_draws(figure: str) -> None:
    """Encoders differ in the last bits, so what they show is compared."""
    from PIL import Image

    for name, picture in make_pictures.FIGURES[figure]().items():
        with Image.open(_FOLDER / f"{name}.avif") as committed:
            shown = np.asarray(committed.convert("L" if picture.ndim == 2 else "RGB")) / 255.0
        assert cp.psnr(np.clip(picture, 0, 1), shown) > 30, name


def test_the_committed_photographs_are_the_packages_own_halved() -> None:
    from PIL import Image

    for name in ("astronaut", "coffee", "rocket"):
        with Image.open(photographs.FOLDER / f"{name}.webp") as committed:
            assert np.array_equal(np.asarray(committed.convert("RGB")), photographs.halved(photographs.original(name)))
