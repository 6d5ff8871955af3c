# Two generated sources of src/report: TensorBoard's messages (protobuf-c) and the report page as an array of bytes.
find_program(PROTOC_C protoc-c REQUIRED)
set(generated ${CMAKE_BINARY_DIR}/generated/report)
file(MAKE_DIRECTORY ${generated})
add_custom_command(
  OUTPUT ${generated}/events.pb-c.c ${generated}/events.pb-c.h
  COMMAND ${PROTOC_C} --proto_path=${CMAKE_SOURCE_DIR}/src/report --c_out=${generated} events.proto
  DEPENDS ${CMAKE_SOURCE_DIR}/src/report/events.proto)
add_custom_command(
  OUTPUT ${generated}/page.h
  COMMAND ${CMAKE_COMMAND} -DINPUT=${CMAKE_SOURCE_DIR}/src/report/page.html -DOUTPUT=${generated}/page.h
          -P ${CMAKE_SOURCE_DIR}/cmake/embed.cmake
  DEPENDS ${CMAKE_SOURCE_DIR}/src/report/page.html ${CMAKE_SOURCE_DIR}/cmake/embed.cmake)
target_sources(electra_core PRIVATE ${generated}/events.pb-c.c ${generated}/events.pb-c.h ${generated}/page.h)
# the compiler of messages does not write for -Wconversion
set_source_files_properties(${generated}/events.pb-c.c PROPERTIES COMPILE_OPTIONS "-w")
