/* Owns the files of checkpoints. */
#include "train/checkpoint.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/status.h"
#include "interop/safetensors.h"

static const char FORMAT[] = "electra-checkpoint-1";
static const char SUFFIX[] = ".safetensors";

enum { N_BLOCKS = 3, CHUNK = 1 << 16, NAME_BYTES = EL_PARAM_NAME_BYTES + 48 };

static const struct {
    const char *name;
    el_block block;
} BLOCKS[N_BLOCKS] = {
    {"theta", EL_BLOCK_THETA},
    {"first_moment", EL_BLOCK_FIRST_MOMENT},
    {"second_moment", EL_BLOCK_SECOND_MOMENT},
};

/* ---- state ---------------------------------------------------------------------------------------------------------
 */

static double get(const void *state, const el_state_field *field)
{
    double value;
    memcpy(&value, (const char *)state + field->offset, sizeof value);
    return value;
}

/* JSON that brings every double back to the bit; to be freed with free. NULL when out of memory. */
static char *state_text(const el_checkpoint *checkpoint)
{
    json_t *all = json_object();
    char hash[20];
    (void)snprintf(hash, sizeof hash, "%016" PRIx64, checkpoint->settings_hash);
    int failed = json_object_set_new(all, "settings", json_string(hash));
    for (size_t i = 0; i < checkpoint->table->n; i++) {
        const el_state_field *field = &checkpoint->table->fields[i];
        failed |= json_object_set_new(all, field->name, json_real(get(checkpoint->state, field)));
    }
    char *text = failed ? NULL : json_dumps(all, JSON_COMPACT | JSON_REAL_PRECISION(17));
    json_decref(all);
    return text;
}

/* table NULL: only the hash. */
static electra_status read_state(const el_state_table *table, void *state, const char *text, uint64_t *settings_hash,
                                 const char *path, electra_error *err)
{
    json_t *all = NULL;
    EL_TRY(el_json_parse(&all, text, strlen(text), path, err));
    const char *settings = NULL;
    electra_status status = el_json_text(all, "settings", EL_JSON_REQUIRED, &settings, path, err);
    *settings_hash = status == ELECTRA_OK ? strtoull(settings, NULL, 16) : 0;
    for (size_t i = 0; table && i < table->n && status == ELECTRA_OK; i++) {
        const el_state_field *field = &table->fields[i];
        double value = 0;
        status = el_json_real(all, field->name, EL_JSON_REQUIRED, field->least, field->most, &value, path, err);
        memcpy((char *)state + field->offset, &value, sizeof value);
    }
    json_decref(all);
    return status;
}

/* ---- tensors -------------------------------------------------------------------------------------------------------
 */

static void tensor_name(char *name, size_t block, const el_param *param)
{
    static const char *const OWNERS[] = {
        [EL_OWNER_SHARED] = "shared", [EL_OWNER_GENERATOR] = "generator", [EL_OWNER_DISCRIMINATOR] = "discriminator"};
    (void)snprintf(name, NAME_BYTES, "%s/%s.%s", BLOCKS[block].name, OWNERS[param->owner], param->name);
}

/* One tensor of a block being written, piece by piece, so that no second copy of the block is needed. */
typedef struct piece {
    const el_learner *learner;
    size_t block;
    const el_param *param;
    char name[NAME_BYTES];
} piece;

static void fill(void *user, size_t first, size_t n, void *out)
{
    const piece *p = user;
    el_backend *be = p->learner->be;
    const char *data = el_learner_block(p->learner, BLOCKS[p->block].block).data;
    be->ops->download_f32(be, out, data + (p->param->offset + first) * be->element_size, n);
}

/* The checksum goes on: over the last one and these bytes. */
static uint64_t chain(uint64_t sum, const void *data, size_t bytes)
{
    const uint64_t both[2] = {sum, el_hash64(data, bytes)};
    return el_hash64(both, sizeof both);
}

/* What a tensor adds to the checksum of a file. Sums do not depend on the order of the tensors, so a file can be
 * checked without knowing the network. */
static uint64_t begin_sum(const char *name)
{
    return el_hash64(name, strlen(name));
}

static uint64_t sum_of_tensor(piece *p, float *chunk)
{
    uint64_t sum = begin_sum(p->name);
    const size_t n = p->param->rows * p->param->cols;
    for (size_t first = 0; first < n; first += CHUNK) {
        const size_t count = n - first < CHUNK ? n - first : CHUNK;
        fill(p, first, count, chunk);
        sum = chain(sum, chunk, count * sizeof *chunk);
    }
    return sum;
}

/* ---- writing -------------------------------------------------------------------------------------------------------
 */

static void describe(el_array_source *source, piece *p)
{
    tensor_name(p->name, p->block, p->param);
    *source = (el_array_source){
        .name = p->name, .dtype = EL_DTYPE_F32, .rank = (size_t)p->param->n_dims, .fill = fill, .user = p};
    source->shape[0] = p->param->n_dims == 2 ? p->param->rows : p->param->cols;
    source->shape[1] = p->param->cols;
}

static electra_status write_file(const char *path, const el_learner *learner, const char *state, piece *pieces,
                                 el_array_source *sources, float *chunk, electra_error *err)
{
    const el_params *params = learner->params;
    uint64_t sum = el_hash64(state, strlen(state));
    size_t n = 0;
    for (size_t b = 0; b < N_BLOCKS; b++) {
        for (size_t i = 0; i < params->count; i++, n++) {
            pieces[n] = (piece){.learner = learner, .block = b, .param = &params->list[i]};
            describe(&sources[n], &pieces[n]);
            sum += sum_of_tensor(&pieces[n], chunk);
        }
    }
    char checksum[20];
    (void)snprintf(checksum, sizeof checksum, "%016" PRIx64, sum);
    const el_metadata metadata[] = {{"checksum", checksum}, {"format", FORMAT}, {"state", state}};
    return el_safetensors_write(path, sources, n, metadata, 3, err);
}

electra_status el_checkpoint_save(const char *folder, const el_checkpoint *checkpoint, electra_error *err)
{
    const size_t n = N_BLOCKS * checkpoint->learner->params->count;
    char name[64];
    (void)snprintf(name, sizeof name, "step-%08.0f%s", get(checkpoint->state, &checkpoint->table->fields[0]), SUFFIX);
    char *path = el_path_join(folder, name);
    char *text = state_text(checkpoint);
    piece *pieces = el_alloc(n, sizeof *pieces);
    el_array_source *sources = el_alloc(n, sizeof *sources);
    float *chunk = el_alloc(CHUNK, sizeof *chunk);
    electra_status status;
    if (!path || !text || !pieces || !sources || !chunk) {
        status = el_fail_memory(err, "a checkpoint", n * sizeof *pieces);
    } else {
        status = write_file(path, checkpoint->learner, text, pieces, sources, chunk, err);
    }
    el_free(path);
    free(text);
    el_free(pieces);
    el_free(sources);
    el_free(chunk);
    return status;
}

/* ---- reading -------------------------------------------------------------------------------------------------------
 */

/* The shape in files (params.h): not in the checksum, so a tensor lying on its side must be seen here. */
static bool fits(const el_array *array, const el_param *param)
{
    const bool matrix = param->n_dims == 2;
    return array->dtype == EL_DTYPE_F32 && array->rank == (size_t)param->n_dims &&
           array->shape[0] == (matrix ? param->rows : param->cols) && (!matrix || array->shape[1] == param->cols);
}

/* One tensor from the file into its place; its bytes into the checksum. */
static electra_status load_tensor(const el_safetensors *file, piece *p, uint64_t *sum, float *chunk, const char *path,
                                  electra_error *err)
{
    el_backend *be = p->learner->be;
    tensor_name(p->name, p->block, p->param);
    const el_array *array = el_safetensors_find(file, p->name);
    const size_t n = p->param->rows * p->param->cols;
    if (!array || !fits(array, p->param)) {
        return el_fail(err, ELECTRA_INVALID, path, "%s: the tensor \"%s\" %s", path, p->name,
                       array ? "does not have the shape of this run's network" : "is missing");
    }
    char *block = el_learner_block(p->learner, BLOCKS[p->block].block).data;
    uint64_t own = begin_sum(p->name);
    for (size_t first = 0; first < n; first += CHUNK) {
        const size_t count = n - first < CHUNK ? n - first : CHUNK;
        memcpy(chunk, array->data + first * sizeof *chunk, count * sizeof *chunk);
        own = chain(own, chunk, count * sizeof *chunk);
        be->ops->upload_f32(be, block + (p->param->offset + first) * be->element_size, chunk, count);
    }
    *sum += own;
    return ELECTRA_OK;
}

static electra_status load_tensors(const el_safetensors *file, el_learner *learner, uint64_t *sum, const char *path,
                                   electra_error *err)
{
    const el_params *params = learner->params;
    if (el_safetensors_count(file) != N_BLOCKS * params->count) {
        return el_fail(err, ELECTRA_INVALID, path, "%s holds %zu tensors; this run's network needs %zu", path,
                       el_safetensors_count(file), N_BLOCKS * params->count);
    }
    float *chunk = el_alloc(CHUNK, sizeof *chunk);
    if (!chunk) {
        return el_fail_memory(err, path, CHUNK * sizeof *chunk);
    }
    electra_status status = ELECTRA_OK;
    for (size_t b = 0; b < N_BLOCKS && status == ELECTRA_OK; b++) {
        for (size_t i = 0; i < params->count && status == ELECTRA_OK; i++) {
            piece p = {.learner = learner, .block = b, .param = &params->list[i]};
            status = load_tensor(file, &p, sum, chunk, path, err);
        }
    }
    el_free(chunk);
    return status;
}

/* The texts of a checkpoint's metadata, borrowed from the file. */
static electra_status read_metadata(const el_safetensors *file, const char *path, const char **state,
                                    const char **checksum, electra_error *err)
{
    const char *format = el_safetensors_metadata(file, "format");
    *state = el_safetensors_metadata(file, "state");
    *checksum = el_safetensors_metadata(file, "checksum");
    if (!format || !*state || !*checksum || strcmp(format, FORMAT) != 0) {
        return el_fail(err, ELECTRA_INVALID, path, "%s is not a checkpoint of format \"%s\"", path, FORMAT);
    }
    return ELECTRA_OK;
}

static electra_status check_sum(uint64_t sum, const char *expected, const char *path, electra_error *err)
{
    char found[20];
    (void)snprintf(found, sizeof found, "%016" PRIx64, sum);
    if (strcmp(found, expected) != 0) {
        return el_fail(err, ELECTRA_INVALID, path, "%s is damaged: its checksum is %s and should be %s", path, found,
                       expected);
    }
    return ELECTRA_OK;
}

static electra_status load_file(const el_safetensors *file, const char *path, const el_checkpoint *checkpoint,
                                electra_error *err)
{
    const char *text, *checksum;
    EL_TRY(read_metadata(file, path, &text, &checksum, err));
    uint64_t settings = 0;
    EL_TRY(read_state(checkpoint->table, checkpoint->state, text, &settings, path, err));
    uint64_t sum = el_hash64(text, strlen(text));
    electra_status status = load_tensors(file, checkpoint->learner, &sum, path, err);
    if (status == ELECTRA_OK) {
        EL_TRY(check_sum(sum, checksum, path, err));
    }
    if (settings != checkpoint->settings_hash && (status == ELECTRA_OK || status == ELECTRA_INVALID)) {
        return el_fail(err, ELECTRA_MISUSE, path, "%s was made with other settings than those in settings.json", path);
    }
    return status;
}

static electra_status verify_file(const el_safetensors *file, const char *path, const el_state_table *table,
                                  void *state, electra_error *err)
{
    const char *text, *checksum;
    EL_TRY(read_metadata(file, path, &text, &checksum, err));
    uint64_t settings = 0;
    EL_TRY(read_state(table, state, text, &settings, path, err));
    uint64_t sum = el_hash64(text, strlen(text));
    for (size_t i = 0; i < el_safetensors_count(file); i++) {
        const el_array *array = el_safetensors_at(file, i);
        uint64_t own = begin_sum(array->name);
        for (size_t first = 0; first < array->bytes; first += CHUNK * sizeof(float)) {
            const size_t left = array->bytes - first;
            own = chain(own, array->data + first, left < CHUNK * sizeof(float) ? left : CHUNK * sizeof(float));
        }
        sum += own;
    }
    return check_sum(sum, checksum, path, err);
}

electra_status el_checkpoint_verify(const char *path, const el_state_table *table, void *state, electra_error *err)
{
    el_safetensors *file = NULL;
    EL_TRY(el_safetensors_open(&file, path, err));
    const electra_status status = verify_file(file, path, table, state, err);
    el_safetensors_close(file);
    return status;
}

electra_status el_checkpoint_load(const char *path, const el_checkpoint *checkpoint, electra_error *err)
{
    el_safetensors *file = NULL;
    EL_TRY(el_safetensors_open(&file, path, err));
    const electra_status status = load_file(file, path, checkpoint, err);
    el_safetensors_close(file);
    return status;
}

/* ---- the folder ----------------------------------------------------------------------------------------------------
 */

/* Steps of the checkpoints in a folder, newest first. */
typedef struct listing {
    uint64_t *steps;
    size_t n, capacity;
} listing;

static int newest_first(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a;
    const uint64_t y = *(const uint64_t *)b;
    return (x < y) - (x > y);
}

static bool parse_name(const char *name, uint64_t *step)
{
    static const char PREFIX[] = "step-";
    if (strncmp(name, PREFIX, sizeof PREFIX - 1) != 0 || name[sizeof PREFIX - 1] < '0' ||
        name[sizeof PREFIX - 1] > '9') {
        return false;
    }
    char *end;
    errno = 0;
    *step = strtoull(name + sizeof PREFIX - 1, &end, 10);
    return errno == 0 && strcmp(end, SUFFIX) == 0;
}

static bool list_add(listing *list, uint64_t step)
{
    if (list->n == list->capacity) {
        const size_t capacity = 2 * list->capacity + 16;
        uint64_t *steps = el_realloc(list->steps, list->capacity, capacity, sizeof *steps);
        if (!steps) {
            return false;
        }
        list->steps = steps;
        list->capacity = capacity;
    }
    list->steps[list->n++] = step;
    return true;
}

static electra_status list_folder(listing *list, const char *folder, electra_error *err)
{
    *list = (listing){0};
    DIR *entries = opendir(folder);
    if (!entries) {
        return errno == ENOENT ? ELECTRA_OK : el_fail_errno(err, folder, "cannot read the folder %s", folder);
    }
    electra_status status = ELECTRA_OK;
    for (struct dirent *entry; status == ELECTRA_OK && (entry = readdir(entries)) != NULL;) {
        uint64_t step;
        if (parse_name(entry->d_name, &step) && !list_add(list, step)) {
            status = el_fail_memory(err, folder, list->capacity * sizeof *list->steps);
        }
    }
    (void)closedir(entries);
    if (list->n > 0) {
        qsort(list->steps, list->n, sizeof *list->steps, newest_first);
    }
    return status;
}

static char *path_of(const char *folder, uint64_t step)
{
    char name[64];
    (void)snprintf(name, sizeof name, "step-%08" PRIu64 "%s", step, SUFFIX);
    return el_path_join(folder, name);
}

/* A damaged file gets out of the way, but stays for whoever wants to look at it. */
static void set_aside(const char *path)
{
    const size_t bytes = strlen(path) + sizeof ".damaged";
    char *to = el_alloc(bytes, 1);
    if (to) {
        (void)snprintf(to, bytes, "%s.damaged", path);
        (void)rename(path, to);
    }
    el_free(to);
}

static electra_status try_one(const char *folder, uint64_t number, const el_checkpoint *checkpoint,
                              const electra_runtime *rt, electra_error *err)
{
    char *path = path_of(folder, number);
    if (!path) {
        return el_fail_memory(err, folder, strlen(folder));
    }
    electra_error problem = {0};
    const electra_status status = el_checkpoint_load(path, checkpoint, &problem);
    if (status == ELECTRA_INVALID) {
        el_log(rt, ELECTRA_LOG_WARNING, "%s; it is set aside as .damaged and the checkpoint before it used",
               problem.message);
        set_aside(path);
    }
    el_free(path);
    if (status != ELECTRA_OK && err) {
        *err = problem;
    }
    return status;
}

electra_status el_checkpoint_resume(const char *folder, const el_checkpoint *checkpoint, bool *found,
                                    const electra_runtime *rt, electra_error *err)
{
    *found = false;
    listing list;
    electra_status status = list_folder(&list, folder, err);
    for (size_t i = 0; i < list.n && !*found && (status == ELECTRA_OK || status == ELECTRA_INVALID); i++) {
        status = try_one(folder, list.steps[i], checkpoint, rt, err);
        *found = status == ELECTRA_OK;
    }
    el_free(list.steps);
    return status;
}

electra_status el_checkpoint_verify_all(const char *folder, size_t *n, uint64_t *newest, electra_error *err)
{
    listing list;
    electra_status status = list_folder(&list, folder, err);
    *n = list.n;
    *newest = list.n > 0 ? list.steps[0] : 0;
    for (size_t i = 0; i < list.n && status == ELECTRA_OK; i++) {
        char *path = path_of(folder, list.steps[i]);
        status = path ? el_checkpoint_verify(path, NULL, NULL, err) : el_fail_memory(err, folder, strlen(folder));
        el_free(path);
    }
    el_free(list.steps);
    return status;
}

electra_status el_checkpoint_prune(const char *folder, size_t keep, electra_error *err)
{
    if (keep == 0) {
        return ELECTRA_OK;
    }
    listing list;
    electra_status status = list_folder(&list, folder, err);
    for (size_t i = keep; i < list.n && status == ELECTRA_OK; i++) {
        char *path = path_of(folder, list.steps[i]);
        if (!path) {
            status = el_fail_memory(err, folder, strlen(folder));
        } else if (unlink(path) != 0 && errno != ENOENT) {
            status = el_fail_errno(err, path, "cannot remove the old checkpoint %s", path);
        }
        el_free(path);
    }
    el_free(list.steps);
    return status;
}
