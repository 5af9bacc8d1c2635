#ifndef TRIGFORGE_NORMALISE_STREAM_H_
#define TRIGFORGE_NORMALISE_STREAM_H_

// Sums, maxima and normalisations of streamed images and vectors, on the integers behind the types.

#include "hls_stream.h"
#include "nnet_reciprocal_root.h"

namespace nnet {

// y[c] = sum over pixels, or over everything when CONFIG_T::everything
template <class data_T, class res_T, typename CONFIG_T>
void total_cl(hls::stream<data_T> &data, hls::stream<res_T> &res) {
    res_T sums;
    #pragma HLS ARRAY_PARTITION variable=sums complete
    for (unsigned c = 0; c < res_T::size; c++) {
        #pragma HLS UNROLL
        sums[c] = 0;
    }
Total:
    for (unsigned pixel = 0; pixel < CONFIG_T::pixels; pixel++) {
        #pragma HLS PIPELINE II=1
        data_T in = data.read();
        for (unsigned c = 0; c < CONFIG_T::n_chan; c++) {
            #pragma HLS UNROLL
            sums[CONFIG_T::everything ? 0 : c] += in[c];
        }
    }
    res.write(sums);
}

// y = max over c of x[c]
template <class data_T, class res_T, typename CONFIG_T>
void highest_cl(hls::stream<data_T> &data, hls::stream<res_T> &res) {
    data_T in = data.read();
    typename data_T::value_type best = in[0];
Highest:
    for (unsigned c = 1; c < CONFIG_T::n_chan; c++) {
        #pragma HLS UNROLL
        if (in[c] > best)
            best = in[c];
    }
    res_T out;
    out[0] = best;
    res.write(out);
}

// y = (N x - S) / sqrt(N Q - S S + epsilon) of every channel; the image is kept until its sums are known
template <class data_T, class res_T, typename CONFIG_T>
void instance_norm_cl(hls::stream<data_T> &data, hls::stream<res_T> &res) {
    typedef typename CONFIG_T::square_t square_t;
    typedef typename CONFIG_T::deviation_t deviation_t;
    typename CONFIG_T::integer_t image[CONFIG_T::pixels][CONFIG_T::n_chan];
    #pragma HLS ARRAY_PARTITION variable=image complete dim=2
    deviation_t sums[CONFIG_T::n_chan];
    square_t squares[CONFIG_T::n_chan];
    unsigned roots[CONFIG_T::n_chan];
    int shifts[CONFIG_T::n_chan];
    #pragma HLS ARRAY_PARTITION variable=sums complete
    #pragma HLS ARRAY_PARTITION variable=squares complete
    #pragma HLS ARRAY_PARTITION variable=roots complete
    #pragma HLS ARRAY_PARTITION variable=shifts complete
    for (unsigned c = 0; c < CONFIG_T::n_chan; c++) {
        #pragma HLS UNROLL
        sums[c] = 0;
        squares[c] = 0;
    }
Sums:
    for (unsigned pixel = 0; pixel < CONFIG_T::pixels; pixel++) {
        #pragma HLS PIPELINE II=1
        data_T in = data.read();
        for (unsigned c = 0; c < CONFIG_T::n_chan; c++) {
            #pragma HLS UNROLL
            const typename CONFIG_T::integer_t x = integer_behind<CONFIG_T>(in[c]);
            image[pixel][c] = x;
            sums[c] += x;
            squares[c] += x * x;
        }
    }
Roots:
    for (unsigned c = 0; c < CONFIG_T::n_chan; c++) {
        #pragma HLS PIPELINE
        const square_t n = CONFIG_T::pixels;
        const square_t epsilon = CONFIG_T::epsilon();
        unsigned m;
        normalised<CONFIG_T>(n * squares[c] - sums[c] * sums[c] + epsilon, m, shifts[c]);
        roots[c] = CONFIG_T::root(m - CONFIG_T::first).to_uint();
    }
Quotients:
    for (unsigned pixel = 0; pixel < CONFIG_T::pixels; pixel++) {
        #pragma HLS PIPELINE II=1
        res_T out;
        PRAGMA_DATA_PACK(out)
        for (unsigned c = 0; c < CONFIG_T::n_chan; c++) {
            #pragma HLS UNROLL
            const deviation_t deviation = deviation_t(CONFIG_T::pixels) * image[pixel][c] - sums[c];
            out[c] = quotient<CONFIG_T, typename res_T::value_type>(deviation, roots[c], shifts[c]);
        }
        res.write(out);
    }
}

// y = x / sqrt(max(sum of squares, 1))
template <class data_T, class res_T, typename CONFIG_T>
void sphere_cl(hls::stream<data_T> &data, hls::stream<res_T> &res) {
    data_T in = data.read();
    typename CONFIG_T::square_t square = 0;
    typename CONFIG_T::integer_t x[CONFIG_T::n_chan];
Squares:
    for (unsigned c = 0; c < CONFIG_T::n_chan; c++) {
        #pragma HLS UNROLL
        x[c] = integer_behind<CONFIG_T>(in[c]);
        square += x[c] * x[c];
    }
    if (square == 0)
        square = 1;
    unsigned m;
    int s;
    normalised<CONFIG_T>(square, m, s);
    const unsigned root = CONFIG_T::root(m - CONFIG_T::first).to_uint();
    res_T out;
    PRAGMA_DATA_PACK(out)
Quotients:
    for (unsigned c = 0; c < CONFIG_T::n_chan; c++) {
        #pragma HLS UNROLL
        out[c] = quotient<CONFIG_T, typename res_T::value_type>(x[c], root, s);
    }
    res.write(out);
}

} // namespace nnet

#endif
