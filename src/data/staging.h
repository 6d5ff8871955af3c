/* A folder that appears under its name only when it is complete. It is filled as "<name>.partial", which holds a lock
 * for as long as its maker lives, so that the leavings of a killed one are recognised and removed by the next. */
#ifndef EL_DATA_STAGING_H
#define EL_DATA_STAGING_H

#include <electra/types.h>

typedef struct el_staging {
    char *target;  /* the final name */
    char *partial; /* the folder to fill */
    int lock;      /* descriptor; -1: none */
} el_staging;

/* ELECTRA_MISUSE if `target` holds anything that is not a data folder, or a data folder and `overwrite` is false, or
 * another process is filling it. *out is cleared by commit and by abandon, also after a failure here. */
electra_status el_staging_open(el_staging *out, const char *target, bool overwrite, electra_error *err);

/* Put the folder in its place; what was there before is removed. */
electra_status el_staging_commit(el_staging *staging, electra_error *err);

void el_staging_abandon(el_staging *staging); /* removes the partial folder; accepts what a commit or failure left */

#endif
