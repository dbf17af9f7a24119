/* sched_parts.c - what several schedules share: checking options, the way from one rate to another.
 */
#include "optim/sched_parts.h"

#define PI 3.14159265358979323846

bool rv_sched_check_range(const char *who, const char *name, double value, double low, double high)
{
    if (isfinite(value) && value >= low && value <= high)
        return true;
    if (isfinite(high))
        return rv_fail(RV_ERROR_ARGUMENT, who, "%s is %g; %g to %g is expected", name, value, low,
                       high);
    return rv_fail(RV_ERROR_ARGUMENT, who, "%s is %g; a finite number >= %g is expected", name,
                   value, low);
}

bool rv_sched_check_above(const char *who, const char *name, double value, double low)
{
    return (isfinite(value) && value > low) ||
           rv_fail(RV_ERROR_ARGUMENT, who, "%s is %g; a finite number > %g is expected", name,
                   value, low);
}

bool rv_sched_check_count(const char *who, const char *name, int64_t number, int64_t low)
{
    return number >= low || rv_fail(RV_ERROR_ARGUMENT, who, "%s is %lld; at least %lld is expected",
                                    name, (long long)number, (long long)low);
}

int rv_sched_count_milestones(const char *who, const int64_t *milestones)
{
    int count = 0;
    while (count < RV_SCHED_MOST_MILESTONES && milestones[count] > 0)
        count++;
    for (int i = count; i < RV_SCHED_MOST_MILESTONES; i++)
        if (milestones[i] != 0) {
            rv_fail(RV_ERROR_ARGUMENT, who,
                    "milestones[%d] is %lld; at least 1 each is expected, up to the first 0", count,
                    (long long)milestones[count]);
            return -1;
        }
    return count;
}

double rv_sched_blend(rv_sched_anneal how, double from, double to, double part)
{
    const double way = how == RV_SCHED_LINEAR ? part : (1 - cos(PI * part)) / 2;
    return from * (1 - way) + to * way;
}
