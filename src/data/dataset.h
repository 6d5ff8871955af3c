/* A data folder opened for reading: what the batcher needs beyond the public functions of data.h. */
#ifndef EL_DATA_DATASET_H
#define EL_DATA_DATASET_H

#include <electra/data.h>
#include <electra/tokenizer.h>

electra_special_ids el_data_specials(const electra_data *data);

#endif
