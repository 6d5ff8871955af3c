/* Settings of a job as a table: one row for each member of its options struct. Checking, recording in settings.json,
 * filling from it and comparing with it all read the table.
 *
 * Numbers below 0, choices of -1 and NULL mean "not given" (include/electra/train.h). A value of a `real` setting that
 * may be negative cannot be one of these rows. */
#ifndef EL_TRAIN_SETTING_TABLE_H
#define EL_TRAIN_SETTING_TABLE_H

#include <electra/types.h>

#include "base/json.h"

typedef enum el_setting_kind {
    EL_SETTING_WHOLE,  /* long */
    EL_SETTING_REAL,   /* double */
    EL_SETTING_CHOICE, /* int */
    EL_SETTING_TEXT    /* const char * */
} el_setting_kind;

/* May a run be gone on with under another value? */
typedef enum el_setting_change {
    EL_SETTING_FIXED, /* no: the result would be neither the old run's nor the new one's */
    EL_SETTING_GROWS, /* only to a larger one */
    EL_SETTING_FREE   /* it does not change what is learned, beyond rounding */
} el_setting_change;

enum { EL_SETTING_CHOICES = 12 };

typedef struct el_setting {
    const char *name; /* member of settings.json; with dashes the option of the command line */
    el_setting_kind kind;
    el_setting_change change;
    size_t offset; /* in the options struct */
    double least, most;
    const char *choices[EL_SETTING_CHOICES]; /* NULL behind the last */
} el_setting;

typedef struct el_setting_table {
    const el_setting *rows; /* [n] */
    size_t n;
} el_setting_table;

#define EL_SETTING_ROW(type, member, kind_, change_, least_, most_)                                                    \
    {                                                                                                                  \
        .name = #member, .kind = EL_SETTING_##kind_, .change = EL_SETTING_##change_, .offset = offsetof(type, member), \
        .least = least_, .most = most_                                                                                 \
    }
#define EL_SETTING_WORD(type, member, change_, ...)                                                                    \
    {                                                                                                                  \
        .name = #member, .kind = EL_SETTING_CHOICE, .change = EL_SETTING_##change_, .offset = offsetof(type, member),  \
        .choices = {                                                                                                   \
            __VA_ARGS__                                                                                                \
        }                                                                                                              \
    }

/* Every row to "not given". */
void el_settings_clear_values(const el_setting_table *table, void *options);
bool el_setting_is_given(const el_setting *row, const void *options);
void el_setting_copy(const el_setting *row, void *to, const void *from);

/* Ranges and choices. ELECTRA_MISUSE names the setting. */
electra_status el_settings_check_values(const el_setting_table *table, const void *options, electra_error *err);

/* Of a settings.json: "not given" for what it does not hold. Texts are borrowed from it. ELECTRA_INVALID. */
electra_status el_settings_from_json(const el_setting_table *table, void *options, const json_t *recorded,
                                     const char *where, electra_error *err);
/* The rows that are given into an object; without `all` only the FIXED ones: what a run's hash is made of. false when
 * out of memory, or a text is not UTF-8. */
bool el_settings_to_json(const el_setting_table *table, const void *options, bool all, json_t *out);

/* What differs between then and now, as words. */
typedef struct el_setting_differences {
    char text[600];
    size_t n;
} el_setting_differences;

void el_setting_differs(el_setting_differences *all, const char *name, const char *then, const char *now);
/* All rows whose change is not allowed. */
void el_settings_compare(el_setting_differences *all, const el_setting_table *table, const void *then, const void *now);

/* ELECTRA_MISUSE with the differences, if there are any. */
electra_status el_settings_refuse(const el_setting_differences *all, const char *folder, electra_error *err);

/* <folder>/settings.json, of that "format"; *out NULL if it is not there. ELECTRA_MISUSE if the folder is a file. */
electra_status el_settings_load(json_t **out, const char *folder, const char *format, electra_error *err);
/* Write it; format and version are added. */
electra_status el_settings_write(json_t *all, const char *folder, const char *format, electra_error *err);

/* A hash of an object's content. */
electra_status el_settings_hash_json(const json_t *all, uint64_t *out, electra_error *err);

void el_setting_default_whole(long *value, size_t preset);
void el_setting_default_real(double *value, double preset);
void el_setting_default_choice(int *value, int preset);

#endif
