"""pix2pix's U-Net and the cascaded refinement network against their papers."""

from itertools import pairwise

import torch

from choreograft.config import GeneratorConfig
from choreograft.performer.translators import CascadedRefinement, UNet


def count(module: torch.nn.Module) -> int:
    return sum(weights.numel() for weights in module.parameters())


def test_the_published_unet_has_its_54_million_parameters():
    # as released: no biases where batch normalisation follows, but a scale and a shift for each of its channels
    down, up = [64, 128, 256, 512, 512, 512, 512, 512], [512, 512, 512, 512, 256, 128, 64]
    weights = sum(a * b * 16 for a, b in pairwise([3, *down]))
    weights += down[-1] * up[0] * 16 + sum(2 * a * b * 16 for a, b in pairwise([*up, 3]))
    published = weights + 3 + 2 * (sum(down[1:-1]) + sum(up))
    assert published == 54_413_955
    with torch.device("meta"):
        unet = UNet(3, 3, GeneratorConfig("unet", 64, 8))
        drawn = unet(torch.empty(1, 3, 256, 256))
    assert drawn.shape == (1, 3, 256, 256)
    assert count(unet) == weights + 3 + sum(down) + sum(up)  # here: biases, and nothing learned in normalising
    assert round(count(unet) / 1e6, 1) == 54.4


def test_the_cascade_is_as_large_as_its_modules():
    widths = [32, 32, 16, 8, 4]  # coarsest first; the coarsest two have reached the limit of 8 times the base
    expected = 4 * 3 + 3 + sum(9 * (3 + a) * b + 9 * b * b + 2 * b + 4 * b for a, b in pairwise([0, *widths]))
    assert count(CascadedRefinement(3, 3, GeneratorConfig("crn", 4, 4))) == expected


def test_dropout_belongs_to_training_and_to_the_three_innermost_layers():
    torch.manual_seed(0)
    unet = UNet(3, 3, GeneratorConfig("unet", 4, 5))
    with_dropout = [any(isinstance(part, torch.nn.Dropout) for part in layer.after) for layer in unet.up]
    assert with_dropout == [True, True, True, False]
    x = torch.randn(1, 3, 64, 64)
    assert not torch.equal(unet(x), unet(x))
    unet.eval()
    assert torch.equal(unet(x), unet(x))


def test_each_module_of_the_cascade_sees_the_whole_input_at_its_own_size():
    cascade = CascadedRefinement(3, 3, GeneratorConfig("crn", 4, 2))
    seen = []
    for module in cascade.refine:
        module.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0][:, :3]))
    x = torch.randn(1, 3, 16, 24)
    cascade(x)
    assert [tuple(layout.shape[2:]) for layout in seen] == [(4, 6), (8, 12), (16, 24)]
    torch.testing.assert_close(seen[2], x, rtol=0, atol=0)
    torch.testing.assert_close(seen[0][0, :, 1, 2], x[0, :, 4:8, 8:12].mean((1, 2)))
