"""ONNX's names: a file that others read is not written here, and what there is instead is said."""

from __future__ import annotations

from typing import NoReturn

__all__ = ["OnnxExporterError", "dynamo_export", "export", "is_in_onnx_export"]


class OnnxExporterError(RuntimeError):
    """Nothing can be exported."""


def export(*args: object, **kwargs: object) -> NoReturn:
    """OnnxExporterError: says what keeps a forward pass instead."""
    raise OnnxExporterError(
        "onnx.export: this version writes no ONNX files; wengert.capture(model).save(path, *args) "
        "keeps a forward pass for Python and C++, and torch.save(model.state_dict(), path) is read "
        "by PyTorch, which exports"
    )


dynamo_export = export


def is_in_onnx_export() -> bool:
    """False."""
    return False
