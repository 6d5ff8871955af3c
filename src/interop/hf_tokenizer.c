/* Owns tokenizer.json and its companions. Which reader believes which file was found out by running transformers
 * 4.57 and 5.23; the members are those of tokenizers' own serialisation. */
#include "interop/hf_tokenizer.h"

#include <stdio.h>
#include <string.h>

#include "base/io.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/status.h"
#include "interop/vocab_scan.h"

static const char VOCAB_FILE[] = "vocab.txt";
static const char TOKENIZER_FILE[] = "tokenizer.json";
static const char CONFIG_FILE[] = "tokenizer_config.json";
static const char SPECIALS_FILE[] = "special_tokens_map.json";

typedef struct special {
    const char *role; /* the member of tokenizer_config.json */
    const char *text;
} special;

static const special SPECIALS[] = {{"cls_token", "[CLS]"},
                                   {"mask_token", "[MASK]"},
                                   {"pad_token", "[PAD]"},
                                   {"sep_token", "[SEP]"},
                                   {"unk_token", "[UNK]"}};
enum { N_SPECIALS = sizeof SPECIALS / sizeof *SPECIALS };

static bool is_special_text(const char *text)
{
    for (size_t i = 0; i < N_SPECIALS; i++) {
        if (strcmp(SPECIALS[i].text, text) == 0) {
            return true;
        }
    }
    return false;
}

/* ---- writing ------------------------------------------------------------------------------------------------- */

/* null where stripping accents follows from lower-casing, as the reference writes it. */
static json_t *accents(const electra_tokenizer_options *o)
{
    const bool strip = o->strip_accents == ELECTRA_ACCENTS_STRIP;
    return strip == o->lowercase ? json_null() : json_boolean(strip);
}

/* Add a member and give up our reference; false when out of memory (value may be NULL then). */
static bool put(json_t *object, const char *name, json_t *value)
{
    return json_object_set_new(object, name, value) == 0;
}

static json_t *added_token(uint32_t id, const char *text, bool with_id)
{
    json_t *token = json_object();
    bool fine = token && (!with_id || put(token, "id", json_integer(id)));
    fine = fine && put(token, "content", json_string(text));
    static const char *const FLAGS[] = {"single_word", "lstrip", "rstrip", "normalized"};
    for (size_t i = 0; fine && i < sizeof FLAGS / sizeof *FLAGS; i++) {
        fine = put(token, FLAGS[i], json_false());
    }
    fine = fine && put(token, "special", json_true());
    if (!fine) {
        json_decref(token);
        return NULL;
    }
    return token;
}

/* The special tokens that the vocabulary has, by rising id. */
static size_t special_ids(const electra_tokenizer *tokenizer, uint32_t ids[N_SPECIALS])
{
    const electra_special_ids all = electra_tokenizer_specials(tokenizer);
    const uint32_t listed[N_SPECIALS] = {all.pad, all.unk, all.cls, all.sep, all.mask};
    size_t n = 0;
    for (size_t i = 0; i < N_SPECIALS; i++) {
        if (listed[i] == ELECTRA_NO_TOKEN) {
            continue;
        }
        size_t at = n++;
        for (; at > 0 && ids[at - 1] > listed[i]; at--) {
            ids[at] = ids[at - 1];
        }
        ids[at] = listed[i];
    }
    return n;
}

static json_t *added_tokens_array(const electra_tokenizer *tokenizer)
{
    uint32_t ids[N_SPECIALS];
    const size_t n = special_ids(tokenizer, ids);
    json_t *list = json_array();
    for (size_t i = 0; i < n && list; i++) {
        json_t *token = added_token(ids[i], electra_tokenizer_token(tokenizer, ids[i]), true);
        if (json_array_append_new(list, token) != 0) {
            json_decref(list);
            list = NULL;
        }
    }
    return list;
}

/* Token -> id in the order of ids. A token that stands on several lines has the id of the last one, as when reading;
 * empty lines have no token. */
static json_t *vocabulary(const electra_tokenizer *tokenizer)
{
    json_t *vocab = json_object();
    const size_t n = electra_tokenizer_size(tokenizer);
    for (uint32_t id = 0; id < n && vocab; id++) {
        const char *token = electra_tokenizer_token(tokenizer, id);
        if (token[0] == '\0' || electra_tokenizer_id(tokenizer, token) != id) {
            continue;
        }
        if (!put(vocab, token, json_integer(id))) {
            json_decref(vocab);
            vocab = NULL;
        }
    }
    return vocab;
}

/* [CLS] A [SEP], or [CLS] A [SEP] B [SEP] with the second part of type 1. */
static json_t *template_of(bool pair)
{
    static const char SINGLE[] = "[{\"SpecialToken\":{\"id\":\"[CLS]\",\"type_id\":0}},"
                                 "{\"Sequence\":{\"id\":\"A\",\"type_id\":0}},"
                                 "{\"SpecialToken\":{\"id\":\"[SEP]\",\"type_id\":0}}]";
    static const char PAIR[] = "[{\"SpecialToken\":{\"id\":\"[CLS]\",\"type_id\":0}},"
                               "{\"Sequence\":{\"id\":\"A\",\"type_id\":0}},"
                               "{\"SpecialToken\":{\"id\":\"[SEP]\",\"type_id\":0}},"
                               "{\"Sequence\":{\"id\":\"B\",\"type_id\":1}},"
                               "{\"SpecialToken\":{\"id\":\"[SEP]\",\"type_id\":1}}]";
    return json_loads(pair ? PAIR : SINGLE, 0, NULL);
}

static json_t *post_processor(const electra_special_ids *ids)
{
    return json_pack("{s:s, s:o, s:o, s:{s:{s:s, s:[I], s:[s]}, s:{s:s, s:[I], s:[s]}}}", //
                     "type", "TemplateProcessing", "single", template_of(false), "pair", template_of(true),
                     "special_tokens",                                                       //
                     "[CLS]", "id", "[CLS]", "ids", (json_int_t)ids->cls, "tokens", "[CLS]", //
                     "[SEP]", "id", "[SEP]", "ids", (json_int_t)ids->sep, "tokens", "[SEP]");
}

/* tokenizer.json keeps its members in the order in which the reference library writes them. */
static json_t *tokenizer_json(const electra_tokenizer *tokenizer)
{
    const electra_tokenizer_options o = electra_tokenizer_settings(tokenizer);
    const electra_special_ids ids = electra_tokenizer_specials(tokenizer);
    return json_pack("{s:s, s:n, s:n, s:o, s:{s:s, s:b, s:b, s:o, s:b}, s:{s:s}, s:o, s:{s:s, s:s, s:b}, "
                     "s:{s:s, s:s, s:s, s:I, s:o}}",
                     "version", "1.0", "truncation", "padding", "added_tokens", added_tokens_array(tokenizer), //
                     "normalizer", "type", "BertNormalizer", "clean_text", (int)o.clean_text,                  //
                     "handle_chinese_chars", (int)o.handle_chinese_chars, "strip_accents", accents(&o),        //
                     "lowercase", (int)o.lowercase,                                                            //
                     "pre_tokenizer", "type", "BertPreTokenizer", "post_processor", post_processor(&ids),      //
                     "decoder", "type", "WordPiece", "prefix", "##", "cleanup", 1,                             //
                     "model", "type", "WordPiece", "unk_token", "[UNK]", "continuing_subword_prefix", "##",    //
                     "max_input_chars_per_word", (json_int_t)o.max_word_chars, "vocab", vocabulary(tokenizer));
}

static json_t *added_tokens_decoder(const electra_tokenizer *tokenizer)
{
    uint32_t ids[N_SPECIALS];
    const size_t n = special_ids(tokenizer, ids);
    json_t *map = json_object();
    for (size_t i = 0; i < n && map; i++) {
        char key[16];
        (void)snprintf(key, sizeof key, "%u", (unsigned)ids[i]);
        if (!put(map, key, added_token(ids[i], electra_tokenizer_token(tokenizer, ids[i]), false))) {
            json_decref(map);
            map = NULL;
        }
    }
    return map;
}

/* Add the members "cls_token": "[CLS]" and so on for the tokens that the vocabulary has. */
static bool put_specials(json_t *object, const electra_tokenizer *tokenizer)
{
    for (size_t i = 0; i < N_SPECIALS; i++) {
        if (electra_tokenizer_id(tokenizer, SPECIALS[i].text) != ELECTRA_NO_TOKEN &&
            !put(object, SPECIALS[i].role, json_string(SPECIALS[i].text))) {
            return false;
        }
    }
    return true;
}

static json_t *tokenizer_config(const electra_tokenizer *tokenizer, size_t max_length)
{
    const electra_tokenizer_options o = electra_tokenizer_settings(tokenizer);
    json_t *config = json_pack("{s:o, s:b, s:b, s:[s, s, s], s:I, s:o, s:b, s:s}",                       //
                               "added_tokens_decoder", added_tokens_decoder(tokenizer),                  //
                               "clean_up_tokenization_spaces", 1, "do_lower_case", (int)o.lowercase,     //
                               "model_input_names", "input_ids", "token_type_ids", "attention_mask",     //
                               "model_max_length", (json_int_t)max_length, "strip_accents", accents(&o), //
                               "tokenize_chinese_chars", (int)o.handle_chinese_chars,                    //
                               "tokenizer_class", "BertTokenizer");
    if (config && !put_specials(config, tokenizer)) {
        json_decref(config);
        return NULL;
    }
    return config;
}

static json_t *specials_map(const electra_tokenizer *tokenizer)
{
    json_t *map = json_object();
    if (map && !put_specials(map, tokenizer)) {
        json_decref(map);
        return NULL;
    }
    return map;
}

/* Save one JSON document (NULL: it could not be made for lack of memory) and release it. */
static electra_status save(json_t *json, bool sorted, const char *folder, const char *name, electra_error *err)
{
    char *path = json ? el_path_join(folder, name) : NULL;
    electra_status status;
    if (!path) {
        status = el_fail_memory(err, name, 0);
    } else if (sorted) {
        status = el_json_save(json, path, err);
    } else {
        status = el_json_save_in_order(json, path, err);
    }
    el_free(path);
    json_decref(json);
    return status;
}

electra_status el_hf_tokenizer_write(const electra_tokenizer *tokenizer, size_t max_length, const char *folder,
                                     electra_error *err)
{
    char *path = el_path_join(folder, VOCAB_FILE);
    if (!path) {
        return el_fail_memory(err, folder, 0);
    }
    const electra_status status = electra_tokenizer_save_vocab(tokenizer, path, err);
    el_free(path);
    EL_TRY(status);
    EL_TRY(save(tokenizer_json(tokenizer), false, folder, TOKENIZER_FILE, err));
    EL_TRY(save(tokenizer_config(tokenizer, max_length), true, folder, CONFIG_FILE, err));
    return save(specials_map(tokenizer), true, folder, SPECIALS_FILE, err);
}

/* ---- reading tokenizer.json ---------------------------------------------------------------------------------- */

/* The member must be an object whose "type" is `type`; missing (or null) is fine if `optional`. */
static electra_status check_type(const json_t *json, const char *member, const char *type, bool optional,
                                 const json_t **out, const char *where, electra_error *err)
{
    const json_t *value = json_object_get(json, member);
    *out = NULL;
    if (optional && (!value || json_is_null(value))) {
        return ELECTRA_OK;
    }
    if (!json_is_object(value)) {
        return el_fail(err, ELECTRA_INVALID, where, "%s: \"%s\" should be an object of type \"%s\"", where, member,
                       type);
    }
    const char *found = json_string_value(json_object_get(value, "type"));
    /* very old files leave the model's type out */
    if (!found && strcmp(member, "model") == 0 && json_object_get(value, "continuing_subword_prefix")) {
        found = type;
    }
    if (!found || strcmp(found, type) != 0) {
        return el_fail(err, ELECTRA_INVALID, where,
                       "%s: the %s is of type \"%.60s\"; only \"%s\" can be used here, anything else would give other "
                       "tokens",
                       where, member, found ? found : "(none)", type);
    }
    *out = value;
    return ELECTRA_OK;
}

/* Without a normalizer the text is taken as it is. */
static electra_status read_normalizer(electra_tokenizer_options *o, const json_t *json, const char *where,
                                      electra_error *err)
{
    const json_t *n;
    EL_TRY(check_type(json, "normalizer", "BertNormalizer", true, &n, where, err));
    o->clean_text = o->handle_chinese_chars = o->lowercase = n != NULL;
    o->strip_accents = n ? ELECTRA_ACCENTS_AUTO : ELECTRA_ACCENTS_KEEP;
    if (!n) {
        return ELECTRA_OK;
    }
    EL_TRY(el_json_bool(n, "clean_text", EL_JSON_OPTIONAL, &o->clean_text, where, err));
    EL_TRY(el_json_bool(n, "handle_chinese_chars", EL_JSON_OPTIONAL, &o->handle_chinese_chars, where, err));
    EL_TRY(el_json_bool(n, "lowercase", EL_JSON_OPTIONAL, &o->lowercase, where, err));
    bool strip = o->lowercase;
    EL_TRY(el_json_bool(n, "strip_accents", EL_JSON_OPTIONAL, &strip, where, err));
    o->strip_accents = strip ? ELECTRA_ACCENTS_STRIP : ELECTRA_ACCENTS_KEEP;
    return ELECTRA_OK;
}

static bool is_bert_processing(const json_t *post)
{
    const char *sep = json_string_value(json_array_get(json_object_get(post, "sep"), 0));
    const char *cls = json_string_value(json_array_get(json_object_get(post, "cls"), 0));
    return sep && cls && strcmp(sep, "[SEP]") == 0 && strcmp(cls, "[CLS]") == 0;
}

/* out of memory counts as not the same, and sets *status */
static bool same_template(const json_t *post, const char *member, bool pair, electra_status *status)
{
    json_t *expected = template_of(pair);
    const bool same = expected && json_equal(json_object_get(post, member), expected);
    *status = expected ? *status : ELECTRA_NO_RESOURCE;
    json_decref(expected);
    return same;
}

static electra_status check_post_processor(const json_t *json, const char *where, electra_error *err)
{
    const json_t *post = json_object_get(json, "post_processor");
    if (!post || json_is_null(post)) {
        return ELECTRA_OK;
    }
    const char *type = json_string_value(json_object_get(post, "type"));
    electra_status status = ELECTRA_OK;
    const bool fine =
        type && ((strcmp(type, "BertProcessing") == 0 && is_bert_processing(post)) ||
                 (strcmp(type, "TemplateProcessing") == 0 && same_template(post, "single", false, &status) &&
                  same_template(post, "pair", true, &status)));
    if (status == ELECTRA_NO_RESOURCE) {
        return el_fail_memory(err, where, 0);
    }
    if (!fine) {
        return el_fail(err, ELECTRA_INVALID, where,
                       "%s: the post_processor (type \"%.60s\") does not put [CLS] A [SEP] and [CLS] A [SEP] B [SEP] "
                       "together; only that can be used here",
                       where, type ? type : "(none)");
    }
    return ELECTRA_OK;
}

/* Only the five special tokens can be matched in raw text, and only exactly. */
static electra_status check_added_tokens(const json_t *json, const char *where, electra_error *err)
{
    size_t i;
    json_t *token;
    json_array_foreach(json_object_get(json, "added_tokens"), i, token)
    {
        const char *text = json_string_value(json_object_get(token, "content"));
        if (!text || !is_special_text(text)) {
            return el_fail(err, ELECTRA_INVALID, where,
                           "%s: the added token \"%.60s\" cannot be used here; only [PAD], [UNK], [CLS], [SEP] and "
                           "[MASK] can",
                           where, text ? text : "(none)");
        }
        static const char *const FLAGS[] = {"single_word", "lstrip", "rstrip"};
        for (size_t f = 0; f < sizeof FLAGS / sizeof *FLAGS; f++) {
            if (json_is_true(json_object_get(token, FLAGS[f]))) {
                return el_fail(err, ELECTRA_INVALID, where,
                               "%s: the added token %s has \"%s\": true; only exact matches can be made here", where,
                               text, FLAGS[f]);
            }
        }
    }
    return ELECTRA_OK;
}

enum { MOST_TOKENS = 1 << 24, QUICK_BYTES = 64 << 20 };

/* One more than the largest id. */
static electra_status count_ids(const json_t *vocab, size_t *out, const char *where, electra_error *err)
{
    *out = 0;
    const char *token;
    json_t *id;
    json_object_foreach((json_t *)vocab, token, id)
    {
        const json_int_t number = json_is_integer(id) ? json_integer_value(id) : -1;
        if (number < 0 || number >= MOST_TOKENS) {
            return el_fail(err, ELECTRA_INVALID, where,
                           "%s: the id of the token \"%.60s\" should be a whole number below %d", where, token,
                           MOST_TOKENS);
        }
        *out = (size_t)number + 1 > *out ? (size_t)number + 1 : *out;
    }
    return *out ? ELECTRA_OK : el_fail(err, ELECTRA_INVALID, where, "%s: the vocabulary is empty", where);
}

static electra_status create_from_json(electra_tokenizer **out, const json_t *vocab, const electra_tokenizer_options *o,
                                       const char *where, electra_error *err)
{
    size_t n = 0;
    EL_TRY(count_ids(vocab, &n, where, err));
    const char **tokens = el_alloc(n, sizeof *tokens);
    if (!tokens) {
        return el_fail_memory(err, where, n * sizeof *tokens);
    }
    electra_status status = ELECTRA_OK;
    const char *token;
    json_t *id;
    json_object_foreach((json_t *)vocab, token, id)
    {
        const char **slot = &tokens[json_integer_value(id)];
        if (*slot) {
            status =
                el_fail(err, ELECTRA_INVALID, where, "%s: the tokens \"%.60s\" and \"%.60s\" have the same id %lld",
                        where, *slot, token, (long long)json_integer_value(id));
            break;
        }
        *slot = token;
    }
    if (status == ELECTRA_OK) {
        status = electra_tokenizer_create(out, tokens, n, o, err);
    }
    el_free(tokens);
    return status;
}

static electra_status check_text(const json_t *object, const char *name, const char *expected, const char *where,
                                 electra_error *err)
{
    const char *found = NULL;
    EL_TRY(el_json_text(object, name, EL_JSON_REQUIRED, &found, where, err));
    if (strcmp(found, expected) != 0) {
        return el_fail(err, ELECTRA_INVALID, where, "%s: \"%s\" is \"%.60s\"; only \"%s\" can be used here", where,
                       name, found, expected);
    }
    return ELECTRA_OK;
}

/* scan: the vocabulary if it has been read already, or NULL. */
static electra_status read_model(electra_tokenizer **out, electra_tokenizer_options *o, const json_t *json,
                                 const el_vocab_scan *scan, const char *where, electra_error *err)
{
    const json_t *model;
    EL_TRY(check_type(json, "model", "WordPiece", false, &model, where, err));
    EL_TRY(check_text(model, "unk_token", "[UNK]", where, err));
    EL_TRY(check_text(model, "continuing_subword_prefix", "##", where, err));
    EL_TRY(
        el_json_size(model, "max_input_chars_per_word", EL_JSON_REQUIRED, 1, 1000000, &o->max_word_chars, where, err));
    const json_t *vocab = json_object_get(model, "vocab");
    if (!json_is_object(vocab)) {
        return el_fail(err, ELECTRA_INVALID, where, "%s: \"vocab\" should be an object from tokens to ids", where);
    }
    return scan ? electra_tokenizer_create(out, scan->tokens, scan->n, o, err)
                : create_from_json(out, vocab, o, where, err);
}

static electra_status read_document(electra_tokenizer **out, electra_tokenizer_options *o, const json_t *json,
                                    const el_vocab_scan *scan, const char *path, electra_error *err)
{
    electra_status status = ELECTRA_OK;
    const char *version = json_string_value(json_object_get(json, "version"));
    const json_t *pre;
    if (version && strcmp(version, "1.0") != 0) {
        status =
            el_fail(err, ELECTRA_INVALID, path, "%s is of version \"%.20s\"; only \"1.0\" is known", path, version);
    }
    if (status == ELECTRA_OK) {
        status = check_type(json, "pre_tokenizer", "BertPreTokenizer", false, &pre, path, err);
    }
    if (status == ELECTRA_OK) {
        status = check_post_processor(json, path, err);
    }
    if (status == ELECTRA_OK) {
        status = check_added_tokens(json, path, err);
    }
    if (status == ELECTRA_OK) {
        status = read_normalizer(o, json, path, err);
    }
    if (status == ELECTRA_OK) {
        status = read_model(out, o, json, scan, path, err);
    }
    return status;
}

/* Each token is found under its own id: none stands there twice. */
static bool all_different(const electra_tokenizer *tokenizer, const el_vocab_scan *scan)
{
    for (size_t id = 0; id < scan->n; id++) {
        if (scan->tokens[id] && scan->tokens[id][0] && electra_tokenizer_id(tokenizer, scan->tokens[id]) != id) {
            return false;
        }
    }
    return true;
}

/* The quick way: the vocabulary on its own, the rest as JSON. NULL, and options as they were, if anything at all is not
 * as expected; the other way then finds out what. */
static electra_tokenizer *read_quickly(electra_tokenizer_options *o, const char *path)
{
    electra_tokenizer *made = NULL;
    electra_tokenizer_options options = *o;
    options.runtime = (electra_runtime){0}; /* no warnings from what may be done again */
    json_t *json = NULL;
    el_map map;
    el_vocab_scan scan;
    if (el_map_open(&map, path, NULL) != ELECTRA_OK) {
        return NULL;
    }
    const bool scanned = map.size <= QUICK_BYTES && el_vocab_scan_make(&scan, (const char *)map.data, map.size);
    el_map_close(&map);
    if (!scanned) {
        return NULL;
    }
    if (el_json_parse(&json, scan.rest, scan.rest_bytes, path, NULL) == ELECTRA_OK &&
        read_document(&made, &options, json, &scan, path, NULL) == ELECTRA_OK && !all_different(made, &scan)) {
        electra_tokenizer_free(made);
        made = NULL;
    }
    json_decref(json);
    el_vocab_scan_clear(&scan);
    return made;
}

static electra_status read_tokenizer_json(electra_tokenizer **out, electra_tokenizer_options *o, const char *path,
                                          electra_error *err)
{
    *out = read_quickly(o, path);
    if (*out) {
        return ELECTRA_OK;
    }
    json_t *json = NULL;
    EL_TRY(el_json_load(&json, path, err));
    const electra_status status = read_document(out, o, json, NULL, path, err);
    json_decref(json);
    return status;
}

/* ---- reading vocab.txt with tokenizer_config.json ------------------------------------------------------------- */

static electra_status read_config(electra_tokenizer_options *o, const char *path, const electra_runtime *rt,
                                  electra_error *err)
{
    json_t *json = NULL;
    if (el_is_file(path)) {
        EL_TRY(el_json_load(&json, path, err));
    }
    if (!json_object_get(json, "do_lower_case")) {
        el_log(rt, ELECTRA_LOG_WARNING,
               "%s does not say whether the vocabulary is cased (\"do_lower_case\"): lower-casing is assumed", path);
    }
    electra_status status = ELECTRA_OK;
    if (json) {
        status = el_json_bool(json, "do_lower_case", EL_JSON_OPTIONAL, &o->lowercase, path, err);
    }
    bool strip = o->lowercase;
    if (json && status == ELECTRA_OK) {
        status = el_json_bool(json, "strip_accents", EL_JSON_OPTIONAL, &strip, path, err);
    }
    if (json && status == ELECTRA_OK) {
        status = el_json_bool(json, "tokenize_chinese_chars", EL_JSON_OPTIONAL, &o->handle_chinese_chars, path, err);
    }
    o->strip_accents = strip ? ELECTRA_ACCENTS_STRIP : ELECTRA_ACCENTS_KEEP;
    json_decref(json);
    return status;
}

/* ---- reading ------------------------------------------------------------------------------------------------- */

/* Whether `name` is a file in the folder; *path is its path in any case, NULL when out of memory. */
static bool is_there(const char *folder, const char *name, char **path)
{
    *path = el_path_join(folder, name);
    return *path && el_is_file(*path);
}

bool el_hf_tokenizer_is_there(const char *folder)
{
    char *json;
    char *text;
    const bool has_json = is_there(folder, TOKENIZER_FILE, &json); /* both are asked: each makes its path */
    const bool has_vocab = is_there(folder, VOCAB_FILE, &text);
    const bool found = has_json || has_vocab;
    el_free(json);
    el_free(text);
    return found;
}

electra_status el_hf_tokenizer_read(electra_tokenizer **out, const char *folder, electra_specials_in_text specials,
                                    const electra_runtime *rt, electra_error *err)
{
    *out = NULL;
    electra_tokenizer_options o = electra_tokenizer_options_default();
    o.specials_in_text = specials;
    o.runtime = rt ? *rt : (electra_runtime){0};
    char *json;
    char *text;
    char *config = el_path_join(folder, CONFIG_FILE);
    const bool has_json = is_there(folder, TOKENIZER_FILE, &json);
    const bool has_text = is_there(folder, VOCAB_FILE, &text);
    electra_status status;
    if (!json || !text || !config) {
        status = el_fail_memory(err, folder, 0);
    } else if (has_json) {
        status = read_tokenizer_json(out, &o, json, err);
    } else if (has_text) {
        status = read_config(&o, config, rt, err);
        if (status == ELECTRA_OK) {
            status = electra_tokenizer_load(out, text, &o, err);
        }
    } else {
        status = el_fail(err, ELECTRA_INVALID, folder, "%s holds no vocabulary: neither %s nor %s", folder,
                         TOKENIZER_FILE, VOCAB_FILE);
    }
    el_free(json);
    el_free(text);
    el_free(config);
    return status;
}
