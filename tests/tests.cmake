# All tests, each a ctest entry with a time limit:
#   unit.<room>         cmocka, one executable a room, from tests/unit/<room>/test_*.c; each file
#                       exports int test_<name>(void) that runs its group (main is generated)
#   integration.<name>  tests/integration/test_<name>.c, an executable each, drives the real binary
#   fuzz.<name>         tests/fuzz/fuzz_<name>.c over its corpus and some mutations of it
#   lint.<name>         rules about the source text
# With VP_ALL_CHECKS (third_party/bootstrap.sh test) every unit and integration test has a twin
# asan.* from a second build in asan/ (clang, AddressSanitizer, LeakSanitizer, UBSan, fuzz targets as
# real fuzzers), and a chosen few a twin valgrind.*. So one ctest run, with one closing line, is all.
find_package(PkgConfig REQUIRED)
pkg_check_modules(cmocka IMPORTED_TARGET cmocka)
if(NOT cmocka_FOUND)
  message(FATAL_ERROR "cmocka is missing. On Debian: apt-get install libcmocka-dev "
    "(third_party/bootstrap.sh test does it)")
endif()

set(test_definitions
  VP_SOURCE_DIR="${CMAKE_SOURCE_DIR}" VP_GOLDEN_DIR="${CMAKE_SOURCE_DIR}/tests/golden"
  VP_BINARY="${CMAKE_BINARY_DIR}/virtuoso-proxy" VP_BINARY_NEXT="${CMAKE_BINARY_DIR}/next/virtuoso-proxy-next"
  VP_SHARED="${VP_SHARED}"
  VP_SCRATCH_DIR="${CMAKE_BINARY_DIR}/scratch")
file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/scratch)

# A room is checked by valgrind where memory changes hands through libraries that no sanitizer has
# instrumented; of the integration tests those named here (clean exits, cancelled work).
set(VALGRIND_ROOMS base data net http upstream plan step)
set(VALGRIND_INTEGRATION lifetime drain run_events)
if(VP_LONG)
  list(APPEND VALGRIND_INTEGRATION runs)
endif()

set(sanitizer_environment
  "ASAN_OPTIONS=detect_leaks=1:detect_stack_use_after_return=1:strict_string_checks=1:allow_addr2line=1"
  "UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1:allow_addr2line=1")
set(valgrind_command valgrind -q --error-exitcode=99 --leak-check=full
  --errors-for-leak-kinds=definite --child-silent-after-fork=yes --num-callers=30)

if(VP_ALL_CHECKS)
  find_program(CLANG NAMES clang)
  find_program(VALGRIND NAMES valgrind)
  if(NOT CLANG OR NOT VALGRIND)
    message(FATAL_ERROR "VP_ALL_CHECKS needs clang and valgrind (third_party/bootstrap.sh test installs them)")
  endif()
  add_test(NAME asan.build COMMAND ${CMAKE_CTEST_COMMAND}
    --build-and-test ${CMAKE_SOURCE_DIR} ${CMAKE_BINARY_DIR}/asan --build-generator Ninja --build-noclean
    --build-options -DCMAKE_C_COMPILER=${CLANG} -DCMAKE_BUILD_TYPE=RelWithDebInfo -DVP_FUZZ=ON
    -DVP_SANITIZE=address,undefined -DBASE_ARENA_MALLOC=ON -DVP_WERROR=${VP_WERROR} "-DVP_SHARED=${VP_SHARED}"
    -DCMAKE_C_COMPILER_LAUNCHER=${CMAKE_C_COMPILER_LAUNCHER}
    -DLLHTTP_ROOT=${CMAKE_BINARY_DIR}/third_party/llhttp)
  set_tests_properties(asan.build PROPERTIES FIXTURES_SETUP asan TIMEOUT 1800 LABELS asan PROCESSORS 2 COST 1000)
endif()

# What takes longest begins first (COST), so that no single test is still running when all others have ended.
set(LONG_TESTS unit.store unit.upstream unit.events integration.cloud_store integration.stress integration.lambda_life
  integration.replicas integration.versions integration.driven integration.run_cli integration.regions
  integration.cloud_secrets integration.rotation integration.workers integration.artifacts integration.rollout)

# The test and its twins; `valgrind` is ON or OFF. No test may depend on having the machine for itself: tests wait
# for what they need (harness/wait.h), and where a limit of the server is what is tested, VP_SLOW stretches the
# rest. Under valgrind VP_WRAPPER makes the harness start the real binary under it.
function(vp_test name target timeout label valgrind)
  set(long "")
  if(VP_LONG)
    set(long ";VP_LONG=1")
    math(EXPR timeout "${timeout} * 3")
  endif()
  set(cost 0)
  if(name IN_LIST LONG_TESTS)
    set(cost 100)
  endif()
  add_test(NAME ${name} COMMAND ${target})
  set_tests_properties(${name} PROPERTIES TIMEOUT ${timeout} LABELS ${label} COST ${cost}
    ENVIRONMENT "${sanitizer_environment}${long}")
  if(NOT VP_ALL_CHECKS)
    return()
  endif()

  math(EXPR longer "${timeout} * 3")
  add_test(NAME asan.${name} COMMAND ${CMAKE_BINARY_DIR}/asan/${target})
  set_tests_properties(asan.${name} PROPERTIES TIMEOUT ${longer} LABELS asan COST ${cost}
    FIXTURES_REQUIRED asan ENVIRONMENT "${sanitizer_environment};VP_SLOW=3${long}")
  if(NOT valgrind)
    return()
  endif()

  math(EXPR longer "${timeout} * 10")
  if(label STREQUAL "integration")
    list(JOIN valgrind_command "\t" wrapper)
    add_test(NAME valgrind.${name} COMMAND ${target})
    set(environment "VP_WRAPPER=${wrapper};VP_SLOW=10")
  else()
    add_test(NAME valgrind.${name} COMMAND ${valgrind_command} $<TARGET_FILE:${target}>)
    set(environment "VP_SLOW=10")
  endif()
  set_tests_properties(valgrind.${name} PROPERTIES TIMEOUT ${longer} LABELS valgrind COST 100
    ENVIRONMENT "${environment}")
endfunction()

file(GLOB harness_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/harness/*.c)
add_library(test_harness STATIC ${harness_sources})
target_include_directories(test_harness PUBLIC ${CMAKE_SOURCE_DIR}/tests PRIVATE ${CMAKE_SOURCE_DIR}/src)
target_compile_definitions(test_harness PUBLIC ${test_definitions})
target_link_libraries(test_harness PUBLIC vp_flags virtuoso_core PkgConfig::cmocka)
# Of what compiling costs, three quarters are the optimizer's: the product has it, its tests do without.
target_compile_options(test_harness PUBLIC -O0 -U_FORTIFY_SOURCE)

# Writes the main() of a runner that calls int <file name>(void) of each source.
function(vp_write_runner output)
  set(declarations "")
  set(calls "")
  foreach(source ${ARGN})
    get_filename_component(name ${source} NAME_WE)
    string(APPEND declarations "int ${name}(void);\n")
    string(APPEND calls "    failed += ${name}();\n")
  endforeach()
  file(CONFIGURE OUTPUT ${output} CONTENT "${declarations}
int main(void)
{
    int failed = 0;

${calls}    return failed == 0 ? 0 : 1;
}
")
endfunction()

foreach(room harness ${ROOMS})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/unit/${room}/test_*.c)
  if(sources)
    set(runner ${CMAKE_BINARY_DIR}/generated/unit_${room}.c)
    vp_write_runner(${runner} ${sources})
    add_executable(unit_${room} ${sources} ${runner})
    target_include_directories(unit_${room} PRIVATE ${CMAKE_SOURCE_DIR}/src)
    target_link_libraries(unit_${room} PRIVATE test_harness)
    # The one function that each file exports is declared in the generated runner alone.
    set_source_files_properties(${sources} PROPERTIES COMPILE_OPTIONS -Wno-missing-prototypes)
    set(valgrind OFF)
    if(room IN_LIST VALGRIND_ROOMS)
      set(valgrind ON)
    endif()
    set(timeout 300)
    if(room STREQUAL store) # Cloud Storage takes one change of an object a second
      set(timeout 600)
    endif()
    vp_test(unit.${room} unit_${room} ${timeout} unit ${valgrind})
  endif()
endforeach()

# The program a second time, as a version that makes other rows of a file (RUN_ENGINE, src/run/share_internal.h): what two
# versions do with each other's runs is tested with both.
file(GLOB run_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/run/*.c)
add_executable(virtuoso-proxy-next ${CMAKE_SOURCE_DIR}/src/app/main.c ${run_sources})
target_compile_definitions(virtuoso-proxy-next PRIVATE RUN_ENGINE=3)
target_link_libraries(virtuoso-proxy-next PRIVATE vp_flags virtuoso_core)
set_target_properties(virtuoso-proxy-next PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/next)

file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/integration/test_*.c)
foreach(source ${sources})
  get_filename_component(name ${source} NAME_WE)
  string(REGEX REPLACE "^test_" "" short ${name})
  add_executable(integration_${short} ${source})
  target_link_libraries(integration_${short} PRIVATE test_harness)
  add_dependencies(integration_${short} virtuoso-proxy)
  if(short STREQUAL "versions")
    add_dependencies(integration_${short} virtuoso-proxy-next)
  endif()
  set(valgrind OFF)
  if(short IN_LIST VALGRIND_INTEGRATION)
    set(valgrind ON)
  endif()
  vp_test(integration.${short} integration_${short} 900 integration ${valgrind})
endforeach()

add_test(NAME browser.docs COMMAND bash ${CMAKE_SOURCE_DIR}/tests/browser/check_docs.sh
  $<TARGET_FILE:virtuoso-proxy> ${CMAKE_BINARY_DIR}/scratch)
add_test(NAME browser.ui COMMAND bash ${CMAKE_SOURCE_DIR}/tests/browser/check_ui.sh
  $<TARGET_FILE:virtuoso-proxy> ${CMAKE_BINARY_DIR}/scratch)
set_tests_properties(browser.docs browser.ui PROPERTIES TIMEOUT 1200 SKIP_RETURN_CODE 77 LABELS browser RESOURCE_LOCK browser
  COST 100)

# The client and the checking proxy come from npm.
add_test(NAME contract.openapi COMMAND bash ${CMAKE_SOURCE_DIR}/tests/contract/check_contract.sh
  $<TARGET_FILE:virtuoso-proxy> ${CMAKE_BINARY_DIR}/scratch)
set_tests_properties(contract.openapi PROPERTIES TIMEOUT 900 SKIP_RETURN_CODE 77 LABELS integration COST 100)

add_executable(contract_sign ${CMAKE_SOURCE_DIR}/tests/contract/sign.c)
target_link_libraries(contract_sign PRIVATE vp_flags virtuoso_core)
add_test(NAME contract.sigv4 COMMAND bash ${CMAKE_SOURCE_DIR}/tests/contract/check_sigv4.sh
  $<TARGET_FILE:contract_sign> ${CMAKE_BINARY_DIR}/scratch)
add_test(NAME contract.s3 COMMAND bash ${CMAKE_SOURCE_DIR}/tests/contract/check_s3.sh
  $<TARGET_FILE:virtuoso-proxy> ${CMAKE_BINARY_DIR}/scratch)
set_tests_properties(contract.s3 contract.sigv4 PROPERTIES TIMEOUT 900 SKIP_RETURN_CODE 77 LABELS integration)

add_test(NAME contract.webhooks COMMAND bash ${CMAKE_SOURCE_DIR}/tests/contract/check_webhooks.sh
  $<TARGET_FILE:virtuoso-proxy> ${CMAKE_BINARY_DIR}/scratch)
set_tests_properties(contract.webhooks PROPERTIES TIMEOUT 900 SKIP_RETURN_CODE 77 LABELS integration)

add_test(NAME contract.otlp COMMAND bash ${CMAKE_SOURCE_DIR}/tests/contract/check_otlp.sh
  $<TARGET_FILE:virtuoso-proxy> ${CMAKE_BINARY_DIR}/scratch)
set_tests_properties(contract.otlp PROPERTIES TIMEOUT 900 SKIP_RETURN_CODE 77 LABELS integration)

add_test(NAME shell.init COMMAND bash ${CMAKE_SOURCE_DIR}/tests/shell/check_init.sh $<TARGET_FILE:virtuoso-proxy>
  ${CMAKE_BINARY_DIR}/scratch)
set_tests_properties(shell.init PROPERTIES TIMEOUT 400 LABELS integration)
add_test(NAME shell.completion COMMAND bash ${CMAKE_SOURCE_DIR}/tests/shell/check_completion.sh
  $<TARGET_FILE:virtuoso-proxy> ${CMAKE_BINARY_DIR}/scratch)
set_tests_properties(shell.completion PROPERTIES TIMEOUT 600 LABELS integration)

add_test(NAME shell.bootstrap COMMAND bash ${CMAKE_SOURCE_DIR}/tests/shell/check_bootstrap.sh ${CMAKE_SOURCE_DIR}
  ${CMAKE_BINARY_DIR}/scratch)
set_tests_properties(shell.bootstrap PROPERTIES TIMEOUT 600 LABELS integration)

add_test(NAME shell.streams COMMAND bash ${CMAKE_SOURCE_DIR}/tests/shell/check_streams.sh
  $<TARGET_FILE:virtuoso-proxy> ${CMAKE_BINARY_DIR}/scratch)
set_tests_properties(shell.streams PROPERTIES TIMEOUT 600 LABELS integration)

add_test(NAME shell.tls COMMAND bash ${CMAKE_SOURCE_DIR}/tests/shell/check_tls.sh $<TARGET_FILE:virtuoso-proxy>
  ${CMAKE_BINARY_DIR}/scratch ${CMAKE_SOURCE_DIR}/tests/harness/tls)
set_tests_properties(shell.tls PROPERTIES TIMEOUT 400 SKIP_RETURN_CODE 77 LABELS integration)

if(VP_LONG)
  add_test(NAME shell.testssl COMMAND bash ${CMAKE_SOURCE_DIR}/tests/shell/check_testssl.sh $<TARGET_FILE:virtuoso-proxy>
    ${CMAKE_BINARY_DIR}/scratch ${CMAKE_SOURCE_DIR}/tests/harness/tls)
  set_tests_properties(shell.testssl PROPERTIES TIMEOUT 600 SKIP_RETURN_CODE 77 LABELS integration)
endif()

add_test(NAME shell.mtls COMMAND bash ${CMAKE_SOURCE_DIR}/tests/shell/check_mtls.sh $<TARGET_FILE:virtuoso-proxy>
  ${CMAKE_BINARY_DIR}/scratch)
set_tests_properties(shell.mtls PROPERTIES TIMEOUT 600 SKIP_RETURN_CODE 77 LABELS integration)

add_test(NAME shell.nginx COMMAND bash ${CMAKE_SOURCE_DIR}/tests/shell/check_nginx.sh $<TARGET_FILE:virtuoso-proxy>
  ${CMAKE_BINARY_DIR}/scratch)
set_tests_properties(shell.nginx PROPERTIES TIMEOUT 400 SKIP_RETURN_CODE 77 LABELS integration)

add_test(NAME shell.install COMMAND bash ${CMAKE_SOURCE_DIR}/tests/shell/check_install.sh ${CMAKE_COMMAND}
  ${CMAKE_BINARY_DIR} ${CMAKE_BINARY_DIR}/scratch)
set_tests_properties(shell.install PROPERTIES TIMEOUT 600 LABELS integration)

add_test(NAME shell.package COMMAND bash ${CMAKE_SOURCE_DIR}/tests/shell/check_package.sh ${CMAKE_CPACK_COMMAND}
  ${CMAKE_BINARY_DIR} ${CMAKE_BINARY_DIR}/scratch)
set_tests_properties(shell.package PROPERTIES TIMEOUT 400 SKIP_RETURN_CODE 77 LABELS integration)

add_test(NAME shell.lambda COMMAND bash ${CMAKE_SOURCE_DIR}/tests/shell/check_lambda.sh ${CMAKE_SOURCE_DIR}
  $<TARGET_FILE:virtuoso-proxy> $<TARGET_FILE:integration_lambda> ${CMAKE_BINARY_DIR}/scratch)
set_tests_properties(shell.lambda PROPERTIES TIMEOUT 600 SKIP_RETURN_CODE 77 LABELS integration)

# A whole Debian and two builds of the program in it: ten minutes.
if(VP_LONG)
  add_test(NAME shell.image COMMAND bash ${CMAKE_SOURCE_DIR}/tests/image/check_image.sh ${CMAKE_SOURCE_DIR}
    ${CMAKE_BINARY_DIR}/scratch $<TARGET_FILE:integration_lambda>)
  set_tests_properties(shell.image PROPERTIES TIMEOUT 3000 SKIP_RETURN_CODE 77 LABELS integration PROCESSORS 2)
endif()

include(tests/fuzz/fuzz.cmake)
include(tests/lint/lint.cmake)
