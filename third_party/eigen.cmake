# Finds Eigen 5 and sets WENGERT_EIGEN_INCLUDE_DIR. Tried in this order, each step falling through
# quickly to the next:
#   1. the directory in FETCHCONTENT_SOURCE_DIR_EIGEN3,
#   2. an installed Eigen >= 5,
#   3. the release archive,
#   4. the package index: the source distribution of ml-dtypes carries the same tree.
# What 3 and 4 fetch is checked against its hash and kept outside the build tree, in
# WENGERT_CACHE (default: wengert/ in the user's cache directory), so a rebuild fetches nothing.
include_guard(GLOBAL)

set(_eigen_version 5.0.1)
set(_eigen_url https://gitlab.com/libeigen/eigen/-/archive/5.0.1/eigen-5.0.1.tar.gz)
set(_eigen_probe https://gitlab.com/robots.txt)
set(_eigen_sha256 e9c326dc8c05cd1e044c71f30f1b2e34a6161a3b6ecf445d56b53ff1669e3dec)
set(_eigen_sdist ml-dtypes==0.6.0)
set(_eigen_sdist_sha256 5e60251d32ced5598972e4d5e06a2f044341f9291402551a3f6f0ec44f9299b0)

function(_wengert_cache_dir result)
  if(WENGERT_CACHE)
    set(dir "${WENGERT_CACHE}")
  elseif(DEFINED ENV{WENGERT_CACHE})
    set(dir "$ENV{WENGERT_CACHE}")
  elseif(DEFINED ENV{XDG_CACHE_HOME})
    set(dir "$ENV{XDG_CACHE_HOME}/wengert")
  elseif(DEFINED ENV{HOME})
    set(dir "$ENV{HOME}/.cache/wengert")
  else()
    set(dir "${CMAKE_BINARY_DIR}/cache")
  endif()
  file(TO_CMAKE_PATH "${dir}" dir)
  execute_process(COMMAND ${CMAKE_COMMAND} -E make_directory "${dir}"
    RESULT_VARIABLE failed OUTPUT_QUIET ERROR_QUIET)
  if(failed)
    set(dir "${CMAKE_BINARY_DIR}/cache")
  endif()
  set(${result} "${dir}" PARENT_SCOPE)
endfunction()

# Unpacks `archive` and moves the directory `inside` it that holds Eigen/ to `target`. The move is
# last and within one file system, so that a build that is interrupted, or runs at the same time,
# never leaves or sees half a tree.
function(_wengert_unpack_eigen archive inside target)
  string(RANDOM LENGTH 8 suffix)
  set(staging "${target}.${suffix}")
  file(ARCHIVE_EXTRACT INPUT "${archive}" DESTINATION "${staging}"
    PATTERNS "${inside}/Eigen/*" "${inside}/unsupported/Eigen/*" "${inside}/COPYING.*")
  file(RENAME "${staging}/${inside}" "${target}" RESULT failed)
  file(REMOVE_RECURSE "${staging}")
  if(failed AND NOT EXISTS "${target}/Eigen/Core")
    message(FATAL_ERROR "Eigen: cannot move the unpacked tree to ${target}: ${failed}")
  endif()
endfunction()

# Step 3. The small file is asked for first because only the overall time limit covers a host that
# swallows the connection, and that of the archive has to be long.
function(_wengert_eigen_from_archive target reason)
  set(archive "${CMAKE_BINARY_DIR}/eigen-${_eigen_version}.tar.gz")
  message(STATUS "Eigen: fetching ${_eigen_url}")
  file(DOWNLOAD "${_eigen_probe}" "${archive}" STATUS status TIMEOUT 8 TLS_VERIFY ON)
  list(GET status 0 failed)
  if(NOT failed)
    file(DOWNLOAD "${_eigen_url}" "${archive}"
      STATUS status INACTIVITY_TIMEOUT 15 TIMEOUT 120 TLS_VERIFY ON)
    list(GET status 0 failed)
  endif()
  if(failed)
    file(REMOVE "${archive}")
    list(GET status 1 text)
    set(${reason} "${text}" PARENT_SCOPE)
    return()
  endif()
  file(SHA256 "${archive}" found)
  if(NOT found STREQUAL _eigen_sha256)
    file(REMOVE "${archive}")
    set(${reason} "SHA-256 is ${found}, should be ${_eigen_sha256}" PARENT_SCOPE)
    return()
  endif()
  _wengert_unpack_eigen("${archive}" "eigen-${_eigen_version}" "${target}")
  file(REMOVE "${archive}")
endfunction()

# Step 4. pip checks the hash before it looks into the archive. In the isolated environment of a
# Python build pip is there because pyproject.toml asks for it.
function(_wengert_eigen_from_index target reason)
  find_package(Python 3.10 QUIET COMPONENTS Interpreter)
  find_program(WENGERT_OTHER_PYTHON NAMES python3 python)
  mark_as_advanced(WENGERT_OTHER_PYTHON)
  set(work "${CMAKE_BINARY_DIR}/eigen-sdist")
  file(REMOVE_RECURSE "${work}")
  file(WRITE "${work}/requirements.txt" "${_eigen_sdist} --hash=sha256:${_eigen_sdist_sha256}\n")
  message(STATUS "Eigen: fetching ${_eigen_sdist} from the package index")
  set(text "no Python interpreter was found")
  foreach(python IN LISTS Python_EXECUTABLE WENGERT_OTHER_PYTHON)
    if(NOT python OR archive)
      continue()
    endif()
    execute_process(COMMAND ${CMAKE_COMMAND} -E env --unset=PIP_BUILD_TRACKER "${python}" -m pip
      --disable-pip-version-check download --quiet --no-deps --no-binary ml-dtypes --timeout 15
      --retries 1 --dest "${work}" --requirement "${work}/requirements.txt"
      OUTPUT_QUIET ERROR_VARIABLE text TIMEOUT 180)
    file(GLOB archive "${work}/ml_dtypes-*.tar.gz")
  endforeach()
  if(NOT archive)
    string(STRIP "${text}" text)
    set(${reason} "${text}" PARENT_SCOPE)
    return()
  endif()
  file(SHA256 "${archive}" found)
  if(NOT found STREQUAL _eigen_sdist_sha256)
    set(${reason} "SHA-256 is ${found}, should be ${_eigen_sdist_sha256}" PARENT_SCOPE)
    return()
  endif()
  get_filename_component(inside "${archive}" NAME)
  string(REGEX REPLACE "\\.tar\\.gz$" "" inside "${inside}")
  _wengert_unpack_eigen("${archive}" "${inside}/third_party/eigen" "${target}")
  file(REMOVE_RECURSE "${work}")
endfunction()

function(_wengert_find_eigen result)
  if(FETCHCONTENT_SOURCE_DIR_EIGEN3)
    if(NOT EXISTS "${FETCHCONTENT_SOURCE_DIR_EIGEN3}/Eigen/Core")
      message(FATAL_ERROR "Eigen: FETCHCONTENT_SOURCE_DIR_EIGEN3 is "
        "${FETCHCONTENT_SOURCE_DIR_EIGEN3}, which has no Eigen/Core")
    endif()
    set(${result} "${FETCHCONTENT_SOURCE_DIR_EIGEN3}" PARENT_SCOPE)
    return()
  endif()

  find_package(Eigen3 5 QUIET CONFIG)
  if(TARGET Eigen3::Eigen)
    get_target_property(dirs Eigen3::Eigen INTERFACE_INCLUDE_DIRECTORIES)
    set(${result} "${dirs}" PARENT_SCOPE)
    return()
  endif()

  _wengert_cache_dir(cache)
  set(target "${cache}/eigen-${_eigen_version}")
  if(NOT EXISTS "${target}/Eigen/Core")
    _wengert_eigen_from_archive("${target}" archive_reason)
  endif()
  if(NOT EXISTS "${target}/Eigen/Core")
    message(STATUS "Eigen: no archive (${archive_reason})")
    _wengert_eigen_from_index("${target}" index_reason)
  endif()
  if(NOT EXISTS "${target}/Eigen/Core")
    message(FATAL_ERROR "Eigen ${_eigen_version} could not be had.\n"
      "  release archive: ${archive_reason}\n"
      "  package index:   ${index_reason}\n"
      "Supply it by hand: unpack Eigen ${_eigen_version} somewhere and name that directory, the "
      "one that holds Eigen/Core, with\n"
      "  cmake -DFETCHCONTENT_SOURCE_DIR_EIGEN3=DIR ...   or\n"
      "  pip install . --config-settings=cmake.define.FETCHCONTENT_SOURCE_DIR_EIGEN3=DIR\n"
      "or install it so that find_package(Eigen3 5) finds it.")
  endif()
  set(${result} "${target}" PARENT_SCOPE)
endfunction()

_wengert_find_eigen(WENGERT_EIGEN_INCLUDE_DIR)
file(STRINGS "${WENGERT_EIGEN_INCLUDE_DIR}/Eigen/Version" _eigen_found
  REGEX "EIGEN_(MAJOR|MINOR|PATCH)_VERSION [0-9]+")
string(REGEX REPLACE "[^0-9;]" "" _eigen_found "${_eigen_found}")
list(JOIN _eigen_found "." _eigen_found)
if(_eigen_found VERSION_LESS 5)
  message(FATAL_ERROR "Eigen: ${WENGERT_EIGEN_INCLUDE_DIR} holds version '${_eigen_found}', "
    "5.0 or later is needed")
endif()
message(STATUS "Eigen: ${_eigen_found} in ${WENGERT_EIGEN_INCLUDE_DIR}")
