# cmake -DINPUT=file -DOUTPUT=header -P embed.cmake: a file as the bytes of an array initialiser.
file(READ ${INPUT} bytes HEX)
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
string(REPLACE "0x0a," "0x0a,\n" bytes "${bytes}") # a line of the file, a line of the array
file(WRITE ${OUTPUT} "${bytes}\n")
