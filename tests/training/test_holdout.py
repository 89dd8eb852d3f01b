"""Training never sees what is held out, nor its near neighbours."""

import torch

from choreograft.performer.device import Compute
from choreograft.performer.performer import load_performer
from choreograft.presets import Budget
from choreograft.training import train as training
from choreograft.training.train import TrainingPlan, train_performer
from swaying import swaying_track, write_target


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
