/* optim_cases.h - the cases of optim_cases.inc as functions, for the suites that run them all. */
#ifndef TESTS_OPTIM_CASES_H
#define TESTS_OPTIM_CASES_H

#include <string.h>

#include "ravine.h"

typedef struct optim_case {
    const char *name, *method, *options; /* the options as they stand in the file */
    double lr[2];                        /* on each of the golden tasks; unused by defaults */
    rv_optim *(*make)(rv_tensors parameters, double lr);
} optim_case;

/* The first or second half of the parameters: those of a case's two groups. */
static inline rv_tensors half_of(rv_tensors all, int which)
{
    const int64_t first = all.count / 2;
    return which == 0 ? (rv_tensors){.items = all.items, .count = first}
                      : (rv_tensors){.items = all.items + first, .count = all.count - first};
}

static inline rv_optim *joined(rv_optim *first, rv_optim *both)
{
    if (both == NULL)
        rv_optim_free(first);
    return both;
}

#define GROUP(...) __VA_ARGS__

#define DEFAULTS(method_)                                              \
    static rv_optim *make_##method_(rv_tensors parameters, double lr_) \
    {                                                                  \
        (void)lr_;                                                     \
        return rv_optim_##method_(parameters);                         \
    }
#define CASE(name_, method_, lr_net, lr_rosenbrock, ...)               \
    static rv_optim *make_##name_(rv_tensors parameters, double lr_)   \
    {                                                                  \
        return rv_optim_##method_(parameters, .lr = lr_, __VA_ARGS__); \
    }
#define GROUPS(name_, method_, lr_net, lr_rosenbrock, first_, second_)                         \
    static rv_optim *make_##name_(rv_tensors parameters, double lr_)                           \
    {                                                                                          \
        rv_optim *opt = rv_optim_##method_(half_of(parameters, 0), .lr = lr_, first_);         \
        return opt == NULL ? NULL                                                              \
                           : joined(opt, rv_optim_##method_(half_of(parameters, 1), .lr = lr_, \
                                                            .join = opt, second_));            \
    }
#include "optim_cases.inc"
#undef DEFAULTS
#undef CASE
#undef GROUPS

#define DEFAULTS(method_) {#method_, #method_, "", {0, 0}, make_##method_},
#define CASE(name_, method_, lr_net, lr_rosenbrock, ...) \
    {#name_, #method_, #__VA_ARGS__, {lr_net, lr_rosenbrock}, make_##name_},
#define GROUPS(name_, method_, lr_net, lr_rosenbrock, first_, second_) \
    {#name_, #method_, #first_ " " #second_, {lr_net, lr_rosenbrock}, make_##name_},
static const optim_case optim_cases[] = {
#include "optim_cases.inc"
};
#undef DEFAULTS
#undef CASE
#undef GROUPS

#define OPTIM_CASES RV_COUNT(optim_cases)

/* Whether a case is one of a method's defaults. */
static inline bool is_defaults(const optim_case *c)
{
    return strcmp(c->name, c->method) == 0;
}

static inline bool is_maximized(const optim_case *c)
{
    return strstr(c->options, ".maximize = true") != NULL;
}

/* Muon takes matrices alone: those of the parameters that the case's method takes, in `room`. */
static inline rv_tensors taken_by(const optim_case *c, rv_tensors parameters, rv_tensor **room)
{
    rv_tensors taken = {.items = room, .count = 0};
    for (int64_t i = 0; i < parameters.count; i++)
        if (strcmp(c->method, "muon") != 0 || parameters.items[i]->ndim == 2)
            room[taken.count++] = parameters.items[i];
    return taken;
}

#endif
