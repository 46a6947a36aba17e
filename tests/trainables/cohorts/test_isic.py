"""The ISIC challenges: 2020 (patients, duplicates), 2019 (two files, lesions, copies), 2018's test part (two forms)."""

import pandas as pd
import pytest
from made_up_cohorts import ISIC_2019_CLASSES, write_csv, write_isic2018_test, write_isic2019, write_isic2020

from models.errors import InputError
from trainables.cohorts import Isic2018TestSettings, Isic2019Settings, Isic2020Settings, open_cohort
from trainables.cohorts.checks import Fault
from trainables.cohorts.one_hot import read_one_hot


class TestIsic2020:
    def test_the_real_subset(self, real_data):
        cohort = open_cohort(Isic2020Settings(), real_data / "isic2020")
        assert (len(cohort), cohort.samples["group"].nunique(), cohort.group_name) == (2_669, 98, "patient")
        assert cohort.labels("melanoma").sum() == 38
        assert cohort.target("melanoma").classes == ("benign", "malignant")
        assert [field.name for field in cohort.fields] == ["sex", "site", "age"]
        assert cohort.samples["field:site"].isna().sum() == 16
        assert cohort.notes == ()  # a patient of several diagnoses is none

    def test_the_list_of_duplicates_joins_patients(self, tmp_path):
        folder = write_isic2020(tmp_path)
        groups = open_cohort(Isic2020Settings(), folder).samples["group"]
        apart = open_cohort(Isic2020Settings(duplicates="keep"), folder).samples["group"]
        assert (groups.nunique(), apart.nunique()) == (13, 14)
        assert set(groups[apart == "IP_0000012"]) == {"IP_0000000"}
        (folder / "ISIC_2020_Training_Duplicates.csv").unlink()
        assert open_cohort(Isic2020Settings(), folder).samples["group"].equals(apart)

    def test_lesion_ids_of_the_second_version_join_patients(self, tmp_path):
        write_isic2020(tmp_path)
        (tmp_path / "ISIC_2020_Training_Duplicates.csv").unlink()
        lines = (tmp_path / "train.csv").read_text().splitlines()
        (tmp_path / "train.csv").unlink()
        lesions = ["lesion_id", "IL_1", "", "IL_2", "", "", "", "", "", "", "IL_1", *[""] * 30]
        joined = [f"{line},{lesion}" for line, lesion in zip(lines, lesions, strict=True)]
        (tmp_path / "ISIC_2020_Training_GroundTruth_v2.csv").write_text("\n".join(joined))
        groups = open_cohort(Isic2020Settings(), tmp_path).samples["group"]
        assert groups["ISIC_1000000"] == groups["ISIC_1000333"] == "IP_0000000"  # rows 0 and 9: patients 0 and 3
        assert groups.nunique() == 13

    @pytest.mark.parametrize(
        ("file", "change"),
        [
            ("train.csv", str.lower),
            ("train.csv", "{}.jpg".format),
            ("ISIC_2020_Training_Duplicates.csv", str.lower),
            ("ISIC_2020_Training_Duplicates.csv", "{}.jpg".format),
            ("ISIC_2020_Training_Duplicates.csv", "{}.PNG".format),
        ],
    )
    def test_listed_pairs_are_found_however_their_ids_are_written(self, tmp_path, file, change):
        path = write_isic2020(tmp_path) / file
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
        columns = [column for column in table if column.startswith("image_name")]
        table[columns] = table[columns].map(change)
        table.to_csv(path, index=False)
        cohort = open_cohort(Isic2020Settings(), tmp_path)
        assert cohort.samples["group"].nunique() == 13
        assert "ISIC_2020_Training_Duplicates.csv: 1 of 1 pairs are images of this cohort" in cohort.notes

    def test_a_list_that_names_no_image_of_the_cohort_is_told(self, tmp_path):
        write_isic2020(tmp_path)
        write_csv(tmp_path / "ISIC_2020_Training_Duplicates.csv", ("image_name_1", "image_name_2"), [("X", "Y")] * 3)
        (note,) = (note for note in open_cohort(Isic2020Settings(), tmp_path).notes if "Duplicates.csv" in note)
        assert ": 0 of 3 pairs are images of this cohort, and no other id is one either; are these" in note

    def test_a_chain_through_an_image_that_is_not_there_joins_patients(self, tmp_path):
        write_isic2020(tmp_path)
        pairs = [("ISIC_1000000", "ISIC_9"), ("ISIC_9", "ISIC_1000333")]  # rows 0 and 9: patients 0 and 3
        write_csv(tmp_path / "ISIC_2020_Training_Duplicates.csv", ("image_name_1", "image_name_2"), pairs)
        cohort = open_cohort(Isic2020Settings(), tmp_path)
        groups = cohort.samples["group"]
        assert groups["ISIC_1000000"] == groups["ISIC_1000333"]
        assert groups.nunique() == 13
        assert "ISIC_2020_Training_Duplicates.csv: 0 of 2 pairs are images of this cohort" in cohort.notes

    def test_beside_kaggles_file_the_second_version_is_read_for_lesion_ids(self, tmp_path):
        write_isic2020(tmp_path)
        (tmp_path / "ISIC_2020_Training_Duplicates.csv").unlink()
        second = "ISIC_2020_Training_GroundTruth_v2.csv"
        rows = [("ISIC_1000000", "IL_1"), ("ISIC_1000333", "IL_1"), ("ISIC_1000037", "IL_2")]
        write_csv(tmp_path / second, ("image_name", "lesion_id"), rows)
        cohort = open_cohort(Isic2020Settings(), tmp_path)
        assert cohort.samples["group"].nunique() == 13
        assert f"the samples are those of train.csv; {second} is read for lesion ids only" in cohort.notes
        assert open_cohort(Isic2020Settings(duplicates="keep"), tmp_path).samples["group"].nunique() == 14

    def test_labels_that_disagree_are_faults(self, tmp_path):
        path = write_isic2020(tmp_path) / "train.csv"
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
        table.loc[1, "benign_malignant"] = "Malignant"
        table.loc[2, "benign_malignant"] = ""
        table.to_csv(path, index=False)
        message = "ISIC_1000037: melanoma: target is '0' and benign_malignant 'Malignant'"
        with pytest.raises(InputError, match=f"1 of 40 samples cannot be used\n  {message}"):
            open_cohort(Isic2020Settings(), tmp_path)

    def test_the_label_may_be_given_in_words(self, tmp_path):
        write_isic2020(tmp_path)
        before = open_cohort(Isic2020Settings(), tmp_path)
        path = tmp_path / "train.csv"
        path.write_text("\n".join(line.rsplit(",", 1)[0] for line in path.read_text().splitlines()))
        after = open_cohort(Isic2020Settings(), tmp_path)
        assert after.fingerprint == before.fingerprint
        assert before.samples["target:melanoma"].value_counts().to_dict() == {"benign": 30, "malignant": 10}

    @pytest.mark.parametrize("folder", ["images", "train", "ISIC_2020_Training_JPEG/train", "."])
    def test_folders_of_downloads(self, tmp_path, folder):
        write_isic2020(tmp_path)
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
        for picture in (tmp_path / "jpeg" / "train").iterdir():
            picture.rename(tmp_path / folder / picture.name)
        assert len(open_cohort(Isic2020Settings(), tmp_path)) == 40


class TestIsic2019:
    def test_labels_come_from_the_other_file_by_name(self, tmp_path):
        cohort = open_cohort(Isic2019Settings(), write_isic2019(tmp_path))
        expected = [ISIC_2019_CLASSES[int(name[5:12]) % 8] for name in cohort.samples.index]
        assert cohort.samples["target:diagnosis"].tolist() == expected

    def test_an_image_without_a_lesion_is_its_own_and_copies_follow_their_original(self, tmp_path):
        folder = write_isic2019(tmp_path)
        groups = open_cohort(Isic2019Settings(), folder).samples["group"]
        assert groups["ISIC_0000001"] == groups["ISIC_0000001_downsampled"] == "ISIC_0000001"
        assert groups["ISIC_0000005"] == "ISIC_0000005"
        assert groups["ISIC_0000003"] == groups["ISIC_0000011"] == "BCN_0000003"
        apart = open_cohort(Isic2019Settings(duplicates="keep"), folder).samples["group"]
        assert apart["ISIC_0000001_downsampled"] == "ISIC_0000001_downsampled"

    @pytest.mark.parametrize("word", ["nan", "NA", "unknown"])
    def test_a_word_for_no_value_is_no_lesion_that_images_share(self, tmp_path, word):
        folder = write_isic2019(tmp_path)
        groups = open_cohort(Isic2019Settings(), folder).samples["group"]
        path = folder / "ISIC_2019_Training_Metadata.csv"
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
        table.assign(lesion_id=table["lesion_id"].replace("", word)).to_csv(path, index=False)
        assert open_cohort(Isic2019Settings(), folder).samples["group"].equals(groups)

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"MEL": "1.0"}, "several classes are marked, MEL, NV"),
            ({"NV": "0.0"}, "no class is marked"),
            ({"NV": "0.0", "UNK": "1.0"}, "UNK is marked, which is not one of AK, BCC"),
            ({"DF": "banana"}, "DF is 'banana', neither 0 nor 1"),
            ({"DF": "0.7"}, "DF is '0.7', neither 0 nor 1"),
            ({"DF": ""}, "DF is '', neither 0 nor 1"),
            ({"DF": "1_0"}, "DF is '1_0', neither 0 nor 1"),
            (None, None),
        ],
    )
    def test_a_faulty_row_of_the_ground_truth(self, tmp_path, change, message):
        path = write_isic2019(tmp_path) / "ISIC_2019_Training_GroundTruth.csv"
        table = pd.read_csv(path, dtype=str)
        row = table["image"] == "ISIC_0000017"
        if change is None:
            table = table[~row]
        else:
            table.loc[row, list(change)] = list(change.values())
        table.to_csv(path, index=False)
        what = f"{path.name} has no row of this image" if change is None else f"{path.name} line 24: {message}"
        with pytest.raises(InputError, match=f"1 of 40 samples cannot be used\n  ISIC_0000017: diagnosis: {what}"):
            open_cohort(Isic2019Settings(), tmp_path)
        assert len(open_cohort(Isic2019Settings(), tmp_path, skip_bad=True)) == 39

    @pytest.mark.parametrize("ones", [("1", "0"), ("1.00", "0.00"), ("True", "FALSE"), ("1e0", "0e0")])
    def test_however_zero_and_one_are_written(self, tmp_path, ones):
        path = write_isic2019(tmp_path) / "ISIC_2019_Training_GroundTruth.csv"
        before = open_cohort(Isic2019Settings(), tmp_path).fingerprint
        pd.read_csv(path, dtype=str).replace(dict(zip(("1.0", "0.0"), ones, strict=True))).to_csv(path, index=False)
        assert open_cohort(Isic2019Settings(), tmp_path).fingerprint == before

    def test_a_repeated_row_of_the_ground_truth(self, tmp_path):
        path = write_isic2019(tmp_path) / "ISIC_2019_Training_GroundTruth.csv"
        table = pd.read_csv(path, dtype=str)
        pd.concat([table, table[table["image"] == "ISIC_0000017"]]).to_csv(path, index=False)
        with pytest.raises(InputError, match=rf"ISIC_0000017: diagnosis: {path.name} has 2 rows of this image"):
            open_cohort(Isic2019Settings(), tmp_path)

    def test_rows_that_only_the_ground_truth_has_are_counted(self, tmp_path):
        path = write_isic2019(tmp_path) / "ISIC_2019_Training_Metadata.csv"
        table = pd.read_csv(path, dtype=str)
        table[~table["image"].isin(["ISIC_0000017", "ISIC_0000018"])].to_csv(path, index=False)
        assert (
            "ISIC_2019_Training_GroundTruth.csv: 2 images have no row in ISIC_2019_Training_Metadata.csv and are no "
            "samples, the first is 'ISIC_0000017'"
        ) in open_cohort(Isic2019Settings(), tmp_path).notes

    def test_ids_may_bear_an_extension_in_one_of_the_files(self, tmp_path):
        path = write_isic2019(tmp_path) / "ISIC_2019_Training_Metadata.csv"
        before = open_cohort(Isic2019Settings(), tmp_path).samples
        table = pd.read_csv(path, dtype=str)
        table.assign(image=table["image"] + ".jpg").to_csv(path, index=False)
        after = open_cohort(Isic2019Settings(), tmp_path).samples
        assert after["target:diagnosis"].tolist() == before["target:diagnosis"].tolist()
        assert after.loc["ISIC_0000001_downsampled.jpg", "group"] == after.loc["ISIC_0000001.jpg", "group"]

    def test_without_the_ground_truth(self, tmp_path):
        (write_isic2019(tmp_path) / "ISIC_2019_Training_GroundTruth.csv").unlink()
        with pytest.raises(InputError, match=r"holds no ISIC_2019_Training_GroundTruth\.csv"):
            open_cohort(Isic2019Settings(), tmp_path)


class TestIsic2018Test:
    def test_both_forms_give_the_same_labels(self, tmp_path):
        with_metadata = open_cohort(Isic2018TestSettings(), write_isic2018_test(tmp_path / "a"))
        bare = open_cohort(Isic2018TestSettings(), write_isic2018_test(tmp_path / "b", one_hot=True))
        assert bare.samples["target:diagnosis"].equals(with_metadata.samples["target:diagnosis"])
        assert bare.target("diagnosis").classes == ("akiec", "bcc", "bkl", "df", "mel", "nv", "vasc")
        assert [field.name for field in with_metadata.fields] == ["sex", "site", "age"]
        assert bare.fields == ()
        assert bare.samples["group"].tolist() == list(bare.samples.index)
        assert "field 'age' is left out: ISIC2018_Task3_Test_GroundTruth.csv has no column 'age'" in bare.notes

    def test_tabs_as_dataverse_gives_them(self, tmp_path):
        path = write_isic2018_test(tmp_path) / "ISIC2018_Task3_Test_GroundTruth.csv"
        before = open_cohort(Isic2018TestSettings(), tmp_path).fingerprint
        path.with_suffix(".tab").write_text(path.read_text().replace(",", "\t"))
        path.unlink()
        assert open_cohort(Isic2018TestSettings(), tmp_path).fingerprint == before

    def test_the_file_in_a_folder_of_its_own_name(self, tmp_path):
        path = write_isic2018_test(tmp_path, one_hot=True) / "ISIC2018_Task3_Test_GroundTruth.csv"
        (tmp_path / path.stem).mkdir()
        path.rename(tmp_path / path.stem / path.name)
        assert len(open_cohort(Isic2018TestSettings(), tmp_path)) == 28

    def test_a_missing_class_column_is_named(self, tmp_path):
        path = write_isic2018_test(tmp_path, one_hot=True) / "ISIC2018_Task3_Test_GroundTruth.csv"
        pd.read_csv(path, dtype=str).drop(columns="VASC").to_csv(path, index=False)
        with pytest.raises(InputError, match="no column 'vasc'; the first line"):
            open_cohort(Isic2018TestSettings(), tmp_path)

    def test_a_faulty_row_is_told_once(self, tmp_path):
        path = write_isic2018_test(tmp_path, one_hot=True) / "ISIC2018_Task3_Test_GroundTruth.csv"
        table = pd.read_csv(path, dtype=str)
        table.loc[3, "NV"] = "x"
        pd.concat([table, table.iloc[[5]]]).to_csv(path, index=False)
        left_out = open_cohort(Isic2018TestSettings(), tmp_path, skip_bad=True).left_out
        assert [problem.what for problem in left_out] == [
            f"diagnosis: {path.name} line 5: nv is 'x', neither 0 nor 1",
            "the id appears 2 times",
            "the id appears 2 times",
        ]


def test_one_hot_rows_by_hand(tmp_path):
    rows = [("a", "1.0", "0"), ("b", "0", "0"), ("c", 1, 1), ("a", 0, 1)]
    table = read_one_hot(write_csv(tmp_path / "t.csv", ("Image", "nv", "MEL"), rows), "image", ("MEL", "NV"), ["UNK"])
    assert table["image"].tolist() == ["a", "b", "c", "a"]
    assert table["label"].tolist() == [
        "NV",
        "t.csv line 3: no class is marked",
        "t.csv line 4: several classes are marked, MEL, NV",
        "MEL",
    ]
    assert [isinstance(label, Fault) for label in table["label"]] == [False, True, True, False]
