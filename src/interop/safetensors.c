/* Owns the safetensors format, both ways. Reading goes in this order: the frame (lengths), the JSON, each tensor's
 * entry, then all entries together (no gap, no overlap, nothing left over). */
#include "interop/safetensors.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/status.h"

enum {
    LENGTH_BYTES = 8,
    MOST_HEADER_BYTES = 100000000, /* the reference library's limit */
    MOST_TENSORS = 1000000,
    MOST_NAME_BYTES = 4096,
    PIECE_BYTES = 1 << 20 /* how much of a tensor is asked for at once when writing; a multiple of every width */
};

static const char METADATA[] = "__metadata__";

/* ---- reading ------------------------------------------------------------------------------------------------- */

struct el_safetensors {
    el_map map;     /* empty when the bytes belong to the caller */
    char *where;    /* the path or the caller's name for the bytes */
    json_t *header; /* owns names and metadata */
    el_array *tensors;
    size_t n;
};

void el_safetensors_close(el_safetensors *file)
{
    if (!file) {
        return;
    }
    json_decref(file->header);
    el_free(file->tensors);
    el_free(file->where);
    el_map_close(&file->map);
    el_free(file);
}

/* The header's text and the bytes behind it. */
static electra_status split(const unsigned char *data, size_t bytes, size_t *header_bytes, const char *where,
                            electra_error *err)
{
    if (bytes < LENGTH_BYTES) {
        return el_fail(err, ELECTRA_INVALID, where,
                       "%s has %zu bytes; a safetensors file begins with 8 bytes that give its header's length", where,
                       bytes);
    }
    uint64_t length;
    memcpy(&length, data, sizeof length);
    if (length > MOST_HEADER_BYTES) {
        return el_fail(err, ELECTRA_INVALID, where,
                       "%s says that its header has %llu bytes; at most %d are allowed. It is not a safetensors file, "
                       "or it is damaged",
                       where, (unsigned long long)length, MOST_HEADER_BYTES);
    }
    if (length > bytes - LENGTH_BYTES) {
        return el_fail(err, ELECTRA_INVALID, where,
                       "%s is cut short: its header should have %llu bytes, but only %zu follow its length", where,
                       (unsigned long long)length, bytes - LENGTH_BYTES);
    }
    if (length == 0 || data[LENGTH_BYTES] != '{') {
        return el_fail(err, ELECTRA_INVALID, where, "%s: the header should begin with \"{\"", where);
    }
    *header_bytes = (size_t)length;
    return ELECTRA_OK;
}

static electra_status check_metadata(const json_t *header, const char *where, electra_error *err)
{
    json_t *map = json_object_get(header, METADATA);
    if (!map || json_is_null(map)) {
        return ELECTRA_OK;
    }
    if (!json_is_object(map)) {
        return el_fail(err, ELECTRA_INVALID, where, "%s: \"%s\" should be an object of texts", where, METADATA);
    }
    const char *key;
    json_t *value;
    json_object_foreach(map, key, value)
    {
        if (!json_is_string(value)) {
            return el_fail(err, ELECTRA_INVALID, where, "%s: \"%s\": the value of \"%.200s\" should be a text", where,
                           METADATA, key);
        }
    }
    return ELECTRA_OK;
}

/* A whole number that is no tensor's fault to reject here: not negative, and it fits. */
static bool whole_number(const json_t *value, size_t *out)
{
    if (!json_is_integer(value) || json_integer_value(value) < 0) {
        return false;
    }
    *out = (size_t)json_integer_value(value);
    return true;
}

static electra_status bad_tensor(const el_array *t, const char *problem, electra_error *err)
{
    return el_fail(err, ELECTRA_INVALID, t->file, "%s: the tensor \"%.200s\" %s", t->file, t->name, problem);
}

static electra_status read_dtype(el_array *t, const json_t *entry, electra_error *err)
{
    const char *dtype = json_string_value(json_object_get(entry, "dtype"));
    if (!dtype) {
        return bad_tensor(t, "has no \"dtype\", or it is no text", err);
    }
    if (!el_dtype_find(dtype, &t->dtype)) {
        return el_fail(err, ELECTRA_INVALID, t->file,
                       "%s: the tensor \"%.200s\" has the unknown number format \"%.40s\"", t->file, t->name, dtype);
    }
    return ELECTRA_OK;
}

static electra_status read_shape(el_array *t, const json_t *entry, electra_error *err)
{
    const json_t *shape = json_object_get(entry, "shape");
    if (!json_is_array(shape)) {
        return bad_tensor(t, "has no \"shape\", or it is no array", err);
    }
    t->rank = json_array_size(shape);
    if (t->rank > EL_ARRAY_MOST_RANK) {
        return el_fail(err, ELECTRA_INVALID, t->file,
                       "%s: the tensor \"%.200s\" has %zu dimensions; at most %d are "
                       "understood",
                       t->file, t->name, t->rank, EL_ARRAY_MOST_RANK);
    }
    for (size_t i = 0; i < t->rank; i++) {
        if (!whole_number(json_array_get(shape, i), &t->shape[i])) {
            return bad_tensor(t, "has a \"shape\" that is not made of whole numbers", err);
        }
    }
    if (!el_array_measure(t->dtype, t->shape, t->rank, &t->n, &t->bytes)) {
        return bad_tensor(t, "has a \"shape\" that is too large, or not a whole number of bytes", err);
    }
    return ELECTRA_OK;
}

static electra_status read_offsets(el_array *t, const json_t *entry, const unsigned char *data, size_t bytes,
                                   electra_error *err)
{
    const json_t *offsets = json_object_get(entry, "data_offsets");
    size_t begin;
    size_t end;
    if (json_array_size(offsets) != 2 || !whole_number(json_array_get(offsets, 0), &begin) ||
        !whole_number(json_array_get(offsets, 1), &end) || begin > end) {
        return bad_tensor(t, "should have \"data_offsets\": two whole numbers, the first not above the second", err);
    }
    if (end - begin != t->bytes) {
        char shape[160];
        el_shape_text(shape, sizeof shape, t->shape, t->rank);
        return el_fail(err, ELECTRA_INVALID, t->file,
                       "%s: the tensor \"%.200s\" has %zu bytes of data; its shape %s of %s needs %zu", t->file,
                       t->name, end - begin, shape, el_dtype_name(t->dtype), t->bytes);
    }
    if (end > bytes) {
        return el_fail(err, ELECTRA_INVALID, t->file,
                       "%s is cut short: the tensor \"%.200s\" should end at byte %zu of the data, which has %zu bytes",
                       t->file, t->name, end, bytes);
    }
    t->data = data + begin;
    return ELECTRA_OK;
}

/* Where data lie, shorter ones first, so that an empty tensor comes before the one that begins at the same place. */
static int by_place(const void *a, const void *b)
{
    const el_array *x = a;
    const el_array *y = b;
    if (x->data != y->data) {
        return x->data < y->data ? -1 : 1;
    }
    return (x->bytes > y->bytes) - (x->bytes < y->bytes);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const el_array *)a)->name, ((const el_array *)b)->name);
}

/* Together the tensors must cover the data from the first byte to the last, each byte once. */
static electra_status check_cover(el_safetensors *file, const unsigned char *data, size_t bytes, electra_error *err)
{
    qsort(file->tensors, file->n, sizeof *file->tensors, by_place);
    size_t covered = 0;
    for (size_t i = 0; i < file->n; i++) {
        const el_array *t = &file->tensors[i];
        const size_t begin = (size_t)(t->data - data);
        if (begin != covered) {
            return el_fail(err, ELECTRA_INVALID, t->file,
                           "%s: the data of the tensor \"%.200s\" begin at byte %zu; the tensors before it end at %zu, "
                           "and neither gap nor overlap is allowed",
                           t->file, t->name, begin, covered);
        }
        covered += t->bytes;
    }
    if (covered != bytes) {
        return el_fail(err, ELECTRA_INVALID, file->where,
                       "%s holds %zu bytes of data, of which its tensors use only %zu", file->where, bytes, covered);
    }
    qsort(file->tensors, file->n, sizeof *file->tensors, by_name);
    return ELECTRA_OK;
}

static electra_status read_entries(el_safetensors *file, const unsigned char *data, size_t bytes, electra_error *err)
{
    const size_t members = json_object_size(file->header);
    if (members > MOST_TENSORS) {
        return el_fail(err, ELECTRA_INVALID, file->where, "%s names %zu tensors; at most %d are understood",
                       file->where, members, MOST_TENSORS);
    }
    file->tensors = el_alloc(members, sizeof *file->tensors);
    if (!file->tensors) {
        return el_fail_memory(err, file->where, members * sizeof *file->tensors);
    }
    const char *name;
    json_t *entry;
    json_object_foreach(file->header, name, entry)
    {
        if (strcmp(name, METADATA) == 0) {
            continue;
        }
        el_array *t = &file->tensors[file->n];
        t->name = name;
        t->file = file->where;
        if (strlen(name) > MOST_NAME_BYTES) {
            return bad_tensor(t, "has too long a name", err);
        }
        if (!json_is_object(entry)) {
            return bad_tensor(t, "should be described by an object", err);
        }
        EL_TRY(read_dtype(t, entry, err));
        EL_TRY(read_shape(t, entry, err));
        EL_TRY(read_offsets(t, entry, data, bytes, err));
        t->mapped = file->map.size > 0;
        file->n++;
    }
    return check_cover(file, data, bytes, err);
}

static electra_status read_all(el_safetensors *file, const unsigned char *data, size_t bytes, electra_error *err)
{
    size_t header_bytes = 0;
    EL_TRY(split(data, bytes, &header_bytes, file->where, err));
    EL_TRY(el_json_parse(&file->header, (const char *)data + LENGTH_BYTES, header_bytes, file->where, err));
    EL_TRY(check_metadata(file->header, file->where, err));
    const size_t before = LENGTH_BYTES + header_bytes;
    return read_entries(file, data + before, bytes - before, err);
}

static electra_status new_reader(el_safetensors **out, const char *where, electra_error *err)
{
    el_safetensors *file = el_alloc(1, sizeof *file);
    if (file) {
        file->where = el_strdup(where);
    }
    if (!file || !file->where) {
        el_safetensors_close(file);
        return el_fail_memory(err, where, sizeof *file);
    }
    *out = file;
    return ELECTRA_OK;
}

electra_status el_safetensors_parse(el_safetensors **out, const void *data, size_t bytes, const char *where,
                                    electra_error *err)
{
    *out = NULL;
    el_safetensors *file = NULL;
    EL_TRY(new_reader(&file, where, err));
    const electra_status status = read_all(file, data, bytes, err);
    if (status != ELECTRA_OK) {
        el_safetensors_close(file);
        return status;
    }
    *out = file;
    return ELECTRA_OK;
}

electra_status el_safetensors_open(el_safetensors **out, const char *path, electra_error *err)
{
    *out = NULL;
    el_safetensors *file = NULL;
    EL_TRY(new_reader(&file, path, err));
    electra_status status = el_map_open(&file->map, path, err);
    if (status == ELECTRA_OK) {
        status = read_all(file, file->map.data, file->map.size, err);
    }
    if (status != ELECTRA_OK) {
        el_safetensors_close(file);
        return status;
    }
    *out = file;
    return ELECTRA_OK;
}

size_t el_safetensors_count(const el_safetensors *file)
{
    return file->n;
}

const el_array *el_safetensors_at(const el_safetensors *file, size_t i)
{
    return &file->tensors[i];
}

const el_array *el_safetensors_find(const el_safetensors *file, const char *name)
{
    const el_array key = {.name = name};
    return bsearch(&key, file->tensors, file->n, sizeof *file->tensors, by_name);
}

const char *el_safetensors_metadata(const el_safetensors *file, const char *key)
{
    return json_string_value(json_object_get(json_object_get(file->header, METADATA), key));
}

/* ---- writing ------------------------------------------------------------------------------------------------- */

/* A text that grows; `failed` is set once and everything after it is ignored. */
typedef struct text_buffer {
    char *text;
    size_t used;
    size_t capacity;
    bool failed;
} text_buffer;

static void add(text_buffer *buffer, const char *text, size_t bytes)
{
    if (!buffer->failed && bytes > buffer->capacity - buffer->used) {
        const size_t capacity = 2 * buffer->capacity + bytes + 256;
        char *grown = el_realloc(buffer->text, buffer->used, capacity, 1);
        buffer->failed = !grown;
        buffer->text = grown ? grown : buffer->text;
        buffer->capacity = grown ? capacity : buffer->capacity;
    }
    if (!buffer->failed) {
        memcpy(buffer->text + buffer->used, text, bytes);
        buffer->used += bytes;
    }
}

static void add_text(text_buffer *buffer, const char *text)
{
    add(buffer, text, strlen(text));
}

static void add_number(text_buffer *buffer, size_t number)
{
    char text[32];
    (void)snprintf(text, sizeof text, "%zu", number);
    add_text(buffer, text);
}

/* The escapes of the reference library's JSON writer: the shortest ones, and nothing else is escaped. */
static void add_quoted(text_buffer *buffer, const char *text)
{
    static const char SHORT[] = "\bb\tt\nn\ff\rr\"\"\\\\";
    add(buffer, "\"", 1);
    for (; *text; text++) {
        const char *pair = NULL;
        for (size_t i = 0; i + 1 < sizeof SHORT; i += 2) {
            if (SHORT[i] == *text) {
                pair = SHORT + i;
            }
        }
        if (pair) {
            add(buffer, "\\", 1);
            add(buffer, pair + 1, 1);
        } else if ((unsigned char)*text < 0x20) {
            char escape[8];
            (void)snprintf(escape, sizeof escape, "\\u%04x", (unsigned)(unsigned char)*text);
            add_text(buffer, escape);
        } else {
            add(buffer, text, 1);
        }
    }
    add(buffer, "\"", 1);
}

static int by_key(const void *a, const void *b)
{
    return strcmp(((const el_metadata *)a)->key, ((const el_metadata *)b)->key);
}

/* Falling alignment, then rising name. */
static int by_file_order(const void *a, const void *b)
{
    const el_array_source *x = a;
    const el_array_source *y = b;
    if (x->dtype != y->dtype) {
        return x->dtype > y->dtype ? -1 : 1;
    }
    return strcmp(x->name, y->name);
}

static void add_metadata(text_buffer *header, const el_metadata *sorted, size_t n)
{
    add_quoted(header, METADATA);
    add_text(header, ":{");
    for (size_t i = 0; i < n; i++) {
        add_text(header, i ? "," : "");
        add_quoted(header, sorted[i].key);
        add_text(header, ":");
        add_quoted(header, sorted[i].value);
    }
    add_text(header, "}");
}

static void add_entry(text_buffer *header, const el_array_source *t, size_t begin, size_t end)
{
    add_quoted(header, t->name);
    add_text(header, ":{\"dtype\":\"");
    add_text(header, el_dtype_name(t->dtype));
    add_text(header, "\",\"shape\":[");
    for (size_t i = 0; i < t->rank; i++) {
        add_text(header, i ? "," : "");
        add_number(header, t->shape[i]);
    }
    add_text(header, "],\"data_offsets\":[");
    add_number(header, begin);
    add_text(header, ",");
    add_number(header, end);
    add_text(header, "]}");
}

static electra_status make_header(text_buffer *header, const el_array_source *sorted, size_t n,
                                  const el_metadata *metadata, size_t n_metadata, const char *path, electra_error *err)
{
    add_text(header, "{");
    if (n_metadata) {
        add_metadata(header, metadata, n_metadata);
    }
    size_t begin = 0;
    for (size_t i = 0; i < n; i++) {
        size_t elements;
        size_t bytes;
        size_t end;
        if (sorted[i].rank > EL_ARRAY_MOST_RANK || el_dtype_bits(sorted[i].dtype) % 8 != 0 ||
            !el_array_measure(sorted[i].dtype, sorted[i].shape, sorted[i].rank, &elements, &bytes) ||
            el_add_overflows(begin, bytes, &end)) {
            return el_fail(err, ELECTRA_MISUSE, path,
                           "the tensor \"%.200s\" cannot be written: too large or of parts of bytes", sorted[i].name);
        }
        add_text(header, n_metadata || i ? "," : "");
        add_entry(header, &sorted[i], begin, end);
        begin = end;
    }
    add_text(header, "}");
    while (!header->failed && header->used % 8 != 0) {
        add_text(header, " ");
    }
    return header->failed ? el_fail_memory(err, path, header->capacity) : ELECTRA_OK;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Names must differ across number formats too, so they are sorted once more, by name alone. */
static electra_status check_names(const el_array_source *tensors, size_t n, const char *path, electra_error *err)
{
    const char **names = el_alloc(n, sizeof *names);
    if (!names) {
        return el_fail_memory(err, path, n * sizeof *names);
    }
    for (size_t i = 0; i < n; i++) {
        names[i] = tensors[i].name;
    }
    qsort(names, n, sizeof *names, by_text);
    electra_status status = ELECTRA_OK;
    for (size_t i = 0; i < n && status == ELECTRA_OK; i++) {
        if (strcmp(names[i], METADATA) == 0 || (i && strcmp(names[i], names[i - 1]) == 0)) {
            status = el_fail(err, ELECTRA_MISUSE, path, "the tensor name \"%.200s\" is taken", names[i]);
        }
    }
    el_free(names);
    return status;
}

static void add_data(el_writer *w, const el_array_source *t, unsigned char *piece)
{
    size_t n;
    size_t bytes;
    (void)el_array_measure(t->dtype, t->shape, t->rank, &n, &bytes);
    if (t->data || bytes == 0) {
        el_writer_add(w, t->data, bytes);
        return;
    }
    const size_t width = el_dtype_bits(t->dtype) / 8;
    const size_t most = PIECE_BYTES / width;
    for (size_t first = 0; first < n; first += most) {
        const size_t count = n - first < most ? n - first : most;
        t->fill(t->user, first, count, piece);
        el_writer_add(w, piece, count * width);
    }
}

static electra_status write_sorted(const char *path, const el_array_source *sorted, size_t n,
                                   const el_metadata *metadata, size_t n_metadata, electra_error *err)
{
    for (size_t i = 1; i < n_metadata; i++) {
        if (strcmp(metadata[i].key, metadata[i - 1].key) == 0) {
            return el_fail(err, ELECTRA_MISUSE, path, "the metadata key \"%.200s\" is given twice", metadata[i].key);
        }
    }
    text_buffer header = {0};
    el_writer *w = NULL;
    unsigned char *piece = el_alloc(PIECE_BYTES, 1);
    electra_status status = piece ? ELECTRA_OK : el_fail_memory(err, path, PIECE_BYTES);
    if (status == ELECTRA_OK) {
        status = make_header(&header, sorted, n, metadata, n_metadata, path, err);
    }
    if (status == ELECTRA_OK) {
        status = el_writer_open(&w, path, err);
    }
    if (status == ELECTRA_OK) {
        const uint64_t length = header.used;
        el_writer_add(w, &length, sizeof length);
        el_writer_add(w, header.text, header.used);
        for (size_t i = 0; i < n; i++) {
            add_data(w, &sorted[i], piece);
        }
        status = el_writer_commit(w, err);
    }
    el_free(piece);
    el_free(header.text);
    return status;
}

electra_status el_safetensors_write(const char *path, const el_array_source *tensors, size_t n,
                                    const el_metadata *metadata, size_t n_metadata, electra_error *err)
{
    EL_TRY(check_names(tensors, n, path, err));
    el_array_source *sorted = el_alloc(n, sizeof *sorted);
    el_metadata *keys = el_alloc(n_metadata, sizeof *keys);
    electra_status status;
    if (!sorted || !keys) {
        status = el_fail_memory(err, path, n * sizeof *sorted);
    } else {
        if (n) {
            memcpy(sorted, tensors, n * sizeof *sorted);
            qsort(sorted, n, sizeof *sorted, by_file_order);
        }
        if (n_metadata) {
            memcpy(keys, metadata, n_metadata * sizeof *keys);
            qsort(keys, n_metadata, sizeof *keys, by_key);
        }
        status = write_sorted(path, sorted, n, keys, n_metadata, err);
    }
    el_free(sorted);
    el_free(keys);
    return status;
}
