// What training computes between the products, at one instruction level (each_level.h).
//
// Equal bytes at all levels: vectors have 16 lanes at each; where registers are narrower the
// compiler splits them. Sums are taken as include/training_kernels.h says.

#define LANES kernels_lanes
#include "vectors.h"
#include "functions.h"

#include "draws.h"
#include "layers.h"
#include "losses.h"
#include "attention.h"
