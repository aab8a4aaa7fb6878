# A package that Python can import from the build directory, without installing anything: links to
# the source files and to the modules of this build, which is what PYTHONPATH=<build>/python finds.
set(_package ${PROJECT_BINARY_DIR}/python/wengert)
file(GLOB _files CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR}/python/wengert
  ${PROJECT_SOURCE_DIR}/python/wengert/*)
list(FILTER _files EXCLUDE REGEX "__pycache__|\\.so$")
file(REMOVE_RECURSE ${_package})
file(MAKE_DIRECTORY ${_package})
foreach(_file IN LISTS _files)
  file(CREATE_LINK ${PROJECT_SOURCE_DIR}/python/wengert/${_file} ${_package}/${_file} SYMBOLIC)
endforeach()
foreach(level IN LISTS WENGERT_LEVELS)
  get_target_property(_suffix _native_${level} SUFFIX)
  set(_module _native_${level}${_suffix})
  file(CREATE_LINK ${PROJECT_BINARY_DIR}/${_module} ${_package}/${_module} SYMBOLIC)
endforeach()
