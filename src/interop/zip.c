/* Owns the list of members of a zip archive. Reading goes backwards: the end record, the central directory that it
 * points at, and each member's own header, which says where its data begin. */
#include "interop/zip.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/status.h"

enum {
    END_BYTES = 22,       /* of the end record without its comment */
    MOST_COMMENT = 65535, /* bytes */
    END64_BYTES = 56,
    LOCATOR64_BYTES = 20,
    ENTRY_BYTES = 46, /* of an entry of the directory without its texts */
    LOCAL_BYTES = 30, /* of a member's own header without its texts */
    MOST_MEMBERS = 1 << 20,
    FLAG_ENCRYPTED = 1,
    EXTRA_ZIP64 = 1 /* the number of the extra field that holds 64-bit sizes */
};

struct el_zip {
    const unsigned char *data;
    size_t bytes;
    char *where;
    char *names; /* all of them, each ended by a NUL */
    el_zip_member *members;
    size_t n;
};

/* Where the directory lies. */
typedef struct directory {
    uint64_t entries, bytes, offset;
} directory;

void el_zip_close(el_zip *zip)
{
    if (zip) {
        el_free(zip->members);
        el_free(zip->names);
        el_free(zip->where);
        el_free(zip);
    }
}

static uint64_t number(const unsigned char *at, int width)
{
    uint64_t value = 0;
    for (int i = width; i-- > 0;) {
        value = value << 8 | at[i];
    }
    return value;
}

static bool is_record(const unsigned char *at, const char signature[3])
{
    return memcmp(at, signature, 2) == 0 && at[2] == (unsigned char)signature[2] && at[3] == signature[2] + 1;
}

bool el_zip_is(const void *data, size_t bytes)
{
    return bytes >= 4 && is_record(data, "PK\3");
}

static electra_status bad(const el_zip *zip, const char *problem, electra_error *err)
{
    return el_fail(err, ELECTRA_INVALID, zip->where, "%s is not a sound zip archive: %s. It may be cut short",
                   zip->where, problem);
}

/* ---- the end ----------------------------------------------------------------------------------------------------- */

/* The end record, searched from the back because a comment may follow it; its length must lead exactly to the end. */
static const unsigned char *find_end(const el_zip *zip)
{
    const size_t most = zip->bytes < END_BYTES + MOST_COMMENT ? zip->bytes : END_BYTES + MOST_COMMENT;
    for (size_t back = END_BYTES; back <= most; back++) {
        const unsigned char *at = zip->data + zip->bytes - back;
        if (is_record(at, "PK\5") && number(at + 20, 2) == back - END_BYTES) {
            return at;
        }
    }
    return NULL;
}

/* Large archives put the true numbers in a record of their own, found through a locator just before the end. */
static electra_status read_end64(const el_zip *zip, size_t end_at, directory *out, electra_error *err)
{
    if (end_at < LOCATOR64_BYTES || memcmp(zip->data + end_at - LOCATOR64_BYTES, "PK\6\7", 4) != 0) {
        return bad(zip, "the record of its large sizes is missing", err);
    }
    const uint64_t at = number(zip->data + end_at - LOCATOR64_BYTES + 8, 8);
    if (end_at < LOCATOR64_BYTES + END64_BYTES || at > end_at - LOCATOR64_BYTES - END64_BYTES ||
        memcmp(zip->data + at, "PK\6\6", 4) != 0) {
        return bad(zip, "the record of its large sizes is missing", err);
    }
    *out = (directory){number(zip->data + at + 32, 8), number(zip->data + at + 40, 8), number(zip->data + at + 48, 8)};
    return ELECTRA_OK;
}

static electra_status find_directory(const el_zip *zip, directory *out, electra_error *err)
{
    const unsigned char *end = find_end(zip);
    if (!end) {
        return bad(zip, "it has no end record", err);
    }
    const size_t end_at = (size_t)(end - zip->data);
    *out = (directory){number(end + 10, 2), number(end + 12, 4), number(end + 16, 4)};
    if (out->entries == 0xffff || out->bytes == 0xffffffff || out->offset == 0xffffffff) {
        EL_TRY(read_end64(zip, end_at, out, err));
    }
    if (out->bytes > end_at || out->offset > end_at - out->bytes) {
        return bad(zip, "its list of members lies beyond its end", err);
    }
    if (out->entries > MOST_MEMBERS || out->entries > out->bytes / ENTRY_BYTES) {
        return bad(zip, "it claims more members than its list has room for", err);
    }
    return ELECTRA_OK;
}

/* ---- members ----------------------------------------------------------------------------------------------------- */

typedef struct sizes {
    uint64_t stored, whole, offset;
} sizes;

/* Numbers of 32 bits that are all ones stand in an extra field instead, in this order. */
static bool widen(sizes *s, const unsigned char *extra, size_t bytes)
{
    uint64_t *const wide[] = {&s->whole, &s->stored, &s->offset};
    bool missing = false;
    for (size_t i = 0; i < 3; i++) {
        missing = missing || *wide[i] == 0xffffffff;
    }
    while (missing && bytes >= 4) {
        const size_t length = (size_t)number(extra + 2, 2);
        if (length > bytes - 4) {
            return false;
        }
        if (number(extra, 2) == EXTRA_ZIP64) {
            size_t at = 0;
            for (size_t i = 0; i < 3; i++) {
                if (*wide[i] == 0xffffffff) {
                    if (length - at < 8) {
                        return false;
                    }
                    *wide[i] = number(extra + 4 + at, 8);
                    at += 8;
                }
            }
            return true;
        }
        extra += 4 + length;
        bytes -= 4 + length;
    }
    return !missing;
}

/* A member's own header repeats its name; its data follow. They must end before the directory begins. */
static electra_status locate(const el_zip *zip, el_zip_member *member, const sizes *s, const directory *d,
                             electra_error *err)
{
    if (d->offset < LOCAL_BYTES || s->offset > d->offset - LOCAL_BYTES) {
        return bad(zip, "a member lies beyond its end", err);
    }
    const unsigned char *header = zip->data + s->offset;
    const size_t name_bytes = (size_t)number(header + 26, 2);
    const size_t before = LOCAL_BYTES + name_bytes + (size_t)number(header + 28, 2);
    const size_t room = (size_t)(d->offset - s->offset);
    if (!is_record(header, "PK\3") || before > room || name_bytes != strlen(member->name) ||
        memcmp(header + LOCAL_BYTES, member->name, name_bytes) != 0) {
        return bad(zip, "a member's header disagrees with the list", err);
    }
    if (s->whole > room - before) {
        return bad(zip, "a member reaches beyond its end", err);
    }
    member->data = header + before;
    member->bytes = (size_t)s->whole;
    return ELECTRA_OK;
}

/* One entry of the directory, which begins at `at` with `rest` bytes to the directory's end; *used is its length and
 * *name moves on behind the name that was stored there. */
static electra_status read_entry(el_zip *zip, const unsigned char *at, size_t rest, const directory *d, size_t *used,
                                 char **name, electra_error *err)
{
    if (rest < ENTRY_BYTES || !is_record(at, "PK\1")) {
        return bad(zip, "its list of members is damaged", err);
    }
    const size_t name_bytes = (size_t)number(at + 28, 2);
    const size_t extra_bytes = (size_t)number(at + 30, 2);
    *used = ENTRY_BYTES + name_bytes + extra_bytes + (size_t)number(at + 32, 2);
    if (*used > rest || memchr(at + ENTRY_BYTES, '\0', name_bytes)) {
        return bad(zip, "its list of members is damaged", err);
    }
    el_zip_member *member = &zip->members[zip->n];
    member->name = *name;
    memcpy(*name, at + ENTRY_BYTES, name_bytes);
    *name += name_bytes + 1;
    sizes s = {.stored = number(at + 20, 4), .whole = number(at + 24, 4), .offset = number(at + 42, 4)};
    if (!widen(&s, at + ENTRY_BYTES + name_bytes, extra_bytes)) {
        return bad(zip, "a member's large sizes are missing", err);
    }
    if (number(at + 10, 2) != 0 || (number(at + 8, 2) & FLAG_ENCRYPTED) || s.stored != s.whole) {
        return el_fail(err, ELECTRA_INVALID, zip->where,
                       "%s: a member of the archive is compressed or encrypted; PyTorch stores weights as they are",
                       zip->where);
    }
    EL_TRY(locate(zip, member, &s, d, err));
    zip->n++;
    return ELECTRA_OK;
}

static int by_place(const void *a, const void *b)
{
    const el_zip_member *x = a;
    const el_zip_member *y = b;
    if (x->data != y->data) {
        return x->data < y->data ? -1 : 1;
    }
    return (x->bytes > y->bytes) - (x->bytes < y->bytes);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const el_zip_member *)a)->name, ((const el_zip_member *)b)->name);
}

static electra_status check_together(el_zip *zip, electra_error *err)
{
    qsort(zip->members, zip->n, sizeof *zip->members, by_place);
    for (size_t i = 1; i < zip->n; i++) {
        if (zip->members[i].data - zip->members[i - 1].data < (ptrdiff_t)zip->members[i - 1].bytes) {
            return bad(zip, "two members share bytes", err);
        }
    }
    qsort(zip->members, zip->n, sizeof *zip->members, by_name);
    for (size_t i = 1; i < zip->n; i++) {
        if (by_name(&zip->members[i], &zip->members[i - 1]) == 0) {
            return bad(zip, "two members have one name", err);
        }
    }
    return ELECTRA_OK;
}

static electra_status read_directory(el_zip *zip, electra_error *err)
{
    directory d = {0};
    EL_TRY(find_directory(zip, &d, err));
    zip->members = el_alloc((size_t)d.entries, sizeof *zip->members);
    zip->names = el_alloc((size_t)d.bytes, 1); /* an entry has more bytes than its name with a NUL */
    if (!zip->members || !zip->names) {
        return el_fail_memory(err, zip->where, (size_t)d.bytes);
    }
    const unsigned char *at = zip->data + d.offset;
    size_t rest = (size_t)d.bytes;
    char *name = zip->names;
    for (uint64_t i = 0; i < d.entries; i++) {
        size_t used = 0;
        EL_TRY(read_entry(zip, at, rest, &d, &used, &name, err));
        at += used;
        rest -= used;
    }
    if (rest != 0) {
        return bad(zip, "its list has more members than it says", err);
    }
    return check_together(zip, err);
}

electra_status el_zip_parse(el_zip **out, const void *data, size_t bytes, const char *where, electra_error *err)
{
    *out = NULL;
    el_zip *zip = el_alloc(1, sizeof *zip);
    if (zip) {
        *zip = (el_zip){.data = data, .bytes = bytes, .where = el_strdup(where)};
    }
    if (!zip || !zip->where) {
        el_zip_close(zip);
        return el_fail_memory(err, where, sizeof *zip);
    }
    const electra_status status = read_directory(zip, err);
    if (status != ELECTRA_OK) {
        el_zip_close(zip);
        return status;
    }
    *out = zip;
    return ELECTRA_OK;
}

size_t el_zip_count(const el_zip *zip)
{
    return zip->n;
}

const el_zip_member *el_zip_at(const el_zip *zip, size_t i)
{
    return &zip->members[i];
}

const el_zip_member *el_zip_find(const el_zip *zip, const char *name)
{
    const el_zip_member key = {.name = name};
    return bsearch(&key, zip->members, zip->n, sizeof *zip->members, by_name);
}
