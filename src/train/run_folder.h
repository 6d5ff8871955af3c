/* The folder of a run: names in it, one process at a time, nothing left over from a killed one. */
#ifndef EL_TRAIN_RUN_FOLDER_H
#define EL_TRAIN_RUN_FOLDER_H

#include <electra/types.h>

typedef struct el_run_folder {
    char *path;
    char *checkpoints, *metrics, *result; /* path + "checkpoints", "metrics.jsonl", and what the caller calls it */
    int lock;                             /* the folder, locked; 0 while it is not */
} el_run_folder;

/* Names only; nothing is touched. owned: what else a run of this kind writes there, NULL behind the last name.
 * ELECTRA_MISUSE if the folder is there, is no run (is_run: it has settings.json) and holds something that a run would
 * overwrite. folder: zeroed; to be closed in any case. */
electra_status el_run_folder_name(el_run_folder *folder, const char *path, bool is_run, const char *result,
                                  const char *const *owned, electra_error *err);

/* Make it, lock it, and remove temporary files of processes that are no more. ELECTRA_FAILED if another process trains
 * here. */
electra_status el_run_folder_open(el_run_folder *folder, electra_error *err);

void el_run_folder_close(el_run_folder *folder); /* accepts a zeroed one */

#endif
