"""The command line: parses words, calls the pipeline, turns errors into one sentence.

Nothing heavy is imported before it is needed, so that ``--help`` answers at once.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from trigforge.train.artifacts import storage_error
from trigforge.train.errors import TrigforgeError
from trigforge.train.interruption import check_interruption, interruptible

IMPORT = (
    "Validate, lower and compare a quantised network from another project; write "
    "firmware_projects/<name>.yaml and the model beside it. Or say which node stands in the way."
)
EXIT_CODES = {"PASS": 0, "FAIL": 1, "UNKNOWN": 3}
INTERRUPTED = 130

STAGES = {
    "hls": "everything, from data to verdict",
    "data": "load or generate the events",
    "train": "the float model: released weights, or a training",
    "quantize": "the quantised model: released weights, or quantisation-aware training",
    "export": "the QONNX file",
    "csim": "the hls4ml project, compiled, and the bit-accuracy comparison of all stages",
    "emulator": "a C++ library with a C interface, for experiment software",
    "rtl": "unrolled, pipelined Verilog: simulated cycle by cycle, synthesised, judged",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code.

    0 PASS or done, 1 FAIL, 2 wrong input or a missing tool, 3 UNKNOWN, 130 interrupted.
    """
    options = _parser().parse_args(arguments)
    try:
        with interruptible():
            code = _run(options)
    except TrigforgeError as error:
        return _say(str(error), error.exit_code)
    except KeyboardInterrupt:
        return _say("interrupted; the same command continues where it can", INTERRUPTED)
    except OSError as error:
        place = Path(str(error.filename)) if error.filename else Path.cwd()
        return _say(str(storage_error(place, error)), TrigforgeError.exit_code)
    return code


def _run(options: argparse.Namespace) -> int:
    try:
        code: int = options.run(options)
    except Exception:
        # an import that swallowed Ctrl-C may leave a library half there
        check_interruption()
        raise
    return code


def _say(sentence: str, code: int) -> int:
    print(f"trigforge: {sentence}", file=sys.stderr)
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="trigforge",
        description="From an anomaly-detection autoencoder to trigger firmware, number by number.",
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for stage, about in STAGES.items():
        command = commands.add_parser(stage, help=about, description=about)
        command.add_argument("model", help="a recipe: firmware_projects/<model>.yaml")
        command.add_argument("--preset", choices=("smoke", "demo", "paper"), default="demo")
        command.add_argument(
            "--data",
            help="events to judge on (a folder or file, or the word generated), or a file of jets",
        )
        command.add_argument(
            "--from-scratch", action="store_true", help="train instead of using released weights"
        )
        command.add_argument(
            "--workers", type=int, default=os.cpu_count() or 1, help="processes (default: all)"
        )
        command.set_defaults(run=_stage, stage=stage, budget=None)
        if stage == "rtl":
            command.add_argument("--budget", help="a trigger's budget (default: the recipe's)")
    rates = commands.add_parser("rates", help="level-1 rates in Hz of simple thresholds")
    rates.add_argument("--data", help="a file of events with zero-bias crossings")
    rates.add_argument("--out", default="build/rates", help="folder (default: build/rates)")
    rates.set_defaults(run=_rates)
    imports = commands.add_parser(
        "import", help="a QONNX or QCDQ file becomes a recipe", description=IMPORT
    )
    imports.add_argument("file", type=Path, help="the .onnx file")
    imports.add_argument("--name", required=True, help="of the recipe: firmware_projects/<name>")
    imports.add_argument("--input", help="format of the input where the file does not quantise it")
    imports.add_argument("--output", help="tensor to cut the graph at (default: its only output)")
    imports.add_argument("--budget", default="hlt", help="a trigger's budget (default: hlt)")
    imports.add_argument("--force", action="store_true", help="replace an imported recipe")
    imports.set_defaults(run=_import)
    models = commands.add_parser("models", help="list the recipes")
    models.set_defaults(run=_models)
    published = commands.add_parser(
        "import-codae", help="read the published CoDAE from its authors' TF-Lite files"
    )
    published.add_argument("folder", type=Path, help="holds encoder1, encoder2 and decoder")
    published.add_argument("--name", default="codae_published", help="of the weights")
    published.add_argument(
        "--to", type=Path, default=Path("build/imported"), help="where to write (%(default)s)"
    )
    published.set_defaults(run=_import_codae)
    physics = commands.add_parser(
        "physics", help="what a network's scores are worth, beside the paper's: a page with figures"
    )
    physics.add_argument(
        "model", help="codae, nae (nae_reverse and nae_encoder: the same page) or nae_svj"
    )
    physics.add_argument(
        "--network",
        action="append",
        default=[],
        help="released name or path of weights; several are compared (default: the last of each)",
    )
    physics.add_argument(
        "--data",
        type=Path,
        help="further events: a folder or a file; a jet sample for nae and nae_svj",
    )
    physics.add_argument(
        "--events",
        type=int,
        default=4000,
        help="background events or jets of each sample (%(default)s)",
    )
    physics.add_argument("--to", type=Path, help="folder (default: build/physics/<model>)")
    physics.set_defaults(run=_physics)
    operations = commands.add_parser("ops", help="list the operations and who executes them")
    operations.add_argument("name", nargs="?", help="only this one")
    operations.set_defaults(run=_operations)
    report = commands.add_parser(
        "report", help="what the reports of a file, project folder or archive say"
    )
    report.add_argument("path", help="a report, a project folder, or a zip or tar archive")
    report.add_argument("--json", action="store_true", help="for machines")
    report.set_defaults(run=_report)
    page = commands.add_parser(
        "page", help="reports as self-contained HTML pages in build/report, and an index of them"
    )
    page.add_argument("models", nargs="*", help="with their variants (default: all with a report)")
    page.set_defaults(run=_page)
    compare = commands.add_parser(
        "compare", help="what scores find against what their firmware takes: tables and figures"
    )
    compare.add_argument(
        "reports", nargs="*", help="models or variants (default: all recipes as they are written)"
    )
    compare.add_argument("--to", type=Path, help="folder (default: build/compare)")
    compare.set_defaults(run=_compare)
    review = commands.add_parser("review", help="what moved since the committed reports")
    review.add_argument("models", nargs="*", help="default: all that were run here")
    review.add_argument(
        "--base", default="HEAD", help="commit with the reviewed reports (default: the last one)"
    )
    review.add_argument("--accept", action="store_true", help="take the fresh reports over")
    review.add_argument("--markdown", type=Path, help="write a summary for a pull request")
    review.add_argument("--junit", type=Path, help="write a JUnit file")
    review.set_defaults(run=_review)
    return parser


def _page(options: argparse.Namespace) -> int:
    from trigforge.hls.reports.page.write import write_pages

    print("\n".join(map(str, write_pages(options.models))))
    return 0


def _compare(options: argparse.Namespace) -> int:
    from trigforge.hls.reports.compare.write import MARKDOWN, write_comparison

    page = write_comparison(options.reports, folder=options.to)
    print(page.with_name(MARKDOWN).read_text(encoding="utf-8"))
    print(page)
    return 0


def _review(options: argparse.Namespace) -> int:
    from trigforge.hls.reports.review.accept import accept
    from trigforge.hls.reports.review.forms import as_junit, as_lines, as_markdown
    from trigforge.hls.reports.review.fresh import BUILD
    from trigforge.hls.reports.review.review import REPORTS, review
    from trigforge.train.artifacts import atomic_path

    found = review(options.models, options.base)
    print("\n".join(as_lines(found.moves)), end="\n" if found.moves else "")
    if found.left_out:
        print(f"not run here, so not reviewed: {', '.join(found.left_out)}")
    for path, text in ((options.markdown, as_markdown), (options.junit, as_junit)):
        if path is not None:
            with atomic_path(path) as temporary:
                temporary.write_text(text(found.moves), encoding="utf-8")
    for sentence in found.missing:
        _say(sentence, TrigforgeError.exit_code)
    if options.accept:
        for model, moves in found.moves.items():
            if moves is None or any(move.status != "noted" for move in moves):
                print(accept(model, moves, reports=REPORTS, build=BUILD))
    elif found.regressions:
        return EXIT_CODES["FAIL"]
    return TrigforgeError.exit_code if found.missing else EXIT_CODES["PASS"]


def _report(options: argparse.Namespace) -> int:
    from trigforge.hls.reports.tools.survey import as_json, as_text, survey

    found = survey(Path(options.path))
    if options.json:
        print(json.dumps(as_json(found), indent=2))
    else:
        print("\n".join(as_text(found)))
    if found.damaged:
        return _say(f"{len(found.damaged)} damaged reports, see above", TrigforgeError.exit_code)
    return EXIT_CODES[found.status]


def _stage(options: argparse.Namespace) -> int:
    from trigforge.hls.pipeline import run
    from trigforge.hls.session import Options

    status = run(
        options.stage,
        Options(
            model=options.model,
            preset=options.preset,
            data=options.data,
            from_scratch=options.from_scratch,
            workers=options.workers,
            budget=options.budget,
        ),
    )
    return EXIT_CODES[status] if status else 0


def _rates(options: argparse.Namespace) -> int:
    from trigforge.train.events import load_data, load_shipped
    from trigforge.train.level1.rates import level1_rates
    from trigforge.train.level1.report import write_level1_rates

    data = load_shipped() if options.data is None else load_data(Path(options.data))
    path = write_level1_rates(Path(options.out), data, level1_rates(data))
    print(path.read_text(encoding="utf-8"))
    return 0


def _import(options: argparse.Namespace) -> int:
    from trigforge.hls.import_model import ImportOptions, import_model

    chosen = ImportOptions(
        name=options.name,
        input=options.input,
        output=options.output,
        budget=options.budget,
        force=options.force,
    )
    print("\n".join(import_model(options.file, chosen)))
    return 0


def _models(_: argparse.Namespace) -> int:
    from trigforge.hls.recipe import ImportedRecipe, load_deployable, recipe_names

    for name in recipe_names():
        recipe = load_deployable(name)
        what: str = recipe.network.architecture
        if not isinstance(recipe, ImportedRecipe):
            what = f"{what} {recipe.network.export}"
        print(f"{name:24} {what}, budget {recipe.budget.name}")
    return 0


def _import_codae(options: argparse.Namespace) -> int:
    from trigforge.train.tflite.import_codae import import_codae

    print(import_codae(options.folder, options.to, options.name))
    return 0


def _physics(options: argparse.Namespace) -> int:
    from trigforge.train.physics.options import PhysicsOptions
    from trigforge.train.physics.run import run_physics

    page = run_physics(
        PhysicsOptions(
            model=options.model,
            networks=tuple(options.network),
            data=options.data,
            events=options.events,
            folder=options.to,
        )
    )
    print(page.with_name("physics.md").read_text(encoding="utf-8"))
    print(page)
    return 0


def _operations(options: argparse.Namespace) -> int:
    from trigforge.hls.operations import lines

    print("\n".join(lines(options.name)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
