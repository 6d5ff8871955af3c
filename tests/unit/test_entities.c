/* Labelled tokens to entities: strategies, prefixes, ignored labels, windows that overlap. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "infer/entities.h"

enum { O, B_PER, I_PER, LOC, N_LABELS };
static const char *const LABELS[] = {"O", "B-PER", "I-PER", "LOC"};
static const bool WITHOUT_O[] = {true, false, false, false};
static const bool WITH_ALL[N_LABELS] = {false};

/* A token with probability p of one label, the rest shared by the others. */
typedef struct given {
    const char *piece;
    uint32_t start, end;
    int label;
    float p;
} given;

static void add(el_entities *e, const given *tokens, size_t n, float scores[][N_LABELS])
{
    for (size_t i = 0; i < n; i++) {
        for (int label = 0; label < N_LABELS; label++) {
            scores[i][label] = label == tokens[i].label ? tokens[i].p : (1 - tokens[i].p) / (N_LABELS - 1);
        }
        const el_tag_token token = {.piece = {tokens[i].piece, strlen(tokens[i].piece)},
                                    .span = {tokens[i].start, tokens[i].end},
                                    .index = i + 1,
                                    .continues = strlen(tokens[i].piece) != tokens[i].end - tokens[i].start,
                                    .scores = scores[i]};
        assert_int_equal(el_entities_add_token(e, &token, NULL), ELECTRA_OK);
    }
}

typedef struct wanted {
    int label;
    double score;
    uint32_t start, end;
    const char *word;
} wanted;

static void check(const el_entities *e, const wanted *expected, size_t n)
{
    assert_int_equal(e->found.n, n);
    const el_entity *found = e->found.items;
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(found[i].label, expected[i].label);
        assert_true(fabs(found[i].score - expected[i].score) < 1e-6);
        assert_int_equal(found[i].span.start, expected[i].start);
        assert_int_equal(found[i].span.end, expected[i].end);
        assert_int_equal(found[i].word_bytes, strlen(expected[i].word));
        assert_memory_equal(e->words.text + found[i].word, expected[i].word, found[i].word_bytes);
    }
}

/* "Anna Smith, Riverton": a person of two words, the second in pieces that disagree; a place. */
static const given TOKENS[] = {{"anna", 0, 4, B_PER, 0.9F}, {"sm", 5, 7, I_PER, 0.5F},    {"##ith", 7, 10, LOC, 0.7F},
                               {",", 10, 11, O, 0.8F},      {"river", 12, 17, LOC, 0.6F}, {"##ton", 17, 20, O, 0.4F}};
enum { N_TOKENS = sizeof TOKENS / sizeof *TOKENS };

static el_entities *join(electra_aggregation aggregation, const bool *ignored)
{
    static float scores[N_TOKENS][N_LABELS];
    el_entities *e = NULL;
    assert_int_equal(el_entities_create(&e, NULL), ELECTRA_OK);
    el_entities_begin(e);
    add(e, TOKENS, N_TOKENS, scores);
    const el_tag_scheme scheme = {LABELS, ignored, N_LABELS, aggregation};
    assert_int_equal(el_entities_end_window(e, &scheme, NULL), ELECTRA_OK);
    return e;
}

static void each_strategy_follows_its_rule(void **state)
{
    (void)state;
    const double f = 0.9F;
    const double third = (1 - 0.7) / 3;
    static const wanted TOKENWISE[] = {{B_PER, 0.9F, 0, 4, "anna"},
                                       {I_PER, 0.5F, 5, 7, "sm"},
                                       {LOC, 0.7F, 7, 10, "##ith"},
                                       {LOC, 0.6F, 12, 17, "river"}};
    el_entities *e = join(ELECTRA_TOKENS, WITHOUT_O);
    check(e, TOKENWISE, 4);
    el_entities_free(e);
    /* neighbours of one tag are joined, a word may be split */
    const wanted simple[] = {
        {B_PER, (f + 0.5) / 2, 0, 7, "anna sm"}, {LOC, 0.7F, 7, 10, "##ith"}, {LOC, 0.6F, 12, 17, "river"}};
    e = join(ELECTRA_GROUP_TOKENS, WITHOUT_O);
    check(e, simple, 3);
    el_entities_free(e);
    const wanted first[] = {{B_PER, (f + 0.5) / 2, 0, 10, "anna smith"}, {LOC, 0.6F, 12, 20, "riverton"}};
    e = join(ELECTRA_WORD_FIRST, WITHOUT_O);
    check(e, first, 2);
    el_entities_free(e);
    /* smith: LOC has (0.5/3 + 0.7) / 2, more than I-PER's (0.5 + 0.1) / 2 */
    const wanted average[] = {{B_PER, f, 0, 4, "anna"},
                              {LOC, (0.5 / 3 + 0.7) / 2, 5, 10, "smith"},
                              {LOC, (0.6F + 0.2) / 2, 12, 20, "riverton"}};
    e = join(ELECTRA_WORD_AVERAGE, WITHOUT_O);
    check(e, average, 3);
    el_entities_free(e);
    const wanted most[] = {{B_PER, f, 0, 4, "anna"}, {LOC, 0.7F, 5, 10, "smith"}, {LOC, 0.6F, 12, 20, "riverton"}};
    e = join(ELECTRA_WORD_MAX, WITHOUT_O);
    check(e, most, 3);
    el_entities_free(e);
    assert_true(third < 0.2);
}

/* "O" is left out only after neighbours were joined, so it always separates. */
static void labels_are_left_out_after_joining(void **state)
{
    (void)state;
    el_entities *e = join(ELECTRA_GROUP_TOKENS, WITH_ALL);
    assert_int_equal(e->found.n, 5);
    el_entities_free(e);
    assert_string_equal(el_entity_group_name("B-PER"), "PER");
    assert_string_equal(el_entity_group_name("LOC"), "LOC");
    assert_string_equal(el_entity_group_name("A-B-C"), "B-C");
}

static void a_new_beginning_is_a_new_entity(void **state)
{
    (void)state;
    static const given PEOPLE[] = {{"ann", 0, 3, B_PER, 0.9F},
                                   {"bob", 4, 7, B_PER, 0.9F},
                                   {"lee", 8, 11, I_PER, 0.9F},
                                   {"rome", 12, 16, LOC, 0.9F},
                                   {"kent", 17, 21, LOC, 0.9F}};
    static const wanted EXPECTED[] = {
        {B_PER, 0.9F, 0, 3, "ann"}, {B_PER, 0.9F, 4, 11, "bob lee"}, {LOC, 0.9F, 12, 21, "rome kent"}};
    float scores[5][N_LABELS];
    el_entities *e = NULL;
    assert_int_equal(el_entities_create(&e, NULL), ELECTRA_OK);
    el_entities_begin(e);
    add(e, PEOPLE, 5, scores);
    const el_tag_scheme scheme = {LABELS, WITHOUT_O, N_LABELS, ELECTRA_GROUP_TOKENS};
    assert_int_equal(el_entities_end_window(e, &scheme, NULL), ELECTRA_OK);
    check(e, EXPECTED, 3);
    el_entities_free(e);
}

static void of_two_windows_the_longer_entity_stays(void **state)
{
    (void)state;
    static const given FIRST[] = {{"new", 0, 3, LOC, 0.9F}, {"york", 4, 8, LOC, 0.9F}};
    static const given SECOND[] = {{"york", 4, 8, LOC, 0.9F}, {"city", 9, 13, LOC, 0.6F}, {"x", 14, 15, B_PER, 0.5F}};
    static const given THIRD[] = {{"x", 14, 15, I_PER, 0.7F}};
    /* "york city" is longer than "new york"; of the two x the one with the higher score */
    static const wanted EXPECTED[] = {{LOC, (0.9F + 0.6F) / 2, 4, 13, "york city"}, {I_PER, 0.7F, 14, 15, "x"}};
    float scores[3][3][N_LABELS];
    const el_tag_scheme scheme = {LABELS, WITHOUT_O, N_LABELS, ELECTRA_GROUP_TOKENS};
    el_entities *e = NULL;
    assert_int_equal(el_entities_create(&e, NULL), ELECTRA_OK);
    el_entities_begin(e);
    add(e, FIRST, 2, scores[0]);
    assert_int_equal(el_entities_end_window(e, &scheme, NULL), ELECTRA_OK);
    add(e, SECOND, 3, scores[1]);
    assert_int_equal(el_entities_end_window(e, &scheme, NULL), ELECTRA_OK);
    add(e, THIRD, 1, scores[2]);
    assert_int_equal(el_entities_end_window(e, &scheme, NULL), ELECTRA_OK);
    el_entities_end_text(e, 0);
    check(e, EXPECTED, 2);
    el_entities_end_text(e, 2); /* a text without entities */
    assert_int_equal(e->found.n, 2);
    el_entities_free(e);
    el_entities_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_strategy_follows_its_rule),
        cmocka_unit_test(labels_are_left_out_after_joining),
        cmocka_unit_test(a_new_beginning_is_a_new_entity),
        cmocka_unit_test(of_two_windows_the_longer_entity_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
