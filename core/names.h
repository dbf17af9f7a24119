/* names.h - a list of names: those of a data set's classes. Private to core/. */
#ifndef RV_CORE_NAMES_H
#define RV_CORE_NAMES_H

#include "core/macros.h"

/* Empty when all zero. */
typedef struct rv_names rv_names;
struct rv_names {
    int64_t count, capacity;
    int64_t *start; /* [count]: where in `text` each name begins */
    int64_t text_bytes, text_capacity;
    char *text; /* each name with a zero byte behind it */
};

/* Adds a name of `bytes` bytes; false with an error under `who`. */
bool rv_names_add(const char *who, rv_names *names, const char *name, size_t bytes);

static inline const char *rv_names_get(const rv_names *names, int64_t i)
{
    return names->text + names->start[i];
}

/* Gives its memory back; the list is empty then. */
void rv_names_end(rv_names *names);

#endif
