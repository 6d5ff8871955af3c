/* libelectra: from raw text to a served ELECTRA model. This header includes all others; each also stands alone.
 *
 *   types.h      status codes, errors, callbacks
 *   tokenizer.h  WordPiece vocabularies: training, text <-> ids
 *   data.h       corpora -> shards of examples
 *   model.h      model directories: load, describe, save
 *   train.h      pre-training
 *   finetune.h   fine-tuning on labelled examples, and scoring
 *   infer.h      answers: replaced-token detection, filling masks
 *   report.h     curves of a run as HTML and TensorBoard events
 *   bench.h      throughput of this machine */
#ifndef ELECTRA_ELECTRA_H
#define ELECTRA_ELECTRA_H

#include <electra/bench.h>
#include <electra/data.h>
#include <electra/finetune.h>
#include <electra/infer.h>
#include <electra/model.h>
#include <electra/report.h>
#include <electra/tokenizer.h>
#include <electra/train.h>
#include <electra/types.h>

#endif
