"""NanoAOD jets: CMS open data read whole, and files of another kind refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("uproot", reason="NanoAOD files need uproot")

from trigforge.train.errors import InputError
from trigforge.train.jets.nanoaod import read_fat_jets

OPEN_DATA = (
    Path(__file__).resolve().parents[3] / "shared/data/cms/nanoAOD_2015_CMS_Open_Data_ttbar.root"
)


@pytest.mark.skipif(not OPEN_DATA.is_file(), reason="the CMS open data lie beside the checkout")
def test_open_data_jets_have_their_taus() -> None:
    """200 events, which despite the file's name hold no top quarks, and two hard jets."""
    found = read_fat_jets(OPEN_DATA, 200.0, 2.4)
    assert found.jets.pt.tolist() == [339.75, 288.25]
    np.testing.assert_allclose(found.jets.mass, [61.406, 31.891], atol=1e-3)
    assert ((found.tau3 > 0) & (found.tau3 < found.tau2) & (found.tau2 < 0.1)).all()
    assert read_fat_jets(OPEN_DATA, 300.0, 2.4).jets.pt.tolist() == [339.75]
    assert len(read_fat_jets(OPEN_DATA, 200.0, 0.2).jets) == 0


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_fat_jets(tmp_path / "none.root", 0.0, 5.0)
    (tmp_path / "text.root").write_text("jets" * 200)
    with pytest.raises(InputError, match="damaged or not a ROOT file"):
        read_fat_jets(tmp_path / "text.root", 0.0, 5.0)
    import uproot

    with uproot.recreate(tmp_path / "other.root") as file:
        file["Events"] = {"x": np.zeros(3)}
    with pytest.raises(InputError, match="expected a NanoAOD file"):
        read_fat_jets(tmp_path / "other.root", 0.0, 5.0)
