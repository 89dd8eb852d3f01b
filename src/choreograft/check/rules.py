"""The measures of a single clip: what each reads, from where on it speaks up, what it says and what it advises."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from choreograft.check.clips import Filmed
from choreograft.check.person import CUT
from choreograft.config import CheckConfig, Limit
from choreograft.pose.head import share_of
from choreograft.pose.shots import tell_times


@dataclass(frozen=True)
class Rule:
    """How a measure becomes a finding."""

    kind: str
    measure: Callable[[Filmed, CheckConfig], float]
    limit: Callable[[CheckConfig], Limit]
    unit: str
    sentence: Callable[[Filmed, float], str]
    advice: str
    source_too: bool
    """Whether it matters for a video that is only danced after."""


def _median(values: NDArray[np.float64]) -> float:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if known.size else float("nan")


def _length_s(clip: Filmed, _: CheckConfig) -> float:
    return float(clip.person.present.sum() / clip.rate)


def _blur(clip: Filmed, _: CheckConfig) -> float:
    return _median(clip.footage.blur_px if clip.person.present.any() else clip.footage.background_blur_px)


def _smeared(clip: Filmed, config: CheckConfig) -> float:
    smeared = (np.nan_to_num(clip.footage.smear) > config.smear_lost).any(1)
    return float(smeared.sum() / max(1, clip.person.present.sum()))


def _flicker(clip: Filmed, _: CheckConfig) -> float:
    return float(np.sqrt(np.mean(clip.footage.flicker**2)))


def _shake(clip: Filmed, _: CheckConfig) -> float:
    path = clip.footage.camera
    return float(np.median(path.shake)) if path.known.mean() >= 0.5 else float("nan")


def _drift(clip: Filmed, _: CheckConfig) -> float:
    path = clip.footage.camera
    return float(path.drift.max()) if path.known.mean() >= 0.5 else float("nan")


def _uneven(clip: Filmed, _: CheckConfig) -> float:
    steps = np.diff(clip.track.time_s)
    usual = np.median(steps) if len(steps) else 1.0
    return float((np.abs(steps / usual - 1) > 0.2).mean()) if len(steps) else 0.0


def _cuts_s(clip: Filmed) -> tuple[float, ...]:
    """When the person jumps and the view stays."""
    return tuple(time_s for time_s in clip.report.cuts_s if time_s not in clip.report.views_s)


def _cut(end: str) -> Rule:
    seen_from = {
        "head": "Leave room above the head",
        "hands": "Leave room for stretched arms",
        "feet": "Show the floor",
        "sides": "Leave room on both sides",
    }
    return Rule(
        f"cut_{end}",
        lambda clip, _: clip.person.cut_share(end),
        lambda config: config.cut_share,
        "share of frames",
        lambda _, share: (
            f"The {'sides of the body' if end == 'sides' else end} {'is' if end == 'head' else 'are'} "
            + ("in the picture all the time." if share == 0 else f"out of the picture in {share:.0%} of the frames.")
        ),
        f"{seen_from[end]}: film from farther away, with the whole body in view.",
        source_too=True,
    )


RULES: Final = (
    Rule(
        "length", _length_s, lambda c: c.length_s, "s",
        lambda _, s: f"The person is seen for {s:.1f} s.",
        "Film the target for 20 s or more, in varied movement; or add clips of them.", source_too=False,
    ),
    Rule(
        "person_share", lambda clip, _: clip.person.share, lambda c: c.person_share, "share of frames",
        lambda _, share: f"The person is in {share:.0%} of the frames.",
        "Frames without them teach nothing and are danced by nobody: cut them off, or have the person stay in view.",
        source_too=True,
    ),
    Rule(
        "people", lambda clip, _: clip.crowded_share, lambda c: c.crowd_share, "share of frames",
        lambda clip, share: (
            f"{clip.most_people} people are in view in {share:.0%} of the frames looked at." if share else
            "Nobody else is in view."
        ),
        "Film one person alone, without mirrors; or choose which one is meant with --person.", source_too=True,
    ),
    Rule(
        "upright", lambda clip, _: share_of(clip.track, "left", "right", "down"), lambda c: c.turned,
        "share of frames", lambda _, share: f"The person lies or is upside down in {share:.0%} of the frames.",
        "If it was the camera that lay or hung, turn the video first; upside down all the time is refused.",
        source_too=True,
    ),
    Rule(
        "person_height", lambda clip, _: clip.person.height_px / clip.person.picture_px, lambda c: c.person_height,
        "share of picture height", lambda _, share: f"The person's height is {share:.0%} of the picture's.",
        "Film from nearer, or crop the video around the person: what is small is learned coarsely.", source_too=False,
    ),
    Rule(
        "person_pixels", lambda clip, _: clip.person.height_px, lambda c: c.person_height_px, "px",
        lambda _, px: f"The person is {px:.0f} px tall.",
        "Film at a higher resolution or from nearer.", source_too=True,
    ),
    _cut("head"), _cut("hands"), _cut("feet"), _cut("sides"),
    Rule(
        "blur", _blur, lambda c: c.blur_px, "px at 512 px picture height",
        lambda clip, px: (
            ("The person's outline is" if clip.person.present.any() else "The pictures are")
            + f" blurred by {px:.1f} px"
            + (", the background is sharper." if _median(clip.footage.background_blur_px) < 0.6 * px > 0.6 else ".")
        ),
        "Focus on the person, clean the lens, and use the camera's original file rather than a copy from a messenger.",
        source_too=False,
    ),
    Rule(
        "motion_blur", _smeared, lambda c: c.smear, "share of frames",
        lambda _, share: f"Fast arms or legs are smeared in {share:.0%} of the frames.",
        "Film with more light and a shorter exposure (1/250 s or less), or at 60 frames a second, or move more slowly.",
        source_too=True,
    ),
    Rule(
        "dark", lambda clip, _: _median(clip.footage.light), lambda c: c.dark, "grey level of 255",
        lambda _, level: f"The brightest tenth of the person reaches grey level {level:.0f} of 255.",
        "Film with more light on the person.", source_too=True,
    ),
    Rule(
        "overexposed", lambda clip, _: _median(clip.footage.clipped), lambda c: c.clipped, "share of the person",
        lambda _, share: f"{share:.0%} of the person is overexposed and without detail.",
        "Film with less exposure: tap on the person to set it, then lower it a little.", source_too=False,
    ),
    Rule(
        "flicker", _flicker, lambda c: c.flicker, "%",
        lambda _, percent: f"The background's brightness changes by {percent:.1f} % from frame to frame.",
        "Lock the exposure, and avoid lamps that flicker.", source_too=False,
    ),
    Rule(
        "camera_shake", _shake, lambda c: c.shake, "% of picture height",
        lambda _, percent: (
            "The background has nothing by which shaking could be seen." if np.isnan(percent) else
            f"The camera shakes by {percent:.2f} % of the picture's height."
        ),
        "Put the camera on a stand: the background is learned as one still picture.", source_too=False,
    ),
    Rule(
        "camera_drift", _drift, lambda c: c.drift, "% of picture height",
        lambda _, percent: (
            "The background has nothing by which drifting could be seen." if np.isnan(percent) else
            f"The camera moves away by {percent:.1f} % of the picture's height."
        ),
        "Put the camera on a stand, and neither pan nor zoom.", source_too=False,
    ),
    Rule(
        "moving_background", lambda clip, _: clip.footage.background.changing, lambda c: c.background_change,
        "share of background",
        lambda clip, share: (
            f"{share:.1%} of the background changes over the clip"
            + (f", mostly {clip.footage.background.describe_place()}." if share >= 0.005 else ".")
        ),
        "Keep passers-by, screens, running text, plants in the wind and moving shadows out of the picture.",
        source_too=False,
    ),
    Rule(
        "frame_rate", lambda clip, _: clip.rate, lambda c: c.frame_rate, "frames a second",
        lambda _, rate: f"The video has {rate:.3g} frames a second.",
        "Film at 24 frames a second or more.", source_too=True,
    ),
    Rule(
        "uneven_timing", _uneven, lambda c: c.uneven, "share of frames",
        lambda _, share: f"{share:.0%} of the frames are shown for a fifth shorter or longer than usual.",
        "Film with a fixed frame rate; screen recordings and messengers drop frames.", source_too=True,
    ),
    Rule(
        "cuts", lambda clip, _: float(len(_cuts_s(clip))), lambda _: Limit(1, 3), "cuts",
        lambda clip, cuts: (
            f"The person is suddenly elsewhere, before the same view, at {tell_times(_cuts_s(clip))}." if cuts else
            "No cut was found."
        ),
        "Use one take: no motion is known across a cut, and in the dance the person jumps there as well.",
        source_too=True,
    ),
    Rule(
        "views", lambda clip, _: float(len(clip.report.views_s)), lambda _: Limit(1, 1), "changes",
        lambda clip, changes: (
            f"The picture changes to another view at {tell_times(clip.report.views_s)}." if changes else
            "No change to another view was found."
        ),
        "Cut the video there and use each part by itself: a body and what is behind it are found for one camera, so "
        "dance and train refuse the clip as it is.",
        source_too=True,
    ),
    Rule(
        "repairs", lambda clip, _: clip.person.repaired, lambda c: c.repaired, "share of frames",
        lambda _, share: f"{share:.0%} of the frames had to be repaired: lost for a moment, or left and right swapped.",
        "Look at the track with choreograft track --overlay; clothes that stand out from the background, light and a "
        "plain background help.",
        source_too=True,
    ),
)  # fmt: skip
"""All measures but range of motion, which lists what it saw."""
assert {f"cut_{end}" for end in CUT} <= {rule.kind for rule in RULES}
