#ifndef TRIGFORGE_PIXELWISE_H_
#define TRIGFORGE_PIXELWISE_H_

// The operations of nnet_pixelwise_stream.h on whole images in registers (io_parallel). Every loop is
// unrolled by the pipeline around it.

#include "nnet_elements.h"

namespace nnet {

// y from x, value by value
template <class element_T, class data_T, class res_T, typename CONFIG_T>
void each_cl(data_T data[CONFIG_T::pixels * CONFIG_T::n_chan], res_T res[CONFIG_T::pixels * CONFIG_T::n_chan]) {
    #pragma HLS PIPELINE
    for (unsigned i = 0; i < CONFIG_T::pixels * CONFIG_T::n_chan; i++)
        element_T::template apply<CONFIG_T>(data[i], i % CONFIG_T::n_chan, res[i]);
}

// y from a and b, value by value
template <class element_T, class a_T, class b_T, class res_T, typename CONFIG_T>
void pair_cl(a_T left[CONFIG_T::pixels * CONFIG_T::n_chan], b_T right[CONFIG_T::pixels * CONFIG_T::n_chan],
             res_T res[CONFIG_T::pixels * CONFIG_T::n_chan]) {
    #pragma HLS PIPELINE
    for (unsigned i = 0; i < CONFIG_T::pixels * CONFIG_T::n_chan; i++)
        element_T::apply(left[i], right[i], res[i]);
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
