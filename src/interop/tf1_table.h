/* The sorted table of keys and values in which TensorFlow's checkpoints keep their list of tensors (the format of
 * LevelDB's tables; tensorflow/core/lib/io/format.h).
 *
 * Blocks of entries, each with a checksum; an index block that says where they lie; a footer that says where the index
 * lies. A key is stored as what it adds to the key before it. Everything is checked: places, lengths, checksums, and
 * that keys rise strictly, so that none comes twice. */
#ifndef EL_INTEROP_TF1_TABLE_H
#define EL_INTEROP_TF1_TABLE_H

#include <electra/types.h>

enum { EL_TF1_MOST_KEY = 1024 /* bytes of a key */ };

/* One entry. The key is valid during the call, the value as long as the table's bytes. A status that is not ELECTRA_OK
 * ends the walk and is returned from it. */
typedef electra_status el_tf1_entry_fn(void *user, const char *key, size_t key_bytes, const unsigned char *value,
                                       size_t value_bytes, electra_error *err);

/* Give every entry of a table in the order of the keys. where: the file, for messages. ELECTRA_INVALID: not such a
 * table, damaged, or compressed. */
electra_status el_tf1_table_walk(const void *data, size_t bytes, el_tf1_entry_fn *entry, void *user, const char *where,
                                 electra_error *err);

/* A whole number of up to 64 bits in the coding that tables and protocol buffers share: seven bits a byte, the lowest
 * first. Moves *at behind it; false if it does not end before `end`, or is too large. */
bool el_tf1_varint(const unsigned char **at, const unsigned char *end, uint64_t *out);

#endif
