/* print.c - tensors as text, as NumPy 2.4 writes its arrays with print().
 *
 * Two rounds over the elements that are shown: the first finds the style (with or without exponent)
 * and the width that all of them share, the second writes. A number is written with the fewest
 * digits that read back as the same number, but no more than 8 after the point; a 0-d tensor is
 * written like a Python number, with all of them.
 */

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/platform.h"
#include "core/tensor.h"

#define LINE_WIDTH 75
#define MOST_SHOWN 1000 /* elements: a larger tensor is shortened */
#define EDGE 3          /* of an axis that is shortened: what is shown at each end */
#define PRECISION 8
#define TEXT_BYTES 64  /* of a number with all its digits */
#define WORD_BYTES 256 /* of one that is put together */

/* How the elements of a tensor are written. */
typedef struct style {
    bool is_scientific;
    int left, right;     /* columns before and after the point */
    int precision;       /* with exponent: digits after the point, */
    int exponent_digits; /* and of the exponent */
} style;

/* What the first round sees. */
typedef struct summary {
    double largest, smallest; /* of the finite elements that are not 0, without their signs */
    int64_t finite;           /* how many are finite */
    bool has_special, has_minus_infinity;
    int64_t most, least; /* of whole numbers */
} summary;

typedef struct printer {
    const rv_tensor *t;
    FILE *file;
    bool shortened, failed;
    summary seen;
    style style;
    char line[2 * LINE_WIDTH + WORD_BYTES]; /* what is not written yet of a row */
    int used;                               /* characters in it */
} printer;

/* ---- numbers -------------------------------------------------------------------------------- */

static double floating(const rv_tensor *t, const char *at)
{
    return t->dtype == RV_F32 ? (double)*(const float *)(const void *)at
                              : *(const double *)(const void *)at;
}

static int64_t whole(const rv_tensor *t, const char *at)
{
    return t->dtype == RV_U8 ? (int64_t) * (const uint8_t *)at : *(const int64_t *)(const void *)at;
}

/* Writes x with the fewest digits after the point, up to `most`, that read back as x. */
static void shortest(rv_dtype dtype, double x, bool is_scientific, int most, char *text)
{
    for (int digits = 0; digits <= most; digits++) {
        snprintf(text, TEXT_BYTES, is_scientific ? "%.*e" : "%.*f", digits, x);
        if (dtype == RV_F32 ? strtof(text, NULL) == (float)x : strtod(text, NULL) == x)
            return;
    }
}

/* A number in parts, as "-12", "5", "+07": each is a text of its own, "" if there is none. */
typedef struct parts {
    char text[TEXT_BYTES];
    char *fraction, *exponent; /* within text */
} parts;

/* Cuts the text up. */
static void take_apart(parts *n)
{
    char *const point = strchr(n->text, '.'), *const e = strchr(n->text, 'e');
    n->fraction = n->exponent = n->text + strlen(n->text);
    if (e != NULL) {
        *e = '\0';
        n->exponent = e + 1;
        n->fraction = e;
    }
    if (point != NULL) {
        *point = '\0';
        n->fraction = point + 1;
    }
}

/* Where 8 digits were not enough, they may end in zeros. */
static void strip_zeros(parts *n)
{
    for (size_t length = strlen(n->fraction); length > 0 && n->fraction[length - 1] == '0';)
        n->fraction[--length] = '\0';
}

/* ---- the first round ------------------------------------------------------------------------ */

/* Calls see(p, element) for each element that is shown. */
static void each_shown(printer *p, int axis, const char *at,
                       void (*see)(printer *p, const char *at))
{
    const rv_tensor *t = p->t;
    if (axis == t->ndim) {
        see(p, at);
        return;
    }
    const int64_t size = t->shape[axis];
    const int64_t step = t->strides[axis] * (int64_t)rv_dtype_size(t->dtype);
    for (int64_t i = 0; i < size; i++) {
        if (p->shortened && i == EDGE && size > 2 * EDGE)
            i = size - EDGE;
        each_shown(p, axis + 1, at + i * step, see);
    }
}

static void see_whole(printer *p, const char *at)
{
    const int64_t x = whole(p->t, at);
    summary *s = &p->seen;
    s->most = x > s->most || s->finite == 0 ? x : s->most;
    s->least = x < s->least || s->finite == 0 ? x : s->least;
    s->finite++;
}

static void see_floating(printer *p, const char *at)
{
    const double x = floating(p->t, at), size = fabs(x);
    summary *s = &p->seen;
    if (!isfinite(x)) {
        s->has_special = true;
        s->has_minus_infinity = s->has_minus_infinity || x < 0;
        return;
    }
    s->finite++;
    if (size == 0)
        return;
    s->largest = size > s->largest ? size : s->largest;
    s->smallest = size < s->smallest || s->smallest == 0 ? size : s->smallest;
}

static void see_parts(printer *p, const char *at)
{
    const double x = floating(p->t, at);
    if (!isfinite(x))
        return;
    style *s = &p->style;
    parts number;
    shortest(p->t->dtype, x, s->is_scientific, PRECISION, number.text);
    take_apart(&number);
    strip_zeros(&number);
    const int left = (int)strlen(number.text), right = (int)strlen(number.fraction);
    const int exponent = (int)strlen(number.exponent) - 1; /* without its sign */
    s->left = left > s->left ? left : s->left;
    s->precision = right > s->precision ? right : s->precision;
    s->exponent_digits = exponent > s->exponent_digits ? exponent : s->exponent_digits;
}

/* NumPy's choice: an exponent where numbers are large, small, or far from each other; compared in
 * the precision that they have. */
static bool wants_exponent(rv_dtype dtype, const summary *seen)
{
    if (seen->largest == 0)
        return false;
    if (dtype == RV_F64)
        return seen->largest >= 1e8 || seen->smallest < 1e-4 ||
               seen->largest / seen->smallest > 1000;
    return seen->largest >= 1e6 || seen->smallest < (double)1e-4f ||
           (float)(seen->largest / seen->smallest) > 1000;
}

static void choose_style(printer *p, const char *data)
{
    style *s = &p->style;
    if (!rv_dtype_is_floating(p->t->dtype)) {
        each_shown(p, 0, data, see_whole);
        const int most = snprintf(NULL, 0, "%lld", (long long)p->seen.most);
        const int least = snprintf(NULL, 0, "%lld", (long long)p->seen.least);
        s->left = most > least ? most : least;
        return;
    }
    each_shown(p, 0, data, see_floating);
    s->is_scientific = wants_exponent(p->t->dtype, &p->seen);
    each_shown(p, 0, data, see_parts);
    s->right = s->is_scientific ? s->exponent_digits + 2 + s->precision : s->precision;
    if (p->seen.has_special) {
        const int wanted = (p->seen.has_minus_infinity ? 4 : 3) - (s->right + 1);
        s->left = wanted > s->left ? wanted : s->left;
    }
}

/* ---- the second round ----------------------------------------------------------------------- */

static const char *special(double x)
{
    return isnan(x) ? "nan" : x < 0 ? "-inf" : "inf";
}

static void element_text(const printer *p, const char *at, char *text)
{
    const style *s = &p->style;
    if (!rv_dtype_is_floating(p->t->dtype)) {
        snprintf(text, WORD_BYTES, "%*lld", s->left, (long long)whole(p->t, at));
        return;
    }
    const double x = floating(p->t, at);
    parts n;
    if (!isfinite(x)) {
        snprintf(text, WORD_BYTES, "%*s", s->left + s->right + 1, special(x));
    } else if (s->is_scientific) {
        snprintf(n.text, TEXT_BYTES, "%.*e", s->precision, x);
        take_apart(&n);
        snprintf(text, WORD_BYTES, "%*s.%se%c%0*d", s->left, n.text, n.fraction, n.exponent[0],
                 s->exponent_digits, atoi(n.exponent + 1));
    } else {
        shortest(p->t->dtype, x, false, PRECISION, n.text);
        take_apart(&n);
        strip_zeros(&n);
        snprintf(text, WORD_BYTES, "%*s.%-*s", s->left, n.text, s->right, n.fraction);
    }
}

static void put(printer *p, const char *text)
{
    p->failed = p->failed || fputs(text, p->file) < 0;
}

static void put_spaces(printer *p, int count)
{
    p->failed = p->failed || fprintf(p->file, "%*s", count, "") < 0;
}

/* Adds a word to the row's line, or to a new one if it would be too long. */
static void add_word(printer *p, int indent, const char *word)
{
    const int width = LINE_WIDTH - indent; /* the brackets behind it, and ours in front of it */
    const int length = (int)strlen(word);
    if (p->used > 0 && indent + p->used + length > width) {
        while (p->line[p->used - 1] == ' ')
            p->used--;
        p->line[p->used] = '\0';
        put(p, p->line);
        put(p, "\n");
        put_spaces(p, indent);
        p->used = 0;
    }
    memcpy(p->line + p->used, word, (size_t)length + 1);
    p->used += length;
}

static void print_row(printer *p, const char *at)
{
    const int axis = p->t->ndim - 1;
    const int64_t size = p->t->shape[axis];
    const int64_t step = p->t->strides[axis] * (int64_t)rv_dtype_size(p->t->dtype);
    char word[WORD_BYTES];
    p->used = 0;
    for (int64_t i = 0; i < size; i++) {
        if (i > 0)
            strcpy(p->line + p->used++, " ");
        if (p->shortened && i == EDGE && size > 2 * EDGE) {
            add_word(p, axis + 1, "...");
            strcpy(p->line + p->used++, " ");
            i = size - EDGE;
        }
        element_text(p, at + i * step, word);
        add_word(p, axis + 1, word);
    }
    put(p, p->line);
}

static void end_line(printer *p, int axis)
{
    for (int i = axis + 1; i < p->t->ndim; i++)
        put(p, "\n");
    put_spaces(p, axis + 1);
}

static void print_axis(printer *p, int axis, const char *at)
{
    const int64_t size = p->t->shape[axis];
    const int64_t step = p->t->strides[axis] * (int64_t)rv_dtype_size(p->t->dtype);
    put(p, "[");
    if (axis == p->t->ndim - 1) {
        print_row(p, at);
    } else {
        for (int64_t i = 0; i < size; i++) {
            if (i > 0)
                end_line(p, axis);
            if (p->shortened && i == EDGE && size > 2 * EDGE) {
                put(p, "...");
                end_line(p, axis);
                i = size - EDGE;
            }
            print_axis(p, axis + 1, at + i * step);
        }
    }
    put(p, "]");
}

/* A 0-d tensor: Python's str() of a NumPy scalar. */
static void print_scalar(printer *p)
{
    const rv_tensor *t = p->t;
    char text[TEXT_BYTES];
    if (!rv_dtype_is_floating(t->dtype)) {
        snprintf(text, sizeof text, "%lld", (long long)whole(t, t->data));
    } else {
        const double x = floating(t, t->data), size = fabs(x);
        const bool is_scientific =
            size != 0 && (size < 1e-4 || size >= (t->dtype == RV_F32 ? 1e6 : 1e16));
        if (isfinite(x))
            shortest(t->dtype, x, is_scientific, 24, text);
        else
            strcpy(text, special(x));
        if (isfinite(x) && !is_scientific && strchr(text, '.') == NULL)
            strcat(text, ".0");
    }
    put(p, text);
}

static bool print(const char *who, FILE *file, const rv_tensor *t, const char *after)
{
    if (!rv_check(who, 0, t))
        return false;
    if (file == NULL)
        return rv_fail(RV_ERROR_NULL, who, "the file is NULL");
    printer p = {.t = t, .file = file, .shortened = t->numel > MOST_SHOWN};
    const rv_locale before = rv_use_plain_locale();
    if (t->ndim == 0) {
        print_scalar(&p);
    } else if (t->numel == 0) {
        put(&p, "[]");
    } else {
        choose_style(&p, t->data);
        print_axis(&p, 0, t->data);
    }
    put(&p, after);
    rv_restore_locale(before);
    return !p.failed || rv_fail(RV_ERROR_FILE, who, "the file cannot be written");
}

bool rv_print(const rv_tensor *t)
{
    return print("print", stdout, t, "\n");
}

bool rv_fprint(FILE *file, const rv_tensor *t)
{
    return print("fprint", file, t, "");
}
