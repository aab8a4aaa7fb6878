"""`SummaryWriter`: PyTorch's class that logs for TensorBoard."""

from __future__ import annotations

import io
import itertools
import os
import socket
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from ..._capture import explain
from ..._common import typename
from ..._protobuf import message
from ..._typing import UserFunction
from ...autograd import no_grad
from . import _summaries
from ._events import event, record

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from typing_extensions import Self

__all__ = ["FileWriter", "SummaryWriter"]

_numbers = itertools.count()


class FileWriter:
    """One event file in a directory, which is made."""

    def __init__(
        self,
        log_dir: str | os.PathLike[str],
        max_queue: int = 10,
        flush_secs: float = 120,
        filename_suffix: str = "",
    ) -> None:
        self._dir = os.fspath(log_dir)
        os.makedirs(self._dir, exist_ok=True)
        now = time.time()
        name = (
            f"events.out.tfevents.{int(now):010d}.{socket.gethostname()}.{os.getpid()}."
            f"{next(_numbers)}{filename_suffix}"
        )
        self._file = open(os.path.join(self._dir, name), "ab")  # noqa: SIM115 - until close()
        self._lock = threading.Lock()
        self._kept, self._most = 0, max_queue
        self._flushed, self._seconds = now, flush_secs
        self.add_event(3, "brain.Event:2", None, now)
        self.flush()

    def get_logdir(self) -> str:
        """The directory."""
        return self._dir

    def add_event(
        self, field: int, content: bytes | str, step: int | None, walltime: float | None = None
    ) -> None:
        """Appends an event; what waits is written after `max_queue` of them or `flush_secs`."""
        data = record(event(time.time() if walltime is None else walltime, step, field, content))
        with self._lock:
            self._file.write(data)
            self._kept += 1
        if self._kept > self._most or time.time() - self._flushed > self._seconds:
            self.flush()

    def flush(self) -> None:
        """Writes what waits."""
        with self._lock:
            self._file.flush()
            self._kept, self._flushed = 0, time.time()

    def close(self) -> None:
        """Writes what waits and closes the file."""
        with self._lock:
            self._file.close()


def _text(x: object, what: str) -> str:
    if not isinstance(x, str):
        raise TypeError(f"{what} must be str, not {typename(x)}")
    return x


class SummaryWriter:
    """Writes numbers, histograms, images, texts and graphs into event files of `log_dir`.

    `log_dir` is by default `runs/` with the time, the host and `comment`. `max_queue` events or
    `flush_secs` seconds are kept before they are written. A `walltime` is in seconds since 1970.
    With `purge_step` TensorBoard forgets what an earlier run has logged from that step on.
    """

    def __init__(
        self,
        log_dir: str | os.PathLike[str] | None = None,
        comment: str = "",
        purge_step: int | None = None,
        max_queue: int = 10,
        flush_secs: float = 120,
        filename_suffix: str = "",
    ) -> None:
        if not log_dir:
            now = datetime.now().strftime("%b%d_%H-%M-%S")
            log_dir = os.path.join("runs", f"{now}_{socket.gethostname()}{comment}")
        self.log_dir = os.fspath(log_dir)
        self.purge_step, self.max_queue = purge_step, max_queue
        self.flush_secs, self.filename_suffix = flush_secs, filename_suffix
        self.file_writer: FileWriter | None = None
        self.all_writers: dict[str, FileWriter] = {}
        self._get_file_writer()

    def _open(self, directory: str) -> FileWriter:
        writer = self.all_writers.get(directory)
        if writer is None:
            writer = self.all_writers[directory] = FileWriter(
                directory, self.max_queue, self.flush_secs, self.filename_suffix
            )
        return writer

    def _get_file_writer(self) -> FileWriter:
        if self.file_writer is None:  # anew after close()
            self.file_writer = self._open(self.log_dir)
            if self.purge_step is not None:
                start = b"\x08\x01"  # of a session log
                self.file_writer.add_event(7, start, self.purge_step)
                self.purge_step = None
        return self.file_writer

    def get_logdir(self) -> str:
        """The directory."""
        return self.log_dir

    def _add(self, summary: bytes, step: object, walltime: float | None) -> None:
        at = None if step is None else int(_summaries.number(step))
        self._get_file_writer().add_event(5, summary, at, walltime)

    def add_scalar(
        self,
        tag: str,
        scalar_value: object,
        global_step: object = None,
        walltime: float | None = None,
        new_style: bool = False,
        double_precision: bool = False,
    ) -> None:
        """A number, or a tensor of one element."""
        summary = _summaries.scalar(_text(tag, "tag"), scalar_value, new_style, double_precision)
        self._add(summary, global_step, walltime)

    def add_scalars(
        self,
        main_tag: str,
        tag_scalar_dict: Mapping[str, object],
        global_step: object = None,
        walltime: float | None = None,
    ) -> None:
        """Several numbers in one diagram: each has a file of its own, below the directory."""
        at = None if global_step is None else int(_summaries.number(global_step))
        for tag, x in tag_scalar_dict.items():
            writer = self._open(f"{self.log_dir}/{main_tag.replace('/', '_')}_{tag}")
            writer.add_event(5, _summaries.scalar(main_tag, x, False, False), at, walltime)

    def add_histogram(
        self,
        tag: str,
        values: object,
        global_step: object = None,
        bins: str | int | Sequence[float] = "tensorflow",
        walltime: float | None = None,
        max_bins: int | None = None,
    ) -> None:
        """How many values lie where; `bins` is "tensorflow" or what NumPy's `histogram` takes."""
        summary = _summaries.histogram(_text(tag, "tag"), values, bins, max_bins)
        self._add(summary, global_step, walltime)

    def add_histogram_raw(
        self,
        tag: str,
        min: float,
        max: float,
        num: float,
        sum: float,
        sum_squares: float,
        bucket_limits: object,
        bucket_counts: object,
        global_step: object = None,
        walltime: float | None = None,
    ) -> None:
        """Counts that are known, with the right limits of their bins."""
        limits, counts = (_summaries.array(x).tolist() for x in (bucket_limits, bucket_counts))
        numbers = (min, max, num, sum, sum_squares)
        summary = _summaries.raw_histogram(_text(tag, "tag"), *numbers, limits, counts)
        self._add(summary, global_step, walltime)

    def add_image(
        self,
        tag: str,
        img_tensor: object,
        global_step: object = None,
        walltime: float | None = None,
        dataformats: str = "CHW",
    ) -> None:
        """An image of 1 to 4 channels, of bytes or numbers of 0..1."""
        summary = _summaries.image(_text(tag, "tag"), img_tensor, dataformats)
        self._add(summary, global_step, walltime)

    def add_images(
        self,
        tag: str,
        img_tensor: object,
        global_step: object = None,
        walltime: float | None = None,
        dataformats: str = "NCHW",
    ) -> None:
        """Images in a grid of 8 columns."""
        self.add_image(tag, img_tensor, global_step, walltime, dataformats)

    def add_figure(
        self,
        tag: str,
        figure: Figure | list[Figure],
        global_step: object = None,
        close: bool = True,
        walltime: float | None = None,
    ) -> None:
        """A figure of matplotlib, or several; they are closed unless `close` is False."""
        for one in figure if isinstance(figure, list) else [figure]:
            self._add(_figure(_text(tag, "tag"), one), global_step, walltime)
            if close:
                from matplotlib import pyplot

                pyplot.close(one)

    def add_audio(
        self,
        tag: str,
        snd_tensor: object,
        global_step: object = None,
        sample_rate: int = 44100,
        walltime: float | None = None,
    ) -> None:
        """Sound of -1..1."""
        summary = _summaries.audio(_text(tag, "tag"), snd_tensor, sample_rate)
        self._add(summary, global_step, walltime)

    def add_text(
        self, tag: str, text_string: str, global_step: object = None, walltime: float | None = None
    ) -> None:
        """A text, which TensorBoard reads as Markdown."""
        self._add(_summaries.text(_text(tag, "tag"), text_string), global_step, walltime)

    def add_pr_curve(
        self,
        tag: str,
        labels: object,
        predictions: object,
        global_step: object = None,
        num_thresholds: int = 127,
        weights: object = None,
        walltime: float | None = None,
    ) -> None:
        """Precision and recall: `labels` are 0 and 1, `predictions` probabilities of 1."""
        summary = _summaries.pr_curve(
            _text(tag, "tag"), labels, predictions, num_thresholds, weights
        )
        self._add(summary, global_step, walltime)

    def add_hparams(
        self,
        hparam_dict: Mapping[str, object],
        metric_dict: Mapping[str, object],
        hparam_domain_discrete: Mapping[str, Iterable[object]] | None = None,
        run_name: str | None = None,
        global_step: object = None,
    ) -> None:
        """What a run was given and what came of it, in a directory of its own."""
        summaries = _summaries.hparams(hparam_dict, metric_dict, hparam_domain_discrete)
        folder = os.path.join(self.log_dir, run_name or str(time.time()))
        at = None if global_step is None else int(_summaries.number(global_step))
        writer = FileWriter(folder, self.max_queue, self.flush_secs, self.filename_suffix)
        for summary in summaries:
            writer.add_event(5, summary, None)
        for tag, x in metric_dict.items():
            writer.add_event(5, _summaries.scalar(tag, x, False, False), at)
        writer.close()

    def add_graph(
        self,
        model: UserFunction,
        input_to_model: object = None,
        verbose: bool = False,
        use_strict_trace: bool = True,
    ) -> None:
        """The steps of `model(*input_to_model)`, as `wengert.explain` lists them."""
        given = input_to_model if isinstance(input_to_model, (tuple, list)) else [input_to_model]
        with no_grad():
            lines = explain(model, *given).lines()
        if verbose:
            print(*(f"{line['op']} {line['operands']}" for line in lines), sep="\n")
        self._get_file_writer().add_event(4, _summaries.graph(lines), None)

    def flush(self) -> None:
        """Writes what waits."""
        for writer in self.all_writers.values():
            writer.flush()

    def close(self) -> None:
        """Writes what waits and closes the files; what is added later begins a new one."""
        for writer in self.all_writers.values():
            writer.close()
        self.file_writer, self.all_writers = None, {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def _figure(tag: str, figure: Figure) -> bytes:
    """A figure's picture, drawn by matplotlib."""
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=figure.dpi)
    data = file.getvalue()
    width, height = (int.from_bytes(data[at : at + 4], "big") for at in (16, 20))
    sizes = _summaries.integer(1, height) + _summaries.integer(2, width) + _summaries.integer(3, 4)
    return _summaries.value(tag, message(4, sizes + message(4, data)))
