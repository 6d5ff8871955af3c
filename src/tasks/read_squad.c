/* Owns questions about contexts: SQuAD's articles, MRQA's lines, and where answers stand. */
#include <string.h>
#include <strings.h>

#include "base/json.h"
#include "base/mem.h"
#include "tasks/read_json.h"
#include "text/utf8.h"

/* ---- contexts
 * ------------------------------------------------------------------------------------------------------------ */

electra_status el_read_context(el_reader *r, const json_t *context)
{
    const electra_text text = {json_string_value(context), json_string_length(context)};
    if (r->context.text && el_read_same(text, r->context)) {
        return ELECTRA_OK;
    }
    if (!r->group_is_fixed) {
        r->group++;
    }
    EL_TRY(el_read_copy(r, text, &r->context));
    const uint8_t *p = (const uint8_t *)text.text;
    r->context_length = el_utf8_count(p, p + text.bytes);
    return ELECTRA_OK;
}

void el_read_group(el_reader *r)
{
    r->group_is_fixed = true;
    r->group++;
}

/* Code points of the first bytes of the context. */
static size_t code_points(const el_reader *r, const char *from, const char *to)
{
    const bool ascii = r->context_length == r->context.bytes;
    return ascii ? (size_t)(to - from) : el_utf8_count((const uint8_t *)from, (const uint8_t *)to);
}

/* Where a code point of the context begins; NULL beyond the end. */
static const char *byte_of(const el_reader *r, size_t point)
{
    const uint8_t *p = (const uint8_t *)r->context.text, *end = p + r->context.bytes;
    if (point > r->context_length) {
        return NULL;
    }
    if (r->context_length == r->context.bytes) {
        return r->context.text + point;
    }
    for (; point > 0; point--) {
        (void)el_utf8_next(&p, end);
    }
    return (const char *)p;
}

static bool stands_at(const el_reader *r, electra_text text, size_t point)
{
    const char *at = byte_of(r, point);
    const char *end = r->context.text + r->context.bytes;
    return at && (size_t)(end - at) >= text.bytes && memcmp(at, text.text, text.bytes) == 0;
}

/* The code point nearest to `point` at which the text stands; EL_NO_PLACE if it does not. */
static uint32_t nearest(const el_reader *r, electra_text text, size_t point)
{
    const char *at = r->context.text, *end = at + r->context.bytes;
    size_t here = 0;
    uint32_t best = EL_NO_PLACE;
    for (;;) {
        const char *found = memmem(at, (size_t)(end - at), text.text, text.bytes);
        if (!found) {
            return best;
        }
        here += code_points(r, at, found);
        if (best == EL_NO_PLACE || here <= point || here - point < point - best) {
            best = (uint32_t)here;
        }
        if (here >= point) {
            return best;
        }
        at = found + 1; /* behind its first byte; characters are counted from there */
        here += 1;
        while (at < end && ((uint8_t)*at & 0xC0u) == 0x80u) {
            at++;
        }
    }
}

/* ---- answers
 * ----------------------------------------------------------------------------------------------------------- */

/* Where an answer stands that is said to stand at a code point (NULL: not said). */
static uint32_t place_of(el_reader *r, electra_text text, const json_t *said, uint32_t line)
{
    const bool told = json_is_integer(said) && json_integer_value(said) >= 0;
    const size_t point = told ? (size_t)json_integer_value(said) : 0;
    if (told && point < EL_NO_PLACE && stands_at(r, text, point)) {
        return (uint32_t)point;
    }
    const uint32_t place = nearest(r, text, point);
    const el_shown shown = el_read_shown(text);
    if (place == EL_NO_PLACE) {
        el_read_note(r, line, "the answer '%s' does not stand in the context in these very words; the row is kept",
                     shown.text);
        return told && point < r->context_length ? (uint32_t)point : EL_NO_PLACE;
    }
    if (told) {
        el_read_note(r, line, "the answer '%s' does not stand at %zu, but at %u, which is used", shown.text, point,
                     (unsigned)place);
    }
    return place;
}

static electra_status add_answer(el_reader *r, electra_text text, uint32_t place)
{
    el_gold_answer *room = el_read_room(r, &r->answers, sizeof *room);
    if (!room) {
        return ELECTRA_NO_RESOURCE;
    }
    *room = (el_gold_answer){text, place};
    r->answers.n++;
    return ELECTRA_OK;
}

static electra_status take_answer(el_reader *r, const json_t *text, const json_t *start, uint32_t line)
{
    if (!json_is_string(text) || json_string_length(text) == 0) {
        el_read_note(r, line, "an answer without a text is left out");
        return ELECTRA_OK;
    }
    electra_text copy;
    EL_TRY(el_read_copy(r, el_read_string(json_string_value(text), json_string_length(text)), &copy));
    return add_answer(r, copy, place_of(r, copy, start, line));
}

/* See el_read_question for the forms. */
static electra_status take_answers(el_reader *r, const json_t *answers, uint32_t line)
{
    if (json_is_string(answers)) {
        return take_answer(r, answers, NULL, line);
    }
    if (json_is_object(answers)) {
        const json_t *texts = json_object_get(answers, "text"), *starts = json_object_get(answers, "answer_start");
        if (!json_is_array(texts)) {
            return take_answer(r, texts, starts, line);
        }
        for (size_t i = 0; i < json_array_size(texts); i++) {
            EL_TRY(take_answer(r, json_array_get(texts, i), json_array_get(starts, i), line));
        }
    }
    for (size_t i = 0; i < json_array_size(answers); i++) {
        const json_t *one = json_array_get(answers, i);
        if (json_is_object(one)) {
            EL_TRY(take_answer(r, json_object_get(one, "text"), json_object_get(one, "answer_start"), line));
        } else {
            EL_TRY(take_answer(r, one, NULL, line));
        }
    }
    return ELECTRA_OK;
}

/* ---- questions
 * --------------------------------------------------------------------------------------------------------- */

/* The first answer that stands in the context is that of training, so it goes to the front. */
static void put_placed_first(el_gold_answer *answers, size_t n)
{
    size_t i = 0;
    while (i < n && answers[i].start == EL_NO_PLACE) {
        i++;
    }
    if (i > 0 && i < n) {
        const el_gold_answer placed = answers[i];
        memmove(answers + 1, answers, i * sizeof *answers);
        answers[0] = placed;
    }
}

/* The question with the answers that were gathered. */
static electra_status add_question(el_reader *r, const json_t *question, const json_t *id, bool impossible,
                                   uint32_t line)
{
    el_example example = {.pair = r->context, .impossible = impossible, .group = r->group, .n_answers = r->answers.n};
    bool there;
    EL_TRY(el_read_value(r, question, &example.text, &there));
    EL_TRY(el_read_value(r, id, &example.id, &there));
    if (r->answers.n > 0) {
        el_gold_answer *answers = el_read_take(r, r->answers.n, sizeof *answers);
        if (!answers) {
            return ELECTRA_NO_RESOURCE;
        }
        memcpy(answers, r->answers.items, r->answers.n * sizeof *answers);
        put_placed_first(answers, r->answers.n);
        example.answers = answers;
    }
    return el_read_add(r, &example, line);
}

electra_status el_read_question(el_reader *r, const json_t *question, const json_t *id, const json_t *answers,
                                const json_t *impossible, uint32_t line)
{
    r->answers.n = 0;
    if (!json_is_string(question)) {
        return el_read_skip(r, line, "the question has no text");
    }
    const bool none = json_is_true(impossible);
    if (answers && !json_is_null(answers)) {
        EL_TRY(take_answers(r, answers, line));
        if (none && r->answers.n > 0) {
            el_read_note(r, line, "the question is said to be impossible, but has answers, which are left out");
            r->answers.n = 0;
        } else if (json_is_false(impossible) && r->answers.n == 0) {
            return el_read_skip(r, line, "the question is said to be possible, but has no answer");
        }
    }
    const bool told = (answers && !json_is_null(answers)) || none;
    return add_question(r, question, id, told && r->answers.n == 0, line);
}

/* ---- SQuAD
 * ------------------------------------------------------------------------------------------------------------- */

static electra_status read_paragraph(el_reader *r, const json_t *paragraph, uint32_t *number)
{
    const json_t *context = json_object_get(paragraph, "context"), *questions = json_object_get(paragraph, "qas");
    if (!json_is_string(context) || !json_is_array(questions)) {
        return el_read_skip(r, ++*number, "a paragraph has no \"context\" or no \"qas\"");
    }
    EL_TRY(el_read_context(r, context));
    for (size_t i = 0; i < json_array_size(questions); i++) {
        const json_t *q = json_array_get(questions, i);
        EL_TRY(el_read_question(r, json_object_get(q, "question"), json_object_get(q, "id"),
                                json_object_get(q, "answers"), json_object_get(q, "is_impossible"), ++*number));
    }
    return ELECTRA_OK;
}

static electra_status read_article(el_reader *r, const json_t *article, uint32_t *number)
{
    const json_t *paragraphs = json_object_get(article, "paragraphs"), *context = json_object_get(article, "context");
    if (json_is_array(paragraphs)) {
        el_read_group(r);
        for (size_t i = 0; i < json_array_size(paragraphs); i++) {
            EL_TRY(read_paragraph(r, json_array_get(paragraphs, i), number));
        }
        return ELECTRA_OK;
    }
    if (!json_is_string(context)) {
        return el_read_skip(r, ++*number, "neither an article with \"paragraphs\" nor a question with a \"context\"");
    }
    r->group_is_fixed = false;
    EL_TRY(el_read_context(r, context));
    return el_read_question(r, json_object_get(article, "question"), json_object_get(article, "id"),
                            json_object_get(article, "answers"), json_object_get(article, "is_impossible"), ++*number);
}

static electra_status read_articles(el_reader *r, const json_t *root)
{
    const json_t *articles = json_is_array(root) ? root : json_object_get(root, "data");
    if (!json_is_array(articles)) {
        return el_fail(r->err, ELECTRA_INVALID, r->path, "%s has no list \"data\", as files in the form of SQuAD have",
                       r->path);
    }
    uint32_t number = 0;
    for (size_t i = 0; i < json_array_size(articles); i++) {
        EL_TRY(read_article(r, json_array_get(articles, i), &number));
    }
    return ELECTRA_OK;
}

electra_status el_read_squad(el_reader *r, const char *data, size_t bytes)
{
    electra_text text = {data, bytes};
    char *copy;
    EL_TRY(el_read_repair(r, &text, &copy));
    json_t *root = NULL;
    electra_status status = el_json_parse(&root, text.text, text.bytes, r->path, r->err);
    if (status == ELECTRA_OK) {
        status = read_articles(r, root);
    }
    json_decref(root);
    el_free(copy);
    return status;
}

/* ---- MRQA
 * -------------------------------------------------------------------------------------------------------------- */

/* The first detected answer and its first place, which training uses. Texts of detected answers are those of the
 * context but for blanks and case, so the context's own words are taken. *found is false if there is none. */
static electra_status detected(el_reader *r, const json_t *q, uint32_t line, el_gold_answer *out, bool *found)
{
    const json_t *first = json_array_get(json_object_get(q, "detected_answers"), 0);
    const json_t *span = json_array_get(json_object_get(first, "char_spans"), 0);
    const json_t *start = json_array_get(span, 0), *last = json_array_get(span, 1);
    *found = false;
    if (!first) {
        return ELECTRA_OK;
    }
    const bool numbers = json_is_integer(start) && json_is_integer(last);
    const json_int_t from = json_integer_value(start), to = json_integer_value(last);
    if (!numbers || from < 0 || to < from || (uint64_t)to >= r->context_length) {
        el_read_note(r, line,
                     "the first detected answer is not within the context; the row is kept for scoring, nothing "
                     "can be learned from it");
        return ELECTRA_OK;
    }
    const char *begin = byte_of(r, (size_t)from), *end = byte_of(r, (size_t)to + 1);
    *out = (el_gold_answer){{begin, (size_t)(end - begin)}, (uint32_t)from};
    *found = true;
    return ELECTRA_OK;
}

static bool same_but_for_case(electra_text a, electra_text b)
{
    return a.bytes == b.bytes && strncasecmp(a.text, b.text, a.bytes) == 0;
}

/* All accepted answers; that which stands in the context goes first. Its own words are what is accepted, so adding them
 * changes no score unless the file contradicts itself. */
static electra_status read_mrqa_question(el_reader *r, const json_t *q, uint32_t line)
{
    const json_t *id = json_object_get(q, "qid"), *answers = json_object_get(q, "answers");
    el_gold_answer target;
    bool found;
    if (!json_is_string(json_object_get(q, "question"))) {
        return el_read_skip(r, line, "a question has no text");
    }
    r->answers.n = 0;
    EL_TRY(detected(r, q, line, &target, &found));
    if (found) {
        EL_TRY(add_answer(r, target.text, target.start));
    }
    for (size_t i = 0; i < json_array_size(answers); i++) {
        electra_text text;
        bool there;
        EL_TRY(el_read_value(r, json_array_get(answers, i), &text, &there));
        if (there && text.bytes > 0 && !(found && same_but_for_case(text, target.text))) {
            EL_TRY(add_answer(r, text, EL_NO_PLACE));
        }
    }
    return add_question(r, json_object_get(q, "question"), id ? id : json_object_get(q, "id"), false, line);
}

static electra_status read_mrqa_line(el_reader *r, const json_t *object, uint32_t line)
{
    const json_t *context = json_object_get(object, "context"), *questions = json_object_get(object, "qas");
    if (json_object_get(object, "header") && !context) {
        return ELECTRA_OK;
    }
    if (!json_is_string(context) || !json_is_array(questions)) {
        return el_read_lacks_member(r, line, json_is_string(context) ? "qas" : "context", object);
    }
    el_read_group(r);
    EL_TRY(el_read_context(r, context));
    for (size_t i = 0; i < json_array_size(questions); i++) {
        EL_TRY(read_mrqa_question(r, json_array_get(questions, i), line));
    }
    return ELECTRA_OK;
}

electra_status el_read_mrqa(el_reader *r, const char *data, size_t bytes)
{
    const char *at = data, *end = data + bytes;
    electra_text line;
    for (uint32_t number = 1; el_read_line(&at, end, &line); number++) {
        json_t *object;
        EL_TRY(el_read_object(r, line, number, &object));
        if (object) {
            const electra_status status = read_mrqa_line(r, object, number);
            json_decref(object);
            EL_TRY(status);
        }
    }
    return ELECTRA_OK;
}
