/* transform_plan.h - a list of transforms as the steps that do them. Private to core/.
 *
 * Planning knows the samples' shape and goes through the list once, when rv_data_transform is
 * called: each transform checks its options against the shape that reaches it, and adds a step, or
 * joins the last one. Then every sample runs through the steps, from buffer to buffer, the last one
 * writing into the batch:
 *
 *     move        reads the samples where they lie: crops, flips, a table for what becomes of bytes
 *     normalize   in place
 *     cutout      in place
 *     resize, custom
 */
#ifndef RV_CORE_TRANSFORM_PLAN_H
#define RV_CORE_TRANSFORM_PLAN_H

#include "core/data_set.h"
#include "core/transform.h"

#define RV_MOST_TRANSFORMS 64 /* of a set, those of the sets below counted */
#define RV_BYTE_VALUES 256

/* One axis of an image under a crop or a flip: its pixel i comes from `start + i` of `size`, or, if
 * reversed, from `size - 1 - i`. Outside of them it is zero, or reflected. */
typedef struct rv_axis_map {
    int64_t start, size;
    bool reversed, reflect;
} rv_axis_map;

/* A crop or flip in a list, and the size of the image that reaches it. */
typedef struct rv_move {
    const rv_transform *transform;
    int number; /* of the transform, for what it draws */
    int64_t height, width;
} rv_move;

typedef struct rv_plan rv_plan;
typedef struct rv_step rv_step;
typedef struct rv_work rv_work;

/* What a kind of transform is. */
struct rv_transform_class {
    const char *name; /* as in rv_transform_<name> */
    bool random;
    bool (*plan)(const rv_transform *t, int number, rv_plan *plan);
    /* How rows, axes[0], and columns, axes[1], move; NULL: they do not. */
    void (*draw)(const rv_move *move, const uint32_t numbers[4], rv_axis_map axes[2]);
};

struct rv_step {
    /* From one sample to the next shape; from == to if in_place. False with an error. */
    bool (*run)(const rv_step *step, rv_work *work, const char *from, char *to);
    bool in_place;
    rv_dtype stored;      /* of what comes; U8 with F32 in x.dtype: bytes that stand for x / 255 */
    rv_sample_shape x, y; /* of what comes, and of what goes */
    const rv_transform *transform; /* cutout, resize, custom: what it does, */
    int number;                    /* and which that is */
    int first_move, moves;         /* move: plan->moves, in order */
    int64_t groups; /* move: of channels with a table each; normalize: with a mean each */
    void *numbers;  /* move: F32 [groups,256], or NULL; normalize: x's dtype, [2,groups] */
    size_t bytes;   /* of numbers */
    bool mapped;    /* move: the tables do more than divide by 255, zero is not zero any more */
    int before;     /* the step whose buffer is `from` */
};

struct rv_plan {
    rv_sample_shape x;             /* of what the last step gives */
    int below;                     /* transforms of the sets below: ours are counted from here */
    int count, steps, moves, last; /* last: the step that writes into the batch */
    bool random;
    size_t scratch;  /* bytes that a step may need */
    rv_mutex custom; /* held while a user's function runs */
    rv_transform transforms[RV_MOST_TRANSFORMS];
    rv_step step[RV_MOST_TRANSFORMS + 1];
    rv_move move[RV_MOST_TRANSFORMS];
};

/* What one thread needs to run a plan. */
struct rv_work {
    rv_plan *plan;
    uint64_t key;   /* of the epoch */
    int64_t sample; /* its number in the data */
    char *scratch;
    rv_tensor *memory;                         /* behind scratch */
    rv_tensor *buffer[RV_MOST_TRANSFORMS + 1]; /* what each step gives; NULL: in place, or last */
};

/* Plans a list for samples of this shape, stored so; `plan` is all zero, but for `below`. False
 * with an error; end it in any case. */
bool rv_plan_make(rv_plan *plan, const rv_sample_shape *x, rv_dtype stored, int count,
                  const rv_transform *transforms);
void rv_plan_end(rv_plan *plan);

/* Makes what `work` needs; false with an error. End it in any case. */
bool rv_work_begin(rv_work *work, rv_plan *plan);
void rv_work_end(rv_work *work);
/* What is drawn from now on is drawn for this epoch. */
void rv_work_draw(rv_work *work, const rv_chance *chance);
/* One sample, by its number in the data, from memory to memory; false with an error. */
bool rv_work_sample(rv_work *work, int64_t sample, const char *from, char *to);
/* The four numbers that a transform draws for the sample, */
void rv_work_numbers(const rv_work *work, int number, uint32_t numbers[4]);
/* and what may be made of one: a number from 0 to n - 1 (n <= 2^32), and whether p comes true. */
int64_t rv_number_below(uint32_t number, int64_t n);
bool rv_number_says(uint32_t number, double p);

/* Tells a user's context that a transform is not needed any more. */
void rv_transform_release(const rv_transform *t);

/* ---- adding steps: each is false with an error, under the transform's name ------------------- */

/* Whether samples are images whose sizes can be handled, and changing them to height by width gives
 * no more bytes than can be counted. */
bool rv_plan_image(const rv_plan *plan, const char *who, int64_t height, int64_t width);
/* One more step, that gives `y`; its last fields are the caller's to set. */
rv_step *rv_plan_step(rv_plan *plan, const rv_sample_shape *y, bool in_place);

bool rv_plan_move(rv_plan *plan, const rv_transform *t, int number, int64_t height, int64_t width);
bool rv_plan_to_float(rv_plan *plan, const char *who);
bool rv_plan_normalize(rv_plan *plan, const char *who, const rv_normalize_options *o);
bool rv_plan_cutout(rv_plan *plan, const rv_transform *t, int number);
bool rv_plan_resize(rv_plan *plan, const char *who, const rv_transform *t);
bool rv_plan_custom(rv_plan *plan, const char *who, const rv_transform *t, int number);

/* The move that reads the samples, for rv_plan_make. */
bool rv_plan_read(rv_plan *plan, rv_dtype stored);
/* The last step's tables, *numel values in all, for a map of each of `groups` equal parts of them;
 * NULL if it has none, or not for so many. Zero pixels that come later are no longer mapped. */
float *rv_plan_tables(rv_plan *plan, int64_t groups, int64_t *numel);

#endif
