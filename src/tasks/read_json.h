/* What the readers of JSON share: rows as objects, and questions about a context. */
#ifndef EL_TASKS_READ_JSON_H
#define EL_TASKS_READ_JSON_H

#include <jansson.h>

#include "tasks/read.h"

/* A line of JSON lines; *out is NULL for a blank line and for one that was passed over because it is no object. */
electra_status el_read_object(el_reader *r, electra_text line, uint32_t number, json_t **out);

/* Let *out be a copy of a string, or a number or truth value written out. *there is false for null, for NULL and for a
 * list or an object, which hold no text. */
electra_status el_read_value(el_reader *r, const json_t *value, electra_text *out, bool *there);

/* A row lacks a member that is asked for: passes over it. */
electra_status el_read_lacks_member(el_reader *r, uint32_t line, const char *member, const json_t *object);

/* Questions from now on are about this context. Contexts that are the same, one after another, are one group unless
 * el_read_group begins another. */
electra_status el_read_context(el_reader *r, const json_t *context);
void el_read_group(el_reader *r);

/* A question about the context. answers: NULL if the file does not tell; else a text, {"text": , "answer_start": }, a
 * list of these, or {"text": [...], "answer_start": [...]}. impossible: NULL if the file does not tell. */
electra_status el_read_question(el_reader *r, const json_t *question, const json_t *id, const json_t *answers,
                                const json_t *impossible, uint32_t line);

#endif
