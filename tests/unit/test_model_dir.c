/* Model directories: what is written, what is read back, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"
#include "interop/hf_tokenizer.h"
#include "interop/model_dir.h"
#include "interop/safetensors.h"
#include "support/alloc.h"

static const char *const TOKENS[] = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]",           "the",
                                     "cat",   "##s",   "sat",   ".",     "\xc3\xa9t\xc3\xa9"};
enum { V = sizeof TOKENS / sizeof *TOKENS };

static const el_model_config CONFIG = {.vocab_size = V,
                                       .embedding_size = 8,
                                       .hidden_size = 12,
                                       .n_layers = 2,
                                       .n_heads = 3,
                                       .intermediate_size = 20,
                                       .activation = EL_ACT_GELU,
                                       .hidden_dropout = 0.1,
                                       .attention_dropout = 0.0,
                                       .max_positions = 16,
                                       .n_types = 2,
                                       .initializer_range = 0.02,
                                       .layer_norm_eps = 1e-12};

/* A network with its weights and a tokenizer. */
typedef struct fixture {
    el_backend *be;
    el_params params;
    el_network network;
    el_weights weights;
    electra_tokenizer *tokenizer;
} fixture;

static char top[] = "/tmp/electra-model-dir-XXXXXX";
static fixture discriminator;
static fixture generator;
static char good[256]; /* a discriminator's directory, never changed */

static void make(fixture *f, el_head head)
{
    assert_int_equal(el_backend_create_cpu(&f->be, NULL, EL_CPU_REF, NULL), ELECTRA_OK);
    assert_int_equal(el_params_build_single(&f->params, &f->network, &CONFIG, &(el_head_config){.kind = head}, NULL),
                     ELECTRA_OK);
    f->weights = el_weights_of(f->be, &f->params, f->be->ops->alloc(f->be, f->params.elements * f->be->element_size));
    assert_int_equal(el_params_initialise(&f->params, f->be, f->weights.data, 7, NULL), ELECTRA_OK);
    electra_tokenizer_options options = electra_tokenizer_options_default();
    options.lowercase = false;
    assert_int_equal(electra_tokenizer_create(&f->tokenizer, TOKENS, V, &options, NULL), ELECTRA_OK);
}

static void clear(fixture *f)
{
    f->be->ops->free(f->be, f->weights.data);
    el_params_clear(&f->params);
    el_backend_free(f->be);
    electra_tokenizer_free(f->tokenizer);
}

static int set_up(void **state)
{
    (void)state;
    if (!mkdtemp(top)) {
        return -1;
    }
    make(&discriminator, EL_HEAD_DISCRIMINATOR);
    make(&generator, EL_HEAD_MASKED_LM);
    (void)snprintf(good, sizeof good, "%s/good", top);
    return el_model_dir_write(good, &discriminator.network, NULL, discriminator.weights, discriminator.tokenizer,
                              NULL) == ELECTRA_OK
               ? 0
               : -1;
}

static int tear_down(void **state)
{
    (void)state;
    clear(&discriminator);
    clear(&generator);
    return el_remove_tree(top, NULL) == ELECTRA_OK ? 0 : -1;
}

/* The path of a file in a folder below `top`; one result at a time for each `which`. */
static const char *at(const char *folder, const char *name)
{
    static char paths[2][512];
    static int which;
    which = !which;
    (void)snprintf(paths[which], sizeof paths[which], "%s/%s%s%s", top, folder, name ? "/" : "", name ? name : "");
    return paths[which];
}

static void assert_same_file(const char *a, const char *b)
{
    el_map x;
    el_map y;
    assert_int_equal(el_map_open(&x, a, NULL), ELECTRA_OK);
    assert_int_equal(el_map_open(&y, b, NULL), ELECTRA_OK);
    assert_int_equal(x.size, y.size);
    assert_memory_equal(x.data, y.data, x.size);
    el_map_close(&x);
    el_map_close(&y);
}

/* Load a whole directory as a network that stands alone. */
static electra_status load(fixture *f, const char *folder, electra_error *err)
{
    *f = (fixture){0};
    el_model_dir *dir = NULL;
    electra_status status = el_backend_create_cpu(&f->be, NULL, EL_CPU_REF, err);
    if (status == ELECTRA_OK) {
        status = el_model_dir_open(&dir, folder, NULL, err);
    }
    if (status == ELECTRA_OK) {
        status = el_params_build_single(&f->params, &f->network, &el_model_dir_config(dir)->model,
                                        el_model_dir_head(dir), err);
    }
    if (status == ELECTRA_OK) {
        f->weights =
            el_weights_of(f->be, &f->params, f->be->ops->alloc(f->be, f->params.elements * f->be->element_size));
        status = f->weights.data ? el_model_dir_read(dir, f->weights, EL_OWNER_DISCRIMINATOR, EL_READ_ALL, err)
                                 : ELECTRA_NO_RESOURCE;
    }
    if (status == ELECTRA_OK) {
        status = el_hf_tokenizer_read(&f->tokenizer, folder, ELECTRA_SPECIALS_NONE, NULL, err);
    }
    el_model_dir_close(dir);
    return status;
}

static void unload(fixture *f)
{
    if (f->weights.data) {
        f->be->ops->free(f->be, f->weights.data);
    }
    el_params_clear(&f->params);
    el_backend_free(f->be);
    electra_tokenizer_free(f->tokenizer);
}

static const char *const FILES[] = {"config.json",    "model.safetensors",     "vocab.txt",
                                    "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"};
enum { N_FILES = sizeof FILES / sizeof *FILES };

/* ---- what is written ------------------------------------------------------------------------------------------- */

static void saving_what_was_loaded_gives_the_same_bytes(void **state)
{
    (void)state;
    const fixture *both[] = {&discriminator, &generator};
    for (size_t i = 0; i < 2; i++) {
        char first[64];
        char second[64];
        (void)snprintf(first, sizeof first, "first-%zu", i);
        (void)snprintf(second, sizeof second, "second-%zu", i);
        assert_int_equal(
            el_model_dir_write(at(first, NULL), &both[i]->network, NULL, both[i]->weights, both[i]->tokenizer, NULL),
            ELECTRA_OK);
        fixture loaded;
        electra_error err = {0};
        if (load(&loaded, at(first, NULL), &err) != ELECTRA_OK) {
            fail_msg("%s", err.message);
        }
        assert_int_equal(loaded.network.head_config.kind, both[i]->network.head_config.kind);
        assert_int_equal(electra_tokenizer_size(loaded.tokenizer), V);
        assert_false(electra_tokenizer_settings(loaded.tokenizer).lowercase);
        assert_int_equal(
            el_model_dir_write(at(second, NULL), &loaded.network, NULL, loaded.weights, loaded.tokenizer, NULL),
            ELECTRA_OK);
        unload(&loaded);
        for (size_t f = 0; f < N_FILES; f++) {
            assert_same_file(at(first, FILES[f]), at(second, FILES[f]));
        }
    }
}

static void config_says_everything(void **state)
{
    (void)state;
    json_t *config;
    assert_int_equal(el_json_load(&config, at("good", "config.json"), NULL), ELECTRA_OK);
    assert_string_equal(json_string_value(json_object_get(config, "model_type")), "electra");
    assert_string_equal(json_string_value(json_array_get(json_object_get(config, "architectures"), 0)),
                        "ElectraForPreTraining");
    assert_int_equal(json_integer_value(json_object_get(config, "embedding_size")), 8);
    assert_int_equal(json_integer_value(json_object_get(config, "num_attention_heads")), 3);
    assert_true(json_is_null(json_object_get(config, "classifier_dropout")));
    assert_int_equal(json_object_size(config), 25);
    json_decref(config);
    char *text;
    assert_int_equal(el_read_file(&text, NULL, at("good", "config.json"), 1 << 16, NULL), ELECTRA_OK);
    assert_non_null(strstr(text, "\n  \"attention_probs_dropout_prob\": 0.0,\n"));
    assert_non_null(strstr(text, "\"hidden_dropout_prob\": 0.1,\n"));
    assert_non_null(strstr(text, "\"layer_norm_eps\": 1e-12,\n"));
    assert_non_null(strstr(text, "\"vocab_size\": 11\n}\n"));
    el_free(text);
}

static void tokenizer_files_agree(void **state)
{
    (void)state;
    json_t *json;
    assert_int_equal(el_json_load(&json, at("good", "tokenizer.json"), NULL), ELECTRA_OK);
    assert_int_equal(json_array_size(json_object_get(json, "added_tokens")), 5);
    const json_t *normalizer = json_object_get(json, "normalizer");
    assert_true(json_is_false(json_object_get(normalizer, "lowercase")));
    assert_true(json_is_null(json_object_get(normalizer, "strip_accents")));
    const json_t *vocab = json_object_get(json_object_get(json, "model"), "vocab");
    assert_int_equal(json_object_size(vocab), V);
    assert_int_equal(json_integer_value(json_object_get(vocab, TOKENS[10])), 10);
    json_decref(json);
    assert_int_equal(el_json_load(&json, at("good", "tokenizer_config.json"), NULL), ELECTRA_OK);
    assert_true(json_is_false(json_object_get(json, "do_lower_case")));
    assert_int_equal(json_integer_value(json_object_get(json, "model_max_length")), 16);
    assert_string_equal(json_string_value(json_object_get(json, "mask_token")), "[MASK]");
    json_decref(json);
}

static void replaces_what_was_there_and_leaves_nothing_behind(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(el_make_folders(at("again.partial/x", NULL), NULL), ELECTRA_OK); /* of a killed run */
        assert_int_equal(
            el_model_dir_write(at("again/", NULL), &discriminator.network, NULL, discriminator.weights, NULL, NULL),
            ELECTRA_OK);
    }
    assert_true(el_is_file(at("again", "model.safetensors")));
    assert_false(el_is_file(at("again", "vocab.txt")));
    assert_false(el_is_folder(at("again.partial", NULL)));
    electra_error err;
    assert_int_equal(el_write_file(at("file", NULL), "x", 1, NULL), ELECTRA_OK);
    assert_int_not_equal(
        el_model_dir_write(at("file/model", NULL), &discriminator.network, NULL, discriminator.weights, NULL, &err),
        ELECTRA_OK);
}

/* Tensors of a pair are spread over two directories; the shared ones are in both. */
static void a_pair_becomes_two_directories(void **state)
{
    (void)state;
    el_pretrain_config pair;
    assert_int_equal(el_pretrain_config_derive(&pair, &CONFIG, 0.5, 1.0, EL_SHARE_EMBEDDINGS, NULL), ELECTRA_OK);
    el_params params = {0};
    el_network g;
    el_network d;
    assert_int_equal(el_params_build_pair(&params, &g, &d, &pair, NULL), ELECTRA_OK);
    el_backend *be = discriminator.be;
    el_weights w = el_weights_of(be, &params, be->ops->alloc(be, params.elements * be->element_size));
    assert_int_equal(el_params_initialise(&params, be, w.data, 3, NULL), ELECTRA_OK);
    assert_int_equal(el_model_dir_write(at("pair/d", NULL), &d, NULL, w, NULL, NULL), ELECTRA_OK);
    assert_int_equal(el_model_dir_write(at("pair/g", NULL), &g, NULL, w, NULL, NULL), ELECTRA_OK);
    const size_t bytes = params.elements * be->element_size;
    void *before = malloc(bytes);
    assert_non_null(before);
    memcpy(before, w.data, bytes);
    memset(w.data, 0, bytes);
    el_model_dir *dir;
    assert_int_equal(el_model_dir_open(&dir, at("pair/d", NULL), NULL, NULL), ELECTRA_OK);
    assert_int_equal(el_model_dir_read(dir, w, EL_OWNER_DISCRIMINATOR, EL_READ_ALL, NULL), ELECTRA_OK);
    electra_error err;
    assert_int_equal(el_model_dir_read(dir, w, EL_OWNER_GENERATOR, EL_READ_ALL, &err), ELECTRA_INVALID);
    el_model_dir_close(dir);
    assert_int_equal(el_model_dir_open(&dir, at("pair/g", NULL), NULL, NULL), ELECTRA_OK);
    assert_int_equal(el_model_dir_head(dir)->kind, EL_HEAD_MASKED_LM);
    assert_int_equal(el_model_dir_read(dir, w, EL_OWNER_GENERATOR, EL_READ_ALL, NULL), ELECTRA_OK);
    el_model_dir_close(dir);
    assert_memory_equal(before, w.data, bytes);
    free(before);
    be->ops->free(be, w.data);
    el_params_clear(&params);
}

/* ---- what others write ----------------------------------------------------------------------------------------- */

/* Write the discriminator's tensors as somebody else might: `change` edits the list before it is written. */
typedef struct foreign {
    el_array_source sources[80];
    char names[80][128];
    size_t n;
} foreign;

static void write_foreign(const char *folder, const fixture *f, void (*change)(foreign *list))
{
    foreign *list = calloc(1, sizeof *list);
    assert_non_null(list);
    for (size_t i = 0; i < f->params.count; i++) {
        const el_param *p = &f->params.list[i];
        (void)snprintf(list->names[i], sizeof list->names[i], "%s", p->name);
        list->sources[i] = (el_array_source){.name = list->names[i],
                                             .dtype = EL_DTYPE_F32,
                                             .rank = (size_t)p->n_dims,
                                             .shape = {p->n_dims == 1 ? p->cols : p->rows, p->cols},
                                             .data = el_weights_at(f->weights, i).data};
    }
    list->n = f->params.count;
    change(list);
    assert_int_equal(el_model_dir_write(at(folder, NULL), &f->network, NULL, f->weights, f->tokenizer, NULL),
                     ELECTRA_OK);
    assert_int_equal(el_safetensors_write(at(folder, "model.safetensors"), list->sources, list->n, NULL, 0, NULL),
                     ELECTRA_OK);
    free(list);
}

static void no_change(foreign *list)
{
    (void)list;
}

static el_array_source *named(foreign *list, const char *name)
{
    for (size_t i = 0; i < list->n; i++) {
        if (strcmp(list->names[i], name) == 0) {
            return &list->sources[i];
        }
    }
    fail_msg("no tensor %s", name);
    return NULL;
}

static const int64_t POSITION_IDS[16] = {0, 1};

static void to_old_spelling(foreign *list)
{
    for (size_t i = 0; i < list->n; i++) {
        char *norm = strstr(list->names[i], "LayerNorm.");
        if (norm) {
            (void)strcpy(norm, strcmp(norm, "LayerNorm.weight") == 0 ? "LayerNorm.gamma" : "LayerNorm.beta");
        }
    }
    (void)strcpy(list->names[list->n], "electra.embeddings.position_ids");
    list->sources[list->n] = (el_array_source){
        .name = list->names[list->n], .dtype = EL_DTYPE_I64, .rank = 2, .shape = {1, 16}, .data = POSITION_IDS};
    list->n++;
    /* one tensor without its prefix: each is judged for itself */
    list->sources[1].name = list->names[1] + strlen("electra.");
}

static void add_tied_output(foreign *list)
{
    el_array_source copy = *named(list, "electra.embeddings.word_embeddings.weight");
    (void)strcpy(list->names[list->n], "generator_lm_head.weight");
    copy.name = list->names[list->n];
    list->sources[list->n++] = copy;
}

static float other_table[V * 8];

static void add_untied_output(foreign *list)
{
    add_tied_output(list);
    list->sources[list->n - 1].data = other_table;
}

static void name_table_after_output(foreign *list)
{
    (void)strcpy((char *)(uintptr_t)named(list, "electra.embeddings.word_embeddings.weight")->name,
                 "generator_lm_head.weight");
}

static void old_spellings_are_read(void **state)
{
    (void)state;
    const struct {
        const char *folder;
        const fixture *model;
        void (*change)(foreign *list);
    } cases[] = {{"old", &discriminator, to_old_spelling},
                 {"both", &generator, add_tied_output},
                 {"output", &generator, name_table_after_output}};
    for (size_t i = 0; i < 3; i++) {
        write_foreign(cases[i].folder, cases[i].model, cases[i].change);
        fixture loaded;
        electra_error err = {0};
        if (load(&loaded, at(cases[i].folder, NULL), &err) != ELECTRA_OK) {
            fail_msg("%s: %s", cases[i].folder, err.message);
        }
        assert_memory_equal(loaded.weights.data, cases[i].model->weights.data,
                            loaded.params.elements * loaded.be->element_size);
        unload(&loaded);
    }
}

static void expect_refusal(const char *folder, const char *words)
{
    fixture loaded;
    electra_error err = {0};
    const electra_status status = load(&loaded, at(folder, NULL), &err);
    unload(&loaded);
    if (status != ELECTRA_INVALID || !strstr(err.message, words)) {
        fail_msg("%s gave status %d and \"%s\", not \"%s\"", folder, (int)status, err.message, words);
    }
}

static void drop_one(foreign *list)
{
    list->sources[3] = list->sources[--list->n];
}

static void add_one(foreign *list)
{
    el_array_source extra = list->sources[list->n - 1];
    extra.name = "classifier.weight";
    list->sources[list->n++] = extra;
}

static void widen_one(foreign *list)
{
    el_array_source *word = named(list, "electra.embeddings.word_embeddings.weight");
    word->shape[0] = V - 1;
}

static void twice_under_two_names(foreign *list)
{
    el_array_source extra = *named(list, "electra.embeddings.LayerNorm.weight");
    extra.name = "electra.embeddings.LayerNorm.gamma";
    list->sources[list->n++] = extra;
}

static const unsigned char BYTES[V * 8];

static void in_bytes(foreign *list)
{
    el_array_source *word = named(list, "electra.embeddings.word_embeddings.weight");
    word->dtype = EL_DTYPE_U8;
    word->data = BYTES;
}

static void wrong_tensors_are_named(void **state)
{
    (void)state;
    write_foreign("missing", &discriminator, drop_one);
    expect_refusal("missing", "lacks 1 of the 43 tensors of this model: electra.embeddings.LayerNorm.weight");
    write_foreign("extra", &discriminator, add_one);
    expect_refusal("extra", "holds 1 tensors that do not belong to this model: classifier.weight");
    write_foreign("shape", &discriminator, widen_one);
    expect_refusal("shape", "\"electra.embeddings.word_embeddings.weight\" has the shape [10, 8]; with the sizes of "
                            "config.json it should be [11, 8]");
    write_foreign("twice", &discriminator, twice_under_two_names);
    expect_refusal("twice", "holds \"electra.embeddings.LayerNorm.weight\" twice");
    write_foreign("untied", &generator, add_untied_output);
    expect_refusal("untied", "\"generator_lm_head.weight\" differs from the word table");
    write_foreign("bytes", &discriminator, in_bytes);
    expect_refusal("bytes", "\"electra.embeddings.word_embeddings.weight\" has the number format U8");
}

/* What people give instead of a model's folder. */
static void models_nearby_are_named(void **state)
{
    (void)state;
    char words[600];
    static const char *const NAMES[] = {"many/rte", "many/mrpc", "run/best/own"};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(el_make_folders(at(NAMES[i], NULL), NULL), ELECTRA_OK);
        assert_int_equal(el_write_file(at(NAMES[i], "model.safetensors"), "x", 1, NULL), ELECTRA_OK);
    }
    (void)snprintf(words, sizeof words, "holds no model.safetensors but %s/many/mrpc, %s/many/rte; give one of these",
                   top, top);
    expect_refusal("many", words);
    assert_int_equal(el_remove_tree(at("many/rte", NULL), NULL), ELECTRA_OK);
    (void)snprintf(words, sizeof words, "but %s/many/mrpc; give this folder", top);
    expect_refusal("many", words);
    (void)snprintf(words, sizeof words, "its best weights so far are a model: %s/run/best/own", top);
    expect_refusal("run", words);
    electra_error err = {0};
    electra_model *model;
    assert_int_equal(electra_model_load(&model, "google/electra-small-discriminator", NULL, &err), ELECTRA_INVALID);
    assert_non_null(strstr(err.message, "Nothing is downloaded here"));
    assert_int_equal(electra_model_load(&model, "./google/electra", NULL, &err), ELECTRA_INVALID);
    assert_null(strstr(err.message, "downloaded"));
}

static void missing_files_are_named(void **state)
{
    (void)state;
    expect_refusal("nothing", "is neither a folder, nor a file of weights");
    assert_int_equal(el_model_dir_write(at("part", NULL), &discriminator.network, NULL, discriminator.weights,
                                        discriminator.tokenizer, NULL),
                     ELECTRA_OK);
    /* either source of the vocabulary will do */
    fixture loaded;
    assert_int_equal(unlink(at("part", "tokenizer.json")), 0);
    assert_int_equal(load(&loaded, at("part", NULL), NULL), ELECTRA_OK);
    assert_false(electra_tokenizer_settings(loaded.tokenizer).lowercase);
    unload(&loaded);
    assert_int_equal(unlink(at("part", "vocab.txt")), 0);
    expect_refusal("part", "holds no vocabulary: neither tokenizer.json nor vocab.txt");
    assert_int_equal(unlink(at("part", "model.safetensors")), 0);
    expect_refusal("part", "holds no weights: neither model.safetensors nor pytorch_model.bin");
    assert_int_equal(el_write_file(at("part", "tf_model.h5"), "x", 1, NULL), ELECTRA_OK);
    expect_refusal("part", "tf_model.h5 cannot be read");
    assert_int_equal(el_write_file(at("part", "pytorch_model.bin"), "x", 1, NULL), ELECTRA_OK);
    expect_refusal("part", "pytorch_model.bin is no sound file of PyTorch");
    write_foreign("part", &discriminator, no_change);
    assert_int_equal(unlink(at("part", "config.json")), 0);
    expect_refusal("part", "holds no config.json");
}

static void config_is_checked(void **state)
{
    (void)state;
    const struct {
        const char *text, *words;
    } cases[] = {
        {"[]", "should hold a JSON object"},
        {"{}", "lacks the member \"model_type\""},
        {"{\"model_type\":\"roberta\"}", "only \"electra\" and \"bert\" can be read"},
        {"{\"model_type\":\"electra\",\"hidden_size\":\"x\"}", "\"hidden_size\" should be a whole number"},
        {"{\"model_type\":\"electra\",\"hidden_size\":-3}", "\"hidden_size\" is -3"},
        {"{\"model_type\":\"electra\",\"hidden_size\":9,\"num_attention_heads\":2}", "cannot be split into 2 heads"},
        {"{\"model_type\":\"electra\",\"hidden_act\":\"mish\"}", "\"hidden_act\" is \"mish\""},
        {"{\"model_type\":\"electra\",\"position_embedding_type\":\"relative_key\"}", "only \"absolute\""},
        {"{\"model_type\":\"electra\",\"is_decoder\":true}", "decoders cannot be computed"},
        {"{\"model_type\":\"electra\"", "is not valid JSON"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(el_write_file(at("c.json", NULL), cases[i].text, strlen(cases[i].text), NULL), ELECTRA_OK);
        el_hf_config config;
        electra_error err = {0};
        const electra_status status = el_hf_config_read(&config, at("c.json", NULL), &err);
        if (status != ELECTRA_INVALID || !strstr(err.message, cases[i].words)) {
            fail_msg("%s gave %d and \"%s\"", cases[i].text, (int)status, err.message);
        }
    }
    const char *text =
        "{\"model_type\":\"electra\",\"unknown\":[1,{}],\"classifier_dropout\":null,\"dtype\":\"float16\"}";
    assert_int_equal(el_write_file(at("c.json", NULL), text, strlen(text), NULL), ELECTRA_OK);
    el_hf_config config;
    assert_int_equal(el_hf_config_read(&config, at("c.json", NULL), NULL), ELECTRA_OK);
    assert_int_equal(config.model.vocab_size, 30522);
    assert_int_equal(config.model.hidden_size, 256);
    assert_string_equal(config.architecture, "");
    el_hf_config_clear(&config);
}

/* ---- tokenizers ------------------------------------------------------------------------------------------------ */

/* Change one place of tokenizer.json (found by a path of members) and read it. */
static void expect_tokenizer_refusal(const char *member, const char *inner, json_t *value, const char *words)
{
    json_t *json;
    assert_int_equal(el_json_load(&json, at("good", "tokenizer.json"), NULL), ELECTRA_OK);
    json_t *place = inner ? json_object_get(json, member) : json;
    assert_int_equal(json_object_set_new(place, inner ? inner : member, value), 0);
    assert_int_equal(el_make_folders(at("tokenizer", NULL), NULL), ELECTRA_OK);
    assert_int_equal(el_json_save(json, at("tokenizer", "tokenizer.json"), NULL), ELECTRA_OK);
    json_decref(json);
    electra_tokenizer *tokenizer = (void *)words;
    electra_error err = {0};
    const electra_status status =
        el_hf_tokenizer_read(&tokenizer, at("tokenizer", NULL), ELECTRA_SPECIALS_NONE, NULL, &err);
    assert_null(tokenizer);
    if (status != ELECTRA_INVALID || !strstr(err.message, words)) {
        fail_msg("%s gave %d and \"%s\"", words, (int)status, err.message);
    }
}

static void other_tokenizers_are_refused(void **state)
{
    (void)state;
    expect_tokenizer_refusal("version", NULL, json_string("2.0"), "only \"1.0\" is known");
    expect_tokenizer_refusal("normalizer", "type", json_string("Sequence"), "the normalizer is of type \"Sequence\"");
    expect_tokenizer_refusal("pre_tokenizer", NULL, json_null(), "\"pre_tokenizer\" should be an object");
    expect_tokenizer_refusal("pre_tokenizer", "type", json_string("ByteLevel"), "of type \"ByteLevel\"");
    expect_tokenizer_refusal("model", "type", json_string("BPE"), "the model is of type \"BPE\"");
    expect_tokenizer_refusal("model", "continuing_subword_prefix", json_string("@@"), "only \"##\" can be used");
    expect_tokenizer_refusal("model", "unk_token", json_string("<unk>"), "only \"[UNK]\" can be used");
    expect_tokenizer_refusal("model", "vocab", json_pack("{s:i,s:i}", "a", 0, "b", 0), "have the same id 0");
    expect_tokenizer_refusal("model", "vocab", json_pack("{s:i}", "a", -1), "should be a whole number");
    expect_tokenizer_refusal("model", "vocab", json_object(), "the vocabulary is empty");
    expect_tokenizer_refusal("post_processor", "single", json_array(), "does not put [CLS] A [SEP]");
    expect_tokenizer_refusal("added_tokens", NULL, json_pack("[{s:s}]", "content", "<x>"), "\"<x>\" cannot be used");
    expect_tokenizer_refusal("added_tokens", NULL, json_pack("[{s:s,s:b}]", "content", "[MASK]", "lstrip", 1),
                             "[MASK] has \"lstrip\": true");
}

static void old_post_processor_is_the_same(void **state)
{
    (void)state;
    json_t *json;
    assert_int_equal(el_json_load(&json, at("good", "tokenizer.json"), NULL), ELECTRA_OK);
    (void)json_object_set_new(
        json, "post_processor",
        json_pack("{s:s,s:[s,i],s:[s,i]}", "type", "BertProcessing", "sep", "[SEP]", 3, "cls", "[CLS]", 2));
    assert_int_equal(el_make_folders(at("bert", NULL), NULL), ELECTRA_OK);
    assert_int_equal(el_json_save(json, at("bert", "tokenizer.json"), NULL), ELECTRA_OK);
    json_decref(json);
    electra_tokenizer *tokenizer;
    assert_int_equal(el_hf_tokenizer_read(&tokenizer, at("bert", NULL), ELECTRA_SPECIALS_ALL, NULL, NULL), ELECTRA_OK);
    assert_int_equal(electra_tokenizer_hash(tokenizer), electra_tokenizer_hash(discriminator.tokenizer));
    electra_tokenizer_free(tokenizer);
}

static void count_warning(void *user, electra_log_level level, const char *line)
{
    if (level == ELECTRA_LOG_WARNING && strstr(line, "do_lower_case")) {
        ++*(int *)user;
    }
}

static void casing_that_nobody_states_is_warned_about(void **state)
{
    (void)state;
    assert_int_equal(el_make_folders(at("bare", NULL), NULL), ELECTRA_OK);
    assert_int_equal(electra_tokenizer_save_vocab(discriminator.tokenizer, at("bare", "vocab.txt"), NULL), ELECTRA_OK);
    int warnings = 0;
    const electra_runtime rt = {.log = count_warning, .log_user = &warnings};
    electra_tokenizer *tokenizer;
    assert_int_equal(el_hf_tokenizer_read(&tokenizer, at("bare", NULL), ELECTRA_SPECIALS_NONE, &rt, NULL), ELECTRA_OK);
    assert_int_equal(warnings, 1);
    assert_true(electra_tokenizer_settings(tokenizer).lowercase);
    electra_tokenizer_free(tokenizer);
}

/* ---- memory ---------------------------------------------------------------------------------------------------- */

static void any_allocation_of_loading_may_fail(void **state)
{
    (void)state;
    unsigned long failures = 0;
    for (unsigned long n = 1;; n++) {
        const unsigned long before = test_allocations();
        test_fail_allocation(n);
        fixture loaded;
        electra_error err = {0};
        const electra_status status = load(&loaded, good, &err);
        test_fail_allocation(0);
        unload(&loaded);
        if (status == ELECTRA_OK && test_allocations() - before < n) {
            break; /* n lies beyond the last allocation */
        }
        failures += status == ELECTRA_NO_RESOURCE;
        assert_true(status == ELECTRA_OK || status == ELECTRA_NO_RESOURCE);
        assert_true(n < 2000);
    }
    assert_true(failures > 10);
}

static void any_allocation_of_saving_may_fail(void **state)
{
    (void)state;
    for (unsigned long n = 1; n < 60; n++) {
        test_fail_allocation(n);
        electra_error err = {0};
        const electra_status status = el_model_dir_write(at("torture", NULL), &generator.network, NULL,
                                                         generator.weights, generator.tokenizer, &err);
        test_fail_allocation(0);
        if (status != ELECTRA_OK && status != ELECTRA_NO_RESOURCE) {
            fail_msg("allocation %lu: %s", n, err.message);
        }
        assert_true(el_is_folder(at("torture.partial", NULL)) == false);
    }
    fixture loaded;
    assert_int_equal(load(&loaded, at("torture", NULL), NULL), ELECTRA_OK);
    unload(&loaded);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(saving_what_was_loaded_gives_the_same_bytes),
        cmocka_unit_test(config_says_everything),
        cmocka_unit_test(tokenizer_files_agree),
        cmocka_unit_test(replaces_what_was_there_and_leaves_nothing_behind),
        cmocka_unit_test(a_pair_becomes_two_directories),
        cmocka_unit_test(old_spellings_are_read),
        cmocka_unit_test(wrong_tensors_are_named),
        cmocka_unit_test(models_nearby_are_named),
        cmocka_unit_test(missing_files_are_named),
        cmocka_unit_test(config_is_checked),
        cmocka_unit_test(other_tokenizers_are_refused),
        cmocka_unit_test(old_post_processor_is_the_same),
        cmocka_unit_test(casing_that_nobody_states_is_warned_about),
        cmocka_unit_test(any_allocation_of_loading_may_fail),
        cmocka_unit_test(any_allocation_of_saving_may_fail),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
