"""The reference bank: frames of the target with fitted bodies, and what each of them shows of the body's surface.

Retrieving the target's own pixels instead of inventing them is the idea of Video Rewrite (Bregler et al. 1997); a body
in each frame makes every pixel a point of one surface, whatever the pose.

Shapes: N references of h x w pixels, V vertices, P parts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache
from typing import Any, Final

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from choreograft.body.body_track import ARRAYS, BodyTrack, FloorCamera
from choreograft.body.shape import MEAN_SHAPE, BodyShape, load_shape_space
from choreograft.body.surface import PARTS, part_of_bone
from choreograft.errors import PersonError
from choreograft.performer.cutouts import Cutouts
from choreograft.performer.device import use_one_thread
from choreograft.performer.layers import LAYERS, Sway
from choreograft.performer.shutter import clip_ends, measure_shutter
from choreograft.progress import share_out
from choreograft.video.size import Size

Pictures = NDArray[np.uint8]
OWN: Final = ("frames", "masks", "sharpness", "faces")
"""What a bank keeps of its frames beside their bodies."""
MOST: Final = 128
"""References; chosen to differ in pose and to be sharp."""
BLURRED_SHARE: Final = 0.15
"""Of the frames, the most blurred, that are left out where there are enough others."""
SMEAR_PX: Final = 1.25
"""Of a picture of `SMEAR_ROWS` rows, by which a layer moves while the shutter is open that counts as half sharp."""
SMEAR_ROWS: Final = 256
USUAL_SHUTTER: Final = 0.25
"""Where it cannot be told from the footage: what is usual among phones, in rooms and outside."""
INNER_FACE: Final = 17
"""Of the 68 points the first of those that do not lie on the jaw's outline, which is guessed at rather than seen."""


@dataclass(frozen=True)
class ReferenceBank:
    """Some frames of one person, clip after clip."""

    frames: Pictures
    """(N, h, w, 3) RGB, canvas pixels."""
    masks: Pictures
    """(N, h, w) 255 = person."""
    bodies: tuple[BodyTrack, ...]
    """Of these frames, one track a clip; its camera's pictures are of the frames' size."""
    sharpness: NDArray[np.float32]
    """(N, L) of each layer, 0 (smeared by motion) to 1; see `measure_layer_sharpness`."""
    faces: NDArray[np.float32]
    """(N, 68, 2) px the points of the face; NaN where unseen."""
    sway: Sway | None = None
    """How far the cloth is off in them; None in older files."""
    shutter: float = USUAL_SHUTTER
    """Share of the time between two frames for which the camera looked."""

    def __len__(self) -> int:
        return len(self.frames)

    def tensors(self) -> dict[str, Tensor]:
        """For a file, together with `describe`; `from_tensors` is the inverse of both."""
        joined = {name: np.concatenate([getattr(body, name) for body in self.bodies]) for name in ARRAYS}
        arrays = {name: getattr(self, name) for name in OWN} | joined
        tensors = {name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in arrays.items()}
        tensors["shutter"] = torch.tensor(self.shutter)
        return tensors if self.sway is None else tensors | self.sway.tensors()

    def describe(self) -> list[dict[str, Any]]:
        """Of each clip: how many frames, rate, shape and camera."""
        return [
            {"frames": len(one), "rate": str(one.rate), "shape": one.shape.as_dict(), "camera": one.camera.as_dict()}
            for one in self.bodies
        ]

    @staticmethod
    def from_tensors(tensors: Mapping[str, Tensor], clips: Sequence[Mapping[str, Any]]) -> "ReferenceBank":
        """What `tensors` and `describe` gave.

        Raises:
            KeyError, ValueError, FileFormatError: parts are missing or do not fit together.
        """
        arrays = {name: tensor.numpy() for name, tensor in tensors.items()}
        bodies, start = [], 0
        for clip in clips:
            parts = {name: arrays[name][start : start + int(clip["frames"])] for name in ARRAYS}
            start += int(clip["frames"])
            shape, camera = BodyShape.from_dict(clip["shape"]), FloorCamera.from_dict(clip["camera"])
            bodies.append(BodyTrack(shape, camera, Fraction(clip["rate"]), **parts))
        frames, masks, sharpness, faces = own = [arrays[name] for name in OWN]
        if any(len(array) != start for array in own):
            raise ValueError(f"a bank of {len(frames)} frames with {start} bodies")
        shutter = float(arrays.get("shutter", USUAL_SHUTTER))
        return ReferenceBank(frames, masks, tuple(bodies), sharpness, faces, Sway.from_tensors(tensors), shutter)

    def refined(self, cutouts: Cutouts) -> "ReferenceBank":
        """The same with what was found out at full size: mattes for masks, and the person's colours without those of
        the background, which go on beyond the outline.
        """
        frames, masks = self.frames.copy(), self.masks.copy()
        laid = share_out(lambda n: cutouts.lay(n, self.size), range(len(self)), "references", prepare=use_one_thread)
        for n, (colours, masks[n]) in enumerate(laid):
            known = cv2.erode(np.asarray(colours.any(axis=-1), dtype=np.uint8), np.ones((3, 3), np.uint8)) > 0
            frames[n, known] = colours[known]
        return replace(self, frames=frames, masks=masks)

    @property
    def size(self) -> Size:
        """Of the frames."""
        return Size(self.frames.shape[2], self.frames.shape[1])

    @staticmethod
    def choose(
        frames: Pictures, masks: Pictures, bodies: Sequence[BodyTrack], faces: NDArray[np.float32]
    ) -> tuple["ReferenceBank", NDArray[np.intp]]:
        """Pick the bank from all frames (M, h, w, 3) of some clips, the bodies in them and their faces (M, 68, 2).

        The frames that differ most in how the body's parts are turned before the camera (farthest-point sampling),
        the blurred ones aside.

        Returns:
            The bank, and which of the frames it is made of, increasing.
        Raises:
            PersonError: no frame has a mask.
        """
        sharpness = measure_sharpness(frames, masks)
        present = np.concatenate([body.present for body in bodies])
        at = np.flatnonzero(present & masks.any(axis=(1, 2)))
        if not len(at):
            raise PersonError("found no frame with a mask of the person; expected some to draw from; use another video")
        clear = at[sharpness[at] >= np.quantile(sharpness[at], BLURRED_SHARE)]
        if len(clear) >= MOST:
            at = clear
        turns = np.concatenate([part_turns(body) for body in bodies])[at].reshape(len(at), -1)
        chosen = np.sort(at[_spread_out(turns, sharpness[at], MOST)])
        parts = np.split(np.isin(np.arange(len(frames)), chosen), clip_ends(bodies))
        kept = tuple(body.select(np.flatnonzero(part)) for body, part in zip(bodies, parts, strict=True))
        found = measure_shutter(frames, bodies)
        shutter = USUAL_SHUTTER if found is None else found
        layers = np.concatenate([measure_layer_sharpness(body, shutter) for body in bodies]) * sharpness[:, None]
        bank = ReferenceBank(frames[chosen], masks[chosen], kept, layers[chosen], faces[chosen], shutter=shutter)
        return bank, chosen


def measure_sharpness(frames: Pictures, masks: Pictures) -> NDArray[np.float32]:
    """(N,) how strong fine detail is on the person, its rank among the frames: 0 the most blurred, 1 the sharpest."""
    detail = []
    for frame, mask in zip(frames, masks, strict=True):
        person = mask > 127
        edges = cv2.Laplacian(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), cv2.CV_32F)
        detail.append(float(np.abs(edges[person]).mean()) if person.any() else 0.0)
    ranks = np.argsort(np.argsort(detail, kind="stable"), kind="stable")
    return np.asarray(ranks / max(1, len(detail) - 1), dtype=np.float32)


def measure_layer_sharpness(body: BodyTrack, shutter: float) -> NDArray[np.float32]:
    """(T, L) 0..1 how little each layer of the body moves in the picture while the shutter is open: motion smears.

    Args:
        shutter: share of the time from frame to frame.
    """
    places = body.camera.project(body.points)
    steps = np.linalg.norm(np.diff(places, axis=0, append=places[-1:]), axis=-1)  # (T, J) px
    steps[:-1][np.diff(body.shot) != 0] = 0
    steps = np.maximum(steps, np.concatenate([steps[:1], steps[:-1]]))
    steps *= shutter * SMEAR_ROWS / body.camera.size.height
    moved = np.stack([np.nanmean(steps[:, layer.joints], axis=1) for layer in LAYERS], axis=1)
    return np.asarray(1 / (1 + (np.nan_to_num(moved) / SMEAR_PX) ** 2), dtype=np.float32)


def _spread_out(features: NDArray[np.float32], sharpness: NDArray[np.float32], count: int) -> NDArray[np.intp]:
    """Indices of up to `count` rows that lie far from each other, beginning with the sharpest."""
    if len(features) <= count:
        return np.arange(len(features))
    chosen = [int(np.argmax(sharpness))]
    distance = np.linalg.norm(features - features[chosen[0]], axis=1)
    while len(chosen) < count:
        chosen.append(int(np.argmax(distance * (0.75 + 0.25 * sharpness))))
        distance = np.minimum(distance, np.linalg.norm(features - features[chosen[-1]], axis=1))
    return np.asarray(chosen)


@cache
def _part_segments() -> NDArray[np.intp]:
    """(P,) the segment that carries most of each part."""
    rig, body = load_shape_space().rig, MEAN_SHAPE.build()
    carried = np.asarray(body.weights.sum(axis=0)).ravel()
    totals = np.zeros((len(PARTS), len(rig.segments)))
    for bone, segment in enumerate(rig.segment_of):
        totals[part_of_bone(rig.bones[bone]), segment] += carried[bone]
    return np.asarray(totals.argmax(axis=1))


def part_turns(body: BodyTrack) -> NDArray[np.float32]:
    """(T, P, 3, 3) how each part is turned from rest, world axes; the camera looks along y."""
    return np.asarray(body.segments[0][:, _part_segments()])
