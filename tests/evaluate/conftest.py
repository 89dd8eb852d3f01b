"""One small dance with its truth, and results made of it by damage whose effect on each metric is known beforehand."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from choreograft import assets
from choreograft.config import VideoConfig
from choreograft.evaluate.metrics.judge import Tools, judge_against_truth, load_tools
from choreograft.evaluate.scores import Region, Scores
from choreograft.footage.clip import Clip
from choreograft.pose import skeleton
from choreograft.pose.track import PoseTrack
from choreograft.pose.tracking import Tracker, TrackingConfig
from choreograft.studio.filming import Camera
from choreograft.studio.render import Take, render_clip
from choreograft.studio.room import ROOMS, draw_room
from choreograft.video.read import read_frames
from choreograft.video.size import Canvas, Size
from choreograft.video.write import VideoWriter
from taught import CPU

Images = NDArray[np.uint8]

SIZE = Size(192, 256)
RATE = Fraction(24)
CAMERA = Camera(SIZE, height_m=1.08, distance_m=4.2, view_m=2.4)
FRAMES = 24

JUDGED_DEEPLY = ("none", "blur", "somebody else", "other clothes")
"""Results whose deep distances are measured: they take longer than all else together."""
MODELS = tuple(asset for asset in assets.ASSETS if asset is not assets.VGG19)


@dataclass(frozen=True)
class Dance:
    """A rendered dance: its frames (T, H, W, 3), the exact track with masks, and the video itself."""

    path: Path
    frames: Images
    exact: PoseTrack

    def mask(self, t: int) -> NDArray[np.uint8]:
        """(H, W) 255 = person."""
        return Canvas(SIZE, SIZE).place_image(self.exact.masks[t])


@dataclass(frozen=True)
class Stand:
    """Everything that a damaged result is judged with; damages are written, tracked and judged once."""

    folder: Path
    dance: Dance
    other: Dance
    """The same dance by somebody else before the same camera."""
    truth: Clip
    tools: Tools
    clips: dict[str, Clip]
    scores: dict[str, Scores]

    def clip(self, name: str) -> Clip:
        """The damaged result as a video with the track found in it."""
        if name not in self.clips:
            path = write_video(self.folder / f"{name}.mp4", DAMAGES[name](self))
            self.clips[name] = Clip(path, find_track(path))
        return self.clips[name]

    def score(self, name: str) -> Scores:
        """What it scores against the truth."""
        if name not in self.scores:
            tools = self.tools if name in JUDGED_DEEPLY else replace(self.tools, distances={})
            self.scores[name] = judge_against_truth(self.clip(name), self.truth, tools)
        return self.scores[name]

    def mean(self, name: str, region: Region, metric: str) -> float:
        """The mean over the frames that have a value."""
        return float(np.nanmean(self.score(name).series[region, metric]))


def blur(stand: Stand, sigma: float) -> Images:
    return np.stack([cv2.GaussianBlur(image, (0, 0), sigma) for image in stand.dance.frames])


def shift_person(stand: Stand, pixels: int) -> Images:
    """The person cut out and laid down beside their place; the room stays."""
    room = draw_room(ROOMS["living room"], CAMERA)
    shifted = []
    for t, image in enumerate(stand.dance.frames):
        mask = np.roll(stand.dance.mask(t), pixels, axis=1)[..., None] / 255
        shifted.append(np.roll(image, pixels, axis=1) * mask + room * (1 - mask))
    return np.round(shifted).astype(np.uint8)


def paint_over_arm(stand: Stand) -> Images:
    """The left arm painted over with the true room, as far as it is beside the body."""
    room = draw_room(ROOMS["living room"], CAMERA)
    joints = stand.dance.exact.xy[:, [skeleton.LEFT_SHOULDER, skeleton.LEFT_ELBOW, skeleton.LEFT_WRIST]]
    fingers = stand.dance.exact.xy[:, skeleton.LEFT_HAND].mean(axis=1)
    painted = []
    for image, (shoulder, elbow, wrist), hand in zip(stand.dance.frames, joints, fingers, strict=True):
        area = np.zeros(image.shape[:2], np.uint8)
        points = [shoulder + 0.15 * (elbow - shoulder), elbow, wrist, hand + (hand - wrist)]
        cv2.polylines(area, [np.round(points).astype(np.int32)], False, 255, 16)
        painted.append(np.where(area[..., None] > 0, room, image))
    return np.stack(painted)


def recolour_clothes(stand: Stand) -> Images:
    """Ada's yellow shirt and green trousers with their colours swapped round."""
    return np.stack(
        [
            np.where(stand.dance.mask(t)[..., None] > 128, image[..., [2, 0, 1]], image)
            for t, image in enumerate(stand.dance.frames)
        ]
    )


def add_noise(stand: Stand, sigma: float) -> Images:
    noise = np.random.default_rng(3).normal(0, sigma, stand.dance.frames.shape)
    return np.clip(np.round(stand.dance.frames + noise), 0, 255).astype(np.uint8)


def brighten(stand: Stand, levels: int) -> Images:
    return np.clip(stand.dance.frames.astype(int) + levels, 0, 255).astype(np.uint8)


DAMAGES: dict[str, Callable[[Stand], Images]] = {
    "none": lambda stand: stand.dance.frames,
    "slight blur": lambda stand: blur(stand, 0.6),
    "blur": lambda stand: blur(stand, 2.0),
    "shift by 1 px": lambda stand: np.roll(stand.dance.frames, 1, axis=2),
    "person shifted": lambda stand: shift_person(stand, 12),
    "somebody else": lambda stand: stand.other.frames,
    "frozen": lambda stand: np.repeat(stand.dance.frames[:1], FRAMES, axis=0),
    "shuffled": lambda stand: stand.dance.frames[np.random.default_rng(2).permutation(FRAMES)],
    "arm missing": paint_over_arm,
    "brighter": lambda stand: brighten(stand, 4),
    "noise": lambda stand: add_noise(stand, 3.0),
    "other clothes": recolour_clothes,
}


def write_video(path: Path, frames: Images) -> Path:
    """Nearly without loss, so that nothing but the damage is measured."""
    with VideoWriter(path, SIZE, RATE, config=VideoConfig(crf=4, encoder_preset="veryfast")) as video:
        for t, image in enumerate(frames):
            video.write(image, t / RATE)
    return path


def find_track(path: Path) -> PoseTrack:
    """The raw track of the only person in a video."""
    return Tracker(path, TrackingConfig(max_people=1)).track()


@pytest.fixture(scope="session")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Stand:
    """Ada's dance and its truth, and Bruno's."""
    pytest.importorskip("anny", reason="needs the extra 'studio'")
    if any(assets.cached(asset) is None for asset in MODELS):
        pytest.skip("the model files are not in the cache")
    folder = tmp_path_factory.mktemp("judging")
    dance, other = film("ada", folder), film("bruno", folder)
    truth = Clip(dance.path, find_track(dance.path))
    return Stand(folder, dance, other, truth, load_tools(CPU), {}, {})


def film(performer: str, folder: Path) -> Dance:
    """The first steps of the dance."""
    take = Take(performer, "dance", "living room", CAMERA, FRAMES / float(RATE), RATE)
    clip = render_clip(take, folder / f"{performer}.mp4")
    frames = np.stack([frame.image for frame in read_frames(clip.video)])
    return Dance(clip.video, frames, PoseTrack.load(clip.track))
