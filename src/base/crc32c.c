/* Small data (records of a run's log) go by four bits with a table of sixteen. Large data (the weights of a checkpoint)
 * go by eight bytes with eight tables of 256, which are made on the stack first: that takes as long as two kilobytes.
 */
#include "base/crc32c.h"

enum { LARGE_BYTES = 1 << 16, N_TABLES = 8 };

/* remainder of every value of four bits */
static const uint32_t NIBBLES[16] = {
    0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3, 0x61c69362, 0x7198540d,
    0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9, 0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
};

static uint32_t add_byte(uint32_t crc, unsigned char byte)
{
    crc ^= byte;
    crc = crc >> 4 ^ NIBBLES[crc & 15];
    return crc >> 4 ^ NIBBLES[crc & 15];
}

static uint32_t add_small(uint32_t crc, const unsigned char *at, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        crc = add_byte(crc, at[i]);
    }
    return crc;
}

/* tables[k][b]: the remainder of byte b with k zero bytes behind it. */
static void make_tables(uint32_t tables[N_TABLES][256])
{
    for (unsigned b = 0; b < 256; b++) {
        tables[0][b] = add_byte(b, 0);
    }
    for (int k = 1; k < N_TABLES; k++) {
        for (unsigned b = 0; b < 256; b++) {
            const uint32_t before = tables[k - 1][b];
            tables[k][b] = before >> 8 ^ tables[0][before & 255];
        }
    }
}

static uint32_t add_large(uint32_t crc, const unsigned char *at, size_t bytes)
{
    uint32_t tables[N_TABLES][256];
    make_tables(tables);
    size_t i = 0;
    for (; i + 8 <= bytes; i += 8) {
        uint64_t word = 0;
        for (int k = 0; k < 8; k++) {
            word |= (uint64_t)at[i + (size_t)k] << 8 * k;
        }
        word ^= crc;
        crc = 0;
        for (int k = 0; k < 8; k++) {
            crc ^= tables[7 - k][word >> 8 * k & 255];
        }
    }
    return add_small(crc, at + i, bytes - i);
}

uint32_t el_crc32c(const void *data, size_t bytes)
{
    return ~(bytes < LARGE_BYTES ? add_small(0xffffffff, data, bytes) : add_large(0xffffffff, data, bytes));
}

uint32_t el_crc32c_masked(const void *data, size_t bytes)
{
    const uint32_t crc = el_crc32c(data, bytes);
    return (crc >> 15 | crc << 17) + 0xa282ead8;
}
