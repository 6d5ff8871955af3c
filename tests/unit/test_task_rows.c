/* Labelled rows: TSV, CSV, JSON, folders, files side by side, TREC; what becomes of bad ones, and of labels. */
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
#include <unistd.h>

#include "support/folder.h"
#include "support/labelled.h"

#define BOM "\xEF\xBB\xBF"

/* Columns by number. */
static el_source numbered(el_source_format format, el_task_kind kind, const char *text, const char *label)
{
    el_source source = el_source_default(format, kind);
    source.text = text;
    source.label = label;
    return source;
}

/* ---- TSV -----------------------------------------------------------------------------------------------------------
 */

static void tsv_has_columns_by_name(void **state)
{
    (void)state;
    el_source source = el_source_default(EL_SOURCE_TSV, EL_TASK_CLASSIFY);
    source.pair = "other";
    source.id = "id";
    test_expect(&source, BOM "id\tlabel\ttext\tother\r\n7\tyes\tone \"two\tx\r\n8\tno\t\"three\t\r\n",
                "2 one \"two + x = yes (7)\n3 \"three +  = no (8)\n", "no yes", "");
}

static void tsv_has_columns_by_number(void **state)
{
    (void)state;
    el_source source = numbered(EL_SOURCE_TSV, EL_TASK_CLASSIFY, "-1", "2");
    test_expect(&source, "x\tb\tone\ny\ta\ttwo\n\nz\t b \tthree", "1 one = b\n2 two = a\n4 three = b\n", "a b", "");
    source.header = EL_HEADER_YES;
    test_expect(&source, "x\tc\tone\ny\ta\ttwo\nz\tb\tthree\n", "2 two = a\n3 three = b\n", "a b", "");
}

static void a_column_that_is_not_there_is_named(void **state)
{
    (void)state;
    el_source source = el_source_default(EL_SOURCE_TSV, EL_TASK_CLASSIFY);
    source.label = "class";
    test_expect_refusal(&source, "id\ttext\tlabel\n1\ta\tb\n", ELECTRA_INVALID,
                        "file has no column 'class'. Its first line has 3: id, text, label");
    source = numbered(EL_SOURCE_TSV, EL_TASK_CLASSIFY, "1", "3");
    test_expect_refusal(&source, "one\ta\ntwo\tb\n", ELECTRA_INVALID,
                        "file has no usable row: there is no column 3 in its rows. The first has: 'one', 'a'");
}

static void rows_that_are_too_short_or_without_label_are_skipped(void **state)
{
    (void)state;
    el_source source = numbered(EL_SOURCE_TSV, EL_TASK_CLASSIFY, "1", "2");
    test_expect(&source, "one\ta\ntwo\nthree\t \nfour\tb\n", "1 one = a\n4 four = b\n", "a b",
                "file:2: there is no column 2, only 1 column; the row is skipped\n"
                "file:3: the label is empty; the row is skipped\n");
}

static void bytes_that_are_not_utf8_are_replaced(void **state)
{
    (void)state;
    el_source source = numbered(EL_SOURCE_TSV, EL_TASK_CLASSIFY, "1", "2");
    test_expect(&source, "caf\xE9 \xEF\xBF\xBD\ta\ncaf\xC3\xA9\tb\nx\tb\xFF\n",
                "1 caf\xEF\xBF\xBD \xEF\xBF\xBD = a\n2 caf\xC3\xA9 = b\n3 x = b\xEF\xBF\xBD\n", "a b b\xEF\xBF\xBD",
                "file:1: has bytes that are not UTF-8; they are read as U+FFFD\n"
                "file:3: has bytes that are not UTF-8; they are read as U+FFFD\n");
}

static void only_the_first_bad_rows_are_listed(void **state)
{
    (void)state;
    el_source source = numbered(EL_SOURCE_TSV, EL_TASK_CLASSIFY, "1", "2");
    char text[1000] = "one\ta\nzwei\tb\n";
    for (int i = 0; i < 30; i++) {
        strcat(text, "bad\n");
    }
    test_labelled *o = test_labelled_text(&source, text, NULL);
    assert_int_equal(o->status, ELECTRA_OK);
    assert_int_equal(o->examples->n_skipped, 30);
    assert_int_equal(o->n_said, 9);
    assert_non_null(strstr(o->said,
                           "file: in all 30 rows were skipped, and 0 kept in spite of a fault; only the first 8 "
                           "are listed\n"));
    test_labelled_free(o);
}

static void a_column_that_all_rows_lack_is_said_once(void **state)
{
    (void)state;
    el_source source = numbered(EL_SOURCE_TSV, EL_TASK_CLASSIFY, "1", "3");
    char text[1000] = "";
    for (int i = 0; i < 30; i++) {
        strcat(text, "one\ta\n");
    }
    test_labelled *o = test_labelled_text(&source, text, NULL);
    assert_int_equal(o->status, ELECTRA_INVALID);
    assert_non_null(strstr(o->error.message, "there is no column 3 in its rows"));
    assert_string_equal(o->said, "");
    test_labelled_free(o);
    /* with a row that is fine, or one with another fault, each is said in its place */
    test_expect(&source, "one\ta\none\tx\n\nx\ty\tb\none\tx\nx\ty\ta\n", "4 x = b\n6 x = a\n", "a b",
                "file:1: there is no column 3, only 2 columns; the row is skipped\n"
                "file:2: there is no column 3, only 2 columns; the row is skipped\n"
                "file:5: there is no column 3, only 2 columns; the row is skipped\n");
    o = test_labelled_text(&source, "one\ta\none\tx\t\n", NULL);
    assert_int_equal(o->status, ELECTRA_INVALID);
    assert_string_equal(o->said, "file:1: there is no column 3, only 2 columns; the row is skipped\n"
                                 "file:2: the label is empty; the row is skipped\n");
    test_labelled_free(o);
}

static void rows_with_more_cells_than_the_header_are_skipped(void **state)
{
    (void)state;
    el_source source = el_source_default(EL_SOURCE_TSV, EL_TASK_CLASSIFY);
    const char *text = "text\tlabel\none\ta\ntwo\tb\ta\nthree\tb\t\t\nfour\ta\t \n";
    test_expect(&source, text, "2 one = a\n4 three = b\n", "a b",
                "file:3: 3 cells where the header has 2 (is there a tab in a text?); the row is skipped\n"
                "file:5: 3 cells where the header has 2 (is there a tab in a text?); the row is skipped\n");
    source.label = "-1"; /* from the end, empty cells behind it do not count */
    test_expect(&source, text, "2 one = a\n4 three = b\n", "a b",
                "file:3: 3 cells where the header has 2 (is there a tab in a text?); the row is skipped\n"
                "file:5: 3 cells where the header has 2 (is there a tab in a text?); the row is skipped\n");
    source.label = "label";
    source.whole_rows = false; /* published files are taken as they are */
    test_expect(&source, text, "2 one = a\n3 two = b\n4 three = b\n5 four = a\n", "a b", "");
    source.format = EL_SOURCE_CSV;
    test_expect(&source, "text,label\none,a\ntwo,b,\nthree,,b,a\n", "2 one = a\n3 two = b\n", "a b",
                "file:4: 4 cells where the header has 2 (a cell with a ',' in it wants quotes); the row is skipped\n");
}

static void rows_of_another_width_than_the_first_are_skipped(void **state)
{
    (void)state;
    el_source source = numbered(EL_SOURCE_TSV, EL_TASK_CLASSIFY, "1", "2");
    const char *wider = "file:3: 3 cells where the first row has 2 (is there a tab in a text?); the row is skipped\n";
    test_expect(&source, "good film\tpos\nfine\tpos\t\nbad\tfilm\tneg\nbad film\tneg\n",
                "1 good film = pos\n2 fine = pos\n4 bad film = neg\n", "neg pos", wider);
    source.format = EL_SOURCE_CSV;
    test_expect(
        &source, "good film,pos\nfine,pos,\n\"bad, \nbad\",film,neg\nbad film,neg\n",
        "1 good film = pos\n2 fine = pos\n5 bad film = neg\n", "neg pos",
        "file:3: 3 cells in lines 3 to 4 where the first row has 2 (a cell with a ',' in it wants quotes); the row "
        "is skipped\n");
    source = numbered(EL_SOURCE_TSV, EL_TASK_CLASSIFY, "1", "-1"); /* fewer would have another cell at the end */
    test_expect(&source, "a\t1\tx\nb\t1\nc\t1\ty\nd\t1\ty\tz\n", "1 a = x\n3 c = y\n", "x y",
                "file:2: 2 cells where the first row has 3 (a column is counted from the end); the row is skipped\n"
                "file:4: 4 cells where the first row has 3 (is there a tab in a text?); the row is skipped\n");
    source.header = EL_HEADER_YES;
    test_expect(&source, "t\tn\tl\na\t1\tx\nb\t1\nc\t1\ty\n", "2 a = x\n4 c = y\n", "x y",
                "file:3: 2 cells where the header has 3 (a column is counted from the end); the row is skipped\n");
    source.whole_rows = false; /* published files are taken as they are */
    test_expect(&source, "t\tn\tl\na\t1\tx\nb\t1\nc\t1\ty\n", "2 a = x\n3 b = 1\n4 c = y\n", "1 x y", "");
    source = numbered(EL_SOURCE_TSV, EL_TASK_CLASSIFY, "1", "2"); /* counted from the beginning they may be as good */
    test_expect(&source, "a\tx\tseen\nb\ty\nc\tx\nd\n", "1 a = x\n2 b = y\n3 c = x\n", "x y",
                "file:2: 2 cells where the first row has 3; such rows are kept, for no column is counted from the end\n"
                "file:4: there is no column 2, only 1 column; the row is skipped\n");
}

static void a_header_that_was_read_as_a_row_is_suspected(void **state)
{
    (void)state;
    el_source source = numbered(EL_SOURCE_CSV, EL_TASK_CLASSIFY, "1", "2");
    const char *text = "text,stars\na,1\nb,2\nc,1\nd,2\n", *rows = "1 text = stars\n2 a = 1\n3 b = 2\n4 c = 1\n5 d = 2\n";
    source.header = EL_HEADER_GUESS;
    test_expect(&source, text, rows, "1 2 stars",
                "file:1: only the first line has the label 'stars': if it names the columns, say --header yes\n");
    source.header = EL_HEADER_NO;
    test_expect(&source, text, rows, "1 2 stars", "");
    source.header = EL_HEADER_YES;
    test_expect(&source, text, "2 a = 1\n3 b = 2\n4 c = 1\n5 d = 2\n", "1 2", "");
    source.header = EL_HEADER_GUESS;
    test_expect(&source, "a,stars\nb,1\nc,2\nd,1\n", "1 a = stars\n2 b = 1\n3 c = 2\n4 d = 1\n", "1 2 stars", "");
    test_expect(&source, "a,1\nb,1\nc,2\nd,1\n", "1 a = 1\n2 b = 1\n3 c = 2\n4 d = 1\n", "1 2", "");
}

static void what_may_be_meant_is_said(void **state)
{
    (void)state;
    el_source source = el_source_default(EL_SOURCE_CSV, EL_TASK_CLASSIFY);
    test_expect_refusal(&source, "Review Text;Sentiment Label\n", ELECTRA_INVALID,
                        "Its first line has 1: Review Text;Sentiment Label (numbers, from 1 or from -1 for the last, are "
                        "columns too). There is a ';' in it: --separator ';'?");
    test_expect_refusal(&source, "text\tlabel\n", ELECTRA_INVALID, ". There are tabs in it: --format tsv?");
    source.separator = ';';
    test_expect_refusal(&source, "text,label\n", ELECTRA_INVALID, ". There is a ',' in it: --separator ','?");
    source = el_source_default(EL_SOURCE_TSV, EL_TASK_CLASSIFY);
    test_expect_refusal(&source, "text,label\n", ELECTRA_INVALID, ". There is a comma in it: --format csv?");
    test_expect_refusal(&source, "text;label\n", ELECTRA_INVALID,
                        ". There is a ';' in it: --format csv --separator ';'?");
    source = el_source_default(EL_SOURCE_CSV, EL_TASK_MULTILABEL);
    const char *flags = ". If each label has a column with 0 or 1: --label-columns A,B,...";
    test_expect_refusal(&source, "text,rude,angry\na,0,1\n", ELECTRA_INVALID, flags);
    source.format = EL_SOURCE_JSON_LINES;
    test_expect_refusal(&source, "{\"text\":\"a\",\"rude\":1,\"angry\":0}\n", ELECTRA_INVALID, flags);
}

static void files_that_are_empty_or_utf16_are_refused(void **state)
{
    (void)state;
    el_source source = numbered(EL_SOURCE_TSV, EL_TASK_CLASSIFY, "1", "2");
    test_expect_refusal(&source, "", ELECTRA_INVALID, "file is empty");
    test_expect_refusal(&source, BOM, ELECTRA_INVALID, "file is empty");
    test_expect_refusal(&source, "\n\n", ELECTRA_INVALID, "file has no rows");
    test_expect_refusal(&source, "a\t\n", ELECTRA_INVALID, "no usable row: all 1 were skipped");
    test_expect_refusal(&source,
                        "\xFF\xFE"
                        "a",
                        ELECTRA_INVALID, "UTF-16");
    source.header = EL_HEADER_YES;
    test_expect_refusal(&source, "text\tlabel\n", ELECTRA_INVALID, "file has no rows");
}

static void test_files_have_no_labels(void **state)
{
    (void)state;
    el_source source = numbered(EL_SOURCE_TSV, EL_TASK_CLASSIFY, "1", NULL);
    test_expect(&source, "one\ntwo\n", "1 one = ?\n2 two = ?\n", "", "");
    source.kind = EL_TASK_MULTILABEL;
    test_expect(&source, "one\n", "1 one = ?\n", "", "");
    source.kind = EL_TASK_REGRESS;
    test_expect(&source, "one\n", "1 one = ?\n", "", "");
}

/* ---- CSV -----------------------------------------------------------------------------------------------------------
 */

static void csv_has_quotes_and_line_breaks_in_them(void **state)
{
    (void)state;
    el_source source = el_source_default(EL_SOURCE_CSV, EL_TASK_CLASSIFY);
    test_expect(
        &source,
        BOM "label,text\r\na,\"one, \"\"two\"\"\r\nthree\"\r\nb,plain \"quote\" inside\r\n\"a\" ,\"x\" \r\nb,\"\"\n",
        "2 one, \"two\"\r\nthree = a\n4 plain \"quote\" inside = b\n5 x = a\n6  = b\n", "a b", "");
    source.separator = ';';
    test_expect(&source, "text;label\na,b;c\nd;e", "2 a,b = c\n3 d = e\n", "c e", "");
}

static void csv_backslashes_may_break_lines(void **state)
{
    (void)state;
    el_source source = numbered(EL_SOURCE_CSV, EL_TASK_CLASSIFY, "2", "1");
    source.pair = "3";
    const char *text = "\"2\",\"a\\b\",\"c\\\\d\"\n\"1\",\"e\\\"\n\"1\",\"f\\\",\"g\"\n";
    test_expect(&source, text, "1 a\\b + c\\\\d = 2\n3 f\\ + g = 1\n", "1 2",
                "file:2: there is no column 3, only 2 columns; the row is skipped\n");
    source.backslash_breaks = true;
    test_expect(&source, text, "1 a b + c  d = 2\n3 f  + g = 1\n", "1 2",
                "file:2: there is no column 3, only 2 columns; the row is skipped\n");
}

static void csv_rows_with_a_comma_too_many_are_skipped(void **state)
{
    (void)state;
    el_source source = el_source_default(EL_SOURCE_CSV, EL_TASK_CLASSIFY);
    test_expect(&source, "text,label\nyes, really,a\nok,a\nno,b\n", "3 ok = a\n4 no = b\n", "a b",
                "file:2: 3 cells where the header has 2 (a cell with a ',' in it wants quotes); the row is skipped\n");
}

static void csv_quotes_without_an_end_cost_one_line(void **state)
{
    (void)state;
    el_source source = el_source_default(EL_SOURCE_CSV, EL_TASK_CLASSIFY);
    test_expect(
        &source, "text,label\n\"open,a\nfine,a\nalso,b\n", "3 fine = a\n4 also = b\n", "a b",
        "file:2: a quote that begins a cell has no end (lines 2 to 4 would be one row; reading goes on in line 3); "
        "the row is skipped\n");
    test_expect(&source, "text,label\nfine,a\nalso,b\nand,\"b", "2 fine = a\n3 also = b\n", "a b",
                "file:4: a quote that begins a cell has no end; the row is skipped\n");
    char many[2000] = "text,label\n";
    for (int i = 0; i < 101; i++) {
        strcat(many, "x\"y,\"open\n");
    }
    test_expect_refusal(&source, many, ELECTRA_INVALID, "no usable row"); /* the first one puts the others in doubt */
    source.separator = '"';
    test_expect_refusal(&source, "a", ELECTRA_MISUSE, "separated");
}

static void csv_quotes_that_were_lost_cost_one_line(void **state)
{
    (void)state;
    el_source source = numbered(EL_SOURCE_CSV, EL_TASK_CLASSIFY, "1", "2");
    const char *said =
        "file:1: there is text behind a quote that ends a cell (lines 1 to 3 would be one row; reading goes "
        "on in line 2); the row is skipped\n";
    const char *rows = "2 bad film = neg\n3 fine film = pos\n";
    test_expect(&source, "\"a film good,pos\nbad film,neg\n\"fine film\",pos\n", rows, "neg pos", said);
    test_expect(&source, "\"a film good,pos\r\nbad film,neg\r\n\"fine film\",pos\r\n", rows, "neg pos", said);
    test_expect(&source, "\"a film, good,pos\nbad film,neg\n\"fine, film\",pos\n",
                "2 bad film = neg\n3 fine, film = pos\n", "neg pos", said);
    test_expect(&source, "\"a film good,pos\nbad film,neg\n\"\"\"fine\"\" film\",pos\n",
                "2 bad film = neg\n3 \"fine\" film = pos\n", "neg pos", said);
    /* a cell that has a quote too many instead: its last lines are no rows */
    test_expect(
        &source, "\"two\nlines \"so called\"\",pos\nx \"y\" z,neg\n\"a\nb\",pos\n", "3 x \"y\" z = neg\n4 a\nb = pos\n",
        "neg pos",
        "file:1: there is text behind a quote that ends a cell (lines 1 to 2 would be one row; reading goes on in "
        "line 2); the row is skipped\n"
        "file:2: there is a quote in a cell that begins with none, and those before do not match; the row is "
        "skipped\n");
    test_expect(
        &source, "\"say \\\"hi\\\"\",pos\nbad,neg\ngood,pos\n", "2 bad = neg\n3 good = pos\n", "neg pos",
        "file:1: there is text behind a quote that ends a cell (a quote in a quoted cell is written twice); the row "
        "is skipped\n");
}

/* Each line would begin a row that reaches to the end if it were read for itself. */
static void csv_with_quotes_that_never_match_is_read_in_a_moment(void **state)
{
    (void)state;
    static const char LINE[] = "x\",y,\"\n", LAST[] = "x\"y\ngood,pos\nbad,neg\n";
    enum { LINES = 200000, BYTES = sizeof LINE - 1 };
    el_source source = numbered(EL_SOURCE_CSV, EL_TASK_CLASSIFY, "1", "2");
    char *text = malloc((size_t)LINES * BYTES + sizeof LAST);
    assert_non_null(text);
    for (size_t i = 0; i < LINES; i++) {
        memcpy(text + i * BYTES, LINE, BYTES);
    }
    memcpy(text + (size_t)LINES * BYTES, LAST, sizeof LAST);
    test_labelled *o = test_labelled_text(&source, text, NULL);
    assert_string_equal(o->text, "200002 good = pos\n200003 bad = neg\n");
    assert_int_equal(o->examples->n_skipped, LINES + 1);
    test_labelled_free(o);
    free(text);
}

/* Wherever a file with line breaks in its cells ends, the rows before are the same. */
static void csv_may_be_cut_anywhere(void **state)
{
    (void)state;
    static const char TEXT[] = "\"one, \"\"1\"\"\r\nmore\",a\r\n\"two\n\n2\",\"b\"\nthree,\"a\n\"\n";
    static const char *const ROWS[] = {"1 one, \"1\"\r\nmore = a\n", "3 two\n\n2 = b\n", "6 three = a\n"};
    const el_source source = numbered(EL_SOURCE_CSV, EL_TASK_CLASSIFY, "1", "2");
    const size_t ends[] = {(size_t)(strstr(TEXT, "\"two") - TEXT), (size_t)(strstr(TEXT, "three") - TEXT),
                           sizeof TEXT - 1};
    for (size_t n = ends[0]; n < sizeof TEXT; n++) {
        char *exact = malloc(n); /* a byte beyond would be seen */
        assert_non_null(exact);
        memcpy(exact, TEXT, n);
        test_labelled *o = test_labelled_bytes(&source, exact, n, NULL);
        assert_int_equal(o->status, ELECTRA_OK);
        size_t at = 0;
        for (size_t i = 0; i < 3 && n >= ends[i]; i++) {
            assert_int_equal(strncmp(o->text + at, ROWS[i], strlen(ROWS[i])), 0);
            at += strlen(ROWS[i]);
        }
        test_labelled_free(o);
        free(exact);
    }
}

/* ---- labels --------------------------------------------------------------------------------------------------------
 */

static void labels_that_are_integers_are_in_their_order(void **state)
{
    (void)state;
    el_source source = numbered(EL_SOURCE_TSV, EL_TASK_CLASSIFY, "1", "2");
    test_expect(&source, "a\t10\nb\t9\nc\t-1\n", "1 a = 10\n2 b = 9\n3 c = -1\n", "-1 9 10", "");
    test_expect(&source, "a\t10\nb\t9\nc\tx\n", "1 a = 10\n2 b = 9\n3 c = x\n", "10 9 x", "");
}

static void fixed_labels_keep_their_order(void **state)
{
    (void)state;
    static const char *const LABELS[] = {"no", "maybe", "yes"};
    el_source source = numbered(EL_SOURCE_TSV, EL_TASK_CLASSIFY, "1", "2");
    source.labels = LABELS;
    source.n_labels = 3;
    test_expect(&source, "a\tyes\nb\tno\nc\t-\n", "1 a = yes\n2 b = no\n", "no maybe yes",
                "file:3: the label '-' is none of the 3 that the task has; the row is skipped\n"
                "file: no row has the label 'maybe'; it cannot be learned\n");
    source.header = EL_HEADER_GUESS; /* "label" is no label, so this is a header */
    test_expect(&source, "text\tlabel\na\tyes\nb\tno\nc\tmaybe\n", "2 a = yes\n3 b = no\n4 c = maybe\n", "no maybe yes",
                "");
    test_expect(&source, "a\tyes\nb\tno\nc\tmaybe\n", "1 a = yes\n2 b = no\n3 c = maybe\n", "no maybe yes", "");
    static const char *const TWICE[] = {"a", "a"};
    source.labels = TWICE;
    source.n_labels = 2;
    test_expect_refusal(&source, "a\ta\n", ELECTRA_MISUSE, "the label 'a' is there twice");
}

static void unknown_labels_are_appended_and_named(void **state)
{
    (void)state;
    el_source source = numbered(EL_SOURCE_TSV, EL_TASK_CLASSIFY, "1", "2");
    test_labelled *train = test_labelled_text(&source, "a\tyes\nb\tno\n", NULL);
    test_labelled *dev = test_labelled_text(&source, "c\tno\nd\tzzz\ne\taaa\nf\tzzz\n", &train->examples->labels);
    assert_int_equal(dev->status, ELECTRA_OK);
    assert_string_equal(dev->text, "1 c = no\n2 d = zzz\n3 e = aaa\n4 f = zzz\n");
    assert_string_equal(test_label_list(&dev->examples->labels), "no yes + zzz aaa");
    assert_string_equal(dev->said,
                        "file:2: the label 'zzz' was not there in training; it stands here 2 times, and no answer "
                        "can equal it\n"
                        "file:3: the label 'aaa' was not there in training; it stands here 1 time, and no answer "
                        "can equal it\n");
    test_labelled *again =
        test_labelled_text(&source, "c\taaa\n", &dev->examples->labels); /* its unknown ones stay unknown */
    assert_string_equal(test_label_list(&again->examples->labels), "no yes + aaa");
    test_labelled_free(again);
    test_labelled_free(dev);
    test_labelled_free(train);
}

static void labels_that_teach_nothing_are_warned_of(void **state)
{
    (void)state;
    el_source source = numbered(EL_SOURCE_TSV, EL_TASK_CLASSIFY, "1", "2");
    test_expect(&source, "a\tx\nb\tx\n", "1 a = x\n2 b = x\n", "x",
                "file: every row has the label 'x'; there is nothing to learn\n");
    char text[1000] = "";
    for (int i = 0; i < 25; i++) {
        snprintf(text + strlen(text), 20, "x\tlabel%d\n", i);
    }
    test_labelled *o = test_labelled_text(&source, text, NULL);
    assert_string_equal(o->said, "file: 25 different labels in 25 rows: is the column of the labels the right one?\n");
    test_labelled_free(o);
}

static void files_without_any_label_are_refused(void **state)
{
    (void)state;
    static const char *const FLAGS[] = {"a", "b"};
    el_source source = el_source_default(EL_SOURCE_CSV, EL_TASK_MULTILABEL);
    test_expect_refusal(&source, "text,label\none,\ntwo,\" , \"\n", ELECTRA_INVALID,
                        "no row of file has a label: is the column of the labels (label) the right one "
                        "(--label-column), and what stands between them (--label-separator ',')?");
    source.labels = FLAGS;
    source.n_labels = 2;
    test_expect_refusal(&source, "text,label\none,\n", ELECTRA_INVALID, "no row of file has a label");
    source = el_source_default(EL_SOURCE_CSV, EL_TASK_MULTILABEL);
    source.label = NULL;
    source.flags = FLAGS;
    source.n_flags = 2;
    test_expect_refusal(&source, "text,a,b\none,0,\n", ELECTRA_INVALID,
                        "no row of file has a label: none of the 2 columns of labels holds 1 in any row");
    source = el_source_default(EL_SOURCE_CONLLU, EL_TASK_TAG);
    test_expect_refusal(&source, "1\ta\t_\t_\n", ELECTRA_INVALID,
                        "no word of file has a label: is the column of the labels (UPOS) the right one");
    source = el_source_default(EL_SOURCE_CSV, EL_TASK_MULTILABEL); /* not learned from: none need hold */
    test_labelled *train = test_labelled_text(&source, "text,label\none,a\n", NULL);
    test_labelled *dev = test_labelled_text(&source, "text,label\ntwo,\n", &train->examples->labels);
    assert_string_equal(dev->text, "2 two =\n");
    test_labelled_free(dev);
    test_labelled_free(train);
}

static void classes_that_are_numbers_are_warned_of(void **state)
{
    (void)state;
    const el_source source = numbered(EL_SOURCE_TSV, EL_TASK_CLASSIFY, "1", "2");
    for (int different = 20; different <= 21; different++) {
        char text[4000] = "";
        for (int i = 0; i < 63; i++) {
            sprintf(text + strlen(text), "t\t%d.5\n", i % different);
        }
        test_labelled *o = test_labelled_text(&source, text, NULL);
        assert_int_equal(o->status, ELECTRA_OK);
        assert_string_equal(o->said, different == 20 ? ""
                                                     : "file: the labels are 21 different numbers, each of which is "
                                                       "learned as a class of its own; --kind regress learns them as "
                                                       "numbers\n");
        test_labelled_free(o);
    }
}

static void a_label_may_be_too_long_or_hold_a_nul(void **state)
{
    (void)state;
    el_source source = numbered(EL_SOURCE_TSV, EL_TASK_CLASSIFY, "1", "2");
    static const char NUL[] = "a\tx\nb\ty\0z\n";
    test_labelled *o = test_labelled_bytes(&source, NUL, sizeof NUL - 1, NULL);
    assert_string_equal(o->text, "1 a = x\n");
    assert_non_null(strstr(o->said, "file:2: 'y z' with its 3 bytes is no label; the row is skipped\n"));
    test_labelled_free(o);
    char text[700] = "a\tx\nb\t";
    memset(text + strlen(text), 'y', 501);
    o = test_labelled_text(&source, text, NULL);
    assert_string_equal(o->text, "1 a = x\n");
    assert_non_null(strstr(o->said, "with its 501 bytes is no label"));
    test_labelled_free(o);
}

static void too_many_labels_are_refused(void **state)
{
    (void)state;
    el_source source = numbered(EL_SOURCE_TSV, EL_TASK_CLASSIFY, "1", "1");
    char *text = malloc(1 << 20);
    size_t n = 0;
    for (int i = 0; i < 66000; i++) {
        n += (size_t)sprintf(text + n, "x%d\n", i);
    }
    test_labelled *o = test_labelled_bytes(&source, text, n, NULL);
    assert_int_equal(o->status, ELECTRA_INVALID);
    assert_non_null(strstr(o->error.message, "more than 65536 different labels"));
    test_labelled_free(o);
    free(text);
}

/* ---- several labels ------------------------------------------------------------------------------------------------
 */

static void several_labels_stand_in_one_cell(void **state)
{
    (void)state;
    el_source source = numbered(EL_SOURCE_TSV, EL_TASK_MULTILABEL, "1", "2");
    test_expect(&source, "a\tz, b,z\nb\t\nc\tb\n", "1 a = b z\n2 b =\n3 c = b\n", "b z", "");
    source.label_separator = '|';
    test_expect(&source, "a\tz, b|y\n", "1 a = y z, b\n", "y z, b", "");
}

static void several_labels_have_a_column_each(void **state)
{
    (void)state;
    static const char *const FLAGS[] = {"rude", "angry"};
    el_source source = numbered(EL_SOURCE_CSV, EL_TASK_MULTILABEL, "text", NULL);
    source.flags = FLAGS;
    source.n_flags = 2;
    test_expect(&source, "angry,text,rude\n1,a,0\n1,b,True\n,c,no\n0,d,2\n", "2 a = angry\n3 b = rude angry\n4 c =\n",
                "rude angry", "file:5: '2' in column rude is neither 0 nor 1; the row is skipped\n");
    source.format = EL_SOURCE_JSON_LINES;
    test_expect(
        &source,
        "{\"text\":\"a\",\"rude\":true,\"angry\":0}\n{\"text\":\"b\",\"rude\":null,\"angry\":1}\n{\"text\":\"c\"}\n",
        "1 a = rude\n2 b = angry\n", "rude angry", "file:3: there is no \"rude\"; the row is skipped\n");
    source.label = "label";
    test_expect_refusal(&source, "{}", ELECTRA_MISUSE, "a column for each label");
}

/* ---- numbers -------------------------------------------------------------------------------------------------------
 */

static void numbers_are_checked(void **state)
{
    (void)state;
    el_source source = numbered(EL_SOURCE_TSV, EL_TASK_REGRESS, "1", "-1");
    source.least = 0;
    source.most = 5;
    test_expect(&source, "a\t4.250\nb\t5.01\nc\t-1e-3\nd\tx\ne\t\nf\tnan\ng\t 0 \nh\t1 2\n", "1 a = 4.25\n7 g = 0\n",
                "",
                "file:2: 5.01 is not within 0 ... 5; the row is skipped\n"
                "file:3: -1e-3 is not within 0 ... 5; the row is skipped\n"
                "file:4: 'x' is no number; the row is skipped\n"
                "file:5: the number is missing; the row is skipped\n"
                "file:6: 'nan' is no number; the row is skipped\n"
                "file:8: '1 2' is no number; the row is skipped\n");
    source.most = 0;
    source.header = EL_HEADER_GUESS;
    test_expect(&source, "text\tscore\na\t-7\n", "2 a = -7\n", "", "");
    test_expect(&source, "a\t-7\nb\t1e3\n", "1 a = -7\n2 b = 1000\n", "", "");
    test_expect(&source, "a\t1e200\nb\t1e3\nc\t-1e39\nd\t1e999\ne\t-3e38\n", "2 b = 1000\n5 e = -3e+38\n", "",
                "file:1: 1e200 is beyond the numbers that can be learned (up to 3.4e+38); the row is skipped\n"
                "file:3: -1e39 is beyond the numbers that can be learned (up to 3.4e+38); the row is skipped\n"
                "file:4: '1e999' is no number; the row is skipped\n");
}

/* ---- choices -------------------------------------------------------------------------------------------------------
 */

static void choices_stand_in_columns(void **state)
{
    (void)state;
    static const char *const CHOICES[] = {"a", "b", "c"};
    el_source source = numbered(EL_SOURCE_TSV, EL_TASK_CHOICE, "q", "right");
    source.choices = CHOICES;
    source.n_choices = 3;
    test_expect(
        &source,
        "q\ta\tb\tc\tright\nx\t1\t2\t3\t2\ny\tred\tgreen\tblue\tgreen\nz\tu\tv\tw\tC\nz\tu\tv\tw\t3\nz\tu\tv\tw\t0\n",
        "2 x[1|2|3] = 2\n3 y[red|green|blue] = 1\n4 z[u|v|w] = 2\n6 z[u|v|w] = 0\n", "",
        "file:2: '2' is taken as the number of the choice (they count from 0, or from A), although another "
        "choice has these very words\n"
        "file:5: '3' is none of the 3 choices (they count from 0, or from A, or are named in their own words); the row "
        "is skipped\n");
    source.pair = "q";
    source.text = "a";
    test_expect(&source, "q\ta\tb\tc\tright\nx\t1\t2\t3\t0\n", "2 1[x 1|x 2|x 3] = 0\n", "", "");
    source.n_choices = 0;
    test_expect_refusal(&source, "x", ELECTRA_MISUSE, "choices");
}

static void choices_that_are_numbers_have_words(void **state)
{
    (void)state;
    const el_source source = el_source_default(EL_SOURCE_JSON_LINES, EL_TASK_CHOICE);
    test_expect(&source,
                "{\"prompt\":\"p\",\"choices\":[\"3\",\"5\",\"7\",\"9\"],\"label\":\"5\"}\n"
                "{\"prompt\":\"p\",\"choices\":[\"3\",\"5\",\"7\",\"9\"],\"label\":\"3\"}\n"
                "{\"prompt\":\"p\",\"choices\":[\"0\",\"1\"],\"label\":1}\n"
                "{\"prompt\":\"p\",\"choices\":[\"12\",\" 13 \"],\"label\":13}\n"
                "{\"prompt\":\"p\",\"choices\":[\"\",\"x\"],\"label\":\"\"}\n"
                "{\"prompt\":\"p\",\"choices\":[\"x\",\"99999999999999999999\"],\"label\":\"99999999999999999999\"}\n"
                "{\"prompt\":\"p\",\"choices\":[\"2x\",\"y\"],\"label\":\"2x\"}\n",
                "1 p[3|5|7|9] = 1\n2 p[3|5|7|9] = 3\n3 p[0|1] = 1\n4 p[12| 13 ] = 1\n"
                "6 p[x|99999999999999999999] = 1\n7 p[2x|y] = 0\n",
                "",
                "file:2: '3' is taken as the number of the choice (they count from 0, or from A), although another "
                "choice has these very words\n"
                "file:5: '' is none of the 2 choices (they count from 0, or from A, or are named in their own words); the "
                "row is skipped\n");
}

static void choices_that_are_counted_from_1_are_suspected(void **state)
{
    (void)state;
    static const char *const CHOICES[] = {"a", "b"};
    el_source source = numbered(EL_SOURCE_TSV, EL_TASK_CHOICE, "q", "right");
    source.choices = CHOICES;
    source.n_choices = 2;
    const char *skipped =
        "file:3: '2' is none of the 2 choices (they count from 0, or from A, or are named in their own "
        "words); the row is skipped\n";
    char said[1000];
    snprintf(
        said, sizeof said,
        "%sfile: labels seem to be counted from 1: in 1 row the label is the number of choices, in none it is 0. Here "
        "they count from 0, so that in the other rows the choice behind the right one is taken: subtract 1 from every "
        "label, or write A, B, ... for 1, 2, ...\n",
        skipped);
    test_expect(&source, "q\ta\tb\tright\nx\tu\tv\t1\ny\tu\tv\t2\nz\tu\tv\t1\n", "2 x[u|v] = 1\n4 z[u|v] = 1\n", "",
                said);
    test_expect(&source, "q\ta\tb\tright\nx\tu\tv\t1\ny\tu\tv\t2\nz\tu\tv\t0\n", "2 x[u|v] = 1\n4 z[u|v] = 0\n", "",
                skipped); /* one that counts from 0 and has a fault */
    test_expect(&source, "q\ta\tb\tright\nx\t1\t2\t2\ny\tu\tv\tB\n", "2 x[1|2] = 1\n3 y[u|v] = 1\n", "", "");
}

static void choices_stand_in_a_list(void **state)
{
    (void)state;
    const el_source source = el_source_default(EL_SOURCE_JSON_LINES, EL_TASK_CHOICE);
    test_expect(&source,
                "{\"prompt\":\"p\",\"choices\":[\"a\",\"b\"],\"label\":1}\n"
                "{\"prompt\":\"p\",\"choices\":[\"a\"],\"label\":0}\n"
                "{\"prompt\":\"p\",\"choices\":[\"a\",[]],\"label\":0}\n"
                "{\"prompt\":\"p\",\"choices\":\"ab\",\"label\":0}\n"
                "{\"prompt\":\"p\",\"choices\":[\"a\",\"b\",\"c\"],\"label\":\"B\"}\n"
                "{\"prompt\":\"p\",\"choices\":[\"a\",\"b\",\"c\"],\"label\":-1}\n",
                "1 p[a|b] = 1\n5 p[a|b|c] = 1\n", "",
                "file:2: there is only one text to choose from; the row is skipped\n"
                "file:3: \"choices\" is no list of texts; the row is skipped\n"
                "file:4: \"choices\" is no list of texts; the row is skipped\n"
                "file:6: '-1' is none of the 3 choices (they count from 0, or from A, or are named in their own words); the row is skipped\n");
}

/* ---- JSON ----------------------------------------------------------------------------------------------------------
 */

static void json_lines_are_rows(void **state)
{
    (void)state;
    el_source source = el_source_default(EL_SOURCE_JSON_LINES, EL_TASK_CLASSIFY);
    source.pair = "other";
    source.id = "id";
    test_expect(&source,
                "{\"text\":\"a \\u00e9\\n\",\"other\":null,\"label\":1,\"id\":7}\r\n"
                "\n"
                "{\"text\":\"b\",\"other\":\"c\",\"label\":\"10\",\"id\":\"x\"}\n"
                "{\"text\":\"b\",\"other\":\"c\",\"label\":null,\"id\":2}\n"
                "{\"text\":\"b\",\"other\":\"c\",\"id\":2}\n"
                "{\"text\":[1],\"other\":\"c\",\"id\":2,\"label\":1}\n"
                "{\"text\":null,\"other\":\"c\",\"id\":2,\"label\":1}\n"
                "[1]\n"
                "{\"text\":\n",
                "1 a \xC3\xA9\n = 1 (7)\n3 b + c = 10 (x)\n", "1 10",
                "file:4: the label is empty; the row is skipped\n"
                "file:5: there is no \"label\"; the row is skipped\n"
                "file:6: \"text\" is no text; the row is skipped\n"
                "file:7: \"text\" is null; the row is skipped\n"
                "file:8: it is no JSON object; the row is skipped\n"
                "file:9: the line is not valid JSON: line 1, column 8: unexpected token near end of file; the row is "
                "skipped\n");
    source.text = "sentence";
    test_expect_refusal(&source, "{\"text\":\"a\",\"other\":\"b\",\"label\":1,\"id\":1}\n", ELECTRA_INVALID,
                        "there is no column sentence in its rows. The first has: 'text', 'other', 'label', 'id'");
}

static void json_lines_hold_lists_of_labels(void **state)
{
    (void)state;
    const el_source source = el_source_default(EL_SOURCE_JSON_LINES, EL_TASK_MULTILABEL);
    test_expect(
        &source,
        "{\"text\":\"a\",\"label\":[\"y\",\"x\"]}\n{\"text\":\"b\",\"label\":[]}\n{\"text\":\"c\",\"label\":\"x,z\"}\n"
        "{\"text\":\"d\",\"label\":[{}]}\n",
        "1 a = x y\n2 b =\n3 c = x z\n", "x y z", "file:4: \"label\" is no list of labels; the row is skipped\n");
}

static void json_numbers_are_numbers(void **state)
{
    (void)state;
    const el_source source = el_source_default(EL_SOURCE_JSON_LINES, EL_TASK_REGRESS);
    test_expect(&source,
                "{\"text\":\"a\",\"label\":2.5}\n{\"text\":\"b\",\"label\":\"3\"}\n{\"text\":\"c\",\"label\":true}\n",
                "1 a = 2.5\n2 b = 3\n", "", "file:3: 'true' is no number; the row is skipped\n");
    const el_source classes = el_source_default(EL_SOURCE_JSON_LINES, EL_TASK_CLASSIFY);
    test_expect(&classes,
                "{\"text\":\"a\",\"label\":0.1}\n{\"text\":\"b\",\"label\":1.0}\n{\"text\":\"c\",\"label\":1}\n"
                "{\"text\":\"d\",\"label\":0.30000000000000004}\n{\"text\":\"e\",\"label\":1e300}\n",
                "1 a = 0.1\n2 b = 1\n3 c = 1\n4 d = 0.30000000000000004\n5 e = 1e+300\n",
                "0.1 0.30000000000000004 1 1e+300", "");
}

static void one_json_value_holds_all_rows(void **state)
{
    (void)state;
    el_source source = el_source_default(EL_SOURCE_JSON_ROWS, EL_TASK_CLASSIFY);
    source.text = "text_a";
    source.pair = "text_b";
    test_expect(&source,
                BOM "{\"0\":{\"text_a\":\"b\",\"text_b\":\"c\",\"label\":\"y\"},\n\"1\":{\"text_a\":\"d\",\"text_b\":"
                    "\"e\",\"label\":\"n\"},\"2\":3}",
                "1 b + c = y (0)\n2 d + e = n (1)\n", "n y", "file:3: it is no JSON object; the row is skipped\n");
    test_expect(
        &source,
        "[{\"text_a\":\"b\xFF\",\"text_b\":\"c\",\"label\":1},\n{\"text_a\":\"b\",\"text_b\":\"c\",\"label\":2}]",
        "1 b\xEF\xBF\xBD + c = 1\n2 b + c = 2\n", "1 2",
        "file:1: has bytes that are not UTF-8; they are read as U+FFFD\n");
    test_expect_refusal(&source, "{\"a\":", ELECTRA_INVALID, "file is not valid JSON");
    test_expect_refusal(&source, "[]", ELECTRA_INVALID, "file has no rows");
    test_expect_refusal(&source, "[1,2]", ELECTRA_INVALID, "no usable row: all 2 were skipped");
}

/* ---- TREC ----------------------------------------------------------------------------------------------------------
 */

static void trec_labels_are_coarse_or_fine(void **state)
{
    (void)state;
    el_source source = el_source_default(EL_SOURCE_TREC, EL_TASK_CLASSIFY);
    const char *text = "LOC:city Where is it ?\nHUM:ind Who : is he ?\nno label\nLOC:state What\n";
    test_expect(&source, text, "1 Where is it ? = LOC\n2 Who : is he ? = HUM\n4 What = LOC\n", "HUM LOC",
                "file:3: it does not begin with LABEL:detail and a blank; the row is skipped\n");
    source.label = "fine";
    test_expect(&source, "LOC:city a\nHUM:ind b\n", "1 a = LOC:city\n2 b = HUM:ind\n", "HUM:ind LOC:city", "");
    source.label = "sub";
    test_expect_refusal(&source, text, ELECTRA_MISUSE, "\"coarse\" or \"fine\", not \"sub\"");
}

/* ---- files ---------------------------------------------------------------------------------------------------------
 */

static void texts_and_labels_lie_side_by_side(void **state)
{
    el_source source = el_source_default(EL_SOURCE_TWO_FILES, EL_TASK_CLASSIFY);
    const char *path = test_write_text(*state, "t/val_text.txt", "one\ntwo\n\n");
    test_write_text(*state, "t/val_labels.txt", "1\n0\n1\n");
    test_labelled *o = test_labelled_path(&source, path, NULL);
    assert_string_equal(o->text, "1 one = 1\n2 two = 0\n3  = 1\n");
    assert_string_equal(o->examples->files[0], path);
    test_labelled_free(o);
    const char *context = test_write_text(*state, "t/context_text.txt", "one\n");
    test_write_text(*state, "t/context_labels.txt", "1\n");
    o = test_labelled_path(&source, context, NULL);
    assert_string_equal(o->text, "1 one = 1\n");
    test_labelled_free(o);

    test_write_text(*state, "t/val_labels.txt", "1\n0\n");
    o = test_labelled_path(&source, path, NULL);
    assert_int_equal(o->status, ELECTRA_INVALID);
    assert_non_null(strstr(o->error.message, "has a text in line 3, but the file of its labels ends before"));
    test_labelled_free(o);
    test_write_text(*state, "t/val_labels.txt", "1\n0\n1\n1\n");
    o = test_labelled_path(&source, path, NULL);
    assert_non_null(strstr(o->error.message, "ends after 3 lines, but the file of its labels goes on"));
    test_labelled_free(o);
    assert_int_equal(unlink(test_path(*state, "t/val_labels.txt")), 0);
    o = test_labelled_path(&source, path, NULL);
    assert_int_equal(o->status, ELECTRA_INVALID);
    assert_non_null(strstr(o->error.message, "val_labels.txt"));
    test_labelled_free(o);
    o = test_labelled_path(&source, test_write_text(*state, "t/other", "x"), NULL);
    assert_int_equal(o->status, ELECTRA_MISUSE);
    test_labelled_free(o);
    source.label = NULL;
    o = test_labelled_path(&source, path, NULL);
    assert_string_equal(o->text, "1 one = ?\n2 two = ?\n3  = ?\n");
    test_labelled_free(o);
}

static void write_folders(const char *folder)
{
    test_write_text(folder, "set/README", "not a text");
    test_write_text(folder, "set/train/pos/2", "good\nfilm");
    test_write_text(folder, "set/train/pos/1.txt", "fine");
    test_write_text(folder, "set/train/pos/.hidden", "no");
    test_write_text(folder, "set/train/neg/1.txt", "bad");
    test_write_text(folder, "set/train/neg/2.txt", " \n");
}

static void folders_are_classes(void **state)
{
    const el_source source = el_source_default(EL_SOURCE_FOLDERS, EL_TASK_CLASSIFY);
    write_folders(*state);
    test_labelled *o = test_labelled_path(&source, test_path(*state, "set"), NULL);
    assert_int_equal(o->status, ELECTRA_OK);
    assert_string_equal(o->text, "1 bad = neg\n1 fine = pos\n1 good\nfilm = pos\n");
    assert_string_equal(test_label_list(&o->examples->labels), "neg pos");
    assert_non_null(strstr(o->said, "set/train/neg/2.txt:1: the file is empty; the row is skipped\n"));
    assert_int_equal(o->n_said, 1);
    assert_string_equal(o->examples->files[o->examples->list[1].file], test_path(*state, "set/train/pos/1.txt"));
    test_labelled_free(o);

    test_write_text(*state, "set/dev/neutral/1.txt", "so so"); /* another class may lie elsewhere */
    o = test_labelled_path(&source, test_path(*state, "set"), NULL);
    assert_int_equal(o->status, ELECTRA_OK);
    assert_string_equal(test_label_list(&o->examples->labels), "neg neutral pos");
    test_labelled_free(o);
    test_write_text(*state, "set/dev/pos/1.txt", "fine too");
    o = test_labelled_path(&source, test_path(*state, "set"), NULL);
    assert_int_equal(o->status, ELECTRA_INVALID);
    char wanted[1000];
    const char *dev = test_path(*state, "set/dev"), *train = test_path(*state, "set/train");
    snprintf(wanted, sizeof wanted, "'pos' is in %s and in %s: name one of them (--train %s --dev %s)", train, dev, train,
             dev);
    assert_non_null(strstr(o->error.message, wanted));
    test_labelled_free(o);
    o = test_labelled_path(&source, train, NULL);
    assert_int_equal(o->status, ELECTRA_OK);
    test_labelled_free(o);

    o = test_labelled_path(&source, test_path(*state, "set/train/pos"), NULL);
    assert_int_equal(o->status, ELECTRA_INVALID);
    assert_non_null(strstr(o->error.message, "a folder for each class is expected"));
    test_labelled_free(o);
    o = test_labelled_path(&source, test_path(*state, "set/README"), NULL);
    assert_int_equal(o->status, ELECTRA_INVALID);
    assert_non_null(strstr(o->error.message, "neither a folder nor an archive"));
    test_labelled_free(o);
    o = test_labelled_text(&source, "x", NULL);
    assert_int_equal(o->status, ELECTRA_MISUSE);
    test_labelled_free(o);
}

static void put(struct archive *archive, const char *name, const char *text)
{
    struct archive_entry *entry = archive_entry_new();
    archive_entry_set_pathname(entry, name);
    archive_entry_set_size(entry, (la_int64_t)strlen(text));
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, 0644);
    assert_int_equal(archive_write_header(archive, entry), ARCHIVE_OK);
    assert_int_equal(archive_write_data(archive, text, strlen(text)), strlen(text));
    archive_entry_free(entry);
}

static const char *write_archive(const char *folder)
{
    const char *path = test_path(folder, "set.tar.gz");
    struct archive *archive = archive_write_new();
    assert_int_equal(archive_write_add_filter_gzip(archive), ARCHIVE_OK);
    assert_int_equal(archive_write_set_format_ustar(archive), ARCHIVE_OK);
    assert_int_equal(archive_write_open_filename(archive, path), ARCHIVE_OK);
    put(archive, "./set/README.txt", "not a text");
    put(archive, "./set/train/b/1.txt", "one");
    put(archive, "./set/train/a/1.txt", "two");
    put(archive, "./set/test/a/1.txt", "three");
    assert_int_equal(archive_write_free(archive), ARCHIVE_OK);
    return path;
}

static void archives_of_folders_are_read(void **state)
{
    const el_source source = el_source_default(EL_SOURCE_FOLDERS, EL_TASK_CLASSIFY);
    const char *path = write_archive(*state);
    test_labelled *o = test_labelled_path(&source, path, NULL);
    assert_int_equal(o->status, ELECTRA_INVALID);
    char wanted[1000];
    snprintf(wanted, sizeof wanted, "'a' is in %s/set/train and in %s/set/test: name one of them", path, path);
    assert_non_null(strstr(o->error.message, wanted));
    test_labelled_free(o);
    o = test_labelled_path(&source, test_path(*state, "set.tar.gz/set/train/"), NULL);
    assert_string_equal(o->text, "1 one = b\n1 two = a\n");
    snprintf(wanted, sizeof wanted, "%s: ./set/train/a/1.txt", path);
    assert_string_equal(o->examples->files[o->examples->list[1].file], wanted);
    test_labelled_free(o);
    o = test_labelled_path(&source, test_path(*state, "set.tar.gz/set/tra"), NULL);
    assert_int_equal(o->status, ELECTRA_INVALID);
    test_labelled_free(o);
}

static void write_zstd(const char *path, const char *text)
{
    struct archive *archive = archive_write_new();
    assert_int_equal(archive_write_add_filter_zstd(archive), ARCHIVE_OK);
    assert_int_equal(archive_write_set_format_raw(archive), ARCHIVE_OK);
    assert_int_equal(archive_write_open_filename(archive, path), ARCHIVE_OK);
    put(archive, "rows", text);
    assert_int_equal(archive_write_free(archive), ARCHIVE_OK);
}

static void compressed_files_are_unpacked(void **state)
{
    const el_source source = numbered(EL_SOURCE_TSV, EL_TASK_CLASSIFY, "1", "2");
    const char *path = test_path(*state, "rows.tsv.zst");
    char *text = calloc(1, 1 << 20);
    size_t n = 0;
    for (int i = 0; i < 20000; i++) { /* more than is read at first */
        n += (size_t)sprintf(text + n, "text number %d\t%d\n", i, i % 2);
    }
    write_zstd(path, text);
    free(text);
    test_labelled *o = test_labelled_path(&source, path, NULL);
    assert_int_equal(o->status, ELECTRA_OK);
    assert_int_equal(o->examples->n, 20000);
    const el_example *last = &o->examples->list[19999];
    assert_memory_equal(last->text.text, "text number 19999", last->text.bytes);
    assert_int_equal(last->line, 20000);
    test_labelled_free(o);
    o = test_labelled_path(&source, test_write_text(*state, "plain.gz", "a\tb\n"), NULL);
    assert_int_equal(o->status, ELECTRA_INVALID);
    assert_non_null(strstr(o->error.message, "it is not compressed"));
    test_labelled_free(o);
    o = test_labelled_path(&source, test_path(*state, "nothing.tsv"), NULL);
    assert_int_equal(o->status, ELECTRA_INVALID);
    test_labelled_free(o);
}

/* The blocks in which a compressed file arrives are no boundary. */
static void csv_cells_may_lie_across_blocks(void **state)
{
    static const char ROW[] = "\"two\r\nlines \"\"x\"\"\",b\r\nplain,a\r\n";
    enum { BLOCK = 1 << 16 };
    const el_source source = numbered(EL_SOURCE_CSV, EL_TASK_CLASSIFY, "1", "2");
    char *text = malloc(BLOCK + sizeof ROW);
    assert_non_null(text);
    for (size_t before = 0; before <= sizeof ROW; before++) { /* bytes of it in the first block */
        const size_t begin = BLOCK - before;
        memset(text, 'y', begin);
        memcpy(text + begin - 3, ",a\n", 3);
        memcpy(text + begin, ROW, sizeof ROW);
        const char *path = test_path(*state, "rows.csv.zst");
        write_zstd(path, text);
        el_examples *examples = NULL;
        electra_error err = {0};
        assert_int_equal(el_examples_read(&examples, &source, path, NULL, NULL, NULL, &err), ELECTRA_OK);
        assert_int_equal(examples->n, 3);
        assert_int_equal(examples->n_skipped, 0);
        assert_int_equal(examples->list[1].text.bytes, 14);
        assert_memory_equal(examples->list[1].text.text, "two\r\nlines \"x\"", 14);
        assert_int_equal(examples->list[2].line, 4);
        el_examples_free(examples);
    }
    free(text);
}

/* ---- senseless sources ---------------------------------------------------------------------------------------------
 */

static void sources_that_make_no_sense_are_misuse(void **state)
{
    (void)state;
    el_source source = el_source_default(EL_SOURCE_TSV, EL_TASK_TAG);
    test_expect_refusal(&source, "x", ELECTRA_MISUSE, "files of TSV cannot hold tags of words");
    source = el_source_default(EL_SOURCE_CONLL, EL_TASK_CLASSIFY);
    test_expect_refusal(&source, "x", ELECTRA_MISUSE, "files of CoNLL columns cannot hold classes");
    source = numbered(EL_SOURCE_TSV, EL_TASK_CLASSIFY, NULL, "1");
    test_expect_refusal(&source, "x", ELECTRA_MISUSE, "which column holds the text is not said");
    source = el_source_default(EL_SOURCE_JSON_LINES, EL_TASK_ANSWER);
    source.pair = NULL;
    test_expect_refusal(&source, "x", ELECTRA_MISUSE, "which column holds the context is not said");
    source.format = EL_SOURCE_FORMATS;
    test_expect_refusal(&source, "x", ELECTRA_MISUSE, "no such format");
}

/* ---- holding some out ----------------------------------------------------------------------------------------------
 */

static void a_share_is_held_out(void **state)
{
    const el_source source = numbered(EL_SOURCE_TSV, EL_TASK_CLASSIFY, "1", "2");
    char *text = calloc(1, 1 << 16);
    for (int i = 0; i < 1000; i++) {
        sprintf(text + strlen(text), "%d\t%d\n", i, i % 3);
    }
    const char *path = test_write_text(*state, "thousand", text);
    free(text);
    size_t first_seeds[2] = {0};
    for (uint64_t seed = 0; seed < 2; seed++) {
        for (int again = 0; again < 2; again++) {
            test_labelled *o = test_labelled_path(&source, path, NULL);
            el_examples *held = NULL;
            assert_int_equal(el_examples_split(o->examples, 0.1, seed, &held, NULL), ELECTRA_OK);
            assert_int_equal(held->n, 100);
            assert_int_equal(o->examples->n, 900);
            assert_int_equal(held->labels.n, 3);
            bool seen[1000] = {false};
            uint32_t before = 0;
            for (size_t i = 0; i < 1000; i++) {
                const el_example *e = i < 900 ? &o->examples->list[i] : &held->list[i - 900];
                assert_true(e->line > before || i == 900); /* in their order */
                before = e->line;
                assert_false(seen[e->line - 1]);
                seen[e->line - 1] = true;
            }
            size_t sum = 0;
            for (size_t i = 0; i < held->n; i++) {
                sum += held->list[i].line * (i + 1);
            }
            assert_true(again == 0 || sum == first_seeds[seed]);
            first_seeds[seed] = sum;
            el_examples_free(o->examples); /* in any order */
            o->examples = NULL;
            assert_memory_equal(held->list[0].text.text + held->list[0].text.bytes, "\t", 1);
            el_examples_free(held);
            test_labelled_free(o);
        }
    }
    assert_true(first_seeds[0] != first_seeds[1]);
}

static void each_side_of_a_split_has_a_row(void **state)
{
    const el_source source = numbered(EL_SOURCE_TSV, EL_TASK_CLASSIFY, "1", "2");
    const char *path = test_write_text(*state, "two", "a\tx\nb\ty\n");
    electra_error err = {0};
    const double shares[] = {0.001, 0.999};
    for (int i = 0; i < 2; i++) {
        test_labelled *o = test_labelled_path(&source, path, NULL);
        el_examples *held;
        assert_int_equal(el_examples_split(o->examples, shares[i], 5, &held, &err), ELECTRA_OK);
        assert_int_equal(held->n, 1);
        assert_int_equal(o->examples->n, 1);
        el_examples_free(held);
        test_labelled_free(o);
    }
    test_labelled *o = test_labelled_path(&source, test_write_text(*state, "one", "a\tx\n"), NULL);
    el_examples *held;
    assert_int_equal(el_examples_split(o->examples, 0.5, 5, &held, &err), ELECTRA_INVALID);
    assert_null(held);
    assert_non_null(strstr(err.message, "has only 1 usable row, too few"));
    assert_int_equal(el_examples_split(o->examples, 1, 5, &held, &err), ELECTRA_MISUSE);
    assert_int_equal(el_examples_split(o->examples, 0, 5, &held, &err), ELECTRA_MISUSE);
    test_labelled_free(o);
}

/* ---- progress, memory ----------------------------------------------------------------------------------------------
 */

static bool stop(void *user, const electra_progress *progress)
{
    *(double *)user = progress->done;
    return true;
}

static void reading_can_be_stopped(void **state)
{
    (void)state;
    const el_source source = numbered(EL_SOURCE_TSV, EL_TASK_CLASSIFY, "1", "1");
    char *text = malloc(1 << 18);
    size_t n = 0;
    for (int i = 0; i < 50000; i++) {
        n += (size_t)sprintf(text + n, "x%d\n", i % 2);
    }
    double done = 0;
    const electra_runtime rt = {.progress = stop, .progress_user = &done};
    electra_error err = {0};
    el_examples *examples;
    assert_int_equal(el_examples_parse(&examples, &source, text, n, "file", NULL, &rt, &err), ELECTRA_INTERRUPTED);
    assert_true(done > 0 && done < 50000);
    assert_null(examples);
    free(text);
}

static void any_allocation_may_fail(void **state)
{
    static const char *const FLAGS[] = {"a", "b"};
    write_folders(*state);
    (void)write_archive(*state);
    el_source flags = numbered(EL_SOURCE_CSV, EL_TASK_MULTILABEL, "text", NULL);
    flags.flags = FLAGS;
    flags.n_flags = 2;
    const struct {
        el_source source;
        const char *path;
    } cases[] = {
        {numbered(EL_SOURCE_TSV, EL_TASK_CLASSIFY, "1", "2"), test_write_text(*state, "tsv", "a\xFF\tb\nc\td\nbad\n")},
        {numbered(EL_SOURCE_TSV, EL_TASK_MULTILABEL, "1", "2"), test_write_text(*state, "multi", "a\tb,c\nc\td\n")},
        {flags, test_write_text(*state, "csv", "text,a,b\n\"x\"\"y\",1,0\nz,1,1\n")},
        {el_source_default(EL_SOURCE_JSON_LINES, EL_TASK_CHOICE),
         test_write_text(*state, "jsonl",
                         "{\"prompt\":\"p\",\"choices\":[\"a\",\"b\"],\"label\":1}\n"
                         "{\"prompt\":\"q\",\"choices\":[\"c\",\"d\"],\"label\":0}\n")},
        {el_source_default(EL_SOURCE_JSON_ROWS, EL_TASK_CLASSIFY),
         test_write_text(*state, "json",
                         "{\"0\":{\"text\":\"p\xFF\",\"label\":1},\"1\":{\"text\":\"q\",\"label\":2}}\n")},
        {el_source_default(EL_SOURCE_TREC, EL_TASK_CLASSIFY), test_write_text(*state, "trec", "A:b c\nD:e f\n")},
        {el_source_default(EL_SOURCE_FOLDERS, EL_TASK_CLASSIFY), test_path(*state, "set")},
        {el_source_default(EL_SOURCE_FOLDERS, EL_TASK_CLASSIFY), test_path(*state, "set.tar.gz/set/train")},
    };
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        test_fail_each(&cases[c].source, cases[c].path);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tsv_has_columns_by_name),
        cmocka_unit_test(tsv_has_columns_by_number),
        cmocka_unit_test(a_column_that_is_not_there_is_named),
        cmocka_unit_test(rows_that_are_too_short_or_without_label_are_skipped),
        cmocka_unit_test(bytes_that_are_not_utf8_are_replaced),
        cmocka_unit_test(only_the_first_bad_rows_are_listed),
        cmocka_unit_test(a_column_that_all_rows_lack_is_said_once),
        cmocka_unit_test(rows_with_more_cells_than_the_header_are_skipped),
        cmocka_unit_test(rows_of_another_width_than_the_first_are_skipped),
        cmocka_unit_test(a_header_that_was_read_as_a_row_is_suspected),
        cmocka_unit_test(what_may_be_meant_is_said),
        cmocka_unit_test(files_that_are_empty_or_utf16_are_refused),
        cmocka_unit_test(test_files_have_no_labels),
        cmocka_unit_test(csv_has_quotes_and_line_breaks_in_them),
        cmocka_unit_test(csv_backslashes_may_break_lines),
        cmocka_unit_test(csv_rows_with_a_comma_too_many_are_skipped),
        cmocka_unit_test(csv_quotes_without_an_end_cost_one_line),
        cmocka_unit_test(csv_quotes_that_were_lost_cost_one_line),
        cmocka_unit_test(csv_with_quotes_that_never_match_is_read_in_a_moment),
        cmocka_unit_test(csv_may_be_cut_anywhere),
        cmocka_unit_test_setup_teardown(csv_cells_may_lie_across_blocks, test_folder_setup, test_folder_teardown),
        cmocka_unit_test(labels_that_are_integers_are_in_their_order),
        cmocka_unit_test(fixed_labels_keep_their_order),
        cmocka_unit_test(unknown_labels_are_appended_and_named),
        cmocka_unit_test(labels_that_teach_nothing_are_warned_of),
        cmocka_unit_test(files_without_any_label_are_refused),
        cmocka_unit_test(classes_that_are_numbers_are_warned_of),
        cmocka_unit_test(a_label_may_be_too_long_or_hold_a_nul),
        cmocka_unit_test(too_many_labels_are_refused),
        cmocka_unit_test(several_labels_stand_in_one_cell),
        cmocka_unit_test(several_labels_have_a_column_each),
        cmocka_unit_test(numbers_are_checked),
        cmocka_unit_test(choices_stand_in_columns),
        cmocka_unit_test(choices_that_are_numbers_have_words),
        cmocka_unit_test(choices_that_are_counted_from_1_are_suspected),
        cmocka_unit_test(choices_stand_in_a_list),
        cmocka_unit_test(json_lines_are_rows),
        cmocka_unit_test(json_lines_hold_lists_of_labels),
        cmocka_unit_test(json_numbers_are_numbers),
        cmocka_unit_test(one_json_value_holds_all_rows),
        cmocka_unit_test(trec_labels_are_coarse_or_fine),
        cmocka_unit_test_setup_teardown(texts_and_labels_lie_side_by_side, test_folder_setup, test_folder_teardown),
        cmocka_unit_test_setup_teardown(folders_are_classes, test_folder_setup, test_folder_teardown),
        cmocka_unit_test_setup_teardown(archives_of_folders_are_read, test_folder_setup, test_folder_teardown),
        cmocka_unit_test_setup_teardown(compressed_files_are_unpacked, test_folder_setup, test_folder_teardown),
        cmocka_unit_test(sources_that_make_no_sense_are_misuse),
        cmocka_unit_test_setup_teardown(a_share_is_held_out, test_folder_setup, test_folder_teardown),
        cmocka_unit_test_setup_teardown(each_side_of_a_split_has_a_row, test_folder_setup, test_folder_teardown),
        cmocka_unit_test(reading_can_be_stopped),
        cmocka_unit_test_setup_teardown(any_allocation_may_fail, test_folder_setup, test_folder_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
