/* Reading JSON with messages that name the file, the member, what was expected and what was found; writing it
 * atomically. The JSON itself is jansson's business. */
#ifndef EL_BASE_JSON_H
#define EL_BASE_JSON_H

#include <electra/types.h>
#include <jansson.h>

/* Parse a whole file of at most 256 MiB (duplicate members are refused); *out is the caller's to json_decref. */
electra_status el_json_load(json_t **out, const char *path, electra_error *err);

/* The same for the file of that name in a folder; JSON's null if there is none. */
electra_status el_json_load_if_there(json_t **out, const char *folder, const char *name, electra_error *err);

/* Parse `bytes` of text; `where` names the place in messages. */
electra_status el_json_parse(json_t **out, const char *text, size_t bytes, const char *where, electra_error *err);

/* Write in the style of model directories: sorted members, two spaces, one line end at the end of the file; real
 * numbers with 15 digits where that loses nothing, so that 0.1 stays "0.1". */
electra_status el_json_save(const json_t *value, const char *path, electra_error *err);
/* The same with members in the order in which they were added. */
electra_status el_json_save_in_order(const json_t *value, const char *path, electra_error *err);

/* A number; null for one that is not finite, which JSON does not have. */
json_t *el_json_number(double value);

/* Members of an object. A missing member leaves *out as it was (its default) and is fine, unless `required`.
 * A member of another type or out of range fails with ELECTRA_INVALID. JSON null counts as missing. */
typedef enum el_json_need { EL_JSON_OPTIONAL, EL_JSON_REQUIRED } el_json_need;

electra_status el_json_size(const json_t *object, const char *name, el_json_need need, size_t least, size_t most,
                            size_t *out, const char *where, electra_error *err);
electra_status el_json_real(const json_t *object, const char *name, el_json_need need, double least, double most,
                            double *out, const char *where, electra_error *err);
electra_status el_json_bool(const json_t *object, const char *name, el_json_need need, bool *out, const char *where,
                            electra_error *err);
/* *out is borrowed from the object. */
electra_status el_json_text(const json_t *object, const char *name, el_json_need need, const char **out,
                            const char *where, electra_error *err);

#endif
