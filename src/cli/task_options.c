/* Owns the way from options about labelled examples to the library's, and the printing of scores. */
#include "task_options.h"

enum { KIND_PAIR = ELECTRA_TASK_CHOICE + 1 };

void cli_task_defaults(electra_task_data *data)
{
    *data = electra_finetune_options_default().data;
}

electra_task_data cli_task_data(const electra_task_data *given)
{
    electra_task_data data = *given;
    if (data.kind == KIND_PAIR) {
        data.kind = ELECTRA_TASK_CLASSIFY;
        data.pair_column = data.pair_column ? data.pair_column : "text_pair";
    }
    return data;
}

void cli_print_scores(FILE *out, const electra_scores *scores)
{
    for (size_t i = 0; i < scores->n; i++) {
        fprintf(out, "%-20s %.4f\n", scores->list[i].name, scores->list[i].value);
    }
}

void cli_print_scores_json(FILE *out, const electra_scores *scores)
{
    for (size_t i = 0; i < scores->n; i++) {
        fprintf(out, "%s\"%s\":%.9g", i ? "," : "", scores->list[i].name, scores->list[i].value);
    }
}
