/* op_einsum.c - einsum: sums of products, named by letters.
 *
 * Each operand becomes a term: a tensor whose axes have labels, each once (of a letter that stands
 * twice, the diagonal is taken). Two terms become one by a matmul. Its batch are the labels that
 * both have and that are still needed, its inner axis those that both have and nobody needs; what
 * only one has are rows or columns, or is summed before, if nobody needs it.
 */
#include "autograd/op_matrix.h"

#include <ctype.h>
#include <string.h>

/* A label is a letter's place in the alphabet (capitals first), or an axis of "...", counted from
 * its right end. */
enum { LETTERS = 52, LABELS = LETTERS + RV_MAX_DIMENSIONS, MOST_OPERANDS = 16 };

typedef uint64_t label_set;

typedef struct term {
    rv_tensor *t;
    int labels[RV_MAX_DIMENSIONS]; /* [t->ndim] */
} term;

typedef struct equation {
    const char *text;
    int64_t sizes[LABELS];         /* 0 and more; -1: not seen */
    int owner[LABELS];             /* the operand that gave the size */
    int times[LABELS];             /* how often it stands in the operands */
    int ellipsis;                  /* axes of the longest "..." */
    int result[RV_MAX_DIMENSIONS]; /* labels */
    int result_ndim;
} equation;

static label_set bit(int label)
{
    return (label_set)1 << label;
}

/* The letter of a label, for messages. */
static char letter_of(int label)
{
    return label >= LETTERS ? '.' : (char)(label < 26 ? 'A' + label : 'a' + (label - 26));
}

static int label_of(char letter)
{
    return letter >= 'a' && letter <= 'z'   ? 26 + letter - 'a'
           : letter >= 'A' && letter <= 'Z' ? letter - 'A'
                                            : -1;
}

/* ---- reading the subscripts -------------------------------------------------------------------
 */

/* One operand's subscripts, or the result's: its labels, "..." counting as `ellipsis` axes. `*at`
 * is left at the ',', '-' or end behind them. -1 with an error; else how many labels. */
static int read_subscripts(const equation *e, const char **at, int ellipsis, int labels[],
                           bool *has_ellipsis)
{
    int count = 0;
    *has_ellipsis = false;
    for (const char *c = *at;; c++) {
        if (*c == ' ')
            continue;
        if (*c == ',' || *c == '-' || *c == '\0') {
            *at = c;
            return count;
        }
        if (*c == '.') {
            if (*has_ellipsis || strncmp(c, "...", 3) != 0) {
                rv_fail(RV_ERROR_ARGUMENT, "einsum",
                        "\"%s\": a '.' that is not part of one \"...\" in each operand", e->text);
                return -1;
            }
            *has_ellipsis = true;
            for (int i = ellipsis - 1; i >= 0; i--)
                if (count < RV_MAX_DIMENSIONS)
                    labels[count++] = LETTERS + i;
            c += 2;
            continue;
        }
        const int label = label_of(*c);
        if (label < 0 || count == RV_MAX_DIMENSIONS) {
            if (label < 0)
                rv_fail(RV_ERROR_ARGUMENT, "einsum", "\"%s\": '%c' is no letter", e->text,
                        isprint((unsigned char)*c) ? *c : '?');
            else
                rv_fail(RV_ERROR_SHAPE, "einsum", "\"%s\" names more than %d axes of one tensor",
                        e->text, RV_MAX_DIMENSIONS);
            return -1;
        }
        labels[count++] = label;
    }
}

/* How many letters an operand's subscripts have. */
static int count_letters(const char *c)
{
    int letters = 0;
    for (; *c != ',' && *c != '-' && *c != '\0'; c++)
        letters += label_of(*c) >= 0;
    return letters;
}

/* Notes that operand `i` has a label of this size. */
static bool note_size(equation *e, int i, int label, int64_t size)
{
    e->times[label]++;
    const int64_t known = e->sizes[label];
    if (known >= 0 && known != size && known != 1 && size != 1) {
        const char name[] = {letter_of(label), '\0'};
        return rv_fail(RV_ERROR_SHAPE, "einsum",
                       "\"%s\": '%s' is %lld in operand %d and %lld in operand %d", e->text,
                       label >= LETTERS ? "..." : name, (long long)known, e->owner[label],
                       (long long)size, i);
    }
    if (known < 0 || known == 1) {
        e->sizes[label] = size;
        e->owner[label] = i;
    }
    return true;
}

/* The labels of operand `i`, whose subscripts `*at` is at. */
static bool read_operand(equation *e, int i, const char **at, term *to)
{
    const int letters = count_letters(*at), ndim = to->t->ndim;
    bool has_ellipsis;
    const int ellipsis = ndim > letters ? ndim - letters : 0;
    const int count = read_subscripts(e, at, ellipsis, to->labels, &has_ellipsis);
    if (count < 0)
        return false;
    if (count != ndim)
        return rv_fail(RV_ERROR_SHAPE, "einsum", "\"%s\" names %d axes of operand %d, which is %s",
                       e->text, count, i, RV_SHAPE_OF(to->t));
    if (has_ellipsis && ellipsis > e->ellipsis)
        e->ellipsis = ellipsis;
    for (int axis = 0; axis < ndim; axis++)
        if (!note_size(e, i, to->labels[axis], to->t->shape[axis]))
            return false;
    return true;
}

static bool read_operands(equation *e, const char **at, int n, term *terms)
{
    for (int i = 0; i < n; i++) {
        if (!read_operand(e, i, at, &terms[i]))
            return false;
        if ((**at == ',') != (i < n - 1))
            return rv_fail(RV_ERROR_ARGUMENT, "einsum",
                           "\"%s\" takes %s than the %d operand%s given", e->text,
                           **at == ',' ? "more" : "fewer", n, n == 1 ? "" : "s");
        *at += **at == ',';
    }
    return true;
}

/* Without "->": "...", and what stands once, in order. */
static bool imply_result(equation *e)
{
    for (int i = e->ellipsis - 1; i >= 0; i--)
        e->result[e->result_ndim++] = LETTERS + i;
    for (int label = 0; label < LETTERS; label++) {
        if (e->times[label] != 1)
            continue;
        if (e->result_ndim == RV_MAX_DIMENSIONS)
            return rv_fail(RV_ERROR_SHAPE, "einsum", "the result of \"%s\" has more than %d axes",
                           e->text, RV_MAX_DIMENSIONS);
        e->result[e->result_ndim++] = label;
    }
    return true;
}

static bool read_result(equation *e, const char *at)
{
    if (*at == '\0')
        return imply_result(e);
    if (at[1] != '>')
        return rv_fail(RV_ERROR_ARGUMENT, "einsum", "\"%s\": a '-' that is not part of \"->\"",
                       e->text);
    at += 2;
    bool has_ellipsis;
    e->result_ndim = read_subscripts(e, &at, e->ellipsis, e->result, &has_ellipsis);
    if (e->result_ndim < 0)
        return false;
    if (*at != '\0')
        return rv_fail(RV_ERROR_ARGUMENT, "einsum", "\"%s\": '%c' after the result", e->text, *at);
    label_set seen = 0;
    for (int i = 0; i < e->result_ndim; i++) {
        const int label = e->result[i];
        if (e->sizes[label] < 0 || (seen & bit(label)))
            return rv_fail(RV_ERROR_ARGUMENT, "einsum", "\"%s\": '%c' of the result %s", e->text,
                           letter_of(label),
                           e->sizes[label] < 0 ? "is in no operand" : "stands there twice");
        seen |= bit(label);
    }
    return true;
}

/* ---- one term ---------------------------------------------------------------------------------
 */

static label_set labels_of(const term *x)
{
    label_set set = 0;
    for (int i = 0; i < x->t->ndim; i++)
        set |= bit(x->labels[i]);
    return set;
}

static int axis_of(const term *x, int label)
{
    int axis = 0;
    while (x->labels[axis] != label)
        axis++;
    return axis;
}

/* Takes axis `axis` out of the labels. */
static void drop_label(term *x, int ndim, int axis)
{
    memmove(x->labels + axis, x->labels + axis + 1, (size_t)(ndim - axis - 1) * sizeof *x->labels);
}

/* Puts the axes in the order of `axes`, and merges them: group i of counts[i] axes becomes one of
 * sizes[i]. */
static rv_tensor *arrange(const term *x, const int *axes, int groups, const int64_t *sizes)
{
    if (x->t == NULL)
        return NULL;
    bool in_order = true;
    for (int i = 0; i < x->t->ndim; i++)
        in_order = in_order && axes[i] == i;
    rv_tensor *t = in_order ? x->t : rv_permute_n(x->t, x->t->ndim, axes);
    return rv_reshape_n(t, groups, sizes);
}

/* Where two axes have one label, their diagonal takes their place. */
static bool take_diagonals(term *x)
{
    for (int first = 0; first < x->t->ndim; first++)
        for (int second = first + 1; second < x->t->ndim; second++) {
            if (x->labels[first] != x->labels[second])
                continue;
            if (x->t->shape[first] != x->t->shape[second])
                return rv_fail(RV_ERROR_SHAPE, "einsum",
                               "'%c' is %lld and %lld in one operand: no diagonal",
                               letter_of(x->labels[first]), (long long)x->t->shape[first],
                               (long long)x->t->shape[second]);
            const int ndim = x->t->ndim, label = x->labels[first];
            int axes[RV_MAX_DIMENSIONS], count = 0;
            for (int i = 0; i < ndim; i++)
                if (i != first && i != second)
                    axes[count++] = i;
            axes[count] = first;
            axes[count + 1] = second;
            rv_tensor *t = rv_diagonal_of(rv_permute_n(x->t, ndim, axes));
            if (t == NULL)
                return false;
            drop_label(x, ndim, second);
            drop_label(x, ndim - 1, first);
            x->t = t;
            x->labels[t->ndim - 1] = label;
            first = -1; /* from the beginning: the axes have moved */
            break;
        }
    return true;
}

/* Sums over the labels of `set`. */
static bool sum_over(term *x, label_set set)
{
    rv_reduce_options options = {.input = x->t};
    int left = 0;
    for (int axis = 0; axis < x->t->ndim; axis++)
        if (set & bit(x->labels[axis]))
            options.axes.axis[options.axes.count++] = axis;
        else
            x->labels[left++] = x->labels[axis];
    if (options.axes.count > 0)
        x->t = rv_sum_with(&options);
    return x->t != NULL;
}

/* ---- two terms --------------------------------------------------------------------------------
 */

/* Appends the axes of x that have the labels of `set`, in the order of x or of `like`; returns
 * their common size. */
static int64_t group(const term *x, const term *like, label_set set, int *axes, int *count)
{
    int64_t size = 1;
    for (int i = 0; i < like->t->ndim; i++)
        if (set & bit(like->labels[i])) {
            const int axis = axis_of(x, like->labels[i]);
            axes[(*count)++] = axis;
            size *= x->t->shape[axis];
        }
    return size;
}

/* How many labels are in a set. */
static int count_of(label_set set)
{
    int count = 0;
    for (; set != 0; set &= set - 1)
        count++;
    return count;
}

/* The labels and sizes of those of x in `set`, appended to a result. */
static void append(const term *x, label_set set, term *result, int64_t *shape, int *ndim)
{
    for (int i = 0; i < x->t->ndim; i++)
        if (set & bit(x->labels[i])) {
            result->labels[*ndim] = x->labels[i];
            shape[(*ndim)++] = x->t->shape[i];
        }
}

/* A label that is summed over and is of size 1 in one term only: the sum over the other's. */
static bool sum_repeated(term *x, term *y, label_set inner)
{
    label_set of_x = 0, of_y = 0;
    for (int i = 0; i < x->t->ndim; i++) {
        if (!(inner & bit(x->labels[i])))
            continue;
        const int64_t size_x = x->t->shape[i], size_y = y->t->shape[axis_of(y, x->labels[i])];
        of_x |= size_y == 1 ? bit(x->labels[i]) : 0;
        of_y |= size_y != 1 && size_x == 1 ? bit(x->labels[i]) : 0;
    }
    /* What is of size 1 where the other was summed is summed too: it goes. */
    const label_set both = of_x | of_y;
    return sum_over(x, both) && sum_over(y, both);
}

/* [batch, rows, inner] by [batch, inner, columns]. With nothing to sum over, each element of the
 * result is one product; a batch of single rows by single columns is one loop, and a sum. */
static rv_tensor *multiply_terms(rv_tensor *left, rv_tensor *right, label_set inner, int batch_ndim)
{
    if (left == NULL || right == NULL)
        return NULL;
    if (inner == 0)
        return rv_mul(left, right);
    if (batch_ndim == 0 || left->shape[batch_ndim] != 1 || right->shape[batch_ndim + 1] != 1)
        return rv_matmul(left, right);
    return rv_sum(rv_mul(left, rv_transposed(right)), .axes = RV_AXES(-1));
}

/* The product of x and y, summed over what both have and `needed` has not. */
static bool multiply(const equation *e, term *x, term *y, label_set needed, term *result)
{
    label_set in_x = labels_of(x), in_y = labels_of(y);
    if (!sum_over(x, in_x & ~in_y & ~needed) || !sum_over(y, in_y & ~in_x & ~needed) ||
        !sum_repeated(x, y, in_x & in_y & ~needed))
        return false;
    in_x = labels_of(x);
    in_y = labels_of(y);
    const label_set both = in_x & in_y, batch = both & needed, inner = both & ~needed;
    const int batch_ndim = count_of(batch);
    if (count_of(in_x | in_y) - count_of(inner) > RV_MAX_DIMENSIONS ||
        batch_ndim > RV_MAX_DIMENSIONS - 2)
        return rv_fail(RV_ERROR_SHAPE, "einsum", "\"%s\" needs a product of more than %d axes",
                       e->text, RV_MAX_DIMENSIONS);
    int of_x[RV_MAX_DIMENSIONS], of_y[RV_MAX_DIMENSIONS], nx = 0, ny = 0, ndim = 0;
    int64_t shape_x[RV_MAX_DIMENSIONS], shape_y[RV_MAX_DIMENSIONS], shape[RV_MAX_DIMENSIONS];
    append(x, batch, result, shape, &ndim);
    group(x, x, batch, of_x, &nx);
    group(y, x, batch, of_y, &ny);
    for (int i = 0; i < batch_ndim; i++) {
        shape_x[i] = x->t->shape[of_x[i]];
        shape_y[i] = y->t->shape[of_y[i]];
        shape[i] = shape_x[i] == 1 ? shape_y[i] : shape_x[i];
    }
    shape_x[batch_ndim] = group(x, x, in_x & ~both, of_x, &nx);
    shape_x[batch_ndim + 1] = group(x, x, inner, of_x, &nx);
    shape_y[batch_ndim] = group(y, x, inner, of_y, &ny);
    shape_y[batch_ndim + 1] = group(y, y, in_y & ~both, of_y, &ny);
    append(x, in_x & ~both, result, shape, &ndim);
    append(y, in_y & ~both, result, shape, &ndim);
    rv_tensor *left = arrange(x, of_x, batch_ndim + 2, shape_x);
    rv_tensor *right = arrange(y, of_y, batch_ndim + 2, shape_y);
    rv_tensor *product = multiply_terms(left, right, inner, batch_ndim);
    result->t = product == NULL ? NULL : rv_reshape_n(product, ndim, shape);
    return result->t != NULL;
}

/* ---- all --------------------------------------------------------------------------------------
 */

static bool check_operands(int n, rv_tensor *const *operands)
{
    const char *who = "einsum";
    if (n < 1 || n > MOST_OPERANDS)
        return rv_fail(RV_ERROR_ARGUMENT, who, "%d operands given, expected 1 to %d", n,
                       MOST_OPERANDS);
    if (operands == NULL)
        return rv_fail(RV_ERROR_NULL, who, "the operands are NULL");
    for (int i = 0; i < n; i++)
        if (!rv_check_floating(who, i, operands[i]) ||
            !rv_check_dtypes(who, operands[0], operands[i]))
            return false;
    return true;
}

/* The terms multiplied from the left to the right; in the end, `terms` has the result first. */
static bool contract(const equation *e, int n, term *terms)
{
    label_set wanted = 0, later[MOST_OPERANDS];
    for (int i = 0; i < e->result_ndim; i++)
        wanted |= bit(e->result[i]);
    for (int i = n - 1; i >= 0; i--) {
        if (!take_diagonals(&terms[i]))
            return false;
        later[i] = wanted;
        wanted |= labels_of(&terms[i]);
    }
    for (int i = 1; i < n; i++) {
        term product;
        if (!multiply(e, &terms[0], &terms[i], later[i], &product))
            return false;
        terms[0] = product;
    }
    return sum_over(&terms[0], labels_of(&terms[0]) & ~later[n - 1]);
}

rv_tensor *rv_einsum_n(const char *subscripts, int n, rv_tensor *const *operands)
{
    if (subscripts == NULL)
        return rv_fail_null(RV_ERROR_NULL, "einsum", "the subscripts are NULL");
    if (!check_operands(n, operands))
        return NULL;
    RV_SCOPE;
    equation e = {.text = subscripts};
    memset(e.sizes, -1, sizeof e.sizes);
    term terms[MOST_OPERANDS];
    for (int i = 0; i < n; i++)
        terms[i].t = operands[i];
    const char *at = subscripts;
    if (!read_operands(&e, &at, n, terms) || !read_result(&e, at) || !contract(&e, n, terms))
        return NULL;
    int axes[RV_MAX_DIMENSIONS];
    bool in_order = true;
    for (int i = 0; i < e.result_ndim; i++) {
        axes[i] = axis_of(&terms[0], e.result[i]);
        in_order = in_order && axes[i] == i;
    }
    if (in_order)
        return rv_keep(terms[0].t);
    return rv_keep(rv_permute_n(terms[0].t, e.result_ndim, axes));
}
