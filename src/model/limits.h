/* What a network asks of a backend's workspace, and whether a batch can be that large at all. */
#ifndef EL_MODEL_LIMITS_H
#define EL_MODEL_LIMITS_H

#include "model/config.h"

/* For el_ops.reserve. */
el_limits el_network_limits(const el_model_config *config, size_t tokens, size_t sequences, size_t longest,
                            size_t slots);
/* The larger of each, for two networks on one backend. */
el_limits el_limits_join(el_limits a, el_limits b);

/* ELECTRA_MISUSE if a size is 0, does not go with the others, or a sequence could be longer than the position table. */
electra_status el_limits_check(const el_model_config *config, size_t tokens, size_t sequences, size_t longest,
                               electra_error *err);

#endif
