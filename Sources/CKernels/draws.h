// Philox4x32-10 (Salmon et al. 2011, doi:10.1145/2063384.2063405), 16 blocks at a time, and what
// dropout does with its draws.

// Draws of the 64 counters 64 g ... 64 g + 63: word w of block 16 g + i is draw 16 w + i.
INLINE void LEVEL(draw_group)(uint64_t key, uint64_t group, uint32_t *draws) {
    // A word stands in the low half of 64 bits; what its high half holds is never used.
    typedef uint64_t LEVEL(words) __attribute__((vector_size(8 * LANES)));
    const LEVEL(words) lane = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    const uint64_t low = 0xFFFFFFFFu;
    // The blocks of a group differ in the low four bits alone.
    LEVEL(words) w0 = lane | (group << 4), w1 = lane - lane + (group >> 28), w2 = {0}, w3 = {0};
    uint32_t k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
    for (int round = 0; round < 10; round++) {
        LEVEL(words) left = (w0 & low) * (uint64_t)0xD2511F53u;
        LEVEL(words) right = (w2 & low) * (uint64_t)0xCD9E8D57u;
        w0 = (right >> 32) ^ w1 ^ k0;
        w1 = right;
        w2 = (left >> 32) ^ w3 ^ k1;
        w3 = left;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    BITS words[4] = {
        __builtin_convertvector(w0, BITS), __builtin_convertvector(w1, BITS),
        __builtin_convertvector(w2, BITS), __builtin_convertvector(w3, BITS)};
    memcpy(draws, words, sizeof words);
}

TARGET static void LEVEL(draws)(
    uint64_t key, uint64_t first_counter, uint32_t *draws, size_t count) {
    uint64_t group = first_counter >> 6;
    size_t skipped = (size_t)(first_counter & 63);
    for (size_t done = 0; done < count; group++, skipped = 0) {
        uint32_t all[64];
        LEVEL(draw_group)(key, group, all);
        size_t some = 64 - skipped < count - done ? 64 - skipped : count - done;
        memcpy(draws + done, all + skipped, some * sizeof(uint32_t));
        done += some;
    }
}

// x * scale where the draw is at least the threshold, else 0.
INLINE VEC LEVEL(kept)(VEC x, const uint32_t *draws, size_t some, const struct kernels_mask *mask) {
    BITS draw = (BITS)LEVEL(load_some)((const float *)(const void *)draws, some);
    BITS stays = (BITS)(draw >= (BITS){0} + mask->threshold);
    return (VEC)((BITS)(x * LEVEL(all)(mask->scale)) & stays);
}

TARGET static void LEVEL(dropout)(float *y, struct kernels_mask mask, size_t count) {
    for (size_t start = 0; start < count; start += 256) {
        uint32_t draws[256];
        size_t block = count - start < 256 ? count - start : 256;
        LEVEL(draws)(mask.key, mask.first_counter + start, draws, block);
        for (size_t i = 0; i < block; i += LANES) {
            VEC x = LEVEL(load_some)(y + start + i, block - i);
            x = LEVEL(kept)(x, draws + i, block - i, &mask);
            LEVEL(store_some)(y + start + i, x, block - i);
        }
    }
}
