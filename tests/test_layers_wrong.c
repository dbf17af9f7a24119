/* test_layers_wrong.c - whatever is wrong about a layer is an error that names it, and nothing that
 * was given away is lost. */

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "helpers.h"

/* ---- a layer that counts how many of it there are -------------------------------------------- */

static int alive;

static rv_tensor *identity_forward(rv_layer *self, rv_tensor *x)
{
    (void)self;
    return x;
}

static void counted_destroy(rv_layer *self)
{
    (void)self;
    alive--;
}

static const rv_layer_class counted_class = {.name = "counted",
                                             .size = sizeof(rv_layer),
                                             .forward = identity_forward,
                                             .destroy = counted_destroy};

static rv_layer *counted(void)
{
    rv_layer *layer = rv_layer_new(&counted_class);
    alive += layer != NULL;
    return layer;
}

/* ---- what is given away is freed ------------------------------------------------------------- */

Test(layers_wrong, a_container_that_fails_frees_its_children)
{
    alive = 0;
    cr_expect_null(rv_layer_sequential(counted(), NULL, counted()));
    cr_expect(error_is(RV_ERROR_NULL, "child \"1\" of sequential is NULL"));
    cr_expect_eq(alive, 0);
    cr_expect_null(
        rv_layer_sequential(counted(), rv_layer_linear(0, 3), counted(), rv_layer_dropout(-1)));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "layer_linear: in_features 0"), "the child's own error");
    cr_expect_eq(alive, 0);
    cr_expect_null(rv_layer_sequential(
        counted(), rv_layer_sequential(counted(), rv_layer_dropout(2), counted()), counted()));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "layer_dropout: p is 2"));
    cr_expect_eq(alive, 0);
}

Test(layers_wrong, a_layer_has_to_be_given)
{
    alive = 0;
    rv_layer *a = counted();
    cr_expect_null(rv_layer_sequential(a, rv_layer_relu(), a));
    cr_expect(
        error_is(RV_ERROR_ARGUMENT, "child \"2\", a counted, belongs to a container already"));
    cr_expect_eq(alive, 0);

    rv_layer *b = counted(), *first = rv_layer_sequential(b);
    cr_expect_null(rv_layer_sequential(b));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "belongs to a container already"));
    cr_expect_eq(alive, 1, "the first one still has it");
    rv_layer *second = rv_layer_sequential(rv_layer_retain(b));
    rv_layer_free(first);
    cr_expect_eq(alive, 1);
    rv_layer_free(second);
    cr_expect_eq(alive, 0);
    cr_expect(no_error());
}

Test(layers_wrong, no_layer_contains_itself)
{
    alive = 0;
    rv_layer *a = counted();
    cr_expect_null(rv_layer_add_child(a, "self", a));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "\"self\""));
    cr_expect_null(rv_layer_add_child(a, "self", rv_layer_retain(a)));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "counted is given itself as child \"self\""));
    rv_layer *outer = rv_layer_sequential(rv_layer_retain(a));
    cr_expect_null(rv_layer_add_child(a, "outer", outer), "would go around in a circle");
    cr_expect(error_is(RV_ERROR_STATE, "counted stands in a container"));
    cr_expect_null(rv_layer_complete(a), "something could not be added");
    cr_expect(no_error());
    cr_expect_eq(alive, 0);
}

Test(layers_wrong, too_deep)
{
    alive = 0;
    rv_layer *net = counted();
    for (int depth = 2; depth <= 32; depth++)
        net = rv_layer_sequential(net);
    cr_assert_not_null(net);
    RV_SCOPE;
    rv_tensor *x = VECTOR(1, 2);
    cr_expect_eq(rv_forward(net, x), x);
    cr_expect_null(rv_layer_sequential(net));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "child \"0\" is 32 layers deep"));
    cr_expect_eq(alive, 0);
}

/* ---- adding ---------------------------------------------------------------------------------- */

#define LONG_NAME "a_name_of_sixty_four_characters_which_is_one_more_than_fits_a_la"

Test(layers_wrong, names)
{
    RV_SCOPE;
    rv_layer *l = counted();
    cr_assert_not_null(rv_layer_add_parameter(l, "weight", VECTOR(1)));
    cr_assert_not_null(rv_layer_add_buffer(l, "mean", VECTOR(1)));
    cr_assert_not_null(rv_layer_add_child(l, "inner", rv_layer_relu()));
    cr_assert_eq(strlen(LONG_NAME), 64);
    cr_expect_not_null(rv_layer_add_parameter(l, &LONG_NAME[1], VECTOR(1)));
    cr_expect_not_null(rv_layer_parameter(l, &LONG_NAME[1]));
    cr_expect_null(rv_layer_parameter(l, LONG_NAME));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "counted has no parameter \"a_name"));
    const char *const bad[] = {"", "a.b", ".", LONG_NAME};
    for (int i = 0; i < RV_COUNT(bad); i++) {
        cr_expect_null(rv_layer_add_parameter(l, bad[i], VECTOR(1)));
        cr_expect(error_is(RV_ERROR_ARGUMENT, "is no name"));
        cr_expect_null(rv_layer_add_buffer(l, bad[i], VECTOR(1)));
        cr_expect(error_is(RV_ERROR_ARGUMENT, "is no name"));
        cr_expect_null(rv_layer_add_child(l, bad[i], rv_layer_relu()));
        cr_expect(error_is(RV_ERROR_ARGUMENT, "is no name"));
    }
    const char *const taken[] = {"weight", "mean", "inner"};
    for (int i = 0; i < RV_COUNT(taken); i++) {
        cr_expect_null(rv_layer_add_parameter(l, taken[i], VECTOR(1)));
        cr_expect(error_is(RV_ERROR_ARGUMENT, "counted has a \""));
        cr_expect_null(rv_layer_add_child(l, taken[i], rv_layer_relu()));
        cr_expect(error_is(RV_ERROR_ARGUMENT, "already"));
    }
    cr_expect_null(rv_layer_add_buffer(l, NULL, VECTOR(1)));
    cr_expect(error_is(RV_ERROR_NULL, "layer_add_buffer: the name is NULL"));
    cr_expect_eq(rv_parameters(l).count, 2, "nothing was added");
    cr_expect_eq(rv_layer_child_count(l), 1);
    rv_layer_free(l);
}

Test(layers_wrong, what_is_added)
{
    RV_SCOPE;
    alive = 0;
    rv_layer *l = counted();
    rv_tensor *leaf = rv_require_grad(VECTOR(1, 2)), *made = rv_tanh(leaf);
    cr_expect_null(rv_layer_add_parameter(l, "a", NULL));
    cr_expect(error_is(RV_ERROR_NULL, "layer_add_parameter: input 0 is NULL"));
    cr_expect_null(rv_layer_add_parameter(l, "a", rv_zeros(RV_I64, 2)));
    cr_expect(error_is(RV_ERROR_DTYPE, "I64"));
    cr_expect_null(rv_layer_add_parameter(l, "a", made));
    cr_expect(error_is(RV_ERROR_GRAPH, "tanh"));
    cr_expect_null(rv_layer_add_buffer(l, "a", leaf));
    cr_expect(error_is(RV_ERROR_GRAPH, "\"a\" requires a gradient"));
    cr_expect_null(rv_layer_add_buffer(l, "a", NULL));
    cr_expect(error_is(RV_ERROR_NULL, "layer_add_buffer"));
    cr_expect_null(rv_layer_add_child(l, "a", NULL));
    cr_expect(error_is(RV_ERROR_NULL, "child \"a\" of counted is NULL"));
    cr_expect_null(rv_layer_add_child(l, "a", (rv_layer *)(void *)leaf));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "not a layer"));
    cr_expect_null(rv_layer_add_parameter(NULL, "a", leaf));
    cr_expect(error_is(RV_ERROR_NULL, "layer_add_parameter: the layer is NULL"));
    cr_expect_null(rv_layer_add_child(NULL, "a", counted()));
    cr_expect(error_is(RV_ERROR_NULL, "layer_add_child: the layer is NULL"));
    cr_expect_eq(alive, 1, "the child was freed");
    cr_expect_null(rv_layer_complete(l));
    cr_expect_eq(alive, 0);
    cr_expect_null(rv_layer_complete(NULL));
    cr_expect(error_is(RV_ERROR_NULL, "layer_complete"));
}

Test(layers_wrong, what_stands_in_a_container_stays)
{
    RV_SCOPE;
    rv_layer *l = counted(), *net = rv_layer_sequential(rv_layer_retain(l));
    cr_expect_null(rv_layer_add_parameter(l, "late", VECTOR(1)));
    cr_expect(error_is(RV_ERROR_STATE, "counted stands in a container"));
    rv_layer_free(net);
    cr_expect_not_null(rv_layer_add_parameter(l, "late", VECTOR(1)), "now it may");
    cr_expect(no_error());
    rv_layer_free(l);
}

Test(layers_wrong, classes)
{
    rv_layer_class c = counted_class;
    c.size = sizeof(rv_layer) - 1;
    cr_expect_null(rv_layer_new(&c));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "the size of counted is"));
    c = counted_class;
    c.forward = NULL;
    cr_expect_null(rv_layer_new(&c));
    cr_expect(error_is(RV_ERROR_NULL, "layer_new"));
    c = counted_class;
    c.name = NULL;
    cr_expect_null(rv_layer_new(&c));
    cr_expect(error_is(RV_ERROR_NULL, "layer_new"));
    cr_expect_null(rv_layer_new(NULL));
    cr_expect(error_is(RV_ERROR_NULL, "layer_new"));
    c = counted_class;
    c.size = 100000;
    rv_memory_limit(50000);
    cr_expect_null(rv_layer_new(&c));
    cr_expect(error_is(RV_ERROR_MEMORY, "layer_new"));
    rv_memory_limit(SIZE_MAX);
}

/* ---- running --------------------------------------------------------------------------------- */

static rv_tensor *silent_forward(rv_layer *self, rv_tensor *x)
{
    (void)self, (void)x;
    return NULL;
}
static const rv_layer_class silent_class = {
    .name = "silent", .size = sizeof(rv_layer), .forward = silent_forward};

/* Runs a layer that is not its child. */
static rv_layer *elsewhere;
static rv_tensor *outer_forward(rv_layer *self, rv_tensor *x)
{
    (void)self;
    return rv_forward(elsewhere, x);
}
static const rv_layer_class outer_class = {
    .name = "outer", .size = sizeof(rv_layer), .forward = outer_forward};

Test(layers_wrong, messages_say_where)
{
    RV_SCOPE;
    rv_tensor *x = rv_ones(RV_F32, 8, 3);
    rv_layer *l = rv_layer_linear(4, 5);
    cr_expect_null(rv_forward(l, x));
    const char *message = rv_error();
    cr_assert_not_null(message);
    cr_expect(strncmp(message, "linear: input [8,3]", 19) == 0, "%s", message);
    rv_layer *net = rv_layer_sequential(rv_layer_relu(), l);
    cr_expect_null(rv_forward(net, x));
    message = rv_error();
    cr_assert_not_null(message);
    cr_expect(strncmp(message, "sequential.1 linear: input [8,3]", 32) == 0, "%s", message);
    rv_layer *outer = rv_layer_sequential(rv_layer_relu(), rv_layer_relu(), net);
    cr_expect_null(rv_forward(outer, x));
    cr_expect(error_is(RV_ERROR_SHAPE, "sequential.2.1 linear: input"));
    elsewhere = outer;
    rv_layer *user = rv_layer_new(&outer_class);
    cr_expect_null(rv_forward(user, x));
    cr_expect(error_is(RV_ERROR_SHAPE, "outer.sequential.2.1 linear: input"));
    cr_expect_null(rv_matmul(x, x));
    cr_expect(error_is(RV_ERROR_SHAPE, "matmul: "), "and not where it was before");
    cr_expect_null(rv_forward(outer, NULL));
    cr_expect(error_is(RV_ERROR_NULL, "forward: input 0 is NULL"));
    cr_expect_null(rv_forward(NULL, x));
    cr_expect(error_is(RV_ERROR_NULL, "forward: the layer is NULL"));
    cr_expect_null(rv_forward((rv_layer *)(void *)x, x));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "not a layer"));
    rv_layer_free(user);
    rv_layer_free(outer);
}

Test(layers_wrong, a_layer_that_fails_without_a_word)
{
    RV_SCOPE;
    rv_layer *net = rv_layer_sequential(rv_layer_relu(), rv_layer_new(&silent_class));
    cr_expect_null(rv_forward(net, VECTOR(1)));
    cr_expect(error_is(RV_ERROR_STATE, "sequential.1 forward: silent gave NULL"));
    rv_layer_free(net);
}

/* The first error stays: what fails because of it adds nothing. */
Test(layers_wrong, the_first_error_stays)
{
    RV_SCOPE;
    rv_layer *net = rv_layer_sequential(rv_layer_linear(4, 5), rv_layer_relu());
    cr_expect_null(rv_forward(net, rv_matmul(VECTOR(1, 2), VECTOR(1, 2, 3))));
    cr_expect(error_is(RV_ERROR_SHAPE, "matmul: "));
    cr_expect_eq(rv_parameters(rv_layer_linear(-1, 2)).count, 0);
    cr_expect(error_is(RV_ERROR_ARGUMENT, "layer_linear: in_features -1"));
    rv_layer_free(net);
}

#if !RV_RECYCLE
static rv_tensor *ended_forward(rv_layer *self, rv_tensor *x)
{
    (void)self;
    RV_SCOPE;
    return rv_tanh(x); /* and no rv_keep */
}
static const rv_layer_class ended_class = {
    .name = "ended", .size = sizeof(rv_layer), .forward = ended_forward};

Test(layers_wrong, a_result_that_its_scope_took_along)
{
    RV_SCOPE;
    rv_layer *l = rv_layer_new(&ended_class);
    cr_expect_null(rv_forward(l, VECTOR(1)));
    cr_expect(error_is(RV_ERROR_ENDED, "test_layers_wrong.c"));
    rv_layer_free(l);
}
#endif

/* ---- options --------------------------------------------------------------------------------- */

Test(layers_wrong, options)
{
    cr_expect_null(rv_layer_linear(0, 3));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "layer_linear: in_features 0 and out_features 3"));
    cr_expect_null(rv_layer_linear(3, -2));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "in_features 3 and out_features -2"));
    cr_expect_null(rv_layer_linear(3));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "in_features 3 and out_features 0"));
    cr_expect_null(rv_layer_linear(3, 2, .dtype = RV_I64));
    cr_expect(error_is(RV_ERROR_DTYPE, "layer_linear: dtype is I64"));
    cr_expect_null(rv_layer_linear(3, 2, .dtype = (rv_dtype)77));
    cr_expect(error_is(RV_ERROR_DTYPE, "layer_linear"));
    cr_expect_null(rv_layer_linear(INT64_MAX, INT64_MAX));
    cr_expect(error_is(RV_ERROR_MEMORY, ""));
    cr_expect_null(rv_layer_linear_with(NULL));
    cr_expect(error_is(RV_ERROR_NULL, "layer_linear: the options are NULL"));
    cr_expect_null(rv_layer_dropout(1.01));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "layer_dropout: p is 1.01"));
    cr_expect_null(rv_layer_dropout(-0.1));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "layer_dropout: p is -0.1"));
    cr_expect_null(rv_layer_dropout((double)NAN));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "layer_dropout: p is "));
    cr_expect_null(rv_layer_dropout_with(NULL));
    cr_expect(error_is(RV_ERROR_NULL, "layer_dropout: the options are NULL"));
    cr_expect_null(rv_layer_flatten(.start_axis = 3, .end_axis = 2));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "start_axis 3 comes after end_axis 2"));
    cr_expect_null(rv_layer_flatten(.start_axis = 8));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "from axis 8 to -1"));
    cr_expect_null(rv_layer_flatten(.end_axis = -9));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "from axis 1 to -9"));
    cr_expect_null(rv_layer_flatten_with(NULL));
    cr_expect(error_is(RV_ERROR_NULL, "layer_flatten: the options are NULL"));
    cr_expect_null(rv_layer_sequential_n(NULL, 2));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "layer_sequential: 2 children"));
    cr_expect_null(rv_layer_sequential_n(NULL, -1));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "layer_sequential: -1 children"));
}

Test(layers_wrong, flatten_of_too_few_axes)
{
    RV_SCOPE;
    rv_layer *l = rv_layer_flatten(), *middle = rv_layer_flatten(.start_axis = 2, .end_axis = -2);
    cr_expect_null(rv_forward(l, VECTOR(1, 2)));
    cr_expect(error_is(RV_ERROR_SHAPE, "flatten: axis 1 is out of range"));
    cr_expect_null(rv_forward(middle, rv_zeros(RV_F32, 2, 3, 4)));
    cr_expect(error_is(RV_ERROR_SHAPE, "of [2,3,4], axis 2 comes after axis 1"));
    rv_layer_free(middle);
    rv_layer_free(l);
}

Test(layers_wrong, looking_up)
{
    rv_layer *net = rv_layer_sequential(rv_layer_linear(2, 3));
    cr_expect_null(rv_layer_parameter(net, "0.weigth"));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "sequential has no parameter \"0.weigth\""));
    cr_expect_null(rv_layer_parameter(net, "1.weight"));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "sequential has no parameter \"1.weight\""));
    cr_expect_null(rv_layer_parameter(net, "0."));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "no parameter"));
    cr_expect_null(rv_layer_buffer(net, "0.weight"));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "no buffer"));
    cr_expect_null(rv_layer_child(net, "00"));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "no child \"00\""));
    cr_expect_null(rv_layer_child_at(net, 1));
    cr_expect(error_is(RV_ERROR_INDEX, "child 1 of sequential, which has 1"));
    cr_expect_null(rv_layer_child_at(net, -1));
    cr_expect(error_is(RV_ERROR_INDEX, "child -1"));
    cr_expect_null(rv_layer_parameter(net, NULL));
    cr_expect(error_is(RV_ERROR_NULL, "layer_parameter: the name is NULL"));
    cr_expect_null(rv_layer_parameter(NULL, "weight"));
    cr_expect(error_is(RV_ERROR_NULL, "layer_parameter: the layer is NULL"));
    cr_expect_eq(rv_parameters(NULL).count, 0);
    cr_expect(error_is(RV_ERROR_NULL, "parameters: the layer is NULL"));
    cr_expect_eq(rv_layer_child_count(NULL), 0);
    cr_expect(error_is(RV_ERROR_NULL, "layer_child_count"));
    cr_expect_not(rv_layer_train(NULL, true));
    cr_expect(error_is(RV_ERROR_NULL, "layer_train"));
    rv_layer_free(NULL);
    cr_expect_null(rv_layer_retain(NULL));
    cr_expect(no_error());
    rv_layer_free(net);
}

/* Every allocation in making a network may be the one that fails: in small steps, then in those of
 * the chunks that recycled memory comes from. */
Test(layers_wrong, out_of_memory)
{
    int failures = 0, successes = 0;
    for (size_t more = 0; more < 4000000; more += more < 65536 ? 256 : 65536) {
        alive = 0;
        rv_finish();
        rv_memory_limit(rv_memory_usage().held + more);
        rv_layer *net = rv_layer_sequential(counted(), rv_layer_linear(30, 40), rv_layer_relu());
        rv_memory_limit(SIZE_MAX);
        if (net == NULL) {
            failures++;
            cr_expect(error_is(RV_ERROR_MEMORY, "out of memory"));
        } else {
            successes++;
            cr_expect(no_error());
        }
        rv_layer_free(net);
        cr_expect_eq(alive, 0, "what was given is freed");
    }
    cr_expect(failures > 10 && successes > 10, "%d failed, %d did not", failures, successes);
}
