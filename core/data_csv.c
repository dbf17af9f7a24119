/* data_csv.c - tables of numbers as text (RFC 4180), one line for a sample.
 *
 * The file is read whole and gone through twice: the first time to find the columns and count the
 * lines, the second time to turn fields into numbers, straight into their place. What is no finite
 * number, and what is missing, is an error that says where: guessing is left to the caller.
 */

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/data_set.h"
#include "core/memory.h"
#include "core/safetensors.h"
#include "core/tensor_make.h"

static const char who[] = "data_csv";

#define NUMBER_BYTES 64 /* of a number's text, with its zero */

typedef struct table {
    const rv_data_csv_options *options;
    char *text; /* [bytes] */
    int64_t bytes, at;
    int64_t line;   /* from 1 */
    int64_t column; /* from 1: of the field read last */
    bool header;
    int64_t rows, columns, target;
} table;

typedef struct field {
    char *text;
    int64_t bytes;
    int64_t line;
    bool quoted; /* then "" in it is one quote */
    bool last;   /* of its line */
} field;

static bool wrong(const table *t, int64_t line, const char *what)
{
    return rv_fail(RV_ERROR_FORMAT, who, "\"%s\", line %lld, column %lld: %s", t->options->path,
                   (long long)line, (long long)t->column, what);
}

/* ---- fields ---------------------------------------------------------------------------------- */

static void skip_spaces(table *t)
{
    while (t->at < t->bytes && t->text[t->at] != t->options->delimiter &&
           (t->text[t->at] == ' ' || t->text[t->at] == '\t' || t->text[t->at] == '\r'))
        t->at++;
}

/* Goes to the next line that is not empty; false at the end. */
static bool next_line(table *t)
{
    for (;;) {
        const int64_t begin = t->at;
        skip_spaces(t);
        t->column = 0;
        if (t->at == t->bytes || t->text[t->at] != '\n') {
            const bool more = t->at < t->bytes;
            t->at = begin;
            return more;
        }
        t->at++;
        t->line++;
    }
}

static void rewind_table(table *t)
{
    t->at = t->bytes >= 3 && memcmp(t->text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    t->line = 1;
}

/* Behind the opening quote: to behind the closing one. */
static bool quoted_field(table *t, field *f)
{
    f->text = t->text + t->at;
    for (; t->at < t->bytes; t->at++) {
        t->line += t->text[t->at] == '\n';
        if (t->text[t->at] != '"')
            continue;
        if (t->at + 1 == t->bytes || t->text[t->at + 1] != '"')
            break;
        t->at++;
    }
    if (t->at == t->bytes)
        return wrong(t, f->line, "the quote is not closed");
    f->bytes = t->text + t->at++ - f->text;
    skip_spaces(t);
    return t->at == t->bytes || t->text[t->at] == '\n' || t->text[t->at] == t->options->delimiter ||
           wrong(t, f->line, "the field goes on after its closing quote");
}

static bool next_field(table *t, field *f)
{
    skip_spaces(t);
    t->column++;
    *f = (field){.line = t->line};
    f->quoted = t->at < t->bytes && t->text[t->at] == '"';
    if (f->quoted) {
        t->at++;
        if (!quoted_field(t, f))
            return false;
    } else {
        f->text = t->text + t->at;
        while (t->at < t->bytes && t->text[t->at] != '\n' &&
               t->text[t->at] != t->options->delimiter)
            t->at++;
        f->bytes = t->text + t->at - f->text;
        while (f->bytes > 0 && strchr(" \t\r", f->text[f->bytes - 1]) != NULL &&
               f->text[f->bytes - 1] != '\0')
            f->bytes--;
    }
    f->last = t->at == t->bytes || t->text[t->at] == '\n';
    t->line += t->at < t->bytes && f->last;
    t->at += t->at < t->bytes;
    return true;
}

/* Whether the field is written as a number; which one. The locale must be the plain one. */
static bool number_of(const field *f, double *value)
{
    char text[NUMBER_BYTES];
    if (f->bytes == 0 || f->bytes >= NUMBER_BYTES)
        return false;
    for (int64_t i = 0; i < f->bytes; i++)
        if (f->text[i] == '\0' || strchr("0123456789+-.eE", f->text[i]) == NULL)
            return false;
    memcpy(text, f->text, (size_t)f->bytes);
    text[f->bytes] = '\0';
    char *end;
    *value = strtod(text, &end);
    return end == text + f->bytes;
}

/* Takes one of each two quotes out, in the text itself: only once. */
static void unquote(field *f)
{
    int64_t n = 0;
    for (int64_t i = 0; f->quoted && i < f->bytes; i++) {
        f->text[n++] = f->text[i];
        i += f->text[i] == '"';
    }
    f->bytes = f->quoted ? n : f->bytes;
}

static bool is_named(const field *f, const char *name)
{
    for (int64_t i = 0; i < f->bytes; i++) {
        if (*name == '\0' || f->text[i] != *name++)
            return false;
        i += f->quoted && f->text[i] == '"';
    }
    return *name == '\0';
}

/* ---- the first time -------------------------------------------------------------------------- */

/* Reads the first line: how many columns, which is the target, and whether they are names. */
static bool read_first_line(table *t)
{
    const rv_data_csv_options *o = t->options;
    int64_t numbers = 0, named = -1;
    bool target_is_number = false;
    field f = {0};
    while (!f.last) {
        double value;
        if (!next_field(t, &f))
            return false;
        const bool number = number_of(&f, &value);
        numbers += number;
        target_is_number =
            o->target_column < 0 || t->column == o->target_column + 1 ? number : target_is_number;
        if (o->target != NULL && named < 0 && is_named(&f, o->target))
            named = t->column - 1;
    }
    t->columns = t->column;
    t->target = o->target ? named : o->target_column < 0 ? t->columns - 1 : o->target_column;
    if (o->target != NULL && named < 0)
        return rv_fail(RV_ERROR_ARGUMENT, who, "\"%s\" has no column \"%s\" in its first line",
                       o->path, o->target);
    if (t->columns < 2 || t->target >= t->columns)
        return rv_fail(RV_ERROR_ARGUMENT, who,
                       "\"%s\" has %lld columns; the target is column %lld, counted from 0, and "
                       "there is another",
                       o->path, (long long)t->columns, (long long)t->target);
    t->header = o->header < 0 ? o->target != NULL || numbers - target_is_number == 0 : o->header;
    return true;
}

static bool count_rows(table *t)
{
    rewind_table(t);
    if (next_line(t) && !read_first_line(t))
        return false;
    t->rows = t->columns > 0 && !t->header;
    while (next_line(t)) {
        field f = {0};
        while (!f.last)
            if (!next_field(t, &f))
                return false;
        if (t->column != t->columns)
            return rv_fail(RV_ERROR_FORMAT, who, "\"%s\", line %lld: %lld columns; line 1 has %lld",
                           t->options->path, (long long)f.line, (long long)t->column,
                           (long long)t->columns);
        t->rows++;
    }
    return t->rows > 0 || rv_fail(RV_ERROR_FORMAT, who, "\"%s\" has no samples", t->options->path);
}

/* ---- the second time ------------------------------------------------------------------------- */

static bool put_number(const table *t, const field *f, float *to)
{
    double value;
    if (f->bytes == 0)
        return wrong(t, f->line, "the value is missing");
    if (!number_of(f, &value))
        return wrong(t, f->line, "this is no number");
    *to = (float)value;
    return isfinite(*to) || wrong(t, f->line, "the number is too large for F32");
}

/* A label is an integer, or a name that gets the next one. */
static bool put_label(const table *t, field *f, bool first, rv_names *names, int64_t *to)
{
    double value;
    if (f->bytes == 0)
        return wrong(t, f->line, "the label is missing");
    const bool number = number_of(f, &value);
    if (number && (value != floor(value) || fabs(value) > 9007199254740992.0))
        return wrong(t, f->line, "the label is no integer: with .values, targets are numbers");
    if (!first && number != (names->count == 0))
        return wrong(t, f->line, "labels are all integers, or all names");
    if (number) {
        *to = (int64_t)value;
        return true;
    }
    unquote(f);
    if (!rv_is_utf8(f->text, (size_t)f->bytes))
        return wrong(t, f->line, "the label is not UTF-8");
    for (*to = 0; *to < names->count; ++*to) {
        const char *name = rv_names_get(names, *to);
        if (strlen(name) == (size_t)f->bytes && memcmp(name, f->text, (size_t)f->bytes) == 0)
            return true;
    }
    return rv_names_add(who, names, f->text, (size_t)f->bytes);
}

static bool put_rows(table *t, float *x, rv_tensor *y, rv_names *names)
{
    rewind_table(t);
    field f = {0};
    if (next_line(t) && t->header)
        while (!f.last)
            next_field(t, &f);
    for (int64_t row = 0; row < t->rows && next_line(t); row++) {
        for (f.last = false; !f.last;) {
            if (!next_field(t, &f))
                return false;
            if (t->column != t->target + 1) {
                if (!put_number(t, &f, x++))
                    return false;
            } else if (!(t->options->values
                             ? put_number(t, &f, (float *)y->data + row)
                             : put_label(t, &f, row == 0, names, (int64_t *)y->data + row))) {
                return false;
            }
        }
    }
    return true;
}

static rv_dataset *make_set(table *t)
{
    RV_SCOPE;
    RV_LASTING;
    if (!count_rows(t))
        return NULL;
    rv_tensor *x = rv_make(who, RV_F32, 2, (int64_t[]){t->rows, t->columns - 1});
    rv_tensor *y = x ? rv_make(who, t->options->values ? RV_F32 : RV_I64, 1, &t->rows) : NULL;
    rv_names names = {0};
    rv_dataset *set = y != NULL && put_rows(t, (float *)x->data, y, &names)
                          ? rv_data_over_tensors(who, x, y, false)
                          : NULL;
    if (set != NULL)
        set->source->names = names;
    else
        rv_names_end(&names);
    return set;
}

/* ---- the file -------------------------------------------------------------------------------- */

static bool read_text(table *t)
{
    const char *path = t->options->path;
    t->bytes = rv_file_size(path);
    FILE *file = t->bytes >= 0 ? fopen(path, "rb") : NULL;
    if (file == NULL)
        return rv_fail(RV_ERROR_FILE, who, "\"%s\" cannot be read: %s", path, strerror(errno));
    t->text = rv_memory_get(who, (size_t)t->bytes);
    const bool ok =
        t->text != NULL && (fread(t->text, 1, (size_t)t->bytes, file) == (size_t)t->bytes ||
                            rv_fail(RV_ERROR_FILE, who, "\"%s\" cannot be read to its end", path));
    fclose(file);
    return ok;
}

rv_dataset *rv_data_csv_with(const rv_data_csv_options *o)
{
    if (o == NULL || o->path == NULL)
        return rv_fail_null(RV_ERROR_NULL, who, "the %s NULL", o ? "path is" : "options are");
    if (o->delimiter == '\0' || strchr("\"\n\r0123456789+-.eE", o->delimiter) != NULL)
        return rv_fail_null(RV_ERROR_ARGUMENT, who, "the delimiter is byte %d, part of a field",
                            o->delimiter);
    if (o->target_column < -1 || o->header < -1 || o->header > 1 ||
        (o->target != NULL && (o->header == 0 || o->target_column >= 0)))
        return rv_fail_null(RV_ERROR_ARGUMENT, who,
                            "target is %s, target_column %lld, header %d: a name stands in a "
                            "header, and there is one target",
                            o->target ? o->target : "NULL", (long long)o->target_column, o->header);
    table t = {.options = o};
    const rv_locale before = rv_use_plain_locale();
    rv_dataset *set = read_text(&t) ? make_set(&t) : NULL;
    rv_restore_locale(before);
    rv_memory_put(t.text, (size_t)t.bytes);
    return set;
}
