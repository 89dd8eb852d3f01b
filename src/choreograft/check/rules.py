"""The measures of a single clip: what each reads, from where on it speaks up, what it says and what it advises.

docs/filming.md says how each is measured.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from choreograft.check.filmed import CUT, Filmed
from choreograft.pose.head import share_of
from choreograft.pose.shots import tell_times

Severity = Literal["fine", "hint", "warning"]


class Limit(NamedTuple):
    """From where on a measure deserves a hint, and from where on a warning."""

    hint: float
    warning: float
    """On the other side of `hint` than the good values."""

    def rate(self, value: float) -> Severity:
        """What a value deserves; NaN is fine, for nothing was seen that could be wrong."""
        sign = 1 if self.warning >= self.hint else -1
        if sign * value >= sign * self.warning:
            return "warning"
        return "hint" if sign * value >= sign * self.hint else "fine"


@dataclass(frozen=True)
class Rule:
    """How a measure becomes a finding."""

    kind: str
    measure: Callable[[Filmed], float]
    limit: Limit
    unit: str
    sentence: Callable[[Filmed, float], str]
    advice: str
    source_too: bool = True
    """Whether it matters for a video that is only danced after."""
    nothing: str = ""
    """The sentence where the value is 0, if another one."""
    unknown: str = ""
    """The same where it is NaN."""

    def tell(self, clip: Filmed, value: float) -> str:
        """What was measured, in words."""
        other = self.unknown if np.isnan(value) else self.nothing if value == 0 else ""
        return other or self.sentence(clip, value)


def _median(values: NDArray[np.float64]) -> float:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if known.size else float("nan")


def _crowded(clip: Filmed) -> float:
    people = clip.people.people
    return float((people > 1).mean()) if len(people) else 0.0


def _blur(clip: Filmed) -> float:
    return _median(clip.footage.blur_px if clip.track.present.any() else clip.footage.background_blur_px)


def _tell_blur(clip: Filmed, blur_px: float) -> str:
    blurred = "The person's outline is" if clip.track.present.any() else "The pictures are"
    sharper = _median(clip.footage.background_blur_px) < 0.6 * blur_px > 0.6
    return f"{blurred} blurred by {blur_px:.1f} px" + (", the background is sharper." if sharper else ".")


def _smeared(clip: Filmed) -> float:
    return float(clip.footage.smeared.any(1).sum() / max(1, clip.track.present.sum()))


def _tell_change(clip: Filmed, share: float) -> str:
    where = f", mostly {clip.footage.background.describe_place()}" if share >= 0.005 else ""
    return f"{share:.1%} of the background changes over the clip{where}."


def _if_known(clip: Filmed, value: float) -> float:
    """A number about the camera's path, NaN where less than half of it is known."""
    return float(value) if clip.footage.camera.known.mean() >= 0.5 else float("nan")


def _uneven(clip: Filmed) -> float:
    steps = np.diff(clip.track.time_s)
    return float((np.abs(steps / np.median(steps) - 1) > 0.2).mean()) if len(steps) else 0.0


def _cuts_s(clip: Filmed) -> tuple[float, ...]:
    """When the person jumps and the view stays."""
    return tuple(time_s for time_s in clip.report.cuts_s if time_s not in clip.report.views_s)


def _repaired(clip: Filmed) -> float:
    report = clip.report
    turned = {t for flip in report.flips for t in range(flip.first_frame, flip.last_frame + 1)}
    return (report.frames_filled + report.frames_dropped + len(turned)) / max(1, report.frames)


def _cut(end: str, subject: str, how: str) -> Rule:
    def share(clip: Filmed) -> float:
        present = clip.track.present
        return float(clip.cut[present, CUT.index(end)].mean()) if present.any() else 0.0

    return Rule(
        f"cut_{end}", share, Limit(0.1, 0.3), "share of frames",
        lambda _, share: f"{subject} out of the picture in {share:.0%} of the frames.",
        f"{how}: film from farther away, with the whole body in view.",
        nothing=f"{subject} in the picture all the time.",
    )  # fmt: skip


RULES: Final = (
    Rule(
        "length", lambda clip: float(clip.track.present.sum() / clip.rate), Limit(10.0, 5.0), "s",
        "The person is seen for {1:.1f} s.".format,
        "Film the target for 20 s or more, in varied movement; or add clips of them.", source_too=False,
    ),
    Rule(
        "person_share", lambda clip: float(clip.track.present.mean()), Limit(0.9, 0.5), "share of frames",
        "The person is in {1:.0%} of the frames.".format,
        "Frames without them teach nothing and are danced by nobody: cut them off, or have the person stay in view.",
    ),
    Rule(
        "people", _crowded, Limit(0.1, 0.3), "share of frames",
        "{0.most_people} people are in view in {1:.0%} of the frames looked at.".format,
        "Film one person alone, without mirrors; or choose which one is meant with --person.",
        nothing="Nobody else is in view.",
    ),
    Rule(
        "upright", lambda clip: share_of(clip.track, "left", "right", "down"), Limit(0.5, 0.9), "share of frames",
        "The person lies or is upside down in {1:.0%} of the frames.".format,
        "If it was the camera that lay or hung, turn the video first; upside down all the time is refused.",
    ),
    Rule(
        "person_height", lambda clip: clip.height_px / clip.track.size.height, Limit(0.4, 0.25),
        "share of picture height", "The person's height is {1:.0%} of the picture's.".format,
        "Film from nearer, or crop the video around the person: what is small is learned coarsely.", source_too=False,
    ),
    Rule(
        "person_pixels", lambda clip: clip.height_px, Limit(240.0, 140.0), "px",
        "The person is {1:.0f} px tall.".format, "Film at a higher resolution or from nearer.",
    ),
    _cut("head", "The head is", "Leave room above the head"),
    _cut("hands", "The hands are", "Leave room for stretched arms"),
    _cut("feet", "The feet are", "Show the floor"),
    _cut("sides", "The sides of the body are", "Leave room on both sides"),
    Rule(
        "blur", _blur, Limit(1.2, 1.7), "px at 512 px picture height", _tell_blur,
        "Focus on the person, clean the lens, and use the camera's original file rather than a copy from a messenger.",
        source_too=False,
    ),
    Rule(
        "motion_blur", _smeared, Limit(0.1, 0.3), "share of frames",
        "Fast arms or legs are smeared in {1:.0%} of the frames.".format,
        "Film with more light and a shorter exposure (1/250 s or less), or at 60 frames a second, or move more slowly.",
    ),
    Rule(
        "dark", lambda clip: _median(clip.footage.light), Limit(70.0, 45.0), "grey level of 255",
        "The brightest tenth of the person reaches grey level {1:.0f} of 255.".format,
        "Film with more light on the person.",
    ),
    Rule(
        "overexposed", lambda clip: _median(clip.footage.clipped), Limit(0.25, 0.45), "share of the person",
        "{1:.0%} of the person is overexposed and without detail.".format,
        "Film with less exposure: tap on the person to set it, then lower it a little.", source_too=False,
    ),
    Rule(
        "flicker", lambda clip: float(np.sqrt(np.mean(clip.footage.flicker**2))), Limit(1.5, 4.0), "%",
        "The background's brightness changes by {1:.1f} % from frame to frame.".format,
        "Lock the exposure, and avoid lamps that flicker.", source_too=False,
    ),
    Rule(
        "camera_shake", lambda clip: _if_known(clip, np.median(clip.footage.camera.shake)), Limit(0.15, 0.4),
        "% of picture height", "The camera shakes by {1:.2f} % of the picture's height.".format,
        "Put the camera on a stand: the background is learned as one still picture.",
        source_too=False, unknown="The background has nothing by which shaking could be seen.",
    ),
    Rule(
        "camera_drift", lambda clip: _if_known(clip, clip.footage.camera.drift.max()), Limit(1.0, 4.0),
        "% of picture height", "The camera moves away by {1:.1f} % of the picture's height.".format,
        "Put the camera on a stand, and neither pan nor zoom.",
        source_too=False, unknown="The background has nothing by which drifting could be seen.",
    ),
    Rule(
        "moving_background", lambda clip: clip.footage.background.changing, Limit(0.03, 0.12), "share of background",
        _tell_change,
        "Keep passers-by, screens, running text, plants in the wind and moving shadows out of the picture.",
        source_too=False,
    ),
    Rule(
        "frame_rate", lambda clip: clip.rate, Limit(20.0, 12.0), "frames a second",
        "The video has {1:.3g} frames a second.".format, "Film at 24 frames a second or more.",
    ),
    Rule(
        "uneven_timing", _uneven, Limit(0.05, 0.3), "share of frames",
        "{1:.0%} of the frames are shown for a fifth shorter or longer than usual.".format,
        "Film with a fixed frame rate; screen recordings and messengers drop frames.",
    ),
    Rule(
        "cuts", lambda clip: float(len(_cuts_s(clip))), Limit(1, 3), "cuts",
        lambda clip, _: f"The person is suddenly elsewhere, before the same view, at {tell_times(_cuts_s(clip))}.",
        "Use one take: no motion is known across a cut, and in the dance the person jumps there as well.",
        nothing="No cut was found.",
    ),
    Rule(
        "views", lambda clip: float(len(clip.report.views_s)), Limit(1, 1), "changes",
        lambda clip, _: f"The picture changes to another view at {tell_times(clip.report.views_s)}.",
        "Cut the video there and use each part by itself: a body and what is behind it are found for one camera, so "
        "dance and train refuse the clip as it is.",
        nothing="No change to another view was found.",
    ),
    Rule(
        "repairs", _repaired, Limit(0.05, 0.2), "share of frames",
        "{1:.0%} of the frames had to be repaired: lost for a moment, or left and right swapped.".format,
        "Look at the track with choreograft track --overlay; clothes that stand out from the background, light and a "
        "plain background help.",
    ),
)  # fmt: skip
"""All measures but range of motion, which lists what it saw."""
LIMITS: Final = {rule.kind: rule.limit for rule in RULES}
