"""Models of a local directory with a `hubconf.py`, and weights that are on the disk already.

Nothing is downloaded: what would be says which file to put where.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import NoReturn
from urllib.parse import urlparse

from ._typing import StateDict, UserFunction
from .serialization import load as _load

__all__ = [
    "download_url_to_file",
    "get_dir",
    "help",
    "list",
    "load",
    "load_state_dict_from_url",
    "set_dir",
]

_hub_dir: str | None = None


def get_dir() -> str:
    """`set_dir`'s, or `hub` in $TORCH_HOME, which is `torch` in $XDG_CACHE_HOME or ~/.cache."""
    if _hub_dir is not None:
        return _hub_dir
    cache = os.environ.get("XDG_CACHE_HOME", "~/.cache")
    home = os.environ.get("TORCH_HOME", os.path.join(cache, "torch"))
    return os.path.join(os.path.expanduser(home), "hub")


def set_dir(d: str | os.PathLike[str]) -> None:
    """Sets where cached repositories and weights are looked for."""
    global _hub_dir
    _hub_dir = os.path.expanduser(os.fspath(d))


def _directory(repo: str | os.PathLike[str], source: str) -> str:
    """Where a repository lies: a local one, or a copy that PyTorch has cached."""
    if source == "local":
        return os.fspath(repo)
    if source != "github":
        raise ValueError(f'Unknown source: "{source}". Allowed values: "github" | "local".')
    name, _, branch = os.fspath(repo).partition(":")
    owner, _, project = name.partition("/")
    for guess in [branch] if branch else ["main", "master"]:
        kept = os.path.join(get_dir(), f"{owner}_{project}_{guess.replace('/', '_')}")
        if os.path.isdir(kept):
            return kept
    raise RuntimeError(
        f"hub: nothing is downloaded here; clone https://github.com/{name} and load it with "
        'source="local"'
    )


def _configuration(directory: str) -> ModuleType:
    path = os.path.join(directory, "hubconf.py")
    spec = importlib.util.spec_from_file_location("hubconf", path)
    if not os.path.isfile(path) or spec is None or spec.loader is None:
        raise RuntimeError(f"hub: {directory} has no hubconf.py")
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, directory)
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(directory)
    lacking = [
        name
        for name in getattr(module, "dependencies", ())
        if importlib.util.find_spec(name) is None
    ]
    if lacking:
        raise RuntimeError(f"Missing dependencies: {', '.join(lacking)}")
    return module


def _entry(module: ModuleType, name: str) -> UserFunction:
    if not isinstance(name, str):
        raise ValueError("Invalid input: model should be a string of function name")
    entry = getattr(module, name, None)
    if not callable(entry):
        raise RuntimeError(f"Cannot find callable {name} in hubconf")
    return entry


def list(
    github: str | os.PathLike[str], force_reload: bool = False, *, source: str = "github",
    **options: object,
) -> Sequence[str]:  # fmt: skip
    """The names of the models in a repository: functions of its `hubconf.py`."""
    module = _configuration(_directory(github, source))
    return [name for name, value in vars(module).items()
            if callable(value) and not name.startswith("_")]  # fmt: skip


def help(
    github: str | os.PathLike[str], model: str, force_reload: bool = False, *,
    source: str = "github", **options: object,
) -> str | None:  # fmt: skip
    """The documentation of a model's function."""
    return _entry(_configuration(_directory(github, source)), model).__doc__


def load(
    repo_or_dir: str | os.PathLike[str],
    model: str,
    *args: object,
    source: str = "github",
    trust_repo: object = None,
    force_reload: bool = False,
    verbose: bool = True,
    skip_validation: bool = False,
    **kwargs: object,
) -> object:
    """The model that `model(*args, **kwargs)` of the repository's `hubconf.py` gives.

    `repo_or_dir` is a directory with `source="local"`, else the name `owner/repository[:branch]` of
    one that PyTorch has cached. RuntimeError if it is not there: nothing is downloaded.
    """
    return _entry(_configuration(_directory(repo_or_dir, source)), model)(*args, **kwargs)


def download_url_to_file(
    url: str, dst: str | os.PathLike[str], hash_prefix: str | None = None, progress: bool = True
) -> NoReturn:
    """RuntimeError: nothing is downloaded."""
    raise RuntimeError(f"hub: nothing is downloaded here; put the file of {url} at {dst}")


def load_state_dict_from_url(
    url: str,
    model_dir: str | os.PathLike[str] | None = None,
    map_location: object = None,
    progress: bool = True,
    check_hash: bool = False,
    file_name: str | None = None,
    weights_only: bool = False,
) -> StateDict:
    """The weights of `url` from the file that is kept of it, by default in `get_dir()/checkpoints`.

    RuntimeError with the file's place if it is not there. The file is read as `load` reads it,
    tensors and plain containers alone, whatever `weights_only` says.
    """
    folder = os.path.join(get_dir(), "checkpoints") if model_dir is None else os.fspath(model_dir)
    path = os.path.join(folder, file_name or os.path.basename(urlparse(url).path))
    if not os.path.isfile(path):
        download_url_to_file(url, path)
    state: StateDict = _load(path, map_location)
    return state
