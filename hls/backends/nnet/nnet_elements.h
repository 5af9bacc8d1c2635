#ifndef TRIGFORGE_ELEMENTS_H_
#define TRIGFORGE_ELEMENTS_H_

// What one value becomes, the same in io_stream and io_parallel: y from the value x (or a and b) of
// channel c, with the constants of the layer's configuration. Types are wide enough for every value, so
// each assignment is exact; only a quantiser's result type truncates and saturates.

#include "ap_int.h"

namespace nnet {
namespace element {

// x in another type; nothing below CONFIG_T::lowest or above CONFIG_T::highest
struct quantise {
    template <typename CONFIG_T, class x_T, class y_T> static void apply(const x_T &x, unsigned c, y_T &y) {
        #pragma HLS INLINE
        const y_T lowest = CONFIG_T::lowest;
        const y_T highest = CONFIG_T::highest;
        const typename CONFIG_T::wide_t wide = x;
        const y_T rounded = wide;
        y = rounded < lowest ? lowest : rounded > highest ? highest : rounded;
    }
};

// first(c) + step(c) for every threshold of channel c that x has reached
struct thresholds {
    template <typename CONFIG_T, class x_T, class y_T> static void apply(const x_T &x, unsigned c, y_T &y) {
        #pragma HLS INLINE
        unsigned reached = 0;
        for (unsigned k = 0; k < CONFIG_T::count; k++) {
            #pragma HLS UNROLL
            if (x >= CONFIG_T::threshold(c * CONFIG_T::count + k))
                reached++;
        }
        y = CONFIG_T::first(c) + CONFIG_T::step(c) * ap_uint<16>(reached);
    }
};

// x where x >= 0, slope(c) x elsewhere
struct prelu {
    template <typename CONFIG_T, class x_T, class y_T> static void apply(const x_T &x, unsigned c, y_T &y) {
        #pragma HLS INLINE
        if (x >= 0)
            y = x;
        else
            y = x * CONFIG_T::slope(c);
    }
};

// factor(c) x + offset(c)
struct scale {
    template <typename CONFIG_T, class x_T, class y_T> static void apply(const x_T &x, unsigned c, y_T &y) {
        #pragma HLS INLINE
        y = x * CONFIG_T::factor(c) + CONFIG_T::offset(c);
    }
};

// x x
struct square {
    template <typename CONFIG_T, class x_T, class y_T> static void apply(const x_T &x, unsigned c, y_T &y) {
        #pragma HLS INLINE
        y = x * x;
    }
};

// entry(i), i the bits of x
struct lookup {
    template <typename CONFIG_T, class x_T, class y_T> static void apply(const x_T &x, unsigned c, y_T &y) {
        #pragma HLS INLINE
        const ap_uint<CONFIG_T::in_bits> bits = x(CONFIG_T::in_bits - 1, 0);
        y = CONFIG_T::entry(bits.to_uint());
    }
};

struct add {
    template <class a_T, class b_T, class y_T> static void apply(const a_T &a, const b_T &b, y_T &y) {
        #pragma HLS INLINE
        y = a + b;
    }
};

struct sub {
    template <class a_T, class b_T, class y_T> static void apply(const a_T &a, const b_T &b, y_T &y) {
        #pragma HLS INLINE
        y = a - b;
    }
};

struct mul {
    template <class a_T, class b_T, class y_T> static void apply(const a_T &a, const b_T &b, y_T &y) {
        #pragma HLS INLINE
        y = a * b;
    }
};

} // namespace element
} // namespace nnet

#endif
