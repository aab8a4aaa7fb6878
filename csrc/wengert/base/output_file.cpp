#include "wengert/base/output_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "wengert/base/error.h"

namespace wengert {

namespace fs = std::filesystem;

namespace {

constexpr const char* kMark = ".wengert-";  // that no file of a user is taken for a leftover
constexpr size_t kLongestName = 255 - 24;   // bytes, without the mark and what open_beside adds

[[noreturn]] void failed() { fail(ErrorKind::kRuntime, std::strerror(errno)); }

bool not_allowed(int error) { return error == EACCES || error == EPERM || error == EROFS; }

// `name` of a file beside `path` that is not whole yet, up to what mkstemps fills in.
std::string beginning(const fs::path& path) {
  return path.filename().string().substr(0, kLongestName) + kMark;
}

// Removes what killed processes have left: the lock of a file that is being written is held.
void remove_leftovers(const fs::path& path) {
  const std::string start = beginning(path), end = ".tmp";
  std::error_code error;
  for (fs::directory_iterator i(path.parent_path(), error), last; !error && i != last;
       i.increment(error)) {
    const std::string name = i->path().filename().string();
    const size_t random = name.size() - std::min(name.size(), start.size() + end.size());
    if ((random != 6 && random != 8) || !name.starts_with(start) || !name.ends_with(end) ||
        !i->is_regular_file(error))
      continue;
    const int f = open(i->path().c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    if (f < 0) continue;
    if (flock(f, LOCK_EX | LOCK_NB) == 0) unlink(i->path().c_str());
    close(f);
  }
}

bool take_after(int f, const struct stat& before) {
  struct stat own;
  if (fstat(f, &own)) return false;
  if ((own.st_uid != before.st_uid || own.st_gid != before.st_gid) &&
      fchown(f, before.st_uid, before.st_gid))
    return false;
  return fchmod(f, before.st_mode & 07777) == 0;
}

}  // namespace

OutputFile::OutputFile(const std::string& path) : path_(path) {
  struct stat found;
  exists_ = stat(path.c_str(), &found) == 0;
  if (!exists_ && errno != ENOENT) failed();
  // What /dev/stdout names may be a plain file, which others have open.
  if ((exists_ && !S_ISREG(found.st_mode)) || path.starts_with("/dev/")) {
    file_ = std::fopen(path.c_str(), "wbe");
    if (!file_) failed();
    return;
  }
  if (exists_ && (!(found.st_mode & 0222) || access(path.c_str(), W_OK)))
    fail(ErrorKind::kRuntime, "the file is read-only");
  std::error_code error;
  path_ = fs::weakly_canonical(fs::absolute(path), error).string();
  if (error) fail(ErrorKind::kRuntime, error.message());
  in_place_ = exists_ && found.st_nlink > 1;
  if (!in_place_) open_beside();
  if (!file_ && !in_place_) failed();
  if (in_place_ && !(file_ = std::tmpfile())) failed();
}

// Leaves file_ null where it cannot, or turns to writing in place where that is still possible.
void OutputFile::open_beside() {
  const fs::path target(path_);
  remove_leftovers(target);
  std::string name = (target.parent_path() / beginning(target)).string() + "XXXXXX.tmp";
  int f = -1;
  for (struct stat named, held; f < 0;) {
    std::string attempt = name;
    f = mkostemps(attempt.data(), 4, O_CLOEXEC);
    if (f < 0) {
      in_place_ = exists_ && not_allowed(errno);
      return;
    }
    temporary_ = attempt;
    flock(f, LOCK_EX | LOCK_NB);
    // Between the two calls somebody may have taken it for a leftover.
    if (stat(attempt.c_str(), &named) == 0 && fstat(f, &held) == 0 && named.st_ino == held.st_ino)
      break;
    close(f);
    f = -1;
  }
  file_ = fdopen(f, "w+b");
}

void OutputFile::copy_into_place() {
  const int to = open(path_.c_str(), O_WRONLY | O_CLOEXEC);
  if (to < 0) failed();
  std::rewind(file_);
  char block[1 << 16];
  off_t total = 0;
  bool ok = true;
  while (const size_t n = ok ? std::fread(block, 1, sizeof block, file_) : 0) {
    for (size_t at = 0; at < n && ok;) {
      const ssize_t written = write(to, block + at, n - at);
      ok = written > 0 || (written < 0 && errno == EINTR);
      if (written > 0) at += static_cast<size_t>(written);
    }
    total += static_cast<off_t>(n);
  }
  ok = ok && !std::ferror(file_) && ftruncate(to, total) == 0 && fsync(to) == 0;
  const int error = errno;
  close(to);
  if (!ok) fail(ErrorKind::kRuntime, std::strerror(error));
}

void OutputFile::commit() {
  if (std::fflush(file_) || std::ferror(file_)) failed();
  if (in_place_) return copy_into_place();
  if (temporary_.empty()) return;  // a device or a pipe
  if (fsync(fileno(file_))) failed();
  struct stat before;
  if (stat(path_.c_str(), &before)) {
    const mode_t mask = umask(0);
    umask(mask);
    fchmod(fileno(file_), 0666 & ~mask);
  } else if (!take_after(fileno(file_), before)) {
    return copy_into_place();
  }
  if (std::rename(temporary_.c_str(), path_.c_str())) failed();
  temporary_.clear();
}

OutputFile::~OutputFile() {
  if (!temporary_.empty()) unlink(temporary_.c_str());
  if (file_) std::fclose(file_);
}

}  // namespace wengert
