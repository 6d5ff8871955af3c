#include "support/labelled.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/alloc.h"

/* Appends to a buffer that must be large enough. */
__attribute__((format(printf, 3, 4))) static void add(char *text, size_t room, const char *format, ...)
{
    const size_t used = strlen(text);
    va_list arguments;
    va_start(arguments, format);
    const int n = vsnprintf(text + used, room - used, format, arguments);
    va_end(arguments);
    assert_true(n >= 0 && (size_t)n < room - used);
}

static void hear(void *user, electra_log_level level, const char *line)
{
    test_labelled *o = user;
    assert_int_equal(level, ELECTRA_LOG_WARNING);
    add(o->said, sizeof o->said, "%s\n", line);
    o->n_said++;
}

static void add_text(test_labelled *o, electra_text text)
{
    add(o->text, sizeof o->text, "%.*s", (int)text.bytes, text.text ? text.text : "");
}

static void add_label(test_labelled *o, uint32_t label)
{
    const el_label_set *set = &o->examples->labels;
    if (label == EL_NO_LABEL) {
        add(o->text, sizeof o->text, " ?");
    } else if (o->examples->kind == EL_TASK_CHOICE) {
        add(o->text, sizeof o->text, " %u", (unsigned)label);
    } else {
        assert_true(label < set->n);
        add(o->text, sizeof o->text, " %s", set->names[label]);
    }
}

static void add_answers(test_labelled *o, const el_example *e)
{
    add(o->text, sizeof o->text, e->impossible ? " impossible" : "");
    for (size_t i = 0; i < e->n_answers; i++) {
        add(o->text, sizeof o->text, " '");
        add_text(o, e->answers[i].text);
        if (e->answers[i].start == EL_NO_PLACE) {
            add(o->text, sizeof o->text, "'@-");
        } else {
            add(o->text, sizeof o->text, "'@%u", (unsigned)e->answers[i].start);
        }
    }
}

static void describe(test_labelled *o)
{
    for (size_t i = 0; i < o->examples->n && o->examples->n < 100; i++) {
        const el_example *e = &o->examples->list[i];
        add(o->text, sizeof o->text, "%u ", (unsigned)e->line);
        add_text(o, e->text);
        if (e->pair.text) {
            add(o->text, sizeof o->text, " + ");
            add_text(o, e->pair);
        }
        for (size_t k = 0; k < e->n_parts; k++) {
            add(o->text, sizeof o->text, "%s", k ? "|" : "[");
            add_text(o, e->parts[k]);
        }
        add(o->text, sizeof o->text, "%s =", e->n_parts ? "]" : "");
        for (size_t k = 0; k < e->n_labels; k++) {
            add_label(o, e->labels[k]);
        }
        if (o->examples->kind == EL_TASK_REGRESS) {
            add(o->text, sizeof o->text, isnan(e->number) ? " ?" : " %g", e->number);
        }
        add_answers(o, e);
        if (e->id.bytes) {
            add(o->text, sizeof o->text, " (");
            add_text(o, e->id);
            add(o->text, sizeof o->text, ")");
        }
        add(o->text, sizeof o->text, "\n");
    }
}

static test_labelled *finish(test_labelled *o)
{
    if (o->status == ELECTRA_OK) {
        describe(o);
    } else {
        assert_null(o->examples);
        assert_int_equal(o->error.status, o->status);
        assert_true(o->error.message[0] != '\0');
    }
    return o;
}

static test_labelled *begin(electra_runtime *rt)
{
    test_labelled *o = calloc(1, sizeof *o);
    assert_non_null(o);
    *rt = (electra_runtime){.log = hear, .log_user = o};
    return o;
}

test_labelled *test_labelled_path(const el_source *source, const char *path, const el_label_set *known)
{
    electra_runtime rt;
    test_labelled *o = begin(&rt);
    o->status = el_examples_read(&o->examples, source, path, NULL, known, &rt, &o->error);
    return finish(o);
}

/* The bytes are on the heap in their exact size, so that a sanitizer sees who reads beyond them. */
test_labelled *test_labelled_bytes(const el_source *source, const void *data, size_t bytes, const el_label_set *known)
{
    electra_runtime rt;
    test_labelled *o = begin(&rt);
    char *copy = malloc(bytes ? bytes : 1);
    assert_non_null(copy);
    memcpy(copy, data, bytes);
    o->status = el_examples_parse(&o->examples, source, copy, bytes, "file", known, &rt, &o->error);
    finish(o);
    el_examples *examples = o->examples; /* they borrow the bytes */
    if (examples) {
        examples->n = 0;
    }
    free(copy);
    return o;
}

test_labelled *test_labelled_text(const el_source *source, const char *text, const el_label_set *known)
{
    return test_labelled_bytes(source, text, strlen(text), known);
}

void test_labelled_free(test_labelled *o)
{
    el_examples_free(o->examples);
    free(o);
}

const char *test_label_list(const el_label_set *set)
{
    static char list[4096];
    list[0] = '\0';
    for (size_t i = 0; i < set->n; i++) {
        add(list, sizeof list, "%s%s%s", i ? " " : "", i == set->n_known ? "+ " : "", set->names[i]);
    }
    return list;
}

void test_expect(const el_source *source, const char *text, const char *examples, const char *labels, const char *said)
{
    test_labelled *o = test_labelled_text(source, text, NULL);
    if (o->status != ELECTRA_OK) {
        print_message("%s\n", o->error.message);
    }
    assert_int_equal(o->status, ELECTRA_OK);
    assert_string_equal(o->text, examples);
    assert_string_equal(test_label_list(&o->examples->labels), labels);
    assert_string_equal(o->said, said);
    test_labelled_free(o);
}

void test_expect_refusal(const el_source *source, const char *text, electra_status status, const char *words)
{
    test_labelled *o = test_labelled_text(source, text, NULL);
    if (!strstr(o->error.message, words)) {
        print_message("'%s' is not in: %s\n", words, o->error.message);
    }
    assert_int_equal(o->status, status);
    assert_non_null(strstr(o->error.message, words));
    test_labelled_free(o);
}

void test_fail_each(const el_source *source, const char *path)
{
    unsigned long failures = 0;
    bool beyond = false;
    test_fail_json_too();
    for (unsigned long n = 1; !beyond; n++) {
        el_examples *examples = NULL, *held_out = NULL;
        electra_error err = {0};
        const unsigned long before = test_allocations();
        test_fail_allocation(n);
        electra_status status = el_examples_read(&examples, source, path, NULL, NULL, NULL, &err);
        if (status == ELECTRA_OK) {
            status = el_examples_split(examples, 0.5, 1, &held_out, &err);
        }
        beyond = test_allocations() - before < n;
        test_fail_allocation(0);
        /* jansson's lexer calls a failure of its own a syntax error */
        const bool lexer = status == ELECTRA_INVALID && !beyond &&
                           (strstr(err.message, "is not valid JSON") || strstr(err.message, "no usable row") ||
                            strstr(err.message, "only 1 usable row"));
        if (status != ELECTRA_OK && status != ELECTRA_NO_RESOURCE && !lexer) {
            fail_msg("%s, allocation %lu: status %d, '%s'", path, n, (int)status, err.message);
        }
        assert_true(status == ELECTRA_OK || err.status == status);
        failures += status != ELECTRA_OK;
        el_examples_free(examples);
        el_examples_free(held_out);
        assert_true(!beyond || status == ELECTRA_OK);
    }
    assert_true(failures > 3);
}
