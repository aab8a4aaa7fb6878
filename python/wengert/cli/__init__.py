"""The command line: `wengert train`, `wengert predict`, `wengert info`."""

from __future__ import annotations

import argparse
import math
import os
import sys
from collections.abc import Callable, Sequence

from ..tabular.errors import DivergedError, TabularError

INTERRUPTED = 130
BROKEN_PIPE = 141


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


def _add_train(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser(
        "train",
        help="train a network on the digits or on your own table",
        description="Trains a fully connected network with AdamW and a cosine schedule, keeps "
        "the weights of the best epoch on the validation rows and scores them on test rows.",
    )
    count = _number(int, 1, 1 << 31, "a whole number of at least 1")
    parser.add_argument("data", help="`digits`, a .csv file with a header, or an .npz file")
    parser.add_argument("--target", metavar="COLUMN", help="the column to predict")
    parser.add_argument(
        "--task",
        choices=("classification", "regression"),
        help="default: classification for texts and few whole numbers, else regression",
    )
    parser.add_argument(
        "--drop", metavar="COLUMN", action="append", default=[], help="leave a column out"
    )
    parser.add_argument("--epochs", type=count, help="passes over the training rows")
    parser.add_argument("--hidden", type=_hidden, help="hidden layers, as in 128,64; or none")
    parser.add_argument("--lr", type=_number(float, 1e-12, 1e6, "a number above 0"))
    parser.add_argument("--batch-size", type=count)
    parser.add_argument("--dropout", type=_number(float, 0, 0.99, "a number from 0 to 0.99"))
    parser.add_argument("--weight-decay", type=_number(float, 0, 1e6, "a number of at least 0"))
    parser.add_argument(
        "--valid-fraction",
        type=_number(float, 0.001, 0.45, "a number from 0.001 to 0.45"),
        default=0.15,
        help="share of the rows for validation, and again for the test (default 0.15)",
    )
    parser.add_argument("--seed", type=_number(int, 0, (1 << 63) - 1, "a whole number"), default=0)
    parser.add_argument("--threads", type=count, help="default: 1 for a small network, else all")
    parser.add_argument("--save", metavar="MODEL", help="write the model (.safetensors)")
    parser.add_argument("--plot", metavar="IMAGE", help="write the learning curves (.png)")
    parser.set_defaults(module="train")


def _add_predict(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser("predict", help="use a saved model")
    parser.add_argument("model", help="a file written by `wengert train --save`")
    parser.add_argument("data", help="a table with the model's columns, or `digits`")
    parser.add_argument("--output", metavar="CSV", help="default: standard output")
    parser.add_argument("--proba", action="store_true", help="add the probability of each class")
    parser.add_argument("--threads", type=_number(int, 1, 1 << 31, "a whole number of at least 1"))
    parser.set_defaults(module="predict")


def _parser() -> argparse.ArgumentParser:
    from .. import __version__

    parser = argparse.ArgumentParser(prog="wengert", description="Neural networks on the CPU.")
    parser.add_argument("--version", action="version", version=f"wengert {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_train(commands)
    _add_predict(commands)
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

    0: done; 2: something is wrong with the arguments or a file, said in one line on stderr;
    1: the training failed; 130: interrupted by Ctrl-C.
    """
    args = _parser().parse_args(argv)
    try:
        return _run(args)
    except TabularError as error:
        print(f"wengert: error: {error}{_option(error)}", file=sys.stderr)
        return 1 if isinstance(error, DivergedError) else 2
    except MemoryError:
        print("wengert: error: out of memory", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("wengert: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read the output is gone; keep the interpreter from flushing into the void.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE


__all__ = ["main"]
