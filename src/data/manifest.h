/* manifest.json of a data folder: what is in it, how it was made, and the list of shards. */
#ifndef EL_DATA_MANIFEST_H
#define EL_DATA_MANIFEST_H

#include <electra/data.h>

/* Names inside a data folder. */
#define EL_MANIFEST_FILE   "manifest.json"
#define EL_VOCABULARY_FILE "vocab.txt"
#define EL_SHARD_SUFFIX    ".shard"

typedef struct el_manifest_shard {
    char name[48]; /* "train-00000.shard" */
    uint64_t examples, tokens, bytes;
    uint64_t hash; /* of the shard's header */
} el_manifest_shard;

typedef struct el_manifest {
    electra_data_summary summary;
    el_manifest_shard *shards[ELECTRA_SPLITS]; /* [summary.splits[i].shards], owned */
} el_manifest;

/* Add an entry to a split's list and to its counts of shards, examples, tokens and bytes. */
electra_status el_manifest_add(el_manifest *manifest, electra_split split, const el_manifest_shard *shard,
                               electra_error *err);
void el_manifest_clear(el_manifest *manifest); /* accepts a zeroed one */

/* Write folder/manifest.json. */
electra_status el_manifest_save(const el_manifest *manifest, const char *folder, electra_error *err);

/* Read it; ELECTRA_INVALID if a member is missing, out of range or disagrees with another. *out is cleared by the
 * caller, also after a failure. */
electra_status el_manifest_load(el_manifest *out, const char *folder, electra_error *err);

/* "train", "heldout". */
const char *el_manifest_split_name(electra_split split);

/* Whether a folder's manifest.json says that it belongs to a data folder. */
bool el_manifest_is_there(const char *folder);

#endif
