/* The program. options.h says what a command is, run.c how it is run; one cmd_*.c a command. */
#include "commands.h"

/* In the order of the work, which is the order of the overview. */
const cli_command *const cli_commands[] = {
    /* text -> vocabulary -> ids */
    &cli_vocab,
    &cli_tokenize,

    /* corpus -> shards */
    &cli_prepare,

    /* training */
    &cli_pretrain,
    &cli_finetune,
    &cli_evaluate,

    /* answers */
    &cli_predict,
    &cli_embed,
    &cli_detect,
    &cli_fill,

    /* other forms of a model */
    &cli_quantize,
    &cli_convert,

    /* looking */
    &cli_inspect,
    &cli_report,

    /* speed */
    &cli_bench,

    NULL,
};

int main(int argc, char **argv)
{
    return cli_main(argc, argv);
}
