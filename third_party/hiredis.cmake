# hiredis: commands and replies of Redis as bytes (room store). Its connections are not used: they block on names, have no
# TLS in 0.14 and no ceiling for a reply.
find_package(PkgConfig REQUIRED)
pkg_check_modules(hiredis IMPORTED_TARGET hiredis>=0.14)
if(NOT hiredis_FOUND)
  message(FATAL_ERROR "hiredis is missing. On Debian: apt-get install libhiredis-dev (third_party/bootstrap.sh does it)")
endif()
# The headers are included as <hiredis/read.h>; the folder that the .pc file names lies one deeper.
find_path(HIREDIS_INCLUDE hiredis/read.h)
add_library(tp_hiredis INTERFACE)
target_include_directories(tp_hiredis SYSTEM INTERFACE ${HIREDIS_INCLUDE})
target_link_libraries(tp_hiredis INTERFACE ${hiredis_LINK_LIBRARIES})
add_library(tp::hiredis ALIAS tp_hiredis)
