"""Distances of deep features against the equation written out, and the optional package by a stand-in."""

import sys
from collections.abc import Callable
from functools import partial
from types import ModuleType

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from choreograft import assets
from choreograft.errors import AssetError
from choreograft.evaluate.metrics import judge
from choreograft.evaluate.metrics.faces import PATCH_PX, FaceGallery, FaceLikeness
from choreograft.evaluate.metrics.judge import load_tools
from choreograft.evaluate.metrics.perceptual import (
    CROP_SIZES,
    FRAME_SIDE_PX,
    NetworkDistance,
    compare_features,
    crop,
    load_lpips,
)
from choreograft.evaluate.metrics.regions import Box
from choreograft.performer.perceptual import EfficientNetLite0
from taught import CPU


def network() -> EfficientNetLite0:
    torch.manual_seed(0)
    made = EfficientNetLite0()
    made.freeze()
    return made


def picture(seed: int, height: int = 64, width: int = 48) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def test_the_distance_is_equation_1_without_weights() -> None:
    made = network()
    one, other = picture(0), picture(1)
    stages = [made.features(torch.from_numpy(p).permute(2, 0, 1)[None].float() / 127.5 - 1) for p in (one, other)]
    terms = []
    for a, b in zip(*stages, strict=True):
        a, b = a[0].double().numpy(), b[0].double().numpy()
        total = 0.0
        for row in range(a.shape[1]):
            for column in range(a.shape[2]):
                u, v = a[:, row, column], b[:, row, column]
                total += ((u / np.linalg.norm(u) - v / np.linalg.norm(v)) ** 2).sum()
        terms.append(total / (a.shape[1] * a.shape[2]))
    equal, apart = NetworkDistance(partial(compare_features, made), CPU.device)([(one, one), (one, other)])
    assert equal == 0
    assert apart == pytest.approx(np.mean(terms), rel=1e-4)


def test_crops_have_one_size_for_each_region() -> None:
    one, other = picture(0, 100, 50), picture(1, 100, 50)
    for box in (Box(3, 4, 20, 60), Box(0, 0, 50, 100)):
        for region, size in CROP_SIZES.items():
            cut, other_cut = crop(box, region, one, other)
            assert cut.shape == other_cut.shape == (size.height, size.width, 3)
    whole, _ = crop(Box(0, 0, 50, 100), "frame", one, other)
    assert whole.shape == (FRAME_SIDE_PX, FRAME_SIDE_PX // 2, 3)


def test_a_face_is_like_itself_and_a_gallery_averages_the_three_nearest() -> None:
    faces = [picture(seed, PATCH_PX, PATCH_PX) for seed in range(5)]
    likeness = FaceLikeness(network(), CPU.device)
    features = likeness.describe(faces)
    np.testing.assert_allclose(np.linalg.norm(features, axis=1), 1, rtol=1e-5)
    assert likeness([(faces[0], faces[0])])[0] == pytest.approx(1, abs=1e-6)
    assert likeness([(faces[0], faces[1])])[0] == pytest.approx(features[0] @ features[1], abs=1e-6)
    expected = np.sort(features[1:] @ features[0])[-3:].mean()
    assert FaceGallery(features[1:]).likeness(features[:1])[0] == pytest.approx(expected, abs=1e-6)


def pretend(monkeypatch: pytest.MonkeyPatch, make: Callable[..., nn.Module]) -> None:
    package = ModuleType("lpips")
    package.LPIPS = make  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "lpips", package)


class MeanDifference(nn.Module):
    """With lpips's interface: two batches (B, 3, H, W) in [-1, 1] to (B, 1, 1, 1)."""

    def __init__(self, net: str, verbose: bool) -> None:
        super().__init__()
        print("Setting up")  # noqa: T201  as lpips does
        self.net = net

    def forward(self, one: Tensor, other: Tensor) -> Tensor:
        return (one - other).abs().mean(dim=(1, 2, 3), keepdim=True)


def test_the_package_lpips_is_used_where_it_is_installed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pretend(monkeypatch, MeanDifference)
    loaded = load_lpips(CPU)
    assert capsys.readouterr().out == ""
    black, white = np.zeros((8, 8, 3), np.uint8), np.full((8, 8, 3), 255, np.uint8)
    assert loaded([(black, black), (black, white)]) == pytest.approx([0, 2])


def test_without_the_package_a_note_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "lpips", None)
    with pytest.raises(AssetError, match=r"the package lpips is not installed \(pip install lpips\)"):
        load_lpips(CPU)


def test_a_package_that_cannot_load_is_a_note_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(**options: object) -> nn.Module:
        raise OSError("no route to the weights\nand more")

    pretend(monkeypatch, fail)
    with pytest.raises(AssetError, match=r"lpips could not be loaded \(no route to the weights and more\)"):
        load_lpips(CPU)


def test_missing_weights_leave_their_metrics_out_and_stop_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object) -> None:
        raise AssetError(f"{assets.EFFICIENTNET_LITE0.name} cannot be fetched")

    monkeypatch.setitem(sys.modules, "lpips", None)
    monkeypatch.setattr(judge, "load_perceptual", refuse)
    monkeypatch.setattr(judge, "load_stlpips", refuse)
    tools = load_tools(CPU)
    assert (tools.distances, tools.faces) == ({}, None)
    assert len(tools.notes) == 3
    assert tools.notes[0] == "LPIPS was left out: the package lpips is not installed (pip install lpips)"
    assert "perceptual distance and identity were left out" in tools.notes[1]
    assert "ST-LPIPS was left out" in tools.notes[2]
