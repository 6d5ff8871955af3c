/* Text in files and archives -> documents and lines -> shards of examples that a training run maps into memory.
 *
 *     electra_prepare_options options = electra_prepare_options_default();
 *     options.inputs = paths, options.n_inputs = 2, options.vocabulary = "vocab.txt", options.output = "my-data";
 *     electra_data_summary summary;
 *     if (electra_prepare(&options, &summary, &error) != ELECTRA_OK) ...
 *
 *     electra_data *data;                                  // later, for a look or for training
 *     electra_data_open(&data, "my-data", &error);
 *     electra_data_example(data, ELECTRA_TRAIN, 0, ids, types, &length, &error);
 *
 * Memory stays bounded whatever the size of the corpus, and the bytes written do not depend on the number of threads.
 */
#ifndef ELECTRA_DATA_H
#define ELECTRA_DATA_H

#include <electra/tokenizer.h>
#include <electra/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- a corpus: lines in documents ------------------------------------------------------------------------------ */

/* What ends a document. The end of a file always does, and each object of a .jsonl file is one document whatever is
 * chosen here. */
typedef enum electra_documents {
    ELECTRA_DOCUMENTS_BLANK, /* a blank line */
    ELECTRA_DOCUMENTS_FILE,  /* nothing else: a file, or a member of an archive, is a document */
    ELECTRA_DOCUMENTS_LINE   /* every line is a document */
} electra_documents;

typedef struct electra_corpus_options {
    size_t struct_size;
    electra_documents documents;
    size_t longest_line;     /* bytes; longer lines are handed out in pieces, cut at white space where there is any */
    electra_runtime runtime; /* only its log is used */
} electra_corpus_options;

/* Documents by blank lines, pieces of at most 256 KiB. */
ELECTRA_API electra_corpus_options electra_corpus_options_default(void);

/* What was met so far. */
typedef struct electra_corpus_counts {
    uint64_t files;         /* read to their end, members of archives counted one by one */
    uint64_t ignored_files; /* in folders and archives, with names that are not those of text */
    uint64_t documents;     /* with at least one line */
    uint64_t lines;         /* not blank; pieces counted one by one */
    uint64_t bytes;         /* of those lines, without line ends */
    uint64_t pieces;        /* of lines that were longer than longest_line */
    uint64_t invalid_lines; /* with bytes that are not UTF-8: handed out as they are, tokenizers read U+FFFD there */
} electra_corpus_counts;

/* A line that is not blank, without its line end (LF or CR LF) and without a byte order mark. */
typedef struct electra_line {
    const char *text; /* not NUL-terminated, may hold NUL; valid until the next call; NULL at the end of the corpus */
    size_t bytes;
    bool starts_document;
} electra_line;

/* Hands out all lines of files and folders, in an order that depends on names only. Used by one thread at a time. */
typedef struct electra_corpus electra_corpus;

/* paths: files, or folders that are searched with all folders in them for *.txt and *.jsonl (one object with a member
 * "text" a line), plain or compressed (.gz .xz .zst .bz2), and for *.tar of all these (compressed or not). A file that
 * is named itself may have any name. Nothing is read yet, but that every path exists and leads to at least one file is
 * checked: ELECTRA_INVALID if not. paths may be freed afterwards. options: NULL for the default ones. */
ELECTRA_API electra_status electra_corpus_open(electra_corpus **out, const char *const *paths, size_t n_paths,
                                               const electra_corpus_options *options, electra_error *err);

/* The next line; line->text is NULL at the end. ELECTRA_INVALID for a file that cannot be read, is cut off or broken,
 * or is UTF-16, and for a line of .jsonl that is no object with a text. After a failure only electra_corpus_free may be
 * called. */
ELECTRA_API electra_status electra_corpus_next(electra_corpus *corpus, electra_line *line, electra_error *err);

ELECTRA_API const electra_corpus_counts *electra_corpus_progress(const electra_corpus *corpus);

/* Bytes of files as they lie on the disk: read so far, and of all (0 if some size cannot be known). */
ELECTRA_API void electra_corpus_position(const electra_corpus *corpus, uint64_t *done, uint64_t *total);

ELECTRA_API void electra_corpus_free(electra_corpus *corpus); /* accepts NULL */

/* ---- a data folder --------------------------------------------------------------------------------------------- */

typedef enum electra_split { ELECTRA_TRAIN, ELECTRA_HELDOUT, ELECTRA_SPLITS } electra_split;

enum {
    ELECTRA_LENGTH_BUCKETS = 16, /* of the histogram of example lengths */
    ELECTRA_SHORTEST_MAX_LENGTH = 8,
    ELECTRA_LONGEST_MAX_LENGTH = 65535
};

typedef struct electra_split_summary {
    uint64_t documents;
    uint64_t examples;
    uint64_t tokens;         /* of text: [CLS] and [SEP] are added when a batch is made and are not counted */
    uint64_t unknown_tokens; /* [UNK] among them */
    uint64_t single_segment; /* examples that have one segment */
    uint64_t lengths[ELECTRA_LENGTH_BUCKETS]; /* examples with [CLS] and [SEP] of (i M / 16, (i + 1) M / 16] tokens */
    uint64_t shards;
    uint64_t bytes; /* of the shards */
} electra_split_summary;

typedef struct electra_data_summary {
    electra_split_summary splits[ELECTRA_SPLITS];
    electra_corpus_counts corpus;
    uint64_t words; /* of the text, between white space */
    size_t max_length;
    size_t vocabulary_size;
    uint64_t vocabulary_hash; /* electra_tokenizer_hash */
    unsigned token_bytes;     /* 2 or 4 on the disk */
    bool compat_google;
    electra_tokenizer_options tokenizer; /* how the text was cut into tokens */
    electra_documents documents;
    double heldout;
    uint64_t seed;
} electra_data_summary;

typedef struct electra_prepare_options {
    size_t struct_size;
    const char *const *inputs; /* see electra_corpus_open */
    size_t n_inputs;
    const char *vocabulary; /* vocab.txt; must hold [UNK] [CLS] [SEP] [MASK] */
    const char *output;     /* folder to be made */
    size_t max_length;      /* tokens of an example with [CLS] and [SEP] */
    electra_documents documents;
    double heldout;     /* share of the documents kept for evaluation, 0 ... 0.5 */
    bool cased;         /* do not lower-case */
    bool keep_accents;  /* do not strip accents; cased text always keeps them */
    bool compat_google; /* examples as the released builder makes them: what does not fit is thrown away */
    bool overwrite;     /* replace a data folder that is there; anything else is never touched */
    uint64_t seed;
    electra_runtime runtime;
} electra_prepare_options;

/* Length 128, documents by blank lines, 1 % held out, uncased, seed 42; inputs, vocabulary and output are the caller's
 * to set. */
ELECTRA_API electra_prepare_options electra_prepare_options_default(void);

/* Make a data folder. It appears under its name only when it is complete. summary may be NULL.
 * ELECTRA_MISUSE: an option is out of range, or `output` holds something that may not be replaced.
 * ELECTRA_INVALID: an input or the vocabulary cannot be used. ELECTRA_FAILED: writing failed (a full disk).
 * ELECTRA_INTERRUPTED: the progress callback asked to stop. In all these cases `output` is as it was (or, if flushing
 * the disk failed at the very end, complete). */
ELECTRA_API electra_status electra_prepare(const electra_prepare_options *options, electra_data_summary *summary,
                                           electra_error *err);

/* An opened data folder; never changes and may be shared between threads. */
typedef struct electra_data electra_data;

/* Reads manifest.json, maps the shards, and checks sizes, headers and indices; the tokens are checked block by block
 * when they are first used, or all at once by electra_data_verify. ELECTRA_INVALID names the file, expected, found. */
ELECTRA_API electra_status electra_data_open(electra_data **out, const char *folder, electra_error *err);
ELECTRA_API void electra_data_free(electra_data *data); /* accepts NULL */

ELECTRA_API const electra_data_summary *electra_data_describe(const electra_data *data);

/* Every checksum of every shard, every index entry, and the counts of the manifest. runtime may be NULL. */
ELECTRA_API electra_status electra_data_verify(const electra_data *data, const electra_runtime *runtime,
                                               electra_error *err);

/* Example i of a split, with its [CLS] and [SEP]: ids and types (0 for [CLS] A [SEP], 1 for B [SEP]), each with room
 * for max_length; types may be NULL. *length gets the number written. */
ELECTRA_API electra_status electra_data_example(const electra_data *data, electra_split split, uint64_t i,
                                                uint32_t *ids, uint32_t *types, size_t *length, electra_error *err);

/* The path of the folder's copy of vocab.txt; belongs to `data`. */
ELECTRA_API const char *electra_data_vocabulary(const electra_data *data);

#ifdef __cplusplus
}
#endif
#endif
