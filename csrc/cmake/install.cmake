# Installs the core for C++ users, and tests the installed package with a program outside the tree.
include(CMakePackageConfigHelpers)
set(_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/wengert)

# Kernels, the inside of programs, and what the op families share among themselves, are internal: of a
# family's folder only the header that is called like it and functions.h are installed.
install(DIRECTORY csrc/wengert DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
  FILES_MATCHING PATTERN "*.h" PATTERN kernels EXCLUDE PATTERN ops EXCLUDE
  PATTERN program/impl.h EXCLUDE PATTERN program/passes EXCLUDE PATTERN program/file EXCLUDE
  PATTERN program/run/chain.h EXCLUDE)
file(GLOB _families RELATIVE ${PROJECT_SOURCE_DIR}/csrc/wengert/ops csrc/wengert/ops/*)
set(_ops_dir ${CMAKE_INSTALL_INCLUDEDIR}/wengert/ops)
install(FILES csrc/wengert/ops/argument.h csrc/wengert/ops/basic.h csrc/wengert/ops/registry.h
  DESTINATION ${_ops_dir})
install(FILES csrc/wengert/ops/linalg/namespace.h DESTINATION ${_ops_dir}/linalg)
foreach(_family IN LISTS _families)
  foreach(_header ${_family} functions)
    if(EXISTS ${PROJECT_SOURCE_DIR}/csrc/wengert/ops/${_family}/${_header}.h)
      install(FILES csrc/wengert/ops/${_family}/${_header}.h DESTINATION ${_ops_dir}/${_family})
    endif()
  endforeach()
endforeach()
install(TARGETS ${WENGERT_TARGET} EXPORT wengertTargets)
install(EXPORT wengertTargets NAMESPACE wengert:: DESTINATION ${_package_dir})
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY third_party/licenses DESTINATION ${CMAKE_INSTALL_DOCDIR})
configure_package_config_file(csrc/cmake/wengertConfig.cmake.in wengertConfig.cmake
  INSTALL_DESTINATION ${_package_dir})
write_basic_package_version_file(wengertConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/wengertConfig.cmake
  ${PROJECT_BINARY_DIR}/wengertConfigVersion.cmake DESTINATION ${_package_dir})

# For builds without CMake. Its paths are found from where it lies, so that the tree can be moved.
cmake_path(RELATIVE_PATH CMAKE_INSTALL_PREFIX
  BASE_DIRECTORY ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig OUTPUT_VARIABLE _prefix_of_pc)
set(_pc_needs "${CMAKE_THREAD_LIBS_INIT}")
if(WENGERT_PARALLEL STREQUAL "openmp")
  string(APPEND _pc_needs " ${OpenMP_CXX_FLAGS}")
endif()
if(WENGERT_SANITIZE)
  string(APPEND _pc_needs " -fsanitize=${WENGERT_SANITIZE}")
endif()
set(_pc_libs "-L\${libdir} -lwengert")
if(NOT BUILD_SHARED_LIBS)
  string(APPEND _pc_libs " ${_pc_needs}")
endif()
configure_file(csrc/cmake/wengert.pc.in wengert.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/wengert.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

if(WENGERT_BUILD_TESTS)
  enable_testing()
  set(_prefix ${PROJECT_BINARY_DIR}/prefix)
  add_test(NAME install
    COMMAND ${CMAKE_COMMAND} --install ${PROJECT_BINARY_DIR} --prefix ${_prefix})
  set_tests_properties(install PROPERTIES FIXTURES_SETUP installed)
  add_test(NAME consumer
    COMMAND ${CMAKE_CTEST_COMMAND} --build-and-test ${PROJECT_SOURCE_DIR}/tests/cpp
      ${PROJECT_BINARY_DIR}/consumer --build-generator ${CMAKE_GENERATOR} --build-two-config
      --build-options -DCMAKE_PREFIX_PATH=${_prefix} -DCMAKE_BUILD_TYPE=${CMAKE_BUILD_TYPE}
        -DCMAKE_CXX_COMPILER=${CMAKE_CXX_COMPILER}
      --test-command ${CMAKE_CTEST_COMMAND} --output-on-failure --no-tests=error)
  set_tests_properties(consumer PROPERTIES FIXTURES_REQUIRED installed)
endif()
