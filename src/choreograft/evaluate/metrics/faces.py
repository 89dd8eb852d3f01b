"""Whether the face of a result is the target's: likeness of pooled deep features of aligned faces.

No face recognition network is at hand, so a classifier's must do: the third of EfficientNet-Lite0's five stages, pooled
over the middle of the face. Among seven real people and two rendered ones it orders 99.5 % of all pairs of frames
rightly (area under the curve of same person against other person, any pose); later stages tell pose and background,
earlier ones colour. It knows the look of a face in one clip: light, make-up and hair count.

Where no true video shows a face in the same pose, it is likened to those of a gallery of the target's real faces.

Shapes: T frames, N faces, M others, C = 40 channels, h x w positions.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from choreograft.evaluate.metrics.regions import BODY_SEEN, FACE_SIDE, find_boxes, upright_height
from choreograft.footage.clip import Clip
from choreograft.performer.perceptual import FeatureNetwork
from choreograft.performer.staging import to_tensor
from choreograft.pose import skeleton
from choreograft.pose.head import head_middle
from choreograft.pose.track import PoseTrack
from choreograft.video.read import read_frames
from choreograft.video.size import Crop

Image = NDArray[np.uint8]
Features = NDArray[np.float32]

PATCH_PX: Final = 112
"""Side of an aligned face: about what a face has in the videos judged."""
_STAGE: Final = 3
_MIDDLE: Final = 0.25
"""Share of the patch left out on each side: it shows hair, shoulders and the room."""
_APART: Final = 0.02
"""Eyes nearer to each other, in body heights, belong to a profile and do not tell which way is level."""
_UPRIGHT: Final = np.array([0, -1], np.float32)
GALLERY_FACES: Final = 64
"""Faces of a gallery, spread over the clip: enough for every pose of the head that it shows."""
_CLOSEST: Final = 3
"""Faces of a gallery that a face is likened to, those in about its pose; not one alone, which may be blurred."""


@dataclass(frozen=True)
class FacePlaces:
    """Where the head is in every frame and how it is turned in the picture."""

    centre: NDArray[np.float32]
    """(T, 2) px; NaN where no head is seen."""
    up: NDArray[np.float32]
    """(T, 2) direction in which the head points."""
    side_px: float
    """Of the square that holds the head."""

    @staticmethod
    def find(track: PoseTrack, side_px: float | None = None) -> "FacePlaces":
        """Of the person of a track; the side is a share of their upright height unless given."""
        xy = np.where(track.seen(BODY_SEEN)[..., None], track.xy, np.nan)
        height = upright_height(track)
        centre = head_middle(xy)
        across = xy[:, skeleton.LEFT_EYE] - xy[:, skeleton.RIGHT_EYE]
        with np.errstate(invalid="ignore"):
            level = np.linalg.norm(across, axis=-1, keepdims=True) >= _APART * height
        neck = centre - xy[:, list(skeleton.SHOULDERS)].mean(axis=1)
        up = np.where(level, np.stack([across[:, 1], -across[:, 0]], axis=-1), neck)
        usable = np.isfinite(up).all(axis=-1, keepdims=True) & up.any(axis=-1, keepdims=True)
        return FacePlaces(centre, np.where(usable, up, _UPRIGHT), side_px or FACE_SIDE * height)

    def or_else(self, other: "FacePlaces") -> "FacePlaces":
        """These places, and the other ones where no head is seen."""
        seen = np.isfinite(self.centre).all(axis=-1, keepdims=True)
        centre, up = np.where(seen, self.centre, other.centre), np.where(seen, self.up, other.up)
        return FacePlaces(centre, up, self.side_px)

    def cut(self, picture: Image, t: int) -> Image:
        """The head in frame t (H, W, 3), upright, (PATCH_PX, PATCH_PX, 3); the picture's border repeats."""
        whole = max(1, math.ceil(self.side_px / PATCH_PX))  # shrunk by area, for a crop does not average
        patch = Crop(self.centre[t], self.side_px, self.up[t], whole * PATCH_PX).cut(picture)
        return np.asarray(cv2.resize(patch, (PATCH_PX, PATCH_PX), interpolation=cv2.INTER_AREA), dtype=np.uint8)


@dataclass(frozen=True)
class FaceLikeness:
    """Describes aligned faces by pooled features; the likeness of two faces is the cosine between theirs."""

    network: FeatureNetwork
    device: torch.device
    """Where the network is."""

    @torch.inference_mode()
    def describe(self, faces: Sequence[Image]) -> Features:
        """(N, C) of length 1, of N patches as `FacePlaces.cut` makes them."""
        pictures = torch.stack([to_tensor(face) for face in faces]).to(self.device)
        stage = self.network.features(pictures)[_STAGE]
        rows, columns = (round(n * _MIDDLE) for n in stage.shape[-2:])
        middle = stage[:, :, rows : stage.shape[2] - rows, columns : stage.shape[3] - columns]
        features: Features = F.normalize(middle.mean(dim=(2, 3)), dim=1).cpu().numpy()
        return features

    def __call__(self, pairs: Sequence[tuple[Image, Image]]) -> list[float]:
        """The likeness of each pair of faces, 1 where they are equal."""
        one, other = (self.describe([pair[side] for pair in pairs]) for side in (0, 1))
        likeness: list[float] = (one * other).sum(axis=1).tolist()
        return likeness


@dataclass(frozen=True)
class FaceGallery:
    """Faces of one person, described."""

    features: Features
    """(N, C) of length 1, N > 0."""

    @staticmethod
    def from_clip(
        clip: Clip, likeness: FaceLikeness | None, batch: int, limit: int = GALLERY_FACES
    ) -> "FaceGallery | None":
        """Up to `limit` faces of a clip of the target; None where it shows no face, or nothing can describe one.

        Args:
            batch: faces that are described at once.
        Raises:
            VideoError: the clip cannot be read.
        """
        shown = [t for t, box in enumerate(find_boxes(clip.track, clip.track.size)["face"]) if box is not None]
        if likeness is None or not shown:
            return None
        chosen = {shown[i] for i in np.linspace(0, len(shown) - 1, min(limit, len(shown))).astype(int)}
        places = FacePlaces.find(clip.track)
        faces = [places.cut(frame.image, frame.index) for frame in read_frames(clip.path) if frame.index in chosen]
        described = [likeness.describe(faces[at : at + batch]) for at in range(0, len(faces), batch)]
        return FaceGallery(np.concatenate(described))

    def likeness(self, features: Features) -> NDArray[np.float64]:
        """(M,) for M faces (M, C): the mean over the three of the gallery that each is most like."""
        closest = min(_CLOSEST, len(self.features))
        alike = np.sort(features @ self.features.T, axis=1)
        return np.asarray(alike[:, -closest:].mean(axis=1), dtype=np.float64)
