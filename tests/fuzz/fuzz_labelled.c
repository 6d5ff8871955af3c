/* Labelled files of tasks, in every format that is one file. The first byte chooses how they are read. */
#include "fuzz/fuzz.h"

#include <math.h>
#include <string.h>

#include "tasks/source.h"
#include "text/utf8.h"

static const char *const LABELS[] = {"no", "yes", "O"};
static const char *const CHOICES[] = {"a", "3", "-1"};
static const char *const ONE[] = {"choices"};
static const char *const FLAGS[] = {"x", "2"};

static const el_source SOURCES[] = {
    {.format = EL_SOURCE_TSV,
     .kind = EL_TASK_CLASSIFY,
     .text = "text",
     .pair = "pair",
     .label = "label",
     .id = "id",
     .whole_rows = true},
    {.format = EL_SOURCE_TSV,
     .kind = EL_TASK_CLASSIFY,
     .text = "1",
     .label = "-1",
     .header = EL_HEADER_GUESS,
     .labels = LABELS,
     .n_labels = 3},
    {.format = EL_SOURCE_TSV,
     .kind = EL_TASK_REGRESS,
     .text = "-3",
     .pair = "-2",
     .label = "-1",
     .most = 5,
     .header = EL_HEADER_GUESS},
    {.format = EL_SOURCE_TSV, .kind = EL_TASK_MULTILABEL, .text = "1", .label = "2", .label_separator = ','},
    {.format = EL_SOURCE_CSV,
     .kind = EL_TASK_CLASSIFY,
     .text = "2",
     .label = "1",
     .separator = ',',
     .backslash_breaks = true},
    {.format = EL_SOURCE_CSV,
     .kind = EL_TASK_MULTILABEL,
     .text = "text",
     .flags = FLAGS,
     .n_flags = 2,
     .separator = ';'},
    {.format = EL_SOURCE_CSV,
     .kind = EL_TASK_CHOICE,
     .text = "text",
     .pair = "1",
     .label = "label",
     .choices = CHOICES,
     .n_choices = 3,
     .separator = ','},
    {.format = EL_SOURCE_JSON_LINES, .kind = EL_TASK_CLASSIFY, .text = "text", .pair = "pair", .label = "label"},
    {.format = EL_SOURCE_JSON_LINES,
     .kind = EL_TASK_MULTILABEL,
     .text = "text",
     .label = "label",
     .label_separator = ','},
    {.format = EL_SOURCE_JSON_LINES, .kind = EL_TASK_MULTILABEL, .text = "text", .flags = FLAGS, .n_flags = 2},
    {.format = EL_SOURCE_JSON_LINES, .kind = EL_TASK_TAG, .text = "words", .label = "labels", .tags = EL_TAGS_IOB2},
    {.format = EL_SOURCE_JSON_LINES,
     .kind = EL_TASK_CHOICE,
     .text = "prompt",
     .label = "label",
     .choices = ONE,
     .n_choices = 1},
    {.format = EL_SOURCE_JSON_LINES,
     .kind = EL_TASK_ANSWER,
     .text = "question",
     .pair = "context",
     .answers = "answers"},
    {.format = EL_SOURCE_JSON_ROWS, .kind = EL_TASK_REGRESS, .text = "text", .label = "label"},
    {.format = EL_SOURCE_CONLL,
     .kind = EL_TASK_TAG,
     .text = "1",
     .label = "-1",
     .tags = EL_TAGS_BIOES,
     .word_prefix = "en:"},
    {.format = EL_SOURCE_CONLL, .kind = EL_TASK_TAG, .text = "1", .label = "2", .labels = LABELS, .n_labels = 3},
    {.format = EL_SOURCE_CONLLU, .kind = EL_TASK_TAG, .text = "FORM", .label = "UPOS"},
    {.format = EL_SOURCE_SQUAD, .kind = EL_TASK_ANSWER},
    {.format = EL_SOURCE_MRQA, .kind = EL_TASK_ANSWER},
    {.format = EL_SOURCE_TREC, .kind = EL_TASK_CLASSIFY, .label = "fine"},
};
enum { N_SOURCES = sizeof SOURCES / sizeof *SOURCES };

static void must_be_utf8(electra_text text)
{
    const uint8_t *p = (const uint8_t *)text.text, *end = text.text ? p + text.bytes : p;
    FUZZ_MUST_HOLD(text.text || text.bytes == 0);
    while (p < end) {
        const uint8_t *before = p;
        FUZZ_MUST_HOLD(el_utf8_next(&p, end) != EL_REPLACEMENT ||
                       (p - before == 3 && memcmp(before, "\xEF\xBF\xBD", 3) == 0));
    }
}

static void check_answers(const el_example *e)
{
    const size_t length = el_utf8_count((const uint8_t *)e->pair.text, (const uint8_t *)e->pair.text + e->pair.bytes);
    FUZZ_MUST_HOLD(!e->impossible || e->n_answers == 0);
    for (size_t i = 0; i < e->n_answers; i++) {
        FUZZ_MUST_HOLD(e->answers[i].text.bytes > 0);
        must_be_utf8(e->answers[i].text);
        FUZZ_MUST_HOLD(e->answers[i].start == EL_NO_PLACE || e->answers[i].start < length);
        FUZZ_MUST_HOLD(i > 0 || e->n_answers == 1 || e->answers[0].start != EL_NO_PLACE ||
                       e->answers[1].start == EL_NO_PLACE);
    }
}

static void check_example(const el_examples *all, const el_example *e)
{
    must_be_utf8(e->text);
    must_be_utf8(e->pair);
    must_be_utf8(e->id);
    FUZZ_MUST_HOLD(e->file < all->n_files && e->line > 0);
    for (size_t i = 0; i < e->n_parts; i++) {
        must_be_utf8(e->parts[i]);
    }
    const size_t most = all->kind == EL_TASK_CHOICE ? e->n_parts : all->labels.n;
    for (size_t i = 0; i < e->n_labels; i++) {
        FUZZ_MUST_HOLD(e->labels[i] < most || e->labels[i] == EL_NO_LABEL);
        FUZZ_MUST_HOLD(all->kind != EL_TASK_MULTILABEL || i == 0 || e->labels[i - 1] < e->labels[i]);
    }
    FUZZ_MUST_HOLD(all->kind != EL_TASK_TAG || (e->n_parts > 0 && e->n_labels == e->n_parts));
    FUZZ_MUST_HOLD(all->kind != EL_TASK_CHOICE || (e->n_parts >= 2 && e->n_labels == 1));
    FUZZ_MUST_HOLD(all->kind != EL_TASK_CLASSIFY || e->n_labels == 1);
    FUZZ_MUST_HOLD(all->kind != EL_TASK_REGRESS || isfinite(e->number));
    if (all->kind == EL_TASK_ANSWER) {
        check_answers(e);
    }
}

static void check(const el_examples *all)
{
    FUZZ_MUST_HOLD(all->n > 0 && all->n_files == 1);
    for (size_t i = 0; i < all->labels.n; i++) {
        must_be_utf8((electra_text){all->labels.names[i], strlen(all->labels.names[i])});
        for (size_t k = 0; k < i && i < 100; k++) {
            FUZZ_MUST_HOLD(strcmp(all->labels.names[i], all->labels.names[k]) != 0);
        }
    }
    for (size_t i = 0; i < all->n; i++) {
        check_example(all, &all->list[i]);
    }
}

static bool read_bytes(el_examples **out, const el_source *source, const uint8_t *data, size_t bytes,
                       const el_label_set *known)
{
    electra_error err = {0};
    return fuzz_accepted(el_examples_parse(out, source, data, bytes, "file", known, NULL, &err), &err);
}

/* With the labels known, the same file gives the same examples: none is unknown. */
static void read_again(const el_examples *first, const el_source *source, const uint8_t *data, size_t bytes)
{
    el_examples *second = NULL;
    FUZZ_MUST_HOLD(read_bytes(&second, source, data, bytes, &first->labels));
    FUZZ_MUST_HOLD(second->n >= first->n && second->labels.n_known == first->labels.n); /* >=: fixed labels skip rows */
    FUZZ_MUST_HOLD(source->labels || (second->n == first->n && second->labels.n == first->labels.n));
    check(second);
    el_examples_free(second);
}

static void split(el_examples *all)
{
    electra_error err = {0};
    el_examples *held_out = NULL;
    const size_t n = all->n;
    if (fuzz_accepted(el_examples_split(all, 0.3, 7, &held_out, &err), &err)) {
        FUZZ_MUST_HOLD(all->n > 0 && held_out->n > 0 && all->n + held_out->n == n);
        check(held_out);
    }
    check(all);
    el_examples_free(held_out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    if (bytes == 0) {
        return 0;
    }
    const el_source *source = &SOURCES[data[0] % N_SOURCES];
    el_examples *all = NULL;
    if (read_bytes(&all, source, data + 1, bytes - 1, NULL)) {
        check(all);
        read_again(all, source, data + 1, bytes - 1);
        split(all);
    }
    el_examples_free(all);
    return 0;
}
