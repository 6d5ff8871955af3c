/* Owns the choice of what is read from where; reading itself is interop's. */
#include "train/warm_start.h"

#include <electra/tokenizer.h>
#include <string.h>

#include "base/io.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/status.h"
#include "interop/model_dir.h"

/* The rows of a model mean tokens: those of another vocabulary would be noise. */
static electra_status check_vocabulary(const char *folder, uint64_t expected, electra_error *err)
{
    char *path = el_path_join(folder, "vocab.txt");
    if (!path) {
        return el_fail_memory(err, folder, strlen(folder));
    }
    electra_status status = ELECTRA_OK;
    if (el_is_file(path)) {
        electra_tokenizer *tokenizer = NULL;
        status = electra_tokenizer_load(&tokenizer, path, NULL, err);
        if (status == ELECTRA_OK && electra_tokenizer_hash(tokenizer) != expected) {
            status = el_fail(err, ELECTRA_INVALID, path,
                             "%s is not the vocabulary that the shards were made with; prepare the text with it", path);
        }
        electra_tokenizer_free(tokenizer);
    }
    el_free(path);
    return status;
}

static electra_status read_model(el_step *step, const char *folder, uint64_t vocabulary_hash, const electra_runtime *rt,
                                 electra_error *err)
{
    EL_TRY(check_vocabulary(folder, vocabulary_hash, err));
    el_model_dir *dir = NULL;
    EL_TRY(el_model_dir_open(&dir, folder, rt, err));
    const el_head head = el_model_dir_head(dir)->kind;
    const bool pretrained = head == EL_HEAD_MASKED_LM || head == EL_HEAD_DISCRIMINATOR;
    const el_owner network = head == EL_HEAD_MASKED_LM ? EL_OWNER_GENERATOR : EL_OWNER_DISCRIMINATOR;
    const electra_status status = el_model_dir_read(dir, el_step_block(step, EL_BLOCK_THETA), network,
                                                    pretrained ? EL_READ_ALL : EL_READ_ENCODER, err);
    if (status == ELECTRA_OK) {
        el_log(rt, ELECTRA_LOG_INFO, "%s starts with the weights of %s",
               network == EL_OWNER_GENERATOR ? "the generator" : "the discriminator", folder);
    }
    el_model_dir_close(dir);
    return status;
}

electra_status el_warm_start(el_step *step, const char *path, uint64_t vocabulary_hash, const electra_runtime *rt,
                             electra_error *err)
{
    char *discriminator = el_path_join(path, "discriminator");
    char *generator = el_path_join(path, "generator");
    electra_status status;
    if (!discriminator || !generator) {
        status = el_fail_memory(err, path, strlen(path));
    } else if (el_is_folder(discriminator) && el_is_folder(generator)) {
        status = read_model(step, generator, vocabulary_hash, rt, err);
        if (status == ELECTRA_OK) {
            status = read_model(step, discriminator, vocabulary_hash, rt, err);
        }
    } else {
        status = read_model(step, path, vocabulary_hash, rt, err);
    }
    el_free(discriminator);
    el_free(generator);
    return status;
}
