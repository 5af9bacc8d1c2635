"""Pages in a real browser: nothing serious for axe, nothing loaded, nothing wider than a phone.

Needs Node.js, Chromium and, where NODE_PATH says, the packages playwright-core and axe-core.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import judged
import pages
import pytest

from trigforge.hls.reports.page.write import write_pages

SCRIPT = Path(__file__).with_name("axe.cjs")


@pytest.mark.slow
def test_axe_finds_nothing_serious(tmp_path: Path) -> None:
    node, chromium = shutil.which("node"), shutil.which("chromium")
    if node is None or chromium is None:
        pytest.skip("Node.js or Chromium is not on the PATH")
    asked = "require.resolve('axe-core'); require.resolve('playwright-core')"
    if subprocess.run([node, "-e", asked], capture_output=True, check=False).returncode:
        pytest.skip("Node.js does not find axe-core and playwright-core; set NODE_PATH")
    where, report = pages.places(tmp_path), judged.report()
    path = pages.save(report, where, "demo")
    pages.save_curves(report, path.with_suffix(".npz"))
    bad = [judged.pair("brevitas", "qonnx", "events", mismatches=3)]
    failed = judged.verdict(
        observations=judged.observations(lut=None, latency_cycles=10**7), bit_accuracy=bad
    )
    pages.save(judged.report(model="failed", verdict=failed, bit_accuracy=tuple(bad)), where)
    written = [str(page) for page in write_pages([], where)]
    done = subprocess.run(
        [node, str(SCRIPT), chromium, *written], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert len(found) == 4 * 3 and all(one["passes"] > 10 for one in found)
    assert [problem for one in found for problem in one["problems"]] == []
