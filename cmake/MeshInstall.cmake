include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/MeshService")

install(TARGETS mesh_service EXPORT MeshServiceTargets
        INCLUDES DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
        FILES_MATCHING PATTERN "*.hpp")
install(FILES "${PROJECT_SOURCE_DIR}/LICENSE" DESTINATION "${CMAKE_INSTALL_DOCDIR}")

install(EXPORT MeshServiceTargets NAMESPACE MeshService:: DESTINATION "${package_dir}")
configure_package_config_file(
  "${PROJECT_SOURCE_DIR}/cmake/MeshServiceConfig.cmake.in"
  "${PROJECT_BINARY_DIR}/cmake/MeshServiceConfig.cmake"
  INSTALL_DESTINATION "${package_dir}" NO_SET_AND_CHECK_MACRO)
# Before 1.0 a new minor version may break users.
write_basic_package_version_file(
  "${PROJECT_BINARY_DIR}/cmake/MeshServiceConfigVersion.cmake" COMPATIBILITY SameMinorVersion)
install(FILES
  "${PROJECT_BINARY_DIR}/cmake/MeshServiceConfig.cmake"
  "${PROJECT_BINARY_DIR}/cmake/MeshServiceConfigVersion.cmake"
  "${PROJECT_SOURCE_DIR}/cmake/FindMeshHiredis.cmake"
  DESTINATION "${package_dir}")
