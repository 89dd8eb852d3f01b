"""A dancer who strikes one pose after the other: the true track, and pictures that nothing is wrong with.

Shapes: T frames, J = 133 joints, H, W pixels.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import cv2
import numpy as np
from numpy.typing import NDArray

from choreograft.pose import skeleton as sk
from choreograft.pose.track import MaskSequence, PoseTrack, empty_arrays
from choreograft.video.size import Size

SIZE = Size(160, 208)
RATE = Fraction(24)
KEY_S = 0.5
"""From one pose to the next."""
PX_PER_M = 88.0
CENTRE = (80, 108)
"""Where the hips are, px."""

Vector = tuple[float, float, float]
DOWN, SIDE, UP, AHEAD = (0.15, 1, 0), (1, 0, 0), (0.25, -1, 0), (0.1, 0.05, 1)


@dataclass(frozen=True)
class Key:
    """A pose; directions are (outwards, down, forwards)."""

    upper: Vector = DOWN
    """Of both upper arms."""
    fore: Vector | None = None
    """Of both forearms; as the upper arms' where None."""
    thigh: Vector = (0.08, 1, 0)
    shin: Vector = (0.05, 1, 0)
    yaw_deg: float = 0.0
    """90 turns to the picture's right."""

    def numbers(self) -> NDArray[np.float64]:
        return np.array([*self.upper, *(self.fore or self.upper), *self.thigh, *self.shin, self.yaw_deg])


STAND = Key()
SIDEWAYS, OVERHEAD, FORWARD = Key(SIDE), Key(UP), Key(AHEAD)
BENT = Key(DOWN, (0.3, -0.9, 0.5))
SQUAT = Key(AHEAD, thigh=(0.2, 0.45, 1), shin=(0, 1, -0.45))
APART = Key(DOWN, thigh=(0.5, 1, 0), shin=(0.5, 1, 0))
RIGHT, BACK, LEFT = Key(yaw_deg=90), Key(yaw_deg=180), Key(yaw_deg=270)
ROUTINE = (STAND, SIDEWAYS, OVERHEAD, FORWARD, BENT, STAND, SQUAT, APART, STAND, RIGHT, BACK, LEFT, Key(yaw_deg=360))


def dance_track(keys: Sequence[Key] = ROUTINE) -> PoseTrack:
    """The true track through the poses, `KEY_S` from one to the next, held for a moment; without masks."""
    frames = round((len(keys) - 1) * KEY_S * RATE) + 1
    time_s = np.arange(frames) / float(RATE)
    return track_at(keys, time_s)


def track_at(keys: Sequence[Key], time_s: NDArray[np.float64]) -> PoseTrack:
    """The track at any times, s."""
    position = np.clip(time_s / KEY_S, 0, len(keys) - 1)
    first = np.minimum(position.astype(int), max(0, len(keys) - 2))
    step = np.clip((position - first - 0.2) / 0.6, 0, 1)[:, None]
    numbers = np.stack([key.numbers() for key in keys])
    blend = step * step * (3 - 2 * step)
    after = numbers[np.minimum(first + 1, len(keys) - 1)]
    world = np.stack([_joints(row) for row in (1 - blend) * numbers[first] + blend * after])
    arrays = empty_arrays(len(time_s))
    arrays["world"] = world.astype(np.float32)
    arrays["xy"] = (world[..., :2] * PX_PER_M + CENTRE).astype(np.float32)
    arrays["depth"] = (world[..., 2] * PX_PER_M).astype(np.float32)
    arrays["score"] = np.isfinite(world).all(-1).astype(np.float32)
    return PoseTrack(SIZE, RATE, time_s, **arrays, present=np.ones(len(time_s), bool))


def _joints(row: NDArray[np.float64]) -> NDArray[np.float64]:
    """(J, 3) m, origin between the hips, x right, y down, z away; the person faces the camera at yaw 0."""
    body = np.full((sk.JOINTS, 3), np.nan)  # left, down, forwards
    body[sk.NOSE], body[sk.LEFT_EYE], body[sk.RIGHT_EYE] = (0, -0.68, 0.12), (0.03, -0.71, 0.09), (-0.03, -0.71, 0.09)
    body[sk.LEFT_EAR], body[sk.RIGHT_EAR] = (0.08, -0.7, 0), (-0.08, -0.7, 0)
    upper, fore, thigh, shin = (part / np.linalg.norm(part) for part in row[:12].reshape(4, 3))
    for sign, names in ((1, "LEFT"), (-1, "RIGHT")):
        mirror = np.array([sign, 1, 1])
        place = {
            name: getattr(sk, f"{names}_{name}") for name in ("SHOULDER", "ELBOW", "WRIST", "HIP", "KNEE", "ANKLE")
        }
        body[place["SHOULDER"]] = (0.19 * sign, -0.5, 0)
        body[place["ELBOW"]] = body[place["SHOULDER"]] + 0.28 * upper * mirror
        body[place["WRIST"]] = body[place["ELBOW"]] + 0.26 * fore * mirror
        body[place["HIP"]] = (0.1 * sign, 0, 0)
        body[place["KNEE"]] = body[place["HIP"]] + 0.42 * thigh * mirror
        body[place["ANKLE"]] = body[place["KNEE"]] + 0.42 * shin * mirror
        body[getattr(sk, f"{names}_HEEL")] = body[place["ANKLE"]] + (0, 0.05, -0.04)
        body[getattr(sk, f"{names}_BIG_TOE")] = body[place["ANKLE"]] + (0, 0.05, 0.14)
    yaw = np.radians(row[12])
    left, down, ahead = body.T
    return np.stack([left * np.cos(yaw) + ahead * np.sin(yaw), down, left * np.sin(yaw) - ahead * np.cos(yaw)], axis=-1)


def texture(size: Size, seed: int, low: int, high: int) -> NDArray[np.uint8]:
    """(H, W, 3) sharp patches in random colours between two grey levels."""
    patches = np.random.default_rng(seed).integers(low, high, (size.height // 6 + 1, size.width // 6 + 1, 3))
    enlarged = patches.astype(np.uint8).repeat(6, 0).repeat(6, 1)
    return np.ascontiguousarray(enlarged[: size.height, : size.width])


ROOM, CLOTHES = texture(SIZE, 1, 60, 100), texture(SIZE, 2, 150, 230)
LINES = (
    (sk.LEFT_SHOULDER, sk.LEFT_ELBOW, sk.LEFT_WRIST), (sk.RIGHT_SHOULDER, sk.RIGHT_ELBOW, sk.RIGHT_WRIST),
    (sk.LEFT_HIP, sk.LEFT_KNEE, sk.LEFT_ANKLE, sk.LEFT_BIG_TOE),
    (sk.RIGHT_HIP, sk.RIGHT_KNEE, sk.RIGHT_ANKLE, sk.RIGHT_BIG_TOE),
)  # fmt: skip


def draw_mask(xy: NDArray[np.float32]) -> NDArray[np.uint8]:
    """(H, W) 255 = dancer with joints (J, 2), px."""
    mask = np.zeros((SIZE.height, SIZE.width), np.uint8)
    points = np.round(np.nan_to_num(xy) - 0.5).astype(np.int32)
    for line in LINES:
        cv2.polylines(mask, [points[list(line)]], False, 255, 8)
        cv2.circle(mask, points[line[2]].tolist(), 5, 255, -1)
    trunk = points[[sk.LEFT_SHOULDER, sk.RIGHT_SHOULDER, sk.RIGHT_HIP, sk.LEFT_HIP]]
    cv2.fillConvexPoly(mask, cv2.convexHull(trunk), 255)
    cv2.polylines(mask, [trunk], True, 255, 12)
    cv2.circle(mask, points[list(sk.HEAD)].mean(0).astype(int).tolist(), 10, 255, -1)
    return mask


def draw_frame(xy: NDArray[np.float32]) -> NDArray[np.uint8]:
    """(H, W, 3) the dancer before the room."""
    return np.where(draw_mask(xy)[..., None] > 0, CLOTHES, ROOM)


def with_masks(track: PoseTrack) -> PoseTrack:
    """The same track with the dancer's masks."""
    blobs = [MaskSequence.pack(draw_mask(xy), SIZE) if seen else np.zeros(0, np.uint8)
             for xy, seen in zip(track.xy, track.present, strict=True)]  # fmt: skip
    return replace(track, masks=MaskSequence.from_blobs(SIZE, blobs))


@dataclass(frozen=True)
class Shot:
    """A true track and the pictures that belong to it."""

    track: PoseTrack
    frames: NDArray[np.uint8]
    """(T, H, W, 3)"""
