"""Weights files: which one is taken, what is unwrapped, and what a damaged or foreign file is answered with."""

import hashlib

import pytest
import safetensors.torch
import torch

from models.errors import InputError
from trainables.weights import SUFFIXES, find_weights, read_weights

STATE = {"conv.weight": torch.arange(6.0).reshape(2, 3), "bn.running_mean": torch.ones(2)}


def equal(first, second):
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def test_a_file_is_taken_as_it_is(tmp_path):
    file = tmp_path / "anything.tar"
    file.touch()
    assert find_weights(file, "resnet18") == file


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_folder_holds_a_file_of_the_backbones_name(tmp_path, suffix):
    for name in (f"resnet18{suffix}", f"resnet180{suffix}", "resnet18.txt"):
        (tmp_path / name).touch()
    assert find_weights(tmp_path, "resnet18").name == f"resnet18{suffix}"


def test_a_folder_without_it_lists_what_it_holds(tmp_path):
    (tmp_path / "vgg16.pth").touch()
    with pytest.raises(InputError, match=r"has no resnet18\{.*\}; it holds vgg16.pth$"):
        find_weights(tmp_path, "resnet18")


def test_the_listing_of_a_crowded_folder_is_cut(tmp_path):
    for number in range(30):
        (tmp_path / f"{number:02}.pth").touch()
    with pytest.raises(InputError, match=r"it holds 00.pth, .*09.pth and 20 more$"):
        find_weights(tmp_path, "resnet18")


def test_an_empty_folder_a_missing_one_and_two_candidates(tmp_path):
    with pytest.raises(InputError, match=r"it holds nothing$"):
        find_weights(tmp_path, "resnet18")
    with pytest.raises(InputError, match="nowhere do not exist"):
        find_weights(tmp_path / "nowhere", "resnet18")
    (tmp_path / "resnet18.pth").touch()
    (tmp_path / "resnet18.safetensors").touch()
    with pytest.raises(InputError, match=r"has resnet18.safetensors, resnet18.pth; give the one to use"):
        find_weights(tmp_path, "resnet18")


@pytest.mark.parametrize(
    "content",
    [
        STATE,
        {"state_dict": STATE, "epoch": 3},
        {"model": STATE, "optimizer": {"lr": 0.1}},
        {"model": {"state_dict": {f"module.{name}": tensor for name, tensor in STATE.items()}}},
        {"state_dict": {"conv.weight": torch.zeros(2, 3)}, "state_dict_ema": STATE},
        {**STATE, "arch": "resnet18", "epoch": 7},
    ],
    ids=["plain", "state_dict", "model", "nested-module", "ema-first", "beside-other-values"],
)
def test_wrappers_and_prefixes_are_taken_off(tmp_path, content):
    file = tmp_path / "resnet18.pth"
    torch.save(content, file)
    weights = read_weights(file)
    assert equal(weights.state, STATE)
    assert weights.source == "resnet18.pth"
    assert weights.checksum == hashlib.sha256(file.read_bytes()).hexdigest()


def test_a_prefix_that_not_all_share_is_part_of_the_name(tmp_path):
    file = tmp_path / "resnet18.pt"
    torch.save({"module.conv.weight": torch.ones(1), "conv.weight": torch.zeros(1)}, file)
    assert set(read_weights(file).state) == {"module.conv.weight", "conv.weight"}


def test_safetensors_are_read(tmp_path):
    file = tmp_path / "resnet18.safetensors"
    safetensors.torch.save_file(STATE, file)
    assert equal(read_weights(file).state, STATE)


def test_the_checksum_is_the_files_and_not_its_place(tmp_path):
    first, second = tmp_path / "a.safetensors", tmp_path / "b.safetensors"
    safetensors.torch.save_file(STATE, first)
    second.write_bytes(first.read_bytes())
    assert read_weights(first).checksum == read_weights(second).checksum


def refused(file):
    with pytest.raises(InputError) as raised:
        read_weights(file)
    message = str(raised.value)
    assert str(file) in message
    assert "\n" not in message
    return message


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_truncated_file_is_refused(tmp_path, suffix):
    file = tmp_path / f"resnet18{suffix}"
    (safetensors.torch.save_file if suffix == ".safetensors" else torch.save)(STATE, file)
    file.write_bytes(file.read_bytes()[:-40])
    assert "cannot be read as a checkpoint" in refused(file)


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize(
    "content", [b"", b"<html>not found</html>", b"\x80\x02}q\x00."], ids=["empty", "html", "pickle"]
)
def test_a_file_that_is_no_checkpoint_is_refused(tmp_path, suffix, content):
    file = tmp_path / f"resnet18{suffix}"
    file.write_bytes(content)
    assert refused(file)


def test_a_missing_file_is_refused(tmp_path):
    assert "FileNotFoundError" in refused(tmp_path / "resnet18.pth")


class Payload:
    def __reduce__(self):
        return exec, ("raise SystemExit('code of a weights file ran')",)


def test_code_in_a_file_does_not_run(tmp_path):
    file = tmp_path / "resnet18.pth"
    torch.save({"state_dict": Payload()}, file)
    assert "cannot be read as a checkpoint" in refused(file)


@pytest.mark.parametrize("content", [{"epoch": 3}, [1, 2], torch.ones(3), {"state_dict": {}}])
def test_a_checkpoint_without_named_tensors_is_refused(tmp_path, content):
    file = tmp_path / "resnet18.pth"
    torch.save(content, file)
    assert "holds no named tensors" in refused(file)


def test_the_real_checkpoint(real_data):
    weights = read_weights(find_weights(real_data / "weights" / "mobilenetV1X0.25_pretrain.tar", "mobilenetv1_025"))
    assert weights.state["stage1.0.0.weight"].shape == (8, 3, 3, 3)
    assert "fc.bias" in weights.state


@pytest.mark.parametrize("poison", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_refused(tmp_path, poison):
    broken = STATE | {"conv.weight": torch.tensor([[1.0, poison]])}
    torch.save(broken, tmp_path / "w.pth")
    with pytest.raises(InputError, match=r"conv\.weight is not finite \(1 tensors\)"):
        read_weights(tmp_path / "w.pth")
