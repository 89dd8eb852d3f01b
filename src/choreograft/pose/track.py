"""PoseTrack: one person through one clip, in COCO-WholeBody order, and the masks that go with it.

Each mask is packed as a PNG: those of a 5-minute clip take megabytes, not gigabytes.

On another time grid, for other frame rates and slower or faster dances, a joint follows between two frames a cubic that
keeps the shape of its motion: where the frames rise it rises, and where they turn it turns in the frame itself, so that
a hit is never overshot (Fritsch and Butland 1984, known as PCHIP). Nothing is invented where nothing is known: between
frames that do not belong together, whatever is asked for is what the nearer one shows, and through a hold or a gap what
was shown last, as in a player. Bodies go by the same grid.

Shapes: T frames, J = 133 joints, N times of another grid, C coordinates. A joint that was not seen is NaN with score 0,
never (0, 0). Pixels have their centres at integers + 0.5, so the frame spans [0, width] x [0, height]
(docs/conventions.md).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from choreograft.errors import FileFormatError
from choreograft.files import check_shapes, no_shots, open_archive, take_arrays, take_frames, write_archive
from choreograft.pose import skeleton
from choreograft.video.size import Canvas, Size

Flags = NDArray[np.bool_]
Indices = NDArray[np.intp]
Floats = NDArray[np.float64]
Values = NDArray[np.float32]

LONG_SIDE_PX = 512
"""Masks are kept at this size at most; the estimator's own are computed at 256x256."""


@dataclass(frozen=True)
class MaskSequence:
    """T soft masks, (h, w) uint8, 255 = person, decoded one at a time.

    `packed` holds all PNG files one after another; mask t lies at `starts[t]:starts[t + 1]`, empty where there is none.
    """

    size: Size
    packed: NDArray[np.uint8]
    starts: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.starts) - 1

    def __getitem__(self, t: int) -> NDArray[np.uint8]:
        """Mask t, (h, w) uint8; all zero where nobody was seen.

        Raises:
            FileFormatError: it is no picture of that size.
        """
        blob = self.packed[self.starts[t] : self.starts[t + 1]]
        if len(blob) == 0:
            return np.zeros((self.size.height, self.size.width), np.uint8)
        mask = cv2.imdecode(blob, cv2.IMREAD_GRAYSCALE)
        if mask is None or mask.shape != (self.size.height, self.size.width):
            raise FileFormatError(f"found a damaged mask, of frame {t}; expected {self.size} px; make the track again")
        return np.asarray(mask, dtype=np.uint8)

    def select(self, indices: Sequence[int] | Indices) -> "MaskSequence":
        """The masks at `indices`, in that order."""
        blobs = [self.packed[self.starts[t] : self.starts[t + 1]] for t in indices]
        return MaskSequence.from_blobs(self.size, blobs)

    @staticmethod
    def checked(size: Size, packed: NDArray[np.uint8], starts: NDArray[np.int64]) -> "MaskSequence":
        """What a file says is one.

        Raises:
            ValueError: the masks do not lie one after another.
        """
        whole = starts.ndim == packed.ndim == 1 and len(starts) and starts[0] == 0 and starts[-1] == len(packed)
        if not whole or (np.diff(starts) < 0).any():
            raise ValueError(f"masks that do not fill their {packed.size} bytes")
        return MaskSequence(size, packed, starts)

    @staticmethod
    def size_for(frame: Size) -> Size:
        """The size at which masks of a frame are kept."""
        return frame.scaled(min(1.0, LONG_SIDE_PX / max(frame)))

    @staticmethod
    def pack(mask: NDArray[np.uint8], size: Size) -> NDArray[np.uint8]:
        """One mask (h, w) uint8 as the bytes that `from_blobs` takes, resized to `size`."""
        if (mask.shape[1], mask.shape[0]) != tuple(size):
            mask = np.asarray(cv2.resize(mask, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
        _, blob = cv2.imencode(".png", mask, [cv2.IMWRITE_PNG_COMPRESSION, 3])
        return np.asarray(blob, dtype=np.uint8).ravel()

    @staticmethod
    def from_blobs(size: Size, blobs: Sequence[NDArray[np.uint8]]) -> "MaskSequence":
        """Join packed masks; an empty array stands for a frame without one."""
        starts = np.concatenate([[0], np.cumsum([len(blob) for blob in blobs])]).astype(np.int64)
        packed = np.concatenate([np.zeros(0, np.uint8), *blobs])
        return MaskSequence(size, packed, starts)


FORMAT = "choreograft-track"
VERSION = 1
ARRAYS = {
    "time_s": np.float64, "xy": np.float32, "score": np.float32, "depth": np.float32, "world": np.float32,
    "present": np.bool_,
}  # fmt: skip
JOINT_ARRAYS: Final = ("xy", "score", "depth", "world")
"""Those of them that hold something of every joint."""
SHOTS = {"shot": np.int32, "view": np.int32}
"""Arrays that older files lack: a single shot."""
MASK_ARRAYS: Final = {"mask_packed": np.uint8, "mask_starts": np.int64}
SEEN: Final = 0.3
"""Score from which a joint says where its person is."""
FILL_GAP_S: Final = 0.35
"""Gaps of a joint, or of the whole person, up to this long are interpolated; longer ones stay absent."""
NEIGHBOUR: Final = 1.5
"""Two frames are consecutive if at most this many nominal frame intervals lie between them."""


@dataclass(frozen=True)
class Person:
    """One person in one frame; J = 133 joints in COCO-WholeBody order, px of that frame."""

    xy: Values
    """(J, 2), NaN where unseen."""
    score: Values
    """(J,) 0..1, 0 where unseen."""
    depth: Values
    """(J,) see `PoseTrack.depth`."""
    world: Values
    """(J, 3) see `PoseTrack.world`."""
    mask: NDArray[np.uint8] | None = None
    """(h, w) 255 = person, any resolution of the frame's shape."""

    @staticmethod
    def unseen(mask: NDArray[np.uint8] | None = None) -> "Person":
        """Somebody of whom no joint is seen."""
        return Person(**{name: array[0] for name, array in empty_arrays(1).items()}, mask=mask)


@dataclass(frozen=True)
class PoseTrack:
    """Where one person's joints are in every frame of a clip."""

    size: Size
    """Of the frames, px, rotation applied."""
    rate: Fraction
    """Nominal frames per second; for timing use `time_s`."""
    time_s: Floats
    """(T,) presentation time of each frame, s, strictly increasing, 0 = the first frame."""
    xy: Values
    """(T, J, 2) px, x right, y down; NaN where unseen."""
    score: Values
    """(T, J) confidence 0..1; 0 where unseen."""
    depth: Values
    """(T, J) depth relative to the hips in px of the frame's own scale, smaller = nearer; NaN where unknown."""
    world: Values
    """(T, J, 3) m, origin between the hips, axes as in the image (x right, y down, z away); NaN where unknown."""
    present: Flags
    """(T,) whether the person is in the frame."""
    masks: MaskSequence | None = None
    """T person masks, or None for a track made without pictures."""
    shot: NDArray[np.int32] = field(default_factory=no_shots)
    """(T,) number of the shot that each frame belongs to: nothing goes on from one to the next."""
    view: NDArray[np.int32] = field(default_factory=no_shots)
    """(T,) number of the camera's view: several shots may have one, as where a piece of a take was cut out."""

    def __post_init__(self) -> None:
        T = len(self.time_s)
        for name in SHOTS:
            if not len(getattr(self, name)):
                object.__setattr__(self, name, np.zeros(T, np.int32))
        expected = {name: (T, *array.shape[1:]) for name, array in empty_arrays(1).items()}
        check_shapes(self, expected | dict.fromkeys(("present", *SHOTS), (T,)))
        if self.masks is not None and len(self.masks) != T:
            raise ValueError(f"PoseTrack.masks holds {len(self.masks)} masks; expected {T}")

    def __len__(self) -> int:
        return len(self.time_s)

    @property
    def follows(self) -> Flags:
        """(T,) whether a frame directly follows the one before it, without a cut and without a gap."""
        near = np.diff(self.time_s) <= NEIGHBOUR / float(self.rate)
        return np.append(False, near & (np.diff(self.shot) == 0))[: len(self)]

    def seen(self, threshold: float) -> Flags:
        """(T, J) joints of present frames whose score reaches `threshold`."""
        return (self.score >= threshold) & self.present[:, None] & np.isfinite(self.xy).all(-1)

    @property
    def masked(self) -> Flags:
        """(T,) frames of which there is a mask."""
        return np.zeros(len(self), np.bool_) if self.masks is None else np.diff(self.masks.starts) > 0

    def in_frame(self, margin: float = 0.0) -> Flags:
        """(T, J) joints inside the picture, or at most `margin` (a share of its height) outside."""
        slack = margin * self.size.height
        with np.errstate(invalid="ignore"):
            inside = (self.xy >= -slack) & (self.xy <= np.asarray(self.size) + slack)
        return np.asarray(inside.all(-1))

    def on_canvas(self, size: Size) -> "PoseTrack":
        """The same track in the pixels of a canvas of another size (see `Canvas`); masks are left as they are."""
        canvas = Canvas(self.size, size)
        depth = (self.depth * canvas.scale).astype(np.float32)
        return replace(self, size=size, xy=canvas.place_points(self.xy), depth=depth)

    def select(self, indices: Sequence[int] | Indices) -> "PoseTrack":
        """The frames at `indices` (increasing), with their own times."""
        at = np.asarray(indices, dtype=np.intp)
        masks = None if self.masks is None else self.masks.select(at)
        return replace(self, masks=masks, **{name: getattr(self, name)[at] for name in ARRAYS | SHOTS})

    def save(self, path: Path) -> None:
        """Write a compressed .npz, atomically; docs/conventions.md lists its arrays."""
        facts = {"size": self.size, "rate": str(self.rate)}
        arrays = {name: getattr(self, name) for name in ARRAYS | SHOTS}
        if self.masks is not None:
            facts["mask_size"] = self.masks.size
            arrays |= {"mask_packed": self.masks.packed, "mask_starts": self.masks.starts}
        write_archive(path, FORMAT, VERSION, facts, arrays)

    @staticmethod
    def load(path: Path) -> "PoseTrack":
        """Read what `save` wrote.

        Raises:
            FileFormatError: not a track file, damaged, or of another version.
        """
        with open_archive(path, FORMAT, VERSION, "make it with choreograft track") as (facts, archive):
            arrays, masks = take_frames(archive, ARRAYS, SHOTS), None
            if "mask_size" in facts:
                masks = MaskSequence.checked(
                    Size.checked(facts["mask_size"]), *take_arrays(archive, MASK_ARRAYS).values()
                )
            return PoseTrack(Size.checked(facts["size"]), Fraction(facts["rate"]), **arrays, masks=masks)


def empty_arrays(frames: int) -> dict[str, Values]:
    """xy, score, depth and world of `frames` frames in which nothing was seen."""
    J = skeleton.JOINTS
    return {
        "xy": np.full((frames, J, 2), np.nan, np.float32),
        "score": np.zeros((frames, J), np.float32),
        "depth": np.full((frames, J), np.nan, np.float32),
        "world": np.full((frames, J, 3), np.nan, np.float32),
    }


HALFWAY: Final = 0.5 + 1e-6
"""At twice the rate every other time lies between two frames: rounding must not make it choose now this, now that."""


@dataclass(frozen=True)
class TimeGrid:
    """Where new times lie among a track's frames."""

    time_s: Floats
    """(N,) the new times."""
    step_s: Floats
    """(T - 1,) between neighbouring frames."""
    joined: Flags
    """(T - 1,) whether the person moved from one frame to the next: in both of them, no cut and no gap between."""
    before: Indices
    """(N,) the frame at or before each new time, T - 2 at most."""
    share: Floats
    """(N,) of the step behind that frame, 0 to 1; 0 or 1 where the two do not belong together."""
    nearest: Indices
    """(N,) the frame that is shown: the nearest in time, the earlier one of two; in a gap the last."""
    shot: NDArray[np.int32]
    """(N,) number of the shot that is shown; after a gap begins another, as nothing moved through it."""

    @staticmethod
    def of(track: PoseTrack, time_s: Floats) -> "TimeGrid":
        """The grid of times (N,) on the track's clock, s, increasing.

        Raises:
            ValueError: the track has no frame.
        """
        if not len(track):
            raise ValueError("found a track without frames; expected at least one to take poses from")
        time_s = np.asarray(time_s, np.float64)
        step_s = np.diff(track.time_s)
        before = np.clip(np.searchsorted(track.time_s, time_s, side="right") - 1, 0, max(0, len(track) - 2))
        after = np.minimum(before + 1, len(track) - 1)
        length_s = np.maximum(track.time_s[after] - track.time_s[before], np.finfo(np.float64).tiny)
        share = np.clip((time_s - track.time_s[before]) / length_s, 0, 1)
        gap = step_s > max(FILL_GAP_S, NEIGHBOUR / float(track.rate))
        joined = track.present[:-1] & track.present[1:] & ~gap & (np.diff(track.shot) == 0)
        if len(joined):
            share = np.where(gap[before], share == 1, np.where(joined[before], share, share > HALFWAY))
        nearest = np.where(share <= HALFWAY, before, after)
        shot = track.shot + np.concatenate([[0], np.cumsum(gap)]).astype(np.int32)
        return TimeGrid(time_s, step_s, joined, before, share, nearest, shot[nearest])


def fill_joints(values: Floats, at_s: Floats, time_s: Floats, least: float = 0.0) -> Floats:
    """Values (N, J, C) known at `at_s`, at other times (T, J, C): linear in between, held at the ends.

    Joints that are known in less than the share `least` of the frames, or never, stay NaN.
    """
    result = np.full((len(time_s), *values.shape[1:]), np.nan)
    for joint in range(values.shape[1]):
        known = np.isfinite(values[:, joint]).all(axis=-1)
        if known.any() and known.mean() >= least:
            for axis in range(values.shape[2]):
                result[:, joint, axis] = np.interp(time_s, at_s[known], values[known, joint, axis])
    return result


def bridge_gaps(values: Floats, known: Flags) -> Floats:
    """Values (T, J, C) with straight lines over the frames in which a joint (T, J) is unknown; 0 where it always is."""
    frame = np.arange(len(values), dtype=np.float64)
    lines, bridged = fill_joints(np.where(known[..., None], values, np.nan), frame, frame), np.zeros_like(values)
    np.copyto(bridged, lines, where=np.isfinite(lines))
    return bridged


def resample_track(track: PoseTrack, grid: TimeGrid, rate: Fraction) -> PoseTrack:
    """The same motion at other times; on its own times a track stays what it is.

    `xy`, `depth` and `world` are interpolated by a monotone cubic, scores linearly, both only between two frames that
    show the person and the joint and have no cut and no gap between them (one that cleaning would not fill either).
    Everything else, `present` and masks among it, is that of the nearest frame; before the first and after the last
    frame these two stay.

    Args:
        track: cleaned, in any pixels. grid: of it. rate: nominal frames per second of the new grid.
    Returns:
        N frames at the grid's times. Unseen joints are NaN with score 0, as ever.
    """
    near = replace(track.select(grid.nearest), time_s=grid.time_s, rate=rate, shot=grid.shot)
    if len(track) == 1:
        return near
    return replace(
        near,
        xy=_follow_cubic(track.xy, near.xy, grid),
        depth=_follow_cubic(track.depth[..., None], near.depth[..., None], grid)[..., 0],
        world=_follow_cubic(track.world, near.world, grid),
        score=_follow_line(track.score, near.score, np.asarray(np.isfinite(track.xy).all(-1)), grid),
    )


def _follow_cubic(values: Values, near: Values, grid: TimeGrid) -> Values:
    """(N, J, C) the cubic through values (T, J, C) where it is defined, and `near` (N, J, C) elsewhere."""
    result = near.copy()
    s = grid.share[:, None]
    rise, fall = s**2 * (3 - 2 * s), (1 - s) ** 2 * (1 + 2 * s)
    # joint by joint: a long clip's temporaries for all 133 at once would take gigabytes
    for j in np.flatnonzero(np.isfinite(values).any((0, 2))):
        path = values[:, j].astype(np.float64)  # (T, C)
        known = np.asarray(np.isfinite(path).all(-1))
        linked = grid.joined & known[:-1] & known[1:]
        tangent = _monotone_tangents(path, linked, grid.step_s)
        k, inside = grid.before, linked[grid.before]
        length_s = grid.step_s[k][:, None]
        bend = length_s * s * (1 - s) * ((1 - s) * tangent[k] - s * tangent[k + 1])
        result[inside, j] = (fall * path[k] + rise * path[k + 1] + bend)[inside]
    return result


def _monotone_tangents(path: Floats, linked: Flags, step_s: Floats) -> Floats:
    """(T, C) velocity at each frame of a joint's path (T, C), after Fritsch and Butland 1984.

    The weighted harmonic mean of the velocities on both sides, 0 where they disagree in sign; where the joint is known
    on one side only, the velocity there.
    """
    velocity = np.where(linked[:, None], np.diff(path, axis=0) / step_s[:, None], 0.0)  # (T - 1, C)
    nothing = np.zeros((1, path.shape[1]))
    left, right = np.concatenate([nothing, velocity]), np.concatenate([velocity, nothing])
    has_left, has_right = np.append(False, linked)[:, None], np.append(linked, False)[:, None]
    h_left, h_right = np.append(0, step_s)[:, None], np.append(step_s, 0)[:, None]
    w_left, w_right = 2 * h_right + h_left, h_right + 2 * h_left
    agree = left * right > 0
    mixed = w_left * right + w_right * left
    mean = (w_left + w_right) * left * right / np.where(agree, mixed, 1)
    return np.where(has_left & has_right, np.where(agree, mean, 0), left + right)


def _follow_line(score: Values, near: Values, known: Flags, grid: TimeGrid) -> Values:
    """(N, J) scores (T, J) on the line between two frames that know the joint (T, J), and `near` (N, J) elsewhere."""
    k, share = grid.before, grid.share[:, None].astype(np.float32)
    inside = grid.joined[k, None] & known[k] & known[k + 1]
    return np.where(inside, (1 - share) * score[k] + share * score[k + 1], near).astype(np.float32)
