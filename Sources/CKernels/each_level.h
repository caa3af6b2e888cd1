// Includes KERNELS once for each instruction level, with these defined:
//   LEVEL(name)  the name's level suffix         TARGET  the function attribute of the level
//   LEVEL_LANES  floats in a register (4, 8, 16) WIDE    1 with 32 vector registers, else 0
//   WIDENING     1 where the processor widens binary16 itself, else 0
// DISPATCH(name, ...) then calls name's variant for the `level` in scope.

#define LEVEL(name) name##_portable
#define TARGET
#define LEVEL_LANES 4
#define WIDE 0
#define WIDENING 0
#include KERNELS
#include "end_level.h"

#if defined(__x86_64__)

#define LEVEL(name) name##_avx2
#define TARGET __attribute__((target("avx2,fma,f16c")))
#define LEVEL_LANES 8
#define WIDE 0
#define WIDENING 1
#include KERNELS
#include "end_level.h"

#define LEVEL(name) name##_avx512
#define TARGET                                                                                     \
    __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,fma"), min_vector_width(512)))
#define LEVEL_LANES 16
#define WIDE 1
#define WIDENING 1
#include KERNELS
#include "end_level.h"

#define DISPATCH(name, ...)                                                                        \
    switch (level) {                                                                               \
    case kernels_avx512: name##_avx512(__VA_ARGS__); break;                                        \
    case kernels_avx2: name##_avx2(__VA_ARGS__); break;                                            \
    default: name##_portable(__VA_ARGS__); break;                                                  \
    }

#else

#define DISPATCH(name, ...)                                                                        \
    do {                                                                                           \
        (void)level;                                                                               \
        name##_portable(__VA_ARGS__);                                                              \
    } while (0)

#endif
