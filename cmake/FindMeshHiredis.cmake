# Finds hiredis 0.14 or 1.x and defines the imported target MeshService::hiredis.
#
# The configuration files that hiredis installs differ too much between its versions (that of 0.14
# defines no target, and its paths cannot be moved), so this looks for the files themselves.
find_path(MeshHiredis_INCLUDE_DIR NAMES hiredis/hiredis.h)
find_library(MeshHiredis_LIBRARY NAMES hiredis hiredisd)
mark_as_advanced(MeshHiredis_INCLUDE_DIR MeshHiredis_LIBRARY)

if(MeshHiredis_INCLUDE_DIR)
  file(STRINGS "${MeshHiredis_INCLUDE_DIR}/hiredis/hiredis.h" definitions
       REGEX "^#define HIREDIS_(MAJOR|MINOR|PATCH) +[0-9]+")
  string(REGEX REPLACE ".*MAJOR +([0-9]+).*MINOR +([0-9]+).*PATCH +([0-9]+).*" "\\1.\\2.\\3"
         MeshHiredis_VERSION "${definitions}")
  unset(definitions)
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(MeshHiredis
  REQUIRED_VARS MeshHiredis_LIBRARY MeshHiredis_INCLUDE_DIR
  VERSION_VAR MeshHiredis_VERSION
  REASON_FAILURE_MESSAGE
    "MeshService needs the C client library hiredis, 0.14 or later, with its headers (Debian and \
Ubuntu: apt install libhiredis-dev). If it is installed in a place of its own, add that to \
CMAKE_PREFIX_PATH.")

if(MeshHiredis_FOUND AND NOT TARGET MeshService::hiredis)
  add_library(MeshService::hiredis UNKNOWN IMPORTED)
  set_target_properties(MeshService::hiredis PROPERTIES
    IMPORTED_LOCATION "${MeshHiredis_LIBRARY}"
    INTERFACE_INCLUDE_DIRECTORIES "${MeshHiredis_INCLUDE_DIR}")
endif()
