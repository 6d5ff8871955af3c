/* Case type storage: the same networks in every form of storage, loaded as programs load them. Each gives the expected
 * numbers, and models for which the case expects the same numbers give the same ones here to the last bit: no form of a
 * file may change a weight. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "data/batch.h"
#include "golden/case.h"
#include "interop/hf_config.h"
#include "interop/model.h"
#include "model/predict.h"

enum { MOST_MODELS = 32 };

/* What one model answered. */
typedef struct answer {
    const char *name; /* of the model */
    const char *expected;
    float *numbers; /* a row for each sequence, or for each token of the packed batch */
    size_t n, cols;
    bool tokens;
} answer;

typedef struct trial {
    golden_case *c;
    el_backend *be;
    size_t n_sequences, width;
    uint32_t *ids, *types, *mask, *lengths;
    el_pack *pack;
    const el_batch *batch;
    answer answers[MOST_MODELS];
    size_t n_answers;
} trial;

/* ---- the batch -------------------------------------------------------------------------------------------------- */

static bool read_batch(trial *t)
{
    size_t cells = 0;
    t->lengths = golden_input(t->c, "lengths", 0, &t->n_sequences);
    t->ids = golden_input(t->c, "input_ids", 0, &cells);
    if (!t->lengths || !t->ids || t->n_sequences == 0 || cells % t->n_sequences != 0) {
        golden_problem(t->c, "lengths and input_ids do not go together");
        return false;
    }
    t->width = cells / t->n_sequences;
    t->types = golden_input(t->c, "token_type_ids", cells, NULL);
    t->mask = golden_input(t->c, "attention_mask", cells, NULL);
    for (size_t i = 0; t->types && t->mask && i < cells; i++) {
        const bool real = i % t->width < t->lengths[i / t->width];
        if (t->mask[i] != real || (!real && (t->ids[i] || t->types[i]))) {
            golden_problem(t->c, "input_ids, token_type_ids, attention_mask and lengths do not go together at %zu", i);
            return false;
        }
    }
    return t->types && t->mask;
}

static bool pack_batch(trial *t)
{
    const size_t cells = t->n_sequences * t->width;
    const el_pack_room room = {.tokens = cells, .sequences = t->n_sequences, .slots = cells};
    electra_error err = {0};
    if (!golden_ok(t->c, el_pack_create(&t->pack, t->be, &room, &err), &err)) {
        return false;
    }
    for (size_t i = 0; i < t->n_sequences; i++) {
        const el_sequence s = {
            .ids = t->ids + i * t->width, .length = t->lengths[i], .types = t->types + i * t->width, .number = i};
        if (s.length == 0 || s.length > t->width || !el_pack_add(t->pack, &s)) {
            golden_problem(t->c, "lengths[%zu] is %zu", i, s.length);
            return false;
        }
    }
    t->batch = el_pack_finish(t->pack);
    return true;
}

static bool batch_fits(const trial *t, const el_model_config *config)
{
    for (size_t i = 0; i < t->n_sequences * t->width; i++) {
        if (t->ids[i] >= config->vocab_size || t->types[i] >= config->n_types ||
            t->batch->layout.longest > config->max_positions) {
            golden_problem(t->c, "the batch does not fit the model at %zu", i);
            return false;
        }
    }
    return true;
}

/* ---- one model -------------------------------------------------------------------------------------------------- */

/* The head's answer to the batch: one row for a sequence, or one for a token. */
static bool predict(trial *t, const electra_model *model, el_predictor *p, answer *a)
{
    const el_network *network = el_model_network(model);
    const el_weights theta = el_model_weights(model, t->be);
    const el_batch *b = t->batch;
    const size_t n_tokens = b->layout.n_tokens;
    el_tensor y;
    uint32_t *slots = NULL;
    const el_head kind = network->head_config.kind;
    if (kind == EL_HEAD_CLASSIFIER || kind == EL_HEAD_CHOICE) {
        y = el_predictor_classes(p, theta, &b->layout, b->ids, b->types);
    } else if (kind == EL_HEAD_TAGGER || kind == EL_HEAD_SPANS) {
        y = el_predictor_tags(p, theta, &b->layout, b->ids, b->types);
    } else if (kind == EL_HEAD_DISCRIMINATOR) {
        y = el_predictor_replaced(p, theta, &b->layout, b->ids, b->types);
    } else if (kind == EL_HEAD_MASKED_LM) {
        slots = t->be->ops->alloc(t->be, n_tokens * sizeof *slots);
        for (size_t i = 0; slots && i < n_tokens; i++) {
            const uint32_t slot = (uint32_t)i;
            t->be->ops->upload_bytes(t->be, slots + i, &slot, sizeof slot);
        }
        if (!slots) {
            golden_problem(t->c, "out of memory");
            return false;
        }
        y = el_predictor_masked(p, theta, &b->layout, b->ids, b->types, slots, n_tokens);
    } else {
        y = el_predictor_hidden(p, theta, &b->layout, b->ids, b->types);
    }
    a->tokens = kind != EL_HEAD_CLASSIFIER && kind != EL_HEAD_CHOICE;
    a->cols = y.cols;
    a->n = y.rows * y.cols;
    a->numbers = el_alloc(a->n, sizeof *a->numbers);
    if (a->numbers) {
        t->be->ops->download_f32(t->be, a->numbers, y.data, a->n);
    }
    if (slots) {
        t->be->ops->free(t->be, slots);
    }
    return a->numbers != NULL;
}

static bool ask(trial *t, const electra_model *model, const char *class, answer *a)
{
    const el_network *network = el_model_network(model);
    const char *found = el_hf_architecture(network->config.family, network->head_config.kind);
    if (strcmp(class, found) != 0) {
        golden_problem(t->c, "%s should be a %s and was loaded as %s", a->name, class, found);
        return false;
    }
    if (!batch_fits(t, &network->config)) {
        return false;
    }
    const el_layout *layout = &t->batch->layout;
    const el_predict_limits limits = {.tokens = layout->n_tokens,
                                      .sequences = layout->n_sequences,
                                      .longest = layout->longest,
                                      .slots = layout->n_tokens};
    el_predictor *p;
    electra_error err = {0};
    if (!golden_ok(t->c, el_predictor_create(&p, t->be, network, &limits, &err), &err)) {
        return false;
    }
    const bool fine = predict(t, model, p, a);
    el_predictor_free(p);
    return fine;
}

static void run_model(trial *t, const char *name, const json_t *description)
{
    const char *class = json_string_value(json_object_get(description, "class"));
    const char *expected = json_string_value(json_object_get(description, "expected"));
    char path[1024];
    electra_model *model;
    electra_error err = {0};
    if (!class || !expected || t->n_answers == MOST_MODELS) {
        golden_problem(t->c, "models.%s lacks its class or its expected tensor, or is one too many", name);
        return;
    }
    snprintf(path, sizeof path, "%s/%s", t->c->folder, name);
    if (!golden_ok(t->c, electra_model_load(&model, path, NULL, &err), &err)) {
        return;
    }
    answer *a = &t->answers[t->n_answers++];
    *a = (answer){.name = name, .expected = expected};
    if (ask(t, model, class, a) && a->tokens) {
        golden_compare_packed(t->c, expected, a->numbers, a->cols, t->lengths, t->n_sequences, t->width);
    } else if (a->numbers) {
        golden_compare(t->c, expected, a->numbers, a->n);
    }
    electra_model_free(model);
}

/* ---- all of them ------------------------------------------------------------------------------------------------ */

static bool same_expected(const golden_case *c, const answer *a, const answer *b)
{
    const el_array *x = el_safetensors_find(c->expected, a->expected);
    const el_array *y = el_safetensors_find(c->expected, b->expected);
    return x && y && el_array_equal(x, y);
}

static void compare_with_each_other(trial *t)
{
    for (size_t i = 0; i < t->n_answers; i++) {
        for (size_t k = 0; k < i; k++) {
            const answer *a = &t->answers[i];
            const answer *b = &t->answers[k];
            if (!a->numbers || !b->numbers || !same_expected(t->c, a, b)) {
                continue;
            }
            t->c->verdict.n_compared++;
            if (a->n != b->n || memcmp(a->numbers, b->numbers, a->n * sizeof *a->numbers) != 0) {
                golden_problem(t->c, "%s and %s should give the same numbers to the last bit", a->name, b->name);
            }
        }
    }
}

void golden_run_storage(golden_case *c, el_pool *pool)
{
    trial t = {.c = c};
    electra_error err = {0};
    json_t *models = json_object_get(c->json, "models");
    if (!c->inputs || !c->expected || json_object_size(models) == 0) {
        golden_problem(c, "it has no models, inputs or expected numbers");
    } else if (golden_ok(c, el_backend_create_cpu(&t.be, pool, EL_CPU_BEST, &err), &err) && read_batch(&t) &&
               pack_batch(&t)) {
        const char *name;
        json_t *description;
        json_object_foreach(models, name, description)
        {
            run_model(&t, name, description);
        }
        compare_with_each_other(&t);
    }
    for (size_t i = 0; i < t.n_answers; i++) {
        el_free(t.answers[i].numbers);
    }
    el_pack_free(t.pack);
    void *const of_host[] = {t.ids, t.types, t.mask, t.lengths};
    for (size_t i = 0; i < sizeof of_host / sizeof of_host[0]; i++) {
        el_free(of_host[i]);
    }
    el_backend_free(t.be);
}
