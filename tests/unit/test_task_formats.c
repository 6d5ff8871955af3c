/* What a path and the beginning of its file tell about how it is written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <archive.h>
#include <archive_entry.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/folder.h"
#include "support/labelled.h"
#include "tasks/source.h"

enum { NOT_SAID = -1 };

static void expect(const char *path, int kind, el_source_format format)
{
    const el_source_format guessed = el_source_guess(path, kind);
    if (guessed != format) {
        fail_msg("%s, kind %d: format %d, not %d", path, kind, (int)guessed, (int)format);
    }
}

static void endings_tell_in_any_case(void **state)
{
    (void)state; /* none of these is there */
    expect("a.tsv", NOT_SAID, EL_SOURCE_TSV);
    expect("a", NOT_SAID, EL_SOURCE_TSV);
    expect("a.txt", EL_TASK_TAG, EL_SOURCE_CONLL);
    expect("a.csv", NOT_SAID, EL_SOURCE_CSV);
    expect("A.CSV", NOT_SAID, EL_SOURCE_CSV);
    expect("a.Csv.GZ", NOT_SAID, EL_SOURCE_CSV);
    expect("a.csv.lzma", NOT_SAID, EL_SOURCE_CSV);
    expect("a.csv.txt", NOT_SAID, EL_SOURCE_TSV);
    expect("a.JSONL", EL_TASK_ANSWER, EL_SOURCE_JSON_LINES);
    expect("a.ndjson.zst", NOT_SAID, EL_SOURCE_JSON_LINES);
    expect("a.json", NOT_SAID, EL_SOURCE_JSON_ROWS);
    expect("a.json", EL_TASK_ANSWER, EL_SOURCE_SQUAD);
    expect("a.CoNLLu", NOT_SAID, EL_SOURCE_CONLLU);
    expect("a.conll", NOT_SAID, EL_SOURCE_CONLL);
    expect("a.bio", NOT_SAID, EL_SOURCE_CONLL);
    expect("a.iob.xz", NOT_SAID, EL_SOURCE_CONLL);
    expect("a.tar", NOT_SAID, EL_SOURCE_FOLDERS);
    expect("a.TAR.gz", NOT_SAID, EL_SOURCE_FOLDERS);
    expect("a.tgz", NOT_SAID, EL_SOURCE_FOLDERS);
}

static void the_beginning_tells_which_json_it_is(void **state)
{
    static const struct {
        const char *text;
        int kind;
        el_source_format format;
    } FILES[] = {
        {"[{\"text\":\"a\",\"label\":1}]", NOT_SAID, EL_SOURCE_JSON_ROWS},
        {"\xEF\xBB\xBF \n[ {\"text\":\"a\"}, {\"text\":\"b\"}]", NOT_SAID, EL_SOURCE_JSON_ROWS},
        {"{\"0\":{\"text\":\"a\"},\"1\":{\"text\":\"b\"}}", NOT_SAID, EL_SOURCE_JSON_ROWS},
        {"{\"text\":\"a\",\"label\":1}\n{\"text\":\"b\",\"label\":2}\n", NOT_SAID, EL_SOURCE_JSON_LINES},
        {"{\"text\":\"}{\\\" [\",\"label\":1}\n", NOT_SAID, EL_SOURCE_JSON_LINES},
        {"{\"answers\":{\"text\":[\"a\"]},\"context\":\"a\"}\n{\"answers\":{}}\n", EL_TASK_ANSWER,
         EL_SOURCE_JSON_LINES},
        {"{\"words\":[\"a\"],\"labels\":[\"x\"]}", EL_TASK_TAG, EL_SOURCE_JSON_LINES},
        {"{\"version\":\"1.1\",\"data\":[{\"title\":\"x\",\"paragraphs\":[]}]}", NOT_SAID, EL_SOURCE_SQUAD},
        {"{\"data\" : [ {\"paragraphs\":[", EL_TASK_ANSWER, EL_SOURCE_SQUAD},
        {"{\"data\":[1],\"label\":1}", EL_TASK_CLASSIFY, EL_SOURCE_JSON_LINES},
        {"{\"data\":\"a\",\"label\":1}", NOT_SAID, EL_SOURCE_JSON_LINES},
        {"[{\"title\":\"x\",\"paragraphs\":[]}]", NOT_SAID, EL_SOURCE_SQUAD},
        {"[{\"question\":\"x\",\"context\":\"y\",\"answers\":{\"text\":[]}}]", NOT_SAID, EL_SOURCE_SQUAD},
        {"[{\"question\":\"x\",\"context\":\"y\",\"label\":1}]", NOT_SAID, EL_SOURCE_JSON_ROWS},
        {"[{\"q\":\"x\",\"c\":\"y\",\"a\":[\"z\"]}]", EL_TASK_ANSWER, EL_SOURCE_JSON_ROWS},
        {"{\"header\":{\"dataset\":\"x\"}}\n{\"context\":\"y\",\"qas\":[]}\n", NOT_SAID, EL_SOURCE_MRQA},
        {"{\"context\":\"y\",\"qas\":[]}\n", EL_TASK_ANSWER, EL_SOURCE_MRQA},
        {"", NOT_SAID, EL_SOURCE_JSON_ROWS},
        {"", EL_TASK_ANSWER, EL_SOURCE_SQUAD},
        {"{\"a", NOT_SAID, EL_SOURCE_JSON_LINES},
        {"{\"a\\", NOT_SAID, EL_SOURCE_JSON_LINES},
        {"[", NOT_SAID, EL_SOURCE_JSON_ROWS},
        {"text\tlabel\n", NOT_SAID, EL_SOURCE_JSON_ROWS},
    };
    for (size_t i = 0; i < sizeof FILES / sizeof *FILES; i++) {
        print_message("%s\n", FILES[i].text);
        expect(test_write_text(*state, "a.json", FILES[i].text), FILES[i].kind, FILES[i].format);
    }
    expect(test_write_text(*state, "a.jsonl", "{\"header\":{}}\n"), NOT_SAID, EL_SOURCE_MRQA);
    expect(test_write_text(*state, "a.jsonl", "{\"answers\":{\"text\":[]}}\n"), NOT_SAID, EL_SOURCE_JSON_LINES);
}

static void compressed_json_is_looked_into(void **state)
{
    static const char TEXT[] = "{\"text\":\"a\",\"label\":1}\n{\"text\":\"b\",\"label\":2}\n";
    const char *path = test_path(*state, "a.json.gz");
    struct archive *archive = archive_write_new();
    struct archive_entry *entry = archive_entry_new();
    assert_int_equal(archive_write_add_filter_gzip(archive), ARCHIVE_OK);
    assert_int_equal(archive_write_set_format_raw(archive), ARCHIVE_OK);
    assert_int_equal(archive_write_open_filename(archive, path), ARCHIVE_OK);
    archive_entry_set_pathname(entry, "a.json");
    archive_entry_set_filetype(entry, AE_IFREG);
    assert_int_equal(archive_write_header(archive, entry), ARCHIVE_OK);
    assert_int_equal(archive_write_data(archive, TEXT, strlen(TEXT)), strlen(TEXT));
    archive_entry_free(entry);
    assert_int_equal(archive_write_free(archive), ARCHIVE_OK);
    expect(path, NOT_SAID, EL_SOURCE_JSON_LINES);
    expect(test_write_text(*state, "b.json.gz", "not compressed"), NOT_SAID, EL_SOURCE_JSON_ROWS);
}

static void what_lies_around_it_tells(void **state)
{
    test_write_text(*state, "set.d/x/1.txt", "one");
    expect(test_path(*state, "set.d"), NOT_SAID, EL_SOURCE_FOLDERS);
    test_write_text(*state, "set.tar.gz", "never looked into");
    expect(test_path(*state, "set.tar.gz/train"), NOT_SAID, EL_SOURCE_FOLDERS);
    const char *path = test_write_text(*state, "val_text.txt", "one\n");
    expect(path, NOT_SAID, EL_SOURCE_TSV);
    test_write_text(*state, "val_labels.txt", "1\n");
    expect(path, NOT_SAID, EL_SOURCE_TWO_FILES);
    expect(path, EL_TASK_CLASSIFY, EL_SOURCE_TWO_FILES);
    expect(path, EL_TASK_REGRESS, EL_SOURCE_TSV);
    expect(path, EL_TASK_TAG, EL_SOURCE_CONLL);
    test_write_text(*state, "val_labels.tsv", "1\n");
    expect(test_write_text(*state, "val_text.tsv", "one\tx\n"), NOT_SAID, EL_SOURCE_TSV);
}

/* The line of a kind in docs/FORMATS.md. */
static const char *line_of_docs(const char *docs, const char *kind)
{
    static char line[1000];
    char start[64];
    snprintf(start, sizeof start, "\n| `%s` | `{", kind);
    const char *found = strstr(docs, start);
    assert_non_null(found);
    found += strlen(start) - 1;
    const char *end = strstr(found, "` |");
    assert_non_null(end);
    assert_true((size_t)(end - found) < sizeof line);
    memcpy(line, found, (size_t)(end - found));
    line[end - found] = '\0';
    return line;
}

static void the_lines_of_the_documentation_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        el_task_kind kind;
        const char *example, *labels;
    } KINDS[] = {
        {"classify", EL_TASK_CLASSIFY, "1 The film is fine. = good\n", "good"},
        {"pair", EL_TASK_CLASSIFY, "1 A man sleeps. + Nobody is awake. = neutral\n", "neutral"},
        {"multilabel", EL_TASK_MULTILABEL, "1 Late, and rude! = angry sad\n", "angry sad"},
        {"regress", EL_TASK_REGRESS, "1 The film is fine. = 3.5\n", ""},
        {"tag", EL_TASK_TAG, "1 [Ann|lives|in|Rome] = B-PER O O B-LOC\n", "B-LOC B-PER O"},
        {"qa", EL_TASK_ANSWER, "1 Where does Ann live? + Ann lives in Rome. = 'Rome'@13 (1)\n", ""},
        {"choice", EL_TASK_CHOICE, "1 Water freezes at[0 degrees|50 degrees] = 0\n", ""},
    };
    size_t bytes;
    char *docs = test_read(TEST_SOURCE_DIR "/docs/FORMATS.md", &bytes);
    docs = realloc(docs, bytes + 1);
    assert_non_null(docs);
    docs[bytes] = '\0';
    for (size_t i = 0; i < sizeof KINDS / sizeof *KINDS; i++) {
        el_source source = el_source_default(EL_SOURCE_JSON_LINES, KINDS[i].kind);
        source.pair = strcmp(KINDS[i].name, "pair") == 0 ? "text_pair" : source.pair;
        test_labelled *o = test_labelled_text(&source, line_of_docs(docs, KINDS[i].name), NULL);
        assert_string_equal(o->error.message, "");
        assert_string_equal(o->text, KINDS[i].example);
        assert_string_equal(test_label_list(&o->examples->labels), KINDS[i].labels);
        test_labelled_free(o);
    }
    free(docs);
}

int main(void)
{
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, test_folder_setup, test_folder_teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(endings_tell_in_any_case),
        IN_FOLDER(the_beginning_tells_which_json_it_is),
        IN_FOLDER(compressed_json_is_looked_into),
        IN_FOLDER(what_lies_around_it_tells),
        cmocka_unit_test(the_lines_of_the_documentation_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
