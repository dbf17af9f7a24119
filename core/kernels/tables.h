/* tables.h - the tables of all instruction sets. Private to kernels/ and its tests. */
#ifndef RV_CORE_KERNELS_TABLES_H
#define RV_CORE_KERNELS_TABLES_H

#include "core/kernels/kernels.h"

/* The tables that this processor can run: index 0 is the baseline, each further one better; NULL
 * beyond the last. */
const rv_kernels *rv_kernels_at(int index);

#endif
