"""What a comparison does once, what it does again, and what it refuses."""

import json
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest

from choreograft.errors import OptionError, PersonError, VideoError
from choreograft.evaluate import compare
from choreograft.evaluate.compare import Case, Comparison
from choreograft.evaluate.methods import Footage, Method
from choreograft.evaluate.metrics.judge import Tools
from choreograft.evaluate.request import name_cases
from choreograft.evaluate.scores import Scores
from choreograft.progress import silent
from choreograft.retarget.body import Standing
from choreograft.retarget.normalise import Stance
from choreograft.studio.pairs import CASES, Pair
from choreograft.video.read import read_frames
from swaying import SIZE, draw_target, swaying_track, write_target

FRAMES = 6


@dataclass
class Grey:
    """A method that draws one grey, and counts how often it was made."""

    identity: str = "grey"
    name: str = "grey"
    built: list[str] = field(default_factory=list)

    def build(self, progress):
        self.built.append(self.identity)
        image = np.full((SIZE.height, SIZE.width, 3), 90, np.uint8)
        return Method(
            SIZE,
            Standing(Stance.measure(swaying_track(8)), None),
            lambda motion: (image for _ in range(len(motion.track))),
            {"a": 1},
        )


@pytest.fixture
def case(tmp_path):
    clip = write_target(tmp_path / "truth.mp4", swaying_track(FRAMES))
    return Case("sway", Footage((clip,), 1, 0.0), clip.track, None, clip.path, None)


@pytest.fixture
def judged(monkeypatch):
    """The names of the results that were judged; nobody is found in any of them."""
    seen = []

    def judge(result, truth, tools, true_track, progress):
        assert not result.track.present.any()
        seen.append(result.path.stem)
        return Scores(FRAMES, {("frame", "ssim"): np.linspace(0, 1, FRAMES)})

    def find(*_):
        raise PersonError("nobody")

    monkeypatch.setattr(compare, "judge_against_truth", judge)
    monkeypatch.setattr(compare, "load_or_track", find)
    return seen


def begin(tmp_path: Path) -> Comparison:
    return Comparison(tmp_path / "out", tmp_path / "runs", Tools({}, None, 1), silent)


def test_what_is_drawn_and_judged_is_kept(tmp_path, case, judged):
    grey = Grey()
    first = begin(tmp_path).run(case, [grey])
    again = begin(tmp_path).run(case, [grey])
    assert (grey.built, judged) == (["grey"], ["grey", "truth"])
    assert [entry.method for entry, _ in again] == ["grey", "truth"]
    for (a, _), (b, _) in zip(first, again, strict=True):
        assert a.facts == b.facts
        np.testing.assert_array_equal(
            a.scores.series["frame", "ssim"], b.scores.series["frame", "ssim"]
        )  # fmt: skip
    images = [frame.image for frame in read_frames(tmp_path / "out/results/sway/grey.mp4")]
    assert len(images) == FRAMES
    assert np.abs(np.stack(images).astype(int) - 90).max() < 4
    written = next(read_frames(tmp_path / "out/results/sway/truth.mp4")).image
    assert np.abs(written.astype(int) - draw_target(case.motion.xy[0], True)[0]).mean() < 8


def test_what_changed_or_was_lost_is_done_again(tmp_path, case, judged):
    begin(tmp_path).run(case, [Grey()])
    judged.clear()
    other = Grey("darker grey")
    begin(tmp_path).run(case, [other])
    assert (other.built, judged) == (["darker grey"], ["grey"])
    (tmp_path / "out/results/sway/grey.npz").write_bytes(b"half a file")
    begin(tmp_path).run(case, [other])
    assert (other.built, judged) == (["darker grey"], ["grey", "grey"])  # judged anew, not drawn anew
    receipt = tmp_path / "out/results/sway/grey.json"
    receipt.write_text(json.dumps({**json.loads(receipt.read_text()), "video": "another"}))
    begin(tmp_path).run(case, [other])
    assert other.built == ["darker grey"] * 2


def test_videos_that_do_not_belong_together_are_named(tmp_path, case):
    longer = replace(case, motion=swaying_track(FRAMES + 2), source=Path("dance.mp4"))
    with pytest.raises(VideoError, match=r"dance\.mp4: found 8 frames at 24 fps.*truth\.mp4 has 6 at 24"):
        begin(tmp_path).run(longer, [Grey()])


def test_pairs_of_one_name_are_told_apart_by_their_folders(tmp_path):
    spec = CASES["walk_in_depth"]
    first, second = (Pair(tmp_path / seed / spec.name, spec) for seed in ("seed0", "seed1"))
    assert name_cases([first, Pair(tmp_path / "seed0/fast_turn", CASES["fast_turn"])]) == ["walk_in_depth", "fast_turn"]
    assert name_cases([first, second]) == ["seed0-walk_in_depth", "seed1-walk_in_depth"]
    with pytest.raises(OptionError, match="more than once"):
        name_cases([first, first])
