"""Images, tables and weights that nobody means: one message, no trace, no code of theirs runs, nothing is written."""

import json
import os
import pickle
import struct
import zlib

import numpy as np
import pytest
import torch
import yaml
from PIL import Image

from models.errors import InputError
from searchspace.command_line import run_command
from trainables.weights import read_weights

STUDY = {
    "name": "small",
    "question": "Is it refused?",
    "cohort": {
        "name": "table", "label": "x", "csv": "cases.csv", "id": "id", "image_folder": "images",
        "images": {"dermoscopy": "file"}, "targets": {"diagnosis": {"column": "label"}},
        "fields": {"age": {"column": "age", "kind": "number", "minimum": 0, "maximum": 120, "scale": 100}},
    },
    "folds": {"folds": 2},
    "fixed": {
        "backbone": {"name": "test_resnet", "weights": "none", "standardise": True}, "image": {"size": [16, 16]},
    },
    "scientific": {"fusion.name": ["none", "concat"], "metadata.fields": [["age"]]},
    "tables": [{"name": "scores", "title": "Scores", "kind": "scores", "metrics": ["mcr"]}],
}  # fmt: skip


@pytest.fixture
def data(tmp_path, monkeypatch):
    monkeypatch.setenv("FUSESEARCH_CACHE", str(tmp_path / "cache"))
    (tmp_path / "images").mkdir()
    for number in range(8):
        pixels = np.random.default_rng(number).integers(0, 255, (20, 20, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / "images" / f"{number}.png")
    write_table(tmp_path)
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(STUDY, sort_keys=False))
    return tmp_path


def write_table(folder, old="", new="", encoding="utf-8"):
    rows = "".join(f"s{number},{number}.png,{'ab'[number % 2]},{20 + number}\n" for number in range(8))
    text = f"id,file,label,age\n{rows}"
    (folder / "cases.csv").write_bytes((text.replace(old, new) if old else text).encode(encoding))


def plan(data, capsys, *more):
    """Plan the study; return the exit code and the message."""
    capsys.readouterr()
    place = ["--data", str(data), "--out", str(data / "run"), "--dry-run", "--executor", "inline"]
    code = run_command([str(data / "study.yaml"), *place, *more])
    out, err = capsys.readouterr()
    assert code in (0, 2), err
    assert "Traceback" not in out + err
    assert err.startswith("error: ") if code else not err
    assert not (data / "run").exists()
    return code, err


CELLS = {
    "NUL": ("s1,", "s\0,", "there is a NUL byte in line 3"),
    "ragged": ("s2,", "s2,,,", "line 4 has 6 cells where the header has 4"),
    "open quote": ("s2", '"s2', "cannot be read as CSV"),
    "endless cell": ("s1", "x" * 200_000, "field larger than field limit"),
    "beyond": (",21\n", ",1e999\n", "age 1e999 is outside 0 to 120"),
    "path up": ("1.png", "../../../../etc/passwd", "leads outside the data folder"),
    "absolute": ("1.png", "/etc/passwd", "leads outside the data folder"),
    "twice": ("s2,", "s1,", "the id appears 2 times"),
    "long name": ("1.png", "y" * 5000, "... (5,000 characters) not found"),
    "escape": (",21\n", ",\x1b[31m\n", r"age '\x1b[31m' is not a number"),
}


@pytest.mark.parametrize("cell", CELLS)
def test_cells_that_cannot_be_used(data, capsys, cell):
    old, new, message = CELLS[cell]
    write_table(data, old, new)
    code, err = plan(data, capsys)
    assert code == 2
    assert message in err


def test_a_formula_is_a_name_and_another_encoding_is_refused(data, capsys):
    write_table(data, "s1,", "=cmd|' /C calc'!A0,")
    assert plan(data, capsys)[0] == 0
    for encoding in ("utf-16", "latin-1"):
        write_table(data, "s1,", "é,", encoding)
        assert "UTF-8" in plan(data, capsys)[1]


def bomb(path):
    """A PNG of a kilobyte that says it is 60,000 pixels wide and high."""

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    body = zlib.compress(bytes(10**6))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b""))


def replaced_by(make):
    def replace(path):
        path.unlink()
        make(path)

    return replace


IMAGES = {
    "empty": (lambda path: path.write_bytes(b""), "begins like no known image format"),
    "cut short": (lambda path: path.write_bytes(path.read_bytes()[:200]), "cut short or broken"),
    "HTML": (lambda path: path.write_bytes(b"<html><script>"), "begins like no known image format"),
    "SVG": (lambda path: path.write_bytes(b"<svg xmlns='http://www.w3.org/2000/svg'/>"), "begins like no known"),
    "PostScript": (lambda path: path.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"), "begins like"),
    "damaged TIFF": (lambda path: path.write_bytes(b"II*\0\x08\0\0\0" + b"\xff" * 200), "cut short or broken"),
    "bomb": (bomb, "could be decompression bomb"),
    "16 bits": (lambda path: Image.fromarray(np.zeros((9, 9), np.uint16)).save(path), "8 bits per channel"),
    "pipe": (replaced_by(os.mkfifo), "not found"),
    "folder": (replaced_by(os.mkdir), "not found"),
    "link out": (replaced_by(lambda path: path.symlink_to("/etc/passwd")), "a link that leads outside"),
    "link to itself": (replaced_by(lambda path: path.symlink_to(path.name)), "not found"),
    "endless device": (replaced_by(lambda path: path.symlink_to("/dev/zero")), "not found"),
}


@pytest.mark.parametrize("kind", IMAGES)
def test_images_that_are_none(data, capsys, kind):
    spoil, message = IMAGES[kind]
    spoil(data / "images" / "3.png")
    code, err = plan(data, capsys)
    assert code == 2
    assert "1 of 8 samples cannot be used\n  s3: " in err
    assert message in err


def test_images_of_other_kinds_are_read_whatever_they_are_called(data, capsys):
    Image.new("P", (9, 9)).save(data / "images" / "1.png", format="GIF")
    Image.new("CMYK", (9, 9)).save(data / "images" / "2.png", format="JPEG")
    Image.new("RGB", (1, 1)).save(data / "images" / "3.png", format="BMP")
    assert plan(data, capsys) == (0, "")


class Harm:
    """A pickle of it would make a folder."""

    def __init__(self, folder):
        self.folder = str(folder)

    def __reduce__(self):
        return os.mkdir, (self.folder,)


def safetensors(header: bytes) -> bytes:
    return struct.pack("<Q", len(header)) + header


def weights(folder):
    """Files that are no weights, by name, with what is said of them."""
    itself: dict = {}
    itself["model"] = itself
    for name, content in (
        ("list.pth", [1]), ("itself.pth", itself), ("harm.pth", {"a": Harm(folder / "harm")}),
        ("shape.pth", {"conv1.weight": torch.zeros(3, 3)}), ("nan.pth", {"a": torch.tensor([float("nan")])}),
    ):  # fmt: skip
        torch.save(content, folder / name)
    entry = {"a": {"dtype": "F32", "shape": [10**12], "data_offsets": [0, 4 * 10**12]}}
    (folder / "pickle.pth").write_bytes(pickle.dumps(Harm(folder / "harm")))
    (folder / "empty.pth").write_bytes(b"")
    (folder / "endless.safetensors").write_bytes(struct.pack("<Q", 2**62) + b"{}")
    (folder / "no.safetensors").write_bytes(safetensors(b"x" * 10))
    (folder / "huge.safetensors").write_bytes(safetensors(json.dumps(entry).encode()))
    os.mkfifo(folder / "pipe.pth")
    unread = "cannot be read as a checkpoint"
    return {
        "list.pth": "holds no named tensors", "itself.pth": "holds no named tensors", "harm.pth": unread,
        "shape.pth": "lack", "nan.pth": "is not finite", "pickle.pth": unread, "empty.pth": unread,
        "endless.safetensors": unread, "no.safetensors": unread, "huge.safetensors": unread, "pipe.pth": "do not exist",
    }  # fmt: skip


def test_weights_that_are_none_and_no_code_in_them_runs(data, capsys):
    folder = data / "weights"
    folder.mkdir()
    for name, message in weights(folder).items():
        code, err = plan(data, capsys, "--weights", str(folder / name), "--set", "backbone.weights=file")
        assert (code, err.count("\n")) == (2, 1), name
        assert message in err, name
    assert not (folder / "harm").exists()


def test_pipes_and_devices_in_place_of_files_do_not_block(data, capsys):
    (data / "cases.csv").unlink()
    os.mkfifo(data / "cases.csv")
    assert "it is no regular file" in plan(data, capsys)[1]
    write_table(replaced(data / "cases.csv").parent)
    for path in ("/dev/zero", str(data / "pipe.csv")):
        if path.endswith("pipe.csv"):
            os.mkfifo(path)
        assert "it is no regular file" in plan(data, capsys, "--set", f"folds={{plan: from-file, file: {path}}}")[1]
    replaced(data / "study.yaml")
    os.mkfifo(data / "study.yaml")
    assert "it is no regular file" in plan(data, capsys)[1]


def replaced(path):
    path.unlink()
    return path


def test_weights_without_values_are_refused(tmp_path):
    torch.save({"conv.weight": torch.zeros(2, 2, device="meta")}, tmp_path / "meta.pt")
    with pytest.raises(InputError, match=r"meta.pt: conv.weight has no values \(1 tensors\)"):
        read_weights(tmp_path / "meta.pt")
