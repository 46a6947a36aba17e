"""Heads: one classifier per target on a shared, dropped-out vector."""

import torch

from models.heads import Heads


def test_each_target_gets_its_own_logits():
    heads = Heads(6, [7, 2, 3], dropout=0.0)
    assert [logits.shape for logits in heads(torch.randn(4, 6))] == [(4, 7), (4, 2), (4, 3)]
    assert sum(parameter.numel() for parameter in heads.parameters()) == (6 + 1) * (7 + 2 + 3)


def test_logits_are_linear_in_the_features():
    heads = Heads(6, [3])
    first, second = torch.randn(2, 1, 6)
    bias = heads.classifiers[0].bias
    torch.testing.assert_close(heads(first + second)[0] + bias, heads(first)[0] + heads(second)[0])


def test_dropout_acts_in_training_only_and_alike_on_all_targets():
    heads = Heads(64, [2, 2], dropout=0.5)
    heads.classifiers[1].load_state_dict(heads.classifiers[0].state_dict())
    features = torch.randn(4, 64)
    first, second = heads(features)
    assert torch.equal(first, second)
    assert not torch.equal(first, heads(features)[0])
    heads.eval()
    assert torch.equal(heads(features)[0], heads.classifiers[0](features))
