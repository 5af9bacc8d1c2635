"""Generation: the same bytes whatever the workers, interruptions and damaged caches survived."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("pythia8mc", reason="event generation needs pythia8mc")
pytest.importorskip("fastjet", reason="event generation needs fastjet")

from trigforge.train.errors import InputError, StorageError, ToolError
from trigforge.train.events import Events, load_shipped
from trigforge.train.generation.chunks import (
    Chunk,
    ChunkTask,
    detect,
    make_chunk,
    read_chunk,
    write_chunk,
)
from trigforge.train.generation.detector import TrackerConfig
from trigforge.train.generation.generate import SHIPPED_SEED, generate_dataset, generate_sample
from trigforge.train.generation.particles import Particles
from trigforge.train.generation.preselection import Preselection, scalar_ht
from trigforge.train.generation.processes import PROCESSES, SIGNALS, Process, get_process
from trigforge.train.generation.pythia import Generator
from trigforge.train.generation.workers import run_tasks

TINY = replace(get_process("svj_2100"), chunk_events=4)


def make_task(
    path: Path, index: int = 0, process: Process = TINY, split: str = "test"
) -> ChunkTask:
    return ChunkTask(
        sample="svj_2100",
        split=split,
        index=index,
        seed=7,
        process=process,
        tracker=TrackerConfig(),
        preselection=Preselection(),
        path=path,
    )


def assert_same(first: Events, second: Events) -> None:
    for field in ("masks", "n_tracks", "ht", "weight"):
        np.testing.assert_array_equal(getattr(first, field), getattr(second, field))


def chunk_files(cache: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in cache.rglob("*.npz")}


# samples


def test_one_and_two_workers_make_the_same_bytes(tmp_path: Path) -> None:
    one, info_one = generate_sample("svj_2100", 10, 7, 1, tmp_path / "one", process=TINY)
    two, info_two = generate_sample("svj_2100", 10, 7, 2, tmp_path / "two", process=TINY)
    assert_same(one, two)
    assert info_one == info_two
    assert len(one) == 10
    assert (one.ht > 500).all()
    assert (one.n_tracks >= one.masks.sum(axis=(1, 2))).all()
    assert info_one.preselection_efficiency is not None
    assert 0.5 < info_one.preselection_efficiency <= 1.0
    first, second = chunk_files(tmp_path / "one"), chunk_files(tmp_path / "two")
    shared = first.keys() & second.keys()
    assert len(shared) >= 3
    assert all(first[name] == second[name] for name in shared)
    # the cache is used: untouched files, same events, in less time than Pythia needs to start
    made = {p: p.stat().st_mtime_ns for p in (tmp_path / "one").rglob("*.npz")}
    again, _ = generate_sample("svj_2100", 10, 7, 1, tmp_path / "one", process=TINY)
    assert_same(one, again)
    assert {p: p.stat().st_mtime_ns for p in (tmp_path / "one").rglob("*.npz")} == made
    # a chunk that was lost and one that was damaged are made again, byte for byte
    files = sorted((tmp_path / "one").rglob("*.npz"))
    files[0].unlink()
    files[1].write_bytes(files[1].read_bytes()[:1000])
    repaired, _ = generate_sample("svj_2100", 10, 7, 2, tmp_path / "one", process=TINY)
    assert_same(one, repaired)
    repaired_files = chunk_files(tmp_path / "one")
    assert all(repaired_files[name] == content for name, content in first.items())


def test_a_smaller_request_is_the_beginning_of_a_larger_one(tmp_path: Path) -> None:
    many, _ = generate_sample("svj_2100", 7, 7, 1, tmp_path, process=TINY)
    few, info = generate_sample("svj_2100", 2, 7, 1, tmp_path, process=TINY)
    assert_same(few, many.head(2))
    assert (info.n_generated, info.n_accepted) == (4, 2)


def test_splits_and_seeds_are_different_events(tmp_path: Path) -> None:
    chunks = [
        make_chunk(task)
        for task in (
            make_task(tmp_path),
            make_task(tmp_path, index=1),
            make_task(tmp_path, split="train"),
            replace(make_task(tmp_path), seed=8),
        )
    ]
    heights = [set(chunk.events.ht.tolist()) for chunk in chunks]
    assert len(set.union(*heights)) == sum(len(h) for h in heights) >= 12


def test_interrupted_generation_ends_its_workers_and_resumes(tmp_path: Path) -> None:
    """Ctrl-C in the middle: exit at once, whole chunk files only, no process left; then go on."""
    code = (
        "from dataclasses import replace; from pathlib import Path;"
        "from trigforge.train.generation.generate import generate_sample;"
        "from trigforge.train.generation.processes import get_process;"
        "p = replace(get_process('svj_2100'), chunk_events=4);"
        f"generate_sample('svj_2100', 4000, 7, 2, Path({str(tmp_path)!r}), process=p)"
    )
    running = subprocess.Popen(
        [sys.executable, "-c", code], stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        deadline = time.monotonic() + 90
        while len(list(tmp_path.rglob("chunk_*.npz"))) < 3:
            assert running.poll() is None, "generation ended by itself"
            assert time.monotonic() < deadline, "no chunk within 90 s"
            time.sleep(0.05)
        os.killpg(running.pid, signal.SIGINT)
        assert running.wait(timeout=20) != 0
        deadline = time.monotonic() + 10
        while any_process_in_group(running.pid):
            assert time.monotonic() < deadline, "a worker outlived Ctrl-C"
            time.sleep(0.05)
    finally:
        if running.poll() is None:
            os.killpg(running.pid, signal.SIGKILL)
            running.wait()
    left = sorted(tmp_path.rglob("chunk_*.npz"))
    assert all(read_chunk(path) is not None for path in left)
    assert {p.name for p in tmp_path.rglob("*") if p.is_file()} == {p.name for p in left}
    resumed, _ = generate_sample("svj_2100", 5, 7, 1, tmp_path, process=TINY)
    want = Events.concatenate(
        [make_chunk(make_task(tmp_path, index=i)).events for i in range(2)]
    ).head(5)
    assert_same(resumed, want)


def any_process_in_group(group: int) -> bool:
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[2]) == group and fields[0] != "Z":
            return True
    return False


def test_a_data_set_is_the_same_file_for_one_and_two_workers(tmp_path: Path) -> None:
    counts = {"qcd/train": 3, "qcd/validation": 2, "qcd/test": 2, "suep_400": 2}
    outputs = []
    for workers in (1, 2):
        out = tmp_path / f"{workers}.npz"
        cache = tmp_path / f"cache{workers}"
        data = generate_dataset(counts, 3, workers, cache, out, chunk_events=8)
        outputs.append(out.read_bytes())
    assert outputs[0] == outputs[1]
    assert (len(data.train), len(data.validation), len(data.test)) == (3, 2, 2)
    assert set(data.signals) == {"suep_400"}
    assert data.source == "generated"
    assert data.info["qcd/train"].n_generated > data.info["qcd/train"].n_accepted
    assert data.preselection.startswith("HT > 500 GeV")


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ({"qcd/train": 3, "qcd/test": 2}, "lack 'qcd/validation'"),
        ({"qcd/train": 3, "qcd/test": 2, "qcd/validation": 0}, "is 0, expected at least 1"),
        ({"qcd/train": 3, "qcd/test": 2, "qcd/validation": 1, "suep_126": 1}, "'suep_126'"),
    ],
)
def test_wrong_counts_are_refused_before_work(
    tmp_path: Path, counts: dict[str, int], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        generate_dataset(counts, 3, 1, tmp_path, tmp_path / "out.npz")
    assert list(tmp_path.iterdir()) == []


def test_unknown_samples_are_refused_with_the_nearest_name(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="did you mean 'suep_125'"):
        generate_sample("suep125", 1, 1, 1, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(("sample", "split"), [("svj_3100", "test"), ("qcd", "validation")])
def test_the_shipped_sample_is_what_the_code_makes(sample: str, split: str) -> None:
    """First chunk of a stream, remade; another processor may round differently now and then."""
    shipped = load_shipped()
    events = shipped.validation if sample == "qcd" else shipped.signals[sample]
    task = replace(
        make_task(Path("unused"), process=get_process(sample), split=split),
        sample=sample,
        seed=SHIPPED_SEED,
    )
    made = make_chunk(task).events
    assert len(made) > 300
    want = events.head(len(made))
    np.testing.assert_allclose(made.ht, want.ht, rtol=1e-5)
    assert np.mean(made.n_tracks == want.n_tracks) > 0.99
    assert np.mean(made.masks != want.masks) < 1e-5


# chunks


def test_errors_of_workers_reach_the_caller(tmp_path: Path) -> None:
    wrong = replace(TINY, settings=(*TINY.settings, "HiddenValley:Run = on"))
    with pytest.raises(ToolError, match="refuses the setting 'HiddenValley:Run = on'"):
        task = make_task(tmp_path / "chunk.npz", process=wrong)
        list(run_tasks([task], 1, make_chunk, read_chunk, write_chunk))
    assert list(tmp_path.iterdir()) == []


def test_a_chunk_that_cannot_be_written_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = Events(
        np.zeros((0, 72, 58), np.uint8),
        np.zeros(0, np.int32),
        np.zeros(0, np.float32),
        np.zeros(0, np.float32),
    )

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(StorageError, match="disk is full"):
        write_chunk(tmp_path / "chunk.npz", Chunk(empty, 1, 1.0, 0.1))
    assert list(tmp_path.iterdir()) == []
    monkeypatch.undo()
    write_chunk(tmp_path / "chunk.npz", Chunk(empty, 5, 1.5, 0.1))
    chunk = read_chunk(tmp_path / "chunk.npz")
    assert chunk is not None
    assert (len(chunk.events), chunk.n_generated, chunk.cross_section_pb) == (0, 5, 1.5)


# Pythia


@pytest.mark.parametrize("sample", PROCESSES)
def test_every_setting_of_every_sample_is_known_to_pythia(sample: str) -> None:
    import pythia8mc

    pythia = pythia8mc.Pythia("", False)
    refused = [s for s in get_process(sample).settings if not pythia.readString(s)]
    assert refused == []
    assert not pythia.readString("HiddenValley:Run = on")  # the check can fail


def test_particles_do_not_depend_on_the_batch_size() -> None:
    whole = Generator(TINY, 11).next(4)
    generator = Generator(TINY, 11)
    parts = [generator.next(n) for n in (1, 3)]
    np.testing.assert_array_equal(whole.px, np.concatenate([p.px for p in parts]))
    assert generator.n_generated == 4


def test_the_parton_filter_drops_no_event_that_would_be_accepted() -> None:
    """Accepted cross section with the filter in use and with one far below the HT cut.

    Also the check that vetoed events are counted: without them the tight one would come out high.
    """
    process = get_process("suep_125")
    assert process.parton_filter is not None
    accepted = {}
    for name, minimum, count in (("loose", 300.0, 250), ("tight", 470.0, 120)):
        task = make_task(
            Path("unused"),
            process=replace(
                process,
                chunk_events=count,
                parton_filter=replace(process.parton_filter, ht_min_gev=minimum),
            ),
        )
        chunk = make_chunk(task)
        efficiency = len(chunk.events) / chunk.n_generated
        error = efficiency / np.sqrt(len(chunk.events))
        accepted[name] = (chunk.cross_section_pb * efficiency, chunk.cross_section_pb * error)
        assert chunk.n_generated > 5 * count
    difference = accepted["loose"][0] - accepted["tight"][0]
    assert abs(difference) < 4 * np.hypot(accepted["loose"][1], accepted["tight"][1])


# preselection


def flat_event(pt: list[float], eta: list[float], code: list[int]) -> Particles:
    """One event with particles spread in azimuth, each its own jet."""
    n = len(pt)
    phi = np.arange(n) * 2 * np.pi / n
    p, e = np.array(pt), np.array(eta)
    return Particles(
        1,
        np.zeros(n, dtype=np.int64),
        np.array(code),
        p * np.cos(phi),
        p * np.sin(phi),
        p * np.sinh(e),
        p * np.cosh(e),
    )


def test_ht_sums_the_jets_inside_the_cuts() -> None:
    event = flat_event([300, 250, 19, 100], [0.1, -2.0, 0.0, 2.8], [211, 22, 211, 211])
    assert scalar_ht(event, Preselection()).tolist() == pytest.approx([550.0], rel=1e-5)


def test_detection_applies_the_ht_cut_to_visible_particles() -> None:
    rng = np.random.default_rng(0)
    passes = flat_event([300, 250], [0.1, -1.0], [211, 22])
    hidden = flat_event([300, 250], [0.1, -1.0], [211, 53])
    config, preselection = TrackerConfig(), Preselection()
    assert len(detect(passes, config, preselection, rng)) == 1
    assert len(detect(hidden, config, preselection, rng)) == 0


def test_every_signal_and_the_background_have_a_process() -> None:
    assert set(PROCESSES) == {"qcd", *SIGNALS}
    assert len(SIGNALS) == 9
    for process in PROCESSES.values():
        if process.suep is not None:
            assert sum(fraction for _, fraction in process.suep.branching) == pytest.approx(1.0)
