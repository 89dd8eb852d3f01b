"""A recording: the target's clips as training needs them, at the canvas size, on disk and mapped into memory.

Made once per training run from videos and cleaned tracks, and used again when the run is resumed. References are cut
out of the clips at the size they were filmed (performer/cutouts.py), in two passes over each: some frames for the
background at that size, then the references one by one, so that memory holds a few pictures whatever its length.

Shapes: N frames kept from all clips together, H x W pixels of the canvas.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from choreograft.body.body_track import BodyTrack
from choreograft.files import atomic_path, write_json
from choreograft.footage.clip import Clip, choose_all_frames
from choreograft.footage.split import find_pairs
from choreograft.performer.colours import AS_FILMED, match_lights, relight
from choreograft.performer.cutouts import Coded, Cutouts, cut_out
from choreograft.performer.device import one_thread, run_ahead, use_one_thread
from choreograft.performer.header import full_size
from choreograft.performer.matting import find_matte
from choreograft.performer.plate import Floats, Plate, estimate_plate, estimate_still_plate, lay_on_plate, view_plate
from choreograft.pose import skeleton
from choreograft.pose.track import PoseTrack
from choreograft.progress import Progress, share_out, silent
from choreograft.video.read import sample_frames
from choreograft.video.size import Canvas, Size

MARKER: Final = "recording-3.json"
"""The file that is written last; it has a new name where the others change."""
ARRAYS: Final = ("plates", "views", "lights")
"""What is stored of a recording beside its frames and masks."""


@dataclass(frozen=True)
class Recording:
    """Frames, masks and poses of the target; pairs of consecutive frames never span a cut, a gap or two clips."""

    frames: NDArray[np.uint8]
    """(N, H, W, 3) RGB, memory-mapped."""
    masks: NDArray[np.uint8]
    """(N, H, W) 255 = person, memory-mapped."""
    plates: NDArray[np.uint8]
    """(clips, H, W, 3)."""
    views: NDArray[np.float32]
    """(N, 2, 3) affine: the plate of a frame's clip to what stands behind the person in that frame."""
    has_background: bool
    """Whether the plates are backgrounds to lay people over; not if a camera moved and could not be followed."""
    lights: NDArray[np.float32]
    """(clips, 3, 4) that brought the colours of each video into the light of the first; see `relight`."""
    clip_of: NDArray[np.intp]
    """(N,) the clip that each frame comes from."""
    tracks: tuple[PoseTrack, ...]
    """Of the kept frames of each clip, canvas pixels."""
    kept: tuple[NDArray[np.intp], ...]
    """Of each clip, the frames of its video that were kept."""
    pairs: NDArray[np.intp]
    """(P,) every n for which n and n + 1 are consecutive frames that show the person."""

    @property
    def faces(self) -> NDArray[np.float32]:
        """(N, 68, 2) px the points of the face; NaN where unseen."""
        return np.concatenate([track.xy[:, skeleton.FACE] for track in self.tracks])

    def plate_at(self, n: int) -> NDArray[np.uint8]:
        """(H, W, 3) the background of frame n."""
        return view_plate(self.plates[self.clip_of[n]], self.views[n])

    def pose_at(self, n: int) -> tuple[PoseTrack, int]:
        """The track that frame n belongs to, and its index there."""
        clip = int(self.clip_of[n])
        return self.tracks[clip], n - int(np.searchsorted(self.clip_of, clip))


def prepare_recording(
    folder: Path,
    clips: Sequence[Clip],
    size: Size,
    progress: Progress = silent,
    bodies: Sequence[BodyTrack] | None = None,
) -> Recording:
    """Lay all clips onto the canvas and store them in `folder`, or take what is already stored there.

    Args:
        bodies: of the clips, in their pixels: by them all clips are brought into the light of the first.
    Raises:
        PersonError: too few consecutive frames show the person.
        VideoError: a clip cannot be read.
    """
    kept = choose_all_frames(clips)
    tracks = tuple(clip.track.select(at).on_canvas(size) for clip, at in zip(clips, kept, strict=True))
    clip_of = np.repeat(np.arange(len(clips)), [len(at) for at in kept])
    pairs = find_pairs(tracks)
    if not (folder / MARKER).exists():
        placed = place_bodies(bodies, kept, size) if bodies is not None and len(clips) > 1 else []
        _store_frames(folder, clips, kept, placed, size, progress)
    arrays = {name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in ("frames", "masks", *ARRAYS)}
    facts = json.loads((folder / MARKER).read_text(encoding="utf-8"))
    return Recording(
        **arrays, has_background=facts["has_background"], clip_of=clip_of, tracks=tracks, kept=tuple(kept), pairs=pairs
    )


def place_bodies(bodies: Sequence[BodyTrack], kept: Sequence[NDArray[np.intp]], size: Size) -> list[BodyTrack]:
    """Those of the frames that were kept of each clip, on the canvas.

    Args:
        bodies: of the clips, whole, in their pixels.
    """
    return [body.select(at).on_canvas(size) for body, at in zip(bodies, kept, strict=True)]


def _store_frames(
    folder: Path,
    clips: Sequence[Clip],
    kept: Sequence[NDArray[np.intp]],
    bodies: Sequence[BodyTrack],
    size: Size,
    progress: Progress,
) -> None:
    total = sum(len(at) for at in kept)
    shape = (total, size.height, size.width)
    folder.mkdir(parents=True, exist_ok=True)
    frames = np.lib.format.open_memmap(folder / "frames.npy", mode="w+", dtype=np.uint8, shape=(*shape, 3))
    masks = np.lib.format.open_memmap(folder / "masks.npy", mode="w+", dtype=np.uint8, shape=shape)
    plates: list[Plate] = []
    n = 0
    with progress.task("Preparing frames", total) as advance:
        for clip, at in zip(clips, kept, strict=True):
            canvas, first = Canvas(clip.track.size, size), n
            read = run_ahead(sample_frames(clip.path, at), "frames")  # they are placed meanwhile
            for t, image in zip(at.tolist(), read, strict=True):
                frames[n] = canvas.place_image(image)
                masks[n] = mask_on_canvas(clip.track, t, canvas)
                n += 1
                advance(n)
            plates.append(estimate_plate(frames[first:n], masks[first:n]))
            _report_camera(clip.path, plates[-1], progress)
    lights = np.stack([AS_FILMED] * len(clips))
    if bodies:
        lights = match_lights(frames, masks, bodies)
        for n, light in enumerate(np.repeat(lights, [len(at) for at in kept], axis=0)):
            frames[n] = relight(frames[n], light)
    frames.flush()
    masks.flush()
    arrays = {
        "plates": np.stack([relight(plate.picture, light) for plate, light in zip(plates, lights, strict=True)]),
        "views": np.concatenate([plate.views for plate in plates]),
        "lights": lights,
    }
    for name, array in arrays.items():
        with atomic_path(folder / f"{name}.npy") as temporary, temporary.open("wb") as stream:
            np.save(stream, array)
    # written last: its presence says that the arrays beside it are whole
    facts = {
        "clips": [str(clip.path) for clip in clips],
        "frames": total,
        "size": size,
        "camera_motion": [plate.motion for plate in plates],
        "has_background": all(plate.usable for plate in plates),
    }
    write_json(folder / MARKER, facts)


def _report_camera(path: Path, plate: Plate, progress: Progress) -> None:
    if not plate.usable:
        progress.say(
            f"{path.name}: the background changes and the camera could not be followed, so there is nothing to lay"
            " people over; a camera that stands still gives better results"
        )
    elif plate.moving:
        progress.say(
            f"{path.name}: the camera moves by {100 * plate.motion:.1f} % of the height; it is followed, and results"
            " show what it saw in the middle"
        )


def mask_on_canvas(track: PoseTrack, t: int, canvas: Canvas) -> NDArray[np.uint8]:
    """(H, W) uint8 the person in a frame, 255 = person; nobody where the track has no masks."""
    if track.masks is None:
        return np.zeros((canvas.size.height, canvas.size.width), np.uint8)
    return canvas.place_image(track.masks[t])


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
