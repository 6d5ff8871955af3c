/* Looks at a run's numbers as they come and says in plain language when something is wrong and what to do. Its state
 * is a function of the lines it saw, so a resumed run shows it metrics.jsonl again and goes on as if never stopped. */
#ifndef EL_TRAIN_WATCH_H
#define EL_TRAIN_WATCH_H

#include <electra/train.h>

enum { EL_WATCH_WINDOWS = 20, EL_WATCH_KINDS = 6 };

/* All zero to begin with. */
typedef struct el_watch {
    double loss, norm; /* running means of training lines; 0 before the first */
    size_t n_lines;
    size_t n_spikes; /* lines far above the means since the last advice about them */
    double skipped;  /* skipped steps at the last line */
    struct {
        double sum;
        size_t n;
    } windows[EL_WATCH_WINDOWS]; /* generator loss, by twentieths of the run */
    double said[EL_WATCH_KINDS]; /* progress at which each kind was last said, plus 1; 0: never */
} el_watch;

/* Take in a line (warning lines are ignored). True if there is something to say: it is in text. */
bool el_watch_see(el_watch *watch, const electra_metrics *line, char *text, size_t size);

#endif
