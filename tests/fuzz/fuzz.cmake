# Fuzz targets: tests/fuzz/fuzz_<name>.c, each with int LLVMFuzzerTestOneInput(const uint8_t *, size_t).
# corpus/<name>/ holds inputs worth starting from, regression/<name>/ those that once broke something.
# With VP_FUZZ (clang) each is a real libFuzzer binary; otherwise replay.c gives it a main that runs both
# folders and a fixed series of mutations of them, so every build has the targets as tests.
# To add one: write the file and put at least one input into corpus/<name>/.
set(VP_FUZZ_SECONDS 10 CACHE STRING "How long ctest lets each real fuzzer run")

file(GLOB fuzz_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/fuzz/fuzz_*.c)
foreach(source ${fuzz_sources})
  get_filename_component(target ${source} NAME_WE)
  string(REGEX REPLACE "^fuzz_" "" name ${target})
  set(folders ${CMAKE_SOURCE_DIR}/tests/fuzz/corpus/${name})
  if(NOT IS_DIRECTORY ${folders})
    message(FATAL_ERROR "tests/fuzz/${target}.c has no inputs: put at least one into tests/fuzz/corpus/${name}/")
  endif()
  if(IS_DIRECTORY ${CMAKE_SOURCE_DIR}/tests/fuzz/regression/${name})
    list(APPEND folders ${CMAKE_SOURCE_DIR}/tests/fuzz/regression/${name})
  endif()

  add_executable(${target} ${source} ${CMAKE_SOURCE_DIR}/tests/harness/words.c)
  target_compile_definitions(${target} PRIVATE ${test_definitions})
  target_include_directories(${target} PRIVATE ${CMAKE_SOURCE_DIR}/tests ${CMAKE_SOURCE_DIR}/src)
  target_link_libraries(${target} PRIVATE vp_flags virtuoso_core)
  set(scratch ${CMAKE_BINARY_DIR}/scratch)
  if(VP_FUZZ)
    target_link_options(${target} PRIVATE -fsanitize=fuzzer)
  else()
    target_sources(${target} PRIVATE ${CMAKE_SOURCE_DIR}/tests/fuzz/replay.c)
  endif()

  set(dictionary "")
  if(EXISTS ${CMAKE_SOURCE_DIR}/tests/fuzz/${name}.dict)
    set(dictionary -dict=${CMAKE_SOURCE_DIR}/tests/fuzz/${name}.dict)
  endif()
  # What a run finds goes to scratch/, never into the folders of the repository.
  set(found ${scratch}/found_${name})
  file(MAKE_DIRECTORY ${found})
  set(fuzz_arguments -max_total_time=${VP_FUZZ_SECONDS} -timeout=100 -rss_limit_mb=2048 -print_final_stats=1
    -artifact_prefix=${scratch}/crash_${name}_ ${dictionary} ${found} ${folders})
  math(EXPR limit "${VP_FUZZ_SECONDS} + 600") # a loaded machine reads the corpus for minutes
  if(VP_FUZZ)
    add_test(NAME fuzz.${name} COMMAND ${target} ${fuzz_arguments})
  else()
    add_test(NAME fuzz.${name} COMMAND ${target} 2000 ${scratch}/input_${name} ${folders})
  endif()
  set_tests_properties(fuzz.${name} PROPERTIES TIMEOUT ${limit} LABELS fuzz ENVIRONMENT "${sanitizer_environment}")
  if(VP_ALL_CHECKS)
    add_test(NAME asan.fuzz.${name} COMMAND ${CMAKE_BINARY_DIR}/asan/${target} ${fuzz_arguments})
    set_tests_properties(asan.fuzz.${name} PROPERTIES TIMEOUT ${limit} LABELS "asan;fuzz" FIXTURES_REQUIRED asan
      ENVIRONMENT "${sanitizer_environment}")
  endif()
endforeach()
