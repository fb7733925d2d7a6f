"""The camera of computational-photography beyond one mosaic: alignment, merging, demosaicing, tone, network, measures."""

from __future__ import annotations

import hashlib
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from article_code import load
from PIL import Image

_FOLDER = Path(__file__).resolve().parents[2] / "posts" / "computational-photography"

cp = load("computational-photography", "computational_photography")
photographs = load("computational-photography", "photographs")
scenes = load("computational-photography", "scenes")
demo = load("computational-photography", "demo")


@pytest.fixture(scope="module")
def coffee() -> Any:
    return photographs.load("coffee")


# -- Moving and aligning -----------------------------------------------------


def test_a_shift_keeps_the_energy_and_goes_back(coffee: Any) -> None:
    image = coffee[:99, :151, 1]  # odd sizes: no frequency is its own opposite
    moved = cp.fourier_shift(image, 2.3, -7.65)
    assert math.isclose(moved.sum(), image.sum(), rel_tol=1e-12)
    assert math.isclose((moved**2).sum(), (image**2).sum(), rel_tol=1e-12)
    assert np.allclose(cp.fourier_shift(moved, -2.3, 7.65), image, atol=1e-12)
    assert np.allclose(cp.fourier_shift(image, 3, -5), np.roll(image, (3, -5), (0, 1)), atol=1e-12)


@pytest.mark.parametrize("noise", [0.0, 0.03])
def test_phase_correlation_finds_known_shifts_to_a_tenth_of_a_pixel(coffee: Any, noise: float) -> None:
    rng = np.random.default_rng(3)
    grey = coffee.mean(axis=-1)
    for _ in range(6):
        down, right = rng.uniform(-9, 9, 2)
        moved = cp.padded_shift(grey, down, right)
        found = cp.phase_correlation(grey + noise * rng.normal(size=grey.shape), moved + noise * rng.normal(size=grey.shape))
        assert abs(found[0] - down) <= 0.1 and abs(found[1] - right) <= 0.1, (down, right, found)


def test_tiles_find_what_moves_by_itself(coffee: Any) -> None:
    """Half the picture moves one way, half the other; each tile inside a half says so."""
    grey = coffee.mean(axis=-1)[:192, :288]
    frame = np.concatenate([np.roll(grey, (6, 2), (0, 1))[:96], np.roll(grey, (-5, -9), (0, 1))[96:]])
    shifts = cp.pyramid_align(grey, frame)
    assert shifts.shape == (12, 18, 2)
    upper, lower = shifts[1:5, 3:-3].reshape(-1, 2), shifts[7:11, 3:-3].reshape(-1, 2)
    assert (upper == (6, 2)).all(axis=1).mean() > 0.85 and (lower == (-5, -9)).all(axis=1).mean() > 0.85


def test_equal_frames_align_with_no_shift(coffee: Any) -> None:
    grey = coffee.mean(axis=-1)
    assert cp.phase_correlation(grey, grey) == (0.0, 0.0)
    assert not cp.pyramid_align(grey, grey).any()


# -- Merging -----------------------------------------------------------------


@pytest.mark.parametrize("count", [2, 8, 32])
def test_the_mean_of_n_static_frames_has_an_nth_of_the_variance(count: int) -> None:
    burst = cp.expose(np.full((count, 200, 200), 100.0), 4.0, np.random.default_rng(count))
    assert math.isclose(cp.mean_merge(burst).var() * count, 116.0, rel_tol=0.03)


def test_wiener_merging_returns_equal_frames_unchanged(coffee: Any) -> None:
    """The tiles' windows add up to one at every pixel, borders included."""
    frames = np.repeat(400 * coffee[None, :70, :101, 1], 3, axis=0)
    assert np.allclose(cp.wiener_merge(frames, 4.0), frames[0], atol=1e-9)


def test_wiener_merging_lowers_static_noise_and_keeps_the_reference_where_something_moves() -> None:
    rng = np.random.default_rng(1)
    scenes_ = np.full((8, 96, 96), 100.0)
    for frame in range(8):
        scenes_[frame, 40:56, 10 * frame : 10 * frame + 10] += 200.0
    burst = cp.expose(scenes_, 4.0, rng)
    merged = cp.wiener_merge(burst, 4.0)
    assert merged[60:, :].std() < 0.45 * burst[0][60:, :].std()  # the mean alone would give 0.35
    error = np.abs(merged - scenes_[0])[40:56, :10].mean()
    ghost = np.abs(cp.mean_merge(burst) - scenes_[0])[40:56, :10].mean()
    assert error < 25 and ghost > 150


@pytest.mark.parametrize("strength", [0.0, 1e12])
def test_wiener_merging_lies_between_the_mean_and_the_reference(strength: float) -> None:
    burst = cp.expose(np.full((4, 64, 64), 50.0), 4.0, np.random.default_rng(0))
    expected = burst[0] if strength == 0 else burst.mean(axis=0)
    assert np.allclose(cp.wiener_merge(burst, 4.0, strength=strength), expected, atol=1e-3)


def test_wiener_merging_equals_the_papers_formula_tile_by_tile() -> None:
    """Each tile cut, transformed, blended with the formula as the article prints it, windowed and laid down by itself."""
    rng = np.random.default_rng(4)
    frames = cp.expose(rng.uniform(20, 200, (3, 21, 30)), 4.0, rng)
    frames[2, 5:15, 5:20] += 150
    size, half = 16, 8
    padded = np.pad(frames, ((0, 0), (half, size), (half, size)), mode="reflect")
    out = np.zeros(padded.shape[1:])
    bell = [0.5 - 0.5 * math.cos(2 * math.pi * (i + 0.5) / size) for i in range(size)]
    for top in range(0, 21 + half, half):
        for left in range(0, 30 + half, half):
            cut = [np.fft.fft2(frame[top : top + size, left : left + size]) for frame in padded]
            level = max(padded[0, top : top + size, left : left + size].mean(), 0.0)
            sigma2 = 2 * size * size * (level + 16)
            blended = []
            for spectrum in cut:
                square = abs(cut[0] - spectrum) ** 2
                blended.append(spectrum + square / (square + 8.0 * sigma2) * (cut[0] - spectrum))
            tile = np.fft.ifft2(sum(blended) / 3).real
            for i in range(size):
                for j in range(size):
                    if top + i < out.shape[0] and left + j < out.shape[1]:
                        out[top + i, left + j] += bell[i] * bell[j] * tile[i, j]
    assert np.allclose(cp.wiener_merge(frames, 4.0), out[half : half + 21, half : half + 30])


def test_following_tiles_brings_a_moved_frame_back(coffee: Any) -> None:
    grey = 400 * coffee[..., 1]
    frames = np.stack([grey, np.roll(grey, (4, -3), (0, 1))])
    shifts = np.stack([cp.pyramid_align(grey, each) for each in frames])
    with_tiles = cp.wiener_merge(frames, 4.0, shifts, strength=1e9)
    without = cp.wiener_merge(frames, 4.0, strength=1e9)
    inner = np.s_[24:-24, 24:-24]
    assert np.abs(with_tiles - grey)[inner].mean() < 0.1 * np.abs(without - grey)[inner].mean()


def test_a_shaken_burst_merges_better_than_one_frame_and_a_mean_makes_a_ghost() -> None:
    seen = scenes.burst_scenes("coffee", 8, True, True, np.random.default_rng(5))
    raws = scenes.take(seen, 400.0, np.random.default_rng(6))
    truth, inner = cp.to_srgb(seen[0]), np.s_[16:-16, 16:-16]

    def score(picture: Any) -> float:
        return cp.psnr(truth[inner], cp.to_srgb(picture / 400)[inner])

    one = score(cp.bilinear_demosaic(raws[0]))
    mean, robust = score(cp.merge_burst(raws, 4.0, robust=False)), score(cp.merge_burst(raws, 4.0))
    assert robust > one + 3 and mean < one


# -- Sensor and mosaic -------------------------------------------------------


def test_a_full_well_clips_what_arrives_and_read_noise_comes_after() -> None:
    readings = cp.expose(np.full(20_000, 500.0), 4.0, np.random.default_rng(0), full_well=300.0)
    assert abs(readings.mean() - 300) < 0.2 and math.isclose(readings.std(), 4.0, rel_tol=0.03)


def test_the_lens_keeps_light_and_blurs_by_its_width() -> None:
    row = np.arange(41) - 20
    bell = np.exp(-(row**2) / (2 * 1.5**2))
    image = np.outer(bell, bell)[..., None]
    seen = cp.lens(image, 0.7)
    assert math.isclose(seen.sum(), image.sum(), rel_tol=1e-6)
    profile = seen[..., 0].sum(axis=1) / seen.sum()
    assert math.isclose((profile * row**2).sum(), 1.5**2 + 0.7**2, rel_tol=1e-3)


@pytest.mark.parametrize("method", ["malvar_demosaic", "edge_demosaic"])
def test_demosaicing_keeps_what_was_measured_and_any_even_grey(coffee: Any, method: str) -> None:
    demosaic = getattr(cp, method)
    raw = cp.mosaic(coffee)
    mask = cp.bayer_mask(*raw.shape)
    assert np.array_equal(demosaic(raw)[mask], np.repeat(raw[..., None], 3, axis=-1)[mask])
    assert np.allclose(demosaic(np.full((12, 14), 0.3)), 0.3)
    row, column = np.indices((20, 24))
    ramp = 0.01 * row + 0.02 * column
    assert np.allclose(demosaic(ramp)[4:-4, 4:-4], ramp[4:-4, 4:-4, None])


def test_edge_aware_demosaicing_keeps_a_step_that_bilinear_blurs() -> None:
    step = np.where(np.arange(24) < 12, 0.1, 0.9)[None].repeat(24, axis=0)
    grey = np.repeat(step[..., None], 3, axis=-1)
    raw, inner = cp.mosaic(grey), np.s_[4:-4, 4:-4]
    assert np.allclose(cp.edge_demosaic(raw)[..., 1][inner], step[inner])
    assert np.abs(cp.bilinear_demosaic(raw)[..., 1] - step)[inner].max() > 0.15


def test_on_the_photographs_edge_aware_demosaicing_beats_bilinear() -> None:
    for name in photographs.NAMES:
        truth = cp.to_srgb(photographs.load(name))
        raw = cp.mosaic(truth)
        assert cp.psnr(truth, cp.edge_demosaic(raw)) > cp.psnr(truth, cp.bilinear_demosaic(raw)) + 0.5, name


def test_packing_a_mosaic_into_planes_goes_back() -> None:
    raw = np.arange(48.0).reshape(6, 8)
    planes = cp.pack(raw)
    assert planes.shape == (4, 3, 4) and planes[0, 0, 0] == 0 and planes[1, 0, 0] == 1 and planes[2, 0, 0] == 8
    assert np.array_equal(cp.unpack(planes), raw)
    assert np.array_equal(cp.unpack(cp.pack(np.stack([raw, -raw]))), np.stack([raw, -raw]))


# -- Tone --------------------------------------------------------------------


def test_the_tone_curve_is_that_of_the_standard_and_goes_back() -> None:
    assert np.allclose(cp.to_srgb(np.array([0.0, 0.0031308, 0.2140411, 1.0, 2.0])), [0, 0.04045, 0.5, 1, 1], atol=2e-6)
    light = np.linspace(0, 1, 1001)
    assert np.allclose(cp.to_linear(cp.to_srgb(light)), light, atol=1e-9)


def test_reinhard_maps_black_white_and_a_middle_as_its_formula_says() -> None:
    colours = np.array([[[0.0, 0.0, 0.0], [8.0, 8.0, 8.0], [1.0, 1.0, 1.0]]])
    pressed = cp.reinhard(colours, white=8.0)
    assert np.allclose(pressed[0, :, 0], [0.0, 1.0, (1 + 1 / 64) / 2])


def test_fusing_equal_exposures_returns_them_and_a_pyramid_adds_up(coffee: Any) -> None:
    srgb = cp.to_srgb(coffee)
    assert np.allclose(cp.fuse_exposures(np.stack([srgb, srgb, srgb])), srgb, atol=1e-9)
    bands = cp.laplacian_pyramid(srgb, 4)
    again = bands[-1]
    for band in reversed(bands[:-1]):
        again = band + cp.grow(again, band.shape)
    assert np.allclose(again, srgb)


def test_fusion_prefers_what_is_near_middle_grey() -> None:
    """Two exposures of equal contrast and saturation: only their brightness differs."""
    pattern = np.random.default_rng(0).uniform(-0.04, 0.04, (64, 64, 3))
    assert cp.fuse_exposures(np.stack([0.5 + pattern, 0.9 + pattern])).mean() < 0.6


def test_fusion_takes_the_sky_from_the_short_exposure_and_the_ground_from_the_long_one() -> None:
    rng = np.random.default_rng(0)
    scene = np.concatenate([np.full((64, 128, 3), 4.0), np.full((64, 128, 3), 0.02)]) * rng.uniform(0.7, 1.3, (128, 128, 3))
    fused = cp.fuse_exposures(np.stack([cp.to_srgb(scene * gain) for gain in (0.1, 1.0, 10.0)]))
    sky, ground = np.s_[8:48], np.s_[80:120]
    middle = cp.to_srgb(scene)
    assert middle[sky].mean() > 0.99 and fused[sky].mean() < 0.85  # one exposure loses the sky
    assert fused[ground].mean() > middle[ground].mean() + 0.05


# -- Network -----------------------------------------------------------------


def test_stabilised_noise_has_standard_deviation_one_and_the_inverse_keeps_the_mean() -> None:
    rng = np.random.default_rng(0)
    for electrons in (10.0, 50.0, 400.0):
        stable = cp.stabilise(cp.expose(np.full(100_000, electrons), 4.0, rng), 4.0)
        assert math.isclose(stable.std(), 1.0, rel_tol=0.06)
        assert math.isclose(float(cp.unstabilise(stable.mean(), 4.0)), electrons, rel_tol=0.02)


def test_a_layer_is_the_sum_that_it_says() -> None:
    rng = np.random.default_rng(0)
    planes, weight = rng.normal(size=(2, 5, 6)), rng.normal(size=(3, 2, 3, 3))
    padded = np.pad(planes, ((0, 0), (2, 2), (2, 2)), mode="edge")
    slow = np.array([[[sum(weight[o, i, a, b] * padded[i, y + 2 * a, x + 2 * b]
                           for i in range(2) for a in range(3) for b in range(3))
                       for x in range(6)] for y in range(5)] for o in range(3)])
    assert np.allclose(cp.convolve(planes, weight, 2), slow)


def test_the_network_cleans_a_photograph_that_it_has_not_seen() -> None:
    """Its weights are the committed ones; each half of the photographs has the network of the other."""
    with np.load(_FOLDER / "denoiser.npz") as kept:
        layers = [kept[f"0-{layer}"].astype(float) for layer in range(5)]
    truth = cp.lens(photographs.load("chelsea"), 0.7)[:96, :96].clip(0, 1)
    raw = cp.expose(400 * cp.mosaic(truth), 4.0, np.random.default_rng(0))
    before, after = (cp.psnr(cp.to_srgb(cp.mosaic(truth)), cp.to_srgb(each / 400))
                     for each in (raw, cp.denoise(raw, 4.0, 400.0, layers)))
    assert after > before + 4


def test_the_network_has_one_answer_for_every_light() -> None:
    """Without offsets, twice the input gives twice the output."""
    rng = np.random.default_rng(0)
    layers = [rng.normal(size=shape) for shape in ((3, 5, 3, 3), (4, 3, 3, 3))]
    values = rng.normal(size=(5, 8, 8))

    def run(given: Any) -> Any:
        return cp.convolve(np.maximum(cp.convolve(given, layers[0], 1), 0), layers[1], 2)

    assert np.allclose(run(2 * values), 2 * run(values))


# -- Measures ----------------------------------------------------------------


def test_psnr_and_ssim_at_the_values_that_can_be_said_beforehand(coffee: Any) -> None:
    srgb = cp.to_srgb(coffee)
    assert math.isclose(cp.psnr(np.zeros(9), np.full(9, 0.1)), 20.0)
    assert math.isclose(cp.ssim(srgb, srgb), 1.0)
    flat, other = np.full((20, 20), 0.2), np.full((20, 20), 0.6)
    assert math.isclose(cp.ssim(flat, other), (2 * 0.12 + 1e-4) / (0.04 + 0.36 + 1e-4))


def test_fine_detail_is_what_the_coarse_grid_cannot_hold() -> None:
    column = np.arange(96)
    coarse, fine = (np.cos(2 * np.pi * column / period)[None].repeat(96, axis=0) for period in (16, 6))
    assert np.allclose(cp.detail(coarse + fine), fine, atol=1e-9)
    energy, along = cp.detail_right(coarse + fine, coarse - 0.5 * fine)
    assert math.isclose(energy, 0.25, rel_tol=1e-9) and math.isclose(along, -1.0, rel_tol=1e-9)


def test_a_letter_is_read_as_itself_whatever_its_place() -> None:
    fine = np.stack([scenes.letter(each, 24.0, 52, 0.4, -1.3) for each in scenes.LETTERS])
    assert [scenes.LETTERS[scenes.nearest_letter(picture, fine)[0]] for picture in fine] == list(scenes.LETTERS)
    best, scores = scenes.nearest_letter(np.roll(fine[4], (1, -1), (0, 1)), fine)
    assert best == 4 and scores[4] > 0.999
    assert np.allclose(scenes.reduced(fine[0]).mean(), fine[0].mean())


# -- The photographs and what is published -----------------------------------


def test_every_photograph_has_its_maker_its_terms_and_its_digest() -> None:
    for name, about in photographs.MANIFEST.items():
        assert {"title", "credit", "licence", "terms", "source", "package", "path", "says", "sha256"} <= set(about), name
        assert about["licence"] in {"CC0", "public domain", "CC BY 2.0"}
        assert photographs.load(name).shape[2] == 3
        assert about["credit"] in photographs.credit(name)
    assert sorted(path.stem for path in photographs.FOLDER.iterdir()) == sorted(photographs.NAMES)


def test_every_published_picture_is_small_and_both_its_files_show_the_same() -> None:
    names = sorted(path.stem for path in _FOLDER.glob("*.avif"))
    assert len(names) >= 8 and names == sorted(path.stem for path in _FOLDER.glob("*.jpg"))
    for name in names:
        decoded = []
        for ending in ("avif", "jpg"):
            path = _FOLDER / f"{name}.{ending}"
            assert path.stat().st_size <= 150_000, path
            with Image.open(path) as picture:
                decoded.append(np.asarray(picture.convert("RGB")) / 255.0)
        assert cp.psnr(decoded[0], decoded[1]) > 30, name


def test_the_burst_that_the_page_starts_with_is_what_its_python_computes() -> None:
    inner = np.s_[demo.BORDER : -demo.BORDER, demo.BORDER : -demo.BORDER]
    for name, image in (("burst-one", demo.expose(demo.light(0, True, True), 0)), ("burst-merged", demo.merged(8, True, True, True, True))):
        expected = cp.to_srgb(image[inner] / demo.WHITE).repeat(3, axis=0).repeat(3, axis=1)
        with Image.open(_FOLDER / f"{name}.avif") as picture:
            assert cp.psnr(expected, np.asarray(picture.convert("L")) / 255.0) > 30, name


def test_the_scene_of_the_burst_is_the_committed_one() -> None:
    assert demo.scene().shape == (288, 288)
    assert hashlib.sha256(demo.DATA.read_bytes()).hexdigest() == "688e494378ee06c14b6b6cf03a8825490c8f796bb390b353726c8ff34bc31881"


def test_the_quiz_names_the_letters_that_its_picture_shows() -> None:
    """Its truth is drawn again from the answers alone: each cell resembles its letter most."""
    answers = json.loads((_FOLDER / "quiz.json").read_text(encoding="utf-8"))
    assert len(answers) == 12 and sum(each["letter"] != each["read"] for each in answers) == 5
    for name, key in (("quiz-truth", "letter"), ("quiz-asked", "read")):
        with Image.open(_FOLDER / f"{name}.avif") as picture:
            sheet = np.asarray(picture.convert("L"))[1::3, 1::3] / 255.0
        side = sheet.shape[1] // 6
        for index, answer in enumerate(answers):
            cell = sheet[index // 6 * side : (index // 6 + 1) * side, index % 6 * side : (index % 6 + 1) * side]
            drawn = np.stack([cp.to_srgb(scenes.letter(each, 20.0, side, *answer["place"])) for each in scenes.LETTERS])
            scores = scenes.nearest_letter(cell, drawn)[1]
            assert scores[scenes.LETTERS.index(answer[key])] >= scores.max() - 0.02, (name, index, answer)
