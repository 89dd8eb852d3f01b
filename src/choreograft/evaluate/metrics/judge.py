"""Measures one result: against the true video, or against nothing but the pose that was asked for.

What the metrics measure with is loaded once for a whole evaluation; what cannot be loaded is left out and named.
Both videos are streamed; a few pictures at a time wait for the networks. Pictures are compared at the truth's size, to
which the result is brought; only what follows the motion from frame to frame is worked out at a draft's.

Shapes: T frames, H x W pixels.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from choreograft.errors import AssetError, FileFormatError, VideoError
from choreograft.evaluate.metrics.faces import FaceGallery, FaceLikeness, FacePlaces
from choreograft.evaluate.metrics.flicker import AskedMotion, unexplained_change
from choreograft.evaluate.metrics.measures import (
    Chart,
    DeepDistance,
    Fidelity,
    Holes,
    Measure,
    Series,
    Similarity,
    Steps,
    Waiting,
    draft_size,
    mean_in,
    soft_iou,
    thin_out,
)
from choreograft.evaluate.metrics.perceptual import (
    NetworkDistance,
    Pair,
    compare_features,
    crop,
    crop_at_full_size,
    load_lpips,
    load_stlpips,
)
from choreograft.evaluate.metrics.regions import FACE_SIDE, Boxes, compare_joints, find_boxes, upright_height
from choreograft.evaluate.scores import RATE_TOLERANCE, Scores, Values
from choreograft.footage.clip import Clip
from choreograft.performer.device import Compute
from choreograft.performer.perceptual import load_perceptual
from choreograft.pose.track import PoseTrack
from choreograft.progress import Progress, silent
from choreograft.video.read import read_frames
from choreograft.video.size import Canvas, Size

GPU_BATCH: Final = 16
CPU_BATCH: Final = 4
"""Pictures that a network sees at once; on a CPU the features of more fall out of its caches and take twice as long."""

Image = NDArray[np.uint8]

SHAPE_TOLERANCE: Final = 0.05
"""By which the shapes (width over height) of the two videos may differ: encoders round sizes to even numbers."""
SHORTER_SIDE_PX: Final = 1080
"""Of the pictures compared, at most; every metric but the networks' looks at all of their pixels."""
LEARNED_EVERY_S: Final = 0.5
"""Between two frames that ST-LPIPS looks at: one takes seconds on a CPU, and neighbours resemble each other."""


@dataclass(frozen=True)
class Tools:
    """The networks behind the metrics; what is missing is left out."""

    distances: Mapping[str, NetworkDistance]
    """By the name of the metric."""
    faces: FaceLikeness | None
    batch: int
    """Pictures, or pairs of them, that are shown to a network at once."""
    notes: tuple[str, ...] = ()
    """One sentence for each that is missing."""


def load_tools(compute: Compute, progress: Progress = silent) -> Tools:
    """Load the networks that can be had; never fails for one that cannot."""
    loaders: dict[str, Callable[[], Any]] = {
        "LPIPS was": lambda: load_lpips(compute),
        "perceptual distance and identity were": lambda: load_perceptual("efficientnet_lite0", progress),
        "ST-LPIPS was": lambda: load_stlpips(compute, progress),
    }
    loaded, notes = [], []
    for what, load in loaders.items():
        try:
            loaded.append(load())
        except (AssetError, FileFormatError) as error:
            loaded.append(None)
            notes.append(f"{what} left out: {error}")
    lpips, network, stlpips = loaded
    faces = network and FaceLikeness(network.to(compute.device), compute.device)
    perceptual = network and NetworkDistance(partial(compare_features, network), compute.device)
    distances = {"perceptual": perceptual, "lpips": lpips, "st_lpips": stlpips}
    batch = CPU_BATCH if compute.device.type == "cpu" else GPU_BATCH
    return Tools({name: found for name, found in distances.items() if found}, faces, batch, tuple(notes))


def size_to_compare(truth: Size) -> Size:
    """At which results are held against a true video of that size: its own, the shorter side `SHORTER_SIDE_PX` at most.

    Its frame is the truth's: a result's canvas is laid back into it, and what it does not show repeats its edge.
    """
    return truth.scaled(min(1.0, SHORTER_SIDE_PX / min(truth)))


def judge_against_truth(
    result: Clip, truth: Clip, tools: Tools, true_track: PoseTrack | None = None, progress: Progress = silent
) -> Scores:
    """All metrics of a result for which the true video exists; frame t of one is held against frame t of the other.

    Args:
        result: the video and the raw track found in it; frames in which nobody was found are absent there.
        truth: likewise. The joints wanted are those that the same detector found in it.
        tools: the networks; metrics of those that are missing are left out.
        true_track: the exact track of the true video where it is known; regions and matte are taken from it rather
            than from `truth.track`.
        progress: is told the frames done.
    Raises:
        VideoError: the two differ in length, shape or frame rate; one cannot be read or is not what was tracked.
    """
    exact = truth.track if true_track is None else true_track
    _refuse_unlike(str(result.path), result.track, str(truth.path), truth.track)
    _refuse_unlike(str(truth.path), truth.track, "its exact track", exact)
    size = size_to_compare(truth.track.size)
    boxes = find_boxes(exact, size)
    steps = Steps(exact, truth.track, result.track.size)
    measures: list[Measure] = [Similarity(boxes), *_deep_distances(tools, boxes, float(exact.rate))]
    if exact.masks is not None:
        measures.append(Fidelity(exact.masks, Canvas(exact.size, size)))
        truths = map(Canvas(truth.track.size, size).place_image, _pictures(truth))
        measures.append(Holes(exact.masks, Canvas(exact.size, size), truths))
    faces = None if tools.faces is None else Waiting[Pair](tools.faces, len(exact), tools.batch)
    found_at, true_at = _face_places(result.track, exact), _face_places(truth.track.on_canvas(size), exact)
    drawn, filmed = Canvas(size, result.track.size), Canvas(truth.track.size, size)
    name = f"comparing {result.path.name} with {truth.path.name}"
    with progress.task(name, len(exact)) as advance:
        for t, (own, whole) in enumerate(zip(_pictures(result), _pictures(truth), strict=True)):
            picture, true_picture = drawn.restore_image(own), filmed.place_image(whole)
            for measure in measures:
                measure.look(t, picture, true_picture)
            steps.look(t, own, whole)
            if faces is not None and boxes["face"][t] is not None:
                faces.add(t, (found_at.cut(own, t), true_at.cut(true_picture, t)))
            advance(t + 1)
    series: Series = steps.finish() | compare_joints(result.track, truth.track)
    for measure in measures:
        series |= measure.finish()
    if faces is not None:
        series["face", "identity"] = faces.finish()
    if exact.masks is not None and result.track.masks is not None:
        series["person", "matte_iou"] = _compare_mattes(result.track, exact)
    return Scores(len(exact), series)


def judge_without_truth(
    result: Clip, asked: PoseTrack, tools: Tools, gallery: FaceGallery | None = None, progress: Progress = silent
) -> Scores:
    """What can be said of a result that no true video exists of: does it hold the pose, is it steady, is it the target.

    Args:
        result: the video and the raw track found in it.
        asked: the poses that were asked for, of any size of the result's shape; its masks, if any, are the source's and
            are not looked at.
        tools: the networks.
        gallery: real faces of the target; identity is left out without it.
        progress: is told the frames done.
    Raises:
        VideoError: result and poses differ in length, shape or frame rate; the result cannot be read.
    """
    _refuse_unlike(str(result.path), result.track, "the asked poses", asked)
    size = draft_size(result.track.size)
    small = Canvas(result.track.size, size)
    wanted = replace(asked, masks=None).on_canvas(size)
    boxes = find_boxes(wanted, size)
    chart, motion, follows = Chart(boxes, "flicker"), AskedMotion(wanted), wanted.follows
    likeness, faces = tools.faces, None
    if likeness is not None and gallery is not None:
        faces = Waiting[Image](lambda cut: gallery.likeness(likeness.describe(cut)).tolist(), len(asked), tools.batch)
    found_at = _face_places(result.track, wanted)
    before: Image | None = None
    with progress.task(f"judging {result.path.name}", len(asked)) as advance:
        for t, own in enumerate(_pictures(result)):
            picture = small.place_image(own)
            if before is not None and follows[t]:
                change = unexplained_change(before, picture, motion.between(t))
                chart.note("flicker", t, partial(mean_in, values=change))
            if faces is not None and boxes["face"][t] is not None:
                faces.add(t, found_at.cut(own, t))
            before = picture
            advance(t + 1)
    series: Series = chart.series | compare_joints(result.track, wanted)
    if faces is not None:
        series["face", "identity"] = faces.finish()
    return Scores(len(asked), series)


def _deep_distances(tools: Tools, boxes: Boxes, rate: float) -> list[Measure]:
    """The networks that there are, as measures; crops at full size differ in it, so each is looked at alone."""
    few = thin_out(boxes, ("person", "face"), max(1, round(LEARNED_EVERY_S * rate)))
    return [
        DeepDistance(name, distance, few, 1, crop_at_full_size)
        if name == "st_lpips"
        else DeepDistance(name, distance, boxes, tools.batch, crop)
        for name, distance in tools.distances.items()
    ]


def _face_places(found: PoseTrack, exact: PoseTrack) -> FacePlaces:
    """Where the head was found, in frames without one where it should be; of one size, the true person's."""
    wanted = exact.on_canvas(found.size)
    side_px = FACE_SIDE * upright_height(wanted)
    return FacePlaces.find(found, side_px).or_else(FacePlaces.find(wanted, side_px))


def _compare_mattes(found: PoseTrack, exact: PoseTrack) -> Values:
    """(T,) the overlap of the masks of both tracks, at the size of the found one."""
    assert found.masks is not None and exact.masks is not None  # noqa: PT018
    own, other = Canvas(found.size, found.size), Canvas(exact.size, found.size)
    pairs = ((own.place_image(found.masks[t]), other.place_image(exact.masks[t])) for t in range(len(exact)))
    return np.array([soft_iou(*pair) for pair in pairs])


def _pictures(clip: Clip) -> Iterator[Image]:
    """The frames (H, W, 3) of a video, which must be those that were tracked."""
    size, last = clip.track.size, -1
    for frame in read_frames(clip.path):
        last = frame.index
        if last >= len(clip.track) or Size.of(frame.image) != size:
            break
        yield frame.image
    else:
        if last == len(clip.track) - 1:
            return
    raise VideoError(
        f"{clip.path}: the video is not the one that was tracked; expected {len(clip.track)} frames of {size};"
        " track it again"
    )


def _refuse_unlike(name: str, one: PoseTrack, other_name: str, other: PoseTrack) -> None:
    shapes = [track.size.width / track.size.height for track in (one, other)]
    alike = (
        len(one) == len(other)
        and abs(shapes[0] / shapes[1] - 1) <= SHAPE_TOLERANCE
        and abs(float(one.rate / other.rate) - 1) <= RATE_TOLERANCE
    )
    if not alike:
        raise VideoError(
            f"{name} has {_describe(one)}, {other_name} {_describe(other)}; expected equal lengths, shapes and rates;"
            " compare videos of the same motion"
        )


def _describe(track: PoseTrack) -> str:
    return f"{len(track)} frames of {track.size} at {float(track.rate):.4g} fps"
