/* Owns rows with columns: what the cells of a row mean for each kind of task. */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tasks/read.h"

/* ---- one class
 * ------------------------------------------------------------------------------------------------------- */

/* [1] number of the row's label; *fine is false if the row was passed over. */
static electra_status one_label(el_reader *r, const el_row *row, const uint32_t **labels, bool *fine)
{
    uint32_t *label = el_read_take(r, 1, sizeof *label);
    if (!label) {
        return ELECTRA_NO_RESOURCE;
    }
    *labels = label;
    *label = EL_NO_LABEL;
    *fine = true;
    if (!r->source->label) {
        return ELECTRA_OK;
    }
    const electra_text name = el_read_trim(row->label);
    if (name.bytes == 0) {
        *fine = false;
        return el_read_skip(r, row->line, "the label is empty");
    }
    EL_TRY(el_read_label(r, name, "label", row->line, label));
    *fine = *label != EL_NO_LABEL;
    return ELECTRA_OK;
}

/* ---- labels that hold or not
 * ----------------------------------------------------------------------------------------- */

static electra_status gather(el_reader *r, electra_text name, uint32_t line, bool *fine)
{
    name = el_read_trim(name);
    if (name.bytes == 0) {
        return ELECTRA_OK;
    }
    uint32_t number;
    EL_TRY(el_read_label(r, name, "label", line, &number));
    if (number == EL_NO_LABEL) {
        *fine = false;
        return ELECTRA_OK;
    }
    uint32_t *place = el_read_room(r, &r->buffer, sizeof *place);
    if (!place) {
        return ELECTRA_NO_RESOURCE;
    }
    *place = number;
    r->buffer.n++;
    return ELECTRA_OK;
}

static electra_status gather_cell(el_reader *r, const el_row *row, bool *fine)
{
    const char *at = row->label.text, *end = at + row->label.bytes;
    while (at < end && *fine) {
        const char *comma = memchr(at, r->source->label_separator, (size_t)(end - at));
        const char *stop = comma ? comma : end;
        EL_TRY(gather(r, el_read_string(at, (size_t)(stop - at)), row->line, fine));
        at = comma ? comma + 1 : end;
    }
    return ELECTRA_OK;
}

static int ascending(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

/* A label may be said twice. Returns how many are left. */
static size_t without_repeats(uint32_t *out, uint32_t *labels, size_t n)
{
    size_t kept = 0;
    if (n > 0) {
        qsort(labels, n, sizeof *labels, ascending);
    }
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || labels[i] != labels[i - 1]) {
            out[kept++] = labels[i];
        }
    }
    return kept;
}

static bool is_one_of(electra_text text, const char *const *words)
{
    for (; *words; words++) {
        if (text.bytes == strlen(*words) && strncasecmp(text.text, *words, text.bytes) == 0) {
            return true;
        }
    }
    return false;
}

electra_status el_read_flag(el_reader *r, electra_text cell, const char *column, uint32_t line, bool *holds, bool *fine)
{
    static const char *const YES[] = {"1", "true", "yes", "1.0", NULL}, *const NO[] = {"0", "false", "no", "0.0", NULL};
    const electra_text word = el_read_trim(cell);
    *holds = is_one_of(word, YES);
    if (*holds || word.bytes == 0 || is_one_of(word, NO)) {
        return ELECTRA_OK;
    }
    *fine = false;
    const el_shown shown = el_read_shown(word);
    return el_read_skip(r, line, "'%s' in column %s is neither 0 nor 1", shown.text, column);
}

static electra_status many_labels(el_reader *r, const el_row *row, const uint32_t **labels, size_t *n, bool *fine)
{
    *fine = true;
    if (!el_read_has_labels(r->source)) {
        *n = 1;
        return one_label(r, row, labels, fine);
    }
    r->buffer.n = 0;
    if (row->labels) {
        for (size_t i = 0; i < row->n_labels && *fine; i++) {
            EL_TRY(gather(r, row->labels[i], row->line, fine));
        }
    } else if (row->label.bytes > 0) {
        EL_TRY(gather_cell(r, row, fine));
    }
    uint32_t *all = el_read_take(r, r->buffer.n, sizeof *all);
    if (!all) {
        return ELECTRA_NO_RESOURCE;
    }
    *n = without_repeats(all, r->buffer.items, r->buffer.n);
    *labels = all;
    return ELECTRA_OK;
}

/* ---- a number
 * -------------------------------------------------------------------------------------------------------- */

static bool parse_number(electra_text text, double *out)
{
    char copy[64];
    if (text.bytes == 0 || text.bytes >= sizeof copy || memchr(text.text, '\0', text.bytes)) {
        return false;
    }
    memcpy(copy, text.text, text.bytes);
    copy[text.bytes] = '\0';
    char *end;
    *out = strtod(copy, &end);
    return *end == '\0' && isfinite(*out);
}

bool el_read_is_number(electra_text text)
{
    double number;
    return parse_number(el_read_trim(text), &number);
}

static electra_status number(el_reader *r, const el_row *row, double *out, bool *fine)
{
    const el_source *source = r->source;
    *out = (double)NAN;
    *fine = true;
    if (!source->label) {
        return ELECTRA_OK;
    }
    const electra_text text = el_read_trim(row->label);
    const el_shown shown = el_read_shown(text);
    *fine = false;
    if (text.bytes == 0) {
        return el_read_skip(r, row->line, "the number is missing");
    }
    if (!parse_number(text, out)) {
        return el_read_skip(r, row->line, "'%s' is no number", shown.text);
    }
    if (fabs(*out) > (double)FLT_MAX) {
        return el_read_skip(r, row->line, "%s is beyond the numbers that can be learned (up to %.2g)", shown.text,
                            (double)FLT_MAX);
    }
    if ((source->least != 0 || source->most != 0) && (*out < source->least || *out > source->most)) {
        return el_read_skip(r, row->line, "%s is not within %g ... %g", shown.text, source->least, source->most);
    }
    *fine = true;
    return ELECTRA_OK;
}

/* ---- a choice
 * -------------------------------------------------------------------------------------------------------- */

/* Digits as a number; false if it is anything else. */
static bool whole_number(electra_text label, unsigned long long *out)
{
    char copy[16];
    if (label.bytes == 0 || label.bytes >= sizeof copy || label.text[0] < '0' || label.text[0] > '9') {
        return false;
    }
    memcpy(copy, label.text, label.bytes);
    copy[label.bytes] = '\0';
    char *end;
    *out = strtoull(copy, &end, 10);
    return *end == '\0';
}

/* From 0, or as a letter from A. */
static uint32_t choice_by_number(electra_text label, size_t n)
{
    unsigned long long index;
    if (whole_number(label, &index)) {
        return index < n ? (uint32_t)index : EL_NO_LABEL;
    }
    if (label.bytes == 1) {
        const char c = label.text[0];
        const size_t letter = c >= 'A' && c <= 'Z' ? (size_t)(c - 'A') : c >= 'a' && c <= 'z' ? (size_t)(c - 'a') : n;
        return letter < n ? (uint32_t)letter : EL_NO_LABEL;
    }
    return EL_NO_LABEL;
}

static uint32_t choice_by_words(electra_text label, const electra_text *choices, size_t n)
{
    for (size_t i = 0; i < n && label.bytes > 0; i++) {
        if (el_read_same(label, el_read_trim(choices[i]))) {
            return (uint32_t)i;
        }
    }
    return EL_NO_LABEL;
}

static uint32_t which_choice(el_reader *r, electra_text label, const el_row *row)
{
    const uint32_t number = choice_by_number(label, row->n_choices);
    const uint32_t words = choice_by_words(label, row->choices, row->n_choices);
    unsigned long long index;
    if (whole_number(label, &index)) {
        r->n_choice_0 += index == 0;
        r->n_choice_last += index == row->n_choices && words == EL_NO_LABEL;
    }
    if (number == EL_NO_LABEL) {
        return words;
    }
    if (words != EL_NO_LABEL && words != number) {
        const el_shown shown = el_read_shown(label);
        el_read_note(
            r, row->line,
            "'%s' is taken as the number of the choice (they count from 0, or from A), although another choice "
            "has these very words",
            shown.text);
    }
    return number;
}

/* A choice with what each begins with before it and a blank between. */
static electra_status begin_choice(el_reader *r, electra_text beginning, electra_text choice, electra_text *out)
{
    if (beginning.bytes == 0) {
        *out = choice;
        return ELECTRA_OK;
    }
    char *joined = el_read_take(r, beginning.bytes + choice.bytes + 1, 1);
    if (!joined) {
        return ELECTRA_NO_RESOURCE;
    }
    memcpy(joined, beginning.text, beginning.bytes);
    joined[beginning.bytes] = ' ';
    if (choice.bytes > 0) {
        memcpy(joined + beginning.bytes + 1, choice.text, choice.bytes);
    }
    *out = (electra_text){joined, beginning.bytes + choice.bytes + 1};
    return ELECTRA_OK;
}

static electra_status choices(el_reader *r, const el_row *row, el_example *example, bool *fine)
{
    *fine = false;
    if (row->n_choices < 2) {
        return el_read_skip(r, row->line, "%s to choose from",
                            row->n_choices ? "there is only one text" : "there is nothing");
    }
    electra_text *parts = el_read_take(r, row->n_choices, sizeof *parts);
    uint32_t *label = el_read_take(r, 1, sizeof *label);
    if (!parts || !label) {
        return ELECTRA_NO_RESOURCE;
    }
    *label = EL_NO_LABEL;
    if (r->source->label) {
        const electra_text name = el_read_trim(row->label);
        *label = which_choice(r, name, row);
        if (*label == EL_NO_LABEL) {
            const el_shown shown = el_read_shown(name);
            return el_read_skip(r, row->line,
                                "'%s' is none of the %zu choices (they count from 0, or from A, or are named "
                                "in their own words)",
                                shown.text, row->n_choices);
        }
    }
    for (size_t i = 0; i < row->n_choices; i++) {
        electra_text choice;
        EL_TRY(el_read_text(r, row->choices[i], row->line, &choice));
        EL_TRY(begin_choice(r, example->pair, choice, &parts[i]));
    }
    example->pair = (electra_text){0};
    example->parts = parts;
    example->n_parts = row->n_choices;
    example->labels = label;
    example->n_labels = 1;
    *fine = true;
    return ELECTRA_OK;
}

/* ---- the row
 * --------------------------------------------------------------------------------------------------------- */

electra_status el_read_row(el_reader *r, const el_row *row)
{
    el_example example = {.group = EL_OWN_GROUP};
    bool fine = true;
    EL_TRY(el_read_text(r, row->text, row->line, &example.text));
    EL_TRY(el_read_text(r, row->pair, row->line, &example.pair));
    EL_TRY(el_read_text(r, row->id, row->line, &example.id));
    switch (r->source->kind) {
    case EL_TASK_CLASSIFY:
        example.n_labels = 1;
        EL_TRY(one_label(r, row, &example.labels, &fine));
        break;
    case EL_TASK_MULTILABEL: EL_TRY(many_labels(r, row, &example.labels, &example.n_labels, &fine)); break;
    case EL_TASK_REGRESS: EL_TRY(number(r, row, &example.number, &fine)); break;
    case EL_TASK_CHOICE: EL_TRY(choices(r, row, &example, &fine)); break;
    case EL_TASK_TAG:
    case EL_TASK_ANSWER: break; /* their readers add them themselves */
    }
    return fine ? el_read_add(r, &example, row->line) : ELECTRA_OK;
}
