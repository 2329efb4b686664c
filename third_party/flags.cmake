# vp_flags: what every file of ours is compiled with. Third-party headers come in as SYSTEM.
# Flags that change code generation (hardening, sanitizers, coverage) go to every file, third-party
# sources included: a sanitizer cannot see into a library that it did not build.
add_library(vp_flags INTERFACE)
target_include_directories(vp_flags INTERFACE ${CMAKE_SOURCE_DIR}/include)
target_compile_definitions(vp_flags INTERFACE _GNU_SOURCE VP_VERSION="${PROJECT_VERSION}"
  $<$<BOOL:${BASE_ARENA_MALLOC}>:BASE_ARENA_MALLOC>)

set(warnings -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wcast-qual -Wcast-align
  -Wformat=2 -Wundef -Wvla -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition
  -Wnull-dereference -Wswitch-enum -Wimplicit-fallthrough -Wpointer-arith -Wwrite-strings)
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
  list(APPEND warnings -Wduplicated-cond -Wduplicated-branches -Wlogical-op -Wformat-overflow=2
    -Wformat-truncation=2 -Wformat-signedness -Warith-conversion)
else()
  list(APPEND warnings -Wcomma -Wassign-enum -Wunreachable-code -Wshorten-64-to-32)
endif()
# Rows of tables leave their tail out: C promises zero there, and that is what the rows mean.
list(APPEND warnings -Wno-missing-field-initializers)
if(VP_SANITIZE)
  # Sanitizer instrumentation makes gcc see null paths that are not there.
  list(REMOVE_ITEM warnings -Wnull-dereference)
endif()
target_compile_options(vp_flags INTERFACE $<$<COMPILE_LANGUAGE:C>:${warnings}>)
if(VP_WERROR)
  target_compile_options(vp_flags INTERFACE $<$<COMPILE_LANGUAGE:C>:-Werror>)
endif()

function(vp_try_flag flag)
  string(MAKE_C_IDENTIFIER "HAVE${flag}" name)
  set(CMAKE_REQUIRED_FLAGS -Werror)
  check_c_compiler_flag(${flag} ${name})
  if(${name})
    add_compile_options($<$<COMPILE_LANGUAGE:C>:${flag}>)
  endif()
endfunction()

if(VP_FUZZ AND NOT CMAKE_C_COMPILER_ID MATCHES "Clang")
  message(FATAL_ERROR "VP_FUZZ needs clang: configure with -DCMAKE_C_COMPILER=clang (preset fuzz)")
endif()

add_compile_options(-fno-common -fPIE)
set(CMAKE_C_FLAGS_RELEASE "-O2 -g -DNDEBUG")
set(CMAKE_C_FLAGS_RELWITHDEBINFO "-O1 -g")
if(VP_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
  add_link_options(-fsanitize=fuzzer-no-link)
endif()
if(VP_SANITIZE)
  add_compile_options(-fsanitize=${VP_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${VP_SANITIZE})
elseif(CMAKE_BUILD_TYPE STREQUAL "Release")
  add_compile_options($<$<COMPILE_LANGUAGE:C>:-U_FORTIFY_SOURCE>)
  # -fno-plt: a call of a library goes through its address itself, which the linker fills in at the start (-z now).
  foreach(flag -D_FORTIFY_SOURCE=3 -fstack-protector-strong -fstack-clash-protection -fno-plt)
    vp_try_flag(${flag})
  endforeach()
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
    vp_try_flag(-fcf-protection=full)
  elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64")
    vp_try_flag(-mbranch-protection=standard)
  endif()
  if(CMAKE_C_COMPILER_ID STREQUAL "GNU" OR CMAKE_C_COMPILER_VERSION VERSION_GREATER_EQUAL 16)
    vp_try_flag(-ftrivial-auto-var-init=zero)
  endif()
endif()
add_link_options(-pie -Wl,-z,relro,-z,now,-z,noexecstack)
if(VP_COVERAGE)
  add_compile_options(--coverage)
  add_link_options(--coverage)
endif()
