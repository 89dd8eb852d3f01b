"""The seam behind `--compare`: what a method may see of the target, and what its results are known by."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from choreograft import assets
from choreograft.config import LossConfig
from choreograft.errors import OptionError
from choreograft.evaluate import methods, roster, run
from choreograft.evaluate.baselines.translated import plan_translated
from choreograft.evaluate.methods import Conditions, Footage, plan_given, plan_nearest
from choreograft.evaluate.roster import adapt_preset, check_methods, describe_substitutes, list_methods
from choreograft.evaluate.run import plan_method
from choreograft.performer.device import Compute
from choreograft.performer.header import canvas_size
from choreograft.presets import PRESETS, Budget
from choreograft.progress import silent
from choreograft.retarget.body import Motion
from choreograft.video.size import Size
from swaying import PRESET, SIZE, draw_target, swaying_track, write_target


@pytest.fixture
def footage(tmp_path):
    return Footage((write_target(tmp_path / "target.mp4", swaying_track(60)),), 1, 0.2)


@pytest.fixture
def conditions(tmp_path):
    return Conditions(Budget(images=2), SIZE.height, tmp_path / "runs", Compute(torch.device("cpu"), False), 0)


def test_nearest_draws_real_frames_but_none_of_those_held_out(footage, conditions):
    method = plan_nearest(footage, conditions).build(silent)
    assert method.size == SIZE
    assert method.facts == {"frames to choose from": 36}
    track = footage.clips[0].track
    seen, held = track.select(range(0, 36)), track.select(range(48, 60))
    for t, image in enumerate(method.draw(Motion(seen))):
        assert np.abs(image.astype(int) - draw_target(seen.xy[t], True)[0]).mean() < 8
    drawn = list(method.draw(Motion(held)))
    assert len(drawn) == 12
    for image in drawn:  # whatever is nearest is one of the frames that may be seen
        gaps = [np.abs(image.astype(int) - draw_target(xy, True)[0]).mean() for xy in seen.xy]
        assert min(gaps) < 8


def test_a_preset_is_trained_once_on_what_is_shown(footage, conditions, monkeypatch):
    monkeypatch.setattr(run, "TRAINED", {"tiny": PRESET})
    plan = plan_method("tiny", footage, conditions)
    assert plan.name == "tiny"
    method = plan.build(silent)
    assert method.facts["images"] == 2
    frames = list(method.draw(Motion(footage.clips[0].track.select(range(3)))))
    assert [frame.shape for frame in frames] == [(SIZE.height, SIZE.width, 3)] * 3
    files = list(conditions.runs.glob("target-*/target.performer"))
    assert len(files) == 1
    written = files[0].stat().st_mtime_ns
    plan.build(silent)
    assert files[0].stat().st_mtime_ns == written
    given = plan_given(files[0], conditions.compute)
    assert given.name == "target"
    for a, b in zip(given.build(silent).draw(Motion(footage.clips[0].track.select(range(3)))), frames, strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_result_is_known_by_all_that_it_depends_on(footage, conditions, tmp_path):
    other = Footage((write_target(tmp_path / "other.mp4", swaying_track(61)),), 1, 0.2)
    for name in ("nearest", "draft"):
        known = {
            plan_method(name, footage, conditions).identity,
            plan_method(name, other, conditions).identity,
            plan_method(name, replace(footage, hold_out=0.1), conditions).identity,
            plan_method(name, footage, replace(conditions, height_px=128)).identity,
        }
        assert len(known) == 4
        assert plan_method(name, footage, conditions).identity in known
    longer = replace(conditions, budget=Budget(images=4))
    assert plan_method("draft", footage, longer).identity != plan_method("draft", footage, conditions).identity
    assert plan_method("nearest", footage, longer).identity == plan_method("nearest", footage, conditions).identity


def test_the_paper_is_compared_at_the_common_height_and_says_what_replaced_its_network(tmp_path, monkeypatch):
    monkeypatch.setenv("CHOREOGRAFT_CACHE", str(tmp_path))
    adapted = adapt_preset(PRESETS["paper"], 256)
    assert (adapted.height_px, adapted.perceptual) == (256, "efficientnet_lite0")
    assert (adapted.generator, adapted.losses, adapted.background) == (
        PRESETS["paper"].generator, PRESETS["paper"].losses, "frame",
    )  # fmt: skip
    notes = " ".join(describe_substitutes(["nearest", "draft", "paper"], 256))
    assert "256 px" in notes
    assert "VGG-19" in notes
    assert "draft" not in notes
    monkeypatch.setattr(roster, "cached", lambda asset: tmp_path if asset is assets.VGG19 else None)
    assert adapt_preset(PRESETS["paper"], 512) == PRESETS["paper"]


def test_the_small_paper_differs_from_the_paper_in_its_networks_alone():
    paper, small, draft = PRESETS["paper"], roster.PAPER_SMALL, PRESETS["draft"]
    assert (small.background, small.losses, small.optimiser) == (paper.background, paper.losses, paper.optimiser)
    assert small.generator.family == paper.generator.family
    assert small.generator.upsampling == paper.generator.upsampling
    assert small.discriminator == draft.discriminator


def test_every_method_of_a_cpus_size_draws_by_itself():
    enhanced = {name for name, preset in roster.TRAINED.items() if preset.enhances}
    assert enhanced == {"paper"}


def test_a_row_with_and_a_row_without_the_face_differ_in_nothing_else():
    for name, other in (("paper-small-face", "paper-small"), ("draft-face", "draft")):
        with_face, without = roster.TRAINED[name], roster.TRAINED[other]
        assert with_face.mends_faces
        assert not without.mends_faces
        assert replace(without, name=name, description=with_face.description, stages=with_face.stages,
                       face=with_face.face) == with_face  # fmt: skip


def test_frame_by_frame_differs_from_the_small_paper_in_the_switch_alone():
    fbf = roster.FRAME_BY_FRAME
    assert not fbf.temporal
    small = roster.PAPER_SMALL
    assert replace(fbf, temporal=True, name=small.name, description=small.description) == small


def test_the_translators_have_the_objectives_of_their_papers():
    pix2pix, crn = roster.PIX2PIX, roster.CRN
    assert pix2pix.losses == LossConfig(adversarial=1, feature_matching=0, perceptual=0, pixel=100, matte=0)
    assert (pix2pix.discriminator.scales, pix2pix.discriminator.layers, pix2pix.perceptual) == (1, 3, "none")
    assert (crn.losses.judged, crn.losses.perceptual > 0, crn.perceptual) == (False, True, "vgg19")
    for preset in (pix2pix, crn):
        assert canvas_size(preset, Size(120, 160)) == canvas_size(roster.PAPER_SMALL, Size(120, 160))
        assert (preset.background, preset.temporal) == ("frame", False)


@pytest.mark.parametrize("name", ["frame-by-frame", "pix2pix", "crn"])
def test_baselines_train_on_what_is_shown_and_draw_each_frame_for_itself(name, footage, conditions, monkeypatch):
    without_features = replace(roster.TRAINED[name], perceptual="none")
    monkeypatch.setattr(run, "TRAINED", {name: without_features})
    monkeypatch.setattr(methods, "read_bodies", lambda *_: None)  # whole frames are drawn without any
    method = plan_method(name, footage, conditions).build(silent)
    assert method.facts["images"] == 2
    track = footage.clips[0].track
    after, alone = (list(method.draw(Motion(track.select(range(first, 4))))) for first in (0, 3))
    assert len(after) == 4
    np.testing.assert_array_equal(after[3], alone[0])


@pytest.mark.parametrize("names", [["warped"], ["nearest", "truth"], []])
def test_unknown_methods_are_refused_with_those_there_are(names):
    known = (
        "nearest, draft, standard, paper, preview, paper-small, paper-small-face, frame-by-frame, pix2pix, crn,"
        " draft-face, cyclegan, recycle-gan"
    )
    with pytest.raises(OptionError, match=known):
        check_methods(names, 256)


@pytest.mark.parametrize("name", ["draft@", "draft@tall", "draft@-1", "draft@0", "nearest@256", "cyclegan@256", "@256"])
def test_heights_are_those_of_methods_that_are_trained(name):
    check_methods(["draft", "draft@256", "preview@720"], 256)
    with pytest.raises(OptionError, match=f"--compare: found '{name}'; expected some of .*draft@256"):
        check_methods(["draft", name], 256)


def test_a_method_at_a_height_is_the_same_performer_with_results_of_its_own(footage, conditions, monkeypatch):
    monkeypatch.setattr(run, "TRAINED", {"tiny": PRESET})
    monkeypatch.setattr(methods, "read_bodies", lambda *_: None)
    plain, small = (plan_method(name, footage, conditions) for name in ("tiny", f"tiny@{SIZE.height}"))
    assert (plain.name, small.name) == ("tiny", f"tiny@{SIZE.height}")
    assert small.identity == f"{plain.identity}@{SIZE.height}"
    drawn = [plan.build(silent) for plan in (plain, small)]
    assert len(list(conditions.runs.glob("target-*/target.performer"))) == 1
    assert [(method.size, method.shown) for method in drawn] == [(SIZE, SIZE)] * 2
    with pytest.raises(OptionError, match="--height is 50; expected 96"):
        plan_method("tiny@50", footage, conditions).build(silent)


def test_sets_stand_for_their_methods_and_nothing_is_compared_twice():
    assert list_methods("ablation") == ("frame-by-frame", "paper-small", "paper-small-face")
    assert list_methods("draft, paper-small,ablation,,draft") == (
        "draft", "paper-small", "frame-by-frame", "paper-small-face",
    )  # fmt: skip
    assert list_methods("baselines,nothing") == ("nearest", "pix2pix", "crn", "nothing")


def test_a_height_that_a_method_cannot_draw_is_refused_with_one_that_it_can():
    check_methods(["nearest", "preview", "draft", "pix2pix", "crn"], 200)
    check_methods(["nearest", "preview"], 202)
    with pytest.raises(OptionError, match=r"paper draws heights that divide by 32, found 200 px; try --height 192"):
        check_methods(["draft", "paper"], 200)
    with pytest.raises(OptionError, match=r"cyclegan draws heights that divide by 8, found 202 px; try --height 200"):
        check_methods(["cyclegan"], 202)


def test_a_translation_is_planned_from_its_source_on_the_common_canvas(footage, conditions, tmp_path):
    source = write_target(tmp_path / "source.mp4", swaying_track(12))
    for name in ("cyclegan", "recycle-gan"):
        plan = plan_method(name, footage, conditions, source)
        translated = plan_translated(name, roster.TRANSLATIONS[name], source, footage, conditions)
        assert (plan.name, plan.identity) == (name, translated.identity)
    assert footage.canvas(160) == canvas_size(replace(roster.PAPER_SMALL, height_px=160), footage.clips[0].track.size)
