"""Generated jets: energy flow, clustering, matching, and the same bytes whatever the workers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("pythia8mc", reason="jet generation needs pythia8mc")
pytest.importorskip("fastjet", reason="jet generation needs fastjet")

from trigforge.train.errors import InputError
from trigforge.train.generation.detector import TrackerConfig
from trigforge.train.generation.energy_flow import (
    ECAL_CELL,
    HCAL_CELL,
    TRACK,
    energy_flow,
    massless,
)
from trigforge.train.generation.generate_jets import (
    SHIPPED_JETS,
    generate_jets,
    generate_part,
)
from trigforge.train.generation.jet_chunks import (
    JetChunk,
    JetTask,
    make_jet_chunk,
    read_jet_chunk,
    write_jet_chunk,
)
from trigforge.train.generation.jet_finding import JetSelection, find_jets, matched
from trigforge.train.generation.jet_processes import JET_PROCESSES, SEMIVISIBLE, get_jet_process
from trigforge.train.generation.particles import Particles
from trigforge.train.generation.processes import COMMON_SETTINGS
from trigforge.train.jets.jets import Jets

ANY = JetSelection(radius=0.8, pt_min_gev=10.0, pt_max_gev=None, eta_max=3.0)


def event_of(*rows: tuple[int, int, float, float, float], n_events: int | None = None) -> Particles:
    """Massless particles from (event, code, pT, eta, phi), grouped by event."""
    count = 1 + max(row[0] for row in rows) if n_events is None else n_events
    result = None
    for event, code, pt, eta, phi in rows:
        one = massless(
            count, np.array([event]), code, np.array([pt]), np.array([eta]), np.array([phi])
        )
        result = one if result is None else result.joined(one)
    assert result is not None
    return result


# detector


def test_energy_flow_keeps_track_directions_and_drops_the_invisible() -> None:
    rows = [(0, 211, 50.0, 0.3, 1.0), (0, 12, 80.0, 0.1, 0.2), (0, 4_900_111, 70.0, 0.5, -1.0)]
    flow = energy_flow(event_of(*rows), TrackerConfig(), np.random.default_rng(1))
    assert set(flow.pdg_id.tolist()) <= {TRACK, HCAL_CELL}
    tracks = flow.take(flow.pdg_id == TRACK)
    np.testing.assert_allclose(tracks.eta, 0.3, rtol=1e-9)
    np.testing.assert_allclose(tracks.phi, 1.0, rtol=1e-9)
    np.testing.assert_allclose(tracks.pt, 50.0, rtol=0.06)


def test_energy_flow_response_of_every_kind_is_one() -> None:
    """2,000 particles of 100 GeV of each kind, one per event: mean pT, and where they end up."""
    n = 2_000
    rng = np.random.default_rng(2)
    for code, kinds, spread in ((211, (TRACK, HCAL_CELL), 0.04), (22, (ECAL_CELL,), 0.03)):
        event = np.arange(n)
        eta, phi = rng.uniform(-1.2, 1.2, n), rng.uniform(-np.pi, np.pi, n)
        particles = massless(n, event, code, np.full(n, 100.0), eta, phi)
        flow = energy_flow(particles, TrackerConfig(), rng)
        assert set(flow.pdg_id.tolist()) <= set(kinds)
        pt = np.bincount(flow.event, weights=flow.pt, minlength=n)
        assert pt.mean() == pytest.approx(100.0, rel=0.01)
        assert (pt > 50).mean() > 0.99
        assert np.median(np.abs(pt - 100.0)) < 100 * spread


def test_cells_lie_where_the_particle_went() -> None:
    rng = np.random.default_rng(3)
    n = 500
    eta, phi = rng.uniform(-2.4, 2.4, n), rng.uniform(-np.pi, np.pi, n)
    for code, half_eta, half_phi in ((22, 2.5 / 143, np.pi / 180), (130, 12.5 / 143, np.pi / 36)):
        particles = massless(n, np.arange(n), code, np.full(n, 200.0), eta, phi)
        flow = energy_flow(particles, TrackerConfig(), rng)
        assert np.abs(flow.eta - eta[flow.event]).max() <= half_eta
        turn = np.mod(flow.phi - phi[flow.event] + np.pi, 2 * np.pi) - np.pi
        assert np.abs(turn).max() <= 2 * half_phi


# jets


def test_jets_carry_their_own_constituents_across_the_seam() -> None:
    candidates = event_of(
        (1, 211, 30.0, 0.5, 3.1),
        (1, 22, 50.0, 0.4, -3.1),
        (1, 22, 70.0, -1.0, 0.0),
        (1, 22, 6.0, 2.0, 1.5),
        n_events=3,
    )
    jets, event, phi = find_jets(candidates, ANY)
    assert jets.constituents is not None
    assert event.tolist() == [1, 1]
    order = np.argsort(-jets.pt)
    assert jets.constituents.counts[order].tolist() == [2, 1]
    near = jets.take(order[:1]).constituents
    assert near is not None
    np.testing.assert_allclose(near.pt, [50.0, 30.0], rtol=1e-6)
    assert np.abs(near.phi).max() < 0.1
    assert jets.pt[order[1]] == pytest.approx(70.0)
    assert jets.eta[order[1]] == pytest.approx(-1.0)
    assert phi[order[1]] == pytest.approx(0.0)
    mass = np.sqrt(2 * 30 * 50 * (np.cosh(0.1) - np.cos(2 * np.pi - 6.2)))
    assert jets.mass[order[0]] == pytest.approx(mass, rel=1e-5)


def test_cuts_apply_to_the_jet() -> None:
    candidates = event_of(
        (0, 22, 100.0, 0.0, 0.0), (0, 22, 60.0, 0.0, 2.0), (0, 22, 100.0, 2.5, 0.0)
    )
    window = JetSelection(radius=0.8, pt_min_gev=50.0, pt_max_gev=90.0, eta_max=2.0)
    jets, _, _ = find_jets(candidates, window)
    np.testing.assert_allclose(jets.pt, [60.0], rtol=1e-6)
    assert find_jets(event_of((0, 22, 5.0, 0.0, 0.0)), window)[0].pt.shape == (0,)


def test_a_top_needs_all_three_of_its_own_quarks() -> None:
    candidates = event_of(*((event, 22, 100.0, 0.0, 0.0) for event in range(4)))
    jets, event, phi = find_jets(candidates, ANY)
    inside = [(5, 0.1), (2, -0.3), (-1, 0.5)]
    partons = event_of(
        *((0, code, 50.0, 0.0, place) for code, place in inside),
        *((1, code, 50.0, 0.0, place) for code, place in inside[:2]),
        (1, -1, 50.0, 0.0, 0.9),
        *((2, code, 50.0, 0.0, 0.0) for code in (5, 2, 1)),  # 1 belongs to the antitop
        *((3, -code, 50.0, 0.0, place) for code, place in inside),
    )
    found = matched(jets, event, phi, partons, "top", 0.8)
    assert dict(zip(event.tolist(), found.tolist(), strict=True)) == {
        0: True,
        1: False,
        2: False,
        3: True,
    }
    assert matched(jets, event, phi, partons, "any", 0.8).all()
    quarks = event_of(*((3, code, 50.0, 0.1, 0.3) for code in (3, 1, 2)), (2, 21, 50.0, 0.0, 0.0))
    assert event[matched(jets, event, phi, quarks, "gluino", 0.8)].tolist() == [3]
    dark = event_of((2, -4_900_101, 10.0, 0.2, 0.2), (3, 4_900_101, 10.0, 1.2, 0.2))
    found = matched(jets, event, phi, dark, "dark_quark", 0.8)
    assert event[found].tolist() == [2]


# samples


def small(label: str, events: int = 20) -> JetTask:
    process = get_jet_process(label)
    process = replace(process, process=replace(process.process, chunk_events=events))
    return JetTask(
        label=label,
        split="test",
        index=0,
        seed=5,
        process=process,
        tracker=TrackerConfig(),
        path=Path("unused"),
    )


@pytest.mark.parametrize(
    "label", ["qcd", "top", "gluino", "aachen", "heidelberg", "ttbar", "svj_2000_30"]
)
def test_every_kind_of_process_gives_jets_inside_its_selection(label: str) -> None:
    task = small(label, events=60 if label == "gluino" else 20)  # few lie inside the window
    jets = make_jet_chunk(task).jets
    selection = task.process.selection
    assert len(jets) >= 3
    assert jets.pt.min() > selection.pt_min_gev and np.abs(jets.eta).max() < selection.eta_max
    assert (jets.variables is None) == (task.process.selection is not SEMIVISIBLE)
    assert jets.constituents is not None and jets.constituents.counts.max() <= 200
    falls = np.diff(jets.constituents.pt)
    falls[jets.constituents.starts[1:] - 1] = 0
    assert falls.max() <= 0


@pytest.mark.parametrize("label", JET_PROCESSES)
def test_every_setting_of_every_label_is_known_to_pythia(label: str) -> None:
    import pythia8mc

    pythia = pythia8mc.Pythia("", False)
    assert pythia.readString("Print:quiet = on")
    refused = [s for s in JET_PROCESSES[label].process.settings if not pythia.readString(s)]
    assert refused == []


def test_dark_strings_of_aachen_break_into_few_hard_mesons() -> None:
    """22 mesons of a Z' with Pythia 8.312 itself, 35 with the fragmentation of later versions."""
    visible, dark = _mesons_per_event("aachen")
    assert 15 < visible + dark < 25
    assert dark / (visible + dark) == pytest.approx(0.75, abs=0.04)


def test_dark_strings_of_heidelberg_break_into_few_hard_mesons() -> None:
    """8.1 mesons of a pair with the fragmentation of later versions."""
    assert 6 < sum(_mesons_per_event("heidelberg")) < 7.4


def _mesons_per_event(label: str) -> tuple[float, float]:
    """Neutral vectors and all others, from 200 events."""
    import pythia8mc

    pythia = pythia8mc.Pythia("", False)
    settings = JET_PROCESSES[label].process.settings
    seed = ("Random:setSeed = on", "Random:seed = 5")
    quick = ("PartonLevel:MPI = off", "PartonLevel:ISR = off")
    assert all(map(pythia.readString, (*COMMON_SETTINGS, *seed, *quick, *settings)))
    assert pythia.init()
    visible, dark = 0, 0
    for _ in range(200):
        assert pythia.next()
        codes = [abs(pythia.event[i].id()) for i in range(pythia.event.size())]
        visible += codes.count(4_900_113)
        dark += sum(codes.count(code) for code in (4_900_111, 4_900_211, 4_900_213))
    return visible / 200, dark / 200


@pytest.mark.slow
def test_the_workers_do_not_decide_the_file(tmp_path: Path) -> None:
    counts = {"qcd/train": 6, "qcd/test": 3}
    files = []
    for workers in (1, 2):
        out = tmp_path / f"{workers}.npz"
        cache = tmp_path / f"cache{workers}"
        sample = generate_jets(
            counts, 5, workers, cache, out, selection="qcd jets", chunk_events=10
        )
        assert len(sample.part("train", "qcd")) == 6
        files.append(out.read_bytes())
    assert files[0] == files[1]
    train, test = sample.part("train", "qcd"), sample.part("test", "qcd")
    assert not np.isin(test.pt, train.pt).any()
    assert sample.images("train", "qcd").shape == (6, 1, 40, 40)


def test_chunks_come_back_from_the_cache(tmp_path: Path) -> None:
    chunk = make_jet_chunk(small("svj_2000_30", events=4))
    path = tmp_path / "chunk.npz"
    write_jet_chunk(path, chunk)
    back = read_jet_chunk(path)
    assert isinstance(back, JetChunk) and back.n_generated == 4
    assert isinstance(back.jets, Jets)
    assert back.jets.constituents is not None and chunk.jets.constituents is not None
    np.testing.assert_array_equal(back.jets.variables, chunk.jets.variables)
    np.testing.assert_array_equal(back.jets.constituents.eta, chunk.jets.constituents.eta)
    path.write_bytes(path.read_bytes()[:100])
    assert read_jet_chunk(path) is None


def test_wrong_requests_are_refused_before_work(tmp_path: Path) -> None:
    for counts, message in (
        ({"qdc/train": 5}, "did you mean 'qcd'"),
        ({"qcd/training": 5}, "'qcd/training' is 5"),
        ({"qcd/train": 0}, "at least one jet"),
    ):
        with pytest.raises(InputError, match=message):
            generate_jets(counts, 1, 1, tmp_path, tmp_path / "x.npz", selection="none")
    with pytest.raises(InputError, match="unknown jet label"):
        generate_part("tops", "test", 1, 1, 1, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_shipped_samples_name_known_labels() -> None:
    for shipped in SHIPPED_JETS.values():
        for name in shipped.counts:
            selection = get_jet_process(name.rpartition("/")[0]).selection
            assert selection.text == shipped.selection
