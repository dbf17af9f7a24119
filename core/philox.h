/* philox.h - Philox4x32-10, inline. Private to core/.
 *
 * Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011: ten rounds of
 * multiply and exclusive-or turn a 128-bit counter under a 64-bit key into four random numbers of
 * 32 bits. Written without branches, so that a loop over counters vectorizes.
 */
#ifndef RV_CORE_PHILOX_H
#define RV_CORE_PHILOX_H

#include <stdint.h>

#define RV_PHILOX_ROUNDS 10

/* The four numbers of block `counter` in the sequence of `seed`: the key is seed, the counter's
 * upper 64 bits are 0; the low half of each comes first. */
static inline void rv_philox_block(uint64_t seed, uint64_t counter, uint32_t out[4])
{
    uint32_t c0 = (uint32_t)counter, c1 = (uint32_t)(counter >> 32), c2 = 0, c3 = 0;
    uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
    for (int round = 0; round < RV_PHILOX_ROUNDS; round++) {
        const uint64_t a = (uint64_t)0xD2511F53u * c0, b = (uint64_t)0xCD9E8D57u * c2;
        c0 = (uint32_t)(b >> 32) ^ c1 ^ k0;
        c1 = (uint32_t)b;
        c2 = (uint32_t)(a >> 32) ^ c3 ^ k1;
        c3 = (uint32_t)a;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

#endif
