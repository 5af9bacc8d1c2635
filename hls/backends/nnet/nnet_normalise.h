#ifndef TRIGFORGE_NORMALISE_H_
#define TRIGFORGE_NORMALISE_H_

// The operations of nnet_normalise_stream.h on whole images in registers (io_parallel).

#include "nnet_reciprocal_root.h"

namespace nnet {

// y[c] = sum over pixels, or over everything when CONFIG_T::everything
template <class data_T, class res_T, typename CONFIG_T>
void total_cl(data_T data[CONFIG_T::pixels * CONFIG_T::n_chan],
              res_T res[CONFIG_T::everything ? 1 : CONFIG_T::n_chan]) {
    #pragma HLS PIPELINE
    for (unsigned c = 0; c < (CONFIG_T::everything ? 1 : CONFIG_T::n_chan); c++)
        res[c] = 0;
    for (unsigned i = 0; i < CONFIG_T::pixels * CONFIG_T::n_chan; i++)
        res[CONFIG_T::everything ? 0 : i % CONFIG_T::n_chan] += data[i];
}

// y = max over c of x[c]
template <class data_T, class res_T, typename CONFIG_T>
void highest_cl(data_T data[CONFIG_T::n_chan], res_T res[1]) {
    #pragma HLS PIPELINE
    data_T best = data[0];
    for (unsigned c = 1; c < CONFIG_T::n_chan; c++) {
        if (data[c] > best)
            best = data[c];
    }
    res[0] = best;
}

// y = (N x - S) / sqrt(N Q - S S + epsilon) of every channel
template <class data_T, class res_T, typename CONFIG_T>
void instance_norm_cl(data_T data[CONFIG_T::pixels * CONFIG_T::n_chan],
                      res_T res[CONFIG_T::pixels * CONFIG_T::n_chan]) {
    #pragma HLS PIPELINE
    typedef typename CONFIG_T::square_t square_t;
    typedef typename CONFIG_T::deviation_t deviation_t;
    const square_t n = CONFIG_T::pixels;
    const square_t epsilon = CONFIG_T::epsilon();
    for (unsigned c = 0; c < CONFIG_T::n_chan; c++) {
        deviation_t sum = 0;
        square_t squares = 0;
        for (unsigned pixel = 0; pixel < CONFIG_T::pixels; pixel++) {
            const typename CONFIG_T::integer_t x = integer_behind<CONFIG_T>(data[pixel * CONFIG_T::n_chan + c]);
            sum += x;
            squares += x * x;
        }
        unsigned m;
        int s;
        normalised<CONFIG_T>(n * squares - sum * sum + epsilon, m, s);
        const unsigned root = CONFIG_T::root(m - CONFIG_T::first).to_uint();
        for (unsigned pixel = 0; pixel < CONFIG_T::pixels; pixel++) {
            const typename CONFIG_T::integer_t x = integer_behind<CONFIG_T>(data[pixel * CONFIG_T::n_chan + c]);
            const deviation_t deviation = deviation_t(CONFIG_T::pixels) * x - sum;
            res[pixel * CONFIG_T::n_chan + c] = quotient<CONFIG_T, res_T>(deviation, root, s);
        }
    }
}

// y = x / sqrt(max(sum of squares, 1))
template <class data_T, class res_T, typename CONFIG_T>
void sphere_cl(data_T data[CONFIG_T::n_chan], res_T res[CONFIG_T::n_chan]) {
    #pragma HLS PIPELINE
    typename CONFIG_T::square_t square = 0;
    for (unsigned c = 0; c < CONFIG_T::n_chan; c++) {
        const typename CONFIG_T::integer_t x = integer_behind<CONFIG_T>(data[c]);
        square += x * x;
    }
    if (square == 0)
        square = 1;
    unsigned m;
    int s;
    normalised<CONFIG_T>(square, m, s);
    const unsigned root = CONFIG_T::root(m - CONFIG_T::first).to_uint();
    for (unsigned c = 0; c < CONFIG_T::n_chan; c++)
        res[c] = quotient<CONFIG_T, res_T>(integer_behind<CONFIG_T>(data[c]), root, s);
}

} // namespace nnet

#endif
