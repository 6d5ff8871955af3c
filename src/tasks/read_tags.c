/* Owns what is made of the tags of a sentence: IOB1 to IOB2 or BIOES, then numbers. */
#include <stdlib.h>
#include <string.h>

#include "tasks/read.h"

/* A tag of a span: B-, I-, E- or S- and a type; else it is outside, or no such tag at all (a part of speech). */
typedef struct tag {
    char place; /* 'B', 'I', 'E', 'S'; 'O': outside; 0: another kind of tag */
    electra_text type;
} tag;

static tag parse_tag(electra_text text)
{
    if (text.bytes == 1 && text.text[0] == 'O') {
        return (tag){.place = 'O'};
    }
    if (text.bytes > 2 && text.text[1] == '-' && strchr("BIES", text.text[0])) {
        return (tag){text.text[0], {text.text + 2, text.bytes - 2}};
    }
    return (tag){0};
}

static bool inside(tag t)
{
    return t.place != 0 && t.place != 'O';
}

/* Whether a span begins at a word: also at an I- behind another type, as in IOB1. */
static bool begins(tag before, tag here)
{
    const bool goes_on =
        inside(before) && before.place != 'E' && before.place != 'S' && el_read_same(before.type, here.type);
    return inside(here) && (here.place == 'B' || here.place == 'S' || !goes_on);
}

/* Whether the span that a word is in goes on behind it. */
static bool continues(tag here, tag after)
{
    return inside(here) && inside(after) && !begins(here, after);
}

static char place_of(bool first, bool last)
{
    if (last) {
        return first ? 'S' : 'E';
    }
    return first ? 'B' : 'I';
}

/* The number of a span's tag with another letter before its type. */
static electra_status number_of(el_reader *r, char place, electra_text type, uint32_t line, uint32_t *out)
{
    char name[512];
    if (type.bytes > sizeof name - 2) {
        const el_shown shown = el_read_shown(type);
        return el_read_skip(r, line, "'%s' with its %zu bytes is no tag", shown.text, type.bytes);
    }
    name[0] = place;
    name[1] = '-';
    memcpy(name + 2, type.text, type.bytes);
    electra_text sound;
    EL_TRY(el_read_text(r, el_read_string(name, type.bytes + 2), line, &sound));
    return el_read_label(r, sound, "tag", line, out);
}

electra_status el_read_tags(el_reader *r, const electra_text *tags, size_t n, uint32_t line, uint32_t *out, bool *fine)
{
    const el_source_tags wanted = r->source->tags;
    *fine = true;
    tag before = {.place = 'O'};
    for (size_t i = 0; i < n && *fine; i++) {
        const tag here = parse_tag(tags[i]), after = i + 1 < n ? parse_tag(tags[i + 1]) : (tag){.place = 'O'};
        const bool first = begins(before, here), last = !continues(here, after);
        if (tags[i].bytes == 0) {
            out[i] = EL_NO_LABEL; /* the file does not tell */
        } else {
            if (wanted == EL_TAGS_AS_THEY_ARE || !inside(here)) {
                EL_TRY(el_read_label(r, tags[i], "tag", line, &out[i]));
            } else {
                EL_TRY(number_of(r, place_of(first, wanted == EL_TAGS_BIOES && last), here.type, line, &out[i]));
            }
            *fine = out[i] != EL_NO_LABEL;
        }
        before = here;
    }
    return ELECTRA_OK;
}
