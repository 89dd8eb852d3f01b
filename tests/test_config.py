"""Defaults, presets and budgets."""

import json
from dataclasses import asdict, fields, replace

import pytest

from choreograft.config import GeneratorConfig
from choreograft.errors import OptionError
from choreograft.presets import PRESETS, Budget, find_preset, preset_from_dict


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_survives_the_way_through_a_file(name):
    assert preset_from_dict(json.loads(json.dumps(asdict(find_preset(name))))) == find_preset(name)


def test_a_preset_with_missing_or_unknown_fields_is_no_preset():
    content = asdict(find_preset("draft"))
    with pytest.raises(TypeError):
        preset_from_dict(content | {"magic": 1})
    with pytest.raises(TypeError):
        preset_from_dict({key: value for key, value in content.items() if key != "height_px"})


def test_the_paper_preset_is_the_paper():
    paper = find_preset("paper")
    assert (paper.generator.base_channels, paper.generator.downsamplings, paper.generator.residual_blocks) == (64, 4, 9)
    assert (paper.discriminator.scales, paper.discriminator.base_channels, paper.discriminator.layers) == (3, 64, 3)
    assert (paper.losses.feature_matching, paper.losses.perceptual) == (10, 5)
    assert (paper.losses.pixel, paper.losses.matte, paper.background, paper.perceptual) == (0, 0, "frame", "vgg19")
    assert (paper.optimiser.learning_rate, paper.optimiser.beta1) == (2e-4, 0.5)
    assert paper.generator.upsampling == "transposed"
    face = paper.face
    assert (face.generator.downsamplings, face.generator.residual_blocks) == (3, 5)
    assert (face.discriminator.scales, face.discriminator.layers) == (1, 3)
    assert (face.losses.perceptual, face.losses.feature_matching, face.losses.pixel) == (10, 0, 0)
    assert (face.optimiser.learning_rate, face.optimiser.beta1) == (2e-4, 0.5)
    assert [stage.name for stage in paper.stages] == ["global", "local", "face"]
    assert paper.enhancer.residual_blocks == 3
    assert replace(paper.losses, perceptual=10) == paper.enhancer.losses
    assert (paper.height_px % paper.canvas_step, paper.canvas_step) == (0, 32)


def test_a_face_can_be_had_and_left_out():
    for preset in PRESETS.values():
        assert preset.with_face().mends_faces == preset.trains
        assert not preset.with_face().without_face().mends_faces
        assert "face" not in {stage.name for stage in preset.without_face().stages}
    assert PRESETS["paper"].without_face().with_face() == PRESETS["paper"]


@pytest.mark.parametrize("changes", [{"generator": GeneratorConfig("refiner")}, {"background": "warp"}])
def test_what_cannot_be_enhanced_is_refused_in_one_line(changes):
    with pytest.raises(OptionError, match=r"preset paper: found a stage local with .*; expected pix2pixhd") as caught:
        replace(PRESETS["paper"], **changes)
    assert "\n" not in str(caught.value)


def test_presets_are_named_and_described():
    for name, preset in PRESETS.items():
        assert preset.name == name
        assert preset.description
        assert {field.name for field in fields(preset)} == set(asdict(preset))


def test_a_budget_is_minutes_or_images_and_falls_back_on_the_preset():
    draft = find_preset("draft")
    default = Budget.choose(draft, None, None)
    assert default == Budget(draft.minutes, draft.images)
    assert default.spent(seconds=75, images=300) == 0.25  # whichever is spent first
    assert default.spent(seconds=75, images=900) == 0.75
    assert default.spent(seconds=150, images=300) == 0.5
    assert (default.unit, default.total, str(default)) == ("s", 300, "5 min or 1200 images")
    assert Budget.choose(find_preset("standard"), None, None) == Budget(minutes=10)
    assert Budget.choose(draft, 2, None).spent(seconds=60, images=999) == 0.5
    assert Budget.choose(draft, None, 40).spent(seconds=999, images=10) == 0.25
    for minutes, images in ((1, 1), (0, None), (None, -3), (float("nan"), None)):
        with pytest.raises(OptionError):
            Budget.choose(draft, minutes, images)
