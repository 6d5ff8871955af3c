/* What must hold for an array that a reader hands over. */
#ifndef TEST_FUZZ_ARRAYS_H
#define TEST_FUZZ_ARRAYS_H

#include "interop/array.h"

/* Read all of it in every way there is. */
void fuzz_use_array(const el_array *t);

#endif
