"""The Pythia 8 settings of every sample, as data.

Sources: the CoDAE paper (arXiv:2306.12955, appendix A.1) for the choice of samples; for SUEP
arXiv:1612.00850 and arXiv:2107.12379 (gg -> H at the mediator mass with a Standard-Model width,
thermal decay); for the s-channel semi-visible jets arXiv:1707.05326.
"""

from __future__ import annotations

from dataclasses import dataclass

from trigforge.train.errors import unknown_name

BACKGROUND = "qcd"
SVJ_MASSES_GEV = (2100, 3100, 4100)
SUEP_MASSES_GEV = (125, 200, 300, 400, 700, 1000)

COMMON_SETTINGS = (
    "Print:quiet = on",
    "Beams:eCM = 13000.",
    # particles that fly further than 10 mm are left to the detector
    "ParticleDecays:limitTau0 = on",
    "ParticleDecays:tau0Max = 10.",
)


@dataclass(frozen=True, kw_only=True)
class PartonFilter:
    """Veto of an event in the middle of its shower, before the expensive steps.

    When the interleaved evolution has come down to ``scale_gev``, the sum of the transverse masses
    of all partons (and of the scalar) with |eta| < ``eta_max`` must reach ``ht_min_gev``. Vetoed
    events count as generated, so that cross section and efficiency stay those of the process.
    """

    scale_gev: float
    ht_min_gev: float
    eta_max: float


HARD_PARTONS = PartonFilter(scale_gev=20.0, ht_min_gev=470.0, eta_max=3.0)


@dataclass(frozen=True, kw_only=True)
class SuepDecay:
    """Thermal decay of the stable scalar left by Pythia into dark mesons, dark photons, leptons.

    ``branching`` maps the PDG id of the positively charged daughter of a dark photon to its
    fraction: the values the CMS studies use for a dark photon of 0.7 GeV.
    """

    temperature_gev: float = 2.0
    meson_mass_gev: float = 2.0
    photon_mass_gev: float = 0.7
    branching: tuple[tuple[int, float], ...] = ((-11, 0.15), (-13, 0.15), (211, 0.70))


@dataclass(frozen=True, kw_only=True)
class Process:
    """How one sample is made.

    Attributes:
        settings: Pythia settings on top of ``COMMON_SETTINGS``.
        parton_filter: early veto, or None.
        suep: thermal decay of the scalar 25, or None.
        chunk_events: events that Pythia completes per chunk (the unit of seeding and caching).
        note: what a reader of the metadata must know about phase-space cuts.
    """

    settings: tuple[str, ...]
    parton_filter: PartonFilter | None = None
    suep: SuepDecay | None = None
    chunk_events: int = 500
    note: str = ""


def dark_shower(r_inv: float) -> tuple[str, ...]:
    """Settings of a two-flavour SU(2) with mesons of 20 GeV.

    Args:
        r_inv: probability of each meson to be stable and invisible, below 1.
    """
    quark = (1 - r_inv) / 5
    settings = [
        "4900101:m0 = 10.",
        "HiddenValley:Ngauge = 2",
        "HiddenValley:nFlav = 2",
        "HiddenValley:FSR = on",
        "HiddenValley:fragment = on",
        "HiddenValley:alphaOrder = 1",
        "HiddenValley:setLambda = on",
        "HiddenValley:Lambda = 10.",
        "HiddenValley:pTminFSR = 11.",
        "HiddenValley:probVector = 0.75",
        "4900111:m0 = 20.",
        "4900113:m0 = 20.",
        "4900211:m0 = 20.",
        "4900213:m0 = 20.",
        "51:m0 = 9.99",
        "53:m0 = 9.99",
        "51:mayDecay = off",
        "53:mayDecay = off",
        # pseudoscalars couple through mass insertion (heaviest quark), vectors democratically
        f"4900111:oneChannel = 1 {1 - r_inv:g} 91 -5 5",
        f"4900111:addChannel = 1 {r_inv:g} 0 51 -51",
        f"4900211:oneChannel = 1 {1 - r_inv:g} 91 -5 5",
        f"4900211:addChannel = 1 {r_inv:g} 0 51 -51",
    ]
    for vector in (4900113, 4900213):
        settings.append(f"{vector}:oneChannel = 1 {quark:g} 91 -1 1")
        settings += [f"{vector}:addChannel = 1 {quark:g} 91 -{q} {q}" for q in (2, 3, 4, 5)]
        settings.append(f"{vector}:addChannel = 1 {r_inv:g} 0 53 -53")
    return tuple(settings)


def _svj(mass_gev: int) -> Process:
    """Z' of the given mass to two dark quarks of a two-flavour SU(2); r_inv = 0.3."""
    mediator = (
        "HiddenValley:ffbar2Zv = on",
        f"4900023:m0 = {mass_gev}.",
        f"4900023:mMin = {mass_gev - 200}.",
        f"4900023:mMax = {mass_gev + 200}.",
        f"4900023:mWidth = {mass_gev // 100}.",
        "4900023:onMode = off",
        "4900023:onIfAny = 4900101",
    )
    return Process(
        settings=(*mediator, *dark_shower(0.3)),
        chunk_events=500,
        note=f"Z' of {mass_gev} GeV, width 1 %, window of 200 GeV on either side, "
        "couplings of Pythia",
    )


def _suep(mass_gev: int) -> Process:
    """gg -> H at the given mass; the recoil that lifts it over the HT cut comes from the shower."""
    return Process(
        settings=("HiggsSM:gg2H = on", f"25:m0 = {mass_gev}.", "25:mayDecay = off"),
        parton_filter=HARD_PARTONS if mass_gev <= 300 else None,
        suep=SuepDecay(),
        chunk_events=500,
        note="gluon fusion, mass spread by the Standard-Model width at this mass",
    )


PROCESSES: dict[str, Process] = {
    BACKGROUND: Process(
        settings=("HardQCD:all = on", "PhaseSpace:pTHatMin = 100."),
        parton_filter=HARD_PARTONS,
        chunk_events=1000,
        note="pTHat > 100 GeV; events of lower pTHat that reach the HT cut are not simulated",
    ),
    "svj_2100": _svj(2100),
    "svj_3100": _svj(3100),
    "svj_4100": _svj(4100),
    "suep_125": _suep(125),
    "suep_200": _suep(200),
    "suep_300": _suep(300),
    "suep_400": _suep(400),
    "suep_700": _suep(700),
    "suep_1000": _suep(1000),
}
SIGNALS: tuple[str, ...] = tuple(name for name in PROCESSES if name != BACKGROUND)


def get_process(sample: str) -> Process:
    """The process of a sample.

    Raises:
        InputError: no such sample.
    """
    if sample not in PROCESSES:
        raise unknown_name("sample", sample, PROCESSES)
    return PROCESSES[sample]
