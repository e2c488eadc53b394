# Gives `target` one header for each *.lua below the current source directory: some/dir/name.lua
# becomes <scripts/name.lua.hpp> with the text as mesh::scripts::name. Editing a script makes the
# next build configure again.
function(mesh_embed_lua target)
  set(include_dir "${CMAKE_CURRENT_BINARY_DIR}/generated")
  file(GLOB_RECURSE scripts CONFIGURE_DEPENDS "*.lua")
  foreach(script IN LISTS scripts)
    cmake_path(GET script STEM name)
    if(name IN_LIST seen)
      message(FATAL_ERROR "There are two Lua scripts called ${name}.lua")
    endif()
    list(APPEND seen "${name}")
    file(READ "${script}" text)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${script}")
    configure_file("${PROJECT_SOURCE_DIR}/cmake/lua_script.hpp.in"
                   "${include_dir}/scripts/${name}.lua.hpp" @ONLY)
  endforeach()
  target_include_directories(${target} PRIVATE "${include_dir}")
endfunction()
