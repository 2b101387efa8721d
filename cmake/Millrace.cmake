# The only ways to make a target. A library is a folder: every .cc file in it, linked privately
# against the libraries it names, so that a dependency that is not declared does not link.

# MILLRACE_QUICK (docs/performance.md): library files are compiled six at a time, which parses their headers once, and
# tests unoptimized with GoogleTest precompiled. The other presets compile each file alone and so prove that it includes
# what it needs.

# millrace_library(<name> [DEPS <target>...] [EXTERNAL <library>...] [ALONE <file>...])
# ALONE: files whose local names another file of the folder has too.
function(millrace_library name)
  cmake_parse_arguments(ARG "" "" "DEPS;EXTERNAL;ALONE" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cc)
  list(FILTER sources EXCLUDE REGEX "(main|_test)\\.cc$")
  if(sources)
    add_library(${name} STATIC ${sources})
    set_target_properties(${name} PROPERTIES UNITY_BUILD ${MILLRACE_QUICK} UNITY_BUILD_BATCH_SIZE 6)
    if(MILLRACE_QUICK)
      # GCC takes a .cc file that another includes for a header.
      target_compile_options(${name} PRIVATE -Wno-subobject-linkage)
    endif()
    set_source_files_properties(${ARG_ALONE} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
    target_include_directories(${name} PUBLIC ${CMAKE_SOURCE_DIR})
    target_link_libraries(${name} PUBLIC ${ARG_DEPS} PRIVATE ${ARG_EXTERNAL} Threads::Threads)
  else()
    add_library(${name} INTERFACE)
    target_include_directories(${name} INTERFACE ${CMAKE_SOURCE_DIR})
    target_link_libraries(${name} INTERFACE ${ARG_DEPS} ${ARG_EXTERNAL} Threads::Threads)
  endif()
endfunction()

# millrace_binary(<name> MAIN <file> [DEPS ...])
function(millrace_binary name)
  cmake_parse_arguments(ARG "" "MAIN" "DEPS;EXTERNAL" ${ARGN})
  add_executable(${name} ${ARG_MAIN})
  target_link_libraries(${name} PRIVATE ${ARG_DEPS} ${ARG_EXTERNAL})
endfunction()

# millrace_quick_test(<target>): the flags of a GoogleTest binary in a quick build.
function(millrace_quick_test name)
  if(NOT MILLRACE_QUICK)
    return()
  endif()
  # Without optimization nothing can be fortified. ccache needs -fpch-preprocess.
  set(flags -O0 -U_FORTIFY_SOURCE -fpch-preprocess)
  if(NOT TARGET tests_precompiled)
    file(GENERATE OUTPUT ${CMAKE_BINARY_DIR}/tests_precompiled.cc CONTENT "")
    add_library(tests_precompiled OBJECT EXCLUDE_FROM_ALL ${CMAKE_BINARY_DIR}/tests_precompiled.cc)
    set_target_properties(tests_precompiled PROPERTIES POSITION_INDEPENDENT_CODE OFF)
    target_include_directories(tests_precompiled PRIVATE ${CMAKE_SOURCE_DIR})
    # As in an executable: GCC reads what was precompiled with the same flags only.
    target_compile_options(tests_precompiled PRIVATE -fPIE ${flags})
    target_link_libraries(tests_precompiled PRIVATE GTest::gmock)
    target_precompile_headers(tests_precompiled PRIVATE <algorithm> <chrono> <filesystem> <fstream> <functional> <map>
      <memory> <mutex> <optional> <set> <string> <thread> <unordered_map> <vector> <gmock/gmock.h> <gtest/gtest.h>)
  endif()
  target_compile_options(${name} PRIVATE ${flags})
  target_precompile_headers(${name} REUSE_FROM tests_precompiled)
endfunction()

# millrace_test(<name> [LABEL unit] [DEPS ...]): one GoogleTest binary of every *_test.cc in this folder.
function(millrace_test name)
  cmake_parse_arguments(ARG "" "LABEL;TIMEOUT" "DEPS;EXTERNAL" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*_test.cc)
  if(NOT sources)
    return()
  endif()
  add_executable(${name} ${sources})
  target_link_libraries(${name} PRIVATE ${ARG_DEPS} ${ARG_EXTERNAL} GTest::gtest_main GTest::gmock)
  millrace_quick_test(${name})
  if(NOT ARG_LABEL)
    set(ARG_LABEL unit)
  endif()
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 300)
  endif()
  add_test(NAME ${name} COMMAND ${name} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
  set_tests_properties(${name} PROPERTIES LABELS ${ARG_LABEL} TIMEOUT ${ARG_TIMEOUT})
endfunction()

# millrace_fuzz(<name> SOURCE <file> [DEPS ...]): a libFuzzer target, built by the fuzz preset only.
function(millrace_fuzz name)
  cmake_parse_arguments(ARG "" "SOURCE" "DEPS;EXTERNAL" ${ARGN})
  if(MILLRACE_FUZZ)
    if(NOT TARGET fuzz_targets)
      add_custom_target(fuzz_targets)
    endif()
    add_executable(${name} ${ARG_SOURCE})
    add_dependencies(fuzz_targets ${name})
    target_compile_options(${name} PRIVATE -fsanitize=fuzzer)
    target_link_options(${name} PRIVATE -fsanitize=fuzzer)
    target_link_libraries(${name} PRIVATE ${ARG_DEPS} ${ARG_EXTERNAL})
  endif()
endfunction()
