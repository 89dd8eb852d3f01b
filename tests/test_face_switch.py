"""`--face`: in training a stage for it or none, in a dance of a finished performer mending or none."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from choreograft import pipeline
from choreograft.cli import parse
from choreograft.errors import OptionError
from choreograft.footage.clip import Clip
from choreograft.performer.performer import Performer, PerformerCard, save_performer
from choreograft.pose.clean import clean_track
from choreograft.retarget.normalise import Stance
from swaying import FACE_PRESET, SIZE, swaying_track, write_target


class StoppedError(Exception):
    """Raised where the work that is not tested here would begin."""


@pytest.fixture
def clip(tmp_path: Path) -> Clip:
    return write_target(tmp_path / "clip.mp4", swaying_track(12))


@pytest.mark.parametrize(
    ("preset", "switch", "stages"),
    [
        ("paper", [], ["global", "local", "face"]),
        ("paper", ["--face", "yes"], ["global", "local", "face"]),
        ("paper", ["--face", "no"], ["global", "local"]),
        ("draft", [], ["global"]),
        ("draft", ["--face", "yes"], ["global", "face"]),
    ],
)
def test_training_has_the_stages_that_are_asked_for(clip, tmp_path, monkeypatch, preset, switch, stages):
    plans = []

    def obtain(plan, *_):
        plans.append(plan)
        raise StoppedError

    monkeypatch.setattr(pipeline, "obtain_performer", obtain)
    monkeypatch.setattr(pipeline, "check_weights", lambda *_: None)
    with pytest.raises(StoppedError):
        pipeline.train(parse(["train", str(clip.path), "--preset", preset, "--runs", str(tmp_path), *switch]))
    assert [stage.name for stage in plans[0].preset.stages] == stages


@pytest.mark.parametrize(("switch", "mends"), [([], True), (["--face", "yes"], True), (["--face", "no"], False)])
def test_a_finished_performer_draws_with_its_face_or_without(clip, tmp_path, monkeypatch, switch, mends):
    card = PerformerCard("swaying", FACE_PRESET, SIZE, Stance.measure(swaying_track(24)))
    save_performer(Performer(card, torch.zeros(3, *SIZE[::-1])), tmp_path / "p.performer")
    drawn = []

    def render(performer, *_):
        drawn.append(performer.face is not None)
        raise StoppedError

    cleaned = clean_track(clip.track)
    monkeypatch.setattr(pipeline, "read_clip", lambda *_: (replace(clip, track=cleaned[0]), cleaned[1]))
    monkeypatch.setattr(pipeline, "render_dance", render)
    arguments = ["dance", str(clip.path), "--as", str(tmp_path / "p.performer"), "-o", str(tmp_path / "out.mp4")]
    with pytest.raises(StoppedError):
        pipeline.dance(parse([*arguments, "--runs", str(tmp_path), "--device", "cpu", *switch]))
    assert drawn == [mends]


def test_a_face_that_cannot_be_is_refused_in_one_line(clip, tmp_path):
    card = PerformerCard("swaying", FACE_PRESET.without_face(), SIZE, Stance.measure(swaying_track(24)))
    save_performer(Performer(card, torch.zeros(3, *SIZE[::-1])), tmp_path / "p.performer")
    arguments = ["dance", str(clip.path), "-o", str(tmp_path / "out.mp4"), "--face", "yes", "--as"]
    with pytest.raises(OptionError, match=r"p\.performer: has no network for faces"):
        pipeline.dance(parse([*arguments, str(tmp_path / "p.performer")]))
    with pytest.raises(OptionError, match="preset preview is not trained; leave out --face yes"):
        pipeline.dance(parse([*arguments, str(clip.path), "--preset", "preview"]))
