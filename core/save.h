/* save.h - saving and loading, in the safetensors format.
 *
 *     rv_save("mnist.safetensors", net, opt, sched);
 *     rv_load("mnist.safetensors", net);
 *
 * Everything that has a state (a layer, an optimizer, a loader, ..., core/object.h) can be saved.
 * Files are what PyTorch's safetensors library reads and writes: a file saved here loads there with
 * safetensors.torch.load_file, and the other way round.
 *
 * Names in a file: those of the first layer are as the layer gives them, PyTorch's own
 * ("0.weight"). All others begin with the object's kind and a dot: "optimizer.", "loader.",
 * "tensor."; for the second object of a kind it is "layer#2.", "optimizer#2.", and so on.
 */
#ifndef RV_CORE_SAVE_H
#define RV_CORE_SAVE_H

#include "core/tensor.h"

RV_BEGIN_C

/* Saves the state of the given objects (at least one) to the file `path`, which is replaced only by
 * a complete new one. Parameters are written row-major. False with an error, and the old file
 * untouched, if an object is NULL, none of Ravine's, or of a kind without state; if two tensors get
 * the same name; if the file cannot be written in full. Nothing is saved while an error is unread:
 * what a script made after its first error must not replace a good file. */
#define rv_save(path, ...)                     \
    rv_save_n((path), (void *[]){__VA_ARGS__}, \
              (int)(sizeof((void *[]){__VA_ARGS__}) / sizeof(void *)))
RV_API bool rv_save_n(const char *path, void *const *objects, int n);

/* Loads the file into objects that were made as those that were saved, given in the same order.
 * Everything is checked before anything is changed: if a name is missing, not expected, or its
 * shape or dtype is another, that is one error that lists them, and all objects are as they were.
 * What belongs to objects that were not given is skipped: a layer can be loaded without the
 * optimizer beside it. Changing a tensor like this is not recorded, and a graph that needs the old
 * values says so.
 *
 * A tensor with several names (a layer that stands in two places, tied parameters) is saved under
 * its first, and loaded from any of them: files of PyTorch may have it under another, or under
 * several, which must then hold the same bytes. */
#define rv_load(path, ...)                     \
    rv_load_n((path), (void *[]){__VA_ARGS__}, \
              (int)(sizeof((void *[]){__VA_ARGS__}) / sizeof(void *)))
RV_API bool rv_load_n(const char *path, void *const *objects, int n);

/* Some names, in the order of the object's state, or of the file. */
typedef struct rv_load_names {
    const char *const *items; /* [count] */
    int64_t count;
} rv_load_names;

/* What rv_load_state found. The innermost scope of its caller owns what is pointed to. */
typedef struct rv_load_report {
    int64_t loaded;           /* how many tensors of the object were changed */
    rv_load_names missing;    /* the object has them, and the file has not */
    rv_load_names unexpected; /* the file has them, and the object has not */
    rv_load_names mismatched; /* in both, but of another shape, or of a dtype that is not taken */
    const char *message;      /* all of that in words, shortened after some names; "" if all fits */
} rv_load_report;

typedef struct rv_load_state_options {
    const char *path;     /* required */
    void *object;         /* required: a layer, an optimizer, a tensor, ... */
    bool strict;          /* default true: a missing or an unexpected name is an error; false: what
                             is missing stays as it is, and what is unexpected is passed over */
    bool skip_mismatched; /* default false: another shape or dtype is an error, strict or not;
                             true: such tensors stay as they are */
    bool cast;            /* default false: another dtype is a mismatch; true: F16, BF16, F32 and
                             F64 in the file are rounded to F32 or F64 in the object */
    rv_load_report *report; /* default NULL; filled also if the state does not fit */
} rv_load_state_options;

/* rv_load_state(path, net, .strict = false, .report = &r): loads the file into one object, as
 * rv_load does; with options for files that fit in part, and a report. PyTorch's load_state_dict,
 * where a wrong shape is an error also when it is not strict; so it is here, unless skip_mismatched
 * is set, as for a network with another number of classes:
 *
 *     rv_load_report r;
 *     rv_load_state("cifar100.safetensors", net, .skip_mismatched = true, .report = &r);
 *     puts(r.message); // "9.weight" is F32 [100,512], not F32 [10,512]; ...
 *
 * Everything is checked before anything is changed. False with an error, and the object as it was:
 * if the file cannot be read or is no safetensors file; RV_ERROR_STATE if something does not fit
 * that the options do not allow, or nothing at all would be loaded; with .cast, a number that is
 * finite in the file and beyond F32. */
#define rv_load_state(...) \
    RV_OPTIONS(rv_load_state_with, rv_load_state_options, .strict = true, .path = __VA_ARGS__)
RV_API bool rv_load_state_with(const rv_load_state_options *options);

/* ---- the files themselves -------------------------------------------------------------------- */

/* Writes n tensors under n different names (UTF-8, not empty, not "__metadata__") as a safetensors
 * file, as rv_save does. F32, F64, I64, U8. */
RV_API bool rv_safetensors_write(const char *path, const char *const *names,
                                 rv_tensor *const *tensors, int n);

/* Calls visit(context, name, tensor) for each tensor of a safetensors file, in the order of its
 * data; the tensor lives during the call (rv_retain keeps it), `name` too. False with an error if
 * the file is missing, is no safetensors file (RV_ERROR_FORMAT), or has a dtype other than F32,
 * F64, I64 and U8; false without one if a visit returned false. The whole file is checked before
 * the first visit. No memory is taken that the file's size does not warrant. */
RV_API bool rv_safetensors_read(const char *path, rv_state_visit *visit, void *context);

RV_END_C

#endif
