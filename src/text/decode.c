/* Owns decoding: pieces joined to words. */
#include "text/decode.h"

#include <string.h>

#include "base/mem.h"
#include "base/status.h"
#include "text/tokenizer.h"

void el_text_buffer_clear(el_text_buffer *b)
{
    el_free(b->text);
    *b = (el_text_buffer){0};
}

/* What the reference decoder takes out or puts in its place, in this order, in each piece by itself. */
static const struct {
    const char *from, *to;
} CLEAN_UPS[] = {{" .", "."},   {" ?", "?"},           {" !", "!"},   {" ,", ","},     {" ' ", "'"},   {" n't", "n't"},
                 {" 'm", "'m"}, {" do not", " don't"}, {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"}};

/* Replace every occurrence within text[from, n); a replacement is never longer than what it replaces. */
static void replace_all(el_text_buffer *b, size_t from, const char *old, const char *new)
{
    const size_t old_bytes = strlen(old);
    const size_t new_bytes = strlen(new);
    size_t to = from;
    for (size_t at = from; at < b->n;) {
        if (b->n - at >= old_bytes && memcmp(b->text + at, old, old_bytes) == 0) {
            memcpy(b->text + to, new, new_bytes);
            to += new_bytes;
            at += old_bytes;
        } else {
            b->text[to++] = b->text[at++];
        }
    }
    b->n = to;
}

electra_status el_text_buffer_add(el_text_buffer *b, const char *text, size_t bytes, electra_error *err)
{
    if (b->capacity - b->n <= bytes) { /* one more for the NUL */
        const size_t more = 2 * b->capacity + bytes + 64;
        char *grown = el_realloc(b->text, b->capacity, more, 1);
        if (!grown) {
            return el_fail_memory(err, "the decoded text", more);
        }
        b->text = grown;
        b->capacity = more;
    }
    memcpy(b->text + b->n, text, bytes);
    b->n += bytes;
    b->text[b->n] = '\0';
    return ELECTRA_OK;
}

electra_status el_decode_piece(el_text_buffer *b, const char *piece, size_t bytes, bool first, electra_error *err)
{
    const size_t begin = b->n;
    if (!first && bytes >= 2 && memcmp(piece, "##", 2) == 0) {
        piece += 2;
        bytes -= 2;
    } else if (!first) {
        EL_TRY(el_text_buffer_add(b, " ", 1, err));
    }
    EL_TRY(el_text_buffer_add(b, piece, bytes, err));
    for (size_t i = 0; i < sizeof CLEAN_UPS / sizeof CLEAN_UPS[0]; i++) {
        replace_all(b, begin, CLEAN_UPS[i].from, CLEAN_UPS[i].to);
    }
    b->text[b->n] = '\0';
    return ELECTRA_OK;
}

electra_status electra_tokenizer_decode(const electra_tokenizer *t, const uint32_t *ids, size_t n, bool skip_special,
                                        char **out, size_t *out_bytes, electra_error *err)
{
    *out = NULL;
    el_text_buffer b = {0};
    electra_status status = el_text_buffer_add(&b, "", 0, err);
    bool first = true;
    for (size_t i = 0; status == ELECTRA_OK && i < n; i++) {
        if (ids[i] < t->vocab.n && !(skip_special && electra_tokenizer_is_special(t, ids[i]))) {
            status = el_decode_piece(&b, el_vocab_token(&t->vocab, ids[i]), el_vocab_token_bytes(&t->vocab, ids[i]),
                                     first, err);
            first = false;
        }
    }
    if (status != ELECTRA_OK) {
        el_text_buffer_clear(&b);
        return status;
    }
    if (out_bytes) {
        *out_bytes = b.n;
    }
    *out = b.text;
    return ELECTRA_OK;
}

void electra_text_free(char *text)
{
    el_free(text);
}
