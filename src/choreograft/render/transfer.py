"""The transfer itself: a source's motion, normalised to the performer's stance, as a video with the source's sound.

The pose is carried over on the source's own frames and only then brought to the result's times, so that whatever
carries it over knows nothing of rates.
"""

from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from choreograft.body.body_track import BodyTrack, resample_body
from choreograft.performer.device import AHEAD, Compute, run_ahead
from choreograft.performer.performer import Performer
from choreograft.performer.plate import choose_evenly
from choreograft.pose.track import PoseTrack, TimeGrid, resample_track
from choreograft.progress import Progress, silent, warn
from choreograft.render.session import choose_size, render_frames
from choreograft.render.timing import Timing, TimingRequest, plan_timing
from choreograft.retarget.body import Motion, carry_over, describe_absence
from choreograft.video.picture import TimedPicture
from choreograft.video.read import VideoInfo, measure_length, probe, read_pictures
from choreograft.video.size import GAP_PX, Size, fit_into, save_picture, scale_to_height, tile_pictures, width_at
from choreograft.video.write import VideoWriter

SHEET_COLUMNS: Final = 8
SHEET_WIDTH: Final = 1920
"""Of a contact sheet at most, px: what a screen shows."""
BESIDE_HEIGHT: Final = 720
"""Of a video of three pictures beside each other at most, px."""


@dataclass(frozen=True)
class Rendering:
    """What `render_dance` wrote."""

    frames: int
    absent: int
    """Of them in which nobody is seen, rendered as the empty background."""
    duration_s: float
    rate: str
    """Nominal frames per second, exact."""
    tempo: float
    """Seconds of the source in one second of the result."""


def time_for(
    performer: Performer, info: VideoInfo, track: PoseTrack, request: TimingRequest, progress: Progress = silent
) -> Timing:
    """The timing of a result, from the times of the source's track and what the user asked for.

    Raises:
        OptionError: a tempo or a rate out of bounds.
    """
    target_rate = performer.card.rate
    if request.fps == "target" and target_rate is None:
        progress.say(
            f"{performer.card.name}: this performer file does not say at what rate the target was filmed; the result"
            " keeps the source's"
        )
    return plan_timing(request, track.time_s, info.rate, measure_length(info.path), target_rate)


def bring_to(timing: Timing, motion: Motion) -> Motion:
    """A motion on the source's times as one with a frame for every frame of the result, on the result's clock."""
    if timing.as_filmed:
        return motion
    moments, shown = (np.array(times, np.float64) for times in (timing.source_times, timing.times))
    grid = TimeGrid.of(motion.track, moments)
    track = replace(resample_track(motion.track, grid, timing.rate), time_s=shown)
    if motion.body is None:
        return Motion(track)
    return Motion(track, replace(resample_body(motion.body, grid, timing.rate), time_s=shown))


def nearest_frames(frames: Iterable[TimedPicture], times: Iterable[Fraction], rate: Fraction) -> Iterator[TimedPicture]:
    """For each of increasing times the frame nearest to it, the earlier of two; holds no more than two frames.

    What stays for longer than usual, at a nominal `rate` of frames per second, is held until the next one comes.
    Reads on to the last frame in any case: only there a file shows that it breaks off.
    """
    coming = iter(frames)
    shown = next(coming)
    following = next(coming, None)
    for time in times:
        while following is not None and following.time - time < min(time - shown.time, 1 / (2 * rate)):
            shown, following = following, next(coming, None)
        yield shown
    for _ in coming:
        pass


def _open_result(path: Path, info: VideoInfo, size: Size, timing: Timing) -> VideoWriter:
    """A writer for the times of the result, with the source's sound."""
    time_base = info.time_base if timing.as_filmed else None
    return VideoWriter(path, size, timing.rate, info.path, time_base, retiming=timing.retiming)


def render_dance(
    performer: Performer,
    source: Path,
    track: PoseTrack,
    output: Path,
    compute: Compute,
    side_by_side: Path | None = None,
    sheet: Path | None = None,
    progress: Progress = silent,
    request: TimingRequest = TimingRequest(),  # noqa: B008 - frozen
    body: BodyTrack | None = None,
    height: int | None = None,
) -> Rendering:
    """Write the video in which the performer does what `track`, the cleaned track of `source`, does.

    One output frame for every source frame, at its time, unless another rate or duration is asked for; sound from the
    source. Streams: memory does not grow.

    Args:
        side_by_side: another video to write, of source, stick figure and result beside each other.
        sheet: a contact sheet to write, of the same three.
        request: rate and duration of the result.
        body: fitted to the track, for retargeting in 3D; None for the paper's global normalisation.
        height: of the result, px; None for the target's own.
    Raises:
        OptionError: a tempo, a rate or a height out of bounds.
    """
    info, size = probe(source), choose_size(performer, height)
    timing = time_for(performer, info, track, request, progress)
    motion = bring_to(timing, carry_over(track, body, performer.card.standing))
    warn(progress, describe_absence(motion.track))
    danced, beside = motion.track, size.scaled(min(1.0, BESIDE_HEIGHT / size.height))
    cell = size.scaled(min(1.0, (SHEET_WIDTH // SHEET_COLUMNS - GAP_PX) / size.width))
    columns = choose_evenly(len(danced), SHEET_COLUMNS).tolist()
    wide = Size(width_at(info.size, beside.height) + 2 * beside.width, beside.height)
    shown: list[list[NDArray[np.uint8]]] = []
    originals = nearest_frames(read_pictures(source), timing.source_times, info.rate)
    frames = run_ahead(render_frames(performer, motion, compute, size), "drawing", AHEAD)
    with (
        _open_result(output, info, size, timing) as video,
        nullcontext() if side_by_side is None else _open_result(side_by_side, info, wide, timing) as comparison,
        progress.task("Rendering", len(danced)) as advance,
    ):
        for n, (time, original, rendered) in enumerate(zip(timing.times, originals, frames, strict=True)):
            stay = original.duration if timing.as_filmed else timing.duration - time  # counts for the last one only
            video.write(rendered.image, time, stay)
            if comparison is not None:
                drawn = [fit_into(picture, beside) for picture in (rendered.stick, rendered.image)]
                pictures = [scale_to_height(original.to_rgb(), beside.height), *drawn]
                comparison.write(np.concatenate(pictures, axis=1), time, stay)
            if n in columns:
                shown.append([fit_into(image, cell) for image in (original.to_rgb(), rendered.stick, rendered.image)])
            advance(n + 1)
    if sheet is not None:
        save_picture(tile_pictures([list(row) for row in zip(*shown, strict=True)]), sheet)
    absent = int((~danced.present).sum())
    return Rendering(len(danced), absent, float(timing.duration), str(timing.rate), float(timing.tempo))
