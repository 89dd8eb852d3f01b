"""Cutting the references out of the target's clips at the size they were filmed (performer/cutouts.py).

Two passes over each clip: some frames for the background at that size, then the references one by one, so that memory
holds a few pictures whatever the clip's length.
"""

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from choreograft.ahead import share_out
from choreograft.footage.clip import Clip
from choreograft.performer.colours import relight
from choreograft.performer.cutouts import Coded, Cutouts, cut_out
from choreograft.performer.device import one_thread, run_ahead, use_one_thread
from choreograft.performer.header import full_size
from choreograft.performer.matting import find_matte
from choreograft.performer.plate import Floats, estimate_still_plate, lay_on_plate, view_plate
from choreograft.progress import Progress, silent
from choreograft.training.recording import Recording, mask_on_canvas
from choreograft.video.read import sample_frames
from choreograft.video.size import Canvas, Size

Picture = NDArray[np.uint8]
PLATE_FRAMES: Final = 32
"""Of a clip, from which its background is estimated at full size: 200 MB at 1080x1920."""


def cut_references(
    recording: Recording, clips: Sequence[Clip], chosen: NDArray[np.intp], progress: Progress = silent
) -> Cutouts:
    """The cutouts of chosen frames of a recording, in their order.

    Args:
        clips: the recording's. chosen: increasing indices of its frames.
    Raises:
        VideoError: a clip cannot be read.
    """
    coded, places, plates = [], [], []
    with progress.task("Cutting the person out", len(chosen)) as advance, one_thread():
        for number, clip in enumerate(clips):
            cutter = _Cutter(recording, clip, number)
            plates.append(cutter.plate)
            for entry, place in cutter.cut(chosen[recording.clip_of[chosen] == number]):
                coded.append(entry)
                places.append(place)
                advance(len(coded))
    size = Size(plates[0].shape[1], plates[0].shape[0])
    return Cutouts(size, plates[0], coded, np.array(places))


class _Cutter:
    """One clip at the size that is kept of it."""

    def __init__(self, recording: Recording, clip: Clip, number: int) -> None:
        self._recording, self._clip, self._light = recording, clip, recording.lights[number]
        self._first = int(np.searchsorted(recording.clip_of, number))
        self._kept = recording.kept[number]
        self._laid = Canvas(clip.track.size, full_size(clip.track.size))
        height, width = recording.plates.shape[1:3]
        self._canvas = Canvas(self._laid.size, Size(width, height))
        self.plate = self._estimate_plate()

    def cut(self, chosen: NDArray[np.intp]) -> Iterator[tuple[Coded, list[float]]]:
        """Of each of the recording's frames, all of this clip, what `cut_out` gives."""
        return share_out(self._cut, self._read(chosen), "mattes", prepare=use_one_thread)

    def _cut(self, shown: tuple[int, Picture]) -> tuple[Coded, list[float]]:
        n, frame = shown
        matte, colours = find_matte(frame, self._mask(n), view_plate(self.plate, self._view(n)))
        return cut_out(relight(colours, self._light), matte, self._canvas)

    def _estimate_plate(self) -> Picture:
        some = np.unique(np.linspace(0, len(self._kept) - 1, PLATE_FRAMES).round().astype(int)) + self._first
        shape = (len(some), self._laid.size.height, self._laid.size.width)
        frames, masks = np.empty((*shape, 3), np.uint8), np.empty(shape, np.uint8)
        for k, (n, frame) in enumerate(run_ahead(self._read(some), "frames")):
            frames[k], masks[k] = lay_on_plate(frame, self._mask(n), self._view(n))
        return estimate_still_plate(frames, masks)

    def _read(self, chosen: NDArray[np.intp]) -> Iterator[tuple[int, Picture]]:
        for n, image in zip(chosen, sample_frames(self._clip.path, self._kept[chosen - self._first]), strict=True):
            yield int(n), image if self._laid.size == self._laid.source else self._laid.place_image(image)

    def _mask(self, n: int) -> Picture:
        return mask_on_canvas(self._clip.track, int(self._kept[n - self._first]), self._laid)

    def _view(self, n: int) -> Floats:
        """(2, 3) the plate's pixels to those of a frame, at the size that is kept."""
        view = self._recording.views[n].astype(np.float64)
        scale, offset = self._canvas.scale, np.array(self._canvas.offset) + 0.5 * self._canvas.scale - 0.5
        turn, move = view[:, :2], view[:, 2]
        return np.column_stack([turn, (turn @ offset + move - offset) / scale]).astype(np.float32)
