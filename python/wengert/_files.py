"""Writing files so that nobody ever sees half of one, and nothing else is replaced by one.

Note [outputs]
~~~~~~~~~~~~~~
A new file, or a plain one that is replaced, is written beside its place under another name and
renamed once it is whole and on the disk. That does not fit everything that a path can name:

- A device, a pipe or a socket is written to; a file put in its place would be the end of it. What
  /dev/stdout and its like name is the descriptor that is open already.
- A file in a directory that may not be written, one with several names (hard links), or one whose
  owner cannot be kept, is written in place, after everything has been put together elsewhere: an
  error before that leaves it as it was.
- A file whose mode lets nobody write is refused, for root too.

The writer holds a lock (flock) on what it has not renamed yet. A process that is killed leaves it
behind without a lock, by which the next one that writes the same file tells that it can go.
"""

from __future__ import annotations

import errno
import os
import re
import stat
import sys
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import IO

_DESCRIPTOR = re.compile(r"/dev/(?:std(in|out|err)|fd/(\d+))|/proc/self/fd/(\d+)")
_MARK = ".wengert-"  # that no file of a user is taken for a leftover
_LONGEST_NAME = 255 - len(_MARK + "12345678.tmp")  # bytes
_COPIED = 1 << 20


def _stat(path: str) -> os.stat_result | None:
    try:
        return os.stat(path)
    except FileNotFoundError:
        return None


def _descriptor(path: str) -> int | None:
    """The open descriptor that a path such as /dev/stdout names."""
    found = _DESCRIPTOR.fullmatch(path)
    if found is None:
        return None
    if found[1]:
        return ("in", "out", "err").index(found[1])
    return int(found[2] or found[3])


def _beside(path: str) -> tuple[str, str]:
    """The directory and the beginning of the name that a file has until it is whole."""
    folder, name = os.path.split(path)
    short = os.fsencode(name)[:_LONGEST_NAME].decode("utf-8", "ignore")
    return folder, (short or name[:60]) + _MARK


def _lock(descriptor: int) -> bool:
    try:
        import fcntl
    except ImportError:  # no POSIX
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        return True
    return True


def _remove_leftovers(path: str) -> None:
    """Removes what processes that were killed while they wrote `path` have left beside it."""
    folder, start = _beside(path)
    name = re.compile(re.escape(start) + r"(\w{6}|\w{8})\.tmp")
    with suppress(OSError):
        for entry in list(os.scandir(folder)):
            if not name.fullmatch(entry.name) or not entry.is_file(follow_symlinks=False):
                continue
            with suppress(OSError):
                descriptor = os.open(entry.path, os.O_RDWR | getattr(os, "O_NOFOLLOW", 0))
                try:
                    if _lock(descriptor):
                        os.unlink(entry.path)
                finally:
                    os.close(descriptor)


def _open_beside(path: str) -> tuple[IO[bytes], str]:
    import tempfile  # here, as importing the package should not pay for it

    folder, start = _beside(path)
    while True:
        descriptor, name = tempfile.mkstemp(dir=folder, prefix=start, suffix=".tmp")
        locked = _lock(descriptor)
        found = _stat(name)
        # Between the two calls somebody may have taken it for a leftover.
        if locked and found is not None and found.st_ino == os.fstat(descriptor).st_ino:
            return os.fdopen(descriptor, "wb"), name
        os.close(descriptor)


def _check_regular(path: str, found: os.stat_result) -> None:
    if not found.st_mode & 0o222 or not os.access(path, os.W_OK):
        raise PermissionError(errno.EACCES, "the file is read-only", path)


def check_output(path: str | os.PathLike[str]) -> None:
    """Raises the OSError that writing `path` would end in, as far as that can be known before.

    Directories that do not exist or may not be written, names that are too long, read-only files.
    Nothing is left behind and nothing is changed.
    """
    path = os.fspath(path)
    descriptor = _descriptor(path)
    if descriptor is not None:
        os.fstat(descriptor)
        return
    found = _stat(path)
    if found is not None and stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
    if found is not None and not stat.S_ISREG(found.st_mode):
        if not os.access(path, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
        return
    real = os.path.realpath(path)
    if found is not None:
        _check_regular(real, found)
    try:
        file, name = _open_beside(real)
    except OSError as error:
        if found is None or error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise _named(error, path) from None
        return
    file.close()
    os.unlink(name)


def same_file(one: str | os.PathLike[str], other: str | os.PathLike[str]) -> bool:
    """Whether two paths name one plain file, which may not exist yet."""
    first, second = _stat(os.fspath(one)), _stat(os.fspath(other))
    if first is not None and second is not None:
        return os.path.samestat(first, second) and stat.S_ISREG(first.st_mode)
    return first is second and os.path.realpath(one) == os.path.realpath(other)


def clash(
    inputs: Iterable[str | os.PathLike[str]], outputs: Iterable[str | os.PathLike[str]]
) -> tuple[str, str] | None:
    """The first of `outputs` that is also an input or another output, with what it is."""
    seen = [(os.fspath(path), "read") for path in inputs]
    for path in outputs:
        for known, how in seen:
            if same_file(path, known):
                return os.fspath(path), how
        seen.append((os.fspath(path), "written"))
    return None


def _named(error: OSError, path: str) -> OSError:
    """The same error with the path that the user knows: a full disk names none."""
    if error.errno is None:
        return error
    named = type(error)(error.errno, error.strerror, path)
    return named.with_traceback(error.__traceback__)


@contextmanager
def atomic_write(path: str | os.PathLike[str]) -> Iterator[IO[bytes]]:
    """A binary file that takes the place of `path` when the block ends without an error.

    Until then, and after an error, `path` is as it was. An existing file keeps its mode, its owner
    and its other names; devices and pipes are written to as the block goes. See Note [outputs].
    Raises OSError with the path in it, PermissionError for a file that is read-only.
    """
    path = os.fspath(path)
    try:
        with _opened(path) as file:
            yield file
    except OSError as error:
        if error.filename is not None and error.filename == path:
            raise
        raise _named(error, path) from None


@contextmanager
def _opened(path: str) -> Iterator[IO[bytes]]:
    descriptor = _descriptor(path)
    if descriptor is not None:
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
        with os.fdopen(os.dup(descriptor), "wb") as stream_copy:
            yield stream_copy
        return
    found = _stat(path)
    if found is not None and not stat.S_ISREG(found.st_mode):
        with open(path, "wb") as device:
            yield device
        return
    with _regular(os.path.realpath(path), found) as file:
        yield file


def _regular(path: str, found: os.stat_result | None) -> AbstractContextManager[IO[bytes]]:
    if found is not None:
        _check_regular(path, found)
        if found.st_nlink > 1:
            return _in_place(path)
    _remove_leftovers(path)
    try:
        file, temporary = _open_beside(path)
    except OSError as error:
        if found is None or error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise
        return _in_place(path)
    return _renamed(file, temporary, path, found)


@contextmanager
def _in_place(path: str) -> Iterator[IO[bytes]]:
    import tempfile

    with tempfile.TemporaryFile() as whole:
        yield whole
        whole.seek(0)
        _copy_into(whole, path)


def _copy_into(whole: IO[bytes], path: str) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY), "wb") as file:
        while block := whole.read(_COPIED):
            file.write(block)
        file.truncate()
        _flush(file)


def _flush(file: IO[bytes]) -> None:
    file.flush()
    os.fsync(file.fileno())


@contextmanager
def _renamed(
    file: IO[bytes], temporary: str, path: str, found: os.stat_result | None
) -> Iterator[IO[bytes]]:
    try:
        with file:
            yield file
            _flush(file)
            if _take_after(file.fileno(), found):
                os.replace(temporary, path)  # before the lock goes with the descriptor
                return
        with open(temporary, "rb") as whole:
            _copy_into(whole, path)
        os.unlink(temporary)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(temporary)
        raise


def _take_after(descriptor: int, found: os.stat_result | None) -> bool:
    """Gives a new file the owner and mode of the one it replaces. False if it may not."""
    if found is None:
        mask = os.umask(0)
        os.umask(mask)
        os.fchmod(descriptor, 0o666 & ~mask)
        return True
    own = os.fstat(descriptor)
    if (own.st_uid, own.st_gid) != (found.st_uid, found.st_gid):
        try:
            os.fchown(descriptor, found.st_uid, found.st_gid)
        except OSError:
            return False
    os.fchmod(descriptor, stat.S_IMODE(found.st_mode))
    return True
