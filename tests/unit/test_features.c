/* Examples -> sequences of tokens: how pairs are cut by each rule, and which examples come in both orders. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "tasks/features.h"
#include "tasks/source.h"

static const char *const TOKENS[] = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "b", "c", "d", "k", "l", "m", "n"};

enum { V = sizeof TOKENS / sizeof TOKENS[0] };

/* All sequences as words, second texts in brackets, a line each. */
static void write_sequences(const el_features *f, char *text, size_t room)
{
    text[0] = '\0';
    for (size_t s = 0; s < f->n; s++) {
        uint32_t ids[64];
        const el_sequence sequence = el_features_sequence(f, s, ids);
        for (size_t i = 0; i < sequence.length; i++) {
            snprintf(text + strlen(text), room - strlen(text), i < sequence.first_length ? "%s " : "(%s) ",
                     TOKENS[sequence.ids[i]]);
        }
        snprintf(text + strlen(text), room - strlen(text), "\n");
    }
}

static void expect(el_source source, const char *file, el_features_settings settings, const char *wanted)
{
    electra_tokenizer *tokenizer = NULL;
    el_examples *examples = NULL;
    el_features *f = NULL;
    electra_error err = {0};
    char text[2000];
    assert_int_equal(electra_tokenizer_create(&tokenizer, TOKENS, V, NULL, NULL), ELECTRA_OK);
    assert_int_equal(el_examples_parse(&examples, &source, file, strlen(file), "file", NULL, NULL, &err), ELECTRA_OK);
    assert_int_equal(el_features_create(&f, examples, tokenizer, &settings, &err), ELECTRA_OK);
    write_sequences(f, text, sizeof text);
    assert_string_equal(text, wanted);
    el_features_free(f);
    el_examples_free(examples);
    electra_tokenizer_free(tokenizer);
}

static el_source pairs(void)
{
    el_source source = el_source_default(EL_SOURCE_TSV, EL_TASK_CLASSIFY);
    source.pair = "pair";
    return source;
}

static void pairs_are_cut_as_the_rule_says(void **state)
{
    (void)state;
    static const char FILE[] = "text\tpair\tlabel\na b c d\tk l m n\tx\na b c\tk\ty\na b c d\tk l\tx\n";
    el_features_settings settings = {.max_length = 8, .train = true};
    expect(pairs(), FILE, settings,
           "[CLS] a b [SEP] (k) (l) (m) ([SEP]) \n[CLS] a b c [SEP] (k) ([SEP]) \n[CLS] a b c [SEP] (k) (l) ([SEP]) \n");
    settings.google = true; /* of texts of one length the second one is cut */
    expect(pairs(), FILE, settings,
           "[CLS] a b c [SEP] (k) (l) ([SEP]) \n[CLS] a b c [SEP] (k) ([SEP]) \n[CLS] a b c [SEP] (k) (l) ([SEP]) \n");
}

static void a_pair_without_a_second_text(void **state)
{
    (void)state;
    static const char FILE[] = "text\tpair\tlabel\na b\t\tx\nc\tk\ty\n";
    el_features_settings settings = {.max_length = 8, .train = true};
    expect(pairs(), FILE, settings, "[CLS] a b [SEP] ([SEP]) \n[CLS] c [SEP] (k) ([SEP]) \n");
    settings.google = true; /* a single text */
    expect(pairs(), FILE, settings, "[CLS] a b [SEP] \n[CLS] c [SEP] (k) ([SEP]) \n");
    settings.one_segment = true;
    expect(pairs(), FILE, settings, "[CLS] a b [SEP] \n[CLS] c [SEP] k [SEP] \n");
}

static void only_pairs_come_in_both_orders(void **state)
{
    (void)state;
    const el_features_settings settings = {.max_length = 8, .train = true, .both_orders = true};
    expect(pairs(), "text\tpair\tlabel\na\tk\tx\nb\tl\ty\n", settings,
           "[CLS] a [SEP] (k) ([SEP]) \n[CLS] b [SEP] (l) ([SEP]) \n[CLS] k [SEP] (a) ([SEP]) \n[CLS] l [SEP] (b) ([SEP]) \n");
    expect(el_source_default(EL_SOURCE_CONLL, EL_TASK_TAG), "a X\nb Y\n", settings, "[CLS] a b [SEP] \n");
    expect(el_source_default(EL_SOURCE_TSV, EL_TASK_CLASSIFY), "text\tlabel\na\tx\nb\ty\n", settings,
           "[CLS] a [SEP] \n[CLS] b [SEP] \n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pairs_are_cut_as_the_rule_says),
        cmocka_unit_test(a_pair_without_a_second_text),
        cmocka_unit_test(only_pairs_come_in_both_orders),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
