"""The settings of a fusion: which options a fusion has, what of them is part of a configuration, what is refused."""

import pytest
import torch
from fusion_variants import every_variant
from torch import nn

from models.errors import InputError
from models.fusions import FUSIONS, create_fusion
from trainables.configuration import Configuration
from trainables.fusion_settings import SHARED, FusionSettings
from trainables.parallel import synchronise_batch_norm

FIELDS = set(FusionSettings.model_fields) - SHARED


def test_every_field_is_an_option_of_some_fusion_and_the_other_way_round():
    assert {option for name in FUSIONS.names() for option in FUSIONS.get(name).options} == FIELDS


@pytest.mark.parametrize("name", FUSIONS.names())
class TestEveryFusion:
    def test_its_defaults_are_settings_that_may_be_set(self, name):
        kind = FUSIONS.get(name)
        written = FusionSettings(name=name, **kind.options)
        assert written.canonical(name) == FusionSettings(name=name).canonical(name)
        assert {option: written.canonical(name)[option] for option in kind.options} == dict(kind.options)

    def test_options_of_other_fusions_have_no_effect(self, name):
        others = {"maps": 3, "dropout": 0.1, "activation": "relu", "group_size": 2, "heads": 1, "branch_width": 9}
        foreign = {option: value for option, value in others.items() if option not in FUSIONS.get(name).options}
        assert FusionSettings(name=name, **foreign).canonical(name) == FusionSettings(name=name).canonical(name)

    def test_its_settings_build_it(self, name):
        settings = FusionSettings(name=name)
        with torch.device("meta"):
            fusion = create_fusion(name, 64, 3, depth=settings.depth_of(name), **settings.options_of(name))
        assert fusion.out_features > 0


@pytest.mark.parametrize("variant", every_variant(), ids=str)
def test_the_options_that_are_walked_are_settings_with_an_effect(variant):
    chosen = FusionSettings(name=variant.name, depth=variant.depth, widths=variant.widths, **variant.options)
    chosen.check()
    assert {name: chosen.options_of(variant.name)[name] for name in variant.options} == variant.options
    default = FusionSettings(name=variant.name, depth=variant.depth, widths=variant.widths)
    assert (chosen.canonical(variant.name) != default.canonical(variant.name)) is bool(variant.options)


def test_a_width_of_the_metadata_branch_has_no_effect_without_metadata():
    canonical = FusionSettings(name="soft-attention", branch_width=64).canonical("soft-attention", metadata=False)
    assert "branch_width" not in canonical
    assert canonical["maps"] == 16
    gessert = FusionSettings(name="gessert", branch_width=64).canonical("gessert")
    assert gessert == {"name": "gessert", "branch_width": 64, "dropout": 0.4}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"name": "cross-attention", "heads": 3}, "fusion.heads=3 does not divide fusion.branch_width=512"),
        ({"name": "hyperparametric", "image_weight": 0, "metadata_weight": 0}, "leave nothing; raise one of them"),
        ({"name": "film", "depth": 0}, r"fusion.depth=0 is not possible with fusion 'film' \(choices: 1, 2, 3, 4\)"),
        ({"name": "metadata-embedding", "activation": "tanh"}, "fusion.activation='tanh'"),
        ({"name": "soft-attention", "maps": 0}, "fusion.maps=0"),
        ({"name": "soft-atention"}, "did you mean 'soft-attention'"),
    ],
)
def test_options_that_cannot_be_are_refused_before_anything_runs(settings, message):
    with pytest.raises(InputError, match=message):
        Configuration.of({"fusion": settings, "metadata": {"fields": ["age"]}})


def test_soft_attention_stays_without_fields_and_others_become_image_only():
    assert Configuration.of({"fusion": {"name": "soft-attention"}}).fusion_name == "soft-attention"
    for name in set(FUSIONS.names()) - {"soft-attention"}:
        assert Configuration.of({"fusion": {"name": name}}).fusion_name == "none"


@pytest.mark.parametrize("variant", every_variant(), ids=str)
def test_data_parallel_training_can_synchronise_every_fusion(variant):
    fusion = variant.build(32, 5).eval()
    inputs = torch.randn(3, 32, 1, 1), torch.rand(3, 5)
    expected = fusion(*inputs)
    synchronise_batch_norm(fusion)
    assert all(type(module) is not nn.BatchNorm1d for module in fusion.modules())
    assert torch.equal(fusion(*inputs), expected)
