"""The transfer itself: a source's motion, normalised to the performer's stance, as a video with the source's sound."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from choreograft.config import NormalisationConfig
from choreograft.performer.device import Compute
from choreograft.performer.performer import Performer
from choreograft.pose.track import PoseTrack
from choreograft.progress import Progress, silent
from choreograft.render.session import render_frames
from choreograft.retarget.normalise import map_to_target
from choreograft.retarget.stance import Stance
from choreograft.video.read import VideoInfo, probe, read_frames
from choreograft.video.sheet import fit_into, save_picture, scale_to_height, tile_pictures
from choreograft.video.size import Size
from choreograft.video.write import VideoWriter

SHEET_COLUMNS: Final = 8


@dataclass(frozen=True)
class Rendering:
    """What `render_dance` wrote."""

    frames: int
    absent: int
    """Frames in which nobody is seen in the source, rendered as the empty background."""
    duration_s: float


def pose_for(performer: Performer, track: PoseTrack) -> PoseTrack:
    """A cleaned source track in the performer's place and size, canvas pixels (docs/method.md, section 2)."""
    config = NormalisationConfig()
    return map_to_target(track, Stance.measure(track, config), performer.card.stance, config)


@contextmanager
def _open_side_by_side(path: Path | None, info: VideoInfo, size: Size) -> Iterator[VideoWriter | None]:
    if path is None:
        yield None
        return
    source_width = scale_to_height(np.zeros((info.size.height, info.size.width, 3), np.uint8), size.height).shape[1]
    with VideoWriter(
        path, Size(source_width + 2 * size.width, size.height), info.rate, info.path, info.time_base
    ) as video:
        yield video


def render_dance(
    performer: Performer,
    source: Path,
    track: PoseTrack,
    output: Path,
    compute: Compute,
    side_by_side: Path | None = None,
    sheet: Path | None = None,
    progress: Progress = silent,
) -> Rendering:
    """Write the video in which the performer does what `track`, the cleaned track of `source`, does.

    One output frame for every source frame, at its time; sound from the source. Streams: memory does not grow.

    Args:
        side_by_side: another video to write, of source, stick figure and result beside each other.
        sheet: a contact sheet to write, of the same three.
    """
    info, size = probe(source), performer.card.size
    columns = np.unique(np.linspace(0, len(track) - 1, SHEET_COLUMNS).round().astype(int)).tolist()
    shown: list[list[NDArray[np.uint8]]] = []
    frames = render_frames(performer, pose_for(performer, track), compute)
    with (
        VideoWriter(output, size, info.rate, source, info.time_base) as video,
        _open_side_by_side(side_by_side, info, size) as comparison,
        progress.task("Rendering", len(track)) as advance,
    ):
        for done, (original, rendered) in enumerate(zip(read_frames(source), frames, strict=True), start=1):
            video.write(rendered.image, original.time, original.duration)
            if comparison is not None:
                pictures = [scale_to_height(original.image, size.height), rendered.stick, rendered.image]
                comparison.write(np.concatenate(pictures, axis=1), original.time, original.duration)
            if original.index in columns:
                shown.append([fit_into(original.image, size), rendered.stick, rendered.image])
            advance(done)
    if sheet is not None:
        save_picture(tile_pictures([list(row) for row in zip(*shown, strict=True)]), sheet)
    return Rendering(len(track), int((~track.present).sum()), info.duration_s)
