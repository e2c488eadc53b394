# Inside someone else's build: what that asks of its own code is not asked of ours. All else that it
# sets, such as sanitizers and the standard library, holds for us too.
set(warning "^(-W[^alp]|-W[alp][^,]|-pedantic)")  # no options for assembler, linker, preprocessor
get_directory_property(options COMPILE_OPTIONS)
list(FILTER options EXCLUDE REGEX "${warning}")
set_directory_properties(PROPERTIES COMPILE_OPTIONS "${options}")

separate_arguments(flags NATIVE_COMMAND "${CMAKE_CXX_FLAGS}")
list(FILTER flags EXCLUDE REGEX "${warning}")
list(JOIN flags " " CMAKE_CXX_FLAGS)
set(CMAKE_COMPILE_WARNING_AS_ERROR OFF)
