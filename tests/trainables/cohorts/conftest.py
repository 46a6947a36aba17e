"""Small data sets on disk with real image files: a HAM10000-shaped folder, and a table with two images per case."""

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from trainables.cohorts import Ham10000Settings, TableSettings

HAM_HEADER = ("lesion_id", "image_id", "dx", "dx_type", "age", "sex", "localization")
HAM_ROWS = (
    ("HAM_2", "ISIC_0000004", "mel", "histo", "70.0", "female", "back"),
    ("HAM_1", "ISIC_0000001", "nv", "follow_up", "40.0", "male", "lower extremity"),
    ("HAM_1", "ISIC_0000002", "nv", "follow_up", "", "male", "lower extremity"),
    ("HAM_3", "ISIC_0000003", "bkl", "confocal", "55.0", "unknown", "unknown"),
)
CASES = (
    ("case_num", "clinic", "derm", "diagnosis", "pigment_network", "sex", "elevation"),
    ("1", "A/a1", "A/a2.jpg", "melanoma", "atypical", "male", "flat"),
    ("2", "A/b1.jpg", "A/b2", "nevus", "absent", "female", "palpable"),
    ("3", "B/c1.png", "B\\c2.jpg", "nevus", "typical", "female", "flat"),
)


def write_image(path: Path, grey: int, **options) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(grey).integers(0, 40, size=(48, 64, 3))
    Image.fromarray((noise + grey).astype(np.uint8)).save(path, **options)
    return path


def write_csv(path: Path, rows) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    return path


@pytest.fixture
def image():
    return write_image


@pytest.fixture
def ham(tmp_path):
    """Writes HAM10000's metadata file and one JPEG per distinct image id, and returns the folder."""

    def write(rows=HAM_ROWS, *, name="HAM10000_metadata.csv", folders=("images",), extension=".jpg") -> Path:
        write_csv(tmp_path / name, [HAM_HEADER, *rows])
        for number, sample in enumerate(sorted({row[1] for row in rows if row[1].startswith("ISIC")})):
            write_image(tmp_path / folders[number % len(folders)] / f"{sample}{extension}", 20 + 10 * number)
        return tmp_path

    return write


@pytest.fixture
def ham_rows():
    return HAM_ROWS


@pytest.fixture
def ham_settings():
    return Ham10000Settings()


@pytest.fixture
def cases(tmp_path):
    """A derm7pt-shaped folder: three cases with a clinical and a dermoscopy image each, in sub-folders."""

    def write(rows=CASES) -> Path:
        write_csv(tmp_path / "meta.csv", rows)
        for number, name in enumerate(("A/a1.jpg", "A/a2.jpg", "A/b1.jpg", "A/b2.JPEG", "B/c1.png", "B/c2.jpg")):
            write_image(tmp_path / "pictures" / name, 30 * number)
        return tmp_path

    return write


@pytest.fixture
def case_rows():
    return CASES


@pytest.fixture
def case_layout() -> dict:
    return {
        "csv": "meta.csv",
        "id": "case_num",
        "image_folder": "pictures",
        "images": {"clinical": "clinic", "dermoscopy": "derm"},
        "targets": {"diagnosis": {"column": "diagnosis"}, "network": {"column": "pigment_network"}},
        "fields": {
            "sex": {"column": "sex", "kind": "category", "categories": ["female", "male"]},
            "elevation": {"column": "elevation", "kind": "category"},
        },
    }


@pytest.fixture
def case_settings(case_layout):
    return TableSettings.model_validate(case_layout)
