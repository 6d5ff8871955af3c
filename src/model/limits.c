#include "model/limits.h"

#include "base/status.h"
#include "model/params.h"

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

el_limits el_network_limits(const el_model_config *c, size_t tokens, size_t sequences, size_t longest, size_t slots)
{
    return (el_limits){.tokens = tokens,
                       .sequences = sequences,
                       .longest = longest,
                       .width = larger(larger(3 * c->hidden_size, c->intermediate_size),
                                       larger(c->embedding_size, EL_QA_INNER)), /* whatever head there will be */
                       .heads = c->n_heads,
                       .head_width = c->hidden_size / c->n_heads,
                       .slots = slots,
                       .vocabulary = c->vocab_size,
                       .positions = c->max_positions};
}

el_limits el_limits_join(el_limits a, el_limits b)
{
    return (el_limits){.tokens = larger(a.tokens, b.tokens),
                       .sequences = larger(a.sequences, b.sequences),
                       .longest = larger(a.longest, b.longest),
                       .width = larger(a.width, b.width),
                       .heads = larger(a.heads, b.heads),
                       .head_width = larger(a.head_width, b.head_width),
                       .slots = larger(a.slots, b.slots),
                       .vocabulary = larger(a.vocabulary, b.vocabulary),
                       .positions = larger(a.positions, b.positions)};
}

electra_status el_limits_check(const el_model_config *config, size_t tokens, size_t sequences, size_t longest,
                               electra_error *err)
{
    if (tokens == 0 || sequences == 0 || longest == 0 || longest > tokens || sequences > tokens ||
        tokens > UINT32_MAX) {
        return el_fail(err, ELECTRA_MISUSE, "batch",
                       "a batch of %zu tokens in %zu sequences of at most %zu tokens makes no sense", tokens, sequences,
                       longest);
    }
    if (longest > config->max_positions) {
        return el_fail(err, ELECTRA_MISUSE, "max-length",
                       "sequences of %zu tokens were asked for, but the network has %zu positions; choose a shorter "
                       "length or a network with more positions",
                       longest, config->max_positions);
    }
    return ELECTRA_OK;
}
