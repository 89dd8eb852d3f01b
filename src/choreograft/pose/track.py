"""PoseTrack: one person through one clip, in COCO-WholeBody order, and the masks that go with it.

Each mask is packed as a PNG: those of a 5-minute clip take megabytes, not gigabytes.

Shapes: T frames, J = 133 joints. A joint that was not seen is NaN with score 0, never (0, 0). Pixels have their
centres at integers + 0.5, so the frame spans [0, width] x [0, height] (docs/conventions.md).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from choreograft.errors import FileFormatError
from choreograft.files import check_shapes, check_times, no_shots, open_archive, take_arrays, take_known, write_archive
from choreograft.pose import skeleton
from choreograft.video.size import Canvas, Size

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

    def select(self, indices: Sequence[int] | NDArray[np.intp]) -> "MaskSequence":
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
SHOTS = {"shot": np.int32, "view": np.int32}
"""Arrays that older files lack: a single shot."""
NEIGHBOUR: Final = 1.5
"""Two frames are consecutive if at most this many nominal frame intervals lie between them."""


@dataclass(frozen=True)
class PoseTrack:
    """Where one person's joints are in every frame of a clip."""

    size: Size
    """Of the frames, px, rotation applied."""
    rate: Fraction
    """Nominal frames per second; for timing use `time_s`."""
    time_s: NDArray[np.float64]
    """(T,) presentation time of each frame, s, strictly increasing, 0 = the first frame."""
    xy: NDArray[np.float32]
    """(T, J, 2) px, x right, y down; NaN where unseen."""
    score: NDArray[np.float32]
    """(T, J) confidence 0..1; 0 where unseen."""
    depth: NDArray[np.float32]
    """(T, J) depth relative to the hips in px of the frame's own scale, smaller = nearer; NaN where unknown."""
    world: NDArray[np.float32]
    """(T, J, 3) m, origin between the hips, axes as in the image (x right, y down, z away); NaN where unknown."""
    present: NDArray[np.bool_]
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
        expected = {"xy": (T, skeleton.JOINTS, 2), "score": (T, skeleton.JOINTS), "depth": (T, skeleton.JOINTS)}
        expected |= {"world": (T, skeleton.JOINTS, 3), "present": (T,), "shot": (T,), "view": (T,)}
        check_shapes(self, expected)
        if self.masks is not None and len(self.masks) != T:
            raise ValueError(f"PoseTrack.masks holds {len(self.masks)} masks; expected {T}")

    def __len__(self) -> int:
        return len(self.time_s)

    @property
    def follows(self) -> NDArray[np.bool_]:
        """(T,) whether a frame directly follows the one before it, without a cut and without a gap."""
        near = np.diff(self.time_s) <= NEIGHBOUR / float(self.rate)
        return np.append(False, near & (np.diff(self.shot) == 0))[: len(self)]

    def seen(self, threshold: float) -> NDArray[np.bool_]:
        """(T, J) joints of present frames whose score reaches `threshold`."""
        return (self.score >= threshold) & self.present[:, None] & np.isfinite(self.xy).all(-1)

    @property
    def masked(self) -> NDArray[np.bool_]:
        """(T,) frames of which there is a mask."""
        return np.zeros(len(self), np.bool_) if self.masks is None else np.diff(self.masks.starts) > 0

    def in_frame(self, margin: float = 0.0) -> NDArray[np.bool_]:
        """(T, J) joints inside the picture, or at most `margin` (a share of its height) outside."""
        slack = margin * self.size.height
        with np.errstate(invalid="ignore"):
            inside = (self.xy >= -slack) & (self.xy <= np.asarray(self.size) + slack)
        return np.asarray(inside.all(-1))

    def on_canvas(self, size: Size) -> "PoseTrack":
        """The same track in the pixels of a canvas of another size (see `Canvas`); masks are left as they are."""
        canvas = Canvas(self.size, size)
        return PoseTrack(
            size, self.rate, self.time_s, canvas.place_points(self.xy), self.score,
            (self.depth * canvas.scale).astype(np.float32), self.world, self.present, self.masks,
            self.shot, self.view,
        )  # fmt: skip

    def select(self, indices: Sequence[int] | NDArray[np.intp]) -> "PoseTrack":
        """The frames at `indices` (increasing), with their own times."""
        at = np.asarray(indices, dtype=np.intp)
        masks = None if self.masks is None else self.masks.select(at)
        return PoseTrack(
            self.size, self.rate, self.time_s[at], self.xy[at], self.score[at], self.depth[at], self.world[at],
            self.present[at], masks, self.shot[at], self.view[at],
        )  # fmt: skip

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
            arrays, masks = take_arrays(archive, ARRAYS) | take_known(archive, SHOTS), None
            if "mask_size" in facts:
                packed = take_arrays(archive, {"mask_packed": np.uint8, "mask_starts": np.int64})
                masks = MaskSequence.checked(
                    Size.checked(facts["mask_size"]), packed["mask_packed"], packed["mask_starts"]
                )
            check_times(arrays["time_s"])
            return PoseTrack(Size.checked(facts["size"]), Fraction(facts["rate"]), **arrays, masks=masks)


def empty_arrays(frames: int) -> dict[str, NDArray[np.float32]]:
    """xy, score, depth and world of `frames` frames in which nothing was seen."""
    J = skeleton.JOINTS
    return {
        "xy": np.full((frames, J, 2), np.nan, np.float32),
        "score": np.zeros((frames, J), np.float32),
        "depth": np.full((frames, J), np.nan, np.float32),
        "world": np.full((frames, J, 3), np.nan, np.float32),
    }
