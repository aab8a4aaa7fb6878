"""The command line: `wengert run`, `wengert train`, `wengert predict`, `wengert info`."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Sequence

from ..tabular.errors import DivergedError, TabularError
from ..tabular.networks import ACTIVATIONS
from ..tabular.presets import PRESETS, SCHEDULES
from .outputs import Output, StandardOutputError, complain, output_status, silence

INTERRUPTED = 130


class _Parser(argparse.ArgumentParser):
    """Tells of help that cannot be written, which the base class swallows."""

    def _print_message(self, message: str, file: object = None) -> None:
        if file is not None and file is sys.stdout:
            Output().data(message)
        else:
            complain(message.rstrip("\n"))


def _number(
    kind: Callable[[str], float], low: float, high: float, wanted: str
) -> Callable[[str], float]:
    def parse(text: str) -> float:
        try:
            value = kind(text)
        except ValueError:
            value = math.nan
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"{text!r}: needed {wanted}")
        return value

    return parse


def _hidden(text: str) -> list[int]:
    if text.lower() == "none":
        return []
    sizes = [int(part) if part.strip().isdecimal() else 0 for part in text.split(",")]
    if not all(0 < size <= 1 << 20 for size in sizes):
        raise argparse.ArgumentTypeError(f"{text!r}: needed sizes such as 128,64, or none")
    return sizes


_COUNT = _number(int, 1, (1 << 31) - 1, "a whole number of at least 1")
_THREADS = _number(int, 1, 1024, "a whole number from 1 to 1024")
_DATA = (
    "a .csv file with a header (also packed by gzip; separated by commas, semicolons, tabs, bars "
    "or blanks), an .npz file, with pyarrow .parquet and .arrow files, - for standard input"
)


_ENCODING = "of the texts, such as cp1252 (default UTF-8, or UTF-16 where its first bytes say so)"


def _fraction(text: str) -> float:
    if text.strip() == "0":
        return 0.0
    return _number(float, 0.001, 0.45, "0, or a number from 0.001 to 0.45")(text)


def _add_train(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser(
        "train",
        help="train a network on the digits or on your own table",
        description="Trains a network with AdamW and a schedule of learning rates, keeps the "
        "weights of the best epoch on the validation rows and scores them on test rows.",
    )
    parser.add_argument("data", help=f"`digits`, or {_DATA}")
    _add_table_options(parser.add_argument_group("the table"))
    _add_network_options(parser.add_argument_group("the network and its training"))
    _add_part_options(parser.add_argument_group("parts of a preset, each in place of its own"))
    _add_score_options(parser.add_argument_group("the score"))
    parser.add_argument("--save", metavar="MODEL", help="write the model (.safetensors)")
    parser.add_argument("--plot", metavar="IMAGE", help="write the learning curves (.png)")
    parser.set_defaults(module="train")


def _add_table_options(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--target",
        metavar="COLUMN",
        help="the column to predict; a,b for several columns of numbers, which one network learns "
        "together",
    )
    group.add_argument(
        "--task",
        choices=("classification", "regression"),
        help="default: classification for texts and few whole numbers, else regression",
    )
    for name, help in (
        ("--drop", "leave a column out (again for others)"),
        ("--categorical", "take a column's numbers for texts (again for others)"),
    ):
        group.add_argument(name, metavar="COLUMN", action="append", default=[], help=help)
    group.add_argument(
        "--missing",
        choices=("fill", "error"),
        default="fill",
        help="cells without a value: numbers get the median and an input that says so, texts a "
        "category; or they are an error (default fill)",
    )
    group.add_argument(
        "--lenient", action="store_true", help="take texts in a column of numbers for missing"
    )
    group.add_argument("--encoding", metavar="NAME", help=_ENCODING)
    group.add_argument(
        "--weight",
        metavar="COLUMN",
        help="what each row counts, in training and in scores; no input",
    )
    group.add_argument(
        "--valid-fraction",
        metavar="SHARE",
        type=_fraction,
        default=0.15,
        help="share of the rows for validation, and again for the test; 0 trains on all rows and "
        "keeps the last epoch (default 0.15)",
    )
    group.add_argument("--test", metavar="FILE", help="test rows, instead of a share of the table")
    group.add_argument(
        "--refit", action="store_true", help="at last train anew, on all rows of the table"
    )


def _add_network_options(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--model",
        choices=("mlp", "cnn"),
        default="mlp",
        help="mlp: fully connected layers; cnn: convolutions before them, for the digits, whose "
        "images it turns, scales and shifts while it trains (default mlp)",
    )
    group.add_argument(
        "--preset",
        choices=PRESETS,
        help="simple: RealMLP's recipe without embeddings; strong: the whole of it; ensemble: "
        "networks that share weights (TabM), trained in one pass; plain: a plain network "
        "(default simple; plain for digits and without hidden layers)",
    )
    group.add_argument(
        "--epochs",
        type=_COUNT,
        metavar="N",
        help="passes over the rows (default 96, strong and ensemble 128, fewer for large tables; "
        "plain 60, more for small tables; digits 40; cnn 30)",
    )
    group.add_argument(
        "--hidden",
        type=_hidden,
        metavar="SIZES",
        help="hidden layers, or none (default 128,128,128, 256 each above 50000 rows, strong above "
        "2000, ensemble two of them; plain 64,64; digits 256,128; cnn none)",
    )
    group.add_argument(
        "--lr",
        type=_number(float, 1e-12, 1e6, "a number above 0"),
        help="learning rate (default 0.04, for regression 0.07; plain and ensemble 0.002; plain "
        "0.02 without hidden layers; cnn 0.004, its highest)",
    )
    group.add_argument(
        "--batch-size",
        type=_COUNT,
        metavar="N",
        help="rows in a step (default at most 256, all alike; plain 32, 64 above 2000 rows and for "
        "digits, 256 above 50000; ensemble 64 up to 2000 rows)",
    )
    group.add_argument(
        "--dropout",
        type=_number(float, 0, 0.99, "a number from 0 to 0.99"),
        metavar="P",
        help="default 0; strong 0.15; ensemble 0.1; plain 0.1, 0 without hidden layers; digits 0.3",
    )
    group.add_argument(
        "--weight-decay",
        type=_number(float, 0, 1e6, "a number of at least 0"),
        metavar="X",
        help="default 0; strong 0.02; ensemble 0.0003; plain and digits 0.01",
    )
    group.add_argument(
        "--label-smoothing",
        type=_number(float, 0, 0.99, "a number from 0 to 0.99"),
        metavar="X",
        help="of classes (default 0.1; plain and ensemble 0; digits 0.1)",
    )
    group.add_argument(
        "--seed",
        type=_number(int, 0, (1 << 63) - 1, "a whole number"),
        default=0,
        help="of the split, the weights and the order of rows (default 0)",
    )
    group.add_argument(
        "--threads",
        type=_THREADS,
        metavar="N",
        help="at most so many (default: 1 for a small network, else all); the results are the same",
    )
    group.add_argument(
        "--tune",
        type=_number(float, 0.01, 1e5, "a number of minutes"),
        metavar="MINUTES",
        help="search for better settings for so long, by successive halving",
    )
    group.add_argument(
        "--tune-log",
        metavar="FILE",
        help="results of the search, which is resumed where they end (default DATA.tune.jsonl)",
    )


def _add_score_options(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--cv",
        type=_number(int, 2, 1000, "a whole number from 2 to 1000"),
        metavar="K",
        help="score K networks, each on another part of the rows; a network to keep (--save) is "
        "then trained without test rows",
    )
    group.add_argument(
        "--group",
        metavar="COLUMN",
        help="rows with the same cell here stay on one side of every split; no input",
    )
    group.add_argument(
        "--time",
        metavar="COLUMN",
        help="score on rows that are later than those trained on: numbers or dates; no input",
    )
    group.add_argument(
        "--report", metavar="DIR", help="write a page of scores and pictures (DIR/report.html)"
    )


def _add_part_options(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--scaling",
        choices=("standard", "robust"),
        help="of numbers: by mean and deviation, or by median and quartiles",
    )
    group.add_argument(
        "--schedule",
        choices=SCHEDULES,
        help="of the learning rate: coslog4 falls and rises four times",
    )
    group.add_argument("--activation", choices=ACTIVATIONS, help="of hidden layers")
    for name, help in (
        ("clip", "bend numbers far out to less than 3"),
        ("ntk", "the NTK parametrisation"),
        ("front-scale", "a learned factor for each input"),
        ("learned-activation", "each unit learns how much of its activation to use"),
        ("zero-head", "the last layer begins with zeros"),
        ("clamp", "keep predicted numbers within those trained on"),
    ):
        group.add_argument(f"--{name}", action=argparse.BooleanOptionalAction, help=help)
    group.add_argument(
        "--periodic",
        type=_number(float, 0, 1e3, "a number of at least 0"),
        metavar="SIGMA",
        help="deviation of the frequencies of periodic embeddings of numbers; 0 for none",
    )
    group.add_argument(
        "--category-embedding",
        type=_number(int, 0, 1024, "a whole number from 0 to 1024"),
        metavar="WIDTH",
        help="of columns of more than 8 categories; 0 for an input for each category",
    )
    group.add_argument(
        "--members",
        type=_number(int, 1, 1024, "a whole number from 1 to 1024"),
        metavar="N",
        help="networks that share their weights",
    )
    group.add_argument(
        "--patience",
        type=_COUNT,
        metavar="N",
        help="end after so many epochs that were no better (ensemble 16)",
    )


def _add_predict(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser("predict", help="use a saved model")
    parser.add_argument("model", help="a file written by `wengert train --save`")
    parser.add_argument("data", help=f"a table with the model's columns: {_DATA}; or `digits`")
    parser.add_argument("--output", metavar="CSV", help="default: standard output")
    parser.add_argument("--proba", action="store_true", help="add the probability of each class")
    parser.add_argument(
        "--id",
        metavar="COLUMN",
        action="append",
        default=[],
        help="copy a column of the table to the answer (again for others)",
    )
    parser.add_argument(
        "--lenient", action="store_true", help="take texts in a column of numbers for missing"
    )
    parser.add_argument("--encoding", metavar="NAME", help=_ENCODING)
    parser.add_argument("--threads", type=_THREADS, metavar="N", help="default: all")
    parser.set_defaults(module="predict")


def _add_run(commands: argparse._SubParsersAction) -> None:
    from .run import add_options

    parser = commands.add_parser(
        "run",
        help="run a program written for PyTorch",
        description="Runs a program as Python would, with wengert in the place of PyTorch: `import "
        "torch` gives wengert, in the processes that it starts too. What stands behind the program "
        "is for the program.",
    )
    add_options(parser)
    parser.set_defaults(module="run")


def _parser() -> argparse.ArgumentParser:
    from .. import __version__

    parser = _Parser(prog="wengert", description="Neural networks on the CPU.")
    parser.add_argument("--version", action="version", version=f"wengert {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_train(commands)
    _add_predict(commands)
    _add_run(commands)
    commands.add_parser("info", help="version, ISA level, threads, compiler").set_defaults(
        module="info"
    )
    return parser


def _run(args: argparse.Namespace) -> int:
    if args.module == "train":
        from .train import run
    elif args.module == "predict":
        from .predict import run
    else:
        from .info import run
    return run(args)


def _option(error: TabularError) -> str:
    """The option that would mend an error, if there is one: `` (--drop id)``."""
    if not error.argument:
        return ""
    return f" (--{' '.join(filter(None, (error.argument.replace('_', '-'), error.value)))})"


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit status.

    0: done; 2: something is wrong with the arguments, a file or standard output, said in one line
    on stderr; 1: the training failed; 130 and 143: ended by Ctrl-C and by SIGTERM, the best weights
    saved; 141: whoever read the output is gone. The status of `run` is that of the program.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    if words[:1] == ["run"]:
        return _run_program(words[1:])
    try:
        status = _guarded(words)
        if sys.stdout is not None:
            sys.stdout.flush()
        return status
    except StandardOutputError as error:
        return output_status(error.error)
    except OSError as error:  # of standard output, which is flushed last
        silence()
        return output_status(error)


def _run_program(words: Sequence[str]) -> int:
    """`wengert run`: what the program raises is shown as Python shows it."""
    from .run import run, split

    own, rest = split(words)
    args = _parser().parse_args(["run", *own])
    args.arguments = rest
    return run(args)


def _guarded(argv: Sequence[str]) -> int:
    try:
        return _run(_parser().parse_args(argv))
    except TabularError as error:
        complain(f"wengert: error: {error}{_option(error)}")
        return 1 if isinstance(error, DivergedError) else 2
    except MemoryError:
        complain("wengert: error: out of memory")
        return 1
    except KeyboardInterrupt as stop:
        complain("wengert: interrupted")
        return getattr(stop, "status", INTERRUPTED)


__all__ = ["main"]
