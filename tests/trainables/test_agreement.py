"""Two processes that train one fold fit together: what one of them meets, both end with, and neither waits for ever."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from nested_studies import FINE_TUNED, study_of

from analysis.errors import StorageError
from models.errors import InputError
from trainables.agreement import agreed
from trainables.events import FitEnded, from_report
from trainables.parallel import ALONE

ROOT = Path(__file__).parents[2]
RANK = """
import json, sys
from pathlib import Path
import torch, torch.distributed as dist
from nested_studies import FINE_TUNED, study_of
from analysis.errors import StorageError
from analysis.ledger.storage import Storage
from models.errors import InputError
from trainables import trial as trials
from trainables.executors.parcel import Parcel
from trainables.executors.ranks import train_share
from trainables.faults import NodeFault
from trainables.parallel import Parallel

rank, fault, folder = int(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
torch.set_num_threads(1)
dist.init_process_group("gloo", init_method=f"file://{folder / 'meeting'}", rank=rank, world_size=2)
context, [trial] = study_of(folder, FINE_TUNED, ranks_per_fit=2)
parcel = Parcel.of(trial, context, fits=[0])
write = Storage.write

def full(self, name, content):
    if name.startswith("fits/"):
        raise StorageError("cannot write fits/k.json: disk full")
    write(self, name, content)

def raising(error):
    def open_data(*arguments, **named):
        raise error
    return open_data

if fault == "ledger":
    Storage.write = full
elif rank == 1:
    unread, unwritten = InputError("sample 'a': image a.jpg cannot be read"), NodeFault("cannot write the cache")
    trials.open_data = raising({"image": unread, "cache": unwritten}[fault])
reports = []
def report(values):
    dist.barrier()  # as Ray Train's is
    reports.append(values)
train_share(parcel, context, Parallel(rank, 2), None, report)
(folder / f"{rank}.json").write_text(json.dumps(reports[-1]))
dist.destroy_process_group()
"""


def test_alone_it_is_the_action_itself():
    def refuse() -> None:
        raise ZeroDivisionError

    assert agreed(ALONE, lambda: 7) == 7
    with pytest.raises(ZeroDivisionError):
        agreed(ALONE, refuse)


@pytest.mark.parametrize(
    ("fault", "halt"),
    [
        ("ledger", "cannot write fits/k.json: disk full"),
        ("cache", "cannot write the cache"),
        ("image", None),
    ],
)
def test_what_one_of_two_meets_ends_both(tmp_path, fault, halt):
    environment = os.environ | {"PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}", "OMP_NUM_THREADS": "1"}
    commands = [[sys.executable, "-c", RANK, str(rank), fault, str(tmp_path)] for rank in range(2)]
    processes = [subprocess.Popen(command, env=environment) for command in commands]
    try:
        assert [process.wait(timeout=120) for process in processes] == [0, 0]
    finally:
        for process in processes:
            process.kill()
    said = [json.loads((tmp_path / f"{rank}.json").read_text()) for rank in range(2)]
    assert [each.get("halt") for each in said] == [halt, halt]
    context, [trial] = study_of(tmp_path, FINE_TUNED, ranks_per_fit=2)
    record = context.ledger.get(trial.fits[0].key)
    if halt:
        assert record is None
        return
    assert record is not None
    assert (record.state, record.reason) == ("failed", "InputError: sample 'a': image a.jpg cannot be read")
    assert [event.state for event in from_report(said[0]) if isinstance(event, FitEnded)] == ["failed"]


def test_the_kinds_that_matter_keep_their_kind():
    from trainables.agreement import KINDS

    assert KINDS["StorageError"] is StorageError
    assert KINDS["InputError"] is InputError
