"""A render session: frames of a performer, one at a time, each conditioned on the one before unless it is not temporal.

Shapes: H x W pixels of the performer's canvas.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from choreograft.errors import OptionError
from choreograft.performer.atlas import Atlas
from choreograft.performer.device import AHEAD, Compute, one_thread, quick_turns, run_ahead
from choreograft.performer.full_size import Decisions, FullSize
from choreograft.performer.header import pick_size
from choreograft.performer.performer import Performer
from choreograft.performer.references import ReferenceBank
from choreograft.performer.region import Region
from choreograft.performer.staging import Composite, to_image
from choreograft.performer.warp import Warped, Warper, pose_frames
from choreograft.pose import skeleton
from choreograft.pose.draw import draw_track_frame
from choreograft.pose.track import SEEN, PoseTrack
from choreograft.retarget.body import Motion
from choreograft.video.size import Size

MIN_SHARED: Final = 0.5
"""Share of the wanted joints that a frame of the target must show to be a candidate."""


@dataclass(frozen=True)
class RenderedFrame:
    """One finished frame and the pose it was drawn from."""

    image: NDArray[np.uint8]
    """(H, W, 3) RGB of the size that was asked for."""
    draw_stick: Callable[[], NDArray[np.uint8]]

    @cached_property
    def stick(self) -> NDArray[np.uint8]:
        """(H, W, 3) RGB of the canvas's size; black where nobody is there."""
        return self.draw_stick()


def choose_size(performer: Performer, height: int | None = None) -> Size:
    """The size of a performer's results.

    Args:
        height: px; None for the target's own size, or the canvas's where a performer draws no larger.
    Raises:
        OptionError: a height that it cannot draw.
    """
    cutouts = performer.cutouts
    return pick_size(performer.card.name, performer.card.size, None if cutouts is None else cutouts.size, height)


_Drawing = Callable[[], NDArray[np.uint8]]
"""What draws a frame's picture once all is decided."""


def render_frames(
    performer: Performer, motion: Motion, compute: Compute, size: Size | None = None
) -> Iterator[RenderedFrame]:
    """Draw every frame of a motion in the performer's canvas pixels; a frame without a person is the empty plate.

    Args:
        size: of the frames, from `choose_size`; the target's own where None.
    Raises:
        OptionError: the performer draws bodies, and the motion has none.
    """
    renderer, size = performer.card.preset.renderer, size or choose_size(performer)
    full = None
    if performer.cutouts is not None and (renderer == "nearest" or size != performer.card.size):
        full = FullSize(performer.cutouts, performer.card.size, size)
    planned = _plan(performer, motion, compute, full)
    if renderer == "generator" and not performer.staging.guided:
        yield from (RenderedFrame(draw(), stick) for draw, stick in planned)
        return
    with one_thread(), quick_turns():  # all is so small that waking a second thread takes longer than it helps
        yield from (RenderedFrame(draw(), stick) for draw, stick in run_ahead(planned, "decisions", AHEAD))


def _plan(
    performer: Performer, motion: Motion, compute: Compute, full: FullSize | None
) -> Iterator[tuple[_Drawing, _Drawing]]:
    """What draws each frame, and what its stick figure."""
    card, plate = performer.card, to_image(performer.plate)
    plan = {"nearest": _retrieve, "warp": _warp, "generator": _generate}[card.preset.renderer]
    for t, draw in enumerate(plan(performer, motion, compute, full)):
        if draw is None:
            yield partial(np.copy, plate if full is None else full.plate), partial(np.zeros_like, plate)
        else:
            yield draw, partial(draw_track_frame, motion.track, t, card.preset.stick_figure)


@torch.inference_mode()
def _generate(
    performer: Performer, motion: Motion, compute: Compute, full: FullSize | None
) -> Iterator[_Drawing | None]:
    """With the generator. The first person after an empty frame or a cut starts, as in training, from a zero image.

    Every frame is conditioned on the one directly before it, whatever the rate of the track and that of the footage
    which the generator learned from (measured in docs/method.md, section 4). At higher rates that frame lies closer
    than in training, which looks like a slow movement, and training knows those. The output of one training interval
    ago would make several videos that take turns, and one anchor for each interval jumps where the anchor changes. At
    lower rates, hidden frames in between would multiply the time for little.
    """
    track, body, plate = motion.track, motion.body, performer.plate.cpu()
    guides = _draw_guides(performer, motion, compute) if performer.staging.guided else None
    places = None if body is None else body.camera.project(body.points)
    nothing = previous = performer.no_previous()
    begins = np.diff(track.shot, prepend=track.shot[:1]) != 0
    for t, face in enumerate(performer.find_faces(track)):
        warped = None if guides is None else next(guides)
        if begins[t] or not track.present[t]:
            previous = nothing
        if not track.present[t]:
            yield None
            continue
        guide = None if warped is None else warped.as_guide()
        conditioning = performer.staging.describe(track, t, plate, guide)
        region = performer.region_around(None if places is None else places[t])
        with compute.autocast():
            drawn = performer(conditioning.crop(region).to(compute.device), region.crop(previous))
            # the generator goes on from its own frame, as it was trained to; the face is mended in what is shown
            previous = region.paste(drawn.frame, performer.plate[None])
            shown = performer.mend_face(previous, conditioning.stick.to(compute.device), face)
        draw = partial(to_image, shown[0])
        if full is not None:
            assert warped is not None
            draw = partial(full.draw, warped, _decide(drawn, region, shown - previous))
        yield draw


def _decide(drawn: Composite, region: Region, mended: Tensor) -> Decisions:
    """What the generator says of a frame, on the whole canvas.

    Args:
        mended: (1, 3, H, W) what the face's network adds to its colours.
    """
    assert drawn.person is not None
    assert drawn.matte is not None
    both = torch.cat([drawn.person, drawn.matte], dim=1).float()
    maps = region.paste(both, both.new_zeros(1, 1, *mended.shape[-2:]))
    maps[:, :3] = (maps[:, :3] + mended + 1) * 127.5
    decided = maps[0].permute(1, 2, 0).cpu().numpy()
    colour, shift, matte = np.split(decided, (3, 5), axis=-1)
    parts = colour, matte[..., 0], shift
    return Decisions(*(np.ascontiguousarray(part) for part in parts))


def _warp(performer: Performer, motion: Motion, compute: Compute, full: FullSize | None) -> Iterator[_Drawing | None]:
    """From the references, over the body's surface."""
    plate = to_image(performer.plate).astype(np.float32)
    lay = (lambda warped: np.asarray(warped.over(plate) + 0.5, dtype=np.uint8)) if full is None else full.draw
    for warped in _draw_guides(performer, motion, compute):
        yield None if warped is None else partial(lay, warped)


def _draw_guides(performer: Performer, motion: Motion, compute: Compute) -> Iterator[Warped | None]:
    """The person drawn from the references (performer/warp.py), frame by frame; None where nobody is there."""
    body = motion.body
    if body is None or performer.bank is None:
        raise OptionError(f"{performer.card.name} draws bodies, and this motion has none; use another preset")
    warper = Warper(Atlas.of(performer.bank, compute.device))
    yield from run_ahead(warper.draw_dance(partial(pose_frames, body, motion.track)), "guides", AHEAD)


def _retrieve(performer: Performer, motion: Motion, _: Compute, full: FullSize | None) -> Iterator[_Drawing | None]:
    """The reference in the most similar pose (`NearestFrames`)."""
    assert performer.bank is not None
    show = performer.bank.frames.__getitem__ if full is None else full.show
    for n in NearestFrames.of_bank(performer.bank).choose(motion.track):
        yield None if n is None else partial(show, n)


@dataclass(frozen=True)
class NearestFrames:
    """Finds the frame of a recording whose pose is nearest to a wanted one.

    Retrieval of existing frames is the idea of Video Rewrite (Bregler et al. 1997) and a baseline of Chan et al. 2019.
    Each picture is real, so sharpness and identity are perfect; what is wrong is the pose between the poses that were
    filmed, and that nothing ties one frame to the next. Shapes: N frames of the target.
    """

    xy: NDArray[np.float32]
    """(N, 17, 2) px the body joints in them."""
    known: NDArray[np.bool_]
    """(N, 17) which of those are."""

    @staticmethod
    def of_tracks(tracks: Sequence[PoseTrack]) -> "NearestFrames":
        """Among the frames of tracks, clip after clip, in canvas pixels."""
        xy, known = zip(*((track.xy, track.seen(SEEN)) for track in tracks), strict=True)
        return NearestFrames(*(np.concatenate(maps)[:, skeleton.BODY] for maps in (xy, known)))

    @staticmethod
    def of_bank(bank: ReferenceBank) -> "NearestFrames":
        """Among the references of a performer, whose poses are those of their bodies."""
        joints = [body.camera.project(body.points[:, skeleton.BODY]) for body in bank.bodies]
        xy = np.concatenate(joints).astype(np.float32)
        return NearestFrames(xy, np.ones(xy.shape[:2], np.bool_))

    def choose(self, track: PoseTrack) -> Iterator[int | None]:
        """The frame for every one of a track in canvas pixels; None where nobody is to be seen."""
        seen = track.seen(SEEN)[:, skeleton.BODY]
        for xy, wanted in zip(track.xy[:, skeleton.BODY], seen, strict=True):
            yield self.find(xy, wanted) if wanted.any() else None

    def find(self, xy: NDArray[np.float32], wanted: NDArray[np.bool_]) -> int:
        """The frame with the smallest mean distance over the joints seen in both.

        Args:
            xy: (17, 2) body joints, canvas px. wanted: (17,) which of them are known; at least one.
        """
        shared = self.known & wanted
        gaps = np.linalg.norm(np.where(shared[..., None], self.xy - xy, 0), axis=-1)  # (N, 17) px
        count = shared.sum(axis=1)
        mean = gaps.sum(axis=1) / np.maximum(count, 1)
        return int(np.lexsort((mean, count < MIN_SHARED * wanted.sum()))[0])
