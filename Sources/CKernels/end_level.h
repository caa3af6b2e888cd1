// Forgets what each_level.h and vectors.h defined for one instruction level.

#undef LEVEL
#undef TARGET
#undef LEVEL_LANES
#undef WIDE
#undef WIDENING
#undef LANES
#undef VEC
#undef BITS
#undef INLINE
#undef UNROLL
#undef FMA
