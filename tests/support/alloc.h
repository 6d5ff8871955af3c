/* Counting and failing allocations, for tests that prove "no allocation in a step" and "any allocation may fail".
 * Works because tests are linked with --wrap for malloc and its kin; the library itself has no hook. The wrap sees
 * every allocation of the statically linked objects, not those inside shared libraries. */
#ifndef TEST_SUPPORT_ALLOC_H
#define TEST_SUPPORT_ALLOC_H

/* Allocations by any thread since the program began. */
unsigned long test_allocations(void);

/* From now on those of jansson count, and fail, too: it is a shared library, but lets itself be given a malloc. */
void test_fail_json_too(void);

/* Let the n-th allocation from now on (1 is the next) return NULL, once; 0 switches it off. */
void test_fail_allocation(unsigned long n);

#endif
