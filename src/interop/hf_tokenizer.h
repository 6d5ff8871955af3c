/* The tokenizer files of a Hugging Face model directory <-> our tokenizer.
 *
 * Written: vocab.txt, tokenizer.json, tokenizer_config.json and special_tokens_map.json, all saying the same, because
 * every version of transformers believes another of them (formats: docs/FORMATS.md).
 * Read: the vocabulary from tokenizer.json, else from vocab.txt; casing from tokenizer.json, else from
 * tokenizer_config.json, else lower-casing is assumed and a warning says so. Whatever we would tokenise differently
 * (another normalizer, pre-tokenizer, model, template or added token) is refused by its name. */
#ifndef EL_INTEROP_HF_TOKENIZER_H
#define EL_INTEROP_HF_TOKENIZER_H

#include <electra/tokenizer.h>

/* Write the four files into a folder that exists. max_length: the model's positions. */
electra_status el_hf_tokenizer_write(const electra_tokenizer *tokenizer, size_t max_length, const char *folder,
                                     electra_error *err);

/* specials: which special tokens are recognised in texts. rt: for warnings, may be NULL.
 * ELECTRA_INVALID with file, member, what was expected and found. */
electra_status el_hf_tokenizer_read(electra_tokenizer **out, const char *folder, electra_specials_in_text specials,
                                    const electra_runtime *rt, electra_error *err);

/* Whether a folder holds any source of a vocabulary. */
bool el_hf_tokenizer_is_there(const char *folder);

#endif
