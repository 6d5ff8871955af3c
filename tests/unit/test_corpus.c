/* corpora: files, archives and objects come out as lines in documents, and what cannot be read is named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <archive.h>
#include <archive_entry.h>
#include <electra/data.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/alloc.h"
#include "support/folder.h"

/* Everything a corpus hands out, as one text: "|" before each document, "/" between lines, and how it ended. */
typedef struct outcome {
    char *text;
    size_t bytes;
    electra_status status;
    electra_error error;
    electra_corpus_counts counts;
} outcome;

static void add(outcome *o, const char *text, size_t bytes)
{
    o->text = realloc(o->text, o->bytes + bytes + 1);
    memcpy(o->text + o->bytes, text, bytes);
    o->bytes += bytes;
    o->text[o->bytes] = '\0';
}

static outcome read_all(const char *const *paths, size_t n, const electra_corpus_options *options)
{
    outcome o = {0};
    add(&o, "", 0);
    electra_corpus *corpus = NULL;
    o.status = electra_corpus_open(&corpus, paths, n, options, &o.error);
    while (o.status == ELECTRA_OK) {
        electra_line line;
        o.status = electra_corpus_next(corpus, &line, &o.error);
        if (o.status != ELECTRA_OK || !line.text) {
            break;
        }
        add(&o, line.starts_document ? "|" : "/", 1);
        add(&o, line.text, line.bytes);
    }
    if (corpus) {
        o.counts = *electra_corpus_progress(corpus);
    }
    electra_corpus_free(corpus);
    return o;
}

static outcome read_as(const char *path, electra_documents documents)
{
    electra_corpus_options options = electra_corpus_options_default();
    options.documents = documents;
    return read_all(&path, 1, &options);
}

static void expect(const char *path, electra_documents documents, const char *text)
{
    outcome o = read_as(path, documents);
    if (o.status != ELECTRA_OK) {
        print_message("%s\n", o.error.message);
    }
    assert_int_equal(o.status, ELECTRA_OK);
    assert_string_equal(o.text, text);
    free(o.text);
}

/* The failure names the path and says `words`. */
static void expect_refusal(const char *path, const char *words)
{
    outcome o = read_as(path, ELECTRA_DOCUMENTS_BLANK);
    assert_int_equal(o.status, ELECTRA_INVALID);
    if (!strstr(o.error.message, words) || !strstr(o.error.message, path)) {
        fail_msg("\"%s\" does not say \"%s\" of %s", o.error.message, words, path);
    }
    free(o.text);
}

static void lines_and_documents(void **state)
{
    const char *path = test_write_text(*state, "a.txt", "one\ntwo  \n\n \t\n three\n\xC2\xA0\nfour");
    expect(path, ELECTRA_DOCUMENTS_BLANK, "|one/two|three|four");
    expect(path, ELECTRA_DOCUMENTS_FILE, "|one/two/three/four");
    expect(path, ELECTRA_DOCUMENTS_LINE, "|one|two|three|four");
}

static void line_ends_and_marks(void **state)
{
    expect(test_write_text(*state, "crlf.txt", "\xEF\xBB\xBFone\r\n\r\ntwo\r\n"), ELECTRA_DOCUMENTS_BLANK, "|one|two");
    expect(test_write_text(*state, "empty.txt", ""), ELECTRA_DOCUMENTS_BLANK, "");
    expect(test_write_text(*state, "blank.txt", "\n\n\n"), ELECTRA_DOCUMENTS_LINE, "");
    expect(test_write_text(*state, "mark.txt", "\xEF\xBB\xBF"), ELECTRA_DOCUMENTS_LINE, "");
    expect(test_write(*state, "nul.txt", "a\0b\n", 4), ELECTRA_DOCUMENTS_FILE, "|a");
}

static void objects(void **state)
{
    const char *path = test_write_text(*state, "a.jsonl",
                                       "{\"text\": \"one\\ntwo\\n\\nthree\", \"id\": 1}\n\n"
                                       "{\"text\": \"\"}\n{\"text\": \"\\u00e9\\u0000!\", \"text_\": 2}");
    outcome o = read_as(path, ELECTRA_DOCUMENTS_LINE);
    assert_int_equal(o.status, ELECTRA_OK);
    assert_int_equal(o.bytes, strlen("|one/two/three|") + 4);
    assert_memory_equal(o.text, "|one/two/three|\xC3\xA9\0!", o.bytes);
    assert_int_equal(o.counts.documents, 2);
    free(o.text);
    expect(test_write_text(*state, "b.jsonl", "{\"text\": \"a\xFF\x62\"}"), ELECTRA_DOCUMENTS_BLANK, "|ab");
}

static void folders_are_sorted(void **state)
{
    test_write_text(*state, "in/b.txt", "b");
    test_write_text(*state, "in/a/z.TXT", "z");
    test_write_text(*state, "in/a/A.jsonl", "{\"text\":\"A\"}");
    test_write_text(*state, "in/a.txt", "a");
    test_write_text(*state, "in/read.me", "no");
    test_write_text(*state, "in/.hidden.txt", "no");
    assert_int_equal(symlink("..", test_path(*state, "in/a/loop")), 0);
    outcome o = read_as(test_path(*state, "in"), ELECTRA_DOCUMENTS_FILE);
    assert_string_equal(o.text, "|A|z|a|b");
    assert_int_equal(o.counts.files, 4);
    assert_int_equal(o.counts.ignored_files, 2);
    free(o.text);
    /* a file that is named itself may have any name */
    expect(test_path(*state, "in/read.me"), ELECTRA_DOCUMENTS_FILE, "|no");
}

/* ---- archives ---------------------------------------------------------------------------------------------------- */

typedef struct member {
    const char *name;
    const char *data;
    size_t bytes;
} member;

/* A tar of members, or (name NULL) a single stream, compressed by `filter`. */
static const char *write_archive(const char *folder, const char *name, int filter, const member *members, size_t n)
{
    const char *path = test_path(folder, name);
    struct archive *archive = archive_write_new();
    assert_int_equal(archive_write_add_filter(archive, filter), ARCHIVE_OK);
    assert_int_equal(members[0].name ? archive_write_set_format_ustar(archive) : archive_write_set_format_raw(archive),
                     ARCHIVE_OK);
    assert_int_equal(archive_write_open_filename(archive, path), ARCHIVE_OK);
    for (size_t i = 0; i < n; i++) {
        struct archive_entry *entry = archive_entry_new();
        archive_entry_set_pathname(entry, members[i].name ? members[i].name : "data");
        archive_entry_set_size(entry, (la_int64_t)members[i].bytes);
        archive_entry_set_filetype(entry, AE_IFREG);
        archive_entry_set_perm(entry, 0644);
        assert_int_equal(archive_write_header(archive, entry), ARCHIVE_OK);
        assert_int_equal(archive_write_data(archive, members[i].data, members[i].bytes), members[i].bytes);
        archive_entry_free(entry);
    }
    assert_int_equal(archive_write_close(archive), ARCHIVE_OK);
    archive_write_free(archive);
    return path;
}

static const struct {
    const char *suffix;
    int filter;
} COMPRESSORS[] = {{"", ARCHIVE_FILTER_NONE},
                   {".gz", ARCHIVE_FILTER_GZIP},
                   {".xz", ARCHIVE_FILTER_XZ},
                   {".zst", ARCHIVE_FILTER_ZSTD},
                   {".bz2", ARCHIVE_FILTER_BZIP2}};

static void every_compressor(void **state)
{
    const member text = {NULL, "one\n\ntwo\n", 9};
    const member tar[] = {{"x/one.txt", "one\n", 4}, {"x/read.me", "no", 2}, {"two.jsonl", "{\"text\":\"two\"}", 14}};
    for (size_t i = 0; i < sizeof COMPRESSORS / sizeof *COMPRESSORS; i++) {
        char name[32];
        snprintf(name, sizeof name, "a.txt%s", COMPRESSORS[i].suffix);
        expect(write_archive(*state, name, COMPRESSORS[i].filter, &text, 1), ELECTRA_DOCUMENTS_BLANK, "|one|two");
        snprintf(name, sizeof name, "b.tar%s", COMPRESSORS[i].suffix);
        expect(write_archive(*state, name, COMPRESSORS[i].filter, tar, 3), ELECTRA_DOCUMENTS_BLANK, "|one|two");
        /* without a known ending the content decides */
        snprintf(name, sizeof name, "c%s", COMPRESSORS[i].suffix);
        expect(write_archive(*state, name, COMPRESSORS[i].filter, tar, 3), ELECTRA_DOCUMENTS_BLANK, "|one|two");
    }
}

static void archives_in_archives(void **state)
{
    const member text = {NULL, "deep\n", 5};
    member inner[2] = {{"a.txt.gz", NULL, 0}, {"b.txt", "flat", 4}};
    const char *gz = write_archive(*state, "a.txt.gz", ARCHIVE_FILTER_GZIP, &text, 1);
    char *gz_data = test_read(gz, &inner[0].bytes);
    inner[0].data = gz_data;
    member outer = {"in/inner.tar.xz", NULL, 0};
    char *tar_data = test_read(write_archive(*state, "inner.tar.xz", ARCHIVE_FILTER_XZ, inner, 2), &outer.bytes);
    outer.data = tar_data;
    expect(write_archive(*state, "outer.tar", ARCHIVE_FILTER_NONE, &outer, 1), ELECTRA_DOCUMENTS_BLANK, "|deep|flat");
    /* broken inside: the message leads there */
    tar_data[outer.bytes / 2] ^= 0x55;
    const char *broken = write_archive(*state, "broken.tar", ARCHIVE_FILTER_NONE, &outer, 1);
    expect_refusal(broken, "in/inner.tar.xz");
    free(gz_data);
    free(tar_data);
}

/* ---- long lines -------------------------------------------------------------------------------------------------- */

static void long_lines_come_in_pieces(void **state)
{
    enum { BYTES = 3000000 };
    char *text = malloc(BYTES);
    for (size_t i = 0; i < BYTES; i++) {
        text[i] = i % 61 == 60 ? ' ' : "\xC3\xA9"[i % 61 % 2];
    }
    const char *path = test_write(*state, "long.txt", text, BYTES);
    electra_corpus_options options = electra_corpus_options_default();
    options.longest_line = 1000;
    outcome o = read_all(&path, 1, &options);
    assert_int_equal(o.status, ELECTRA_OK);
    assert_int_equal(o.counts.documents, 1);
    assert_int_equal(o.counts.invalid_lines, 0);
    assert_in_range(o.counts.pieces, BYTES / 1000, BYTES / 900);
    size_t at = 0; /* the pieces are the text, cut at its spaces */
    for (size_t i = 0; i < o.bytes; i++, at++) {
        assert_true(o.text[i] == text[at] || ((o.text[i] == '/' || o.text[i] == '|') && (at == 0 || text[at] == ' ')));
        at -= o.text[i] == '|';
    }
    free(o.text);
    free(text);
}

static void long_lines_without_space(void **state)
{
    char text[999];
    for (size_t i = 0; i < sizeof text; i++) {
        text[i] = "\xE2\x82\xAC"[i % 3];
    }
    const char *path = test_write(*state, "euro.txt", text, sizeof text);
    electra_corpus_options options = electra_corpus_options_default();
    options.longest_line = 64;
    options.documents = ELECTRA_DOCUMENTS_LINE;
    outcome o = read_all(&path, 1, &options);
    assert_int_equal(o.counts.documents, 1);     /* a piece begins no document */
    assert_int_equal(o.counts.invalid_lines, 0); /* no character was split */
    assert_int_equal(o.counts.bytes, sizeof text);
    assert_int_equal(o.counts.pieces, o.counts.lines);
    free(o.text);
}

static void invalid_utf8_is_counted(void **state)
{
    const char *path = test_write_text(
        *state, "bad.txt",
        "fine\nlatin \xE9t\xE9\ncut \xE2\x82\nover \xC0\xAF\nsurrogate \xED\xA0\x80\n\xF4\x8F\xBF\xBF ok\n");
    outcome o = read_as(path, ELECTRA_DOCUMENTS_FILE);
    assert_int_equal(o.counts.invalid_lines, 4);
    assert_non_null(strstr(o.text, "/latin \xE9t\xE9/"));
    free(o.text);
}

/* ---- refusals ---------------------------------------------------------------------------------------------------- */

static void what_cannot_be_read_is_named(void **state)
{
    const member text = {NULL, "one two three four five six seven eight nine ten\n", 49};
    for (size_t i = 1; i < sizeof COMPRESSORS / sizeof *COMPRESSORS; i++) {
        char name[32];
        size_t bytes;
        snprintf(name, sizeof name, "a.txt%s", COMPRESSORS[i].suffix);
        char *data = test_read(write_archive(*state, name, COMPRESSORS[i].filter, &text, 1), &bytes);
        expect_refusal(test_write(*state, name, data, bytes / 2), "cannot read");
        expect_refusal(test_write_text(*state, name, "plain text"), "not compressed");
        expect_refusal(test_write_text(*state, name, ""), "cannot read");
        free(data);
    }
    expect_refusal(test_write_text(*state, "b.tar", "this is no tar, but long enough to be looked at"), "cannot read");
    expect_refusal(test_path(*state, "missing.txt"), "cannot read");
    expect_refusal(test_write(*state, "u.txt", "\xFF\xFEo\0n\0e\0", 8), "UTF-16");
    test_write_text(*state, "none/read.me", "no");
    expect_refusal(test_path(*state, "none"), "holds no text");
    expect_refusal(test_write_text(*state, "c.jsonl", "{\"text\":\"a\"}\n\n{\"txt\":\"a\"}\n"), "line 3");
    expect_refusal(test_write_text(*state, "d.jsonl", "{\"text\":\"a\"}\n{\"text\":"), "line 2");
    expect_refusal(test_write_text(*state, "e.jsonl", "[1]"), "\"text\"");
}

static void an_object_has_a_limit(void **state)
{
    const size_t bytes = (33u << 20);
    char *text = malloc(bytes);
    memset(text, 'x', bytes);
    memcpy(text, "{\"text\":\"", 9);
    expect_refusal(test_write(*state, "huge.jsonl", text, bytes), "32 MiB");
    free(text);
}

static void options_are_checked(void **state)
{
    const char *path = test_write_text(*state, "a.txt", "a");
    electra_corpus *corpus;
    electra_corpus_options options = electra_corpus_options_default();
    options.longest_line = 1;
    assert_int_equal(electra_corpus_open(&corpus, &path, 1, &options, NULL), ELECTRA_MISUSE);
    options = electra_corpus_options_default();
    options.struct_size = 1;
    assert_int_equal(electra_corpus_open(&corpus, &path, 1, &options, NULL), ELECTRA_MISUSE);
    assert_int_equal(electra_corpus_open(&corpus, &path, 0, NULL, NULL), ELECTRA_MISUSE);
    electra_corpus_free(NULL);
}

static void any_allocation_may_fail(void **state)
{
    const member tar[] = {{"one.txt", "one\n", 4}, {"two.jsonl", "{\"text\":\"two\"}", 14}};
    const char *path = write_archive(*state, "a.tar.gz", ARCHIVE_FILTER_GZIP, tar, 2);
    for (unsigned long n = 1;; n++) {
        /* the outcome's own text needs memory too: count only */
        electra_corpus *corpus = NULL;
        electra_line line = {"", 0, false};
        test_fail_allocation(n);
        electra_status status = electra_corpus_open(&corpus, &path, 1, NULL, NULL);
        while (status == ELECTRA_OK && line.text) {
            status = electra_corpus_next(corpus, &line, NULL);
        }
        electra_corpus_free(corpus);
        test_fail_allocation(0);
        if (status == ELECTRA_OK) {
            assert_in_range(n, 5, 1000);
            return;
        }
        assert_int_equal(status, ELECTRA_NO_RESOURCE);
    }
}

int main(void)
{
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, test_folder_setup, test_folder_teardown)
    const struct CMUnitTest tests[] = {
        IN_FOLDER(lines_and_documents),
        IN_FOLDER(line_ends_and_marks),
        IN_FOLDER(objects),
        IN_FOLDER(folders_are_sorted),
        IN_FOLDER(every_compressor),
        IN_FOLDER(archives_in_archives),
        IN_FOLDER(long_lines_come_in_pieces),
        IN_FOLDER(long_lines_without_space),
        IN_FOLDER(invalid_utf8_is_counted),
        IN_FOLDER(what_cannot_be_read_is_named),
        IN_FOLDER(an_object_has_a_limit),
        IN_FOLDER(options_are_checked),
        IN_FOLDER(any_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
