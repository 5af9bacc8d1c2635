#ifndef TRIGFORGE_PIXELWISE_STREAM_H_
#define TRIGFORGE_PIXELWISE_STREAM_H_

// Operations on streamed images that treat every pixel by itself: channels are worked on in parallel,
// one pixel per clock. What becomes of a value says element_T, one of nnet_elements.h.

#include "hls_stream.h"
#include "nnet_elements.h"

namespace nnet {

// y from x, value by value
template <class element_T, class data_T, class res_T, typename CONFIG_T>
void each_cl(hls::stream<data_T> &data, hls::stream<res_T> &res) {
Each:
    for (unsigned pixel = 0; pixel < CONFIG_T::pixels; pixel++) {
        #pragma HLS PIPELINE II=1
        data_T in = data.read();
        res_T out;
        PRAGMA_DATA_PACK(out)
        for (unsigned c = 0; c < CONFIG_T::n_chan; c++) {
            #pragma HLS UNROLL
            element_T::template apply<CONFIG_T>(in[c], c, out[c]);
        }
        res.write(out);
    }
}

// y from a and b, value by value
template <class element_T, class a_T, class b_T, class res_T, typename CONFIG_T>
void pair_cl(hls::stream<a_T> &left, hls::stream<b_T> &right, hls::stream<res_T> &res) {
Pair:
    for (unsigned pixel = 0; pixel < CONFIG_T::pixels; pixel++) {
        #pragma HLS PIPELINE II=1
        a_T a = left.read();
        b_T b = right.read();
        res_T out;
        PRAGMA_DATA_PACK(out)
        for (unsigned c = 0; c < CONFIG_T::n_chan; c++) {
            #pragma HLS UNROLL
            element_T::apply(a[c], b[c], out[c]);
        }
        res.write(out);
    }
}

// channels CONFIG_T::start to CONFIG_T::start + CONFIG_T::n_chan - 1
template <class data_T, class res_T, typename CONFIG_T>
void split_cl(hls::stream<data_T> &data, hls::stream<res_T> &res) {
Split:
    for (unsigned pixel = 0; pixel < CONFIG_T::pixels; pixel++) {
        #pragma HLS PIPELINE II=1
        data_T in = data.read();
        res_T out;
        PRAGMA_DATA_PACK(out)
        for (unsigned c = 0; c < CONFIG_T::n_chan; c++) {
            #pragma HLS UNROLL
            out[c] = in[CONFIG_T::start + c];
        }
        res.write(out);
    }
}

// the first CONFIG_T::kept channels are the input's, the others constant(i), i = pixel * others + k
template <class data_T, class res_T, typename CONFIG_T>
void append_cl(hls::stream<data_T> &data, hls::stream<res_T> &res) {
    static const unsigned others = CONFIG_T::n_chan - CONFIG_T::kept;
Append:
    for (unsigned pixel = 0; pixel < CONFIG_T::pixels; pixel++) {
        #pragma HLS PIPELINE II=1
        data_T in = data.read();
        res_T out;
        PRAGMA_DATA_PACK(out)
        for (unsigned c = 0; c < CONFIG_T::kept; c++) {
            #pragma HLS UNROLL
            out[c] = in[c];
        }
        for (unsigned k = 0; k < others; k++) {
            #pragma HLS UNROLL
            out[CONFIG_T::kept + k] = CONFIG_T::constant(pixel * others + k);
        }
        res.write(out);
    }
}

} // namespace nnet

#endif
