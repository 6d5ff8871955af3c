/* Owns the reading of data folders: manifest, vocabulary and shards, and whether they agree. */
#include "data/dataset.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "base/io.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/status.h"
#include "data/manifest.h"
#include "data/shard.h"

typedef struct split_shards {
    el_shard *shards; /* [n] */
    uint64_t *first;  /* [n + 1] number of each shard's first example */
    size_t n;
} split_shards;

struct electra_data {
    char *folder;
    char *vocabulary;
    el_manifest manifest;
    electra_special_ids specials;
    split_shards splits[ELECTRA_SPLITS];
};

void electra_data_free(electra_data *data)
{
    if (!data) {
        return;
    }
    for (int split = 0; split < ELECTRA_SPLITS; split++) {
        split_shards *s = &data->splits[split];
        for (size_t i = 0; i < s->n; i++) {
            el_shard_close(&s->shards[i]);
        }
        el_free(s->shards);
        el_free(s->first);
    }
    el_manifest_clear(&data->manifest);
    el_free(data->vocabulary);
    el_free(data->folder);
    el_free(data);
}

/* ---- opening ----------------------------------------------------------------------------------------------------- */

static electra_status disagree(const char *path, const char *what, uint64_t manifest, uint64_t found,
                               electra_error *err)
{
    return el_fail(err, ELECTRA_INVALID, path,
                   "%s: the manifest states %s %" PRIu64 " but the file has %" PRIu64
                   "; it does not belong to this manifest: prepare the data again",
                   path, what, manifest, found);
}

static electra_status check_against_manifest(const el_shard *shard, const el_manifest_shard *stated,
                                             const electra_data_summary *summary, electra_error *err)
{
    const el_shard_about *about = &shard->about;
    const struct {
        const char *what;
        uint64_t manifest, found;
    } rows[] = {
        {"examples", stated->examples, about->n_examples},
        {"tokens", stated->tokens, about->n_tokens},
        {"bytes", stated->bytes, about->bytes},
        {"the checksum", stated->hash, about->hash},
        {"the vocabulary's hash", summary->vocabulary_hash, about->vocabulary_hash},
        {"the vocabulary's size", summary->vocabulary_size, about->vocabulary_size},
        {"max_length", summary->max_length, about->max_length},
        {"bytes of a token", summary->token_bytes, about->token_bytes},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (rows[i].manifest != rows[i].found) {
            return disagree(shard->path, rows[i].what, rows[i].manifest, rows[i].found, err);
        }
    }
    return ELECTRA_OK;
}

static electra_status open_shard(electra_data *data, electra_split split, size_t i, electra_error *err)
{
    split_shards *s = &data->splits[split];
    const el_manifest_shard *stated = &data->manifest.shards[split][i];
    char *path = el_path_join(data->folder, stated->name);
    if (!path) {
        return el_fail_memory(err, data->folder, strlen(data->folder));
    }
    const electra_status status = el_shard_open(&s->shards[i], path, err);
    el_free(path);
    EL_TRY(status);
    s->first[i + 1] = s->first[i] + stated->examples;
    return check_against_manifest(&s->shards[i], stated, &data->manifest.summary, err);
}

static electra_status open_split(electra_data *data, electra_split split, electra_error *err)
{
    split_shards *s = &data->splits[split];
    const size_t n = (size_t)data->manifest.summary.splits[split].shards;
    s->shards = el_alloc(n, sizeof *s->shards);
    s->first = el_alloc(n + 1, sizeof *s->first);
    if (!s->shards || !s->first) {
        return el_fail_memory(err, data->folder, n * sizeof *s->shards);
    }
    s->n = n;
    for (size_t i = 0; i < n; i++) {
        EL_TRY(open_shard(data, split, i, err));
    }
    return ELECTRA_OK;
}

static electra_status read_vocabulary(electra_data *data, electra_error *err)
{
    const electra_data_summary *summary = &data->manifest.summary;
    electra_tokenizer *tokenizer = NULL;
    EL_TRY(electra_tokenizer_load(&tokenizer, data->vocabulary, &summary->tokenizer, err));
    const uint64_t hash = electra_tokenizer_hash(tokenizer);
    const size_t size = electra_tokenizer_size(tokenizer);
    data->specials = electra_tokenizer_specials(tokenizer);
    electra_tokenizer_free(tokenizer);
    if (size != summary->vocabulary_size) {
        return disagree(data->vocabulary, "tokens", summary->vocabulary_size, size, err);
    }
    if (hash != summary->vocabulary_hash) {
        return disagree(data->vocabulary, "the hash", summary->vocabulary_hash, hash, err);
    }
    if (data->specials.mask == ELECTRA_NO_TOKEN) {
        return el_fail(err, ELECTRA_INVALID, data->vocabulary, "%s has no [MASK]", data->vocabulary);
    }
    return ELECTRA_OK;
}

static electra_status open_parts(electra_data *data, const char *folder, electra_error *err)
{
    data->folder = el_strdup(folder);
    data->vocabulary = el_path_join(folder, EL_VOCABULARY_FILE);
    if (!data->folder || !data->vocabulary) {
        return el_fail_memory(err, folder, strlen(folder));
    }
    if (!el_is_folder(folder)) {
        return el_fail(err, ELECTRA_INVALID, folder, "%s is not a folder (electra prepare makes data folders)", folder);
    }
    EL_TRY(el_manifest_load(&data->manifest, folder, err));
    EL_TRY(read_vocabulary(data, err));
    EL_TRY(open_split(data, ELECTRA_TRAIN, err));
    return open_split(data, ELECTRA_HELDOUT, err);
}

electra_status electra_data_open(electra_data **out, const char *folder, electra_error *err)
{
    *out = NULL;
    electra_data *data = el_alloc(1, sizeof *data);
    if (!data) {
        return el_fail_memory(err, folder, sizeof *data);
    }
    const electra_status status = open_parts(data, folder, err);
    if (status != ELECTRA_OK) {
        electra_data_free(data);
        return status;
    }
    *out = data;
    return ELECTRA_OK;
}

/* ---- use --------------------------------------------------------------------------------------------------------- */

const electra_data_summary *electra_data_describe(const electra_data *data)
{
    return &data->manifest.summary;
}

const char *electra_data_vocabulary(const electra_data *data)
{
    return data->vocabulary;
}

electra_special_ids el_data_specials(const electra_data *data)
{
    return data->specials;
}

/* The shard that holds example i. */
static size_t find_shard(const split_shards *s, uint64_t i)
{
    size_t low = 0;
    size_t high = s->n;
    while (high - low > 1) {
        const size_t middle = low + (high - low) / 2;
        if (s->first[middle] <= i) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

/* Put the special tokens around the n tokens that begin at ids[1]; returns the length. */
static size_t add_specials(const electra_special_ids *special, uint32_t *ids, size_t n, size_t first)
{
    ids[0] = special->cls;
    if (first < n) {
        memmove(ids + 1 + first + 1, ids + 1 + first, (n - first) * sizeof *ids);
        ids[1 + first] = special->sep;
        ids[n + 2] = special->sep;
        return n + 3;
    }
    ids[n + 1] = special->sep;
    return n + 2;
}

electra_status electra_data_example(const electra_data *data, electra_split split, uint64_t i, uint32_t *ids,
                                    uint32_t *types, size_t *length, electra_error *err)
{
    const split_shards *s = &data->splits[split];
    if (i >= data->manifest.summary.splits[split].examples) {
        return el_fail(err, ELECTRA_MISUSE, data->folder,
                       "%s has %" PRIu64 " examples in %s; there is no example %" PRIu64, data->folder,
                       data->manifest.summary.splits[split].examples, el_manifest_split_name(split), i);
    }
    const size_t shard = find_shard(s, i);
    size_t n = 0;
    size_t first = 0;
    EL_TRY(el_shard_example(&s->shards[shard], i - s->first[shard], ids + 1, &n, &first, err));
    *length = add_specials(&data->specials, ids, n, first);
    if (types) {
        for (size_t t = 0; t < *length; t++) {
            types[t] = t >= first + 2;
        }
    }
    return ELECTRA_OK;
}

/* ---- verification ------------------------------------------------------------------------------------------------ */

static electra_status recount(const electra_data *data, electra_split split, electra_split_summary *found,
                              uint32_t *ids, const electra_runtime *runtime, electra_error *err)
{
    enum { LOOK_EVERY = 4096 };
    const electra_data_summary *summary = &data->manifest.summary;
    const electra_split_summary *stated = &summary->splits[split];
    const double began = el_now();
    for (uint64_t i = 0; i < stated->examples; i++) {
        const split_shards *s = &data->splits[split];
        const size_t shard = find_shard(s, i);
        size_t n = 0;
        size_t first = 0;
        EL_TRY(el_shard_example(&s->shards[shard], i - s->first[shard], ids, &n, &first, err));
        const size_t length = n + (first < n ? 3 : 2);
        found->lengths[(length - 1) * ELECTRA_LENGTH_BUCKETS / summary->max_length]++;
        found->single_segment += first == n;
        found->tokens += n;
        for (size_t t = 0; t < n; t++) {
            found->unknown_tokens += ids[t] == data->specials.unk;
        }
        const electra_progress progress = {.stage = "verifying",
                                           .unit = "examples",
                                           .done = (double)i,
                                           .total = (double)stated->examples,
                                           .seconds = el_now() - began};
        if (i % LOOK_EVERY == 0 && el_progress(runtime, &progress)) {
            return el_fail(err, ELECTRA_INTERRUPTED, data->folder, "interrupted");
        }
    }
    return ELECTRA_OK;
}

static electra_status compare(const electra_data *data, electra_split split, const electra_split_summary *found,
                              electra_error *err)
{
    const electra_split_summary *stated = &data->manifest.summary.splits[split];
    const struct {
        const char *what;
        uint64_t manifest, found;
    } rows[] = {
        {"tokens", stated->tokens, found->tokens},
        {"unknown_tokens", stated->unknown_tokens, found->unknown_tokens},
        {"single_segment", stated->single_segment, found->single_segment},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (rows[i].manifest != rows[i].found) {
            return el_fail(err, ELECTRA_INVALID, data->folder,
                           "%s: the manifest states %" PRIu64 " %s in %s, but there are %" PRIu64, data->folder,
                           rows[i].manifest, rows[i].what, el_manifest_split_name(split), rows[i].found);
        }
    }
    if (memcmp(stated->lengths, found->lengths, sizeof stated->lengths) != 0) {
        return el_fail(err, ELECTRA_INVALID, data->folder,
                       "%s: the lengths of the examples in %s are not those that the manifest states", data->folder,
                       el_manifest_split_name(split));
    }
    return ELECTRA_OK;
}

electra_status electra_data_verify(const electra_data *data, const electra_runtime *runtime, electra_error *err)
{
    uint32_t *ids = el_alloc(data->manifest.summary.max_length, sizeof *ids);
    if (!ids) {
        return el_fail_memory(err, data->folder, data->manifest.summary.max_length * sizeof *ids);
    }
    electra_status status = ELECTRA_OK;
    for (electra_split split = ELECTRA_TRAIN; split < ELECTRA_SPLITS && status == ELECTRA_OK; split++) {
        electra_split_summary found = {0};
        status = recount(data, split, &found, ids, runtime, err);
        if (status == ELECTRA_OK) {
            status = compare(data, split, &found, err);
        }
    }
    el_free(ids);
    return status;
}
