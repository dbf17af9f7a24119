/* names.c - a list of names lies in one block of text, with the places where they begin. */

#include "core/names.h"

#include <string.h>

#include "core/memory.h"

bool rv_names_add(const char *who, rv_names *names, const char *name, size_t bytes)
{
    int64_t *start = rv_memory_reserve(who, names->start, names->count, &names->capacity,
                                       names->count + 1, sizeof *start);
    if (start == NULL)
        return false;
    names->start = start;
    char *text = rv_memory_reserve(who, names->text, names->text_bytes, &names->text_capacity,
                                   names->text_bytes + (int64_t)bytes + 1, 1);
    if (text == NULL)
        return false;
    names->text = text;
    memcpy(text + names->text_bytes, name, bytes);
    text[names->text_bytes + (int64_t)bytes] = '\0';
    start[names->count++] = names->text_bytes;
    names->text_bytes += (int64_t)bytes + 1;
    return true;
}

void rv_names_end(rv_names *names)
{
    rv_memory_put(names->start, (size_t)names->capacity * sizeof *names->start);
    rv_memory_put(names->text, (size_t)names->text_capacity);
    *names = (rv_names){0};
}
