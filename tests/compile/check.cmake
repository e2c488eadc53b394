# Compiles SOURCE, without output, and checks the outcome: the regular expression EXPECTED must
# match an error, or, if it is empty, there must be none. COMMAND is the compiler and its flags.
# With a MAXIMUM, the first error must be the expected one, and there must be no more than that many.
execute_process(COMMAND ${COMMAND} "${SOURCE}" RESULT_VARIABLE result ERROR_VARIABLE errors)

if(EXPECTED STREQUAL "")
  if(NOT result EQUAL 0)
    message(FATAL_ERROR "should compile:\n${errors}")
  endif()
elseif(result EQUAL 0)
  message(FATAL_ERROR "should not compile")
elseif(NOT errors MATCHES "error:[^\n]*${EXPECTED}")
  message(FATAL_ERROR "the expected error '${EXPECTED}' is not among these:\n${errors}")
endif()

if(EXPECTED AND MAXIMUM)
  string(REGEX MATCHALL "error:[^\n]*" lines "${errors}")
  list(LENGTH lines count)
  list(GET lines 0 first)
  if(count GREATER MAXIMUM)
    message(FATAL_ERROR "${count} errors instead of ${MAXIMUM}:\n${errors}")
  elseif(NOT first MATCHES "${EXPECTED}")
    message(FATAL_ERROR "the expected error '${EXPECTED}' is not the first:\n${errors}")
  endif()
endif()
