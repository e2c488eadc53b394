# Defines MeshService::hiredis from a hiredis that is built along with the library. In its sources the
# headers lie in no folder of that name, as which they are included.
set(hiredis_target hiredis)
if(TARGET hiredis::hiredis)
  set(hiredis_target hiredis::hiredis)
endif()
get_target_property(hiredis_source_dir ${hiredis_target} SOURCE_DIR)

add_library(MeshService::hiredis INTERFACE IMPORTED)
set_target_properties(MeshService::hiredis PROPERTIES
  INTERFACE_LINK_LIBRARIES ${hiredis_target})
if(EXISTS "${hiredis_source_dir}/hiredis.h")
  set(hiredis_headers "${CMAKE_CURRENT_BINARY_DIR}/hiredis_headers")
  foreach(header IN ITEMS hiredis.h read.h)
    file(CONFIGURE OUTPUT "${hiredis_headers}/hiredis/${header}"
         CONTENT "#include \"${hiredis_source_dir}/${header}\"\n")
  endforeach()
  set_target_properties(MeshService::hiredis PROPERTIES
    INTERFACE_INCLUDE_DIRECTORIES "${hiredis_headers}")
endif()
