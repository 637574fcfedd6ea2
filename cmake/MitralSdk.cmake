# Installs the SDK for resource servers: include/mitral, the static libraries behind it, and find_package(mitral).
#   cmake --install build/release --prefix <prefix> --component sdk
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

# In link order: each needs only what comes after it.
set(MITRAL_SDK_PARTS sdk gateway audit ports policy net model spec fhir jose codec crypto base)
string(REPLACE ";" " " MITRAL_SDK_PARTS_TEXT "${MITRAL_SDK_PARTS}")
set(MITRAL_SDK_DIR ${CMAKE_INSTALL_LIBDIR}/mitral)
foreach(part IN LISTS MITRAL_SDK_PARTS)
  install(FILES $<TARGET_FILE:mitral_${part}> DESTINATION ${MITRAL_SDK_DIR} COMPONENT sdk)
endforeach()
install(DIRECTORY ${CMAKE_SOURCE_DIR}/include/mitral DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT sdk)
configure_package_config_file(${CMAKE_SOURCE_DIR}/cmake/mitralConfig.cmake.in ${CMAKE_BINARY_DIR}/mitralConfig.cmake
  INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/mitral PATH_VARS MITRAL_SDK_DIR CMAKE_INSTALL_INCLUDEDIR)
write_basic_package_version_file(${CMAKE_BINARY_DIR}/mitralConfigVersion.cmake VERSION ${PROJECT_VERSION}
  COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/mitralConfig.cmake ${CMAKE_BINARY_DIR}/mitralConfigVersion.cmake
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/mitral COMPONENT sdk)
