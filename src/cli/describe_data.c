#include "describe_data.h"

#include <inttypes.h>

static const char *const SPLITS[ELECTRA_SPLITS] = {"train", "heldout"};
static const char *const SPLIT_TITLES[ELECTRA_SPLITS] = {"training", "held out"};
static const char *const DOCUMENTS[] = {"blank", "file", "line"};

static double percent(uint64_t part, uint64_t whole)
{
    return whole ? 100.0 * (double)part / (double)whole : 0;
}

/* ---- words ----------------------------------------------------------------------------------------------------------
 */

/* 1234567 -> 1,234,567 into a buffer of the caller's. */
static const char *grouped(char text[32], uint64_t number)
{
    char digits[24];
    const size_t n = (size_t)snprintf(digits, sizeof digits, "%" PRIu64, number);
    size_t used = 0;
    for (size_t i = 0; i < n; i++) {
        text[used++] = digits[i];
        if (i + 1 < n && (n - i - 1) % 3 == 0) {
            text[used++] = ',';
        }
    }
    text[used] = '\0';
    return text;
}

/* 1234567 -> 1.2 MB, likewise. */
static const char *sized(char text[32], uint64_t bytes)
{
    const bool small = bytes < 100000;
    snprintf(text, 32, "%.1f %s", (double)bytes / (small ? 1e3 : 1e6), small ? "kB" : "MB");
    return text;
}

static void describe_split(FILE *out, const electra_split_summary *s, const char *title)
{
    char documents[32];
    char examples[32];
    char tokens[32];
    char size[32];
    fprintf(out, "  %-9s %12s documents %12s examples %15s tokens %11s\n", title, grouped(documents, s->documents),
            grouped(examples, s->examples), grouped(tokens, s->tokens), sized(size, s->bytes));
}

static void describe_oddities(FILE *out, const electra_corpus_counts *c)
{
    char number[32];
    if (c->invalid_lines) {
        fprintf(out, "  lines that are not valid UTF-8 (ill-formed bytes were left out): %s\n",
                grouped(number, c->invalid_lines));
    }
    if (c->pieces) {
        fprintf(out, "  pieces of lines that were too long to be read whole: %s\n", grouped(number, c->pieces));
    }
    if (c->ignored_files) {
        fprintf(out, "  files ignored because of their names: %s\n", grouped(number, c->ignored_files));
    }
}

void describe_data_words(FILE *out, const electra_data_summary *s)
{
    char files[32];
    char lines[32];
    char words[32];
    char size[32];
    const electra_split_summary *train = &s->splits[ELECTRA_TRAIN];
    const electra_split_summary *heldout = &s->splits[ELECTRA_HELDOUT];
    const uint64_t tokens = train->tokens + heldout->tokens;
    fprintf(out, "%s lines, %s words, %s of text in %s file%s\n", grouped(lines, s->corpus.lines),
            grouped(words, s->words), sized(size, s->corpus.bytes), grouped(files, s->corpus.files),
            s->corpus.files == 1 ? "" : "s");
    for (int split = 0; split < ELECTRA_SPLITS; split++) {
        describe_split(out, &s->splits[split], SPLIT_TITLES[split]);
    }
    fprintf(out, "  examples of up to %zu tokens, %.1f %% with one segment; a vocabulary of %zu, %.2f tokens a word\n",
            s->max_length,
            percent(train->single_segment + heldout->single_segment, train->examples + heldout->examples),
            s->vocabulary_size, s->words ? (double)tokens / (double)s->words : 0);
    fprintf(out, "  %.2f %% of the tokens are [UNK]\n",
            percent(train->unknown_tokens + heldout->unknown_tokens, tokens));
    describe_oddities(out, &s->corpus);
}

/* ---- JSON -----------------------------------------------------------------------------------------------------------
 */

static void split_member(FILE *out, const electra_split_summary *s, const char *name)
{
    fprintf(out,
            "\"%s\":{\"documents\":%" PRIu64 ",\"examples\":%" PRIu64 ",\"tokens\":%" PRIu64
            ",\"unknown_tokens\":%" PRIu64 ",\"single_segment\":%" PRIu64 ",\"shards\":%" PRIu64 ",\"bytes\":%" PRIu64
            ",\"lengths\":[",
            name, s->documents, s->examples, s->tokens, s->unknown_tokens, s->single_segment, s->shards, s->bytes);
    for (int i = 0; i < ELECTRA_LENGTH_BUCKETS; i++) {
        fprintf(out, "%s%" PRIu64, i ? "," : "", s->lengths[i]);
    }
    fputs("]}", out);
}

void describe_data_members(FILE *out, const electra_data_summary *s)
{
    const electra_corpus_counts *c = &s->corpus;
    fprintf(out, "\"max_length\":%zu,\"vocabulary_size\":%zu,\"vocabulary_hash\":\"%016" PRIx64 "\",", s->max_length,
            s->vocabulary_size, s->vocabulary_hash);
    fprintf(out, "\"documents\":\"%s\",\"heldout_share\":%g,\"seed\":%" PRIu64 ",\"compat\":\"%s\",",
            DOCUMENTS[s->documents], s->heldout, s->seed, s->compat_google ? "google" : "none");
    fprintf(out, "\"lowercase\":%s,\"strip_accents\":%s,", s->tokenizer.lowercase ? "true" : "false",
            s->tokenizer.strip_accents == ELECTRA_ACCENTS_STRIP ? "true" : "false");
    fprintf(out,
            "\"corpus\":{\"files\":%" PRIu64 ",\"ignored_files\":%" PRIu64 ",\"documents\":%" PRIu64
            ",\"lines\":%" PRIu64 ",\"words\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"pieces_of_long_lines\":%" PRIu64
            ",\"invalid_lines\":%" PRIu64 "}",
            c->files, c->ignored_files, c->documents, c->lines, s->words, c->bytes, c->pieces, c->invalid_lines);
    for (int split = 0; split < ELECTRA_SPLITS; split++) {
        fputc(',', out);
        split_member(out, &s->splits[split], SPLITS[split]);
    }
}
