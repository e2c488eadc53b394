# No type of nlohmann_json may be named in the library, so that its version is the program's affair.
execute_process(COMMAND "${NM}" -C "${LIBRARY}" OUTPUT_VARIABLE symbols ERROR_QUIET
                COMMAND_ERROR_IS_FATAL ANY)
if(NOT symbols MATCHES "mesh::detail::read_json")
  message(FATAL_ERROR "${NM} shows no symbols of ${LIBRARY}")
endif()
string(REGEX MATCHALL "[^\n]*nlohmann[^\n]*" found "${symbols}")
if(found)
  list(JOIN found "\n" found)
  message(FATAL_ERROR "these symbols name nlohmann_json:\n${found}")
endif()
