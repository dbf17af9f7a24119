/* command_line.c - makes argp's table of ours, and puts what argp finds where it belongs. */
#define _POSIX_C_SOURCE 200809L /* strndup, access */

#include "command_line.h"

#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FLAG, TEXT, WHOLE, NUMBER, OUTPUT, NAME, LIST, ARGUMENT };

enum {
    FIRST_KEY = 256, /* beyond characters, so that no option has a short name by accident */
    MOST_OPTIONS = 40
};

static const double largest = 1e300; /* no infinity */

/* ---- values ---------------------------------------------------------------------------------- */

command_value command_flag(bool *to)
{
    return (command_value){.kind = FLAG, .to = to};
}

command_value command_text(const char **to)
{
    return (command_value){.kind = TEXT, .to = to};
}

command_value command_output(const char **to)
{
    return (command_value){.kind = OUTPUT, .to = to};
}

command_value command_name(const char **to, const char *names)
{
    return (command_value){.kind = NAME, .to = to, .names = names};
}

command_value command_list(const char **to, const char *names)
{
    return (command_value){.kind = LIST, .to = to, .names = names};
}

command_value command_whole(int64_t *to, int64_t least, int64_t most)
{
    return (command_value){.kind = WHOLE, .to = to, .least = least, .most = most};
}

command_value command_number(double *to, double low, double high)
{
    return (command_value){.kind = NUMBER, .to = to, .low = low, .high = high};
}

command_value command_above(double *to, double low)
{
    return (command_value){.kind = NUMBER, .to = to, .low = low, .high = largest, .above = true};
}

command_value command_not_below(double *to, double low)
{
    return command_number(to, low, largest);
}

/* ---- rows that several programs have --------------------------------------------------------- */

const char *command_folder(const char *set)
{
    static char folder[4096];
    const char *data = getenv("RV_DATA");
    snprintf(folder, sizeof folder, "%s/%s", data != NULL && *data != '\0' ? data : "data", set);
    return folder;
}

command_option command_data(const char **to, const char *set)
{
    static char help[256];
    snprintf(help, sizeof help, "folder of the images [$RV_DATA/%s, or else data/%s]", set, set);
    *to = command_folder(set);
    return (command_option){"data", "DIR", command_text(to), help};
}

command_option command_argument(const char **to, const char *name)
{
    *to = NULL;
    return (command_option){name, NULL, {.kind = ARGUMENT, .to = to}, NULL};
}

command_option command_seed(int64_t *to)
{
    return (command_option){"seed", "N", command_whole(to, 0, INT64_MAX),
                            "where the random numbers start [42]"};
}

command_option command_threads(int64_t *to)
{
    return (command_option){"threads", "N", command_whole(to, 0, 256),
                            "1 to 256, or 0: all processors; same results for any [0]"};
}

command_option command_save(const char **to)
{
    return (command_option){"save", "FILE", command_output(to),
                            "write the trained network there (safetensors)"};
}

command_option command_load(const char **to)
{
    return (command_option){"load", "FILE", command_text(to),
                            "start from the network that was written there"};
}

command_option command_momentum(double *to)
{
    return (command_option){"momentum", "X", command_not_below(to, 0),
                            "its momentum, or first beta [its default: 0 of sgd, 0.9 of most]"};
}

/* ---- reading --------------------------------------------------------------------------------- */

static void read_whole(struct argp_state *state, const command_option *option, const char *text)
{
    const command_value *v = &option->value;
    char *end;
    errno = 0;
    const long long value = strtoll(text, &end, 10);
    if (end == text || *end != '\0' || errno != 0 || value < v->least || value > v->most)
        argp_error(state, "--%s %s: expected a whole number from %lld to %lld", option->name, text,
                   (long long)v->least, (long long)v->most);
    *(int64_t *)v->to = value;
}

static void read_number(struct argp_state *state, const command_option *option, const char *text)
{
    const command_value *v = &option->value;
    char *end;
    const double value = strtod(text, &end);
    if (end == text || *end != '\0' || !(value >= v->low && value <= v->high) ||
        (v->above && value == v->low)) {
        if (v->above)
            argp_error(state, "--%s %s: expected a number above %g", option->name, text, v->low);
        else if (v->high == largest)
            argp_error(state, "--%s %s: expected a number not below %g", option->name, text,
                       v->low);
        else
            argp_error(state, "--%s %s: expected %g to %g", option->name, text, v->low, v->high);
    }
    *(double *)v->to = value;
}

static void read_output(struct argp_state *state, const command_option *option, const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash == NULL ? strdup(".") : strndup(path, (size_t)(slash - path) + 1);
    if (folder == NULL || access(folder, W_OK) != 0)
        argp_error(state, "--%s %s: its folder cannot be written: %s", option->name, path,
                   strerror(errno));
    free(folder);
    *(const char **)option->value.to = path;
}

/* The next of some names, divided by commas and spaces: its length, 0 if there is none. */
static size_t next_name(const char **names)
{
    *names += strspn(*names, ", ");
    return strcspn(*names, ", ");
}

static bool is_among(const char *names, const char *name, size_t length)
{
    for (size_t next; (next = next_name(&names)) > 0; names += next)
        if (next == length && memcmp(names, name, length) == 0)
            return true;
    return false;
}

bool command_has(const char *list, const char *name)
{
    return is_among(list, name, strlen(name));
}

static void read_name(struct argp_state *state, const command_option *option, const char *text)
{
    if (!is_among(option->value.names, text, strlen(text)))
        argp_error(state, "--%s %s: expected one of %s", option->name, text, option->value.names);
    *(const char **)option->value.to = text;
}

static void read_list(struct argp_state *state, const command_option *option, const char *text)
{
    const char *list = text;
    for (size_t length; (length = next_name(&list)) > 0; list += length)
        if (!is_among(option->value.names, list, length))
            argp_error(state, "--%s %s: expected some of %s, divided by commas", option->name, text,
                       option->value.names);
    *(const char **)option->value.to = text;
}

/* What is no option: the first argument that has not come yet. */
static void read_argument(struct argp_state *state, const char *text)
{
    const command_option *option = state->input;
    for (; option->name != NULL; option++) {
        if (option->value.kind == ARGUMENT && *(const char **)option->value.to == NULL) {
            *(const char **)option->value.to = text;
            return;
        }
    }
    argp_error(state, "%s: expected an option, as --seed 7", text);
}

static void check_arguments(struct argp_state *state)
{
    const command_option *option = state->input;
    for (; option->name != NULL; option++)
        if (option->value.kind == ARGUMENT && *(const char **)option->value.to == NULL)
            argp_error(state, "%s is missing", option->name);
}

static error_t read_one(int key, char *text, struct argp_state *state)
{
    if (key == ARGP_KEY_ARG)
        read_argument(state, text);
    else if (key == ARGP_KEY_END)
        check_arguments(state);
    else if (key < FIRST_KEY || key >= FIRST_KEY + MOST_OPTIONS)
        return ARGP_ERR_UNKNOWN;
    else {
        const command_option *option = (const command_option *)state->input + (key - FIRST_KEY);
        switch (option->value.kind) {
        case FLAG: *(bool *)option->value.to = true; break;
        case TEXT: *(const char **)option->value.to = text; break;
        case WHOLE: read_whole(state, option, text); break;
        case NUMBER: read_number(state, option, text); break;
        case OUTPUT: read_output(state, option, text); break;
        case NAME: read_name(state, option, text); break;
        case LIST: read_list(state, option, text); break;
        default: return ARGP_ERR_UNKNOWN;
        }
    }
    return 0;
}

void command_line_read(int argc, char **argv, const char *about, const command_option *table)
{
    struct argp_option options[MOST_OPTIONS + 1] = {{0}};
    char arguments[256] = "";
    int count = 0;
    for (int i = 0; table[i].name != NULL && i < MOST_OPTIONS; i++) {
        if (table[i].value.kind == ARGUMENT)
            snprintf(arguments + strlen(arguments), sizeof arguments - strlen(arguments), "%s%s",
                     *arguments == '\0' ? "" : " ", table[i].name);
        else
            options[count++] = (struct argp_option){
                .name = table[i].name,
                .key = FIRST_KEY + i,
                .arg = table[i].argument,
                .doc = table[i].help,
                .group = i + 1, /* --help keeps the table's order */
            };
    }
    const struct argp parser = {
        .options = options, .parser = read_one, .args_doc = arguments, .doc = about};
    argp_parse(&parser, argc, argv, 0, NULL, (void *)table);
}
