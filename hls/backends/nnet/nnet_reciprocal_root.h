#ifndef TRIGFORGE_RECIPROCAL_ROOT_H_
#define TRIGFORGE_RECIPROCAL_ROOT_H_

// The integer arithmetic of normalisations, shared by arrays and streams.

#include "ap_int.h"

namespace nnet {

// the integer behind a value
template <typename CONFIG_T, class value_T> typename CONFIG_T::integer_t integer_behind(value_T value) {
    #pragma HLS INLINE
    ap_uint<CONFIG_T::in_bits> bits = value(CONFIG_T::in_bits - 1, 0);
    return bits;
}

// m and s of square = m 2^s, s even, m of CONFIG_T::index_bits bits or one less
template <typename CONFIG_T> void normalised(typename CONFIG_T::square_t square, unsigned &m, int &s) {
    #pragma HLS INLINE
    int length = 0;
Leading:
    for (int i = 0; i < CONFIG_T::square_bits; i++) {
        #pragma HLS UNROLL
        if (square[i])
            length = i + 1;
    }
    s = length - int(CONFIG_T::index_bits);
    if (s % 2 != 0)
        s++;
    typename CONFIG_T::square_t shifted = s >= 0 ? square >> s : square << -s;
    m = shifted.to_uint();
}

// floor(x root / 2^(precision + s / 2 - fraction)), clipped
template <typename CONFIG_T, class value_T>
value_T quotient(typename CONFIG_T::deviation_t x, unsigned root, int s) {
    #pragma HLS INLINE
    typedef typename CONFIG_T::product_t product_t;
    product_t y = product_t(x) * product_t(root);
    y = y >> (int(CONFIG_T::shift) + s / 2);
    if (y < product_t(CONFIG_T::lowest))
        y = CONFIG_T::lowest;
    if (y > product_t(CONFIG_T::highest))
        y = CONFIG_T::highest;
    ap_uint<CONFIG_T::out_bits> bits = y;
    value_T value;
    value(CONFIG_T::out_bits - 1, 0) = bits(CONFIG_T::out_bits - 1, 0);
    return value;
}

} // namespace nnet

#endif
