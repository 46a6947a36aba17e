"""Small made-up copies of the public data sets, with real files in the layouts and with the quirks of the downloads.

Each `write_...(folder, n, seed)` writes about n samples and returns the folder, which is what `--data` names. Classes
take turns, so that every one of them has n / classes samples; pictures of a class are of one grey, and age depends on
the class. `WRITERS` has them by the cohort's name.
"""

import csv
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

HAM_CLASSES = ("akiec", "bcc", "bkl", "df", "mel", "nv", "vasc")
HAM_SITES = ("back", "chest", "face", "lower extremity", "unknown", "abdomen")
ISIC_SITES = ("torso", "head/neck", "lower extremity", "upper extremity", "", "palms/soles", "oral/genital")
ISIC_2019_SITES = ("anterior torso", "posterior torso", "head/neck", "lateral torso", "", "upper extremity")
ISIC_2019_CLASSES = ("MEL", "NV", "BCC", "AK", "BKL", "DF", "VASC", "SCC", "UNK")
PAD_CLASSES = ("BCC", "ACK", "NEV", "SEK", "SCC", "MEL")
PAD_HEADER = (
    *("patient_id", "lesion_id", "smoke", "drink", "background_father", "background_mother", "age", "pesticide"),
    *("gender", "skin_cancer_history", "cancer_history", "has_piped_water", "has_sewage_system", "fitspatrick"),
    *("region", "diameter_1", "diameter_2", "diagnostic", "itch", "grew", "hurt", "changed", "bleed", "elevation"),
    *("img_id", "biopsed"),
)
DERM7PT_HEADER = (
    *("case_num", "diagnosis", "seven_point_score", "pigment_network", "streaks", "pigmentation"),
    *("regression_structures", "dots_and_globules", "blue_whitish_veil", "vascular_structures"),
    *("level_of_diagnostic_difficulty", "elevation", "location", "sex", "clinic", "derm", "case_id", "notes"),
    "management",
)


def write_image(path: Path, grey: int, seed: int = 0, *, size: tuple[int, int] = (40, 32), mode: str = "RGB") -> Path:
    """A picture of noise around a grey between 0 and 200; another seed gives other bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng([seed, grey]).integers(0, 50, size=(size[1], size[0], 3))
    Image.fromarray((noise + grey).astype(np.uint8)).convert(mode).save(path)
    return path


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> Path:
    """A CSV file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def _cycle(values: Sequence[str], number: int) -> str:
    return values[number % len(values)]


def _grey(code: int, classes: int) -> int:
    return 190 * code // max(1, classes - 1)


def _age(code: int, rng: np.random.Generator) -> str:
    return f"{5 * int(np.clip(6 + code + rng.integers(-1, 2), 0, 17))}.0" if rng.uniform() > 0.03 else ""


def write_ham10000(folder: Path, n: int = 42, seed: int = 0) -> Path:
    """HAM10000: two parts of images, every third lesion with two of them."""
    rng = np.random.default_rng(seed)
    rows = []
    for number in range(n):
        lesion = number - (number // 7 % 3 == 2) * 7  # the third seven are second images of the second seven
        code = lesion % 7
        name = f"ISIC_00{24000 + number}"
        kind = "histo" if code in (0, 1, 4) else _cycle(("histo", "follow_up", "consensus"), number)
        cells = (kind, _age(code, rng), _cycle(("male", "female"), lesion), _cycle(HAM_SITES, lesion))
        rows.append((f"HAM_{lesion:07d}", name, HAM_CLASSES[code], *cells))
        write_image(folder / f"HAM10000_images_part_{1 + number % 2}" / f"{name}.jpg", _grey(code, 7), seed + number)
    header = ("lesion_id", "image_id", "dx", "dx_type", "age", "sex", "localization")
    write_csv(folder / "HAM10000_metadata.csv", header, rows)
    return folder


def write_isic2020(folder: Path, n: int = 40, seed: int = 0, *, melanomas: int = 4) -> Path:
    """ISIC 2020: patients with three images each, one image in `melanomas` a melanoma, a list of one duplicate pair."""
    rng = np.random.default_rng(seed)
    rows = []
    for number in range(n):
        code = int(number % melanomas == 0)
        name, patient = f"ISIC_{1000000 + 37 * number}", f"IP_{number // 3:07d}"
        cells = (_cycle(("male", "female", "male", ""), number // 3), _age(4 * code, rng), _cycle(ISIC_SITES, number))
        label = ("melanoma", "malignant", 1) if code else (_cycle(("nevus", "unknown"), number), "benign", 0)
        rows.append((name, patient, *cells, *label))
        write_image(folder / "jpeg" / "train" / f"{name}.jpg", 150 * code, seed + number)
    header = ("image_name", "patient_id", "sex", "age_approx", "anatom_site_general_challenge")
    write_csv(folder / "train.csv", (*header, "diagnosis", "benign_malignant", "target"), rows)
    pair = (rows[1][0], rows[-2][0])
    write_csv(folder / "ISIC_2020_Training_Duplicates.csv", ("image_name_1", "image_name_2"), [pair])
    return folder


def write_isic2019(folder: Path, n: int = 40, seed: int = 0) -> Path:
    """ISIC 2019: two files, blank lesion ids, and a `_downsampled` copy of the second image."""
    rng = np.random.default_rng(seed)
    metadata, truth = [], []
    for number in range(n):
        code = number % 8
        name = "ISIC_0000001_downsampled" if number == 9 else f"ISIC_{number:07d}"
        lesion = "" if number in (1, 9) or number % 5 == 0 else f"BCN_{number // 16 * 8 + code:07d}"
        sex = _cycle(("female", "male", ""), number)
        metadata.append((name, _age(code, rng), _cycle(ISIC_2019_SITES, number), lesion, sex))
        truth.append((name, *(f"{float(place == code)}" for place in range(9))))
        write_image(folder / "ISIC_2019_Training_Input" / f"{name}.jpg", _grey(code, 8), seed + number)
    header = ("image", "age_approx", "anatom_site_general", "lesion_id", "sex")
    write_csv(folder / "ISIC_2019_Training_Metadata.csv", header, metadata)
    write_csv(folder / "ISIC_2019_Training_GroundTruth.csv", ("image", *ISIC_2019_CLASSES), truth[::-1])
    return folder


def write_isic2018_test(folder: Path, n: int = 28, seed: int = 0, *, one_hot: bool = False) -> Path:
    """ISIC 2018's test part in Dataverse's form, or in the challenge's one-hot form without metadata."""
    rng = np.random.default_rng(seed)
    rows: list[tuple[object, ...]] = []
    for number in range(n):
        code = number % 7
        name = f"ISIC_00{34524 + number}"
        if one_hot:
            order = (4, 5, 1, 0, 2, 3, 6)  # the challenge's: MEL NV BCC AKIEC BKL DF VASC
            rows.append((name, *(f"{float(place == code)}" for place in order)))
        else:
            cells = ("histo", _age(code, rng), _cycle(("male", "female"), number), _cycle(HAM_SITES, number))
            rows.append((f"HAMTEST_{number:07d}", name, HAM_CLASSES[code], *cells, "vidir_modern"))
        images = folder / ("ISIC2018_Task3_Test_Input" if one_hot else "ISIC2018_Task3_Test_Images")
        write_image(images / f"{name}.jpg", _grey(code, 7), 1000 + seed + number)
    challenge = ("image", "MEL", "NV", "BCC", "AKIEC", "BKL", "DF", "VASC")
    dataverse = ("lesion_id", "image_id", "dx", "dx_type", "age", "sex", "localization", "dataset")
    write_csv(folder / "ISIC2018_Task3_Test_GroundTruth.csv", challenge if one_hot else dataverse, rows)
    return folder


def write_pad_ufes_20(folder: Path, n: int = 36, seed: int = 0) -> Path:
    """PAD-UFES-20: RGBA pictures in three nested parts, patients of two images, blank clinical cells of benign ones."""
    rng = np.random.default_rng(seed)
    rows = []
    for number in range(n):
        code = number % 6
        label, patient = PAD_CLASSES[code], f"PAT_{number % 6 + number // 12 * 6}"
        cancer = label in ("BCC", "SCC", "MEL")
        asked = cancer or number % 4 == 1
        name = f"{patient}_{100 + number}_{200 + number}.png"
        clinical = [_cycle(("True", "False"), number // 2 + place) for place in range(2)]
        clinical += [_cycle(("POMERANIA", "UNK", "BRAZIL"), number), _cycle(("GERMANY", "POMERANIA"), number)]
        age = str(30 + 5 * code + int(rng.integers(0, 9)))
        history = [_cycle(("FEMALE", "MALE"), number), "True", "False", "True", "True", f"{1 + number % 6}.0"]
        region = _cycle(("FACE", "FOREARM", "BACK", "NOSE"), number)
        sizes = [f"{6 + code}.0", "5.0"]
        before = [*clinical, age, "False", *history] if asked else ["", "", "", "", age, *[""] * 7]
        symptoms = [_cycle(("True", "False", "UNK"), number + place) for place in range(6)]
        sizes = sizes if asked else ["", ""]
        rows.append((patient, 100 + number, *before, region, *sizes, label, *symptoms, name, str(cancer)))
        part = f"imgs_part_{1 + number % 3}"
        write_image(folder / "images" / part / part / name, _grey(code, 6), seed + number, mode="RGBA")
    write_csv(folder / "metadata.csv", PAD_HEADER, rows)
    return folder


def write_derm7pt(folder: Path, n: int = 30, seed: int = 0) -> Path:
    """derm7pt in its release_v0 folder: letter case of image names off, two images a case, three index files."""
    rng = np.random.default_rng(seed)
    diagnoses = ("basal cell carcinoma", "clark nevus", "melanoma (in situ)", "lentigo", "seborrheic keratosis")
    base = folder / "release_v0"
    rows = []
    for number in range(n):
        code = number % 5
        clinic, derm = f"NEL/NEL{2 * number:03d}.JPG", f"Nel/Nel{2 * number + 1:03d}.jpg"
        criteria = (
            _cycle(("absent", "typical", "atypical"), number),
            _cycle(("absent", "regular", "irregular"), number),
            _cycle(("absent", "diffuse regular", "localized irregular"), number),
            _cycle(("absent", "blue areas", "combinations"), number),
            _cycle(("absent", "regular", "irregular"), number // 2),
            _cycle(("absent", "present"), number),
            _cycle(("absent", "arborizing", "dotted"), number),
        )
        fields = (
            _cycle(("low", "medium", "high"), number),
            _cycle(("flat", "palpable", "nodular"), number),
            _cycle(("back", "head neck", "lower limbs"), int(rng.integers(3))),
            _cycle(("male", "female"), number),
        )
        managed = "excision" if code in (0, 2) else "clinical follow up"
        ends = (clinic, derm, f"case {number}", "", managed)
        rows.append((number + 1, diagnoses[code], number % 8, *criteria, *fields, *ends))
        write_image(base / "images" / "NEL" / f"nel{2 * number:03d}.jpg", _grey(code, 5), seed + 2 * number)
        write_image(base / "images" / "NEL" / f"Nel{2 * number + 1:03d}.JPG", _grey(code, 5), seed + 2 * number + 1)
    write_csv(base / "meta" / "meta.csv", DERM7PT_HEADER, rows)
    cuts = {"train": range(2 * n // 5), "valid": range(2 * n // 5, 3 * n // 5), "test": range(3 * n // 5, n)}
    for part, positions in cuts.items():
        write_csv(base / "meta" / f"{part}_indexes.csv", ("indexes",), [(position,) for position in positions])
    return folder


WRITERS: dict[str, Callable[..., Path]] = {
    "derm7pt": write_derm7pt,
    "ham10000": write_ham10000,
    "isic2018-test": write_isic2018_test,
    "isic2019": write_isic2019,
    "isic2020": write_isic2020,
    "pad-ufes-20": write_pad_ufes_20,
}
