"""The jet samples as data: Pythia settings, selections, matches.

Sources: arXiv:2206.14225 (top and QCD jets, dark jets), arXiv:2202.00686 (dark jets), the CMS note
on normalised autoencoders at EPS-HEP 2023 (semi-visible jets and ttbar). All at 13 TeV with
multiparton interactions, initial- and final-state radiation and the default tune.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from trigforge.train.errors import unknown_name
from trigforge.train.generation.jet_finding import JetSelection, Match
from trigforge.train.generation.processes import Process, dark_shower

TOP_TAGGING = JetSelection(radius=0.8, pt_min_gev=550.0, pt_max_gev=650.0, eta_max=2.0)
DARK_JETS = JetSelection(radius=0.8, pt_min_gev=150.0, pt_max_gev=300.0, eta_max=2.0)
GLUINOS = JetSelection(radius=1.0, pt_min_gev=800.0, pt_max_gev=900.0, eta_max=1.0)
SEMIVISIBLE = JetSelection(radius=0.8, pt_min_gev=200.0, pt_max_gev=None, eta_max=2.4)
SVJ_POINTS = ((1000, 30), (2000, 10), (2000, 30), (2000, 50), (2000, 70), (4000, 30))
"""Mass of the mediator in GeV and r_inv in per cent."""
AACHEN_QUARK_GEV = 0.5
"""Mass of the dark quarks of the Aachen jets, arXiv:2202.00686, equation 1."""
HEIDELBERG_QUARK_GEV = 5.0
"""Mass of what the coloured dark quarks of the Heidelberg jets decay to ("dark boson" there)."""


@dataclass(frozen=True, kw_only=True)
class JetProcess:
    """How one label of a jet sample is made.

    Attributes:
        match: which of the selected jets count.
        variables: compute the eight substructure variables.
    """

    process: Process
    selection: JetSelection
    match: Match = "any"
    variables: bool = False


RPV_GLUINO = Path(__file__).resolve().parent / "rpv_gluino.slha"
TTBAR = ("Top:gg2ttbar = on", "Top:qqbar2ttbar = on")
HADRONIC = ("24:onMode = off", "24:onIfAny = 1 2 3 4 5")


def _qcd(pthat_min_gev: int, selection: JetSelection) -> JetProcess:
    settings = ("HardQCD:all = on", f"PhaseSpace:pTHatMin = {pthat_min_gev}.")
    note = f"all QCD 2 to 2 processes, pTHat > {pthat_min_gev} GeV"
    return JetProcess(process=Process(settings=settings, note=note), selection=selection)


def _svj(mass_gev: int, r_inv_percent: int) -> JetProcess:
    """Pairs of bifundamental scalars, each to a quark and a dark quark."""
    settings = (
        "HiddenValley:gg2DvDvbar = on",
        "HiddenValley:qqbar2DvDvbar = on",
        f"4900001:m0 = {mass_gev}.",
        f"4900001:mWidth = {mass_gev // 100}.",
        *dark_shower(r_inv_percent / 100),
    )
    note = (
        f"pairs of mediators of {mass_gev} GeV to a light quark and a dark quark, "
        f"r_inv = {r_inv_percent / 100:g}; jets matched to dark quarks"
    )
    return JetProcess(
        process=Process(settings=settings, note=note),
        selection=SEMIVISIBLE,
        match="dark_quark",
        variables=True,
    )


def _aachen() -> JetProcess:
    """A Z' of 2 TeV to dark quarks of SU(3): only neutral vector mesons are visible."""
    settings = (
        "HiddenValley:ffbar2Zv = on",
        "4900023:m0 = 2000.",
        "4900023:mMin = 1800.",
        "4900023:mMax = 2200.",
        "4900023:onMode = off",
        "4900023:onIfAny = 4900101",
        *_dark_su3(flavours=2, dark_lambda_gev=5.0, pt_min_gev=5.5, vectors=0.5),
        *_fragmentation_of_pythia_82(AACHEN_QUARK_GEV),
        f"4900101:m0 = {AACHEN_QUARK_GEV:g}",
        "4900111:m0 = 4.",
        "4900211:m0 = 4.",
        "4900113:m0 = 5.",
        "4900213:m0 = 5.",
        "4900111:mayDecay = off",
        *_to_quarks(4_900_113, 4),
    )
    note = "Aachen: Z' of 2 TeV to dark quarks, of whose mesons only the neutral vectors decay"
    return JetProcess(
        process=Process(settings=settings, note=note), selection=DARK_JETS, match="dark_quark"
    )


def _heidelberg() -> JetProcess:
    """Pairs of coloured dark quarks of 50 GeV; every dark meson decays to quarks."""
    settings = (
        "HiddenValley:gg2DvDvbar = on",
        "HiddenValley:qqbar2DvDvbar = on",
        "PhaseSpace:pTHatMin = 110.",
        "4900001:m0 = 50.",
        *_dark_su3(flavours=1, dark_lambda_gev=5.0, pt_min_gev=5.5, vectors=0.5),
        *_fragmentation_of_pythia_82(HEIDELBERG_QUARK_GEV),
        f"4900101:m0 = {HEIDELBERG_QUARK_GEV:g}",
        "4900111:m0 = 10.",
        "4900113:m0 = 10.",
        *_to_quarks(4_900_111, 4),
        *_to_quarks(4_900_113, 4),
    )
    note = "Heidelberg: pairs of coloured dark quarks of 50 GeV, all dark mesons to light quarks"
    return JetProcess(
        process=Process(settings=settings, note=note), selection=DARK_JETS, match="dark_quark"
    )


def _dark_su3(
    *, flavours: int, dark_lambda_gev: float, pt_min_gev: float, vectors: float
) -> tuple[str, ...]:
    """Shower and fragmentation of a dark SU(3)."""
    return (
        "HiddenValley:Ngauge = 3",
        f"HiddenValley:nFlav = {flavours}",
        "HiddenValley:FSR = on",
        "HiddenValley:fragment = on",
        "HiddenValley:alphaOrder = 1",
        "HiddenValley:setLambda = on",
        f"HiddenValley:Lambda = {dark_lambda_gev:g}",
        f"HiddenValley:pTminFSR = {pt_min_gev:g}",
        f"HiddenValley:probVector = {vectors:g}",
    )


def _fragmentation_of_pythia_82(quark_gev: float) -> tuple[str, ...]:
    """What Pythia 8.2, the generator of arXiv:2202.00686, makes of the mass of dark quarks.

    Its defaults (a = 0.3, b m^2 = 0.8, sigma / m = 0.5, Bowler's factor 1) tie the breaking of dark
    strings to that mass. Since 8.313 it follows from the lightest vector meson, and dark quarks
    lighter than that give more mesons, each of them softer.
    """
    return (
        "HiddenValley:setabsigma = 2",
        "HiddenValley:aLund = 0.3",
        f"HiddenValley:bLund = {0.8 / quark_gev**2:g}",
        f"HiddenValley:sigmaLund = {0.5 * quark_gev:g}",
        "HiddenValley:rFact = {1.,1.,1.,1.,1.,1.,1.,1.}",
    )


def _to_quarks(meson: int, flavours: int) -> tuple[str, ...]:
    """A dark meson decays to the lightest quark pairs in equal parts."""
    share = 1.0 / flavours
    first = f"{meson}:oneChannel = 1 {share:g} 91 -1 1"
    rest = (f"{meson}:addChannel = 1 {share:g} 91 -{q} {q}" for q in range(2, flavours + 1))
    return (first, *rest)


def _top(pthat_min_gev: int, selection: JetSelection) -> JetProcess:
    settings = (*TTBAR, *HADRONIC, f"PhaseSpace:pTHatMin = {pthat_min_gev}.")
    note = (
        f"top pairs, hadronic decays, pTHat > {pthat_min_gev} GeV; "
        "jets with all three quarks inside"
    )
    return JetProcess(
        process=Process(settings=settings, note=note), selection=selection, match="top"
    )


def _gluino() -> JetProcess:
    """Pairs of gluinos of 400 GeV, each to three light quarks (arXiv:1808.08992)."""
    settings = (
        "SUSY:gg2gluinogluino = on",
        "SUSY:qqbar2gluinogluino = on",
        "PhaseSpace:pTHatMin = 700.",
        f"SLHA:file = {RPV_GLUINO}",
        "SLHA:verbose = 0",
    )
    note = "gluino pairs of 400 GeV, pTHat > 700 GeV, each to three light quarks"
    return JetProcess(
        process=Process(settings=settings, note=note), selection=GLUINOS, match="gluino"
    )


JET_PROCESSES: dict[str, JetProcess] = {
    "qcd": _qcd(480, TOP_TAGGING),
    "top": _top(480, TOP_TAGGING),
    "qcd_high": _qcd(700, GLUINOS),
    "top_high": _top(700, GLUINOS),
    "gluino": _gluino(),
    "qcd_low": _qcd(110, DARK_JETS),
    "aachen": _aachen(),
    "heidelberg": _heidelberg(),
    "ttbar": JetProcess(
        # below 100 GeV: 0.7 +- 10 pb of the 86 pb of jets, from 600 events each way
        process=Process(
            settings=(*TTBAR, "PhaseSpace:pTHatMin = 100."),
            note="top pairs, all decays, pTHat > 100 GeV; jets of every origin",
        ),
        selection=SEMIVISIBLE,
        variables=True,
    ),
    **{f"svj_{mass}_{r_inv}": _svj(mass, r_inv) for mass, r_inv in SVJ_POINTS},
}


def get_jet_process(label: str) -> JetProcess:
    """The process of a label.

    Raises:
        InputError: no such label.
    """
    if label not in JET_PROCESSES:
        raise unknown_name("jet label", label, JET_PROCESSES)
    return JET_PROCESSES[label]
