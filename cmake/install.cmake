# cmake --install: headers, both libraries, electra.pc, the man page and the program.

# The man page comes from the option tables, so it is made by the program itself.
set(man_page ${CMAKE_BINARY_DIR}/man/electra.1)
add_custom_command(OUTPUT ${man_page}
                   COMMAND ${CMAKE_COMMAND} -E make_directory ${CMAKE_BINARY_DIR}/man
                   COMMAND electra help --man > ${man_page}
                   DEPENDS electra VERBATIM COMMENT "Writing man/electra.1")
add_custom_target(man ALL DEPENDS ${man_page})

# electra.pc finds its prefix from where it lies, so that an installed tree may be moved.
if(IS_ABSOLUTE ${CMAKE_INSTALL_LIBDIR} OR IS_ABSOLUTE ${CMAKE_INSTALL_INCLUDEDIR})
  set(pc_prefix ${CMAKE_INSTALL_PREFIX})
  set(pc_libdir ${CMAKE_INSTALL_FULL_LIBDIR})
  set(pc_includedir ${CMAKE_INSTALL_FULL_INCLUDEDIR})
else()
  file(RELATIVE_PATH up /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
  set(pc_prefix "\${pcfiledir}/${up}")
  set(pc_libdir "\${prefix}/${CMAKE_INSTALL_LIBDIR}")
  set(pc_includedir "\${prefix}/${CMAKE_INSTALL_INCLUDEDIR}")
endif()
configure_file(cmake/electra.pc.in ${CMAKE_BINARY_DIR}/electra.pc @ONLY)

install(TARGETS electra_static electra_shared electra
        RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR}
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY include/electra DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
install(FILES ${CMAKE_BINARY_DIR}/electra.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
install(FILES ${man_page} DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
