"""Random damage to reports and archives, for minutes by hand; finds what no rule foresaw.

    PYTHONPATH=tests/hls/reports/tools python -m fuzz [SECONDS] [SEED]

Everything must end in numbers or in one of our own errors, within two seconds of processor time and
2 GiB. Inputs that do not are kept in ``build/fuzz`` under the name of what they caused, one of each
kind.
"""

from __future__ import annotations

import io
import json
import random
import resource
import signal
import sys
import tarfile
import time
import traceback
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from mutations import STRUCTURAL
from places import report_files, sample_files

from trigforge.hls.reports.tools.recognise import looks_like_report, parse_report
from trigforge.hls.reports.tools.survey import as_json, as_text, survey
from trigforge.train.errors import TrigforgeError

LIMIT_S = 2.0
LIMIT_BYTES = 2 << 30
KEPT = Path("build/fuzz")
TOKENS = [
    *(b"|", b"+", b"-", b"?", b".", b"~", b"<", b">", b"&", b'"', b"{", b"[", b"==", b" ", b"\n"),
    *(b"NA", b"N/A", b"undef", b"nan", b"inf", b"1e999", b"-1", b"0", b"\x00", b"\xff", b"\x0b"),
    *(
        b"9" * 40,
        b"9" * 5000,
        b"-" * 5000,
        b"| " * 3000,
        b"&lol;",
        b"&#x110000;",
        b"<!--",
        b"<![CDATA[",
    ),
    *(
        "\u0663\u200b\u00b2\u2028\u0085\ufeff\u202e\uff11".encode(),
        b"\xed\xa0\x80",
        "\U0001f4a5".encode(),
    ),
    b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]>',
]
NAMES = [
    *(
        "../up.rpt",
        "/root.rpt",
        "C:/x.rpt",
        "..\\up.xml",
        "a/../../b.log",
        "",
        ".",
        "./",
        "a//b.rpt",
    ),
    *("a" * 5000 + ".rpt", "/".join("d" * 400) + "/x.rpt", "new\nline.rpt", "\x1b[31mred.rpt"),
    *("\u202egnp.rpt", "nul\x00byte.rpt", "bad\udcff.rpt", "csynth.rpt", "rtl_cosim_results.log"),
]

Damage = Callable[[bytes, random.Random, list[bytes]], bytes]


def bytes_changed(content: bytes, rng: random.Random, others: list[bytes]) -> bytes:
    """A few bytes changed, put in, taken out or repeated; half of it near the top."""
    data = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 4, 16))):
        place = rng.randrange(min(len(data), 6000) + 1 if rng.random() < 0.5 else len(data) + 1)
        way = rng.randrange(5)
        if way == 0:
            data[place : place + 1] = bytes([rng.randrange(256)])
        elif way == 1:
            data[place:place] = rng.choice(TOKENS)
        elif way == 2:
            del data[place : place + rng.randrange(1, 200)]
        elif way == 3:
            data[place : place + 1] = bytes([rng.choice(b"0123456789-|+. ")])
        else:
            start = rng.randrange(len(data) + 1)
            data[place:place] = data[start : start + rng.randrange(300)]
    return bytes(data)


def spliced(content: bytes, rng: random.Random, others: list[bytes]) -> bytes:
    """Part of another report put in, or the end of one behind the start of this one."""
    other = rng.choice(others)
    place, start = rng.randrange(len(content) + 1), rng.randrange(len(other) + 1)
    if rng.random() < 0.5:
        return content[:place] + other[start:]
    return content[:place] + other[start : start + rng.randrange(5000)] + content[place:]


def numbers_changed(content: bytes, rng: random.Random, others: list[bytes]) -> bytes:
    """Some words of digits replaced by strange or huge ones."""
    text = content.decode("utf-8", "replace").split(" ")
    places = [i for i, word in enumerate(text) if any(c.isdigit() for c in word)]
    for place in rng.sample(places, min(len(places), rng.randrange(1, 6))):
        strange = (
            "9" * rng.choice((20, 400, 5000)),
            "-0",
            "1e308",
            "\u0663",
            "0x10",
            "1_000",
            "\u00b2",
        )
        text[place] = rng.choice([*strange, str(rng.randrange(10**6)), f"{rng.random():.3f}"])
    return " ".join(text).encode()


def structural(content: bytes, rng: random.Random, others: list[bytes]) -> bytes:
    """One to three of the mutations of the sweep."""
    for _ in range(rng.randrange(1, 4)):
        text = content.decode("utf-8", "replace")
        content = rng.choice(STRUCTURAL)(text, rng) if text else content
    return content


def nested(content: bytes, rng: random.Random, others: list[bytes]) -> bytes:
    """XML or JSON inside itself, thousands deep."""
    depth = rng.choice((10, 200, 2000, 100_000))
    place = rng.randrange(len(content) + 1)
    opened, closed = rng.choice([(b"<a>", b"</a>"), (b'{"a":', b"}"), (b"[", b"]"), (b"(", b")")])
    return content[:place] + opened * depth + closed * rng.choice((0, depth)) + content[place:]


DAMAGES: tuple[Damage, ...] = (bytes_changed, spliced, numbers_changed, structural, nested)


def archive(rng: random.Random, others: list[bytes]) -> bytes:
    """Reports, half of them damaged, under odd names in a zip or tar file, damaged or not."""
    stream = io.BytesIO()
    members = []
    for name in rng.sample(NAMES, rng.randrange(1, 5)):
        content = rng.choice(others)
        if rng.random() < 0.5:
            content = rng.choice((bytes_changed, numbers_changed, structural))(content, rng, others)
        members.append((name, content))
    if rng.random() < 0.5:
        with zipfile.ZipFile(stream, "w", rng.choice([0, 8, 12, 14])) as zipped:
            for name, content in members:
                zipped.writestr(zipfile.ZipInfo(name.encode("utf-8", "replace").decode()), content)
    else:
        kind = rng.choice(["w", "w:gz", "w:bz2", "w:xz"])
        with tarfile.open(fileobj=stream, mode=kind, format=rng.randrange(3)) as tar:  # type: ignore[call-overload]
            for name, content in members:
                info = tarfile.TarInfo(name[:90])
                info.type = rng.choice([b"0"] * 5 + [b"1", b"2", b"3", b"5", b"6", b"x", b"S"])
                info.linkname = rng.choice(NAMES)[:90]
                info.size = len(content) if info.type == b"0" else 0
                tar.addfile(info, io.BytesIO(content))
    data = stream.getvalue()
    if rng.random() < 0.6:
        return bytes_changed(data, rng, others)
    return data


def read_one(content: bytes, name: str) -> None:
    """What ``trigforge report`` does with one file."""
    looks_like_report(content[: 1 << 16], len(content))
    parse_report(content, name)


def read_archive(content: bytes, name: str) -> None:
    """What ``trigforge report`` does with an archive, up to the printed bytes."""
    path = KEPT / "archive"
    path.write_bytes(content)
    found = survey(path)
    text = as_text(found)
    "\n".join(text).encode()
    if not all(line.isprintable() for line in text):
        raise ValueError("control characters for the terminal")
    json.dumps(as_json(found), allow_nan=False).encode()


def _too_long(*_: object) -> None:
    raise TimeoutError(f"longer than {LIMIT_S} s of processor time")


def fuzz(seconds: float, seed: int) -> Counter[str]:
    """Counts of what happened; other errors than ours are printed and kept."""
    rng = random.Random(seed)  # noqa: S311
    reports = {p.name: p.read_bytes() for p in [*sample_files(), *report_files()]}
    small = [content for content in reports.values() if len(content) < 60_000]
    counts: Counter[str] = Counter()
    signal.signal(signal.SIGPROF, _too_long)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        name = rng.choice(list(reports))
        if len(reports[name]) > 60_000 and rng.random() < 0.8:
            continue
        if rng.random() < 0.15:
            content, read = archive(rng, small), read_archive
        else:
            content, read = rng.choice(DAMAGES)(reports[name], rng, small), read_one
        signal.setitimer(signal.ITIMER_PROF, LIMIT_S)
        try:
            read(content, name)
            counts["read"] += 1
        except TrigforgeError as error:
            counts["refused"] += 1
            if "\n" in str(error).strip():
                _keep(content, f"lines-{name}", error, counts)
        except Exception as error:
            where = traceback.extract_tb(error.__traceback__)[-1]
            kind = f"{type(error).__name__}-{Path(where.filename).stem}-{where.lineno}"
            _keep(content, kind, error, counts)
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
    return counts


def _keep(content: bytes, kind: str, error: Exception, counts: Counter[str]) -> None:
    counts[kind] += 1
    if counts[kind] == 1:
        (KEPT / kind).write_bytes(content)
        print(f"{kind}: {error}", flush=True)
        traceback.print_exception(error, limit=-4)


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_AS, (LIMIT_BYTES, LIMIT_BYTES))
    KEPT.mkdir(parents=True, exist_ok=True)
    numbers = [float(word) for word in sys.argv[1:]] + [600.0, 1.0][len(sys.argv) - 1 :]
    found = fuzz(numbers[0], int(numbers[1]))
    print(f"{dict(found)} in {time.process_time():.0f} s of processor time")
    sys.exit(1 if set(found) - {"read", "refused"} else 0)
