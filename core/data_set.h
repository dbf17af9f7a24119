/* data_set.h - what a data set is made of. Private to core/.
 *
 * A source has the samples: tensors, or a callback. A data set is a list of its samples' indices,
 * so that splitting moves no sample, and several sets share one source. Lists never change: a set
 * that is split gets a new one, and whoever reads the old one goes on undisturbed.
 */
#ifndef RV_CORE_DATA_SET_H
#define RV_CORE_DATA_SET_H

#include "core/data.h"
#include "core/names.h"
#include "core/platform.h"

/* dtype and shape of one sample's x or y. */
typedef struct rv_sample_shape {
    rv_dtype dtype;
    int ndim; /* at most RV_MAX_DIMENSIONS - 1 */
    int64_t shape[RV_MAX_DIMENSIONS];
    int64_t numel;
} rv_sample_shape;

/* What transforms draw from, besides the sample: a loader's seed and the epoch; zeros without one.
 */
typedef struct rv_chance {
    uint64_t seed;
    int64_t epoch;
} rv_chance;

typedef struct rv_source rv_source;
struct rv_source {
    rv_object object; /* its class destroys what the kind of source holds */
    int64_t count;
    rv_sample_shape x, y;
    rv_names names; /* of the classes that y numbers; may be empty */
    /* Fills x and y with n samples; false with an error. May be called by several threads at once.
     */
    bool (*fetch)(rv_source *source, const rv_chance *chance, int64_t n, const int64_t *indices,
                  rv_tensor *x, rv_tensor *y);
    /* Takes the memory that fetching so many samples needs, if it has not got it; false with an
     * error. NULL: it needs none. */
    bool (*furnish)(rv_source *source, int64_t n);
    const char *samples; /* all x, one behind the other; NULL: only fetch has them. If they are
                            there, fetch takes NULL for x, and fills y alone */
    rv_dtype stored;     /* the dtype of `samples`: x's, or U8 for F32 that are bytes over 255 */
    int transforms;      /* how many there are between the data and this source, */
    bool random;         /* and whether one of them draws */
};

struct rv_dataset {
    rv_object object;
    rv_source *source;
    int64_t count;
    rv_tensor *indices; /* I64 [count]; NULL: all of the source's samples in order */
    rv_mutex lock;      /* guards count and indices, which a split changes */
};

/* A set over `source`, whose reference it takes over (also when it fails), and `indices` (retained;
 * may be NULL). */
rv_dataset *rv_dataset_new(const char *who, rv_source *source, rv_tensor *indices);

/* The set as it is now, as one of its own that no split changes. */
rv_dataset *rv_dataset_snapshot(const char *who, const rv_dataset *set);

/* Whether `set` is a data set that may be used; false with an error under `who`. */
bool rv_dataset_check(const char *who, const rv_dataset *set);

/* An uninitialized tensor for n samples' x or y. */
rv_tensor *rv_dataset_tensor(const char *who, const rv_sample_shape *sample, int64_t n);

/* Sees to it that *t, which is NULL or was made here, has room for so many samples and shows the
 * first n of them. What somebody else holds is left to him, and *t is another one. */
bool rv_dataset_prepare(const char *who, rv_tensor **t, const rv_sample_shape *sample, int64_t room,
                        int64_t n);

/* Fills x and y, which are [n, ...], with the samples at `places` of the set; `places` are replaced
 * by indices of the source. Call it without an unread error: one that is there afterwards is taken
 * for a failure. */
bool rv_dataset_fetch(const rv_dataset *set, const rv_chance *chance, int64_t n, int64_t *places,
                      rv_tensor *x, rv_tensor *y);

/* rv_data_tensors under another name. */
rv_dataset *rv_data_over_tensors(const char *who, rv_tensor *x, rv_tensor *y, bool scale);

#endif
