"""Data at a URI: copied once, never half, opened as any folder is; a machine without a copy reads from the URI."""

import pickle

import numpy as np
import pytest
from made_up_cohorts import write_ham10000
from s3_server import SECRET, denying_server, s3_uri

from analysis.errors import AnalysisError
from models.errors import InputError
from trainables import mirror
from trainables.cohorts import Ham10000Settings, open_cohort
from trainables.cohorts.files import reads_afar, with_origin
from trainables.images import ImageSettings, open_pixels
from trainables.mirror import Mirrors, Place

SETTINGS = ImageSettings(size=(16, 16))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_ham10000(tmp_path_factory.mktemp("local") / "ham", 14)


@pytest.fixture
def cohort(s3, folder, tmp_path):
    """The cohort opened at its URI, with the place where its copy is."""
    s3.upload(folder, "data/ham10000")
    place = Mirrors(tmp_path / "cache").fetch(s3.uri("data"), "--data")
    return with_origin(open_cohort(Ham10000Settings(), place.path), place.path, place.origin), place


def fetch(s3, tmp_path, name="data"):
    said = []
    place = Mirrors(tmp_path / "cache", said.append).fetch(s3.uri(name), "--data")
    return place, said[-1]


def files(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_cohort_is_the_same_whichever_way_it_is_opened(cohort, folder, tmp_path):
    afar, place = cohort
    local = open_cohort(Ham10000Settings(), folder)
    assert afar.fingerprint == local.fingerprint
    assert files(place.path / "ham10000") == files(folder)
    assert "/data/ham10000?" in afar.images.origin
    assert pickle.loads(pickle.dumps(afar)).images.origin == afar.images.origin


def test_only_what_changed_is_copied_again_and_what_is_gone_goes(s3, tmp_path):
    for name, content in (("a/b.txt", b"b"), ("a/c.txt", b"c"), ("d.txt", b"d")):
        s3.put(f"data/{name}", content)
    place, said = fetch(s3, tmp_path)
    assert "3 files, 0 KB; copying 3 files" in said
    assert "this node has them all" in fetch(s3, tmp_path)[1]
    s3.put("data/a/c.txt", b"longer")
    s3.remove("data/d.txt")
    half = place.path / "a" / f".{'0' * 32}.{'1' * 32}"
    half.write_bytes(b"half")
    (place.path / "a" / "b.txt").write_bytes(b"B")  # as if somebody had changed the copy
    place, said = fetch(s3, tmp_path)
    assert "2 files, 0 KB; copying 2 files" in said
    assert files(place.path) == {"a/b.txt": b"b", "a/c.txt": b"longer"}


def test_a_single_file_is_a_place_too(s3, tmp_path):
    s3.put("w/resnet18.pth", b"weights")
    place, said = fetch(s3, tmp_path, "w/resnet18.pth")
    assert place.path.read_bytes() == b"weights"
    assert place.path.name == "resnet18.pth"
    assert "1 file, 0 KB" in said


def test_paths_and_file_uris_are_taken_as_they_are(tmp_path):
    mirrors = Mirrors(tmp_path / "cache")
    assert mirrors.fetch(str(tmp_path), "--data") == Place(tmp_path)
    assert mirrors.fetch(f"file://{tmp_path}", "--data") == Place(tmp_path)
    with pytest.raises(InputError, match=r"--data file:///no/where: there is no such file or folder"):
        mirrors.fetch("file:///no/where", "--data")
    assert not (tmp_path / "cache").exists()


def test_a_copy_that_is_interrupted_leaves_no_half_file_and_goes_on(s3, tmp_path, monkeypatch):
    for number in range(40):
        s3.put(f"data/{number:02}.txt", b"x" * 10)
    whole, left = mirror._chunks, iter(range(20))

    def cut(storage, file):
        if next(left, None) is None:
            yield b"x" * 5
            raise KeyboardInterrupt
        yield from whole(storage, file)

    with monkeypatch.context() as patch:
        patch.setattr(mirror, "_chunks", cut)
        with pytest.raises(KeyboardInterrupt):
            fetch(s3, tmp_path)
    there = [path for path in (tmp_path / "cache" / "data").rglob("*") if path.suffix == ".txt"]
    assert 0 < len(there) < 40
    assert all(path.read_bytes() == b"x" * 10 for path in there)
    place, said = fetch(s3, tmp_path)
    assert f"copying {40 - len(there)} files" in said
    assert len(files(place.path)) == 40


@pytest.mark.parametrize("name", ["data/../up.txt", "data//x.txt", "data/a/b.txt/c.txt", "data/back\\slash"])
def test_objects_that_have_no_place_in_a_folder_are_refused(s3, tmp_path, name):
    s3.put("data/a/b.txt", b"")
    s3.put(name, b"")
    with pytest.raises(InputError, match=r"--data s3://.*: the object '.*' (has a name that no|is a file and a)"):
        fetch(s3, tmp_path)
    assert not list((tmp_path / "cache").rglob("*.txt"))


def test_what_is_not_there_is_one_line(s3, tmp_path):
    missing = s3_uri("no-such-bucket", "data", s3.port)
    for uri in (missing, s3.uri("nowhere")):
        with pytest.raises(InputError, match=r"--data s3://.*: there is nothing; check bucket and folder") as raised:
            Mirrors(tmp_path).fetch(uri, "--data")
        assert "\n" not in str(raised.value)


def test_who_may_not_read_is_told_so_in_one_line(s3, tmp_path):
    with denying_server() as port, pytest.raises(AnalysisError, match="--weights: cannot list s3://b/w") as raised:
        Mirrors(tmp_path).fetch(s3_uri("b", "w", port), "--weights")
    assert "ACCESS_DENIED" in str(raised.value)
    assert "\n" not in str(raised.value)
    assert SECRET not in str(raised.value)


def test_what_does_not_fit_is_refused_before_anything_is_copied(s3, tmp_path, monkeypatch):
    s3.put("data/large.bin", bytes(200_000))
    monkeypatch.setenv("FUSESEARCH_CACHE_LIMIT", "0.1MB")
    with pytest.raises(InputError, match=r"--data s3://.*no room for the copy: 200 KB are needed and 100 KB can"):
        fetch(s3, tmp_path)
    assert not list(tmp_path.rglob("*.bin"))


def test_a_machine_without_a_copy_reads_from_the_uri(cohort, tmp_path):
    afar, place = cohort
    expected = np.array(open_pixels(afar, SETTINGS, tmp_path / "cache", workers=2))
    place.path.rename(tmp_path / "moved")
    there = pickle.loads(pickle.dumps(afar))
    assert reads_afar(there.images)
    np.testing.assert_array_equal(open_pixels(there, SETTINGS, tmp_path / "elsewhere", workers=1), expected)


def test_an_object_that_changed_is_refused_by_its_digest_and_one_that_is_gone_by_name(s3, cohort, tmp_path):
    afar, place = cohort
    first, second = (afar.images.paths[row][0] for row in (0, 1))
    place.path.rename(tmp_path / "moved")
    s3.put(f"data/ham10000/{first}", (tmp_path / "moved" / "ham10000" / second).read_bytes())
    s3.remove(f"data/ham10000/{second}")
    with pytest.raises(InputError, match=r"cannot be read on this machine .*, nor can it be read from s3://.*changed"):
        afar.images.read(0, "dermoscopy")
    with pytest.raises(InputError, match=rf"image .*{second} .*nor can it be read from s3://.*: it is not there"):
        afar.images.read(1, "dermoscopy")
    with pytest.raises(InputError, match=r"sample 'ISIC_\d+': its dermoscopy image cannot be read: .*"):
        open_pixels(afar, SETTINGS, tmp_path / "other", workers=1)


def test_a_stale_copy_on_another_machine_is_passed_over(s3, cohort):
    afar, place = cohort
    path = place.path / "ham10000" / afar.images.paths[0][0]
    before = afar.images.read(0, "dermoscopy")
    path.write_bytes(b"another picture")
    np.testing.assert_array_equal(afar.images.read(0, "dermoscopy"), before)
