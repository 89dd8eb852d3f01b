"""What following people needs to know of one person in one frame: joints, size, clothes, and the scene around.

Shapes: K = 17 body joints, P = 3 places on the body whose colour is looked at, S places in the picture.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from choreograft.pose import skeleton
from choreograft.pose.estimator import Person
from choreograft.video.size import Size

SEEN: Final = 0.3
"""Score from which a joint says where its person is."""
ANCHORS: Final = (skeleton.NOSE, *skeleton.SHOULDERS, *skeleton.HIPS, skeleton.LEFT_KNEE, skeleton.RIGHT_KNEE)
"""Joints that tell where a person is, however the arms and feet fly about."""
_MAIN_JOINTS: Final = slice(skeleton.LEFT_SHOULDER, skeleton.RIGHT_ANKLE + 1)
_SCENE_SIDE: Final = 6


@dataclass(frozen=True)
class Sighting:
    """One person in one frame, reduced to what following needs."""

    joints: NDArray[np.float32]
    """(K, 2) px, NaN where unseen."""
    score: float
    """Mean confidence of shoulders, arms, hips and legs inside the frame, 0..1."""
    fill: float
    """Share of the frame that the joints' box covers, 0..1."""
    colours: NDArray[np.float32]
    """(P, 3) RGB 0..1 of chest, belly and thighs, NaN where unknown."""
    scene: NDArray[np.float32] | None = None
    """(S, 3) RGB 0..1 of the whole picture, coarsely: it changes at a cut. None where unknown."""

    @cached_property
    def size_px(self) -> float:
        """The longer side of the joints' box."""
        return float(np.max(np.nanmax(self.joints, 0) - np.nanmin(self.joints, 0)))


def sight(person: Person, image: NDArray[np.uint8]) -> Sighting | None:
    """Reduce one person found in an RGB frame (H, W, 3); None if hardly a joint was seen."""
    height, width = image.shape[:2]
    body, score = person.xy[skeleton.BODY], person.score[skeleton.BODY]
    joints = np.where((score >= SEEN)[:, None], body, np.float32(np.nan))
    if np.isfinite(joints[list(ANCHORS), 0]).sum() < 2:
        return None
    with np.errstate(invalid="ignore"):
        inside = np.all((body >= 0) & (body <= (width, height)), axis=-1)[_MAIN_JOINTS]
    main = score[_MAIN_JOINTS][inside]
    low, high = np.nanmin(joints, 0), np.nanmax(joints, 0)
    across, down = np.clip(high, 0, (width, height)) - np.clip(low, 0, (width, height))
    return Sighting(
        joints=joints,
        score=float(main.mean()) if len(main) else 0.0,
        fill=float(across * down) / (width * height),
        colours=_clothes(joints, image),
        scene=_scene(image),
    )


def mark_people(people: Iterable[Person], frame: Size, size: Size) -> NDArray[np.uint8]:
    """Where people are in a frame: a mask (h, w) of a smaller size, 255 = people; boxes where they have no masks."""
    marked = np.zeros((size.height, size.width), np.uint8)
    for person in people:
        if person.mask is not None:
            marked = np.maximum(marked, cv2.resize(person.mask, size, interpolation=cv2.INTER_AREA))
        elif (seen := np.isfinite(person.xy).all(-1)).any():
            points = (person.xy[seen] * (np.asarray(size) / frame)).clip(0, size).astype(int)
            (left, top), (right, bottom) = points.min(0), points.max(0)
            marked[top : bottom + 1, left : right + 1] = 255
    return marked


def _clothes(joints: NDArray[np.float32], image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Mean colours of small squares on chest, belly and thighs, (P, 3) in 0..1."""
    shoulders, hips = joints[list(skeleton.SHOULDERS)].mean(0), joints[list(skeleton.HIPS)].mean(0)
    knees = joints[[skeleton.LEFT_KNEE, skeleton.RIGHT_KNEE]]
    thighs = (joints[list(skeleton.HIPS)] + knees).mean(0) / 2
    places = np.stack([0.75 * shoulders + 0.25 * hips, 0.3 * shoulders + 0.7 * hips, thighs])
    reach = max(2, round(float(np.nan_to_num(np.linalg.norm(shoulders - hips))) / 12))
    colours = np.full((len(places), 3), np.nan, np.float32)
    for place, (x, y) in enumerate(places):
        if np.isfinite(x + y) and 0 <= x < image.shape[1] and 0 <= y < image.shape[0]:
            left, top = max(0, int(x) - reach), max(0, int(y) - reach)
            patch = image[top : int(y) + reach + 1, left : int(x) + reach + 1]
            colours[place] = patch.reshape(-1, 3).mean(0) / 255
    return colours


def _scene(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    coarse = cv2.resize(image, (_SCENE_SIDE, _SCENE_SIDE), interpolation=cv2.INTER_AREA)
    return np.asarray(coarse.reshape(-1, 3) / np.float32(255), dtype=np.float32)
