"""What is held out is never seen by training, and neither are its near neighbours."""

import numpy as np
import pytest
import torch

from choreograft.errors import OptionError
from choreograft.performer.device import Compute
from choreograft.performer.store import load_performer
from choreograft.presets import Budget
from choreograft.training import train as training
from choreograft.training.holdout import check_hold_out, held_out_frames, hide_held_out
from choreograft.training.train import TrainingPlan, train_performer
from swaying import swaying_track, write_target


def test_the_end_of_the_clip_is_kept_back_and_half_a_second_before_it_is_not_used():
    track = swaying_track(60, missing=(4,))  # 24 frames a second
    held = held_out_frames(track, 0.2)
    assert held.tolist() == list(range(48, 60))
    shown = np.flatnonzero(hide_held_out(track, 0.2).present)
    assert shown.tolist() == [t for t in range(36) if t != 4]  # frame 36 lies exactly 0.5 s before frame 48
    assert hide_held_out(track, 0.0) is track
    assert len(held_out_frames(track, 0.0)) == 0


@pytest.mark.parametrize("share", [-0.1, 0.51, float("nan")])
def test_a_share_that_leaves_nothing_to_learn_is_refused(share):
    with pytest.raises(OptionError, match="--hold-out"):
        check_hold_out(share)


def test_training_sees_only_the_rest_and_the_performer_remembers(tmp_path, preset, quiet_journal, monkeypatch):
    clip = write_target(tmp_path / "target.mp4", swaying_track(60))
    seen = []

    def watch(folder, clips, *others):
        recording = prepare(folder, clips, *others)
        seen.append([track.time_s for track in recording.tracks])
        return recording

    prepare = training.prepare_recording
    monkeypatch.setattr(training, "prepare_recording", watch)
    plan = TrainingPlan((clip.path,), 1, preset, Budget(images=2), seed=0, hold_out=0.2)
    path = train_performer(
        plan, [clip], tmp_path / "runs", Compute(torch.device("cpu"), False), None, journal_config=quiet_journal
    )
    assert len(seen[0][0]) == 36
    assert seen[0][0].max() < 1.5
    assert load_performer(path).card.training["hold_out"] == 0.2
    whole = TrainingPlan((clip.path,), 1, preset, Budget(images=2), seed=0)
    assert whole.key != plan.key
