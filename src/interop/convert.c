/* Owns the way from one form of a model to another: what is read (model_dir.h) is written again, tensor by tensor and
 * straight from the mapped files, under the names and in the files of today. No network is built. */
#include <electra/model.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/status.h"
#include "interop/hf_tokenizer.h"
#include "interop/model.h"
#include "interop/model_dir.h"
#include "interop/names.h"
#include "interop/weight_files.h"

electra_convert_options electra_convert_options_default(void)
{
    return (electra_convert_options){.struct_size = sizeof(electra_convert_options)};
}

/* One network on its way. */
typedef struct job {
    const electra_convert_options *options;
    el_model_dir *dir;
    el_params params;
    el_network network;
    el_dtype dtype;
    electra_tokenizer *tokenizer; /* NULL: no vocabulary was found */
    double done, total;           /* bytes */
    electra_status status;        /* of filling, which has no way to return one */
    electra_error *err;
} job;

/* ---- number formats ---------------------------------------------------------------------------------------------- */

static const struct {
    electra_dtype chosen;
    el_dtype dtype;
    const char *name; /* PyTorch's */
} FORMATS[] = {{ELECTRA_DTYPE_FLOAT32, EL_DTYPE_F32, "float32"},
               {ELECTRA_DTYPE_FLOAT16, EL_DTYPE_F16, "float16"},
               {ELECTRA_DTYPE_BFLOAT16, EL_DTYPE_BF16, "bfloat16"},
               {ELECTRA_DTYPE_KEEP, EL_DTYPE_F64, "float64"}};
enum { N_FORMATS = sizeof FORMATS / sizeof *FORMATS };

static const char *format_name(el_dtype dtype)
{
    size_t i = 0;
    while (FORMATS[i].dtype != dtype) {
        i++;
    }
    return FORMATS[i].name;
}

/* The wanted format, or the one that all weights have; a mixture becomes 32 bits, since libraries expect one format. */
static electra_status choose_dtype(job *j, electra_error *err)
{
    if (el_model_dir_is_int8(j->dir)) {
        return el_fail(err, ELECTRA_INVALID, el_model_dir_path(j->dir),
                       "%s holds weights in 8-bit integers, which cannot be turned back; convert the model that it was "
                       "made from",
                       el_model_dir_path(j->dir));
    }
    for (size_t i = 0; i < el_model_dir_count(j->dir); i++) {
        const char *name;
        const el_array *t = el_model_dir_at(j->dir, i, &name);
        j->dtype = i > 0 && t->dtype != j->dtype ? EL_DTYPE_F32 : t->dtype;
    }
    for (size_t i = 0; i < N_FORMATS; i++) {
        if (j->options->dtype != ELECTRA_DTYPE_KEEP && FORMATS[i].chosen == j->options->dtype) {
            j->dtype = FORMATS[i].dtype;
        }
    }
    const bool known =
        j->dtype == EL_DTYPE_F32 || j->dtype == EL_DTYPE_F16 || j->dtype == EL_DTYPE_BF16 || j->dtype == EL_DTYPE_F64;
    j->dtype = known ? j->dtype : EL_DTYPE_F32; /* a tensor that cannot be converted is named later */
    return ELECTRA_OK;
}

/* ---- tensors ----------------------------------------------------------------------------------------------------- */

typedef struct tensor {
    job *j;
    const el_array *array;
    char name[EL_PARAM_NAME_BYTES];
} tensor;

static void fill(void *user, size_t first, size_t n, void *out)
{
    tensor *t = user;
    job *j = t->j;
    if (j->status == ELECTRA_OK) {
        j->status = el_array_convert(t->array, first, n, j->dtype, out, j->err);
        if (j->status != ELECTRA_OK) { /* the file will not survive, but it is written to its end */
            memset(out, 0, n * el_dtype_bits(j->dtype) / 8);
        }
        j->done += (double)(n * el_dtype_bits(j->dtype) / 8);
    }
    const electra_runtime *rt = &j->options->runtime;
    const electra_progress progress = {.stage = "converting", .unit = "bytes", .done = j->done, .total = j->total};
    if (j->status == ELECTRA_OK && rt->progress && rt->progress(rt->progress_user, &progress)) {
        j->status = el_fail(j->err, ELECTRA_INTERRUPTED, NULL, "interrupted; nothing was written");
    }
}

static void describe_tensors(job *j, tensor *tensors, el_array_source *sources, size_t *n)
{
    const el_head_config *head = &j->network.head_config;
    const bool alone = head->kind == EL_HEAD_NONE;
    *n = 0;
    for (size_t i = 0; i < j->params.count; i++) {
        const el_param *row = &j->params.list[i];
        tensor *t = &tensors[*n];
        t->j = j;
        t->array = el_model_dir_find(j->dir, row);
        el_name_to_hf(t->name, sizeof t->name, row->name, j->network.config.family, alone);
        sources[*n] =
            (el_array_source){.name = t->name, .dtype = j->dtype, .rank = t->array->rank, .fill = fill, .user = t};
        memcpy(sources[*n].shape, t->array->shape, sizeof t->array->shape);
        j->total += (double)(t->array->n * el_dtype_bits(j->dtype) / 8);
        (*n)++;
    }
}

static electra_status write_model(job *j, const char *folder, size_t *files, electra_error *err)
{
    const el_head kind = j->network.head_config.kind;
    const bool labelled = kind == EL_HEAD_CLASSIFIER || kind == EL_HEAD_TAGGER;
    tensor *tensors = el_alloc(j->params.count, sizeof *tensors);
    el_array_source *sources = el_alloc(j->params.count, sizeof *sources);
    electra_status status;
    if (!tensors || !sources) {
        status = el_fail_memory(err, folder, j->params.count * sizeof *tensors);
    } else {
        el_model_files what = {.network = &j->network,
                               .labels = labelled ? &el_model_dir_config(j->dir)->labels : NULL,
                               .tokenizer = j->tokenizer,
                               .tensors = sources,
                               .dtype = j->dtype,
                               .shard_bytes = j->options->shard_bytes,
                               .filled = &j->status};
        describe_tensors(j, tensors, sources, &what.n);
        j->err = err;
        status = el_model_dir_write_files(folder, &what, files, err);
    }
    el_free(tensors);
    el_free(sources);
    return status;
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

/* Heads that are not known here are left out; say so, because the result is another model. */
static void warn_of_lost_head(const job *j)
{
    size_t lost = 0;
    const char *example = "";
    for (size_t i = 0; i < el_model_dir_count(j->dir); i++) {
        const char *name;
        (void)el_model_dir_at(j->dir, i, &name);
        if (strncmp(name, "electra.", strlen("electra.")) != 0) {
            example = name;
            lost++;
        }
    }
    if (lost) {
        el_log(&j->options->runtime, ELECTRA_LOG_WARNING,
               "%s: %zu tensors of a head that is not known here, such as %s, are left out: only the encoder is "
               "written",
               el_model_dir_path(j->dir), lost, example);
    }
}

static electra_status read_model(job *j, const char *from, el_tf1_network network, electra_error *err)
{
    const electra_convert_options *o = j->options;
    const el_model_source source = {.network = network, .config = o->config};
    EL_TRY(el_model_dir_open_from(&j->dir, from, &source, &o->runtime, err));
    const el_head_config *head = el_model_dir_head(j->dir);
    const bool encoder = head->kind == EL_HEAD_NONE;
    const el_head wanted = network == EL_TF1_GENERATOR ? EL_HEAD_MASKED_LM : EL_HEAD_DISCRIMINATOR;
    if (network != EL_TF1_ANY && head->kind != wanted) { /* files that hold one network */
        return el_fail(err, ELECTRA_INVALID, from, "%s holds no %s but a model of another kind (%s)", from,
                       electra_model_kind_name(el_model_kind_of_head(wanted)),
                       electra_model_kind_name(el_model_kind_of_head(head->kind)));
    }
    EL_TRY(el_params_build_single(&j->params, &j->network, &el_model_dir_config(j->dir)->model, head, err));
    if (encoder) {
        warn_of_lost_head(j);
    }
    EL_TRY(el_model_dir_check(j->dir, &j->params, j->network.role, encoder ? EL_READ_ENCODER : EL_READ_ALL, err));
    return choose_dtype(j, err);
}

static electra_status read_tokenizer(job *j, electra_error *err)
{
    const electra_convert_options *o = j->options;
    const char *folder = el_model_dir_path(j->dir);
    if (o->vocab) {
        electra_tokenizer_options settings = electra_tokenizer_options_default();
        settings.lowercase = !o->cased;
        EL_TRY(electra_tokenizer_load(&j->tokenizer, o->vocab, &settings, err));
    } else if (el_hf_tokenizer_is_there(folder)) {
        EL_TRY(el_hf_tokenizer_read(&j->tokenizer, folder, ELECTRA_SPECIALS_ALL, &o->runtime, err));
    } else {
        el_log(&o->runtime, ELECTRA_LOG_WARNING, "%s holds no vocabulary, so no tokenizer files are written", folder);
        return ELECTRA_OK;
    }
    const size_t tokens = electra_tokenizer_size(j->tokenizer);
    if (tokens > j->network.config.vocab_size) {
        return el_fail(err, ELECTRA_INVALID, o->vocab ? o->vocab : folder,
                       "%s: the vocabulary has %zu tokens, but the model knows only %zu; these files belong to "
                       "different models",
                       o->vocab ? o->vocab : folder, tokens, j->network.config.vocab_size);
    }
    return ELECTRA_OK;
}

/* ---- one network, or two ----------------------------------------------------------------------------------------- */

static void clear(job *j)
{
    electra_tokenizer_free(j->tokenizer);
    el_params_clear(&j->params);
    el_model_dir_close(j->dir);
}

/* A folder that is there is replaced, so it must be a model, and not the one that is read. */
static electra_status check_target(const char *folder, const char *source, electra_error *err)
{
    bool fine = true;
    bool same = false;
    if (el_is_folder(folder)) {
        char *config = el_path_join(folder, "config.json");
        char *there = realpath(folder, NULL);
        char *read = realpath(source, NULL);
        fine = config && (el_is_file(config) || rmdir(folder) == 0); /* an empty one is no loss */
        same = there && read && strcmp(there, read) == 0;
        free(read);
        free(there);
        el_free(config);
    }
    if (same) {
        return el_fail(err, ELECTRA_MISUSE, NULL, "%s is the model that is read; write to another folder", folder);
    }
    return fine ? ELECTRA_OK
                : el_fail(err, ELECTRA_MISUSE, NULL,
                          "%s is there and is no model directory; it is not replaced. Give the name of a new folder",
                          folder);
}

/* subfolder: "" for the folder itself. */
static electra_status convert_one(electra_converted *out, const char *from, const char *to, const char *subfolder,
                                  el_tf1_network network, const electra_convert_options *options, electra_error *err)
{
    job j = {.options = options};
    char *folder = subfolder[0] ? el_path_join(to, subfolder) : el_strdup(to);
    electra_status status = folder ? ELECTRA_OK : el_fail_memory(err, to, strlen(to));
    if (status == ELECTRA_OK) {
        status = read_model(&j, from, network, err);
    }
    if (status == ELECTRA_OK) {
        status = check_target(folder, el_model_dir_path(j.dir), err);
    }
    if (status == ELECTRA_OK) {
        status = read_tokenizer(&j, err);
    }
    electra_converted_model *model = &out->models[out->n];
    *model = (electra_converted_model){0};
    if (status == ELECTRA_OK) {
        status = write_model(&j, folder, &model->files, err);
    }
    if (status == ELECTRA_OK) {
        model->kind = el_model_kind_of_head(j.network.head_config.kind);
        model->parameters = el_params_total(&j.params, j.network.role);
        model->number_format = format_name(j.dtype);
        model->subfolder = subfolder;
        out->n++;
    }
    clear(&j);
    el_free(folder);
    return status;
}

/* Whether the files are a TensorFlow checkpoint that holds both networks of a pair. */
static electra_status holds_pair(bool *out, const char *from, electra_error *err)
{
    el_weight_files *files;
    EL_TRY(el_weight_files_open(&files, from, err));
    const el_tf1 *tf1 = el_weight_files_tf1(files);
    *out = tf1 && el_tf1_has(tf1, EL_TF1_DISCRIMINATOR) && el_tf1_has(tf1, EL_TF1_GENERATOR);
    el_weight_files_close(files);
    return ELECTRA_OK;
}

static electra_status convert(electra_converted *out, const char *from, const char *to,
                              const electra_convert_options *o, electra_error *err)
{
    static const el_tf1_network NETWORKS[] = {[ELECTRA_NETWORK_ALL] = EL_TF1_ANY,
                                              [ELECTRA_NETWORK_DISCRIMINATOR] = EL_TF1_DISCRIMINATOR,
                                              [ELECTRA_NETWORK_GENERATOR] = EL_TF1_GENERATOR};
    bool pair = false;
    EL_TRY(holds_pair(&pair, from, err));
    if (o->network != ELECTRA_NETWORK_ALL || !pair) {
        return convert_one(out, from, to, "", NETWORKS[o->network], o, err);
    }
    EL_TRY(el_make_folders(to, err));
    EL_TRY(convert_one(out, from, to, "discriminator", EL_TF1_DISCRIMINATOR, o, err));
    return convert_one(out, from, to, "generator", EL_TF1_GENERATOR, o, err);
}

electra_status electra_model_convert(electra_converted *out, const char *from, const char *to,
                                     const electra_convert_options *options, electra_error *err)
{
    electra_convert_options o = electra_convert_options_default();
    if (options) {
        memcpy(&o, options, options->struct_size < sizeof o ? options->struct_size : sizeof o);
    }
    if (!from || !to || (unsigned)o.network > ELECTRA_NETWORK_GENERATOR || (unsigned)o.dtype > ELECTRA_DTYPE_BFLOAT16) {
        return el_fail(err, ELECTRA_MISUSE, "electra_model_convert",
                       "from and to must be given, network and dtype must be one of those there are");
    }
    electra_converted unused;
    out = out ? out : &unused;
    *out = (electra_converted){0};
    return convert(out, from, to, &o, err);
}
