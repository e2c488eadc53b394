# What all our own targets share: the language version, warnings and sanitizers.
# None of it reaches the targets of a project that uses the library.
function(mesh_target_defaults target)
  target_compile_features(${target} PRIVATE cxx_std_20)
  set_target_properties(${target} PROPERTIES CXX_EXTENSIONS OFF)
  if(PROJECT_IS_TOP_LEVEL)
    target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wconversion -Wshadow)
  else()
    # What a bigger project asks of its own code, as errors or not, is not asked of this.
    target_compile_options(${target} PRIVATE -w)
  endif()
  if(MESHSERVICE_WERROR)
    target_compile_options(${target} PRIVATE -Werror)
  endif()

  if(CMAKE_UNITY_BUILD AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # g++ takes the files that a unity file includes for headers, where local types would be wrong.
    target_compile_options(${target} PRIVATE -Wno-subobject-linkage)
  endif()

  if(MESHSERVICE_SANITIZE)
    set(flags "-fsanitize=${MESHSERVICE_SANITIZE}" -fno-omit-frame-pointer)
    if(MESHSERVICE_SANITIZE MATCHES "undefined")
      list(APPEND flags -fno-sanitize-recover=undefined)
      if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
        # clang before 17 cannot compile coroutines with it.
        list(APPEND flags -fno-sanitize=function)
      elseif(NOT target STREQUAL "mesh_service")
        # These check every pointer, for which g++ takes half as long again for a test; a null
        # pointer that is used is seen anyway. The library itself has them.
        list(APPEND flags
             -fno-sanitize=null,object-size,vptr,alignment,nonnull-attribute,returns-nonnull-attribute)
      endif()
    endif()
    target_compile_options(${target} PRIVATE ${flags})
    target_link_options(${target} PRIVATE ${flags})
    if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
      # g++ loses sight of the coroutine frame's own operator new when it instruments.
      target_compile_options(${target} PRIVATE -Wno-mismatched-new-delete)
    endif()
    if(MESHSERVICE_SANITIZE MATCHES "thread")
      # TSan does not model the atomic_thread_fence in Asio's own reference counts, and would
      # report races; without std::atomic Asio takes those of Boost.
      target_compile_definitions(${target} PRIVATE BOOST_ASIO_DISABLE_STD_ATOMIC)
      if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
        target_compile_options(${target} PRIVATE -Wno-tsan)
      endif()
    endif()
  endif()
endfunction()
