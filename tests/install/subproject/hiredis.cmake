# A stand-in for the sources of hiredis, as FetchContent would add them: the headers lie in no folder
# of its name.
find_path(headers hiredis/hiredis.h REQUIRED)
find_library(library hiredis REQUIRED)
set(sources "${CMAKE_CURRENT_BINARY_DIR}/hiredis-src")
file(COPY "${headers}/hiredis/" DESTINATION "${sources}")
file(WRITE "${sources}/CMakeLists.txt" "
add_library(hiredis INTERFACE)
add_library(hiredis::hiredis ALIAS hiredis)
target_include_directories(hiredis INTERFACE \"${sources}\")
target_link_libraries(hiredis INTERFACE \"${library}\")
")
add_subdirectory("${sources}" hiredis)
