"""Which evaluation is asked for, and what is refused before any work is done."""

from pathlib import Path

import pytest

from choreograft.errors import FileFormatError, OptionError, OutputError, VideoError
from choreograft.evaluate.request import choose_kind
from choreograft.evaluate.run import evaluate
from choreograft.options import EvaluateOptions
from swaying import swaying_track, write_target

PERFORMER, VIDEO, PAIR = Path("her.performer"), Path("her.mp4"), Path("pairs")


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        (EvaluateOptions((PERFORMER,), holdout=True), "holdout"),
        (EvaluateOptions((VIDEO, VIDEO), holdout=True), "holdout"),
        (EvaluateOptions(pair=(PAIR,)), "pair"),
        (EvaluateOptions((PERFORMER,), pair=(PAIR, PAIR)), "pair"),
        (EvaluateOptions((VIDEO, VIDEO)), "result"),
    ],
)
def test_the_options_say_which_of_three_kinds(options, kind):
    assert choose_kind(options) == kind


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (EvaluateOptions((PERFORMER,), holdout=True, pair=(PAIR,)), "both --holdout and --pair"),
        (EvaluateOptions((), holdout=True), "found nothing"),
        (EvaluateOptions((PERFORMER, VIDEO), holdout=True), "one performer file or some videos"),
        (EvaluateOptions((VIDEO,), pair=(PAIR,)), "her.mp4"),
        (EvaluateOptions((VIDEO,)), "RESULT SOURCE"),
        (EvaluateOptions((VIDEO, VIDEO), compare="nearest"), "--compare"),
        (EvaluateOptions(pair=(PAIR,), target=VIDEO), "--as"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(options, words):
    with pytest.raises(OptionError, match=words) as refusal:
        choose_kind(options)
    assert "\n" not in str(refusal.value)


def test_an_earlier_evaluation_is_not_replaced_unasked(tmp_path):
    (tmp_path / "evaluation.json").write_text("{}")
    with pytest.raises(OutputError, match="--overwrite"):
        evaluate(EvaluateOptions((VIDEO, VIDEO), output=tmp_path))


@pytest.mark.parametrize("name", ["cyclegan", "recycle-gan"])
def test_what_translates_a_source_is_refused_where_there_is_none(name, tmp_path):
    clip = write_target(tmp_path / "clip.mp4", swaying_track(12)).path
    options = EvaluateOptions((clip,), holdout=True, compare=f"nearest,{name}", output=tmp_path / "out")
    with pytest.raises(
        OptionError, match=rf"^{name} translates a source's frames.* give --pair DIR or leave"
    ) as refusal:
        evaluate(options)
    assert "\n" not in str(refusal.value)
    assert not (tmp_path / "out").exists()


def test_missing_things_are_named(tmp_path):
    with pytest.raises(FileFormatError, match=r"choreograft studio"):
        evaluate(EvaluateOptions(pair=(tmp_path / "nothing",), output=tmp_path / "out"))
    clip = write_target(tmp_path / "clip.mp4", swaying_track(12)).path
    with pytest.raises(VideoError, match=r"gone\.mp4"):
        evaluate(EvaluateOptions((clip, tmp_path / "gone.mp4"), output=tmp_path / "out"))
    assert not (tmp_path / "out").exists()
