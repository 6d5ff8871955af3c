# Debian packages that the library needs; scripts/dependencies.sh installs them.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
pkg_check_modules(ELECTRA_LIBRARIES REQUIRED IMPORTED_TARGET libutf8proc jansson libarchive libxxhash libprotobuf-c)
add_library(electra_dependencies INTERFACE)
target_link_libraries(electra_dependencies INTERFACE PkgConfig::ELECTRA_LIBRARIES Threads::Threads m)
