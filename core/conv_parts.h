/* conv_parts.h - what the convolutions share: frames, taps, blocks. Private to core/.
 *
 * A convolution and its transpose are one computation. Every pixel of a grid is the sum over a few
 * taps, each a pixel of an image at a fixed offset times a matrix [channels, outputs]:
 *
 * - forward: the grid is y, the image x, and there are as many taps as the kernel has elements;
 * - input gradient, stride 1: the grid is dx, the image g, the taps stand the other way around;
 * - input gradient, stride s: the same s*s times, once for each phase: the pixels of dx whose row
 *   and column leave the same remainders when divided by s see the same taps, the others none of
 *   these. So nothing is multiplied with the zeros that a transposed convolution is drawn with.
 *
 * The frame is the part of the image, with padding around it, that the grid needs; neighbouring
 * taps of a frame's row are one window of neighbouring elements when channels are innermost.
 */
#ifndef RV_CORE_CONV_PARTS_H
#define RV_CORE_CONV_PARTS_H

#include "core/conv.h"
#include "core/integers.h"
#include "core/kernels/kernels.h"

/* An image of a batch as it lies in memory, and the frame around it. */
typedef struct conv_image {
    const char *data;
    rv_dtype dtype;
    int64_t strides[4]; /* of n, channel, row, column; elements */
    int64_t size[2];    /* rows and columns that it has */
    int64_t origin[2];  /* which of them the frame begins with; negative: with padding */
    int64_t skip[2];    /* from one row (column) of the frame to the next */
    int64_t frame[2];   /* rows and columns of the frame */
    int64_t channels;   /* of a group */
    int64_t pitch;      /* elements from a packed pixel to the next: channels, or more */
} conv_image;

/* Packs `rows` rows of the frame from `first` on: [rows][frame columns][pitch], zeros outside. */
void rv_conv_pack_image(const conv_image *image, int64_t n, int64_t group, int64_t first,
                        int64_t rows, void *into);

/* Output channels of a group in blocks: whole ones, and at the end perhaps a narrow one. */
typedef struct conv_blocks {
    int64_t outputs;
    int64_t width[RV_CONV_WIDTHS];
    int64_t count;
    int64_t padded; /* the widths of all blocks */
} conv_blocks;

conv_blocks rv_conv_blocks(rv_dtype dtype, int64_t outputs);

/* RV_CONV_WIDE or RV_CONV_NARROW. */
static inline int rv_conv_width_of(const conv_blocks *blocks, int64_t block)
{
    const int64_t left = blocks->outputs - block * blocks->width[RV_CONV_WIDE];
    return left <= blocks->width[RV_CONV_NARROW] ? RV_CONV_NARROW : RV_CONV_WIDE;
}

/* Where each element of the kernel along one axis finds its pixel: kernel element i is a tap of the
 * phase `phase[i]` (pixels phase, phase + step of the grid, ...), at row `at[i]` of the frame. */
typedef struct conv_axis {
    int64_t taps;
    int64_t *phase, *at; /* [taps] */
    int64_t grid, step;  /* pixels of the result, and from one of a phase to the next */
    int64_t move;        /* frame rows from a pixel of a phase to the next */
} conv_axis;

/* What the pixels of one phase see. */
typedef struct conv_phase {
    int64_t first[2];        /* its first pixel of the grid */
    int64_t size[2];         /* rows and columns of the grid that are its own */
    int64_t taps;            /* how many, */
    int64_t *tap;            /* and which: kernel row * columns of the kernel + kernel column */
    rv_conv_windows windows; /* the same as stretches of the frame */
    int64_t depth;           /* elements of its windows: taps * channels */
    int64_t depth_before;    /* of all phases before it */
} conv_phase;

/* A convolution, or its transpose, ready to be computed. */
typedef struct conv_plan {
    conv_image image;
    bool in_place;       /* the frame is read where the image lies */
    int64_t frame_row;   /* elements from a row of the frame to the next, */
    int64_t frame_pixel; /* and from a pixel to the next */
    int64_t n, groups, kernel[2];
    conv_axis axis[2];
    conv_phase *phases;
    int64_t phase_count;
    int64_t reach; /* rows of the frame that a pixel sees, at most */
    int64_t depth; /* of all phases */
    bool covers;   /* every pixel of the grid is in some phase */
    conv_blocks blocks;
    void *memory; /* what the pointers above point into */
    size_t bytes;
} conv_plan;

/* Plans a convolution over x or, transposed, over g. False with an error; else end it. */
bool rv_conv_plan_begin(conv_plan *plan, const char *who, const rv_conv_shape *shape,
                        const rv_tensor *image, bool transposed, int64_t outputs);
void rv_conv_plan_end(conv_plan *plan);

/* Elements of the packed weights of all groups, phases and blocks; of F32 or F64. */
int64_t rv_conv_weights_size(const conv_plan *plan);
/* Where those of one block begin: [depth of the phase][width]. */
int64_t rv_conv_weights_at(const conv_plan *plan, int64_t group, const conv_phase *phase,
                           int64_t block);
/* Packs the weights; or adds up `parts` packed tensors, one behind the other, into dw. */
void rv_conv_pack_weights(const conv_plan *plan, const rv_tensor *weight, bool transposed,
                          void *packed);
void rv_conv_unpack_weights(const conv_plan *plan, int64_t parts, const void *packed,
                            rv_tensor *dw);

/* Those rows of the plan's frame: where the image lies, or packed into `memory`. */
const char *rv_conv_frame(const conv_plan *plan, int64_t n, int64_t group, int64_t first,
                          int64_t rows, void *memory);

/* Some memory for each thread that runs pieces at once: claimed for a piece, and given back. */
typedef struct conv_scratch {
    int64_t slots;
    size_t slot_bytes;
    char *memory;
    int32_t *busy; /* [slots], atomic */
    size_t bytes;
} conv_scratch;

bool rv_conv_scratch_begin(conv_scratch *scratch, const char *who, int64_t pieces, size_t bytes);
void rv_conv_scratch_end(conv_scratch *scratch);
void *rv_conv_scratch_claim(conv_scratch *scratch);
void rv_conv_scratch_return(conv_scratch *scratch, void *slot);

/* How grid rows are cut into bands, and those into pieces for the threads. */
typedef struct conv_cut {
    int64_t rows;          /* grid rows of a band (of a phase) */
    int64_t bands;         /* of an image and group */
    int64_t units;         /* bands of all images and groups */
    int64_t units_a_piece; /* neighbours that one thread does */
} conv_cut;

/* A frame's band is to have about `band_bytes`. */
conv_cut rv_conv_cut(const conv_plan *plan, int64_t band_bytes);
/* Does the units of a piece one after the other, with memory that is theirs meanwhile. */
typedef void conv_run_unit(void *job, int64_t unit, char *memory);
void rv_conv_run_piece(const conv_cut *cut, conv_scratch *scratch, int64_t piece,
                       conv_run_unit *run_unit, void *job);
/* Rows of the frame that a band sees, at most. */
int64_t rv_conv_band_rows(const conv_plan *plan, const conv_cut *cut);

/* Into how many parts, each summed on its own, the gradient of the weights cuts the units. */
int64_t rv_conv_parts(const conv_plan *plan, const conv_cut *cut);

/* ---- conv_depthwise.c: as many groups as channels ---------------------------------------------
 */

/* Whether a convolution of `channels` into `outputs` channels is one, and has enough of them. */
bool rv_conv_depthwise_fits(const rv_conv_shape *shape, rv_dtype dtype, int64_t channels,
                            int64_t outputs);
/* The result, or transposed: dx from g. */
bool rv_conv_depthwise(const char *who, const rv_conv_shape *shape, const rv_tensor *image,
                       const rv_tensor *weight, bool transposed, const rv_tensor *bias,
                       rv_tensor *out);
bool rv_conv_depthwise_weight_grad(const char *who, const rv_conv_shape *shape, const rv_tensor *x,
                                   const rv_tensor *g, rv_tensor *dw);

/* ---- conv_winograd.c: 3x3, stride 1, F32 ------------------------------------------------------
 */

/* Whether this plan can be computed so, and is worth it: by its shape alone. */
bool rv_conv_winograd_fits(const conv_plan *plan);

/* If the channels of `tensor` are not neighbours, makes `image` one of a copy, in which they are,
 * that the innermost scope owns. False with an error. */
bool rv_conv_channels_last(const char *who, conv_image *image, const rv_tensor *tensor);

/* The plan's image must have its channels as neighbours, and so must the result, or g. `packed` are
 * the packed weights, start the packed bias or NULL. */
bool rv_conv_winograd(const char *who, const conv_plan *plan, const void *packed, const void *start,
                      const conv_image *result);
bool rv_conv_winograd_weight_grad(const char *who, const conv_plan *plan, const conv_image *g,
                                  rv_tensor *dw);

#endif
