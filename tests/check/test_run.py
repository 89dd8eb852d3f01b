"""The verb: what it writes and prints, its exit codes, and what it says of videos that cannot be used."""

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from choreograft.check import run
from choreograft.check.findings import WARNED, exit_code, judge_clip, to_document, to_text
from choreograft.check.request import own_folder
from choreograft.check.rules import Limit
from choreograft.check.run import check
from choreograft.cli import main
from choreograft.config import VideoConfig
from choreograft.errors import OutputError, VideoError
from choreograft.options import CheckOptions
from choreograft.studio.filming import Camera
from choreograft.studio.render import Take, render_clip
from choreograft.video.read import read_frames
from choreograft.video.size import Size
from choreograft.video.write import VideoWriter
from filmed_dancer import BACK, OVERHEAD, STAND, Shot, dance_track, draw_frame, with_masks

RATE = Fraction(12)


@pytest.mark.parametrize(
    ("limit", "values"), [(Limit(2, 4), (1, 2, 4)), (Limit(10, 5), (11, 10, 5))], ids=["high is bad", "low is bad"]
)
def test_a_limit_is_reached_from_the_good_side(limit, values):
    assert [limit.rate(value) for value in values] == ["fine", "hint", "warning"]
    assert limit.rate(float("nan")) == "fine"


@pytest.fixture
def pair(shot, film):
    """A target who stands, and a source who raises the arms and turns; both measured."""
    target_track = with_masks(dance_track((STAND,) * 6))
    source_track = with_masks(dance_track((STAND, OVERHEAD, STAND, BACK, BACK)))
    shots = [Shot(track, np.stack([draw_frame(xy) for xy in track.xy])) for track in (target_track, source_track)]
    return [film(shot) for shot in shots]


def test_cuts_are_named_with_their_kind(shot, film):
    t = np.arange(len(shot.track))
    track = replace(shot.track, shot=((t >= 12) + 0 + (t >= 24)).astype(np.int32), view=(t >= 24).astype(np.int32))
    found = {finding.kind: finding for finding in judge_clip(film(Shot(track, shot.frames)), "source")}
    first_s, second_s = (f"at {track.time_s[n]:.1f} s." for n in (12, 24))
    assert (found["cuts"].severity, found["cuts"].value) == ("hint", 1)
    assert found["cuts"].sentence.endswith(first_s)
    assert (found["views"].severity, found["views"].value) == ("warning", 1)
    assert found["views"].sentence.endswith(second_s)
    one_take = {finding.kind: finding for finding in judge_clip(film(shot), "source")}
    assert {one_take[kind].severity for kind in ("cuts", "views")} == {"fine"}


def test_the_report_says_when_and_what_the_target_never_showed(pair, tmp_path):
    target, source = pair
    clips = {"target": target, "source": source}
    coverage = run.hold_against(target, source)
    findings = [
        *judge_clip(target, "target"),
        *judge_clip(source, "source"),
        *run.judge_coverage(coverage, target, source),
    ]
    document = json.loads(json.dumps(to_document(clips, coverage, findings), allow_nan=False))
    by_kind = {finding["kind"]: finding for finding in document["findings"] if finding["video"] == "source"}
    assert by_kind["unseen_poses"]["severity"] == "warning"
    assert by_kind["unseen_sides"]["severity"] == "warning"
    assert "turn round slowly" in by_kind["unseen_sides"]["advice"]
    assert "arms raised over the head" in by_kind["unseen_moves"]["advice"]
    assert document["exit_code"] == exit_code(findings) == WARNED
    first = document["coverage"]["poses"][0]
    assert 0 < first["begin_s"] < 0.5 < first["end_s"] < 1
    assert {"left arm", "right arm"} <= set(first["parts"])
    text = to_text(clips, findings)
    assert "WARNING" in text
    assert f"{first['begin_s']:.1f}-{first['end_s']:.1f} s" in text
    pictures = run.draw_pictures(tmp_path, clips, coverage)
    for picture in pictures:
        image = cv2.imread(str(picture))
        assert image.shape[1] == 1300
        assert image.std() > 5


def write_video(path: Path, frames: list[np.ndarray], rate: Fraction = RATE) -> Path:
    height, width = frames[0].shape[:2]
    with VideoWriter(path, Size(width, height), rate, config=VideoConfig(encoder_preset="veryfast")) as video:
        for index, image in enumerate(frames):
            video.write(image, index / rate)
    return path


def test_a_single_frame_is_refused(tmp_path):
    path = write_video(tmp_path / "one.mp4", [np.full((96, 96, 3), 90, np.uint8)])
    with pytest.raises(VideoError, match="a single frame; expected a video of some seconds"):
        check(CheckOptions(path, output=tmp_path / "check", runs=tmp_path))
    assert not (tmp_path / "check").exists()


def test_an_earlier_check_is_not_replaced_unasked(tmp_path):
    path = write_video(tmp_path / "clip.mp4", [np.full((96, 96, 3), 90, np.uint8)] * 4)
    (tmp_path / "check.json").write_text("{}")
    with pytest.raises(OutputError, match="--overwrite"):
        check(CheckOptions(path, output=tmp_path, runs=tmp_path))


def test_each_video_or_pair_has_a_folder_of_its_own_unless_one_is_named(tmp_path):
    names = ("a/clip.mp4", "b/clip.mp4", f"a/{'x' * 251}.mp4", f"b/{'x' * 251}.mp4")
    for number, name in enumerate(names):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(bytes([number]))
    first, second, *long = (tmp_path / name for name in names)
    options = [CheckOptions(first), CheckOptions(second), CheckOptions(first, source=second)]
    options += [CheckOptions(first, person=2), *map(CheckOptions, long)]
    folders = [own_folder(each) for each in options]
    assert len(set(folders)) == len(folders)
    assert all(folder.parent == Path("check") for folder in folders)
    assert all(len(folder.name) <= 255 for folder in folders)
    assert own_folder(CheckOptions(first, runs=tmp_path, overwrite=True)) == folders[0]


@pytest.mark.models
def test_an_empty_room_is_described_and_no_footage(tmp_path):
    ramp = np.tile(np.linspace(0, 255, 160).astype(np.uint8)[None, :, None], (120, 1, 3))
    path = write_video(tmp_path / "room.mp4", [ramp] * 12)
    checked = check(CheckOptions(path, output=tmp_path / "check", runs=tmp_path))
    nobody = next(finding for finding in checked.findings if finding.kind == "nobody")
    assert nobody.sentence.startswith("Found nobody")
    assert nobody.severity == "warning"
    assert checked.exit_code == 3
    kinds = {finding.kind: finding.value for finding in checked.findings}
    assert kinds["length"] == kinds["person_share"] == 0
    assert checked.pictures[0].exists()
    beside = check(CheckOptions(path, source=path, output=tmp_path / "both", runs=tmp_path))
    assert [picture.name for picture in beside.pictures] == ["target.png", "source.png"]  # nothing to be covered


@pytest.fixture(scope="module")
def studio(tmp_path_factory) -> list[np.ndarray]:
    """Two seconds of the studio's showcase, and a second dancer beside."""
    pytest.importorskip("pyvista", reason="needs the extra 'studio'")
    folder = tmp_path_factory.mktemp("studio")
    camera = Camera(Size(240, 320), height_m=1.1, distance_m=4.6, view_m=2.3)
    clips = []
    for performer in ("ada", "bruno"):
        take = Take(performer, "showcase", "living room", camera, 2.0, RATE)
        clips.append([frame.image for frame in read_frames(render_clip(take, folder / f"{performer}.mp4").video)])
    return clips


def said(capsys, *arguments: object) -> tuple[int, dict]:
    """Exit code and findings by kind, of the command line's JSON."""
    with pytest.raises(SystemExit) as stop:
        main(["check", *map(str, arguments), "--json"])
    document = json.loads(capsys.readouterr().out)
    return stop.value.code, {finding["kind"]: finding for finding in document["findings"]}


@pytest.mark.models
def test_a_rendered_clip_is_good_but_short_and_of_few_frames(studio, tmp_path, capsys):
    path = write_video(tmp_path / "ada.mp4", studio[0])
    code, findings = said(capsys, path, "--runs", tmp_path / "runs", "-o", tmp_path / "out")
    assert code == WARNED
    bad = {kind for kind, finding in findings.items() if finding["severity"] != "fine"}
    assert {"length", "frame_rate"} <= bad
    assert bad <= {"length", "range_of_motion", "frame_rate"}
    assert not (tmp_path / "out").exists()


@pytest.mark.models
def test_half_a_body_and_company_are_found(studio, tmp_path, capsys):
    cut = [image[:190] for image in studio[0]]
    _, findings = said(capsys, write_video(tmp_path / "cut.mp4", cut), "--runs", tmp_path / "runs")
    assert findings["cut_feet"]["severity"] == "warning"
    beside = [np.concatenate(images, axis=1) for images in zip(*studio, strict=True)]
    _, findings = said(capsys, write_video(tmp_path / "two.mp4", beside), "--runs", tmp_path / "runs")
    assert findings["people"]["severity"] == "warning"
    assert findings["cut_feet"]["severity"] == "fine"
