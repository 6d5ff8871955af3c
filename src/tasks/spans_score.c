#include "tasks/spans_score.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/status.h"
#include "text/strings.h"
#include "text/utf8.h"

/* ---- where spans begin and end ----------------------------------------------------------------------------------- */

typedef enum tag { TAG_O, TAG_B, TAG_I, TAG_E, TAG_S, TAG_DOT, TAG_BRACKET, TAG_OTHER, N_TAGS } tag;

enum {
    O = 1 << TAG_O,
    B = 1 << TAG_B,
    I = 1 << TAG_I,
    E = 1 << TAG_E,
    S = 1 << TAG_S,
    BRACKET = 1 << TAG_BRACKET,
    ANY = (1 << N_TAGS) - 1
};

/* Between a word and the next: the tags of the next before which a span ends, and at which one begins, of equal types.
 */
typedef struct seam {
    unsigned ends, begins;
} seam;

static const seam SEAMS[2][N_TAGS] = {
    [EL_SPANS_SEQEVAL] = {[TAG_O] = {0, B | S | I | E},
                          [TAG_B] = {B | S | O, B | S},
                          [TAG_I] = {B | S | O, B | S},
                          [TAG_E] = {ANY, B | S | I | E},
                          [TAG_S] = {ANY, B | S | I | E},
                          [TAG_DOT] = {0, B | S},
                          [TAG_OTHER] = {0, B | S}},
    [EL_SPANS_CONLLEVAL] = {[TAG_O] = {0, B | I | E | BRACKET},
                            [TAG_B] = {B | O, B | BRACKET},
                            [TAG_I] = {B | O, B | BRACKET},
                            [TAG_E] = {E | I | O, E | I | BRACKET},
                            [TAG_S] = {0, BRACKET},
                            [TAG_DOT] = {0, BRACKET},
                            [TAG_BRACKET] = {ANY, BRACKET},
                            [TAG_OTHER] = {0, BRACKET}},
};

/* A label taken apart. */
typedef struct mark {
    tag tag;
    size_t type; /* number in the set of types */
} mark;

static bool outside(tag t)
{
    return t == TAG_O || t == TAG_DOT;
}

static bool ends(el_span_rules rules, mark last, mark next)
{
    return (SEAMS[rules][last.tag].ends >> next.tag & 1) || (!outside(last.tag) && last.type != next.type);
}

static bool begins(el_span_rules rules, mark last, mark next)
{
    return (SEAMS[rules][last.tag].begins >> next.tag & 1) || (!outside(next.tag) && last.type != next.type);
}

/* ---- labels ---------------------------------------------------------------------------------------------------- */

static tag tag_of(el_span_rules rules, const char *text, size_t bytes)
{
    static const char LETTERS[] = "OBIES.";
    const char *letter = bytes == 1 ? memchr(LETTERS, text[0], sizeof LETTERS - 1) : NULL;
    if (letter) {
        return (tag)(letter - LETTERS);
    }
    const bool bracket = rules == EL_SPANS_CONLLEVAL && bytes == 1 && (text[0] == '[' || text[0] == ']');
    return bracket ? TAG_BRACKET : TAG_OTHER;
}

/* A label as it counts. */
static const char *written(const char *label)
{
    return *label ? label : "O";
}

/* false when out of memory */
static bool read_label(el_strings *types, el_span_rules rules, const char *label, mark *out)
{
    size_t bytes;
    const char *type;
    if (rules == EL_SPANS_SEQEVAL) {
        const uint8_t *after = (const uint8_t *)label;
        (void)el_utf8_next(&after, after + strlen(label));
        bytes = (size_t)(after - (const uint8_t *)label);
        /* behind the first dash, if there is one */
        const char *dash = strchr(label + bytes, '-');
        type = dash ? dash + 1 : label + bytes;
        type = *type ? type : "_";
    } else {
        const char *dash = strchr(label, '-');
        bytes = dash ? (size_t)(dash - label) : strlen(label);
        type = dash ? dash + 1 : "";
        type = strcmp(type, "0") == 0 ? "" : type; /* to Perl it is false, as if there were no type */
    }
    *out = (mark){tag_of(rules, label, bytes), el_strings_add(types, type, strlen(type))};
    return out->type != EL_STRINGS_FULL;
}

/* ---- counting ---------------------------------------------------------------------------------------------------- */

/* What is known of the gold labels, and of the predicted ones. */
typedef struct side {
    mark last;
    uint64_t begin; /* word at which a span last began */
} side;

struct el_span_scorer {
    el_span_rules rules;
    el_strings types;
    el_span_count *counts; /* [capacity] for each type its gold, predicted, right */
    el_span_count *found;  /* [capacity] those that finish() hands out */
    size_t capacity;
    side gold, predicted;
    bool agree;   /* conlleval: the spans that are open began together */
    uint64_t now; /* words and sentence ends so far */
    uint64_t n_words, n_right_words;
};

electra_status el_span_scorer_create(el_span_scorer **out, el_span_rules rules, electra_error *err)
{
    el_span_scorer *s = el_alloc(1, sizeof *s);
    /* before the first word: outside, of no type */
    if (!s || el_strings_add(&s->types, "", 0) == EL_STRINGS_FULL) {
        el_span_scorer_free(s);
        return el_fail_memory(err, "the counts of spans", sizeof *s);
    }
    s->rules = rules;
    *out = s;
    return ELECTRA_OK;
}

void el_span_scorer_free(el_span_scorer *s)
{
    if (!s) {
        return;
    }
    el_strings_clear(&s->types);
    el_free(s->counts);
    el_free(s->found);
    el_free(s);
}

static bool grow_counts(el_span_scorer *s)
{
    if (s->types.n <= s->capacity) {
        return true;
    }
    const size_t grown = 2 * s->types.n;
    el_span_count *counts = el_realloc(s->counts, s->capacity, grown, sizeof *counts);
    if (!counts) {
        return false;
    }
    memset(counts + s->capacity, 0, (grown - s->capacity) * sizeof *counts);
    s->counts = counts;
    el_span_count *found = el_realloc(s->found, s->capacity, grown, sizeof *found);
    if (!found) {
        return false;
    }
    s->found = found;
    s->capacity = grown;
    return true;
}

/* seqeval lists the spans of each side as (type, begin, end) and compares the lists; at most one ends at each word. */
static void count_at_ends(el_span_scorer *s, mark gold, mark predicted)
{
    const bool gold_ends = ends(s->rules, s->gold.last, gold);
    const bool predicted_ends = ends(s->rules, s->predicted.last, predicted);
    s->counts[s->gold.last.type].gold += gold_ends;
    s->counts[s->predicted.last.type].predicted += predicted_ends;
    s->counts[s->gold.last.type].right += gold_ends && predicted_ends && s->gold.last.type == s->predicted.last.type &&
                                          s->gold.begin == s->predicted.begin;
}

/* conlleval counts spans where they begin, and follows a pair of them for as long as they agree. */
static void count_at_beginnings(el_span_scorer *s, mark gold, mark predicted)
{
    if (s->agree) {
        const bool gold_ends = ends(s->rules, s->gold.last, gold);
        const bool predicted_ends = ends(s->rules, s->predicted.last, predicted);
        if (gold_ends && predicted_ends && s->gold.last.type == s->predicted.last.type) {
            s->counts[s->gold.last.type].right++;
            s->agree = false;
        } else if (gold_ends != predicted_ends || gold.type != predicted.type) {
            s->agree = false;
        }
    }
    const bool gold_begins = begins(s->rules, s->gold.last, gold);
    const bool predicted_begins = begins(s->rules, s->predicted.last, predicted);
    s->agree = s->agree || (gold_begins && predicted_begins && gold.type == predicted.type);
    s->counts[gold.type].gold += gold_begins;
    s->counts[predicted.type].predicted += predicted_begins;
}

static void go_on(const el_span_scorer *s, side *of, mark next)
{
    if (begins(s->rules, of->last, next)) {
        of->begin = s->now;
    }
    of->last = next;
}

static electra_status step(el_span_scorer *s, const char *gold_label, const char *predicted_label, electra_error *err)
{
    mark gold, predicted;
    if (!read_label(&s->types, s->rules, gold_label, &gold) ||
        !read_label(&s->types, s->rules, predicted_label, &predicted) || !grow_counts(s)) {
        return el_fail_memory(err, "the counts of spans", 2 * s->types.n * sizeof *s->counts);
    }
    if (s->rules == EL_SPANS_SEQEVAL) {
        count_at_ends(s, gold, predicted);
    } else {
        count_at_beginnings(s, gold, predicted);
    }
    go_on(s, &s->gold, gold);
    go_on(s, &s->predicted, predicted);
    s->now++;
    return ELECTRA_OK;
}

electra_status el_span_scorer_add(el_span_scorer *s, const char *const *gold, const char *const *predicted, size_t n,
                                  electra_error *err)
{
    for (size_t i = 0; i < n; i++) {
        const bool told = gold[i] != NULL;
        const char *right = told ? written(gold[i]) : "O", *said = told ? written(predicted[i]) : "O";
        EL_TRY(step(s, right, said, err));
        s->n_words += told;
        s->n_right_words += told && strcmp(right, said) == 0;
    }
    return step(s, "O", "O", err); /* no span goes on beyond the sentence */
}

/* ---- the numbers ------------------------------------------------------------------------------------------------- */

static int by_name(const void *a, const void *b)
{
    return strcmp(((const el_span_count *)a)->type, ((const el_span_count *)b)->type);
}

electra_status el_span_scorer_finish(el_span_scorer *s, el_span_scores *out, electra_error *err)
{
    *out = (el_span_scores){.n_words = s->n_words, .n_right_words = s->n_right_words};
    if (!grow_counts(s)) {
        return el_fail_memory(err, "the counts of spans", 2 * s->types.n * sizeof *s->counts);
    }
    for (size_t i = 0; i < s->types.n; i++) {
        el_span_count count = s->counts[i];
        if (count.gold == 0 && count.predicted == 0) {
            continue;
        }
        count.type = el_strings_text(&s->types, i);
        count.score = el_score_of(count.right, count.predicted, count.gold);
        s->found[out->n_types++] = count;
        out->all.gold += count.gold;
        out->all.predicted += count.predicted;
        out->all.right += count.right;
        out->macro.precision += count.score.precision;
        out->macro.recall += count.score.recall;
        out->macro.f1 += count.score.f1;
    }
    qsort(s->found, out->n_types, sizeof *s->found, by_name);
    out->types = s->found;
    const double n_types = out->n_types ? (double)out->n_types : 1;
    out->macro = (el_score){out->macro.precision / n_types, out->macro.recall / n_types, out->macro.f1 / n_types};
    out->all.score = el_score_of(out->all.right, out->all.predicted, out->all.gold);
    out->accuracy = s->n_words ? (double)s->n_right_words / (double)s->n_words : NAN;
    return ELECTRA_OK;
}
