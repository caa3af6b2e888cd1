// Nearest centroid in 16 dimensions. Four lanes and no fused multiply-add: the same bytes on every
// machine, and quick enough without dispatch.
#include "CKernels.h"

#include <string.h>

#pragma STDC FP_CONTRACT OFF

typedef float four __attribute__((vector_size(16)));

size_t kernels_nearest_centroid(const uint8_t *point, const float *centroids, size_t count) {
    float values[16];
    four p[4];
    for (size_t d = 0; d < 16; d++) values[d] = point[d];
    memcpy(p, values, sizeof p);
    size_t nearest = 0;
    float least = 0;
    for (size_t k = 0; k < count; k++) {
        four c[4];
        memcpy(c, centroids + k * 16, sizeof c);
        four d0 = p[0] - c[0], d1 = p[1] - c[1], d2 = p[2] - c[2], d3 = p[3] - c[3];
        four s0 = d0 * d0, s1 = d1 * d1, s2 = d2 * d2, s3 = d3 * d3;
        four low = s0 + s1, high = s2 + s3;
        four sums = low + high;
        float distance = (sums[0] + sums[1]) + (sums[2] + sums[3]);
        if (k == 0 || distance < least) nearest = k, least = distance;
    }
    return nearest;
}
