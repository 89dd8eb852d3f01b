"""What must hold of the metrics: the truth is perfect, each damage is seen where it should be, and only there.

Every result is a small video that is tracked as a user's would be.
"""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from choreograft.errors import VideoError
from choreograft.evaluate.metrics.faces import FaceGallery
from choreograft.evaluate.metrics.judge import Tools, judge_against_truth, judge_without_truth, size_to_compare
from choreograft.evaluate.metrics.measures import PSNR_CAP_DB
from choreograft.evaluate.scores import METRICS, Region
from choreograft.footage.clip import Clip
from choreograft.pose.track import PoseTrack, empty_arrays
from choreograft.video.size import Canvas, Size

SMALL = Size(48, 64)
NO_TOOLS = Tools({}, None, 4)

Seen = tuple[str, Region, str, float]


def empty_track(frames: int = 5, size: Size = SMALL, rate: Fraction = Fraction(24)) -> PoseTrack:
    nobody = np.zeros(frames, np.bool_)
    return PoseTrack(size, rate, np.arange(frames) / float(rate), **empty_arrays(frames), present=nobody)


@pytest.mark.parametrize(
    ("other", "told"),
    [
        (empty_track(4), "RESULT.mp4 has 5 frames of 48x64 at 24 fps, TRUTH.mp4 4 frames of 48x64 at 24 fps"),
        (empty_track(size=Size(64, 48)), "TRUTH.mp4 5 frames of 64x48"),
        (empty_track(rate=Fraction(25)), "at 25 fps; expected equal"),
    ],
)
def test_videos_that_do_not_belong_together_are_refused(other: PoseTrack, told: str) -> None:
    result = Clip(Path("RESULT.mp4"), empty_track())
    with pytest.raises(VideoError, match=told) as caught:
        judge_against_truth(result, Clip(Path("TRUTH.mp4"), other), NO_TOOLS)
    assert "\n" not in str(caught.value)
    with pytest.raises(VideoError, match="the asked poses"):
        judge_without_truth(result, other, NO_TOOLS)


def test_nearly_equal_shapes_and_rates_belong_together(make_clip: Any) -> None:
    grey = [np.full((64, 48, 3), 100, np.uint8)] * 3
    result = Clip(make_clip("r.mp4", grey), empty_track(3, rate=Fraction(30)))
    wide = [np.full((64, 50, 3), 100, np.uint8)] * 3
    truth = Clip(make_clip("t.mp4", wide), empty_track(3, Size(50, 64), Fraction(30000, 1001)))
    scores = judge_against_truth(result, truth, NO_TOOLS)
    np.testing.assert_allclose(scores.series["frame", "ssim"], 1, atol=1e-3)
    assert np.isnan(scores.series["person", "ssim"]).all()  # nobody is there
    assert np.isnan(scores.series["frame", "missed_detections"]).all()
    assert np.isnan(scores.series["frame", "flicker"][0])


def test_results_of_any_size_are_held_against_the_truth_at_its_own(make_clip: Any) -> None:
    rows, columns = np.indices((256, 192))
    truth = np.repeat((120 + 60 * np.sin(rows / 20) * np.cos(columns / 15))[..., None], 3, axis=-1).astype(np.uint8)
    whole = Clip(make_clip("t.mp4", [truth] * 2), empty_track(2, Size(192, 256)))
    for size in (Size(96, 128), Size(192, 256), Size(384, 512), Size(96, 132)):
        drawn = Canvas(Size(192, 256), size).place_image(truth)
        result = Clip(make_clip(f"{size}.mp4", [drawn] * 2), empty_track(2, size))
        np.testing.assert_allclose(judge_against_truth(result, whole, NO_TOOLS).series["frame", "ssim"], 1, atol=0.02)
    fine = np.repeat((255 * ((rows + columns) % 2))[..., None], 3, axis=-1).astype(np.uint8)
    lost = Clip(make_clip("lost.mp4", [np.full((128, 96, 3), 127, np.uint8)] * 2), empty_track(2, Size(96, 128)))
    checked = Clip(make_clip("fine.mp4", [fine] * 2), empty_track(2, Size(192, 256)))
    assert (judge_against_truth(lost, checked, NO_TOOLS).series["frame", "ssim"] < 0.1).all()


def test_pictures_are_compared_at_1080_px_at_most() -> None:
    assert size_to_compare(Size(720, 1280)) == (720, 1280)
    assert size_to_compare(Size(3840, 2160)) == (1920, 1080)


def test_a_video_other_than_the_tracked_one_is_refused(make_clip: Any) -> None:
    path = make_clip("r.mp4", [np.zeros((64, 48, 3), np.uint8)] * 3)
    for track in (empty_track(4), empty_track(2), empty_track(3, Size(24, 32))):
        with pytest.raises(VideoError, match=r"r\.mp4: the video is not the one that was tracked"):
            judge_without_truth(Clip(path, track), track, NO_TOOLS)


@pytest.mark.models
def test_the_truth_is_perfect_in_everything(stand: Any) -> None:
    scores = judge_against_truth(stand.truth, stand.truth, stand.tools)
    ones = ("ssim", "identity", "matte_iou", "warping_error", "own_warping", "tremble", "detail", "texture", "outline")
    perfect = {"psnr": PSNR_CAP_DB, **dict.fromkeys(ones, 1)}
    assert {name for _, name in scores.series} == set(METRICS) - {"lpips"}
    for (region, name), values in scores.series.items():
        known = values[np.isfinite(values)]
        assert len(known) == 2 if name == "st_lpips" else len(known) >= len(values) - 2, (region, name)
        np.testing.assert_allclose(known, perfect.get(name, 0), atol=1e-5, err_msg=f"{region} {name}")


@pytest.mark.models
def test_the_exact_track_gives_regions_and_matte(stand: Any) -> None:
    scores = judge_against_truth(stand.truth, stand.truth, stand.tools, stand.dance.exact)
    assert np.nanmean(scores.series["face", "identity"]) == pytest.approx(1, abs=1e-5)
    assert 0.9 < np.nanmean(scores.series["person", "matte_iou"]) < 1  # what the tracker's masks are worth


# damage, region, metric, and by how much it must be worse than the undamaged result
SEEN: tuple[Seen, ...] = (
    ("blur", "person", "ssim", 0.1), ("blur", "person", "psnr", 8), ("blur", "person", "perceptual", 0.15),
    ("blur", "face", "identity", 0.1), ("blur", "face", "missed_detections", 40),
    ("person shifted", "person", "ssim", 0.3), ("person shifted", "person", "psnr", 15),
    ("person shifted", "person", "pose_distance", 4), ("person shifted", "person", "matte_iou", 0.4),
    ("somebody else", "face", "identity", 0.1), ("somebody else", "face", "perceptual", 0.5),
    ("somebody else", "person", "perceptual", 0.4), ("somebody else", "person", "ssim", 0.2),
    ("frozen", "person", "flicker", 2), ("frozen", "person", "pose_distance", 5),
    ("shuffled", "person", "flicker", 8), ("shuffled", "person", "pose_distance", 4),
    ("arm missing", "person", "missed_detections", 5), ("arm missing", "person", "matte_iou", 0.04),
    ("arm missing", "person", "psnr", 8), ("arm missing", "hands", "missed_detections", 25),
    ("noise", "person", "flicker", 1), ("noise", "person", "ssim", 0.02),
    ("frozen", "person", "warping_error", 0.3), ("shuffled", "person", "warping_error", 1),
    ("noise", "person", "warping_error", 0.3),
    ("blur", "person", "st_lpips", 0.1), ("blur", "face", "st_lpips", 0.1), ("blur", "person", "detail", 0.3),
    ("blur", "person", "texture", 0.1), ("blur", "person", "outline", 0.5), ("noise", "person", "detail", 0.1),
    ("noise", "person", "texture", 0.1),
    ("other clothes", "person", "perceptual", 0.1), ("other clothes", "face", "identity", 0.1),
)  # fmt: skip


@pytest.mark.models
@pytest.mark.parametrize(("damage", "region", "metric", "least"), SEEN)
def test_damage_is_seen(stand: Any, damage: str, region: Region, metric: str, least: float) -> None:
    good, bad = stand.mean("none", region, metric), stand.mean(damage, region, metric)
    assert METRICS[metric].fault(bad) - METRICS[metric].fault(good) > least


# damage, region, metric, and how far it may move from the undamaged result
NOT_SEEN: tuple[Seen, ...] = (
    ("slight blur", "person", "pose_distance", 0.4), ("slight blur", "person", "matte_iou", 0.03),
    ("brighter", "person", "pose_distance", 0.3), ("brighter", "person", "matte_iou", 0.02),
    ("brighter", "person", "flicker", 0.2), ("brighter", "face", "identity", 0.02),
    ("brighter", "person", "ssim", 0.01),
    ("noise", "person", "matte_iou", 0.02), ("noise", "person", "pose_distance", 0.3),
    ("noise", "face", "identity", 0.03),
    ("other clothes", "person", "pose_distance", 0.8), ("other clothes", "person", "matte_iou", 0.05),
    ("shift by 1 px", "person", "missed_detections", 1), ("shift by 1 px", "face", "identity", 0.02),
    ("shift by 1 px", "person", "detail", 0.05), ("shift by 1 px", "person", "texture", 0.1),
    ("shift by 1 px", "person", "outline", 0.1), ("brighter", "person", "detail", 0.05),
    ("brighter", "person", "texture", 0.02),
    ("person shifted", "face", "identity", 0.03), ("arm missing", "face", "identity", 0.02),
)  # fmt: skip


@pytest.mark.models
@pytest.mark.parametrize(("damage", "region", "metric", "most"), NOT_SEEN)
def test_other_damage_barely_moves_a_metric(stand: Any, damage: str, region: Region, metric: str, most: float) -> None:
    assert stand.mean(damage, region, metric) == pytest.approx(stand.mean("none", region, metric), abs=most)


@pytest.mark.models
def test_a_still_picture_flickers_more_than_a_noisy_video(stand: Any) -> None:
    assert stand.mean("frozen", "person", "flicker") > 1.5 * stand.mean("noise", "person", "flicker")
    assert stand.mean("frozen", "face", "flicker") > 1.5 * stand.mean("noise", "face", "flicker")


@pytest.mark.models
def test_without_a_truth_pose_flicker_and_identity_still_tell(stand: Any) -> None:
    gallery = FaceGallery.from_clip(stand.truth, stand.tools.faces, stand.tools.batch)
    asked = replace(stand.dance.exact, masks=None).on_canvas(Size(384, 512))

    def judge(name: str) -> dict[tuple[Region, str], float]:
        scores = judge_without_truth(stand.clip(name), asked, stand.tools, gallery)
        return {key: float(np.nanmean(v)) for key, v in scores.series.items() if np.isfinite(v).any()}

    none, frozen, shuffled, other = (judge(name) for name in ("none", "frozen", "shuffled", "somebody else"))
    assert not {"ssim", "psnr", "perceptual", "matte_iou"} & {name for _, name in none}
    assert none["person", "pose_distance"] < 3
    assert none["person", "missed_detections"] == 0
    assert frozen["person", "pose_distance"] > 2 * none["person", "pose_distance"]
    assert frozen["person", "flicker"] > 1.4 * none["person", "flicker"]
    assert shuffled["person", "flicker"] > 3 * none["person", "flicker"]
    assert none["face", "identity"] > 0.95
    assert other["face", "identity"] < none["face", "identity"] - 0.08


@pytest.mark.models
def test_a_result_in_which_nobody_was_found_is_judged_too(stand: Any) -> None:
    truth = stand.truth
    nobody = replace(truth.track, present=np.zeros(len(truth.track), np.bool_), masks=None)
    scores = judge_against_truth(Clip(truth.path, nobody), truth, replace(stand.tools, distances={}))
    assert np.isnan(scores.series["frame", "pose_distance"]).all()
    np.testing.assert_array_equal(scores.series["person", "missed_detections"], 100)
    np.testing.assert_allclose(scores.series["face", "identity"], 1, atol=1e-5)  # the face is where it should be
    assert ("person", "matte_iou") not in scores.series
    assert ("person", "perceptual") not in scores.series
