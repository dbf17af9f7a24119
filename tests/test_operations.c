/* test_operations.c - every operation of the list, over every sample of the table.
 *
 *     test_operations               runs the tests
 *     test_operations --table       prints what each operation passed
 *     test_operations --dump FILE   writes the samples for tests/golden/operations.py
 *
 * A test for each operation, so that one that crashes takes no other with it.
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "samples_check.h"

static int ids[] = {
#define ID(name) RV_OP_ID_##name,
    RV_OPERATION_LIST(ID, ID)
#undef ID
};

/* ---- the checks, operation by operation ------------------------------------------------------ */

typedef struct tally {
    int passed, failed, skipped;
} tally;

/* Runs one check over the samples of one operation; prints what fails. */
static tally over_samples(const char *op, const char *check_name, sample_check *check)
{
    tally all = {0, 0, 0};
    const sample *s;
    for (int i = 0; (s = sample_at(i)) != NULL; i++) {
        if (strcmp(s->op, op) != 0)
            continue;
        RV_SCOPE;
        reason why = {""};
        const verdict v = lacks_lapack(s) ? check_refused(s, &why) : check(s, &why);
        const char *unread = rv_error();
        if (v == FAILED || unread != NULL) {
            fprintf(stderr, "%s/%s: %s: %s%s\n", op, s->name, check_name, why.text,
                    unread != NULL ? unread : "");
            all.failed++;
        } else if (v == PASSED) {
            all.passed++;
        } else {
            all.skipped++;
        }
    }
    return all;
}

static const struct {
    const char *name;
    sample_check *check;
} checks[] = {
    {"forward", check_forward},      {"f32", check_f32},
    {"gradient", check_gradient},    {"gradcheck", check_gradcheck},
    {"second", check_gradgradcheck}, {"layouts", check_layouts},
    {"recorded", check_recorded},    {"inputs", check_inputs_kept},
};

static tally over_bad_calls(const char *op)
{
    tally all = {0, 0, 0};
    const bad_call *call;
    for (int i = 0; (call = bad_call_at(i)) != NULL; i++) {
        if (strcmp(call->op, op) != 0)
            continue;
        reason why = {""};
        if (check_bad_call(call, &why)) {
            all.passed++;
        } else {
            fprintf(stderr, "%s/%s: %s\n", op, call->name, why.text);
            all.failed++;
        }
    }
    return all;
}

ParameterizedTestParameters(operations, passes)
{
    return cr_make_param_array(int, ids, RV_COUNT(ids));
}
ParameterizedTest(int *id, operations, passes)
{
    const char *op = rv_op_name(*id);
    for (int k = 0; k < RV_COUNT(checks); k++) {
        const tally all = over_samples(op, checks[k].name, checks[k].check);
        cr_expect_eq(all.failed, 0, "%s: %s: %d of %d samples failed", op, checks[k].name,
                     all.failed, all.failed + all.passed);
    }
    const tally bad = over_bad_calls(op);
    cr_expect_eq(bad.failed, 0, "%s: %d bad calls were not refused as they should", op, bad.failed);
    cr_expect_geq(bad.passed, 2, "%s has %d bad calls in the table, expected 2 or more", op,
                  bad.passed);
}

/* ---- the table itself ------------------------------------------------------------------------ */

static bool has_floating_input(const sample *s)
{
    for (int i = 0; i < sample_inputs(s); i++)
        if (rv_dtype_is_floating(s->in[i].dtype))
            return true;
    return false;
}

/* An operation is differentiated by its samples, or has one that shows that it cannot be. */
static void expect_samples(const char *op)
{
    int samples = 0, checked = 0, without = 0;
    const sample *s;
    for (int i = 0; (s = sample_at(i)) != NULL; i++) {
        if (strcmp(s->op, op) != 0)
            continue;
        samples++;
        checked += s->gradient == SAMPLE_CHECKED;
        without += s->gradient == SAMPLE_NONE && has_floating_input(s);
        cr_expect_not_null(s->torch, "%s/%s has no golden value", op, s->name);
    }
    cr_expect_gt(samples, 0, "%s has no sample", op);
    cr_expect(checked > 0 || without > 0, "%s has no sample that is differentiated", op);
}

Test(table, covers_every_operation)
{
    for (int i = 0; i < RV_COUNT(ids); i++)
        expect_samples(rv_op_name(ids[i]));
}

Test(table, names_operations_of_the_list_once)
{
    const sample *s, *other;
    for (int i = 0; (s = sample_at(i)) != NULL; i++) {
        int id = 1;
        while (id < RV_OP_COUNT && strcmp(rv_op_name(id), s->op) != 0)
            id++;
        cr_expect_lt(id, (int)RV_OP_COUNT, "%s/%s is no operation", s->op, s->name);
        for (int k = 0; k < i && (other = sample_at(k)) != NULL; k++)
            cr_expect(strcmp(s->op, other->op) != 0 || strcmp(s->name, other->name) != 0,
                      "%s/%s stands twice", s->op, s->name);
    }
    const bad_call *call;
    for (int i = 0; (call = bad_call_at(i)) != NULL; i++) {
        int id = 1;
        while (id < RV_OP_COUNT && strcmp(rv_op_name(id), call->op) != 0)
            id++;
        cr_expect_lt(id, (int)RV_OP_COUNT, "bad call %s/%s is no operation", call->op, call->name);
    }
}

/* Whether a function of the headers is an operation of the list, or a variant of one. */
static bool is_listed(const char *function)
{
    static const char *const variants[] = {"", "_with", "_n", "_scalar", "_at"};
    for (int id = 1; id < RV_OP_COUNT; id++)
        for (int k = 0; k < RV_COUNT(variants); k++) {
            char name[128];
            snprintf(name, sizeof name, "%s%s", rv_op_name(id), variants[k]);
            if (strcmp(name, function) == 0)
                return true;
        }
    return false;
}

/* Looks at every function that a header declares; returns how many there are. */
static int functions_of(const char *family)
{
    char path[512], line[512];
    snprintf(path, sizeof path, "%s/autograd/ops_%s.h", RV_SOURCE, family);
    FILE *file = fopen(path, "r");
    cr_assert_not_null(file, "%s cannot be opened", path);
    int functions = 0;
    while (fgets(line, sizeof line, file) != NULL) {
        const char *name = strncmp(line, "RV_API ", 7) == 0 ? strchr(line, '(') : NULL;
        if (name == NULL)
            continue;
        const int length = (int)(name - line);
        int start = length;
        while (start > 0 && line[start - 1] != ' ' && line[start - 1] != '*')
            start--;
        line[length] = '\0';
        cr_expect(strncmp(line + start, "rv_", 3) == 0 && is_listed(line + start + 3),
                  "%s declares %s, which is not in the list", path, line + start);
        functions++;
    }
    fclose(file);
    return functions;
}

Test(table, lacks_no_function_of_the_headers)
{
    int functions = 0;
#define FUNCTIONS_OF(family) functions += functions_of(#family);
    RV_OPERATION_FAMILIES(FUNCTIONS_OF)
#undef FUNCTIONS_OF
    cr_expect_geq(functions, (int)RV_OP_COUNT - 1, "the headers declare only %d functions",
                  functions);
}

Test(table, the_list_has_names)
{
    cr_expect_str_eq(rv_op_name(RV_OP_ID_custom), "custom");
    cr_expect_str_eq(rv_op_name(RV_OP_ID_tanh), "tanh");
    cr_expect_null(rv_op_name(RV_OP_COUNT));
    cr_expect_null(rv_op_name(-1));
}

/* ---- printing -------------------------------------------------------------------------------- */

static void print_cell(tally all)
{
    char cell[32];
    if (all.passed + all.failed == 0)
        snprintf(cell, sizeof cell, "-");
    else if (all.failed == 0)
        snprintf(cell, sizeof cell, "%d", all.passed);
    else
        snprintf(cell, sizeof cell, "%d of %d!", all.passed, all.passed + all.failed);
    printf(" %10s", cell);
}

static void print_dtypes(const char *op)
{
    bool used[RV_DTYPE_COUNT] = {false};
    const sample *s;
    for (int i = 0; (s = sample_at(i)) != NULL; i++)
        for (int k = 0; strcmp(s->op, op) == 0 && k < sample_inputs(s); k++) {
            used[s->in[k].dtype] = true;
            used[RV_F32] = used[RV_F32] || s->in[k].dtype == RV_F64; /* each runs in both */
        }
    char cell[32] = "";
    for (rv_dtype d = RV_F32; d < RV_DTYPE_COUNT; d++)
        if (used[d])
            snprintf(cell + strlen(cell), sizeof cell - strlen(cell), "%s ", rv_dtype_name(d));
    printf("%-16s", cell);
}

static int print_table(void)
{
    int failed = 0, samples = 0;
    while (sample_at(samples) != NULL)
        samples++;
    printf("Samples that passed; - where the check does not apply.\n\n%-28s%-16s", "operation",
           "dtypes");
    for (int k = 0; k < RV_COUNT(checks); k++)
        printf(" %10s", checks[k].name);
    printf(" %10s\n", "bad calls");
    for (int i = 0; i < RV_COUNT(ids); i++) {
        const char *op = rv_op_name(ids[i]);
        printf("%-28s", op);
        print_dtypes(op);
        for (int k = 0; k < RV_COUNT(checks); k++) {
            const tally all = over_samples(op, checks[k].name, checks[k].check);
            print_cell(all);
            failed += all.failed;
        }
        const tally bad = over_bad_calls(op);
        print_cell(bad);
        printf("\n");
        fflush(stdout);
        failed += bad.failed;
    }
    printf("\n%d operations, %d samples, %d failures\n", RV_COUNT(ids), samples, failed);
    return failed > 0;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--table") == 0)
        return print_table();
    if (argc == 3 && strcmp(argv[1], "--dump") == 0) {
        if (dump_samples(argv[2]))
            return 0;
        perror(argv[2]);
        return 1;
    }
    struct criterion_test_set *tests = criterion_initialize();
    int status = 0;
    if (criterion_handle_args(argc, argv, true))
        status = !criterion_run_all_tests(tests);
    criterion_finalize(tests);
    return status;
}
