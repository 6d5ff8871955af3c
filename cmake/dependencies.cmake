# Debian packages that the library needs; scripts/dependencies.sh installs them.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
set(ELECTRA_PC_REQUIRES "libutf8proc jansson libarchive libxxhash libprotobuf-c") # as electra.pc names them
separate_arguments(modules UNIX_COMMAND "${ELECTRA_PC_REQUIRES}")
pkg_check_modules(ELECTRA_LIBRARIES REQUIRED IMPORTED_TARGET ${modules})
add_library(electra_dependencies INTERFACE)
target_link_libraries(electra_dependencies INTERFACE PkgConfig::ELECTRA_LIBRARIES Threads::Threads m)
