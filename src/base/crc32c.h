/* The checksum of TensorBoard's records and of TensorFlow's checkpoints. */
#ifndef EL_BASE_CRC32C_H
#define EL_BASE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* CRC-32C (Castagnoli: reflected polynomial 0x82f63b78, start and end inverted; RFC 3720 B.4). */
uint32_t el_crc32c(const void *data, size_t bytes);

/* The same rotated and shifted, as these files store it: a checksum of data that holds checksums would be weak. */
uint32_t el_crc32c_masked(const void *data, size_t bytes);

#endif
