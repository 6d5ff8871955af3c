/* Owns the work of electra_prepare: lines are gathered into a batch of a few megabytes, the batch is tokenised by all
 * threads, and its sentences go in order through the builder of examples into the shards. Memory is that of one batch
 * and one shard a split. */
#include <electra/data.h>
#include <electra/tokenizer.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/io.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/parallel.h"
#include "base/rng.h"
#include "base/status.h"
#include "data/examples.h"
#include "data/manifest.h"
#include "data/shard.h"
#include "data/staging.h"

enum {
    BATCH_BYTES = 4 << 20,  /* of text that is tokenised at once */
    BATCH_LINES = 1 << 16,  /* likewise */
    PIECE_BYTES = 32 << 10, /* of text that a thread takes at once */
    SHARD_BYTES = 32 << 20  /* of tokens in a shard, about */
};

static const uint64_t NO_DOCUMENT = UINT64_MAX;

/* A line of the batch. */
typedef struct batch_line {
    size_t begin, bytes; /* in the batch's text */
    bool starts_document;
} batch_line;

/* Neighbouring lines that one thread tokenises. */
typedef struct batch_piece {
    size_t first_line, n_lines;
    electra_ids ids; /* of all its lines */
    size_t *ends;    /* [n_lines] where each line's ids end; in the batch's block */
    uint64_t words;
    electra_status status;
    electra_error error;
} batch_piece;

typedef struct text_batch {
    char *text; /* [text_room] */
    size_t bytes, text_room;
    batch_line *lines; /* [BATCH_LINES] */
    size_t *ends;      /* [BATCH_LINES] */
    size_t n_lines;
    batch_piece *pieces; /* [piece_room] */
    size_t n_pieces, piece_room;
    bool last; /* the corpus is at its end */
} text_batch;

/* Where the examples of a split go. */
typedef struct split_writer {
    el_shard_writer *writer;
    electra_split split;
    uint64_t document_with_examples; /* the last one that was counted */
} split_writer;

/* Which documents are held out. If the draw leaves a split empty, the document that came nearest to it is moved there
 * and all is done again; both numbers of a first pass are NO_DOCUMENT. */
typedef struct split_rule {
    uint64_t to_train, to_heldout;
} split_rule;

/* Of the documents with examples: those with the smallest and the largest draw. */
typedef struct split_candidates {
    uint64_t smallest, largest;
    double smallest_draw, largest_draw;
    uint64_t documents;
} split_candidates;

typedef struct preparation {
    const electra_prepare_options *options;
    electra_tokenizer *tokenizer;
    electra_special_ids specials;
    el_pool *pool;
    electra_encoder **encoders; /* [threads] */
    int n_encoders;
    text_batch batch;
    el_staging staging;
    double began;
    /* one pass */
    electra_corpus *corpus;
    el_example_builder *examples;
    el_manifest manifest;
    split_writer writers[ELECTRA_SPLITS];
    split_rule rule;
    split_candidates candidates;
    bool in_document;
    uint64_t document; /* number of the current or last document */
    electra_split split;
} preparation;

electra_prepare_options electra_prepare_options_default(void)
{
    return (electra_prepare_options){.struct_size = sizeof(electra_prepare_options),
                                     .max_length = 128,
                                     .documents = ELECTRA_DOCUMENTS_BLANK,
                                     .heldout = 0.01,
                                     .seed = 42};
}

static electra_status check_options(const electra_prepare_options *o, electra_error *err)
{
    if (o->struct_size != sizeof *o) {
        return el_fail(err, ELECTRA_MISUSE, "electra_prepare_options",
                       "struct_size is %zu but should be %zu: begin with electra_prepare_options_default()",
                       o->struct_size, sizeof *o);
    }
    if (!o->inputs || o->n_inputs == 0 || !o->vocabulary || !o->output) {
        return el_fail(err, ELECTRA_MISUSE, "electra_prepare_options", "inputs, vocabulary and output must be set");
    }
    if (o->max_length < ELECTRA_SHORTEST_MAX_LENGTH || o->max_length > ELECTRA_LONGEST_MAX_LENGTH) {
        return el_fail(err, ELECTRA_MISUSE, "max-length", "a length of %zu makes no sense; %d to %d do", o->max_length,
                       ELECTRA_SHORTEST_MAX_LENGTH, ELECTRA_LONGEST_MAX_LENGTH);
    }
    if (!(o->heldout >= 0 && o->heldout <= 0.5)) {
        return el_fail(err, ELECTRA_MISUSE, "heldout", "a held-out share of %g makes no sense; 0 to 0.5 do",
                       o->heldout);
    }
    return ELECTRA_OK;
}

/* ---- a batch of lines -------------------------------------------------------------------------------------------- */

static electra_status batch_create(text_batch *b, electra_error *err)
{
    b->text_room = BATCH_BYTES + electra_corpus_options_default().longest_line;
    b->piece_room = b->text_room / PIECE_BYTES + 1; /* every piece but the last is filled */
    b->text = el_alloc(b->text_room, 1);
    b->lines = el_alloc(BATCH_LINES, sizeof *b->lines);
    b->ends = el_alloc(BATCH_LINES, sizeof *b->ends);
    b->pieces = el_alloc(b->piece_room, sizeof *b->pieces);
    const size_t bytes = b->text_room + BATCH_LINES * (sizeof *b->lines + sizeof *b->ends);
    return b->text && b->lines && b->ends && b->pieces ? ELECTRA_OK : el_fail_memory(err, "a batch of text", bytes);
}

static void batch_clear(text_batch *b)
{
    for (size_t i = 0; b->pieces && i < b->piece_room; i++) {
        electra_ids_free(&b->pieces[i].ids);
    }
    el_free(b->text);
    el_free(b->lines);
    el_free(b->ends);
    el_free(b->pieces);
    *b = (text_batch){0};
}

static electra_status batch_fill(text_batch *b, electra_corpus *corpus, electra_error *err)
{
    b->bytes = 0;
    b->n_lines = 0;
    while (b->bytes < BATCH_BYTES && b->n_lines < BATCH_LINES) {
        electra_line line;
        EL_TRY(electra_corpus_next(corpus, &line, err));
        if (!line.text) {
            b->last = true;
            break;
        }
        memcpy(b->text + b->bytes, line.text, line.bytes);
        b->lines[b->n_lines++] = (batch_line){b->bytes, line.bytes, line.starts_document};
        b->bytes += line.bytes;
    }
    return ELECTRA_OK;
}

static void batch_cut(text_batch *b)
{
    b->n_pieces = 0;
    for (size_t line = 0; line < b->n_lines; b->n_pieces++) {
        batch_piece *piece = &b->pieces[b->n_pieces];
        piece->first_line = line;
        piece->ends = b->ends + line;
        for (size_t bytes = 0; line < b->n_lines && bytes < PIECE_BYTES; line++) {
            bytes += b->lines[line].bytes;
        }
        piece->n_lines = line - piece->first_line;
    }
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static uint64_t count_words(const char *text, size_t bytes)
{
    uint64_t words = 0;
    bool inside = false;
    for (size_t i = 0; i < bytes; i++) {
        const bool space = is_space(text[i]);
        words += !space && !inside;
        inside = !space;
    }
    return words;
}

static void tokenize_piece(const preparation *p, batch_piece *piece, electra_encoder *encoder)
{
    const text_batch *b = &p->batch;
    piece->ids.n = 0;
    piece->words = 0;
    piece->status = ELECTRA_OK;
    for (size_t i = 0; i < piece->n_lines && piece->status == ELECTRA_OK; i++) {
        const batch_line *line = &b->lines[piece->first_line + i];
        const char *text = b->text + line->begin;
        piece->status = electra_encoder_append(encoder, text, line->bytes, &piece->ids, &piece->error);
        piece->ends[i] = piece->ids.n;
        piece->words += count_words(text, line->bytes);
    }
}

static void tokenize_pieces(void *argument, size_t begin, size_t end, int thread)
{
    preparation *p = argument;
    for (size_t i = begin; i < end; i++) {
        tokenize_piece(p, &p->batch.pieces[i], p->encoders[thread]);
    }
}

static electra_status tokenize_batch(preparation *p, electra_error *err)
{
    batch_cut(&p->batch);
    el_parallel_for(p->pool, p->batch.n_pieces, 1, tokenize_pieces, p);
    for (size_t i = 0; i < p->batch.n_pieces; i++) {
        const batch_piece *piece = &p->batch.pieces[i];
        if (piece->status != ELECTRA_OK) {
            return el_fail(err, piece->status, piece->error.where, "%s", piece->error.message);
        }
        p->manifest.summary.words += piece->words;
    }
    return ELECTRA_OK;
}

/* ---- shards ------------------------------------------------------------------------------------------------------ */

static electra_status save_shard(preparation *p, electra_split split, electra_error *err)
{
    el_manifest_shard entry = {0};
    (void)snprintf(entry.name, sizeof entry.name, "%s-%05" PRIu64 EL_SHARD_SUFFIX, el_manifest_split_name(split),
                   p->manifest.summary.splits[split].shards);
    char *path = el_path_join(p->staging.partial, entry.name);
    if (!path) {
        return el_fail_memory(err, entry.name, sizeof entry.name);
    }
    el_shard_about about;
    const electra_status status = el_shard_writer_save(p->writers[split].writer, path, &about, err);
    el_free(path);
    EL_TRY(status);
    entry.examples = about.n_examples;
    entry.tokens = about.n_tokens;
    entry.bytes = about.bytes;
    entry.hash = about.hash;
    return el_manifest_add(&p->manifest, split, &entry, err);
}

static double draw_of(const preparation *p, uint64_t document)
{
    return el_rng_uniform(el_rng_row(el_rng_key(p->options->seed, EL_RNG_SPLIT, 0, 0), document, 0));
}

static electra_split split_of(const preparation *p, uint64_t document)
{
    if (document == p->rule.to_train) {
        return ELECTRA_TRAIN;
    }
    const bool heldout = document == p->rule.to_heldout || draw_of(p, document) < p->options->heldout;
    return heldout ? ELECTRA_HELDOUT : ELECTRA_TRAIN;
}

/* The current document has turned out to have examples. */
static void count_document(preparation *p)
{
    split_candidates *c = &p->candidates;
    const double draw = draw_of(p, p->document);
    if (c->documents == 0 || draw < c->smallest_draw) {
        c->smallest = p->document;
        c->smallest_draw = draw;
    }
    if (c->documents == 0 || draw > c->largest_draw) {
        c->largest = p->document;
        c->largest_draw = draw;
    }
    c->documents++;
    p->manifest.summary.splits[p->split].documents++;
}

/* An el_example_fn. */
static electra_status write_example(void *user, const uint32_t *ids, size_t n, size_t first, electra_error *err)
{
    preparation *p = user;
    split_writer *w = &p->writers[p->split];
    electra_split_summary *s = &p->manifest.summary.splits[p->split];
    if (w->document_with_examples != p->document) {
        w->document_with_examples = p->document;
        count_document(p);
    }
    const size_t length = n + (first < n ? 3 : 2);
    s->lengths[(length - 1) * ELECTRA_LENGTH_BUCKETS / p->options->max_length]++;
    s->single_segment += first == n;
    for (size_t i = 0; i < n; i++) {
        s->unknown_tokens += ids[i] == p->specials.unk;
    }
    EL_TRY(el_shard_writer_add(w->writer, ids, n, first, err));
    return el_shard_writer_bytes(w->writer) >= SHARD_BYTES ? save_shard(p, p->split, err) : ELECTRA_OK;
}

/* ---- documents --------------------------------------------------------------------------------------------------- */

static electra_status end_document(preparation *p, electra_error *err)
{
    if (!p->in_document) {
        return ELECTRA_OK;
    }
    p->in_document = false;
    return el_example_builder_end(p->examples, err);
}

static electra_status begin_document(preparation *p, electra_error *err)
{
    EL_TRY(end_document(p, err));
    p->document++;
    p->in_document = true;
    p->split = split_of(p, p->document);
    el_example_builder_begin(p->examples, p->document);
    return ELECTRA_OK;
}

static electra_status build_examples(preparation *p, electra_error *err)
{
    const text_batch *b = &p->batch;
    for (size_t i = 0; i < b->n_pieces; i++) {
        const batch_piece *piece = &b->pieces[i];
        size_t begin = 0;
        for (size_t line = 0; line < piece->n_lines; line++) {
            if (b->lines[piece->first_line + line].starts_document) {
                EL_TRY(begin_document(p, err));
            }
            const uint32_t *ids = piece->ids.ids ? piece->ids.ids + begin : NULL;
            EL_TRY(el_example_builder_add(p->examples, ids, piece->ends[line] - begin, err));
            begin = piece->ends[line];
        }
    }
    return ELECTRA_OK;
}

/* ---- a pass over the corpus -------------------------------------------------------------------------------------- */

static electra_status report_progress(const preparation *p, electra_error *err)
{
    uint64_t done;
    uint64_t total;
    electra_corpus_position(p->corpus, &done, &total);
    const electra_progress progress = {.stage = "tokenizing",
                                       .unit = "bytes",
                                       .done = (double)done,
                                       .total = (double)total,
                                       .seconds = el_now() - p->began};
    if (el_progress(&p->options->runtime, &progress)) {
        return el_fail(err, ELECTRA_INTERRUPTED, p->staging.target, "interrupted: %s was not made", p->staging.target);
    }
    return ELECTRA_OK;
}

static electra_status begin_pass(preparation *p, const split_rule *rule, electra_error *err)
{
    const electra_prepare_options *o = p->options;
    electra_data_summary *s = &p->manifest.summary;
    el_manifest_clear(&p->manifest);
    s->max_length = o->max_length;
    s->vocabulary_size = electra_tokenizer_size(p->tokenizer);
    s->vocabulary_hash = electra_tokenizer_hash(p->tokenizer);
    s->token_bytes = s->vocabulary_size <= 65536 ? 2 : 4;
    s->compat_google = o->compat_google;
    s->tokenizer = electra_tokenizer_settings(p->tokenizer);
    s->documents = o->documents;
    s->heldout = o->heldout;
    s->seed = o->seed;
    p->rule = *rule;
    p->candidates = (split_candidates){0};
    p->in_document = false;
    p->document = NO_DOCUMENT; /* the first one gets number 0 */
    p->batch.last = false;
    electra_corpus_options corpus = electra_corpus_options_default();
    corpus.documents = o->documents;
    corpus.runtime = o->runtime;
    EL_TRY(electra_corpus_open(&p->corpus, o->inputs, o->n_inputs, &corpus, err));
    const el_example_builder_settings settings = {o->max_length, o->seed, o->compat_google, write_example, p};
    EL_TRY(el_example_builder_create(&p->examples, &settings, err));
    const el_shard_about about = {.vocabulary_hash = s->vocabulary_hash,
                                  .vocabulary_size = (uint32_t)s->vocabulary_size,
                                  .max_length = (uint32_t)o->max_length,
                                  .token_bytes = s->token_bytes};
    for (electra_split split = ELECTRA_TRAIN; split < ELECTRA_SPLITS; split++) {
        p->writers[split] = (split_writer){.split = split, .document_with_examples = NO_DOCUMENT};
        EL_TRY(el_shard_writer_create(&p->writers[split].writer, &about, err));
    }
    return ELECTRA_OK;
}

static void end_pass(preparation *p)
{
    electra_corpus_free(p->corpus);
    el_example_builder_free(p->examples);
    p->corpus = NULL;
    p->examples = NULL;
    for (int split = 0; split < ELECTRA_SPLITS; split++) {
        el_shard_writer_free(p->writers[split].writer);
        p->writers[split].writer = NULL;
    }
}

static electra_status run_pass(preparation *p, const split_rule *rule, electra_error *err)
{
    EL_TRY(begin_pass(p, rule, err));
    while (!p->batch.last) {
        EL_TRY(batch_fill(&p->batch, p->corpus, err));
        EL_TRY(tokenize_batch(p, err));
        EL_TRY(build_examples(p, err));
        EL_TRY(report_progress(p, err));
    }
    EL_TRY(end_document(p, err));
    for (electra_split split = ELECTRA_TRAIN; split < ELECTRA_SPLITS; split++) {
        if (el_shard_writer_examples(p->writers[split].writer) > 0) {
            EL_TRY(save_shard(p, split, err));
        }
    }
    p->manifest.summary.corpus = *electra_corpus_progress(p->corpus);
    if (p->candidates.documents == 0) {
        return el_fail(err, ELECTRA_INVALID, p->options->inputs[0],
                       "there is no text in %s%s (files ignored because of their names: %" PRIu64 ")",
                       p->options->inputs[0], p->options->n_inputs > 1 ? " and the other inputs" : "",
                       p->manifest.summary.corpus.ignored_files);
    }
    return ELECTRA_OK;
}

/* Whether the draw has left a split without documents that should have some; then *rule says what to change. */
static bool must_repeat(const preparation *p, split_rule *rule)
{
    const electra_split_summary *splits = p->manifest.summary.splits;
    *rule = (split_rule){NO_DOCUMENT, NO_DOCUMENT};
    if (splits[ELECTRA_TRAIN].documents == 0) {
        rule->to_train = p->candidates.largest;
    } else if (splits[ELECTRA_HELDOUT].documents == 0 && p->options->heldout > 0 && p->candidates.documents > 1) {
        rule->to_heldout = p->candidates.smallest;
    }
    return rule->to_train != NO_DOCUMENT || rule->to_heldout != NO_DOCUMENT;
}

/* Shards of the first pass that the second will not write again: it has at most one file less in each split. */
static electra_status remove_shards(const preparation *p, electra_error *err)
{
    for (int split = 0; split < ELECTRA_SPLITS; split++) {
        for (size_t i = 0; i < p->manifest.summary.splits[split].shards; i++) {
            char *path = el_path_join(p->staging.partial, p->manifest.shards[split][i].name);
            if (!path) {
                return el_fail_memory(err, p->staging.partial, strlen(p->staging.partial));
            }
            const electra_status status = el_remove_tree(path, err);
            el_free(path);
            EL_TRY(status);
        }
    }
    return ELECTRA_OK;
}

static electra_status run_passes(preparation *p, electra_error *err)
{
    split_rule rule = {NO_DOCUMENT, NO_DOCUMENT};
    electra_status status = run_pass(p, &rule, err);
    end_pass(p);
    EL_TRY(status);
    if (must_repeat(p, &rule)) {
        EL_TRY(remove_shards(p, err));
        status = run_pass(p, &rule, err);
        end_pass(p);
    }
    return status;
}

/* ---- the whole job ----------------------------------------------------------------------------------------------- */

static electra_status load_tokenizer(preparation *p, electra_error *err)
{
    const electra_prepare_options *o = p->options;
    electra_tokenizer_options options = electra_tokenizer_options_default();
    options.lowercase = !o->cased;
    options.strip_accents = o->keep_accents ? ELECTRA_ACCENTS_KEEP : ELECTRA_ACCENTS_AUTO;
    options.google = o->compat_google;
    options.runtime = o->runtime;
    EL_TRY(electra_tokenizer_load(&p->tokenizer, o->vocabulary, &options, err));
    p->specials = electra_tokenizer_specials(p->tokenizer);
    if (p->specials.mask == ELECTRA_NO_TOKEN) {
        return el_fail(err, ELECTRA_INVALID, o->vocabulary,
                       "%s has no [MASK], which pre-training needs: add a line with it, or train a vocabulary with "
                       "electra vocab",
                       o->vocabulary);
    }
    return ELECTRA_OK;
}

static electra_status create_encoders(preparation *p, electra_error *err)
{
    EL_TRY(el_pool_create(&p->pool, p->options->runtime.threads, err));
    p->n_encoders = el_pool_threads(p->pool);
    p->encoders = el_alloc((size_t)p->n_encoders, sizeof *p->encoders);
    if (!p->encoders) {
        return el_fail_memory(err, "the tokenizers", (size_t)p->n_encoders * sizeof *p->encoders);
    }
    for (int i = 0; i < p->n_encoders; i++) {
        EL_TRY(electra_encoder_create(&p->encoders[i], p->tokenizer, err));
    }
    return batch_create(&p->batch, err);
}

static electra_status save_vocabulary(const preparation *p, electra_error *err)
{
    char *path = el_path_join(p->staging.partial, EL_VOCABULARY_FILE);
    const electra_status status =
        path ? electra_tokenizer_save_vocab(p->tokenizer, path, err) : el_fail_memory(err, EL_VOCABULARY_FILE, 0);
    el_free(path);
    return status;
}

static electra_status prepare(preparation *p, electra_error *err)
{
    const electra_prepare_options *o = p->options;
    EL_TRY(check_options(o, err));
    EL_TRY(load_tokenizer(p, err));
    EL_TRY(create_encoders(p, err));
    EL_TRY(el_staging_open(&p->staging, o->output, o->overwrite, err));
    EL_TRY(run_passes(p, err));
    EL_TRY(save_vocabulary(p, err));
    EL_TRY(el_manifest_save(&p->manifest, p->staging.partial, err));
    if (p->manifest.summary.splits[ELECTRA_HELDOUT].documents == 0 && o->heldout > 0) {
        el_log(&o->runtime, ELECTRA_LOG_WARNING,
               "the text is one document, so nothing is held out and a run on it cannot be evaluated; see --documents");
    }
    return el_staging_commit(&p->staging, err);
}

electra_status electra_prepare(const electra_prepare_options *options, electra_data_summary *summary,
                               electra_error *err)
{
    preparation p = {.options = options, .staging = {.lock = -1}, .began = el_now()};
    const electra_status status = prepare(&p, err);
    end_pass(&p);
    el_staging_abandon(&p.staging);
    batch_clear(&p.batch);
    for (int i = 0; p.encoders && i < p.n_encoders; i++) {
        electra_encoder_free(p.encoders[i]);
    }
    el_free(p.encoders);
    el_pool_free(p.pool);
    electra_tokenizer_free(p.tokenizer);
    if (status == ELECTRA_OK && summary) {
        *summary = p.manifest.summary;
    }
    el_manifest_clear(&p.manifest);
    return status;
}
