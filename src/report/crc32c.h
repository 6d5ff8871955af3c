/* The checksum of TensorBoard's records. */
#ifndef EL_REPORT_CRC32C_H
#define EL_REPORT_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* CRC-32C (Castagnoli: reflected polynomial 0x82f63b78, start and end inverted; RFC 3720 B.4). */
uint32_t el_crc32c(const void *data, size_t bytes);

/* The same rotated and shifted, as TFRecord stores it: a checksum of data that holds checksums would be weak. */
uint32_t el_crc32c_masked(const void *data, size_t bytes);

#endif
