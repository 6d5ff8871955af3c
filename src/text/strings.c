/* Owns interning: open addressing over numbers, the strings themselves end to end in one block. */
#include "text/strings.h"

#include <string.h>

#include "base/io.h"
#include "base/mem.h"

/* The slot that holds the string, or the free one where it belongs. */
static uint32_t *slot_of(const el_strings *set, const char *string, size_t bytes, uint64_t hash)
{
    for (size_t slot = hash & set->mask;; slot = (slot + 1) & set->mask) {
        const uint32_t number = set->slots[slot];
        if (number == 0) {
            return &set->slots[slot];
        }
        const el_string *item = &set->items[number - 1];
        if (item->hash == hash && item->bytes == bytes && memcmp(set->text + item->at, string, bytes) == 0) {
            return &set->slots[slot];
        }
    }
}

static bool grow_slots(el_strings *set)
{
    const size_t n = set->slots ? 2 * (set->mask + 1) : 1024;
    uint32_t *slots = el_alloc(n, sizeof slots[0]);
    if (!slots) {
        return false;
    }
    for (size_t i = 0; i < set->n; i++) {
        size_t slot = set->items[i].hash & (n - 1);
        while (slots[slot]) {
            slot = (slot + 1) & (n - 1);
        }
        slots[slot] = (uint32_t)i + 1;
    }
    el_free(set->slots);
    set->slots = slots;
    set->mask = n - 1;
    return true;
}

static bool grow_items(el_strings *set)
{
    const size_t more = 2 * set->capacity + 512;
    el_string *items = el_realloc(set->items, set->capacity, more, sizeof items[0]);
    if (!items) {
        return false;
    }
    set->items = items;
    set->capacity = more;
    return true;
}

static bool grow_text(el_strings *set, size_t bytes)
{
    const size_t more = 2 * set->text_capacity + bytes + 4096;
    char *text = el_realloc(set->text, set->text_capacity, more, 1);
    if (!text) {
        return false;
    }
    set->text = text;
    set->text_capacity = more;
    return true;
}

/* Room for one more string of so many bytes. */
static bool reserve(el_strings *set, size_t bytes)
{
    return set->n < UINT32_MAX - 1 && (2 * set->n < set->mask || grow_slots(set)) &&
           (set->n < set->capacity || grow_items(set)) &&
           (bytes < set->text_capacity - set->n_text || grow_text(set, bytes));
}

size_t el_strings_add(el_strings *set, const char *string, size_t bytes)
{
    if (!reserve(set, bytes)) {
        return EL_STRINGS_FULL;
    }
    const uint64_t hash = el_hash64(string, bytes);
    uint32_t *slot = slot_of(set, string, bytes, hash);
    if (*slot == 0) {
        memcpy(set->text + set->n_text, string, bytes);
        set->text[set->n_text + bytes] = '\0';
        set->items[set->n] = (el_string){.hash = hash, .at = set->n_text, .bytes = bytes};
        set->n_text += bytes + 1;
        *slot = (uint32_t)++set->n;
    }
    return *slot - 1;
}

size_t el_strings_find(const el_strings *set, const char *string, size_t bytes)
{
    if (set->n == 0) {
        return EL_STRINGS_FULL;
    }
    const uint32_t number = *slot_of(set, string, bytes, el_hash64(string, bytes));
    return number ? number - 1 : EL_STRINGS_FULL;
}

void el_strings_clear(el_strings *set)
{
    el_free(set->items);
    el_free(set->text);
    el_free(set->slots);
    *set = (el_strings){0};
}
