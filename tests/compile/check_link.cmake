# Compiles and links a program. The only thing that the linker misses must match the regular
# expression EXPECTED; if that is empty, it must not miss anything.
execute_process(COMMAND ${COMMAND} RESULT_VARIABLE result ERROR_VARIABLE errors)

if(EXPECTED STREQUAL "")
  if(NOT result EQUAL 0)
    message(FATAL_ERROR "should link:\n${errors}")
  endif()
  return()
endif()
if(result EQUAL 0)
  message(FATAL_ERROR "should not link")
endif()
string(REGEX MATCHALL "undefined reference to [^\n]*" missing "${errors}")
list(REMOVE_DUPLICATES missing)
list(LENGTH missing count)
if(NOT count EQUAL 1 OR NOT missing MATCHES "${EXPECTED}")
  message(FATAL_ERROR "'${EXPECTED}' and nothing else should be missing:\n${errors}")
endif()
