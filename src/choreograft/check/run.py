"""`choreograft check` as a function: both videos measured, held against each other, and reported."""

import contextlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from choreograft.check.coverage import Coverage, compare_tracks
from choreograft.check.filmed import Filmed, film_facts
from choreograft.check.findings import Finding, Role, exit_code, judge_clip, judge_coverage, to_document, to_text
from choreograft.check.request import check_footage
from choreograft.check.timeline import draw_clip, draw_coverage
from choreograft.errors import PersonError
from choreograft.files import write_json
from choreograft.footage.clip import Clip
from choreograft.options import CheckOptions
from choreograft.pose.track import PoseTrack
from choreograft.progress import Progress, silent
from choreograft.retarget.normalise import Stance, map_to_target


@dataclass(frozen=True)
class Checked:
    """What a check found, and where it lies."""

    findings: tuple[Finding, ...]
    document: dict[str, Any]
    """The content of check.json."""
    text: str
    """For a terminal."""
    pictures: tuple[Path, ...]
    """None of them where only the JSON was asked for."""

    @property
    def exit_code(self) -> int:
        """0 where nothing is worse than a hint, else 3."""
        return exit_code(self.findings)

    @property
    def json(self) -> str:
        """The document as text."""
        return json.dumps(self.document, indent=2, ensure_ascii=False) + "\n"


def check(options: CheckOptions, progress: Progress = silent) -> Checked:
    """Measure a target's video, and a source's, and say what is wrong with them.

    Raises:
        ChoreograftError: any of its kinds, with one line for the user; a video that cannot be used at all is one.
    """
    document_path = check_footage(options)
    target = film_facts(options.video, options.person, options.runs, progress, options.keypoints)
    clips: dict[Role, Filmed] = {"target": target}
    coverage = None
    findings = judge_clip(target, "target")
    if options.source is not None:
        source = film_facts(options.source, options.source_person, options.runs, progress, options.source_keypoints)
        clips["source"] = source
        findings += judge_clip(source, "source")
        if not (target.refusal or source.refusal):  # or else there is no body to carry over
            one_view = not (target.report.views_s or source.report.views_s)
            carried = _carry_over(target, source, options, progress) if one_view else None
            coverage = hold_against(target, source, carried)
            findings += judge_coverage(coverage, target, source)
    document = to_document(clips, coverage, findings)
    pictures: Sequence[Path] = ()
    if not options.json:
        write_json(document_path, document)
        pictures = draw_pictures(document_path.parent, clips, coverage)
    return Checked(tuple(findings), document, to_text(clips, findings), tuple(pictures))


def hold_against(target: Filmed, source: Filmed, carried: PoseTrack | None = None) -> Coverage:
    """What of the source's dance the target's footage covers.

    Args:
        carried: the source's track in the target's picture; by the global normalisation where None, or as it is where
            the two share no measure of the body.
    """
    if carried is None:
        carried = source.track
        with contextlib.suppress(PersonError):
            carried = map_to_target(source.track, Stance.measure(source.track), Stance.measure(target.track))
    return compare_tracks(target.track, source.track, carried, target.body_px)


def _carry_over(target: Filmed, source: Filmed, options: CheckOptions, progress: Progress) -> PoseTrack:
    """The source's track in the target's picture, in 3D as `dance` carries it over: nothing else here needs PyTorch."""
    from choreograft.footage.bodies import read_bodies
    from choreograft.retarget.body import BodyStage, retarget_body, to_pose_track

    shown = Clip(target.video, target.track, options.keypoints)
    danced = Clip(source.video, source.track, options.source_keypoints)
    filmed = read_bodies([shown], options.person, options.runs, progress)[0]
    body = read_bodies([danced], options.source_person, options.runs, progress)[0]
    return to_pose_track(retarget_body(body, BodyStage.measure(filmed)), body, source.track)


def draw_pictures(folder: Path, clips: Mapping[Role, Filmed], coverage: Coverage | None) -> list[Path]:
    """The timelines, as PNG in a folder: of each clip, and of what is covered of the source."""
    for role, clip in clips.items():
        draw_clip(clip, folder / f"{role}.png")
    if coverage is None:
        return [folder / f"{role}.png" for role in clips]
    draw_coverage(coverage, clips["source"], folder / "coverage.png")
    return [folder / f"{name}.png" for name in (*clips, "coverage")]
