# Installs the packages of the Node.js peer into DIRECTORY, unless they are there already.
set(installed "${DIRECTORY}/node_modules/.package-lock.json")
if(EXISTS "${installed}" AND "${installed}" IS_NEWER_THAN "${DIRECTORY}/package-lock.json")
  return()
endif()
if(NOT NPM)
  message(FATAL_ERROR "npm was not found: the interoperability tests need Node.js 20 and npm")
endif()
execute_process(COMMAND "${NPM}" ci --no-audit --no-fund --prefer-offline
                WORKING_DIRECTORY "${DIRECTORY}" COMMAND_ERROR_IS_FATAL ANY)
