#ifndef TRIGFORGE_PIXELWISE_H_
#define TRIGFORGE_PIXELWISE_H_

// The operations of nnet_pixelwise_stream.h on whole images in registers (io_parallel). Every loop is
// unrolled by the pipeline around it.

#include "ap_int.h"

namespace nnet {

// y = x in another type; nothing below CONFIG_T::lowest or above CONFIG_T::highest
template <class data_T, class res_T, typename CONFIG_T>
void quantise_cl(data_T data[CONFIG_T::pixels * CONFIG_T::n_chan], res_T res[CONFIG_T::pixels * CONFIG_T::n_chan]) {
    #pragma HLS PIPELINE
    const res_T lowest = CONFIG_T::lowest;
    const res_T highest = CONFIG_T::highest;
    for (unsigned i = 0; i < CONFIG_T::pixels * CONFIG_T::n_chan; i++) {
        const typename CONFIG_T::wide_t x = data[i];
        res_T y = x;
        res[i] = y < lowest ? lowest : y > highest ? highest : y;
    }
}

// y = first(c) + step(c) for every threshold of channel c that x has reached
template <class data_T, class res_T, typename CONFIG_T>
void thresholds_cl(data_T data[CONFIG_T::pixels * CONFIG_T::n_chan], res_T res[CONFIG_T::pixels * CONFIG_T::n_chan]) {
    #pragma HLS PIPELINE
    for (unsigned i = 0; i < CONFIG_T::pixels * CONFIG_T::n_chan; i++) {
        const unsigned c = i % CONFIG_T::n_chan;
        unsigned reached = 0;
        for (unsigned k = 0; k < CONFIG_T::count; k++) {
            if (data[i] >= CONFIG_T::threshold(c * CONFIG_T::count + k))
                reached++;
        }
        res[i] = CONFIG_T::first(c) + CONFIG_T::step(c) * ap_uint<16>(reached);
    }
}

// y = x where x >= 0, slope(c) x elsewhere
template <class data_T, class res_T, typename CONFIG_T>
void prelu_cl(data_T data[CONFIG_T::pixels * CONFIG_T::n_chan], res_T res[CONFIG_T::pixels * CONFIG_T::n_chan]) {
    #pragma HLS PIPELINE
    for (unsigned i = 0; i < CONFIG_T::pixels * CONFIG_T::n_chan; i++) {
        if (data[i] >= 0)
            res[i] = data[i];
        else
            res[i] = data[i] * CONFIG_T::slope(i % CONFIG_T::n_chan);
    }
}

// y = factor(c) x + offset(c)
template <class data_T, class res_T, typename CONFIG_T>
void scale_cl(data_T data[CONFIG_T::pixels * CONFIG_T::n_chan], res_T res[CONFIG_T::pixels * CONFIG_T::n_chan]) {
    #pragma HLS PIPELINE
    for (unsigned i = 0; i < CONFIG_T::pixels * CONFIG_T::n_chan; i++) {
        const unsigned c = i % CONFIG_T::n_chan;
        res[i] = data[i] * CONFIG_T::factor(c) + CONFIG_T::offset(c);
    }
}

// y = x x
template <class data_T, class res_T, typename CONFIG_T>
void square_cl(data_T data[CONFIG_T::pixels * CONFIG_T::n_chan], res_T res[CONFIG_T::pixels * CONFIG_T::n_chan]) {
    #pragma HLS PIPELINE
    for (unsigned i = 0; i < CONFIG_T::pixels * CONFIG_T::n_chan; i++)
        res[i] = data[i] * data[i];
}

// y = entry(i), i the bits of x
template <class data_T, class res_T, typename CONFIG_T>
void lookup_cl(data_T data[CONFIG_T::pixels * CONFIG_T::n_chan], res_T res[CONFIG_T::pixels * CONFIG_T::n_chan]) {
    #pragma HLS PIPELINE
    for (unsigned i = 0; i < CONFIG_T::pixels * CONFIG_T::n_chan; i++) {
        ap_uint<CONFIG_T::in_bits> bits = data[i](CONFIG_T::in_bits - 1, 0);
        res[i] = CONFIG_T::entry(bits.to_uint());
    }
}

// y = a + b
template <class a_T, class b_T, class res_T, typename CONFIG_T>
void add_cl(a_T left[CONFIG_T::pixels * CONFIG_T::n_chan], b_T right[CONFIG_T::pixels * CONFIG_T::n_chan],
            res_T res[CONFIG_T::pixels * CONFIG_T::n_chan]) {
    #pragma HLS PIPELINE
    for (unsigned i = 0; i < CONFIG_T::pixels * CONFIG_T::n_chan; i++)
        res[i] = left[i] + right[i];
}

// y = a - b
template <class a_T, class b_T, class res_T, typename CONFIG_T>
void sub_cl(a_T left[CONFIG_T::pixels * CONFIG_T::n_chan], b_T right[CONFIG_T::pixels * CONFIG_T::n_chan],
            res_T res[CONFIG_T::pixels * CONFIG_T::n_chan]) {
    #pragma HLS PIPELINE
    for (unsigned i = 0; i < CONFIG_T::pixels * CONFIG_T::n_chan; i++)
        res[i] = left[i] - right[i];
}

// y = a b
template <class a_T, class b_T, class res_T, typename CONFIG_T>
void mul_cl(a_T left[CONFIG_T::pixels * CONFIG_T::n_chan], b_T right[CONFIG_T::pixels * CONFIG_T::n_chan],
            res_T res[CONFIG_T::pixels * CONFIG_T::n_chan]) {
    #pragma HLS PIPELINE
    for (unsigned i = 0; i < CONFIG_T::pixels * CONFIG_T::n_chan; i++)
        res[i] = left[i] * right[i];
}

// channels CONFIG_T::start to CONFIG_T::start + CONFIG_T::n_chan - 1 of CONFIG_T::in_chan
template <class data_T, class res_T, typename CONFIG_T>
void split_cl(data_T data[CONFIG_T::pixels * CONFIG_T::in_chan], res_T res[CONFIG_T::pixels * CONFIG_T::n_chan]) {
    #pragma HLS PIPELINE
    for (unsigned pixel = 0; pixel < CONFIG_T::pixels; pixel++) {
        for (unsigned c = 0; c < CONFIG_T::n_chan; c++)
            res[pixel * CONFIG_T::n_chan + c] = data[pixel * CONFIG_T::in_chan + CONFIG_T::start + c];
    }
}

// the first CONFIG_T::kept channels are the input's, the others constant(i), i = pixel * others + k
template <class data_T, class res_T, typename CONFIG_T>
void append_cl(data_T data[CONFIG_T::pixels * CONFIG_T::kept], res_T res[CONFIG_T::pixels * CONFIG_T::n_chan]) {
    #pragma HLS PIPELINE
    static const unsigned others = CONFIG_T::n_chan - CONFIG_T::kept;
    for (unsigned pixel = 0; pixel < CONFIG_T::pixels; pixel++) {
        for (unsigned c = 0; c < CONFIG_T::kept; c++)
            res[pixel * CONFIG_T::n_chan + c] = data[pixel * CONFIG_T::kept + c];
        for (unsigned k = 0; k < others; k++)
            res[pixel * CONFIG_T::n_chan + CONFIG_T::kept + k] = CONFIG_T::constant(pixel * others + k);
    }
}

} // namespace nnet

#endif
