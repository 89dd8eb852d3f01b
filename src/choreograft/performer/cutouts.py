"""The references' people cut out at the size they were filmed, and the background at that size: full-size pixels.

Kept compressed, since a hundred people of 1080x1920 are a gigabyte; the few that are drawn from at a time are decoded.
Shapes: N references, h x w pixels of a cutout, H x W pixels of a result.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from choreograft.errors import FileFormatError
from choreograft.performer.region import Region
from choreograft.performer.sheets import Cutout, Picture
from choreograft.video.size import Canvas, Size

Coded = tuple[NDArray[np.uint8], NDArray[np.uint8]]
"""Colours and matte of a cutout, as the bytes of picture files."""
LOSSY: Final = (cv2.IMWRITE_JPEG_QUALITY, 94, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444)
"""Of the person's colours: 128 people of 1080x1920 are some 40 MB."""
DECODED_BYTES: Final = 200_000_000
"""Of cutouts that are kept decoded: some 40 at 1080x1920, all there are at half of that."""
WORTH_SHRINKING: Final = 0.8
"""Results below this share of the size that was filmed are drawn from cutouts shrunk by areas: samples would alias."""


@dataclass(frozen=True)
class Cutouts:
    """Of all references, in their order, and the plate of the first clip."""

    size: Size
    """Of results that show everything there is."""
    plate: Picture
    """(H, W, 3) of that size."""
    coded: Sequence[Coded]
    places: NDArray[np.float64]
    """(N, 3) scale and corner of each."""
    _decoded: dict[tuple[int, float], Cutout] = field(default_factory=dict, init=False, repr=False, compare=False)

    def look(self, n: int, scale: float) -> Cutout:
        """Reference n, decoded, for results of so many pixels for each of the canvas; the last ones are remembered."""
        return remember(self._decoded, (n, scale), DECODED_BYTES, lambda: self._decode(n, scale))

    def _decode(self, n: int, scale: float) -> Cutout:
        colours, matte = self.coded[n]
        try:
            picture = cv2.cvtColor(decode(colours), cv2.COLOR_RGB2RGBA)
            cv2.insertChannel(decode(matte, cv2.IMREAD_GRAYSCALE), picture, 3)
        except ValueError as error:
            raise FileFormatError(
                f"the performer file: expected whole pictures of its references, found {error}; train it again"
            ) from error
        own, left, top = self.places[n].tolist()
        if scale < WORTH_SHRINKING * own:
            times = max(scale / own, 2 / min(picture.shape[:2]))
            own *= times
            # by exactly so much: with rounded sides the far edges would lie half a pixel off
            picture = np.asarray(cv2.resize(picture, None, fx=times, fy=times, interpolation=cv2.INTER_AREA))
        return Cutout(np.asarray(picture, dtype=np.uint8), own, (left, top))

    def lay(self, n: int, canvas: Size) -> tuple[Picture, Picture]:
        """Reference n on the canvas: colours (h, w, 3) and matte (h, w), black where nothing of it is known."""
        cutout = self._decode(n, 1.0)
        laid = np.asarray(cv2.warpAffine(cutout.picture, cutout.matrix(), canvas), dtype=np.uint8)
        return laid[..., :3], laid[..., 3]

    def __len__(self) -> int:
        return len(self.coded)

    def tensors(self) -> dict[str, Tensor]:
        """For a file; `from_tensors` is the inverse."""
        parts = [part for pair in self.coded for part in pair]
        starts = np.cumsum([0, *(len(part) for part in parts)])
        plate = encode(self.plate, ".png")
        arrays = {"packed": np.concatenate(parts), "starts": starts, "places": self.places, "plate": plate}
        return {name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in arrays.items()}

    @staticmethod
    def from_tensors(tensors: Mapping[str, Tensor]) -> "Cutouts":
        """What `tensors` gave.

        Raises:
            KeyError, ValueError: parts are missing or do not fit together.
        """
        packed, starts, places, plate = (tensors[name].numpy() for name in ("packed", "starts", "places", "plate"))
        parts = [packed[start:end] for start, end in pairwise(starts)]
        if len(parts) != 2 * len(places) or places.shape[1:] != (3,):
            raise ValueError(f"{len(parts)} pictures for {len(places)} references")
        if starts[0] != 0 or starts[-1] != len(packed) or np.diff(starts).min() <= 0:
            raise ValueError(f"pictures of references that do not fill their {len(packed)} bytes")
        picture = decode(plate)
        pairs = list(zip(parts[::2], parts[1::2], strict=True))
        return Cutouts(Size.of(picture), picture, pairs, places)


def remember(kept: dict[Any, Cutout], key: Any, limit: int, make: Callable[[], Cutout]) -> Cutout:
    """The cutout of that key, made where it is not among those that are kept: the ones used last, of so many bytes."""
    found = kept.pop(key, None)
    if found is None:
        found = make()
        total = sum(cutout.picture.nbytes for cutout in kept.values()) + found.picture.nbytes
        while kept and total > limit:
            total -= kept.pop(next(iter(kept))).picture.nbytes
    kept[key] = found
    return found


def cut_out(picture: Picture, matte: Picture, canvas: Canvas) -> tuple[Coded, list[float]]:
    """One reference's entry in `Cutouts.coded` and `Cutouts.places`.

    Args:
        picture: (H, W, 3) RGB colours of the person, beyond their outline too. matte: (H, W) 255 = person.
        canvas: how pictures of this size lie on the performer's canvas.
    """
    margin = max(2, len(matte) // 128)
    box = Region.covering(matte > 0, margin) or Region(0, 0, margin + 2, margin + 2)
    coded = encode(picture[box.at], ".jpg", LOSSY), encode(matte[box.at], ".png")
    corner = canvas.place_points(np.array([box.left, box.top], np.float32))
    return coded, [1 / canvas.scale, *corner.tolist()]


def decode(blob: NDArray[np.uint8], how: int = cv2.IMREAD_COLOR) -> Picture:
    """What `encode` was given; grey where `how` says so.

    Raises:
        ValueError: the bytes are no picture.
    """
    picture = cv2.imdecode(blob, how) if len(blob) else None
    if picture is None:
        raise ValueError("a reference's picture that is damaged")
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB) if picture.ndim == 3 else picture, dtype=np.uint8)


def encode(picture: Picture, kind: str, options: Sequence[int] = ()) -> NDArray[np.uint8]:
    """(bytes,) a picture (h, w) or RGB (h, w, 3) as a file of that suffix."""
    bgr = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR) if picture.ndim == 3 else picture
    _, blob = cv2.imencode(kind, bgr, list(options))
    return np.asarray(blob, dtype=np.uint8).ravel()
