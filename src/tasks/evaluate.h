/* A finished model on labelled examples: what electra_evaluate and submissions are made of. */
#ifndef EL_TASKS_EVALUATE_H
#define EL_TASKS_EVALUATE_H

#include "tasks/subject.h"

/* Load the model of `folder` and write what it says about the subject's test set as <submission>/<GLUE's file name>.
 * The subject's test examples are read here, and cut as `compat` says (electra_compat). */
electra_status el_submit(el_subject *subject, const char *folder, const char *submission, size_t max_length, int compat,
                         const electra_runtime *rt, electra_error *err);

#endif
