/* Owns manifest.json: both directions side by side, member by member. */
#include "data/manifest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/status.h"

#define FORMAT "electra-data"

enum { VERSION = 1 };

/* Whole numbers of the manifest beyond this are not believed; it also keeps sums from overflowing. */
static const size_t MOST = (size_t)1 << 52;

static const char *const DOCUMENTS[] = {"blank", "file", "line"};

const char *el_manifest_split_name(electra_split split)
{
    return split == ELECTRA_TRAIN ? "train" : "heldout";
}

electra_status el_manifest_add(el_manifest *manifest, electra_split split, const el_manifest_shard *shard,
                               electra_error *err)
{
    electra_split_summary *about = &manifest->summary.splits[split];
    const size_t n = (size_t)about->shards;
    el_manifest_shard *grown = el_realloc(manifest->shards[split], n, n + 1, sizeof *grown);
    if (!grown) {
        return el_fail_memory(err, "the manifest", (n + 1) * sizeof *grown);
    }
    grown[n] = *shard;
    manifest->shards[split] = grown;
    about->shards++;
    about->examples += shard->examples;
    about->tokens += shard->tokens;
    about->bytes += shard->bytes;
    return ELECTRA_OK;
}

void el_manifest_clear(el_manifest *manifest)
{
    for (int split = 0; split < ELECTRA_SPLITS; split++) {
        el_free(manifest->shards[split]);
    }
    *manifest = (el_manifest){0};
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

static json_t *integer(uint64_t value)
{
    return json_integer((json_int_t)value);
}

static json_t *hexadecimal(uint64_t value)
{
    return json_sprintf("%016llx", (unsigned long long)value);
}

static json_t *describe_corpus(const electra_data_summary *summary)
{
    const electra_corpus_counts *c = &summary->corpus;
    return json_pack("{so so so so so so so so}", "files", integer(c->files), "ignored_files",
                     integer(c->ignored_files), "documents", integer(c->documents), "lines", integer(c->lines), "bytes",
                     integer(c->bytes), "pieces_of_long_lines", integer(c->pieces), "invalid_lines",
                     integer(c->invalid_lines), "words", integer(summary->words));
}

static json_t *describe_settings(const electra_data_summary *s)
{
    const electra_tokenizer_options *t = &s->tokenizer;
    return json_pack(
        "{so ss sf so ss so}", "max_length", integer(s->max_length), "documents", DOCUMENTS[s->documents], "heldout",
        s->heldout, "seed", integer(s->seed), "compat", s->compat_google ? "google" : "none", "tokenizer",
        json_pack("{sb sb sb sb so}", "lowercase", t->lowercase, "strip_accents",
                  t->strip_accents == ELECTRA_ACCENTS_STRIP, "handle_chinese_chars", t->handle_chinese_chars,
                  "clean_text", t->clean_text, "max_word_chars", integer(t->max_word_chars)));
}

static json_t *describe_split(const el_manifest *manifest, electra_split split)
{
    const electra_split_summary *s = &manifest->summary.splits[split];
    json_t *lengths = json_array();
    for (size_t i = 0; i < ELECTRA_LENGTH_BUCKETS; i++) {
        json_array_append_new(lengths, integer(s->lengths[i]));
    }
    json_t *shards = json_array();
    for (size_t i = 0; i < s->shards; i++) {
        const el_manifest_shard *shard = &manifest->shards[split][i];
        json_array_append_new(shards, json_pack("{ss so so so so}", "file", shard->name, "examples",
                                                integer(shard->examples), "tokens", integer(shard->tokens), "bytes",
                                                integer(shard->bytes), "checksum", hexadecimal(shard->hash)));
    }
    return json_pack("{so so so so so so so}", "documents", integer(s->documents), "examples", integer(s->examples),
                     "tokens", integer(s->tokens), "unknown_tokens", integer(s->unknown_tokens), "single_segment",
                     integer(s->single_segment), "lengths", lengths, "shards", shards);
}

electra_status el_manifest_save(const el_manifest *manifest, const char *folder, electra_error *err)
{
    const electra_data_summary *s = &manifest->summary;
    json_t *root = json_pack(
        "{ss si so so s{ss so so so} s{so so}}", "format", FORMAT, "version", VERSION, "corpus", describe_corpus(s),
        "settings", describe_settings(s), "vocabulary", "file", EL_VOCABULARY_FILE, "size", integer(s->vocabulary_size),
        "hash", hexadecimal(s->vocabulary_hash), "token_bytes", integer(s->token_bytes), "splits", "train",
        describe_split(manifest, ELECTRA_TRAIN), "heldout", describe_split(manifest, ELECTRA_HELDOUT));
    char *path = el_path_join(folder, EL_MANIFEST_FILE);
    const electra_status status =
        root && path ? el_json_save(root, path, err) : el_fail_memory(err, "the manifest", sizeof *manifest);
    json_decref(root);
    el_free(path);
    return status;
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

/* Required whole number into a uint64_t. */
static electra_status read_count(const json_t *object, const char *name, uint64_t *out, const char *where,
                                 electra_error *err)
{
    size_t value = 0;
    EL_TRY(el_json_size(object, name, EL_JSON_REQUIRED, 0, MOST, &value, where, err));
    *out = value;
    return ELECTRA_OK;
}

static electra_status read_hash(const json_t *object, const char *name, uint64_t *out, const char *where,
                                electra_error *err)
{
    const char *text = "";
    EL_TRY(el_json_text(object, name, EL_JSON_REQUIRED, &text, where, err));
    char *end = NULL;
    *out = strtoull(text, &end, 16);
    if (strlen(text) != 16 || *end != '\0') {
        return el_fail(err, ELECTRA_INVALID, where, "%s: \"%s\" should be 16 hexadecimal digits but is \"%.40s\"",
                       where, name, text);
    }
    return ELECTRA_OK;
}

static electra_status read_object(const json_t *object, const char *name, const json_t **out, const char *where,
                                  electra_error *err)
{
    *out = json_object_get(object, name);
    if (!json_is_object(*out)) {
        return el_fail(err, ELECTRA_INVALID, where, "%s lacks the object \"%s\"", where, name);
    }
    return ELECTRA_OK;
}

static electra_status read_corpus(const json_t *root, electra_data_summary *s, const char *where, electra_error *err)
{
    const json_t *object;
    electra_corpus_counts *c = &s->corpus;
    EL_TRY(read_object(root, "corpus", &object, where, err));
    EL_TRY(read_count(object, "files", &c->files, where, err));
    EL_TRY(read_count(object, "ignored_files", &c->ignored_files, where, err));
    EL_TRY(read_count(object, "documents", &c->documents, where, err));
    EL_TRY(read_count(object, "lines", &c->lines, where, err));
    EL_TRY(read_count(object, "bytes", &c->bytes, where, err));
    EL_TRY(read_count(object, "pieces_of_long_lines", &c->pieces, where, err));
    EL_TRY(read_count(object, "invalid_lines", &c->invalid_lines, where, err));
    return read_count(object, "words", &s->words, where, err);
}

static electra_status read_documents(const json_t *settings, electra_documents *out, const char *where,
                                     electra_error *err)
{
    const char *text = "";
    EL_TRY(el_json_text(settings, "documents", EL_JSON_REQUIRED, &text, where, err));
    for (size_t i = 0; i < sizeof DOCUMENTS / sizeof *DOCUMENTS; i++) {
        if (strcmp(text, DOCUMENTS[i]) == 0) {
            *out = (electra_documents)i;
            return ELECTRA_OK;
        }
    }
    return el_fail(err, ELECTRA_INVALID, where, "%s: \"documents\" should be blank, file or line but is \"%.40s\"",
                   where, text);
}

static electra_status read_tokenizer(const json_t *settings, electra_data_summary *s, const char *where,
                                     electra_error *err)
{
    const json_t *object;
    bool strip = true;
    electra_tokenizer_options *t = &s->tokenizer;
    *t = electra_tokenizer_options_default();
    EL_TRY(read_object(settings, "tokenizer", &object, where, err));
    EL_TRY(el_json_bool(object, "lowercase", EL_JSON_REQUIRED, &t->lowercase, where, err));
    EL_TRY(el_json_bool(object, "strip_accents", EL_JSON_REQUIRED, &strip, where, err));
    EL_TRY(el_json_bool(object, "handle_chinese_chars", EL_JSON_REQUIRED, &t->handle_chinese_chars, where, err));
    EL_TRY(el_json_bool(object, "clean_text", EL_JSON_REQUIRED, &t->clean_text, where, err));
    EL_TRY(el_json_size(object, "max_word_chars", EL_JSON_REQUIRED, 1, 1 << 20, &t->max_word_chars, where, err));
    t->strip_accents = strip ? ELECTRA_ACCENTS_STRIP : ELECTRA_ACCENTS_KEEP;
    t->google = s->compat_google;
    return ELECTRA_OK;
}

static electra_status read_settings(const json_t *root, electra_data_summary *s, const char *where, electra_error *err)
{
    const json_t *object;
    const char *compat = "";
    EL_TRY(read_object(root, "settings", &object, where, err));
    EL_TRY(el_json_size(object, "max_length", EL_JSON_REQUIRED, ELECTRA_SHORTEST_MAX_LENGTH, ELECTRA_LONGEST_MAX_LENGTH,
                        &s->max_length, where, err));
    EL_TRY(read_documents(object, &s->documents, where, err));
    EL_TRY(el_json_real(object, "heldout", EL_JSON_REQUIRED, 0, 0.5, &s->heldout, where, err));
    EL_TRY(el_json_text(object, "compat", EL_JSON_REQUIRED, &compat, where, err));
    s->compat_google = strcmp(compat, "google") == 0;
    s->seed = (uint64_t)json_integer_value(json_object_get(object, "seed"));
    return read_tokenizer(object, s, where, err);
}

static electra_status read_vocabulary(const json_t *root, electra_data_summary *s, const char *where,
                                      electra_error *err)
{
    const json_t *object;
    size_t width = 0;
    EL_TRY(read_object(root, "vocabulary", &object, where, err));
    EL_TRY(el_json_size(object, "size", EL_JSON_REQUIRED, 1, UINT32_MAX - 1, &s->vocabulary_size, where, err));
    EL_TRY(read_hash(object, "hash", &s->vocabulary_hash, where, err));
    EL_TRY(el_json_size(object, "token_bytes", EL_JSON_REQUIRED, 2, 4, &width, where, err));
    s->token_bytes = (unsigned)width;
    return ELECTRA_OK;
}

/* File names come from the file and are joined to the folder's path: only the form that we write is let through. */
static electra_status read_shard_name(const json_t *object, electra_split split, size_t number, el_manifest_shard *out,
                                      const char *where, electra_error *err)
{
    const char *name = "";
    EL_TRY(el_json_text(object, "file", EL_JSON_REQUIRED, &name, where, err));
    (void)snprintf(out->name, sizeof out->name, "%s-%05zu" EL_SHARD_SUFFIX, el_manifest_split_name(split), number);
    if (strcmp(name, out->name) != 0) {
        return el_fail(err, ELECTRA_INVALID, where, "%s: shard %zu of %s should be \"%s\" but is \"%.40s\"", where,
                       number, el_manifest_split_name(split), out->name, name);
    }
    return ELECTRA_OK;
}

static electra_status read_shards(const json_t *list, el_manifest *out, electra_split split, const char *where,
                                  electra_error *err)
{
    if (!json_is_array(list)) {
        return el_fail(err, ELECTRA_INVALID, where, "%s lacks the list \"shards\"", where);
    }
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *object = json_array_get(list, i);
        el_manifest_shard shard = {0};
        EL_TRY(read_shard_name(object, split, i, &shard, where, err));
        EL_TRY(read_count(object, "examples", &shard.examples, where, err));
        EL_TRY(read_count(object, "tokens", &shard.tokens, where, err));
        EL_TRY(read_count(object, "bytes", &shard.bytes, where, err));
        EL_TRY(read_hash(object, "checksum", &shard.hash, where, err));
        EL_TRY(el_manifest_add(out, split, &shard, err));
    }
    return ELECTRA_OK;
}

static electra_status expect_sum(const char *name, electra_split split, uint64_t stated, uint64_t sum,
                                 const char *where, electra_error *err)
{
    if (stated == sum) {
        return ELECTRA_OK;
    }
    return el_fail(err, ELECTRA_INVALID, where, "%s: \"%s\" of %s is %llu, but its parts add up to %llu", where, name,
                   el_manifest_split_name(split), (unsigned long long)stated, (unsigned long long)sum);
}

static electra_status read_lengths(const json_t *object, electra_split_summary *s, electra_split split,
                                   const char *where, electra_error *err)
{
    const json_t *list = json_object_get(object, "lengths");
    if (json_array_size(list) != ELECTRA_LENGTH_BUCKETS) {
        return el_fail(err, ELECTRA_INVALID, where, "%s: \"lengths\" should be a list of %d numbers", where,
                       ELECTRA_LENGTH_BUCKETS);
    }
    uint64_t sum = 0;
    for (size_t i = 0; i < ELECTRA_LENGTH_BUCKETS; i++) {
        s->lengths[i] = (uint64_t)json_integer_value(json_array_get(list, i)) & (MOST - 1);
        sum += s->lengths[i];
    }
    return expect_sum("lengths", split, sum, s->examples, where, err);
}

static electra_status read_split(const json_t *splits, el_manifest *out, electra_split split, const char *where,
                                 electra_error *err)
{
    electra_split_summary *s = &out->summary.splits[split];
    const json_t *object;
    uint64_t examples = 0;
    uint64_t tokens = 0;
    EL_TRY(read_object(splits, el_manifest_split_name(split), &object, where, err));
    EL_TRY(read_count(object, "documents", &s->documents, where, err));
    EL_TRY(read_count(object, "examples", &examples, where, err));
    EL_TRY(read_count(object, "tokens", &tokens, where, err));
    EL_TRY(read_count(object, "unknown_tokens", &s->unknown_tokens, where, err));
    EL_TRY(read_count(object, "single_segment", &s->single_segment, where, err));
    EL_TRY(read_shards(json_object_get(object, "shards"), out, split, where, err));
    EL_TRY(expect_sum("examples", split, examples, s->examples, where, err));
    EL_TRY(expect_sum("tokens", split, tokens, s->tokens, where, err));
    return read_lengths(object, s, split, where, err);
}

static electra_status read_root(const json_t *root, el_manifest *out, const char *where, electra_error *err)
{
    const char *format = "";
    size_t version = 0;
    const json_t *splits;
    EL_TRY(el_json_text(root, "format", EL_JSON_REQUIRED, &format, where, err));
    if (strcmp(format, FORMAT) != 0) {
        return el_fail(err, ELECTRA_INVALID, where, "%s: \"format\" should be \"" FORMAT "\" but is \"%.40s\"", where,
                       format);
    }
    EL_TRY(el_json_size(root, "version", EL_JSON_REQUIRED, VERSION, VERSION, &version, where, err));
    EL_TRY(read_corpus(root, &out->summary, where, err));
    EL_TRY(read_settings(root, &out->summary, where, err));
    EL_TRY(read_vocabulary(root, &out->summary, where, err));
    EL_TRY(read_object(root, "splits", &splits, where, err));
    EL_TRY(read_split(splits, out, ELECTRA_TRAIN, where, err));
    return read_split(splits, out, ELECTRA_HELDOUT, where, err);
}

electra_status el_manifest_load(el_manifest *out, const char *folder, electra_error *err)
{
    *out = (el_manifest){0};
    char *path = el_path_join(folder, EL_MANIFEST_FILE);
    if (!path) {
        return el_fail_memory(err, folder, strlen(folder));
    }
    json_t *root = NULL;
    electra_status status;
    if (!el_is_file(path)) {
        status = el_fail(err, ELECTRA_INVALID, folder,
                         "%s is not a data folder: it has no " EL_MANIFEST_FILE " (electra prepare makes one)", folder);
    } else {
        status = el_json_load(&root, path, err);
    }
    if (status == ELECTRA_OK) {
        status = read_root(root, out, path, err);
    }
    json_decref(root);
    el_free(path);
    return status;
}

bool el_manifest_is_there(const char *folder)
{
    bool is = false;
    char *path = el_path_join(folder, EL_MANIFEST_FILE);
    json_t *root = NULL;
    if (path && el_is_file(path) && el_json_load(&root, path, NULL) == ELECTRA_OK) {
        const char *format = json_string_value(json_object_get(root, "format"));
        is = format && strcmp(format, FORMAT) == 0;
    }
    json_decref(root);
    el_free(path);
    return is;
}
