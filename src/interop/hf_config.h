/* config.json of a Hugging Face model directory <-> the sizes of a network, its head's settings and its labels.
 *
 *     el_hf_config c;
 *     EL_TRY(el_hf_config_read(&c, "my-model/config.json", err));
 *     el_head_config head;
 *     status = el_hf_config_head(&head, &c, EL_HEAD_CLASSIFIER, "my-model/config.json", err);
 *     el_hf_config_clear(&c);
 *
 * Reading takes what decides the numbers a network computes and refuses values that would compute others than ours
 * (relative positions, a decoder, an unknown activation, another architecture family). Everything else in the file is
 * accepted and ignored. Absent members mean transformers' defaults: those of ELECTRA-Small, or of BERT-Base if
 * "model_type" is "bert". */
#ifndef EL_INTEROP_HF_CONFIG_H
#define EL_INTEROP_HF_CONFIG_H

#include <electra/model.h>

#include "interop/array.h"
#include "model/params.h"

/* What the outputs of a classifier or a tagger are called, and what they mean. */
typedef struct el_labels {
    char **names; /* [count], in the order of the outputs */
    size_t count;
    electra_problem problem;
} el_labels;

/* `count` labels in memory of their own; names NULL: LABEL_0, LABEL_1, ... Fill a zeroed one. */
electra_status el_labels_make(el_labels *out, const char *const *names, size_t count, electra_problem problem,
                              electra_error *err);
void el_labels_clear(el_labels *labels); /* accepts a zeroed one */

enum { EL_HF_WORD_BYTES = 64 };

typedef struct el_hf_config {
    el_model_config model;
    char architecture[EL_HF_WORD_BYTES]; /* "ElectraForPreTraining"; empty if the file names none */
    el_labels labels;                    /* two of them if the file names none, as transformers has it */
    double classifier_dropout;           /* the hidden dropout if the file says nothing else */
    /* ELECTRA's multiple choice alone, as they stand in the file; judged when they are needed. */
    char summary_type[EL_HF_WORD_BYTES];
    char summary_activation[EL_HF_WORD_BYTES]; /* empty for null: none */
    bool summary_use_proj, summary_proj_to_labels;
    double summary_first_dropout, summary_last_dropout;
    size_t joint_qa_hidden_size; /* of EL_HEAD_JOINT_QA; 512 if the file does not say */
    double null_threshold;       /* of heads for questions; NaN if the file does not say, which is as good as 0 */
} el_hf_config;

void el_hf_config_clear(el_hf_config *config); /* accepts a zeroed one */

/* ELECTRA_INVALID with file, member, what was expected and found; *out is then zeroed. */
electra_status el_hf_config_read(el_hf_config *out, const char *path, electra_error *err);

/* The same from parsed JSON; where: the file, for messages. */
electra_status el_hf_config_parse(el_hf_config *out, const json_t *json, const char *where, electra_error *err);

/* The settings of a head of that kind under this config. ELECTRA_INVALID if the file asks for what cannot be computed:
 * a summary other than that of the first token, or projected to the number of labels, one token type for
 * EL_HEAD_JOINT_QA, which tells the context by its type. */
electra_status el_hf_config_head(el_head_config *out, const el_hf_config *config, el_head kind, const char *where,
                                 electra_error *err);

/* Write all members that versions 3 to 5 of transformers read. The head picks the architecture. labels: of a classifier
 * or a tagger, as many as it has outputs, or NULL for LABEL_0, LABEL_1, ...; not used for other heads. dtype: the
 * number format of the weights; I8: that of their matrices. Atomic. */
electra_status el_hf_config_write(const el_network *network, const el_labels *labels, el_dtype dtype, const char *path,
                                  electra_error *err);

/* Set the member "null_threshold" in the config.json of a finished model directory: what the odds of "no answer" must
 * exceed (electra_answer_options in infer.h), in 15 digits. Infinite ones become EL_HF_BEYOND_ODDS, which no odds
 * exceed; NaN takes the member out. Of a file that el_hf_config_write wrote every other byte stays. Atomic. */
electra_status el_hf_config_set_null_threshold(const char *folder, double threshold, electra_error *err);
#define EL_HF_BEYOND_ODDS 1e30

/* "quant_method" in "quantization_config" of a model whose matrices are 8-bit integers (quantize.h). */
#define EL_HF_INT8 "electra-int8"

/* The class of transformers: "ElectraForPreTraining", "BertForTokenClassification", "ElectraModel" without a head; for
 * EL_HEAD_JOINT_QA a name of ours, since transformers has no such class. */
const char *el_hf_architecture(el_family family, el_head head);
/* The head of a class of that name; false for any other name. */
bool el_hf_architecture_find(el_head *out, el_family family, const char *name);

#endif
