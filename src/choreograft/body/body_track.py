"""BodyTrack: one person's 3D body through one clip, in the world of the camera that filmed it.

World axes (see the package): the lens stands at (0, 0, height), looks along +y and pitches about x, without roll.
Shapes: ... any leading axes, T frames, J = 51 joints of the rig, S segments, K = 141 points (see `shape.py`), V
vertices.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from choreograft.body.rig import JOINTS
from choreograft.body.shape import BodyShape, load_shape_space
from choreograft.files import check_shapes, no_shots, open_archive, take_frames, write_archive
from choreograft.pose.track import TimeGrid
from choreograft.video.size import Canvas, Size

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

FORMAT = "choreograft-body"
VERSION = 1
ARRAYS = {
    "time_s": np.float64, "present": np.bool_, "root": np.float32, "pelvis": np.float32, "turns": np.float32,
    "stands": np.bool_,
}  # fmt: skip
SHOTS = {"shot": np.int32}
"""An array that older files lack: a single shot."""


@dataclass(frozen=True)
class FloorCamera:
    """Where a clip was filmed from, in the metres of its body: a pinhole above a flat floor, as the fit finds it."""

    size: Size
    """Of its pictures, px; the optical axis meets them in the middle."""
    focal_px: float
    height_m: float
    """Of the lens above the floor."""
    pitch_deg: float = 0.0
    """How far it looks down."""

    @property
    def position(self) -> Doubles:
        """(3,) m, world axes."""
        return np.array([0.0, 0.0, self.height_m])

    @property
    def axes(self) -> Doubles:
        """(3, 3) rows: the picture's x, its y (down) and the viewing direction, in world axes."""
        sine, cosine = np.sin(np.deg2rad(self.pitch_deg)), np.cos(np.deg2rad(self.pitch_deg))
        return np.array([[1.0, 0.0, 0.0], [0.0, -sine, -cosine], [0.0, cosine, -sine]])

    def place(self, points: NDArray[Any]) -> Doubles:
        """World points (..., 3) in the camera's axes: x right, y down, z away, m from the lens."""
        return np.asarray((points - self.position) @ self.axes.T)

    def project(self, points: NDArray[Any]) -> Doubles:
        """World points (..., 3) to pixels (..., 2); NaN stays NaN."""
        x, y, z = np.moveaxis(self.place(points), -1, 0)
        middle = np.asarray(self.size) / 2
        return np.stack([middle[0] + self.focal_px * x / z, middle[1] + self.focal_px * y / z], axis=-1)

    def resized(self, size: Size, scale: float) -> "FloorCamera":
        """The same camera whose pictures are scaled by `scale` onto the middle of pictures of another size."""
        return FloorCamera(size, self.focal_px * scale, self.height_m, self.pitch_deg)

    def as_dict(self) -> dict[str, Any]:
        """For JSON; `from_dict` is the inverse."""
        return asdict(self) | {"size": list(self.size)}

    @staticmethod
    def from_dict(content: Mapping[str, Any]) -> "FloorCamera":
        """What `as_dict` wrote; unknown or missing fields raise TypeError or KeyError."""
        return FloorCamera(**{**content, "size": Size.checked(content["size"])})


@dataclass(frozen=True)
class BodyTrack:
    """A body in every frame of a clip."""

    shape: BodyShape
    camera: FloorCamera
    rate: Fraction
    """Nominal frames per second."""
    time_s: NDArray[np.float64]
    """(T,) as in the `PoseTrack` it was fitted to."""
    present: NDArray[np.bool_]
    """(T,) whether the person is in the frame; elsewhere the body is interpolated."""
    root: Floats
    """(T, 3, 3) rotation of the pelvis from rest, world axes."""
    pelvis: Floats
    """(T, 3) m, world axes."""
    turns: Floats
    """(T, J, 3) rad: bend, twist and aside of every joint (rig.py)."""
    stands: NDArray[np.bool_]
    """(T, 2) whether the left and the right foot stands on the floor."""
    shot: NDArray[np.int32] = field(default_factory=no_shots)
    """(T,) as in the `PoseTrack` it was fitted to."""

    def __post_init__(self) -> None:
        T = len(self.time_s)
        if not len(self.shot):
            object.__setattr__(self, "shot", np.zeros(T, np.int32))
        expected: dict[str, tuple[int, ...]] = {"present": (T,), "root": (T, 3, 3), "pelvis": (T, 3), "stands": (T, 2)}
        check_shapes(self, expected | {"turns": (T, len(JOINTS), 3), "shot": (T,)})

    def __len__(self) -> int:
        return len(self.time_s)

    def select(self, indices: Sequence[int] | NDArray[np.intp]) -> "BodyTrack":
        """The frames at `indices` (increasing), with their own times."""
        at = np.asarray(indices, dtype=np.intp)
        return replace(self, **{name: getattr(self, name)[at] for name in ARRAYS | SHOTS})

    def on_canvas(self, size: Size) -> "BodyTrack":
        """The same body before a camera whose pictures are laid onto a canvas of another size (see `Canvas`)."""
        return replace(self, camera=self.camera.resized(size, Canvas(self.camera.size, size).scale))

    @cached_property
    def segments(self) -> tuple[Floats, Floats]:
        """Rotations (T, S, 3, 3) from rest and origins (T, S, 3) m of all segments, world axes."""
        chain, _ = load_shape_space().of(self.shape, slice(0, 0))
        with torch.inference_mode():
            rotations, origins = chain.place(*(torch.from_numpy(v) for v in (self.root, self.pelvis, self.turns)))
        return rotations.numpy(), origins.numpy()

    @cached_property
    def points(self) -> Floats:
        """(T, K, 3) m: 133 COCO-WholeBody joints, then the soles' points (`shape.SOLES`), world axes."""
        _, points = load_shape_space().of(self.shape)
        with torch.inference_mode():
            return points.locate(*(torch.from_numpy(v) for v in self.segments)).numpy()

    def bones(self) -> tuple[Floats, Floats]:
        """Rotations (T, B, 3, 3) and origins (T, B, 3) of all of Anny's bones, as `Body.skin` takes them."""
        rig, body = load_shape_space().rig, self.shape.build()
        rotations = self.segments[0][:, list(rig.segment_of)]
        origins = np.empty((*rotations.shape[:2], 3), np.float32)
        origins[:, 0] = self.pelvis
        for bone, parent in enumerate(body.parents[1:], start=1):
            offset = (body.heads[bone] - body.heads[parent]).astype(np.float32)
            origins[:, bone] = origins[:, parent] + rotations[:, parent] @ offset
        return rotations, origins

    def skin(self, frames: NDArray[np.intp] | None = None) -> Iterator[Floats]:
        """The posed vertices (V, 3) m, world axes, of the chosen frames or all, one after another."""
        body = self.shape.build()
        rotations, origins = self.bones()
        for t in range(len(self)) if frames is None else frames:
            yield body.skin(body.vertices, body.weights, rotations[t], origins[t]).astype(np.float32)

    def save(self, path: Path) -> None:
        """Write a compressed .npz, atomically; docs/conventions.md lists its arrays."""
        facts = {"shape": self.shape.as_dict(), "camera": self.camera.as_dict(), "rate": str(self.rate)}
        write_archive(path, FORMAT, VERSION, facts, {name: getattr(self, name) for name in ARRAYS | SHOTS})

    @staticmethod
    def load(path: Path) -> "BodyTrack":
        """Read what `save` wrote.

        Raises:
            FileFormatError: not a body track, damaged, or of another version.
        """
        with open_archive(path, FORMAT, VERSION, "remove it to fit the body again") as (facts, archive):
            arrays = take_frames(archive, ARRAYS, SHOTS)
            shape, camera = BodyShape.from_dict(facts["shape"]), FloorCamera.from_dict(facts["camera"])
            return BodyTrack(shape, camera, Fraction(facts["rate"]), **arrays)


def join_bodies(parts: Sequence[BodyTrack]) -> BodyTrack:
    """One body of the frames of several, of one shape before one camera, one after another."""
    joined: dict[str, Any] = {name: np.concatenate([getattr(part, name) for part in parts]) for name in ARRAYS | SHOTS}
    return replace(parts[0], **joined)


def resample_body(body: BodyTrack, grid: TimeGrid, rate: Fraction) -> BodyTrack:
    """The same motion at other times; before the first and after the last frame these two stay.

    Places and joint angles are interpolated linearly, the pelvis turns the shortest way, where the grid says that two
    frames belong together; presence and standing feet are those of the frame that is shown.

    Args:
        grid: of the track that the body was fitted to. rate: nominal frames per second of the new grid.
    """
    before, share, nearest = grid.before, grid.share[:, None], grid.nearest
    after = np.minimum(before + 1, len(body) - 1)
    turn = Rotation.from_matrix(np.swapaxes(body.root[before], 1, 2) @ body.root[after]).as_rotvec()
    root = body.root[before] @ Rotation.from_rotvec(share * turn).as_matrix()
    return replace(
        body,
        rate=rate,
        time_s=grid.time_s,
        present=body.present[nearest],
        root=root.astype(np.float32),
        pelvis=((1 - share) * body.pelvis[before] + share * body.pelvis[after]).astype(np.float32),
        turns=((1 - share[..., None]) * body.turns[before] + share[..., None] * body.turns[after]).astype(np.float32),
        stands=body.stands[nearest],
        shot=grid.shot,
    )
