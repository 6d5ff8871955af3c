/* Writes the inputs that the corpus begins with: sound files of every kind, made by the library's own writers, and
 * small ones of a special kind written out here. tools/make_fuzz_corpus.sh calls it; the same bytes every time.
 *
 *     fuzz-seeds tests/fuzz/corpus */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "base/mem.h"
#include "data/shard.h"
#include "fuzz/fuzz.h"
#include "fuzz/samples.h"
#include "interop/safetensors.h"
#include "train/run_state.h"

static const char *corpus;

static void must(electra_status status, const electra_error *err)
{
    if (status != ELECTRA_OK) {
        fprintf(stderr, "%s\n", err->message);
        exit(1);
    }
}

static void put(const char *target, const char *name, const void *data, size_t bytes)
{
    char path[1024];
    electra_error err = {0};
    (void)snprintf(path, sizeof path, "%s/%s", corpus, target);
    must(el_make_folders(path, &err), &err);
    (void)snprintf(path, sizeof path, "%s/%s/%s", corpus, target, name);
    must(el_write_file(path, data, bytes, &err), &err);
}

static void put_text(const char *target, const char *name, const char *text)
{
    put(target, name, text, strlen(text));
}

/* A file that was just written to the scratch folder. */
static void put_file(const char *target, const char *name, const char *from)
{
    char *data;
    size_t bytes;
    electra_error err = {0};
    must(el_read_file(&data, &bytes, fuzz_path(from), 1 << 20, &err), &err);
    put(target, name, data, bytes);
    el_free(data);
}

/* With a byte before it, for targets that choose by it. */
static void put_chosen(const char *target, const char *name, char choice, const char *text, size_t bytes)
{
    char *all = el_alloc(bytes + 1, 1);
    FUZZ_MUST_HOLD(all);
    all[0] = choice;
    memcpy(all + 1, text, bytes);
    put(target, name, all, bytes + 1);
    el_free(all);
}

static void models(void)
{
    FUZZ_MUST_HOLD(fuzz_sample_model(fuzz_path("d"), EL_HEAD_DISCRIMINATOR));
    FUZZ_MUST_HOLD(fuzz_sample_model(fuzz_path("g"), EL_HEAD_MASKED_LM));
    put_file("config", "discriminator", "d/config.json");
    put_file("config", "generator", "g/config.json");
    put_text("config", "least", "{\"model_type\":\"electra\"}");
    put_text("config", "huge",
             "{\"model_type\":\"electra\",\"vocab_size\":268435456,\"hidden_size\":65536,"
             "\"num_hidden_layers\":1024,\"intermediate_size\":65536}");
    put_text("config", "heads",
             "{\"model_type\":\"electra\",\"architectures\":[\"ElectraForSequenceClassification\"],"
             "\"id2label\":{\"0\":\"no\",\"1\":\"yes\"},\"label2id\":{\"no\":0,\"yes\":1},"
             "\"problem_type\":\"single_label_classification\",\"classifier_dropout\":null}");
    put_text("config", "bert",
             "{\"model_type\":\"bert\",\"architectures\":[\"BertForTokenClassification\"],"
             "\"num_labels\":3,\"hidden_act\":\"gelu\",\"hidden_size\":8,\"num_attention_heads\":2}");
    put_text("config", "joint",
             "{\"model_type\":\"electra\",\"architectures\":[\"ElectraForJointQuestionAnswering\"],"
             "\"joint_qa_hidden_size\":7,\"type_vocab_size\":2}");
    put_file("tokenizer_json", "whole", "d/tokenizer.json");
    put_text("tokenizer_json", "old",
             "{\"normalizer\":{\"type\":\"BertNormalizer\",\"clean_text\":true,\"handle_chinese_chars\":true,"
             "\"strip_accents\":null,\"lowercase\":true},\"pre_tokenizer\":{\"type\":\"BertPreTokenizer\"},"
             "\"post_processor\":{\"type\":\"BertProcessing\",\"sep\":[\"[SEP]\",3],\"cls\":[\"[CLS]\",2]},"
             "\"model\":{\"unk_token\":\"[UNK]\",\"continuing_subword_prefix\":\"##\","
             "\"max_input_chars_per_word\":100,\"vocab\":{\"[PAD]\":0,\"[UNK]\":1,\"[CLS]\":2,\"[SEP]\":3,"
             "\"[MASK]\":4,\"a\":9,\"##a\":7}}}");
    put_file("tokenizer_config", "whole", "d/tokenizer_config.json");
    put_text("tokenizer_config", "cased",
             "{\"do_lower_case\":false,\"strip_accents\":true,"
             "\"tokenize_chinese_chars\":false,\"tokenizer_class\":\"ElectraTokenizer\"}");
    put_file("vocab", "whole", "d/vocab.txt");
    put_text("vocab", "windows", "[PAD]\r\n[UNK]\r\n[CLS]\r\n[SEP]\r\n\r\na \r\n##a\r\na\r\n##");
    put_text("vocab", "no-mask", "[UNK]\n[PAD]\n[SEP]\n[CLS]\nthe\n##\n#\n\n\xC2\xA0\n\xE2\x80\xA8x");
    put_file("safetensors", "model", "d/model.safetensors");
    put_file("model", "discriminator", "d/model.safetensors");
}

static void put_source(const char *target, const char *name, const char *path)
{
    size_t bytes;
    char *data = fuzz_read_source(path, &bytes);
    put(target, name, data, bytes);
    el_free(data);
}

static void files_of_others(void)
{
    put_source("tf1_index", "pair", "tests/golden/fixtures/tf1-one/model.ckpt-3.index");
    put_source("tf1_data", "pair", "tests/golden/fixtures/tf1-one/model.ckpt-3.data-00000-of-00001");
    put_source("weight_index", "three", "tests/golden/fixtures/storage/sharded/model.safetensors.index.json");
    put_text("weight_index", "least",
             "{\"weight_map\":{\"classifier.dense.bias\":\"model-00001-of-00003.safetensors\"}}");
    put_text("weight_index", "outside",
             "{\"metadata\":{},\"weight_map\":{\"a\":\"../model-00001-of-00003.safetensors\","
             "\"b\":\"/etc/passwd\",\"c\":\"model.safetensors.index.json\"}}");
}

static void safetensors(void)
{
    static const float NUMBERS[4] = {1, -2, 0x1p-140f, 4};
    static const uint16_t HALVES[4] = {0x3c00, 0x7e00, 0x0001, 0xfc00};
    static const int64_t WHOLE[2] = {-1, 1LL << 60};
    const el_array_source tensors[] = {
        {.name = "a", .dtype = EL_DTYPE_F32, .rank = 2, .shape = {2, 2}, .data = NUMBERS},
        {.name = "b", .dtype = EL_DTYPE_F16, .rank = 1, .shape = {3}, .data = HALVES},
        {.name = "c\n\"", .dtype = EL_DTYPE_BF16, .rank = 1, .shape = {4}, .data = HALVES},
        {.name = "d", .dtype = EL_DTYPE_I64, .rank = 1, .shape = {2}, .data = WHOLE},
        {.name = "e", .dtype = EL_DTYPE_I8, .rank = 1, .shape = {3}, .data = NUMBERS},
        {.name = "none", .dtype = EL_DTYPE_F64, .rank = 3, .shape = {3, 0, 5}},
        {.name = "one", .dtype = EL_DTYPE_F64, .rank = 0, .data = WHOLE},
    };
    const el_metadata format = {"format", "pt"};
    electra_error err = {0};
    must(el_safetensors_write(fuzz_path("kinds"), tensors, 7, &format, 1, &err), &err);
    put_file("safetensors", "kinds", "kinds");
    must(el_safetensors_write(fuzz_path("none"), NULL, 0, NULL, 0, &err), &err);
    put_file("safetensors", "none", "none");
}

static void shard(const char *name, unsigned token_bytes, size_t examples)
{
    const el_shard_about about = {
        .vocabulary_hash = 7, .vocabulary_size = 60, .max_length = 12, .token_bytes = token_bytes};
    el_shard_about written;
    el_shard_writer *w;
    electra_error err = {0};
    must(el_shard_writer_create(&w, &about, &err), &err);
    for (size_t i = 0; i < examples; i++) {
        uint32_t ids[9];
        const size_t n = 1 + i % 9;
        for (size_t t = 0; t < n; t++) {
            ids[t] = (uint32_t)(5 + (i + t) % 55);
        }
        must(el_shard_writer_add(w, ids, n, i % 2 ? (n + 1) / 2 : n, &err), &err);
    }
    must(el_shard_writer_save(w, fuzz_path(name), &written, &err), &err);
    el_shard_writer_free(w);
    put_file("shard", name, name);
}

static void data(void)
{
    shard("narrow", 2, 7);
    shard("wide", 4, 3);
    shard("empty", 2, 0);
    FUZZ_MUST_HOLD(fuzz_sample_data(fuzz_folder()));
    put_file("manifest", "whole", "data/manifest.json");
}

static void training(void)
{
    el_run_state state = {.step = 12, .seconds = 1.5, .tokens = 300, .interval_loss = 0.25};
    electra_error err = {0};
    const el_checkpoint checkpoint = {.learner = el_step_learner(fuzz_sample_step()),
                                      .table = &el_run_state_table,
                                      .state = &state,
                                      .settings_hash = 0x5eed};
    must(el_checkpoint_save(fuzz_folder(), &checkpoint, &err), &err);
    put_file("checkpoint", "whole", "step-00000012.safetensors");
    put_text("metrics", "run",
             "{\"step\":10,\"tokens\":320,\"seconds\":0.5,\"learning_rate\":0.001,\"loss\":35.2,"
             "\"generator_loss\":7.1,\"discriminator_loss\":0.56,\"gradient_norm\":1.5,\"tokens_per_second\":640}\n"
             "{\"step\":10,\"tokens\":320,\"seconds\":0.6,\"heldout_generator_accuracy\":0.05,"
             "\"heldout_generator_perplexity\":812.5,\"heldout_auc\":null,\"warning\":\"it learns nothing\"}\n"
             "{\"step\":20,\"tok");
}

static void texts(void)
{
    /* settings, length, what is beyond it; then the text */
    put_text("text", "plain", "\x01\x01\x01The cats sat on the mat, unaffable! [MASK] it's 3.5");
    put_text("text", "cased", "\x02\x09\x0ATh\xC3\xA9 THE [CLS] \xE4\xB8\xAD\xE6\x96\x87 \xCF\x83\xCF\x82\xCE\xA3 ##s");
    put_text("text", "google", "\x41\x0C\x2A\xCE\xA3\xCE\xA3 \xF0\x9F\x98\x80 a\xCC\x81\xCC\xA7\xE2\x80\x8B\xC2\xADz");
    put_text("text", "pair",
             "\x11\x0A\x12the dog\x1E"
             "ran on the mat");
    put_text("text", "windows",
             "\x21\x08\x29"
             "a b a b a b a b aabab ababababab abab ab a b [MASK] the");
    put_text("text", "malformed", "\x01\x01\x01\xFF\xC0\xAF\xED\xA0\x80\xF4\x90\x80\x80\xE2\x82 the\xF0\x9F\x98");
    put_text("text", "hangul",
             "\x01\x01\x01\xEA\xB0\x80\xED\x9E\xA3\xE1\x84\x80\xE1\x85\xA1\xE1\x86\xA8 \xC4\xB0\xEF\xAC\x81");
    put_text("text", "long-word",
             "\x01\x01\x01"
             "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
             "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
    static const char NUL[] = "\x09\x00\x00the\0cat\xEF\xBB\xBF\x01\x7F\xC2\x85";
    put("text", "control", NUL, sizeof NUL - 1);
}

static void records(void)
{
    static const char JSON[] =
        "{\"text\":\"the sea\",\"text_pair\":\"by\"}\n{\"question\":\"sea\",\"context\":\"the \\u0000\"}\n"
        "{\"prompt\":\"a\",\"choices\":[\"b\",\"c\"]}\r\nnonsense\n";
    static const char TSV[] = "id\ttext\tlabel\n1\tthe sea\tx\n\n2\t\n\t\t\t\r\n";
    static const char CSV[] = "\xEF\xBB\xBFid,\"text\",label\r\n1,\"the \"\"sea\"\",\nx\",y\n\n2,\"a\"b,\n3,\"open\n";
    put_chosen("records", "choices", 18, JSON, sizeof JSON - 1); /* 4 * 4 + 2: choices, JSON lines */
    put_chosen("records", "json-lines", 2, JSON, sizeof JSON - 1);
    put_chosen("records", "json-member", 62, JSON, sizeof JSON - 1); /* 20 * 3: the column "text" */
    put_chosen("records", "columns", (char)221, TSV, sizeof TSV - 1);      /* 20 * (3 + 4 * 2) + 1 */
    put_chosen("records", "numbered", 21, TSV, sizeof TSV - 1);
    put_chosen("records", "csv", 3, CSV, sizeof CSV - 1);
    put_chosen("records", "csv-columns", (char)223, CSV, sizeof CSV - 1);
    put_chosen("records", "plain", 0, TSV, sizeof TSV - 1);
}

static void corpora(void)
{
    static const char TEXT[] =
        "\xEF\xBB\xBFOne line.\nTwo\r\n\n \nThree of \xFF another document which is so long that it has "
        "to be cut into several pieces\n\xE2\x82\n"
        "no end";
    static const char JSON[] = "{\"text\":\"one\\ntwo\"}\n\n{\"text\":\"\",\"id\":3}\n{\"text\":\"three\"}";
    put_chosen("corpus", "text", 0, TEXT, sizeof TEXT - 1);
    put_chosen("corpus", "lines", 16, TEXT, sizeof TEXT - 1);
    put_chosen("corpus", "json-lines", 1, JSON, sizeof JSON - 1);
}

/* A file for each of the ways in which fuzz_labelled reads. */
static void labelled(void)
{
    static const struct {
        const char *name, *text;
    } FILES[] = {
        {"tsv-names", "\xEF\xBB\xBFid\ttext\tpair\tlabel\r\n1\ta \"b\tc\tyes\r\n2\td\t\tno\r\n3\te\n4\tcaf\xE9\tx\tno"},
        {"tsv-guess", "text\tlabel\na\tyes\nb\tno\nc\tmaybe\nd\tO\n"},
        {"tsv-numbers", "0\ta\tb\t5.000\n1\ta\tb\t6\n2\ta\tb\tx\n3\ta\tb\t-0\n"},
        {"tsv-several", "a\tx,y,x\nb\t\nc\ty\n"},
        {"csv-breaks", "\"2\",\"a, \"\"b\"\"\nc\\d\"\r\n1,e\n1,\"f\"g\n\"open,h\n"},
        {"csv-flags", "text;x;y\na;1;0\n;0;true\nb;2;1\nc;0;0;0\n"},
        {"csv-choices", "a,text,b,label,c\n1,p,2,0,3\n1,p,2,C,3\n1,p,2,2,3\n1,p,2,9,3\n"},
        {"json-pairs",
         "{\"text\":\"a\",\"pair\":null,\"label\":1}\n\n{\"text\":\"b\",\"pair\":\"c\",\"label\":\"10\"}\n[\n"},
        {"json-several", "{\"text\":\"a\",\"label\":[\"y\",\"x\",2]}\n{\"text\":\"b\",\"label\":\"x,z\"}\n{\"text\":"
                         "\"b\",\"label\":[]}\n"},
        {"json-flags", "{\"text\":\"a\",\"x\":true,\"2\":0}\n{\"text\":\"a\",\"x\":null,\"2\":1.0}\n"},
        {"json-words", "{\"words\":[\"a\",\"b\"],\"labels\":[\"I-X\",\"O\"]}\n{\"words\":[\"a\"],\"labels\":[]}\n"},
        {"json-choices", "{\"prompt\":\"p\",\"choices\":[\"a\",\"b\"],\"label\":\"b\"}\n"},
        {"json-questions",
         "{\"question\":\"q\",\"context\":\"the cat\",\"answers\":{\"text\":[\"cat\"],\"answer_start\":[3]}}\n"},
        {"json-rows", "{\"0\":{\"text\":\"a\",\"label\":1.5},\"1\":{\"text\":\"b\",\"label\":\"2\"},\"2\":[]}"},
        {"conll", "-DOCSTART- -X- O O\n\nen:a N I-X\nen:b N I-X\nc N B-X\n\t\nd O\ne\n\nf S-X"},
        {"conll-fixed", "a O\nb yes\n\nc B-X\n"},
        {"conllu", "# sent_id = s\n1-2\tx\t_\t_\n1\ta b\ta\tNOUN\n2\tb\tb\t_\n2.1\tc\tc\tX\n\n1\td\n"},
        {"squad",
         "{\"data\":[{\"paragraphs\":[{\"context\":\"h\\u00e9 cat\",\"qas\":[{\"id\":\"1\",\"question\":\"q\","
         "\"answers\":[{\"text\":\"dog\",\"answer_start\":1},{\"text\":\"cat\",\"answer_start\":2}]},{\"id\":2,"
         "\"question\":\"r\",\"answers\":[],\"is_impossible\":true}]}]},{\"context\":\"x\",\"question\":\"q\","
         "\"answers\":\"x\"}]}"},
        {"mrqa",
         "{\"header\":{}}\n{\"context\":\"the cat\",\"qas\":[{\"qid\":\"a\",\"question\":\"q\",\"answers\":[\"Cat\","
         "\"x\"],\"detected_answers\":[{\"text\":\"cat\",\"char_spans\":[[4,6]]}]}]}\n"},
        {"trec", "LOC:city a b ?\nHUM:ind c\nx\n"},
    };
    for (size_t i = 0; i < sizeof FILES / sizeof *FILES; i++) {
        put_chosen("labelled", FILES[i].name, (char)i, FILES[i].text, strlen(FILES[i].text));
    }
}

int main(int n, char **arguments)
{
    if (n != 2) {
        fprintf(stderr, "usage: fuzz-seeds FOLDER\n");
        return 2;
    }
    corpus = arguments[1];
    models();
    files_of_others();
    safetensors();
    data();
    training();
    texts();
    records();
    corpora();
    labelled();
    return 0;
}
