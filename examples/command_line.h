/* command_line.h - the command lines of the examples: a table of options, read by glibc's argp.
 *
 *     options o = {.epochs = 10, .seed = 42};
 *     const command_option table[] = {
 *         {"epochs", "N", command_whole(&o.epochs, 0, 1000), "times that all images are seen
 * [10]"},
 *         {"lr", "X", command_above(&o.lr, 0), "the learning rate [0.1]"},
 *         command_seed(&o.seed),
 *         {0},
 *     };
 *     command_line_read(argc, argv, about, table);
 *
 * An option that is given writes its value where its row says; what is there before is the default.
 */
#ifndef EXAMPLES_COMMAND_LINE_H
#define EXAMPLES_COMMAND_LINE_H

#include <stdbool.h>
#include <stdint.h>

/* What values an option takes, and where they go: made by the functions below. */
typedef struct command_value {
    int kind;
    void *to;
    int64_t least, most; /* of whole numbers */
    double low, high;    /* of numbers */
    bool above;          /* low itself is not allowed */
    const char *names;   /* divided by ", ": the texts that are allowed */
} command_value;

typedef struct command_option {
    const char *name;     /* without the -- */
    const char *argument; /* what --help calls its value; NULL: it takes none */
    command_value value;
    const char *help;
} command_option;

command_value command_flag(bool *to); /* true if the option is given */
command_value command_text(const char **to);
command_value command_whole(int64_t *to, int64_t least, int64_t most);
command_value command_number(double *to, double low, double high);
command_value command_above(double *to, double low); /* finite, like the next */
command_value command_not_below(double *to, double low);
/* A path that a file can be written to: better known now than when there is something to write. */
command_value command_output(const char **to);
/* One of some names: command_name(&o.optim, "sgd, adam"); and several of them: "crop,flip". */
command_value command_name(const char **to, const char *names);
command_value command_list(const char **to, const char *names);
/* Whether a name stands in such a list. */
bool command_has(const char *list, const char *name);

/* No option but a text that must be given, as the image in `classify cat.png`. */
command_option command_argument(const char **to, const char *name);
/* $RV_DATA/set if the variable is set, else data/set. */
const char *command_folder(const char *set);

/* Rows that several programs have; the default of data is command_folder(set). */
command_option command_data(const char **to, const char *set);
command_option command_seed(int64_t *to);
command_option command_threads(int64_t *to);
command_option command_save(const char **to); /* of a trained network */
command_option command_load(const char **to);
command_option command_momentum(double *to); /* of an optimizer by name */

/* Reads the command line. Says what is wrong with it and ends the process with status 64 if
 * something is. `about` stands at the head of --help, and behind a '\v' in it at its end; the table
 * ends with an empty row. */
void command_line_read(int argc, char **argv, const char *about, const command_option *table);

#endif
