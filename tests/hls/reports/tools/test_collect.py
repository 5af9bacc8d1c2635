"""Files, folders and archives; hostile ones are one clear error."""

from __future__ import annotations

import io
import json
import shutil
import tarfile
import zipfile
from pathlib import Path

import pytest
from places import SAMPLES

from trigforge.hls.cli import main
from trigforge.hls.reports.tools import collect as collecting
from trigforge.hls.reports.tools.collect import collect
from trigforge.hls.reports.tools.decoding import MAX_BYTES
from trigforge.hls.reports.tools.recognise import parse_report, read_report
from trigforge.hls.reports.tools.survey import as_text, survey
from trigforge.train.errors import InputError

REPORT = (SAMPLES / "utilization_uram.rpt").read_bytes()


def tar_of(path: Path, members: list[tarfile.TarInfo], content: bytes = REPORT) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for member in members:
            member.size = len(content) if member.isreg() else 0
            archive.addfile(member, io.BytesIO(content) if member.isreg() else None)
    return path


def test_reports_are_found_by_content_wherever_they_lie(tmp_path: Path) -> None:
    deep = tmp_path / "a" / "b" / "c"
    deep.mkdir(parents=True)
    (deep / "whatever.log").write_bytes(REPORT)
    (tmp_path / "weights.txt").write_text("0.5, 0.25, 1.0\n")
    (tmp_path / "picture.rpt").write_bytes(b"\x89PNG\x00\x01")
    (tmp_path / "rtl_cosim_results.log").write_text("1 2 3\n4 5 6\n")
    assert [name for name, _ in collect(tmp_path)] == [
        "rtl_cosim_results.log",
        "a/b/c/whatever.log",
    ]


@pytest.mark.parametrize("form", ["zip", "gztar", "bztar", "xztar", "tar"])
def test_archives_say_what_their_folder_says(tmp_path: Path, form: str) -> None:
    shutil.copytree(SAMPLES, tmp_path / "project")
    archive = Path(shutil.make_archive(str(tmp_path / "all"), form, tmp_path / "project"))
    packed, plain = survey(archive), survey(tmp_path / "project")
    assert packed.findings == plain.findings
    assert len(packed.findings) > 1


@pytest.mark.parametrize("name", ["../outside.rpt", "/etc/outside.rpt", "a/../../outside.rpt"])
def test_members_that_point_outside_are_refused(tmp_path: Path, name: str) -> None:
    tarred = tar_of(tmp_path / "bad.tar.gz", [tarfile.TarInfo(name)])
    zipped = tmp_path / "bad.zip"
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.writestr(name, REPORT)
    for path in (tarred, zipped):
        with pytest.raises(InputError, match="points outside the archive; refused"):
            survey(path)


def test_names_that_no_terminal_can_show(tmp_path: Path) -> None:
    names = ["red\x1b[31m.rpt", "two\nlines.rpt", "bad\udcff.rpt"]
    path = tar_of(tmp_path / "odd.tar.gz", [tarfile.TarInfo(name) for name in names])
    said = as_text(survey(path))
    assert all(line.isprintable() for line in said)
    assert "red\\x1b[31m.rpt" in "".join(said)
    nameless = tmp_path / "nameless.zip"
    with zipfile.ZipFile(nameless, "w") as archive:
        archive.writestr(zipfile.ZipInfo(""), REPORT)
        archive.writestr("real.rpt", REPORT)
    assert [name for name, _ in collect(nameless)] == ["real.rpt"]


def test_links_are_not_followed(tmp_path: Path) -> None:
    link = tarfile.TarInfo("link.rpt")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/hostname"
    device = tarfile.TarInfo("device.rpt")
    device.type = tarfile.CHRTYPE
    path = tar_of(tmp_path / "links.tar.gz", [link, device, tarfile.TarInfo("real.rpt")])
    assert [name for name, _ in collect(path)] == ["real.rpt"]
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "link.rpt").symlink_to(SAMPLES / "hierarchy.rpt")
    with pytest.raises(InputError, match="no report of"):
        survey(folder)


def test_bombs_end_early(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collecting, "MAX_UNPACKED_BYTES", 1 << 20)
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb.rpt", bytes(4 << 20))
    with pytest.raises(InputError, match="1 MiB unpacked; refused"):
        survey(path)
    tarred = tar_of(tmp_path / "bomb.tar.gz", [tarfile.TarInfo("bomb.bin")], bytes(4 << 20))
    with pytest.raises(InputError, match="1 MiB unpacked; refused"):
        survey(tarred)
    monkeypatch.setattr(collecting, "MAX_FILES", 3)
    many = tmp_path / "many"
    many.mkdir()
    for number in range(4):
        (many / f"{number}.rpt").write_text("x")
    with pytest.raises(InputError, match="more than 3 files"):
        survey(many)


def test_broken_archives(tmp_path: Path) -> None:
    shutil.copytree(SAMPLES, tmp_path / "project")
    for form in ("zip", "gztar", "xztar"):
        whole = Path(shutil.make_archive(str(tmp_path / "all"), form, tmp_path / "project"))
        cut = tmp_path / f"cut{''.join(whole.suffixes)}"
        cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
        with pytest.raises(InputError, match="damaged or unreadable archive"):
            survey(cut)
    short = tmp_path / "short.tgz"
    for length in range(2, 40):
        short.write_bytes((b"\x1f\x8b\x08" + bytes(7) + REPORT)[:length])
        with pytest.raises(InputError):
            survey(short)


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "huge.rpt"
    with path.open("wb") as stream:
        stream.truncate(MAX_BYTES + 1)  # sparse
    for read in (read_report, survey):
        with pytest.raises(InputError, match="larger than 64 MiB"):
            read(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            '<!DOCTYPE a [<!ENTITY b "bb">]><a>\n<UserAssignments>&b;</UserAssignments></a>',
            "refused",
        ),
        ('<!DOCTYPE a SYSTEM "file:///etc/hostname">\n<a><RunData></RunData></a>', "refused"),
        ("<a>\n" * 5000 + "<RunData>", "nested deeper than 100"),
        ("<a>\n<RunData></RunData>" + "<b/>" * 600_000 + "</a>", "more than 500000 elements"),
        ('{"trigforge": "rtl-sim", "a": ' + "[" * 100_000, "not JSON"),
        ("Number of cells: 1\n" * 3, "no '=== module ==='"),
    ],
    ids=["entities", "external", "deep", "wide", "json", "yosys"],
)
def test_hostile_contents(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_report(text.encode(), "hostile.xml")


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "util.rpt"
    path.write_bytes(REPORT)
    assert main(["report", str(path)]) == 3  # nobody confirmed a clock
    shown = capsys.readouterr().out
    assert "lut              6,107 post-route; 0.4 % of 1,727,040" in shown
    assert "missing clock: no report says whether any period is met" in shown
    assert main(["report", "--json", str(path)]) == 3
    data = json.loads(capsys.readouterr().out)
    assert data["schema"] == 1 and data["builds"][0]["device"] == "xcu250"
    (tmp_path / "cut.rpt").write_bytes(REPORT[:2500])
    assert main(["report", str(tmp_path)]) == 2
    shown = capsys.readouterr()
    assert "damaged: cut.rpt: sections do not agree" in shown.out
    assert "lut" in shown.out and "1 damaged report" in shown.err
    assert main(["report", str(tmp_path / "absent")]) == 2
    assert "no such file or folder" in capsys.readouterr().err
